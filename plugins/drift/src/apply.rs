//! Doing what a plan says. Only what is here can write, and only with the operator's confirmation.

mod audit;
pub(crate) mod auto;
mod cms;
mod faults;
mod kube;
mod password;

pub(crate) use password::Password;

use crate::plan::{Action, Plan, Step, observe};
use crate::read::again;
use crate::settings::{Settings, quoted};
use toygres_plugin_api::{Confirmed, Context, Error, Result};

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// It was done.
    Done,
    /// It had been done before.
    Already,
}

/// What a run of steps needs.
pub(crate) struct Applying<'a> {
    pub(crate) ctx: &'a Context,
    pub(crate) settings: &'a Settings,
    pub(crate) confirmed: &'a Confirmed,
    pub(crate) password: Option<&'a Password>,
}

impl Applying<'_> {
    /// Does all steps, and answers what became of each.
    ///
    /// # Errors
    /// `refused` where the plan's state is not the present one; what a step fails with. What was
    /// done before it stays done, and another run goes on from there.
    pub(crate) async fn all(&self, plan: &Plan) -> Result<Vec<Done>> {
        self.is_fresh(plan).await?;
        let mut done = Vec::new();
        for (number, step) in plan.steps.iter().enumerate() {
            faults::at(number + 1, "before");
            let what = format!("{} of {}: {}", number + 1, plan.steps.len(), step.text());
            self.ctx.ui().progress(what).await;
            let became = self.one(number + 1, step).await.map_err(|error| {
                let text = format!("step {} failed: {}", number + 1, step.text());
                let next = self.next(&error);
                Error { causes: [vec![text], error.causes].concat(), ..error }.hint(next)
            })?;
            done.push(became);
        }
        self.ctx.ui().progress("").await;
        Ok(done)
    }

    /// What to do after a step that failed: trying again helps nobody who lacks a right.
    fn next(&self, error: &Error) -> String {
        let said = |state: &str| {
            error.causes.iter().any(|cause| cause.strip_prefix("SQLSTATE ") == Some(state))
        };
        let stays = "what was done stays";
        let again = "run `toygres server sync` again to go on";
        if said("42501") {
            let schema = quoted(&self.settings.cms);
            return format!(
                "the database's role may not write; ask for INSERT and UPDATE: `GRANT INSERT, UPDATE \
                 ON ALL TABLES IN SCHEMA {schema} TO <role>; GRANT USAGE ON ALL SEQUENCES IN SCHEMA \
                 {schema} TO <role>`; {stays}"
            );
        }
        if said("25006") {
            return format!("give the address of a database that can be written; {stays}");
        }
        match &error.hint {
            Some(hint) => format!("{hint}; {stays}: {again}"),
            None => format!("{stays}; {again}"),
        }
    }

    /// Reads what the plan was decided on once more.
    async fn is_fresh(&self, plan: &Plan) -> Result<()> {
        let names = plan.instances();
        let sides = again::exactly(self.ctx, self.settings, names.clone()).await?;
        let now = observe(&sides, &names);
        if now == plan.observed {
            return Ok(());
        }
        let keys =
            plan.observed.keys().chain(now.keys()).collect::<std::collections::BTreeSet<_>>();
        let mut error = Error::refused("what the plan was made for has changed; nothing was done")
            .hint("look at it again with `toygres server sync --dry-run`");
        for key in keys {
            let (then, now) = (plan.observed.get(key), now.get(key));
            if then != now {
                let shown =
                    |value: Option<&String>| value.map_or("unknown", String::as_str).to_owned();
                error = error.cause(format!("{key} was `{}`, is `{}`", shown(then), shown(now)));
            }
        }
        Err(error)
    }

    async fn one(&self, number: usize, step: &Step) -> Result<Done> {
        if !step.is_in_cms() {
            self.intended(step).await?;
            faults::at(number, "intended");
        }
        match &step.action {
            Action::MarkDeleted
            | Action::Import(_)
            | Action::RecordMonitor { .. }
            | Action::RecordAddress { .. }
            | Action::RecordStorage { .. } => self.in_cms(number, step).await,
            Action::Settle { detection, .. } => self.settled(*detection).await,
            Action::KeepPassword => {
                let password = self.password.ok_or_else(|| {
                    Error::usage("the password of an instance without a Secret is not known")
                        .hint("give it with `--password-file FILE`")
                })?;
                let done = self.keep_password(step, password).await?;
                // It has no record yet to which an event could belong.
                self.audited(number, step, done, false).await
            }
            Action::StartMonitor => {
                let done = self.start_monitor(step).await?;
                self.audited(number, step, done, true).await
            }
            Action::MakeService { load_balancer, dns_label } => {
                let done = self.make_service(step, *load_balancer, dns_label.as_deref()).await?;
                self.audited(number, step, done, true).await
            }
            Action::RestoreLabels { piece, object, object_version } => {
                let done = self.restore_labels(step, piece, object, object_version).await?;
                self.audited(number, step, done, true).await
            }
        }
    }
}
