//! Small segments into larger ones, with person overrides written in and erased rows left out.

use crate::columns;
use crate::manifest::Manifest;
use crate::merge::{Layout, OUTPUT_ROWS, Source, merge, sorted};
use crate::segment::{NewSegment, Opened, Segment, SegmentMeta, SegmentWriter, Week};
use crate::snapshot::Snapshot;
use crate::state::Shared;
use crate::unify::{PersonView, not_erased, persons};
use anyhow::{Context, Result, bail};
use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch, not};
use model::TeamId;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Segments of one size class are merged when there are this many of them.
const FAN_IN: usize = 4;
/// Of a week that is over, all segments become one, when what joins the largest is at least this part of it: one in so many, while
/// rows are coming and when none do.
const WORTH_BUSY: u64 = 2;
const WORTH_IDLE: u64 = 16;
/// A week never has more segments than this for long, whatever their sizes.
const MAX_PER_WEEK: usize = 12;
/// Merging stops at this size, so that one merge stays a matter of minutes and its keys fit in memory.
const MAX_ROWS: u64 = 4 << 20;
/// Rows moved to other persons are sorted in memory; with more of them the overrides stay beside the segment.
const MAX_MOVED: usize = 200_000;
const ZSTD_LEVEL: i32 = 3;
const DAY_SECONDS: i64 = 86_400;
/// Bytes of rows that each source may hold at a time.
const SOURCE_BYTES: usize = 16 << 20;

/// Segments to become one.
pub struct Job {
    inputs: Vec<Arc<Segment>>,
}

impl Shared {
    /// Does the most useful merge; false when there is none.
    pub fn compact_once(&self) -> Result<bool> {
        let manifest = self.structure.lock().clone();
        let state = self.state.read();
        let idle = state.active.since.is_none() && state.frozen.is_none();
        // Generations are told apart by whether rows were coming.
        let situation = manifest.generation << 1 | u64::from(idle);
        if self.merged.load(Ordering::Relaxed) == situation {
            return Ok(false);
        }
        let mut weeks: BTreeMap<(TeamId, Week), Vec<Arc<Segment>>> = BTreeMap::new();
        for segment in state.all_segments() {
            weeks.entry((segment.meta.team, segment.meta.week)).or_default().push(segment.clone());
        }
        drop(state);
        let over = Week::of(self.clock.now().plus_seconds(-DAY_SECONDS), self.clock.now());
        let worth = if idle { WORTH_IDLE } else { WORTH_BUSY };
        let whole = |week: Week, segments: &[Arc<Segment>]| if week < over { settle(segments, worth) } else { None };
        let job = weeks.into_iter().find_map(|((_, week), mut segments)| {
            segments.sort_by_key(|segment| segment.meta.rows);
            choose(&segments, &manifest).or_else(|| whole(week, &segments))
        });
        let Some(job) = job else {
            self.merged.store(situation, Ordering::Relaxed);
            return Ok(false);
        };
        let done = match &job.inputs[..] {
            [segment] if !self.erasures_touch(segment)? => self.note_erased(segment, manifest.last_erasure),
            _ => self.run(&job, &manifest),
        };
        if let Err(error) = done {
            let damaged: Vec<Arc<Segment>> = job.inputs.into_iter().filter(|segment| segment.is_damaged()).collect();
            if damaged.is_empty() {
                return Err(error);
            }
            self.quarantine(&damaged)?;
        }
        Ok(true)
    }

    /// A segment without rows of the erased persons need not be rewritten.
    fn note_erased(&self, segment: &Arc<Segment>, erased: u64) -> Result<()> {
        let mut manifest = self.structure.lock();
        let mut next = manifest.clone();
        let Some(meta) = next.segments.iter_mut().find(|meta| meta.id == segment.meta.id) else { return Ok(()) };
        meta.erased = erased;
        let meta = meta.clone();
        self.commit(&mut manifest, next, |state| {
            for known in state.segments.entry(meta.team).or_default().iter_mut().filter(|known| known.meta.id == meta.id) {
                *known = Arc::new(Segment::new(meta.clone(), self.disk.clone()));
            }
        })
    }

