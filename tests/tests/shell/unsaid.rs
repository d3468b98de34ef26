//! What is never said again: words that may be a password whose option was forgotten, or that a
//! blank has cut in two.

use super::support::Toygres;

const CANARY: &str = "Tr0ub4dor";

#[test]
fn what_may_be_a_password_is_not_repeated() {
    for words in [
        &["create", "a", "--password", "--Tr0ub4dor"][..],
        &["create", "a", "--password", "-Tr0ub4dor"],
        &["create", "a", "--password=-Tr0ub4dor", "more-Tr0ub4dor"],
        &["create", "a", "--password", "x", "Tr0ub4dor-y"],
        &["create", "a", "Tr0ub4dor-y"],
        &["create", "a", "--Tr0ub4dor"],
        &["create", "a", "-Tr0ub4dor"],
        &["create", "a", "--passwrd", "Tr0ub4dor"],
        &["create", "a", "--passwrd=Tr0ub4dor"],
        &["create", "a", "--passwordTr0ub4dor"],
        &["create", "a", "--wait=Tr0ub4dor"],
        &["create", "a", "-- Tr0ub4dor"],
        &["server", "drift", "--database-url", "postgres://u:a", "Tr0ub4dor@h/d"],
        &["server", "drift", "--database-url=postgres://u:a", "Tr0ub4dor@h/d"],
    ] {
        for format in ["table", "json"] {
            let ran = Toygres::new().args(words.iter().copied()).args(["-o", format]).run();
            assert_ne!(ran.code, 0, "{words:?}: {ran:#?}");
            for letters in [CANARY, "`-T`"] {
                assert!(!ran.stderr.contains(letters), "{words:?}: {ran:#?}");
            }
            assert_eq!(ran.stdout, "", "{words:?}");
        }
    }
    // Taken as the password that it is: it is only the API that does not answer.
    let ran = Toygres::new().args(["create", "a", "--password", "--Tr0ub4dor1"]).run().code(4);
    assert!(!ran.stderr.contains(CANARY), "{ran:#?}");
}

#[test]
fn the_place_is_said_and_what_was_perhaps_meant() {
    let ran = Toygres::new().args(["create", "a", "b"]).run().code(2);
    ran.says("unexpected argument at position 3").says("right behind its option");
    let ran = Toygres::new().args(["create", "a", "--passwrd", "b"]).run().code(2);
    ran.says("a similar argument exists: `--password`").says("see `toygres create --help`");
    // A command without secrets says what it does not know.
    let ran = Toygres::new().args(["server", "drift", "b"]).run().code(2);
    ran.says("unexpected argument `b` found");
}

#[test]
fn texts_of_options_may_begin_with_a_dash() {
    for words in [
        &["server", "logs", "--grep", "-x"][..],
        &["server", "orchestrations", "--error-contains", "-1"],
        &["server", "orchestrations", "--error-contains", "--status"],
    ] {
        let ran = Toygres::new().args(words.iter().copied()).run();
        assert_ne!(ran.code, 2, "{words:?}: {ran:#?}");
    }
    let ran = Toygres::new().args(["server", "orchestrations", "--error-contains"]).run().code(2);
    ran.says("a value is required for `--error-contains <TEXT>` but none was supplied");
}
