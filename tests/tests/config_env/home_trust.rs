//! A home folder that somebody else could have written, or that is somebody else's.

use crate::stage::{
    Listener, NOBODY, Stage, chmod, completion, give, is_root, kubeconfig_that_runs, ran, ran_as,
};
use crate::support::Ran;
use std::fs;
use std::os::unix::fs::chown;

/// A secret of the environment.
const CANARY: &str = "canary-of-the-environment";

#[test]
fn a_file_or_folder_that_others_may_write_is_refused_with_what_mends_it() {
    let stage = Stage::new();
    let home = stage.path("user/.toygres");
    for name in ["config.toml", "api-token", "api-url"] {
        let file = stage.file(format!("user/.toygres/{name}"), "");
        for (place, wrong, right) in [
            (&file, 0o666, 0o600),
            (&file, 0o620, 0o600),
            (&home, 0o777, 0o700),
            (&home, 0o770, 0o700),
        ] {
            // The group of root is root.
            if rustix::process::geteuid().is_root() {
                chown(place, None, Some(NOBODY)).unwrap();
            }
            chmod(place, wrong);
            let refused = stage.run(&["server", "config"]).code(2);
            assert_eq!(refused.stdout, "");
            let shown = place.canonicalize().unwrap();
            let mends = format!("chmod go-w {}", shown.display());
            refused.says(&mends).says(&format!("(mode {wrong:04o})"));
            chmod(place, right);
            stage.run(&["server", "config"]).code(0);
        }
        fs::remove_file(file).unwrap();
    }
    // So is a folder above it.
    chmod(&stage.path("user"), 0o777);
    stage.run(&["server", "config"]).code(2).says("(mode 0777)");
}

/// Others could exchange what is in it, but not make root, or somebody else, own it.
#[test]
fn a_home_folder_that_is_not_there_yet_is_fine() {
    let stage = Stage::new();
    assert_eq!(stage.setting("/paths/home").1, "default");
    stage.run(&["server", "env"]).code(0);
}

/// A home folder of nobody's that decides as much as one can.
fn foreign(stage: &Stage, api: &Listener) {
    let marker = stage.path("owned");
    let config = format!(
        "current = \"theirs\"\n[contexts.theirs.api]\nurl = \"http://{}\"\n[contexts.theirs.kubernetes]\n\
         kubeconfig = \"{}\"\nnamespace = \"theirs\"\n",
        api.address(),
        stage.path("user/kc").display()
    );
    stage.file("user/.toygres/config.toml", config);
    stage.file("user/kc", kubeconfig_that_runs(&marker));
    let library = fs::read(toygres_tests::toygres::bad_plugin()).unwrap();
    let library = stage.file("user/.toygres/plugins/libtoygres_bad.so", library);
    chmod(&library, 0o644);
    chmod(library.parent().unwrap(), 0o755);
    chmod(&stage.path("user/.toygres"), 0o755);
    give(&stage.path("user"), NOBODY);
}

/// As root with the home folder of nobody, named in either way.
fn ways(stage: &Stage, args: &[&str]) -> [Ran; 2] {
    let kept = stage.command(args);
    let mut named = stage.command(args);
    named.env("HOME", "/root").env("TOYGRES_HOME", stage.path("user/.toygres"));
    [kept, named].map(|mut command| {
        command.env("TOYGRES_BAD_CONSTRUCTOR", stage.path("constructed"));
        command.env("TOYGRES_API_TOKEN", CANARY);
        command.env("DATABASE_URL", "postgres://u@127.0.0.1:1/d");
        ran(command)
    })
}

