//! However large or odd a file is, looking at it costs little and ends.

use super::home::{BAD, Home, RUN, Ran, mode};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use toygres_tests::toygres;

/// The real library with another section header for its manifest: so many bytes, which are not there
/// on the disk either.
fn with_manifest_of(path: &Path, bytes: u64) {
    let mut library = BAD.clone();
    let number = |at: usize, length: usize| {
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(&BAD[at..at + length]);
        usize::try_from(u64::from_le_bytes(bytes)).unwrap()
    };
    // `e_shoff`, `e_shnum` and `e_shstrndx` of the ELF header; name, offset and size of a section's.
    let (headers, count, strings) = (number(40, 8), number(60, 2), number(62, 2));
    let names = number(headers + strings * 64 + 24, 8);
    let wanted = b".toygres.manifest\0";
    let header = (0..count)
        .map(|n| headers + n * 64)
        .find(|header| BAD[names + number(*header, 4)..].starts_with(wanted))
        .expect("the library has a manifest");
    let end = library.len() as u64;
    library[header + 24..header + 32].copy_from_slice(&end.to_le_bytes());
    library[header + 32..header + 40].copy_from_slice(&bytes.to_le_bytes());
    fs::write(path, &library).unwrap();
    File::options().write(true).open(path).unwrap().set_len(end + bytes).unwrap();
    mode(path, 0o644);
}

/// Runs it with so many kilobytes of memory, and ends it where it does not end.
fn bounded(home: &Home, kilobytes: u64, args: &[&str]) -> Ran {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("ulimit -v {kilobytes}; exec \"$0\" \"$@\"")])
        .arg(toygres::binary())
        .args(args)
        .env("TOYGRES_HOME", home.path())
        .env("HOME", home.path());
    ended(&mut shell, args)
}

fn ended(command: &mut Command, args: &[&str]) -> Ran {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("{args:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    Ran {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code(),
    }
}

#[test]
fn a_manifest_of_300_mb_is_named_and_not_read() {
    let home = Home::with_bad();
    with_manifest_of(&home.path().join("plugins/huge.so"), 300 << 20);
    let list = bounded(&home, 280_000, &["plugin", "list", "-o", "json"]);
    assert_eq!(list.code, Some(0), "{}", list.stderr);
    let rows: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    let huge = rows.as_array().unwrap().iter().find(|row| row["name"] == "huge").unwrap();
    assert_eq!(huge["fault"], "bad_manifest", "{huge}");
    let message = huge["message"].as_str().unwrap();
    assert!(message.contains("its manifest has 314572800 bytes"), "{message}");
    assert!(message.contains("1048576 at most"), "{message}");
    let help = bounded(&home, 280_000, &["server", "--help"]);
    assert_eq!(help.code, Some(0), "{}", help.stderr);
    // One below the limit is read, and says that it is none.
    with_manifest_of(&home.path().join("plugins/huge.so"), 1 << 20);
    assert_eq!(home.row("huge")["fault"], "no_manifest");
    home.well(RUN);
}

/// A locked file that became large is not digested by every command that does not need it.
#[test]
fn a_locked_file_that_became_huge_is_named_by_its_size() {
    let home = Home::with_bad();
    let path = home.row("bad")["path"].as_str().unwrap().to_owned();
    File::options().write(true).open(&path).unwrap().set_len(8 << 30).unwrap();
    let begun = Instant::now();
    let refused = bounded(&home, 280_000, RUN);
    assert_eq!(refused.code, Some(8), "{}", refused.stderr);
    assert!(refused.stderr.contains("found 8589934592"), "{}", refused.stderr);
    // To digest it takes half a minute.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn a_lock_file_has_a_size() {
    let home = Home::with_bad();
    let lock = home.path().join("plugins.lock");
    let text = fs::read(&lock).unwrap();
    let file = File::options().write(true).open(&lock).unwrap();
    file.set_len(1 << 30).unwrap();
    let refused = bounded(&home, 280_000, &["plugin", "verify"]);
    assert_eq!(refused.code, Some(8), "{}", refused.stderr);
    assert!(refused.stderr.contains("it has 1073741824 bytes"), "{}", refused.stderr);
    file.set_len(text.len() as u64).unwrap();
    file.write_all_at(&text, 0).unwrap();
    home.well(RUN);
}

/// Nobody ever writes into a pipe: whoever opened it for reading would wait for ever.
#[test]
fn a_pipe_is_waited_for_nowhere() {
    let pipe = |path: &Path| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        mode(path, 0o644);
    };
    type Place = fn(&Home) -> std::path::PathBuf;
    let locked: Place = |home| home.row("bad")["path"].as_str().unwrap().into();
    let lock: Place = |home| home.path().join("plugins.lock");
    let library: Place = |home| home.path().join("plugins/x.so");
    for (place, codes) in [(locked, [8, 1]), (lock, [8, 8]), (library, [0, 0])] {
        let home = Home::with_bad();
        let path = place(&home);
        if path.exists() {
            fs::remove_file(&path).unwrap();
        }
        pipe(&path);
        for (args, code) in [(RUN, codes[0]), (&["plugin", "verify"], codes[1])] {
            let ran = ended(&mut home.command(args), args);
            assert_eq!(ran.code, Some(code), "{}, {args:?}: {}", path.display(), ran.stderr);
        }
        ended(&mut home.command(&["server", "--help"]), &["--help"]);
    }
    let home = Home::new();
    let file = home.file("bad.so", &BAD);
    let signature = home.files().join("bad.so.minisig");
    pipe(&signature);
    let args = ["plugin", "install", &file];
    let ran = ended(&mut home.command(&args), &args);
    assert_eq!(ran.code, Some(8), "{}", ran.stderr);
    assert!(ran.stderr.contains("bad.so.minisig cannot be read"), "{}", ran.stderr);
}
