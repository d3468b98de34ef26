//! One request, with a deadline and an error that says what it was for.

use crate::control::broken::Broken;
use std::future::Future;
use std::time::Duration;

/// How long one request may take.
const WITHIN: Duration = Duration::from_secs(20);

/// Waits for a request's answer.
///
/// # Errors
/// What the server or the way to it says; a missing right by its verb and resource.
pub(super) async fn call<T>(
    verb: &str,
    resource: &str,
    namespace: &str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, Broken> {
    match tokio::time::timeout(WITHIN, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(explain(verb, resource, namespace, &error)),
        Err(_) => {
            let seconds = WITHIN.as_secs();
            Err(Broken::passing(format!("Kubernetes did not {verb} {resource} within {seconds} s")))
        }
    }
}

/// Like [`call`], with `None` for what is not there.
///
/// # Errors
/// As [`call`].
pub(super) async fn call_opt<T>(
    verb: &str,
    resource: &str,
    namespace: &str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<Option<T>, Broken> {
    let request = async {
        match request.await {
            Ok(answer) => Ok(Some(answer)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error),
        }
    };
    call(verb, resource, namespace, request).await
}

fn explain(verb: &str, resource: &str, namespace: &str, error: &kube::Error) -> Broken {
    let kube::Error::Api(status) = error else {
        let cause = toygres_plugin_api::error::root_cause(error);
        return Broken::passing(format!(
            "Kubernetes cannot be reached: {cause} (when asked to {verb} {resource})"
        ));
    };
    let said = &status.message;
    match status.code {
        // A quota is answered as forbidden too, and no right would help against it.
        403 if !said.contains("exceeded quota") => Broken::lasting(format!(
            "forbidden: needs `{verb}` on `{resource}` in namespace `{namespace}`"
        )),
        401 => Broken::lasting("Kubernetes does not know who this server is: its token is refused"),
        409 | 429 | 500..=599 => Broken::passing(format!("cannot {verb} {resource}: {said}")),
        _ => Broken::lasting(format!("cannot {verb} {resource}: {said}")),
    }
}

#[cfg(test)]
mod tests {
    use super::explain;
    use kube::core::Status;

    fn said(code: u16, message: &str) -> String {
        let status = Status { code, message: message.to_owned(), ..Status::default() };
        explain("create", "secrets", "toygres", &kube::Error::Api(Box::new(status))).to_string()
    }

    #[test]
    fn a_missing_right_is_named_and_lasts() {
        let forbidden = said(403, "secrets is forbidden: User \"x\" cannot create");
        assert_eq!(forbidden, "forbidden: needs `create` on `secrets` in namespace `toygres`");
        let quota = said(403, "exceeded quota: small");
        assert_eq!(quota, "cannot create secrets: exceeded quota: small");
    }

    #[test]
    fn what_may_pass_is_told_from_what_lasts() {
        assert_eq!(said(422, "no such field"), "cannot create secrets: no such field");
        assert_eq!(said(503, "busy"), "passing: cannot create secrets: busy");
        assert_eq!(said(429, "slow down"), "passing: cannot create secrets: slow down");
    }
}
