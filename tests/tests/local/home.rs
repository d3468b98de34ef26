//! A home folder of its own, and everything that is brought up in it.

use crate::support::Ran;
use serde_json::Value;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use toygres_tests::postgres::Binaries;
use toygres_tests::wait;

/// The account that an ordinary user is played by: `nobody`.
const NOBODY: u32 = 65534;

/// A home folder. Dropping it takes everything down and removes it.
pub(crate) struct Home {
    folder: TempDir,
    user: Option<u32>,
    variables: Vec<(String, String)>,
}

impl Home {
    /// One that the servers' account reaches.
    pub(crate) fn new() -> Self {
        Self::with_mode(0o755)
    }

    /// One that nobody else may look into.
    pub(crate) fn closed() -> Self {
        Self::with_mode(0o700)
    }

    /// One of an ordinary user; `None` where we cannot be another user.
    pub(crate) fn of_nobody() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let mut home = Self::new();
        chown(home.folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        home.user = Some(NOBODY);
        Some(home)
    }

    /// One in a folder that is there.
    pub(crate) fn below(folder: &std::path::Path) -> Self {
        Self::of(tempfile::tempdir_in(folder).unwrap(), 0o755)
    }

    fn with_mode(mode: u32) -> Self {
        Self::of(tempfile::tempdir().unwrap(), mode)
    }

    fn of(folder: TempDir, mode: u32) -> Self {
        std::fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        Self { folder, user: None, variables: Vec::new() }
    }

    /// Sets a variable for every run.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A file or folder in the home folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("toygres").join(name)
    }

    pub(crate) fn user(&self) -> Option<u32> {
        self.user
    }

    fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.folder.path()).env("TOYGRES_HOME", self.path(""));
        command.env("LANG", "C.UTF-8").env("TZ", "UTC").env("PATH", "/usr/bin:/bin");
        command.env("TOYGRES_PLUGIN_PATH", toygres_tests::toygres::plugins());
        command.envs(std::env::var("TOYGRES_PG_BIN").map(|folder| ("TOYGRES_PG_BIN", folder)));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder.path());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// Runs `toygres`.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.start(args).wait_with_output().map(Ran::of).unwrap()
    }

    /// Starts `toygres` and does not wait for it.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(toygres_tests::toygres::binary());
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Runs `toygres` where `/dev/shm` has so many bytes. Only root can.
    pub(crate) fn run_with_shared_memory(&self, bytes: u64, args: &[&str]) -> Ran {
        let mut command = self.command("/usr/bin/unshare".into());
        let script = format!("mount -t tmpfs -o size={bytes} tmpfs /dev/shm && exec \"$@\"");
        command.args(["-m", "sh", "-c", &script, "sh"]).arg(toygres_tests::toygres::binary());
        command.args(args).stdin(Stdio::null());
        Ran::of(command.output().unwrap())
    }

    /// `toygres local up --wait`, and what is up.
    #[track_caller]
    pub(crate) fn up(&self) -> Value {
        self.run(&["local", "up", "--wait", "-o", "json"]).code(0).json()
    }

    #[track_caller]
    pub(crate) fn down(&self) -> Ran {
        self.run(&["local", "down", "-o", "json"]).code(0)
    }

    /// `toygres local status`, whatever it says.
    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        self.run(&["local", "status", "-o", "json"]).json()
    }

    /// `kubectl` with the kubeconfig that was written.
    #[track_caller]
    pub(crate) fn kubectl(&self, args: &[&str]) -> Ran {
        self.start_kubectl(args).wait_with_output().map(Ran::of).unwrap()
    }

    /// The same, without waiting for it.
    pub(crate) fn start_kubectl(&self, args: &[&str]) -> Child {
        let mut command = self.command("/usr/bin/kubectl".into());
        command.arg("--kubeconfig").arg(self.path("kubeconfig")).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// `kubectl apply` of a document.
    #[track_caller]
    pub(crate) fn apply(&self, document: &str) {
        let file = self.folder.path().join("apply.yaml");
        std::fs::write(&file, document).unwrap();
        self.kubectl(&["apply", "-f", file.to_str().unwrap()]).code(0);
    }

    /// One object as JSON.
    #[track_caller]
    pub(crate) fn object(&self, kind: &str, name: &str) -> Value {
        self.kubectl(&["get", kind, name, "-o", "json"]).code(0).json()
    }

    /// Waits until a pod's condition `Ready` holds.
    #[track_caller]
    pub(crate) fn ready(&self, pod: &str) {
        // It may not be there yet, which kubectl does not wait for.
        wait::until(&format!("pod {pod}"), || {
            Ok((self.kubectl(&["get", "pod", pod]).code == 0).then_some(()))
        })
        .unwrap();
        let pod = format!("pod/{pod}");
        self.kubectl(&["wait", "--for=condition=Ready", &pod, "--timeout=60s"]).code(0);
    }

    /// Waits until `look` sees what it wants in the status.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, look: impl Fn(&Value) -> Option<T>) -> T {
        wait::until(what, || Ok(look(&self.status())))
            .unwrap_or_else(|error| panic!("{error}: {:#}", self.status()))
    }

    /// The URL in the context that was written.
    pub(crate) fn database_url(&self) -> String {
        let config = std::fs::read_to_string(self.path("config.toml")).unwrap();
        let line = config.lines().find_map(|line| line.strip_prefix("url = \"")).unwrap();
        line.trim_end_matches('"').to_owned()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let ran = self.run(&["local", "down", "--purge", "--force", "--timeout", "30s"]);
        if !std::thread::panicking() {
            ran.code(0);
        }
    }
}

