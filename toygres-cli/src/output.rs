//! Where answers go: the one owner of stdout and stderr.

use crate::cli::Options;
use crate::redact::Redactor;
use crate::render::stream::StreamWriter;
use crate::render::{self, Format, Look, Style};
use crate::runner::Key;
use clap::ColorChoice;
use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::report::{Block, Note, NoteLevel, Report, Rows, StreamRef, Tone};
use toygres_plugin_api::text::escape_document;
use toygres_plugin_api::{Error, ErrorKind, Result};

/// Where answers go, and how they look there.
pub struct Output {
    format: Format,
    /// The format's name, where it is one that the command adds.
    own: Option<String>,
    color: ColorChoice,
    columns: Option<Vec<String>>,
    redactor: Redactor,
    began: Instant,
    /// The frame that is on the terminal.
    screen: Mutex<Screen>,
}

/// What is drawn in place.
#[derive(Debug, Default)]
struct Screen {
    /// Rows of the terminal that the frame takes.
    rows: usize,
    /// What stands above the frame, where it is drawn again and again.
    watch: Option<Duration>,
    /// All lines of the last frame.
    lines: Vec<String>,
    /// The first of them that is shown.
    first: usize,
    /// How many of them are.
    shown: usize,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("format", &self.format).finish_non_exhaustive()
    }
}

/// Rows of a stream, wherever they come from.
pub trait RowSource {
    /// The next batch; the last one is marked.
    fn next_batch(&mut self) -> RowBatch;
}

impl Output {
    /// The output of one run.
    #[must_use]
    pub fn new(options: &Options, redactor: Redactor) -> Self {
        Self {
            format: Format::of(options.output.as_deref()),
            own: options.output.clone(),
            color: options.color,
            columns: options.columns.clone(),
            redactor,
            began: Instant::now(),
            screen: Mutex::default(),
        }
    }

    /// How it is written.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The name of [`Output::format`] as it was typed.
    #[must_use]
    pub fn format_name(&self) -> &str {
        match (self.format, &self.own) {
            (Format::Own, Some(name)) => name,
            (format, _) => format.name(),
        }
    }

