//! Opens what nobody else could have put there or could exchange.
//!
//! A path is walked from the root, one name after the other, each opened by the descriptor of the
//! folder before it and never by a path again. Every folder on the way and what it leads to must
//! belong to root, to the effective user or to another owner who is trusted by name, and nobody
//! else may write them. So there is no moment at which somebody else could exchange a folder
//! between the check and the use: what was checked is what the descriptor refers to, and who may
//! rename entries of a folder is who may write that folder.
//!
//! - A **sticky** folder (`/tmp`, `/nix/store`) may be passed through: others can make entries of
//!   their own there, but neither rename nor remove ours, and the entry itself is checked next. It
//!   is not good enough as the folder that things are taken from.
//! - A **link** is followed here, not by the kernel: it must belong to somebody trusted itself, and
//!   each name that it leads through is checked as any other. That is how Nix, stow and Homebrew
//!   lay out what they install.
//! - A **group-writable** folder may be passed through where nobody else is in the group: where it
//!   is the owner's private one, as most distributions give each user, or the group of root. It is
//!   not good enough as the folder that things are taken from, either.
//! - A list of further permissions (**ACL**) hides behind the group's bits; where there is one, they
//!   count as those of others.

mod private_group;

use private_group::is_private_group;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawMode, Stat};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// As many links on one path as the kernel follows.
const MAX_LINKS: usize = 40;
/// Others may make entries in such a folder, but neither rename nor remove mine.
const STICKY_BIT: RawMode = 0o1000;
const WRITABLE_BY_GROUP: RawMode = 0o020;
const WRITABLE_BY_OTHERS: RawMode = 0o002;

/// Whose files are trusted: root's, the effective user's, and those of further owners.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedOwners {
    more: Vec<u32>,
}

impl TrustedOwners {
    /// With one more owner, by user id.
    #[must_use]
    pub fn and(mut self, uid: u32) -> Self {
        self.more.push(uid);
        self
    }

    /// With those of others as well.
    #[must_use]
    pub fn with(self, others: &Self) -> Self {
        others.more.iter().fold(self, |owners, uid| owners.and(*uid))
    }

    fn include(&self, uid: u32) -> bool {
        uid == 0 || uid == rustix::process::geteuid().as_raw() || self.more.contains(&uid)
    }
}

/// Why something is not trusted.
#[derive(Debug)]
pub struct Distrust {
    /// The place that is at fault: the file, a link, or a folder above it.
    pub place: PathBuf,
    /// What that place is.
    pub kind: PlaceKind,
    /// What is wrong with it.
    pub reason: DistrustReason,
}

/// What a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// A file, or whatever stands where a file should.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
}

/// What is wrong with a place.
#[derive(Debug)]
pub enum DistrustReason {
    /// The system's answer, such as that it does not exist.
    Io(io::Error),
    /// It belongs to somebody who is not trusted: the user id.
    ForeignOwner(u32),
    /// Others may write it: the permission bits.
    Writable(u32),
    /// A pipe, a device or a folder, where a file should be.
    NotAFile,
    /// Something else, where a folder should be.
    NotAFolder,
    /// Links that lead to links without end.
    TooManyLinks,
}

impl PlaceKind {
    /// As people read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "folder",
            Self::Link => "link",
        }
    }
}

impl Distrust {
    /// Whether nothing is there: neither a file nor a folder that it could lie in.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(&self.reason, DistrustReason::Io(error) if matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        ))
    }

    /// Whether it is about who owns or may write the place.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(self.reason, DistrustReason::ForeignOwner(_) | DistrustReason::Writable(_))
    }

    /// Whether it is a folder such as `/tmp`, which may be passed through and no more.
    #[must_use]
    pub fn is_sticky_folder(&self) -> bool {
        self.kind == PlaceKind::Folder
            && matches!(self.reason, DistrustReason::Writable(mode) if mode & 0o1000 != 0)
    }

    fn new(place: &Path, kind: PlaceKind, reason: DistrustReason) -> Self {
        Self { place: place.to_owned(), kind, reason }
    }

    fn io(place: &Path, kind: PlaceKind, error: impl Into<io::Error>) -> Self {
        Self::new(place, kind, DistrustReason::Io(error.into()))
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, place) = (self.kind.name(), self.place.display());
        match &self.reason {
            DistrustReason::Io(error) => write!(f, "cannot open the {kind} {place}: {error}"),
            DistrustReason::ForeignOwner(uid) => {
                write!(f, "the {kind} {place} belongs to another user (uid {uid})")
            }
            DistrustReason::Writable(mode) => {
                write!(f, "others may write the {kind} {place} (mode {mode:04o})")
            }
            DistrustReason::NotAFile => write!(f, "not a regular file: {place}"),
            DistrustReason::NotAFolder => write!(f, "not a folder: {place}"),
            DistrustReason::TooManyLinks => write!(f, "too many levels of links: {place}"),
        }
    }
}

