//! The daemon itself, from its first step to its last.

use super::database::{self, Database, DatabaseStatus};
use super::overview::Keeper;
use super::{Log, Phase, State, life_lock};
use crate::context;
use crate::files;
use crate::folders::Folders;
use crate::kept::Kept;
use crate::kube::tls::Identity as TlsIdentity;
use crate::kube::{ApiServer, Tokens};
use crate::kubelet::Kubelet;
use crate::lock::Lock;
use crate::ports;
use crate::postgres::Installed;
use crate::process::account::{self, Account};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use toygres_plugin_api::{Context, Error, Result};

/// One server that the Services of all pods lead to, and pods without a process: for tests of what
/// many instances do to the control plane.
const LIGHT: &str = "TOYGRES_LOCAL_LIGHT_PODS";

/// Requests that are being answered when everything goes down have so long.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Brings everything up, keeps it up until the operator or a signal interrupts, and takes it down.
pub(crate) async fn serve(ctx: &Context, folders: Folders, version: Option<u32>) -> Result<()> {
    // A session of its own: it outlives the terminal that it was started from. One that leads a
    // group already has one.
    let _leads = rustix::process::setsid();
    let Some(_life) = Lock::try_take(&life_lock(&folders))? else {
        return Err(Error::failed("the daemon of `toygres local` runs already"));
    };
    let mut state = State::own()?;
    state.write(&folders)?;
    let log = Log::open(&folders.logs().join("daemon.log"))?;
    log.say(&format!("begins as {}", state.identity.pid));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let stop = CancellationToken::new();
    let daemon = Daemon { folders: folders.clone(), log: log.clone(), stop: stop.clone(), version };
    let mut running = runtime.spawn(daemon.run(state.clone()));
    let ended = tokio::select! {
        ended = &mut running => ended,
        () = ctx.cancelled() => {
            log.say("shall stop");
            stop.cancel();
            running.await
        }
    };
    runtime.shutdown_background();
    let ended = ended?;
    match &ended {
        Ok(()) => {
            log.say("ends");
            State::remove(&folders)?;
        }
        Err(error) => {
            log.error("ends", error);
            state.phase = Phase::Failed;
            state.error = Some(error.clone());
            state.write(&folders)?;
        }
    }
    ended
}

struct Daemon {
    folders: Folders,
    log: Log,
    stop: CancellationToken,
    version: Option<u32>,
}

impl Daemon {
    async fn run(self, mut state: State) -> Result<()> {
        let account = account::for_servers()?;
        let mut kept = Kept::load(&self.folders)?;
        state.step(&self.folders, "looking for PostgreSQL")?;
        let mut installed = Installed::find(&self.folders.programs(), account.as_ref());
        let programs =
            database::programs(&self.folders, &mut installed, self.version, account.as_ref())
                .await?;
        state.step(&self.folders, "starting PostgreSQL")?;
        let (folders, log) = (self.folders.clone(), self.log.clone());
        let servers_account = account.clone();
        let (database, mut kept) = tokio::task::spawn_blocking(move || {
            let made = Database::prepare(&folders, &mut kept, programs, servers_account, log);
            made.map(|database| (database, kept))
        })
        .await??;
        let server = tokio::select! {
            server = database.start() => server?,
            () = self.stop.cancelled() => return database.abandon().await,
        };
        let status = database.status();
        let stop_database = CancellationToken::new();
        let keeping = tokio::spawn(database.keep(server, stop_database.clone()));
        let served = self.cluster(&mut state, &mut kept, installed, account, status).await;
        stop_database.cancel();
        keeping.await?;
        served
    }

    /// The stand-in for Kubernetes and its pods, until everything shall stop.
    async fn cluster(
        &self,
        state: &mut State,
        kept: &mut Kept,
        installed: Installed,
        account: Option<Account>,
        database: watch::Receiver<DatabaseStatus>,
    ) -> Result<()> {
        state.step(&self.folders, "starting the stand-in for Kubernetes")?;
        let (objects, tokens) = (self.folders.objects(), Tokens::new([kept.token.clone()]));
        let api = tokio::task::spawn_blocking(move || ApiServer::open(&objects, tokens)).await?;
        let api = api.map_err(|error| {
            Error::failed("the objects of the stand-in cannot be read")
                .cause(error)
                .hint("begin anew with: toygres local down --purge")
        })?;
        let kubelet = Kubelet::new(
            api.clone(),
            self.folders.clone(),
            installed,
            account,
            self.log.clone(),
            light()?,
        )
        .await?;
        let kubelet = Arc::new(kubelet);
        let listener = self.listen(kept)?;
        context::write(&self.folders, kept)?;
        let identity = self.identity()?;
        let closed = CancellationToken::new();
        let serving = {
            let (closed, api) = (closed.clone(), api.clone());
            tokio::spawn(async move {
                let closing = async move { closed.cancelled().await };
                api.serve(listener, Some(identity.config), closing).await
            })
        };
        let keeper = Keeper {
            folders: self.folders.clone(),
            pid: state.identity.pid,
            since: state.since.clone(),
            database,
            kubelet: kubelet.clone(),
        };
        let written = keeper.write()?;
        let keeping = tokio::spawn(keeper.run(written));
        let running = {
            let kubelet = kubelet.clone();
            tokio::spawn(async move { kubelet.run().await })
        };
        state.phase = Phase::Ready;
        state.step(&self.folders, "up")?;
        self.log.say(&format!("everything is up, the stand-in at {}", kept.api_url()));
        self.stop.cancelled().await;
        state.phase = Phase::Stopping;
        state.step(&self.folders, "stopping the pods")?;
        kubelet.stop();
        running.await?;
        state.step(&self.folders, "stopping the stand-in for Kubernetes")?;
        keeping.abort();
        closed.cancel();
        if let Ok(served) = tokio::time::timeout(LAST_ANSWERS, serving).await {
            served??;
        }
        state.step(&self.folders, "stopping PostgreSQL")
    }

    /// What the stand-in proves to be itself with.
    fn identity(&self) -> Result<TlsIdentity> {
        let folder = self.folders.certificate();
        TlsIdentity::open(&folder).map_err(|error| files::failed("read", &folder, &error))
    }

    /// The port that the stand-in had, or another one where that is taken now.
    fn listen(&self, kept: &mut Kept) -> Result<TcpListener> {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, kept.api_port)) {
            return Ok(listener);
        }
        let old = kept.api_port;
        kept.api_port = ports::free(|port| port == kept.postgres_port)?;
        self.log.say(&format!("port {old} is taken; the stand-in moves to {}", kept.api_port));
        kept.save(&self.folders)?;
        Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, kept.api_port))?)
    }
}

/// The server that all Services lead to, where pods are to be light.
fn light() -> Result<Option<u16>> {
    let Ok(port) = std::env::var(LIGHT) else { return Ok(None) };
    port.parse().map(Some).map_err(|error| {
        Error::usage(format!("{LIGHT}=`{port}` is no port")).cause(error).hint("unset it")
    })
}
