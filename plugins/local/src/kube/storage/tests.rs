use super::Store;
use crate::kube::resource::{CONFIG_MAP, Key, SECRET};
use crate::kube::status::ApiError;
use serde_json::{Value, json};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn map(name: &str, value: u64) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "n", "uid": name},
        "data": {"a": value.to_string()},
    })
}

fn put(store: &Store, name: &str, value: u64) -> Arc<Value> {
    store.write(|transaction| transaction.put(&CONFIG_MAP, map(name, value))).unwrap()
}

fn remove(store: &Store, name: &str) {
    let key = Key::new(&CONFIG_MAP, "n", name);
    store.write(|transaction| transaction.remove(&key)).unwrap().unwrap();
}

/// Opens a store that may have been closed a moment ago: a process that another test is starting
/// holds a copy of its lock until it runs its own program.
fn open(folder: &Path) -> Store {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match Store::open(folder) {
            Err(error) if error.kind() == ErrorKind::ResourceBusy && Instant::now() < deadline => {
                std::thread::yield_now();
            }
            opened => return opened.unwrap(),
        }
    }
}

/// The version and all objects.
fn content(store: &Store) -> (u64, Vec<Value>) {
    store.read(|state| {
        let objects = state.list(&CONFIG_MAP, None).map(|object| Value::clone(object)).collect();
        (state.version(), objects)
    })
}

/// The states that a store goes through, from an empty one.
fn fill(folder: &Path) -> Vec<(u64, Vec<Value>)> {
    let store = open(folder);
    let mut states = vec![content(&store)];
    for step in 0..5 {
        if step % 4 == 3 {
            remove(&store, "b");
        } else {
            put(&store, ["a", "b", "c"][step % 3], step as u64);
            if step % 4 == 2 {
                states.push(content(&store));
                put(&store, "b", step as u64);
            }
        }
        states.push(content(&store));
    }
    states
}

#[test]
fn what_is_left_of_a_journal_cut_at_any_byte_is_what_was_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let states = fill(folder.path());
    let journal = fs::read(folder.path().join("journal.jsonl")).unwrap();
    for length in 0..=journal.len() {
        let copy = tempfile::tempdir().unwrap();
        fs::write(copy.path().join("journal.jsonl"), &journal[..length]).unwrap();
        let store = open(copy.path());
        let lines = journal[..length].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(content(&store), states[lines], "cut at {length}");
        // It goes on as if nothing had been there.
        put(&store, "later", 1);
        let expected = content(&store);
        drop(store);
        assert_eq!(content(&open(copy.path())), expected);
    }
}

#[test]
fn a_damaged_line_is_no_torn_one() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let path = folder.path().join("journal.jsonl");
    let journal = fs::read_to_string(&path).unwrap();
    fs::write(&path, journal.replacen("ConfigMap", "ConfigMop", 1)).unwrap();
    assert!(Store::open(folder.path()).is_err());
    fs::write(&path, journal.replacen('{', "[", 1)).unwrap();
    assert!(Store::open(folder.path()).is_err());
}

#[test]
fn a_snapshot_holds_all_and_its_journal_may_still_be_there() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let path = folder.path().join("journal.jsonl");
    let before = fs::read(&path).unwrap();
    let store = open(folder.path());
    let expected = content(&store);
    store.compact().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    assert_eq!(content(&store), expected);
    put(&store, "after", 1);
    let later = content(&store);
    drop(store);
    let after = fs::read(&path).unwrap();
    assert_eq!(content(&open(folder.path())), later);
    // As after a crash between the snapshot and the emptying of the journal.
    fs::write(&path, [before, after].concat()).unwrap();
    assert_eq!(content(&open(folder.path())), later);
    // A snapshot that was not finished is none.
    fs::write(folder.path().join("snapshot.new"), "{").unwrap();
    assert_eq!(content(&open(folder.path())), later);
}

#[test]
fn a_snapshot_that_lost_lines_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let store = open(folder.path());
    store.compact().unwrap();
    drop(store);
    let path = folder.path().join("snapshot.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let less: Vec<_> = whole.lines().take(2).collect();
    fs::write(&path, less.join("\n") + "\n").unwrap();
    assert!(Store::open(folder.path()).is_err());
}

#[test]
fn a_list_of_a_moment_that_has_passed_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let states = fill(folder.path());
    let store = open(folder.path());
    for (version, expected) in states {
        let then = store.read(|state| state.list_at(&CONFIG_MAP, Some("n"), version)).unwrap();
        let then: Vec<_> = then.iter().map(|object| Value::clone(object)).collect();
        assert_eq!(then, expected, "at {version}");
    }
}

#[test]
fn what_lies_too_far_back_has_expired() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, "a", 0);
    let changes = 10_050;
    store
        .write(|transaction| {
            (0..changes)
                .try_for_each(|value| transaction.put(&CONFIG_MAP, map("b", value)).map(|_| ()))
        })
        .unwrap();
    store.read(|state| {
        let expired = state.changes_after(1).err().unwrap();
        assert_eq!((expired.wanted, expired.oldest), (1, 51));
        assert_eq!(state.changes_after(51).unwrap().count(), 10_000);
        assert!(state.list_at(&CONFIG_MAP, None, 50).is_err());
    });
}

#[test]
fn what_is_done_before_a_refusal_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let refused: Result<(), _> = store.write(|transaction| {
        transaction.put(&CONFIG_MAP, map("a", 1))?;
        Err(ApiError::bad_request("no"))
    });
    assert_eq!(refused.unwrap_err().code, 400);
    let expected = content(&store);
    assert_eq!(expected.1.len(), 1);
    drop(store);
    assert_eq!(content(&open(folder.path())), expected);
}

#[test]
fn many_write_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for value in 0..25 {
                    put(store, &format!("t{thread}-{value}"), value);
                }
            });
        }
    });
    let expected = content(&store);
    assert_eq!((expected.0, expected.1.len()), (200, 200));
    drop(store);
    assert_eq!(content(&open(folder.path())), expected);
}

#[test]
fn what_a_secret_held_is_cleared_from_the_files() {
    let secret = |value: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "s", "namespace": "n", "uid": "s"}, "data": {"password": value},
        })
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |store: &Store, value: &str| {
        store.write(|transaction| transaction.put(&SECRET, secret(value))).unwrap();
    };
    let due = |store: &Store| store.upkeep().borrow().compact;
    let holds = |value: &str| {
        ["journal.jsonl", "snapshot.jsonl"].iter().any(|name| {
            let text = fs::read_to_string(folder.path().join(name)).unwrap_or_default();
            text.contains(value)
        })
    };
    let store = open(folder.path());
    write(&store, "canary-1");
    write(&store, "canary-1");
    assert!(!due(&store), "nothing of it is gone");
    write(&store, "canary-2");
    assert!(due(&store));
    store.compact().unwrap();
    assert!(!due(&store) && !holds("canary-1") && holds("canary-2"));
    let key = Key::new(&SECRET, "n", "s");
    store.write(|transaction| transaction.remove(&key)).unwrap();
    // Whoever was killed before it was done leaves it to the next one.
    drop(store);
    let store = open(folder.path());
    assert!(due(&store) && holds("canary-2"));
    store.compact().unwrap();
    assert!(!holds("canary-2"));
    drop(store);
    assert!(!due(&open(folder.path())));
}
