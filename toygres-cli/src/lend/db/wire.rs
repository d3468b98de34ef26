//! What the database may send, held where its bytes come in.
//!
//! The driver reads each message into memory as a whole, however large its sender says that it is.
//! So the messages' headers are looked at below the driver: one that claims more than the limit
//! ends the connection before its contents are read, and a large row waits until there is memory
//! for it (see [`crate::memory`]).

use crate::memory::{LARGE_ROW_BYTES, MemoryBudget, Reservation};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

/// The largest message that is not a row: an error, a notice, the description of columns.
const MAX_OTHER_BYTES: u64 = 1024 * 1024;
/// What all reports of settings of one connection may add up to: the driver keeps them.
const MAX_PARAMETERS_BYTES: u64 = 1024 * 1024;
/// Lengths of values within a row, for which its limit leaves room.
const ROW_OVERHEAD_BYTES: u64 = 8 * 1024;

const DATA_ROW: u8 = b'D';
const ERROR_RESPONSE: u8 = b'E';
const PARAMETER_STATUS: u8 = b'S';

/// How much of a database's answer may be in memory.
#[derive(Debug, Clone)]
pub(super) struct MessageLimits {
    /// The largest row.
    pub(super) max_row_bytes: u64,
    /// The setting that says so.
    pub(super) setting: &'static str,
    /// Where large rows are reserved, if they are.
    pub(super) budget: Option<MemoryBudget>,
}

/// A message that is larger than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Oversize {
    pub(super) what: OversizeMessage,
    pub(super) bytes: u64,
    pub(super) limit: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OversizeMessage {
    Row,
    Error,
    Other,
}

impl fmt::Display for Oversize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            OversizeMessage::Row => "a row",
            OversizeMessage::Error => "an error message",
            OversizeMessage::Other => "a message of the database",
        };
        write!(f, "{what} has {} bytes, and the limit is {}", self.bytes, self.limit)
    }
}

impl std::error::Error for Oversize {}

/// What a connection and whoever reads its rows know of its messages.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) limits: MessageLimits,
    refused: OnceLock<Oversize>,
    /// The large rows that were read and not yet taken, with their sizes, in order.
    reserved: Mutex<VecDeque<(usize, Reservation)>>,
}

impl Wire {
    pub(super) fn new(limits: MessageLimits) -> Arc<Self> {
        Arc::new(Self { limits, refused: OnceLock::new(), reserved: Mutex::default() })
    }

    /// The message that ended the connection, if one did.
    pub(super) fn refused(&self) -> Option<Oversize> {
        self.refused.get().copied()
    }

    /// The reservation of a row that was read: the bytes of its values and their number.
    pub(super) fn take_reservation(&self, bytes: usize, columns: usize) -> Option<Reservation> {
        let length = message_length(bytes, columns);
        if length < LARGE_ROW_BYTES {
            return None;
        }
        let mut reserved = self.reserved();
        let place = reserved.iter().position(|(reserved, _)| *reserved == length)?;
        reserved.drain(..=place).next_back().map(|(_, reservation)| reservation)
    }

    fn reserved(&self) -> MutexGuard<'_, VecDeque<(usize, Reservation)>> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a row's header says of its length: itself, the number of values, a length for each.
fn message_length(bytes: usize, columns: usize) -> usize {
    bytes + 4 + 2 + 4 * columns
}

/// Follows the messages of a stream by their headers.
#[derive(Debug, Default)]
struct MessageMeter {
    header: Vec<u8>,
    /// Bytes of the current message that are still to come.
    left: u64,
    parameters: u64,
    /// A length that cannot be: the driver says so itself.
    malformed: bool,
}

impl MessageMeter {
    /// Looks at the next bytes; large rows that begin in them are added to `large`.
    fn follow(
        &mut self,
        mut bytes: &[u8],
        max_row_bytes: u64,
        large: &mut VecDeque<usize>,
    ) -> Result<(), Oversize> {
        while !bytes.is_empty() && !self.malformed {
            let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= skipped as u64;
            bytes = &bytes[skipped..];
            let wanted = (5 - self.header.len()).min(bytes.len());
            self.header.extend_from_slice(&bytes[..wanted]);
            bytes = &bytes[wanted..];
            let [tag, a, b, c, d] = self.header[..] else { continue };
            self.header.clear();
            let length = u32::from_be_bytes([a, b, c, d]);
            if !(4..=i32::MAX as u32).contains(&length) {
                self.malformed = true;
                return Ok(());
            }
            self.check(tag, length.into(), max_row_bytes)?;
            if tag == DATA_ROW && length as usize >= LARGE_ROW_BYTES {
                large.push_back(length as usize);
            }
            self.left = u64::from(length) - 4;
        }
        Ok(())
    }

