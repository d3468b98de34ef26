//! Services: named sets of words in `pg_service.conf`.

use crate::parse::Pairs;
use crate::words::find_word;
use std::path::Path;

/// The words of a service, if the file has it.
///
/// # Errors
/// The line that cannot be read.
pub(crate) fn read(path: &Path, service: &str) -> Result<Option<Pairs>, String> {
    let place = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("service file {place} cannot be read: {error}"))?;
    find_service(&text, service)
        .map_err(|line| format!("service file {place}: invalid line {line}"))
}

fn find_service(text: &str, service: &str) -> Result<Option<Pairs>, usize> {
    let mut found: Option<Pairs> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if header.strip_prefix(service).is_some_and(|rest| rest.starts_with(']')) {
                found = Some(Pairs::new());
            }
            continue;
        }
        let Some(pairs) = &mut found else { continue };
        let invalid = number + 1;
        let (word, value) = line.split_once('=').ok_or(invalid)?;
        // A service within a service is nothing that libpq reads either.
        let word = find_word(word).filter(|word| word.name != "service").ok_or(invalid)?;
        pairs.push((word.name, value.to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::find_service;

    #[test]
    fn a_service_is_its_own_section() {
        let text = "[other]\nhost=no\n\n# remark\n[mine]\nhost=h\n port=5 \n[after]\nnonsense\n";
        let found = find_service(text, "mine").unwrap().unwrap();
        assert_eq!(found, [("host", "h".to_owned()), ("port", "5".to_owned())]);
        assert_eq!(find_service(text, "none"), Ok(None));
        assert_eq!(find_service("[a]\nhost\n", "a"), Err(2));
        assert_eq!(find_service("[a]\nservice=b\n", "a"), Err(2));
    }
}
