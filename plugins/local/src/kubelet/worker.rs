//! One pod, from its first sight to its last: a server that is made, started, looked after and
//! stopped.

use super::plan::{self, Plan};
use super::ports::labels;
use super::view::{Doing, Terminated, View, called, creating};
use super::{NODE, PORT, PORT_NAME, Shared};
use crate::files;
use crate::kube::object::{as_map, is_terminating, map, name, namespace, now, number, text, uid};
use crate::kube::resource::{CLAIM, POD};
use crate::postgres::{Making, Server, accepts, literal, quoted, running, verifier};
use crate::process::{Ended, Identity, Process};
use serde_json::Value;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use toygres_plugin_api::{Error, Result};

/// How often a server that starts is asked whether it takes connections, and one that does.
const ASK_STARTING: Duration = Duration::from_millis(50);
const ASK_READY: Duration = Duration::from_secs(10);

/// Questions in a row without an answer that make a pod unready.
const FAILURES: u32 = 3;

/// Changes of objects come in bursts; a waiting pod looks at most this often.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Between two starts of a server that keeps dying: nothing, then this, then twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Between two attempts to write what could not be written (a full disk), at first and at most.
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(10);

/// One that ran so long had not failed to start.
const STABLE: Duration = Duration::from_secs(60);

/// A pod at work.
#[derive(Debug)]
pub(super) struct Worker {
    shared: Arc<Shared>,
    /// The pod as it is; closed when it is gone.
    object: watch::Receiver<Arc<Value>>,
    view: View,
    /// It ran when it was last heard of, and since when.
    ran: Option<String>,
    process: Option<Process>,
    /// Files in the making, which must come to an end before the volume may go.
    making: Option<JoinHandle<Result<()>>>,
    pause: Duration,
    status: Arc<Status>,
}

/// The status of a pod on its way into the store.
#[derive(Debug, Default)]
struct Status {
    /// What could not be written, until it is, or something later is. One writes at a time.
    unwritten: Mutex<Option<View>>,
    /// Told when something could not be written.
    failed: Notify,
}

/// A claim that a pod waits for.
#[derive(Debug)]
struct MissingClaim {
    text: String,
    /// It comes by itself, in a moment.
    is_routine: bool,
}

impl Worker {
    /// For a pod that was just seen.
    pub(super) fn new(shared: Arc<Shared>, object: watch::Receiver<Arc<Value>>) -> Self {
        let pod = object.borrow().clone();
        let since = pod.pointer("/status/containerStatuses/0/state/running/startedAt");
        let ran = since.and_then(Value::as_str).map(str::to_owned);
        let view = View::of(&pod, now());
        let pause = Duration::ZERO;
        let status = Arc::default();
        Self { shared, object, view, ran, process: None, making: None, pause, status }
    }

    /// Looks after the pod until it is gone, or until everything shall stop.
    pub(super) async fn run(mut self) {
        let stop = self.shared.stop.clone();
        let object = self.object.clone();
        let (shared, status) = (self.shared.clone(), self.status.clone());
        tokio::select! {
            grace = end_of(object.clone()) => {
                self.halt(grace).await;
                self.remove().await;
            }
            () = stop.cancelled() => self.halt(self.grace()).await,
            () = self.live() => {}
            () = status.write_again(&shared, &object) => {}
        }
    }

    fn pod(&self) -> Arc<Value> {
        self.object.borrow().clone()
    }

    fn grace(&self) -> Duration {
        let seconds = number(&self.pod(), "/spec/terminationGracePeriodSeconds").unwrap_or(30);
        Duration::from_secs(seconds.max(0).unsigned_abs())
    }

    /// Stops what runs, however far it is.
    async fn halt(&mut self, grace: Duration) {
        if let Some(making) = self.making.take() {
            let _unfinished = making.await;
        }
        if let Some(mut process) = self.process.take() {
            let container = self.view.main.clone().unwrap_or_default();
            let message = format!("Stopping container {container}");
            self.shared.events.normal(&self.pod(), "Killing", &message).await;
            let ended = process.stop(grace).await;
            self.shared.log.say(&format!("{}: stopped, {ended:?}", called(&self.pod())));
        }
    }

