//! `cargo xtask dist`: a tarball and a Debian package of a host with just the plugins wanted.
//!
//! Whatever is built of the same sources at the same `SOURCE_DATE_EPOCH` is the same, byte by byte:
//! files are sorted, belong to root, and have one time.

mod archive;
mod binaries;
mod deb;
mod doc;
mod elf;
mod licences;
mod lock;
mod needs;
mod shell;
mod tree;

use crate::build::root;
use crate::run::Result;
use binaries::Binaries;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Command;
use tree::Tree;

/// Make a tarball and a Debian package with only the plugins wanted, their pages and completions.
#[derive(Args)]
pub(crate) struct Dist {
    /// The plugins, such as `orchestrations,health`; all of them where none is named
    #[arg(long, value_delimiter = ',')]
    plugins: Vec<String>,
    /// Link the plugins into one binary that needs no library, and opens none
    #[arg(long = "static")]
    linked: bool,
    /// Where the two files go
    #[arg(long, default_value = "target/dist")]
    out: PathBuf,
    /// The oldest glibc that it has to work with; a binary that needs a later one is refused
    #[arg(long, default_value = "2.34")]
    glibc: String,
    /// Who answers for the Debian package
    #[arg(long, default_value = "toygres developers <toygres@example.org>")]
    maintainer: String,
    /// Build without optimisation
    #[arg(long)]
    debug: bool,
    /// Build nothing, and take what was built in this folder
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
}

/// What both files are made of.
struct Package {
    version: String,
    /// As Rust names it: `x86_64`.
    architecture: &'static str,
    /// The time of every file, in seconds since 1970.
    epoch: u64,
    tree: Tree,
}

impl Dist {
    pub(crate) fn run(&self) -> Result {
        let plugins = binaries::plugins(&self.plugins)?;
        let built = Binaries::make(self, &plugins)?;
        let needs = needs::Needs::of(&built)?;
        needs.check(&self.glibc)?;
        let package = Package {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            architecture: std::env::consts::ARCH,
            epoch: epoch()?,
            tree: tree(&built, &plugins, self.linked)?,
        };
        std::fs::create_dir_all(&self.out)?;
        let tarball = self.out.join(format!(
            "toygres-{}-{}-linux{}.tar.gz",
            package.version,
            package.architecture,
            if self.linked { "-static" } else { "" }
        ));
        whole(&tarball, &archive::tarball(&package)?)?;
        let name = deb::file_name(&package, self.linked);
        let deb = self.out.join(name);
        whole(&deb, &deb::build(&package, &needs, &self.glibc, &self.maintainer)?)?;
        println!("{}\n{}", tarball.display(), deb.display());
        Ok(())
    }
}

/// All files, below the prefix that they are installed into.
fn tree(built: &Binaries, plugins: &[&str], linked: bool) -> Result<Tree> {
    let mut tree = Tree::default();
    tree.add("bin/toygres", 0o755, built.host.clone());
    for (name, library) in &built.plugins {
        tree.add(&format!("lib/toygres/plugins/{name}"), 0o644, library.clone());
    }
    shell::add(&mut tree)?;
    doc::add(&mut tree, plugins, linked)?;
    Ok(tree)
}

/// The time of every file: `SOURCE_DATE_EPOCH`, else the last commit's.
fn epoch() -> Result<u64> {
    if let Ok(given) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(given.parse().map_err(|_| "SOURCE_DATE_EPOCH is no number of seconds")?);
    }
    let mut log = Command::new("git");
    let output = log.current_dir(root()).args(["log", "-1", "--format=%ct"]).output()?;
    let seconds = String::from_utf8_lossy(&output.stdout).trim().parse();
    Ok(seconds.map_err(|_| "no commit says the time: set SOURCE_DATE_EPOCH")?)
}

/// Writes a file whole or not at all.
fn whole(path: &Path, bytes: &[u8]) -> Result {
    let unfinished = path.with_extension("unfinished");
    std::fs::write(&unfinished, bytes)?;
    Ok(std::fs::rename(&unfinished, path)?)
}
