//! Help that clap cannot write by itself: commands grouped by category, examples, whose they are.

use crate::discover::{Catalogue, Owned};
use crate::output::help_width;
use crate::render::wrap::wrapped;
use toygres_plugin_api::manifest::Scope;

/// The categories in the order of help; others follow in alphabetical order.
const CATEGORIES: &[&str] = &[
    "Process Management",
    "Orchestrations (Duroxide Diagnostics)",
    "System Health",
    "Data Consistency",
    "Database",
    "Configuration",
];

/// The help of a group of commands.
pub(super) fn grouped(name: &str, about: &str, scope: Scope, catalogue: &Catalogue) -> String {
    let mut commands: Vec<Owned<'_>> =
        catalogue.commands(scope).filter(|owned| !owned.command.hidden).collect();
    let place = |category: &str| {
        let known = CATEGORIES.iter().position(|known| *known == category);
        (known.unwrap_or(CATEGORIES.len()), category.to_owned())
    };
    // Within a category the order is that of the plugins' own manifests.
    commands.sort_by_key(|owned| (place(&owned.command.category), owned.place));
    let width = commands.iter().map(|owned| owned.command.name.len()).max().unwrap_or(0).max(14);

    let columns = Some(help_width());
    let mut text = format!("{about}\n\nUsage: toygres {name} <COMMAND>\n");
    let mut category = None;
    for owned in &commands {
        let command = owned.command;
        if category != Some(&command.category) {
            category = Some(&command.category);
            let title = if command.category.is_empty() { "Other" } else { &command.category };
            text.push_str(&format!("\n{title}:\n"));
        }
        let line = format!("  {:width$}  {}\n", command.name, command.about);
        text.push_str(&wrapped(&line, columns, width + 4));
    }
    if commands.is_empty() {
        text.push_str(
            "\nNo plugin with such commands was found: see where they are looked for with \
             `toygres plugin list`, and get one with `toygres plugin install`.\n",
        );
    }
    let clashes = catalogue.clashes();
    let faults =
        catalogue.faults().count() + clashes.iter().filter(|(of, ..)| *of == scope).count();
    if faults > 0 {
        text.push_str(&format!(
            "\n{faults} plugin fault{}; see `toygres plugin list`.\n",
            if faults == 1 { "" } else { "s" }
        ));
    }
    text.push_str(&format!("\nUse 'toygres {name} <COMMAND> --help' for the options of one.\n"));
    wrapped(&text, columns, 0)
}

/// What stands at the end of a command's help.
pub(super) fn footer(owned: &Owned<'_>) -> String {
    let mut text = String::new();
    if !owned.command.examples.is_empty() {
        text.push_str("Examples:\n");
        for example in &owned.command.examples {
            text.push_str(&format!("  {example}\n"));
        }
        text.push('\n');
    }
    let manifest = owned.manifest;
    text.push_str(&format!("From the plugin {} {}.", manifest.name, manifest.version));
    text
}