    /// The pod's object may go now, and with it what was its own.
    async fn remove(&self) {
        let pod = self.pod();
        self.shared.ports.forget_pod(namespace(&pod), name(&pod));
        let folders = &self.shared.folders;
        for folder in [plan::scratch(folders, &pod), self.shared.logs_of(&pod)] {
            if let Err(error) = files::remove_folder(&folder) {
                self.shared.log.error("a pod's files stay", &error);
            }
        }
        let mut pause = FIRST_RETRY;
        while let Err(error) = self.shared.objects.delete(&POD, &pod, Some(0)).await {
            self.shared.log.error("a pod that has ended stays", &error);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // The next daemon goes on with it.
                () = self.shared.stop.cancelled() => return,
            }
            pause = (pause * 2).min(LONGEST_RETRY);
        }
    }

    /// Everything but the end.
    async fn live(&mut self) {
        self.schedule().await;
        if self.shared.light {
            self.view.main = plan::main(&self.pod()).map(|it| text(it, "/name").to_owned());
            self.view.doing = Doing::Running { since: now(), pid: 0, ready: true };
            self.publish().await;
            return std::future::pending().await;
        }
        loop {
            let plan = self.plan().await;
            let begun = Instant::now();
            let ended = self.serve(&plan).await;
            if begun.elapsed() > STABLE {
                self.pause = Duration::ZERO;
            }
            if self.is_final(&ended) {
                self.view.doing = Doing::Terminated(self.terminated(&ended));
                self.publish().await;
                return std::future::pending().await;
            }
            self.back_off(&plan, &ended).await;
        }
    }

    /// Gives the pod its node, once its claims are there.
    async fn schedule(&mut self) {
        let mut changes = self.shared.objects.changes();
        loop {
            let pod = self.pod();
            let missing = self.missing_claim(&pod);
            let missing_text = missing.as_ref().map(|missing| missing.text.clone());
            if missing_text == self.view.unscheduled && missing.is_none() {
                break;
            }
            if missing_text != self.view.unscheduled
                && let Some(missing) = missing.as_ref().filter(|missing| !missing.is_routine)
            {
                let message = format!("0/1 nodes are available: {}.", missing.text);
                self.shared.events.warning(&pod, "FailedScheduling", &message).await;
            }
            let found = missing.is_none();
            self.view.unscheduled = missing_text;
            self.publish().await;
            if found {
                break;
            }
            self.wait(&mut changes).await;
        }
        let pod = self.pod();
        if text(&pod, "/spec/nodeName").is_empty() {
            let mut pause = FIRST_RETRY;
            while let Err(error) = self.place(&pod).await {
                self.shared.log.error("a pod could not be placed", &error);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_RETRY);
            }
            let message = format!("Successfully assigned {} to {NODE}", called(&pod));
            self.shared.events.normal(&pod, "Scheduled", &message).await;
        }
    }

    /// What keeps a pod from a place. A claim that is being deleted gets no new pod: its data is about
    /// to go. A pod that has its place keeps it, as the claim waits for that one.
    fn missing_claim(&self, pod: &Value) -> Option<MissingClaim> {
        let is_placed = !text(pod, "/spec/nodeName").is_empty();
        plan::claims(pod).into_iter().find_map(|claim| {
            let (what, is_routine) = match self.shared.objects.get(&CLAIM, namespace(pod), claim) {
                None => ("not found", false),
                Some(found) if !is_placed && is_terminating(&found) => ("is being deleted", false),
                Some(found) if text(&found, "/status/phase") != "Bound" => {
                    ("is not bound yet", true)
                }
                Some(_) => return None,
            };
            let text = format!("persistentvolumeclaim \"{claim}\" {what}");
            Some(MissingClaim { text, is_routine })
        })
    }

    async fn place(&self, pod: &Value) -> Result<()> {
        let placed = self.shared.objects.change(&POD, namespace(pod), name(pod), |stored| {
            let ours = uid(stored) == uid(pod);
            if ours {
                stored["spec"]["nodeName"] = NODE.into();
            }
            ours
        });
        placed.await.map(|_| ())
    }

    /// Reads what the pod needs, and waits for what is missing.
    async fn plan(&mut self) -> Plan {
        let mut changes = self.shared.objects.changes();
        let mut said = None;
        loop {
            let pod = self.pod();
            let objects = &self.shared.objects;
            let look = |resource, name: &str| objects.get(resource, namespace(&pod), name);
            match plan::plan(&pod, &self.shared.folders, &self.shared.installed, &look) {
                Ok(plan) => {
                    self.view.main = Some(plan.container.clone());
                    self.view.version.clone_from(&plan.programs.version);
                    return plan;
                }
                Err(not_yet) => {
                    let message = format!("Error: {}", not_yet.message);
                    if said.as_ref() != Some(&message) {
                        self.shared.events.warning(&pod, "Failed", &message).await;
                        said = Some(message);
                    }
                    self.view.main = None;
                    self.view.doing =
                        Doing::Waiting { reason: not_yet.reason, message: not_yet.message };
                    self.publish().await;
                }
            }
            self.wait(&mut changes).await;
        }
    }

    /// Runs the server once, to its end. An error before that is an end, too.
    async fn serve(&mut self, plan: &Plan) -> Ended {
        match self.start(plan).await {
            Ok(port) => self.look_after(port).await,
            Err(error) => {
                self.shared.log.error(&called(&self.pod()), &error);
                let causes: String = error.causes.iter().map(|it| format!(": {it}")).collect();
                let message = format!("Error: {}{causes}", error.message);
                self.shared.events.warning(&self.pod(), "Failed", &message).await;
                Ended { code: Some(1), signal: None }
            }
        }
    }

    async fn start(&mut self, plan: &Plan) -> Result<u16> {
        let pod = self.pod();
        let had = text(&pod, PORT).parse().ok();
        let ports = &self.shared.ports;
        let labels = labels(pod.pointer("/metadata/labels"));
        let port = ports.of_pod(namespace(&pod), name(&pod), &labels, had)?;
        let server = Server {
            programs: plan.programs.clone(),
            data: plan.data.clone(),
            log: self.shared.logs_of(&pod).join(format!("{}.log", plan.container)),
            port,
            name: name(&pod).to_owned(),
            arguments: plan.arguments.clone(),
            account: self.shared.account.clone(),
        };
        if let Some(left) = server.left_running() {
            self.shared.log.say(&format!("{} runs already as {}", called(&pod), left.identity.pid));
            self.process = Some(Process::adopt(left.identity));
            return Ok(port);
        }
        if let Some(left) = running(&plan.data) {
            // On another port: it was started for another Service.
            Process::adopt(left.identity).stop(self.grace()).await;
        }
        if self.ran.take().is_some() {
            self.view.restarts += 1;
        }
        self.view.doing = creating();
        self.publish().await;
        if let Some(remark) = &plan.remark {
            self.shared.events.normal(&pod, "ImageVersion", remark).await;
        }
        let image = plan::main(&pod).map(|it| text(it, "/image")).unwrap_or_default();
        let pulled = format!("Container image \"{image}\" already present on machine");
        self.shared.events.normal(&pod, "Pulled", &pulled).await;
        self.make(plan, &server).await?;
        self.reset_password(plan, &server).await?;
        self.mark(port).await?;
        let created = format!("Created container {}", plan.container);
        self.shared.events.normal(&pod, "Created", &created).await;
        self.process = Some(server.start().await?);
        let started = format!("Started container {}", plan.container);
        self.shared.events.normal(&pod, "Started", &started).await;
        Ok(port)
    }

    /// Makes the data folder, the first time.
    async fn make(&mut self, plan: &Plan, server: &Server) -> Result<()> {
        if crate::postgres::major_of(&plan.data).is_some() {
            return Ok(());
        }
        let Some(password) = &plan.password else {
            let said = "there is no database yet, and POSTGRES_PASSWORD gives no password for one";
            let mut log = files::open_log(&server.log)?;
            writeln!(log, "{said}")?;
            return Err(Error::failed(said));
        };
        let script = script(plan, password);
        let (data, programs) = (plan.data.clone(), plan.programs.clone());
        let superuser = plan.superuser.clone();
        let shared = self.shared.clone();
        self.making = Some(tokio::task::spawn_blocking(move || {
            let account = shared.account.as_ref();
            if let Some(volume) = data.parent() {
                files::make_volume(volume, account)?;
            }
            let making = Making {
                programs: &programs,
                templates: &shared.folders.templates(),
                account,
                superuser: &superuser,
                script: &script,
            };
            making.run(&data)
        }));
        // It stays in its field while it runs: whoever stops this waits for it there.
        let made = match &mut self.making {
            Some(making) => making.await,
            None => return Ok(()),
        };
        self.making = None;
        made?
    }

    /// Does what the container does that gives PostgreSQL the password of its Secret: such a pod has
    /// one, and shells of containers are not run here.
    async fn reset_password(&mut self, plan: &Plan, server: &Server) -> Result<()> {
        let (Some(password), true) = (&plan.password, plan.resets_password) else { return Ok(()) };
        let script = vec![set_password(plan, password)];
        let (data, programs) = (server.data.clone(), plan.programs.clone());
        let superuser = plan.superuser.clone();
        let shared = self.shared.clone();
        self.making = Some(tokio::task::spawn_blocking(move || {
            let making = Making {
                programs: &programs,
                templates: &shared.folders.templates(),
                account: shared.account.as_ref(),
                superuser: &superuser,
                script: &script,
            };
            making.single_user(&data)
        }));
        let made = match &mut self.making {
            Some(making) => making.await,
            None => return Ok(()),
        };
        self.making = None;
        made?
    }

    /// Writes where it listens, for people and for the next daemon.
    async fn mark(&self, port: u16) -> Result<()> {
        let pod = self.pod();
        let said = port.to_string();
        let marked = self.shared.objects.change(&POD, namespace(&pod), name(&pod), |pod| {
            if text(pod, PORT) == said {
                return false;
            }
            let annotations = map(map(pod, "metadata"), "annotations");
            as_map(annotations).insert(PORT_NAME.to_owned(), said.as_str().into());
            true
        });
        marked.await.map(|_| ())
    }

    /// Asks it now and then, until it ends.
    async fn look_after(&mut self, port: u16) -> Ended {
        // It stays in its field, where `halt` finds it whenever this is left.
        let Some(identity) = self.process.as_ref().map(|process| process.identity().clone()) else {
            return Ended { code: None, signal: None };
        };
        let pid = identity.pid;
        // One that was taken over began before this daemon.
        let since = self.ran.take().unwrap_or_else(now);
        self.view.doing = Doing::Running { since: since.clone(), pid, ready: false };
        self.publish().await;
        let mut unanswered = 0;
        let ended = loop {
            let pause = if self.view.is_ready() { ASK_READY } else { ASK_STARTING };
            tokio::select! {
                biased;
                ended = ended(&mut self.process) => break ended,
                () = tokio::time::sleep(pause) => {}
            }
            let answered = accepts(port).await && identity.lives();
            unanswered = if answered { 0 } else { unanswered + 1 };
            let ready = answered || (self.view.is_ready() && unanswered < FAILURES);
            if ready != self.view.is_ready() {
                self.tell_readiness(ready, &since, &identity).await;
            }
        };
        self.process = None;
        self.view.last = Some(Terminated::new(&ended, since, now(), pid));
        ended
    }

    async fn tell_readiness(&mut self, ready: bool, since: &str, identity: &Identity) {
        let doing = Doing::Running { since: since.to_owned(), pid: identity.pid, ready };
        self.view.doing = doing;
        if !ready {
            let message = "Readiness probe failed: PostgreSQL takes no connections";
            self.shared.events.warning(&self.pod(), "Unhealthy", message).await;
        }
        self.publish().await;
    }

    /// Whether it is not to be started again.
    fn is_final(&self, ended: &Ended) -> bool {
        match text(&self.pod(), "/spec/restartPolicy") {
            "Never" => true,
            "OnFailure" => ended.code == Some(0),
            _ => false,
        }
    }

    fn terminated(&self, ended: &Ended) -> Terminated {
        self.view.last.clone().unwrap_or_else(|| Terminated::new(ended, now(), now(), 0))
    }

    /// Waits before the next start: not the first time, longer each time after it.
    async fn back_off(&mut self, plan: &Plan, ended: &Ended) {
        self.shared.log.say(&format!("{}: ended, {ended:?}", called(&self.pod())));
        self.view.restarts += 1;
        if self.view.last.is_none() {
            self.view.last = Some(self.terminated(ended));
        }
        let pause = self.pause;
        self.pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        if pause.is_zero() {
            return;
        }
        let message = format!(
            "back-off {}s restarting failed container={} pod={}",
            pause.as_secs(),
            plan.container,
            called(&self.pod())
        );
        self.shared.events.warning(&self.pod(), "BackOff", &capital(&message)).await;
        self.view.doing = Doing::Waiting { reason: "CrashLoopBackOff", message };
        self.publish().await;
        tokio::time::sleep(pause).await;
    }

    /// Writes the status where it changed; what cannot be written now is written later.
    async fn publish(&self) {
        let mut unwritten = self.status.unwritten.lock().await;
        match write_status(&self.shared, &self.pod(), &self.view).await {
            Ok(()) => *unwritten = None,
            Err(error) => {
                self.shared.log.error("a pod's status could not be written", &error);
                *unwritten = Some(self.view.clone());
                self.status.failed.notify_one();
            }
        }
    }

    async fn wait(&self, changes: &mut watch::Receiver<u64>) {
        tokio::time::sleep(LOOK_AGAIN).await;
        // The store is there for as long as this is.
        let _closed = changes.changed().await;
    }
}

