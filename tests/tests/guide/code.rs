//! The parts of the guide's plugin.

use std::path::Path;

/// The part that `FILE REGION` names, below `tests/guide-plugin`: what stands between
/// `// region: REGION` and `// endregion`.
pub(crate) fn part(about: &str) -> String {
    let (file, region) =
        about.split_once(' ').unwrap_or_else(|| panic!("`{about}` is no file and region"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("guide-plugin").join(file);
    let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let begin = format!("// region: {region}");
    let within = source.lines().skip_while(|line| line.trim() != begin).skip(1);
    let part: Vec<&str> = within.take_while(|line| line.trim() != "// endregion").collect();
    assert!(!part.is_empty(), "{} has no region `{region}`", path.display());
    // The guide's plugin has several files; a reader's first one has not.
    part.iter().map(|line| line.replace("pub(crate) ", "") + "\n").collect()
}
