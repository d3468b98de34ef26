//! The JSON documents: every field's name with its default, every word for a variant.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Write;
use toygres_plugin_api::manifest::{Arg, ArgKind, ArgValue, Command, Consent, Manifest};
use toygres_plugin_api::manifest::{ResultShape, Scope};
use toygres_plugin_api::protocol::*;
use toygres_plugin_api::report::*;
use toygres_plugin_api::{Error, ErrorKind, Report};

/// What was written down of one type.
#[derive(Default)]
struct Written(String);

impl Written {
    /// A document whose fields all have defaults: today's reader takes an empty one, and one with
    /// a field that it does not know.
    fn tolerant<T: Default + Serialize + DeserializeOwned>(&mut self, name: &str) {
        for document in [json!({}), json!({"a_field_of_a_later_version": {"n": [1]}})] {
            let read: Result<T, _> = serde_json::from_value(document);
            assert!(read.is_ok(), "{name}: {:?}", read.err());
        }
        self.document(name, &T::default());
    }

    /// A document some of whose fields have to be there.
    fn document<T: Serialize + DeserializeOwned>(&mut self, name: &str, value: &T) {
        let mut value = serde_json::to_value(value).unwrap();
        let _ = writeln!(self.0, "{name}");
        match &mut value {
            Value::Object(fields) => {
                for (field, value) in fields.iter() {
                    let _ = writeln!(self.0, "  {field}: {value}");
                }
                fields.insert("a_field_of_a_later_version".to_owned(), json!({"n": [1]}));
            }
            value => {
                let _ = writeln!(self.0, "  {value}");
            }
        }
        let read: Result<T, _> = serde_json::from_value(value);
        assert!(read.is_ok(), "{name}: {:?}", read.err());
        self.0.push('\n');
    }

    /// An enum, every variant of it; `later` says whether a word of a later version is understood.
    fn variants<T: Serialize + DeserializeOwned>(&mut self, name: &str, all: &[T], later: bool) {
        let _ = writeln!(self.0, "{name}");
        for variant in all {
            let value = serde_json::to_value(variant).unwrap();
            let _ = writeln!(self.0, "  {value}");
            let read: Result<T, _> = serde_json::from_value(value);
            assert!(read.is_ok(), "{name}: {:?}", read.err());
        }
        let word = "a_word_of_a_later_version";
        for document in [json!(word), json!({ word: {"n": [1]} })] {
            let plain = document.is_string();
            if plain || all.iter().any(|one| serde_json::to_value(one).unwrap().is_object()) {
                let read: Result<T, _> = serde_json::from_value(document.clone());
                assert_eq!(read.is_ok(), later, "{name}: {document}");
            }
        }
        let _ = writeln!(self.0, "  a later word: {}\n", if later { "read" } else { "refused" });
    }
}

#[test]
fn the_documents_are_as_agreed() {
    let mut written = Written::default();
    manifest(&mut written);
    calls(&mut written);
    said(&mut written);
    reports(&mut written);
    super::agreed("documents.txt", &written.0);
}

fn manifest(written: &mut Written) {
    written.tolerant::<Manifest>("Manifest");
    written.tolerant::<Command>("Command");
    written.tolerant::<Arg>("Arg");
    written.tolerant::<ArgValue>("ArgValue");
    written.tolerant::<ResultShape>("ResultShape");
    written.variants("Scope", &[Scope::Server, Scope::Top, Scope::Local], false);
    written.variants("Consent", &[Consent::Typed, Consent::Asked], true);
    let kinds = [
        ArgKind::Flag,
        ArgKind::Text,
        ArgKind::Integer,
        ArgKind::Float,
        ArgKind::Duration,
        ArgKind::Time,
        ArgKind::RecordTime,
        ArgKind::Enum,
        ArgKind::Path,
        ArgKind::Pair,
    ];
    written.variants("ArgKind", &kinds, false);
}

fn calls(written: &mut Written) {
    written.tolerant::<Invocation>("Invocation");
    written.tolerant::<Complete>("Complete");
    written.tolerant::<Candidate>("Candidate");
    written.tolerant::<Output>("Output");
    written.tolerant::<DbQuery>("DbQuery");
    written.tolerant::<DbExecute>("DbExecute");
    written.tolerant::<DbBegin>("DbBegin");
    written.document("DbSession", &DbSession { session: 1 });
    written.tolerant::<DbEnd>("DbEnd");
    written.tolerant::<DbTarget>("DbTarget");
    written.tolerant::<WorkflowRef>("WorkflowRef");
    written.document("WorkflowStatus not found", &WorkflowStatus::NotFound);
    written.document("WorkflowStatus running", &WorkflowStatus::Running);
    let completed = WorkflowStatus::Completed { output: String::new() };
    written.document("WorkflowStatus completed", &completed);
    let failed = WorkflowStatus::Failed { error: String::new(), cancelled: false };
    written.document("WorkflowStatus failed", &failed);
    let confirmed = Confirmed { token: String::new() };
    written.document("Confirmed", &confirmed);
    let (instance, reason) = (String::new(), String::new());
    written.document("WorkflowCancel", &WorkflowCancel { instance, reason, confirmed });
    written.tolerant::<KubeTarget>("KubeTarget");
    written.tolerant::<Reveal>("Reveal");
    written.tolerant::<ApiRequest>("ApiRequest");
    written.tolerant::<ApiResponse>("ApiResponse");
    written.tolerant::<RunCommand>("RunCommand");
    written.tolerant::<WrittenFile>("WrittenFile");
    written.tolerant::<Progress>("Progress");
    written.tolerant::<Confirm>("Confirm");
    written.tolerant::<Config>("Config");
    written.tolerant::<Setting>("Setting");
    written.tolerant::<UnknownKey>("UnknownKey");
    written.tolerant::<Variable>("Variable");
    written.tolerant::<StreamOpen>("StreamOpen");
    let sources =
        [Source::Flag, Source::Environment, Source::DotEnv, Source::File, Source::Default];
    written.variants("Source", &sources, false);
}

