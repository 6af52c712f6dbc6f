//! The rows of few persons or distinct ids, found by number instead of by reading everybody's.
//!
//! What is found may be too much, never too little: the conditions are asked again of the rows that are read.

use super::distinct_hash;
use super::read::{Basics, Packed};
use crate::columns::{DISTINCT_ID, PERSON_ID};
use crate::scan::Scan;
use crate::segment::Segment;
use anyhow::Result;
use datafusion::common::ScalarValue;
use datafusion::physical_expr::utils::{Guarantee, LiteralGuarantee};
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::RowSelection;
use query::{ColumnSource, ColumnUse};
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// A query that names more ids than this is about many rows anyway.
const MAX_IDS: usize = 200;
/// Searches in one segment, one for each person in each run; more are not faster than reading.
const MAX_SEARCHES: usize = 50_000;

pub type Rows = Arc<Vec<Range<usize>>>;

/// What the conditions of one scan ask for, and where it is.
#[derive(Default)]
pub struct Lookup {
    sought: OnceLock<Option<Sought>>,
    /// By segment.
    found: Mutex<HashMap<u64, Option<Rows>>>,
    /// The same, when only the latest rows are wanted and packed columns know them.
    latest: OnceLock<Option<HashMap<u64, Rows>>>,
}

pub struct Sought {
    persons: Vec<u128>,
    /// Hashes of distinct ids: those asked for, or moved to the persons asked for.
    hashes: HashSet<u64>,
}

impl Lookup {
    /// Rows of the segment that could meet the conditions of the scan; `None` when all could.
    pub fn rows(&self, scan: &Scan, segment: &Segment) -> Option<Rows> {
        let sought = self.sought.get_or_init(|| Sought::of(scan)).as_ref()?;
        if let Some(latest) = scan.latest.get()
            && let Some(found) = self.latest.get_or_init(|| latest.rows(scan, sought).unwrap_or_default())
            && let Some(rows) = found.get(&segment.meta.id)
        {
            return Some(rows.clone());
        }
        if let Some(known) = self.found.lock().get(&segment.meta.id) {
            return known.clone();
        }
        let found = segment.packed().and_then(|packed| sought.find(&packed).unwrap_or_default()).map(Arc::new);
        self.found.lock().insert(segment.meta.id, found.clone());
        found
    }
}

impl Sought {
    fn of(scan: &Scan) -> Option<Sought> {
        let (team, keyring) = scan.snapshot.hashing.as_ref()?;
        let (field, ids) = scan.filters.iter().find_map(|filter| named(&filter.condition, &scan.wanted))?;
        let mut keyring = keyring.clone();
        let mut hash = |id: &str| distinct_hash(&mut keyring, *team, id);
        if field == DISTINCT_ID {
            return Some(Sought { persons: Vec::new(), hashes: ids.iter().map(|id| hash(id)).collect() });
        }
        let persons: Vec<Uuid> = ids.iter().filter_map(|id| Uuid::parse_str(id).ok()).collect();
        let moved = scan.snapshot.overrides.iter().filter(|(_, person)| persons.contains(person));
        let hashes = moved.map(|(id, _)| hash(id)).collect();
        Some(Sought { persons: persons.iter().map(Uuid::as_u128).collect(), hashes })
    }

    /// `None` when there is too much to look for.
    pub fn find(&self, packed: &Packed) -> Result<Option<Vec<Range<usize>>>> {
        let basics = packed.basics()?;
        let mut persons: Vec<u32> = self.persons.iter().filter_map(|id| basics.number(*id).ok()).collect();
        if !self.hashes.is_empty() {
            persons.extend(self.owners(packed)?);
        }
        persons.sort_unstable();
        persons.dedup();
        if persons.len() * packed.runs().len() > MAX_SEARCHES {
            return Ok(None);
        }
        let of_run = |run: &Range<usize>, person: u32| rows_of(&basics, run, person);
        let runs = packed.runs().iter();
        Ok(Some(runs.flat_map(|run| persons.iter().filter_map(|person| of_run(&run.rows, *person))).collect()))
    }

    /// Persons with one of the distinct ids.
    fn owners(&self, packed: &Packed) -> Result<Vec<u32>> {
        let (personal, hashes) = packed.distinct()?;
        let places = hashes.as_chunks::<8>().0.iter().enumerate();
        let places = places.filter(|(_, hash)| self.hashes.contains(&u64::from_le_bytes(**hash))).map(|(place, _)| place as u32);
        Ok(places.map(|place| personal.starts.partition_point(|start| *start <= place) as u32 - 1).collect())
    }
}

fn rows_of(basics: &Basics, run: &Range<usize>, person: u32) -> Option<Range<usize>> {
    let start = basics.person.lower_bound(run.clone(), person);
    let end = basics.person.lower_bound(start..run.end, person.checked_add(1)?);
    (start < end).then_some(start..end)
}

/// The ids that a condition requires a row's person or distinct id to be among.
fn named(condition: &Arc<dyn datafusion::physical_expr::PhysicalExpr>, wanted: &[ColumnUse]) -> Option<(&'static str, Vec<String>)> {
    LiteralGuarantee::analyze(condition).into_iter().find_map(|guarantee| {
        let column = wanted.iter().find(|column| column.name == guarantee.column.name)?;
        let ColumnSource::Field(field @ (PERSON_ID | DISTINCT_ID)) = column.source else { return None };
        let texts = guarantee.literals.iter().map(text).collect::<Option<Vec<String>>>()?;
        (guarantee.guarantee == Guarantee::In && texts.len() <= MAX_IDS).then_some((field, texts))
    })
}

fn text(literal: &ScalarValue) -> Option<String> {
    match literal {
        ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text) => text.clone(),
        _ => None,
    }
}

/// The part of some rows that lies within a row group, and how many they are; `None` when there is none.
pub fn selection(rows: &[Range<usize>], group: Range<usize>) -> Option<(RowSelection, usize)> {
    let first = rows.partition_point(|range| range.end <= group.start);
    let inside = rows[first..].iter().take_while(|range| range.start < group.end);
    let ranges: Vec<Range<usize>> =
        inside.map(|range| range.start.max(group.start) - group.start..range.end.min(group.end) - group.start).collect();
    let count = ranges.iter().map(ExactSizeIterator::len).sum();
    (count > 0).then(|| (RowSelection::from_consecutive_ranges(ranges.into_iter(), group.len()), count))
}
