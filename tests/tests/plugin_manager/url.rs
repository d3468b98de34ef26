//! Plugins from a URL: what is needed, and what is refused.

use super::home::{BAD, Home, NEWER, RUN, Ran, ran};
use super::trust::Signer;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Path → what is answered: a body, or a place to go to.
type Pages = BTreeMap<&'static str, Result<Vec<u8>, String>>;

/// What is forbidden: a place that no redirect leads to.
const FORBIDDEN: &str = "403";

/// A web server on this machine, with TLS or without, for as long as the process lives.
struct Web {
    address: String,
    certificate: Option<String>,
}

impl Web {
    fn serve(pages: Pages, tls: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (config, certificate) = if tls { tls_config() } else { (None, None) };
        let scheme = if tls { "https" } else { "http" };
        let pages = Arc::new(pages);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (pages, config) = (pages.clone(), config.clone());
                std::thread::spawn(move || {
                    let stream = stream.unwrap();
                    // A client that hangs up early is no failure of the server's.
                    let _answered = match config {
                        None => answer(stream, &pages),
                        Some(config) => {
                            let connection = ServerConnection::new(config).unwrap();
                            answer(StreamOwned::new(connection, stream), &pages)
                        }
                    };
                });
            }
        });
        Self { address: format!("{scheme}://localhost:{port}"), certificate }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Installs from here; the server's certificate is trusted.
    fn install(&self, home: &Home, path: &str, more: &[&str]) -> Ran {
        let url = self.url(path);
        let args: Vec<&str> =
            ["plugin", "install", &url].into_iter().chain(more.iter().copied()).collect();
        let mut command = home.command(&args);
        if let Some(certificate) = &self.certificate {
            command.env("SSL_CERT_FILE", home.file("certificate.pem", certificate.as_bytes()));
        }
        ran(&mut command)
    }
}

fn tls_config() -> (Option<Arc<ServerConfig>>, Option<String>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (Some(Arc::new(config)), Some(cert.pem()))
}

fn answer(stream: impl Read + Write, pages: &Pages) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first)?;
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (head, body) = match pages.get(path) {
        None => ("404 Not Found\r\n".to_owned(), &[][..]),
        Some(Ok(body)) => ("200 OK\r\n".to_owned(), body.as_slice()),
        Some(Err(place)) if place == FORBIDDEN => ("403 Forbidden\r\n".to_owned(), &[][..]),
        Some(Err(place)) => (format!("302 Found\r\nlocation: {place}\r\n"), &[][..]),
    };
    let length = body.len();
    let out = stream.get_mut();
    write!(out, "HTTP/1.1 {head}content-length: {length}\r\nconnection: close\r\n\r\n")?;
    out.write_all(body)?;
    out.flush()
}

fn digest(home: &Home, bytes: &[u8]) -> String {
    let file = home.file("digested", bytes);
    let sum = ran(std::process::Command::new("sha256sum").arg(file)).stdout;
    sum.split(' ').next().unwrap().to_owned()
}

#[test]
fn what_comes_from_elsewhere_needs_a_signature_or_a_digest() {
    let signer = Signer::new();
    let plain = Web::serve(Pages::from([("/bad.so", Ok(BAD.clone()))]), false);
    let web = Web::serve(
        Pages::from([
            ("/bad.so", Ok(BAD.clone())),
            ("/bad.so.minisig", Ok(signer.sign(&BAD).into_bytes())),
            ("/newer.so", Ok(NEWER.clone())),
            ("/large.so", Ok(BAD.clone())),
            ("/large.so.minisig", Ok(vec![b'x'; 20_000])),
            ("/moved.so", Err("/bad.so".to_owned())),
            ("/moved.so.minisig", Err("/bad.so.minisig".to_owned())),
            ("/astray.so", Err(plain.url("/bad.so"))),
            ("/circle.so", Err("/circle.so".to_owned())),
            ("/file.so", Err("file:///etc/passwd".to_owned())),
        ]),
        true,
    );
    let home = Home::new();
    let nobody = web.install(&home, "/bad.so", &[]);
    assert_eq!(nobody.code, Some(6), "{}", nobody.stderr);
    assert!(nobody.stderr.contains("nobody answers for what is at"), "{}", nobody.stderr);
    let key = ["--key", signer.public.as_str()];
    let signed = web.install(&home, "/bad.so", &key);
    assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    home.well(RUN);
    let row = home.row("bad");
    assert_eq!(row["source"], web.url("/bad.so").as_str());
    assert_eq!(web.install(&home, "/moved.so", &key).code, Some(0));
    let sum = digest(&home, &NEWER);
    let by_digest = web.install(&home, "/newer.so", &["--sha256", &sum]);
    assert_eq!(by_digest.code, Some(0), "{}", by_digest.stderr);
    assert_eq!(home.row("bad")["version"], "0.2.0");

    for (path, code, says) in [
        ("/newer.so", 8, "is not signed"),
        ("/none.so", 5, "there is nothing at"),
        ("/large.so", 4, "larger than 16384 bytes"),
        ("/astray.so", 4, "leads away from https"),
        ("/circle.so", 4, "redirects"),
        ("/file.so", 4, "leads to a URL that is neither https nor http"),
    ] {
        let refused = web.install(&home, path, &key);
        assert_eq!(refused.code, Some(code), "{path}: {}", refused.stderr);
        assert!(refused.stderr.contains(says), "{path}: {}", refused.stderr);
    }
    assert_eq!(home.row("bad")["version"], "0.2.0");
}

