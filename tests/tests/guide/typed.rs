//! What the guide types, in a shell of its own on a whole control plane.

use crate::support::plane::Plane;
use regex::Regex;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;
use toygres_tests::postgres::Binaries;
use toygres_tests::server::http::Request;
use toygres_tests::toygres;

/// Acme's backups: what the guide shows.
const BACKUPS: &str = "
    CREATE SCHEMA acme;
    CREATE TABLE acme.backups (database text, finished_at timestamptz, size_bytes bigint);
    INSERT INTO acme.backups VALUES
        ('orders', '2024-11-15 03:00Z', 52428800), ('billing', '2024-11-16 03:00Z', 734003200),
        ('orders', '2024-11-17 03:00Z', 54525952), ('search', now() - interval '1 minute', 8192);
";

/// What stands in the guide for the digits that each database gets.
const SAMPLE: &str = "a1b2c3d4";

/// A control plane with the guide's plugin, one database, and Acme's backups.
pub(crate) struct Stage {
    plane: &'static Plane,
    /// The digits of the one database.
    digits: String,
    path: TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let plane = Plane::shared_with(&[plugin_folder()]);
        let run = |args: &[&str]| plane.toygres().args(args.iter().copied()).run();
        let config = run(&["server", "config", "--show-secrets", "-o", "json"]).code(0).json();
        let url = database_url(&config);
        Binaries::find().unwrap().psql(&url, BACKUPS).unwrap();
        let made =
            run(&["create", "orders", "--password", "guide-password", "--wait", "-o", "json"]);
        let made = made.code(0).json();
        let name = made["k8s_name"].as_str().unwrap_or_else(|| panic!("{made}"));
        let digits = name.rsplit('-').next().unwrap_or_default().to_owned();
        let path = TempDir::new().unwrap();
        std::os::unix::fs::symlink(toygres::binary(), path.path().join("toygres")).unwrap();
        // As cargo would have built it here.
        let built = path.path().join("target/debug");
        std::fs::create_dir_all(&built).unwrap();
        let installed = plugin_folder().join("acme_backups.so");
        std::fs::copy(installed, built.join("libtoygres_acme_backups.so")).unwrap();
        Self { plane, digits, path }
    }

    /// The same block with the answers that the shell gives, stderr included.
    pub(crate) fn console(&self, block: &str) -> String {
        let mut whole = String::new();
        for typed in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
            whole.push_str(&format!("$ {typed}\n{}", self.answer(typed)));
        }
        whole
    }

    /// The same block with the answer that the API gives.
    pub(crate) fn http(&self, block: &str) -> String {
        let (head, _) = block.split_once("\n\n").unwrap_or((block.trim_end(), ""));
        let (method, target) = head.split_once(' ').unwrap_or_else(|| panic!("{head}: no request"));
        let address = self.plane.text("api-url");
        let token = format!("Bearer {}", self.plane.text("api-token"));
        let request = Request::new(method, target, address.trim_start_matches("http://"));
        let answer = request.header("Authorization", &token).send().json();
        let answer = serde_json::to_string_pretty(&answer).unwrap();
        format!("{head}\n\n{}\n", self.as_sampled(&answer))
    }

    fn answer(&self, typed: &str) -> String {
        let folders = [plugin_folder().to_path_buf(), toygres::plugins()];
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {}", typed.replace(SAMPLE, &self.digits))])
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.path.path().display()))
            .env("HOME", self.plane.home())
            .env("TOYGRES_HOME", self.plane.home())
            .env("TOYGRES_PLUGIN_PATH", std::env::join_paths(folders).unwrap())
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("COLUMNS", "100")
            .current_dir(self.path.path())
            .output()
            .unwrap();
        self.as_sampled(&String::from_utf8(output.stdout).unwrap())
    }

    /// What is another each time, as the guide shows it.
    fn as_sampled(&self, text: &str) -> String {
        static TRAILING: OnceLock<Regex> = OnceLock::new();
        let trailing = TRAILING.get_or_init(|| Regex::new(r"(?m)[ \t]+$").unwrap());
        trailing.replace_all(&text.replace(&self.digits, SAMPLE), "").into_owned()
    }
}

fn database_url(config: &serde_json::Value) -> String {
    let text = config.to_string();
    let found = Regex::new(r#""(postgres(?:ql)?://[^"]+)""#).unwrap();
    let found = found.captures(&text).unwrap_or_else(|| panic!("no address in {text}"));
    found[1].to_owned()
}

/// A folder with the guide's plugin.
fn plugin_folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(folder.path(), 0o755);
        let library = folder.path().join("acme_backups.so");
        std::fs::copy(toygres::guide_plugin(), &library).unwrap();
        mode(&library, 0o644);
        folder
    });
    folder.path()
}