    /// The ready-made text of a format that the command adds.
    fn ready<'a>(&self, report: &'a Report) -> Result<&'a str> {
        let name = self.format_name();
        report.texts.get(name).map(String::as_str).ok_or_else(|| {
            Error::plugin(format!("the command brought no text in the format `{name}`"))
                .hint("its manifest says that it would; use `-o json`")
        })
    }

    /// A text with every secret masked.
    #[must_use]
    pub fn masked(&self, text: &str) -> String {
        self.redactor.text(text).into_owned()
    }

    /// Writes an answer and its remarks.
    ///
    /// # Errors
    /// When the format does not fit the answer, rows break off, or stdout cannot be written. A
    /// closed pipe is no error.
    pub fn report(&self, report: Report, rows: Option<&mut dyn RowSource>) -> Result<()> {
        let report = self.redactor.report(report);
        let look = self.look(io::stdout().is_terminal()).at(report.at.as_deref());
        let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
        let written = match (&report.stream, rows) {
            (Some(stream), Some(rows)) => self.stream(&report, stream, rows, &look, &mut out),
            _ => self.whole(&report, &look, &mut out),
        };
        let flushed = out.flush().map_err(Error::from);
        drop(out);
        // Behind the answer, where they are still seen after a long list.
        for note in &report.notes {
            self.note(note);
        }
        if look.cut.get() {
            let wide = if report.stream.is_some() { "`-o csv`" } else { "`-o wide`" };
            let text = format!(
                "cells are cut to fit the terminal; see them whole with {wide} or `-o json`"
            );
            self.remark(NoteLevel::Info, &text);
        }
        quiet_on_closed_pipe(written.and(flushed))
    }

    fn whole(&self, report: &Report, look: &Look, out: &mut dyn Write) -> Result<()> {
        let columns = self.columns.as_deref();
        render::check_columns(report, columns)?;
        if self.format == Format::Own {
            out.write_all(shown_document(self.ready(report)?, look.is_terminal).as_bytes())?;
            return Ok(());
        }
        if self.format.is_table() {
            render::table(report, look, out)?;
            return Ok(());
        }
        if self.format == Format::Csv && !report.data.is_array() {
            return Err(Error::usage("`csv` is for lists").hint("use `-o json` or `-o yaml`"));
        }
        render::machine(report, self.format, columns, look.is_terminal, out)?;
        Ok(())
    }

    fn stream(
        &self,
        report: &Report,
        stream: &StreamRef,
        rows: &mut dyn RowSource,
        look: &Look,
        out: &mut dyn Write,
    ) -> Result<()> {
        self.check_stream_columns(stream)?;
        let (mut before, mut after) = (Report::default(), Report::default());
        let mut reached = false;
        for block in &report.view {
            let is_rows = matches!(block, Block::Table(table) if table.rows == Rows::Stream);
            if is_rows {
                reached = true;
            } else if reached {
                after.view.push(block.clone());
            } else {
                before.view.push(block.clone());
            }
        }
        // Nothing is written before the first rows are there: a statement that fails at once
        // leaves stdout empty.
        let mut batch = rows.next_batch();
        if let (Some(error), 0) = (batch.error(), batch.rows()) {
            return Err(error);
        }
        if self.format.is_table() && !before.view.is_empty() {
            render::table(&before, look, out)?;
            out.write_all(b"\n")?;
        }
        let mut writer =
            StreamWriter::begin(self.format, look, &self.redactor, stream.columns.clone(), out)?;
        let most = stream.limit.unwrap_or(u64::MAX);
        let mut more = false;
        let broken = loop {
            let left = most - writer.rows();
            writer.batch(&batch, left, out)?;
            if batch.rows() as u64 > left {
                more = true;
                break None;
            }
            if let Some(error) = batch.error() {
                break Some(error);
            }
            if batch.is_last() {
                break None;
            }
            batch = rows.next_batch();
        };
        if let Some(error) = broken {
            // The document stays open, so that no reader takes a part for the whole.
            out.flush()?;
            return Err(error);
        }
        writer.end(out)?;
        let shown = writer.rows();
        if self.format.is_table() {
            let elapsed = render::cell::duration(self.began.elapsed().as_secs_f64() * 1000.0);
            let plural = if shown == 1 { "" } else { "s" };
            writeln!(out, "\n{shown} row{plural} returned ({elapsed})")?;
            if !after.view.is_empty() {
                out.write_all(b"\n")?;
                render::table(&after, look, out)?;
            }
        }
        if more {
            out.flush()?;
            self.remark(
                NoteLevel::Info,
                &format!("there are more than these {shown} rows; see them all with `--limit 0`"),
            );
        }
        Ok(())
    }

    fn check_stream_columns(&self, stream: &StreamRef) -> Result<()> {
        let mut chosen: Vec<usize> = Vec::new();
        for name in self.columns.iter().flatten() {
            let known = stream.columns.iter().map(|column| [column.name.as_str()]);
            let Some(column) = render::position_of(name, known) else {
                let names: Vec<&str> =
                    stream.columns.iter().map(|column| column.name.as_str()).collect();
                return Err(Error::usage(format!("there is no column `{name}`"))
                    .hint(format!("columns: {}", names.join(", "))));
            };
            // Two keys of one name are one value to whatever reads the document.
            let has_keys = matches!(self.format, Format::Json | Format::Jsonl | Format::Yaml);
            if has_keys && chosen.contains(&column) {
                let name = &stream.columns[column].name;
                return Err(Error::usage(format!("column `{name}` is chosen twice"))
                    .hint("give each of `--columns` once, or use `-o csv`"));
            }
            chosen.push(column);
        }
        Ok(())
    }

    /// Draws a frame in place on a terminal; otherwise writes one document a line.
    ///
    /// # Errors
    /// When stdout cannot be written; a closed pipe is `interrupted`, since nobody watches.
    pub fn frame(&self, report: &Report) -> Result<()> {
        let report = self.redactor.report(report.clone());
        let mut out = io::stdout().lock();
        let terminal = out.is_terminal();
        let text = if self.format.is_table() && terminal {
            let look = self.look(true);
            let mut text = Vec::new();
            render::table(&report, &look.clone().at(report.at.as_deref()), &mut text)?;
            let text = String::from_utf8_lossy(&text);
            match understands_escapes() {
                true => self.redrawn(&text, &look),
                false => self.below(&text),
            }
        } else if self.format == Format::Own {
            shown_document(self.ready(&report)?, terminal).into_owned()
        } else if self.format == Format::Yaml {
            let mut text = b"---\n".to_vec();
            render::machine(&report, Format::Yaml, None, terminal, &mut text)?;
            String::from_utf8_lossy(&text).into_owned()
        } else {
            format!("{}\n", render::json::compact(&report.data))
        };
        written(&mut out, &text)
    }

    /// Writes what is new below what was written before; where a machine reads, each row of a list
    /// is one document.
    ///
    /// # Errors
    /// As for [`Self::frame`].
    pub fn append(&self, report: &Report) -> Result<()> {
        let report = self.redactor.report(report.clone());
        let mut out = io::stdout().lock();
        let mut text = Vec::new();
        match (self.format, &report.data) {
            (Format::Table | Format::Wide, _) => {
                // A line of a log stays one: where the terminal breaks it, it is copied whole.
                let look = Look { width: None, ..self.look(out.is_terminal()) };
                render::table(&report, &look.at(report.at.as_deref()), &mut text)?;
            }
            (Format::Yaml, _) => {
                render::machine(&report, Format::Yaml, None, out.is_terminal(), &mut text)?;
            }
            (_, serde_json::Value::Array(rows)) => {
                for row in rows {
                    writeln!(text, "{}", render::json::compact(row))?;
                }
            }
            (_, data) => writeln!(text, "{}", render::json::compact(data))?,
        }
        written(&mut out, &String::from_utf8_lossy(&text))
    }

    /// The frame below the one before, with an empty line between them.
    fn below(&self, text: &str) -> String {
        let mut screen = self.screen();
        let between = if screen.rows > 0 { "\n" } else { "" };
        screen.rows = text.lines().count();
        format!("{between}{text}")
    }

    /// Whether a terminal shows what is written.
    pub(crate) fn is_on_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// From here on frames say when they were drawn, and how often they are.
    pub(crate) fn begin_watch(&self, interval: Duration) {
        self.screen().watch = Some(interval);
    }

    /// Shows another part of the last frame.
    ///
    /// # Errors
    /// As for [`Self::frame`].
    pub(crate) fn scroll(&self, key: Key) -> Result<()> {
        let look = self.look(true);
        let text = {
            let mut screen = self.screen();
            if screen.lines.is_empty() || !self.format.is_table() {
                return Ok(());
            }
            let page = isize::try_from(screen.shown.saturating_sub(1).max(1)).unwrap_or(1);
            screen.first = match key {
                Key::Lines(lines) => screen.first.saturating_add_signed(lines),
                Key::Screens(screens) => screen.first.saturating_add_signed(screens * page),
                Key::Top => 0,
                Key::Bottom => screen.lines.len(),
            };
            screen.draw(&look)
        };
        written(&mut io::stdout().lock(), &text)
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The frame's lines over those of the one before, no more than the terminal has.
    fn redrawn(&self, text: &str, look: &Look) -> String {
        let mut screen = self.screen();
        screen.lines = text.lines().map(str::to_owned).collect();
        screen.draw(look)
    }

    /// Shows on stderr what is about to happen.
    pub fn preview(&self, report: &Report) {
        let report = self.redactor.report(report.clone());
        let mut text = Vec::new();
        let look = self.look(io::stderr().is_terminal());
        if render::table(&report, &look, &mut text).is_ok() && !text.is_empty() {
            text.push(b'\n');
            self.err(&text);
        }
    }

    /// A remark on stderr.
    pub fn note(&self, note: &Note) {
        let mut note = note.clone();
        self.redactor.note(&mut note);
        self.err(render::error::note(&note, self.err_style(), err_width()).as_bytes());
    }

    /// A remark on stderr.
    pub fn remark(&self, level: NoteLevel, text: &str) {
        self.note(&Note { level, text: text.to_owned() });
    }

    /// An error on stderr, as one JSON object where a machine reads.
    pub fn error(&self, error: Error) {
        self.err(self.error_text(error).as_bytes());
    }

    /// The text of an error as it would be written.
    #[must_use]
    pub fn error_text(&self, error: Error) -> String {
        let error = render::error::shorten(self.redactor.error(error));
        if self.format.is_table() {
            return render::error::human(&error, self.err_style(), err_width());
        }
        render::error::machine(&error)
    }

    fn err(&self, text: &[u8]) {
        // There is nowhere left to say that stderr is closed.
        let _unheard = io::stderr().lock().write_all(text);
    }

    fn err_style(&self) -> Style {
        Style { color: self.colors(io::stderr().is_terminal()), unicode: is_utf8() }
    }

    fn look(&self, terminal: bool) -> Look {
        Look {
            style: Style { color: self.colors(terminal), unicode: is_utf8() },
            width: if terminal {
                Some(terminal_size().map_or(80, |(width, _)| width))
            } else {
                None
            },
            is_terminal: terminal,
            wide: self.format == Format::Wide,
            columns: self.columns.clone(),
            now: jiff::Zoned::now(),
            cut: Cell::new(false),
        }
    }

    fn colors(&self, terminal: bool) -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if set("NO_COLOR") => false,
            ColorChoice::Auto if set("CLICOLOR_FORCE") => {
                std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0")
            }
            ColorChoice::Auto => terminal && understands_escapes(),
        }
    }
}