#[test]
fn root_uses_nothing_of_another_users_home_folder() {
    if !is_root() {
        return;
    }
    let (stage, api) = (Stage::new(), Listener::http());
    foreign(&stage, &api);
    for command in [
        &["server", "drift"][..],
        &["server", "config"],
        &["list"],
        &["server", "bad", "--fault", "none"],
        &["plugin", "exec", "bad", "bad", "--fault", "none"],
        &["plugin", "verify"],
        &["plugin", "install", "/nonexistent"],
        &["local", "down", "--purge", "--force"],
    ] {
        for refused in ways(&stage, command) {
            assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:#?}");
            refused
                .says("refused to use the home folder")
                .says("another user (uid 65534)")
                .says("sudo -H")
                .says("--trust-home");
        }
    }
    // What shows what there is does so without it, and says it once.
    for command in [&["--help"][..], &["version"], &["plugin", "list", "-o", "json"], &["man"]] {
        for shown in ways(&stage, command) {
            assert_eq!(shown.code, 0, "{shown:#?}");
            assert!(!shown.stdout.contains("bad"), "{shown:#?}");
            assert_eq!(shown.stderr.matches("another user (uid 65534)").count(), 1, "{shown:#?}");
        }
    }
    for words in [
        &["toygres", "server", "bad"][..],
        &["toygres", "server", "config", "--context", ""],
        &["toygres", "server", "bad-values", "--value", "x"],
    ] {
        for offered in ways(&stage, &completion(words)) {
            assert_eq!((offered.code, offered.stderr.as_str()), (0, ""), "{words:?}");
            let known = ["bad", "theirs"].iter().any(|name| offered.stdout.contains(name));
            assert!(!known, "{words:?}: {offered:#?}");
        }
    }
    assert!(!stage.path("owned").exists() && !stage.path("constructed").exists());
    assert_eq!(api.heard(), "");
}

#[test]
fn trust_home_lets_in_the_owner_of_that_folder_and_nobody_else() {
    if !is_root() {
        return;
    }
    let (stage, api) = (Stage::new(), Listener::http());
    foreign(&stage, &api);
    let config = stage.path("user/.toygres/config.toml");
    let namespace = || {
        ways(&stage, &["--trust-home", "server", "config", "-o", "json"]).map(|ran| {
            (ran.code, (ran.code == 0).then(|| ran.json()["kubernetes"]["namespace"].clone()))
        })
    };
    for (code, found) in namespace() {
        assert_eq!((code, found.unwrap()["value"].as_str().unwrap()), (0, "theirs"));
    }
    for shown in ways(&stage, &["plugin", "list", "-o", "json", "--trust-home"]) {
        assert!(shown.stderr.is_empty(), "{shown:#?}");
    }
    let words = completion(&["toygres", "--trust-home", "server", "config", "--context", ""]);
    for offered in ways(&stage, &words) {
        assert_eq!(offered.stdout.trim(), "theirs");
    }
    // A token of root's does not follow where that user points.
    for refused in ways(&stage, &["list", "--trust-home"]) {
        assert_eq!(refused.code, 2, "{refused:#?}");
        refused.says("`TOYGRES_API_TOKEN`").says("config.toml").hides(CANARY);
    }
    assert_eq!(api.heard(), "");
    // Somebody else's file in it, or one that others may write, is refused all the same.
    give(&config, 4321);
    assert!(namespace().iter().all(|(code, _)| *code == 2));
    give(&config, NOBODY);
    chmod(&config, 0o666);
    assert!(namespace().iter().all(|(code, _)| *code == 2));
    chmod(&config, 0o644);
    chmod(&stage.path("user/.toygres"), 0o777);
    assert!(namespace().iter().all(|(code, _)| *code == 2));
}

#[test]
fn a_home_folder_that_is_not_there_yet_is_not_made_below_another_users() {
    if !is_root() {
        return;
    }
    let stage = Stage::new();
    give(&stage.path("user"), NOBODY);
    stage.run(&["server", "config"]).code(2).says("another user (uid 65534)").says("sudo -H");
    stage.run(&["local", "up"]).code(2);
    assert!(!stage.path("user/.toygres").exists());
}

