//! What `cargo xtask dist` makes: the same bytes twice, and, installed into a root with nothing but
//! the libraries that it says it needs, a host with the chosen commands and no others.

mod root;

use root::Root;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use tempfile::TempDir;
use toygres_tests::toygres;

const PLUGINS: &str = "config,orchestrations";
const COMMANDS: [&str; 5] = ["cancel", "config", "env", "orchestration", "orchestrations"];

/// Packs what was built beside the tests.
fn dist(out: &Path, more: &[&str]) -> Output {
    let built = toygres::binary();
    let mut command = Command::new(toygres::tasks());
    command.args(["dist", "--plugins", PLUGINS]).args(more);
    command.arg("--from").arg(built.parent().unwrap()).arg("--out").arg(out);
    command.env("SOURCE_DATE_EPOCH", "1700000000").output().unwrap()
}

/// The tarball and the Debian package, made once.
fn made() -> &'static [PathBuf; 2] {
    static MADE: OnceLock<(TempDir, [PathBuf; 2])> = OnceLock::new();
    let (_, files) = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&dist(folder.path(), &[]));
        (folder, files)
    });
    files
}

fn files(ran: &Output) -> [PathBuf; 2] {
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let said = String::from_utf8(ran.stdout.clone()).unwrap();
    let mut lines = said.lines().map(PathBuf::from);
    [lines.next().unwrap(), lines.next().unwrap()]
}

#[test]
fn the_same_sources_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let again = files(&dist(folder.path(), &[]));
    for (first, second) in made().iter().zip(&again) {
        assert_eq!(first.file_name(), second.file_name());
        let same = std::fs::read(first).unwrap() == std::fs::read(second).unwrap();
        assert!(same, "{} is another", second.display());
    }
}

#[test]
fn a_later_glibc_than_declared_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ran = dist(folder.path(), &["--glibc", "2.3"]);
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success());
    assert!(said.contains("needs glibc 2.") && said.contains("declared 2.3"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_unknown_plugin_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(toygres::tasks());
    command.args(["dist", "--plugins", "nosuch"]).arg("--out").arg(folder.path());
    let said = command.output().unwrap().stderr;
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("no plugin `nosuch`") && said.contains("orchestrations"), "{said}");
}

#[test]
fn the_tarball_works_in_an_empty_root() {
    let Some(root) = Root::new() else { return };
    let unpack = ["-xzf", made()[0].to_str().unwrap(), "--strip-components=1", "-C"];
    let prefix = root.path().join("opt/toygres");
    std::fs::create_dir_all(&prefix).unwrap();
    assert!(Command::new("tar").args(unpack).arg(&prefix).status().unwrap().success());
    works(&root, "/opt/toygres");
}

#[test]
fn the_debian_package_works_in_an_empty_root() {
    let Some(root) = Root::new() else { return };
    let deb = &made()[1];
    let Ok(unpacked) = Command::new("dpkg-deb").arg("-x").arg(deb).arg(root.path()).status() else {
        eprintln!("passed over: there is no dpkg-deb");
        return;
    };
    assert!(unpacked.success());
    works(&root, "/usr");
    let field = |name: &str| {
        let output = Command::new("dpkg-deb").arg("-f").arg(deb).arg(name).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(field("Package"), "toygres");
    assert!(field("Depends").contains("libc6 (>= 2.34)"), "{}", field("Depends"));
    for file in ["copyright", "changelog.gz", "THIRD-PARTY"] {
        assert!(root.path().join("usr/share/doc/toygres").join(file).exists(), "{file}");
    }
}

/// The chosen commands and no others, with a page each.
fn works(root: &Root, prefix: &str) {
    root.bring_libraries(prefix);
    let toygres = format!("{prefix}/bin/toygres");
    let list = root.run(&[&toygres, "plugin", "list", "-o", "json"]);
    assert_eq!(list.code, Some(0), "{}", list.stderr);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    let mut commands = BTreeSet::new();
    for row in list.as_array().unwrap() {
        assert_eq!((&row["status"], &row["origin"]), (&"ok".into(), &"system".into()), "{row}");
        let names = row["commands"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
        commands.extend(names.map(str::to_owned));
    }
    assert_eq!(commands, COMMANDS.map(str::to_owned).into());

    let env = root.run(&[&toygres, "server", "env", "-o", "json"]);
    assert_eq!(env.code, Some(0), "{}", env.stderr);
    let refused = root.run(&[&toygres, "server", "health"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let url = "postgres://u@127.0.0.1:1/x";
    let asked = ["server", "orchestrations", "-o", "json", "--database-url", url];
    let unreachable = root.run(&[&[toygres.as_str()], &asked[..]].concat());
    assert_eq!(unreachable.code, Some(4), "{}", unreachable.stderr);

    // What was changed since is not opened.
    let library = format!("{prefix}/lib/toygres/plugins/libtoygres_config.so");
    let library = root.path().join(library.trim_start_matches('/'));
    let mut bytes = std::fs::read(&library).unwrap();
    bytes.push(0);
    std::fs::write(&library, bytes).unwrap();
    let changed = root.run(&[&toygres, "server", "env"]);
    assert_eq!(changed.code, Some(8), "{}", changed.stderr);

    let pages = root.path().join(prefix.trim_start_matches('/')).join("share/man/man1");
    let pages = std::fs::read_dir(pages).unwrap().map(|page| {
        let name = page.unwrap().file_name().into_string().unwrap();
        name.split('.').next().unwrap().to_owned()
    });
    let of_plugins: BTreeSet<String> =
        pages.filter_map(|page| page.strip_prefix("toygres-server-").map(str::to_owned)).collect();
    assert_eq!(of_plugins, COMMANDS.map(str::to_owned).into());
    for script in ["bash-completion/completions/toygres", "fish/vendor_completions.d/toygres.fish"]
    {
        let script = root.path().join(prefix.trim_start_matches('/')).join("share").join(script);
        assert!(std::fs::read_to_string(script).unwrap().contains("toygres"));
    }
}
