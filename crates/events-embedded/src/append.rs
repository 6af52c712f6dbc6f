//! The way in: duplicates out, log, memory.

use crate::disk::is_full;
use crate::frame;
use crate::keys::{Key, KeySet, Keyring};
use crate::memory::Incoming;
use crate::segment::{Segment, Week};
use crate::state::{Frozen, Shared, Writer};
use anyhow::anyhow;
use events::{EventBatch, EventRow, StoreError};
use hashbrown::{HashMap, HashSet};
use model::TeamId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long an append waits for memory to be sealed before it says that it cannot.
const PATIENCE: Duration = Duration::from_secs(20);

/// Memory that fills faster than this, about five thousand events a second, takes time from everything else.
const RUSH_BYTES_PER_SECOND: f64 = 4e6;
/// Segments of one week that may wait to be merged meanwhile.
const SEGMENTS_IN_A_RUSH: usize = 12;

impl Shared {
    pub fn append(&self, batch: EventBatch) -> Result<(), StoreError> {
        self.wait_for_room()?;
        let mut batch = batch;
        let mut writer = self.writer.lock();
        let keys = loop {
            match self.drop_duplicates(&mut batch.rows, &mut writer) {
                Ok(keys) => break keys,
                Err(damaged) => {
                    // The lock order forbids to quarantine while holding the writer.
                    drop(writer);
                    self.quarantine(&[damaged]).map_err(store_error)?;
                    writer = self.writer.lock();
                }
            }
        };
        if batch.rows.is_empty() && batch.overrides.is_empty() && batch.position.is_none() {
            return Ok(());
        }
        let encoded = frame::encode(&batch);
        let EventBatch { rows, overrides, position } = batch;
        let state = self.state.read();
        let additions =
            by_team(rows, encoded.row_bytes).into_iter().map(|incoming| state.active.prepare(incoming)).collect::<Result<Vec<_>, _>>();
        drop(state);
        let additions = additions.map_err(StoreError::Failed)?;
        writer.log.append(&encoded.payload).map_err(|error| store_error(error.into()))?;
        writer.keys.extend(keys);
        let mut state = self.state.write();
        additions.into_iter().for_each(|addition| state.active.add(addition));
        for change in overrides {
            let numbered = state.overrides.push(change);
            state.active.overrides.push(numbered);
        }
        if position.is_some() {
            state.position = position;
            state.active.position = position;
        }
        let full = state.active.bytes > self.limits.memory_bytes;
        drop(state);
        if full {
            self.signal.notify();
        }
        Ok(())
    }

    /// While one table is being sealed the next may grow to twice its size; beyond that the caller waits.
    fn wait_for_room(&self) -> Result<(), StoreError> {
        let started = Instant::now();
        loop {
            let state = self.state.read();
            let crowded = state.frozen.is_some() && state.active.bytes > 2 * self.limits.memory_bytes;
            drop(state);
            if !crowded {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                return Err(StoreError::Failed(anyhow!("the newest events could not be sealed into segments for {PATIENCE:?}")));
            }
            self.signal.wait(Duration::from_millis(50));
        }
    }

