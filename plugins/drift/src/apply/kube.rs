//! Steps that change Kubernetes or ask the server: nothing is ever deleted.

use super::password::random_text;
use super::{Applying, Password, StepOutcome, reset};
use crate::plan::Step;
use crate::read::kube::{ask, get, malformed, object, path};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use toygres_model::drift::Piece;
use toygres_model::kubernetes::{APP, APP_LABEL, Desired, INSTANCE_LABEL};
use toygres_plugin_api::{Error, ErrorKind, Result};

impl Applying<'_> {
    /// Makes the Secret of an instance that has none.
    pub(super) async fn keep_password(
        &self,
        step: &Step,
        password: &Password,
    ) -> Result<StepOutcome> {
        let secret = desired(step, true, None).secret(password.text());
        self.make(step, Piece::Secret, &secret).await
    }

    /// Makes the Service of an instance that has lost it.
    pub(super) async fn make_service(
        &self,
        step: &Step,
        load_balancer: bool,
        dns_label: Option<&str>,
    ) -> Result<StepOutcome> {
        let service = desired(step, load_balancer, dns_label).service();
        self.make(step, Piece::Service, &service).await
    }

    /// Makes the StatefulSet of an instance that has lost it; its pod mounts the claim that is there.
    pub(super) async fn make_stateful_set(
        &self,
        step: &Step,
        version: &str,
        image: &str,
    ) -> Result<StepOutcome> {
        let desired = Desired { version, image, ..desired(step, true, None) };
        self.make(step, Piece::StatefulSet, &desired.stateful_set()).await
    }

    /// Restarts an instance's pod so that PostgreSQL gets the password of its Secret, which is made
    /// with a new one where there is none. The pod is changed first: until there is a Secret it waits,
    /// and whatever ends this run in between, another one goes on.
    pub(super) async fn reset_password(
        &self,
        step: &Step,
        has_secret: bool,
    ) -> Result<StepOutcome> {
        let service = self.ctx.kube_service();
        let set = get(&service, &step.namespace, Piece::StatefulSet, &step.k8s_name).await?;
        let set = set
            .ok_or_else(|| Error::failed(format!("the StatefulSet `{}` is gone", step.k8s_name)))?;
        let set: Value = serde_json::from_slice(&set)?;
        let patch = reset::patch(&set, &random_text()?)?;
        let request = Request::patch(object(&step.namespace, Piece::StatefulSet, &step.k8s_name)?)
            .header("content-type", "application/strategic-merge-patch+json")
            .body(Full::new(Bytes::from(patch.to_string())))
            .map_err(malformed)?;
        ask(&self.ctx.kube_service_writing(self.confirmed), request).await?;
        if !has_secret {
            let password = Password::generated(random_text()?);
            self.keep_password(step, &password).await?;
        }
        Ok(StepOutcome::Done)
    }

    /// Makes an object; one of this name that is there already is left as it is.
    async fn make(&self, step: &Step, piece: Piece, document: &Value) -> Result<StepOutcome> {
        let request = Request::post(path(&step.namespace, piece)?)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(document.to_string())))
            .map_err(malformed)?;
        match ask(&self.ctx.kube_service_writing(self.confirmed), request).await {
            Ok(_) => Ok(StepOutcome::Done),
            Err(error) if error.causes.iter().any(|cause| cause.contains("already exists")) => {
                Ok(StepOutcome::Already)
            }
            Err(error) => Err(error),
        }
    }

    /// Puts the labels back, if the object is still as it was.
    pub(super) async fn restore_labels(
        &self,
        step: &Step,
        piece: &str,
        name: &str,
        version: &str,
    ) -> Result<StepOutcome> {
        let piece = Piece::ALL.iter().find(|it| it.label() == piece).copied();
        let piece =
            piece.ok_or_else(|| Error::usage("the plan names an unknown sort of object"))?;
        let patch = json!({"metadata": {
            "resourceVersion": version,
            "labels": {APP_LABEL: APP, INSTANCE_LABEL: step.k8s_name},
        }});
        let request = Request::patch(object(&step.namespace, piece, name)?)
            .header("content-type", "application/merge-patch+json")
            .body(Full::new(Bytes::from(patch.to_string())))
            .map_err(malformed)?;
        ask(&self.ctx.kube_service_writing(self.confirmed), request)
            .await
            .map(|_| StepOutcome::Done)
    }

    /// Has the server start an orchestration that watches over an instance; where one does already,
    /// the server says so.
    pub(super) async fn start_monitor(&self, step: &Step) -> Result<StepOutcome> {
        let path = format!("/api/instances/{}/monitor", step.k8s_name);
        let answer = self.ctx.api().post(&path, &json!({}), self.confirmed).await?;
        let unknown = matches!(answer.status, 404 | 405);
        let answered: Result<Value> = answer.ok();
        match answered {
            Ok(answer) if answer["started"] == json!(false) => Ok(StepOutcome::Already),
            Ok(_) => Ok(StepOutcome::Done),
            Err(error) if unknown && error.kind != ErrorKind::NotFound => Err(too_old(error)),
            Err(error) if error.message.contains("no path") => Err(too_old(error)),
            Err(error) => Err(error),
        }
    }
}

fn too_old(error: Error) -> Error {
    Error::failed("the server cannot start a health monitor")
        .cause(error.message)
        .hint("it is of an older release: install this one and `toygres server restart`")
}

fn desired<'a>(step: &'a Step, load_balancer: bool, dns_label: Option<&'a str>) -> Desired<'a> {
    Desired {
        id: &step.id,
        k8s_name: &step.k8s_name,
        namespace: &step.namespace,
        version: "",
        image: "",
        storage_gb: 0,
        storage_class: None,
        load_balancer,
        dns_label,
    }
}
