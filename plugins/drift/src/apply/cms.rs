//! Steps that change the CMS alone: each is one transaction with what tells of it.

use super::{Applying, Password, StepOutcome, audit, faults};
use crate::plan::{Action, Adopted, Step};
use crate::settings::quoted;
use serde::Deserialize;
use toygres_model::kubernetes::{SUPERUSER, health_orchestration, service};
use toygres_plugin_api::context::{Bind, Session};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result};

impl Applying<'_> {
    pub(super) async fn in_cms(&self, number: usize, step: &Step) -> Result<StepOutcome> {
        let cms = quoted(&self.settings.cms);
        let session = self.ctx.db().write(self.confirmed).await?;
        let changed = match &step.action {
            Action::MarkDeleted => mark_deleted(&session, &cms, step).await?,
            Action::Import(adopted) => import(&session, &cms, step, adopted).await?,
            Action::RecordMonitor { monitor } => {
                record_monitor(&session, &cms, step, monitor).await?
            }
            Action::RecordAddress { host, port, load_balancer, .. } => {
                record_address(&session, &cms, step, host.as_deref(), *port, *load_balancer).await?
            }
            Action::RecordStorage { storage_gb } => {
                record_storage(&session, &cms, step, *storage_gb).await?
            }
            _ => return Err(Error::plugin("a step of another sort came to the CMS")),
        };
        if !changed {
            session.rollback().await?;
            return self.is_done_already(&cms, step).await;
        }
        audit::event(&session, &cms, step).await?;
        audit::detection(self.ctx, &session, &cms, step).await?;
        faults::at(number, "abort");
        session.commit().await?;
        Ok(StepOutcome::Done)
    }

    /// The password that an old deployment left in its record. It goes nowhere but into the Secret.
    pub(super) async fn recorded_password(&self, step: &Step) -> Result<Password> {
        #[derive(Deserialize)]
        struct Row {
            password: Option<String>,
        }
        let sql = format!(
            "SELECT coalesce(
                 substring(ip_connection_string from '://[^/:@]*:([^/]+)@'),
                 substring(dns_connection_string from '://[^/:@]*:([^/]+)@')) AS password
             FROM {}.instances WHERE id = $1::uuid",
            quoted(&self.settings.cms)
        );
        let query = self.ctx.db().query(sql).bind(step.id.as_str());
        let password = query.fetch_optional::<Row>().await?.and_then(|row| row.password);
        let password = password.ok_or_else(|| {
            Error::refused(format!("the record of `{}` holds no password by now", step.k8s_name))
        })?;
        let decoded = percent_encoding::percent_decode_str(&password).decode_utf8();
        let decoded = decoded
            .map_err(|error| Error::failed("the recorded password is no text").cause(error))?;
        Ok(Password::generated(decoded.into_owned()))
    }

    /// Where nothing was to be changed: whether that is because it is as it should be.
    async fn is_done_already(&self, cms: &str, step: &Step) -> Result<StepOutcome> {
        #[derive(Deserialize)]
        struct Row {
            state: String,
        }
        let sql = format!("SELECT state::text AS state FROM {cms}.instances WHERE k8s_name = $1");
        let row: Option<Row> =
            self.ctx.db().query(sql).bind(step.k8s_name.as_str()).fetch_optional().await?;
        let state = row.map(|row| row.state);
        let wanted = match step.action {
            Action::MarkDeleted => "deleted",
            _ => "running",
        };
        if state.as_deref() == Some(wanted) {
            return Ok(StepOutcome::Already);
        }
        let state = state.unwrap_or_else(|| "gone".to_owned());
        Err(Error::refused(format!("the record of `{}` is {state} by now", step.k8s_name)))
    }
}

async fn mark_deleted(session: &Session, cms: &str, step: &Step) -> Result<bool> {
    let sql = format!(
        "UPDATE {cms}.instances SET state = 'deleted', health_status = 'unknown',
             deleted_at = now(), updated_at = now()
         WHERE id = $1::uuid AND state = $2::text::public.instance_state"
    );
    let binds = vec![step.id.as_str().into(), step.state.as_str().into()];
    Ok(session.execute(&sql, binds).await? > 0)
}

/// Makes the record, or brings a deleted one back.
async fn import(session: &Session, cms: &str, step: &Step, adopted: &Adopted) -> Result<bool> {
    hold_name(session, cms, step).await?;
    let Adopted { version, storage_gb, load_balancer, dns_label, host, port } = adopted;
    let inside = format!("{}.{}.svc.cluster.local", service(&step.k8s_name), step.namespace);
    let ip_url = host.as_deref().map(|host| url(host, *port));
    let dns_url = (!load_balancer).then(|| url(&inside, *port));
    let sql = format!(
        "INSERT INTO {cms}.instances AS i (id, user_name, k8s_name, namespace, postgres_version,
             storage_size_gb, use_load_balancer, dns_name, external_ip, ip_connection_string,
             dns_connection_string, state, health_status)
         VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'running', 'unknown')
         ON CONFLICT (k8s_name) DO UPDATE SET user_name = excluded.user_name,
             namespace = excluded.namespace, postgres_version = excluded.postgres_version,
             storage_size_gb = excluded.storage_size_gb,
             use_load_balancer = excluded.use_load_balancer, dns_name = excluded.dns_name,
             external_ip = excluded.external_ip,
             ip_connection_string = excluded.ip_connection_string,
             dns_connection_string = excluded.dns_connection_string, state = 'running',
             health_status = 'unknown', deleted_at = NULL, updated_at = now()
         WHERE i.state = 'deleted'"
    );
    let binds: Vec<Bind> = vec![
        step.id.as_str().into(),
        step.instance.as_str().into(),
        step.k8s_name.as_str().into(),
        step.namespace.as_str().into(),
        version.into(),
        (*storage_gb).into(),
        (*load_balancer).into(),
        dns_label.as_ref().into(),
        host.as_ref().into(),
        ip_url.into(),
        dns_url.into(),
    ];
    Ok(session.execute(&sql, binds).await? > 0)
}

