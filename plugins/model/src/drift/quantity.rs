//! Kubernetes' quantities, so that `10Gi` and `10240Mi` are the same.

/// The bytes of a quantity such as `10Gi`, `1.5G`, `512M` or `1e9`; `None` where it is none, or more
/// than fits.
#[must_use]
pub fn bytes(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '+' || c == '-'));
    let (number, suffix) = text.split_at(digits.unwrap_or(text.len()));
    let factor = match suffix {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "Pi" => 1_125_899_906_842_624.0,
        exponent => {
            let power = exponent.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?;
            10_f64.powi(power)
        }
    };
    let value = number.parse::<f64>().ok()? * factor;
    // Kubernetes rounds up what is no whole number.
    let whole = value.ceil();
    (whole.is_finite() && whole.abs() < 9e18).then_some(whole as i64)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn every_way_to_write_an_amount_is_read() {
        assert_eq!(bytes("10Gi"), Some(10 << 30));
        assert_eq!(bytes("10Gi"), bytes("10240Mi"));
        assert_eq!(bytes("1.5Gi"), Some(3 << 29));
        assert_eq!(bytes("10737418240"), bytes("10Gi"));
        assert_eq!(bytes("10G"), Some(10_000_000_000));
        assert_eq!(bytes("1e9"), bytes("1G"));
        assert_eq!(bytes("100m"), Some(1));
        for wrong in ["", "Gi", "10 Gi", "10gb", "ten", "1e99"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
