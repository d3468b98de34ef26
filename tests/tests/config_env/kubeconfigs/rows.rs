//! The rows: files, environment, and whether a server is reached.

use super::world::{HIDDEN_NAME, OTHER_NAME, World, own_address};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Nobody listens there.
const DEAD_PROXY: &str = "http://127.0.0.1:9";

/// How a row ends.
pub(super) enum Outcome {
    Reached,
    Fails,
}

/// One kubeconfig and environment.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// Below the stage: `work` is where both tools run, `user` is the folder of `HOME`.
    pub(super) files: Vec<(String, String)>,
    pub(super) environment: Vec<(&'static str, String)>,
    /// `--kubeconfig`.
    pub(super) kubeconfig: Option<&'static str>,
    pub(super) context: Option<&'static str>,
    /// The tools run in a pod.
    pub(super) in_cluster: bool,
    pub(super) outcome: Outcome,
}

impl Row {
    fn new(name: &'static str, outcome: Outcome) -> Self {
        Self {
            name,
            files: Vec::new(),
            environment: Vec::new(),
            kubeconfig: None,
            context: None,
            in_cluster: false,
            outcome,
        }
    }

    fn file(mut self, name: &str, text: impl Into<String>) -> Self {
        self.files.push((format!("work/{name}"), text.into()));
        self
    }

    fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }
}

/// A kubeconfig of one cluster, user and context, each called `a`.
fn config(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n{}{}{}",
        clusters("a", cluster),
        contexts("a"),
        users("a", user)
    )
}

fn clusters(name: &str, cluster: &str) -> String {
    format!("clusters:\n- name: {name}\n  cluster: {{{cluster}}}\n")
}

fn contexts(name: &str) -> String {
    format!("contexts:\n- name: {name}\n  context: {{cluster: a, user: a}}\n")
}

fn users(name: &str, user: &str) -> String {
    format!("users:\n- name: {name}\n  user: {{{user}}}\n")
}

/// What an exec program prints.
fn credential(version: &str, status: &str) -> String {
    format!(
        "#!/bin/sh\ncat <<'END'\n{{\"apiVersion\":\"client.authentication.k8s.io/{version}\",\
         \"kind\":\"ExecCredential\",\"status\":{{{status}}}}}\nEND\n"
    )
}

fn exec(version: &str, more: &str) -> String {
    format!("exec: {{apiVersion: client.authentication.k8s.io/{version}, {more}}}")
}

pub(super) fn rows(world: &World) -> Vec<Row> {
    let mut rows = lists(world);
    rows.extend(selections(world));
    rows.extend(certificates(world));
    rows.extend(users_of(world));
    rows.extend(proxies(world));
    rows.extend(places(world));
    rows
}

