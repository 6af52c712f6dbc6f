//! Several sorted or unsorted lots of rows into one sorted stream with one set of columns.

use crate::columns::{self, Census, Kind, Owner, PropertyColumn, schema_of};
use crate::shred::{Builder, Rest, kind_of};
use anyhow::{Context, Result};
use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, FixedSizeBinaryArray, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
    UInt32Array, new_null_array,
};
use arrow::compute::{interleave_record_batch, take_record_batch};
use arrow::datatypes::{Float64Type, Int32Type, SchemaRef, TimestampMicrosecondType};
use hashbrown::HashMap;
use model::{Properties, PropertyValue};
use std::cmp::Ordering;
use std::sync::Arc;

pub const OUTPUT_ROWS: usize = 8 << 10;

/// The columns that the merged rows have.
pub struct Layout {
    pub columns: Vec<PropertyColumn>,
    pub census: Census,
    pub schema: SchemaRef,
}

impl Layout {
    /// Fits `rows` rows with these properties.
    pub fn for_rows<'a>(censuses: impl IntoIterator<Item = &'a Census>, rows: u64) -> Self {
        let mut sum = Census::default();
        censuses.into_iter().for_each(|census| sum.add(census));
        let (columns, census) = sum.settle(rows);
        Layout { schema: schema_of(&columns), columns, census }
    }

    /// Gives a batch these columns: values move between their own column and the rest as needed.
    pub fn adapt(&self, batch: &RecordBatch, census: &Census) -> Result<RecordBatch> {
        let fixed = columns::fixed_fields().len();
        let source = batch.schema();
        let demoted: Vec<(PropertyColumn, &ArrayRef)> = source
            .fields()
            .iter()
            .zip(batch.columns())
            .filter(|(field, _)| self.schema.column_with_name(field.name()).is_none())
            .filter_map(|(field, array)| Some((PropertyColumn::parse(field.name())?, array)))
            .collect();
        let lifts = census.unlisted || census.rest.keys().any(|name| self.census.columns.contains_key(name));
        let moved = if lifts || !demoted.is_empty() { Some(self.move_values(batch, &demoted, lifts)?) } else { None };
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for (at, field) in self.schema.fields().iter().enumerate() {
            let own = batch.column_by_name(field.name());
            arrays.push(match (&moved, own) {
                (Some(moved), _) if field.name() == Owner::Event.rest_column() => moved.rests[0].clone(),
                (Some(moved), _) if field.name() == Owner::Person.rest_column() => moved.rests[1].clone(),
                (Some(moved), None) if moved.lifted.contains_key(&(at - fixed)) => moved.lifted[&(at - fixed)].clone(),
                (_, Some(array)) => match moved.as_ref().and_then(|moved| moved.lifted.get(&(at.wrapping_sub(fixed)))) {
                    Some(lifted) => arrow::compute::kernels::zip::zip(&arrow::compute::is_not_null(array)?, array, lifted)?,
                    None => array.clone(),
                },
                (_, None) => new_null_array(field.data_type(), batch.num_rows()),
            });
        }
        Ok(RecordBatch::try_new(self.schema.clone(), arrays)?)
    }

    fn move_values(&self, batch: &RecordBatch, demoted: &[(PropertyColumn, &ArrayRef)], lifts: bool) -> Result<Moved> {
        let places: HashMap<(Owner, Kind, &str), usize> =
            self.columns.iter().enumerate().map(|(place, column)| ((column.owner, column.kind, &*column.name), place)).collect();
        let mut builders: HashMap<usize, Builder> = HashMap::new();
        let mut rests = Vec::new();
        for owner in Owner::BOTH {
            let old = batch.column_by_name(owner.rest_column()).context("rows lack the rest column")?.as_string::<i32>();
            let mut rest_column = StringBuilder::new();
            for row in 0..batch.num_rows() {
                let mut rest = Rest::default();
                if old.is_valid(row) {
                    let properties = Properties::from_json_text(old.value(row)).context("reading a rest column")?;
                    for (name, value) in properties.iter() {
                        let kind = kind_of(value);
                        match places.get(&(owner, kind, &**name)).filter(|_| lifts) {
                            Some(place) => builders.entry(*place).or_insert_with(|| Builder::new(kind)).set(row, value),
                            None => rest.add(name, value),
                        }
                    }
                }
                for (column, array) in demoted.iter().filter(|(column, _)| column.owner == owner) {
                    if let Some(value) = value_at(array, column.kind, row) {
                        rest.add(&column.name, &value);
                    }
                }
                rest_column.append_option(rest.finish());
            }
            rests.push(Arc::new(rest_column.finish()) as ArrayRef);
        }
        let lifted = builders.into_iter().map(|(place, builder)| (place, builder.finish(batch.num_rows()))).collect();
        Ok(Moved { rests, lifted })
    }
}

struct Moved {
    rests: Vec<ArrayRef>,
    lifted: HashMap<usize, ArrayRef>,
}

/// One value of a property column.
pub fn value_at(array: &ArrayRef, kind: Kind, row: usize) -> Option<PropertyValue> {
    if array.is_null(row) {
        return None;
    }
    Some(match kind {
        Kind::String => {
            let array = array.as_dictionary::<Int32Type>();
            PropertyValue::string(array.values().as_string::<i32>().value(array.keys().value(row) as usize))
        }
        Kind::Number => PropertyValue::Float(array.as_primitive::<Float64Type>().value(row)),
        Kind::Boolean => PropertyValue::Bool(array.as_boolean().value(row)),
        Kind::Json => PropertyValue::from_json_text(array.as_string::<i32>().value(row))?,
    })
}

