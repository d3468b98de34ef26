//! Requests byte by byte: what no well-behaved client would send too.

use crate::Result;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// A request that is being put together.
#[derive(Debug, Clone)]
pub struct Request {
    address: String,
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head, in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Request {
    /// A request without a token. The address is what it is sent to, and its host.
    pub fn new(method: &str, target: &str, address: &str) -> Self {
        let headers = vec![
            ("Host".to_owned(), address.to_owned()),
            ("Connection".to_owned(), "close".to_owned()),
        ];
        let line = format!("{method} {target} HTTP/1.1");
        Self { address: address.to_owned(), line, headers, body: Vec::new() }
    }

    /// With a header, in the place of one of the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// With one more header, though there may be one of the name.
    #[must_use]
    pub fn also(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body that is said to be JSON, and its length.
    #[must_use]
    pub fn json(self, body: impl AsRef<[u8]>) -> Self {
        let length = body.as_ref().len().to_string();
        let mut request = self.header("Content-Type", "application/json");
        request = request.header("Content-Length", &length);
        request.body = body.as_ref().to_vec();
        request
    }

    /// With these bytes behind the head, whatever the head says.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// Sends it and reads what comes back.
    ///
    /// # Panics
    /// When nothing does: a test could not go on.
    #[track_caller]
    pub fn send(&self) -> Answer {
        let answer = exchange(&self.address, &self.bytes(), false).and_then(|bytes| {
            read(&bytes)
                .ok_or_else(|| format!("no answer: {:?}", String::from_utf8_lossy(&bytes)).into())
        });
        answer.unwrap_or_else(|error| panic!("{error} to {self:?}"))
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n", self.line).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Sends bytes and reads until the other side ends. It may answer before it has read all. With
/// `end` it is told that nothing more comes.
///
/// # Errors
/// When it does not take the connection, or neither answers nor ends within half a minute.
pub fn exchange(address: &str, bytes: &[u8], end: bool) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    let sent = stream.write_all(bytes);
    if sent.is_ok() && end {
        stream.shutdown(Shutdown::Write)?;
    }
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if answer.is_empty() => Err(error.into()),
        _ => Ok(answer),
    }
}

/// Reads a response.
pub fn read(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = &bytes[end + 4..];
    let body = match head.contains("transfer-encoding: chunked") {
        true => chunks(body)?,
        false => body.to_vec(),
    };
    Some(Answer { status, head, body: String::from_utf8_lossy(&body).into_owned() })
}

fn chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(rest.get(end + 2..end + 2 + length)?);
        rest = rest.get(end + 4 + length..)?;
    }
}
