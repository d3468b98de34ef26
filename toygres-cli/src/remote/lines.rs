//! The lines of a server's answer as they come.
//!
//! A server may be silent for as long as its command takes; but a line that has begun has to end,
//! within a limit of bytes and of time. Otherwise whoever answers at the API's address could hold
//! this process, or fill its memory.

use crate::lend::api::unreadable;
use crate::settings::{MAX_MILLISECONDS, Settings};
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use serde::de::IgnoredAny;
use std::fmt::Display;
use std::time::Duration;
use tokio::time::Instant;
use toygres_plugin_api::protocol::Line;
use toygres_plugin_api::{Error, Result};

/// The longest line: a server's rows are smaller, whatever stands in them.
const MAX_LINE_BYTES: usize = 128 * 1024 * 1024;
/// A long line has this much more time for each MiB.
const TIME_PER_MIB: Duration = Duration::from_secs(1);

/// The lines of a response.
pub(super) struct Lines<B = Incoming> {
    body: B,
    read: BytesMut,
    /// Bytes of `read` in which there is no line break.
    searched: usize,
    /// When the line that is being read began.
    begun: Option<Instant>,
    timeout: Duration,
    max_line_bytes: usize,
}

impl<B> Lines<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    /// The lines of this body.
    ///
    /// # Errors
    /// `usage` where the setting of the API's timeout is invalid.
    pub(super) fn new(body: B, settings: &Settings) -> Result<Self> {
        let timeout =
            Duration::from_millis(settings.number("api.timeout_ms", 1..=MAX_MILLISECONDS)?);
        Ok(Self::with_limits(body, timeout, MAX_LINE_BYTES))
    }

    fn with_limits(body: B, timeout: Duration, max_line_bytes: usize) -> Self {
        let read = BytesMut::new();
        Self { body, read, searched: 0, begun: None, timeout, max_line_bytes }
    }

    /// The next line; none at the end.
    ///
    /// # Errors
    /// `unavailable` for a line that does not end or cannot be read, and where the answer breaks
    /// off.
    pub(super) async fn next(&mut self) -> Result<Option<Line>> {
        loop {
            let unsearched = self.read.get(self.searched..).unwrap_or_default();
            if let Some(end) = unsearched.iter().position(|byte| *byte == b'\n') {
                let line = self.read.split_to(self.searched + end);
                self.read.advance(1);
                self.searched = 0;
                self.begun = (!self.read.is_empty()).then(Instant::now);
                if line.is_empty() {
                    continue;
                }
                return parse(&line).map(Some);
            }
            self.searched = self.read.len();
            if self.read.len() > self.max_line_bytes {
                let limit = self.max_line_bytes;
                return Err(unreadable(format!("a line of it is longer than {limit} bytes")));
            }
            let frame = match self.begun {
                None => self.body.frame().await,
                Some(begun) => {
                    let mib = u32::try_from(self.read.len() >> 20).unwrap_or(u32::MAX);
                    let deadline = begun + self.timeout + TIME_PER_MIB.saturating_mul(mib);
                    let frame = tokio::time::timeout_at(deadline, self.body.frame()).await;
                    frame.map_err(|_| unreadable("a line of it did not end in time"))?
                }
            };
            match frame {
                None if self.read.is_empty() => return Ok(None),
                None => return Err(unreadable("it broke off within a line")),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.read.extend_from_slice(&data);
                        self.begun.get_or_insert_with(Instant::now);
                    }
                }
                Some(Err(error)) => return Err(broken(&error)),
            }
            // A body that always has more must not keep Ctrl-C from being seen.
            tokio::task::yield_now().await;
        }
    }
}

/// A line. A newer server may say what this version does not know.
fn parse(line: &[u8]) -> Result<Line> {
    match serde_json::from_slice(line) {
        Ok(line) => Ok(line),
        Err(error) if error.is_data() => {
            serde_json::from_slice::<IgnoredAny>(line).map_err(unreadable)?;
            Ok(Line::Unknown)
        }
        Err(error) => Err(unreadable(error)),
    }
}

/// The server went away while it answered.
fn broken(error: &dyn Display) -> Error {
    Error::unavailable("the answer of the API server broke off")
        .cause(error)
        .hint("it may have been stopped; look for it with `toygres server status` where it runs")
}

#[cfg(test)]
mod tests {
    use super::Lines;
    use bytes::Bytes;
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use std::convert::Infallible;
    use std::time::{Duration, Instant};
    use toygres_plugin_api::protocol::Line;

    type Piece = Result<Frame<Bytes>, Infallible>;

    fn lines(
        pieces: impl futures_util::Stream<Item = Piece> + Unpin,
    ) -> Lines<StreamBody<impl futures_util::Stream<Item = Piece> + Unpin>> {
        Lines::with_limits(StreamBody::new(pieces), Duration::from_millis(200), 8 << 20)
    }

    fn data(bytes: &'static [u8]) -> Piece {
        Ok(Frame::data(Bytes::from_static(bytes)))
    }

    #[tokio::test]
    async fn lines_come_however_they_are_cut() {
        let text = b"{\"end\":null}\n\n{\"something_new\":[1]}\n{\"end\":null}\n";
        let expected = {
            let mut whole = lines(stream::iter([data(text)]));
            let mut all = Vec::new();
            while let Some(line) = whole.next().await.unwrap() {
                all.push(format!("{line:?}"));
            }
            all
        };
        assert_eq!(expected.len(), 3);
        assert_eq!(expected[1], format!("{:?}", Line::Unknown));
        for size in 1..20 {
            let mut cut = lines(stream::iter(text.chunks(size).map(data)));
            for line in &expected {
                assert_eq!(&format!("{:?}", cut.next().await.unwrap().unwrap()), line);
            }
            assert!(cut.next().await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_given_up_in_linear_time() {
        let began = Instant::now();
        let mut endless = lines(stream::repeat_with(|| data(&[b'x'; 64])));
        let error = endless.next().await.unwrap_err();
        assert!(error.causes[0].contains("longer than"), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[tokio::test]
    async fn a_line_that_only_drips_is_given_up() {
        let dripping = stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Some((data(b"x"), ()))
        });
        let error = lines(Box::pin(dripping)).next().await.unwrap_err();
        assert!(error.causes[0].contains("in time"), "{error:?}");
    }

    #[tokio::test]
    async fn an_end_within_a_line_is_no_line() {
        let error = lines(stream::iter([data(b"{\"end\"")])).next().await.unwrap_err();
        assert!(error.causes[0].contains("broke off"), "{error:?}");
    }
}