/// What rows are sorted by.
pub struct SortKeys {
    events: DictionaryArray<Int32Type>,
    names: StringArray,
    persons: FixedSizeBinaryArray,
    times: TimestampMicrosecondArray,
    uuids: FixedSizeBinaryArray,
}

impl SortKeys {
    pub fn of(batch: &RecordBatch) -> Result<Self> {
        let column = |name: &str| batch.column_by_name(name).with_context(|| format!("rows lack {name}"));
        let events = column(columns::EVENT)?.as_dictionary::<Int32Type>().clone();
        Ok(SortKeys {
            names: events.values().as_string::<i32>().clone(),
            events,
            persons: column(columns::PERSON_ID)?.as_fixed_size_binary().clone(),
            times: column(columns::TIMESTAMP)?.as_primitive::<TimestampMicrosecondType>().clone(),
            uuids: column(columns::UUID)?.as_fixed_size_binary().clone(),
        })
    }

    pub fn time(&self, row: usize) -> i64 {
        self.times.value(row)
    }

    fn key(&self, row: usize) -> (&str, &[u8], i64, &[u8]) {
        let event = self.names.value(self.events.keys().value(row) as usize);
        (event, self.persons.value(row), self.times.value(row), self.uuids.value(row))
    }

    pub fn compare(&self, row: usize, other: &SortKeys, other_row: usize) -> Ordering {
        self.key(row).cmp(&other.key(other_row))
    }
}

pub fn sorted(batch: &RecordBatch) -> Result<RecordBatch> {
    let keys = SortKeys::of(batch)?;
    let mut order: Vec<u32> = (0..batch.num_rows() as u32).collect();
    order.sort_unstable_by(|&a, &b| keys.compare(a as usize, &keys, b as usize));
    Ok(take_record_batch(batch, &UInt32Array::from(order))?)
}

/// Rows of batches that are all in memory, picked and sorted.
pub fn interleave_sorted(
    batches: &[RecordBatch],
    keys: &[SortKeys],
    mut rows: Vec<(usize, usize)>,
    mut write: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    rows.sort_unstable_by(|a, b| keys[a.0].compare(a.1, &keys[b.0], b.1));
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    for part in rows.chunks(OUTPUT_ROWS) {
        write(&interleave_record_batch(&batches, part)?)?;
    }
    Ok(())
}

/// A sorted stream of batches that all have the layout's columns.
pub type Source = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// Merges sorted sources; holds one batch of each in memory, and `output_rows` merged rows.
pub fn merge(sources: Vec<Source>, output_rows: usize, mut write: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
    let mut cursors = Vec::new();
    let mut pool = Pool::default();
    for source in sources {
        let mut cursor = Cursor { source, batch: 0, row: 0 };
        if cursor.fill(&mut pool)? {
            cursors.push(cursor);
        }
    }
    let mut pending: Vec<(usize, usize)> = Vec::with_capacity(output_rows);
    while !cursors.is_empty() {
        let mut best = 0;
        for at in 1..cursors.len() {
            let (a, b) = (&cursors[at], &cursors[best]);
            if pool.keys[a.batch].compare(a.row, &pool.keys[b.batch], b.row).is_lt() {
                best = at;
            }
        }
        let cursor = &mut cursors[best];
        pending.push((cursor.batch, cursor.row));
        cursor.row += 1;
        let exhausted = cursor.row == pool.batches[cursor.batch].num_rows();
        if exhausted && !cursor.fill(&mut pool)? {
            cursors.swap_remove(best);
        }
        if pending.len() == output_rows || cursors.is_empty() {
            pool.flush(&mut pending, &mut write)?;
            pool.keep_only(&mut cursors);
        }
    }
    Ok(())
}

/// Batches that pending rows or cursors point into.
#[derive(Default)]
struct Pool {
    batches: Vec<RecordBatch>,
    keys: Vec<SortKeys>,
}

impl Pool {
    fn flush(&self, pending: &mut Vec<(usize, usize)>, write: &mut impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        if !pending.is_empty() {
            let batches: Vec<&RecordBatch> = self.batches.iter().collect();
            write(&interleave_record_batch(&batches, pending)?)?;
            pending.clear();
        }
        Ok(())
    }

    fn keep_only(&mut self, cursors: &mut [Cursor]) {
        let old = std::mem::take(self);
        let mut slots: Vec<Option<(RecordBatch, SortKeys)>> = old.batches.into_iter().zip(old.keys).map(Some).collect();
        for cursor in cursors {
            let (batch, keys) = slots[cursor.batch].take().expect("every cursor has a batch of its own");
            cursor.batch = self.batches.len();
            self.batches.push(batch);
            self.keys.push(keys);
        }
    }
}

struct Cursor {
    source: Source,
    batch: usize,
    row: usize,
}

impl Cursor {
    /// Takes the source's next batch that has rows; false at its end.
    fn fill(&mut self, pool: &mut Pool) -> Result<bool> {
        for batch in self.source.by_ref() {
            let batch = batch?;
            if batch.num_rows() > 0 {
                pool.keys.push(SortKeys::of(&batch)?);
                (self.batch, self.row) = (pool.batches.len(), 0);
                pool.batches.push(batch);
                return Ok(true);
            }
        }
        Ok(false)
    }
}