impl std::error::Error for Distrust {}

/// A regular file that was checked and is open.
#[derive(Debug)]
pub struct TrustedFile {
    /// Its contents, for reading.
    pub file: File,
    /// Where it really lies: absolute, without links.
    pub path: PathBuf,
    /// Its size in bytes when it was opened.
    pub size: u64,
    /// Device and inode: the same file, whatever its name.
    pub id: (u64, u64),
}

/// A folder that was checked and is open.
#[derive(Debug)]
pub struct TrustedFolder {
    descriptor: OwnedFd,
    /// Where it really lies: absolute, without links.
    pub path: PathBuf,
    owners: TrustedOwners,
}

/// Opens a file for reading, and checks it and everything on the way to it.
///
/// # Errors
/// The place that is not trusted or missing, and why.
pub fn open_file(path: &Path, owners: &TrustedOwners) -> Result<TrustedFile, Distrust> {
    Walk::start(path, owners)?.into_file()
}

/// Opens a folder, and checks it and everything on the way to it. A sticky folder that others may
/// write is refused: what lies in it is anybody's.
///
/// # Errors
/// The place that is not trusted or missing, and why.
pub fn open_folder(path: &Path, owners: &TrustedOwners) -> Result<TrustedFolder, Distrust> {
    Walk::start(path, owners)?.into_folder()
}

/// Every place on the way to `path`, and that itself, which belongs to somebody who is not trusted or
/// which others may write: for the words of a message, after something was refused. Nothing is opened
/// by it, and it ends where nothing is.
#[must_use]
pub fn find_distrusted(path: &Path, owners: &TrustedOwners) -> Vec<Distrust> {
    let Ok(absolute) = std::path::absolute(path) else { return Vec::new() };
    let Ok(root) = root(owners) else { return Vec::new() };
    let mut walk = Walk { owners, steps: vec![root], leaf: None, overlooked: Some(Vec::new()) };
    let reached = walk.go(&absolute).is_ok();
    let mut found = walk.overlooked.take().unwrap_or_default();
    let file = if reached { walk.leaf.take() } else { None };
    if let Some((name, stat)) = file {
        let place = walk.here().join(name);
        found.extend(check_owner(owners, &place, PlaceKind::File, &stat).err());
        found.extend(check_writable(&place, PlaceKind::File, &stat).err());
    }
    found
}

impl TrustedFolder {
    /// Opens a file below this folder, and checks it and everything on the way to it; the way to
    /// the folder itself is not looked up again. A link may lead out, to what is trusted as well.
    ///
    /// # Errors
    /// The place that is not trusted or missing, and why.
    pub fn open_file(&self, name: &Path) -> Result<TrustedFile, Distrust> {
        self.walk(name)?.into_file()
    }

    /// Opens a folder below this one, by the same rules.
    ///
    /// # Errors
    /// The place that is not trusted or missing, and why.
    pub fn open_folder(&self, name: &Path) -> Result<Self, Distrust> {
        self.walk(name)?.into_folder()
    }

    /// The names in this folder, in no order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.descriptor)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        Ok(names)
    }

    fn walk(&self, name: &Path) -> Result<Walk<'_>, Distrust> {
        let folder = self
            .descriptor
            .try_clone()
            .map_err(|error| Distrust::io(&self.path, PlaceKind::Folder, error))?;
        let at = Step { folder, path: self.path.clone(), only_passable: false };
        Walk::from(vec![at], name, &self.owners)
    }
}

impl AsFd for TrustedFolder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// A folder that was entered and checked.
struct Step {
    folder: OwnedFd,
    path: PathBuf,
    /// Good enough to be passed through, and nothing more.
    only_passable: bool,
}