fn said(written: &mut Written) {
    let note = Note { level: NoteLevel::Info, text: String::new() };
    let lines = [
        Line::Progress(Progress::default()),
        Line::Note(note.clone()),
        Line::Frame(Report::default()),
        Line::Append(Report::default()),
        Line::Question(Confirm::default()),
        Line::Report(Report::default()),
        Line::File(WrittenFile::default()),
        Line::Rows(Vec::new()),
        Line::End,
        Line::Error(Error::failed("")),
    ];
    written.variants("Line", &lines, true);
    let replies = [Reply::Ok(Value::Null), Reply::Err(Error::failed(""))];
    written.variants("Reply", &replies, false);
    written.document("Error", &Error::failed(""));
    let kinds = [
        ErrorKind::Usage,
        ErrorKind::NotRunning,
        ErrorKind::Unavailable,
        ErrorKind::NotFound,
        ErrorKind::Refused,
        ErrorKind::TimedOut,
        ErrorKind::Plugin,
        ErrorKind::Interrupted,
        ErrorKind::Failed,
    ];
    written.variants("ErrorKind", &kinds, true);
    written.document("Note", &note);
    written.variants("NoteLevel", &[NoteLevel::Info, NoteLevel::Warning], true);
}

fn reports(written: &mut Written) {
    written.tolerant::<Report>("Report");
    let verdicts = [Verdict::Clean, Verdict::Negative, Verdict::NotRunning, Verdict::Undetermined];
    written.variants("Verdict", &verdicts, true);
    let column =
        StreamColumn { name: String::new(), type_name: String::new(), kind: StreamKind::Text };
    written.document("StreamColumn", &column);
    written.document("StreamRef", &StreamRef { id: 1, columns: Vec::new(), limit: None });
    let kinds = [
        StreamKind::Bool,
        StreamKind::Integer,
        StreamKind::Number,
        StreamKind::Json,
        StreamKind::Timestamp,
        StreamKind::Text,
    ];
    written.variants("StreamKind", &kinds, true);
    let (text, none) = (String::new, Vec::new);
    let blocks = [
        Block::Heading { text: text() },
        Block::Section { title: text(), blocks: none() },
        Block::Fields { fields: Vec::new(), column: 0 },
        Block::Table(Table::default()),
        Block::Bars { bars: Vec::new() },
        Block::Steps { steps: Vec::new() },
        Block::Timeline(Timeline { from: text(), to: text(), spans: Vec::new() }),
        Block::Tree { roots: Vec::new() },
        Block::Text { text: text(), tone: Tone::Plain },
        Block::Blank,
        Block::Hint { text: text() },
    ];
    for block in &blocks {
        let name = serde_json::to_value(block).unwrap()["block"].take();
        written.document(&format!("Block {name}"), block);
    }
    let later: Block = serde_json::from_value(json!({"block": "of_a_later_version"})).unwrap();
    assert_eq!(later, Block::Unknown);
    written.document("Field", &Field { label: text(), cell: Cell::default() });
    written.tolerant::<Cell>("Cell");
    let state = State { value: text(), label: text(), tone: Tone::Plain };
    let kinds = [
        Kind::Text,
        Kind::Number,
        Kind::Duration,
        Kind::Bytes,
        Kind::Percent,
        Kind::Ago,
        Kind::Time,
        Kind::TimeAgo,
        Kind::Clock,
        Kind::Check,
        Kind::Status(vec![state]),
    ];
    written.variants("Kind", &kinds, true);
    let tones = [Tone::Plain, Tone::Good, Tone::Bad, Tone::Warn, Tone::Active, Tone::Muted];
    written.variants("Tone", &tones, true);
    written.tolerant::<Table>("Table");
    let rows = [Rows::Data, Rows::At(text()), Rows::Stream, Rows::Inline(Vec::new())];
    written.variants("Rows", &rows, false);
    written.tolerant::<Column>("Column");
    written.document("Bar", &Bar { label: text(), amount: 0.0, whole: 0.0, kind: Kind::Text });
    let (detail, lines) = (None, Vec::new());
    written.document("Step", &Step { tone: Tone::Plain, label: text(), detail, lines });
    let (tone, remark) = (Tone::Plain, None);
    let span = Span { label: text(), from: text(), to: None, tone, remark: remark.clone() };
    written.document("Span", &span);
    let children = Vec::new();
    written.document("TreeNode", &TreeNode { tone, label: text(), remark, children });
}
