//! The way in: duplicates out, log, memory.

use crate::disk::is_full;
use crate::frame;
use crate::keys::{Key, KeySet};
use crate::memory::Incoming;
use crate::segment::Segment;
use crate::state::{Frozen, Shared, Writer};
use anyhow::anyhow;
use events::{EventBatch, EventRow, StoreError};
use hashbrown::{HashMap, HashSet};
use model::TeamId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an append waits for memory to be sealed before it says that it cannot.
const PATIENCE: Duration = Duration::from_secs(20);

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

    /// Keeps the rows that are not stored yet and returns their keys; fails with a segment whose keys are unreadable.
    fn drop_duplicates(&self, rows: &mut Vec<EventRow>, writer: &mut Writer) -> Result<Vec<Key>, Arc<Segment>> {
        let teams: HashSet<TeamId> = rows.iter().map(|row| row.team).collect();
        let state = self.state.read();
        let frozen = state.frozen.clone();
        let segments: HashMap<TeamId, Vec<Arc<Segment>>> =
            teams.into_iter().filter_map(|team| Some((team, state.segments.get(&team)?.clone()))).collect();
        drop(state);
        let Writer { keyring, keys: active, .. } = writer;
        let mut fresh = KeySet::default();
        let mut keys = Vec::with_capacity(rows.len());
        let mut damaged = None;
        rows.retain(|row| {
            let key = keyring.of(row);
            let known = damaged.is_some()
                || active.contains(&key)
                || frozen.as_ref().is_some_and(|frozen| frozen.table.keys.contains(&key))
                || !fresh.insert(key)
                || in_segments(segments.get(&row.team), row, key, &mut damaged);
            // Nothing may be dropped for good when the search was cut short.
            if !known {
                keys.push(key);
            }
            damaged.is_some() || !known
        });
        match damaged {
            Some(segment) => Err(segment),
            None => Ok(keys),
        }
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

fn in_segments(segments: Option<&Vec<Arc<Segment>>>, row: &EventRow, key: Key, damaged: &mut Option<Arc<Segment>>) -> bool {
    let day = row.timestamp.utc_day();
    for segment in segments.into_iter().flatten().filter(|segment| segment.meta.covers_day(day)) {
        match segment.contains(key) {
            Ok(true) => return true,
            Ok(false) => {}
            Err(error) => {
                tracing::error!(?error, "keys of stored events are unreadable");
                *damaged = Some(segment.clone());
                return false;
            }
        }
    }
    false
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
