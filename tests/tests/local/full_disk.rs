//! A disk that was full while things were deleted: what should have followed is done once there is
//! room, by the daemon that saw it or by the next one.

use crate::home::{Home, database};
use crate::processes::{kill, pid};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use toygres_tests::wait;

/// A home on a small disk of its own.
struct SmallDisk {
    home: Home,
    fill: PathBuf,
    // After the home, which lies on it.
    _mount: Mount,
}

/// A file system in memory; it goes with this value.
struct Mount {
    folder: tempfile::TempDir,
}

impl Mount {
    /// None, and a word on stderr, where we may not mount one.
    fn of_megabytes(size: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}m,mode=755");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self { folder });
        }
        eprintln!("passed over: no small disk can be mounted here");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

impl SmallDisk {
    fn new() -> Option<Self> {
        let mount = Mount::of_megabytes(400)?;
        let home = Home::below(mount.folder.path());
        let fill = mount.folder.path().join("fill");
        Some(Self { home, fill, _mount: mount })
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        let mut file = fs::File::create(&self.fill).unwrap();
        let block = vec![0; 1 << 16];
        for size in [1 << 16, 1 << 10, 1] {
            while file.write_all(&block[..size]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(&self.fill).unwrap();
    }
}

/// Deletes the objects of a database while nothing can be written, as far as that goes.
fn delete_all(disk: &SmallDisk) {
    for object in
        ["statefulset/mydb", "service/mydb-svc", "secret/mydb-credentials", "pvc/mydb-pvc"]
    {
        let _full = disk.home.kubectl(&["delete", object, "--wait=false"]);
    }
}

/// What of a namespace's objects is left.
fn left(home: &Home) -> String {
    home.kubectl(&["get", "sts,pod,svc,secret,pvc", "-o", "name"]).code(0).stdout
}

fn folders(path: &Path) -> usize {
    fs::read_dir(path).map_or(0, Iterator::count)
}

#[track_caller]
fn goes(disk: &SmallDisk) {
    let mut last = String::new();
    wait::until("everything to go", || {
        delete_all(disk);
        last = left(&disk.home);
        Ok(last.trim().is_empty().then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}: {last}"));
    assert_eq!(folders(&disk.home.path("local/volumes/toygres")), 0);
}

/// The set is deleted, and its pod and claim are not, because of a full disk.
fn interrupted() -> Option<SmallDisk> {
    let disk = SmallDisk::new()?;
    disk.home.up();
    disk.home.apply(&database("mydb", "pass"));
    disk.home.ready("mydb-0");
    disk.fill();
    // Whichever line is the last that there is room for: one more object goes each time.
    let journal = disk.home.path("local/kubernetes/journal.jsonl");
    let _longer = fs::metadata(journal).unwrap().len();
    delete_all(&disk);
    Some(disk)
}

#[test]
fn a_deletion_that_a_full_disk_interrupted_is_gone_on_with() {
    let Some(disk) = interrupted() else { return };
    disk.free();
    goes(&disk);
    // It works as before.
    disk.home.apply(&database("next", "pass"));
    disk.home.ready("next-0");
}

#[test]
fn a_deletion_that_a_full_disk_interrupted_is_gone_on_with_by_the_next_daemon() {
    let Some(disk) = interrupted() else { return };
    kill(pid(&disk.home.status()["daemon"]["pid"]));
    disk.free();
    disk.home.run(&["local", "up", "-o", "json"]).code(0);
    goes(&disk);
}