/// A walk to its end: where it stands, and what it found there.
struct Walk<'a> {
    owners: &'a TrustedOwners,
    /// The folders entered, the last of them the one that it stands in. Going up with `..` goes
    /// back among them, to what was checked, and never through the disk's own `..`.
    steps: Vec<Step>,
    /// The last name, where it is no folder.
    leaf: Option<(OsString, Stat)>,
    /// What was overlooked, on a walk that looks for everything that is wrong.
    overlooked: Option<Vec<Distrust>>,
}

impl<'a> Walk<'a> {
    fn start(path: &Path, owners: &'a TrustedOwners) -> Result<Self, Distrust> {
        let absolute = std::path::absolute(path)
            .map_err(|error| Distrust::io(path, PlaceKind::File, error))?;
        // `absolute` leaves `..` as it is, and so a link before it is followed as the kernel would.
        Self::from(vec![root(owners)?], &absolute, owners)
    }

    fn from(steps: Vec<Step>, path: &Path, owners: &'a TrustedOwners) -> Result<Self, Distrust> {
        let mut walk = Self { owners, steps, leaf: None, overlooked: None };
        walk.go(path)?;
        Ok(walk)
    }

    fn go(&mut self, path: &Path) -> Result<(), Distrust> {
        let mut names: VecDeque<OsString> = parts(path);
        let mut links = 0;
        while let Some(name) = names.pop_front() {
            if name == "/" {
                self.steps = vec![root(self.owners)?];
            } else if name == ".." {
                self.go_up()?;
            } else if let Some(target) = self.enter(&name, names.is_empty())? {
                links += 1;
                if links > MAX_LINKS {
                    let place = self.here().join(&name);
                    return Err(Distrust::new(
                        &place,
                        PlaceKind::Link,
                        DistrustReason::TooManyLinks,
                    ));
                }
                for part in parts(&target).into_iter().rev() {
                    names.push_front(part);
                }
            }
        }
        Ok(())
    }

    /// Goes back to the folder before. A walk that began in an open folder knows none before that, and
    /// walks to it from the root.
    fn go_up(&mut self) -> Result<(), Distrust> {
        if self.steps.len() > 1 {
            self.steps.pop();
        } else if let Some(parent) = self.here().parent().map(Path::to_owned) {
            self.steps = vec![root(self.owners)?];
            self.go(&parent)?;
        }
        Ok(())
    }

