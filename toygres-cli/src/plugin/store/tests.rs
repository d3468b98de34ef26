//! A change that is stopped anywhere leaves what was or what was to be.

use super::{New, Store};
use crate::plugin::disk::Disk;
use crate::plugin::lock::{Kept, Lock};
use crate::trusted::TrustedOwners;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

type Change = fn(&mut Store) -> toygres_plugin_api::Result<()>;

/// Every change, on a store that has `a` 1.0.0 and 2.0.0 and `b` 1.0.0.
const CHANGES: &[(&str, Change)] = &[
    ("install", |store| put(store, &[("c", "1.0.0")])),
    ("install two", |store| put(store, &[("c", "1.0.0"), ("d", "1.0.0")])),
    ("upgrade", |store| put(store, &[("a", "3.0.0"), ("b", "2.0.0")])),
    ("roll back", |store| {
        let earlier = store.lock().get("a").unwrap().previous[0].sha256.clone();
        store.switch("a", &earlier)
    }),
    ("remove", |store| store.remove("a")),
    ("disable", |store| store.set_disabled("a", true)),
];

fn put(store: &mut Store, plugins: &[(&str, &str)]) -> toygres_plugin_api::Result<()> {
    let bytes: Vec<String> =
        plugins.iter().map(|(name, version)| format!("{name} {version}").repeat(50)).collect();
    let new: Vec<New<'_>> = plugins
        .iter()
        .zip(&bytes)
        .map(|((name, version), bytes)| New {
            name,
            bytes: bytes.as_bytes(),
            kept: Kept {
                version: (*version).to_owned(),
                file: PathBuf::new(),
                sha256: String::new(),
                size: 0,
                source: None,
                signer: None,
                pinned: false,
                target: None,
                installed_at: None,
            },
        })
        .collect();
    store.install(&new)
}

fn home() -> (TempDir, PathBuf) {
    let home = TempDir::new().unwrap();
    let folder = home.path().join("plugins");
    let mut store = Store::open(&folder, &TrustedOwners::default(), || {}).unwrap();
    put(&mut store, &[("a", "1.0.0"), ("b", "1.0.0")]).unwrap();
    put(&mut store, &[("a", "2.0.0")]).unwrap();
    (home, folder)
}

/// What a reader finds; every file that is named is whole.
#[track_caller]
fn found(folder: &Path) -> Lock {
    let lock =
        Lock::read(&folder.with_file_name("plugins.lock"), &TrustedOwners::default()).unwrap();
    for kept in lock.plugins.iter().flat_map(|locked| locked.versions()) {
        let bytes = fs::read(folder.join(&kept.file)).unwrap();
        assert_eq!(crate::digest::of(&bytes), kept.sha256, "{}", kept.file.display());
    }
    lock
}

/// Every file of the home folder, relative to it.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    fn collect(folder: &Path, found: &mut BTreeSet<PathBuf>) {
        for path in super::entries(folder) {
            if path.is_dir() {
                collect(&path, found);
            } else {
                found.insert(path);
            }
        }
    }
    let mut found = BTreeSet::new();
    collect(folder.parent().unwrap(), &mut found);
    found
}

#[test]
fn a_change_that_is_stopped_anywhere_leaves_the_old_or_the_new() {
    for (what, change) in CHANGES {
        let (_home, folder) = home();
        let before = found(&folder);
        change(&mut Store::open(&folder, &TrustedOwners::default(), || {}).unwrap()).unwrap();
        let after = found(&folder);
        assert_ne!(before, after);
        let mut seen = [0, 0];
        for stop in 0..14 {
            let (_home, folder) = home();
            let disk = Disk::stopping_after(stop);
            let done = Store::open_on(disk, &folder, &TrustedOwners::default(), || {})
                .and_then(|mut store| change(&mut store));
            let now = found(&folder);
            assert!(now == before || now == after, "{what}, stopped after {stop}: {now:?}");
            assert!(done.is_err() || now == after, "{what}, stopped after {stop}: done, but not");
            seen[usize::from(now == after)] += 1;
            // What was left behind is gone with the next command, and nothing else.
            drop(Store::open(&folder, &TrustedOwners::default(), || {}).unwrap());
            assert_eq!(found(&folder), now);
            let named = now.files().into_iter().map(|file| folder.join(file));
            let kept = [folder.with_file_name("plugins.lock"), folder.join(".guard")];
            assert_eq!(files(&folder), named.chain(kept).collect(), "{what} after {stop}");
            // And the same change can be made.
            change(&mut Store::open(&folder, &TrustedOwners::default(), || {}).unwrap()).unwrap();
        }
        assert!(seen[0] > 0 && seen[1] > 0, "{what}: {seen:?}");
    }
}

#[test]
fn a_change_that_fails_leaves_no_file_behind() {
    for (what, change) in CHANGES {
        for stop in 0..6 {
            let (_home, folder) = home();
            let (before, there) = (found(&folder), files(&folder));
            let failing = Disk::failing_at(stop);
            let done = Store::open_on(failing, &folder, &TrustedOwners::default(), || {})
                .and_then(|mut store| change(&mut store));
            if done.is_err() {
                assert_eq!(found(&folder), before, "{what} at {stop}");
                assert_eq!(files(&folder), there, "{what} at {stop}");
            }
        }
    }
}

#[test]
fn versions_are_kept_so_many_and_an_old_one_comes_back_whole() {
    let (_home, folder) = home();
    let mut store = Store::open(&folder, &TrustedOwners::default(), || {}).unwrap();
    for version in 3..20 {
        put(&mut store, &[("a", &format!("{version}.0.0"))]).unwrap();
    }
    let locked = found(&folder).get("a").unwrap().clone();
    assert_eq!(locked.previous.len(), super::KEPT);
    assert_eq!(locked.previous[0].version, "18.0.0");
    let path = store.path(&locked.current);
    fs::write(&path, "changed").unwrap();
    put(&mut store, &[("a", "19.0.0")]).unwrap();
    assert_eq!(found(&folder).get("a").unwrap(), &locked);
}

#[test]
fn whoever_comes_second_waits_and_loses_nothing() {
    let (_home, folder) = home();
    let names: Vec<String> = (0..8).map(|n| format!("p{n}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            let folder = folder.clone();
            scope.spawn(move || {
                let mut store = Store::open(&folder, &TrustedOwners::default(), || {}).unwrap();
                put(&mut store, &[(name, "1.0.0")]).unwrap();
            });
        }
    });
    let lock = found(&folder);
    assert!(names.iter().all(|name| lock.get(name).is_some()), "{lock:?}");
}
