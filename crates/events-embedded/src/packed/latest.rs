//! The latest rows of few persons: packed columns know which they are, so that only those are read from Parquet files.

use super::distinct_hash;
use super::lookup::{Rows, Sought};
use super::read::Packed;
use super::shape::{Leaf, Maker, Source, TRUE, peel, plain_column, replace, source};
use crate::scan::Scan;
use anyhow::{Context, Result};
use arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, FetchType, LogicalPlan, SkipType};
use hashbrown::HashMap;
use query::TableUse;
use std::ops::Range;
use std::sync::Arc;
use uuid::Uuid;

/// With more rows than this among which to look, reading them is the smaller part of the work.
const MAX_ROWS: usize = 1 << 20;

/// A select of the latest rows that meet conditions which packed columns can decide.
pub struct Latest {
    count: usize,
    conditions: Vec<Leaf>,
    table: TableUse,
}

/// A row that could be among the latest.
struct Candidate {
    at: i64,
    segment: u64,
    row: usize,
    person: u128,
    event: Arc<str>,
}

impl Latest {
    /// `None` when it is another kind of select.
    pub fn of(state: &SessionState, plan: &LogicalPlan, table: &TableUse) -> Result<Option<Latest>> {
        let LogicalPlan::Limit(limit) = plan else { return Ok(None) };
        let (SkipType::Literal(skip), FetchType::Literal(Some(fetch))) = (limit.get_skip_type()?, limit.get_fetch_type()?) else {
            return Ok(None);
        };
        let mut below = &*limit.input;
        while let LogicalPlan::Projection(projection) = below {
            below = &projection.input;
        }
        let LogicalPlan::Sort(sort) = below else { return Ok(None) };
        let mut filters = Vec::new();
        let Some(inner) = peel(&sort.input, &table.columns, &mut filters)? else { return Ok(None) };
        let source_of = |name: &str| table.columns.iter().find(|column| column.name == name).map_or(Source::Elsewhere, source);
        let Some(first) = sort.expr.first().filter(|first| !first.asc) else { return Ok(None) };
        let key = replace(&first.expr, &sort.input.schema().columns(), &inner)?;
        let is_time = plain_column(&key).is_some_and(|name| matches!(source_of(name), Source::Time));
        let known = |expr: &Expr| {
            let known = |name: &str| matches!(source_of(name), Source::Event | Source::Time | Source::Person);
            !expr.is_volatile() && expr.column_refs().into_iter().all(|column| known(&column.name))
        };
        if !is_time || !filters.iter().all(known) {
            return Ok(None);
        }
        let maker = Maker { state, columns: &table.columns, leaves: Default::default() };
        let conditions = filters.iter().map(|filter| maker.leaf(filter)).collect::<Result<_>>()?;
        Ok(Some(Latest { count: skip.saturating_add(fetch), conditions, table: table.clone() }))
    }

    /// Rows of each packed segment that are among the latest; `None` when there are too many to look at.
    pub fn rows(&self, scan: &Scan, sought: &Sought) -> Result<Option<HashMap<u64, Rows>>> {
        let Some((team, keyring)) = &scan.snapshot.hashing else { return Ok(None) };
        if !scan.snapshot.erasures.is_empty() {
            return Ok(None);
        }
        let mut keyring = keyring.clone();
        let moved: HashMap<u64, u128> =
            scan.snapshot.overrides.iter().map(|(id, person)| (distinct_hash(&mut keyring, *team, id), person.as_u128())).collect();
        let (mut candidates, mut found) = (Vec::new(), HashMap::new());
        for segment in &scan.snapshot.segments {
            let Some(packed) = segment.packed() else { continue };
            let Some(ranges) = sought.find(&packed)? else { return Ok(None) };
            found.insert(segment.meta.id, Vec::new());
            if !ranges.is_empty() && segment.meta.overlaps(self.table.time_range) {
                collect(&packed, segment.meta.id, ranges, &moved, &mut candidates)?;
            }
            if candidates.len() > MAX_ROWS {
                return Ok(None);
            }
        }
        self.keep_passing(&mut candidates)?;
        if self.count > 0 && candidates.len() > self.count {
            let (_, last, _) = candidates.select_nth_unstable_by_key(self.count - 1, |candidate| std::cmp::Reverse(candidate.at));
            let least = last.at;
            candidates.retain(|candidate| candidate.at >= least);
        }
        for candidate in candidates {
            found.entry(candidate.segment).or_default().push(candidate.row);
        }
        Ok(Some(found.into_iter().map(|(segment, rows)| (segment, Arc::new(ranges_of(rows)))).collect()))
    }

    fn keep_passing(&self, candidates: &mut Vec<Candidate>) -> Result<()> {
        let array = |at: &usize| -> Result<ArrayRef> {
            Ok(match source(&self.table.columns[*at]) {
                Source::Event => Arc::new(StringArray::from_iter_values(candidates.iter().map(|candidate| &*candidate.event))),
                Source::Time => Arc::new(
                    TimestampMicrosecondArray::from_iter_values(candidates.iter().map(|candidate| candidate.at)).with_timezone("UTC"),
                ),
                Source::Person => {
                    let ids = candidates.iter().map(|candidate| Uuid::from_u128(candidate.person).hyphenated().to_string());
                    Arc::new(StringArray::from_iter_values(ids))
                }
                _ => anyhow::bail!("a condition on a column that packed columns lack"),
            })
        };
        let mut keep = vec![true; candidates.len()];
        for condition in &self.conditions {
            let arrays = condition.columns.iter().map(array).collect::<Result<Vec<_>>>()?;
            let truths = condition.truths(arrays, candidates.len())?;
            keep.iter_mut().zip(truths).for_each(|(keep, truth)| *keep &= truth == TRUE);
        }
        let mut keep = keep.into_iter();
        candidates.retain(|_| keep.next().unwrap_or(false));
        Ok(())
    }
}

/// The rows of one segment, with the persons that they belong to by now.
fn collect(packed: &Packed, segment: u64, ranges: Vec<Range<usize>>, moved: &HashMap<u64, u128>, out: &mut Vec<Candidate>) -> Result<()> {
    let basics = packed.basics()?;
    let ids = if moved.is_empty() { None } else { Some(packed.distinct()?) };
    let (mut scratch, mut times, mut persons, mut places) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for range in ranges {
        let run = packed.runs().partition_point(|run| run.rows.end <= range.start);
        let event = &packed.runs().get(run).context("a row without an event")?.event;
        basics.times(range.clone(), &mut scratch, &mut times);
        basics.person.codes(range.clone(), &mut persons);
        if let Some((distinct, _)) = &ids {
            distinct.places(range.clone(), &persons, &mut places);
        }
        for (at, row) in range.enumerate() {
            let hash = ids.as_ref().and_then(|(_, hashes)| hashes.as_chunks::<8>().0.get(*places.get(at)? as usize));
            let target = hash.and_then(|hash| moved.get(&u64::from_le_bytes(*hash)));
            let person = target.copied().unwrap_or_else(|| basics.id(persons[at]));
            out.push(Candidate { at: times[at], segment, row, person, event: event.clone() });
        }
    }
    Ok(())
}

fn ranges_of(mut rows: Vec<usize>) -> Vec<Range<usize>> {
    rows.sort_unstable();
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for row in rows {
        match ranges.last_mut() {
            Some(range) if range.end == row => range.end += 1,
            _ => ranges.push(row..row + 1),
        }
    }
    ranges
}
