//! The question itself, as the terminal shows it.

use dialoguer::theme::Theme;
use dialoguer::{Confirm as YesNo, Input};
use std::fmt;
use toygres_plugin_api::protocol::Confirm;
use toygres_plugin_api::text::escape;

/// `? Are you sure? (y/N)`.
struct Plain;

impl Theme for Plain {
    fn format_confirm_prompt(
        &self,
        f: &mut dyn fmt::Write,
        prompt: &str,
        _default: Option<bool>,
    ) -> fmt::Result {
        write!(f, "? {prompt} (y/N) ")
    }

    fn format_confirm_prompt_selection(
        &self,
        f: &mut dyn fmt::Write,
        prompt: &str,
        selection: Option<bool>,
    ) -> fmt::Result {
        let said = if selection == Some(true) { "yes" } else { "no" };
        write!(f, "? {prompt} {said}")
    }

    fn format_input_prompt(
        &self,
        f: &mut dyn fmt::Write,
        prompt: &str,
        _default: Option<&str>,
    ) -> fmt::Result {
        write!(f, "? {prompt}: ")
    }
}

/// Whether the operator says yes, or types the name; Enter alone says no.
///
/// # Errors
/// When the terminal cannot be read, or its operator interrupts.
pub(super) fn ask(question: &Confirm) -> dialoguer::Result<bool> {
    let asked = escape(&question.question);
    match &question.type_name {
        None => YesNo::with_theme(&Plain).with_prompt(asked).default(false).interact(),
        Some(name) => {
            let typed: String = Input::with_theme(&Plain)
                .with_prompt(format!("{asked} Type `{}` to confirm", escape(name)))
                .allow_empty(true)
                .interact_text()?;
            Ok(&typed == name)
        }
    }
}
