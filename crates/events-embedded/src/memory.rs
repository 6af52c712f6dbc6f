//! The newest rows: everything appended since the last seal, ready to be selected.

use crate::keys::KeySet;
use crate::overrides::Numbered;
use crate::shred::{Chunk, shred};
use anyhow::Result;
use events::EventRow;
use model::TeamId;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Rows of a chunk, unless they are large.
const CHUNK_ROWS: usize = 8 << 10;
/// So that the texts of one column of a chunk stay far below 2 GiB.
const CHUNK_BYTES: usize = 32 << 20;
/// A tail this long becomes a chunk.
const TAIL_ROWS: usize = 4 << 10;
const TAIL_BYTES: usize = 8 << 20;
/// A row outside a chunk takes about this many times its encoded size.
const ROW_OVERHEAD: usize = 4;

#[derive(Default)]
pub struct MemTable {
    teams: BTreeMap<TeamId, TeamRows>,
    pub keys: KeySet,
    pub overrides: Vec<Numbered>,
    pub position: Option<u64>,
    pub rows: u64,
    pub bytes: usize,
    /// When the oldest row came in.
    pub since: Option<Instant>,
}

#[derive(Default)]
struct TeamRows {
    chunks: Vec<Arc<Chunk>>,
    tail: Tail,
}

/// The last few rows, one part per append. They become columns when somebody asks.
#[derive(Clone, Default)]
pub struct Tail {
    parts: Vec<Arc<Vec<EventRow>>>,
    rows: usize,
    bytes: usize,
    max_row_bytes: u32,
    chunk: Arc<OnceLock<Arc<Chunk>>>,
}

impl Tail {
    pub fn chunk(&self) -> Result<Option<Arc<Chunk>>> {
        if self.rows == 0 {
            return Ok(None);
        }
        if let Some(chunk) = self.chunk.get() {
            return Ok(Some(chunk.clone()));
        }
        let rows: Vec<&EventRow> = self.parts.iter().flat_map(|part| part.iter()).collect();
        let chunk = Arc::new(shred(&rows, self.max_row_bytes)?);
        Ok(Some(self.chunk.get_or_init(|| chunk).clone()))
    }
}

/// One team's new rows on their way into the table.
pub struct Incoming {
    pub team: TeamId,
    pub rows: Vec<EventRow>,
    pub row_bytes: Vec<u32>,
}

/// What an append adds for one team, computed before anything is locked.
pub struct Addition {
    team: TeamId,
    chunks: Vec<Arc<Chunk>>,
    tail: Tail,
    rows: u64,
    bytes: usize,
}

impl MemTable {
    /// Everything of a team that is in memory.
    pub fn of(&self, team: TeamId) -> (Vec<Arc<Chunk>>, Tail) {
        self.teams.get(&team).map(|rows| (rows.chunks.clone(), rows.tail.clone())).unwrap_or_default()
    }

    pub fn teams(&self) -> impl Iterator<Item = TeamId> {
        self.teams.keys().copied()
    }

    /// Turns rows into what [`add`](Self::add) takes. The table must not change between the two.
    pub fn prepare(&self, incoming: Incoming) -> Result<Addition> {
        let mut tail = self.teams.get(&incoming.team).map(|rows| rows.tail.clone()).unwrap_or_default();
        let before = tail.bytes * ROW_OVERHEAD;
        let mut addition =
            Addition { team: incoming.team, chunks: Vec::new(), tail: Tail::default(), rows: incoming.rows.len() as u64, bytes: 0 };
        let mut rows = incoming.rows;
        let mut sizes = incoming.row_bytes;
        while !rows.is_empty() {
            let take = fitting(&sizes, CHUNK_ROWS - tail.rows.min(CHUNK_ROWS - 1), CHUNK_BYTES.saturating_sub(tail.bytes));
            let later = rows.split_off(take);
            let later_sizes = sizes.split_off(take);
            tail.push(rows, &sizes);
            (rows, sizes) = (later, later_sizes);
            if (tail.rows >= TAIL_ROWS || tail.bytes >= TAIL_BYTES)
                && let Some(chunk) = tail.chunk()?
            {
                addition.bytes += chunk.batch.get_array_memory_size();
                addition.chunks.push(chunk);
                tail = Tail::default();
            }
        }
        addition.bytes = (addition.bytes + tail.bytes * ROW_OVERHEAD).saturating_sub(before);
        addition.tail = tail;
        Ok(addition)
    }

    pub fn add(&mut self, addition: Addition) {
        let rows = self.teams.entry(addition.team).or_default();
        rows.chunks.extend(addition.chunks);
        rows.tail = addition.tail;
        self.rows += addition.rows;
        self.bytes += addition.bytes;
        self.since.get_or_insert_with(Instant::now);
    }

    /// How fast it fills.
    pub fn bytes_per_second(&self) -> f64 {
        self.since.map_or(0.0, |since| self.bytes as f64 / since.elapsed().as_secs_f64().max(0.001))
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0 && self.overrides.is_empty()
    }
}

impl Tail {
    fn push(&mut self, rows: Vec<EventRow>, sizes: &[u32]) {
        self.rows += rows.len();
        self.bytes += sizes.iter().map(|size| *size as usize).sum::<usize>();
        self.max_row_bytes = self.max_row_bytes.max(sizes.iter().copied().max().unwrap_or(0));
        self.parts.push(Arc::new(rows));
        self.chunk = Arc::default();
    }
}

/// How many of the first rows fit; at least one.
fn fitting(sizes: &[u32], rows: usize, bytes: usize) -> usize {
    let mut total = 0;
    let fits = sizes.iter().take(rows).take_while(|size| {
        total += **size as usize;
        total <= bytes
    });
    fits.count().max(1)
}
