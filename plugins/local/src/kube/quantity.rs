//! Quantities: `10Gi`, `500m`, `1e3`; there is one shortest form of each.

/// An amount, in billionths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quantity {
    billionths: i128,
    style: Style,
}

/// How it was written, and so how it is written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `Ki`, `Mi`, ….
    Binary,
    /// `k`, `M`, …, and `m`.
    Decimal,
    /// `e3`.
    Exponent,
}

const BILLION: i128 = 1_000_000_000;

/// Powers of 1024, from the first.
const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// Powers of 1000, from the billionth.
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

impl Quantity {
    /// Reads a quantity; none where it is none, or where it is larger than any thing.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, suffix) = unsigned.split_at(end.unwrap_or(unsigned.len()));
        let (factor, divisor, style) = scale(suffix)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && part.is_empty() || part.contains('.') || number.len() > 30 {
            return None;
        }
        let digits: i128 = format!("0{whole}{part}").parse().ok()?;
        let shift = 10i128.checked_pow(u32::try_from(part.len()).ok()?)?;
        let above = digits.checked_mul(factor)?.checked_mul(BILLION)?;
        let below = shift.checked_mul(divisor)?;
        // What is smaller than a billionth counts as one.
        let amount = above / below + i128::from(above % below != 0);
        Some(Self { billionths: if negative { -amount } else { amount }, style })
    }

    /// The shortest way to write it.
    pub(crate) fn canonical(self) -> String {
        let whole = self.billionths / BILLION;
        let is_whole = self.billionths % BILLION == 0;
        match self.style {
            Style::Binary if is_whole && whole.abs() >= 1024 => binary(whole),
            Style::Binary | Style::Decimal => {
                let (number, power) = thousands(self.billionths);
                format!("{number}{}", DECIMAL[power])
            }
            Style::Exponent => {
                let (number, power) = thousands(self.billionths);
                let exponent = i32::try_from(power).unwrap_or_default() * 3 - 9;
                if exponent == 0 { number.to_string() } else { format!("{number}e{exponent}") }
            }
        }
    }

    /// The amount in billionths.
    pub(crate) fn billionths(self) -> i128 {
        self.billionths
    }
}

/// By what a suffix multiplies and divides.
fn scale(suffix: &str) -> Option<(i128, i128, Style)> {
    if let Some(power) = BINARY.iter().position(|known| *known == suffix) {
        let factor = 1024i128.checked_pow(u32::try_from(power).ok()? + 1)?;
        return Some((factor, 1, Style::Binary));
    }
    if let Some(power) = DECIMAL.iter().position(|known| *known == suffix) {
        let factor = 1000i128.checked_pow(u32::try_from(power).ok()?)?;
        return Some((factor, BILLION, Style::Decimal));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = 10i128.checked_pow(exponent.unsigned_abs())?;
    let (factor, divisor) = if exponent < 0 { (1, power) } else { (power, 1) };
    Some((factor, divisor, Style::Exponent))
}

fn binary(mut whole: i128) -> String {
    let mut suffix = "";
    for next in BINARY {
        if whole % 1024 != 0 {
            break;
        }
        whole /= 1024;
        suffix = next;
    }
    format!("{whole}{suffix}")
}

/// A number without zeros at its end in groups of three, and the place of its suffix.
fn thousands(billionths: i128) -> (i128, usize) {
    if billionths == 0 {
        return (0, 3);
    }
    let (mut number, mut power) = (billionths, 0);
    while number % 1000 == 0 && power + 1 < DECIMAL.len() {
        number /= 1000;
        power += 1;
    }
    (number, power)
}

#[cfg(test)]
mod tests {
    use super::Quantity;
    use proptest::prelude::*;

    #[test]
    fn each_has_one_shortest_form() {
        for (text, expected) in [
            ("1", "1"),
            ("0", "0"),
            ("0Gi", "0"),
            ("1024Mi", "1Gi"),
            ("1536Mi", "1536Mi"),
            ("1000Ki", "1000Ki"),
            ("0.5Gi", "512Mi"),
            ("1023", "1023"),
            ("512Ki", "512Ki"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("1000", "1k"),
            ("1e3", "1e3"),
            ("1E3", "1e3"),
            ("12e2", "1200"),
            ("2E", "2E"),
            (".5", "500m"),
            ("+5", "5"),
            ("-1Ki", "-1Ki"),
            ("0.1n", "1n"),
        ] {
            let quantity = Quantity::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(quantity.canonical(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for bad in [
            "",
            "Gi",
            "1gi",
            "ten",
            "1 Gi",
            "inf",
            "NaN",
            "1GiB",
            "--1",
            "1.2.3",
            ".",
            "1e",
            "e3",
            "1e99",
            "9999999999999999999999999999999999999999",
        ] {
            assert_eq!(Quantity::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_shortest_form_is_the_same_amount(
            number in 0u64..1_000_000_000,
            suffix in prop::sample::select(
                &["", "m", "u", "k", "M", "G", "Ki", "Mi", "Gi", "Ti", "e3", "e-3"][..],
            ),
        ) {
            let quantity = Quantity::parse(&format!("{number}{suffix}")).unwrap();
            let again = Quantity::parse(&quantity.canonical()).unwrap();
            prop_assert_eq!(again.billionths(), quantity.billionths());
            prop_assert_eq!(again.canonical(), quantity.canonical());
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,40}") {
            let _ = Quantity::parse(&text);
        }
    }
}
