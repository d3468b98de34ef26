//! Files beside what is linked in.

use crate::both::Both;
use serde_json::Value;
use toygres_tests::toygres;

/// Who packaged the binary chose its plugins: no file takes the place of one.
#[test]
fn a_file_does_not_replace_what_is_linked_in() {
    let both = Both::new();
    let folder = toygres::plugins().display().to_string();
    let list = ["plugin", "list", "-o", "json", "--plugin-dir", &folder];
    let list = both.run(&both.linked, &list);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    let rows: Vec<&Value> =
        list.as_array().unwrap().iter().filter(|row| row["name"] == "config").collect();
    let said: Vec<_> = rows.iter().map(|row| (&row["origin"], &row["status"])).collect();
    let (bundled, flag) = (Value::from("bundled"), Value::from("--plugin-dir"));
    let (ok, shadowed) = (Value::from("ok"), Value::from("shadowed"));
    assert_eq!(said, [(&bundled, &ok), (&flag, &shadowed)]);
    assert!(rows[1]["message"].as_str().is_some_and(|said| said.contains("toygres-bundled")));

    let which = ["plugin", "which", "server", "config", "-o", "json", "--plugin-dir", &folder];
    let which: Value = serde_json::from_str(&both.run(&both.linked, &which).stdout).unwrap();
    assert_eq!(which["origin"], "bundled");
}

/// A private plugin works beside them.
#[test]
fn other_files_are_opened() {
    use std::os::unix::fs::PermissionsExt;
    let both = Both::new();
    let file = both.home().join("no-plugins/bad.so");
    std::fs::copy(toygres::bad_plugin(), &file).unwrap();
    for (path, mode) in [(file.as_path(), 0o644), (file.parent().unwrap(), 0o755)] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    let ran = both.run(&both.linked, &["server", "bad", "--fault", "none"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let ran = both.run(&both.linked, &["server", "env"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}