#[test]
fn a_source_whose_key_is_pinned_needs_no_word_on_the_command_line() {
    let signer = Signer::new();
    let pages = [
        ("/bad.so", Ok(BAD.clone())),
        ("/bad.so.minisig", Ok(signer.sign(&BAD).into_bytes())),
        ("/newer.so", Ok(NEWER.clone())),
    ];
    let web = Web::serve(Pages::from(pages), true);
    let home = Home::new();
    let config =
        format!("[[plugins.keys]]\nsource = \"{}\"\nkey = \"{}\"\n", web.url("/"), signer.public);
    std::fs::write(home.path().join("config.toml"), config).unwrap();
    let done = web.install(&home, "/bad.so", &[]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    // A digest takes the place of no signature there.
    let sum = digest(&home, &NEWER);
    let unsigned = web.install(&home, "/newer.so", &["--sha256", &sum]);
    assert_eq!(unsigned.code, Some(8), "{}", unsigned.stderr);
    home.well(RUN);
}

#[test]
fn plain_http_carries_what_a_digest_names_and_nothing_else() {
    let web = Web::serve(Pages::from([("/bad.so", Ok(BAD.clone()))]), false);
    let home = Home::new();
    let refused = web.install(&home, "/bad.so", &["--key", &Signer::new().public]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let wrong = web.install(&home, "/bad.so", &["--sha256", &"0".repeat(64)]);
    assert_eq!(wrong.code, Some(8), "{}", wrong.stderr);
    let sum = digest(&home, &BAD);
    let done = web.install(&home, "/bad.so", &["--sha256", &sum]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    home.well(RUN);
    let secret = web.url("/bad.so?token=hush-hush").replace("://", "://me:hush-hush@");
    let done = home.run(&["plugin", "install", &secret, "--sha256", &sum]);
    assert_eq!(done.code, Some(5), "{}", done.stderr);
    assert!(!done.stderr.contains("hush-hush"), "{}", done.stderr);
}

/// A store that forbids what it does not have: the digest answers for the file.
#[test]
fn a_signature_that_nobody_asked_for_may_be_forbidden() {
    let mut pages = Pages::from([("/bad.so", Ok(BAD.clone()))]);
    pages.insert("/bad.so.minisig", Err(FORBIDDEN.to_owned()));
    let web = Web::serve(pages, false);
    let home = Home::new();
    let digest = digest(&home, &BAD);
    let wrong = web.install(&home, "/bad.so", &["--sha256", &"0".repeat(64)]);
    assert_eq!(wrong.code, Some(8), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("another digest"), "{}", wrong.stderr);
    let well = web.install(&home, "/bad.so", &["--sha256", &digest]);
    assert_eq!(well.code, Some(0), "{}", well.stderr);
    let key = Signer::new().public;
    let asked = web.install(&home, "/bad.so", &["--sha256", &digest, "--key", &key]);
    assert_eq!(asked.code, Some(4), "{}", asked.stderr);
    assert!(asked.stderr.contains("403 Forbidden"), "{}", asked.stderr);
}

/// A proxy that notes what it is asked for, and serves names that nobody else knows from here.
fn proxy(known: &Web) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, requests) = std::sync::mpsc::channel();
    let target = known.address.rsplit_once("//").unwrap().1.replace("localhost", "127.0.0.1");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (asked, target) = (asked.clone(), target.clone());
            std::thread::spawn(move || {
                let mut client = stream.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") {
                    client.read_exact(&mut byte).unwrap();
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap();
                let _unread = asked.send(head.lines().next().unwrap().to_owned());
                let mut server = std::net::TcpStream::connect(target).unwrap();
                match head.strip_prefix("GET http://") {
                    None => client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap(),
                    Some(rest) => {
                        let path = &rest[rest.find('/').unwrap()..];
                        server.write_all(format!("GET {path}").as_bytes()).unwrap();
                    }
                }
                let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                let _ends = std::io::copy(&mut server, &mut client);
                let _gone = client.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    (address.to_string(), requests)
}

#[test]
fn proxies_of_the_environment_are_asked_but_not_for_this_machine() {
    let home = Home::new();
    let pages = || Pages::from([("/bad.so", Ok(BAD.clone()))]);
    let (tls, plain) = (Web::serve(pages(), true), Web::serve(pages(), false));
    let digest = digest(&home, &BAD);
    let certificate = home.file("certificate.pem", tls.certificate.as_ref().unwrap().as_bytes());
    let install = |url: &str, environment: &[(&str, &str)]| {
        let mut command = home.command(&["plugin", "install", url, "--sha256", &digest]);
        command.envs(environment.iter().copied()).env("SSL_CERT_FILE", &certificate);
        ran(&mut command)
    };
    let (address, requests) = proxy(&plain);
    let url = format!("http://{address}");
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let done = install("http://plugins.example/bad.so", &[(variable, &url)]);
        assert_eq!(done.code, Some(0), "{variable}: {}", done.stderr);
        assert_eq!(requests.recv().unwrap(), "GET http://plugins.example/bad.so HTTP/1.1");
        // Its signature is looked for too.
        let _signature = requests.recv().unwrap();
    }
    // The certificate is that of another name: the tunnel is what counts.
    let (address, requests) = proxy(&tls);
    let url = format!("http://{address}");
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let refused = install("https://plugins.example/bad.so", &[(variable, &url)]);
        assert_eq!(refused.code, Some(4), "{variable}: {}", refused.stderr);
        assert_eq!(requests.recv().unwrap(), "CONNECT plugins.example:443 HTTP/1.1");
    }
    for environment in
        [vec![("HTTPS_PROXY", url.as_str())], vec![("ALL_PROXY", url.as_str()), ("NO_PROXY", "*")]]
    {
        let done = install(&tls.url("/bad.so"), &environment);
        assert_eq!(done.code, Some(0), "{environment:?}: {}", done.stderr);
    }
    let named = install(
        "https://plugins.example/bad.so",
        &[("HTTPS_PROXY", &url), ("NO_PROXY", ".example")],
    );
    assert_eq!(named.code, Some(4), "{}", named.stderr);
    assert!(requests.try_recv().is_err(), "nothing more was asked of the proxy");
    let dead = install("https://plugins.example/bad.so", &[("HTTPS_PROXY", "http://127.0.0.1:9")]);
    assert!(dead.stderr.contains("the proxy http://127.0.0.1:9"), "{}", dead.stderr);
    let odd = install("https://plugins.example/bad.so", &[("HTTPS_PROXY", "ftp://127.0.0.1:9")]);
    assert!(odd.stderr.contains("`HTTPS_PROXY`"), "{}", odd.stderr);
}

#[test]
fn a_machine_without_root_certificates_speaks_http_and_says_what_https_needs() {
    let home = Home::new();
    let pages = || Pages::from([("/bad.so", Ok(BAD.clone()))]);
    let (tls, plain) = (Web::serve(pages(), true), Web::serve(pages(), false));
    let digest = digest(&home, &BAD);
    let install = |url: String| {
        let mut command = home.command(&["plugin", "install", &url, "--sha256", &digest]);
        command.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", "/none");
        ran(&mut command)
    };
    let done = install(plain.url("/bad.so"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let refused = install(tls.url("/bad.so"));
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    assert!(refused.stderr.contains("root certificates"), "{}", refused.stderr);
}
