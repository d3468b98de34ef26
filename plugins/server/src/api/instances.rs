//! Instances: create, list, get, delete.

use super::fault::Fault;
use super::query::Query;
use super::{Api, body, shown};
use crate::control::{Filter, Show};
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::json;
use std::convert::Infallible;
use toygres_model::instance::{Instance, NewInstance};
use toygres_plugin_api::Error;

type Answer = Result<Response, Fault>;

const FIELDS: &[&str] =
    &["name", "password", "version", "storage_gb", "load_balancer", "dns_label", "tags"];

/// `POST /api/instances`
pub(super) async fn create(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Answer {
    Query::read(query.as_deref(), &[])?;
    let wanted: NewInstance = body::read(request, FIELDS).await?;
    wanted
        .check()
        .map_err(|refusal| Fault::bad(Error::usage(refusal.message).hint(refusal.hint)))?;
    let plane = api.plane()?.clone();
    let created = change(&api, async move { plane.create(wanted).await }).await?;
    let mut answer = serde_json::to_value(&created.instance).map_err(Error::from)?;
    if let Some(password) = created.password {
        answer["password"] = password.into();
    }
    let place = format!("/api/instances/{}", created.instance.k8s_name);
    let mut response = (StatusCode::ACCEPTED, Json(answer)).into_response();
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// `GET /api/instances`
pub(super) async fn list(State(api): State<Api>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref(), &["state", "health", "all"])?;
    let filter = Filter {
        state: query.word("state")?,
        health: query.word("health")?,
        all: query.flag("all")?,
    };
    let instances = api.plane()?.list(&filter).await?;
    Ok(dated(&api, array(instances)).await)
}

/// What the clock of the metadata database shows, RFC 3339: times of instances are of that clock.
const CLOCK: &str = "toygres-clock";

/// An answer with that clock, where the database tells it.
async fn dated(api: &Api, mut response: Response) -> Response {
    let Ok(plane) = api.plane() else { return response };
    let shown = plane.clock().await.and_then(|shown| HeaderValue::from_str(&shown).ok());
    response.headers_mut().extend(shown.map(|shown| (HeaderName::from_static(CLOCK), shown)));
    response
}

/// `GET /api/instances/{name}`
pub(super) async fn get(
    State(api): State<Api>,
    name: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref(), &["show_password", "progress"])?;
    let show = Show { password: query.flag("show_password")?, progress: query.flag("progress")? };
    let instance = api.plane()?.get(&named(name)?, show).await?;
    Ok(dated(&api, Json(instance).into_response()).await)
}

/// `DELETE /api/instances/{name}`
pub(super) async fn delete(
    State(api): State<Api>,
    name: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Answer {
    Query::read(query.as_deref(), &[])?;
    let name = named(name)?;
    let plane = api.plane()?.clone();
    let instance = change(&api, async move { plane.delete(&name).await }).await?;
    Ok((StatusCode::ACCEPTED, Json(instance)).into_response())
}

/// `POST /api/instances/{name}/monitor`
pub(super) async fn monitor(
    State(api): State<Api>,
    name: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Answer {
    Query::read(query.as_deref(), &[])?;
    let name = named(name)?;
    let plane = api.plane()?.clone();
    let (id, started) = change(&api, async move { plane.watch(&name).await }).await?;
    let answer = json!({"orchestration_id": id, "started": started});
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// Does what changes something: it goes on to its end although whoever asked may hang up, or the
/// deadline pass.
async fn change<T: Send + 'static>(
    api: &Api,
    work: impl Future<Output = toygres_plugin_api::Result<T>> + Send + 'static,
) -> Result<T, Fault> {
    Ok(api.0.changes.spawn(work).await.map_err(Error::from)??)
}

fn named(name: Result<Path<String>, PathRejection>) -> Result<String, Fault> {
    let Ok(Path(name)) = name else {
        return Err(Fault::bad(Error::usage("the name in the path is not UTF-8")));
    };
    // No name has one, and PostgreSQL takes no NUL.
    if name.chars().any(char::is_control) {
        return Err(Error::not_found(format!("there is no instance `{}`", shown(&name))).into());
    }
    Ok(name)
}

/// How much of an array is written at once.
const PIECE: usize = 32 * 1024;

/// The instances as one array, written piece by piece.
fn array(instances: Vec<Instance>) -> Response {
    let mut rest = instances.into_iter().enumerate().peekable();
    let mut begun = false;
    let pieces = std::iter::from_fn(move || {
        if begun && rest.peek().is_none() {
            return None;
        }
        let mut piece = Vec::with_capacity(PIECE + 1024);
        if !begun {
            piece.push(b'[');
        }
        begun = true;
        while piece.len() < PIECE {
            let Some((n, instance)) = rest.next() else { break };
            if n > 0 {
                piece.push(b',');
            }
            // An instance is texts and numbers: writing it cannot fail.
            let _whole = serde_json::to_writer(&mut piece, &instance);
        }
        if rest.peek().is_none() {
            piece.push(b']');
        }
        Some(Ok::<_, Infallible>(Bytes::from(piece)))
    });
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::array;
    use axum::body::to_bytes;
    use serde_json::{Value, json};
    use toygres_model::instance::Instance;

    #[tokio::test]
    async fn an_array_in_pieces_is_the_array() {
        let one = json!({
            "name": "a", "k8s_name": "a-00000000", "id": "1", "namespace": "n", "state": "running",
            "health": "healthy", "postgres_version": "18", "running_version": "18.1",
            "storage_gb": 10, "load_balancer": true,
            "dns_name": null, "external_ip": null, "port": null, "connection_string": null,
            "create_orchestration_id": null, "delete_orchestration_id": null,
            "health_orchestration_id": null, "created_at": "t", "updated_at": "t",
            "deleted_at": null, "tags": {}, "message": null,
            "health_checked_at": null, "health_error": null, "observed": null,
        });
        for count in [0, 1, 2, 500] {
            let instances: Vec<Instance> =
                (0..count).map(|_| serde_json::from_value(one.clone()).unwrap()).collect();
            let body = to_bytes(array(instances).into_body(), usize::MAX).await.unwrap();
            let read: Vec<Value> = serde_json::from_slice(&body).unwrap();
            assert_eq!(read, vec![one.clone(); count]);
        }
    }
}
