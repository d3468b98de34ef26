//! Who answers for a library: signatures of pinned keys, and digests.

use super::home::{BAD, Home, NEWER, RUN, ran};
use minisign::KeyPair;
use std::fs;
use std::io::Cursor;

/// A signer of the test's own.
pub(crate) struct Signer {
    pair: KeyPair,
    pub(crate) public: String,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        let public = pair.pk.to_base64();
        Self { pair, public }
    }

    /// What `FILE.minisig` holds.
    pub(crate) fn sign(&self, bytes: &[u8]) -> String {
        let comment = Some("version:0.1.0 of the team");
        minisign::sign(None, &self.pair.sk, Cursor::new(bytes), comment, None)
            .unwrap()
            .into_string()
    }
}

#[test]
fn a_pinned_key_has_to_have_signed_what_comes_from_its_source() {
    let home = Home::new();
    let (signer, other) = (Signer::new(), Signer::new());
    let pinned = format!(
        "[[plugins.keys]]\nsource = \"{}/\"\nkey = \"{}\"\n",
        home.files().canonicalize().unwrap().display(),
        signer.public
    );
    fs::write(home.path().join("config.toml"), pinned).unwrap();
    let file = home.file("bad.so", &BAD);
    let install = ["plugin", "install", file.as_str()];

    let unsigned = home.run(&install);
    assert_eq!(unsigned.code, Some(8), "{}", unsigned.stderr);
    assert!(unsigned.stderr.contains("is not signed"), "{}", unsigned.stderr);
    home.file("bad.so.minisig", other.sign(&BAD).as_bytes());
    let wrong = home.run(&install);
    assert_eq!(wrong.code, Some(8), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("key that is not pinned"), "{}", wrong.stderr);
    home.file("bad.so.minisig", signer.sign(&NEWER).as_bytes());
    let damaged = home.run(&install);
    assert_eq!(damaged.code, Some(8), "{}", damaged.stderr);
    assert!(damaged.stderr.contains("no good"), "{}", damaged.stderr);
    assert_eq!(home.json(&["plugin", "list"]), serde_json::json!([]));

    home.file("bad.so.minisig", signer.sign(&BAD).as_bytes());
    let done = home.run(&["plugin", "install", &file, "-o", "json"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("version:0.1.0 of the team"), "{}", done.stderr);
    let row = home.row("bad");
    assert_eq!(row["signer"], signer.public.as_str());
    home.well(RUN);

    // What was signed is not replaced by what nobody signed, wherever that lies.
    fs::write(home.path().join("config.toml"), "").unwrap();
    let newer = home.file("newer.so", &NEWER);
    let refused = home.run(&["plugin", "install", &newer]);
    assert_eq!(refused.code, Some(6), "{}", refused.stderr);
    home.file("newer.so.minisig", signer.sign(&NEWER).as_bytes());
    home.well(&["plugin", "install", &newer, "--key", &signer.public]);
    assert_eq!(home.row("bad")["version"], "0.2.0");
}

#[test]
fn a_file_that_others_may_write_is_taken_by_its_digest_alone() {
    let home = Home::new();
    let file = home.file("bad.so", &BAD);
    super::home::mode(&file, 0o666);
    assert_eq!(home.run(&["plugin", "install", &file]).code, Some(8));
    let sum = ran(std::process::Command::new("sha256sum").arg(&file)).stdout;
    let digest = sum.split(' ').next().unwrap();
    home.well(&["plugin", "install", &file, "--sha256", digest]);
    home.well(RUN);
    let wrong = home.run(&["plugin", "install", &file, "--sha256", &"0".repeat(64)]);
    assert_eq!(wrong.code, Some(8), "{}", wrong.stderr);
    let none = home.run(&["plugin", "install", &file, "--sha256", "abc"]);
    assert_eq!(none.code, Some(2), "{}", none.stderr);
}
