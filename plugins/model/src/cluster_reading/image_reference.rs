//! Image references: one image has several spellings.

use crate::kubernetes::image;

/// The registry that is meant where none is named.
const DOCKER_HUB: &str = "docker.io";
/// Its other names.
const DOCKER_HUB_ALIASES: [&str; 4] =
    ["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "registry.docker.io"];

/// An image by its parts, each in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference {
    /// The host of the registry, with its port where it names one.
    pub registry: String,
    /// The repository below it.
    pub repository: String,
    /// The tag; `latest` where neither tag nor digest is named.
    pub tag: Option<String>,
    /// The digest, as `sha256:…`.
    pub digest: Option<String>,
}

/// How an image compares with those that are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageMatch {
    /// It is one of them.
    Same,
    /// The same repository and tag from a registry that no expected image names.
    OtherRegistry,
    /// The same repository, pinned by a digest without a tag, which says no version.
    OnlyDigest,
    /// Another one.
    Different,
}

impl ImageReference {
    /// Reads a reference; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_ascii_lowercase())),
            None => (text, None),
        };
        if digest.as_ref().is_some_and(|digest| !digest.contains(':')) {
            return None;
        }
        // A colon before the last slash belongs to the registry's port.
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match name[last..].split_once(':') {
            Some((_, tag)) => (&name[..name.len() - tag.len() - 1], Some(tag.to_owned())),
            None => (name, None),
        };
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if is_registry(first) => (first.to_ascii_lowercase(), rest),
            _ => (DOCKER_HUB.to_owned(), name),
        };
        let is_hub = registry == DOCKER_HUB || DOCKER_HUB_ALIASES.contains(&registry.as_str());
        let registry = if is_hub { DOCKER_HUB.to_owned() } else { registry };
        let repository = if is_hub && !repository.contains('/') {
            format!("library/{repository}")
        } else {
            repository.to_owned()
        };
        let is_empty = repository.split('/').any(str::is_empty);
        if is_empty || tag.as_deref() == Some("") || text.contains(char::is_whitespace) {
            return None;
        }
        let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Some(Self { registry, repository, tag, digest })
    }

    /// Whether it is the expected image. A digest beside the same tag pins it, which is the same;
    /// two digests have to be the same.
    fn is_expected(&self, expected: &Self) -> bool {
        let same_place =
            self.registry == expected.registry && self.repository == expected.repository;
        same_place && self.has_content_of(expected)
    }

    fn has_content_of(&self, expected: &Self) -> bool {
        match (&self.digest, &expected.digest) {
            (Some(own), Some(expected)) => own == expected,
            _ => self.tag.is_some() && self.tag == expected.tag,
        }
    }

    /// Whether the repository is the same but for what a mirror puts before it.
    fn is_mirror_of(&self, expected: &Self) -> bool {
        let short =
            |repository: &str| repository.strip_prefix("library/").unwrap_or(repository).to_owned();
        let (own, expected) = (&self.repository, short(&expected.repository));
        *own == expected || own.ends_with(&format!("/{expected}"))
    }

    /// The image without its digest, in its one spelling.
    fn text(&self) -> String {
        let Self { registry, repository, tag, .. } = self;
        format!("{registry}/{repository}:{}", tag.as_deref().unwrap_or_default())
    }
}

/// Docker's rule: what looks like a host is one.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

/// Compares an image with those that are expected.
#[must_use]
pub fn compare_images(found: &str, expected: &[String]) -> ImageMatch {
    // What is no reference is compared as it stands.
    if expected.iter().any(|expected| expected == found) {
        return ImageMatch::Same;
    }
    let Some(found) = ImageReference::parse(found) else { return ImageMatch::Different };
    let expected: Vec<ImageReference> =
        expected.iter().filter_map(|text| ImageReference::parse(text)).collect();
    if expected.iter().any(|expected| found.is_expected(expected)) {
        return ImageMatch::Same;
    }
    let is_mirror = |expected: &&ImageReference| found.is_mirror_of(expected);
    let mut mirrored = expected.iter().filter(is_mirror).peekable();
    if mirrored.peek().is_none() {
        return ImageMatch::Different;
    }
    if found.tag.is_none() {
        return ImageMatch::OnlyDigest;
    }
    let place = |it: &ImageReference| (it.registry.clone(), it.repository.clone());
    if mirrored.any(|expected| place(expected) != place(&found) && found.has_content_of(expected)) {
        return ImageMatch::OtherRegistry;
    }
    ImageMatch::Different
}

