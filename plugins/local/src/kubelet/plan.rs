//! What one pod's server needs: read from its objects, before anything is done.

use super::environment::{self, Look, Variables};
use super::image;
use super::view::{ERR_IMAGE_PULL, no_image};
use crate::folders::Folders;
use crate::kube::object::{items, namespace, text, uid};
use crate::postgres::{Installed, Programs, major_of};
use serde_json::Value;
use std::path::PathBuf;

/// The data folder within a volume.
pub(crate) const DATA: &str = "pgdata";

/// The container by which `toygres server sync --reset-password` has the password set before
/// PostgreSQL starts.
const RESET_CONTAINER: &str = "reset-password";

/// What to run.
#[derive(Debug)]
pub(super) struct Plan {
    /// The container's name.
    pub(super) container: String,
    pub(super) programs: Programs,
    /// The data folder; its parent is the volume.
    pub(super) data: PathBuf,
    /// Something that its image's tag does not say truly.
    pub(super) remark: Option<String>,
    /// Options after the server's name.
    pub(super) arguments: Vec<String>,
    pub(super) superuser: String,
    pub(super) database: String,
    /// Needed the first time, and where it is set anew.
    pub(super) password: Option<String>,
    /// Whether the superuser gets the password before every start.
    pub(super) resets_password: bool,
}

/// Why it cannot run yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotYet {
    /// The reason of the waiting state.
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// Names of the claims that a pod mounts.
pub(super) fn claims(pod: &Value) -> Vec<&str> {
    items(pod, "/spec/volumes")
        .iter()
        .map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
        .filter(|claim| !claim.is_empty())
        .collect()
}

/// The container that is PostgreSQL.
pub(super) fn main(pod: &Value) -> Option<&Value> {
    let mut containers = items(pod, "/spec/containers").iter();
    containers.find(|container| image::postgres(text(container, "/image")).is_some())
}

/// The folder of a pod's data that goes with the pod.
pub(super) fn scratch(folders: &Folders, pod: &Value) -> PathBuf {
    // No claim begins with a dot.
    folders.volumes().join(namespace(pod)).join(format!(".{}", uid(pod)))
}

/// Reads what a pod needs.
pub(super) fn plan(
    pod: &Value,
    folders: &Folders,
    installed: &Installed,
    look: Look<'_>,
) -> Result<Plan, NotYet> {
    let container = main(pod).ok_or_else(|| NotYet {
        reason: ERR_IMAGE_PULL,
        message: no_image(text(pod, "/spec/containers/0/image")),
    })?;
    let variables = environment::read(pod, container, look)
        .map_err(|message| NotYet { reason: "CreateContainerConfigError", message })?;
    let data = volume(pod, container, folders).join(DATA);
    let (programs, remark) = programs(container, &data, installed)?;
    let get = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
    let superuser = get("POSTGRES_USER").unwrap_or_else(|| "postgres".to_owned());
    Ok(Plan {
        container: text(container, "/name").to_owned(),
        programs,
        data,
        remark,
        arguments: arguments(container)?,
        database: get("POSTGRES_DB").unwrap_or_else(|| superuser.clone()),
        superuser: named(&variables, superuser)?,
        password: get("POSTGRES_PASSWORD"),
        resets_password: items(pod, "/spec/initContainers")
            .iter()
            .any(|it| text(it, "/name") == RESET_CONTAINER),
    })
}

/// Where the container's data is: on the claim that it mounts, or in the pod's own folder.
fn volume(pod: &Value, container: &Value, folders: &Folders) -> PathBuf {
    let mounted = items(container, "/volumeMounts").iter().find_map(|mount| {
        let volumes = items(pod, "/spec/volumes").iter();
        let volume = volumes
            .filter(|volume| text(volume, "/name") == text(mount, "/name"))
            .map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
            .find(|claim| !claim.is_empty())?;
        Some(folders.volumes().join(namespace(pod)).join(volume))
    });
    mounted.unwrap_or_else(|| scratch(folders, pod))
}

