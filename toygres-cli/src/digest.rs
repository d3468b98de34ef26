//! SHA-256 as 64 hexadecimal digits.

use sha2::{Digest as _, Sha256};
use std::io::{self, Read};

/// The digest of bytes.
#[must_use]
pub fn of(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).as_ref())
}

/// The digest of what a reader gives to its end, and how many bytes that were.
///
/// # Errors
/// When it cannot be read.
pub fn of_reader(mut reader: impl Read) -> io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((hex(hasher.finalize().as_ref()), size)),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                size += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|four| char::from_digit(four.into(), 16));
    bytes.iter().flat_map(digits).flatten().collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_digest_is_the_one_that_sha256sum_prints() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(super::of(b"abc"), known);
        assert_eq!(super::of_reader(&b"abc"[..]).unwrap(), (known.to_owned(), 3));
    }
}
