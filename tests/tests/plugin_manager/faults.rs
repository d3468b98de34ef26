//! Twelve faults, twelve answers: what, where, expected and found, what to do.

use super::home::{BAD, CONFIG, Home, NEWER, RUN, Ran, mode, patched};
use super::trust::Signer;
use std::fs;

/// What is wrong, and what to do.
type Says = (&'static str, &'static str);

/// What is typed to install or to run, and what is answered.
struct Answer {
    args: Vec<String>,
    says: Says,
    owner: Owner,
}

/// Whether it can be told whose the command is that was typed.
enum Owner {
    Known,
    /// The file says nothing of its commands; it is named as one that may have it.
    Unknown,
}

/// One fault.
struct Case {
    fault: &'static str,
    /// Brings it about; what it returns is asked for.
    ask: fn(&Home) -> Vec<Answer>,
}

fn words(args: &[&str]) -> Vec<String> {
    args.iter().map(|word| (*word).to_owned()).collect()
}

fn install(file: &str, says: Says) -> Answer {
    Answer { args: words(&["plugin", "install", file]), says, owner: Owner::Known }
}

/// Running the badly behaved plugin's command, with what lies beside the home folder.
fn run(home: &Home, owner: Owner, says: Says) -> Answer {
    let files = home.files().display().to_string();
    let args = ["server", "bad", "--fault", "none", "--plugin-dir", &files];
    Answer { args: words(&args), says, owner }
}

/// A library that has the same answer wherever it is met.
fn both(home: &Home, library: &[u8], owner: Owner, says: Says) -> Vec<Answer> {
    let file = home.file("bad.so", library);
    vec![install(&file, says), run(home, owner, says)]
}

