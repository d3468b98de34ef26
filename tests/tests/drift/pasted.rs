//! Commands that are offered about instances and orchestrations whose names are hostile: each is run
//! by a real shell, which has to hand over exactly the name and to run nothing else.

use crate::plane::Plane;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Names that a shell or a program would take for something else.
const NAMES: &[&str] = &[
    "zz$(touch X)",
    "o2'$(touch X)'",
    "--force",
    "-rf",
    "a b; touch X",
    "it`touch X`s",
    "two\ntouch X",
    "turned\u{202e}\u{1b}[31m",
    "!! ~ * \\ \" # %s",
];

/// A folder whose `toygres` and `kubectl` only write down their arguments.
struct Shell {
    folder: TempDir,
}

impl Shell {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for program in ["toygres", "kubectl"] {
            let path = folder.path().join("bin").join(program);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let script = format!(
                "#!/bin/sh\nprintf '%s\\0' {program} \"$@\" >> \"$ARGUMENTS\"\n\
                 printf '\\0' >> \"$ARGUMENTS\"\n"
            );
            std::fs::write(&path, script).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Pastes a command; answers the words that the program got, its own name first.
    #[track_caller]
    fn paste(&self, command: &str) -> Vec<String> {
        assert!(!command.contains(char::is_control), "{command:?}");
        let said = self.path("arguments");
        let _new = std::fs::remove_file(&said);
        let work = self.path("work");
        let output = Command::new("sh")
            .args(["-c", command])
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .env("ARGUMENTS", &said)
            .current_dir(&work)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        assert!(is_empty(&work), "`{command}` did something else");
        let said = std::fs::read_to_string(&said).unwrap();
        let mut runs = said.split_terminator("\0\0");
        let run = runs.next().unwrap_or_else(|| panic!("`{command}` ran nothing"));
        assert_eq!(runs.next(), None, "`{command}` ran more than one program");
        run.split('\0').map(str::to_owned).collect()
    }

