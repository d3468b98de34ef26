//! Bodies of Kubernetes' answers, piece by piece and within limits.
//!
//! Whoever asked collects the pieces, and whoever answers need not be Kubernetes: an answer ends,
//! in bytes and in time. A watch goes on for as long as it is wanted, but each of its lines ends.

use async_ffi::{FfiFuture, FutureExt};
use http_body_util::BodyExt;
use kube::client::Body as KubeBody;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::Instant;
use toygres_plugin_api::abi::{Body, Piece, broken_piece, piece};

/// The largest answer: a list of some ten thousand objects.
const MAX_BODY_BYTES: usize = 128 * 1024 * 1024;
/// The longest line of an answer that goes on: one object, which Kubernetes holds below 2 MiB.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;
/// How long an answer that ends may take after it began.
const BODY_TIMEOUT: Duration = Duration::from_secs(120);

/// A body that is read piece by piece. Whoever reads it is on a thread of the plugin, where this
/// host's clock does not go: the host's own runtime reads for it.
#[derive(Clone)]
pub(super) struct Pieces {
    body: Arc<Mutex<LimitedBody>>,
    runtime: Option<Handle>,
}

struct LimitedBody {
    body: KubeBody,
    /// A watch, or a log that is followed: it ends when nobody wants it any more.
    goes_on: bool,
    /// Bytes so far; of an answer that goes on, those of its current line.
    bytes: usize,
    deadline: Instant,
}

impl Pieces {
    pub(super) fn new(body: KubeBody, goes_on: bool) -> Self {
        let deadline = Instant::now() + BODY_TIMEOUT;
        let body = LimitedBody { body, goes_on, bytes: 0, deadline };
        Self { body: Arc::new(Mutex::new(body)), runtime: Handle::try_current().ok() }
    }
}

impl Body for Pieces {
    fn next(&self) -> FfiFuture<Piece> {
        let body = self.body.clone();
        let Some(runtime) = &self.runtime else {
            // Made where nothing runs: it is held already.
            return async move { body.lock().await.frame().await }.into_ffi();
        };
        let reading = runtime.spawn(async move { body.lock().await.next().await });
        async move { reading.await.unwrap_or_else(|error| broken_piece(&error.to_string())) }
            .into_ffi()
    }
}

impl LimitedBody {
    async fn next(&mut self) -> Piece {
        if self.goes_on {
            return self.frame().await;
        }
        let deadline = self.deadline;
        let frame = tokio::time::timeout_at(deadline, self.frame()).await;
        frame.unwrap_or_else(|_| broken_piece("the answer did not end in time"))
    }

    async fn frame(&mut self) -> Piece {
        loop {
            return match self.body.frame().await {
                None => Piece::RNone,
                Some(Err(error)) => broken_piece(&error.to_string()),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => match self.count(&data) {
                        Ok(()) => piece(data.to_vec()),
                        Err(limit) => {
                            broken_piece(&format!("the answer is larger than {} MiB", limit >> 20))
                        }
                    },
                    // Trailers say nothing that a plugin reads.
                    Err(_) => continue,
                },
            };
        }
    }

    /// Counts these bytes; the limit where they pass it.
    fn count(&mut self, data: &[u8]) -> Result<(), usize> {
        let last_line = data.iter().rev().position(|byte| *byte == b'\n');
        self.bytes = match last_line.filter(|_| self.goes_on) {
            Some(bytes) => bytes,
            None => self.bytes.saturating_add(data.len()),
        };
        let limit = if self.goes_on { MAX_LINE_BYTES } else { MAX_BODY_BYTES };
        if self.bytes > limit { Err(limit) } else { Ok(()) }
    }
}

/// Whether the answer to a request goes on by itself: a watch, or a log that is followed.
pub(super) fn goes_on(uri: &str) -> bool {
    let query = uri.split_once('?').map(|(_, query)| query).unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        matches!(name.as_ref(), "watch" | "follow") && matches!(value.as_ref(), "true" | "1")
    })
}

#[cfg(test)]
mod tests {
    use super::{MAX_BODY_BYTES, MAX_LINE_BYTES, Pieces, goes_on};
    use kube::client::Body as KubeBody;

    #[test]
    fn watches_go_on_and_lists_end() {
        for (uri, expected) in [
            ("/api/v1/pods", false),
            ("/api/v1/pods?watch=true&limit=1", true),
            ("/api/v1/pods?watch=1", true),
            ("/api/v1/pods?watch=false", false),
            ("/api/v1/pods?labelSelector=watch%3Dtrue", false),
            ("/api/v1/namespaces/n/pods/p/log?follow=true", true),
        ] {
            assert_eq!(goes_on(uri), expected, "{uri}");
        }
    }

    #[tokio::test]
    async fn a_line_or_a_list_without_an_end_is_given_up() {
        let data = vec![b'x'; 1 << 20];
        for (going, limit) in [(true, MAX_LINE_BYTES), (false, MAX_BODY_BYTES)] {
            let pieces = Pieces::new(KubeBody::empty(), going);
            let mut body = pieces.body.lock().await;
            for _ in 0..limit >> 20 {
                assert_eq!(body.count(&data), Ok(()));
            }
            assert_eq!(body.count(b"\n"), if going { Ok(()) } else { Err(limit) });
            assert_eq!(body.count(b"x").is_ok(), going);
        }
    }
}
