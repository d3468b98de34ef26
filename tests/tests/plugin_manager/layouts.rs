//! How packages are laid out: links into a store, link farms, and packages of a user who is not root.

use super::evil::{OTHER, give, is_root};
use super::home::{BAD, CONFIG, Home, RUN, Ran, mode, ran};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const ENV: [&str; 4] = ["server", "env", "-o", "json"];

/// A folder that nobody else may write, with those on the way to it.
fn folder(home: &Home, name: &str) -> PathBuf {
    let mut path = home.files();
    for part in Path::new(name) {
        path.push(part);
        if !path.exists() {
            fs::create_dir(&path).unwrap();
            mode(&path, 0o755);
        }
    }
    path
}

fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    mode(&path, 0o644);
    path
}

fn in_folder(home: &Home, folder: &Path) -> Ran {
    let folder = folder.display().to_string();
    home.run(&[&ENV[..], &["--plugin-dir", &folder]].concat())
}

#[track_caller]
fn runs(home: &Home, folder: &Path) {
    let ran = in_folder(home, folder);
    assert_eq!(ran.code, Some(0), "{}: {}", folder.display(), ran.stderr);
}

#[test]
fn folders_and_files_may_be_links_into_a_store() {
    let home = Home::new();
    let store = folder(&home, "store/1a-config/lib/toygres/plugins");
    file(&store, "libtoygres_config.so", &CONFIG);
    // The whole folder, as Homebrew's `opt`.
    let opt = home.files().join("opt");
    symlink("store/1a-config", &opt).unwrap();
    runs(&home, &opt.join("lib/toygres/plugins"));
    // A link farm, as stow and `symlinkJoin` make it: relative and absolute.
    for (name, target) in [
        ("stow", PathBuf::from("../store/1a-config/lib/toygres/plugins/libtoygres_config.so")),
        ("join", store.join("libtoygres_config.so")),
    ] {
        let farm = folder(&home, name);
        symlink(target, farm.join("libtoygres_config.so")).unwrap();
        runs(&home, &farm);
    }
    // A chain: the profile, its generation, the environment, the package.
    symlink("join", home.files().join("generation-7")).unwrap();
    symlink(home.files().join("generation-7"), home.files().join("profile")).unwrap();
    runs(&home, &home.files().join("profile"));
}

/// The lock file and the folder beside it may be links as well, one by one or both at once.
#[test]
fn a_home_folder_may_be_links() {
    let home = Home::with_bad();
    let kept = home.files().join("kept");
    fs::rename(home.path(), &kept).unwrap();
    symlink(&kept, home.path()).unwrap();
    let strict: Vec<&str> = RUN.iter().copied().chain(["--strict"]).collect();
    home.well(&strict);
    home.well(&["plugin", "verify"]);
    fs::remove_file(home.path()).unwrap();
    fs::create_dir(home.path()).unwrap();
    mode(home.path(), 0o755);
    for name in ["plugins", "plugins.lock"] {
        symlink(kept.join(name), home.path().join(name)).unwrap();
    }
    home.well(&strict);
    home.well(&["plugin", "verify"]);
}

/// The place that is at fault is named, wherever it stands, and what mends it all at once.
#[test]
fn a_link_to_what_others_may_change_is_refused_by_the_place() {
    let home = Home::new();
    let store = folder(&home, "store/a/b");
    let library = file(&store, "libtoygres_config.so", &CONFIG);
    let farm = folder(&home, "farm");
    symlink(&library, farm.join("libtoygres_config.so")).unwrap();
    runs(&home, &farm);
    for wrong in [&library, &store, &home.files().join("store/a"), &home.files()] {
        mode(wrong, 0o777);
        let refused = in_folder(&home, &farm);
        assert_eq!(refused.code, Some(8), "{}", refused.stderr);
        let says = format!("chmod go-w {}", wrong.display());
        assert!(refused.stderr.contains(&says), "{says}: {}", refused.stderr);
        mode(wrong, 0o755);
    }
    mode(&library, 0o666);
    mode(&store, 0o757);
    let refused = in_folder(&home, &farm);
    let says = format!("chmod go-w {} {}", store.display(), library.display());
    assert!(refused.stderr.contains(&says), "{says}: {}", refused.stderr);
    // Pasted, it mends all of it.
    let mended = Command::new("sh").args(["-c", &says]).status().unwrap();
    assert!(mended.success());
    runs(&home, &farm);
}

#[test]
fn what_belongs_to_somebody_else_is_refused_wherever_it_stands() {
    if !is_root() {
        return;
    }
    let home = Home::new();
    let store = folder(&home, "store/a/b");
    let library = file(&store, "libtoygres_config.so", &CONFIG);
    let farm = folder(&home, "farm");
    let link = farm.join("libtoygres_config.so");
    symlink(&library, &link).unwrap();
    for wrong in [&library, &store, &home.files().join("store/a"), &link, &farm, &home.files()] {
        std::os::unix::fs::lchown(wrong, Some(OTHER), Some(OTHER)).unwrap();
        let refused = in_folder(&home, &farm);
        assert_eq!(refused.code, Some(8), "{}", refused.stderr);
        let says = format!("{} belongs to user {OTHER}", wrong.display());
        assert!(refused.stderr.contains(&says), "{says}: {}", refused.stderr);
        assert!(refused.stderr.contains("trusted_owners"), "{}", refused.stderr);
        std::os::unix::fs::lchown(wrong, Some(0), Some(0)).unwrap();
    }
    runs(&home, &farm);
    // A folder further up may be writable by the group of root, and by no other.
    let above = home.files().join("store");
    mode(&above, 0o775);
    runs(&home, &farm);
    std::os::unix::fs::chown(&above, None, Some(2)).unwrap();
    assert_eq!(in_folder(&home, &farm).code, Some(8));
}

