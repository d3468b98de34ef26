//! Which toygres-plugin-api a new plugin is built with.

use std::fmt;
use std::path::{Path, PathBuf};
use toygres_plugin_api::manifest::SDK_VERSION;
use toygres_plugin_api::{Error, Result};

/// The dependency as Cargo.toml says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Api {
    /// `version = "1.0.0"`.
    Version(String),
    /// `path = "…"`, absolute.
    Path(PathBuf),
}

impl Api {
    /// What was typed; what this toygres was built with where nothing was.
    ///
    /// # Errors
    /// `usage` where it is neither a version nor the folder of the crate.
    pub(super) fn read(typed: Option<&str>) -> Result<Self> {
        let Some(typed) = typed else { return Ok(Self::Version(SDK_VERSION.to_owned())) };
        if is_version(typed) {
            return Ok(Self::Version(typed.to_owned()));
        }
        let folder = Path::new(typed);
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).map_err(|error| {
            Error::usage(format!("`{typed}` is neither a version nor a folder with a crate"))
                .cause(error)
                .hint(format!("give a version such as `{SDK_VERSION}`, or leave `--api` out"))
        })?;
        if !is_the_crate(&manifest) {
            return Err(Error::usage(format!("`{typed}` is not the crate toygres-plugin-api"))
                .hint("give the folder `plugin-api` of the sources of toygres"));
        }
        Ok(Self::Path(std::fs::canonicalize(folder)?))
    }

    /// The key and value within the braces of the dependency.
    pub(super) fn dependency(&self) -> String {
        match self {
            Self::Version(version) => format!("version = \"{version}\""),
            Self::Path(path) => {
                format!("path = {}", toml::Value::from(path.display().to_string()))
            }
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => f.write_str(version),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// `1`, `1.2`, `^1.2.3`, `=1.2.3-rc.1`.
fn is_version(typed: &str) -> bool {
    let bare = typed.trim_start_matches(['^', '=', '~']);
    bare.starts_with(|first: char| first.is_ascii_digit())
        && bare.chars().all(|c| c.is_ascii_alphanumeric() || ".-+".contains(c))
}

fn is_the_crate(manifest: &str) -> bool {
    let parsed: Option<toml::Table> = manifest.parse().ok();
    let name = parsed.as_ref().and_then(|parsed| parsed.get("package")?.get("name")?.as_str());
    name == Some("toygres-plugin-api")
}

#[cfg(test)]
mod tests {
    use super::Api;

    #[test]
    fn a_version_or_the_crates_own_folder() {
        assert!(matches!(Api::read(None), Ok(Api::Version(_))));
        assert_eq!(Api::read(Some("=1.0.0")), Ok(Api::Version("=1.0.0".to_owned())));
        let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let folder = crates.join("plugin-api");
        assert_eq!(Api::read(folder.to_str()), Ok(Api::Path(folder.canonicalize().unwrap())));
        assert!(Api::read(crates.join("toygres-cli").to_str()).is_err());
        assert!(Api::read(Some("1\", path = \"x")).is_err());
    }
}
