//! Servers of every kind that the rows lead to, and home folders with every file that libpq reads.

use crate::certificates::{Kind, Pair, make, write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::wait;

/// The password of the role `secret`; with what must be encoded in URLs.
pub(crate) const PASSWORD: &str = "p@ss/w:rd 1";
pub(crate) const ENCODED_PASSWORD: &str = "p%40ss%2Fw%3Ard%201";

/// Everything that the rows need, for as long as the process lives.
pub(crate) struct Stage {
    /// No TLS; sockets.
    pub(crate) plain: PrivatePostgres,
    /// A certificate of an authority, for `db.internal` alone.
    pub(crate) tls: PrivatePostgres,
    /// A certificate that signed itself and says that it is an authority, for `localhost`; its
    /// sessions may only read.
    pub(crate) own: PrivatePostgres,
    /// A certificate of version 1.
    pub(crate) old: PrivatePostgres,
    /// Takes connections and never answers.
    silent: TcpListener,
    pub(crate) files: TempDir,
    pub(crate) account: String,
}

impl Stage {
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Stage> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let account = Command::new("id").arg("-un").output().unwrap();
        let account = String::from_utf8(account.stdout).unwrap().trim().to_owned();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = || PrivatePostgres::new().unwrap();
        let stage = Self {
            plain: server(),
            tls: server(),
            own: server(),
            old: server(),
            silent,
            files,
            account,
        };
        stage.make_roles();
        stage.configure();
        stage.make_homes();
        stage
    }

    fn make_roles(&self) {
        for server in [&self.plain, &self.tls, &self.own, &self.old] {
            server
                .psql(&format!(
                    "CREATE ROLE app LOGIN; CREATE ROLE only_tls LOGIN; \
                     CREATE ROLE only_clear LOGIN; CREATE ROLE cert_user LOGIN; \
                     CREATE ROLE md5user LOGIN; CREATE ROLE nothing LOGIN; \
                     CREATE ROLE secret LOGIN PASSWORD '{PASSWORD}'; \
                     CREATE ROLE clear LOGIN PASSWORD '{PASSWORD}'; \
                     SET password_encryption = 'md5'; \
                     ALTER ROLE md5user PASSWORD '{PASSWORD}'; \
                     CREATE ROLE \"{0}\" LOGIN",
                    self.account
                ))
                .unwrap();
            for database in ["app", "secret", "clear", "md5user", "od d", &self.account] {
                server.psql(&format!("CREATE DATABASE \"{database}\"")).unwrap();
            }
        }
    }

    fn configure(&self) {
        let rules = "local all all trust\n\
             host all toygres all scram-sha-256\n\
             host all secret all scram-sha-256\n\
             host all md5user all md5\n\
             host all clear all password\n\
             hostssl all only_tls all trust\n\
             hostnossl all only_clear all trust\n\
             host all only_tls all reject\n\
             host all only_clear all reject\n\
             hostssl all cert_user all cert\n\
             host all nothing all reject\n\
             host all all all trust\n";
        let authority = authority();
        let leaf = Kind { common_name: "x", dns: &["db.internal"], ..Kind::default() };
        let own = Kind {
            common_name: "localhost",
            dns: &["localhost"],
            authority: true,
            ..Kind::default()
        };
        let old = Kind { common_name: "localhost", first_version: true, ..Kind::default() };
        let other = Kind { common_name: "another", authority: true, ..Kind::default() };
        let client = Kind { common_name: "cert_user", ..Kind::default() };
        let (leaf, own, old) = (make(&leaf, Some(&authority)), make(&own, None), make(&old, None));
        let (other, client) = (make(&other, None), make(&client, Some(&authority)));
        authority.write_certificate(&self.file("ca.crt"));
        own.write_certificate(&self.file("own.crt"));
        old.write_certificate(&self.file("old.crt"));
        other.write_certificate(&self.file("other.crt"));
        client.write_certificate(&self.file("client.crt"));
        client.write_key(&self.file("client.key"), 0o600);
        client.write_key(&self.file("open.key"), 0o644);
        client.write_encrypted_key(&self.file("encrypted.key"), "sesame");
        write(&self.file("broken.crt"), b"nonsense", 0o644);
        for (server, pair) in [
            (&self.tls, Some(&leaf)),
            (&self.own, Some(&own)),
            (&self.old, Some(&old)),
            (&self.plain, None),
        ] {
            set_up(server, rules, pair.map(|pair| (pair, &authority)));
        }
        self.own.psql("ALTER SYSTEM SET default_transaction_read_only = on").unwrap();
        reload(&self.own);
    }

    fn make_homes(&self) {
        let line = |port: u16| format!("127.0.0.1:{port}:*:secret:p@ss/w\\:rd 1\n");
        let passwords = format!("# passwords\n*:1:*:*:wrong\n{}", line(self.plain.port()))
            + &line(self.tls.port())
            + &format!("localhost:*:*:secret:{}\n", PASSWORD.replace(':', "\\:"));
        let home = |name: &str| self.home(name);
        write(&home("empty").join("nothing"), b"", 0o600);
        write(&home("pgpass").join(".pgpass"), passwords.as_bytes(), 0o600);
        write(&home("openpass").join(".pgpass"), passwords.as_bytes(), 0o640);
        write(&home("wrongpass").join(".pgpass"), b"*:*:*:*:wrong\n", 0o600);
        write(&self.file("passwords"), passwords.as_bytes(), 0o600);
        let services = format!(
            "# services\n[plain]\nhost=127.0.0.1\nport={0}\nuser=app\n\n\
             [full]\nhost=127.0.0.1\nport={0}\nuser=secret\npassword={PASSWORD}\ndbname=app\n\
             [socket]\nhost={1}\nport={0}\nuser=app\n\
             [nested]\nservice=plain\n[strange]\nnosuch=1\n[equal]\nhost\n\
             [encrypted]\nhost=127.0.0.1\nport={2}\nuser=app\nsslmode=require\n",
            self.plain.port(),
            self.sockets(),
            self.tls.port(),
        );
        write(&home("service").join(".pg_service.conf"), services.as_bytes(), 0o644);
        write(&self.file("services"), services.as_bytes(), 0o644);
        write(&self.file("etc/pg_service.conf"), services.as_bytes(), 0o644);
        let copy = |from: &str, to: PathBuf, mode| {
            write(&to, &std::fs::read(self.file(from)).unwrap(), mode);
        };
        copy("ca.crt", home("root").join(".postgresql/root.crt"), 0o644);
        copy("other.crt", home("otherroot").join(".postgresql/root.crt"), 0o644);
        copy("client.crt", home("client").join(".postgresql/postgresql.crt"), 0o644);
        copy("client.key", home("client").join(".postgresql/postgresql.key"), 0o600);
        copy("client.crt", home("keyless").join(".postgresql/postgresql.crt"), 0o644);
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    pub(crate) fn home(&self, name: &str) -> PathBuf {
        self.file(&format!("home-{name}"))
    }

    pub(crate) fn sockets(&self) -> String {
        self.plain.data().parent().unwrap().display().to_string()
    }

    /// A text with the names of ports and files in `{}` replaced.
    pub(crate) fn fill(&self, text: &str) -> String {
        let place = |name: &str| self.file(name).display().to_string();
        let port = |server: &PrivatePostgres| server.port().to_string();
        let sockets = self.sockets();
        let silent = self.silent.local_addr().unwrap().port().to_string();
        let all = [
            ("{P}", port(&self.plain)),
            ("{T}", port(&self.tls)),
            ("{S}", port(&self.own)),
            ("{V}", port(&self.old)),
            ("{H}", silent),
            ("{SOCK}", sockets.clone()),
            ("{SOCK%}", sockets.replace('/', "%2F")),
            ("{PW}", PASSWORD.to_owned()),
            ("{PW%}", ENCODED_PASSWORD.to_owned()),
            ("{ME}", self.account.clone()),
            ("{DIR}", self.files.path().display().to_string()),
            ("{CA}", place("ca.crt")),
            ("{SUPER}", self.plain.password().to_owned()),
        ];
        all.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

fn authority() -> Pair {
    make(&Kind { common_name: "authority", authority: true, ..Kind::default() }, None)
}

/// Writes the rules of a server and its certificate, and has it read them.
pub(crate) fn set_up(server: &PrivatePostgres, rules: &str, tls: Option<(&Pair, &Pair)>) {
    let data = server.data();
    std::fs::write(data.join("pg_hba.conf"), rules).unwrap();
    if let Some((pair, authority)) = tls {
        pair.write_certificate(&data.join("server.crt"));
        pair.write_key(&data.join("server.key"), 0o600);
        authority.write_certificate(&data.join("ca.crt"));
        let owner = std::fs::metadata(data).unwrap();
        for name in ["server.crt", "server.key", "ca.crt"] {
            chown(data.join(name), Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        server.psql("ALTER SYSTEM SET ssl = on").unwrap();
        server.psql("ALTER SYSTEM SET ssl_ca_file = 'ca.crt'").unwrap();
    }
    reload(server);
    if tls.is_some() {
        wait::until("TLS", || Ok((server.psql("SHOW ssl")? == "on").then_some(()))).unwrap();
    }
}

/// Has a server read its settings again, and waits until it has.
pub(crate) fn reload(server: &PrivatePostgres) {
    let before = server.psql("SELECT pg_conf_load_time()").unwrap();
    server.psql("SELECT pg_reload_conf()").unwrap();
    wait::until("the settings", || {
        Ok((server.psql("SELECT pg_conf_load_time()")? != before).then_some(()))
    })
    .unwrap();
}

/// `psql` of the newest version here.
pub(crate) fn psql() -> PathBuf {
    let binaries = toygres_tests::postgres::Binaries::find().unwrap();
    binaries.path("psql")
}

pub(crate) fn is_there(program: &str) -> Option<PathBuf> {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/bin"];
    folders.iter().map(|folder| Path::new(folder).join(program)).find(|path| path.is_file())
}
