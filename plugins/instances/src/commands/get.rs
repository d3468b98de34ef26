//! `get`.

use crate::api;
use crate::complete;
use crate::instance::Detail;
use crate::view::detail;
use crate::wait::now;
use toygres_plugin_api::{Args, Context, Report, Result};

/// Show a database.
///
/// By the name that was given to it, or by its name in Kubernetes, which tells apart those that had
/// the same name one after the other.
#[derive(Args)]
#[command(
    scope = "top",
    category = "Databases",
    watchable,
    detail = Detail,
    examples = [
        "toygres get mydb",
        "psql \"$(toygres get mydb --show-password -o json | jq -r .connection_string)\""
    ]
)]
pub(crate) struct Get {
    /// Either of its names
    #[arg(positional, value_name = "NAME", complete = complete::names)]
    name: String,
    /// Show the password, alone and in the connection string
    #[arg(long, reveals)]
    show_password: bool,
}

pub(crate) async fn get(ctx: &Context, args: Get) -> Result<Report> {
    let found = api::get(ctx, &args.name, args.show_password).await?;
    let password = found.instance.password().filter(|_| args.show_password);
    let missing = args.show_password && password.is_none();
    let report = detail::report(&found, password, true, now())?;
    Ok(if missing { report.note(no_password(&found.instance.state)) } else { report })
}

fn no_password(state: &str) -> String {
    match state {
        "creating" => "the password can be shown as soon as its address is known".to_owned(),
        _ => format!("a {state} instance has no password to show"),
    }
}
