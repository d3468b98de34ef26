//! The options of the host, the same on every command.

use clap::builder::{EnumValueParser, PossibleValuesParser};
use clap::{Arg, ArgAction, ArgMatches, ColorChoice, ValueEnum, value_parser};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;
use toygres_plugin_api::manifest::{Command, Consent};
use toygres_plugin_api::{Error, Result};

/// What was given for the host itself.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--output`; `None` is the table.
    pub output: Option<String>,
    /// `--columns`.
    pub columns: Option<Vec<String>>,
    /// `--color`.
    pub color: ColorChoice,
    /// `--show-secrets`.
    pub show_secrets: bool,
    /// `--watch`, with its interval.
    pub watch: Option<Duration>,
    /// `--force`.
    pub force: bool,
    /// `--database-url`.
    pub database_url: Option<String>,
    /// `--context`.
    pub context: Option<String>,
    /// `--namespace`.
    pub namespace: Option<String>,
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `--plugin-dir`.
    pub plugin_dirs: Vec<PathBuf>,
}

/// The formats of a command: lists have one more, and a command may add its own. Any answer may hold
/// tables, so that all are shown `wide`.
fn formats(list: bool, own: &[String]) -> Vec<String> {
    let mut formats = vec!["table", "json", "yaml", "jsonl", "wide"];
    if list {
        formats.push("csv");
    }
    formats.into_iter().map(str::to_owned).chain(own.iter().cloned()).collect()
}

const HEADING: &str = "Output";
const CONNECTION: &str = "Connection";
const PLUGINS: &str = "Plugins";

/// The host's options on a plugin's command. One whose short letter the command has taken for
/// itself keeps only its long name.
pub(super) fn for_command(command: &Command) -> Vec<Arg> {
    let taken = |letter: char| command.args.iter().any(|arg| arg.short == Some(letter));
    let named = |long: &str| command.args.iter().any(|arg| arg.long.as_deref() == Some(long));
    let list = command.result.list || command.result.schema.is_none();
    let mut options = output_with(list, &command.formats);
    options.push(columns());
    if command.watchable {
        options.push(flag("watch", "Run again and again, redrawing in place").short('w'));
        options.push(
            Arg::new("host.interval")
                .long("interval")
                .value_name("DURATION")
                .help("Time between two runs of --watch")
                .default_value("2s")
                .value_parser(super::values::duration_ms)
                .help_heading(HEADING),
        );
    }
    let may_change = command.mutating || command.args.iter().any(|arg| arg.mutates);
    if may_change && command.consent == Consent::Asked {
        options.push(Options::confirmation("Skip the confirmation"));
    }
    options.extend(connection().into_iter().chain(plugins()));
    options
        .into_iter()
        .filter(|option| !option.get_long().is_some_and(named))
        .map(|option| match option.get_short() {
            Some(letter) if taken(letter) => option.short(None),
            _ => option,
        })
        .collect()
}

/// The options that every command has, the host's own ones too.
pub(super) fn output(list: bool) -> Vec<Arg> {
    output_with(list, &[]).into_iter().chain(plugins()).collect()
}

fn output_with(list: bool, own: &[String]) -> Vec<Arg> {
    vec![
        Arg::new("host.output")
            .short('o')
            .long("output")
            .value_name("FORMAT")
            .help("How the answer is written [default: table]")
            .value_parser(PossibleValuesParser::new(formats(list, own)))
            .help_heading(HEADING),
        Arg::new("host.color")
            .long("color")
            .value_name("WHEN")
            .help("When to use colour")
            .value_parser(EnumValueParser::<ColorChoice>::new())
            .default_value("auto")
            .help_heading(HEADING),
        flag("show-secrets", "Show passwords and tokens instead of masking them"),
    ]
}

/// Which plugins there are: on every command, and before it.
pub(super) fn plugins() -> [Arg; 3] {
    [
        Arg::new("host.plugin-dir")
            .long("plugin-dir")
            .value_name("FOLDER")
            .help("Look for plugins here first (may be repeated)")
            .value_parser(value_parser!(PathBuf))
            .allow_hyphen_values(true)
            .action(ArgAction::Append)
            .help_heading(PLUGINS),
        flag("strict", "Open only plugins that are in a lock file").help_heading(PLUGINS),
        flag("trust-home", "Use the home folder although another user owns it")
            .help_heading(PLUGINS),
    ]
}

fn columns() -> Arg {
    Arg::new("host.columns")
        .long("columns")
        .value_name("COLUMN,…")
        .help("Show only these columns of tables, in this order")
        .value_delimiter(',')
        .allow_hyphen_values(true)
        .help_heading(HEADING)
}

fn connection() -> Vec<Arg> {
    let text = |id: &'static str, long: &'static str, name: &'static str, help: &'static str| {
        let arg = Arg::new(id).long(long).value_name(name).help(help).help_heading(CONNECTION);
        arg.allow_hyphen_values(true)
    };
    vec![
        text(
            "host.database-url",
            "database-url",
            "URL",
            "The metadata database [env: DATABASE_URL]",
        ),
        text("host.context", "context", "NAME", "The context of the configuration to use"),
        text(
            "host.namespace",
            "namespace",
            "NAME",
            "The Kubernetes namespace [env: AKS_NAMESPACE]",
        ),
        text("host.kubeconfig", "kubeconfig", "FILE", "The kubeconfig [env: KUBECONFIG]")
            .value_parser(value_parser!(PathBuf)),
    ]
}

fn flag(long: &'static str, help: &'static str) -> Arg {
    let action = ArgAction::SetTrue;
    Arg::new(format!("host.{long}")).long(long).help(help).action(action).help_heading(HEADING)
}