/// Which files are read, and what of each.
fn lists(world: &World) -> Vec<Row> {
    use Outcome::{Fails, Reached};
    let insecure =
        |port: u16| format!("server: 'https://127.0.0.1:{port}', insecure-skip-tls-verify: true");
    let first = insecure(world.tls);
    let plain = config(&first, "token: first");
    let listed = |name, outcome, list: &str| {
        Row::new(name, outcome).file("a.yaml", plain.clone()).env("KUBECONFIG", list)
    };
    let second = config(&insecure(world.other_name), "token: second");
    vec![
        listed("one file", Reached, "a.yaml"),
        listed("a colon behind it", Reached, "a.yaml:"),
        listed("a colon before it", Reached, ":a.yaml"),
        listed("a missing file before it", Reached, "none.yaml:a.yaml"),
        listed("a missing file behind it", Reached, "a.yaml:/none/b.yaml"),
        listed("the same file twice", Reached, "a.yaml:a.yaml"),
        listed("an empty file before it", Reached, "empty.yaml:a.yaml").file("empty.yaml", ""),
        listed("the first cluster and user win", Reached, "a.yaml:b.yaml")
            .file("b.yaml", second.clone()),
        listed("the first cluster and user win, the other way", Reached, "b.yaml:a.yaml")
            .file("b.yaml", second.clone()),
        listed("no key of the second one is mixed in", Reached, "u.yaml:a.yaml")
            .file("u.yaml", users("a", "as: alice, token: own")),
        listed("an empty current context sets none", Reached, "b.yaml:a.yaml")
            .file("b.yaml", "current-context: ''\n"),
        listed("the first current context wins", Fails, "b.yaml:a.yaml")
            .file("b.yaml", "current-context: none\n"),
        listed("a broken file", Fails, "a.yaml:b.yaml").file("b.yaml", "clusters: ["),
        listed("another kind of object", Fails, "a.yaml:b.yaml")
            .file("b.yaml", "apiVersion: v1\nkind: Pod\n"),
        listed("a folder", Fails, "a.yaml:."),
        listed("only missing files", Fails, "/none/a:/none/b"),
        Row::new("cluster, context and user in files of their own", Reached)
            .file("c.yaml", clusters("a", &first))
            .file("x.yaml", format!("current-context: a\n{}", contexts("a")))
            .file("u.yaml", users("a", "token: apart"))
            .env("KUBECONFIG", "u.yaml:c.yaml::x.yaml"),
        Row {
            files: vec![("user/.kube/config".to_owned(), plain.clone())],
            ..Row::new("the usual place", Reached)
        },
        Row {
            files: vec![("user/.kube/config".to_owned(), plain.clone())],
            ..Row::new("an empty variable", Reached).env("KUBECONFIG", "")
        },
        Row {
            files: vec![("user/.kube/config".to_owned(), plain.clone())],
            ..Row::new("the variable, not the usual place", Fails).env("KUBECONFIG", "/none")
        },
        Row {
            kubeconfig: Some("b.yaml"),
            ..listed("the option", Reached, "a.yaml").file("b.yaml", second)
        },
        Row {
            kubeconfig: Some("none.yaml"),
            ..listed("a missing file of the option", Fails, "a.yaml")
        },
        Row::new("nothing at all", Fails),
    ]
}

