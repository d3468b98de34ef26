//! Prometheus' text format: families with help and type, samples with escaped labels.

use std::fmt::Write;

/// A document that grows family by family.
#[derive(Debug, Default)]
pub(super) struct Text {
    text: String,
    family: String,
}

impl Text {
    /// Begins a family; the samples that follow are its own.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing to a text cannot fail, here and below.
        let _whole = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        name.clone_into(&mut self.family);
    }

    /// A sample of the family.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        self.suffixed("", labels, value);
    }

    /// A sample of the family's `_bucket`, `_sum` or `_count`.
    pub(super) fn suffixed(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) {
        let _whole = write!(self.text, "{}{suffix}", self.family);
        for (n, (name, value)) in labels.iter().enumerate() {
            let before = if n == 0 { '{' } else { ',' };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _whole = write!(self.text, "{before}{name}=\"{value}\"");
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _whole = writeln!(self.text, "{after} {value}");
    }

    pub(super) fn done(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn labels_and_help_are_escaped() {
        let mut text = Text::default();
        text.family("a_total", "counter", "What\nis \\ counted.");
        text.sample(&[], 3.0);
        text.sample(&[("of", "a \"b\"\\\n"), ("is", "")], 0.25);
        assert_eq!(
            text.done(),
            "# HELP a_total What\\nis \\\\ counted.\n# TYPE a_total counter\na_total 3\n\
             a_total{of=\"a \\\"b\\\"\\\\\\n\",is=\"\"} 0.25\n"
        );
    }
}
