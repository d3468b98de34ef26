//! What a hint tells to type works when it is pasted, and takes away nothing that is the operator's.

use super::home::{BAD, Home, NEWER, RUN, mode, patched, ran};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use toygres_tests::toygres;

/// What comes behind a text in a hint, run by a shell in which `toygres` is this one.
fn pasted(home: &Home, hint: &str, behind: &str) -> super::home::Ran {
    let (_, command) = hint.split_once(behind).unwrap_or_else(|| panic!("{behind}: {hint}"));
    let bin = home.files().join("bin");
    if !bin.exists() {
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(toygres::binary(), bin.join("toygres")).unwrap();
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).env("PATH", path).env("TOYGRES_HOME", home.path());
    ran(&mut shell)
}

fn hint(stderr: &str) -> String {
    stderr.split_once("hint: ").map(|(_, hint)| hint.trim_end().to_owned()).unwrap_or_default()
}

#[test]
fn a_path_with_blanks_and_quotes_can_be_pasted() {
    let home = Home::in_folder("it's a home");
    let file = home.file("bad.so", &BAD);
    home.well(&["plugin", "install", &file]);
    fs::write(home.row("bad")["path"].as_str().unwrap(), &*NEWER).unwrap();
    let refused = home.run(RUN);
    assert_eq!(refused.code, Some(8), "{}", refused.stderr);
    let error: serde_json::Value = serde_json::from_str(&refused.stderr).unwrap();
    let accepted = pasted(&home, error["hint"].as_str().unwrap(), "accept it: ");
    assert_eq!(accepted.code, Some(0), "{}", accepted.stderr);
    home.well(RUN);

    let writable = home.file("who may write.so", &BAD);
    mode(&writable, 0o666);
    let refused = home.run(&["plugin", "install", &writable]);
    let mended = pasted(&home, &hint(&refused.stderr), "run: ");
    assert_eq!(mended.code, Some(0), "{}", mended.stderr);
    let modes = fs::metadata(&writable).unwrap().permissions().mode();
    assert_eq!(modes & 0o777, 0o644);
}

#[test]
fn no_hint_removes_what_is_the_operators() {
    let home = Home::new();
    let files = [
        home.file("notes.txt", b"not a library"),
        home.file("empty.so", b""),
        home.file("cut.so", &BAD[..BAD.len() / 3]),
        home.file("none.so", &patched(&BAD, b".toygres.manifest", b".toygres.manifesx")),
        "/dev/null".to_owned(),
    ];
    for file in &files {
        for command in ["install", "check"] {
            let refused = home.run(&["plugin", command, file]);
            let said = format!("{}{}", refused.stdout, refused.stderr);
            assert_ne!(refused.code, Some(0), "{command} {file}: {said}");
            assert!(!said.contains("rm "), "{command} {file}: {said}");
            assert!(!said.contains("chmod"), "{command} {file}: {said}");
        }
    }
    let two = Home::new();
    two.file("one.so", &BAD);
    two.file("two.so", &NEWER);
    let refused = two.run(&["plugin", "install", &two.files().display().to_string()]);
    assert!(refused.stderr.contains("give one of them"), "{}", refused.stderr);
}

/// Nobody ever writes into it: whoever opened it would wait for ever.
#[test]
fn a_pipe_is_no_library() {
    let home = Home::with_bad();
    let pipes = [home.path().join("plugins/pipe.so"), home.files().join("pipe.so")];
    for pipe in &pipes {
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    let typed = pipes[1].display().to_string();
    let digest = "0".repeat(64);
    for (args, code) in [
        (&["--help"][..], 0),
        (&["plugin", "list"], 0),
        (&["plugin", "install", &typed], 8),
        (&["plugin", "install", &typed, "--sha256", &digest], 8),
        (&["plugin", "check", &typed], 5),
    ] {
        let mut child =
            home.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > Duration::from_secs(60) {
                child.kill().unwrap();
                panic!("{args:?} waits");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(code), "{args:?}");
    }
    home.well(RUN);
}

#[test]
fn only_what_is_kept_is_gone_back_to() {
    let home = Home::with_bad();
    let path = home.row("bad")["path"].as_str().unwrap().to_owned();
    fs::write(&path, &*NEWER).unwrap();
    let hint_of = |args: &[&str]| hint(&home.run(args).stderr);
    let run = &RUN[..4];
    assert!(!hint_of(run).contains("rollback"), "{}", hint_of(run));
    fs::write(&path, &*BAD).unwrap();
    home.well(&["plugin", "install", &home.file("newer.so", &NEWER)]);
    let newer = home.row("bad")["path"].as_str().unwrap().to_owned();
    fs::write(&newer, &*BAD).unwrap();
    assert!(hint_of(run).contains("toygres plugin rollback bad"), "{}", hint_of(run));
    // Nothing else is kept: what is kept is no answer to itself.
    fs::write(&path, &*NEWER).unwrap();
    let back = home.run(&["plugin", "rollback", "bad"]);
    assert_eq!(back.code, Some(8), "{}", back.stderr);
    assert!(hint(&back.stderr).starts_with("install the version"), "{}", back.stderr);
    fs::remove_file(&path).unwrap();
    let back = home.run(&["plugin", "rollback", "bad"]);
    assert!(back.stderr.contains("the file is gone"), "{}", back.stderr);
}

/// What cannot be looked at is not gone.
#[test]
fn a_file_that_cannot_be_reached_is_not_gone() {
    let home = Home::with_bad();
    let folder = home.path().join("plugins/.versions/bad");
    fs::rename(&folder, home.path().join("plugins/.versions/elsewhere")).unwrap();
    fs::write(&folder, b"in the way").unwrap();
    let refused = home.run(&RUN[..4]);
    assert_eq!(refused.code, Some(8), "{}", refused.stderr);
    assert!(refused.stderr.contains("cannot be read"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("gone"), "{}", refused.stderr);
}

#[test]
fn what_goes_is_listed_file_by_file() {
    let home = Home::with_bad();
    home.well(&["plugin", "install", &home.file("newer.so", &NEWER)]);
    let removed = home.well(&["plugin", "remove", "bad", "--force"]);
    assert_eq!(removed.matches("File:").count(), 2, "{removed}");
    assert!(!removed.contains("\\n"), "{removed}");
}

/// A library for a newer system is found out before it is needed.
#[test]
fn the_list_tells_of_a_newer_glibc() {
    let home = Home::new();
    let library = patched(&BAD, b"\0GLIBC_2.34\0", b"\0GLIBC_9.34\0");
    let folder = home.path().join("plugins");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join("bad.so"), library).unwrap();
    mode(folder.join("bad.so"), 0o644);
    let row = home.row("bad");
    assert_eq!((&row["status"], &row["fault"]), (&"refused".into(), &"glibc".into()), "{row}");
}
