//! Groups that have one member: to let them write a folder lets nobody else write it.

use std::fs;

/// Whether nobody but the owner (and root) is in the group: it is root's, or it is the owner's
/// primary group, is nobody else's, and has no further members.
///
/// Only what the files of this machine say counts: a group that a directory service adds members to
/// is not in them, and is no private one.
pub(super) fn is_private_group(gid: u32, owner: u32) -> bool {
    if gid == 0 {
        return true;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    is_private_in(&accounts, &groups, gid, owner)
}

/// The same in the texts of `passwd` and `group`.
fn is_private_in(accounts: &str, groups: &str, gid: u32, owner: u32) -> bool {
    // Name, password, user id, group id.
    let users = accounts.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse::<u32>().ok()?;
        let primary = fields.next()?.parse::<u32>().ok()?;
        (primary == gid).then_some((name, uid))
    });
    let users: Vec<(&str, u32)> = users.collect();
    let [(name, uid)] = *users else { return false };
    // Name, password, group id, members.
    let members = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.nth(2)?.parse::<u32>().ok()? == gid;
        found.then(|| fields.next().unwrap_or_default())
    });
    let Some(members) = members else { return false };
    uid == owner && members.split(',').all(|member| member.is_empty() || member == name)
}

#[cfg(test)]
mod tests {
    use super::is_private_in;

    #[test]
    fn a_group_is_private_while_its_owner_is_alone_in_it() {
        let accounts = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n\
                        ben:x:1001:1001::/home/ben:/bin/sh\ncid:x:1002:1001::/home/cid:/bin/sh\n";
        let groups = "root:x:0:\nann:x:1000:\nben:x:1001:\nwork:x:1003:ann\n";
        let private = |gid, owner| is_private_in(accounts, groups, gid, owner);
        assert!(private(1000, 1000));
        assert!(!private(1000, 1001), "the group of somebody else");
        assert!(!private(1001, 1001), "two have it as their primary group");
        assert!(!private(1003, 1000), "nobody has it as the primary group");
        assert!(!private(1004, 1000), "there is no such group");
        let with_a_guest = "ann:x:1000:ben\n";
        assert!(!is_private_in(accounts, with_a_guest, 1000, 1000));
        assert!(is_private_in(accounts, "ann:x:1000:ann\n", 1000, 1000));
    }
}
