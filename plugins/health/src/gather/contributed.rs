//! Checks that other plugins bring: commands whose manifest says `checks`. The host runs them; no
//! library is opened here, and none at all where no plugin brings any.

use super::{Lazy, lazy};
use futures_util::future::{LocalBoxFuture, join_all};
use serde_json::Value;
use std::rc::Rc;
use std::time::{Duration, Instant};
use toygres_plugin_api::manifest::Scope;
use toygres_plugin_api::protocol::{Output, RunCommand};
use toygres_plugin_api::{Context, Error, Result};

/// A command that brings checks.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) plugin: String,
    pub(crate) command: String,
    pub(crate) scope: Scope,
}

/// What one command brought.
#[derive(Debug, Clone)]
pub(crate) struct Contribution {
    pub(crate) plugin: String,
    pub(crate) command: String,
    pub(crate) rows: Result<Vec<Value>>,
    pub(crate) took_ms: u64,
}

/// Whoever can run commands of other plugins: the host, or a test.
pub(crate) trait Runs {
    /// The commands that bring checks.
    fn offers(&self) -> LocalBoxFuture<'_, Result<Vec<Offer>>>;
    /// The rows of one of them.
    fn rows<'a>(&'a self, offer: &'a Offer) -> LocalBoxFuture<'a, Result<Vec<Value>>>;
}

impl Runs for Context {
    fn offers(&self) -> LocalBoxFuture<'_, Result<Vec<Offer>>> {
        Box::pin(async move {
            let manifests = self.commands().manifests().await?;
            let offers = manifests.into_iter().flat_map(|manifest| {
                let plugin = manifest.name;
                let brings =
                    manifest.commands.into_iter().filter(|one| one.checks && !one.mutating);
                brings
                    .map(move |command| Offer {
                        plugin: plugin.clone(),
                        command: command.name,
                        scope: command.scope,
                    })
                    .collect::<Vec<_>>()
            });
            Ok(offers.collect())
        })
    }

    fn rows<'a>(&'a self, offer: &'a Offer) -> LocalBoxFuture<'a, Result<Vec<Value>>> {
        Box::pin(async move {
            let run = RunCommand {
                scope: offer.scope,
                command: offer.command.clone(),
                output: Output { format: "json".to_owned(), ..Output::default() },
                ..RunCommand::default()
            };
            list(self.commands().run(&run).await?.answer().await?.data)
        })
    }
}

fn list(data: Value) -> Result<Vec<Value>> {
    match data {
        Value::Array(rows) => Ok(rows),
        _ => Err(Error::plugin("its answer is no list of checks")),
    }
}

/// Everything that is brought, asked for side by side.
pub(super) fn contributed(runs: Rc<dyn Runs>, patience: Duration) -> Lazy<Vec<Contribution>> {
    lazy(async move {
        let offers = runs.offers().await?;
        let runs = &runs;
        Ok(join_all(offers.into_iter().map(|offer| one(runs.as_ref(), offer, patience))).await)
    })
}

async fn one(runs: &dyn Runs, offer: Offer, patience: Duration) -> Contribution {
    let begun = Instant::now();
    let rows = tokio::time::timeout(patience, runs.rows(&offer)).await.unwrap_or_else(|_| {
        Err(Error::timed_out(format!("no answer within {} ms", patience.as_millis())))
    });
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Contribution { plugin: offer.plugin, command: offer.command, rows, took_ms }
}

#[cfg(test)]
mod tests {
    use super::{Contribution, Offer, Runs, contributed};
    use futures_util::future::LocalBoxFuture;
    use serde_json::{Value, json};
    use std::rc::Rc;
    use std::time::Duration;
    use toygres_plugin_api::Result;
    use toygres_plugin_api::manifest::Scope;

    /// One that answers, and one that never does.
    struct Two;

    impl Runs for Two {
        fn offers(&self) -> LocalBoxFuture<'_, Result<Vec<Offer>>> {
            let offer = |command: &str| Offer {
                plugin: "acme".to_owned(),
                command: command.to_owned(),
                scope: Scope::Server,
            };
            let offers = vec![offer("quick"), offer("hung")];
            Box::pin(async move { Ok(offers) })
        }

        fn rows<'a>(&'a self, offer: &'a Offer) -> LocalBoxFuture<'a, Result<Vec<Value>>> {
            Box::pin(async move {
                if offer.command == "hung" {
                    std::future::pending::<()>().await;
                }
                Ok(vec![json!({"code": "AC0001", "outcome": "failed"})])
            })
        }
    }

    #[tokio::test]
    async fn one_that_hangs_does_not_hold_the_others() {
        let all = contributed(Rc::new(Two), Duration::from_millis(20)).await.unwrap();
        let [quick, hung]: &[Contribution] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!(quick.rows.as_ref().unwrap()[0]["code"], "AC0001");
        assert!(hung.rows.as_ref().unwrap_err().message.contains("no answer"));
        let rows = crate::run::brought(&all);
        assert_eq!((rows.len(), rows[0].outcome.as_str()), (1, "failed"));
        assert_eq!(rows[0].plugin.as_deref(), Some("acme"));
    }
}
