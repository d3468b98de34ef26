//! Requests for objects and collections.

use super::respond::{self, Include};
use super::{Asked, accept, body, pods, reviews, stream};
use crate::kube::api::{ApiServer, WriteOptions, blocking};
use crate::kube::object::{name, namespace};
use crate::kube::patch::Patch;
use crate::kube::resource::{Key, Resource, Subresource};
use crate::kube::status::{ApiError, Result};
use crate::kube::verbs::{DeleteOptions, Part};
use axum::body::Body;
use axum::http::{Method, Response};
use serde_json::Value;

/// A request for all objects of a resource.
pub(super) async fn collection(
    server: &ApiServer,
    resource: &'static Resource,
    space: Option<String>,
    asked: Asked,
) -> Result<Response<Body>> {
    if resource.question {
        return reviews::answer(resource, &asked);
    }
    if asked.is_get() {
        if asked.query.flag("watch")? {
            return stream::watch(server, resource, space, &asked);
        }
        return list(server, resource, space, asked).await;
    }
    let placed = space.is_some() || !resource.namespaced;
    match asked.method {
        Method::POST if placed => create(server, resource, space.unwrap_or_default(), asked).await,
        Method::DELETE if placed => delete_all(server, resource, space, asked).await,
        _ => Err(ApiError::method_not_allowed()),
    }
}

async fn list(
    server: &ApiServer,
    resource: &'static Resource,
    space: Option<String>,
    asked: Asked,
) -> Result<Response<Body>> {
    let form = accept::wanted(&asked.accept)?;
    let include = Include::parse(asked.query.text("includeObject"))?;
    let options = asked.query.list_options(resource)?;
    let server = server.clone();
    // A long list takes long to write: that holds nobody up here.
    blocking(move || {
        let page = server.page(resource, space.as_deref(), &options)?;
        respond::page(resource, &page, form, include)
    })
    .await
}

async fn create(
    server: &ApiServer,
    resource: &'static Resource,
    space: String,
    asked: Asked,
) -> Result<Response<Body>> {
    let form = accept::wanted(&asked.accept)?;
    let object = body::object(resource, &asked.media, &asked.body)?;
    let (options, warns) = write_options(&asked)?;
    let server = server.clone();
    blocking(move || {
        let written = server.create_now(resource, &space, object, options)?;
        let response = respond::object(201, resource, &written.object, form, Include::Metadata)?;
        Ok(if warns { respond::warn(response, &written.unknown) } else { response })
    })
    .await
}

