//! The addresses of a load balancer, whose order means nothing.

use std::net::IpAddr;

/// The address to use of those that a load balancer has: the recorded one for as long as it is among
/// them, else the first IP address, else the first name.
#[must_use]
pub fn preferred_address<'a>(addresses: &'a [String], recorded: Option<&str>) -> Option<&'a str> {
    let kept = recorded
        .and_then(|recorded| addresses.iter().find(|address| is_same_address(address, recorded)));
    let number = || addresses.iter().find(|address| address.parse::<IpAddr>().is_ok());
    kept.or_else(number).or(addresses.first()).map(String::as_str)
}

/// Whether two texts are the same address: one IP address has several spellings, and in a name
/// neither the case nor a dot at the end matters.
#[must_use]
pub fn is_same_address(one: &str, other: &str) -> bool {
    match (one.parse::<IpAddr>(), other.parse::<IpAddr>()) {
        (Ok(one), Ok(other)) => one.to_canonical() == other.to_canonical(),
        (Err(_), Err(_)) => {
            one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_same_address, preferred_address};

    #[test]
    fn the_recorded_address_is_kept_in_any_order() {
        let own = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let two = own(&["10.0.0.1", "10.0.0.2"]);
        let swapped = own(&["10.0.0.2", "10.0.0.1"]);
        for all in [&two, &swapped] {
            assert_eq!(preferred_address(all, Some("10.0.0.2")), Some("10.0.0.2"));
            assert_eq!(preferred_address(all, Some("10.0.0.1")), Some("10.0.0.1"));
        }
        // A change that is one: the recorded address is gone.
        assert_eq!(preferred_address(&two, Some("10.0.0.3")), Some("10.0.0.1"));
        let named = own(&["lb.example.com", "10.0.0.1"]);
        assert_eq!(preferred_address(&named, None), Some("10.0.0.1"));
        assert_eq!(preferred_address(&named, Some("LB.example.com.")), Some("lb.example.com"));
        assert_eq!(preferred_address(&own(&["lb.example.com"]), None), Some("lb.example.com"));
        assert_eq!(preferred_address(&[], Some("10.0.0.1")), None);
    }

    #[test]
    fn one_address_has_several_spellings() {
        assert!(is_same_address("fd00::1", "FD00:0:0::1"));
        assert!(is_same_address("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!is_same_address("10.0.0.1", "10.0.0.10"));
        assert!(!is_same_address("10.0.0.1", "a10.0.0.1"));
    }
}
