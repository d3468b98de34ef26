//! What other commands read to find what is up: the context `local` in the configuration file,
//! and a kubeconfig.

use crate::files;
use crate::folders::Folders;
use crate::kept::Kept;
use crate::kube::tls::Identity as TlsIdentity;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use toml_edit::{DocumentMut, Item, Table, value};
use toygres_plugin_api::{Error, Result};

/// The context's name.
pub(crate) const NAME: &str = "local";

/// The namespace that instances are made in.
pub(crate) const NAMESPACE: &str = "toygres";

/// The context's name in the kubeconfig.
const KUBE_CONTEXT: &str = "toygres-local";

/// Between two looks at whether a new instance is ready: a pod of this machine is there in about a
/// second, and nobody else is asked.
const READY_INTERVAL_MS: i64 = 1000;

/// The settings of the context, which what goes before the file may hide.
pub(crate) const SETTINGS: &[&str] =
    &["database.url", "kubernetes.kubeconfig", "kubernetes.context", "kubernetes.namespace"];

/// Writes both files. Everything else in the configuration file stays as it is, comments too; the
/// context becomes the current one where there is none. A file that says it all is not touched.
pub(crate) fn write(folders: &Folders, kept: &Kept) -> Result<()> {
    let certificate = certificate(folders)?;
    files::write_secret(&folders.kubeconfig(), &kubeconfig(kept, &certificate)?)?;
    let path = folders.config();
    change(&path, |document| {
        let context = below(below(document.as_table_mut(), "contexts", true)?, NAME, true)?;
        let database = below(context, "database", false)?;
        database["url"] = value(kept.database_url());
        let kubernetes = below(context, "kubernetes", false)?;
        kubernetes["kubeconfig"] = value(folders.kubeconfig().display().to_string());
        kubernetes["context"] = value(KUBE_CONTEXT);
        kubernetes["namespace"] = value(NAMESPACE);
        let server = below(context, "server", false)?;
        server["ready_interval_ms"] = value(READY_INTERVAL_MS);
        if !document.contains_key("current") {
            document["current"] = value(NAME);
        }
        Some(())
    })
}

/// Takes the context out of the configuration file again.
pub(crate) fn remove(folders: &Folders) -> Result<()> {
    let path = folders.config();
    if !path.exists() {
        return Ok(());
    }
    change(&path, |document| {
        if let Some(contexts) = document.get_mut("contexts").and_then(Item::as_table_like_mut) {
            contexts.remove(NAME);
            if contexts.is_empty() {
                document.remove("contexts");
            }
        }
        if document.get("current").and_then(Item::as_str) == Some(NAME) {
            document.remove("current");
        }
        Some(())
    })
}

/// The current context by the file.
pub(crate) fn current(folders: &Folders) -> Result<Option<String>> {
    let document = read(&folders.config())?;
    Ok(document.get("current").and_then(Item::as_str).map(str::to_owned))
}

/// Changes the file as a whole. It holds a password afterwards, so only its owner may read it.
fn change(path: &Path, edit: impl FnOnce(&mut DocumentMut) -> Option<()>) -> Result<()> {
    // A link, such as into a folder of settings under version control, stays one.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut document = read(&path)?;
    let before = document.to_string();
    edit(&mut document).ok_or_else(|| {
        Error::usage(format!("{}: `contexts.{NAME}` is no table", path.display()))
            .hint("rename or remove it")
    })?;
    let after = document.to_string();
    if after == before && is_private(&path) {
        return Ok(());
    }
    files::write_secret(&path, &after)
}

fn read(path: &Path) -> Result<DocumentMut> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(files::failed("read", path, &error)),
    };
    text.parse().map_err(|error: toml_edit::TomlError| {
        Error::usage(format!("{} is no valid TOML", path.display()))
            .cause(error.message())
            .hint("mend the file, or move it away")
    })
}

fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|file| file.mode() & 0o077 == 0)
}

/// The table `name`, made where it is not there; `None` where that is something else.
fn below<'a>(table: &'a mut Table, name: &str, implicit: bool) -> Option<&'a mut Table> {
    let item = table.entry(name).or_insert_with(|| {
        let mut table = Table::new();
        // Without a heading of its own while it has nothing but tables.
        table.set_implicit(implicit);
        Item::Table(table)
    });
    if let Some(inline) = item.as_inline_table_mut() {
        let table = std::mem::take(inline).into_table();
        *item = Item::Table(table);
    }
    item.as_table_mut()
}

/// The certificate of the stand-in, which its clients have to trust.
fn certificate(folders: &Folders) -> Result<String> {
    let folder = folders.certificate();
    let identity = TlsIdentity::open(&folder);
    let identity = identity.map_err(|error| files::failed("read", &folder, &error))?;
    Ok(STANDARD.encode(identity.certificate))
}

