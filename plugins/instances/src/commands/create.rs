//! `create`.

use crate::api::{self, Found};
use crate::instance::{Detail, Instance};
use crate::password;
use crate::tell;
use crate::view::detail;
use crate::wait::{self, Goal, now};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use toygres_model::instance::NewInstance;
use toygres_model::request::{self, Refusal};
use toygres_plugin_api::report::Verdict;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Args, Confirmation, Context, Error, Pair, Report, Result};

/// Create a database.
///
/// The control plane makes it: without `--wait` the answer is that it has begun. Where no password
/// is given, one is generated.
#[derive(Args)]
#[command(
    scope = "top",
    category = "Databases",
    mutating,
    consent = "typed",
    detail = Detail,
    examples = [
        "toygres create mydb --wait --show-password",
        "toygres create mydb --password-file ./secret --storage 20GB --tag team=data",
        "toygres create mydb --internal --version 17 -o json"
    ]
)]
pub(crate) struct Create {
    /// Its name: a letter, then a-z, 0-9 and `-`
    #[arg(positional, value_name = "NAME")]
    name: String,
    /// The superuser's password; others may see it in the list of processes
    #[arg(long, value_name = "PASSWORD", conflicts = ["password_file"])]
    password: Option<String>,
    /// A file with the password, `-` for standard input [env: TOYGRES_PASSWORD holds one itself]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The version of PostgreSQL, such as 17.2; by default 18, or on the stand-in of `toygres local` the
    /// newest that is installed
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Storage in GB, as 20, 20GB or 1TB; a GB is Kubernetes' Gi
    #[arg(long, value_name = "SIZE", default = "10")]
    storage: String,
    /// Give it an address outside of the cluster (the default)
    #[arg(long, conflicts = ["internal"])]
    load_balancer: bool,
    /// Let it be reached from within the cluster only
    #[arg(long, conflicts = ["dns_label"])]
    internal: bool,
    /// The first part of its public DNS name
    #[arg(long, value_name = "LABEL")]
    dns_label: Option<String>,
    /// A note of your own (may be repeated)
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<Pair>,
    /// Wait until it runs
    #[arg(long)]
    wait: bool,
    /// With --wait: give up after this long
    #[arg(long, value_name = "DURATION", default = "10m", requires = ["wait"])]
    timeout: Duration,
    /// Show the password in the answer
    #[arg(long, reveals)]
    show_password: bool,
}

pub(crate) async fn create(ctx: &Context, args: Create) -> Result<Report> {
    let mut wanted = wanted(&args).map_err(wrong)?;
    wanted.password =
        password::given(ctx, args.password.clone(), args.password_file.as_deref()).await?;
    let confirmed = ctx.ui().confirm(Confirmation::new(format!("Create `{}`?", args.name))).await?;
    let begun =
        api::create(ctx, &wanted, &confirmed).await.map_err(|error| hinted(error, &args))?;
    let password = begun.generated.clone().or(wanted.password);
    let name = &begun.instance.name;
    if begun.generated.is_some() && !args.show_password {
        let show = ShellCommand::new("toygres get").arg(name).flag("--show-password");
        ctx.ui().note(format!("a password was generated; see it with `{show}`")).await;
    }
    let shown = password.filter(|_| args.show_password);
    if !args.wait {
        return detail::report(&begun, shown, true, now());
    }
    let mut ended = wait::until(ctx, &begun.instance, Goal::Running, args.timeout).await?;
    if args.show_password && ended.instance.state == "running" {
        // With the password in its connection string too.
        ended = api::get(ctx, &ended.instance.k8s_name, true).await?;
    }
    ended_as(ctx, &ended, shown)
}

/// What is asked for, checked but for the password.
fn wanted(args: &Create) -> Result<NewInstance, Refusal> {
    let tags = args.tags.iter().map(|tag| (tag.name.as_str(), tag.value.as_str()));
    // Here, where one that is given twice can still be seen.
    request::tags(tags.clone())?;
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let wanted = NewInstance {
        version: args.version.clone(),
        load_balancer: Some(args.load_balancer || !args.internal),
        dns_label: args.dns_label.clone(),
        tags: Some(tags.map(owned).collect::<BTreeMap<_, _>>()),
        ..NewInstance::named(&args.name)
    };
    wanted.check()?;
    Ok(NewInstance { storage_gb: Some(request::storage(&args.storage)?.into()), ..wanted })
}

fn wrong(refusal: Refusal) -> Error {
    Error::usage(refusal.message).hint(refusal.hint)
}

fn hinted(mut error: Error, args: &Create) -> Error {
    if error.kind == toygres_plugin_api::ErrorKind::Failed {
        let get = ShellCommand::new("toygres get").arg(&args.name);
        error.hint.get_or_insert_with(|| format!("see `{get}`"));
    }
    error
}

/// What became of it: exit code 1 where it does not run.
fn ended_as(ctx: &Context, ended: &Found, password: Option<String>) -> Result<Report> {
    let Instance { name, state, .. } = &ended.instance;
    let report = detail::report(ended, password, !tell::draws(ctx), now())?;
    Ok(match state.as_str() {
        "running" => report,
        "failed" => report.verdict(Verdict::Negative).warning(format!("`{name}` was not created")),
        other => report
            .verdict(Verdict::Negative)
            .warning(format!("`{name}` became {other} while it was being created")),
    })
}

#[cfg(test)]
mod tests;
