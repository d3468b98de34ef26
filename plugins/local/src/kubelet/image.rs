//! What an image means here: the programs of this machine, where it is an image of PostgreSQL.

/// An image of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Postgres {
    /// The major version in its tag, where there is one.
    pub(super) major: Option<u32>,
}

/// Reads an image's name: of any registry, with any tag, as long as it is called `postgres`.
pub(super) fn postgres(image: &str) -> Option<Postgres> {
    let image = image.split_once('@').map_or(image, |(image, _digest)| image);
    let last = image.rsplit('/').next()?;
    let (name, tag) = last.split_once(':').unwrap_or((last, ""));
    if name != "postgres" {
        return None;
    }
    let digits: String = tag.chars().take_while(char::is_ascii_digit).collect();
    Some(Postgres { major: digits.parse().ok() })
}

#[cfg(test)]
mod tests {
    use super::postgres;

    #[test]
    fn an_image_is_postgres_by_its_last_part() {
        let major = |image| postgres(image).map(|it| it.major);
        assert_eq!(major("postgres:18"), Some(Some(18)));
        assert_eq!(major("postgres:17.2-alpine"), Some(Some(17)));
        assert_eq!(major("localhost:5000/library/postgres:16@sha256:00"), Some(Some(16)));
        assert_eq!(major("docker.io/library/postgres"), Some(None));
        assert_eq!(major("postgres:latest"), Some(None));
        assert_eq!(major("nginx:18"), None);
        assert_eq!(major("postgres/nginx"), None);
        assert_eq!(major("bitnami/postgresql:18"), None);
    }
}
