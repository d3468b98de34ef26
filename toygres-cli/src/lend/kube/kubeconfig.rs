//! The kubeconfig as `kubectl` reads it: the files of `KUBECONFIG`, merged, or the one that is named.

use crate::lend::{chain, named_file};
use kube::config::Kubeconfig;
use std::io;
use std::path::{Path, PathBuf};
use toygres_plugin_api::{Error, Result};

/// Where the kubeconfig comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KubeconfigSource {
    /// What names it, for messages: `KUBECONFIG`, a file's name, an option.
    pub(crate) named_by: String,
    /// The files, the first one going before the others.
    pub(crate) files: Vec<PathBuf>,
    /// One file that was named alone has to exist; of a list any may be missing.
    pub(crate) required: bool,
}

impl KubeconfigSource {
    /// The files of a list as the variable `KUBECONFIG` holds it.
    pub(crate) fn list(named_by: String, value: &std::ffi::OsStr) -> Self {
        Self { named_by, files: split_list(value), required: false }
    }

    /// One file.
    pub(crate) fn file(named_by: String, path: PathBuf, required: bool) -> Self {
        Self { named_by, files: vec![path], required }
    }

    /// Reads and merges the files: of what two of them name the first one's is taken.
    ///
    /// # Errors
    /// When a file cannot be read, or is no kubeconfig.
    pub(crate) fn read(&self) -> Result<Kubeconfig> {
        let mut merged = Kubeconfig::default();
        for path in &self.files {
            let Some(next) = self.read_file(path)? else { continue };
            merged = merged.merge(next).map_err(|error| self.invalid(chain(&error)))?;
        }
        Ok(merged)
    }

    fn read_file(&self, path: &Path) -> Result<Option<Kubeconfig>> {
        let unreadable = |error: &dyn std::fmt::Display| {
            self.invalid(format!("cannot read {}: {error}", path.display()))
        };
        match path.metadata() {
            Ok(_) => {}
            Err(error) if is_missing(&error) && !self.required => return Ok(None),
            Err(error) => return Err(unreadable(&error)),
        }
        named_file::check_size(path).map_err(|error| unreadable(&error))?;
        let mut read = Kubeconfig::read_from(path).map_err(|error| {
            use std::error::Error as _;
            // The library repeats the path in its own spelling.
            let cause = error.source().map_or_else(|| error.to_string(), chain);
            unreadable(&cause)
        })?;
        self.check_kind(path, &read)?;
        // What is empty is not set, and the files may be of either spelling.
        read.current_context = read.current_context.filter(|name| !name.is_empty());
        (read.kind, read.api_version) = (None, None);
        Ok(Some(read))
    }

    fn check_kind(&self, path: &Path, read: &Kubeconfig) -> Result<()> {
        let kind = read.kind.as_deref().unwrap_or_default();
        let version = read.api_version.as_deref().unwrap_or_default();
        if matches!(kind, "" | "Config") && matches!(version, "" | "v1") {
            return Ok(());
        }
        let expected = "a kubeconfig is `kind: Config` of `apiVersion: v1`";
        Err(self.invalid(format!("{} is `{version}` `{kind}`: {expected}", path.display())))
    }

    /// This kubeconfig cannot be used.
    pub(crate) fn invalid(&self, cause: String) -> Error {
        Error::unavailable(format!("invalid kubeconfig from {}", self.named_by))
            .cause(cause)
            .retryable(false)
            .hint("see what kubectl makes of it: kubectl config view")
    }

    /// The files in words.
    pub(crate) fn describe_files(&self) -> String {
        let files: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
        files.join(", ")
    }
}

/// The paths of a list; empty ones are left out, as is one that was named before.
pub(crate) fn split_list(value: &std::ffi::OsStr) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in std::env::split_paths(value).filter(|path| !path.as_os_str().is_empty()) {
        if !files.contains(&path) {
            files.push(path);
        }
    }
    files
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::KubeconfigSource;
    use std::path::Path;

    fn write(folder: &Path, name: &str, text: &str) -> String {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn list(value: &str) -> KubeconfigSource {
        KubeconfigSource::list("`KUBECONFIG`".to_owned(), value.as_ref())
    }

    #[test]
    fn the_first_file_that_names_something_wins_and_paths_are_those_of_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let empty = write(folder.path(), "empty", "");
        let first = write(
            folder.path(),
            "first",
            "current-context: ''\nclusters:\n- name: c\n  cluster: {server: 'https://a', certificate-authority: ca.crt}\n",
        );
        let second = write(
            folder.path(),
            "second",
            "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters:\n- name: c\n  cluster: {server: 'https://b', tls-server-name: t}\n",
        );
        let value = format!(":{empty}:/none:{first}:{second}:{first}:");
        let read = list(&value).read().unwrap();
        assert_eq!(read.current_context.as_deref(), Some("x"));
        let cluster = read.clusters[0].cluster.clone().unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://a"));
        assert_eq!(cluster.tls_server_name, None);
        let authority = folder.path().join("ca.crt").display().to_string();
        assert_eq!(cluster.certificate_authority, Some(authority));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_its_source() {
        let folder = tempfile::tempdir().unwrap();
        let broken = write(folder.path(), "broken", "clusters: [");
        let other = write(folder.path(), "other", "kind: Pod\n");
        for value in [broken, other, folder.path().display().to_string(), "/dev/zero".to_owned()] {
            let error = list(&value).read().unwrap_err();
            assert!(error.message.contains("`KUBECONFIG`"), "{error:?}");
            assert!(error.causes.concat().contains(&value), "{error:?}");
        }
        let named = KubeconfigSource::file("`--kubeconfig`".to_owned(), "/none".into(), true);
        assert!(named.read().is_err());
        assert!(list("/none").read().unwrap().clusters.is_empty());
    }
}
