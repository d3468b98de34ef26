//! The files of a new plugin. Each lies in `template/` as a plugin called `my-plugin`; the suite
//! `plugin_new` builds and runs what comes out.

use super::api::Api;
use super::name::Name;

/// A file of the new folder.
pub(super) struct File {
    /// Below the folder.
    pub(super) path: &'static str,
    /// The whole text.
    pub(super) text: String,
}

const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("template/Cargo.toml.in")),
    ("README.md", include_str!("template/README.md")),
    (".gitignore", include_str!("template/gitignore")),
    (".github/workflows/ci.yml", include_str!("template/ci/ci.yml")),
    ("src/lib.rs", include_str!("template/src/lib.rs")),
    ("tests/command.rs", include_str!("template/tests/command.rs")),
    ("tests/database.rs", include_str!("template/tests/database.rs")),
];

/// The files of a plugin of this name.
pub(super) fn files(name: &Name, api: &Api) -> Vec<File> {
    let fill = |text: &str| {
        text.replace("api = \"dependency\"", &api.dependency())
            .replace("my-plugin", name.as_str())
            .replace("my_plugin", &name.identifier())
    };
    FILES.iter().map(|(path, text)| File { path, text: fill(text) }).collect()
}
