//! The users of this machine, as `/etc/passwd` names them. Who is known elsewhere only, such as in a
//! directory service, is named by number.

use std::fs::File;
use std::io::Read;

const PASSWD: &str = "/etc/passwd";
/// Far above any real one.
const MAX_PASSWD_BYTES: u64 = 16 * 1024 * 1024;

/// The number of a user.
#[must_use]
pub(crate) fn find_uid(name: &str) -> Option<u32> {
    uid_in(&read_passwd(), name)
}

/// The name of a user.
#[must_use]
pub(crate) fn find_name(uid: u32) -> Option<String> {
    name_in(&read_passwd(), uid)
}

fn read_passwd() -> String {
    let mut bytes = Vec::new();
    let read = File::open(PASSWD)
        .and_then(|file| file.take(MAX_PASSWD_BYTES).read_to_end(&mut bytes).map(|_| ()));
    read.map(|()| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// `name:password:uid:…`, a line each.
fn users(passwd: &str) -> impl Iterator<Item = (&str, u32)> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, uid) = (fields.next()?, fields.nth(1)?);
        (!name.is_empty()).then_some((name, uid.parse().ok()?))
    })
}

fn uid_in(passwd: &str, wanted: &str) -> Option<u32> {
    users(passwd).find(|(name, _)| *name == wanted).map(|(_, uid)| uid)
}

fn name_in(passwd: &str, wanted: u32) -> Option<String> {
    users(passwd).find(|(_, uid)| *uid == wanted).map(|(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{find_name, find_uid, name_in, uid_in};

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n+@group::::::\n\nbroken:x\n:x:7:7::/:\n\
                          linuxbrew:x:1001:1001::/home/linuxbrew:/bin/bash\n";

    #[test]
    fn users_are_found_by_name_and_by_number() {
        assert_eq!(uid_in(PASSWD, "linuxbrew"), Some(1001));
        assert_eq!(name_in(PASSWD, 1001).as_deref(), Some("linuxbrew"));
        for none in ["", "broken", "nosuch", "+@group"] {
            assert_eq!(uid_in(PASSWD, none), None, "{none}");
        }
        assert_eq!(name_in(PASSWD, 7), None);
        assert_eq!((find_uid("root"), find_name(0).as_deref()), (Some(0), Some("root")));
    }
}
