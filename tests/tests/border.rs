//! The border: what a badly behaved plugin does to toygres, and what it does not.

#[path = "border/plugins.rs"]
mod plugins;

use plugins::{Folder, Ran, bad_library, first_party, patched, run, run_with};
use serde_json::Value;
use toygres_tests::kube::ApiServer;
use toygres_tests::postgres::PrivatePostgres;

/// Every fault of a running command: what stderr says.
const FAULTS: &[(&str, &str)] = &[
    ("panic", "this command panics"),
    ("panic-in-task", "this task panics"),
    ("panic-in-drop", "this drop panics"),
    ("panic-in-task-drop", "this drop panics"),
    ("panic-without-words", "a panic without words"),
    ("exit", "called `exit`"),
    ("crash", "SIGSEGV"),
    ("abort", "SIGABRT"),
    ("stack-overflow", "SIGSEGV"),
];

/// One clear answer: exit code 8, nothing on stdout, and plugin, path and what to do on stderr.
#[track_caller]
fn assert_names(ran: &Ran, path: &str, says: &str) {
    assert_eq!(ran.code, Some(8), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    for part in [path, says, "hint:"] {
        assert!(ran.stderr.contains(part), "`{part}` is not in: {}", ran.stderr);
    }
}

#[test]
fn every_fault_of_a_running_command_is_named() {
    let folder = Folder::with(&[("bad.so", &bad_library())]);
    let path = folder.path("bad.so");
    for (fault, says) in FAULTS {
        let ran = run(&folder, &["server", "bad", "--fault", fault]);
        assert_names(&ran, &path, says);
        assert!(
            ran.stderr.contains("`bad`") && ran.stderr.contains("`server bad`"),
            "{}",
            ran.stderr
        );
        let json = run(&folder, &["server", "bad", "--fault", fault, "-o", "json"]);
        assert_eq!((json.code, json.stdout.as_str()), (Some(8), ""));
        let error: Value = serde_json::from_str(&json.stderr).expect("one JSON object");
        assert_eq!((&error["code"], &error["kind"]), (&8.into(), &"plugin".into()));
    }
    let well = run(&folder, &["server", "bad", "--fault", "none", "-o", "json"]);
    assert_eq!(well.code, Some(0), "{}", well.stderr);
    assert_eq!(well.stdout, "{\n  \"answered\": true\n}\n");
}

/// Every fault of a library file: its code in `plugin list`, what stderr says, and the file.
fn broken_files() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let good = bad_library();
    let mut foreign = good.clone();
    // `e_machine` of the ELF header: AArch64, or x86-64 where we are that.
    foreign[18] = if foreign[18] == 0xb7 { 0x3e } else { 0xb7 };
    vec![
        ("abi", "border 9.0", patched(&good, b"\"abi\":\"1.0\"", b"\"abi\":\"9.0\"")),
        ("no_manifest", "no manifest", patched(&good, b".toygres.manifest", b".toygres.manifesx")),
        ("truncated", "cut off", good[..good.len() / 2].to_vec()),
        (
            "not_a_library",
            "no library",
            b"just words, and more of them than a header has\n".repeat(9),
        ),
        ("architecture", "built for", foreign),
        (
            "bad_manifest",
            "cannot be read",
            patched(&good, b"{\"name\":\"bad\"", b"{\"name\":\"bad\\"),
        ),
    ]
}

#[test]
fn every_fault_of_a_file_is_named_and_nothing_else_suffers() {
    for (code, says, library) in broken_files() {
        let folder = Folder::with(&[("bad.so", &library), ("config.so", &first_party("config"))]);
        let path = folder.path("bad.so");
        let ran = run(&folder, &["server", "bad", "--fault", "none"]);
        assert_names(&ran, &path, says);
        let list = run(&folder, &["plugin", "list", "-o", "json"]);
        assert_eq!(list.code, Some(0), "{code}: {}", list.stderr);
        let list: Value = serde_json::from_str(&list.stdout).expect("a JSON list");
        let row = list.as_array().unwrap().iter().find(|row| row["path"] == path.as_str()).unwrap();
        assert_eq!(row["fault"], code, "{row}");
        assert_eq!(row["status"], "refused");
        assert!(row["hint"].as_str().is_some_and(|hint| !hint.is_empty()));
        let other = run(&folder, &["server", "env", "-o", "json"]);
        assert_eq!(other.code, Some(0), "{code}: {}", other.stderr);
    }
}

#[test]
fn a_missing_symbol_is_named_when_the_command_is_run() {
    let library = patched(&bad_library(), b"TOYGRES_PLUGIN_bad\0", b"TOYGRES_PLUGIX_bad\0");
    let folder = Folder::with(&[("bad.so", &library)]);
    let ran = run(&folder, &["server", "bad", "--fault", "none"]);
    assert_names(&ran, &folder.path("bad.so"), "TOYGRES_PLUGIN_bad");
}

#[test]
fn a_file_that_others_may_write_is_refused() {
    for (file, directory) in [(0o666, 0o755), (0o664, 0o755), (0o644, 0o777), (0o644, 0o775)] {
        let folder = Folder::with(&[("bad.so", &bad_library())]);
        folder.modes("bad.so", file, directory);
        let ran = run(&folder, &["server", "bad", "--fault", "none"]);
        assert_names(&ran, &folder.path("bad.so"), "others may write");
        assert!(ran.stderr.contains("chmod go-w"), "{}", ran.stderr);
    }
}

