//! What a `.env` file of the current folder may decide, and what is said of the rest.

use crate::stage::{
    Listener, NOBODY, Stage, chmod, completion, give, is_root, kubeconfig_that_runs, ran,
};
use std::fs;
use std::time::{Duration, Instant};

/// A secret of the environment.
const CANARY: &str = "canary-of-the-environment";

/// Nothing of it is taken, each entry is said once with its line, and no value is repeated.
#[test]
fn what_decides_what_runs_or_where_credentials_go_is_not_taken() {
    let stage = Stage::new();
    for name in [
        "TOYGRES_HOME",
        "HOME",
        "TOYGRES_PLUGIN_PATH",
        "TOYGRES_PLUGINS_STRICT",
        "TOYGRES_API_URL",
        "TOYGRES_API_TOKEN",
        "TOYGRES_PASSWORD",
        "TOYGRES_CONTEXT",
        "TOYGRES_BIND",
        "TOYGRES_HOSTS",
        "TOYGRES_PORT",
        "TOYGRES_PID_FILE",
        "TOYGRES_LOG_FILE",
        "TOYGRES_KUBE_CONTEXT",
        "TOYGRES_DNS_SUFFIX",
        "TOYGRES_NETWORK_POLICY",
        "TOYGRES_DRIFT_IGNORE",
        "TOYGRES_KEEP_EVENTS_DAYS",
        "TOYGRES_IMGE",
        "KUBECONFIG",
        "PGPASSWORD",
        "PGSSLMODE",
        "PGSSLROOTCERT",
        "SSL_CERT_FILE",
        "HTTPS_PROXY",
        "https_proxy",
        "LD_PRELOAD",
        "PATH",
    ] {
        let dotenv = format!("# mine\nAKS_NAMESPACE=ns\nexport {name}='value-of-it'\n");
        stage.file("work/.env", dotenv);
        let ran = stage.run(&["server", "config", "-o", "json", "--show-secrets"]).code(0);
        let said = format!("./.env:3: `{name}` may not be set here");
        assert_eq!(ran.stderr.matches(&said).count(), 1, "{ran:#?}");
        assert_eq!(ran.stderr.matches(".env").count(), 1, "{ran:#?}");
        let config = ran.json();
        assert_eq!(config["kubernetes"]["namespace"]["value"], "ns", "{name}");
        ran.hides("value-of-it");
        let env = stage.run(&["server", "env", "--show-secrets"]).code(0);
        env.hides("value-of-it");
    }
}

/// The files of a clone are the operator's own, and so they pass every check of who owns them.
#[test]
fn plugins_and_home_folder_of_a_clone_stay_closed() {
    let stage = Stage::new();
    let library = fs::read(toygres_tests::toygres::bad_plugin()).unwrap();
    for folder in ["work/p", "work/h/plugins"] {
        let file = stage.file(format!("{folder}/libtoygres_bad.so"), &library);
        chmod(&file, 0o644);
        chmod(file.parent().unwrap(), 0o755);
    }
    let marker = stage.path("ran");
    for dotenv in ["TOYGRES_PLUGIN_PATH=p\n", "TOYGRES_HOME=h\n", "HOME=.\nTOYGRES_HOME=\"h\"\n"] {
        stage.file("work/.env", dotenv);
        let bare = |args: &[&str]| {
            let mut command = stage.bare(args);
            command.env("TOYGRES_BAD_CONSTRUCTOR", &marker);
            ran(command)
        };
        let listed = bare(&["plugin", "list", "-o", "json"]).code(0);
        assert!(!listed.stdout.contains("libtoygres_bad"), "{listed:#?}");
        bare(&["server", "bad", "--fault", "none"]).code(2);
        bare(&["plugin", "exec", "bad", "bad", "--fault", "none"]);
        let words = completion(&["toygres", "server", "bad-values", "--value", "x"]);
        let offered = bare(&words).code(0);
        assert_eq!((offered.stdout.as_str(), offered.stderr.as_str()), ("", ""));
        assert!(!marker.exists(), "{dotenv}");
    }
}

