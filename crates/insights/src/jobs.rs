//! Queries that run in the background, and all running ones so that they can be cancelled.

use crate::run::Progress;
use model::{TeamId, Timestamp};
use moka::sync::Cache;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

type Key = (TeamId, String);

/// How long a finished status can be asked for.
const KEPT: Duration = Duration::from_secs(20 * 60);
const MAX_STATUSES: u64 = 2_000;
/// Longer ids are refused: they are kept in memory.
pub const MAX_ID_LENGTH: usize = 200;

pub struct Jobs {
    statuses: Cache<Key, Arc<Mutex<Status>>>,
    running: Mutex<HashMap<Key, Vec<watch::Sender<bool>>>>,
    log: Cache<Key, Arc<Mutex<Vec<Value>>>>,
}

/// A background query as clients see it.
#[derive(Clone, Debug)]
pub struct Status {
    pub id: String,
    pub team: TeamId,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub outcome: Option<Outcome>,
    pub subject: Subject,
    /// Somebody cancelled it before it ran.
    pub cancelled: bool,
    /// Known once the run has its turn.
    pub progress: Option<(Timestamp, Arc<Progress>)>,
}

/// What a background run is for.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    pub name: String,
    pub insight: Option<i64>,
    pub dashboard: Option<i64>,
}

#[derive(Clone, Debug)]
pub enum Outcome {
    Answered(Arc<Value>),
    /// A text for the client; none when the fault is not theirs.
    Failed(Option<String>),
}

impl Status {
    /// `rows` is how many there are to read at most.
    pub fn to_json(&self, now: Timestamp, rows: u64) -> Value {
        let (error, message, results) = match &self.outcome {
            None => (false, None, Value::Null),
            Some(Outcome::Answered(results)) => (false, None, (**results).clone()),
            Some(Outcome::Failed(message)) => (true, message.clone(), Value::Null),
        };
        let until = self.ended_at.unwrap_or(now);
        let picked_up = self.progress.as_ref().map(|(at, _)| *at);
        let (rows_read, bytes_read) = self.progress.as_ref().map_or((0, 0), |(_, progress)| progress.read());
        let labels = if self.subject.name.is_empty() { Vec::new() } else { vec![self.subject.name.as_str()] };
        json!({
            "id": self.id, "query_async": true, "team_id": self.team.0,
            "insight_id": self.subject.insight, "dashboard_id": self.subject.dashboard,
            "error": error, "complete": self.outcome.is_some(), "error_message": message, "results": results,
            "start_time": self.started_at, "pickup_time": picked_up, "end_time": self.ended_at,
            "expiration_time": self.started_at.plus_seconds(KEPT.as_secs() as i64), "task_id": self.id, "labels": labels,
            "query_progress": {"bytes_read": bytes_read, "rows_read": rows_read, "estimated_rows_total": rows.max(rows_read),
                               "time_elapsed": until.since(self.started_at) / 1_000, "active_cpu_time": 0},
        })
    }
}

/// A query that can be cancelled. When this is dropped, because the query is done or its client went away, it is off the list
/// of running ones and what may still run of it is told to stop.
pub struct Running<'a> {
    jobs: &'a Jobs,
    key: Option<Key>,
    sender: watch::Sender<bool>,
}

impl Running<'_> {
    pub fn cancel(&self) -> watch::Receiver<bool> {
        self.sender.subscribe()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.sender.send_replace(true);
        let Some(key) = self.key.take() else { return };
        let mut running = self.jobs.running.lock();
        if let Some(senders) = running.get_mut(&key) {
            senders.retain(|sender| !sender.same_channel(&self.sender));
            if senders.is_empty() {
                running.remove(&key);
            }
        }
    }
}

impl Jobs {
    pub fn new() -> Jobs {
        Jobs {
            statuses: Cache::builder().max_capacity(MAX_STATUSES).time_to_live(KEPT).build(),
            running: Mutex::default(),
            log: Cache::builder().max_capacity(MAX_STATUSES).time_to_live(Duration::from_secs(24 * 3_600)).build(),
        }
    }

