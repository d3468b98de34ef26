//! The port: connections are taken, served, and ended in order.
//!
//! Each phase of a connection has its limit: a request's head ([`HEAD_TIMEOUT`], which is also how
//! long a connection may be silent between two requests), its body (`body`), the answer as far as
//! it waits for the client (`activity`). How many connections there may be is in `connections`.

use super::activity::RequestUnderWay;
use super::connections::{Connections, Place, Pool};
use super::gate::{Local, Peer};
use super::stream::ClientStream;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A client has this long to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The same on a connection that may only probe.
const PROBE_HEAD_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest head, and what is held of an answer before the client takes it.
const MAX_BUFFER_BYTES: usize = 128 * 1024;
/// Connections that were shed, and whose descriptors have not been closed yet.
const MAX_CLOSING: usize = 16;
/// After a failure to take a connection, such as no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`; what is under way then has `drain` to end.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    connections: Connections,
    stop: CancellationToken,
    drain: Duration,
) {
    let graceful = GracefulShutdown::new();
    let descriptors = Arc::new(Semaphore::new(connections.limits().all() + MAX_CLOSING));
    loop {
        let taken = tokio::select! {
            () = stop.cancelled() => break,
            taken = take(&listener, &descriptors, &connections) => taken,
        };
        let Some((stream, place, descriptor)) = taken else { continue };
        let Some(served) = connection(stream, &place, &router) else { continue };
        let served = graceful.watch(served);
        let counts = connections.clone();
        tokio::spawn(async move {
            tokio::select! {
                served = served => if let Err(error) = served {
                    if place.activity.is_stalled() {
                        counts.counts().write_timed_out();
                    }
                    tracing::debug!(%error, "a connection broke");
                },
                () = place.shed() => {}
            }
            // The connection is closed by now.
            drop((place, descriptor));
        });
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way after {} s", drain.as_secs_f32());
    }
}

async fn take(
    listener: &TcpListener,
    descriptors: &Arc<Semaphore>,
    connections: &Connections,
) -> Option<(TcpStream, Place, OwnedSemaphorePermit)> {
    let descriptor = descriptors.clone().acquire_owned().await.ok()?;
    loop {
        let pause = connections.pause();
        if pause.is_zero() {
            break;
        }
        tokio::time::sleep(pause).await;
    }
    if connections.is_full() {
        // What the others brought meanwhile is read first, before one of them has to go.
        tokio::task::yield_now().await;
    }
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, connections.admit(peer.ip()), descriptor)),
        Err(error) => {
            connections.counts().accept_failed(&error);
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// One connection, to be driven.
fn connection(
    stream: TcpStream,
    place: &Place,
    router: &Router,
) -> Option<impl GracefulConnection<Error = hyper::Error> + Send + 'static> {
    // One that is gone already has no address.
    let local = Local(stream.local_addr().ok()?);
    let (activity, pool) = (place.activity.clone(), place.pool);
    let stream = ClientStream::new(stream, activity.clone());
    let router = router.clone();
    let has_asked = AtomicBool::new(false);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let under_way = activity.begin_request();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(local);
        request.extensions_mut().insert(Peer { activity: activity.clone(), pool });
        let answered = router.clone().oneshot(request);
        let asks_again = has_asked.swap(true, Ordering::Relaxed);
        async move {
            // Whoever sends many requests in one go waits behind everybody else with each of them.
            if asks_again {
                tokio::task::yield_now().await;
            }
            let response: Response<Body> = answered.await?;
            Ok::<_, std::convert::Infallible>(
                response.map(|body| AnswerBody { body, _under_way: under_way }),
            )
        }
    });
    let only_probes = pool == Pool::Probes;
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(if only_probes { PROBE_HEAD_TIMEOUT } else { HEAD_TIMEOUT })
        .keep_alive(!only_probes)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    Some(connection)
}

/// An answer's body; the request is under way until it was taken whole.
struct AnswerBody {
    body: Body,
    _under_way: RequestUnderWay,
}

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
