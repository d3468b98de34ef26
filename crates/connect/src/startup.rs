//! What the server says until a session has begun, as far as the driver does not tell: the way of
//! authentication that it asks for, and the process that it names.

use crate::target::{AuthMethod, RequiredAuth};
use std::io;
use std::sync::{Mutex, PoisonError};

/// Follows the messages of a server until it is ready.
#[derive(Debug)]
pub(crate) struct StartupWatch {
    required: Option<RequiredAuth>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ready: bool,
    /// A message's tag and length, and the first eight bytes of what it holds.
    head: Vec<u8>,
    /// Bytes of the message that are still to come.
    left: u64,
    asked: Option<AuthMethod>,
    refused: Option<AuthMethod>,
    process: Option<i32>,
}

const TAG_AND_LENGTH: usize = 5;

impl StartupWatch {
    pub(crate) fn new(required: Option<RequiredAuth>) -> Self {
        Self { required, state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way of authentication that the server asked for.
    pub(crate) fn asked(&self) -> Option<AuthMethod> {
        self.state().asked
    }

    /// The one that `require_auth` does not accept.
    pub(crate) fn refused(&self) -> Option<AuthMethod> {
        self.state().refused
    }

    /// The process that the server names for this session.
    pub(crate) fn process(&self) -> Option<i32> {
        self.state().process
    }

    /// Looks at what came in.
    ///
    /// # Errors
    /// Where the server asks for what is not accepted, before anything is answered to it.
    pub(crate) fn follow(&self, mut bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        while !state.ready {
            if state.head.len() < TAG_AND_LENGTH {
                let Some((byte, rest)) = bytes.split_first() else { break };
                state.head.push(*byte);
                bytes = rest;
                if let [tag, a, b, c, d] = *state.head {
                    let length = u32::from_be_bytes([a, b, c, d]);
                    state.left = u64::from(length).saturating_sub(4);
                    state.ready = tag == b'Z';
                }
                continue;
            }
            let wanted = TAG_AND_LENGTH + 8;
            if state.left > 0 {
                let Some((byte, rest)) = bytes.split_first() else { break };
                if state.head.len() < wanted {
                    state.head.push(*byte);
                    state.left -= 1;
                    bytes = rest;
                } else {
                    let skipped =
                        usize::try_from(state.left).unwrap_or(usize::MAX).min(bytes.len());
                    state.left -= skipped as u64;
                    bytes = &bytes[skipped..];
                }
            }
            if state.left == 0 {
                let message = std::mem::take(&mut state.head);
                self.take(&mut state, &message)?;
            }
        }
        Ok(())
    }

    fn take(&self, state: &mut State, message: &[u8]) -> io::Result<()> {
        let number = |at: usize| -> Option<i32> {
            message.get(at..at + 4)?.try_into().ok().map(i32::from_be_bytes)
        };
        match message.first() {
            Some(b'K') => state.process = number(TAG_AND_LENGTH),
            Some(b'R') => {
                let method = match number(TAG_AND_LENGTH) {
                    Some(0) if state.asked.is_none() => AuthMethod::None,
                    Some(3) => AuthMethod::Password,
                    Some(5) => AuthMethod::Md5,
                    Some(7) => AuthMethod::Gss,
                    Some(9) => AuthMethod::Sspi,
                    Some(10) => AuthMethod::Scram,
                    _ => return Ok(()),
                };
                state.asked = Some(method);
                if self.required.as_ref().is_some_and(|required| !required.allows(method)) {
                    state.refused = Some(method);
                    return Err(io::Error::from(io::ErrorKind::PermissionDenied));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::StartupWatch;
    use crate::target::{AuthMethod, RequiredAuth};

    fn greeting() -> Vec<u8> {
        let mut bytes = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0".to_vec();
        bytes.extend(b"R\0\0\0\x08\0\0\0\0");
        bytes.extend(b"S\0\0\0\x0ba\0bcdef");
        bytes.extend(b"K\0\0\0\x0c\0\0\0\x07\0\0\0\0");
        bytes.extend(b"Z\0\0\0\x05IR\0\0\0\x08\0\0\0\x03");
        bytes
    }

    #[test]
    fn the_method_and_the_process_are_seen_however_the_bytes_come() {
        for size in 1..40 {
            let watch = StartupWatch::new(None);
            for piece in greeting().chunks(size) {
                watch.follow(piece).unwrap();
            }
            assert_eq!(watch.asked(), Some(AuthMethod::Scram));
            assert_eq!(watch.process(), Some(7));
        }
    }

    #[test]
    fn what_is_not_accepted_is_refused_before_it_is_answered() {
        let only = |negated, method| Some(RequiredAuth { negated, methods: vec![method] });
        let refuses = |required| StartupWatch::new(required).follow(&greeting()[..24]).is_err();
        assert!(refuses(only(false, AuthMethod::Md5)));
        assert!(!refuses(only(false, AuthMethod::Scram)));
        assert!(refuses(only(true, AuthMethod::Scram)));
        assert!(!refuses(only(true, AuthMethod::Password)));
    }
}
