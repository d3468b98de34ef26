//! Kubernetes, lent by the host: an HTTP service over the border for any version of `kube`.

use super::Context;
use crate::abi::{BodyObject, HttpRequest};
use crate::error::{Error, Result};
use crate::protocol::{CONFIRMED_HEADER, Confirmed};
use abi_stable::std_types::{ROption, RResult, Tuple2};
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use std::pin::Pin;
use std::task::Poll;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Context {
    /// The typed client of the `kube` crate over the host's connection: credentials, TLS and
    /// deadlines stay with the host.
    ///
    /// # Errors
    /// When no cluster is configured.
    #[cfg(feature = "kube")]
    pub async fn kube(&self) -> Result<kube::Client> {
        let target = self.kube_target().await?;
        Ok(kube::Client::new(self.kube_service(), target.namespace))
    }

    /// The typed client with the right to write.
    ///
    /// # Errors
    /// When no cluster is configured.
    #[cfg(feature = "kube")]
    pub async fn kube_writing(&self, confirmed: &Confirmed) -> Result<kube::Client> {
        let target = self.kube_target().await?;
        Ok(kube::Client::new(self.kube_service_writing(confirmed), target.namespace))
    }

    /// The same connection as a tower service, for another version of `kube`:
    /// `kube::Client::new(ctx.kube_service(), namespace)`.
    #[must_use]
    pub fn kube_service(&self) -> KubeService {
        KubeService { context: self.clone(), confirmed: None }
    }

    /// The same service with the right to write.
    #[must_use]
    pub fn kube_service_writing(&self, confirmed: &Confirmed) -> KubeService {
        KubeService { context: self.clone(), confirmed: Some(confirmed.clone()) }
    }
}

/// An HTTP service that the host forwards to the Kubernetes API server.
#[derive(Debug, Clone)]
pub struct KubeService {
    context: Context,
    confirmed: Option<Confirmed>,
}

impl<B> tower_service::Service<http::Request<B>> for KubeService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<UnsyncBoxBody<Bytes, BoxError>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let Self { context, confirmed } = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(Into::into)?.to_bytes();
            let headers = parts.headers.iter().map(|(name, value)| {
                Tuple2(name.as_str().into(), value.as_bytes().to_vec().into())
            });
            let confirmed = confirmed.map(|confirmed| {
                Tuple2(CONFIRMED_HEADER.into(), confirmed.token.into_bytes().into())
            });
            let response = context
                .host()
                .kube(HttpRequest {
                    method: parts.method.as_str().into(),
                    uri: parts.uri.to_string().into(),
                    headers: headers.chain(confirmed).collect(),
                    body: body.to_vec().into(),
                })
                .await;
            if response.status == 0 {
                return Err(refusal(&response.body).await.into());
            }
            let mut answer = http::Response::builder().status(response.status);
            for Tuple2(name, value) in response.headers {
                answer = answer.header(name.as_str(), value.as_slice());
            }
            Ok(answer.body(pieces(response.body))?)
        })
    }
}

/// The error that the host put in place of a response.
async fn refusal(body: &BodyObject) -> Error {
    match body.next().await {
        ROption::RSome(RResult::ROk(bytes)) => serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Error::unavailable("Kubernetes cannot be reached")),
        ROption::RSome(RResult::RErr(text)) => Error::unavailable(text.to_string()),
        ROption::RNone => Error::unavailable("Kubernetes cannot be reached"),
    }
}

/// The body's pieces as the `http-body` crate knows them.
fn pieces(body: BodyObject) -> UnsyncBoxBody<Bytes, BoxError> {
    let stream = futures_util::stream::unfold(body, |body| async move {
        match body.next().await {
            ROption::RNone => None,
            ROption::RSome(RResult::ROk(bytes)) => {
                Some((Ok(Frame::data(Bytes::from(bytes.into_vec()))), body))
            }
            ROption::RSome(RResult::RErr(text)) => {
                Some((Err(BoxError::from(text.into_string())), body))
            }
        }
    });
    BodyExt::boxed_unsync(StreamBody::new(stream))
}