#[test]
fn a_command_that_two_plugins_claim_runs_neither() {
    // The plugin's name alone: its command keeps the name.
    let other =
        patched(&bad_library(), b"manifest-1\n{\"name\":\"bad\"", b"manifest-1\n{\"name\":\"bae\"");
    let folder = Folder::with(&[
        ("a.so", &bad_library()),
        ("b.so", &other),
        ("config.so", &first_party("config")),
    ]);
    let ran = run(&folder, &["server", "bad", "--fault", "none"]);
    assert_names(&ran, &folder.path("a.so"), "claimed by");
    assert!(ran.stderr.contains(&folder.path("b.so")), "{}", ran.stderr);
    assert_eq!(run(&folder, &["server", "env"]).code, Some(0));
}

#[test]
fn of_two_with_one_name_the_earlier_folder_wins_and_one_folder_has_only_one() {
    let twice = Folder::with(&[("a.so", &bad_library()), ("b.so", &bad_library())]);
    assert_eq!(run(&twice, &["server", "bad", "--fault", "none"]).code, Some(0));
    let list = run(&twice, &["plugin", "list", "-o", "json"]);
    assert!(list.stdout.contains("in the same folder has the same name"), "{}", list.stdout);

    let (first, second) =
        (Folder::with(&[("a.so", &bad_library())]), Folder::with(&[("b.so", &bad_library())]));
    let flag = ["plugin", "list", "-o", "json", "--plugin-dir", &first.path("")];
    let list = run(&second, &flag);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    let states: Vec<_> = list.as_array().unwrap().iter().map(|row| row["status"].clone()).collect();
    assert_eq!(states, ["ok", "shadowed"]);
}

#[test]
fn nothing_but_running_a_command_runs_code_of_a_plugin() {
    let folder = Folder::with(&[("bad.so", &bad_library())]);
    let proof = folder.path("a-constructor-ran");
    let env = [("TOYGRES_BAD_CONSTRUCTOR", proof.as_str())];
    for args in [
        &["--help"][..],
        &["--version"],
        &["version"],
        &["server"],
        &["server", "--help"],
        &["server", "bad", "--help"],
        &["server", "bad"],
        &["server", "bad", "--fault", "no-such-fault"],
        &["plugin", "list"],
        &["plugin", "info", "bad"],
        &["plugin", "which", "server", "bad"],
    ] {
        run_with(&folder, args, &env);
        assert!(!std::path::Path::new(&proof).exists(), "{args:?} ran code of the plugin");
    }
    assert_eq!(run_with(&folder, &["server", "bad", "--fault", "none"], &env).code, Some(0));
    assert!(std::path::Path::new(&proof).exists(), "the proof itself does not work");
}

#[test]
fn a_command_that_only_reads_cannot_ask_to_write() {
    let folder = Folder::with(&[("bad.so", &bad_library())]);
    let ran = run(&folder, &["server", "bad", "--fault", "ask"]);
    assert_names(&ran, &folder.path("bad.so"), "its manifest says that it only reads");
    let forced = run(&folder, &["server", "bad", "--fault", "ask", "--force"]);
    assert_eq!(forced.code, Some(2), "{}", forced.stderr);
}

#[test]
fn what_is_lent_for_reading_cannot_write() {
    let server = PrivatePostgres::shared();
    let database = server.database().unwrap();
    let folder = Folder::with(&[("bad.so", &bad_library())]);
    let url = database.url.clone();
    for (fault, says) in
        [("write", "read-only transaction"), ("forge-confirmation", "nobody confirmed")]
    {
        let ran =
            run_with(&folder, &["server", "bad", "--fault", fault], &[("DATABASE_URL", &url)]);
        assert_eq!(ran.code, Some(6), "{}", ran.stderr);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
    let tables = database.psql("SELECT count(*) FROM pg_tables WHERE tablename = 'written'");
    assert_eq!(tables.trim(), "0");
}

/// The host's filter stands before a real API server, whose administrator the kubeconfig names.
#[test]
fn a_cluster_that_is_lent_for_reading_cannot_be_written() {
    let Some(api) = ApiServer::shared() else { return };
    let folder = Folder::with(&[("bad.so", &bad_library())]);
    let kubeconfig = api.kubeconfig().display().to_string();
    for (fault, says) in
        [("write-to-kubernetes", "reading only"), ("forge-for-kubernetes", "nobody confirmed")]
    {
        let args = ["server", "bad", "--fault", fault, "--kubeconfig", &kubeconfig];
        let ran = run(&folder, &args);
        assert_eq!(ran.code, Some(6), "{}", ran.stderr);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
    let namespaces = std::process::Command::new("kubectl")
        .args(["--kubeconfig", &kubeconfig, "get", "namespaces", "-o", "name"])
        .output()
        .unwrap();
    let namespaces = String::from_utf8(namespaces.stdout).unwrap();
    assert!(namespaces.contains("namespace/default"), "{namespaces}");
    assert!(!namespaces.contains("written"), "{namespaces}");
}
