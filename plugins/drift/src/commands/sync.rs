//! `sync`.

use crate::apply::{Applying, Password, StepOutcome, failure};
use crate::complete;
use crate::ignore::Rules;
use crate::plan::{self, Action, Left, Plan};
use crate::read::{self, Sides, again, kube};
use crate::settings::Settings;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use toygres_model::drift::{Piece, Record};
use toygres_model::instance::State;
use toygres_plugin_api::report::{Block, Step as Line, Tone};
use toygres_plugin_api::{Args, Confirmation, Context, Error, Report, Result, Schema};

/// Synchronize CMS with K8s state (reconciliation).
///
/// A plan is made and shown first; it is done after a confirmation, and only while what it was made
/// for is as it was. Without an option that names an instance it has a step for everything that
/// `drift` finds and that can be resolved without a decision; a lost StatefulSet is made again around
/// the data volume that is there. Each step can be done again, and one that fails holds up no other
/// instance; nothing is deleted from Kubernetes.
#[derive(Args)]
#[command(
    category = "Data Consistency",
    mutating,
    grace = "30s",
    detail = Answer,
    examples = [
        "toygres server sync --dry-run",
        "toygres server sync --import abandoned-db-xyz123",
        "toygres server sync --mark-deleted ghost-db",
    ]
)]
pub(crate) struct Sync {
    /// Import orphaned K8s resource to CMS
    #[arg(long, value_name = "K8S_NAME", conflicts = ["mark_deleted"])]
    import: Option<String>,
    /// Mark abandoned CMS record as deleted
    #[arg(long, value_name = "NAME", complete = complete::instances)]
    mark_deleted: Option<String>,
    /// Make the lost Secret of an instance again, with the password that it has
    #[arg(
        long,
        value_name = "NAME",
        complete = complete::instances,
        conflicts = ["import", "mark_deleted"]
    )]
    restore_secret: Option<String>,
    /// Give an instance the password of its Secret, or a new one if that is lost, and restart it
    #[arg(
        long,
        value_name = "NAME",
        complete = complete::instances,
        conflicts = ["import", "mark_deleted", "restore_secret"]
    )]
    reset_password: Option<String>,
    /// Show what would be done without doing it
    #[arg(long)]
    dry_run: bool,
    /// With --import: the name that it gets
    #[arg(long, value_name = "NAME", requires = ["import"])]
    name: Option<String>,
    /// With --import and --restore-secret: the password where no Secret has it; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts = ["mark_deleted", "reset_password"])]
    password_file: Option<PathBuf>,
    /// With --dry-run: keep the plan in this file; else: do the plan of this file
    #[arg(long, value_name = "FILE", writes)]
    plan: Option<PathBuf>,
    /// Let a known drift pass: KIND:NAME/FIELD [until DATE] [because REASON]
    #[arg(long, value_name = "RULE")]
    ignore: Vec<String>,
}

/// What `sync` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Schema)]
pub(crate) struct Answer {
    /// Nothing was done.
    pub(crate) dry_run: bool,
    /// Of the plan and the state that it was decided on.
    pub(crate) digest: String,
    /// In the order in which they are done.
    pub(crate) steps: Vec<Told>,
    /// Drift that it does not resolve.
    pub(crate) left: Vec<Left>,
    /// The plan as `--plan` reads it.
    pub(crate) plan: serde_json::Value,
}

/// A step as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Schema)]
pub(crate) struct Told {
    /// From 1.
    number: usize,
    /// `import`, `mark_deleted`, …
    action: String,
    /// The instance's name in Kubernetes.
    k8s_name: String,
    /// The name that its user gave it.
    instance: String,
    /// The namespace.
    namespace: String,
    /// One line.
    text: String,
    /// `planned`, `done`, `already`, `failed` or `skipped`.
    status: String,
}