    /// Keeps the rows that are not stored yet and returns their keys; fails, with all rows as they were, with a segment whose keys
    /// or rows are unreadable.
    fn drop_duplicates(&self, rows: &mut Vec<EventRow>, writer: &mut Writer) -> Result<Vec<Key>, Arc<Segment>> {
        let state = self.state.read();
        let frozen = state.frozen.clone();
        let teams: HashSet<TeamId> = rows.iter().map(|row| row.team).collect();
        let segments: Vec<Arc<Segment>> = teams.iter().filter_map(|team| state.segments.get(team)).flatten().cloned().collect();
        drop(state);
        let Writer { keyring, keys: active, .. } = writer;
        let keys: Vec<Key> = rows.iter().map(|row| keyring.of(row)).collect();
        let mut fresh = KeySet::with_capacity_and_hasher(rows.len(), Default::default());
        let in_memory = |key: &Key| active.contains(key) || frozen.as_ref().is_some_and(|frozen| frozen.table.keys.contains(key));
        let mut is_new: Vec<bool> = keys.iter().map(|key| !in_memory(key) && fresh.insert(*key)).collect();
        let days: Vec<i64> = rows.iter().map(|row| row.timestamp.utc_day()).collect();
        for segment in segments {
            let covered = |at: &usize| rows[*at].team == segment.meta.team && segment.meta.covers_day(days[*at]) && is_new[*at];
            let candidates: Vec<usize> = (0..rows.len()).filter(covered).collect();
            let stored = stored_in(&segment, &candidates, rows, &keys, keyring).map_err(|error| {
                tracing::error!(?error, "stored events cannot be compared with new ones");
                segment
            })?;
            stored.into_iter().for_each(|at| is_new[at] = false);
        }
        let mut at = is_new.iter();
        rows.retain(|_| at.next().copied().unwrap_or_default());
        Ok(keys.into_iter().zip(is_new).filter_map(|(key, is_new)| is_new.then_some(key)).collect())
    }

    /// Whether so much comes in that merging should wait. It never waits for a week that has many segments.
    pub fn is_rushed(&self) -> bool {
        let state = self.state.read();
        let rushed = state.frozen.is_some() || state.active.bytes_per_second() > RUSH_BYTES_PER_SECOND;
        let mut weeks: HashMap<(TeamId, Week), usize> = HashMap::new();
        rushed
            && state.all_segments().all(|segment| {
                let count = weeks.entry((segment.meta.team, segment.meta.week)).or_default();
                *count += 1;
                *count < SEGMENTS_IN_A_RUSH
            })
    }

    /// Makes the active table the frozen one and starts a new log file. `None` when there is nothing to seal.
    pub fn freeze(&self) -> Option<Arc<Frozen>> {
        let mut writer = self.writer.lock();
        let mut state = self.state.write();
        if let Some(frozen) = &state.frozen {
            return Some(frozen.clone());
        }
        if state.active.is_empty() {
            return None;
        }
        let mut table = std::mem::take(&mut state.active);
        table.keys = std::mem::take(&mut writer.keys);
        let frozen = Arc::new(Frozen { table, next_log: writer.log.rotate() });
        state.frozen = Some(frozen.clone());
        Some(frozen)
    }
}

/// Which of the candidates, given as places in `rows`, the segment has.
fn stored_in(segment: &Segment, candidates: &[usize], rows: &[EventRow], keys: &[Key], keyring: &Keyring) -> anyhow::Result<Vec<usize>> {
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let opened = segment.keys(keyring)?;
    let stored = opened.stored()?;
    let mut suspects: Vec<usize> = candidates.iter().copied().filter(|at| stored.may_contain(keys[*at])).collect();
    if !suspects.is_empty() {
        let asked: Vec<(Key, Uuid)> = suspects.iter().map(|at| (keys[*at], rows[*at].uuid)).collect();
        let found = segment.stored_among(&asked, keyring)?;
        suspects.retain(|at| found.contains(&keys[*at]));
    }
    Ok(suspects)
}

pub fn by_team(rows: Vec<EventRow>, row_bytes: Vec<u32>) -> Vec<Incoming> {
    let mut teams: BTreeMap<TeamId, Incoming> = BTreeMap::new();
    for (row, size) in rows.into_iter().zip(row_bytes) {
        let incoming = teams.entry(row.team).or_insert_with(|| Incoming { team: row.team, rows: Vec::new(), row_bytes: Vec::new() });
        incoming.rows.push(row);
        incoming.row_bytes.push(size);
    }
    teams.into_values().collect()
}

fn store_error(error: anyhow::Error) -> StoreError {
    if is_full(&error) { StoreError::Full } else { StoreError::Failed(error) }
}