    fn erasures_touch(&self, segment: &Segment) -> Result<bool> {
        let view = self.state.read().snapshot(segment.meta.team).view_of(&segment.meta);
        if view.erased.is_none() {
            return Ok(true);
        }
        let opened = segment.open()?;
        for batch in person_columns(&opened)? {
            if not_erased(&batch?, &view)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn run(&self, job: &Job, manifest: &Manifest) -> Result<()> {
        let first = &job.inputs.first().context("a merge of nothing")?.meta;
        let snapshot = self.state.read().snapshot(first.team);
        let views: Vec<PersonView> = job.inputs.iter().map(|segment| snapshot.view_of(&segment.meta)).collect();
        let opened = job.inputs.iter().map(|segment| segment.open()).collect::<Result<Vec<_>>>()?;
        let rows: u64 = job.inputs.iter().map(|segment| segment.meta.rows).sum();
        let layout = Arc::new(Layout::for_rows(opened.iter().map(|opened| &opened.census), rows));
        let max_row_bytes = job.inputs.iter().map(|segment| segment.meta.max_row_bytes).max().unwrap_or(0);
        let (sources, folded) = self.sources(job, &opened, &views, &layout, &snapshot, manifest)?;
        let new = NewSegment {
            id: self.new_file(),
            team: first.team,
            week: first.week,
            folded,
            erased: snapshot.erasures.iter().map(|erasure| erasure.number).max().unwrap_or(manifest.last_erasure),
            max_row_bytes,
            zstd_level: ZSTD_LEVEL,
            pack: rows >= self.limits.packed_rows,
        };
        let mut writer = SegmentWriter::create(&self.disk, new, &layout, self.keyring.clone())?;
        let files = writer.files();
        let output_rows = batch_rows(max_row_bytes);
        let merged = merge(sources, output_rows, |batch| {
            if self.signal.stopped() {
                bail!("stopping");
            }
            writer.write(batch)
        });
        match merged.and_then(|()| writer.finish()) {
            Ok(meta) => self.replace(job, meta, files),
            Err(error) => {
                // Files that a save may have named stay until the next start; these were never named.
                for name in &files {
                    let _ = self.disk.remove(name);
                }
                Err(error)
            }
        }
    }

    fn sources(
        &self,
        job: &Job,
        opened: &[Arc<Opened>],
        views: &[PersonView],
        layout: &Arc<Layout>,
        snapshot: &Snapshot,
        manifest: &Manifest,
    ) -> Result<(Vec<Source>, u64)> {
        let mut moved = 0;
        for (opened, view) in opened.iter().zip(views) {
            moved += count_moved(opened, view)?;
        }
        let fold = moved <= MAX_MOVED;
        let lowest = job.inputs.iter().map(|segment| segment.meta.folded).min().unwrap_or(0);
        // Later numbers are not durable yet: after a crash they might be given out anew.
        let folded = if fold { snapshot.overrides.latest().min(manifest.last_override).max(lowest) } else { lowest };
        let mut sources: Vec<Source> = Vec::new();
        for ((segment, opened), view) in job.inputs.iter().zip(opened).zip(views) {
            let rows = batch_rows(segment.meta.max_row_bytes);
            let stay = if fold && moved > 0 { Stay::Unmoved } else { Stay::All };
            sources.push(stream(opened, layout, view, rows, stay)?);
        }
        if fold && moved > 0 {
            let mut batches = Vec::new();
            for ((segment, opened), view) in job.inputs.iter().zip(opened).zip(views) {
                batches.extend(
                    stream(opened, layout, view, batch_rows(segment.meta.max_row_bytes), Stay::Moved)?.collect::<Result<Vec<_>>>()?,
                );
            }
            let all = sorted(&concat_batches(&layout.schema, &batches)?)?;
            let parts: Vec<Result<RecordBatch>> =
                (0..all.num_rows()).step_by(OUTPUT_ROWS).map(|at| Ok(all.slice(at, OUTPUT_ROWS.min(all.num_rows() - at)))).collect();
            sources.push(Box::new(parts.into_iter()));
        }
        Ok((sources, folded))
    }

    fn replace(&self, job: &Job, meta: SegmentMeta, files: [String; 3]) -> Result<()> {
        let mut manifest = self.structure.lock();
        let is_input = |other: &SegmentMeta| job.inputs.iter().any(|input| input.meta.id == other.id);
        if manifest.segments.iter().filter(|other| is_input(other)).count() != job.inputs.len() {
            tracing::info!("a merge was dropped because its segments are gone");
            for name in files {
                self.disk.remove(&name)?;
            }
            return Ok(());
        }
        let mut next = manifest.clone();
        next.segments.retain(|other| !is_input(other));
        if meta.rows > 0 {
            next.segments.push(meta.clone());
        }
        self.commit(&mut manifest, next, |state| {
            let segments = state.segments.entry(meta.team).or_default();
            segments.retain(|segment| !is_input(&segment.meta));
            let merged = Segment::new(meta.clone(), self.disk.clone());
            if meta.rows > 0 {
                segments.push(Arc::new(merged));
            } else {
                merged.retire();
            }
        })?;
        job.inputs.iter().for_each(|segment| segment.retire());
        Ok(())
    }
}

fn batch_rows(max_row_bytes: u32) -> usize {
    (SOURCE_BYTES / max_row_bytes.max(1) as usize).clamp(16, OUTPUT_ROWS)
}

/// The segments of a week that hardly changes any more, smallest first, as one.
fn settle(segments: &[Arc<Segment>], worth: u64) -> Option<Job> {
    let mut rows = 0;
    let fitting = segments.iter().take_while(|segment| {
        rows += segment.meta.rows;
        rows <= MAX_ROWS
    });
    let inputs: Vec<Arc<Segment>> = fitting.cloned().collect();
    let (largest, others) = inputs.split_last()?;
    let more: u64 = others.iter().map(|segment| segment.meta.rows).sum();
    (more > 0 && more * worth >= largest.meta.rows).then_some(Job { inputs })
}

/// What to merge of one week of one team, whose segments come smallest first.
fn choose(segments: &[Arc<Segment>], manifest: &Manifest) -> Option<Job> {
    let erasure = |meta: &SegmentMeta| manifest.erasures.iter().any(|erasure| erasure.team == meta.team && erasure.number > meta.erased);
    if let Some(segment) = segments.iter().find(|segment| erasure(&segment.meta)) {
        return Some(Job { inputs: vec![segment.clone()] });
    }
    let fitting = |from: usize, most: usize| {
        let mut rows = 0;
        segments[from..]
            .iter()
            .take(most)
            .take_while(|segment| {
                rows += segment.meta.rows;
                rows <= MAX_ROWS
            })
            .count()
    };
    for from in 0..segments.len() {
        let class = size_class(&segments[from].meta);
        let alike = segments[from..].iter().take_while(|segment| size_class(&segment.meta) == class).count();
        let crowded = segments.len() > MAX_PER_WEEK;
        let count = fitting(from, if crowded { MAX_PER_WEEK } else { alike });
        if count >= FAN_IN || (crowded && count > 1) {
            return Some(Job { inputs: segments[from..from + count].to_vec() });
        }
    }
    None
}

/// Classes are powers of four.
fn size_class(meta: &SegmentMeta) -> u32 {
    (meta.rows.max(1_024).ilog2() - 10) / 2
}

#[derive(Clone, Copy, PartialEq)]
enum Stay {
    All,
    /// Rows whose person the overrides leave alone.
    Unmoved,
    /// The others, with their new person.
    Moved,
}

fn stream(opened: &Arc<Opened>, layout: &Arc<Layout>, view: &PersonView, rows: usize, stay: Stay) -> Result<Source> {
    let reader =
        ParquetRecordBatchReaderBuilder::new_with_metadata(opened.file.clone(), opened.metadata.clone()).with_batch_size(rows).build()?;
    let (opened, layout, view) = (opened.clone(), layout.clone(), view.clone());
    Ok(Box::new(reader.map(move |batch| {
        let mut batch = batch?;
        if let Some(keep) = not_erased(&batch, &view)? {
            batch = filter_record_batch(&batch, &keep)?;
        }
        if stay != Stay::All {
            let moved = moved_rows(&batch, &view)?;
            let keep = if stay == Stay::Moved { moved } else { not(&moved)? };
            batch = filter_record_batch(&batch, &keep)?;
        }
        if stay == Stay::Moved {
            let at = batch.schema().index_of(columns::PERSON_ID)?;
            let mut arrays = batch.columns().to_vec();
            arrays[at] = Arc::new(persons(&batch, &view)?);
            batch = RecordBatch::try_new(batch.schema(), arrays)?;
        }
        layout.adapt(&batch, &opened.census)
    })))
}

/// Rows that the overrides give to another person than the one that is stored.
fn moved_rows(batch: &RecordBatch, view: &PersonView) -> Result<BooleanArray> {
    let stored = batch.column_by_name(columns::PERSON_ID).context("rows lack the person")?.as_fixed_size_binary();
    let now = persons(batch, view)?;
    Ok((0..batch.num_rows()).map(|row| Some(stored.value(row) != now.value(row))).collect())
}

fn count_moved(opened: &Arc<Opened>, view: &PersonView) -> Result<usize> {
    if view.overrides.is_none() {
        return Ok(0);
    }
    let mut moved = 0;
    for batch in person_columns(opened)? {
        moved += moved_rows(&batch?, view)?.true_count();
    }
    Ok(moved)
}

fn person_columns(opened: &Opened) -> Result<ParquetRecordBatchReader> {
    let schema = opened.metadata.schema();
    let roots = [schema.index_of(columns::PERSON_ID)?, schema.index_of(columns::DISTINCT_ID)?];
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(opened.file.clone(), opened.metadata.clone());
    let mask = ProjectionMask::roots(opened.metadata.parquet_schema(), roots);
    Ok(builder.with_projection(mask).with_batch_size(OUTPUT_ROWS).build()?)
}