pub(crate) async fn sync(ctx: &Context, args: Sync) -> Result<Report> {
    let settings = Settings::read(ctx).await?;
    Rules::read(&args.ignore, &settings, "")?;
    if args.password_file.is_some() && args.import.is_none() && args.restore_secret.is_none() {
        return Err(Error::usage("`--password-file` is for `--import` and `--restore-secret`")
            .hint("see `toygres server sync --help`"));
    }
    let given = args.password_file.as_deref().map(Password::from_file).transpose()?;
    let plan = decide(ctx, &settings, &args).await?;
    if args.dry_run {
        if let Some(file) = &args.plan {
            plan::save(&plan, file)?;
            ctx.ui().note(format!("the plan is in `{}`", file.display())).await;
        }
        let report = told(&plan, true, None)?;
        return Ok(if plan.steps.is_empty() {
            report
        } else {
            report.hint("Nothing was done. Do it with 'toygres server sync' and the same options.")
        });
    }
    if plan.steps.is_empty() {
        return told(&plan, false, Some(&[]));
    }
    let password = password(ctx, &plan, given).await?;
    let confirmation = Confirmation::new(question(&plan)).preview(told(&plan, true, None)?);
    let confirmed = ctx.ui().confirm(confirmation).await?;
    let (password, confirmed) = (password.as_ref(), &confirmed);
    let done = Applying { ctx, settings: &settings, confirmed, password }.all(&plan).await?;
    let Some(error) = failure(&plan, &done) else { return told(&plan, false, Some(&done)) };
    for (step, became) in plan.steps.iter().zip(&done) {
        if matches!(became, StepOutcome::Done | StepOutcome::Already) {
            ctx.ui().note(format!("{}: {}", word(became), step.text())).await;
        }
    }
    Err(error)
}

/// The plan that was asked for.
async fn decide(ctx: &Context, settings: &Settings, args: &Sync) -> Result<Plan> {
    if let Some(file) = args.plan.as_deref().filter(|_| !args.dry_run) {
        let others = [&args.import, &args.mark_deleted, &args.restore_secret, &args.reset_password];
        if others.into_iter().any(Option::is_some) {
            return Err(Error::usage("a plan of a file is done as it is")
                .hint("leave out the options that name an instance, or give --dry-run"));
        }
        return plan::load(file);
    }
    if let Some(k8s_name) = &args.import {
        return import(ctx, settings, k8s_name, args.name.as_deref()).await;
    }
    if let Some(name) = &args.mark_deleted {
        return mark_deleted(ctx, settings, name).await;
    }
    if let Some(name) = &args.restore_secret {
        let (record, sides) = instance(ctx, settings, name).await?;
        return plan::restore_secret(&record, &sides, settings);
    }
    if let Some(name) = &args.reset_password {
        let (record, sides) = instance(ctx, settings, name).await?;
        return plan::reset_password(&record, &sides, settings);
    }
    ctx.ui().progress("comparing the CMS with Kubernetes").await;
    let sides = read::everything(ctx, settings).await?;
    if let Some(unread) = sides.unread.iter().find(|unread| unread.needed) {
        let what = format!("{} cannot be read, so that no plan can be made", unread.what);
        let look = match unread.source.as_str() {
            "kubernetes" => {
                "see `toygres server health --check TG0501` for the cluster, and sync again"
            }
            _ => "see `toygres server db-status` for the database, and sync again",
        };
        return Err(Error::unavailable(what).cause(&unread.reason).hint(look));
    }
    let mut findings = again::compared(ctx, settings, &sides).await?.findings;
    let rules = Rules::read(&args.ignore, settings, &sides.moment.today)?;
    rules.apply(&mut findings);
    ctx.ui().progress("").await;
    plan::resolve(ctx, settings, &findings, kept(&sides)).await
}

/// How many instances the CMS has that are not deleted.
fn kept(sides: &Sides) -> usize {
    sides.records.iter().filter(|record| record.state != State::Deleted).count()
}

async fn import(
    ctx: &Context,
    settings: &Settings,
    k8s_name: &str,
    name: Option<&str>,
) -> Result<Plan> {
    let usual = kube::namespace(ctx, settings).await;
    let namespace = place(ctx, settings, k8s_name, usual).await?;
    let names = BTreeMap::from([(k8s_name.to_owned(), BTreeSet::from([namespace.clone()]))]);
    let sides = again::exactly(ctx, settings, names).await?;
    let wanted = plan::Wanted { k8s_name, namespace: &namespace, name };
    // The password is asked for once the plan is known to need it.
    plan::import(&wanted, &sides, settings, true)
}

