//! The states that records may reach, each as a question to the database.

/// A question about the orchestration `$id`, whose tables are on the search path.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) what: &'static str,
    pub(super) sql: &'static str,
}

const fn state(what: &'static str, sql: &'static str) -> State {
    State { what, sql }
}

pub(super) const COMPLETED: State = state(
    "a completed execution",
    "EXISTS (SELECT FROM executions WHERE instance_id = $id AND status = 'Completed')",
);
pub(super) const FAILED: State = state(
    "a failed execution",
    "EXISTS (SELECT FROM executions WHERE instance_id = $id AND status = 'Failed')",
);
/// The last event is a timer's.
pub(super) const WAITING_TIMER: State = state(
    "a timer that is waited for",
    "(SELECT event_data LIKE '%\"TimerCreated\"%' OR event_data LIKE '%\"CustomStatusUpdated\"%' FROM history \
      WHERE instance_id = $id ORDER BY execution_id DESC, event_id DESC LIMIT 1) \
     AND EXISTS (SELECT FROM orchestrator_queue WHERE instance_id = $id AND work_item LIKE '%TimerFired%')",
);
pub(super) const MONITORING: State = state(
    "the fifth execution of a monitor, waiting on its timer",
    "(SELECT current_execution_id >= 5 FROM instances WHERE instance_id = $id) \
     AND EXISTS (SELECT FROM orchestrator_queue WHERE instance_id = $id AND work_item LIKE '%TimerFired%')",
);
pub(super) const WAITING_EVENT: State = state(
    "a subscription to an event",
    "EXISTS (SELECT FROM history WHERE instance_id = $id AND event_data LIKE '%\"ExternalSubscribed\"%')",
);
pub(super) const WAITING_QUEUE: State = state(
    "a subscription to a queue",
    "EXISTS (SELECT FROM history WHERE instance_id = $id AND event_data LIKE '%\"ExternalSubscribedPersistent\"%')",
);
pub(super) const CHILD_WAITS_FOR_EVENT: State = state(
    "a sub-orchestration that waits for an event",
    "EXISTS (SELECT FROM history WHERE instance_id LIKE $id || '::%' AND event_data LIKE '%\"ExternalSubscribed\"%')",
);
pub(super) const JOINING: State = state(
    "a join whose activity is done",
    "EXISTS (SELECT FROM history WHERE instance_id = $id AND event_data LIKE '%\"ActivityCompleted\"%') \
     AND EXISTS (SELECT FROM history WHERE instance_id = $id AND event_data LIKE '%\"ExternalSubscribed\"%') \
     AND EXISTS (SELECT FROM orchestrator_queue WHERE instance_id = $id AND work_item LIKE '%TimerFired%')",
);
pub(super) const ACTIVITY_QUEUED: State = state(
    "a tagged activity in the queue that nobody holds",
    "EXISTS (SELECT FROM worker_queue WHERE instance_id = $id AND tag IS NOT NULL AND lock_token IS NULL)",
);
pub(super) const ACTIVITY_HELD: State = state(
    "a deployment that a worker holds",
    "EXISTS (SELECT FROM worker_queue WHERE instance_id = $id AND work_item LIKE '%deploy-postgres%' \
     AND lock_token IS NOT NULL)",
);
pub(super) const ACTIVITY_GIVEN_BACK: State = state(
    "an activity that was given back",
    "EXISTS (SELECT FROM worker_queue WHERE instance_id = $id AND attempt_count > 0 AND lock_token IS NULL)",
);
pub(super) const TURN_GIVEN_BACK: State = state(
    "a message that was given back",
    "EXISTS (SELECT FROM orchestrator_queue WHERE instance_id = $id AND attempt_count > 0 AND lock_token IS NULL)",
);
pub(super) const MESSAGE_QUEUED: State = state(
    "a message in the queue",
    "EXISTS (SELECT FROM orchestrator_queue WHERE instance_id = $id)",
);
pub(super) const LEASE_EXPIRED: State = state(
    "a lease that has expired",
    "EXISTS (SELECT FROM worker_queue WHERE instance_id = $id AND lock_token IS NOT NULL \
     AND locked_until < extract(epoch FROM now()) * 1000)",
);