/// What `psql` answers.
pub(crate) fn psql(url: &str, sql: &str) -> toygres_tests::Result<String> {
    Binaries::find()?.psql(url, sql)
}

/// The objects of one database, as the control plane makes them.
pub(crate) fn database(name: &str, password: &str) -> String {
    format!(
        r#"
apiVersion: v1
kind: Secret
metadata: {{ name: {name}-credentials, namespace: toygres }}
stringData: {{ password: "{password}" }}
---
apiVersion: v1
kind: Service
metadata: {{ name: {name}-svc, namespace: toygres }}
spec:
  type: LoadBalancer
  selector: {{ app: postgres, instance: {name} }}
  ports: [{{ name: postgres, port: 5432, targetPort: 5432 }}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{ name: {name}-pvc, namespace: toygres }}
spec: {{ accessModes: [ReadWriteOnce], resources: {{ requests: {{ storage: 1Gi }} }} }}
---
{}"#,
        stateful_set(name, "postgres:18")
    )
}

/// Its StatefulSet alone.
pub(crate) fn stateful_set(name: &str, image: &str) -> String {
    format!(
        r#"apiVersion: apps/v1
kind: StatefulSet
metadata: {{ name: {name}, namespace: toygres }}
spec:
  serviceName: {name}-svc
  replicas: 1
  selector: {{ matchLabels: {{ app: postgres, instance: {name} }} }}
  template:
    metadata: {{ labels: {{ app: postgres, instance: {name} }} }}
    spec:
      containers:
        - name: postgres
          image: {image}
          env:
            - name: POSTGRES_PASSWORD
              valueFrom: {{ secretKeyRef: {{ name: {name}-credentials, key: password }} }}
          ports: [{{ containerPort: 5432 }}]
          volumeMounts: [{{ name: data, mountPath: /var/lib/postgresql }}]
      volumes: [{{ name: data, persistentVolumeClaim: {{ claimName: {name}-pvc }} }}]
"#
    )
}

/// Where a Service is reached.
pub(crate) fn url(home: &Home, name: &str, password: &str) -> String {
    let service = home.object("service", &format!("{name}-svc"));
    let ip = &service["status"]["loadBalancer"]["ingress"][0]["ip"];
    let port = &service["spec"]["ports"][0]["port"];
    format!("postgresql://postgres:{password}@{}:{port}/postgres", ip.as_str().unwrap())
}