async fn delete_all(
    server: &ApiServer,
    resource: &'static Resource,
    space: Option<String>,
    asked: Asked,
) -> Result<Response<Body>> {
    let form = accept::wanted(&asked.accept)?;
    let selection = asked.query.list_options(resource)?;
    let options = delete_options(&asked)?;
    let server = server.clone();
    blocking(move || {
        let mut page = server.page(resource, space.as_deref(), &selection)?;
        for object in &mut page.items {
            let key = Key::new(resource, namespace(object), name(object));
            match server.delete_now(&key, &options) {
                Ok(deleted) => *object = deleted.object().clone(),
                // Somebody else was faster.
                Err(error) if error.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        respond::page(resource, &page, form, Include::Metadata)
    })
    .await
}

/// A request for one object.
pub(super) async fn object(server: &ApiServer, key: Key, asked: Asked) -> Result<Response<Body>> {
    match asked.method {
        Method::GET | Method::HEAD => read(server, &key, &asked),
        Method::PUT | Method::PATCH => write(server, key, Part::Whole, asked).await,
        Method::DELETE => delete(server, key, asked).await,
        _ => Err(ApiError::method_not_allowed()),
    }
}

/// A request for a part of one object.
pub(super) async fn part(
    server: &ApiServer,
    key: Key,
    part: Subresource,
    asked: Asked,
) -> Result<Response<Body>> {
    match (part, &asked.method) {
        (Subresource::Log, &Method::GET) => pods::log(server, &key, &asked).await,
        (Subresource::Scale, _) => super::scale::answer(server, key, asked).await,
        (Subresource::Status, &Method::GET) => read(server, &key, &asked),
        (Subresource::Status, &(Method::PUT | Method::PATCH)) => {
            write(server, key, Part::Status, asked).await
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}

fn read(server: &ApiServer, key: &Key, asked: &Asked) -> Result<Response<Body>> {
    let form = accept::wanted(&asked.accept)?;
    let include = Include::parse(asked.query.text("includeObject"))?;
    let found = server.get(key.resource, &key.namespace, &key.name)?;
    respond::object(200, key.resource, &found, form, include)
}

async fn write(server: &ApiServer, key: Key, part: Part, asked: Asked) -> Result<Response<Body>> {
    let form = accept::wanted(&asked.accept)?;
    let (options, warns) = write_options(&asked)?;
    let change = if asked.method == Method::PATCH {
        Change::Patch(Patch::parse(&body::essence(&asked.media), &asked.body)?)
    } else {
        Change::Object(body::object(key.resource, &asked.media, &asked.body)?)
    };
    let server = server.clone();
    blocking(move || {
        let written = match change {
            Change::Patch(patch) => server.patch_now(&key, part, &patch, options)?,
            Change::Object(object) => server.update_now(&key, part, object, options)?,
        };
        let response =
            respond::object(200, key.resource, &written.object, form, Include::Metadata)?;
        Ok(if warns { respond::warn(response, &written.unknown) } else { response })
    })
    .await
}

enum Change {
    Patch(Patch),
    Object(Value),
}

async fn delete(server: &ApiServer, key: Key, asked: Asked) -> Result<Response<Body>> {
    let form = accept::wanted(&asked.accept)?;
    let options = delete_options(&asked)?;
    let server = server.clone();
    blocking(move || {
        let deleted = server.delete_now(&key, &options)?;
        respond::deletion(key.resource, &deleted, form)
    })
    .await
}

/// How to write, and whether to warn of unknown fields.
pub(super) fn write_options(asked: &Asked) -> Result<(WriteOptions, bool)> {
    let dry_run = asked.query.dry_run()?;
    let (strict, warns) = match asked.query.text("fieldValidation") {
        "" | "Warn" => (false, true),
        "Ignore" => (false, false),
        "Strict" => (true, false),
        other => {
            let message = format!("fieldValidation: Unsupported value: \"{other}\"");
            return Err(ApiError::unprocessable(message));
        }
    };
    Ok((WriteOptions { dry_run, strict }, warns))
}

/// How to delete, from the body and the query.
fn delete_options(asked: &Asked) -> Result<DeleteOptions> {
    let mut value = body::optional(&asked.media, &asked.body)?;
    let query = &asked.query;
    let fields = crate::kube::object::as_map(&mut value);
    fields.retain(|_, value| !value.is_null());
    if let Some(seconds) = query.number("gracePeriodSeconds")? {
        fields.insert("gracePeriodSeconds".into(), seconds.into());
    }
    if !query.text("propagationPolicy").is_empty() {
        fields.insert("propagationPolicy".into(), query.text("propagationPolicy").into());
    }
    if let Some(policy) = fields.get("propagationPolicy") {
        check_policy(policy)?;
    }
    if query.dry_run()? {
        fields.insert("dryRun".into(), serde_json::json!(["All"]));
    }
    serde_json::from_value(value)
        .map_err(|error| ApiError::bad_request(format!("the options are unrecognized: {error}")))
}

fn check_policy(policy: &Value) -> Result<()> {
    if ["Background", "Foreground", "Orphan"].iter().any(|known| policy == known) {
        return Ok(());
    }
    Err(ApiError::unprocessable(format!(
        "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: {policy}: \
         supported values: \"Background\", \"Foreground\", \"Orphan\""
    )))
}
