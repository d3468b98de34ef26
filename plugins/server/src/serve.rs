//! The server itself: from the lock to the last word of the log.
//!
//! The order matters. The lock decides who is the server of this home; the port is taken before
//! anything is changed; the control plane is connected and found ready before anybody is told so.
//! The end goes the other way: no new requests and no new work, then what is under way, then the
//! files, then the lock.

mod begin;
mod keep;
mod rehearse;

use crate::api::{Api, CommandSettings, ConnectionLimits, Hosts, Limits, Readiness, Runner};
use crate::control::{ControlPlane, Worker};
use crate::process::descriptors;
use crate::process::options::{Mode, Patience, Typed};
use crate::process::settings::{self, Plan, Settings};
use begin::Begun;
use keep::Keeper;
pub(crate) use rehearse::rehearse;
use serde_json::json;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use toygres_plugin_api::report::{Block, Tone};
use toygres_plugin_api::{Confirmation, Confirmed, Context, Error, Report, Result, ValueEnum};

/// What the tasks of an ended server get to be gone.
const LAST_TASKS: Duration = Duration::from_secs(2);
/// Between two looks at a backend that is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Between two looks at the backends of a server that is ready.
const WATCH_EVERY: Duration = Duration::from_secs(3);

/// Runs the server until it is told to end.
///
/// # Errors
/// What kept it from starting, or broke it.
pub(crate) async fn run(
    ctx: &Context,
    typed: Typed,
    patience: Patience,
    detached: bool,
) -> Result<Report> {
    if detached {
        // No terminal's end, and no Ctrl-C in it, reaches this process from now on.
        rustix::process::setsid().map_err(std::io::Error::from)?;
    }
    let settings = Settings::read(ctx).await?;
    if detached {
        // Whoever started it may want to remove its folder, or to unmount what it lies on; `start`
        // has made each path absolute.
        std::env::set_current_dir("/")?;
    }
    let plan = Plan::new(&typed, &settings)?;
    let begun = begin::begin(ctx, typed, &settings, plan, detached).await?;
    let runtime = runtime()?;
    // Everything that goes on belongs to the runtime of many threads, the connection to Kubernetes
    // too; this one only waits.
    let serving = runtime.spawn(serve(ctx.clone(), settings, begun, patience));
    let served = serving.await.map_err(Error::from).and_then(|served| served);
    let gone = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(LAST_TASKS));
    gone.await?;
    served
}

fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_name("toygres-server")
        .enable_all()
        .build()
        .map_err(|error| Error::failed("the server's runtime did not start").cause(error))
}

async fn serve(
    ctx: Context,
    settings: Settings,
    mut begun: Begun,
    patience: Patience,
) -> Result<Report> {
    let plan = begun.plan.clone();
    let (ready, readiness) = watch::channel(Readiness::default());
    let hosts = Hosts::new(&plan.hosts);
    let api = Api::new(begun.token.clone(), hosts, limits(&plan), readiness);
    let listening = CancellationToken::new();
    let http = begun.listener.take().map(|listener| {
        let (router, connections) = (api.router(), api.connections());
        tokio::spawn(crate::api::serve(
            listener,
            router,
            connections,
            listening.clone(),
            plan.drain,
        ))
    });
    let mut server = Server {
        ctx: ctx.clone(),
        settings,
        plan: plan.clone(),
        api: api.clone(),
        keeper: Keeper::new(begun.home.clone(), begun.record.clone(), ready),
        working: CancellationToken::new(),
        worker: None,
    };
    let broke = tokio::select! {
        broke = server.live(patience) => Some(broke),
        () = ctx.cancelled() => None,
    };
    tracing::info!("the server ends");
    server.keeper.stopping();
    listening.cancel();
    let requests = settle(http, &api, plan.drain);
    // Side by side: all of it must be done within the time that whoever ends it waits.
    let (settled, drained) = tokio::join!(requests, server.drain());
    let drained = drained.and(settled);
    server.keeper.remove();
    let ended = broke.map_or(drained, Err);
    match &ended {
        Ok(()) => tracing::info!("the server has ended"),
        Err(error) => tracing::error!(
            kind = error.kind.name(),
            cause = error.causes.join("; "),
            "the server ended: {error}"
        ),
    }
    let pid = begun.record.identity.pid;
    // The lock goes last.
    drop(begun);
    ended?;
    Ok(Report::data(json!({"result": "stopped", "pid": pid}))?
        .block(Block::remark(Tone::Good, "Server stopped")))
}

/// What clients may use, after the server's own work has its share of the descriptors.
fn limits(plan: &Plan) -> Limits {
    let commands = CommandSettings {
        commands: plan.commands,
        timeout: plan.request_timeout,
        follow_timeout: plan.follow_timeout,
    };
    let limit = descriptors::raise_limit();
    let own_share = descriptors::own_share(plan.workers, commands.all());
    let connections = descriptors::connections(plan.connections, limit, own_share);
    tracing::info!(
        descriptors = limit,
        own_share,
        connections,
        commands = plan.commands,
        "limits of open files, connections and commands"
    );
    if connections < plan.connections {
        tracing::warn!(
            "the limit of open files, {limit}, leaves room for {connections} connections instead \
             of {}",
            plan.connections
        );
    }
    Limits {
        connections: ConnectionLimits::new(connections, plan.connections_per_address),
        commands,
    }
}