/// Whether the terminal does what escape sequences say: moves its cursor, clears lines, colours.
/// One that has no name, or is called `dumb`, writes them instead.
#[must_use]
pub(crate) fn understands_escapes() -> bool {
    std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

impl Screen {
    /// The part that is shown over what was drawn before.
    fn draw(&mut self, look: &Look) -> String {
        let height = terminal_size().map_or(24, |(_, height)| height);
        let title = self.title(look);
        let rows = |line: &str| render::wrap::terminal_rows(line, look.width);
        let taken = title.as_deref().map_or(0, rows);
        let room = height.saturating_sub(1 + taken).max(1);
        let all: usize = self.lines.iter().map(|line| rows(line)).sum();
        let is_long = all > room;
        // A line says how much is not shown.
        let room = if is_long { room.saturating_sub(1).max(1) } else { room };
        let fitting = |lines: &mut dyn Iterator<Item = &String>| {
            let mut taken = 0;
            lines
                .take_while(|line| {
                    taken += rows(line);
                    taken <= room
                })
                .count()
        };
        // The last screen is full.
        let last =
            self.lines.len() - fitting(&mut self.lines.iter().rev()).max(1).min(self.lines.len());
        self.first = if is_long { self.first.min(last) } else { 0 };
        self.shown = fitting(&mut self.lines[self.first..].iter());
        let mut shown: Vec<String> = title.into_iter().collect();
        shown.extend(self.lines[self.first..].iter().take(self.shown).cloned());
        if is_long {
            shown.push(self.hidden(look));
        }
        let up = if self.rows > 0 { format!("\x1b[{}A", self.rows) } else { String::new() };
        self.rows = shown.iter().map(|line| rows(line)).sum();
        // Each line is cleared to its end, and what is below the last one too.
        let body: String = shown.iter().map(|line| format!("\r{line}\x1b[K\n")).collect();
        format!("{up}{body}\x1b[J")
    }

    /// When the frame was drawn, and what ends or moves it.
    fn title(&self, look: &Look) -> Option<String> {
        let interval = self.watch?;
        let every = render::cell::duration(interval.as_secs_f64() * 1000.0);
        let time = look.now.strftime("%Y-%m-%d %H:%M:%S");
        let arrows = look.style.pick("↑ ↓", "j k");
        let title = format!("{time}  every {every}  (q quits, {arrows} scroll)");
        Some(look.style.paint(Tone::Muted, &title))
    }

    fn hidden(&self, look: &Look) -> String {
        let below = self.lines.len() - self.first - self.shown;
        let more = look.style.pick("… ", "... ");
        match (self.first, below) {
            (0, below) => format!("{more}{below} more lines"),
            (above, 0) => format!("{more}{above} lines above"),
            (above, below) => format!("{more}{above} lines above, {below} more below"),
        }
    }
}

/// What ends a command that goes on when nobody reads it.
const CLOSED_PIPE: &str = "nobody reads stdout any more";

/// Whether a command ended because nobody reads it any more, which is no error.
#[must_use]
pub fn is_closed_pipe(error: &Error) -> bool {
    error.kind == ErrorKind::Interrupted && error.message == CLOSED_PIPE
}

/// Writes at once; a closed pipe means that nobody reads any more.
fn written(out: &mut impl Write, text: &str) -> Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(Error::new(ErrorKind::Interrupted, CLOSED_PIPE))
        }
        Err(error) => Err(error.into()),
    }
}

