//! In fish itself, which says what it would complete.

use super::{Place, TREACHEROUS, database, shell};
use std::path::Path;

fn completed(place: &Place, fish: &Path, url: &str, line: &str) -> Vec<String> {
    let script = "toygres completions fish | source; complete --do-complete \"$LINE_TYPED\"";
    let mut command = place.command(fish, url);
    let output = command.env("LINE_TYPED", line).args(["--no-config", "-c", script]).output();
    let output = output.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn what_is_offered_is_what_fish_shows() {
    let Some(fish) = shell("fish") else { return };
    let (place, url) = (Place::new(), database().url.as_str());
    for (line, expected) in [
        (
            "toygres server orch",
            &[
                "orchestration\tGet details of a specific orchestration",
                "orchestrations\tList orchestrations with filters",
            ][..],
        ),
        ("toygres server orchestrations --status=fa", &["--status=failed\tEnded badly"]),
        (
            "toygres server orchestration health-alone-00000001::sub::4::",
            &["health-alone-00000001::sub::4::sub::2\tcheck, pending, since 2024-11-17 12:02"],
        ),
        // A quote that is open.
        ("toygres server \"drif", &["drift\tCheck for drift between CMS and K8s"]),
        ("toygres server 'drif", &["drift\tCheck for drift between CMS and K8s"]),
        ("toygres server orchestration nothing-like-it", &[]),
        // Files are offered only where they are meant.
        ("toygres server orchestration ", &[]),
    ] {
        let found = completed(&place, &fish, url, line);
        if line.ends_with("orchestration ") {
            assert!(
                !found.is_empty() && found.iter().all(|one| !one.starts_with("bin")),
                "{found:?}"
            );
        } else {
            assert_eq!(found, expected, "{line}");
        }
    }
    assert_eq!(completed(&place, &fish, "postgres://127.0.0.1:1/d", "toygres get "), [""; 0]);
    let treacherous = completed(&place, &fish, url, "toygres server orchestration treach");
    assert!(treacherous[0].starts_with(&TREACHEROUS[..20]), "{treacherous:?}");
    assert!(!place.path().join("done").exists());
}
