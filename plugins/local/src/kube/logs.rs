//! What containers wrote: answered by whoever runs them.

use super::status::Result;
use axum::body::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde_json::Value;
use std::io;
use std::sync::Arc;

/// Gives what pods wrote.
pub(crate) trait PodLogs: Send + Sync {
    /// Opens the log of a container of `pod`. The stream ends at the end of the log, or, where it is
    /// followed, when the container has ended.
    fn open(
        &self,
        pod: Arc<Value>,
        options: LogOptions,
    ) -> BoxFuture<'static, Result<BoxStream<'static, io::Result<Bytes>>>>;
}

/// What of a log is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LogOptions {
    /// Which container; none where the pod has one only.
    pub(crate) container: Option<String>,
    /// Whether to go on as the container goes on.
    pub(crate) follow: bool,
    /// Whether what ran before the last restart is meant.
    pub(crate) previous: bool,
    /// How many lines before the end.
    pub(crate) tail_lines: Option<u64>,
    /// How many bytes at most.
    pub(crate) limit_bytes: Option<u64>,
    /// How many seconds before now.
    pub(crate) since_seconds: Option<u64>,
    /// Whether each line starts with its time.
    pub(crate) timestamps: bool,
}