    /// The words behind the program and its own fixed ones. A word that begins with a dash is an
    /// option of ours, unless it stands behind `--`.
    #[track_caller]
    fn names(&self, command: &str) -> Vec<String> {
        let words = self.paste(command);
        let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
        let known = [
            "-n",
            "-l",
            "-A",
            "--mark-deleted",
            "--import",
            "--instance",
            "--show-password",
            "--watch",
            "--follow",
            "--history",
            "--kubeconfig",
            "--context",
            "--cursor",
            "--type",
            "--stuck",
            "--status",
            "--since",
            "--field-selector",
            "--raw",
            "--replicas",
            "--restore-secret",
            "--reset-password",
            "-o",
            "-p",
        ];
        for word in &words[..end] {
            let option = word.split('=').next().unwrap_or_default();
            assert!(!word.starts_with('-') || known.contains(&option), "{word} in `{command}`");
        }
        words
    }
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

/// Whether one of the words is this name, alone or as the value of an option.
fn has(words: &[String], name: &str) -> bool {
    words.iter().any(|word| {
        let value = word.split_once('=').filter(|(option, _)| option.starts_with("--"));
        word == name || value.is_some_and(|(_, value)| value == name)
    })
}

/// What the instance of a name is called in Kubernetes, which has rules for names.
fn k8s_name(n: usize) -> String {
    format!("hostile-0000000{n}")
}

/// Records of instances that have these names, and nothing in Kubernetes.
fn records(plane: &Plane) {
    for (n, name) in NAMES.iter().enumerate() {
        plane.sql(&format!(
            "INSERT INTO instances (user_name, k8s_name, namespace, state, updated_at)
             SELECT $evil${name}$evil$, '{}', namespace, 'running',
                 now() - interval '1 hour' FROM instances LIMIT 1;
             SET search_path = toygres_duroxide;
             INSERT INTO instances (instance_id, orchestration_name, orchestration_version,
                 current_execution_id, created_at, updated_at)
             VALUES ($evil${name}$evil$, 'x', '1.0.0', 1, now() + interval '{n} minutes', now());
             INSERT INTO executions (instance_id, execution_id, status, output, started_at,
                 completed_at)
             VALUES ($evil${name}$evil$, 1, 'Failed', 'x', now(), now());",
            k8s_name(n)
        ));
    }
}

#[test]
fn what_is_offered_can_be_pasted_whatever_the_names() {
    let Some(mut plane) = Plane::new() else { return };
    plane.instance("proddb");
    let shell = Shell::new();
    records(&plane);

    // `get`, and what it offers next.
    for name in NAMES {
        let args = ["get", "--", name];
        let ran = plane.toygres().args(args).run();
        // The API takes no name that cannot be typed.
        if name.contains(char::is_control) {
            assert_eq!(ran.code, 5, "{ran:#?}");
            continue;
        }
        assert_eq!(ran.code, 0, "{ran:#?}");
        for line in ran.stdout.lines() {
            let Some((_, command)) = line.split_once(" with: ") else { continue };
            if command.contains("toygres get") {
                assert!(has(&shell.names(command), name), "{command}");
            } else {
                shell.names(command);
            }
        }
        let offered = ran.stdout.contains("See the password with: ")
            || ran.stdout.contains("See what is wrong with: ");
        assert!(offered, "{}", ran.stdout);
    }

    // `list`, whole.
    let rows = plane.toygres().args(["list", "-o", "json"]).run().code(0).json();
    let listed: Vec<&str> =
        rows.as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
    assert!(NAMES.iter().all(|name| listed.contains(name)), "{listed:?}");

    plane.stop_server();

    // `drift`: resolutions as data, and the same as people read them.
    let drift = plane.drift();
    let text = plane.run(&["drift", "--verbose"]).code(1).stdout;
    for (n, name) in NAMES.iter().enumerate() {
        let found = crate::plane::of(&drift, &k8s_name(n));
        assert_eq!(found.len(), 1, "{name}: {drift:#}");
        let ways = found[0]["resolutions"].as_array().unwrap();
        let commands = ways.iter().filter_map(|way| way["command"].as_str());
        let commands: Vec<&str> = commands
            .filter(|way| way.starts_with("toygres") || way.starts_with("kubectl"))
            .collect();
        assert!(!commands.is_empty(), "{found:#?}");
        for command in commands {
            let words = shell.names(command);
            assert!(has(&words, name) || has(&words, &k8s_name(n)), "{command}");
            assert!(text.lines().any(|line| line.ends_with(command)), "{command} in {text}");
        }
    }
    assert!(!text.lines().any(|line| line.starts_with("touch")), "{text}");

    // `health`: every fix.
    let report = plane.run(&["health", "-o", "json"]);
    let mut fixes = 0;
    for check in report.json()["checks"].as_array().unwrap_or(&Vec::new()) {
        for fix in check["fix"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            shell.names(fix);
            fixes += 1;
        }
    }
    assert!(fixes > 3, "{}", report.stdout);

    // `sync` by the names that were offered; none of them is an option to it.
    for name in NAMES {
        let mark = format!("--mark-deleted={name}");
        plane.run(&["sync", &mark, "--dry-run"]).code(0).shows("as deleted in the CMS");
    }
}

/// From page to page by what the notes offer.
#[test]
fn pages_are_reached_by_pasting() {
    let Some(mut plane) = Plane::new() else { return };
    plane.instance("proddb");
    plane.stop_server();
    records(&plane);
    let shell = Shell::new();
    let mut seen = Vec::new();
    let mut args = vec!["orchestrations".to_owned()];
    while seen.len() < NAMES.len() {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let ran = plane.run(&[&words[..], &["--limit", "1", "-o", "json"]].concat()).code(0);
        seen.push(ran.json()[0]["id"].as_str().unwrap().to_owned());
        let (_, rest) = ran.stderr.split_once("go on with `").unwrap_or_else(|| panic!("{ran:#?}"));
        let option = rest.split('`').next().unwrap();
        let words = shell.paste(&format!("toygres server orchestrations {option}"));
        args = words[2..].to_vec();
    }
    let mut expected: Vec<&str> = NAMES.to_vec();
    expected.reverse();
    assert_eq!(seen, expected);
}

/// The annotation by which an object tells whose it is, with lines of its own.
#[test]
fn an_annotation_cannot_forge_a_line() {
    let Some(mut plane) = Plane::new() else { return };
    let name = plane.instance("proddb");
    plane.stop_server();
    let forged =
        "x\n\n✓ No drift detected\n\nAll CMS records match Kubernetes resources.\n\u{1b}[2J";
    let note = format!("toygres.io/instance-id={forged}");
    plane.kubectl(&["annotate", &format!("statefulset/{name}"), &note, "--overwrite"]);
    for args in [&["drift"][..], &["drift", "--verbose"]] {
        let ran = plane.run(args);
        assert_eq!(ran.code, 1, "{ran:#?}");
        for line in ran.stdout.lines().chain(ran.stderr.lines()) {
            let is_forged = line.starts_with('✓') || line.starts_with("All CMS");
            assert!(!is_forged && !line.contains('\u{1b}'), "{line:?} in {ran:#?}");
        }
    }
    assert!(plane.run(&["drift"]).stdout.contains(r"x\n\n✓ No drift detected"));
    let drift = plane.drift();
    assert!(drift.to_string().contains("No drift detected"), "{drift:#}");
}
