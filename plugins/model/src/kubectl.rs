//! Commands of `kubectl` that can be pasted: aimed at the cluster that toygres asked.

use toygres_plugin_api::protocol::{Config, Source};
use toygres_plugin_api::shell::quote_option;

/// What `kubectl` has to be told, because it would choose another cluster by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kubectl {
    /// The kubeconfig, where neither `KUBECONFIG` nor the usual place names it.
    pub kubeconfig: Option<String>,
    /// The context, where it is not the kubeconfig's own choice.
    pub context: Option<String>,
}

impl Kubectl {
    /// What a configuration makes necessary: a shell's own `KUBECONFIG` and the usual place `kubectl`
    /// finds itself.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let known = [Source::Default, Source::Environment];
        let told = |key: &str, known: &[Source]| {
            config.text_unless(key, known).filter(|text| !text.is_empty())
        };
        Self {
            kubeconfig: told("kubernetes.kubeconfig", &known),
            context: told("kubernetes.context", &known[..1]),
        }
    }

    /// The command, aimed; one of another program is left as it is.
    #[must_use]
    pub fn aimed(&self, command: &str) -> String {
        let Some(rest) = command.strip_prefix("kubectl ") else { return command.to_owned() };
        let mut aimed = String::from("kubectl");
        for (option, value) in [("--kubeconfig", &self.kubeconfig), ("--context", &self.context)] {
            if let Some(value) = value {
                aimed.push(' ');
                aimed.push_str(&quote_option(option, value));
            }
        }
        format!("{aimed} {rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::Kubectl;

    #[test]
    fn a_command_is_aimed_where_kubectl_would_look_elsewhere() {
        let usual = Kubectl::default();
        assert_eq!(usual.aimed("kubectl get nodes"), "kubectl get nodes");
        let other =
            Kubectl { kubeconfig: Some("/a b/it's".to_owned()), context: Some("prod".to_owned()) };
        assert_eq!(
            other.aimed("kubectl get nodes"),
            "kubectl --kubeconfig '/a b/it'\\''s' --context prod get nodes"
        );
        assert_eq!(other.aimed("toygres get kubectl "), "toygres get kubectl ");
    }
}
