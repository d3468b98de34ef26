//! What host and plugins of different ages have to agree on, held against what was written down
//! when it was last agreed on: the layout of the border's types, the methods' numbers, the symbols,
//! and the documents' field names.
//!
//! A difference is a question to whoever makes the change, and `docs/compatibility.md` answers it.
//! What was agreed on anew is written down by:
//!
//! ```text
//! TOYGRES_ACCEPT=1 cargo test -p toygres-plugin-api --test compat
//! ```

mod documents;
mod layout;

use std::path::Path;

/// Compares with a file beside this one, or writes it where that is asked for.
#[track_caller]
fn agreed(name: &str, now: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat").join(name);
    if std::env::var_os("TOYGRES_ACCEPT").is_some() {
        std::fs::write(&path, now).unwrap();
    }
    let before = std::fs::read_to_string(&path).unwrap();
    let (gone, come) = difference(&before, now);
    assert!(
        gone.is_empty() && come.is_empty(),
        "{name} is not as it was agreed on.\n\nno more:\n  {}\n\nnew:\n  {}\n\n\
         Plugins that were built before are opened by this host, and plugins of today by older \
         hosts. Something new at the end of a table of functions, a new number of a method, a new \
         field with a default or a new word in place of a known one may come within the major \
         version; nothing may go or change its meaning. Read docs/compatibility.md; if it allows \
         the change, write it down:\n\n  \
         TOYGRES_ACCEPT=1 cargo test -p toygres-plugin-api --test compat\n",
        gone.join("\n  "),
        come.join("\n  "),
    );
}

/// The lines that are in one text alone, each with the heading it stands below.
fn difference(before: &str, now: &str) -> (Vec<String>, Vec<String>) {
    let (before, now) = (lines(before), lines(now));
    let only = |of: &[String], other: &[String]| {
        of.iter().filter(|line| !other.contains(line)).cloned().collect()
    };
    (only(&before, &now), only(&now, &before))
}

fn lines(text: &str) -> Vec<String> {
    let mut heading = "";
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if line.starts_with(' ') {
            lines.push(format!("{heading}:{line}"));
        } else {
            heading = line;
            lines.push(line.to_owned());
        }
    }
    lines
}

#[test]
fn a_difference_names_where_it_is() {
    let (gone, come) = difference("A\n  x: 1\nB\n  x: 1\n", "A\n  x: 1\nB\n  x: 2\n");
    assert_eq!((gone, come), (vec!["B:  x: 1".to_owned()], vec!["B:  x: 2".to_owned()]));
}
