//! Events as DataFusion sees them: a table that reads only the row groups, columns and rows that a select needs.

use crate::columns;
use crate::packed::{Latest, Lookup, selection};
use crate::prune::times_of;
use crate::segment::{Opened, Segment};
use crate::shred::Chunk;
use crate::snapshot::Snapshot;
use crate::unify::{PersonView, data_type, needed_columns, not_erased, unify};
use anyhow::{Context, Result};
use arrow::array::{AsArray, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::snapshot_generation;
use model::Timestamp;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicate, ArrowPredicateFn, ParquetRecordBatchReaderBuilder, RowFilter, RowSelection};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;
use query::{ColumnSource, ColumnUse, TableUse};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

const BATCH_ROWS: usize = 8 << 10;
/// A batch of the largest rows of a segment must stay below this, so that no text column passes 2 GiB.
const BATCH_BYTES: usize = 256 << 20;

/// What a select has looked at.
#[derive(Default)]
pub struct Counters {
    pub rows: AtomicU64,
    pub bytes: Arc<AtomicU64>,
}

/// Columns that are cheap to read before the others.
fn is_cheap(column: &ColumnUse) -> bool {
    matches!(
        column.source,
        ColumnSource::Field(
            "event" | "timestamp" | "created_at" | "uuid" | "distinct_id" | "person_id" | "person_id_stored" | "person_mode"
        )
    )
}

/// A condition of the query that is decided before other columns are read.
#[derive(Clone)]
pub struct Filter {
    pub condition: Arc<dyn PhysicalExpr>,
    /// Places in the scan's columns.
    pub columns: Vec<usize>,
    /// Of a condition that tightens while the query runs: how often it had done so at the start.
    pub generation: Option<u64>,
}

/// One reading of the events table: which rows, and which columns of them.
#[derive(Clone)]
pub struct Scan {
    pub snapshot: Arc<Snapshot>,
    pub wanted: Arc<Vec<ColumnUse>>,
    pub schema: SchemaRef,
    pub filters: Vec<Filter>,
    pub work: Arc<Vec<Work>>,
    pub counters: Arc<Counters>,
    /// Which rows can matter to conditions that name persons.
    pub lookup: Arc<Lookup>,
    /// Set when only the latest rows are wanted.
    pub latest: Arc<OnceLock<Latest>>,
    /// Waiting for the sort was in vain.
    pub impatient: Arc<AtomicBool>,
}

/// A part of the rows that is read at one go.
#[derive(Clone)]
pub enum Work {
    Chunk(Arc<Chunk>),
    RowGroup { segment: Arc<Segment>, number: usize },
}

pub fn schema_of(wanted: &[ColumnUse]) -> SchemaRef {
    Arc::new(Schema::new(wanted.iter().map(|column| Field::new(&column.name, data_type(column.kind), true)).collect::<Vec<_>>()))
}

impl Scan {
    pub fn plan(snapshot: Arc<Snapshot>, table: &TableUse, wanted: Vec<ColumnUse>, counters: Arc<Counters>) -> Result<Self> {
        let work = plan_work(&snapshot, table.time_range, table.events.as_deref())?;
        Ok(Scan {
            snapshot,
            schema: schema_of(&wanted),
            wanted: Arc::new(wanted),
            filters: Vec::new(),
            work: Arc::new(work),
            counters,
            lookup: Arc::default(),
            latest: Arc::default(),
            impatient: Arc::default(),
        })
    }

    pub fn rows(&self) -> usize {
        self.work.iter().map(Work::rows).sum()
    }

    /// Takes a condition on cheap columns; false when it needs others.
    pub fn take_filter(&mut self, condition: &Arc<dyn PhysicalExpr>, tightens: bool) -> bool {
        let mut columns: Vec<usize> =
            datafusion::physical_expr::utils::collect_columns(condition).iter().map(|column| column.index()).collect();
        columns.sort_unstable();
        let cheap = columns.iter().all(|at| self.wanted.get(*at).is_some_and(is_cheap));
        if !cheap || columns.is_empty() {
            return false;
        }
        let generation = tightens.then(|| snapshot_generation(condition));
        self.filters.push(Filter { condition: condition.clone(), columns, generation });
        true
    }

