//! Which connections there may be.
//!
//! Anybody can connect, so a connection alone is worth nothing: what counts is whether a request
//! with the token is under way on it. When there is no room, the connection that has been silent
//! for longest, with no such request, is shed for the new one. So neither clients that only
//! connect, nor such that send slowly or read nothing, keep others out.
//!
//! A new connection always has a moment to bring its request. Where clients connect faster than that,
//! the next ones wait to be taken, so that they share what there is instead of pushing each other out.
//!
//! A part of the room is kept for probes. A connection that finds everything else taken by requests
//! under way goes there: it may ask `/healthz` and `/readyz`, and is told 503 otherwise.

use super::activity::Activity;
use crate::metrics::ConnectionCounts;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A connection is silent after this long: its request is on its way right behind it.
const MIN_SILENCE: Duration = Duration::from_millis(50);

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionLimits {
    /// For requests of any kind.
    pub(crate) general: usize,
    /// For probes alone, beside those.
    pub(crate) probes: usize,
    /// For requests of any kind, from one address.
    pub(crate) per_address: usize,
    /// The same from this machine, where a proxy may bring everybody's.
    pub(crate) from_loopback: usize,
}

impl ConnectionLimits {
    /// Divides `all`. Where `per_address` is 0 it is a quarter of them, and this machine may have
    /// all.
    pub(crate) fn new(all: usize, per_address: usize) -> Self {
        let probes = (all / 16).clamp(4, 64);
        let general = all.saturating_sub(probes).max(1);
        let (per_address, from_loopback) = match per_address {
            0 => (all / 4, general),
            set => (set, set),
        };
        let within = |limit: usize| limit.clamp(1, general);
        let (per_address, from_loopback) = (within(per_address), within(from_loopback));
        Self { general, probes, per_address, from_loopback }
    }

    fn of(&self, address: IpAddr) -> usize {
        if address == LOOPBACK_V6 || address.is_loopback() {
            self.from_loopback
        } else {
            self.per_address
        }
    }

    /// All of them.
    pub(crate) fn all(self) -> usize {
        self.general + self.probes
    }
}

/// What a connection may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pool {
    /// Requests of any kind.
    General,
    /// `/healthz` and `/readyz` alone.
    Probes,
}

/// The connections that there are.
#[derive(Debug, Clone)]
pub(crate) struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: ConnectionLimits,
    table: Mutex<Table>,
    counts: ConnectionCounts,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    entries: HashMap<u64, Entry>,
    general: usize,
    probes: usize,
    /// Of the general ones, by their peer.
    by_address: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Entry {
    address: IpAddr,
    pool: Pool,
    activity: Arc<Activity>,
    shed: CancellationToken,
}

/// The place of one connection, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Connections,
    id: u64,
    pub(super) pool: Pool,
    pub(super) activity: Arc<Activity>,
    shed: CancellationToken,
}

impl Connections {
    /// None yet.
    pub(crate) fn new(limits: ConnectionLimits) -> Self {
        let counts = ConnectionCounts::default();
        Self(Arc::new(Inner { limits, table: Mutex::default(), counts }))
    }

    pub(super) fn limits(&self) -> ConnectionLimits {
        self.0.limits
    }

    /// What was counted.
    pub(crate) fn counts(&self) -> &ConnectionCounts {
        &self.0.counts
    }

    /// How many there are: general ones, and those for probes alone.
    pub(crate) fn open(&self) -> (usize, usize) {
        let table = self.lock();
        (table.general, table.probes)
    }

    /// Whether the next connection takes the place of another one.
    pub(super) fn is_full(&self) -> bool {
        let table = self.lock();
        table.general >= self.0.limits.general || table.probes >= self.0.limits.probes
    }

