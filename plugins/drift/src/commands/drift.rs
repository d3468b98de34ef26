//! `drift`.

use crate::answer::{Answer, Drift as Told, Moving, OtherVersion, Summary};
use crate::ignore::Rules;
use crate::plan;
use crate::read::{self, again, cms};
use crate::settings::Settings;
use toygres_plugin_api::{Args, Context, Report, Result};

/// Check for drift between CMS and K8s.
///
/// Compares both sides field by field and changes nothing. What an orchestration is working on,
/// what is being deleted and what Kubernetes fills in by itself is no drift. Exit code 1 where there
/// is drift, 4 where something could not be read. With `--auto-resolve` what is simple is put right
/// after a confirmation: addresses, sizes and monitors in the CMS; nothing is deleted, and an address
/// is written only if PostgreSQL answers there. Everything else is for `toygres server sync`.
#[derive(Args)]
#[command(
    category = "Data Consistency",
    watchable,
    detail = Answer,
    examples = [
        "toygres server drift",
        "toygres server drift --ignore 'mismatch:proddb-*/image because it is pinned'",
    ]
)]
pub(crate) struct Drift {
    /// Automatically resolve simple drifts
    #[arg(long, mutates)]
    auto_resolve: bool,
    /// Show details for each drift, and what was ignored or is in flight
    #[arg(long, short)]
    verbose: bool,
    /// Let a known drift pass: KIND:NAME/FIELD [until DATE] [because REASON]
    #[arg(long, value_name = "RULE")]
    ignore: Vec<String>,
}

pub(crate) async fn drift(ctx: &Context, args: Drift) -> Result<Report> {
    let settings = Settings::read(ctx).await?;
    // A rule that cannot be read is told before anything is asked for.
    Rules::read(&args.ignore, &settings, "")?;
    let (answer, sides, findings) = look(ctx, &settings, &args.ignore).await?;
    if !args.auto_resolve {
        return answer.report(args.verbose);
    }
    crate::apply::auto::resolve(ctx, &settings, &sides, &findings).await?;
    let (answer, ..) = look(ctx, &settings, &args.ignore).await?;
    answer.report(args.verbose)
}

/// Reads both sides and compares them.
async fn look(
    ctx: &Context,
    settings: &Settings,
    ignore: &[String],
) -> Result<(Answer, read::Sides, Vec<toygres_model::drift::Finding>)> {
    ctx.ui().progress("comparing the CMS with Kubernetes").await;
    let sides = read::everything(ctx, settings).await?;
    let compared = again::compared(ctx, settings, &sides).await?;
    let rules = Rules::read(ignore, settings, &sides.moment.today)?;
    let mut findings = compared.findings;
    let ignored = rules.apply(&mut findings);
    let since = if findings.is_empty() {
        std::collections::HashMap::new()
    } else {
        cms::since(ctx, settings).await
    };
    let kubectl = &settings.kubectl;
    let drifts: Vec<Told> =
        findings.iter().map(|finding| Told::of(finding, &since, kubectl)).collect();
    let kept = |record: &&toygres_model::drift::Record| {
        record.state != toygres_model::instance::State::Deleted
    };
    ctx.ui().progress("").await;
    let checked_instances = sides.records.iter().filter(kept).count();
    let mut simple = plan::of_findings(&findings, &sides, checked_instances, settings).simple();
    // What would not be done is not offered.
    crate::apply::answering::keep_answering(&mut simple).await;
    let other_versions = if settings.is_local { other_versions(&sides) } else { Vec::new() };
    let answer = Answer {
        checked_instances,
        simple_steps: simple.steps.len(),
        checked_objects: sides.cluster.objects(),
        summary: Summary::of(&drifts),
        drifts,
        ignored,
        expired_rules: rules.expired,
        in_flight: compared.in_flight.into_iter().map(|it| Moving::of(it, kubectl)).collect(),
        not_compared: sides.unread.clone(),
        other_versions,
    };
    Ok((answer, sides, findings))
}

/// The instances of this machine that run another major version than was asked for.
fn other_versions(sides: &read::Sides) -> Vec<OtherVersion> {
    let mut others: Vec<OtherVersion> = sides
        .records
        .iter()
        .filter_map(|record| {
            Some(OtherVersion {
                k8s_name: record.k8s_name.clone(),
                postgres_version: record.version.clone(),
                running_version: record.other_major()?.to_owned(),
            })
        })
        .collect();
    others.sort_by(|a, b| a.k8s_name.cmp(&b.k8s_name));
    others
}