/// Which context, cluster and user.
fn selections(world: &World) -> Vec<Row> {
    use Outcome::{Fails, Reached};
    let http = format!("server: 'https://127.0.0.1:{}', insecure-skip-tls-verify: true", world.tls);
    let unselected = format!("{}{}{}", clusters("a", &http), contexts("a"), users("a", "token: t"));
    let of = |name, outcome, text: String| {
        Row::new(name, outcome).file("a.yaml", text).env("KUBECONFIG", "a.yaml")
    };
    // Without a user kubectl would ask for a name and a password, over TLS.
    let plain = format!("server: 'http://127.0.0.1:{}'", world.http);
    let context = |cluster: &str, user: &str| {
        format!(
            "current-context: x\n{}{}contexts:\n- name: x\n  context: {{cluster: {cluster}, user: {user}}}\n",
            clusters("a", &plain),
            users("a", "token: t")
        )
    };
    vec![
        of("no current context", Fails, unselected.clone()),
        Row { context: Some("a"), ..of("a context that is asked for", Reached, unselected.clone()) },
        Row { context: Some("b"), ..of("an unknown context", Fails, unselected) },
        of("a context of an unknown cluster", Fails, context("none", "a")),
        of("a context of an unknown user", Reached, context("a", "none")),
        of("a context without a user", Reached, context("a", "''")),
        of("a cluster without a server", Fails, config("tls-server-name: x", "token: t")),
        of("a path and a slash in the server", Reached,
            config(&format!("server: 'http://127.0.0.1:{}/k8s/clusters/c1/'", world.http), "token: t")),
        of("a server without a scheme", Reached,
            config(&format!("server: '127.0.0.1:{}'", world.http), "token: t")),
        of(
            "JSON", Reached, serde_json::json!({
            "kind": "Config", "apiVersion": "v1", "current-context": "a",
            "clusters": [{"name": "a", "cluster": {"server": format!("http://127.0.0.1:{}", world.http)}}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
            "users": [{"name": "a", "user": {"token": "json"}}],
        }).to_string()),
    ]
}

/// The server's certificate, and the client's.
fn certificates(world: &World) -> Vec<Row> {
    use Outcome::{Fails, Reached};
    let data = STANDARD.encode(&world.authority);
    let server = format!("server: 'https://127.0.0.1:{}'", world.tls);
    let by_name = format!("server: 'https://127.0.0.1:{}'", world.other_name);
    let of = |name, outcome, cluster: String, user: &str| {
        Row::new(name, outcome)
            .file("deep/a.yaml", config(&cluster, user))
            .file("deep/ca.crt", world.authority.clone())
            .file("deep/client.crt", world.client.certificate.clone())
            .file("deep/client.key", world.client.key.clone())
            .file("deep/strange.crt", world.strange_authority.clone())
            .file("deep/own.crt", world.own_certificate.clone())
            .env("KUBECONFIG", "deep/a.yaml")
    };
    let trusted = format!("{server}, certificate-authority: ca.crt");
    let self_signed =
        format!("server: 'https://127.0.0.1:{}', certificate-authority", world.self_signed);
    let client = format!(
        "client-certificate-data: {}, client-key-data: {}",
        STANDARD.encode(&world.client.certificate),
        STANDARD.encode(&world.client.key)
    );
    let t = "token: t";
    vec![
        of("an authority beside the file", Reached, trusted.clone(), t),
        of(
            "an authority as data",
            Reached,
            format!("{server}, certificate-authority-data: {data}"),
            t,
        ),
        of(
            "an authority twice",
            Fails,
            format!("{trusted}, certificate-authority-data: {data}"),
            t,
        ),
        of("a server's own certificate", Reached, format!("{self_signed}: own.crt"), t),
        of("another one's own certificate", Fails, format!("{self_signed}: strange.crt"), t),
        of(
            "a server's own certificate by another name",
            Fails,
            format!("{self_signed}: own.crt, tls-server-name: {OTHER_NAME}"),
            t,
        ),
        of("another authority", Fails, format!("{server}, certificate-authority: strange.crt"), t),
        of("a missing authority", Fails, format!("{server}, certificate-authority: none.crt"), t),
        of("no authority", Fails, server.clone(), t),
        of("an authority of the machine", Reached, server.clone(), t)
            .env("SSL_CERT_FILE", "deep/ca.crt"),
        of("no verification", Reached, format!("{server}, insecure-skip-tls-verify: true"), t),
        of(
            "an authority and no verification",
            Fails,
            format!("{trusted}, insecure-skip-tls-verify: true"),
            t,
        ),
        of("another name", Fails, format!("{by_name}, certificate-authority: ca.crt"), t),
        of(
            "another name that is given",
            Reached,
            format!("{by_name}, certificate-authority: ca.crt, tls-server-name: {OTHER_NAME}"),
            t,
        ),
        of(
            "a wrong name that is given",
            Fails,
            format!("{trusted}, tls-server-name: {OTHER_NAME}"),
            t,
        ),
        of(
            "a client certificate in files",
            Reached,
            trusted.clone(),
            "client-certificate: client.crt, client-key: client.key",
        ),
        of("a client certificate as data", Reached, trusted.clone(), &client),
        of(
            "a client certificate twice",
            Fails,
            trusted.clone(),
            &format!("{client}, client-certificate: client.crt"),
        ),
        of(
            "a client certificate without its key",
            Fails,
            trusted.clone(),
            "client-certificate: client.crt",
        ),
        of(
            "a client certificate with a missing key",
            Fails,
            trusted.clone(),
            "client-certificate: client.crt, client-key: none.key",
        ),
        of("a client certificate and a token", Reached, trusted, &format!("{client}, token: both")),
        of(
            "plain http on a machine without certificates",
            Reached,
            format!("server: 'http://127.0.0.1:{}'", world.http),
            t,
        )
        .env("SSL_CERT_FILE", "/dev/null")
        .env("SSL_CERT_DIR", "/none"),
    ]
}

/// Who asks.
fn users_of(world: &World) -> Vec<Row> {
    use Outcome::{Fails, Reached};
    let trusted =
        format!("server: 'https://127.0.0.1:{}', certificate-authority: ca.crt", world.tls);
    let http = format!("server: 'http://127.0.0.1:{}'", world.http);
    let of = |name, outcome, user: &str| {
        Row::new(name, outcome)
            .file("deep/a.yaml", config(&trusted, user))
            .file("deep/ca.crt", world.authority.clone())
            .file("deep/token", "of-the-file\n")
            .env("KUBECONFIG", "deep/a.yaml")
    };
    let both = serde_json::json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"clientCertificateData": world.client.certificate, "clientKeyData": world.client.key},
    });
    let never = "command: ./login.sh, interactiveMode: Never";
    let login = credential("v1", "\"token\":\"of-the-program\"");
    vec![
        Row::new("nobody", Reached).file("a.yaml", config(&http, "")).env("KUBECONFIG", "a.yaml"),
        of("a token in a file", Reached, "tokenFile: token"),
        of("a missing file of a token", Fails, "tokenFile: none"),
        of("a token and a file", Reached, "token: inline, tokenFile: token"),
        of("a password", Reached, "username: u, password: p"),
        of("a password and a token", Fails, "username: u, password: p, token: t"),
        of("somebody else", Reached, "token: t, as: alice"),
        of("groups of nobody", Fails, "token: t, as-groups: [g]"),
        Row::new("credentials and plain http", Reached)
            .file("a.yaml", config(&http, "token: t, as: alice"))
            .env("KUBECONFIG", "a.yaml"),
        Row::new("a missing file of a token and plain http", Reached)
            .file("a.yaml", config(&http, "tokenFile: none"))
            .env("KUBECONFIG", "a.yaml"),
        of("a program beside the file", Reached, &exec("v1", never)).file("deep/login.sh", login.clone()),
        of("a program of the path", Reached, &exec("v1beta1", "command: toygres-test-login"))
            .file("bin/toygres-test-login", credential("v1beta1", "\"token\":\"of-the-path\""))
            .env("PATH", format!("{{work}}/bin:{}", std::env::var("PATH").unwrap())),
        of("a program with arguments and environment", Reached,
            &exec("v1", "command: ./login.sh, interactiveMode: IfAvailable, args: [first], env: [{name: WORD, value: second}]"))
            .file("deep/login.sh", login.replace("'END'", "END").replace("of-the-program", "$1-$WORD")),
        of("a program that does not say whether it asks", Fails, &exec("v1", "command: ./login.sh"))
            .file("deep/login.sh", login.clone()),
        of("a program that wants a terminal", Fails, &exec("v1", "command: ./login.sh, interactiveMode: Always"))
            .file("deep/login.sh", login.clone()),
        of("a program of an unknown version", Fails, &exec("v7", never)).file("deep/login.sh", login),
        of("a program that fails", Fails, &exec("v1", never)).file("deep/login.sh", "#!/bin/sh\nexit 1\n"),
        of("a program that is missing", Fails, &exec("v1", never)),
        Row::new("a program with a certificate", Reached)
            .file("deep/a.yaml", config(&trusted, &exec("v1", never)))
            .file("deep/ca.crt", world.authority.clone())
            .file("deep/login.sh", format!("#!/bin/sh\ncat <<'END'\n{both}\nEND\n"))
            .env("KUBECONFIG", "deep/a.yaml"),
    ]
}

