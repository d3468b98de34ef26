//! A resolved target as a URL again, for those who can only take one.

use crate::origin::Origin;
use crate::target::{
    CertificateMode, ChannelBindingMode, ConnectTimeout, DatabaseTarget, RootCertificates,
};
use std::fmt::Write as _;
use std::path::Path;

impl DatabaseTarget {
    /// The target as a URL that leaves nothing to the environment: read it with
    /// [`crate::Surroundings::resolved`]. It has the password.
    #[must_use]
    pub fn to_url(&self) -> String {
        let mut pairs: Vec<(&str, String)> = Vec::new();
        let sockets =
            self.hosts.iter().any(|host| host.host.is_empty() || host.socket_folder().is_some());
        let list = |part: &dyn Fn(&crate::HostEntry) -> String| {
            self.hosts.iter().map(part).collect::<Vec<_>>().join(",")
        };
        let mut place = String::new();
        if sockets {
            pairs.push(("host", list(&|host| host.host.clone())));
            pairs.push(("port", list(&|host| host.port.to_string())));
        } else {
            place = list(&|host| match host.host.contains(':') {
                true => format!("[{}]:{}", host.host, host.port),
                false => format!("{}:{}", encode(&host.host), host.port),
            });
        }
        if self.hosts.iter().any(|host| host.address.is_some()) {
            pairs.push((
                "hostaddr",
                list(&|host| host.address.map(|it| it.to_string()).unwrap_or_default()),
            ));
        }
        let first = self.hosts.first().and_then(|host| host.password());
        let same = self.hosts.iter().all(|host| host.password() == first);
        match (same, first, &self.passfile) {
            (true, Some(_), _) => {}
            (false, _, Some(path)) => pairs.push(("passfile", text(path))),
            // Others look for one where the URL has none.
            _ if self.confined => pairs.push(("password", String::new())),
            _ => {}
        }
        self.push_tls(&mut pairs);
        self.push_session(&mut pairs);
        let mut url = format!("postgresql://{}", encode(&self.user));
        if let Some(password) = first.filter(|_| same) {
            let _written = write!(url, ":{}", encode(password));
        }
        let _written = write!(url, "@{place}/{}", encode(&self.database));
        for (at, (word, value)) in pairs.iter().enumerate() {
            let sign = if at == 0 { '?' } else { '&' };
            let _written = write!(url, "{sign}{word}={}", encode(value));
        }
        url
    }

    fn is_set(&self, word: &str) -> bool {
        !matches!(self.origin(word), Origin::Default)
    }

    fn push_tls(&self, pairs: &mut Vec<(&str, String)>) {
        let tls = &self.tls;
        if self.is_set("sslmode") {
            pairs.push(("sslmode", tls.mode.as_str().to_owned()));
        }
        if tls.direct {
            pairs.push(("sslnegotiation", "direct".to_owned()));
        }
        match &tls.roots {
            RootCertificates::System => pairs.push(("sslrootcert", "system".to_owned())),
            RootCertificates::File(path) if self.is_set("sslrootcert") || path.exists() => {
                pairs.push(("sslrootcert", text(path)));
            }
            _ => {}
        }
        let named = [
            ("sslcert", &tls.certificate),
            ("sslkey", &tls.key),
            ("sslcrl", &tls.revoked),
            ("sslcrldir", &tls.revoked_folder),
        ];
        for (word, path) in named {
            if let Some(path) = path.as_ref().filter(|path| self.is_set(word) || path.exists()) {
                pairs.push((word, text(path)));
            }
        }
        if let Some(password) = &tls.key_password {
            pairs.push(("sslpassword", password.clone()));
        }
        if !tls.server_name {
            pairs.push(("sslsni", "0".to_owned()));
        }
        match tls.certificate_mode {
            CertificateMode::Disable => pairs.push(("sslcertmode", "disable".to_owned())),
            CertificateMode::Require => pairs.push(("sslcertmode", "require".to_owned())),
            // The reader must not take those of the home folder.
            CertificateMode::Allow if tls.certificate.is_none() => {
                if self.confined {
                    pairs.push(("sslcertmode", "disable".to_owned()));
                }
            }
            CertificateMode::Allow => {}
        }
        let name = |version| match version {
            crate::TlsVersion::Tls10 => "TLSv1",
            crate::TlsVersion::Tls11 => "TLSv1.1",
            crate::TlsVersion::Tls12 => "TLSv1.2",
            crate::TlsVersion::Tls13 => "TLSv1.3",
        };
        let versions = [
            ("ssl_min_protocol_version", tls.min_version),
            ("ssl_max_protocol_version", tls.max_version),
        ];
        for (word, version) in versions {
            if let Some(version) = version.filter(|_| self.is_set(word)) {
                pairs.push((word, name(version).to_owned()));
            }
        }
    }

