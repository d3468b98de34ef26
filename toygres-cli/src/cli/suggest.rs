//! What was perhaps meant, among all commands there are.

use crate::discover::Catalogue;
use clap::Command;
use strsim::damerau_levenshtein;
use toygres_plugin_api::manifest::Scope;
use toygres_plugin_api::shell::quote;

/// More would be a list of commands, not a suggestion.
const MOST: usize = 3;

/// The commands that are near to the words that were typed, the nearest first, each as it is typed
/// behind `toygres`. `wrong` is the place of the word that names nothing.
pub(super) fn near(
    catalogue: &Catalogue,
    host: &Command,
    words: &[&str],
    wrong: usize,
) -> Vec<String> {
    let (Some(mistyped), next) = (words.get(wrong), words.get(wrong + 1)) else {
        return Vec::new();
    };
    let mut near: Vec<(usize, String)> = Vec::new();
    for known in known(catalogue, host) {
        let far = match (known.group, next) {
            // The group was mistyped: `sever health`.
            (Some(group), Some(next)) if wrong == 0 => {
                let both = distance(mistyped, group)
                    .and_then(|group| distance(next, &known.name).map(|name| group + name));
                both.or_else(|| distance(mistyped, &known.name))
            }
            // A group alone says less than a command of it.
            (None, Some(_)) if wrong == 0 => distance(mistyped, &known.name).map(|far| far + 2),
            _ => distance(mistyped, &known.name),
        };
        // A command of the group that was typed is meant sooner than the same word elsewhere.
        let elsewhere = usize::from(wrong > 0 && known.group != words.first().copied());
        near.extend(far.map(|far| (2 * far + elsewhere, known.typed())));
    }
    near.sort();
    near.dedup_by(|a, b| a.1 == b.1);
    let best = near.first().map_or(0, |(far, _)| *far);
    near.retain(|(far, _)| *far == best);
    near.into_iter().take(MOST).map(|(_, typed)| typed).collect()
}

/// The names that are near to a word, the nearest first.
pub(super) fn near_names(typed: &str, names: &[String]) -> Vec<String> {
    let mut near: Vec<(usize, &String)> =
        names.iter().filter_map(|name| Some((distance(typed, name)?, name))).collect();
    near.sort();
    near.dedup();
    let best = near.first().map_or(0, |(far, _)| *far);
    near.retain(|(far, _)| *far == best);
    near.into_iter().take(MOST).map(|(_, name)| name.clone()).collect()
}

/// Names as one reads them: one of them was meant.
pub(super) fn either(names: &[String]) -> Option<String> {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let (last, others) = names.split_last()?;
    Some(if others.is_empty() { last.clone() } else { format!("{} or {last}", others.join(", ")) })
}

/// The words that were typed behind the program's name, without options and what belongs to those
/// that stand before a command.
pub(super) fn words(typed: &[String]) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = typed.iter().skip(1).map(String::as_str).take_while(|word| *word != "--");
    while let Some(word) = rest.next() {
        if word == "--plugin-dir" {
            rest.next();
        } else if !word.starts_with('-') {
            words.push(word);
        }
    }
    words
}

struct Known {
    group: Option<&'static str>,
    name: String,
    /// The name proper, where `name` is an alias.
    command: String,
}

impl Known {
    fn typed(&self) -> String {
        // A plugin may call its command anything.
        let command = quote(&self.command);
        match self.group {
            Some(group) => format!("{group} {command}"),
            None => command,
        }
    }
}

/// Every command that help lists: the plugins' and the host's own.
fn known(catalogue: &Catalogue, host: &Command) -> Vec<Known> {
    let mut known = Vec::new();
    for (scope, group) in
        [(Scope::Server, Some("server")), (Scope::Local, Some("local")), (Scope::Top, None)]
    {
        for owned in catalogue.commands(scope).filter(|owned| !owned.command.hidden) {
            let command = &owned.command.name;
            for name in owned.command.aliases.iter().chain([command]) {
                known.push(Known { group, name: name.clone(), command: command.clone() });
            }
        }
    }
    let listed = |command: &&Command| !command.is_hide_set();
    for top in host.get_subcommands().filter(listed) {
        let own = |group, command: &Command| {
            let name = command.get_name().to_owned();
            Known { group, name: name.clone(), command: name }
        };
        known.push(own(None, top));
        if top.get_name() == "plugin" {
            known.extend(top.get_subcommands().filter(listed).map(|sub| own(Some("plugin"), sub)));
        }
    }
    known
}

/// How far a word is from a name, in letters; `None` where it is too far to have been meant. A
/// beginning is near.
fn distance(typed: &str, name: &str) -> Option<usize> {
    if typed == name {
        return Some(0);
    }
    let most = (name.chars().count() / 4).clamp(1, 3);
    let far = damerau_levenshtein(typed, name);
    if far <= most && far < typed.chars().count() {
        return Some(far);
    }
    (typed.chars().count() >= 3 && name.starts_with(typed)).then_some(most)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        assert_eq!(distance("health", "health"), Some(0));
        assert_eq!(distance("creat", "create"), Some(1));
        assert_eq!(distance("orchestrtions", "orchestrations"), Some(1));
        assert_eq!(distance("sever", "server"), Some(1));
        assert_eq!(distance("crate", "create"), Some(1));
        assert_eq!(distance("orch", "orchestrations"), Some(3));
        assert_eq!(distance("up", "get"), None);
        assert_eq!(distance("backups", "stats"), None);
        assert_eq!(distance("x", "up"), None);
    }
}
