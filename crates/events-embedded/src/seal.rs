//! Memory into segments.

use crate::log;
use crate::manifest::Manifest;
use crate::memory::MemTable;
use crate::merge::{Layout, SortKeys, interleave_sorted};
use crate::overrides;
use crate::segment::{NewSegment, Segment, SegmentMeta, SegmentWriter, Week};
use crate::shred::Chunk;
use crate::state::{Frozen, Shared};
use anyhow::{Context, Result};
use model::{TeamId, Timestamp};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

/// Weeks of one team that get a segment of their own in one seal; rows of further weeks share the mixed one.
const MAX_WEEKS: usize = 32;
/// Fresh segments are merged soon, so they are compressed lightly.
const ZSTD_LEVEL: i32 = 1;
/// More files of overrides than this are merged into one.
const MAX_OVERRIDE_FILES: usize = 8;

/// Files written for a manifest that is not saved yet.
#[derive(Default)]
struct Written {
    segments: Vec<SegmentMeta>,
    files: Vec<String>,
}

impl Shared {
    /// Seals everything that is in memory now: first a table whose sealing failed before, if there is one.
    pub fn seal_all(&self) -> Result<()> {
        for _ in 0..2 {
            if !self.seal()? {
                break;
            }
        }
        Ok(())
    }

    /// Seals one memory table; false when there was nothing.
    pub fn seal(&self) -> Result<bool> {
        let mut manifest = self.structure.lock();
        let Some(frozen) = self.freeze() else { return Ok(false) };
        let mut written = Written::default();
        let next = match self.write_frozen(&frozen, &manifest, &mut written) {
            Ok(next) => next,
            Err(error) => {
                // They were never named anywhere, and a full disk needs the room.
                for name in &written.files {
                    let _ = self.disk.remove(name);
                }
                return Err(error);
            }
        };
        let old_logs = manifest.first_log..next.first_log;
        let old_overrides: Vec<u64> = manifest.overrides.iter().filter(|id| !next.overrides.contains(id)).copied().collect();
        let segments = written.segments;
        self.commit(&mut manifest, next, |state| {
            state.frozen = None;
            for meta in segments {
                state.segments.entry(meta.team).or_default().push(Arc::new(Segment::new(meta, self.disk.clone())));
            }
        })?;
        drop(manifest);
        let gone = old_logs.map(log::file_name).chain(old_overrides.into_iter().map(overrides::file_name));
        for name in gone {
            if let Err(error) = self.disk.remove(&name) {
                tracing::warn!(%error, name, "could not remove a file that is no longer needed");
            }
        }
        self.signal.notify();
        Ok(true)
    }

    fn write_frozen(&self, frozen: &Frozen, manifest: &Manifest, written: &mut Written) -> Result<Manifest> {
        for team in frozen.table.teams() {
            self.seal_team(team, &frozen.table, manifest, written)?;
        }
        let mut next = manifest.clone();
        next.segments.extend(written.segments.iter().cloned());
        next.first_log = frozen.next_log;
        next.position = frozen.table.position.or(manifest.position);
        if let Some(last) = frozen.table.overrides.last() {
            next.last_override = last.number;
            let merge = manifest.overrides.len() >= MAX_OVERRIDE_FILES;
            let changes = if merge { self.state.read().overrides.all(last.number) } else { frozen.table.overrides.clone() };
            if merge {
                next.overrides.clear();
            }
            let id = self.new_file();
            next.overrides.push(id);
            self.write_overrides(id, &changes, written)?;
        }
        Ok(next)
    }

    fn write_overrides(&self, id: u64, changes: &[overrides::Numbered], written: &mut Written) -> Result<()> {
        let name = overrides::file_name(id);
        written.files.push(name.clone());
        let mut file = self.disk.create(&name).with_context(|| format!("creating {name}"))?;
        file.write_all(&overrides::encode(changes)).and_then(|()| file.sync()).with_context(|| format!("writing {name}"))?;
        self.disk.sync_folder_of(&name)?;
        Ok(())
    }

    fn seal_team(&self, team: TeamId, table: &MemTable, manifest: &Manifest, written: &mut Written) -> Result<()> {
        let (mut chunks, tail) = table.of(team);
        chunks.extend(tail.chunk()?);
        let rows = chunks.iter().map(|chunk| chunk.rows() as u64).sum();
        let layout = Layout::for_rows(chunks.iter().map(|chunk| &chunk.census), rows);
        let batches = chunks.iter().map(|chunk| layout.adapt(&chunk.batch, &chunk.census)).collect::<Result<Vec<_>>>()?;
        let keys = batches.iter().map(SortKeys::of).collect::<Result<Vec<_>>>()?;
        let max_row_bytes = chunks.iter().map(|chunk| chunk.max_row_bytes).max().unwrap_or(0);
        for (week, rows) in by_week(&chunks, &keys, self.clock.now()) {
            let id = self.new_file();
            let new = NewSegment {
                id,
                team,
                week,
                folded: 0,
                erased: manifest.last_erasure,
                max_row_bytes,
                zstd_level: ZSTD_LEVEL,
                pack: rows.len() as u64 >= self.limits.packed_rows,
            };
            let mut writer = SegmentWriter::create(&self.disk, new, &layout, self.keyring.clone())?;
            written.files.extend(writer.files());
            interleave_sorted(&batches, &keys, rows, |batch| writer.write(batch))?;
            written.segments.push(writer.finish()?);
        }
        Ok(())
    }
}

/// Rows, as (chunk, row), of each week.
fn by_week(chunks: &[Arc<Chunk>], keys: &[SortKeys], now: Timestamp) -> BTreeMap<Week, Vec<(usize, usize)>> {
    let mut weeks: BTreeMap<Week, Vec<(usize, usize)>> = BTreeMap::new();
    for (number, chunk) in chunks.iter().enumerate() {
        for row in 0..chunk.rows() {
            weeks.entry(Week::of(Timestamp(keys[number].time(row)), now)).or_default().push((number, row));
        }
    }
    if weeks.len() > MAX_WEEKS {
        let mut sizes: Vec<(usize, Week)> =
            weeks.iter().map(|(week, rows)| (rows.len(), *week)).filter(|(_, week)| *week != Week::MIXED).collect();
        sizes.sort_unstable();
        let surplus = sizes.len() - (MAX_WEEKS - 1);
        for (_, week) in sizes.into_iter().take(surplus) {
            let rows = weeks.remove(&week).unwrap_or_default();
            weeks.entry(Week::MIXED).or_default().extend(rows);
        }
    }
    weeks
}
