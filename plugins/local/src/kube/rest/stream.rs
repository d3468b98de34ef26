//! Watches: a line for each change.

use super::accept::Shape;
use super::respond::{self, Include};
use super::{Asked, accept};
use crate::kube::api::ApiServer;
use crate::kube::object;
use crate::kube::resource::Resource;
use crate::kube::selectors::Selection;
use crate::kube::status::{ApiError, Result};
use crate::kube::storage::{Change, Expired};
use crate::kube::watch::Feed;
use axum::body::{Body, Bytes};
use axum::http::Response;
use futures_util::stream;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch as signal;
use tokio::time::Instant;

/// How long a watch lasts where the client does not say.
const LASTS: Duration = Duration::from_secs(30 * 60);

/// How often a client is told how far it is.
const BOOKMARKS: Duration = Duration::from_secs(60);

/// What a watch is, between two pieces of its answer.
struct Watching {
    feed: Feed,
    lines: Lines,
    /// Objects that are there at the start.
    first: Option<Vec<Arc<Value>>>,
    /// Whether the client wants to know where those end.
    marks_first: bool,
    bookmarks: bool,
    next_bookmark: Instant,
    end: Instant,
    stopped: signal::Receiver<bool>,
    done: bool,
}

/// What a watch waited for.
enum Woken {
    Stopped,
    Changes(Result<Vec<Change>, Expired>),
    /// It is time for a bookmark, or for the end.
    Time,
}

/// How changes are written.
struct Lines {
    resource: &'static Resource,
    selection: Selection,
    shape: Shape,
    include: Include,
    /// Whether columns were told.
    told: bool,
}

/// Starts a watch.
pub(super) fn watch(
    server: &ApiServer,
    resource: &'static Resource,
    namespace: Option<String>,
    asked: &Asked,
) -> Result<Response<Body>> {
    let query = &asked.query;
    let (shape, _) = accept::wanted(&asked.accept)?;
    let lines = Lines {
        resource,
        selection: query.selection(resource)?,
        shape,
        include: Include::parse(query.text("includeObject"))?,
        told: false,
    };
    let mut feed = Feed::new(server.clone(), resource, namespace);
    let marks_first = query.flag("sendInitialEvents")?;
    let first = match query.number("resourceVersion")?.unwrap_or_default() {
        version if version > 0 && !marks_first => {
            feed.go_to(version);
            None
        }
        _ => Some(feed.restart()),
    };
    let lasts = query.number("timeoutSeconds")?.filter(|seconds| *seconds > 0);
    let now = Instant::now();
    let end = lasts.and_then(|seconds| now.checked_add(Duration::from_secs(seconds)));
    let bookmarks = query.flag("allowWatchBookmarks")?;
    let watching = Watching {
        feed,
        lines,
        first,
        marks_first: marks_first && bookmarks,
        bookmarks,
        next_bookmark: now + BOOKMARKS,
        end: end.unwrap_or(now + LASTS),
        stopped: server.stopped(),
        done: false,
    };
    let pieces = stream::unfold(watching, |mut watching| async {
        let piece = watching.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(piece)), watching))
    });
    Ok(respond::bytes(200, "application/json", Body::from_stream(pieces)))
}

impl Watching {
    /// The next piece of the answer; none at its end.
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if self.done {
                return None;
            }
            if let Some(objects) = self.first.take() {
                let piece = self.start(&objects);
                // The answer begins at once, be there something to say or not.
                return Some(piece);
            }
            match self.wait().await {
                Woken::Stopped => return None,
                Woken::Changes(changes) => {
                    let piece = self.changes(changes);
                    if !piece.is_empty() {
                        return Some(piece);
                    }
                }
                Woken::Time => {
                    self.done = Instant::now() >= self.end;
                    self.next_bookmark = Instant::now() + BOOKMARKS;
                    if self.bookmarks {
                        return Some(self.bookmark(false));
                    }
                }
            }
        }
    }

    /// Waits for what comes first.
    async fn wait(&mut self) -> Woken {
        let wake = if self.bookmarks { self.next_bookmark.min(self.end) } else { self.end };
        tokio::select! {
            biased;
            _ = self.stopped.wait_for(|stopped| *stopped) => Woken::Stopped,
            changes = self.feed.next() => Woken::Changes(changes),
            () = tokio::time::sleep_until(wake) => Woken::Time,
        }
    }

    fn start(&mut self, objects: &[Arc<Value>]) -> Vec<u8> {
        let mut piece = Vec::new();
        for object in objects {
            if self.lines.selection.matches(object) {
                piece.extend(self.lines.line("ADDED", object));
            }
        }
        if self.marks_first {
            piece.extend(self.bookmark(true));
        }
        piece
    }

    fn changes(&mut self, changes: Result<Vec<Change>, Expired>) -> Vec<u8> {
        match changes {
            Ok(changes) => {
                changes.iter().filter_map(|change| self.lines.change(change)).flatten().collect()
            }
            Err(expired) => {
                self.done = true;
                let error = ApiError::expired(format!(
                    "too old resource version: {} ({})",
                    expired.wanted, expired.oldest
                ));
                event("ERROR", &error.to_value())
            }
        }
    }

    /// Says up to which version the client has seen everything.
    fn bookmark(&self, first: bool) -> Vec<u8> {
        let resource = self.lines.resource;
        let mut object = json!({
            "kind": resource.kind, "apiVersion": resource.api_version(),
            "metadata": {"resourceVersion": self.feed.version().to_string()},
        });
        if first {
            object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        if let Shape::Partial(version) = self.lines.shape {
            object["kind"] = "PartialObjectMetadata".into();
            object["apiVersion"] = format!("meta.k8s.io/{version}").into();
        }
        event("BOOKMARK", &object)
    }
}

impl Lines {
    /// The line of a change, where it concerns what is selected: an object that comes to be selected
    /// is new to the client, one that ceases to be is gone.
    fn change(&mut self, change: &Change) -> Option<Vec<u8>> {
        let selected = |object: &Value| self.selection.matches(object);
        let before = change.before.as_ref().filter(|object| selected(object));
        let after = Some(&change.after).filter(|object| !change.removed && selected(object));
        let line = match (before, after) {
            (None, None) => return None,
            (None, Some(after)) => self.line("ADDED", after),
            (Some(_), Some(after)) => self.line("MODIFIED", after),
            (Some(_), None) if change.removed => self.line("DELETED", &change.after),
            (Some(before), None) => {
                let mut last = Value::clone(before);
                let version = change.version.to_string();
                object::metadata(&mut last).insert("resourceVersion".into(), version.into());
                self.line("DELETED", &Arc::new(last))
            }
        };
        Some(line)
    }

    fn line(&mut self, kind: &str, object: &Arc<Value>) -> Vec<u8> {
        let columns = !std::mem::replace(&mut self.told, true);
        let shaped = respond::shaped(self.resource, object, self.shape, self.include, columns);
        event(kind, &shaped)
    }
}

fn event(kind: &str, object: &Value) -> Vec<u8> {
    let mut line = format!("{{\"type\":\"{kind}\",\"object\":{object}}}").into_bytes();
    line.push(b'\n');
    line
}
