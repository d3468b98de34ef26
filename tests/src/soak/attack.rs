//! The attackers. They come from other addresses of loopback than whoever works with the server,
//! as they would come from other machines.

use super::world::World;
use super::{SoakPlan, SoakReport};
use crate::Result;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// From so many addresses.
const ADDRESSES: u8 = 4;
/// How long an attacker holds a connection that the server leaves open.
const HOLD: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);
/// Requests that are sent in one go, and whose answers are never read.
const UNREAD_REQUESTS: usize = 2000;
/// A small window, so that answers that are not read fill it soon.
const RECEIVE_BUFFER: u32 = 4096;

/// Statements that want more than there is: of memory, of rows, of time, of locks.
const GREEDY: &[&str] = &[
    "select repeat('x',150000000)",
    "select g,g as a,g as b,g as c,g as d from generate_series(1,700000) g",
    "select pg_sleep(20)",
    "select repeat('x',1000000000)",
    "select pg_advisory_lock(hashtextextended('toygres:migrations:toygres_cms',0)), pg_sleep(600)",
    "select string_agg(repeat(md5(g::text), 1000), '') from generate_series(1,4000) g",
];

pub(super) struct Attack {
    thread: JoinHandle<Result>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    queries: AtomicU64,
}

struct Attacker {
    world: Arc<World>,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    number: u32,
}

impl Attack {
    pub(super) fn start(
        plan: &SoakPlan,
        world: &Arc<World>,
        stop: Arc<AtomicBool>,
    ) -> Result<Self> {
        let counts = Arc::<Counts>::default();
        let attacker = |number| Attacker {
            world: world.clone(),
            stop: stop.clone(),
            counts: counts.clone(),
            number,
        };
        let idle: Vec<_> = (0..plan.idle_clients).map(attacker).collect();
        let deaf: Vec<_> = (0..plan.deaf_clients).map(attacker).collect();
        let greedy: Vec<_> = (0..plan.greedy_clients).map(attacker).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name("attackers".to_owned()).spawn(move || {
            runtime.block_on(async {
                let mut tasks = tokio::task::JoinSet::new();
                idle.into_iter().for_each(|one| drop(tasks.spawn(one.idles())));
                deaf.into_iter().for_each(|one| drop(tasks.spawn(one.reads_nothing())));
                greedy.into_iter().for_each(|one| drop(tasks.spawn(one.asks_for_too_much())));
                while let Some(ended) = tasks.join_next().await {
                    ended?;
                }
                Ok(())
            })
        })?;
        Ok(Self { thread, counts })
    }

    pub(super) fn end(self, report: &mut SoakReport) {
        match self.thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => report.failures.push(format!("an attacker broke: {error}")),
            Err(_) => report.failures.push("the attackers broke".to_owned()),
        }
        report.connections = self.counts.connections.load(Ordering::Relaxed);
        report.queries = self.counts.queries.load(Ordering::Relaxed);
    }
}

impl Attacker {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// Connects, says nothing, and comes again when it is sent away.
    async fn idles(self) {
        while self.goes_on() {
            if let Ok(mut stream) = self.connect().await {
                let mut byte = [0];
                let _sent_away = timeout(HOLD, stream.read(&mut byte)).await;
            }
            sleep(PAUSE).await;
        }
    }

    /// Sends more requests than there is room for answers, and reads none.
    async fn reads_nothing(self) {
        let one = format!("GET /api/x HTTP/1.1\r\nHost: {}\r\n\r\n", self.world.address());
        let many = one.repeat(UNREAD_REQUESTS);
        while self.goes_on() {
            if let Ok(mut stream) = self.connect().await {
                let _until_sent_away = timeout(HOLD, stream.write_all(many.as_bytes())).await;
                // Without reading, only a write tells that the server has gone.
                for _ in 0..HOLD.as_secs() {
                    sleep(Duration::from_secs(1)).await;
                    if !self.goes_on() || stream.try_write(b"G").is_err_and(|error| is_gone(&error))
                    {
                        break;
                    }
                }
            }
            sleep(PAUSE).await;
        }
    }

    /// Has the token, and asks for what would not fit.
    async fn asks_for_too_much(self) {
        let token = self.world.home.text("api-token");
        let mut at = self.number as usize;
        while self.goes_on() {
            let sql = GREEDY[at % GREEDY.len()];
            at += 1;
            let (path, body) = match at % 2 {
                0 => {
                    let args = serde_json::json!({"sql": sql, "limit": 0, "timeout": "10m"});
                    let body = serde_json::json!({"command": "db-query", "args": args});
                    ("/api/server/run", body.to_string())
                }
                _ => {
                    let body = serde_json::json!({"sql": sql, "limit": 2_000_000});
                    ("/api/server/db-query", body.to_string())
                }
            };
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
                 Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                self.world.address(),
                body.len()
            );
            let asked = async {
                let mut stream = self.connect().await?;
                stream.write_all(request.as_bytes()).await?;
                self.counts.queries.fetch_add(1, Ordering::Relaxed);
                let mut piece = vec![0; 1 << 16];
                while self.goes_on() && stream.read(&mut piece).await? > 0 {}
                io::Result::Ok(())
            };
            // Some hang up in the middle.
            let _answered = timeout(HOLD, asked).await;
            sleep(PAUSE).await;
        }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let to: SocketAddr =
            self.world.address().parse().map_err(|_| io::ErrorKind::AddrNotAvailable)?;
        let socket = TcpSocket::new_v4()?;
        let last = u8::try_from(self.number % u32::from(ADDRESSES)).unwrap_or_default() + 2;
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)))?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        let stream = timeout(HOLD, socket.connect(to)).await.map_err(io::Error::other)??;
        self.counts.connections.fetch_add(1, Ordering::Relaxed);
        Ok(stream)
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::WouldBlock
}