#[test]
fn an_ordinary_user_uses_nothing_of_another_users_home_folder() {
    if !is_root() {
        return;
    }
    let stage = Stage::new();
    let config = stage.file("user/.toygres/config.toml", "[kubernetes]\nnamespace = \"theirs\"\n");
    give(&stage.path("user"), 4321);
    chmod(&config, 0o644);
    let refused = ran_as(NOBODY, stage.command(&["server", "config"])).code(2);
    let refused = refused.says("another user (uid 4321)").says("--trust-home");
    assert!(!refused.stderr.contains("sudo -H"), "{refused:#?}");
    let lent = ran_as(NOBODY, stage.command(&["server", "config", "--trust-home"])).code(0);
    lent.shows("theirs");
}

/// Such as the volume that Kubernetes makes for a pod: nobody can choose its mode.
#[test]
fn of_a_folder_that_root_made_for_all_nothing_is_read() {
    if !is_root() {
        return;
    }
    let stage = Stage::new();
    let home = stage.path("user/.toygres");
    fs::create_dir(&home).unwrap();
    chmod(&home, 0o777);
    let config = || ran_as(NOBODY, stage.command(&["server", "config", "-o", "json"]));
    config().code(0);
    stage.file("user/.toygres/api-url", "http://127.0.0.1:1\n");
    let found = config().code(0).json();
    assert!(found["api"]["url"]["value"].is_null(), "{found:#}");
    ran_as(NOBODY, stage.command(&["list"])).code(2).says("api-url").says("(mode 0777)");
    ran_as(NOBODY, stage.command(&["local", "up"])).code(2).says("others may write");
    stage.file("user/.toygres/config.toml", "[kubernetes]\nnamespace = \"theirs\"\n");
    config().code(2).says("config.toml").says("(mode 0777)");
}

/// kubectl would take it, and so would root with `sudo -E`.
#[test]
fn the_kubeconfig_of_another_users_folder_is_not_used_unless_it_is_named() {
    if !is_root() {
        return;
    }
    let stage = Stage::new();
    let marker = stage.path("owned");
    let kubeconfig = stage.file("user/.kube/config", kubeconfig_that_runs(&marker));
    give(&stage.path("user"), NOBODY);
    let health = |named: bool| {
        let mut command = stage.command(&["server", "health", "-o", "json"]);
        command.env("TOYGRES_HOME", stage.path("home"));
        command.env("DATABASE_URL", "postgres://u@127.0.0.1:1/d");
        command.envs(named.then_some(("KUBECONFIG", &kubeconfig)));
        ran(command)
    };
    let refused = health(false);
    assert!(refused.stdout.contains("refused to use the kubeconfig"), "{refused:#?}");
    assert!(!marker.exists());
    health(true);
    assert!(marker.exists());
}

/// Where the token of a home folder goes, by where the address comes from.
#[test]
fn a_token_of_the_home_folder_goes_only_where_that_folder_points() {
    let stage = Stage::new();
    let (named, other) = (Listener::http(), Listener::answering("401 Unauthorized", "{}"));
    let list = |url: Option<&str>| {
        let mut command = stage.command(&["list"]);
        command.envs(url.map(|url| ("TOYGRES_API_URL", url)));
        ran(command)
    };
    let config = format!("[api]\nurl = \"http://{}\"\ntoken = \"{CANARY}\"\n", named.address());
    let config = stage.file("user/.toygres/config.toml", config);
    list(None).code(0);
    assert!(named.heard().contains(&format!("Bearer {CANARY}")), "{}", named.heard());
    // `.invalid` is no host: a request would say that it cannot be reached.
    let refused = list(Some("http://api.invalid:1")).code(2);
    refused.says("`TOYGRES_API_URL`").says("config.toml").hides(CANARY);
    fs::remove_file(config).unwrap();
    // The token of this machine's own server stays on this machine.
    stage.file("user/.toygres/api-token", format!("{CANARY}\n"));
    list(Some(&format!("http://{}", other.address())));
    assert!(other.heard().contains(&format!("Bearer {CANARY}")), "{}", other.heard());
    list(Some("http://api.invalid:1")).code(4).says("api.invalid");
}
