//! What answers at a database's address, and is none: each ends within its limit, with words.

use crate::support::{Ran, Toygres};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A message of the protocol.
fn message(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len() + 4).unwrap();
    [&[tag], length.to_be_bytes().as_slice(), contents].concat()
}

fn text(name: &str, value: &str) -> Vec<u8> {
    format!("{name}\0{value}\0").into_bytes()
}

/// What a server says when a session begins.
fn greeting() -> Vec<u8> {
    [message(b'R', &[0; 4]), message(b'S', &text("is_superuser", "off")), ready()].concat()
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

/// Takes one connection: refuses TLS, reads how it begins, and says `begun`; whatever comes then is
/// answered with `answer`, without end where that has none.
fn server(
    begun: Vec<u8>,
    answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut taken = || -> std::io::Result<()> {
                let mut length = [0; 4];
                loop {
                    stream.read_exact(&mut length)?;
                    let mut rest = vec![0; u32::from_be_bytes(length) as usize - 4];
                    stream.read_exact(&mut rest)?;
                    match rest.as_slice() {
                        [4, 210, 22, 47] => stream.write_all(b"N")?,
                        _ => break,
                    }
                }
                stream.write_all(&begun)?;
                let mut some = [0; 1024];
                while stream.read(&mut some)? > 0 {
                    answer(&mut stream)?;
                }
                Ok(())
            };
            // Whoever was refused has gone.
            let _gone = taken();
        }
    });
    format!("postgres://u@{address}/d")
}

fn ask(url: &str) -> Ran {
    let began = Instant::now();
    let ran = Toygres::on(url)
        .args(["server", "db-query", "SELECT 1", "--timeout", "1s", "-o", "json", "--limit", "0"])
        .run();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}: {ran:?}", began.elapsed());
    ran
}

/// Bytes again and again.
fn endless(bytes: Vec<u8>) -> impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static {
    let many = bytes.repeat(100);
    move |stream| {
        loop {
            stream.write_all(&many)?;
        }
    }
}

fn once(bytes: Vec<u8>) -> impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static {
    move |stream| stream.write_all(&bytes)
}

#[test]
fn a_session_that_does_not_begin_is_given_up() {
    let parameters: Vec<u8> =
        (0..100_000).flat_map(|n| message(b'S', &text(&format!("p{n}"), "value"))).collect();
    let begun = [message(b'R', &[0; 4]), parameters].concat();
    ask(&server(begun, once(Vec::new()))).code(4).says("cannot be reached").says("limit");
    let huge = [b'E', 0x7f, 0xff, 0xff, 0xff].to_vec();
    ask(&server(huge, once(Vec::new()))).code(4).says("cannot be reached").says("limit");
    for length in [0_u32, 3, 1 << 31, u32::MAX] {
        let wrong = [b"R".as_slice(), &length.to_be_bytes(), &[0; 64]].concat();
        ask(&server(wrong, once(Vec::new()))).code(4).says("cannot be reached");
    }
}

#[test]
fn an_answer_without_an_end_ends_in_time() {
    let row = message(b'D', &[0, 1, 0, 0, 0, 1, b'1']);
    for bytes in [
        message(b'N', b"SNOTICE\0C00000\0Mmany\0\0"),
        message(b'A', &[&[0; 4], text("channel", "text").as_slice()].concat()),
        row,
    ] {
        let ran = ask(&server(greeting(), endless(bytes.clone())));
        assert!(matches!(ran.code, 4 | 7), "{:?}: {ran:?}", bytes[0] as char);
    }
    let many = (0..1000).flat_map(|n| message(b'S', &text(&format!("p{n}"), &"v".repeat(1000))));
    ask(&server(greeting(), endless(many.collect()))).code(4).says("cannot be read").says("limit");
}

#[test]
fn a_message_that_claims_too_much_is_not_waited_for() {
    for (tag, says) in [(b'D', "too large"), (b'E', "is not read"), (b'T', "cannot be read")] {
        let huge = [tag, 0x7f, 0xff, 0xff, 0xff].to_vec();
        ask(&server(greeting(), once(huge))).says(says);
    }
    for length in [0_u32, 3, 1 << 31, u32::MAX] {
        let wrong = [b"D".as_slice(), &length.to_be_bytes(), &[0; 64]].concat();
        ask(&server(greeting(), once(wrong))).code(4);
    }
}
