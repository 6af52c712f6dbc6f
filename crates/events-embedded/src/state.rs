//! What the parts of the engine share, and the rules for locking it.
//!
//! Locks are taken in this order: `structure`, `writer`, `state`. `state` is held for moments only, never during I/O.

use crate::dimensions::DimensionTables;
use crate::disk::Disk;
use crate::keys::{KeySet, Keyring};
use crate::log::Log;
use crate::manifest::{Erasure, Manifest};
use crate::memory::MemTable;
use crate::overrides::Overrides;
use crate::packed::Teams;
use crate::segment::{self, Segment, SegmentMeta};
use crate::snapshot::Snapshot;
use anyhow::Result;
use events::StoreStats;
use hashbrown::HashMap;
use model::{Clock, TeamId};
use parking_lot::{Condvar, Mutex, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Damaged segments beyond this number are forgotten, oldest first; their files stay.
const MAX_LISTED_DAMAGE: usize = 1_000;

pub struct Limits {
    /// The memory table is sealed when it is larger than this …
    pub memory_bytes: usize,
    /// … or its oldest row has waited for this long.
    pub memory_age: Duration,
    /// Segments with so many rows get packed columns.
    pub packed_rows: u64,
    /// Threads of one query.
    pub query_threads: usize,
}

pub struct Shared {
    pub disk: Disk,
    pub clock: Clock,
    pub limits: Limits,
    pub dimensions: Arc<DimensionTables>,
    /// What queries of packed columns share.
    pub teams: Teams,
    pub keyring: Keyring,
    /// The manifest as it is on disk. Held while anything changes which files count.
    pub structure: Mutex<Manifest>,
    pub writer: Mutex<Writer>,
    pub state: RwLock<State>,
    pub next_file: AtomicU64,
    pub signal: Signal,
    /// The manifest's generation for which there was nothing to merge.
    pub merged: AtomicU64,
    /// What was found damaged since the start, in words.
    pub damage: Mutex<Vec<String>>,
}

/// The appending side.
pub struct Writer {
    pub log: Log,
    pub keyring: Keyring,
    /// Keys of the rows in the active table.
    pub keys: KeySet,
}

#[derive(Default)]
pub struct State {
    pub active: MemTable,
    pub frozen: Option<Arc<Frozen>>,
    pub segments: HashMap<TeamId, Vec<Arc<Segment>>>,
    pub overrides: Overrides,
    pub erasures: Vec<Erasure>,
    pub position: Option<u64>,
}

/// A memory table on its way into segments.
pub struct Frozen {
    pub table: MemTable,
    /// The first log file that holds none of its rows.
    pub next_log: u64,
}

/// Lets the background threads sleep, and appends wait for them.
#[derive(Default)]
pub struct Signal {
    pub stop: AtomicBool,
    turn: Mutex<()>,
    changed: Condvar,
}

impl Signal {
    pub fn notify(&self) {
        let _turn = self.turn.lock();
        self.changed.notify_all();
    }

    pub fn wait(&self, timeout: Duration) {
        let mut turn = self.turn.lock();
        if !self.stopped() {
            self.changed.wait_for(&mut turn, timeout);
        }
    }

    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl State {
    pub fn snapshot(&self, team: TeamId) -> Snapshot {
        let mut snapshot = Snapshot {
            segments: self.segments.get(&team).cloned().unwrap_or_default(),
            overrides: self.overrides.of(team),
            erasures: self.erasures.iter().filter(|erasure| erasure.team == team).cloned().collect(),
            ..Snapshot::default()
        };
        for table in self.frozen.iter().map(|frozen| &frozen.table).chain([&self.active]) {
            let (chunks, tail) = table.of(team);
            snapshot.chunks.extend(chunks);
            snapshot.tails.push(tail);
        }
        snapshot
    }

    pub fn all_segments(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.segments.values().flatten()
    }
}

impl Shared {
    pub fn new_file(&self) -> u64 {
        self.next_file.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes `next` the manifest. `then` changes the state to match, in the same moment for everybody who selects.
    pub fn commit(&self, current: &mut Manifest, mut next: Manifest, then: impl FnOnce(&mut State)) -> Result<()> {
        next.generation = current.generation + 1;
        next.next_file = self.next_file.load(Ordering::Relaxed);
        next.drop_finished_erasures();
        next.save(&self.disk)?;
        *current = next;
        let mut state = self.state.write();
        state.erasures = current.erasures.clone();
        then(&mut state);
        drop(state);
        if let Err(error) = current.save_copy(&self.disk) {
            tracing::warn!(%error, "the manifest's copy could not be written");
        }
        Ok(())
    }

    pub fn report_damage(&self, what: String) {
        tracing::error!(what, "damaged data was found and set aside");
        metrics::counter!("hoglet_events_damage_total").increment(1);
        self.damage.lock().push(what);
    }

    /// Makes damaged keys anew where the rows are good; otherwise takes the segment out of all answers and moves its files
    /// away. Other data stays readable.
    pub fn quarantine(&self, segments: &[Arc<Segment>]) -> Result<()> {
        let mut manifest = self.structure.lock();
        let damaged: Vec<&SegmentMeta> = segments.iter().map(|segment| &segment.meta).filter(|meta| !self.repair(meta)).collect();
        let is_damaged = |meta: &SegmentMeta| damaged.iter().any(|other| other.id == meta.id);
        let mut next = manifest.clone();
        if damaged.is_empty() {
            return Ok(());
        }
        let found: Vec<SegmentMeta> = next.segments.extract_if(.., |meta| is_damaged(meta)).collect();
        next.quarantined.extend(found.iter().cloned());
        let surplus = next.quarantined.len().saturating_sub(MAX_LISTED_DAMAGE);
        next.quarantined.drain(..surplus);
        self.commit(&mut manifest, next, |state| {
            for list in state.segments.values_mut() {
                list.retain(|segment| !is_damaged(&segment.meta));
            }
        })?;
        for meta in found {
            self.report_damage(format!("segment {} ({} events) is damaged", meta.parquet(), meta.rows));
            for name in [meta.parquet(), meta.side()] {
                if let Err(error) = self.disk.set_aside(&name) {
                    tracing::warn!(%error, name, "could not move a damaged file");
                }
            }
            let _ = self.disk.remove(&meta.packed());
        }
        Ok(())
    }

    /// Whether the segment is whole again. The caller holds the structure.
    fn repair(&self, meta: &SegmentMeta) -> bool {
        let is_it = |segment: &&Arc<Segment>| segment.meta.id == meta.id;
        let known = self.state.read().segments.get(&meta.team).and_then(|list| list.iter().find(is_it).cloned());
        // Somebody else may have dealt with it.
        let Some(known) = known else { return false };
        if !known.is_damaged() {
            return true;
        }
        if segment::rebuild_keys(&self.disk, meta, self.keyring.clone()).is_err() {
            return false;
        }
        for segment in self.state.write().segments.entry(meta.team).or_default().iter_mut().filter(|segment| segment.meta.id == meta.id) {
            *segment = Arc::new(Segment::new(meta.clone(), self.disk.clone()));
        }
        self.report_damage(format!("the keys of segment {} were damaged and were made anew from its events", meta.parquet()));
        true
    }

    pub fn stats(&self) -> StoreStats {
        let state = self.state.read();
        let memory_rows = state.active.rows + state.frozen.as_ref().map_or(0, |frozen| frozen.table.rows);
        let mut stats = StoreStats { memory_rows, rows: memory_rows, ..StoreStats::default() };
        let segments: Vec<Arc<Segment>> = state.all_segments().cloned().collect();
        drop(state);
        for segment in segments {
            stats.segments += 1;
            stats.rows += segment.meta.rows;
            stats.disk_bytes += segment.meta.bytes + segment.packed_bytes();
        }
        stats.damaged = self.damage.lock().len() as u64;
        stats
    }
}
