//! What was checked is what is opened, however often another user exchanges names meanwhile.

use super::evil::{Evil, OTHER, give, is_root};
use super::home::{CONFIG, Home, mode, ran};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// Between one exchange and the next, in microseconds.
const INTERVALS: [u32; 4] = [0, 50, 300, 1000];
/// Runs at each of them, at the least.
const RUNS: u32 = 8;

/// A place where root's good things and another user's evil ones have names that can be exchanged.
struct Scene {
    evil: Evil,
    home: Home,
}

/// What runs meanwhile.
struct Attack<'a> {
    args: &'a [&'a str],
    env: &'a [(&'a str, PathBuf)],
    one: PathBuf,
    other: PathBuf,
    /// How every run ends.
    code: i32,
    /// Whether the other user's exchanges succeed.
    exchanges: bool,
}

impl Scene {
    fn new() -> Option<Self> {
        if !is_root() {
            return None;
        }
        let (evil, home) = (Evil::new()?, Home::new());
        // The other user has a way to what is theirs.
        mode(home.files().parent().unwrap(), 0o755);
        Some(Self { evil, home })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.home.files().join(name)
    }

    /// A folder with a library in it.
    fn folder(&self, name: &str, library: &[u8], uid: u32) -> PathBuf {
        let folder = self.at(name);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("libtoygres_config.so");
        fs::write(&file, library).unwrap();
        for place in [&folder, &file] {
            mode(place, 0o755);
        }
        give(&folder, uid);
        folder
    }

    /// A folder of the other user's, without anything in it.
    fn theirs(&self, name: &str) -> PathBuf {
        fs::create_dir(self.at(name)).unwrap();
        mode(self.at(name), 0o755);
        give(&self.at(name), OTHER);
        self.at(name)
    }

    fn run(&self, attack: &Attack<'_>) -> super::home::Ran {
        let mut command = self.home.command(attack.args);
        command.envs(attack.env.iter().cloned());
        ran(&mut command)
    }

    /// Runs it while names change.
    #[track_caller]
    fn survives(&self, attack: &Attack<'_>) {
        let mut ends = std::collections::BTreeMap::<Option<i32>, String>::new();
        for interval in INTERVALS {
            let exchange = self.evil.exchange(&attack.one, &attack.other, interval);
            let (mut runs, mut done) = (0, None);
            while runs < RUNS || done.is_none() {
                let ran = self.run(attack);
                ends.insert(ran.code, ran.stderr);
                done = done.or_else(|| exchange.first_thousand());
                runs += 1;
            }
            assert!(!self.evil.has_run(), "another user's code ran, {interval} us apart");
            assert_eq!(done, Some(if attack.exchanges { 1000 } else { 0 }), "{interval} us");
        }
        let only = ends.len() == 1 && ends.contains_key(&Some(attack.code));
        assert!(only, "expected is {} alone: {ends:?}", attack.code);
    }
}

/// The guise is good enough: where it is root's own, it is opened.
#[test]
fn the_evil_library_would_run() {
    let Some(scene) = Scene::new() else { return };
    let folder = scene.folder("evil", &scene.evil.library, 0);
    let run = scene.home.run(&["server", "config", "--plugin-dir", &folder.display().to_string()]);
    assert!(scene.evil.has_run(), "{}", run.stderr);
}

#[test]
fn a_plugin_folder_below_another_users_folder() {
    let Some(scene) = Scene::new() else { return };
    let good = scene.folder("good", &CONFIG, 0);
    let att = scene.theirs("att");
    scene.folder("att/other", &scene.evil.library, OTHER);
    symlink(good, att.join("plugins")).unwrap();
    give(&att, OTHER);
    let typed = att.join("plugins").display().to_string();
    scene.survives(&Attack {
        args: &["server", "config", "--plugin-dir", &typed],
        env: &[],
        one: att.join("plugins"),
        other: att.join("other"),
        code: 8,
        exchanges: true,
    });
}

/// Everything is root's when it is looked at, but for a folder further up.
#[test]
fn a_folder_further_up_is_another_users() {
    let Some(scene) = Scene::new() else { return };
    let att = scene.theirs("att");
    for (name, library, uid) in
        [("one", CONFIG.as_slice(), 0), ("two", scene.evil.library.as_slice(), OTHER)]
    {
        scene.folder(&format!("att/{name}/lib/plugins"), library, uid);
        give(&att.join(name), uid);
    }
    let typed = att.join("one/lib/plugins").display().to_string();
    scene.survives(&Attack {
        args: &["server", "config"],
        env: &[("TOYGRES_PLUGIN_PATH", typed.into())],
        one: att.join("one"),
        other: att.join("two"),
        code: 8,
        exchanges: true,
    });
}

