//! Says how far the control plane is, to whoever waits for it.

use crate::api::Found;
use crate::instance::Instance;
use crate::view::steps;
use crate::wait::{Goal, now};
use std::io::IsTerminal;
use toygres_plugin_api::report::{Block, Tone};
use toygres_plugin_api::{Context, Error, Report, Result};

/// Says how far it is, where the operator can see it: drawn in place on stdout, or on stderr.
pub(crate) struct Teller<'a> {
    ctx: &'a Context,
    goal: Goal,
    news: News,
}

impl<'a> Teller<'a> {
    pub(crate) fn new(ctx: &'a Context, goal: Goal) -> Self {
        Self { ctx, goal, news: News::default() }
    }

    /// Says it, where it is news. `lost` is why the API could not be asked.
    ///
    /// # Errors
    /// When stdout is closed.
    pub(crate) async fn tell(&mut self, found: &Found, lost: Option<&Error>) -> Result<()> {
        if draws(self.ctx) {
            let title = capital(&self.title(found));
            let frame = frame(found, Block::remark(Tone::Active, title), lost)?;
            return self.ctx.ui().show(&frame).await;
        }
        let line = self.line(found, lost);
        if std::io::stderr().is_terminal() {
            self.ctx.ui().progress(line).await;
        } else {
            let last = found.steps.last();
            let finding = lost.map(|lost| lost.message.as_str());
            let finding = finding.or_else(|| last.and_then(|last| last.message.as_deref()));
            if self.news.is(last.map_or("", |last| last.step.as_str()), finding) {
                self.ctx.ui().note(line).await;
            }
        }
        Ok(())
    }

    /// The last frame, which stays above the answer.
    ///
    /// # Errors
    /// When stdout is closed.
    pub(crate) async fn ended(&self, found: &Found) -> Result<()> {
        if !draws(self.ctx) {
            return Ok(());
        }
        let Instance { name, k8s_name, state, .. } = &found.instance;
        let tone = if state == self.goal.wanted() { Tone::Good } else { Tone::Bad };
        let title = Block::remark(tone, format!("{name} ({k8s_name}) is {state}"));
        self.ctx.ui().show(&frame(found, title, None)?.block(Block::Blank)).await
    }

    fn title(&self, found: &Found) -> String {
        let Instance { name, k8s_name, .. } = &found.instance;
        format!("{} {name} ({k8s_name})", self.goal.doing())
    }

    /// The step under way, and what was found in it; without times, so that it changes only when
    /// something happens.
    fn line(&self, found: &Found, lost: Option<&Error>) -> String {
        if let Some(lost) = lost {
            return format!("{}; trying again", lost.message);
        }
        let title = self.title(found);
        match found.steps.last() {
            None => format!("{title}: waiting for a worker"),
            Some(last) => {
                let message = last.message.as_deref().filter(|message| !message.is_empty());
                let message = message.map(|message| format!(": {message}")).unwrap_or_default();
                format!("{title}: {} {}{message}", last.step, last.state)
            }
        }
    }
}

/// What was said last to those who read line by line: a step, and what was found in it.
#[derive(Default)]
struct News(Option<(String, Option<String>)>);

impl News {
    /// Whether this is worth saying. The tries of one step follow each other: only what they find
    /// is.
    fn is(&mut self, step: &str, finding: Option<&str>) -> bool {
        let known = self.0.as_ref().is_some_and(|(said, found)| {
            said == step && (finding.is_none() || finding == found.as_deref())
        });
        if !known {
            self.0 = Some((step.to_owned(), finding.map(str::to_owned)));
        }
        !known
    }
}

/// Whether steps are drawn in place on stdout: where the answer will be a table on a terminal.
pub(crate) fn draws(ctx: &Context) -> bool {
    let output = ctx.output();
    output.terminal && matches!(output.format.as_str(), "table" | "wide")
}

fn frame(found: &Found, title: Block, lost: Option<&Error>) -> Result<Report> {
    let steps = steps::block(&found.steps, &found.instance.state, now());
    let report = Report::data(&found.instance)?.block(title).block(steps);
    Ok(match lost {
        Some(lost) => {
            report.block(Block::remark(Tone::Warn, format!("{}; trying again", lost.message)))
        }
        None => report,
    })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::News;

    #[test]
    fn only_what_is_new_is_said() {
        let mut news = News::default();
        for (step, finding, is_new) in [
            ("", None, true),
            ("", None, false),
            ("wait-for-ready", None, true),
            ("wait-for-ready", Some("pending"), true),
            ("wait-for-ready", None, false),
            ("wait-for-ready", Some("pending"), false),
            ("wait-for-ready", Some("pulling"), true),
            ("test-connection", Some("pulling"), true),
            ("test-connection", None, false),
        ] {
            assert_eq!(news.is(step, finding), is_new, "{step} {finding:?}");
        }
    }
}
