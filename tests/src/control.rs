//! The control plane as a process of the real binary, on a real PostgreSQL and a real API server.

mod api;
mod cut;
mod objects;
mod server;

pub use api::{Answer, Api};
pub use cut::Way;
pub use objects::Objects;
pub use server::{Mode, Options, Server};

use crate::kube::{ApiServer, Kubelet, open_postgres};
use crate::postgres::{Database, PrivatePostgres};
use crate::{Result, wait};
use serde_json::Value;
use std::sync::OnceLock;

/// What all tests of this process share: an API server whose pods are one PostgreSQL, and another
/// one for the databases of the control planes.
pub struct World {
    /// The API server.
    pub api: &'static ApiServer,
    /// What plays the rest of the cluster.
    pub kubelet: Kubelet,
    /// The PostgreSQL that every instance's Service leads to.
    pub pods: PrivatePostgres,
}

impl World {
    /// The one of this process; none, and a word on stderr, where there is no kube-apiserver.
    ///
    /// # Panics
    /// When a part of it does not start: no test could go on.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<World>> = OnceLock::new();
        let start = || {
            let api = ApiServer::shared()?;
            let pods = open_postgres().unwrap_or_else(|error| panic!("no PostgreSQL: {error}"));
            let kubelet = Kubelet::start(api.kubeconfig(), pods.port())
                .unwrap_or_else(|error| panic!("no kubelet: {error}"));
            Some(Self { api, kubelet, pods })
        };
        SHARED.get_or_init(start).as_ref()
    }
}

/// A deployment of the control plane: a database and a namespace of its own.
pub struct Deployment {
    /// What it shares with others.
    pub world: &'static World,
    /// The database of both schemas.
    pub database: Database<'static>,
    /// The namespace of its instances.
    pub namespace: String,
}

impl Deployment {
    /// A new one, with nothing in it; none where there is no kube-apiserver.
    ///
    /// # Panics
    /// When a part of it cannot be made: no test could go on.
    #[track_caller]
    pub fn new() -> Option<Self> {
        let world = World::shared()?;
        let database = PrivatePostgres::shared().database();
        let database = database.unwrap_or_else(|error| panic!("no database: {error}"));
        let namespace = world.api.namespace("control");
        let namespace = namespace.unwrap_or_else(|error| panic!("no namespace: {error}"));
        Some(Self { world, database, namespace })
    }

    /// Starts a process on it and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready: its log is in the message.
    #[track_caller]
    pub fn start(&self, options: Options) -> Server {
        let started = Server::start(self, options);
        started.unwrap_or_else(|error| panic!("the server does not start: {error}"))
    }

    /// The objects of its instances, as the API server has them.
    pub fn objects(&self) -> Objects<'_> {
        Objects::new(self.world.api.kubeconfig(), &self.namespace)
    }

    /// Waits until the CMS has an instance in a state; answers its record.
    ///
    /// # Errors
    /// After a minute, with the record as it is then.
    pub fn reaches(&self, k8s_name: &str, state: &str) -> Result<Value> {
        let mut last = Value::Null;
        let waited = wait::until(&format!("{k8s_name} to be {state}"), || {
            last = self.record(k8s_name)?;
            Ok((last["state"] == state).then_some(()))
        });
        match waited {
            Ok(()) => Ok(last),
            Err(error) => Err(format!("{error}; it is {last:#}").into()),
        }
    }

    /// An instance's record as the CMS has it, with the message of its last change of state.
    ///
    /// # Errors
    /// The database's.
    pub fn record(&self, k8s_name: &str) -> Result<Value> {
        self.json(&format!(
            "SELECT to_jsonb(i) || jsonb_build_object('message', (SELECT message
                 FROM toygres_cms.instance_events e
                 WHERE e.instance_id = i.id AND e.new_state = i.state
                 ORDER BY e.created_at DESC LIMIT 1))
             FROM toygres_cms.instances i WHERE k8s_name = '{k8s_name}'"
        ))
    }

    /// What a query answers that answers one JSON value.
    ///
    /// # Errors
    /// The database's.
    pub fn json(&self, sql: &str) -> Result<Value> {
        let text = self.database.try_psql(sql)?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_str(&text)?)
    }

    /// A number.
    ///
    /// # Panics
    /// With the database's message: a test could not go on.
    #[track_caller]
    pub fn count(&self, sql: &str) -> i64 {
        let text = self.database.psql(sql);
        text.trim().parse().unwrap_or_else(|_| panic!("no number: {text} in {sql}"))
    }

    /// Waits until every orchestration but the health monitors has ended, and no work is left in
    /// the queues but their timers.
    ///
    /// # Errors
    /// After a minute, with what is left.
    pub fn comes_to_rest(&self) -> Result {
        let mut left = String::new();
        let waited = wait::until("the workflows to come to rest", || {
            left = self.database.try_psql(LEFT)?;
            Ok(left.trim().is_empty().then_some(()))
        });
        waited.map_err(|error| format!("{error}; left is {left}").into())
    }
}

/// What is at work: executions, queued activities, messages that are due, leases that expired.
const LEFT: &str = "
    SELECT 'execution ' || i.instance_id FROM toygres_duroxide.instances i
        JOIN toygres_duroxide.executions e ON e.instance_id = i.instance_id
            AND e.execution_id = i.current_execution_id
        WHERE e.status = 'Running' AND i.instance_id NOT LIKE 'health-%'
    UNION ALL SELECT 'activity ' || work_item FROM toygres_duroxide.worker_queue
        WHERE work_item NOT LIKE '%\"instance\":\"health-%'
    UNION ALL SELECT 'message ' || work_item FROM toygres_duroxide.orchestrator_queue
        WHERE visible_at <= now() AND instance_id NOT LIKE 'health-%'
    UNION ALL SELECT 'lease ' || instance_id FROM toygres_duroxide.instance_locks
        WHERE locked_until < extract(epoch FROM now()) * 1000";
