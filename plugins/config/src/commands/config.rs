//! `config`.

use super::files;
use serde_json::{Map, Value, json};
use toygres_plugin_api::protocol::{self, Setting, Source};
use toygres_plugin_api::report::{Block, Field, Kind, State, Tone};
use toygres_plugin_api::{Args, Context, Report, Result};

/// Show current configuration.
///
/// Each value stands with its source: flag, environment, `.env` file, configuration file or
/// default. Keys of the file that mean nothing are named.
#[derive(Args)]
#[command(category = "Configuration", here)]
pub(crate) struct Config {}

/// The setting that may name several files.
const KUBECONFIG_KEY: &str = "kubernetes.kubeconfig";

/// The sections in order, with their titles.
const SECTIONS: &[(&str, &str)] = &[
    ("server", "Server"),
    ("api", "API"),
    ("database", "Database"),
    ("kubernetes", "Kubernetes"),
    ("drift", "Drift"),
    ("paths", "Paths"),
];

/// The variables that the specification's sample shows.
const VARIABLES: &[&str] =
    &["DATABASE_URL", "AKS_CLUSTER_NAME", "AKS_RESOURCE_GROUP", "AKS_NAMESPACE", "RUST_LOG"];

pub(crate) async fn config(ctx: &Context, _: Config) -> Result<Report> {
    let config = ctx.config().all().await?;
    let variables = ctx.config().environment().await?;
    let mut report = Report::data(data(&config, &variables))?;
    for (section, title) in SECTIONS {
        let fields: Vec<Field> = config
            .settings
            .iter()
            .filter(|setting| setting.key.split('.').next() == Some(section))
            .map(field)
            .collect();
        report = report.block(Block::section(*title, [Block::fields(fields)]));
    }
    let file = Field::new("Config File", config.file.as_str()).remark(if config.file_exists {
        "exists"
    } else {
        "does not exist"
    });
    let context = Field::new("Context", json!(config.context));
    report = report.block(Block::section("Files", [Block::fields([file, context])]));
    let shown = variables.iter().filter(|variable| VARIABLES.contains(&variable.name.as_str()));
    let fields = shown.map(|variable| {
        let field = Field::new(variable.name.as_str(), if variable.set { "set" } else { "unset" })
            .kind(Kind::Status(vec![
                State::new("set", "Set", Tone::Good),
                State::new("unset", "✗ Not set", Tone::Plain),
            ]));
        match variable.value.as_ref().filter(|_| !variable.secret) {
            Some(value) => field.remark(value.as_str()),
            None => field,
        }
    });
    report = report.block(Block::section("Environment Variables", [Block::fields(fields)]));
    for key in &config.unknown_keys {
        let meant = key.suggestion.as_ref().map(|key| format!("; did you mean `{key}`?"));
        report = report.warning(format!(
            "`{}` in {} means nothing{}",
            key.key,
            config.file,
            meant.unwrap_or_default()
        ));
    }
    Ok(report.heading("Server Configuration"))
}

fn field(setting: &Setting) -> Field {
    let shown = match &setting.value {
        Value::String(text) => json!(abbreviated(text)),
        other => other.clone(),
    };
    let kind = match setting.key.rsplit('_').next() {
        Some("ms") => Kind::Duration,
        Some("bytes") => Kind::Bytes,
        _ => Kind::Text,
    };
    let field = Field::new(setting.label.as_str(), shown).kind(kind);
    if let Some(text) = setting.value.as_str().filter(|_| setting.key == KUBECONFIG_KEY)
        && let Some(files) = files::remark(text)
    {
        return field.remark(format!("{}; {files}", name(setting.source)));
    }
    match (setting.source, &setting.env) {
        (Source::Default, _) if setting.value.is_null() => field.remark("not set"),
        (Source::Environment, Some(name)) => field.remark(format!("environment: {name}")),
        (source @ (Source::Default | Source::DotEnv | Source::File), _)
            if setting.place.is_some() =>
        {
            let place = setting.place.as_deref().unwrap_or_default();
            field.remark(format!("{}: {}", name(source), abbreviated(place)))
        }
        (source, _) => field.remark(name(source)),
    }
}

/// The home folder as people write it.
fn abbreviated(text: &str) -> String {
    let home = std::env::var("HOME").ok().filter(|home| home.len() > 1);
    match home.and_then(|home| text.strip_prefix(&home).map(str::to_owned)) {
        Some(rest) if rest.starts_with('/') => format!("~{rest}"),
        _ => text.to_owned(),
    }
}

fn name(source: Source) -> &'static str {
    match source {
        Source::Flag => "flag",
        Source::Environment => "environment",
        Source::DotEnv => ".env file",
        Source::File => "file",
        Source::Default => "default",
    }
}

/// Section → key → value and source.
fn data(config: &protocol::Config, variables: &[protocol::Variable]) -> Value {
    let mut sections = Map::new();
    for setting in &config.settings {
        let (section, key) = setting.key.split_once('.').unwrap_or(("other", &setting.key));
        let section = sections.entry(section).or_insert_with(|| json!({}));
        let paths = setting.value.as_str().filter(|_| setting.key == KUBECONFIG_KEY);
        section[key] = json!({
            "value": setting.value,
            "source": setting.source,
            "env": setting.env,
            "place": setting.place,
            "secret": setting.secret,
        });
        if let Some(paths) = paths {
            section[key]["files"] = json!(files::describe(paths));
        }
    }
    sections.insert("context".to_owned(), json!(config.context));
    sections.insert("file".to_owned(), json!({"path": config.file, "exists": config.file_exists}));
    sections.insert("unknown_keys".to_owned(), json!(config.unknown_keys));
    sections.insert("environment".to_owned(), json!(variables));
    Value::Object(sections)
}