/// What `kubectl` reads.
fn kubeconfig(kept: &Kept, certificate: &str) -> Result<String> {
    let named = |what: &str, inner: Value| json!([{ "name": KUBE_CONTEXT, what: inner }]);
    let cluster = json!({ "server": kept.api_url(), "certificate-authority-data": certificate });
    let context = json!({ "cluster": KUBE_CONTEXT, "user": KUBE_CONTEXT, "namespace": NAMESPACE });
    let document = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": KUBE_CONTEXT,
        "clusters": named("cluster", cluster),
        "users": named("user", json!({ "token": kept.token })),
        "contexts": named("context", context),
    });
    serde_saphyr::to_string(&document)
        .map_err(|error| Error::failed("the kubeconfig cannot be written").cause(error))
}

#[cfg(test)]
mod tests {
    use super::{current, kubeconfig, remove, write};
    use crate::folders::Folders;
    use crate::kept::Kept;
    use serde_json::Value;
    use std::os::unix::fs::{MetadataExt, symlink};

    fn kept() -> Kept {
        Kept {
            password: "pass".to_owned(),
            token: "token".to_owned(),
            postgres_port: 20001,
            api_port: 20002,
        }
    }

    #[test]
    fn what_the_user_wrote_stays() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::of(home.path()).unwrap();
        let text = "# mine\ncurrent = \"prod\" # really\n\n[server]\nport = 9000\n\n\
                    [contexts.prod.database]\nurl = \"postgres://db\" # the one\n\n\
                    [contexts.local.server]\nport = 9001\n";
        std::fs::write(folders.config(), text).unwrap();
        write(&folders, &kept()).unwrap();
        let written = std::fs::read_to_string(folders.config()).unwrap();
        for line in text.lines() {
            assert!(written.contains(line), "`{line}` is gone:\n{written}");
        }
        assert_eq!(current(&folders).unwrap().as_deref(), Some("prod"));
        let parsed: toml_edit::DocumentMut = written.parse().unwrap();
        let local = &parsed["contexts"]["local"];
        let url = "postgresql://toygres:pass@127.0.0.1:20001/toygres";
        assert_eq!(local["database"]["url"].as_str(), Some(url));
        assert_eq!(local["kubernetes"]["namespace"].as_str(), Some("toygres"));
        assert_eq!(std::fs::metadata(folders.config()).unwrap().mode() & 0o777, 0o600);
        // A second time changes nothing.
        write(&folders, &kept()).unwrap();
        assert_eq!(std::fs::read_to_string(folders.config()).unwrap(), written);
        remove(&folders).unwrap();
        let removed = std::fs::read_to_string(folders.config()).unwrap();
        assert!(!removed.contains("local"), "{removed}");
        assert!(removed.starts_with("# mine\ncurrent = \"prod\" # really\n"), "{removed}");
    }

    #[test]
    fn it_becomes_current_where_nothing_is_and_goes_without_a_trace() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::of(home.path()).unwrap();
        write(&folders, &kept()).unwrap();
        assert_eq!(current(&folders).unwrap().as_deref(), Some("local"));
        remove(&folders).unwrap();
        assert_eq!(std::fs::read_to_string(folders.config()).unwrap(), "");
    }

    #[test]
    fn a_link_stays_one_and_a_broken_file_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::of(home.path()).unwrap();
        std::fs::write(home.path().join("real.toml"), "[server]\nport = 1\n").unwrap();
        symlink(home.path().join("real.toml"), folders.config()).unwrap();
        write(&folders, &kept()).unwrap();
        assert!(std::fs::symlink_metadata(folders.config()).unwrap().is_symlink());
        std::fs::write(folders.config(), "[server\n").unwrap();
        write(&folders, &kept()).unwrap_err();
        assert_eq!(std::fs::read_to_string(folders.config()).unwrap(), "[server\n");
        std::fs::write(folders.config(), "contexts = 3\n").unwrap();
        let error = write(&folders, &kept()).unwrap_err();
        assert!(error.message.ends_with("`contexts.local` is no table"), "{}", error.message);
    }

    #[test]
    fn an_inline_context_is_extended() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::of(home.path()).unwrap();
        let text = "[contexts]\nlocal = { server = { port = 1 } }\n";
        std::fs::write(folders.config(), text).unwrap();
        write(&folders, &kept()).unwrap();
        let written = std::fs::read_to_string(folders.config()).unwrap();
        let parsed: toml_edit::DocumentMut = written.parse().unwrap();
        assert_eq!(parsed["contexts"]["local"]["server"]["port"].as_integer(), Some(1));
        assert!(parsed["contexts"]["local"]["database"]["url"].is_str());
    }

    #[test]
    fn the_kubeconfig_is_yaml_with_one_context() {
        let text = kubeconfig(&kept(), "Q0E=").unwrap();
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read["clusters"][0]["cluster"]["server"], "https://127.0.0.1:20002");
        assert_eq!(read["contexts"][0]["context"]["user"], read["users"][0]["name"]);
        assert_eq!(read["users"][0]["user"]["token"], "token");
    }
}