    /// Takes one name: enters a folder, remembers the last name, or answers where a link leads.
    fn enter(&mut self, name: &OsStr, last: bool) -> Result<Option<PathBuf>, Distrust> {
        let place = self.here().join(name);
        let at = self
            .steps
            .last()
            .ok_or_else(|| Distrust::io(&place, PlaceKind::Folder, io::ErrorKind::InvalidInput))?;
        let stat = rustix::fs::statat(&at.folder, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| Distrust::io(&place, PlaceKind::File, error))?;
        match FileType::from_raw_mode(stat.st_mode) {
            // Whoever could exchange it now owns it or may write its folder, and both are checked.
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&at.folder, name, Vec::new())
                    .map_err(|error| Distrust::io(&place, PlaceKind::Link, error))?;
                self.hold(check_owner(self.owners, &place, PlaceKind::Link, &stat))?;
                Ok(Some(PathBuf::from(OsString::from_vec(target.into_bytes()))))
            }
            FileType::Directory => {
                let io = |error: Errno| Distrust::io(&place, PlaceKind::Folder, error);
                let folder = rustix::fs::openat(&at.folder, name, enter_flags(), Mode::empty())
                    .map_err(io)?;
                // What was entered is what counts, not what was seen before.
                let stat = rustix::fs::fstat(&folder).map_err(io)?;
                self.hold(check_owner(self.owners, &place, PlaceKind::Folder, &stat))?;
                let only_passable = match check_passable(&place, &stat, folder.as_fd()) {
                    Ok(only_passable) => only_passable,
                    Err(distrust) => self.hold(Err(distrust)).map(|()| false)?,
                };
                self.steps.push(Step { folder, path: place, only_passable });
                Ok(None)
            }
            _ if last => {
                self.leaf = Some((name.to_owned(), stat));
                Ok(None)
            }
            _ => Err(Distrust::io(&place, PlaceKind::File, Errno::NOTDIR)),
        }
    }

    fn into_file(self) -> Result<TrustedFile, Distrust> {
        let Some((name, seen)) = &self.leaf else {
            return Err(Distrust::new(self.here(), PlaceKind::File, DistrustReason::NotAFile));
        };
        let place = self.here().join(name);
        let io = |error: Errno| Distrust::io(&place, PlaceKind::File, error);
        let not_a_file = || Distrust::new(&place, PlaceKind::File, DistrustReason::NotAFile);
        // To open a pipe or a device acts already; what it is was seen without opening it.
        if FileType::from_raw_mode(seen.st_mode) != FileType::RegularFile {
            return Err(not_a_file());
        }
        let at = self.steps.last().ok_or_else(not_a_file)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file =
            rustix::fs::openat(&at.folder, name.as_os_str(), flags, Mode::empty()).map_err(io)?;
        // What is open now is what counts, not what was seen before.
        let stat = rustix::fs::fstat(&file).map_err(io)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(not_a_file());
        }
        check_owner(self.owners, &place, PlaceKind::File, &stat)?;
        check_writable(&place, PlaceKind::File, &stat)?;
        Ok(TrustedFile {
            file: File::from(file),
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            id: (stat.st_dev, stat.st_ino),
            path: place,
        })
    }

    fn into_folder(mut self) -> Result<TrustedFolder, Distrust> {
        if let Some((name, _)) = &self.leaf {
            let place = self.here().join(name);
            return Err(Distrust::new(&place, PlaceKind::File, DistrustReason::NotAFolder));
        }
        let step = self.steps.pop().ok_or_else(|| {
            Distrust::io(Path::new("/"), PlaceKind::Folder, io::ErrorKind::InvalidInput)
        })?;
        let io = |error: Errno| Distrust::io(&step.path, PlaceKind::Folder, error);
        if step.only_passable {
            let stat = rustix::fs::fstat(&step.folder).map_err(io)?;
            return Err(writable(&step.path, PlaceKind::Folder, &stat));
        }
        // By the descriptor of the folder itself: `.` leads nowhere else.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = rustix::fs::openat(&step.folder, ".", flags, Mode::empty()).map_err(io)?;
        Ok(TrustedFolder { descriptor, path: step.path, owners: self.owners.clone() })
    }

    /// The folder that the walk stands in.
    fn here(&self) -> &Path {
        self.steps.last().map_or(Path::new("/"), |step| &step.path)
    }

    /// Passes a refusal on, or overlooks it.
    fn hold(&mut self, checked: Result<(), Distrust>) -> Result<(), Distrust> {
        match (checked, &mut self.overlooked) {
            (Err(distrust), Some(overlooked)) => overlooked.push(distrust),
            (checked, _) => return checked,
        }
        Ok(())
    }
}

/// The root folder, which is checked as any other.
fn root(owners: &TrustedOwners) -> Result<Step, Distrust> {
    let path = Path::new("/");
    let io = |error: Errno| Distrust::io(path, PlaceKind::Folder, error);
    let folder = rustix::fs::open(path, enter_flags(), Mode::empty()).map_err(io)?;
    let stat = rustix::fs::fstat(&folder).map_err(io)?;
    check_owner(owners, path, PlaceKind::Folder, &stat)?;
    let only_passable = check_passable(path, &stat, folder.as_fd())?;
    Ok(Step { folder, path: path.to_owned(), only_passable })
}

/// For a folder on the way: it need not be readable, where the system can say so.
fn enter_flags() -> OFlags {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let access = OFlags::PATH;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let access = OFlags::RDONLY;
    access | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// The names of a path in order; `/` first where it begins at the root.
fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|part| !matches!(part, Component::CurDir))
        .map(|part| part.as_os_str().to_owned())
        .collect()
}

fn check_owner(
    owners: &TrustedOwners,
    place: &Path,
    kind: PlaceKind,
    stat: &Stat,
) -> Result<(), Distrust> {
    if owners.include(stat.st_uid) {
        return Ok(());
    }
    Err(Distrust::new(place, kind, DistrustReason::ForeignOwner(stat.st_uid)))
}

/// Answers whether a folder on the way is good enough to be passed through only.
fn check_passable(place: &Path, stat: &Stat, folder: BorrowedFd<'_>) -> Result<bool, Distrust> {
    let Err(distrust) = check_writable(place, PlaceKind::Folder, stat) else {
        return Ok(false);
    };
    let by_group_alone = stat.st_mode & WRITABLE_BY_OTHERS == 0 && !has_further_permissions(folder);
    let sticky = stat.st_mode & STICKY_BIT != 0;
    if sticky || by_group_alone && is_private_group(stat.st_gid, stat.st_uid) {
        return Ok(true);
    }
    Err(distrust)
}

