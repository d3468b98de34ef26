//! A machine in small: a folder to stand in, a home folder, somebody else, and who listens.

use crate::support::Ran;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// An account that is neither root's nor that of the tests.
pub(crate) const NOBODY: u32 = 65534;

/// Folders of one test: `work`, where commands run, and `user`, the folder of `HOME`.
pub(crate) struct Stage {
    folder: TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        chmod(folder.path(), 0o755);
        let stage = Self { folder };
        for name in ["work", "user"] {
            std::fs::create_dir(stage.path(name)).unwrap();
            chmod(&stage.path(name), 0o755);
        }
        stage
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file with the folders above it.
    pub(crate) fn file(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// `toygres` in the folder `work`, with the first-party plugins and nothing else.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bare(args);
        command.env("TOYGRES_PLUGIN_PATH", toygres_tests::toygres::plugins());
        command
    }

    /// The same without any plugins.
    pub(crate) fn bare(&self, args: &[&str]) -> Command {
        let mut command = Command::new(toygres_tests::toygres::binary());
        command.args(args).env_clear().current_dir(self.path("work"));
        command.env("HOME", self.path("user")).env("LANG", "C.UTF-8").env("TZ", "UTC");
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        ran(self.command(args))
    }

    /// A setting in force, and where it comes from.
    #[track_caller]
    pub(crate) fn setting(&self, pointer: &str) -> (String, String) {
        let ran = self.run(&["server", "config", "-o", "json", "--show-secrets"]).code(0);
        let config = ran.json();
        let found = config.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}: {config:#}"));
        let text = |part: &str| found[part].as_str().unwrap_or_default().to_owned();
        (text("value"), text("source"))
    }
}

/// Runs it to its end.
#[track_caller]
pub(crate) fn ran(mut command: Command) -> Ran {
    Ran::of(command.stdin(Stdio::null()).output().unwrap())
}

/// The same as another user.
#[track_caller]
pub(crate) fn ran_as(user: u32, mut command: Command) -> Ran {
    command.uid(user).gid(user);
    ran(command)
}

pub(crate) fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Gives everything below a path to a user.
pub(crate) fn give(path: &Path, user: u32) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), user);
        }
    }
    chown(path, Some(user), Some(user)).unwrap();
}

/// Whether we can be another user; where not, the test is passed over.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("passed over: only root can make files of another user");
    }
    root
}

/// The candidates that a shell is offered, and what stands on stderr.
pub(crate) fn completion<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let at = ["0", "1", "2", "3", "4", "5", "6", "7", "8"][words.len() - 1];
    [&["completions", "bash", "--at", at, "--"], words].concat()
}

/// A kubeconfig that runs a command which writes a file.
pub(crate) fn kubeconfig_that_runs(marker: &Path) -> String {
    format!(
        r#"apiVersion: v1
kind: Config
current-context: a
clusters: [{{name: a, cluster: {{server: "https://127.0.0.1:9"}}}}]
contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
users: [{{name: a, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: /bin/sh,
  args: ["-c", "id >> {}; echo '{{}}'"], interactiveMode: Never}}}}}}]
"#,
        marker.display()
    )
}

/// Whoever listens and writes down what comes.
pub(crate) struct Listener {
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Listener {
    /// One that answers HTTP requests with an empty list.
    pub(crate) fn http() -> Self {
        Self::answering("200 OK", "[]")
    }

    /// One that answers every request so.
    pub(crate) fn answering(status: &'static str, body: &'static str) -> Self {
        Self::serving(move |mut stream, heard| {
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{body}",
                body.len()
            );
            read_until(&mut stream, heard, |bytes| bytes.windows(4).any(|it| it == b"\r\n\r\n"));
            let _gone = stream.write_all(answer.as_bytes());
        })
    }

    /// One that speaks as much of PostgreSQL as it takes to be told a password in clear text.
    pub(crate) fn postgres() -> Self {
        Self::serving(|mut stream, heard| {
            let mut first = [0; 8];
            loop {
                if stream.read_exact(&mut first).is_err() {
                    return;
                }
                let code = u32::from_be_bytes([first[4], first[5], first[6], first[7]]);
                // It has no TLS, and the client asks again in clear text.
                if code == 80_877_103 {
                    if stream.write_all(b"N").is_err() {
                        return;
                    }
                    continue;
                }
                break;
            }
            let length = u32::from_be_bytes([first[0], first[1], first[2], first[3]]) as usize;
            let mut startup = vec![0; length.saturating_sub(8)];
            if stream.read_exact(&mut startup).is_err() {
                return;
            }
            // AuthenticationCleartextPassword
            if stream.write_all(b"R\0\0\0\x08\0\0\0\x03").is_ok() {
                read_until(&mut stream, heard, |_| false);
            }
        })
    }

    fn serving(serve: impl Fn(TcpStream, &Mutex<Vec<u8>>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (writing, serve) = (heard.clone(), Arc::new(serve));
        // It lives as long as the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (writing, serve) = (writing.clone(), serve.clone());
                std::thread::spawn(move || serve(stream, &writing));
            }
        });
        Self { port, heard }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Everything that was sent to it.
    pub(crate) fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }
}

/// Writes down what comes until it is enough, or nothing more comes.
fn read_until(stream: &mut TcpStream, heard: &Mutex<Vec<u8>>, enough: impl Fn(&[u8]) -> bool) {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                let mut heard = heard.lock().unwrap();
                heard.extend_from_slice(&buffer[..count]);
                if enough(&heard) {
                    return;
                }
            }
        }
    }
}

/// A path whose last name is not UTF-8.
pub(crate) fn not_text(folder: &Path, name: &str) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    let name = [name.as_bytes(), b"\xff"].concat();
    folder.join(OsStr::from_bytes(&name))
}
