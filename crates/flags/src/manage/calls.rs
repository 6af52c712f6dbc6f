//! When flags were last called, noticed in passing by ingestion.

use super::MAX_KEY_CHARS;
use anyhow::Result;
use db::{Db, args};
use model::{TeamId, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

/// Keys come from the internet; what does not fit is noticed after the next write.
const MAX_WAITING: usize = 10_000;
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// A stored time may be this much older than the newest call: a flag that is called all the time is not written all the time.
const GRANULARITY_SECONDS: i64 = 60;

/// Calls that were seen and are not stored yet. What is lost in a crash is noticed again with the flag's next call.
#[derive(Default)]
pub struct Calls(Mutex<HashMap<(TeamId, Arc<str>), Timestamp>>);

impl Calls {
    /// A `$feature_flag_called` event of the flag with this key.
    pub fn note(&self, team: TeamId, key: &str, at: Timestamp) {
        if key.len() > MAX_KEY_CHARS {
            return;
        }
        let mut waiting = self.0.lock();
        let is_full = waiting.len() >= MAX_WAITING;
        match waiting.entry((team, key.into())) {
            Entry::Occupied(mut known) => {
                let latest = at.max(*known.get());
                known.insert(latest);
            }
            Entry::Vacant(unknown) if !is_full => {
                unknown.insert(at);
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Stores what was noticed so far. A time only moves forward, and never past `now`: clients' clocks may be wrong.
    pub async fn write(&self, db: &Db, now: Timestamp) -> Result<()> {
        let waiting = std::mem::take(&mut *self.0.lock());
        if waiting.is_empty() {
            return Ok(());
        }
        let sql = "UPDATE feature_flag SET last_called_at = $3
                   WHERE team_id = $1 AND flag_key = $2 AND deleted = FALSE AND (last_called_at IS NULL OR last_called_at < $4)";
        let mut ordered: Vec<_> = waiting.into_iter().collect();
        // Several processes write the same rows: in one order they cannot block each other for good.
        ordered.sort_unstable();
        let rows = ordered.into_iter().map(|((team, key), at)| {
            let at = at.min(now);
            args![team, key, at, at.plus_seconds(-GRANULARITY_SECONDS)].to_vec()
        });
        let mut transaction = db.begin().await?;
        transaction.execute_many(sql, rows.collect()).await?;
        transaction.commit().await
    }
}

/// Stores calls until the program ends.
pub async fn keep_calls(calls: Arc<Calls>, db: Db, clock: model::Clock) {
    loop {
        tokio::time::sleep(WRITE_EVERY).await;
        if let Err(error) = calls.write(&db, clock.now()).await {
            tracing::warn!(error = format!("{error:#}"), "when flags were last called was not stored");
        }
    }
}
