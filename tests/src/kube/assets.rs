//! Where the programs are.

use crate::Result;
use std::path::PathBuf;

/// Names the folder with the programs, as envtest has it.
pub(super) const VARIABLE: &str = "KUBEBUILDER_ASSETS";

/// Says `stand-in` where the tests are to run against the stand-in of `toygres local` instead.
pub(super) const CLUSTER: &str = "TOYGRES_TEST_CLUSTER";

/// What a server is made of.
#[derive(Debug)]
pub(super) enum Programs {
    /// etcd and kube-apiserver.
    Real(Assets),
    /// The stand-in, without its kubelet.
    StandIn(PathBuf),
}

/// The programs that the environment asks for; none where it names none.
pub(super) fn find() -> Result<Option<Programs>> {
    match std::env::var(CLUSTER).as_deref() {
        Ok("stand-in") => stand_in().map(Programs::StandIn).map(Some),
        Ok("") | Err(_) => Ok(real()?.map(Programs::Real)),
        Ok(other) => Err(format!("`{CLUSTER}` is `stand-in` or not set, not `{other}`").into()),
    }
}

/// Named by `TOYGRES_KUBE_SERVER`, or beside the tests.
fn stand_in() -> Result<PathBuf> {
    let beside = || {
        let tests = std::env::current_exe().ok()?;
        Some(tests.ancestors().nth(2)?.join("examples/kube-server"))
    };
    let named = std::env::var_os("TOYGRES_KUBE_SERVER").map(PathBuf::from);
    let program = named.or_else(beside).filter(|program| program.is_file());
    program.ok_or_else(|| "kube-server is not built; run the tests with `cargo xtask test`".into())
}

/// The programs of a real server.
#[derive(Debug)]
pub(super) struct Assets {
    pub(super) etcd: PathBuf,
    pub(super) apiserver: PathBuf,
}

/// The programs of the folder that the environment names; none where it names none.
fn real() -> Result<Option<Assets>> {
    let Some(folder) = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) else {
        return Ok(None);
    };
    let program = |name: &str| {
        let path = PathBuf::from(&folder).join(name);
        let there = path.is_file();
        there.then_some(path).ok_or_else(|| {
            format!(
                "`{VARIABLE}` names `{}`, which has no `{name}`; `.ci/kube-apiserver` makes such a folder",
                folder.display()
            )
        })
    };
    Ok(Some(Assets { etcd: program("etcd")?, apiserver: program("kube-apiserver")? }))
}
