//! What a command says, as an HTTP answer.

use super::underway::CommandUnderWay;
use crate::api::fault::Fault;
use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use toygres_plugin_api::context::object;
use toygres_plugin_api::protocol::{Confirm, Line};
use toygres_plugin_api::report::{Note, StreamColumn, StreamRef, Verdict};
use toygres_plugin_api::{Error, ErrorKind, Report};

/// What the answer means, where the status cannot say it.
const VERDICT: &str = "toygres-verdict";
/// A remark beside the data; one header each.
const NOTE: &str = "toygres-note";
/// There are more rows than were asked for.
const MORE: &str = "toygres-more";

/// Line by line, as they come. What is in the way of the next one is a line too, and the last.
pub(super) fn lines(command: CommandUnderWay) -> Response {
    let pieces = stream::try_unfold(Some(command), async |command| {
        let Some(mut command) = command else { return Ok(None) };
        let (mut line, rest) = match command.text().await {
            Ok(None) => return Ok(None),
            Ok(Some(line)) => (line, Some(command)),
            Err(error) => (serde_json::to_string(&Line::Error(error))?, None),
        };
        line.push('\n');
        Ok::<_, Error>(Some((Bytes::from(line), rest)))
    });
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))];
    (kind, Body::from_stream(pieces)).into_response()
}

/// The command's data as one JSON document.
pub(super) async fn json(mut command: CommandUnderWay) -> Result<Response, Fault> {
    let (mut notes, mut question) = (Vec::new(), None);
    while let Some(line) = command.line().await? {
        match line {
            Line::Note(note) => notes.push(note),
            Line::Question(asked) => question = Some(asked),
            Line::Report(report) => return answered(report, notes, command).await,
            Line::Error(error) => return Err(refused(error, question)),
            // What it is doing meanwhile has no place in one document.
            _ => {}
        }
    }
    Err(Error::plugin("the command ended without an answer").into())
}

async fn answered(
    report: Report,
    mut notes: Vec<Note>,
    command: CommandUnderWay,
) -> Result<Response, Fault> {
    notes.extend(report.notes);
    let mut headers = headers(report.verdict, &notes);
    let Some(stream) = report.stream else {
        return Ok((headers, Json(report.data)).into_response());
    };
    let kind = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, kind);
    let mut rows = Rows::new(command, stream);
    // The first rows before anything is sent: a statement that fails at once has its own status.
    let first = rows.next().await?;
    if let Some(limit) = rows.limit {
        let (document, more) = rows.up_to(limit, first).await?;
        headers.insert(MORE, HeaderValue::from_static(if more { "true" } else { "false" }));
        return Ok((headers, document).into_response());
    }
    Ok((headers, Body::from_stream(rows.document(first))).into_response())
}

fn headers(verdict: Verdict, notes: &[Note]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let verdict = match verdict {
        Verdict::Clean => "clean",
        Verdict::Negative => "negative",
        Verdict::NotRunning => "not_running",
        Verdict::Undetermined => "undetermined",
    };
    headers.insert(VERDICT, HeaderValue::from_static(verdict));
    for note in notes {
        // Headers are one line of ASCII; JSON writes anything so.
        let text = Value::from(note.text.as_str()).to_string();
        let ascii: String = text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
        headers.extend(HeaderValue::from_str(&ascii).ok().map(|value| (name(NOTE), value)));
    }
    headers
}

fn name(name: &'static str) -> header::HeaderName {
    header::HeaderName::from_static(name)
}

/// A refusal; where a question stood before it, the question and what would answer it.
fn refused(error: Error, question: Option<Confirm>) -> Fault {
    match question {
        Some(question) if error.kind == ErrorKind::Refused => {
            let expects = question.type_name.as_deref().unwrap_or("yes");
            let more = json!({
                "question": question.question,
                "expects": expects,
                "preview": question.preview.data,
            });
            let hint = format!("send `confirm` with the value `{expects}` to do it");
            Fault::new(StatusCode::PRECONDITION_REQUIRED, error.hint(hint))
                .with("confirmation", more)
        }
        _ => error.into(),
    }
}

/// The rows of an answer's stream, as objects.
struct Rows {
    command: CommandUnderWay,
    columns: Vec<StreamColumn>,
    limit: Option<u64>,
}

impl Rows {
    fn new(command: CommandUnderWay, stream: StreamRef) -> Self {
        Self { command, columns: stream.columns, limit: stream.limit }
    }

    /// The next rows; none at the end.
    async fn next(&mut self) -> Result<Option<Vec<Value>>, Error> {
        loop {
            match self.command.line().await? {
                Some(Line::Rows(rows)) => {
                    return Ok(Some(rows.iter().map(|row| object(&self.columns, row)).collect()));
                }
                Some(Line::End) => return Ok(None),
                Some(Line::Error(error)) => return Err(error),
                Some(_) => {}
                None => return Err(Error::plugin("the rows broke off")),
            }
        }
    }

    /// As many as were asked for, and whether there are more.
    async fn up_to(
        &mut self,
        limit: u64,
        first: Option<Vec<Value>>,
    ) -> Result<(String, bool), Error> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut all, mut next) = (Vec::new(), first);
        while let Some(rows) = next {
            all.extend(rows);
            if all.len() > limit {
                break;
            }
            next = self.next().await?;
        }
        let more = all.len() > limit;
        all.truncate(limit);
        Ok((Value::Array(all).to_string(), more))
    }

    /// One array, piece by piece. Where rows break off the document stays open, so that nobody
    /// takes a part for the whole.
    fn document(
        self,
        first: Option<Vec<Value>>,
    ) -> impl futures_util::Stream<Item = Result<Bytes, Error>> {
        let begun = (self, Some(first), false);
        stream::try_unfold(Some(begun), async |state| {
            let Some((mut rows, first, some)) = state else { return Ok(None) };
            let next = match first {
                Some(first) => first,
                None => rows.next().await?,
            };
            let Some(values) = next else {
                let end = if some { "]" } else { "[]" };
                return Ok(Some((Bytes::from(end), None)));
            };
            let mut text = String::new();
            for (n, value) in values.iter().enumerate() {
                text.push(if some || n > 0 { ',' } else { '[' });
                text.push_str(&value.to_string());
            }
            let some = some || !values.is_empty();
            Ok(Some((Bytes::from(text), Some((rows, None, some)))))
        })
    }
}
