//! duroxide's own client, which never changes the schema.

use super::db::no_database;
use super::grants::Grants;
use crate::settings::{MAX_MILLISECONDS, Settings};
use duroxide::runtime::OrchestrationStatus;
use duroxide::{AppErrorKind, Client, ErrorDetails};
use duroxide_pg::{MigrationPolicy, PostgresProvider, ProviderConfig};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use toygres_connect::{Gateway, SessionOptions};
use toygres_plugin_api::protocol::{WorkflowCancel, WorkflowRef, WorkflowStatus};
use toygres_plugin_api::{Error, Result};

/// duroxide's client as it is lent to one run; connected when it is first asked for.
pub struct Workflows {
    settings: Arc<Settings>,
    grants: Grants,
    connected: OnceCell<Connected>,
}

/// The client, and the way that its connections take.
struct Connected {
    client: Client,
    _gateway: Gateway,
}

impl std::fmt::Debug for Workflows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workflows").finish_non_exhaustive()
    }
}

impl Workflows {
    /// The client for the database and schema of the settings.
    #[must_use]
    pub fn new(settings: Arc<Settings>, grants: Grants) -> Self {
        Self { settings, grants, connected: OnceCell::new() }
    }

    /// duroxide's status of an instance.
    ///
    /// # Errors
    /// When the database cannot be reached or its schema is of another generation.
    pub async fn status(&self, of: WorkflowRef) -> Result<WorkflowStatus> {
        let client = self.client().await?;
        let status = self.within(client.get_orchestration_status(&of.instance)).await?;
        Ok(match status {
            OrchestrationStatus::NotFound => WorkflowStatus::NotFound,
            OrchestrationStatus::Running { .. } => WorkflowStatus::Running,
            OrchestrationStatus::Completed { output, .. } => WorkflowStatus::Completed { output },
            OrchestrationStatus::Failed { details, .. } => WorkflowStatus::Failed {
                error: details.display_message(),
                cancelled: is_cancelled(&details),
            },
        })
    }

    /// The events of an execution, as duroxide writes them in JSON.
    ///
    /// # Errors
    /// As for [`Self::status`].
    pub async fn history(&self, of: WorkflowRef) -> Result<Vec<serde_json::Value>> {
        let client = self.client().await?;
        let execution = match of.execution {
            Some(execution) => execution,
            None => {
                let executions = self.within(client.list_executions(&of.instance)).await?;
                executions.into_iter().max().unwrap_or(1)
            }
        };
        let events = self.within(client.read_execution_history(&of.instance, execution)).await?;
        events.iter().map(|event| Ok(serde_json::to_value(event)?)).collect()
    }

    /// Asks duroxide to cancel an instance.
    ///
    /// # Errors
    /// When nobody confirmed, or as for [`Self::status`].
    pub async fn cancel(&self, cancel: WorkflowCancel) -> Result<()> {
        let _granted = self.grants.check(&cancel.confirmed)?;
        let client = self.client().await?;
        self.within(client.cancel_instance(cancel.instance, cancel.reason)).await
    }

    async fn client(&self) -> Result<&Client> {
        Ok(&self.connected.get_or_try_init(|| self.connect()).await?.client)
    }

    async fn connect(&self) -> Result<Connected> {
        let target = self.settings.database()?.ok_or_else(|| no_database(&self.settings))?;
        let timeout = self.settings.number("database.connect_timeout_ms", 1..=MAX_MILLISECONDS)?;
        let options = SessionOptions {
            application_name: APPLICATION_NAME,
            connect_timeout: Duration::from_millis(timeout),
        };
        let gateway = Gateway::open(&Arc::new(target), options).await?;
        gateway.check_sessions(options).await?;
        let (schema, _) = self.settings.get("database.duroxide_schema")?;
        let schema = schema.unwrap_or_default();
        let mut config = ProviderConfig::url(gateway.url());
        config.schema_name = Some(schema.clone());
        // The default would run DDL.
        config.migration_policy = MigrationPolicy::VerifyOnly;
        let provider = tokio::time::timeout(DEADLINE, PostgresProvider::new_with_config(config));
        let provider = provider.await.map_err(|_| {
            Error::unavailable("the database did not answer in time")
                .hint("try `toygres server db-status`")
        })?;
        let provider = provider.map_err(|error| unusable(&schema, &error.to_string()))?;
        Ok(Connected { client: Client::new(Arc::new(provider)), _gateway: gateway })
    }

    async fn within<T, E: std::fmt::Display>(
        &self,
        answer: impl Future<Output = std::result::Result<T, E>>,
    ) -> Result<T> {
        let answered = tokio::time::timeout(DEADLINE, answer).await.map_err(|_| {
            Error::unavailable("the database did not answer in time")
                .hint("try `toygres server db-status`")
        })?;
        answered.map_err(|error| refused(&error.to_string()))
    }
}

/// The name that the server shows.
const APPLICATION_NAME: &str = "toygres";

/// Connecting and each question.
const DEADLINE: Duration = Duration::from_secs(10);

/// duroxide tells only in words what PostgreSQL answered.
fn refused(cause: &str) -> Error {
    if cause.contains("permission denied") {
        return Error::unavailable("this role may not do that in duroxide's schema")
            .cause(cause)
            .retryable(false)
            .hint("use the role of the server, or ask for its rights on duroxide's schema");
    }
    Error::failed("duroxide refused").cause(cause)
}

fn unusable(schema: &str, cause: &str) -> Error {
    if cause.contains("migration") {
        return Error::unavailable(format!(
            "the schema `{schema}` is of another generation than this toygres' duroxide"
        ))
        .cause(cause)
        .retryable(false)
        .hint("use the toygres of the server that made it, or let its server migrate it");
    }
    Error::unavailable("duroxide's client cannot connect")
        .cause(cause)
        .hint("try `toygres server db-status`")
}

/// duroxide has no such status: a cancellation is a failure with these details.
fn is_cancelled(details: &ErrorDetails) -> bool {
    matches!(details, ErrorDetails::Application { kind: AppErrorKind::Cancelled { .. }, .. })
}
