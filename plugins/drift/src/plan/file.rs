//! Plans in files.

use super::Plan;
use serde::{Deserialize, Serialize};
use std::path::Path;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result, text_file};

/// A plan with its digest.
#[derive(Serialize, Deserialize)]
struct Sealed {
    digest: String,
    plan: Plan,
}

/// Writes a plan; the file is there whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn save(plan: &Plan, file: &Path) -> Result<()> {
    let sealed = Sealed { digest: plan.digest(), plan: plan.clone() };
    let text = serde_json::to_string_pretty(&sealed)?;
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(format!(".{}", std::process::id()));
    let written =
        std::fs::write(&unfinished, text + "\n").and_then(|()| std::fs::rename(&unfinished, file));
    written.map_err(|error| {
        Error::usage(format!("the plan cannot be written to `{}`", file.display())).cause(error)
    })
}

/// A plan of ten thousand steps has some megabytes; a larger file is another one.
const MAX_PLAN_BYTES: u64 = 64 * 1024 * 1024;

/// Reads a plan.
///
/// # Errors
/// `usage` where it is none; `refused` where it was changed.
pub(crate) fn load(file: &Path) -> Result<Plan> {
    let shown = file.display();
    let text = text_file::read(file, MAX_PLAN_BYTES).map_err(|unread| {
        let error = Error::usage(format!("the plan `{shown}` cannot be read"));
        let causes = if unread.causes.is_empty() { vec![unread.message] } else { unread.causes };
        Error { causes, ..error }.hint(format!("make it with `{}`", make(file)))
    })?;
    let sealed: Sealed = serde_json::from_str(&text)
        .map_err(|error| Error::usage(format!("`{shown}` is no plan")).cause(error))?;
    if sealed.plan.version != Plan::VERSION {
        return Err(Error::usage(format!(
            "the plan `{shown}` has version {}, and this release knows {}",
            sealed.plan.version,
            Plan::VERSION
        )));
    }
    if sealed.plan.digest() != sealed.digest {
        return Err(Error::refused(format!("the plan `{shown}` was changed after it was made"))
            .hint(format!("make it again with `{}`", make(file))));
    }
    Ok(sealed.plan)
}

/// The command that writes the plan.
fn make(file: &Path) -> ShellCommand {
    ShellCommand::new("toygres server sync").flag("--dry-run").option("--plan", file)
}

#[cfg(test)]
mod tests {
    use super::{load, save};
    use crate::plan::{Action, Plan, Step};
    use toygres_plugin_api::ErrorKind;

    fn plan() -> Plan {
        let step = Step {
            k8s_name: "a-00000001".into(),
            namespace: "toygres".into(),
            instance: "a".into(),
            id: "1".into(),
            state: "running".into(),
            kind: "mismatch".into(),
            action: Action::RecordStorage { storage_gb: 20 },
        };
        Plan { version: Plan::VERSION, steps: vec![step], ..Plan::default() }
    }

    #[test]
    fn a_plan_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plan.json");
        save(&plan(), &file).unwrap();
        assert_eq!(load(&file).unwrap(), plan());
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("20", "30")).unwrap();
        assert_eq!(load(&file).unwrap_err().kind, ErrorKind::Refused);
        std::fs::write(&file, "{}").unwrap();
        assert_eq!(load(&file).unwrap_err().kind, ErrorKind::Usage);
        assert!(load(&folder.path().join("none")).unwrap_err().hint.unwrap().contains("--dry-run"));
    }
}