    fn push_session(&self, pairs: &mut Vec<(&str, String)>) {
        match self.connect_timeout {
            Some(ConnectTimeout::Limited(limit)) => {
                pairs.push(("connect_timeout", limit.as_secs().to_string()));
            }
            Some(ConnectTimeout::Unlimited) => pairs.push(("connect_timeout", "0".to_owned())),
            None => {}
        }
        if self.is_set("target_session_attrs") {
            let name = self.session_attributes.as_str();
            pairs.push(("target_session_attrs", name.to_owned()));
        }
        if self.load_balance {
            pairs.push(("load_balance_hosts", "random".to_owned()));
        }
        let texts = [
            ("options", &self.options),
            ("application_name", &self.application_name),
            ("fallback_application_name", &self.fallback_application_name),
            ("requirepeer", &self.required_peer),
        ];
        for (word, value) in texts {
            pairs.extend(value.as_ref().map(|value| (word, value.clone())));
        }
        match self.channel_binding {
            ChannelBindingMode::Prefer => {}
            ChannelBindingMode::Disable => pairs.push(("channel_binding", "disable".to_owned())),
            ChannelBindingMode::Require => pairs.push(("channel_binding", "require".to_owned())),
        }
        if let Some(required) = &self.required_auth {
            pairs.push(("require_auth", required.to_text()));
        }
        let keepalive = self.keepalive;
        if keepalive.disabled {
            pairs.push(("keepalives", "0".to_owned()));
        }
        let numbers = [
            ("keepalives_idle", keepalive.idle.map(|it| it.as_secs())),
            ("keepalives_interval", keepalive.interval.map(|it| it.as_secs())),
            ("keepalives_count", keepalive.count.map(u64::from)),
            (
                "tcp_user_timeout",
                keepalive.user_timeout.and_then(|it| u64::try_from(it.as_millis()).ok()),
            ),
        ];
        for (word, number) in numbers {
            pairs.extend(number.map(|number| (word, number.to_string())));
        }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Percent-encodes all that has a meaning in a URL, and more.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _written = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use crate::{DatabaseTarget, Surroundings, TextSource};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn resolve(text: &str, around: &Surroundings) -> DatabaseTarget {
        let target = DatabaseTarget::resolve(text, TextSource::Program, around);
        target.unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    /// What decides where a connection goes and how.
    fn essence(target: &DatabaseTarget) -> String {
        let DatabaseTarget {
            hosts,
            user,
            database,
            tls,
            connect_timeout,
            session_attributes,
            load_balance,
            options,
            application_name,
            fallback_application_name,
            keepalive,
            channel_binding,
            required_peer,
            required_auth,
            ..
        } = target;
        let passwords: Vec<_> = hosts.iter().map(|host| host.password()).collect();
        format!(
            "{hosts:?} {passwords:?} {user} {database} {tls:?} {connect_timeout:?} \
             {session_attributes:?} {load_balance} {options:?} {application_name:?} \
             {fallback_application_name:?} {keepalive:?} {channel_binding:?} {required_peer:?} \
             {required_auth:?} {:?}",
            (tls.direct, tls.server_name, tls.min_version, tls.max_version, &tls.key_password)
        )
    }

    fn again(target: &DatabaseTarget) -> DatabaseTarget {
        let around = Surroundings { resolved: true, ..Surroundings::default() };
        resolve(&target.to_url(), &around)
    }

    #[test]
    fn a_target_as_a_url_is_the_same_target() {
        for text in [
            "postgres://u:p%40s@h:1,[::1]:2/d?sslmode=verify-full&sslrootcert=/a",
            "postgres:///d?host=/tmp/x&port=5&user=u",
            "host=a,/tmp port=1 user=u",
            "hostaddr=127.0.0.1,::1 port=1,2 user=u password=''",
            "host=a,b hostaddr=10.0.0.1,10.0.0.2 user='a b' dbname='c/d?e' target_session_attrs=any",
            "host=h user=u sslnegotiation=direct sslmode=require sslcert=/c sslkey=/k sslpassword=x \
             sslsni=0 ssl_min_protocol_version=tlsv1.3 sslcertmode=require sslcrl=/l sslcrldir=/m",
            "host=h user=u connect_timeout=0 keepalives=0 keepalives_count=3 tcp_user_timeout=7",
            "host=h user=u options='-c a=b' application_name=x fallback_application_name=y \
             requirepeer=z require_auth=!password,!md5 channel_binding=require \
             load_balance_hosts=random connect_timeout=9 target_session_attrs=prefer-standby",
            "host=h user=u sslrootcert=system",
        ] {
            let target = resolve(text, &Surroundings::default());
            assert_eq!(essence(&again(&target)), essence(&target), "{}", target.to_url());
        }
    }

    #[test]
    fn what_the_environment_said_is_in_the_url() {
        let variables = [("PGHOST", "h,i"), ("PGPORT", "7"), ("PGUSER", "u"), ("PGPASSWORD", "p")];
        let variables: BTreeMap<String, String> =
            variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let around = Surroundings { variables, ..Surroundings::default() };
        let target = resolve("postgres://", &around);
        assert_eq!(target.to_url(), "postgresql://u:p@h:7,i:7/u");
        assert_eq!(essence(&again(&target)), essence(&target));
    }

    #[test]
    fn nobody_looks_for_a_password_where_none_may_be_used() {
        let around = Surroundings { confined: true, ..Surroundings::default() };
        let url = resolve("postgres://u@h/d?sslmode=require", &around).to_url();
        assert_eq!(url, "postgresql://u@h:5432/d?password=&sslmode=require&sslcertmode=disable");
    }

    proptest! {
        #[test]
        fn any_name_survives(user in "[^\0]{1,20}", password in "[^\0]{1,20}", name in "[^\0]{1,20}") {
            let quoted = |text: &str| text.replace('\\', r"\\").replace('\'', r"\'");
            let text = format!(
                "host=h user='{}' password='{}' dbname='{}'",
                quoted(&user), quoted(&password), quoted(&name)
            );
            let target = again(&resolve(&text, &Surroundings::default()));
            prop_assert_eq!((&target.user, &target.database), (&user, &name));
            prop_assert_eq!(target.hosts[0].password(), Some(password.as_str()));
        }
    }
}