/// A lock file is mended where it lies; it is no library that could be installed.
#[test]
fn a_lock_file_of_somebody_else_is_not_installed_as_a_plugin() {
    if !is_root() {
        return;
    }
    let home = Home::with_bad();
    let lock = home.path().join("plugins.lock");
    std::os::unix::fs::chown(&lock, Some(OTHER), None).unwrap();
    let refused = home.run(&["plugin", "verify"]);
    assert_eq!(refused.code, Some(8), "{}", refused.stderr);
    assert!(!refused.stderr.contains("plugin install"), "{}", refused.stderr);
    assert!(refused.stderr.contains("trusted_owners = [\"nobody\"]"), "{}", refused.stderr);
    let says = format!("chown root {}", lock.display());
    assert!(refused.stderr.contains(&says), "{}", refused.stderr);
    assert!(Command::new("sh").args(["-c", &says]).status().unwrap().success());
    home.well(RUN);
}

/// Runs it on a machine whose `/etc/toygres/config.toml` says this.
fn on_machine(home: &Home, config: &str, args: &[&str]) -> Option<Ran> {
    on_machine_of(home, home, config, args)
}

/// The same, where another home folder holds what the machine has.
fn on_machine_of(machine: &Home, home: &Home, config: &str, args: &[&str]) -> Option<Ran> {
    let etc = machine.path().join("etc");
    fs::create_dir_all(etc.join("toygres")).unwrap();
    for name in ["passwd", "ld.so.cache"] {
        fs::copy(Path::new("/etc").join(name), etc.join(name)).unwrap();
    }
    fs::write(etc.join("toygres/config.toml"), config).unwrap();
    for place in ["", "toygres", "toygres/config.toml"] {
        mode(etc.join(place), 0o755);
    }
    let mut tried = Command::new("unshare");
    if !tried.args(["--mount", "true"]).output().is_ok_and(|tried| tried.status.success()) {
        eprintln!("passed over: no folder can be mounted here");
        return None;
    }
    let inner = home.command(args);
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc && exec \"$@\""])
        .arg(&etc)
        .arg(inner.get_program())
        .args(inner.get_args())
        .env_clear()
        .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    Some(ran(&mut command))
}

/// Homebrew's prefix belongs to a user: whoever owns the machine may trust that user's packages.
#[test]
fn packages_of_another_user_are_trusted_where_the_machine_says_so() {
    if !is_root() {
        return;
    }
    let (home, brew) = (Home::new(), Home::with_bad());
    let cellar = folder(&home, "linuxbrew/Cellar/toygres/1.0/lib/toygres/plugins");
    file(&cellar, "libtoygres_config.so", &CONFIG);
    symlink("Cellar/toygres/1.0/lib", home.files().join("linuxbrew/lib")).unwrap();
    give(&home.files().join("linuxbrew"), OTHER);
    let plugins = home.files().join("linuxbrew/lib/toygres/plugins").display().to_string();
    let args = [&ENV[..], &["--plugin-dir", &plugins]].concat();
    for (config, code) in [
        ("", 8),
        ("[plugins]\ntrusted_owners = []\n", 8),
        ("[plugins]\ntrusted_owners = [\"daemon\", 12345]\n", 8),
        ("[plugins]\ntrusted_owners = [\"nobody\"]\n", 0),
        ("[plugins]\ntrusted_owners = [65534]\n", 0),
    ] {
        let Some(ran) = on_machine(&home, config, &args) else { return };
        assert_eq!(ran.code, Some(code), "{config}: {}", ran.stderr);
    }
    // A home folder of that user is let in by its own option, with its lock file and its plugins.
    give(&brew.path(), OTHER);
    mode(brew.path().parent().unwrap(), 0o755);
    let strict: Vec<&str> = RUN.iter().copied().chain(["--strict"]).collect();
    assert_eq!(brew.run(&strict).code, Some(2));
    let strict: Vec<&str> = strict.into_iter().chain(["--trust-home"]).collect();
    assert_eq!(brew.run(&strict).code, Some(0));
    let trusted = "[plugins]\ntrusted_owners = [\"nobody\", \"nosuchuser\"]\n";
    let etc = Home::new();
    let Some(ran) = on_machine_of(&etc, &brew, trusted, &strict) else { return };
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let Some(list) = on_machine_of(&etc, &brew, trusted, &["plugin", "list", "--trust-home"])
    else {
        return;
    };
    let said = format!("{}{}", list.stdout, list.stderr);
    assert!(said.contains("unknown user `nosuchuser`"), "{said}");
}

/// What a home folder says of it has no effect, and that is said.
#[test]
fn nobody_but_the_machine_trusts_further_owners() {
    if !is_root() {
        return;
    }
    let home = Home::new();
    let plugins = folder(&home, "theirs");
    file(&plugins, "bad.so", &BAD);
    give(&plugins, OTHER);
    let config = home.path().join("config.toml");
    fs::write(&config, "[plugins]\ntrusted_owners = [\"nobody\"]\n").unwrap();
    mode(&config, 0o644);
    assert_eq!(in_folder(&home, &plugins).code, Some(8));
    let list = home.run(&["plugin", "list"]);
    let said = format!("{}{}", list.stdout, list.stderr);
    assert!(said.contains("has no effect"), "{said}");
}
