//! The scenarios, with their ids.

use std::fmt;
use std::str::FromStr;

macro_rules! scenarios {
    ($($(#[doc = $meaning:literal])+ $variant:ident = $name:literal $id:literal,)+) => {
        /// One kind of orchestration that an operator may look at.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Scenario {
            $($(#[doc = $meaning])+ $variant,)+
        }

        impl Scenario {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The id of its orchestration; the first one where there are several.
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }
        }
    };
}

scenarios! {
    /// A whole creation: ten activities, two timers, completed. Its health monitor is [`Scenario::Monitor`].
    Completed = "completed" "create-proddb-a1b2c3d4",
    /// A deletion with a qualified name and activities with qualified names, completed.
    Deleted = "deleted" "delete-olddb-c3d4e5f6",
    /// Continues as new for ever; execution 5 is waiting on a timer of an hour. Qualified name.
    Monitor = "monitor" "health-proddb-a1b2c3d4",
    /// `deploy-postgres` failed, and so did the orchestration.
    Failed = "failed" "create-faildb-d4e5f6a7",
    /// `deploy-postgres` failed twice and was retried by a retry policy; completed.
    Retried = "retried" "create-retrydb-e5f6a7b8",
    /// `deploy-postgres` failed three times, which is all that the retry policy allows; failed.
    Exhausted = "exhausted" "create-tireddb-f6a7b8c9",
    /// Waits on a timer of six hours, and says so in its custom status. Healthy.
    LongTimer = "long-timer" "create-slowdb-a7b8c9d0",
    /// A timer was due, but nothing that may replay the execution is there to take it.
    OverdueTimer = "overdue-timer" "create-overduedb-0a1b2c3d",
    /// Waits for the external event `quota-approved`.
    Event = "event" "create-approvaldb-b8c9d0e1",
    /// Waits for a message in the queue `instance-commands`.
    Queue = "queue" "create-inboxdb-1b2c3d4e",
    /// Failed, because its sub-orchestration did, because that one's did, because `attach-disk` failed.
    DeepFailure = "deep-failure" "create-deepdb-c9d0e1f2",
    /// Waits for its sub-orchestration, which waits for the external event `volume-attached`.
    WaitingChild = "waiting-child" "create-nestdb-d0e1f2a3",
    /// Three activities and a timer at the same time, joined; completed.
    Parallel = "parallel" "create-fandb-e1f2a3b4",
    /// Of a join, the activity is done; a timer of six hours and the event `dns-propagated` are not.
    Joining = "joining" "create-joindb-2c3d4e5f",
    /// Was waiting on a timer and was cancelled, with the reason `created by mistake`.
    Cancelled = "cancelled" "create-undodb-f2a3b4c5",
    /// Cancelling was requested, but no worker has the version 0.9.0 to take notice.
    CancelRequested = "cancel-requested" "create-lingerdb-3d4e5f6a",
    /// `deploy-postgres` is for the tag `region-moon`, which no worker serves.
    NoWorker = "no-worker" "create-moondb-a3b4c5d6",
    /// Queued from the start: no worker has the version 9.0.0. There is no instance record yet.
    NewVersion = "new-version" "create-nextdb-b4c5d6e7",
    /// Its event came, but no worker has the version 0.9.0 any more.
    OldVersion = "old-version" "create-legacydb-c5d6e7f8",
    /// Its event came, but its execution is pinned to duroxide 99.0.0, which no runtime here may replay.
    NewRuntime = "new-runtime" "create-aheaddb-4e5f6a7b",
    /// Queued from the start: no worker knows the type `rotate-password`. There is no instance record yet.
    UnknownType = "unknown-type" "rotate-proddb-a1b2c3d4",
    /// Workers take its activity `warm-cache` and put it back, because none has registered it.
    UnknownActivity = "unknown-activity" "create-cachedb-5f6a7b8c",
    /// The worker of `deploy-postgres` was killed; its lease goes on for six hours.
    LeaseHeld = "lease-held" "create-lostdb-6a7b8c9d",
    /// The worker of `deploy-postgres` was killed, and its lease has expired.
    LeaseExpired = "lease-expired" "create-ghostdb-7b8c9d0e",
    /// `warm-cache` was taken more often than allowed; failed as poisoned.
    PoisonedActivity = "poisoned-activity" "create-poisondb-8c9d0e1f",
    /// Its start was taken more often than allowed; failed as poisoned.
    PoisonedStart = "poisoned-start" "create-toxicdb-9d0e1f2a",
    /// `deploy-postgres` has been taken twelve times and is in the queue again.
    Worn = "worn" "create-worndb-ae1f2a3b",
    /// `deploy-postgres` is executing for as long as the workload runs; the lease outlasts it by minutes.
    Executing = "executing" "create-busydb-bf2a3b4c",
}

impl Scenario {
    /// The user's name of the instance, such as `proddb`.
    pub fn user_name(self) -> &'static str {
        self.id().split('-').nth(1).unwrap_or_default()
    }

    /// The instance's name in Kubernetes, such as `proddb-a1b2c3d4`.
    pub fn k8s_name(self) -> &'static str {
        self.id().split_once('-').map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|scenario| scenario.name() == name);
        found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|scenario| scenario.name()).collect();
            format!("no scenario `{name}`; there are {}", names.join(", "))
        })
    }
}
