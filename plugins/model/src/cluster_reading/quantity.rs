//! Kubernetes' quantities, so that `10Gi`, `10240Mi` and `10737418240` are the same.

use serde_json::{Number, Value};

/// An amount, exact to the billionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity {
    billionths: i128,
}

const BILLION: i128 = 1_000_000_000;

/// Powers of 1024, from the first.
const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// Powers of 1000, from the billionth.
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

/// Longer numbers are no amounts of anything.
const MAX_DIGITS: usize = 30;

impl Quantity {
    /// Reads a quantity after Kubernetes' grammar: a decimal number with a sign, then a suffix of
    /// powers of 1000 (`n u m k M G T P E`) or 1024 (`Ki` to `Ei`), or an exponent (`e9`, `E-3`).
    /// As Kubernetes does, what is finer than a billionth is rounded away from zero, and what is
    /// larger than 2^63-1 counts as that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, suffix) = unsigned.split_at(end.unwrap_or(unsigned.len()));
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && part.is_empty()) || part.contains('.') {
            return None;
        }
        let (factor, divisor) = scale(suffix)?;
        let whole = whole.trim_start_matches('0');
        let part = part.trim_end_matches('0');
        let most = i128::from(i64::MAX) * BILLION;
        let amount = if whole.is_empty() && part.is_empty() {
            0
        } else if whole.len() > MAX_DIGITS {
            most
        } else {
            // What lies behind so many digits cannot change the billionths.
            let part = &part[..part.len().min(MAX_DIGITS - whole.len().min(MAX_DIGITS))];
            amount(whole, part, factor, divisor).unwrap_or(most).min(most)
        };
        Some(Self { billionths: if negative { -amount } else { amount } })
    }

    /// The whole number of bytes, where the amount is one of bytes; a part of a byte counts as one.
    #[must_use]
    pub fn bytes(self) -> i64 {
        let whole = self.billionths / BILLION;
        let up = i128::from(self.billionths % BILLION > 0);
        i64::try_from(whole + up).unwrap_or(i64::MAX)
    }

    /// The amount as a floating-point number, for proportions.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.billionths as f64 / 1e9
    }

    /// The amount as a JSON number of bytes.
    #[must_use]
    pub fn json(self) -> Value {
        Value::Number(Number::from(self.bytes()))
    }
}

/// The bytes of a quantity such as `10Gi`, `1.5G`, `512M` or `1e9`; `None` where it is none.
#[must_use]
pub fn bytes(text: &str) -> Option<i64> {
    Quantity::parse(text).map(Quantity::bytes)
}

/// The billionths of a number, rounded up; `None` where they are more than can be counted.
fn amount(whole: &str, part: &str, factor: Scale, divisor: Scale) -> Option<i128> {
    let digits: i128 = format!("0{whole}{part}").parse().ok()?;
    let shift = 10i128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let above = digits.checked_mul(factor.checked()?)?;
    let below = shift.checked_mul(divisor.checked().unwrap_or(i128::MAX))?;
    // Divided first where that loses nothing, so that large amounts with many digits fit.
    let (quotient, rest) = (above / below, above % below);
    let fine = match rest.checked_mul(BILLION) {
        Some(rest) => rest / below + i128::from(rest % below != 0),
        None => rest / (below / BILLION).max(1) + 1,
    };
    quotient.checked_mul(BILLION)?.checked_add(fine)
}

/// A power of a base.
#[derive(Debug, Clone, Copy)]
struct Scale {
    base: i128,
    power: u32,
}

impl Scale {
    const ONE: Self = Self { base: 1, power: 1 };

    fn checked(self) -> Option<i128> {
        self.base.checked_pow(self.power)
    }
}

/// By what a suffix multiplies and divides.
fn scale(suffix: &str) -> Option<(Scale, Scale)> {
    let place = |list: &[&str]| list.iter().position(|known| *known == suffix);
    if let Some(power) = place(&BINARY).and_then(|power| u32::try_from(power).ok()) {
        return Some((Scale { base: 1024, power: power + 1 }, Scale::ONE));
    }
    if let Some(power) = place(&DECIMAL).and_then(|power| u32::try_from(power).ok()) {
        let billion = Scale { base: 1000, power: 3 };
        return Some((Scale { base: 1000, power }, billion));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = Scale { base: 10, power: exponent.unsigned_abs() };
    Some(if exponent < 0 { (Scale::ONE, power) } else { (power, Scale::ONE) })
}

#[cfg(test)]
mod tests {
    use super::{Quantity, bytes};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn every_way_to_write_an_amount_is_read() {
        for (text, value) in [
            ("10Gi", 10 << 30),
            ("10240Mi", 10 << 30),
            ("10737418240", 10 << 30),
            ("10737418240000m", 10 << 30),
            ("10737418240000000u", 10 << 30),
            ("10737418240000000000n", 10 << 30),
            ("1.5Gi", 3 << 29),
            (".5Gi", 1 << 29),
            ("1.Gi", 1 << 30),
            ("+1Ki", 1024),
            ("-1Ki", -1024),
            ("10500Mi", 11_010_048_000),
            ("6G", 6_000_000_000),
            ("1e10", 10_000_000_000),
            ("1E10", 10_000_000_000),
            ("1e+3", 1000),
            ("25e-1", 3),
            ("0.01Ti", 10_995_116_278),
            ("2E", 2_000_000_000_000_000_000),
            ("1Ei", 1 << 60),
            ("8Pi", 8 << 50),
            ("100m", 1),
            ("1n", 1),
            ("0", 0),
            ("0Ei", 0),
            ("0e99", 0),
            ("00010", 10),
            // More than fits counts as the most that does.
            ("8Ei", i64::MAX),
            ("1e99", i64::MAX),
            ("-1e99", -i64::MAX),
            ("1e-99", 1),
            ("0.1234567890123456789012345678901234567890123Gi", 132_560_718),
            ("9223372036854775807", i64::MAX),
            ("9007199254740993", 9_007_199_254_740_993),
        ] {
            assert_eq!(bytes(text), Some(value), "{text}");
        }
        assert_eq!(Quantity::parse("1Ei").unwrap().json(), json!(1_152_921_504_606_846_976_i64));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for wrong in [
            "", "Gi", "10 Gi", "10gb", "ten", "1gi", "inf", "NaN", "1GiB", "--1", "1.2.3", ".",
            "1e", "e3", "1e1.5", "0x10", "1_000", "10Gi ",
        ] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in ".{0,60}") {
            let _amount = Quantity::parse(&text);
        }

        #[test]
        fn numbers_of_any_length_are_read(text in "[+-]?[0-9]{0,60}(\\.[0-9]{0,60})?([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3})?") {
            let _amount = Quantity::parse(&text);
        }

        #[test]
        fn units_agree(number in 0_i64..1_000_000) {
            prop_assert_eq!(bytes(&format!("{number}Gi")), bytes(&format!("{}Mi", number * 1024)));
            prop_assert_eq!(bytes(&format!("{number}G")), bytes(&format!("{number}e9")));
            prop_assert_eq!(bytes(&format!("{number}")), bytes(&format!("{number}000m")));
        }
    }
}
