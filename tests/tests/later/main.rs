//! A border that goes on where today's ends: its plugins in today's host, and today's plugins in
//! its host. It is today's plugin-api, packaged, with what a later release may add.

mod changed;
#[path = "../border/packaged.rs"]
#[allow(dead_code, reason = "shared with the suite of the corpus")]
mod packaged;
#[path = "../border/plugins.rs"]
#[allow(dead_code, reason = "shared with the suite of the border")]
mod plugins;

use packaged::Build;
use plugins::{Folder, run};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// What a later release may add, as a replacement in a file of plugin-api.
const ADDED: &[(&str, &str, &str)] = &[
    (
        "Cargo.toml",
        "name = \"toygres-plugin-api\"\nversion = \"1.0.0\"",
        "name = \"toygres-plugin-api\"\nversion = \"1.9.0\"",
    ),
    ("src/manifest.rs", "ABI_VERSION: &str = \"1.0\"", "ABI_VERSION: &str = \"1.9\""),
    // A method.
    (
        "src/protocol.rs",
        "    Commands = 111,\n",
        "    Commands = 111,\n    /// Later.\n    Later = 9999,\n",
    ),
    (
        "src/testing/serve.rs",
        "Method::Commands => value(state.manifests.clone()),",
        "Method::Commands => value(state.manifests.clone()), Method::Later => value(7),",
    ),
    (
        "src/context.rs",
        "    pub(crate) fn host(&self)",
        "    /// Later.\n    pub async fn later(&self) -> Result<u32> {\n        \
         self.call(Method::Later, &()).await\n    }\n    /// Later.\n    \
         pub fn later_function(&self) -> u32 {\n        self.host.later()\n    }\n\n    \
         pub(crate) fn host(&self)",
    ),
    // A function that the host has.
    (
        "src/abi.rs",
        "    fn cancelled(&self) -> FfiFuture<()>;\n",
        "    fn cancelled(&self) -> FfiFuture<()>;\n    /// Later.\n    \
         fn later(&self) -> u32 {\n        7\n    }\n",
    ),
    // A function that the plugin has.
    (
        "src/abi.rs",
        "    pub run: extern \"C\" fn(HostObject, RVec<u8>) -> RVec<u8>,\n",
        "    pub run: extern \"C\" fn(HostObject, RVec<u8>) -> RVec<u8>,\n    /// Later.\n    \
         #[sabi(missing_field(option))]\n    pub later: extern \"C\" fn() -> u32,\n",
    ),
    (
        "src/abi.rs",
        "PluginModule { run }",
        "PluginModule { run, later: { extern \"C\" fn later() -> u32 { 7 } later } }",
    ),
];

/// What was built.
struct Built {
    /// A plugin of the later border.
    later: Vec<u8>,
    /// The path of a host of the later border.
    host: PathBuf,
    /// A plugin of today's.
    today: Vec<u8>,
}

fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        changed::api("later-plugin-api", ADDED);
        let later = packaged::library("later-border", "later_border", Build::Plain);
        let today = packaged::library("corpus-1.0", "corpus", Build::Plain);
        Built { later, host: changed::binary("later-host"), today }
    })
}

fn in_this_host(command: &str) -> (Option<i32>, Value) {
    let folder = Folder::with(&[("later.so", &built().later)]);
    let ran = run(&folder, &[command, "-o", "json"]);
    let said = if ran.code == Some(0) { &ran.stdout } else { &ran.stderr };
    let said = serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
    (ran.code, said)
}

#[test]
fn a_later_plugin_runs_in_this_host() {
    assert_eq!(in_this_host("later-plain"), (Some(0), json!({"settings": true})));
}

#[test]
fn what_came_later_is_refused_with_what_to_do() {
    let (code, said) = in_this_host("later-number");
    assert_eq!(code, Some(8), "{said}");
    let message = said["message"].as_str().unwrap_or_default();
    assert!(message.contains("this toygres has no method 9999"), "{said}");
    assert!(said["hint"].as_str().is_some_and(|hint| hint.contains("newer toygres")), "{said}");
}

/// Its own default is what a plugin gets of a host without the function.
#[test]
fn a_function_that_this_host_lacks_is_not_called() {
    assert_eq!(in_this_host("later-function"), (Some(0), json!({"answer": 7})));
}

/// A library of today in a later host: the upgrade of a host breaks no plugin.
#[test]
fn a_plugin_of_today_runs_in_a_later_host() {
    let folder = Folder::with(&[("corpus.so", &built().today)]);
    // It calls the host, and by a function of the border too.
    let invocation = json!({"command": "corpus-fed", "scope": "server", "args": {"rows": 5}});
    let mut host = Command::new(&built().host);
    host.args([&folder.path("corpus.so"), "corpus-1", &invocation.to_string()]);
    let ran = host.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let answer: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert!(answer["ok"]["stream"]["id"].is_u64(), "{answer}");
}