fn check_writable(place: &Path, kind: PlaceKind, stat: &Stat) -> Result<(), Distrust> {
    if stat.st_mode & (WRITABLE_BY_GROUP | WRITABLE_BY_OTHERS) != 0 {
        return Err(writable(place, kind, stat));
    }
    Ok(())
}

/// Whether users and groups are named besides owner and group, or that cannot be told.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn has_further_permissions(opened: BorrowedFd<'_>) -> bool {
    use std::os::fd::AsRawFd;
    // A descriptor that only leads the way cannot be asked itself.
    let path = format!("/proc/self/fd/{}", opened.as_raw_fd());
    let asked = rustix::fs::getxattr(path, "system.posix_acl_access", &mut [0_u8; 0][..]);
    !matches!(asked, Err(Errno::NODATA | Errno::OPNOTSUPP))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn has_further_permissions(_: BorrowedFd<'_>) -> bool {
    false
}

fn writable(place: &Path, kind: PlaceKind, stat: &Stat) -> Distrust {
    Distrust::new(place, kind, DistrustReason::Writable(stat.st_mode & 0o7777))
}

#[cfg(test)]
mod tests {
    use super::{
        Distrust, DistrustReason, PlaceKind, TrustedOwners, find_distrusted, open_file, open_folder,
    };
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn contents(path: &Path) -> Result<String, Distrust> {
        let mut opened = open_file(path, &TrustedOwners::default())?;
        let mut text = String::new();
        opened.file.read_to_string(&mut text).unwrap();
        Ok(text)
    }

