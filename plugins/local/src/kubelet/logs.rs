//! What pods wrote, for `kubectl logs`.

use super::Shared;
use crate::kube::object::{items, name, namespace, text, uid};
use crate::kube::resource::POD;
use crate::kube::{ApiError, LogOptions, PodLogs};
use axum::body::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use jiff::Timestamp;
use serde_json::Value;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, BufReader, SeekFrom};

/// How often a log that is followed is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A log is looked through from its end in pieces of this size.
const PIECE: u64 = 64 << 10;

/// The logs of this machine's pods.
#[derive(Debug)]
pub(super) struct Logs(pub(super) Arc<Shared>);

type Answer = Result<BoxStream<'static, io::Result<Bytes>>, ApiError>;

impl PodLogs for Logs {
    fn open(&self, pod: Arc<Value>, options: LogOptions) -> BoxFuture<'static, Answer> {
        let shared = self.0.clone();
        Box::pin(async move { open(shared, &pod, options).await })
    }
}

async fn open(shared: Arc<Shared>, pod: &Value, options: LogOptions) -> Answer {
    let first = || text(pod, "/spec/containers/0/name").to_owned();
    let container = options.container.clone().unwrap_or_else(first);
    if options.previous {
        let why = format!(
            "previous terminated container \"{container}\" in pod \"{}\" not found; \
                           one log holds all of its runs",
            name(pod)
        );
        return Err(ApiError::bad_request(why));
    }
    let path = shared.logs_of(pod).join(format!("{container}.log"));
    let mut file = match File::open(&path).await {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let why = format!(
                "container \"{container}\" in pod \"{}\" is waiting to start: {}",
                name(pod),
                waiting_for(pod, &container)
            );
            return Err(ApiError::bad_request(why));
        }
        Err(error) => return Err(ApiError::internal(error)),
    };
    if let Some(lines) = options.tail_lines {
        let from = last_lines(&path, lines).await.map_err(ApiError::internal)?;
        file.seek(SeekFrom::Start(from)).await.map_err(ApiError::internal)?;
    }
    let seconds = options.since_seconds.and_then(|seconds| i64::try_from(seconds).ok());
    let since = seconds.map(|seconds| Timestamp::now() - jiff::SignedDuration::from_secs(seconds));
    let reading = Reading {
        lines: BufReader::new(file),
        begun: Vec::new(),
        since,
        time: None,
        left: options.limit_bytes,
        pod: (namespace(pod).to_owned(), name(pod).to_owned(), uid(pod).to_owned()),
        shared,
        options,
    };
    let lines = stream::unfold(reading, |mut reading| async move {
        reading.next().await.map(|line| (line, reading))
    });
    Ok(lines.boxed())
}

fn waiting_for<'a>(pod: &'a Value, container: &str) -> &'a str {
    items(pod, "/status/containerStatuses")
        .iter()
        .find(|status| text(status, "/name") == container)
        .map_or("ContainerCreating", |status| text(status, "/state/waiting/reason"))
}

/// A log that is being read.
struct Reading {
    lines: BufReader<File>,
    /// The beginning of a line whose end is not written yet.
    begun: Vec<u8>,
    since: Option<Timestamp>,
    /// The time of the line that was read last.
    time: Option<Timestamp>,
    left: Option<u64>,
    pod: (String, String, String),
    shared: Arc<Shared>,
    options: LogOptions,
}

impl Reading {
    /// The next line that is wanted; `None` at the end.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            if self.left == Some(0) {
                return None;
            }
            let ended = self.has_ended();
            if let Err(error) = self.lines.read_until(b'\n', &mut self.begun).await {
                return Some(Err(error));
            }
            if self.begun.ends_with(b"\n") || (!self.begun.is_empty() && !self.options.follow) {
                let line = std::mem::take(&mut self.begun);
                match self.shown(line) {
                    Some(line) => return Some(Ok(line)),
                    None => continue,
                }
            }
            // Asked before it was read: what was written until then was read.
            if !self.options.follow || ended {
                return None;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Whether nothing more will be written.
    fn has_ended(&self) -> bool {
        let (namespace, name, id) = &self.pod;
        let pod = self.shared.objects.get(&POD, namespace, name);
        pod.is_none_or(|pod| uid(&pod) != id) || self.shared.stop.is_cancelled()
    }

    /// A line as it was asked for; none where it is too old.
    fn shown(&mut self, line: Vec<u8>) -> Option<Bytes> {
        // A line without a time belongs to the one before.
        self.time = time_of(&line).or(self.time);
        if let (Some(since), Some(time)) = (self.since, self.time)
            && time < since
        {
            return None;
        }
        let mut shown = match self.time {
            Some(time) if self.options.timestamps => format!("{time:.9} ").into_bytes(),
            _ => Vec::new(),
        };
        shown.extend(line);
        if let Some(left) = &mut self.left {
            shown.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= shown.len() as u64;
        }
        Some(shown.into())
    }
}

/// The time that PostgreSQL writes before a line: `2026-01-31 12:00:00.123 UTC`.
fn time_of(line: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(line.get(..23)?).ok()?;
    let (date, time) = text.split_once(' ')?;
    format!("{date}T{time}Z").parse().ok()
}

/// Where the last `count` lines of a file begin.
async fn last_lines(path: &Path, count: u64) -> io::Result<u64> {
    let mut file = File::open(path).await?;
    let length = file.metadata().await?.len();
    if count == 0 {
        return Ok(length);
    }
    let mut end = length;
    let mut left = count;
    while end > 0 {
        let start = end.saturating_sub(PIECE);
        file.seek(SeekFrom::Start(start)).await?;
        let mut piece = Vec::new();
        (&mut file).take(end - start).read_to_end(&mut piece).await?;
        for (place, _) in piece.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let after = start + place as u64 + 1;
            // The end of the last line is the beginning of none.
            if after == length {
                continue;
            }
            left = left.saturating_sub(1);
            if left == 0 {
                return Ok(after);
            }
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::{last_lines, time_of};

    #[tokio::test]
    async fn the_last_lines_are_found_from_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut text = "x".repeat(100_000);
        text.push_str("\none\ntwo\n");
        std::fs::write(&path, &text).unwrap();
        for (count, rest) in [(0, ""), (1, "two\n"), (2, "one\ntwo\n"), (3, text.as_str())] {
            let from = last_lines(&path, count).await.unwrap();
            assert_eq!(&text[usize::try_from(from).unwrap()..], rest, "{count}");
        }
        std::fs::write(&path, "one\ntwo").unwrap();
        assert_eq!(last_lines(&path, 1).await.unwrap(), 4);
    }

    #[test]
    fn a_lines_time_is_read() {
        let time = time_of(b"2026-01-31 12:00:00.123 UTC [7] LOG:  x\n").unwrap();
        assert_eq!(time.to_string(), "2026-01-31T12:00:00.123Z");
        assert!(time_of(b"\tcontinued\n").is_none());
    }
}