/// By which way.
fn proxies(world: &World) -> Vec<Row> {
    use Outcome::{Fails, Reached};
    let data = STANDARD.encode(&world.authority);
    let hidden = format!(
        "server: 'https://{HIDDEN_NAME}:{}', certificate-authority-data: {data}",
        world.tls
    );
    let local =
        format!("server: 'https://127.0.0.1:{}', certificate-authority-data: {data}", world.tls);
    let hidden_http = format!("server: 'http://{HIDDEN_NAME}:{}'", world.http);
    let of = |name, outcome, cluster: &str| {
        Row::new(name, outcome)
            .file("a.yaml", config(cluster, "token: t"))
            .env("KUBECONFIG", "a.yaml")
    };
    let with = |cluster: &str, proxy: &str| format!("{cluster}, proxy-url: '{proxy}'");
    let http = format!("http://127.0.0.1:{}", world.proxy);
    let https = format!("https://localhost:{}", world.tls_proxy);
    let socks = format!("socks5://127.0.0.1:{}", world.socks);
    let credentials = format!("http://me:p%40ss@127.0.0.1:{}", world.proxy);
    let mut rows = vec![
        of("a proxy of the cluster", Reached, &with(&hidden, &http)),
        of("a proxy of the cluster in TLS", Reached, &with(&hidden, &https)),
        of("a SOCKS proxy of the cluster", Reached, &with(&hidden, &socks)),
        of("a proxy of the cluster for this machine", Reached, &with(&local, &http)),
        of("a proxy of the cluster in spite of NO_PROXY", Reached, &with(&hidden, &http))
            .env("NO_PROXY", "*"),
        of("a proxy of the cluster before the environment's", Reached, &with(&hidden, &http))
            .env("HTTPS_PROXY", DEAD_PROXY),
        of("a proxy of the cluster with a password", Reached, &with(&hidden, &credentials)),
        of("a proxy of the cluster for http", Reached, &with(&hidden_http, &http)),
        of("a SOCKS proxy of the cluster for http", Reached, &with(&hidden_http, &socks)),
        of("a proxy of an unknown kind", Fails, &with(&hidden, "ftp://127.0.0.1:1")),
        of("a proxy without a scheme", Fails, &with(&hidden, &http.replace("http://", ""))),
        of("a dead proxy of the cluster", Fails, &with(&local, DEAD_PROXY)),
        of("no proxy for a name that only proxies know", Fails, &hidden),
        of("HTTPS_PROXY", Reached, &hidden).env("HTTPS_PROXY", &http),
        of("https_proxy", Reached, &hidden).env("https_proxy", &http),
        of("HTTPS_PROXY before https_proxy", Reached, &hidden)
            .env("HTTPS_PROXY", &http)
            .env("https_proxy", DEAD_PROXY),
        of("HTTPS_PROXY without a scheme", Reached, &hidden)
            .env("HTTPS_PROXY", http.replace("http://", "")),
        of("HTTPS_PROXY with a password", Reached, &hidden).env("HTTPS_PROXY", &credentials),
        of("HTTPS_PROXY of SOCKS", Reached, &hidden).env("HTTPS_PROXY", &socks),
        of("HTTPS_PROXY and another name in NO_PROXY", Reached, &hidden)
            .env("HTTPS_PROXY", &http)
            .env("NO_PROXY", "other.internal,10.0.0.0/8"),
        of("HTTPS_PROXY and the name in NO_PROXY", Fails, &hidden)
            .env("HTTPS_PROXY", &http)
            .env("NO_PROXY", HIDDEN_NAME),
        of("HTTPS_PROXY and the domain in no_proxy", Fails, &hidden)
            .env("HTTPS_PROXY", &http)
            .env("no_proxy", ".internal"),
        of("HTTPS_PROXY and this machine", Reached, &local).env("HTTPS_PROXY", DEAD_PROXY),
        of("HTTPS_PROXY and an http server", Fails, &hidden_http).env("HTTPS_PROXY", &http),
        of("HTTP_PROXY and an http server", Reached, &hidden_http).env("HTTP_PROXY", &http),
        of("http_proxy with a password", Reached, &hidden_http).env("http_proxy", &credentials),
        of("HTTP_PROXY and an https server", Fails, &hidden).env("HTTP_PROXY", &http),
        of("ALL_PROXY is not kubectl's", Fails, &hidden).env("ALL_PROXY", &http),
    ];
    if let Some(address) = own_address() {
        let own = format!(
            "server: 'https://{address}:{}', certificate-authority-data: {data}",
            world.tls
        );
        let network = format!("{address}/32");
        for (name, list) in [
            ("NO_PROXY with everything", "*".to_owned()),
            ("NO_PROXY with an address", address.to_string()),
            ("NO_PROXY with a network", format!("example.com, {network}")),
            ("NO_PROXY with a port", format!("{address}:{}", world.tls)),
        ] {
            rows.push(of(name, Reached, &own).env("HTTPS_PROXY", DEAD_PROXY).env("NO_PROXY", list));
        }
        rows.push(
            of("NO_PROXY with another port", Fails, &own)
                .env("HTTPS_PROXY", DEAD_PROXY)
                .env("NO_PROXY", format!("{address}:1")),
        );
    }
    rows
}

/// In a pod.
fn places(world: &World) -> Vec<Row> {
    use Outcome::Reached;
    let pod = |name| {
        let row = Row::new(name, Reached)
            .file("ca.crt", world.authority.clone())
            .file("token", "of-the-pod")
            .file("namespace", "pods")
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", world.tls.to_string());
        Row { in_cluster: true, ..row }
    };
    let http = format!("server: 'http://127.0.0.1:{}'", world.http);
    vec![
        pod("the cluster of the pod"),
        pod("the cluster of the pod where all files are missing").env("KUBECONFIG", "/none"),
        pod("a kubeconfig goes before the pod's cluster")
            .file("a.yaml", config(&http, "token: t"))
            .env("KUBECONFIG", "a.yaml"),
    ]
}