/// Waits for the requests under way, and then for the changes that they began.
async fn settle(http: Option<JoinHandle<()>>, api: &Api, drain: Duration) -> Result<()> {
    let deadline = Instant::now() + drain;
    if let Some(http) = http {
        http.await?;
    }
    if tokio::time::timeout_at(deadline, api.settled()).await.is_err() {
        tracing::warn!("changes were still under way after {} s", drain.as_secs_f32());
    }
    Ok(())
}

/// A server at work.
struct Server {
    ctx: Context,
    settings: Settings,
    plan: Plan,
    api: Api,
    keeper: Keeper,
    working: CancellationToken,
    worker: Option<JoinHandle<Result<()>>>,
}

impl Server {
    /// Connects, works, and watches over what it needs; answers only what broke it.
    async fn live(&mut self, patience: Patience) -> Error {
        let plane = match self.connect(patience).await {
            Ok(plane) => plane,
            Err(error) => return error,
        };
        for notice in plane.notices() {
            tracing::warn!("{notice}");
        }
        match self.runner().await {
            Ok(runner) => self.api.serve_for(plane.clone(), runner),
            Err(error) => return error,
        }
        let worker = self.worker.insert(tokio::spawn(work(
            plane.clone(),
            self.plan.mode,
            Worker { drain: self.plan.drain, ..self.keeper.worker() },
            self.working.clone(),
        )));
        if let Err(error) = self.keeper.ready() {
            return error;
        }
        let place = self.keeper.place();
        tracing::info!(
            mode = self.plan.mode.name(),
            workers = self.plan.workers,
            "the server is ready at {place}"
        );
        self.ctx.ui().note(format!("the server is ready at {place}")).await;
        loop {
            tokio::select! {
                ended = &mut *worker => return ended_early(ended),
                () = tokio::time::sleep(WATCH_EVERY) => {
                    self.keeper.update(Readiness::look(&plane).await);
                }
            }
        }
    }

    /// The control plane, once everything that it needs is there.
    async fn connect(&self, patience: Patience) -> Result<ControlPlane> {
        let deadline = Instant::now() + patience.timeout;
        let mut last: Option<Error> = None;
        loop {
            let error = match tokio::time::timeout_at(deadline, self.connected()).await {
                Ok(Ok(plane)) => return Ok(plane),
                Ok(Err(error)) => error,
                Err(_) => return Err(late(patience, last)),
            };
            if !patience.wait || !error.retryable {
                return Err(error);
            }
            last = Some(error.clone());
            if Instant::now() + LOOK_AGAIN > deadline {
                return Err(late(patience, last));
            }
            self.keeper.waits_for(&error);
            tracing::warn!(cause = error.causes.join("; "), "not ready yet: {error}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn connected(&self) -> Result<ControlPlane> {
        let wanted = settings::control(&self.ctx, &self.settings, &self.plan).await?;
        let kube = reach(&self.ctx).await?;
        let plane = ControlPlane::connect(wanted, kube).await?;
        let found = Readiness::look(&plane).await;
        let missing = found.error();
        self.keeper.update(found);
        missing.map_or(Ok(plane), Err)
    }

    /// What commands are run with for whoever has the token.
    async fn runner(&self) -> Result<Runner> {
        Ok(Runner::new(self.ctx.clone(), consent(&self.ctx).await?))
    }

    /// Ends the workers and waits for what they have in hand.
    async fn drain(&mut self) -> Result<()> {
        self.working.cancel();
        let Some(worker) = self.worker.take().filter(|worker| !worker.is_finished()) else {
            return Ok(());
        };
        let within = self.plan.drain + LAST_TASKS;
        match tokio::time::timeout(within, worker).await {
            Ok(ended) => ended?,
            Err(_) => {
                tracing::warn!("work was still under way; its lease runs out by itself");
                Ok(())
            }
        }
    }
}

/// Reaches both backends once, before anything is made in them: the host's words say best what is
/// in the way, and it does not try for long. Answers what Kubernetes is written with.
async fn reach(ctx: &Context) -> Result<kube::Client> {
    let kube = ctx.kube_writing(&consent(ctx).await?).await?;
    ctx.db().query("SELECT 1 AS one").fetch::<serde_json::Value>().await?;
    match kube.apiserver_version().await.map_err(Error::from) {
        // An answer of any sort is one; what is allowed is looked at later.
        Err(error) if error.retryable => Err(error),
        _ => Ok(kube),
    }
}

/// `start` is consented to by typing it.
async fn consent(ctx: &Context) -> Result<Confirmed> {
    ctx.ui().confirm(Confirmation::new("Start the server?")).await
}

/// It was not ready in time; `last` is what was in the way.
fn late(patience: Patience, last: Option<Error>) -> Error {
    let seconds = patience.timeout.as_secs_f32();
    let late = Error::timed_out(format!("the server was not ready within {seconds} s"));
    let Some(last) = last else {
        return late.hint("give it longer with `--timeout`; see `toygres server logs`");
    };
    let late = std::iter::once(&last.message).chain(&last.causes).fold(late, Error::cause);
    late.hint(last.hint.unwrap_or_else(|| "give it longer with `--timeout`".to_owned()))
}

/// The process's part in the deployment until it is told to end.
async fn work(
    plane: ControlPlane,
    mode: Mode,
    worker: Worker,
    stop: CancellationToken,
) -> Result<()> {
    if mode.works() { plane.work(worker, stop).await } else { plane.beat(worker, stop).await }
}

fn ended_early(ended: std::result::Result<Result<()>, tokio::task::JoinError>) -> Error {
    match ended {
        Ok(Ok(())) => Error::failed("the workers ended by themselves"),
        Ok(Err(error)) => error,
        Err(error) => error.into(),
    }
}
