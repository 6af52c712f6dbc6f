//! Leaving out row groups that cannot matter, and finding the newest rows first.
//!
//! `ORDER BY timestamp DESC LIMIT 100` tells the scan, while it runs, from which time on rows still count. Segments are sorted by
//! event and person, so the first rows read would say little; therefore each partition first hands out the newest rows of its
//! first row group and waits a moment for what the sort makes of them. After that nearly nothing else has to be read whole.

use crate::columns;
use crate::scan::{Filter, Scan};
use crate::segment::Opened;
use anyhow::Result;
use arrow::array::{ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, TimestampMicrosecondArray};
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, ScalarValue};
use datafusion::physical_expr_common::physical_expr::snapshot_generation;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use model::Timestamp;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;
use query::ColumnSource;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Rows of a row group that are handed out first.
const NEWEST: usize = 2_048;
/// How long a scan waits for the sort above it to say which rows still count.
const PATIENCE: Duration = Duration::from_millis(100);

/// Fewer rows than this do not fill a list, so no sort can say anything yet.
const FEW: usize = 100;

pub type Range = (Timestamp, Timestamp);

/// The times of a row group, when its statistics have them.
pub fn times_of(group: &RowGroupMetaData, opened: &Opened) -> Result<Option<Range>> {
    let column = opened.metadata.schema().index_of(columns::TIMESTAMP)?;
    let Some(Statistics::Int64(times)) = group.column(column).statistics() else { return Ok(None) };
    Ok(times.min_opt().zip(times.max_opt()).map(|(first, last)| (Timestamp(*first), Timestamp(*last))))
}

/// Statistics of one container, about its times only.
struct Times<'a> {
    column: &'a str,
    range: Range,
}

impl Times<'_> {
    fn value(&self, column: &Column, at: Timestamp) -> Option<ArrayRef> {
        (column.name == self.column).then(|| Arc::new(TimestampMicrosecondArray::from(vec![at.0]).with_timezone("UTC")) as ArrayRef)
    }
}

impl PruningStatistics for Times<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.value(column, self.range.0)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.value(column, self.range.1)
    }

    fn num_containers(&self) -> usize {
        1
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

impl Scan {
    fn time_column(&self) -> Option<usize> {
        self.wanted.iter().position(|column| column.source == ColumnSource::Field(columns::TIMESTAMP))
    }

    /// Whether rows with times in this range could meet all conditions, as far as those are known by now.
    pub fn may_pass(&self, range: Option<Range>) -> bool {
        let (Some(range), Some(place)) = (range, self.time_column()) else { return true };
        let times = Times { column: &self.wanted[place].name, range };
        self.filters.iter().filter(|filter| filter.columns.contains(&place)).all(|filter| {
            let predicate = PruningPredicateBuilder::new().with_file_schema(self.schema.clone()).build(filter.condition.clone());
            predicate.is_none_or(|predicate| predicate.prune(&times).map_or(true, |keep| keep == [true]))
        })
    }

    /// A condition on the time that will tighten, but has not done so yet.
    fn loose(&self) -> Option<&Filter> {
        let place = self.time_column()?;
        self.filters
            .iter()
            .find(|filter| filter.columns.contains(&place) && filter.generation == Some(snapshot_generation(&filter.condition)))
    }

    /// In which parts to read a row group: all at once, or its newest rows and then the others.
    pub fn portions(&self, opened: &Opened, number: usize) -> Result<Vec<Option<RowSelection>>> {
        let rows = opened.metadata.metadata().row_group(number).num_rows() as usize;
        if rows <= NEWEST || self.impatient.load(Ordering::Relaxed) || self.loose().is_none() {
            return Ok(vec![None]);
        }
        let times = times(opened, number)?;
        let mut sorted = times.clone();
        let (_, least, _) = sorted.select_nth_unstable_by(NEWEST - 1, |a, b| b.cmp(a));
        let mut newest = BooleanBufferBuilder::new(rows);
        times.iter().for_each(|at| newest.append(at >= least));
        let newest = newest.finish();
        let others = !&newest;
        Ok([newest, others].into_iter().map(|mask| Some(RowSelection::from_boolean_buffer(mask))).collect())
    }

    /// Gives the sort above time to look at the newest rows, of which so many met the other conditions. Once that was in vain it is
    /// not done again.
    pub fn wait_for_sort(&self, rows: usize) {
        if rows < FEW {
            return;
        }
        let started = Instant::now();
        while self.loose().is_some() {
            if started.elapsed() > PATIENCE {
                self.impatient.store(true, Ordering::Relaxed);
                return;
            }
            std::thread::sleep(Duration::from_micros(300));
        }
    }
}

fn times(opened: &Opened, number: usize) -> Result<Vec<i64>> {
    let column = opened.metadata.schema().index_of(columns::TIMESTAMP)?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(opened.file.clone(), opened.metadata.clone())
        .with_row_groups(vec![number])
        .with_projection(ProjectionMask::roots(opened.metadata.parquet_schema(), [column]))
        .build()?;
    let mut times = Vec::new();
    for batch in reader {
        times.extend_from_slice(batch?.column(0).as_primitive::<TimestampMicrosecondType>().values());
    }
    Ok(times)
}