/// The programs that made the data, those of the image's version, or the newest that there are.
fn programs(
    container: &Value,
    data: &std::path::Path,
    installed: &Installed,
) -> Result<(Programs, Option<String>), NotYet> {
    let image = text(container, "/image");
    let wanted = image::postgres(image).and_then(|image| image.major);
    let made = major_of(data);
    let found = match (made, wanted) {
        (Some(made), _) => installed.of_major(made),
        (None, Some(wanted)) => installed.of_major(wanted).or_else(|| installed.newest()),
        (None, None) => installed.newest(),
    };
    let programs = found.cloned().ok_or_else(|| NotYet {
        reason: ERR_IMAGE_PULL,
        message: match made {
            Some(made) => format!("the data needs PostgreSQL {made}, which is not installed here"),
            None => "no PostgreSQL is installed here".to_owned(),
        },
    })?;
    let remark = wanted.filter(|wanted| *wanted != programs.major).map(|_| {
        let why = if made.is_some() { "which made its data" } else { "the newest installed here" };
        format!("image \"{image}\" is served by PostgreSQL {}, {why}", programs.version)
    });
    Ok((programs, remark))
}

/// What is given to the server: `args`, or what follows its name in `command`.
fn arguments(container: &Value) -> Result<Vec<String>, NotYet> {
    let words = |field: &str| -> Vec<String> {
        items(container, field).iter().filter_map(|word| Some(word.as_str()?.to_owned())).collect()
    };
    let mut all = [words("/command"), words("/args")].concat();
    if all.first().is_some_and(|first| first.ends_with("docker-entrypoint.sh")) {
        all.remove(0);
    }
    if all.first().is_some_and(|first| first == "postgres") {
        all.remove(0);
    } else if all.first().is_some_and(|first| !first.starts_with('-')) {
        return Err(NotYet {
            reason: "CreateContainerError",
            message: format!("`{}` cannot be run here: only `postgres` can", all[0]),
        });
    }
    Ok(all)
}

/// Names go into SQL a line each.
fn named(variables: &Variables, superuser: String) -> Result<String, NotYet> {
    let bad = ["POSTGRES_USER", "POSTGRES_DB"]
        .into_iter()
        .find(|name| variables.get(*name).is_some_and(|value| value.chars().any(char::is_control)));
    bad.map_or(Ok(superuser), |name| {
        Err(NotYet {
            reason: "CreateContainerConfigError",
            message: format!("{name} holds a control character"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{NotYet, arguments, claims, volume};
    use crate::folders::Folders;
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn data_lies_on_the_claim_that_the_container_mounts() {
        let pod = json!({
            "metadata": { "namespace": "toygres", "name": "mydb-0", "uid": "u" },
            "spec": { "volumes": [
                { "name": "tmp", "emptyDir": {} },
                { "name": "data", "persistentVolumeClaim": { "claimName": "mydb-pvc" } },
            ] },
        });
        let folders = Folders::of(Path::new("/home")).unwrap();
        let mounts = |names: &[&str]| json!({ "volumeMounts": names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>() });
        let folder = volume(&pod, &mounts(&["tmp", "data"]), &folders);
        assert_eq!(folder, Path::new("/home/local/volumes/toygres/mydb-pvc"));
        let folder = volume(&pod, &mounts(&["tmp"]), &folders);
        assert_eq!(folder, Path::new("/home/local/volumes/toygres/.u"));
        assert_eq!(claims(&pod), ["mydb-pvc"]);
    }

    #[test]
    fn only_postgres_is_run() {
        let words = |container| arguments(&container);
        assert_eq!(words(json!({})).unwrap(), [] as [&str; 0]);
        let given = json!({ "args": ["postgres", "-c", "work_mem=8MB"] });
        assert_eq!(words(given).unwrap(), ["-c", "work_mem=8MB"]);
        assert_eq!(words(json!({ "args": ["-c", "x=1"] })).unwrap(), ["-c", "x=1"]);
        let NotYet { reason, .. } = words(json!({ "command": ["sh", "-c", "id"] })).unwrap_err();
        assert_eq!(reason, "CreateContainerError");
    }
}