/// A file that is a link into another user's folder.
#[test]
fn a_link_to_a_library_of_roots_in_another_users_folder() {
    let Some(scene) = Scene::new() else { return };
    let att = scene.theirs("att");
    scene.folder("att/one", &CONFIG, 0);
    scene.folder("att/two", &scene.evil.library, OTHER);
    let farm = scene.at("farm");
    fs::create_dir(&farm).unwrap();
    mode(&farm, 0o755);
    symlink(att.join("one/libtoygres_config.so"), farm.join("libtoygres_config.so")).unwrap();
    let typed = farm.display().to_string();
    scene.survives(&Attack {
        args: &["server", "config", "--plugin-dir", &typed],
        env: &[],
        one: att.join("one"),
        other: att.join("two"),
        code: 8,
        exchanges: true,
    });
}

/// What is root's in a sticky folder stays there: it is used, and cannot be exchanged.
#[test]
fn a_folder_of_roots_in_a_sticky_one() {
    let Some(scene) = Scene::new() else { return };
    let sticky = scene.at("sticky");
    fs::create_dir(&sticky).unwrap();
    scene.folder("sticky/good", &CONFIG, 0);
    scene.folder("sticky/evil", &scene.evil.library, OTHER);
    mode(&sticky, 0o1777);
    let link = scene.at("plugins");
    symlink(sticky.join("good"), &link).unwrap();
    let typed = link.display().to_string();
    scene.survives(&Attack {
        args: &["server", "config", "--plugin-dir", &typed],
        env: &[],
        one: sticky.join("good"),
        other: sticky.join("evil"),
        code: 0,
        exchanges: false,
    });
}

/// A home folder with a library: copied there, or installed, so that a lock file names it.
fn home(scene: &Scene, name: &str, library: &[u8], locked: bool, uid: u32) -> PathBuf {
    let home = scene.at(name);
    fs::create_dir_all(&home).unwrap();
    mode(&home, 0o755);
    let folder = scene.folder(&format!("{name}/plugins"), library, 0);
    if locked {
        let file = folder.join("libtoygres_config.so").display().to_string();
        let mut install = scene.home.command(&["plugin", "install", &file]);
        let installed = ran(install.env("TOYGRES_HOME", &home));
        assert_eq!(installed.code, Some(0), "{}", installed.stderr);
        fs::remove_file(file).unwrap();
    }
    give(&home, uid);
    home
}

/// A link of the other user's to a home folder of root's, and one of their own.
fn homes(scene: &Scene, below: &str, locked: bool) -> (PathBuf, PathBuf) {
    home(scene, &format!("good{below}"), &CONFIG, locked, 0);
    home(scene, &format!("other{below}"), &scene.evil.library, locked, OTHER);
    let att = scene.theirs("att");
    symlink(scene.at("good"), att.join("home")).unwrap();
    fs::rename(scene.at("other"), att.join("other")).unwrap();
    give(&att, OTHER);
    (att.join("home"), att.join("other"))
}

#[test]
fn a_home_folder_of_another_users() {
    let Some(scene) = Scene::new() else { return };
    let (one, other) = homes(&scene, "", false);
    let env = [("TOYGRES_HOME", one.clone())];
    let args = &["server", "config"];
    scene.survives(&Attack { args, env: &env, one, other, code: 2, exchanges: true });
}

#[test]
fn the_default_home_folder_of_another_user() {
    let Some(scene) = Scene::new() else { return };
    let (one, other) = homes(&scene, "/.toygres", false);
    // An empty variable counts as one that is not set.
    let env = [("HOME", one.clone()), ("TOYGRES_HOME", PathBuf::new())];
    let args = &["server", "config"];
    scene.survives(&Attack { args, env: &env, one, other, code: 2, exchanges: true });
}

#[test]
fn lock_file_and_library_at_once() {
    let Some(scene) = Scene::new() else { return };
    let (one, other) = homes(&scene, "", true);
    let env = [("TOYGRES_HOME", one.clone())];
    let args = &["--strict", "server", "config"];
    scene.survives(&Attack { args, env: &env, one, other, code: 2, exchanges: true });
}

/// What is installed is what was checked, and a check opens nothing else.
#[test]
fn a_file_that_is_installed_and_one_that_is_checked() {
    let Some(scene) = Scene::new() else { return };
    let att = scene.theirs("att");
    scene.folder("att/one", &CONFIG, 0);
    scene.folder("att/two", &scene.evil.library, OTHER);
    let typed = att.join("one/libtoygres_config.so").display().to_string();
    for (args, code) in [(["plugin", "install", &typed], 8), (["plugin", "check", &typed], 1)] {
        let (one, other) = (att.join("one"), att.join("two"));
        scene.survives(&Attack { args: &args, env: &[], one, other, code, exchanges: true });
    }
    assert_eq!(scene.home.json(&["plugin", "list"]), serde_json::json!([]));
}
