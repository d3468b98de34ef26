//! The programs of a server: etcd and kube-apiserver.

use super::assets::{Assets, Programs};
use super::blocking::blocking;
use super::kubeconfig::{self, Server, client};
use super::users::{ADMIN, Users};
use crate::{Result, wait};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// How often other ports are tried when somebody took the free ones first.
const TRIES: u32 = 5;

/// Notes its process before it becomes the program, so that the watcher knows it whatever happens.
const NOTED: &str = r#"echo $$ >>"$0" && exec "$@""#;

/// Reads from a pipe that only its owner holds: the end of it is the end of the owner. Then the
/// programs are ended, each with its group, and their folder removed.
const WATCHER: &str = r#"
cat >/dev/null
for pid in $(cat "$1/processes" 2>/dev/null); do kill -s KILL -- "-$pid" 2>/dev/null; done
# One may make a last file while it dies.
tries=100
while [ $tries -gt 0 ] && ! rm -rf "$1" 2>/dev/null; do sleep 0.1; tries=$((tries - 1)); done
"#;

/// A running server.
#[derive(Debug)]
pub(super) struct Processes {
    folder: PathBuf,
    server: Server,
    etcd: String,
    programs: Vec<Child>,
    watcher: Child,
    alive: Option<ChildStdin>,
}

impl Processes {
    /// Starts the programs, with their files in `folder`, and waits until the server is ready.
    pub(super) fn start(programs: &Programs, folder: &Path, users: &Users) -> Result<Self> {
        match programs {
            Programs::Real(assets) => Self::start_real(assets, folder, users),
            Programs::StandIn(program) => Self::start_stand_in(program, folder),
        }
    }

    /// The stand-in writes the kubeconfig of its administrator itself.
    fn start_stand_in(program: &Path, folder: &Path) -> Result<Self> {
        let (watcher, alive) = watch(folder)?;
        let server = Server { url: String::new(), certificate: String::new() };
        let (etcd, programs) = (String::new(), Vec::new());
        let mut this = Self { folder: folder.to_owned(), server, etcd, programs, watcher, alive };
        this.spawn("kube-apiserver", program, |command| {
            command.arg(folder);
        })?;
        let admin = folder.join(STAND_IN);
        if !this.ready(&admin)? {
            return Err(format!("the stand-in does not start: {}", this.log()?).into());
        }
        this.server.url = kubeconfig::url(&admin)?;
        Ok(this)
    }

    fn start_real(assets: &Assets, folder: &Path, users: &Users) -> Result<Self> {
        let certificate = write_certificate(folder)?;
        fs::write(folder.join(AUDIT_POLICY), AUDITED)?;
        let server = Server { url: String::new(), certificate };
        let (watcher, alive) = watch(folder)?;
        let folder = folder.to_owned();
        let (etcd, programs) = (String::new(), Vec::new());
        let mut this = Self { folder, server, etcd, programs, watcher, alive };
        for _ in 0..TRIES {
            if this.try_start(assets, users)? {
                return Ok(this);
            }
            this.end();
            let taken = this.logs()?.contains("address already in use");
            if !taken {
                break;
            }
        }
        Err(format!("the server does not start: {}", this.logs()?).into())
    }

