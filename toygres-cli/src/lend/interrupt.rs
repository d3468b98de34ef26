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
}
