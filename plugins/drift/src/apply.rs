//! Doing what a plan says. Only what is here can write, and only with the operator's confirmation.

pub(crate) mod answering;
mod audit;
pub(crate) mod auto;
mod cms;
mod faults;
mod kube;
mod password;
mod reset;

pub(crate) use password::Password;

use crate::plan::{Action, Plan, Step, observe};
use crate::read::again;
use crate::settings::{Settings, quoted};
use toygres_model::drift::Kind;
use toygres_plugin_api::{Confirmed, Context, Error, ErrorKind, Result};

/// What became of a step.
#[derive(Debug, Clone)]
pub(crate) enum StepOutcome {
    /// It was done.
    Done,
    /// It had been done before.
    Already,
    /// It could not be done.
    Failed(Error),
    /// An earlier step of its instance failed.
    Skipped,
}

/// The failure of the first step that failed, with those of the others as causes.
pub(crate) fn failure(plan: &Plan, done: &[StepOutcome]) -> Option<Error> {
    let mut failures = plan.steps.iter().zip(done).filter_map(|(step, became)| match became {
        StepOutcome::Failed(error) => Some((step, error)),
        _ => None,
    });
    let (_, first) = failures.next()?;
    let more = failures.map(|(step, error)| format!("{}: {}", step.text(), error.message));
    let skipped =
        plan.steps.iter().zip(done).filter(|(_, became)| matches!(became, StepOutcome::Skipped));
    let skipped = skipped.map(|(step, _)| format!("not tried: {}", step.text()));
    let causes = first.causes.iter().cloned().chain(more).chain(skipped).collect();
    Some(Error { causes, ..first.clone() })
}

/// What a run of steps needs.
pub(crate) struct Applying<'a> {
    pub(crate) ctx: &'a Context,
    pub(crate) settings: &'a Settings,
    pub(crate) confirmed: &'a Confirmed,
    pub(crate) password: Option<&'a Password>,
}

impl Applying<'_> {
    /// Does all steps, and answers what became of each. A step that fails ends those of its own
    /// instance alone: what can be done for others is done.
    ///
    /// # Errors
    /// `refused` where the plan's state is not the present one; `interrupted`.
    pub(crate) async fn all(&self, plan: &Plan) -> Result<Vec<StepOutcome>> {
        self.is_fresh(plan).await?;
        let mut done: Vec<StepOutcome> = Vec::new();
        for (number, step) in plan.steps.iter().enumerate() {
            let before = plan.steps.iter().zip(&done);
            let blocked = before
                .filter(|(earlier, _)| earlier.k8s_name == step.k8s_name)
                .any(|(_, became)| !matches!(became, StepOutcome::Done | StepOutcome::Already));
            if blocked {
                done.push(StepOutcome::Skipped);
                continue;
            }
            faults::at(number + 1, "before");
            let what = format!("{} of {}: {}", number + 1, plan.steps.len(), step.text());
            self.ctx.ui().progress(what).await;
            match self.one(number + 1, step).await {
                Ok(became) => done.push(became),
                Err(error) if error.kind == ErrorKind::Interrupted => return Err(error),
                Err(error) => {
                    let text = format!("step {} failed: {}", number + 1, step.text());
                    let next = self.next(&error);
                    let error = Error { causes: [vec![text], error.causes].concat(), ..error };
                    // Where the database is gone or closed, no other step can tell of itself.
                    let is_hopeless = step.is_in_cms() && error.kind == ErrorKind::Unavailable;
                    done.push(StepOutcome::Failed(error.hint(next)));
                    if is_hopeless {
                        done.resize_with(plan.steps.len(), || StepOutcome::Skipped);
                        break;
                    }
                }
            }
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

    /// Does one step. What was written down before it is closed again where it fails.
    async fn one(&self, number: usize, step: &Step) -> Result<StepOutcome> {
        if step.is_in_cms() {
            return self.act(number, step).await;
        }
        let opened = self.intended(step).await?;
        faults::at(number, "intended");
        match self.act(number, step).await {
            Err(error) if error.kind != ErrorKind::Interrupted => {
                if let Some(opened) = opened {
                    self.not_done(opened, &error).await;
                }
                Err(error)
            }
            became => became,
        }
    }

    async fn act(&self, number: usize, step: &Step) -> Result<StepOutcome> {
        let done = match &step.action {
            Action::MarkDeleted
            | Action::Import(_)
            | Action::RecordMonitor { .. }
            | Action::RecordAddress { .. }
            | Action::RecordStorage { .. } => return self.in_cms(number, step).await,
            Action::Settle { detection, .. } => return self.settled(*detection).await,
            Action::KeepPassword => {
                let password = self.password.ok_or_else(|| {
                    Error::usage("the password of an instance without a Secret is not known")
                        .hint("give it with `--password-file FILE`")
                })?;
                self.keep_password(step, password).await?
            }
            Action::RestoreSecret => {
                let password = self.recorded_password(step).await?;
                self.keep_password(step, &password).await?
            }
            Action::ResetPassword { has_secret } => self.reset_password(step, *has_secret).await?,
            Action::MakeStatefulSet { version, image } => {
                self.make_stateful_set(step, version, image).await?
            }
            Action::StartMonitor => self.start_monitor(step).await?,
            Action::MakeService { load_balancer, dns_label } => {
                self.make_service(step, *load_balancer, dns_label.as_deref()).await?
            }
            Action::RestoreLabels { piece, object, object_version } => {
                self.restore_labels(step, piece, object, object_version).await?
            }
        };
        // What is imported has no record yet to which an event could belong.
        let event = step.kind != Kind::Orphaned.word() || step.action != Action::KeepPassword;
        self.audited(number, step, done, event).await
    }
}
