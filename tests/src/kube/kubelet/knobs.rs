//! What a test may ask of the kubelet.

use futures_util::Stream;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Why a pod does not become ready.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trouble {
    /// It only starts and starts.
    Held,
    /// Its image cannot be pulled.
    NoImage,
}

/// Settings that may be changed at any time.
#[derive(Debug, Default)]
pub(super) struct Knobs {
    state: Mutex<State>,
    turned: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    troubles: HashMap<String, Trouble>,
    delay: Duration,
    /// When each pod, by its uid, was seen first: the server's times have whole seconds only.
    seen: HashMap<String, Instant>,
}

impl Knobs {
    pub(super) fn hold(&self, name: &str) {
        self.turn(|state| {
            state.troubles.insert(name.to_owned(), Trouble::Held);
        });
    }

    pub(super) fn fail_image(&self, name: &str) {
        self.turn(|state| {
            state.troubles.insert(name.to_owned(), Trouble::NoImage);
        });
    }

    pub(super) fn release(&self, name: &str) {
        self.turn(|state| {
            state.troubles.remove(name);
        });
    }

    pub(super) fn delay(&self, delay: Duration) {
        self.turn(|state| state.delay = delay);
    }

    /// What troubles a stateful set, and how long its pod takes otherwise.
    pub(super) fn of(&self, name: &str) -> (Option<Trouble>, Duration) {
        let state = self.lock();
        (state.troubles.get(name).copied(), state.delay)
    }

    /// For how long the pod with this uid has been known.
    pub(super) fn age(&self, pod: &str) -> Duration {
        self.lock().seen.entry(pod.to_owned()).or_insert_with(Instant::now).elapsed()
    }

    /// Yields whenever a knob was turned.
    pub(super) fn turned(&self) -> impl Stream<Item = ()> + Send + use<> {
        let turned = self.turned.subscribe();
        futures_util::stream::unfold(turned, |mut turned| async {
            turned.changed().await.ok()?;
            Some(((), turned))
        })
    }

    fn turn(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.turned.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
