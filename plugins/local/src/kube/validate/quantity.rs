//! Quantities: `10Gi`, `500m`, `1e3`.

/// What is behind a number, and by how much it multiplies.
const SUFFIXES: [(&str, f64); 16] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("", 1.0),
];

/// The size of a quantity; none where it is no quantity.
pub(super) fn size(text: &str) -> Option<f64> {
    let number_like = |text: &str| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
    };
    SUFFIXES.iter().find_map(|(suffix, factor)| {
        let number = text.strip_suffix(suffix)?;
        let value: f64 = number_like(number).then(|| number.parse().ok())??;
        Some(value * factor)
    })
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn each_suffix_multiplies() {
        for (text, expected) in [
            ("1", 1.0),
            ("10Gi", 10_737_418_240.0),
            ("500m", 0.5),
            ("1e3", 1000.0),
            ("1E3", 1000.0),
            ("2E", 2e18),
            (".5", 0.5),
            ("-1Ki", -1024.0),
        ] {
            assert_eq!(size(text), Some(expected), "{text}");
        }
        for bad in ["", "Gi", "1gi", "ten", "1 Gi", "inf", "NaN", "1GiB", "--1"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }
}