/// A name belongs to one live instance: the lock is the one that creating takes.
async fn hold_name(session: &Session, cms: &str, step: &Step) -> Result<()> {
    #[derive(Deserialize)]
    struct Row {
        k8s_name: String,
    }
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
    let name = format!("toygres:name:{}", step.instance);
    session.execute(lock, vec![name.into()]).await?;
    let sql = format!(
        "SELECT k8s_name FROM {cms}.instances
         WHERE user_name = $1 AND k8s_name <> $2 AND state IN ('creating', 'running', 'deleting')"
    );
    let query = session.query(sql).bind(step.instance.as_str()).bind(step.k8s_name.as_str());
    match query.fetch_optional::<Row>().await? {
        None => Ok(()),
        Some(row) => Err(Error::failed(format!(
            "the name `{}` is taken by `{}`",
            step.instance, row.k8s_name
        ))
        .hint(format!(
            "give another one: {}",
            ShellCommand::new("toygres server sync")
                .option("--import", &step.k8s_name)
                .option("--name", "NAME")
        ))),
    }
}

async fn record_monitor(session: &Session, cms: &str, step: &Step, monitor: &str) -> Result<bool> {
    if !monitor.starts_with(&health_orchestration("")) {
        return Err(Error::failed(format!("`{monitor}` is no health monitor")));
    }
    let sql = format!(
        "UPDATE {cms}.instances SET instance_actor_orchestration_id = $2, updated_at = now()
         WHERE id = $1::uuid AND state = 'running'
             AND instance_actor_orchestration_id IS DISTINCT FROM $2"
    );
    Ok(session.execute(&sql, vec![step.id.as_str().into(), monitor.into()]).await? > 0)
}

/// Host and port of the connection strings. A backslash comes from `chr(92)`: whether it is a letter
/// like any other in a literal is a setting of the role. A password that an old deployment left in one stays
/// there and is not read.
async fn record_address(
    session: &Session,
    cms: &str,
    step: &Step,
    host: Option<&str>,
    port: u16,
    load_balancer: bool,
) -> Result<bool> {
    let id: Bind = step.id.as_str().into();
    if !load_balancer {
        let sql = format!(
            "UPDATE {cms}.instances SET external_ip = NULL, ip_connection_string = NULL,
                 dns_connection_string = regexp_replace(dns_connection_string,
                     ':[0-9]+/([^/@]*)$', ':' || $2 || '/' || chr(92) || '1'),
                 updated_at = now()
             WHERE id = $1::uuid AND state = 'running'"
        );
        return Ok(session.execute(&sql, vec![id, port.to_string().into()]).await? > 0);
    }
    let place = host.map(|host| format!("{}:{port}", bracketed(host)));
    let sql = format!(
        "UPDATE {cms}.instances SET external_ip = $2,
             ip_connection_string = CASE WHEN $3::text IS NULL THEN NULL
                 WHEN ip_connection_string ~ '@[^@/]+/'
                 THEN regexp_replace(ip_connection_string, '@[^@/]+/', '@' || $3::text || '/')
                 ELSE 'postgresql://{SUPERUSER}@' || $3::text || '/postgres' END,
             dns_connection_string = regexp_replace(dns_connection_string,
                 ':[0-9]+/([^/@]*)$', ':' || $4 || '/' || chr(92) || '1'),
             updated_at = now()
         WHERE id = $1::uuid AND state = 'running'"
    );
    let binds = vec![id, host.into(), place.into(), port.to_string().into()];
    Ok(session.execute(&sql, binds).await? > 0)
}

async fn record_storage(
    session: &Session,
    cms: &str,
    step: &Step,
    storage_gb: i64,
) -> Result<bool> {
    let sql = format!(
        "UPDATE {cms}.instances SET storage_size_gb = $2, updated_at = now()
         WHERE id = $1::uuid AND state = 'running' AND storage_size_gb <> $2"
    );
    Ok(session.execute(&sql, vec![step.id.as_str().into(), storage_gb.into()]).await? > 0)
}

fn url(host: &str, port: u16) -> String {
    format!("postgresql://{SUPERUSER}@{}:{port}/postgres", bracketed(host))
}

/// Only an IPv6 address has a colon in it.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}