#[test]
fn somebody_elses_file_is_not_read_and_its_kubeconfig_runs_nothing() {
    if !is_root() {
        return;
    }
    let stage = Stage::new();
    let marker = stage.path("work/owned");
    stage.file("work/kc", kubeconfig_that_runs(&marker));
    let dotenv =
        stage.file("work/.env", "KUBECONFIG=kc\nTOYGRES_KUBE_CONTEXT=a\nAKS_NAMESPACE=x\n");
    give(&stage.path("work/kc"), NOBODY);
    let health = || {
        let mut command = stage.command(&["server", "health"]);
        command.env("DATABASE_URL", "postgres://u@127.0.0.1:1/d");
        ran(command)
    };
    let sticky = stage.path("work");
    chmod(&sticky, 0o1777);
    // Ours in a folder where others may make files, theirs there, and theirs in a folder of ours.
    health().says("./.env was not read").says("1777");
    give(&dotenv, NOBODY);
    health().says("./.env was not read");
    chmod(&sticky, 0o755);
    health().says("./.env was not read").says("another user (uid 65534)");
    assert_eq!(stage.setting("/kubernetes/namespace").0, "toygres");
    // Ours in a folder of theirs.
    give(&dotenv, 0);
    give(&sticky, NOBODY);
    health().says("./.env was not read").says("another user (uid 65534)");
    assert!(!marker.exists());
}

#[test]
fn only_a_file_that_nobody_else_could_have_written_is_read() {
    let stage = Stage::new();
    let (work, dotenv) = (stage.path("work"), stage.path("work/.env"));
    let refused = |why: &str| {
        let ran = stage.run(&["server", "config", "-o", "json"]).code(0);
        assert_eq!(ran.json()["kubernetes"]["namespace"]["source"], "default", "{why}");
        assert_eq!(ran.stderr.matches("./.env was not read").count(), 1, "{ran:#?}");
        ran.says(why);
    };
    stage.file("work/.env", "AKS_NAMESPACE=x\n");
    for (file, folder, why) in [
        (0o666, 0o755, "chmod go-w"),
        (0o622, 0o755, "(mode 0622)"),
        (0o644, 0o777, "(mode 0777)"),
        (0o644, 0o1777, "(mode 1777)"),
    ] {
        chmod(&dotenv, file);
        chmod(&work, folder);
        refused(why);
    }
    chmod(&work, 0o755);
    fs::rename(&dotenv, stage.path("work/other")).unwrap();
    std::os::unix::fs::symlink("other", &dotenv).unwrap();
    refused("not a regular file");
    fs::remove_file(&dotenv).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &dotenv).unwrap();
    refused("not a regular file");
    fs::remove_file(&dotenv).unwrap();
    fs::create_dir(&dotenv).unwrap();
    refused("not a regular file");
    fs::remove_dir(&dotenv).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(&dotenv).status().unwrap();
    assert!(fifo.success());
    let begun = Instant::now();
    refused("not a regular file");
    assert!(begun.elapsed() < Duration::from_secs(20));
    fs::remove_file(&dotenv).unwrap();
    stage.file("work/.env", vec![b'#'; 300 * 1024]);
    refused("larger than 256 KiB");
}

#[test]
fn a_file_of_a_folder_above_is_not_read() {
    let stage = Stage::new();
    stage.file(".env", "AKS_NAMESPACE=above\n");
    assert_eq!(stage.setting("/kubernetes/namespace"), ("toygres".into(), "default".into()));
}

#[test]
fn no_token_and_no_password_goes_to_an_address_of_the_file() {
    let stage = Stage::new();
    let (api, database) = (Listener::http(), Listener::postgres());
    let dotenv = format!(
        "TOYGRES_API_URL=http://{}\nDATABASE_URL=postgres://op@{}/x\n",
        api.address(),
        database.address()
    );
    stage.file("work/.env", dotenv);
    stage.file("user/.toygres/api-token", format!("{CANARY}\n"));
    for token in [None, Some(CANARY)] {
        let mut command = stage.command(&["list"]);
        command.envs(token.map(|token| ("TOYGRES_API_TOKEN", token)));
        command.env("TOYGRES_PASSWORD", CANARY);
        ran(command).says("./.env:1: `TOYGRES_API_URL` may not be set here");
    }
    assert_eq!(api.heard(), "");
    for command in [
        &["server", "db-query", "select 1"][..],
        &["server", "orchestrations"],
        &["server", "start", "--timeout", "2s"],
    ] {
        let mut command = stage.command(command);
        let refused = ran({
            command.env("PGPASSWORD", CANARY);
            command
        });
        assert_eq!(refused.code, 2, "{refused:#?}");
        refused.says("`PGPASSWORD`").says("/work/.env").hides(CANARY);
    }
    assert_eq!(database.heard(), "");
}

