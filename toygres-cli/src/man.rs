//! Manual pages, written from the manifests of the plugins that are there.

use crate::cli;
use crate::discover::Catalogue;
use crate::output;
use crate::render::style;
use clap::{ArgMatches, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use jiff::Timestamp;
use std::io::Write;
use std::path::{Path, PathBuf};
use toygres_plugin_api::manifest::Scope;
use toygres_plugin_api::{Error, Result};

const SECTION: &str = "1";

/// Exit codes are the same for every command and format.
const EXIT_STATUS: &[(&str, &str)] = &[
    ("0", "Done, and what was asked about is well."),
    ("1", "A negative answer: drift was found, something is unhealthy, what was awaited failed."),
    ("2", "It was asked wrongly."),
    ("3", "Not running."),
    ("4", "Undetermined: a backend is unreachable or forbidden, or only part could be read."),
    ("5", "There is no such thing."),
    ("6", "Refused: declined, or a confirmation was needed and there is no terminal."),
    ("7", "Timed out."),
    ("8", "A plugin failed to load, or broke."),
    ("9", "The operation failed."),
    ("130", "Interrupted."),
];

const FILES: &[(&str, &str)] = &[
    ("~/.toygres/config.toml", "The configuration; TOYGRES_HOME names another folder."),
    ("~/.toygres/plugins", "Plugins of this user."),
    (
        ".env",
        "Variables that the environment does not set: the database, the namespace and the like, \
         nothing that decides what runs. Only in the current folder.",
    ),
];

/// Which pages are written, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pages {
    /// Every command's that help lists, into a folder.
    All(PathBuf),
    /// One command's, to stdout; no word is `toygres` itself.
    One(Vec<String>),
}

impl Pages {
    /// What clap found.
    pub(crate) fn read(matches: &ArgMatches) -> Self {
        match matches.get_one::<PathBuf>("dir") {
            Some(folder) => Self::All(folder.clone()),
            None => Self::One(cli::words_of(matches)),
        }
    }

    /// Writes them; the names of files go to stdout.
    ///
    /// # Errors
    /// When there is no such command, or the folder or stdout cannot be written.
    pub fn write(&self, catalogue: &Catalogue) -> Result<()> {
        match self {
            Self::One(words) => output::print(&page(catalogue, words)?)?,
            Self::All(folder) => {
                for file in write_all(catalogue, folder)? {
                    output::print(&format!("{}\n", file.display()))?;
                }
            }
        }
        Ok(())
    }
}

/// Writes every page, and answers the files in their order.
fn write_all(catalogue: &Catalogue, folder: &Path) -> Result<Vec<PathBuf>> {
    let root = built(catalogue);
    let unwritable = |path: &Path, error: std::io::Error| {
        Error::failed(format!("{} cannot be written", path.display()))
            .cause(error)
            .hint("give another folder with `--dir`")
    };
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
    let mut files = Vec::new();
    each(&root, &mut Vec::new(), &mut |command, words| {
        let path = folder.join(format!("{}.{SECTION}", name_of(words)));
        let page = render(command, words, catalogue);
        std::fs::write(&path, page).map_err(|error| unwritable(&path, error))?;
        files.push(path);
        Ok(())
    })?;
    Ok(files)
}

fn page(catalogue: &Catalogue, words: &[String]) -> Result<String> {
    let root = built(catalogue);
    let mut command = &root;
    let mut path = Vec::new();
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| cli::unknown(words, catalogue))?;
        // An alias has no page of its own.
        path.push(command.get_name());
    }
    Ok(render(command, &path, catalogue))
}

fn built(catalogue: &Catalogue) -> Command {
    let mut root = cli::root(catalogue, cli::Detail::All);
    root.build();
    root
}

/// `toygres-server-orchestrations`.
fn name_of(words: &[&str]) -> String {
    ["toygres"].into_iter().chain(words.iter().copied()).collect::<Vec<_>>().join("-")
}

/// A command and all below it that help lists.
fn each<'a>(
    command: &'a Command,
    words: &mut Vec<&'a str>,
    write: &mut impl FnMut(&Command, &[&str]) -> Result<()>,
) -> Result<()> {
    write(command, words)?;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        words.push(below.get_name());
        each(below, words, write)?;
        words.pop();
    }
    Ok(())
}

fn render(command: &Command, words: &[&str], catalogue: &Catalogue) -> String {
    let man = Man::new(command.clone()).section(SECTION);
    let mut page = Vec::new();
    // Writing to memory does not fail.
    let _written = sections(&man, command, &mut page)
        .and_then(|()| more(words, catalogue).to_writer(&mut page));
    // Every section begins with the same definitions; a page needs them once.
    let definitions = Roff::new().render();
    let page = String::from_utf8_lossy(&page).replace(&definitions, "");
    // Not every text of a manifest has come through clap, which takes off what is for terminals.
    style::page(&(definitions + &title(words) + &page))
}

/// The first line. The date is that of the sources where a packager names one
/// (`SOURCE_DATE_EPOCH`): the same sources give the same pages.
fn title(words: &[&str]) -> String {
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|epoch| epoch.parse().ok());
    let day = epoch.and_then(|epoch| Timestamp::from_second(epoch).ok());
    let day = day.map(|time| time.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
    let (name, version) = (name_of(words).to_uppercase(), env!("CARGO_PKG_VERSION"));
    format!(".TH {name} {SECTION} \"{day}\" \"toygres {version}\" \"Toygres\"\n")
}

fn sections(man: &Man, command: &Command, page: &mut dyn Write) -> std::io::Result<()> {
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    if command.get_arguments().any(|arg| !arg.is_hide_set()) {
        man.render_options_section(page)?;
    }
    if command.get_subcommands().any(|below| !below.is_hide_set()) {
        man.render_subcommands_section(page)?;
    }
    Ok(())
}

/// What clap does not know: examples, whose the command is, exit codes, and where to read on.
fn more(words: &[&str], catalogue: &Catalogue) -> Roff {
    let mut roff = Roff::new();
    let (scope, name) = match words {
        ["server", name] => (Scope::Server, *name),
        ["local", name] => (Scope::Local, *name),
        [name] => (Scope::Top, *name),
        _ => (Scope::Top, ""),
    };
    if let Ok(Some(owned)) = catalogue.find(scope, name) {
        if !owned.command.examples.is_empty() {
            roff.control("SH", ["EXAMPLES"]).control("nf", []);
            for example in &owned.command.examples {
                roff.text([roman(example.as_str())]);
            }
            roff.control("fi", []);
        }
        let manifest = owned.manifest;
        roff.control("SH", ["PLUGIN"]);
        roff.text([
            bold(manifest.name.as_str()),
            roman(format!(" {}: {}", manifest.version, manifest.description)),
        ]);
    }
    if words.is_empty() {
        list(&mut roff, "EXIT STATUS", EXIT_STATUS);
        list(&mut roff, "FILES", FILES);
    } else {
        roff.control("SH", ["EXIT STATUS"]);
        roff.text([
            roman("The codes are the same for every command: see "),
            bold("toygres"),
            roman("(1)."),
        ]);
    }
    let above = match words {
        [] => return roff,
        [.., _] => &words[..words.len() - 1],
    };
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold(name_of(above)), roman("(1)")]);
    roff
}

fn list(roff: &mut Roff, title: &str, entries: &[(&str, &str)]) {
    roff.control("SH", [title]);
    for (term, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(*term)]);
        roff.text([roman(*meaning)]);
    }
}
