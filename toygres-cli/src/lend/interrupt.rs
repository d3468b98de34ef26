//! The operator's Ctrl-C, seen by everyone who waits for it.

use tokio::sync::watch;

/// Whether the operator interrupted.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Sender<bool>);

impl Default for Interrupt {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Interrupt {
    /// It happened.
    pub fn raise(&self) {
        self.0.send_replace(true);
    }

    /// It happened before now.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Ready when it happens, or at once when it did.
    pub async fn wait(&self) {
        // The sender is alive: this is it.
        let mut raised = self.0.subscribe();
        let _alive = raised.wait_for(|raised| *raised).await;
    }

    /// What tells when nothing of the run is left.
    #[must_use]
    pub fn watch_end(&self) -> RunEnd {
        RunEnd(self.0.subscribe())
    }
}

/// The end of a run. Whatever works for it, its thread, its calls and its statements, holds the
/// run's [`Interrupt`]; the run has ended when the last of these is gone.
#[derive(Debug, Clone)]
pub struct RunEnd(watch::Receiver<bool>);

impl RunEnd {
    /// Waits until nothing of the run is left, which is never for a command that blocks for ever.
    pub async fn wait(&mut self) {
        while self.0.changed().await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::Interrupt;
    use std::time::Duration;

    #[tokio::test]
    async fn a_run_ends_when_nobody_works_for_it_any_more() {
        let interrupt = Interrupt::default();
        let (mut end, worker) = (interrupt.watch_end(), interrupt.clone());
        let mut ends = async || tokio::time::timeout(Duration::from_millis(50), end.wait()).await;
        interrupt.raise();
        drop(interrupt);
        assert!(ends().await.is_err(), "somebody still works for it");
        drop(worker);
        assert!(ends().await.is_ok());
    }
}