/// The file's own password is for the file's own address, and the environment goes before both.
#[test]
fn a_password_of_the_file_goes_to_its_own_address() {
    let stage = Stage::new();
    let (own, other) = (Listener::postgres(), Listener::postgres());
    stage.file("work/.env", format!("DATABASE_URL=postgres://op:pa$word@{}/x\n", own.address()));
    let query = |variables: &[(&str, &str)]| {
        let mut command = stage.command(&["server", "db-query", "select 1"]);
        command.envs(variables.iter().copied());
        ran(command)
    };
    query(&[("PGPASSWORD", CANARY)]).code(4);
    assert!(own.heard().contains("pa$word") && !own.heard().contains(CANARY), "{}", own.heard());
    let url = format!("postgres://op@{}/x", other.address());
    query(&[("DATABASE_URL", &url), ("PGPASSWORD", CANARY)]).code(4);
    assert!(other.heard().contains(CANARY), "{}", other.heard());
}

#[test]
fn a_value_is_what_stands_in_the_file() {
    let stage = Stage::new();
    let url = "postgres://u:pa$word#1@h/d";
    for (line, value) in [
        (format!("DATABASE_URL={url}"), url),
        (format!("DATABASE_URL=\"{url}\""), url),
        (format!("DATABASE_URL='{url}'"), url),
        (format!("\u{feff}DATABASE_URL={url}\r"), url),
        (format!("export DATABASE_URL = {url} # of the team"), url),
        ("DATABASE_URL=host=h user=a\\b".to_owned(), "host=h user=a\\b"),
        ("DATABASE_URL=\"host=h user='a b'\"".to_owned(), "host=h user='a b'"),
        ("DATABASE_URL=$(id)`id`${HOME}".to_owned(), "$(id)`id`${HOME}"),
    ] {
        stage.file("work/.env", format!("{line}\n"));
        let (found, source) = stage.setting("/database/url");
        assert_eq!((found.as_str(), source.as_str()), (value, "dot_env"), "{line}");
    }
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_the_rest_is_taken() {
    let stage = Stage::new();
    let dotenv = b"DATABASE_URL=\"postgres://u:canary-1@h/d\nAKS_CLUSTER_NAME='canary-2\nnonsense \
        canary-3\nRUST_LOG=canary-4\xff\nAKS_NAMESPACE=ns\n";
    stage.file("work/.env", dotenv);
    let ran = stage.run(&["server", "config"]).code(0).shows("Namespace:       ns");
    for line in 1..=4 {
        assert_eq!(ran.stderr.matches(&format!("./.env:{line}: not read")).count(), 1, "{ran:#?}");
    }
    for canary in ["canary-1", "canary-2", "canary-3", "canary-4"] {
        assert!(!ran.stderr.contains(canary), "{ran:#?}");
    }
    let utf16: Vec<u8> = "AKS_NAMESPACE=x\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    stage.file("work/.env", [b"\xff\xfe".as_slice(), &utf16].concat());
    stage.run(&["server", "config"]).code(0).says("./.env:1: not read: the file is UTF-16");
}

/// A file that is another program's fills no screen, and names of other programs are theirs.
#[test]
fn no_more_than_a_few_lines_are_said_and_none_while_one_completes() {
    let stage = Stage::new();
    let many: String = (0..50).map(|n| format!("TOYGRES_X{n}=x\nNODE_{n}=x\nbroken\n")).collect();
    stage.file("work/.env", &many);
    for command in [&["server", "config"][..], &["--help"], &["version"], &["plugin", "list"]] {
        let ran = stage.run(command).code(0);
        assert_eq!(ran.stderr.matches("./.env").count(), 9, "{ran:#?}");
        assert!(ran.stderr.contains("./.env: 92 more lines were not taken"), "{ran:#?}");
        assert!(!ran.stderr.contains("NODE_"), "{ran:#?}");
    }
    let offered = stage.run(&completion(&["toygres", "server", "conf"])).code(0);
    assert_eq!((offered.stdout.trim(), offered.stderr.as_str()), ("config", ""));
}

#[test]
fn the_file_that_a_value_comes_from_is_named_by_its_path() {
    let stage = Stage::new();
    let dotenv = stage.file("work/.env", "AKS_NAMESPACE=ns\n").canonicalize().unwrap();
    let rows = stage.run(&["server", "env", "-o", "json"]).code(0).json();
    let rows = rows.as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == "AKS_NAMESPACE").unwrap();
    assert_eq!(row["source"], dotenv.to_str().unwrap());
    let shown = format!("✓ Set (ns, from {})", dotenv.display());
    stage.run(&["server", "env"]).code(0).shows(&shown);
    let shown = format!("ns (.env file: {})", dotenv.display());
    stage.run(&["server", "config"]).code(0).shows(&shown);
}
