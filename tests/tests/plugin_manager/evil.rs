//! A library that tells that it was opened, in the guise of a real plugin, and a helper that exchanges
//! names as another user.

use super::home::{CONFIG, mode};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::lchown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The user `nobody`.
pub(crate) const OTHER: u32 = 65534;

/// Whether this is root; says so where it is not.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("passed over: only root can act as two users");
    }
    root
}

/// Gives a place and everything below it to a user.
pub(crate) fn give(path: &Path, uid: u32) {
    lchown(path, Some(uid), Some(uid)).unwrap();
    if path.symlink_metadata().unwrap().is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), uid);
        }
    }
}

fn compile(folder: &Path, name: &str, text: &str, flags: &[&str]) -> Option<PathBuf> {
    let (source, out) = (folder.join(format!("{name}.c")), folder.join(name));
    fs::write(&source, text).unwrap();
    let made = Command::new("cc").args(flags).arg("-o").arg(&out).arg(&source).output();
    match made {
        Ok(made) if made.status.success() => Some(out),
        Ok(made) => panic!("cc: {}", String::from_utf8_lossy(&made.stderr)),
        Err(_) => {
            eprintln!("passed over: there is no C compiler");
            None
        }
    }
}

/// The library, and the file that its constructor makes.
pub(crate) struct Evil {
    pub(crate) library: Vec<u8>,
    pub(crate) marker: PathBuf,
    folder: TempDir,
}

impl Evil {
    /// None, with a word, where there is no C compiler.
    pub(crate) fn new() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        mode(folder.path(), 0o755);
        let marker = folder.path().join("marker");
        // What `config` says of itself, as its library holds it.
        let begins = b"toygres-manifest-1\n{";
        let at = CONFIG.windows(begins.len()).position(|window| window == begins).unwrap();
        let end = at + CONFIG[at..].iter().position(|byte| *byte == 0).unwrap();
        let manifest = folder.path().join("manifest");
        fs::write(&manifest, &CONFIG[at..end]).unwrap();
        let text = format!(
            "#include <fcntl.h>\n#include <unistd.h>\n\
             __asm__(\".section .toygres.manifest,\\\"a\\\"\\n.incbin \\\"{}\\\"\\n.byte 0\\n.text\\n\");\n\
             __attribute__((constructor)) static void run(void) {{ \
             close(open(\"{}\", O_CREAT | O_WRONLY, 0666)); }}\n",
            manifest.display(),
            marker.display()
        );
        let library = compile(folder.path(), "evil.so", &text, &["-shared", "-fPIC"])?;
        Some(Self { library: fs::read(library).unwrap(), marker, folder })
    }

    /// Whether it was opened.
    pub(crate) fn has_run(&self) -> bool {
        self.marker.exists()
    }

    /// Begins to exchange two names for one another as the other user, so many microseconds apart.
    pub(crate) fn exchange(&self, one: &Path, other: &Path, interval_us: u32) -> Exchange {
        let program = self.folder.path().join("exchange");
        if !program.exists() {
            compile(self.folder.path(), "exchange", EXCHANGE, &[]).unwrap();
        }
        let mut child = Command::new(program)
            .args([one, other])
            .arg(interval_us.to_string())
            .uid(OTHER)
            .gid(OTHER)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            lines.lines().map_while(Result::ok).try_for_each(|line| tell.send(line))
        });
        Exchange { child, told }
    }
}

/// The names change until this is dropped.
pub(crate) struct Exchange {
    child: Child,
    told: std::sync::mpsc::Receiver<String>,
}

impl Exchange {
    /// How the first thousand went, once they were tried: how many did what they should.
    pub(crate) fn first_thousand(&self) -> Option<u32> {
        self.told.try_recv().ok().map(|line| line.parse().unwrap())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

const EXCHANGE: &str = "#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <signal.h>
int main(int count, char **words) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int interval = atoi(words[3]), done = 0;
    for (long n = 1;; n++) {
        done += syscall(SYS_renameat2, AT_FDCWD, words[1], AT_FDCWD, words[2], 2) == 0;
        if (n == 1000) { printf(\"%d\\n\", done); fflush(stdout); }
        if (interval) usleep(interval);
        else if (n > 1000 && n % 64 == 0) usleep(1);
    }
}
";
