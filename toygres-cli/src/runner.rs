//! One run from start to end: find, parse, lend, run, print, exit code.

mod keys;
mod once;
mod signals;
mod watch;

pub(crate) use keys::Key;
pub(crate) use once::runtime;

use crate::cli::{self, Action, Early, Options, Stop};
use crate::complete::{self, Asked};
use crate::discover::{Catalogue, Folders, OPENS_LIBRARIES};
use crate::exit_status::ExitStatus;
use crate::output::{self, Output};
use crate::plugin::exec;
use crate::plugin::manage::Manager;
use crate::plugin::policy::{self, Policy};
use crate::settings::{Environment, Home, Settings};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use toygres_plugin_api::bundle::Bundled;
use toygres_plugin_api::manifest::{ABI_VERSION, Scope};
use toygres_plugin_api::report::{Block, Field, NoteLevel};
use toygres_plugin_api::{Error, ErrorKind, Report, Result};

/// Runs what was typed, program name included, and answers the exit code.
#[must_use]
pub fn run(argv: &[OsString]) -> u8 {
    run_with(argv, &[])
}

/// The same with plugins that are linked into the binary.
#[must_use]
pub fn run_with(argv: &[OsString], bundled: &'static [Bundled]) -> u8 {
    toygres_plugin_api::run::host_thread();
    if let Some(asked) = Asked::read(argv) {
        // The shell takes what it gets, and says nothing while one types.
        let _unheard = output::print(&complete::answer(&asked, bundled));
        return 0;
    }
    let early = Early::read(argv);
    let environment = Environment::read(early.trust_home);
    let folders = folders(&early, &environment, bundled);
    let named_folders = !early.plugin_dirs.is_empty();
    if let Some(error) = unreadable(&early) {
        return stopped(Stop::Error(error), early, environment);
    }
    let mut catalogue = Catalogue::read(&folders);
    let mut argv = argv.to_vec();
    match exec::meant(&argv, &catalogue, &folders) {
        Ok(None) => {}
        Ok(Some((meant, alone))) => (argv, catalogue) = (meant, alone),
        Err(error) => return stopped(Stop::Error(error), early, environment),
    }
    let (action, options) = match cli::parse(&argv, &catalogue) {
        Ok(parsed) => parsed,
        Err(stop) => return stopped(stop, early, environment),
    };
    if let Some(refusal) = environment.home().and_then(Home::refusal)
        && needs_home(&action)
    {
        return stopped(Stop::Error(refusal.clone()), early, environment);
    }
    if let Some(refusal) = environment.home().and_then(|home| write_only(&action, home)) {
        return stopped(Stop::Error(refusal), early, environment);
    }
    let settings = Arc::new(Settings::new(environment, &options));
    let redactor = settings.redactor(options.show_secrets);
    let output = Arc::new(Output::new(&options, redactor));
    warn(settings.environment_of(), &output);
    if let Some(remark) = settings.remark() {
        output.remark(NoteLevel::Warning, &remark);
    }
    if !OPENS_LIBRARIES && named_folders {
        let remark = "`--plugin-dir` is not looked into: this toygres is one static binary";
        output.remark(NoteLevel::Warning, remark);
    }
    let is_watching = options.watch.is_some();
    let done = match action {
        Action::Completions(shell) => output::print(shell.script()).map(|()| ExitStatus::CLEAN),
        Action::Man(pages) => pages.write(&catalogue).map(|()| ExitStatus::CLEAN),
        Action::Version => version().and_then(|report| print(&output, report)),
        Action::Plugins(action) => {
            let manager = Manager {
                catalogue: &catalogue,
                folders: &folders,
                output: &output,
                environment: settings.environment_of(),
                force: options.force,
            };
            action.report(&manager).and_then(|report| print(&output, report))
        }
        Action::Run { owned, args } => {
            warn_of_named_folders(&early, &catalogue, &output);
            let output = output.clone();
            let run = once::Run { owned, args, options, settings, folders, output };
            match run.options.watch {
                Some(interval) => watch::watch(run, interval),
                None => run.once(),
            }
        }
    };
    match done {
        Ok(status) => status.code(),
        // `toygres … --watch | head -1` has done what it was to do.
        Err(error) if output::is_closed_pipe(&error) => 0,
        // To interrupt is how one ends a watch: the shell sees it, and nothing has to be said.
        Err(error) if is_watching && error.kind == ErrorKind::Interrupted => error.kind.exit_code(),
        Err(error) => {
            let code = error.kind.exit_code();
            output.error(error);
            code
        }
    }
}

/// Where plugins are looked for and what may be opened, for what was typed.
pub(crate) fn folders(
    early: &Early,
    environment: &Environment,
    bundled: &'static [Bundled],
) -> Folders {
    // Of a home folder that is not trusted nothing is used, and others may fill one that is only
    // written to.
    let home = environment.home().filter(|home| home.is_readable());
    let strict = environment.path("TOYGRES_PLUGINS_STRICT").map(|(said, _)| said.to_string_lossy());
    let said = environment.home().filter(|home| home.refusal().is_none());
    let policy = Policy::read(Path::new(policy::MACHINE), said, strict.as_deref(), early.strict);
    Folders::new(
        &early.plugin_dirs,
        environment.path("TOYGRES_PLUGIN_PATH").map(|(path, _)| path),
        home.map(Home::path),
    )
    .with_policy(policy)
    .with_bundled(bundled)
}