/// One that has another hint where it is the operator's own file, which no hint removes.
fn each(
    home: &Home,
    library: &[u8],
    message: &'static str,
    hints: [&'static str; 2],
) -> Vec<Answer> {
    let file = home.file("bad.so", library);
    let [source, folder] = hints;
    vec![install(&file, (message, source)), run(home, Owner::Unknown, (message, folder))]
}

/// Digests, keys and the machine's own numbers get names.
fn named(home: &Home, text: &str) -> String {
    let mut text = home.named(text);
    for (pattern, name) in [
        ("[0-9a-f]{64}", "DIGEST"),
        ("RW[A-Za-z0-9+/=]{54}", "KEY"),
        ("found the key [0-9A-F]{16}", "found the key ID"),
        ("runs glibc [0-9.]+", "runs glibc N"),
        ("tells of [0-9]+ bytes, the file has [0-9]+", "tells of N bytes, the file has M"),
        (std::env::consts::ARCH, "ARCH"),
        ("this toygres [0-9][0-9.]+", "this toygres VERSION"),
    ] {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
    }
    text
}

const CASES: &[Case] = &[
    Case {
        fault: "architecture",
        ask: |home| {
            let mut library = BAD.clone();
            // `e_machine` of the ELF header: RISC-V, which the tests do not run on.
            library[18] = 0xf3;
            both(
                home,
                &library,
                Owner::Unknown,
                (
                    "plugin `bad` (DIR/files/bad.so) is built for riscv; this toygres runs on ARCH",
                    "install the plugin's ARCH build",
                ),
            )
        },
    },
    Case {
        fault: "glibc",
        ask: |home| {
            both(
                home,
                &patched(&BAD, b"\0GLIBC_2.34\0", b"\0GLIBC_9.34\0"),
                Owner::Known,
                (
                    "plugin `bad` (DIR/files/bad.so) needs glibc 9.34 or newer; this machine runs glibc N",
                    "build the plugin on a system as old as this one, or install a newer system",
                ),
            )
        },
    },
    Case {
        fault: "abi",
        ask: |home| {
            both(
                home,
                &patched(&BAD, b"\"abi\":\"1.0\"", b"\"abi\":\"9.0\""),
                Owner::Known,
                (
                    "plugin `bad` (DIR/files/bad.so) is built for plugin border 9.0; this toygres has 1.0",
                    "rebuild the plugin with the toygres-plugin-api of this toygres, or install the toygres it was built for",
                ),
            )
        },
    },
    Case {
        fault: "truncated",
        ask: |home| {
            each(
                home,
                &BAD[..BAD.len() / 2],
                "plugin `bad` (DIR/files/bad.so) is cut off: its header tells of N bytes, the file has M",
                [
                    "get the file again, or build it again",
                    "install the plugin again, or remove it: rm DIR/files/bad.so",
                ],
            )
        },
    },
    Case {
        fault: "not a plugin",
        ask: |home| {
            let library = patched(&BAD, b".toygres.manifest", b".toygres.manifesx");
            each(
                home,
                &library,
                "plugin `bad` (DIR/files/bad.so) has no manifest: it is no toygres plugin",
                [
                    "build it with `plugin!` of toygres-plugin-api and crate-type \"cdylib\"",
                    "build it with `plugin!` of toygres-plugin-api, or remove it: rm DIR/files/bad.so",
                ],
            )
        },
    },
    Case {
        fault: "digest",
        ask: |home| {
            let file = home.file("bad.so", &BAD);
            let zeros = "0".repeat(64);
            let asked = ["plugin", "install", &file, "--sha256", &zeros];
            let file = home.file("good.so", &BAD);
            home.well(&["plugin", "install", &file]);
            let path = home.row("bad")["path"].as_str().unwrap().to_owned();
            fs::write(path, &*NEWER).unwrap();
            vec![
                Answer {
                    args: words(&asked),
                    says: (
                        "plugin `bad` (DIR/files/bad.so) has another digest than you gave: expected sha256 DIGEST, found DIGEST",
                        "get the file again, or ask whoever gave you the digest",
                    ),
                    owner: Owner::Known,
                },
                Answer {
                    args: words(&RUN[..4]),
                    says: (
                        "plugin `bad` (DIR/home/plugins/.versions/bad/DIGEST.so) was changed since it was installed: expected sha256 DIGEST, found DIGEST",
                        "install it again; if the change is yours, accept it: toygres plugin install DIR/home/plugins/.versions/bad/DIGEST.so --sha256 DIGEST",
                    ),
                    owner: Owner::Known,
                },
            ]
        },
    },
    Case {
        fault: "signer",
        ask: |home| {
            let (pinned, other) = (Signer::new(), Signer::new());
            let file = home.file("bad.so", &BAD);
            home.file("bad.so.minisig", other.sign(&BAD).as_bytes());
            let args = ["plugin", "install", &file, "--key", &pinned.public];
            vec![Answer {
                args: words(&args),
                says: (
                    "plugin `bad` (DIR/files/bad.so) is signed by a key that is not pinned: expected KEY, found the key ID",
                    "if you trust that signer, pin its key: [[plugins.keys]] in config.toml",
                ),
                owner: Owner::Known,
            }]
        },
    },
    Case {
        fault: "permissions",
        ask: |home| {
            let file = home.file("bad.so", &BAD);
            mode(&file, 0o666);
            vec![
                install(
                    &file,
                    (
                        "plugin `bad` (DIR/files/bad.so) is refused: others may write its file DIR/files/bad.so, whose mode is 0666; expected is 0644",
                        "if you trust it, run: chmod go-w DIR/files/bad.so",
                    ),
                ),
                run(
                    home,
                    Owner::Unknown,
                    (
                        "plugin `bad` (DIR/files/bad.so) is refused: others may write its file DIR/files/bad.so, whose mode is 0666; expected is 0644",
                        "if you trust it, run: chmod go-w DIR/files/bad.so",
                    ),
                ),
            ]
        },
    },
    Case {
        fault: "a link to what others may write",
        ask: |home| {
            let outside = home.path().join("outside.so");
            fs::write(&outside, &*BAD).unwrap();
            mode(&outside, 0o666);
            std::os::unix::fs::symlink(&outside, home.files().join("bad.so")).unwrap();
            let says = (
                "plugin `bad` (DIR/files/bad.so) is refused: others may write its file DIR/home/outside.so, whose mode is 0666; expected is 0644",
                "if you trust it, run: chmod go-w DIR/home/outside.so",
            );
            let install = install(&home.files().display().to_string(), says);
            vec![install, run(home, Owner::Unknown, says)]
        },
    },
    Case {
        fault: "clash",
        ask: |home| {
            let bad = home.file("bad.so", &BAD);
            home.well(&["plugin", "install", &bad]);
            fs::remove_file(bad).unwrap();
            let other = patched(&CONFIG, b"\"name\":\"env\"", b"\"name\":\"bad\"");
            let other = home.file("other.so", &other);
            vec![
                install(
                    &other,
                    (
                        "plugin `config` (DIR/files/other.so) has the command `bad`, which plugin `bad` (DIR/home/plugins/.versions/bad/DIGEST.so) has already",
                        "disable that one with `toygres plugin disable bad`; or install it beside it with `--force`, and choose with `toygres plugin exec config bad`",
                    ),
                ),
                run(
                    home,
                    Owner::Known,
                    (
                        "the command `bad` is claimed by plugin `config` (DIR/files/other.so) and by plugin `bad` (DIR/home/plugins/.versions/bad/DIGEST.so)",
                        "disable all but one of them, such as `toygres plugin disable bad`; or choose one: toygres plugin exec bad bad",
                    ),
                ),
            ]
        },
    },
    Case {
        fault: "disabled",
        ask: |home| {
            let bad = home.file("bad.so", &BAD);
            home.well(&["plugin", "install", &bad]);
            home.well(&["plugin", "disable", "bad"]);
            let exec = ["plugin", "exec", "bad", "bad"];
            vec![
                Answer {
                    args: words(&RUN[..4]),
                    says: (
                        "plugin `bad` (DIR/home/plugins/.versions/bad/DIGEST.so) is disabled",
                        "enable it with `toygres plugin enable bad`",
                    ),
                    owner: Owner::Known,
                },
                Answer {
                    args: words(&exec),
                    says: (
                        "plugin `bad` (DIR/home/plugins/.versions/bad/DIGEST.so) is disabled",
                        "enable it with `toygres plugin enable bad`",
                    ),
                    owner: Owner::Known,
                },
            ]
        },
    },
    Case {
        fault: "ability",
        ask: |home| {
            let library = patched(&CONFIG, b"\"needs\":[\"config\"]", b"\"needs\":[\"oracle\"]");
            let file = home.file("config.so", &library);
            let files = home.files().display().to_string();
            let run = ["server", "env", "--plugin-dir", &files];
            vec![
                install(
                    &file,
                    (
                        "plugin `config` (DIR/files/config.so) needs the ability `oracle`, which this toygres VERSION does not have",
                        "install a newer toygres",
                    ),
                ),
                Answer {
                    args: words(&run),
                    says: (
                        "plugin `config` (DIR/files/config.so) needs the ability `oracle`, which this toygres VERSION does not have",
                        "install a newer toygres",
                    ),
                    owner: Owner::Known,
                },
            ]
        },
    },
];

#[test]
fn each_of_twelve_faults_has_its_answer() {
    assert_eq!(CASES.len(), 12);
    let mut wrong = String::new();
    for case in CASES {
        let home = Home::new();
        for Answer { args, says: (message, hint), owner } in (case.ask)(&home) {
            let expected = match owner {
                Owner::Known => format!("error: {message}\n  hint: {hint}\n"),
                Owner::Unknown => format!(
                    "error: no usable plugin has the command `bad`; it may belong to one that is \
                     broken\n  caused by: {message}\n  hint: {hint}\n"
                ),
            };
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let Ran { stdout, stderr, code } = home.run(&args);
            let said = named(&home, &stderr);
            if (stdout.as_str(), &said, code) != ("", &expected, Some(8)) {
                wrong.push_str(&format!("{}, {args:?}: {code:?}\n{said}{stdout}\n", case.fault));
            }
        }
    }
    assert!(wrong.is_empty(), "these differ:\n{wrong}");
}
