//! API servers and proxies on this machine that note who came, by which way and as whom.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// The name that only proxies know.
pub(super) const HIDDEN_NAME: &str = "kube.internal";
/// The name in the certificate of the server that has no other.
pub(super) const OTHER_NAME: &str = "other.internal";

type Log = Arc<Mutex<BTreeSet<String>>>;

/// A certificate with its key, in PEM.
pub(super) struct Identity {
    pub(super) certificate: String,
    pub(super) key: String,
    der: CertificateDer<'static>,
    key_der: PrivateKeyDer<'static>,
}

/// Everything that listens.
pub(super) struct World {
    pub(super) authority: String,
    pub(super) strange_authority: String,
    /// The self-signed certificate of `self_signed`, which calls itself an authority.
    pub(super) own_certificate: String,
    pub(super) client: Identity,
    /// Ports by name.
    pub(super) http: u16,
    pub(super) tls: u16,
    pub(super) other_name: u16,
    pub(super) self_signed: u16,
    pub(super) proxy: u16,
    pub(super) tls_proxy: u16,
    pub(super) socks: u16,
    log: Log,
    _runtime: Runtime,
}

struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            der: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    fn issue(&self, names: &[&str]) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
            key_der: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }
}

/// A certificate that signs itself and calls itself an authority, as many tools make them.
fn self_signed() -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    Identity {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        der: certificate.der().clone(),
        key_der: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    }
}

impl World {
    pub(super) fn new() -> Self {
        let authority = Authority::new();
        let own = own_address().map(|address| address.to_string()).unwrap_or_default();
        let names: Vec<&str> = ["127.0.0.1", "localhost", HIDDEN_NAME, &own]
            .into_iter()
            .filter(|name| !name.is_empty())
            .collect();
        let (server, other) = (authority.issue(&names), authority.issue(&[OTHER_NAME]));
        let client = authority.issue(&["client"]);
        let itself = self_signed();
        let log = Log::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let tls = |identity: &Identity| Some(acceptor(&authority, identity));
        let world = Self {
            http: serve(&runtime, "http", None, &client, &log),
            tls: serve(&runtime, "tls", tls(&server), &client, &log),
            other_name: serve(&runtime, "other", tls(&other), &client, &log),
            self_signed: serve(&runtime, "self-signed", tls(&itself), &client, &log),
            own_certificate: itself.certificate,
            proxy: relay(&runtime, "proxy", None, &log),
            tls_proxy: relay(&runtime, "tls-proxy", tls(&server), &log),
            socks: socks(&runtime, &log),
            strange_authority: Authority::new().pem,
            authority: authority.pem,
            client,
            log,
            _runtime: runtime,
        };
        world.visits();
        world
    }

    /// Who came since this was asked before.
    pub(super) fn visits(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

/// An address of this machine that is not the loopback; none where it has none.
pub(super) fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: the kernel only chooses a route.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

fn acceptor(authority: &Authority, identity: &Identity) -> TlsAcceptor {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der.clone()).unwrap();
    let clients =
        WebPkiClientVerifier::builder(roots.into()).allow_unauthenticated().build().unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![identity.der.clone()], identity.key_der.clone_key())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn listen(runtime: &Runtime) -> (TcpListener, u16) {
    let listener = runtime.block_on(TcpListener::bind("0.0.0.0:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// An API server that knows its version alone.
fn serve(
    runtime: &Runtime,
    name: &'static str,
    tls: Option<TlsAcceptor>,
    client: &Identity,
    log: &Log,
) -> u16 {
    let (listener, port) = listen(runtime);
    let (log, known) = (log.clone(), client.der.clone());
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (log, tls, known) = (log.clone(), tls.clone(), known.clone());
            tokio::spawn(async move {
                let Some(tls) = tls else { return answer(stream, name, "", &log).await };
                let Ok(stream) = tls.accept(stream).await else { return };
                let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let shown = if shown.contains(&known) { " certificate" } else { "" };
                answer(stream, name, shown, &log).await;
            });
        }
    });
    port
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    name: &str,
    shown: &str,
    log: &Log,
) {
    while let Some(head) = read_head(&mut stream).await {
        let mut visit = format!("{name}{shown}");
        for header in ["authorization", "impersonate-user"] {
            if let Some(value) = header_of(&head, header) {
                write!(visit, " {header}={value}").unwrap();
            }
        }
        log.lock().unwrap().insert(visit);
        let target = head.split(' ').nth(1).unwrap_or_default();
        let is_version = target.split('?').next().is_some_and(|path| path.ends_with("/version"));
        let (status, body) = match is_version {
            true => ("200 OK", r#"{"major":"1","minor":"33","gitVersion":"v1.33.0"}"#),
            false => (
                "404 Not Found",
                r#"{"kind":"Status","apiVersion":"v1","status":"Failure","code":404,"reason":"NotFound","message":"no"}"#,
            ),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// An HTTP proxy.
fn relay(runtime: &Runtime, name: &'static str, tls: Option<TlsAcceptor>, log: &Log) -> u16 {
    let (listener, port) = listen(runtime);
    let log = log.clone();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (log, tls) = (log.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => forward(stream, name, &log).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            forward(stream, name, &log).await;
                        }
                    }
                }
            });
        }
    });
    port
}

