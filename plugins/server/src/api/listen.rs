//! The port: connections are taken, served, and ended in order.

use super::gate::Local;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A client has this long to send a request's head.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Connections at a time; more wait to be taken.
const CONNECTIONS: usize = 1024;
/// After a failure to take a connection, such as no file left to open.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until `stop`; what is under way then has `drain` to end.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    drain: Duration,
) {
    let connections = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let taken = tokio::select! {
            () = stop.cancelled() => break,
            taken = take(&listener, &room) => taken,
        };
        let Some((stream, permit)) = taken else { continue };
        let served = connection(stream, &router);
        let Some(served) = served else { continue };
        let served = connections.watch(served);
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::debug!(%error, "a connection broke");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(drain, connections.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way after {} s", drain.as_secs_f32());
    }
}

async fn take(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be taken");
            tokio::time::sleep(BREATH).await;
            None
        }
    }
}

/// One connection, to be driven.
fn connection(
    stream: TcpStream,
    router: &Router,
) -> Option<
    impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send + 'static,
> {
    // One that is gone already has no address.
    let local = Local(stream.local_addr().ok()?);
    let _slower_then = stream.set_nodelay(true);
    let router = router.clone();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(local);
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    Some(connection)
}