/// The namespace in which there is something of the instance: the usual one, or one that a record
/// names.
async fn place(
    ctx: &Context,
    settings: &Settings,
    k8s_name: &str,
    usual: String,
) -> Result<String> {
    let service = ctx.kube_service();
    let mut places = Vec::new();
    let all: BTreeSet<String> = read::cms::namespaces(ctx, settings).await?.into_iter().collect();
    let others = all.into_iter().filter(|namespace| *namespace != usual);
    for namespace in std::iter::once(usual.clone()).chain(others) {
        let set = kube::get(&service, &namespace, Piece::StatefulSet, k8s_name).await;
        match set {
            Ok(Some(_)) => places.push(namespace),
            Ok(None) => {}
            // What may not be read elsewhere is no instance of ours.
            Err(_) if namespace != usual => {}
            Err(error) => return Err(error),
        }
    }
    match places.as_slice() {
        [] => Ok(usual),
        // The usual one goes before others, so that one can be chosen with `--namespace`.
        [first, ..] if *first == usual => Ok(usual),
        [only] => Ok(only.clone()),
        several => Err(Error::failed(format!("`{k8s_name}` is in several namespaces"))
            .cause(several.join(", "))
            .hint("choose one with `--namespace`")),
    }
}

async fn mark_deleted(ctx: &Context, settings: &Settings, name: &str) -> Result<Plan> {
    let (record, sides) = instance(ctx, settings, name).await?;
    plan::mark_deleted(&record, &sides)
}

/// The instance that an operator calls so, and what both sides say of it.
async fn instance(ctx: &Context, settings: &Settings, name: &str) -> Result<(Record, Sides)> {
    let k8s_name = read::cms::find(ctx, settings, name).await?;
    let names = BTreeMap::from([(k8s_name.clone(), BTreeSet::new())]);
    let sides = again::exactly(ctx, settings, names).await?;
    let record = sides.records.iter().find(|record| record.k8s_name == k8s_name).cloned();
    let record = record.ok_or_else(|| read::cms::no_such(name))?;
    Ok((record, sides))
}

/// The password, where a step needs it.
async fn password(ctx: &Context, plan: &Plan, given: Option<Password>) -> Result<Option<Password>> {
    let needs = plan.steps.iter().find(|step| step.action == Action::KeepPassword);
    match (needs, given) {
        (None, _) => Ok(None),
        (Some(_), Some(given)) => Ok(Some(given)),
        (Some(step), None) => Password::asked(ctx, &step.k8s_name).await.map(Some),
    }
}

/// What the operator is asked.
pub(crate) fn question(plan: &Plan) -> String {
    match plan.steps.len() {
        1 => "Do this?".to_owned(),
        steps => format!("Do these {steps} steps?"),
    }
}

/// What became of a step, in a word.
pub(crate) fn word(done: &StepOutcome) -> &'static str {
    match done {
        StepOutcome::Done => "done",
        StepOutcome::Already => "already",
        StepOutcome::Failed(_) => "failed",
        StepOutcome::Skipped => "skipped",
    }
}

/// The plan, and what became of its steps where they were done.
pub(crate) fn told(plan: &Plan, dry_run: bool, done: Option<&[StepOutcome]>) -> Result<Report> {
    let became = |number: usize| done.and_then(|done| done.get(number));
    let steps = plan.steps.iter().enumerate().map(|(number, step)| Told {
        number: number + 1,
        action: step.word().to_owned(),
        k8s_name: step.k8s_name.clone(),
        instance: step.instance.clone(),
        namespace: step.namespace.clone(),
        text: step.text(),
        status: became(number).map_or("planned", word).to_owned(),
    });
    let answer = Answer {
        dry_run,
        digest: plan.digest(),
        steps: steps.collect(),
        left: plan.left.clone(),
        plan: serde_json::to_value(plan)?,
    };
    let report = Report::data(&answer)?.block(Block::heading("Sync"));
    let report = if answer.steps.is_empty() {
        report.block(Block::remark(Tone::Good, "Nothing to do"))
    } else {
        report.block(Block::steps(answer.steps.iter().map(line)))
    };
    let left = answer.left.iter().map(|left| {
        let Left { kind, k8s_name, fields, reason } = left;
        Block::text(format!("- {kind} {k8s_name} ({}): {reason}", fields.join(", ")))
    });
    Ok(report.block(Block::section("Left", left.collect::<Vec<_>>())))
}

fn line(step: &Told) -> Line {
    let (tone, detail) = match step.status.as_str() {
        "done" => (Tone::Good, None),
        "already" => (Tone::Good, Some("done before".to_owned())),
        "failed" | "skipped" => (Tone::Bad, Some(step.status.clone())),
        _ => (Tone::Muted, None),
    };
    Line { tone, label: format!("{}. {}", step.number, step.text), detail, lines: Vec::new() }
}
