//! `cargo xtask quickstart`: from a fresh clone to a database of one's own, and to the commands
//! that show how it came about.

mod database;
mod shown;
mod workflows;

use crate::build::Built;
use crate::run::Result;
use clap::Args;
use shown::Shown;
use std::path::{Path, PathBuf};

/// Build toygres, install its plugins, bring up the embedded default, create a database, show the
/// diagnostics.
#[derive(Args)]
pub(crate) struct Quickstart {
    /// How long the workflows run before the diagnostics are shown, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// The name of the database that is created
    #[arg(long, default_value = "quickdb")]
    name: String,
    /// Build with optimisation
    #[arg(long)]
    release: bool,
}

impl Quickstart {
    pub(crate) fn run(&self) -> Result {
        let built = Built::build(self.release, &["toygres-tests"])?;
        let home = home()?;
        built.install_plugins(&home.join("plugins"))?;
        println!("\nInstalled the plugins into {}", home.join("plugins").display());
        let toygres = built.binary("toygres");
        if std::env::var_os("DATABASE_URL").is_some() {
            println!("DATABASE_URL is set: the commands only read that database.");
            return shown::diagnostics(&Shown::configured(&toygres));
        }
        let local = Shown::local(&toygres);
        database::create(&local, &home, &self.name)?;
        println!("\nNow workflows of every kind, the broken ones too, in a database of their own:");
        workflows::show(&built, &toygres, self.seconds)?;
        println!("\nThe binary is {}", toygres.display());
        println!("Your database goes on running. End everything with:\n");
        println!("  {toygres} server stop && {toygres} local down", toygres = toygres.display());
        Ok(())
    }
}

fn home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("TOYGRES_HOME") {
        return Ok(home.into());
    }
    let home = std::env::var_os("HOME").ok_or("HOME is not set")?;
    Ok(Path::new(&home).join(".toygres"))
}
