//! Which of a pod's volumes holds the data.

/// The volume of PostgreSQL's container on which its data lies: of those whose mount path leads to
/// the data folder, the one that is mounted deepest. A container that names no data folder has its
/// data where the image keeps it.
///
/// `mounts` are pairs of a volume's name and its mount path.
#[must_use]
pub fn mounted_volume<'a>(mounts: &[(&'a str, &str)], data: Option<&str>) -> Option<&'a str> {
    const IMAGE_FOLDERS: [&str; 2] = ["/var/lib/postgresql/data", "/var/lib/postgresql"];
    let deepest = |folder: &str| {
        let holding = mounts.iter().filter(|(_, path)| is_within(folder, path));
        holding.max_by_key(|(_, path)| parts(path).count()).map(|(volume, _)| *volume)
    };
    match data {
        Some(folder) => deepest(folder),
        None => IMAGE_FOLDERS.into_iter().find_map(deepest),
    }
}

/// Whether a path is a folder or lies within it.
fn is_within(path: &str, folder: &str) -> bool {
    let (mut path, folder) = (parts(path), parts(folder));
    folder.into_iter().all(|part| path.next() == Some(part))
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".")
}

#[cfg(test)]
mod tests {
    use super::mounted_volume;

    #[test]
    fn data_lies_on_the_deepest_volume_that_leads_to_it() {
        let data = "/var/lib/postgresql/18/docker";
        let of = |mounts: &[(&'static str, &str)]| mounted_volume(mounts, Some(data));
        assert_eq!(of(&[("backup", "/backup"), ("data", "/var/lib/postgresql")]), Some("data"));
        assert_eq!(of(&[("data", "/var/lib/postgresql/"), ("tmp", "/tmp")]), Some("data"));
        let deeper = [("outer", "/var/lib/postgresql"), ("inner", "/var/lib/postgresql/18")];
        assert_eq!(of(&deeper), Some("inner"));
        // A name that only begins alike leads elsewhere.
        assert_eq!(of(&[("other", "/var/lib/postgresql/1")]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn without_a_named_folder_it_is_the_image_s() {
        let old = [("x", "/config"), ("data", "/var/lib/postgresql/data")];
        assert_eq!(mounted_volume(&old, None), Some("data"));
        assert_eq!(mounted_volume(&[("data", "/var/lib/postgresql")], None), Some("data"));
        assert_eq!(mounted_volume(&[("x", "/config")], None), None);
    }
}