    #[test]
    fn a_file_is_read_below_folders_that_are_ours_and_through_our_links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("store/lib")).unwrap();
        fs::write(at("store/lib/a"), "abc").unwrap();
        symlink(at("store"), at("absolute")).unwrap();
        symlink("store/../absolute/lib", at("relative")).unwrap();
        symlink("lib/a", at("store/leaf")).unwrap();
        for path in
            ["store/lib/a", "absolute/lib/a", "relative/a", "absolute/leaf", "./relative/../lib/a"]
        {
            assert_eq!(contents(&at(path)).unwrap(), "abc", "{path}");
        }
        let opened = open_folder(&at("relative"), &TrustedOwners::default()).unwrap();
        assert_eq!(opened.names().unwrap(), ["a"]);
        symlink("../../store/lib/../leaf", at("store/lib/up")).unwrap();
        let up = opened.open_file(Path::new("up")).unwrap();
        assert_eq!(up.path, fs::canonicalize(at("store/lib/a")).unwrap());
        fs::remove_file(at("store/lib/up")).unwrap();
        let file = opened.open_file(Path::new("a")).unwrap();
        assert_eq!(file.size, 3);
        assert_eq!(file.path, fs::canonicalize(at("store/lib/a")).unwrap());
    }

    #[test]
    fn what_others_may_write_is_named_wherever_it_stands_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/b/file"), "abc").unwrap();
        symlink("a/b", at("link")).unwrap();
        for (wrong, mode, kind) in [
            ("a", 0o777, PlaceKind::Folder),
            ("a/b", 0o757, PlaceKind::Folder),
            ("a/b/file", 0o664, PlaceKind::File),
            ("a/b/file", 0o666, PlaceKind::File),
        ] {
            chmod(&at(wrong), mode);
            for path in ["a/b/file", "link/file"] {
                let distrust = contents(&at(path)).unwrap_err();
                assert_eq!(distrust.place, fs::canonicalize(at(wrong)).unwrap(), "{distrust}");
                assert_eq!(distrust.kind, kind);
                assert!(
                    matches!(distrust.reason, DistrustReason::Writable(found) if found == mode)
                );
            }
            chmod(&at(wrong), 0o755);
        }
    }

    #[test]
    fn a_sticky_folder_is_passed_through_and_nothing_is_taken_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("shared/mine")).unwrap();
        fs::write(at("shared/mine/file"), "abc").unwrap();
        chmod(&at("shared"), 0o1777);
        assert_eq!(contents(&at("shared/mine/file")).unwrap(), "abc");
        let refused = open_folder(&at("shared"), &TrustedOwners::default()).unwrap_err();
        assert!(matches!(refused.reason, DistrustReason::Writable(0o1777)), "{refused}");
    }

    #[test]
    fn only_regular_files_are_opened_and_links_end() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        symlink("loop", at("loop")).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        let reason = |path: &str| contents(&at(path)).unwrap_err().reason;
        assert!(matches!(reason("pipe"), DistrustReason::NotAFile));
        assert!(matches!(reason("zero"), DistrustReason::NotAFile | DistrustReason::Writable(_)));
        assert!(matches!(reason("loop"), DistrustReason::TooManyLinks));
        assert!(matches!(reason("."), DistrustReason::NotAFile));
        assert!(contents(&at("none/such")).unwrap_err().is_missing());
        fs::write(at("file"), "abc").unwrap();
        assert!(contents(&at("file/below")).unwrap_err().is_missing());
        let no_folder = open_folder(&at("file"), &TrustedOwners::default()).unwrap_err();
        assert!(matches!(no_folder.reason, DistrustReason::NotAFolder));
    }

    /// Only root can give a file away.
    #[test]
    fn what_somebody_else_owns_is_refused_unless_that_owner_is_trusted() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("passed over: only root can make files of another user");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        chmod(folder.path(), 0o755);
        let at = |name: &str| folder.path().join(name);
        let give = |name: &str, uid| std::os::unix::fs::lchown(at(name), Some(uid), None).unwrap();
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/b/file"), "abc").unwrap();
        symlink("a/b", at("link")).unwrap();
        for wrong in ["a", "a/b", "a/b/file", "link"] {
            give(wrong, 4321);
            let distrust = contents(&at("link/file")).unwrap_err();
            assert!(matches!(distrust.reason, DistrustReason::ForeignOwner(4321)), "{distrust}");
            let more = TrustedOwners::default().and(4321);
            assert!(open_file(&at("link/file"), &more).is_ok(), "{wrong}");
            give(wrong, 0);
        }
        assert_eq!(contents(&at("link/file")).unwrap(), "abc");
    }

    #[test]
    fn everything_that_is_wrong_on_the_way_is_found_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/b/file"), "abc").unwrap();
        symlink("a/b", at("link")).unwrap();
        let found = || find_distrusted(&at("link/file"), &TrustedOwners::default());
        assert!(found().is_empty(), "{:?}", found());
        let expected = ["a", "a/b", "a/b/file"];
        for (wrong, mode) in expected.into_iter().zip([0o777, 0o757, 0o646]) {
            chmod(&at(wrong), mode);
        }
        let found: Vec<_> = found().into_iter().map(|found| found.place).collect();
        let expected: Vec<_> =
            expected.into_iter().map(|name| fs::canonicalize(at(name)).unwrap()).collect();
        assert_eq!(found, expected);
    }

    /// The bits of the group 0 hide whom a list of permissions names.
    #[test]
    fn a_list_of_permissions_counts_as_others() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("passed over: only root can make files of the group 0");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (path, file) = (folder.path().join("a"), folder.path().join("a/b/file"));
        fs::create_dir_all(path.join("b")).unwrap();
        fs::write(&file, "abc").unwrap();
        chmod(&path, 0o775);
        assert_eq!(contents(&file).unwrap(), "abc");
        // Owner, the user 4321, group, mask and others, each with what they may.
        let entries = [
            (1, 7, u32::MAX),
            (2, 7, 4321),
            (4, 5, u32::MAX),
            (16, 7, u32::MAX),
            (32, 5, u32::MAX),
        ];
        let mut list = 2_u32.to_le_bytes().to_vec();
        for (tag, permissions, id) in entries {
            list.extend(u16::to_le_bytes(tag));
            list.extend(u16::to_le_bytes(permissions));
            list.extend(u32::to_le_bytes(id));
        }
        let flags = rustix::fs::XattrFlags::empty();
        if rustix::fs::setxattr(&path, "system.posix_acl_access", &list, flags).is_err() {
            eprintln!("passed over: this file system has no lists of permissions");
            return;
        }
        let refused = contents(&file).unwrap_err();
        assert!(matches!(refused.reason, DistrustReason::Writable(_)), "{refused}");
        assert_eq!(refused.place, fs::canonicalize(&path).unwrap());
    }
}