/// A ready-made text: a file gets every byte as it is, a terminal none that it would obey.
fn shown_document(text: &str, is_terminal: bool) -> Cow<'_, str> {
    if is_terminal { escape_document(text) } else { Cow::Borrowed(text) }
}

/// Help and the like, which is no report.
///
/// # Errors
/// When stdout cannot be written: the disk is full. A closed pipe is no error.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    quiet_on_closed_pipe(written.map_err(Error::from))
}

/// A page of help, as the terminal can show it.
///
/// # Errors
/// As for [`print`].
pub fn print_help(text: &str) -> Result<()> {
    print(&drawn(text))
}

fn drawn(text: &str) -> Cow<'_, str> {
    render::style::drawable(text, Style { color: false, unicode: is_utf8() })
}

/// The same on stderr.
pub fn complain(text: &str) {
    let _closed = io::stderr().lock().write_all(drawn(text).as_bytes());
}

fn quiet_on_closed_pipe(written: Result<()>) -> Result<()> {
    match written {
        Err(error) if error.causes.iter().any(|cause| cause.contains("Broken pipe")) => Ok(()),
        other => other,
    }
}

/// The locale as the C library reads it: the first of these that is set decides.
fn is_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// The width of the terminal that stderr is, if it is one.
fn err_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col.into())
}

/// The width of help, which need not go to a terminal: what clap takes for all that it writes itself.
#[must_use]
pub(crate) fn help_width() -> usize {
    let of = |size: rustix::io::Result<rustix::termios::Winsize>| {
        size.ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
    };
    of(rustix::termios::tcgetwinsize(io::stdout()))
        .or_else(|| of(rustix::termios::tcgetwinsize(io::stderr())))
        .or_else(|| of(rustix::termios::tcgetwinsize(io::stdin())))
        .or_else(|| std::env::var("COLUMNS").ok()?.parse().ok())
        .unwrap_or(100)
}

fn terminal_size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some((size.ws_col.into(), size.ws_row.into()))
}