    fn check(&mut self, tag: u8, bytes: u64, max_row_bytes: u64) -> Result<(), Oversize> {
        let (what, limit, counted) = match tag {
            DATA_ROW => {
                (OversizeMessage::Row, max_row_bytes, bytes.saturating_sub(ROW_OVERHEAD_BYTES))
            }
            PARAMETER_STATUS => {
                self.parameters += bytes;
                (OversizeMessage::Other, MAX_PARAMETERS_BYTES, self.parameters)
            }
            ERROR_RESPONSE => (OversizeMessage::Error, MAX_OTHER_BYTES, bytes),
            _ => (OversizeMessage::Other, MAX_OTHER_BYTES, bytes),
        };
        if counted > limit { Err(Oversize { what, bytes, limit }) } else { Ok(()) }
    }
}

type Reserving = Pin<Box<dyn Future<Output = Reservation> + Send>>;

/// A stream of the database whose messages are looked at.
pub(super) struct MeteredStream<S> {
    inner: S,
    wire: Arc<Wire>,
    meter: MessageMeter,
    large: VecDeque<usize>,
    reserving: Option<(usize, Reserving)>,
}

impl<S> MeteredStream<S> {
    pub(super) fn new(inner: S, wire: Arc<Wire>) -> Self {
        let meter = MessageMeter::default();
        Self { inner, wire, meter, large: VecDeque::new(), reserving: None }
    }

    /// Waits until the rows that have begun have their memory.
    fn poll_reserve(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(budget) = &self.wire.limits.budget else {
            self.large.clear();
            return Poll::Ready(());
        };
        loop {
            if let Some((length, reserving)) = &mut self.reserving {
                let reservation = ready!(reserving.as_mut().poll(cx));
                self.wire.reserved().push_back((*length, reservation));
                self.reserving = None;
            }
            let Some(length) = self.large.pop_front() else { return Poll::Ready(()) };
            self.reserving = Some((length, Box::pin(budget.clone().reserve(length))));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MeteredStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_reserve(cx));
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        let read = &buf.filled()[before..];
        let max_row_bytes = this.wire.limits.max_row_bytes;
        if let Err(oversize) = this.meter.follow(read, max_row_bytes, &mut this.large) {
            let first = *this.wire.refused.get_or_init(|| oversize);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, first)));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MeteredStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for MeteredStream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

#[cfg(test)]
mod tests {
    use super::{LARGE_ROW_BYTES, MessageMeter, Oversize, OversizeMessage, message_length};
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn message(tag: u8, contents: usize) -> Vec<u8> {
        let length = u32::try_from(contents + 4).unwrap();
        let mut message = vec![tag];
        message.extend(length.to_be_bytes());
        message.resize(message.len() + contents, b'D');
        message
    }

    fn follow(bytes: &[u8], piece: usize) -> (Result<(), Oversize>, VecDeque<usize>) {
        let (mut meter, mut large) = (MessageMeter::default(), VecDeque::new());
        let mut pieces = bytes.chunks(piece);
        let followed = pieces.try_for_each(|piece| meter.follow(piece, 1 << 20, &mut large));
        (followed, large)
    }

    #[test]
    fn only_the_header_of_an_oversize_message_is_needed() {
        let mut bytes = message(b'T', 20);
        bytes.extend([b'D', 0x3b, 0x9a, 0xca, 0x0a]);
        let refused = follow(&bytes, 7).0.unwrap_err();
        assert_eq!((refused.what, refused.bytes), (OversizeMessage::Row, 1_000_000_010));
        let refused = follow(&message(b'E', 2 << 20)[..5], 1).0.unwrap_err();
        assert_eq!(refused.what, OversizeMessage::Error);
    }

    #[test]
    fn reports_of_settings_are_added_up() {
        let many = message(b'S', 600).repeat(2000);
        assert_eq!(follow(&many, 4096).0.unwrap_err().what, OversizeMessage::Other);
        assert_eq!(follow(&message(b'N', 600).repeat(2000), 4096).0, Ok(()));
    }

    #[test]
    fn a_length_that_cannot_be_is_left_to_the_driver() {
        for length in [0_u32, 3, u32::MAX, 1 << 31] {
            let mut bytes = vec![b'D'];
            bytes.extend(length.to_be_bytes());
            bytes.extend([0; 100]);
            assert_eq!(follow(&bytes, 3).0, Ok(()));
        }
    }

    proptest! {
        #[test]
        fn large_rows_are_found_however_the_bytes_come(
            sizes in prop::collection::vec(0_usize..2 * LARGE_ROW_BYTES, 0..4),
            piece in 1_usize..100_000,
        ) {
            let mut bytes = Vec::new();
            for size in &sizes {
                bytes.extend(message(b'D', message_length(*size, 1) - 4));
                bytes.extend(message(b'Z', 1));
            }
            let large: VecDeque<usize> = sizes
                .iter()
                .map(|size| message_length(*size, 1))
                .filter(|length| *length >= LARGE_ROW_BYTES)
                .collect();
            prop_assert_eq!(follow(&bytes, piece), (Ok(()), large));
        }
    }
}