impl Status {
    /// Writes what could not be written as soon as it can be, for as long as it is polled.
    async fn write_again(&self, shared: &Shared, object: &watch::Receiver<Arc<Value>>) {
        loop {
            self.failed.notified().await;
            let mut pause = FIRST_RETRY;
            loop {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_RETRY);
                let mut unwritten = self.unwritten.lock().await;
                let Some(view) = unwritten.as_ref() else { break };
                let pod = object.borrow().clone();
                if write_status(shared, &pod, view).await.is_ok() {
                    *unwritten = None;
                    break;
                }
            }
        }
    }
}

async fn write_status(shared: &Shared, pod: &Value, view: &View) -> Result<()> {
    let wanted = uid(pod);
    let written = shared.objects.change_status(&POD, namespace(pod), name(pod), |pod| {
        // One of the same name may have taken its place.
        if uid(pod) != wanted {
            return false;
        }
        let status = view.status(pod, &now());
        let changed = pod.get("status") != Some(&status);
        pod["status"] = status;
        changed
    });
    written.await.map(|_| ())
}

async fn ended(process: &mut Option<Process>) -> Ended {
    match process {
        Some(process) => process.ended().await,
        None => Ended { code: None, signal: None },
    }
}

/// Ready when the pod shall end, with the time that it has to.
async fn end_of(mut object: watch::Receiver<Arc<Value>>) -> Duration {
    let spec = number(&object.borrow(), "/spec/terminationGracePeriodSeconds").unwrap_or(30);
    let grace = match object.wait_for(|pod| is_terminating(pod)).await {
        Ok(pod) => number(&pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(spec),
        // It was removed by force.
        Err(_) => 0,
    };
    Duration::from_secs(grace.max(0).unsigned_abs())
}

/// What makes an empty server the one that the pod's variables ask for. The password itself stays
/// here: the server gets what it keeps of one.
fn script(plan: &Plan, password: &str) -> Vec<String> {
    let superuser = quoted(&plan.superuser);
    let mut script = vec![set_password(plan, password)];
    if plan.database != "postgres" {
        script.push(format!("CREATE DATABASE {} OWNER {superuser}", quoted(&plan.database)));
    }
    script
}

fn set_password(plan: &Plan, password: &str) -> String {
    let superuser = quoted(&plan.superuser);
    format!("ALTER ROLE {superuser} PASSWORD {}", literal(&verifier(password)))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