    /// Where it listens.
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// The log of kube-apiserver.
    pub(super) fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.join("kube-apiserver.log"))?)
    }

    /// Lets etcd forget every version but the latest, as it does by itself in time.
    pub(super) fn compact(&self) -> Result {
        let ask = |path: &str, what: &Value| -> Result<Value> {
            let mut answer = ureq::post(format!("{}{path}", self.etcd)).send_json(what)?;
            Ok(answer.body_mut().read_json()?)
        };
        // Any key will do: the answer's header tells the latest revision.
        let read = ask("/v3/kv/range", &json!({ "key": "AA==" }))?;
        let revision = &read["header"]["revision"];
        ask("/v3/kv/compaction", &json!({ "revision": revision, "physical": true }))?;
        Ok(())
    }

    /// What was asked of the server, and by whom: a JSON document a line.
    pub(super) fn audit(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.join(AUDIT_LOG))?)
    }

    /// Starts both on free ports; false when one of them ended.
    fn try_start(&mut self, assets: &Assets, users: &Users) -> Result<bool> {
        let [client_port, peer_port, port] = free_ports()?;
        let etcd = format!("http://127.0.0.1:{client_port}");
        let peers = format!("http://127.0.0.1:{peer_port}");
        let data = self.folder.join(format!("etcd-{client_port}"));
        self.spawn("etcd", &assets.etcd, |command| {
            command.arg("--data-dir").arg(data).args(["--listen-client-urls", &etcd]);
            command.args(["--advertise-client-urls", &etcd, "--listen-peer-urls", &peers]);
            // What the member says of itself must be what the cluster is told of it.
            command.args(["--initial-advertise-peer-urls", &peers]);
            command.args(["--initial-cluster", &format!("default={peers}")]);
        })?;
        self.etcd.clone_from(&etcd);
        self.server.url = format!("https://127.0.0.1:{port}");
        let folder = self.folder.clone();
        self.spawn("kube-apiserver", &assets.apiserver, |command| {
            let key = folder.join(KEY);
            command.args(["--etcd-servers", &etcd, "--bind-address", "127.0.0.1"]);
            command.args(["--secure-port", &port.to_string(), "--endpoint-reconciler-type=none"]);
            command.arg("--tls-cert-file").arg(folder.join(CERTIFICATE));
            command.arg("--tls-private-key-file").arg(&key);
            command.arg("--service-account-signing-key-file").arg(&key);
            command.arg("--service-account-key-file").arg(folder.join(CERTIFICATE));
            command.arg("--service-account-issuer=https://kubernetes.default.svc");
            command.arg("--token-auth-file").arg(users.tokens());
            // Who shows no token is nobody, as with the stand-in.
            command.args(["--anonymous-auth=false", "--authorization-mode=RBAC"]);
            // Watched in etcd itself: the others are watched in a cache with a memory of its own.
            command.arg("--watch-cache-sizes=networkpolicies.networking.k8s.io#0");
            // Nobody makes the service accounts that it would ask for.
            command.arg("--disable-admission-plugins=ServiceAccount");
            command.arg("--service-cluster-ip-range=10.96.0.0/16");
            command.arg("--cert-dir").arg(folder.join("certificates"));
            command.arg("--audit-policy-file").arg(folder.join(AUDIT_POLICY));
            command.arg("--audit-log-path").arg(folder.join(AUDIT_LOG));
        })?;
        let admin = users.write_kubeconfig(&self.server, ADMIN)?;
        self.ready(&admin)
    }

    /// Waits until the server says that it is ready; false when a program ended instead.
    fn ready(&mut self, admin: &Path) -> Result<bool> {
        wait::until("kube-apiserver to be ready", || {
            for program in &mut self.programs {
                if program.try_wait()?.is_some() {
                    return Ok(Some(false));
                }
            }
            let answer = blocking(async {
                let request = http::Request::get("/readyz").body(Vec::new())?;
                Ok(client(admin).await?.request_text(request).await?)
            });
            Ok(answer.is_ok_and(|answer| answer == "ok").then_some(true))
        })
    }

    fn spawn(
        &mut self,
        name: &str,
        program: &Path,
        arguments: impl FnOnce(&mut Command),
    ) -> Result {
        let log = File::create(self.folder.join(format!("{name}.log")))?;
        let mut command = Command::new("sh");
        command.args(["-c", NOTED]).arg(self.noted()).arg(program);
        arguments(&mut command);
        command.current_dir(&self.folder).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        // A group of its own: an interrupt at the terminal is for the tests, not for the server.
        command.process_group(0);
        self.programs.push(command.spawn()?);
        Ok(())
    }

    /// The file with the processes that the watcher must end.
    fn noted(&self) -> PathBuf {
        self.folder.join("processes")
    }

    /// The ends of both logs.
    fn logs(&self) -> Result<String> {
        let mut logs = String::new();
        for name in ["etcd", "kube-apiserver"] {
            let log = fs::read_to_string(self.folder.join(format!("{name}.log")))?;
            write!(logs, "\n{name}:\n{}", last_lines(&log))?;
        }
        Ok(logs)
    }

    /// Ends the programs and waits for their end.
    fn end(&mut self) {
        for mut program in self.programs.drain(..).rev() {
            if let Some(group) = i32::try_from(program.id()).ok().and_then(Pid::from_raw) {
                // One that has ended already is no error.
                let _sent = kill_process_group(group, Signal::KILL);
            }
            let _ended = program.wait();
        }
        // Their numbers may be given to others now.
        let _forgotten = fs::remove_file(self.noted());
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.end();
        drop(self.alive.take());
        let _ended = self.watcher.wait();
    }
}

/// The kubeconfig that the stand-in writes into its folder.
pub(super) const STAND_IN: &str = "kubeconfig";

const AUDIT_POLICY: &str = "audit-policy.json";
const AUDIT_LOG: &str = "audit.log";
/// Each request once, without what it carries; the harness' own is left out, being most of it.
const AUDITED: &str = r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{"level": "None", "users": ["admin", "system:apiserver", "system:anonymous"]},
        {"level": "Metadata"}]}"#;

const CERTIFICATE: &str = "server.crt";
const KEY: &str = "server.key";

/// Writes the key and the certificate of the server, and answers the latter.
fn write_certificate(folder: &Path) -> Result<String> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    let certificate = made.cert.pem();
    fs::write(folder.join(CERTIFICATE), &certificate)?;
    fs::write(folder.join(KEY), made.signing_key.serialize_pem())?;
    Ok(certificate)
}

/// Starts what cleans up after this process.
fn watch(folder: &Path) -> Result<(Child, Option<ChildStdin>)> {
    let mut command = Command::new("sh");
    command.args(["-c", WATCHER, "toygres-watcher"]).arg(folder).current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own: what ends the tests' group must not end what cleans up after them.
    command.process_group(0);
    let mut watcher = command.spawn()?;
    let alive = watcher.stdin.take();
    Ok((watcher, alive))
}

/// Different ports that nobody listens on.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    // All held until each is known: the system would give the same again.
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
