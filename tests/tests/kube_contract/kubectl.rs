//! The real kubectl.

use crate::scope::text;
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A run of kubectl in a case's namespace.
#[derive(Debug)]
pub(crate) struct Kubectl {
    command: Command,
    input: String,
    // Discovery is cached in its home, by the server's address.
    _home: tempfile::TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Kubectl {
    pub(crate) fn new(kubeconfig: &Path, namespace: &str, args: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new("kubectl");
        command.env("KUBECONFIG", kubeconfig).env("HOME", home.path());
        command.arg("--namespace").arg(namespace).args(args);
        Self { command, input: String::new(), _home: home }
    }

    /// What it reads where an argument is `-`.
    pub(crate) fn input(mut self, document: &Value) -> Self {
        self.input = document.to_string();
        self
    }

    pub(crate) fn run(mut self) -> Ran {
        let input = std::mem::take(&mut self.input);
        let mut child = self.start();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        Ran {
            success: output.status.success(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What it printed; it must succeed.
    #[track_caller]
    pub(crate) fn prints(self) -> String {
        let asked = format!("{:?}", self.command);
        let ran = self.run();
        assert!(ran.success, "{asked}: {ran:#?}");
        ran.stdout
    }

    /// What it printed, as rows of words; the first is the heading.
    #[track_caller]
    pub(crate) fn rows(self) -> Vec<Vec<String>> {
        let rows = self.prints();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        rows.lines().map(words).collect()
    }

    /// What it printed, as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let printed = self.prints();
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    /// What it said when it failed.
    #[track_caller]
    pub(crate) fn fails(self) -> String {
        let ran = self.run();
        assert!(!ran.success, "{ran:#?}");
        ran.stderr
    }

    pub(crate) fn start(&mut self) -> Child {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.spawn().unwrap_or_else(|error| panic!("kubectl: {error}"))
    }
}

/// The names in a list that kubectl printed.
pub(crate) fn listed(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| text(&item["metadata"]["name"])).collect()
}