impl Options {
    /// The options of the host's own commands that answer a list.
    pub(crate) fn of_lists() -> Vec<Arg> {
        output(true).into_iter().chain([columns()]).collect()
    }

    /// The options of the host on a plugin's command.
    pub(crate) fn of_command(command: &Command) -> Vec<Arg> {
        for_command(command)
    }

    /// `--wide`, another word for `-o wide`.
    pub(crate) fn wide() -> Arg {
        flag("wide", "Show all columns, as `-o wide` does").conflicts_with("host.output")
    }

    /// `--force`, with what it means.
    pub(crate) fn confirmation(help: &'static str) -> Arg {
        let force = flag("force", help).short('f').help_heading("Confirmation");
        force.visible_alias("yes").visible_short_alias('y')
    }

    /// The options of the host's own commands that answer a detail.
    pub(crate) fn of_details() -> Vec<Arg> {
        output(false)
    }

    /// The options as clap found them.
    ///
    /// # Errors
    /// When `--interval` is too short to be meant.
    pub(crate) fn read(matches: &ArgMatches) -> Result<Self> {
        let text = |id: &str| one::<String>(matches, id);
        let set = |id: &str| one::<bool>(matches, id).unwrap_or(false);
        let wide = set("host.wide");
        let interval = one::<u64>(matches, "host.interval").unwrap_or(2000);
        if interval < 100 {
            return Err(Error::usage("`--interval` is at least `100ms`"));
        }
        let columns = matches.try_get_many::<String>("host.columns").ok().flatten();
        let dirs = matches.try_get_many::<PathBuf>("host.plugin-dir").ok().flatten();
        Ok(Self {
            output: text("host.output")
                .or_else(|| wide.then(|| "wide".to_owned()))
                .filter(|format| format != "table"),
            columns: columns.map(|names| names.cloned().collect()),
            color: one(matches, "host.color").unwrap_or(ColorChoice::Auto),
            show_secrets: set("host.show-secrets"),
            watch: set("host.watch").then(|| Duration::from_millis(interval)),
            force: set("host.force"),
            database_url: text("host.database-url"),
            context: text("host.context"),
            namespace: text("host.namespace"),
            kubeconfig: one(matches, "host.kubeconfig"),
            plugin_dirs: dirs.map(|dirs| dirs.cloned().collect()).unwrap_or_default(),
        })
    }
}

/// An option's value; `None` too where the command does not have the option.
fn one<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, id: &str) -> Option<T> {
    matches.try_get_one::<T>(id).ok().flatten().cloned()
}

/// Options that are needed before clap can be built, read from what was typed as it stands.
#[derive(Debug, Default)]
pub struct Early {
    /// `--plugin-dir`.
    pub plugin_dirs: Vec<PathBuf>,
    /// `--output`, for errors of parsing itself.
    pub output: Option<String>,
    /// `--color`, for the same; what is none of its values is automatic.
    pub color: ColorChoice,
    /// `--strict`.
    pub strict: bool,
    /// `--trust-home`.
    pub trust_home: bool,
}

impl Early {
    /// Looks through what was typed, up to `--`.
    #[must_use]
    pub fn read(typed: &[OsString]) -> Self {
        let mut early = Self::default();
        let mut words = typed.iter().skip(1).take_while(|word| *word != "--");
        while let Some(word) = words.next() {
            // A path need not be text; every other value of these options is.
            if let Some(folder) = word.as_bytes().strip_prefix(b"--plugin-dir=") {
                early.plugin_dirs.push(OsStr::from_bytes(folder).into());
                continue;
            }
            let word = word.to_string_lossy();
            let (name, value) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (&*word, None),
            };
            let text = || words.next().map(|value| value.to_string_lossy().into_owned());
            match name {
                "--plugin-dir" => early.plugin_dirs.extend(words.next().map(PathBuf::from)),
                "--strict" => early.strict = true,
                "--trust-home" => early.trust_home = true,
                "--color" => {
                    let when = value.or_else(text).unwrap_or_default();
                    early.color = ColorChoice::from_str(&when, false).unwrap_or_default();
                }
                "--output" | "-o" => early.output = value.or_else(text),
                short if short.starts_with("-o") => {
                    early.output = Some(word["-o".len()..].trim_start_matches('=').to_owned());
                }
                _ => {}
            }
        }
        early
    }
}

#[cfg(test)]
mod tests {
    use super::{ColorChoice, Early};
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::path::PathBuf;

    #[test]
    fn early_options_are_found_in_every_spelling() {
        let typed = [
            "toygres",
            "--plugin-dir",
            "/a",
            "server",
            "--plugin-dir=/b",
            "-ojson",
            "--color=never",
            "--",
            "-o",
            "x",
        ];
        let early = Early::read(&typed.map(OsString::from));
        assert_eq!(early.plugin_dirs, ["/a", "/b"].map(PathBuf::from));
        assert_eq!(early.output.as_deref(), Some("json"));
        assert_eq!(early.color, ColorChoice::Never);
        assert!(!early.strict && !early.trust_home);
        let typed = ["toygres", "--trust-home", "--strict"].map(OsString::from);
        let early = Early::read(&typed);
        assert!(early.strict && early.trust_home);
    }

    #[test]
    fn a_folder_of_plugins_need_not_be_text() {
        let folder = OsString::from_vec(b"/p\xff".to_vec());
        let joined = OsString::from_vec(b"--plugin-dir=/p\xff".to_vec());
        let typed = ["toygres".into(), "--plugin-dir".into(), folder.clone(), joined];
        let folder = PathBuf::from(folder);
        assert_eq!(Early::read(&typed).plugin_dirs, [folder.clone(), folder]);
    }
}
