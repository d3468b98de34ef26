//! A plugin from another workspace: plugin-api only as its package, other versions of tokio and
//! kube, another optimisation level, and every type laid out at random.

#[path = "border/packaged.rs"]
#[allow(dead_code, reason = "shared with the suite of the corpus")]
mod packaged;
#[path = "border/plugins.rs"]
#[allow(dead_code, reason = "shared with the suite of the border")]
mod plugins;

use plugins::{Folder, run, run_with};
use toygres_tests::kube::ApiServer;
use toygres_tests::postgres::PrivatePostgres;

/// Built far away from the sources of plugin-api.
fn foreign_library() -> &'static [u8] {
    static BUILT: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    BUILT.get_or_init(|| {
        packaged::library("foreign-plugin", "foreign_plugin", packaged::Build::OptimisedAtRandom)
    })
}

#[test]
fn a_plugin_built_elsewhere_runs() {
    let folder = Folder::with(&[("foreign.so", foreign_library())]);
    let database = PrivatePostgres::shared().database().unwrap();
    let url = database.url.clone();
    let env = [("DATABASE_URL", url.as_str())];

    let rows = run_with(&folder, &["server", "foreign-rows", "-o", "csv"], &env);
    assert_eq!(
        (rows.code, rows.stdout.as_str()),
        (Some(0), "n,word\n1,\n2,two\n3,\n"),
        "{}",
        rows.stderr
    );
    let rows = run_with(&folder, &["server", "foreign-rows", "--up-to", "1", "-o", "jsonl"], &env);
    assert_eq!(
        (rows.code, rows.stdout.as_str()),
        (Some(0), "{\"n\":1,\"word\":null}\n"),
        "{}",
        rows.stderr
    );

    // A stream that the plugin feeds comes back whole and in order.
    let stream = run(&folder, &["server", "foreign-stream", "--rows", "70000", "-o", "csv"]);
    assert_eq!(stream.code, Some(0), "{}", stream.stderr);
    let lines: Vec<&str> = stream.stdout.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[70_000]), (70_001, "n,word", "69999,"));
    assert!(lines.iter().skip(1).enumerate().all(|(n, line)| *line == format!("{n},")));

    // Another version of kube gets the host's error through its own types.
    let kube = run(&folder, &["server", "foreign-kube"]);
    assert_eq!(kube.code, Some(4));
    assert!(kube.stderr.contains("no Kubernetes cluster is configured"), "{}", kube.stderr);
}

/// Requests and responses cross the border.
#[test]
fn another_version_of_kube_crosses_the_border_to_an_api_server() {
    let server = Answering::start();
    let folder = Folder::with(&[("foreign.so", foreign_library())]);
    let config = folder.path("kubeconfig");
    std::fs::write(&config, server.kubeconfig()).unwrap();
    let ran = run(&folder, &["server", "foreign-kube", "--kubeconfig", &config, "-o", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout, "{\n  \"git_version\": \"v1.33.0\"\n}\n");
    let request = server.requests().join("\n");
    assert!(request.starts_with("GET /version "), "{request}");
    // As with kubectl, nothing secret goes over plain HTTP.
    assert!(!request.to_lowercase().contains("canary-token"), "{request}");
}

/// With the host's credentials, which the plugin never has.
#[test]
fn another_version_of_kube_reads_a_real_api_server() {
    let Some(api) = ApiServer::shared() else { return };
    let folder = Folder::with(&[("foreign.so", foreign_library())]);
    let kubeconfig = api.kubeconfig().display().to_string();
    let args = ["server", "foreign-kube", "--kubeconfig", &kubeconfig, "-o", "json"];
    let ran = run(&folder, &args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(told["git_version"].as_str().is_some_and(|version| version.starts_with('v')), "{told}");
}

/// The one answer of an API server that the plugin asks for, over plain HTTP on loopback: enough
/// to see a request and a response cross the border in both directions.
struct Answering {
    port: u16,
    requests: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl Answering {
    fn start() -> Self {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = vec![0; 16 * 1024];
                let length = stream.read(&mut request).unwrap();
                seen.lock().unwrap().push(String::from_utf8_lossy(&request[..length]).into_owned());
                let body = "{\"major\":\"1\",\"minor\":\"33\",\"gitVersion\":\"v1.33.0\",\
                    \"gitCommit\":\"\",\"gitTreeState\":\"\",\"buildDate\":\"\",\"goVersion\":\"\",\
                    \"compiler\":\"\",\"platform\":\"\"}";
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                     connection: close\r\n\r\n{body}",
                    body.len()
                )
                .unwrap();
            }
        });
        Self { port, requests }
    }

    fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{}'}}}}]\n\
             users: [{{name: u, user: {{token: canary-token}}}}]\n\
             contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n",
            self.port
        )
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}
