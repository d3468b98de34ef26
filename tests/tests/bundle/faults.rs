//! Breaking is the same too, though a plugin that is linked in shares its standard library, and so
//! its panic hook, with the host.

use crate::both::Both;

#[test]
fn every_way_to_break() {
    let both = Both::misbehaving();
    for (fault, code) in [
        ("none", 0),
        ("panic", 8),
        ("panic-in-task", 8),
        ("panic-in-drop", 8),
        ("panic-in-task-drop", 8),
        ("panic-without-words", 8),
        ("exit", 8),
        ("crash", 8),
        ("abort", 8),
        ("stack-overflow", 8),
        ("ask", 8),
        ("error", 9),
    ] {
        for format in ["table", "json"] {
            both.same_with(&["server", "bad", "--fault", fault, "-o", format], code);
        }
    }
}