    /// How long the next connection has to wait until there is a place for it, or a silent one can
    /// go.
    pub(super) fn pause(&self) -> Duration {
        let limits = self.0.limits;
        let table = self.lock();
        let until_silent = |pool| {
            let oldest = table.oldest(|entry| entry.pool == pool);
            let pause = oldest.map(|(_, entry)| entry.activity.silence());
            pause.map_or(Duration::ZERO, |silence| MIN_SILENCE.saturating_sub(silence))
        };
        let mut pause = Duration::ZERO;
        if table.general >= limits.general {
            pause = until_silent(Pool::General);
        }
        // Nobody's connection is the first of these that goes: it may be a probe's.
        if table.probes >= limits.probes {
            pause = pause.max(until_silent(Pool::Probes));
        }
        pause
    }

    /// Gives a new connection its place, for which a silent one may have to go.
    pub(super) fn admit(&self, peer: IpAddr) -> Place {
        let (limits, counts) = (self.0.limits, &self.0.counts);
        let address = peer_network(peer);
        let mut table = self.lock();
        let share = limits.of(address);
        let from_here = table.by_address.get(&address).copied().unwrap_or_default();
        let shed = if from_here >= share {
            counts.over_address();
            let silent = |entry: &Entry| entry.activity.silence() >= MIN_SILENCE;
            let ours = |entry: &Entry| entry.pool == Pool::General && entry.address == address;
            table.shed_silent(|entry| ours(entry) && silent(entry))
        } else if table.general >= limits.general {
            table.shed_silent(|entry| entry.pool == Pool::General)
        } else {
            None
        };
        let room = from_here < share && table.general < limits.general;
        let pool = if room || shed.is_some() { Pool::General } else { Pool::Probes };
        let mut any_shed = shed.is_some();
        if pool == Pool::Probes {
            counts.for_probes_only();
            if table.probes >= limits.probes {
                any_shed |= table.shed_silent(|entry| entry.pool == Pool::Probes).is_some();
            }
        }
        if any_shed {
            counts.shed();
        }
        table.insert(self, address, pool)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn insert(&mut self, connections: &Connections, address: IpAddr, pool: Pool) -> Place {
        let id = self.next;
        self.next += 1;
        let (activity, shed) = (Arc::new(Activity::new()), CancellationToken::new());
        match pool {
            Pool::General => {
                self.general += 1;
                *self.by_address.entry(address).or_default() += 1;
            }
            Pool::Probes => self.probes += 1,
        }
        let entry = Entry { address, pool, activity: activity.clone(), shed: shed.clone() };
        self.entries.insert(id, entry);
        Place { connections: connections.clone(), id, pool, activity, shed }
    }

    /// The connection among these that has been silent for longest and serves nobody.
    fn oldest(&self, among: impl Fn(&Entry) -> bool) -> Option<(u64, &Entry)> {
        let silent = self.entries.iter().filter(|(_, entry)| {
            // Nothing is kept for those that only may probe: they would have been served by now.
            among(entry) && (entry.pool == Pool::Probes || !entry.activity.serves_somebody())
        });
        // The number decides between two of the same moment: it is the older one's that is lower.
        let oldest = silent.min_by_key(|(id, entry)| (entry.activity.last_progress(), **id));
        oldest.map(|(id, entry)| (*id, entry))
    }

    /// Ends that connection.
    fn shed_silent(&mut self, among: impl Fn(&Entry) -> bool) -> Option<()> {
        let (id, _) = self.oldest(among)?;
        self.remove(id)?.shed.cancel();
        Some(())
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        match entry.pool {
            Pool::Probes => self.probes -= 1,
            Pool::General => {
                self.general -= 1;
                if let Some(count) = self.by_address.get_mut(&entry.address) {
                    *count -= 1;
                    if *count == 0 {
                        self.by_address.remove(&entry.address);
                    }
                }
            }
        }
        Some(entry)
    }
}

impl Place {
    /// Ready when the connection has to go.
    pub(super) async fn shed(&self) {
        self.shed.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // One that was shed is out of the table already.
        let _shed_before = self.connections.lock().remove(self.id);
    }
}

/// The network of `::1`, as [`peer_network`] answers it.
const LOOPBACK_V6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Whom an address belongs to: all addresses of an IPv6 network are one client's.
fn peer_network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectionLimits, Connections, MIN_SILENCE, Place, Pool, peer_network};
    use std::net::IpAddr;

    fn connections() -> Connections {
        Connections::new(ConnectionLimits {
            general: 4,
            probes: 2,
            per_address: 3,
            from_loopback: 4,
        })
    }

    fn admit(connections: &Connections, peer: &str) -> Place {
        connections.admit(peer.parse().unwrap())
    }

    fn is_shed(place: &Place) -> bool {
        place.shed.is_cancelled()
    }

    #[test]
    fn a_silent_connection_goes_for_a_new_one() {
        let connections = connections();
        let first = admit(&connections, "10.0.0.1");
        let second = admit(&connections, "10.0.0.1");
        let others = [admit(&connections, "10.0.0.2"), admit(&connections, "10.0.0.2")];
        // What serves somebody who has the token stays.
        first.activity.set_authorized();
        let _request = first.activity.begin_request();
        let third = admit(&connections, "10.0.0.3");
        assert!(is_shed(&second) && !is_shed(&first) && third.pool == Pool::General);
        drop(second);
        assert_eq!(connections.open(), (4, 0));
        drop((first, third, others));
        assert_eq!(connections.open(), (0, 0));
    }

    #[test]
    fn a_new_connection_has_a_moment_before_the_next_one_takes_its_place() {
        let connections = connections();
        assert!(connections.pause().is_zero());
        let places: Vec<Place> =
            (1..5).map(|n| admit(&connections, &format!("10.0.0.{n}"))).collect();
        assert!(!connections.pause().is_zero(), "none has been silent for long");
        std::thread::sleep(MIN_SILENCE);
        assert!(connections.pause().is_zero());
        places[0].activity.progress();
        assert!(connections.pause().is_zero(), "another one has");
        drop(places);
    }

    #[test]
    fn an_address_has_no_more_than_its_share() {
        let connections = connections();
        let places: Vec<Place> = (0..3).map(|_| admit(&connections, "10.0.0.1")).collect();
        let too_soon = admit(&connections, "10.0.0.1");
        assert!(!is_shed(&places[0]) && too_soon.pool == Pool::Probes);
        drop(too_soon);
        std::thread::sleep(MIN_SILENCE);
        let fourth = admit(&connections, "::ffff:10.0.0.1");
        assert!(is_shed(&places[0]) && fourth.pool == Pool::General);
        assert_eq!(connections.open(), (3, 0));
        assert_eq!(admit(&connections, "10.0.0.2").pool, Pool::General);
    }

    #[test]
    fn where_all_serve_somebody_the_rest_may_probe() {
        let connections = connections();
        let places: Vec<Place> =
            (1..5).map(|n| admit(&connections, &format!("10.0.0.{n}"))).collect();
        let busy: Vec<_> = places
            .iter()
            .map(|place| {
                place.activity.set_authorized();
                place.activity.begin_request()
            })
            .collect();
        let probes: Vec<Place> = (0..3).map(|_| admit(&connections, "10.0.0.9")).collect();
        assert!(probes.iter().all(|place| place.pool == Pool::Probes));
        assert!(is_shed(&probes[0]) && !is_shed(&probes[1]) && !is_shed(&probes[2]));
        assert!(places.iter().all(|place| !is_shed(place)));
        drop(busy);
        assert_eq!(admit(&connections, "10.0.0.9").pool, Pool::General);
    }

    #[test]
    fn a_client_is_its_address_or_its_ipv6_network() {
        let network = |text: &str| peer_network(text.parse().unwrap());
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::1"), "::".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn limits_are_divided() {
        let limits = ConnectionLimits::new(1024, 0);
        let expected =
            ConnectionLimits { general: 960, probes: 64, per_address: 256, from_loopback: 960 };
        assert_eq!(limits, expected);
        assert_eq!(
            ["127.0.0.1", "::1"].map(|text| limits.of(peer_network(text.parse().unwrap()))),
            [960; 2]
        );
        assert_eq!(limits.of("10.0.0.1".parse().unwrap()), 256);
        let limits = ConnectionLimits::new(16, 1000);
        let expected =
            ConnectionLimits { general: 12, probes: 4, per_address: 12, from_loopback: 12 };
        assert_eq!(limits, expected);
    }
}