    /// Reads one part; `emit` answers false when nobody wants more.
    pub fn read(&self, work: &Work, emit: &mut dyn FnMut(RecordBatch) -> bool) -> Result<bool> {
        match work {
            Work::Chunk(chunk) => {
                self.counters.rows.fetch_add(chunk.rows() as u64, Ordering::Relaxed);
                let view = self.snapshot.view_of_memory();
                let mut batch = chunk.batch.clone();
                for filter in &self.filters {
                    batch = filter_record_batch(&batch, &self.decide(filter, &batch, &chunk.census, &view)?)?;
                }
                Ok(batch.num_rows() == 0 || emit(self.shape(&batch, &chunk.census, &view)?))
            }
            Work::RowGroup { segment, number } => self.read_row_group(segment, *number, emit),
        }
    }

    fn read_row_group(&self, segment: &Segment, number: usize, emit: &mut dyn FnMut(RecordBatch) -> bool) -> Result<bool> {
        let opened = segment.open()?;
        let group = opened.metadata.metadata().row_group(number);
        let times = times_of(group, &opened)?;
        if !self.may_pass(times) {
            return Ok(true);
        }
        if let Some(rows) = self.lookup.rows(self, segment) {
            let groups = opened.metadata.metadata().row_groups();
            let start: i64 = groups[..number].iter().map(RowGroupMetaData::num_rows).sum();
            let Some((portion, count)) = selection(&rows, start as usize..(start + group.num_rows()) as usize) else { return Ok(true) };
            self.counters.rows.fetch_add(count as u64, Ordering::Relaxed);
            return self.read_portion(segment, &opened, number, Some(portion), emit);
        }
        self.counters.rows.fetch_add(group.num_rows() as u64, Ordering::Relaxed);
        let (mut wanted, mut handed) = (true, 0);
        for (at, portion) in self.portions(&opened, number)?.into_iter().enumerate() {
            if at > 0 {
                self.wait_for_sort(handed);
            }
            let mut counting = |batch: RecordBatch| {
                handed += batch.num_rows();
                emit(batch)
            };
            wanted = wanted && (!self.may_pass(times) || self.read_portion(segment, &opened, number, portion, &mut counting)?);
        }
        Ok(wanted)
    }

