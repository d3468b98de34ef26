//! Where the programs are.

use crate::Result;
use std::path::PathBuf;

/// Names the folder with the programs, as envtest has it.
pub(super) const VARIABLE: &str = "KUBEBUILDER_ASSETS";

/// The programs of a server.
#[derive(Debug)]
pub(super) struct Assets {
    pub(super) etcd: PathBuf,
    pub(super) apiserver: PathBuf,
}

/// The programs of the folder that the environment names; none where it names none.
pub(super) fn find() -> Result<Option<Assets>> {
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
