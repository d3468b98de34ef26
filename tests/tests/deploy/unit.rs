//! The systemd unit: systemd understands it, and it gives the server no more than it needs.

use crate::text;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;
use toygres_tests::toygres;

/// systemd's own number from 0 (safe) to 10 (unsafe), in tenths.
const MOST_EXPOSED: &str = "15";

/// The unit with the binary of the tests; none where systemd's checker is not installed.
fn unit() -> Option<(TempDir, PathBuf)> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("passed over: there is no `systemd-analyze`");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("toygres.service");
    let binary = toygres::binary();
    let unit = text("deploy/systemd/toygres.service");
    assert!(unit.contains("ExecStart=/usr/bin/toygres "));
    let unit = unit.replace("/usr/bin/toygres", &binary.canonicalize().unwrap().to_string_lossy());
    std::fs::write(&file, unit).unwrap();
    Some((folder, file))
}

#[test]
fn systemd_understands_the_unit() {
    let Some((_folder, file)) = unit() else { return };
    let ran = Command::new("systemd-analyze").arg("verify").arg(&file).output().unwrap();
    // An unknown setting is a warning and no failure.
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && !said.contains("toygres.service"), "{said}");
}

#[test]
fn the_unit_gives_the_server_little() {
    let Some((_folder, file)) = unit() else { return };
    let ran = Command::new("systemd-analyze")
        .args(["security", "--no-pager", "--offline=true", "--threshold", MOST_EXPOSED])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn the_server_has_time_to_drain() {
    let unit = text("deploy/systemd/toygres.service");
    let seconds = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
    let known = text("toygres-cli/src/settings/known.rs");
    let drain = known.lines().find(|line| line.contains("TOYGRES_DRAIN_MS")).unwrap();
    let drain = drain.split("Value(\"").nth(1).unwrap().split('"').next().unwrap();
    let (seconds, drain): (u64, u64) = (seconds.parse().unwrap(), drain.parse().unwrap());
    assert!(seconds * 1000 > drain, "{seconds} s to stop, {drain} ms to drain");
    assert!(unit.contains("KillSignal=SIGTERM"));
}