    fn read_portion(
        &self,
        segment: &Segment,
        opened: &Arc<Opened>,
        number: usize,
        portion: Option<RowSelection>,
        emit: &mut dyn FnMut(RecordBatch) -> bool,
    ) -> Result<bool> {
        let view = self.snapshot.view_of(&segment.meta);
        let batch_rows = (BATCH_BYTES / segment.meta.max_row_bytes.max(1) as usize).clamp(1, BATCH_ROWS);
        let file = opened.file.counted(&self.counters.bytes);
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, opened.metadata.clone())
            .with_row_groups(vec![number])
            .with_batch_size(batch_rows)
            .with_projection(mask(opened, &self.wanted, &view)?)
            .with_row_filter(RowFilter::new(self.predicates(opened, &view)?));
        if let Some(portion) = portion {
            builder = builder.with_row_selection(portion);
        }
        for batch in builder.build()? {
            let mut batch = batch?;
            if let Some(keep) = not_erased(&batch, &view)? {
                batch = filter_record_batch(&batch, &keep)?;
            }
            if batch.num_rows() > 0 && !emit(self.shape(&batch, &opened.census, &view)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn predicates(&self, opened: &Arc<Opened>, view: &PersonView) -> Result<Vec<Box<dyn ArrowPredicate>>> {
        let mut filters: Vec<&Filter> = self.filters.iter().collect();
        filters.sort_by_key(|filter| filter.columns.len());
        filters
            .into_iter()
            .map(|filter| {
                let used: Vec<ColumnUse> = filter.columns.iter().map(|at| self.wanted[*at].clone()).collect();
                let mask = mask(opened, &used, &PersonView { erased: None, ..view.clone() })?;
                let (scan, filter, opened, view) = (self.clone(), filter.clone(), opened.clone(), view.clone());
                let decide = move |batch: RecordBatch| {
                    scan.decide(&filter, &batch, &opened.census, &view).map_err(|error| ArrowError::ExternalError(error.into()))
                };
                Ok(Box::new(ArrowPredicateFn::new(mask, decide)) as Box<dyn ArrowPredicate>)
            })
            .collect()
    }

    /// Which rows of a stored batch meet the condition.
    fn decide(&self, filter: &Filter, batch: &RecordBatch, census: &columns::Census, view: &PersonView) -> Result<BooleanArray> {
        let used: Vec<ColumnUse> = filter.columns.iter().map(|at| self.wanted[*at].clone()).collect();
        let mut arrays: Vec<_> = self.schema.fields().iter().map(|field| new_null_array(field.data_type(), batch.num_rows())).collect();
        for (at, array) in filter.columns.iter().zip(unify(batch, census, view, &used)?) {
            arrays[*at] = array;
        }
        let row = RecordBatch::try_new(self.schema.clone(), arrays)?;
        let decided = filter.condition.evaluate(&row)?.into_array(batch.num_rows())?;
        Ok(decided.as_boolean_opt().context("a condition that is neither true nor false")?.clone())
    }

    fn shape(&self, batch: &RecordBatch, census: &columns::Census, view: &PersonView) -> Result<RecordBatch> {
        let arrays = unify(batch, census, view, &self.wanted)?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?)
    }
}

impl Work {
    fn rows(&self) -> usize {
        match self {
            Work::Chunk(chunk) => chunk.rows(),
            Work::RowGroup { segment, number } => {
                segment.open().map_or(0, |opened| opened.metadata.metadata().row_group(*number).num_rows() as usize)
            }
        }
    }
}

fn mask(opened: &Opened, wanted: &[ColumnUse], view: &PersonView) -> Result<ProjectionMask> {
    let schema = opened.metadata.schema();
    let exists = |name: &str| opened.census.columns.contains_key(name);
    let needed = needed_columns(wanted, &exists, &opened.census, view)?;
    let roots = needed.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(ProjectionMask::roots(opened.metadata.parquet_schema(), roots))
}

/// Newest first: a select of the latest rows then soon knows that older ones cannot matter.
fn plan_work(snapshot: &Snapshot, range: Option<(Timestamp, Timestamp)>, events: Option<&[String]>) -> Result<Vec<Work>> {
    let mut work = Vec::new();
    let mut chunks = snapshot.chunks.clone();
    for tail in &snapshot.tails {
        chunks.extend(tail.chunk()?);
    }
    chunks.sort_by_key(|chunk| std::cmp::Reverse(chunk.last));
    work.extend(
        chunks.into_iter().filter(|chunk| range.is_none_or(|(first, last)| chunk.first <= last && chunk.last >= first)).map(Work::Chunk),
    );
    let mut segments: Vec<&Arc<Segment>> = snapshot.segments.iter().filter(|segment| segment.meta.overlaps(range)).collect();
    segments.sort_by_key(|segment| std::cmp::Reverse(segment.meta.last_us));
    for segment in segments {
        let opened = segment.open()?;
        for (number, group) in opened.metadata.metadata().row_groups().iter().enumerate() {
            if may_match(group, &opened, range, events)? {
                work.push(Work::RowGroup { segment: segment.clone(), number });
            }
        }
    }
    Ok(work)
}

fn may_match(group: &RowGroupMetaData, opened: &Opened, range: Option<(Timestamp, Timestamp)>, events: Option<&[String]>) -> Result<bool> {
    if let (Some((first, last)), Some((least, most))) = (range, times_of(group, opened)?)
        && (least > last || most < first)
    {
        return Ok(false);
    }
    let statistics = group.column(opened.metadata.schema().index_of(columns::EVENT)?).statistics();
    if let (Some(events), Some(Statistics::ByteArray(names))) = (events, statistics)
        && let (Some(least), Some(most)) = (names.min_opt(), names.max_opt())
    {
        // Long names are cut in statistics; the cut maximum is rounded up, so comparing stays safe.
        return Ok(events.iter().any(|event| event.as_bytes() >= least.data() && event.as_bytes() <= most.data()));
    }
    Ok(true)
}
