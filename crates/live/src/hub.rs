//! Where ingestion and watchers meet: one bounded channel per watched project.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use model::{Clock, TeamId};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::broadcast;

use crate::{
    LiveEvent,
    activity::{Activity, Stats},
};

/// How far a watcher may fall behind before it loses the oldest events.
const BACKLOG: usize = 128;
/// With [`BACKLOG`] this bounds what a project's watchers can hold in memory.
const MAX_PROPERTIES_BYTES: usize = 128 * 1024;

/// Cheap to clone; all clones are one hub.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    teams: HashMap<TeamId, Channel>,
    closed: bool,
}

#[derive(Default)]
struct Channel {
    watchers: Option<broadcast::Sender<Arc<Published>>>,
    activity: Activity,
}

/// An event on its way to watchers; its properties are parsed at most once, and only if a filter looks into them.
pub struct Published {
    pub event: LiveEvent,
    parsed: OnceLock<Map<String, Value>>,
}

impl Published {
    pub fn new(event: LiveEvent) -> Self {
        Self { event, parsed: OnceLock::new() }
    }

    pub fn properties(&self) -> &Map<String, Value> {
        self.parsed.get_or_init(|| serde_json::from_str(&self.event.properties).unwrap_or_default())
    }
}

impl Hub {
    pub fn new(clock: Clock) -> Self {
        Self { shared: Arc::new(Shared { clock, state: Mutex::default() }) }
    }

    /// Counts the events and hands them to watchers. Never waits for either.
    pub fn publish(&self, events: &[LiveEvent]) {
        let now = self.shared.clock.now();
        let mut state = self.shared.state.lock();
        if state.closed {
            return;
        }
        for event in events {
            let channel = state.teams.entry(event.team).or_default();
            channel.activity.event(&event.distinct_id, event.timestamp, now);
            channel.send(event);
        }
    }

    /// A piece of a session recording arrived.
    pub fn publish_snapshot(&self, team: TeamId, session_id: &str) {
        let now = self.shared.clock.now();
        self.shared.state.lock().teams.entry(team).or_default().activity.snapshot(session_id, now);
    }

    /// Whether anyone would see the properties of an event published now.
    pub fn is_watched(&self, team: TeamId) -> bool {
        let state = self.shared.state.lock();
        state.teams.get(&team).and_then(|channel| channel.watchers.as_ref()).is_some_and(|watchers| watchers.receiver_count() > 0)
    }

    /// `None` when nothing happened in the project during the last minute.
    pub fn stats(&self, team: TeamId) -> Option<Stats> {
        let now = self.shared.clock.now();
        self.shared.state.lock().teams.get_mut(&team)?.activity.stats(now)
    }

    /// Ends every stream and refuses new ones, so that a shutdown need not wait for watchers to leave.
    pub fn close(&self) {
        let mut state = self.shared.state.lock();
        state.closed = true;
        state.teams.clear();
    }

    /// `None` when the project has as many watchers as it may, or the hub is closed.
    pub(crate) fn watch(&self, team: TeamId, max_watchers: usize) -> Option<broadcast::Receiver<Arc<Published>>> {
        let mut state = self.shared.state.lock();
        if state.closed {
            return None;
        }
        let watchers = state.teams.entry(team).or_default().watchers.get_or_insert_with(|| broadcast::channel(BACKLOG).0);
        (watchers.receiver_count() < max_watchers).then(|| watchers.subscribe())
    }
}

impl Channel {
    fn send(&mut self, event: &LiveEvent) {
        let Some(watchers) = &self.watchers else { return };
        if watchers.receiver_count() == 0 {
            self.watchers = None;
            return;
        }
        let mut event = event.clone();
        if event.properties.len() > MAX_PROPERTIES_BYTES {
            event.properties = "{}".into();
        }
        // Fails only when the last watcher has just left.
        let _ = watchers.send(Arc::new(Published::new(event)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;
    use tokio::sync::broadcast::error::TryRecvError;

    fn event(team: i64, name: &str, properties: &str) -> LiveEvent {
        LiveEvent {
            team: TeamId(team),
            uuid: uuid::Uuid::nil(),
            timestamp: Timestamp::from_seconds(990),
            distinct_id: "u1".into(),
            person_id: uuid::Uuid::nil(),
            event: name.into(),
            properties: properties.into(),
        }
    }

    fn hub() -> Hub {
        Hub::new(Clock::Fixed(Timestamp::from_seconds(1_000)))
    }

    #[test]
    fn watcher_sees_only_its_own_project() {
        let hub = hub();
        let mut watcher = hub.watch(TeamId(1), 10).unwrap();
        hub.publish(&[event(2, "theirs", "{}"), event(1, "ours", "{}")]);
        assert_eq!(&*watcher.try_recv().unwrap().event.event, "ours");
        assert!(matches!(watcher.try_recv(), Err(TryRecvError::Empty)));
    }

    #[test]
    fn slow_watcher_loses_the_oldest_and_publishing_goes_on() {
        let hub = hub();
        let mut watcher = hub.watch(TeamId(1), 10).unwrap();
        let events: Vec<_> = (0..BACKLOG + 5).map(|number| event(1, &number.to_string(), "{}")).collect();
        hub.publish(&events);
        assert!(matches!(watcher.try_recv(), Err(TryRecvError::Lagged(5))));
        assert_eq!(&*watcher.try_recv().unwrap().event.event, "5");
    }

    #[test]
    fn project_is_watched_from_first_to_last_watcher() {
        let hub = hub();
        assert!(!hub.is_watched(TeamId(1)));
        let watcher = hub.watch(TeamId(1), 10).unwrap();
        assert!(hub.is_watched(TeamId(1)));
        drop(watcher);
        assert!(!hub.is_watched(TeamId(1)));
    }

    #[test]
    fn watchers_of_a_project_are_limited() {
        let hub = hub();
        let _first = hub.watch(TeamId(1), 1).unwrap();
        assert!(hub.watch(TeamId(1), 1).is_none());
        assert!(hub.watch(TeamId(2), 1).is_some());
    }

    #[test]
    fn huge_properties_are_not_kept_for_watchers() {
        let hub = hub();
        let mut watcher = hub.watch(TeamId(1), 10).unwrap();
        let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_PROPERTIES_BYTES));
        hub.publish(&[event(1, "big", &huge)]);
        assert_eq!(&*watcher.try_recv().unwrap().event.properties, "{}");
    }

    #[test]
    fn closing_ends_streams_and_refuses_new_ones() {
        let hub = hub();
        let mut watcher = hub.watch(TeamId(1), 10).unwrap();
        hub.close();
        assert!(matches!(watcher.try_recv(), Err(TryRecvError::Closed)));
        assert!(hub.watch(TeamId(1), 10).is_none());
    }

    #[test]
    fn unwatched_projects_are_still_counted() {
        let hub = hub();
        assert_eq!(hub.stats(TeamId(1)), None);
        hub.publish(&[event(1, "a", "{}"), event(1, "b", "{}")]);
        hub.publish_snapshot(TeamId(1), "session");
        let stats = hub.stats(TeamId(1)).unwrap();
        assert_eq!((stats.users_on_product, stats.active_recordings, stats.events_per_second[59]), (1, 1, 2));
    }
}
