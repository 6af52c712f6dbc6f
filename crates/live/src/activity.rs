//! What happened in a project during the last minute, in bounded memory.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use model::Timestamp;
use serde::Serialize;

const USER_WINDOW_SECONDS: i64 = 30;
const RECORDING_WINDOW_SECONDS: i64 = 60;
/// Beyond this many at once the number shown is a floor.
const MAX_TRACKED: usize = 100_000;
const SECONDS: usize = 60;

/// A project's numbers at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    pub users_on_product: usize,
    pub active_recordings: usize,
    /// The last 60 seconds, oldest first; the last one is still filling.
    pub events_per_second: Vec<u32>,
}

#[derive(Debug)]
pub struct Activity {
    users: Window,
    recordings: Window,
    counts: [(i64, u32); SECONDS],
}

/// Clients send what happened up to this long ago when they were offline for a moment.
const STALE_SECONDS: u64 = 300;

impl Default for Activity {
    fn default() -> Self {
        Self {
            users: Window::new(USER_WINDOW_SECONDS),
            recordings: Window::new(RECORDING_WINDOW_SECONDS),
            counts: [(i64::MIN, 0); SECONDS],
        }
    }
}

impl Activity {
    /// `at` is when it happened: an import of last year's events puts nobody online.
    pub fn event(&mut self, distinct_id: &str, at: Timestamp, now: Timestamp) {
        let second = now.seconds();
        if second.abs_diff(at.seconds()) < STALE_SECONDS {
            self.users.see(distinct_id, second);
        }
        let slot = &mut self.counts[second.rem_euclid(SECONDS as i64) as usize];
        if slot.0 != second {
            *slot = (second, 0);
        }
        slot.1 = slot.1.saturating_add(1);
    }

    pub fn snapshot(&mut self, session_id: &str, now: Timestamp) {
        self.recordings.see(session_id, now.seconds());
    }

    /// `None` when nothing happened lately.
    pub fn stats(&mut self, now: Timestamp) -> Option<Stats> {
        let second = now.seconds();
        let oldest = second - SECONDS as i64 + 1;
        let events_per_second: Vec<u32> = (oldest..=second)
            .map(|at| {
                let (filled_at, count) = self.counts[at.rem_euclid(SECONDS as i64) as usize];
                if filled_at == at { count } else { 0 }
            })
            .collect();
        let stats =
            Stats { users_on_product: self.users.count(second), active_recordings: self.recordings.count(second), events_per_second };
        let quiet = stats.users_on_product == 0 && stats.active_recordings == 0 && stats.events_per_second.iter().all(|count| *count == 0);
        (!quiet).then_some(stats)
    }
}

/// Distinct names seen in the last few seconds. Names are kept as hashes: their length is the client's choice.
#[derive(Debug)]
struct Window {
    seconds: i64,
    last_seen: HashMap<u64, i64>,
    pruned_at: i64,
}

impl Window {
    fn new(seconds: i64) -> Self {
        Self { seconds, last_seen: HashMap::new(), pruned_at: i64::MIN }
    }

    fn see(&mut self, name: &str, second: i64) {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        if self.last_seen.len() >= MAX_TRACKED && self.pruned_at != second {
            self.prune(second);
        }
        if self.last_seen.len() < MAX_TRACKED {
            self.last_seen.insert(hasher.finish(), second);
        } else if let Some(seen) = self.last_seen.get_mut(&hasher.finish()) {
            *seen = second;
        }
    }

    fn count(&mut self, second: i64) -> usize {
        self.prune(second);
        self.last_seen.len()
    }

    fn prune(&mut self, second: i64) {
        let oldest = second - self.seconds;
        self.last_seen.retain(|_, seen| *seen > oldest);
        self.pruned_at = second;
        if self.last_seen.is_empty() {
            self.last_seen = HashMap::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn people_count_once_and_leave_after_half_a_minute() {
        let mut activity = Activity::default();
        activity.event("a", at(100), at(100));
        activity.event("a", at(101), at(101));
        activity.event("b", at(115), at(115));
        assert_eq!(activity.stats(at(116)).unwrap().users_on_product, 2);
        assert_eq!(activity.stats(at(135)).unwrap().users_on_product, 1);
        assert_eq!(activity.stats(at(150)).unwrap().users_on_product, 0);
    }

    #[test]
    fn seconds_are_counted_and_forgotten_after_a_minute() {
        let mut activity = Activity::default();
        activity.event("a", at(100), at(100));
        activity.event("b", at(100), at(100));
        activity.event("a", at(102), at(102));
        let counts = activity.stats(at(102)).unwrap().events_per_second;
        assert_eq!(counts.len(), 60);
        assert_eq!(counts[57..], [2, 0, 1]);
        assert_eq!(activity.stats(at(161)).unwrap().events_per_second[0], 1);
        assert_eq!(activity.stats(at(162)), None);
    }

    #[test]
    fn recordings_stay_active_for_a_minute() {
        let mut activity = Activity::default();
        activity.snapshot("session", at(100));
        assert_eq!(activity.stats(at(159)).unwrap().active_recordings, 1);
        assert_eq!(activity.stats(at(160)), None);
    }

    #[test]
    fn imported_events_of_long_ago_put_nobody_online() {
        let mut activity = Activity::default();
        activity.event("a", at(0), at(10_000));
        let online = activity.stats(at(10_001)).map_or(0, |stats| stats.users_on_product);
        assert_eq!(online, 0);
    }

    #[test]
    fn flood_of_invented_people_stays_bounded() {
        let mut activity = Activity::default();
        for number in 0..MAX_TRACKED + 500 {
            activity.event(&number.to_string(), at(100), at(100));
        }
        assert_eq!(activity.stats(at(100)).unwrap().users_on_product, MAX_TRACKED);
        activity.event("later", at(140), at(140));
        assert_eq!(activity.stats(at(140)).unwrap().users_on_product, 1);
    }
}