/// The version of PostgreSQL that an image is of, where it was made after a template such as
/// `postgres:{version}`.
#[must_use]
pub fn version_of_image(template: &str, found: &str) -> Option<String> {
    // No tag and no repository has such letters in it by chance.
    const PLACE: &str = "0version0";
    let template = ImageReference::parse(&image(template, PLACE))?.text();
    let (before, behind) = template.split_once(PLACE)?;
    let found = ImageReference::parse(found)?;
    found.tag.as_ref()?;
    let found = found.text();
    let version = found.strip_prefix(before)?.strip_suffix(behind)?;
    (!version.is_empty()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{ImageMatch, ImageReference, compare_images, version_of_image};

    const DIGEST: &str = "sha256:0011223344556677889900112233445566778899001122334455667788990011";

    fn compared(found: &str, expected: &[&str]) -> ImageMatch {
        let expected: Vec<String> = expected.iter().map(|it| (*it).to_owned()).collect();
        compare_images(found, &expected)
    }

    #[test]
    fn one_image_has_several_spellings() {
        for same in [
            "postgres:18",
            "library/postgres:18",
            "docker.io/postgres:18",
            "docker.io/library/postgres:18",
            "index.docker.io/library/postgres:18",
            "registry-1.docker.io/library/postgres:18",
            "DOCKER.IO/library/postgres:18",
            &format!("postgres:18@{DIGEST}"),
            &format!("docker.io/library/postgres:18@{DIGEST}"),
        ] {
            assert_eq!(compared(same, &["postgres:18"]), ImageMatch::Same, "{same}");
            assert_eq!(compared("postgres:18", &[same]), ImageMatch::Same, "{same}");
        }
        assert_eq!(compared("postgres", &["postgres:latest"]), ImageMatch::Same);
        let port = ImageReference::parse("localhost:5000/postgres").unwrap();
        assert_eq!(
            (port.registry.as_str(), port.tag.as_deref()),
            ("localhost:5000", Some("latest"))
        );
    }

    #[test]
    fn another_image_is_no_spelling() {
        let other = DIGEST.replace("0011", "ffff");
        for (found, expected, matches) in [
            ("postgres:17", "postgres:18", ImageMatch::Different),
            ("postgres:18-alpine", "postgres:18", ImageMatch::Different),
            ("example/postgres:17", "postgres:18", ImageMatch::Different),
            ("nginx:18", "postgres:18", ImageMatch::Different),
            ("mirror.example/library/postgres:18", "postgres:18", ImageMatch::OtherRegistry),
            (
                "mirror.example/docker.io/library/postgres:18",
                "postgres:18",
                ImageMatch::OtherRegistry,
            ),
            ("mirror.example:5000/postgres:18", "postgres:18", ImageMatch::OtherRegistry),
            ("mirror.example/library/postgres:17", "postgres:18", ImageMatch::Different),
            ("mirror.example/notpostgres:18", "postgres:18", ImageMatch::Different),
            (&format!("postgres@{DIGEST}"), "postgres:18", ImageMatch::OnlyDigest),
            (
                &format!("postgres:18@{other}"),
                &format!("postgres:18@{DIGEST}"),
                ImageMatch::Different,
            ),
            (&format!("postgres@{DIGEST}"), &format!("postgres:18@{DIGEST}"), ImageMatch::Same),
            ("not an image", "postgres:18", ImageMatch::Different),
            ("", "postgres:18", ImageMatch::Different),
        ] {
            assert_eq!(compared(found, &[expected]), matches, "{found} beside {expected}");
        }
        // A mirror that the settings name is expected.
        let configured = ["mirror.example/library/postgres:18", "postgres:18"];
        assert_eq!(compared("mirror.example/library/postgres:18", &configured), ImageMatch::Same);
        assert_eq!(compared("docker.io/library/postgres:18", &configured), ImageMatch::Same);
    }

    #[test]
    fn a_version_is_read_out_of_every_spelling() {
        for (template, found, version) in [
            ("postgres:{version}", "postgres:17.2", Some("17.2")),
            ("postgres:{version}", "docker.io/library/postgres:18", Some("18")),
            ("postgres:{version}-alpine", "postgres:18-alpine", Some("18")),
            (
                "registry.example/pg{version}/postgres",
                "registry.example/pg16/postgres:latest",
                Some("16"),
            ),
            ("postgres:{version}", &format!("postgres:18@{DIGEST}"), Some("18")),
            ("postgres:{version}", &format!("postgres@{DIGEST}"), None),
            ("postgres:{version}", "mirror.example/postgres:18", None),
            ("postgres:18", "postgres:18", None),
        ] {
            assert_eq!(version_of_image(template, found).as_deref(), version, "{template} {found}");
        }
    }
}