async fn forward(mut stream: impl AsyncRead + AsyncWrite + Unpin, name: &str, log: &Log) {
    let Some(head) = read_head(&mut stream).await else { return };
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let whole_url = target.strip_prefix("http://");
    let host = whole_url.unwrap_or(target).split('/').next().unwrap_or_default().to_owned();
    let method = if whole_url.is_some() { "FORWARD" } else { method };
    let credentials = header_of(&head, "proxy-authorization");
    let credentials = credentials.map(|value| format!(" {value}")).unwrap_or_default();
    log.lock().unwrap().insert(format!("{name} {method} {host}{credentials}"));
    let Some(mut onward) = connect(&host).await else { return };
    let opened = match whole_url {
        // One request a connection, so that the next one is noted too.
        Some(_) => {
            let request = head.replacen(&format!("http://{host}"), "", 1).replacen(
                "\r\n",
                "\r\nconnection: close\r\n",
                1,
            );
            onward.write_all(request.as_bytes()).await
        }
        None => stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await,
    };
    if opened.is_ok() && stream.flush().await.is_ok() {
        let _either_side_ends = copy_bidirectional(&mut stream, &mut onward).await;
    }
}

/// A SOCKS 5 proxy that resolves names.
fn socks(runtime: &Runtime, log: &Log) -> u16 {
    let (listener, port) = listen(runtime);
    let log = log.clone();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let log = log.clone();
            tokio::spawn(async move {
                let _either_side_ends = socks_connection(stream, &log).await;
            });
        }
    });
    port
}

async fn socks_connection(mut stream: TcpStream, log: &Log) -> std::io::Result<()> {
    let mut greeting = [0; 2];
    stream.read_exact(&mut greeting).await?;
    let mut methods = vec![0; usize::from(greeting[1])];
    stream.read_exact(&mut methods).await?;
    stream.write_all(&[5, 0]).await?;
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => {
            let mut address = [0; 4];
            stream.read_exact(&mut address).await?;
            IpAddr::from(address).to_string()
        }
        _ => {
            let length = stream.read_u8().await?;
            let mut name = vec![0; usize::from(length)];
            stream.read_exact(&mut name).await?;
            String::from_utf8_lossy(&name).into_owned()
        }
    };
    let port = stream.read_u16().await?;
    let target = format!("{host}:{port}");
    log.lock().unwrap().insert(format!("socks {target}"));
    let Some(mut onward) = connect(&target).await else { return Ok(()) };
    stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await?;
    copy_bidirectional(&mut stream, &mut onward).await.map(drop)
}

/// A connection to a server of this world, whatever it is called.
async fn connect(target: &str) -> Option<TcpStream> {
    let port: u16 = target.rsplit_once(':')?.1.parse().ok()?;
    TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await.ok()
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

fn header_of(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (header, value) = line.split_once(':')?;
        header.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}