    /// Makes a query cancellable under its id.
    pub fn start(&self, team: TeamId, id: Option<&str>) -> Running<'_> {
        let (sender, _) = watch::channel(false);
        let key = id.map(|id| (team, id.to_owned()));
        if let Some(key) = &key {
            self.running.lock().entry(key.clone()).or_default().push(sender.clone());
        }
        Running { jobs: self, key, sender }
    }

    /// True when something was running under the id.
    pub fn cancel(&self, team: TeamId, id: &str) -> bool {
        let key = (team, id.to_owned());
        let waits = self.statuses.get(&key).is_some_and(|status| {
            let mut status = status.lock();
            status.cancelled |= status.outcome.is_none();
            status.outcome.is_none()
        });
        let running = self.running.lock();
        let Some(senders) = running.get(&key) else { return waits };
        senders.iter().for_each(|sender| {
            sender.send_replace(true);
        });
        true
    }

    pub fn status(&self, team: TeamId, id: &str) -> Option<Status> {
        Some(self.statuses.get(&(team, id.to_owned()))?.lock().clone())
    }

    /// The status of the background query that runs under an id.
    pub fn running(&self, team: TeamId, id: &str) -> Option<Status> {
        self.status(team, id).filter(|status| status.outcome.is_none())
    }

    /// The status of a new background query.
    pub fn begin(&self, team: TeamId, id: &str, now: Timestamp, subject: Subject) -> Status {
        let status =
            Status { id: id.to_owned(), team, started_at: now, ended_at: None, outcome: None, subject, cancelled: false, progress: None };
        self.statuses.insert((team, id.to_owned()), Arc::new(Mutex::new(status.clone())));
        status
    }

    /// The run under the id has begun to read.
    pub fn pick_up(&self, team: TeamId, id: &str, now: Timestamp, progress: Arc<Progress>) {
        if let Some(status) = self.statuses.get(&(team, id.to_owned())) {
            status.lock().progress.get_or_insert((now, progress));
        }
    }

    pub fn finish(&self, team: TeamId, id: &str, now: Timestamp, outcome: Outcome) {
        if let Some(status) = self.statuses.get(&(team, id.to_owned())) {
            let mut status = status.lock();
            status.ended_at = Some(now);
            status.outcome = Some(outcome);
        }
    }

    /// Remembers for a day that a query with an id ran.
    pub fn write_log(&self, team: TeamId, id: &str, entry: Value) {
        const MOST: usize = 20;
        let entries = self.log.get_with((team, id.to_owned()), Arc::default);
        let mut entries = entries.lock();
        if entries.len() < MOST {
            entries.push(entry);
        }
    }

    /// What is remembered of the project's queries, without order.
    pub fn logged(&self, team: TeamId) -> Vec<Value> {
        let of_team = self.log.iter().filter(|(key, _)| key.0 == team);
        of_team.flat_map(|(_, entries)| entries.lock().clone()).collect()
    }

    pub fn read_log(&self, team: TeamId, id: &str) -> Vec<Value> {
        self.log.get(&(team, id.to_owned())).map(|entries| entries.lock().clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEAM: TeamId = TeamId(1);

    #[test]
    fn a_running_query_is_cancelled_by_its_id_and_team_only() {
        let jobs = Jobs::new();
        let running = jobs.start(TEAM, Some("q"));
        assert!(!jobs.cancel(TeamId(2), "q"));
        assert!(!*running.cancel().borrow());
        assert!(jobs.cancel(TEAM, "q"));
        assert!(*running.cancel().borrow());
        drop(running);
        assert!(!jobs.cancel(TEAM, "q"));
    }

    #[test]
    fn two_queries_with_one_id_end_one_by_one() {
        let jobs = Jobs::new();
        let first = jobs.start(TEAM, Some("q"));
        let second = jobs.start(TEAM, Some("q"));
        drop(first);
        assert!(jobs.cancel(TEAM, "q"));
        assert!(*second.cancel().borrow());
    }

    #[test]
    fn a_background_query_is_followed_from_its_place_in_the_queue_to_its_end() {
        let jobs = Jobs::new();
        let subject = Subject { insight: Some(3), ..Subject::default() };
        assert!(jobs.running(TEAM, "q").is_none());
        jobs.begin(TEAM, "q", Timestamp(0), subject);
        assert!(jobs.running(TEAM, "q").is_some() && jobs.running(TeamId(2), "q").is_none());
        let waiting = jobs.status(TEAM, "q").unwrap().to_json(Timestamp(1_000_000), 10);
        assert_eq!((&waiting["pickup_time"], &waiting["insight_id"], &waiting["complete"]), (&Value::Null, &json!(3), &json!(false)));
        jobs.pick_up(TEAM, "q", Timestamp(2_000_000), Arc::default());
        assert!(jobs.cancel(TEAM, "q") && jobs.status(TEAM, "q").unwrap().cancelled);
        jobs.finish(TEAM, "q", Timestamp(5_000_000), Outcome::Failed(Some("no".into())));
        let json = jobs.status(TEAM, "q").unwrap().to_json(Timestamp(9_000_000), 10);
        assert_eq!((&json["pickup_time"], &json["query_progress"]["estimated_rows_total"]), (&json!(Timestamp(2_000_000)), &json!(10)));
        assert_eq!((&json["complete"], &json["error"], &json["error_message"]), (&json!(true), &json!(true), &json!("no")));
        assert_eq!(json["query_progress"]["time_elapsed"], 5_000);
        assert!(jobs.running(TEAM, "q").is_none());
    }
}
