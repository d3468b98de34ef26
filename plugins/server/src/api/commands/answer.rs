//! What a command says, as an HTTP answer.

use super::underway::CommandUnderWay;
use crate::api::fault::Fault;
use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::{Value, json};
use toygres_plugin_api::context::write_cell;
use toygres_plugin_api::document::Verbatim;
use toygres_plugin_api::protocol::{Confirm, Line};
use toygres_plugin_api::report::{Note, StreamColumn, StreamRef, Verdict};
use toygres_plugin_api::{Error, ErrorKind, Report};

/// What the answer means, where the status cannot say it.
const VERDICT: &str = "toygres-verdict";
/// A remark beside the data; one header each.
const NOTE: &str = "toygres-note";
/// There are more rows than were asked for: a header, or a trailer where the answer is too long for
/// that to be known when it begins.
const MORE: &str = "toygres-more";
/// A longer answer is sent while it is made.
const MAX_BUFFERED_BYTES: usize = 1024 * 1024;

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
        return Ok((headers, Json(Verbatim(&report.data))).into_response());
    };
    let kind = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, kind);
    let limited = stream.limit.is_some();
    let mut document = Document::new(command, stream);
    // The first rows before anything is sent: a statement that fails at once has its own status.
    let mut more = document.advance().await?;
    while limited && more.is_none() && document.text.len() < MAX_BUFFERED_BYTES {
        more = document.advance().await?;
    }
    if !limited {
        return Ok((headers, Body::new(StreamBody::new(document.frames(more)))).into_response());
    }
    match more {
        Some(more) => {
            headers.insert(MORE, word(more));
            Ok((headers, Body::from(document.text)).into_response())
        }
        None => {
            headers.insert(header::TRAILER, HeaderValue::from_static(MORE));
            Ok((headers, Body::new(StreamBody::new(document.frames(more)))).into_response())
        }
    }
}

fn word(more: bool) -> HeaderValue {
    HeaderValue::from_static(if more { "true" } else { "false" })
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

/// One array of the rows of an answer's stream, made while it is sent.
struct Document {
    command: CommandUnderWay,
    columns: Vec<StreamColumn>,
    limit: Option<u64>,
    written: u64,
    /// What is made and not yet sent.
    text: Vec<u8>,
}

/// How far a document is.
enum Sending {
    Rows(Document),
    /// All is made; whether there are more rows is yet to be said.
    Ending(Document, bool),
    Trailer(bool),
    Ended,
}

impl Document {
    fn new(command: CommandUnderWay, stream: StreamRef) -> Self {
        let StreamRef { columns, limit, .. } = stream;
        Self { command, columns, limit, written: 0, text: Vec::new() }
    }

    /// Adds the next rows; at the end, whether there are more than were asked for. Where rows break
    /// off the document stays open, so that nobody takes a part for the whole.
    async fn advance(&mut self) -> Result<Option<bool>, Error> {
        loop {
            match self.command.line().await? {
                Some(Line::Rows(rows)) => {
                    for row in rows {
                        if self.limit == Some(self.written) {
                            return Ok(self.end(true));
                        }
                        self.text.push(if self.written == 0 { b'[' } else { b',' });
                        self.write_row(&row)?;
                        self.written += 1;
                    }
                    return Ok(None);
                }
                Some(Line::End) => return Ok(self.end(false)),
                Some(Line::Error(error)) => return Err(error),
                Some(_) => {}
                None => return Err(Error::plugin("the rows broke off")),
            }
        }
    }

    fn write_row(&mut self, row: &[Option<String>]) -> Result<(), Error> {
        self.text.push(b'{');
        for (n, (column, cell)) in self.columns.iter().zip(row).enumerate() {
            if n > 0 {
                self.text.push(b',');
            }
            serde_json::to_writer(&mut self.text, &column.name)?;
            self.text.push(b':');
            write_cell(column.kind, cell.as_deref().map(str::as_bytes), &mut self.text)?;
        }
        self.text.push(b'}');
        Ok(())
    }

    fn end(&mut self, more: bool) -> Option<bool> {
        self.text.extend_from_slice(if self.written == 0 { b"[]" } else { b"]" });
        Some(more)
    }

    /// What is made, and the rest piece by piece; `more` says that all is made.
    fn frames(
        self,
        more: Option<bool>,
    ) -> impl futures_util::Stream<Item = Result<Frame<Bytes>, Error>> {
        let begun = match more {
            Some(more) => Sending::Ending(self, more),
            None => Sending::Rows(self),
        };
        stream::try_unfold(begun, async |sending| {
            let (mut document, more) = match sending {
                Sending::Rows(document) => (document, None),
                Sending::Ending(document, more) => (document, Some(more)),
                Sending::Trailer(more) => {
                    let trailer = HeaderMap::from_iter([(name(MORE), word(more))]);
                    return Ok(Some((Frame::trailers(trailer), Sending::Ended)));
                }
                Sending::Ended => return Ok(None),
            };
            let more = match more {
                None if document.text.is_empty() => document.advance().await?,
                more => more,
            };
            let piece = Frame::data(Bytes::from(std::mem::take(&mut document.text)));
            let next = match more {
                None => Sending::Rows(document),
                Some(more) if document.limit.is_some() => Sending::Trailer(more),
                Some(_) => Sending::Ended,
            };
            Ok::<_, Error>(Some((piece, next)))
        })
    }
}
