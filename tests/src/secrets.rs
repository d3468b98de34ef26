//! Secrets as old deployments left them, each with its place, so that a leak tells where it came from.

/// The plain passwords that are put into records.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// In the `password` field of orchestrations' and activities' inputs.
    pub input: String,
    /// In the connection strings that orchestrations and activities answered.
    pub output: String,
    /// In `toygres_cms.instances.ip_connection_string`.
    pub ip_connection_string: String,
    /// In `toygres_cms.instances.dns_connection_string`.
    pub dns_connection_string: String,
}

impl Secrets {
    /// Passwords that occur nowhere else.
    pub fn canaries() -> Self {
        Self {
            input: "canary-INPUT-4f1a9c".into(),
            output: "canary-OUTPUT-7b2e0d".into(),
            ip_connection_string: "canary-IP-c83d15".into(),
            dns_connection_string: "canary-DNS-e94b62".into(),
        }
    }

    /// Every one of them that a text gives away.
    pub fn found_in<'a>(&'a self, text: &str) -> Vec<&'a str> {
        [&self.input, &self.output, &self.ip_connection_string, &self.dns_connection_string]
            .into_iter()
            .map(String::as_str)
            .filter(|secret| text.contains(secret))
            .collect()
    }
}