/// Whether an action uses the home folder. What only shows what there is does without one that is
/// not trusted.
fn needs_home(action: &Action<'_>) -> bool {
    match action {
        Action::Run { .. } => true,
        Action::Plugins(action) => action.changes(),
        Action::Version | Action::Completions(_) | Action::Man(_) => false,
    }
}

/// Why an action cannot be taken with a home folder that others may write: what a cluster of this
/// machine runs lies in it.
fn write_only(action: &Action<'_>, home: &Home) -> Option<Error> {
    let Action::Run { owned, .. } = action else { return None };
    (home.is_write_only() && owned.command.scope == Scope::Local).then(|| {
        Error::usage(format!("others may write the home folder {}", home.path().display()))
            .hint(format!("set `{}` to a folder that only you can write", home.variable()))
    })
}

/// Says what was not taken from the `.env` file, and that the home folder is not used.
fn warn(environment: &Environment, output: &Output) {
    for warning in environment.warnings() {
        output.remark(NoteLevel::Warning, warning);
    }
    if let Some(refusal) = environment.home().and_then(Home::refusal) {
        let why = refusal.causes.first().map(|cause| format!(": {cause}")).unwrap_or_default();
        output.remark(NoteLevel::Warning, &format!("{}{why}", refusal.message));
    }
}

/// Says which plugin of a folder that was typed is refused: another one may have its command.
fn warn_of_named_folders(early: &Early, catalogue: &Catalogue, output: &Output) {
    let named = |path: &Path| early.plugin_dirs.iter().any(|folder| path.starts_with(folder));
    let mut faults = catalogue.faults().filter(|fault| named(&fault.path));
    if let Some(first) = faults.next() {
        let further = match faults.count() {
            0 => String::new(),
            count => format!(" (and {count} more; see `toygres plugin list`)"),
        };
        output.remark(NoteLevel::Warning, &format!("{}{further}", first.message));
    }
}

/// A folder that was typed is meant, and has to be there; those of the environment need not be. A
/// binary that opens no libraries looks into none, and says so later.
fn unreadable(early: &Early) -> Option<Error> {
    let mut typed = early.plugin_dirs.iter().filter(|_| OPENS_LIBRARIES);
    typed.find_map(|folder| {
        let error = std::fs::read_dir(folder).err()?;
        let said = format!("`--plugin-dir {}` is no folder that can be read", folder.display());
        let hint = "name the folder that holds the plugin's library, or leave the option out; see \
                    where else plugins are looked for with `toygres plugin list`";
        Some(Error::usage(said).cause(error).hint(hint))
    })
}

/// Help and usage errors, before there are any settings.
fn stopped(stop: Stop, early: Early, environment: Environment) -> u8 {
    let options = Options { output: early.output, color: early.color, ..Options::default() };
    let settings = Settings::new(environment, &options);
    let output = Output::new(&options, settings.redactor(false));
    let environment = settings.environment_of();
    let refusal = environment.home().and_then(Home::refusal);
    let error = match (stop, refusal) {
        (Stop::Help(text), _) => {
            warn(environment, &output);
            match output::print_help(&text) {
                Ok(()) => return 0,
                Err(error) => error,
            }
        }
        (Stop::Missing(text), _) => {
            warn(environment, &output);
            output::complain(&text);
            return ErrorKind::Usage.exit_code();
        }
        // What was typed may be a command of a plugin in that home folder.
        (Stop::Error(_), Some(refusal)) => {
            for warning in environment.warnings() {
                output.remark(NoteLevel::Warning, warning);
            }
            refusal.clone()
        }
        (Stop::Error(error), None) => {
            warn(environment, &output);
            error
        }
    };
    let code = error.kind.exit_code();
    output.error(error);
    code
}

fn print(output: &Output, report: Report) -> Result<ExitStatus> {
    let status = ExitStatus::of(&report, output.format_name());
    output.report(report, None)?;
    Ok(status)
}

fn version() -> Result<Report> {
    let version = env!("CARGO_PKG_VERSION");
    let data = serde_json::json!({
        "version": version,
        "abi": ABI_VERSION,
        "target": toygres_plugin_api::manifest::TARGET,
        "rustc": toygres_plugin_api::manifest::RUSTC,
    });
    let fields = [
        ("toygres", version),
        ("Border (ABI)", ABI_VERSION),
        ("Target", toygres_plugin_api::manifest::TARGET),
        ("Compiler", toygres_plugin_api::manifest::RUSTC),
    ];
    let fields = fields.map(|(label, value)| Field::new(label, value));
    Ok(Report::data(data)?.block(Block::fields(fields)))
}
