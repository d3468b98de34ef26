//! Whether PostgreSQL answers at an address, before the address is written to the CMS unasked.
//!
//! Clients are given what the CMS says. A port that a load balancer has for something else, or an
//! address that it does not serve yet, is worth less than the address that is recorded.

use crate::plan::{Action, Plan, Step};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an address has to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How many addresses are tried at once.
const MAX_CONCURRENT: usize = 64;

/// The first message of a client, protocol 3.0: its length, the version, and the user's name. It
/// needs no password to be answered.
const STARTUP: &[u8] = b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0";

/// No answer to it is longer.
const MAX_ANSWER_BYTES: u32 = 30_000;

/// Keeps the addresses of a plan that PostgreSQL answers at; tells why each of the others is left.
pub(crate) async fn keep_answering(plan: &mut Plan) -> Vec<String> {
    let mut left = Vec::new();
    let steps = std::mem::take(&mut plan.steps).into_iter().map(|step| async move {
        let unwritten = unwritten(&step).await;
        (step, unwritten)
    });
    let mut steps = std::pin::pin!(futures_util::stream::iter(steps).buffered(MAX_CONCURRENT));
    while let Some((step, unwritten)) = steps.next().await {
        match unwritten {
            None => plan.steps.push(step),
            Some(why) => left.push(why),
        }
    }
    left
}

/// Why the address of a step is not written without being asked for.
async fn unwritten(step: &Step) -> Option<String> {
    let Action::RecordAddress { host, port, probe, .. } = &step.action else { return None };
    let Some(probe) = host.as_deref().or(probe.as_deref()) else {
        return Some(format!("left as it is: `{}` has no address", step.k8s_name));
    };
    if is_postgres(probe, *port).await {
        return None;
    }
    Some(format!(
        "left as it is: PostgreSQL does not answer at {probe}, port {port}, which Kubernetes has for \
         `{}`; `toygres server sync` writes it all the same",
        step.k8s_name
    ))
}

/// Whether a PostgreSQL answers: with a demand for authentication, or with its reason to refuse.
async fn is_postgres(host: &str, port: u16) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect((host, port)).await.ok()?;
        stream.write_all(STARTUP).await.ok()?;
        let mut head = [0_u8; 5];
        stream.read_exact(&mut head).await.ok()?;
        let [tag, length @ ..] = head;
        let length = u32::from_be_bytes(length);
        Some(matches!(tag, b'R' | b'E' | b'v') && (4..MAX_ANSWER_BYTES).contains(&length))
    };
    let answered = tokio::time::timeout(ANSWER_TIMEOUT, asked).await;
    answered.ok().flatten().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::{STARTUP, is_postgres};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Whether somebody who answers like this is taken for PostgreSQL.
    async fn taken(answer: &'static [u8]) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut first = vec![0; STARTUP.len()];
            stream.read_exact(&mut first).await.unwrap();
            stream.write_all(answer).await.unwrap();
        };
        tokio::join!(is_postgres("127.0.0.1", port), serve).0
    }

    #[tokio::test]
    async fn only_postgresql_is_taken_for_postgresql() {
        assert_eq!(usize::from(STARTUP[3]), STARTUP.len());
        assert!(taken(b"R\0\0\0\x17\0\0\0\x0a").await);
        assert!(taken(b"E\0\0\0\x40SFATAL\0").await);
        for other in [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"", b"R", b"E\xff\xff\xff\xff"] {
            assert!(!taken(other).await, "{other:?}");
        }
        assert!(!is_postgres("127.0.0.1", 1).await);
    }
}
