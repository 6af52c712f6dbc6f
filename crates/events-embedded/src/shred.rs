//! Rows into columns.

use crate::columns::{Census, Kind, MAX_LISTED_REST, Owner, PropertyColumn, column_name, schema_of};
use crate::texts::TextColumn;
use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanArray, BooleanBuilder, FixedSizeBinaryArray, Float64Builder, RecordBatch, StringBuilder,
    StringDictionaryBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;
use events::EventRow;
use hashbrown::HashMap;
use model::{Properties, PropertyValue, Timestamp};
use std::ops::Range;
use std::sync::Arc;

/// Rows as columns, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub batch: RecordBatch,
    pub census: Census,
    pub first: Timestamp,
    pub last: Timestamp,
    /// An upper bound of what one row takes; readers size their batches by it.
    pub max_row_bytes: u32,
}

impl Chunk {
    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }
}

/// 2^53: below it a float holds every integer exactly.
pub const EXACT: f64 = 9_007_199_254_740_992.0;

pub fn kind_of(value: &PropertyValue) -> Kind {
    match value {
        PropertyValue::String(_) => Kind::String,
        PropertyValue::Bool(_) => Kind::Boolean,
        PropertyValue::Int(number) if number.unsigned_abs() < EXACT as u64 => Kind::Number,
        PropertyValue::Float(number) if number.is_finite() => Kind::Number,
        _ => Kind::Json,
    }
}

/// `max_row_bytes` is the caller's knowledge of its largest row.
pub fn shred(rows: &[&EventRow], max_row_bytes: u32) -> Result<Chunk, ArrowError> {
    let objects: Vec<[&Properties; 2]> = rows.iter().map(|row| [&row.properties, &*row.person_properties]).collect();
    let shredded = shred_properties(&objects);
    let mut arrays = fixed_arrays(rows)?;
    arrays.extend(shredded.rests);
    arrays.extend(shredded.arrays);
    let batch = RecordBatch::try_new(schema_of(&shredded.columns), arrays)?;
    let first = rows.iter().map(|row| row.timestamp).min().unwrap_or(Timestamp::EPOCH);
    let last = rows.iter().map(|row| row.timestamp).max().unwrap_or(Timestamp::EPOCH);
    Ok(Chunk { batch, census: shredded.census, first, last, max_row_bytes })
}

/// Property objects as columns.
pub struct Shredded {
    pub columns: Vec<PropertyColumn>,
    /// One for each of `columns`.
    pub arrays: Vec<ArrayRef>,
    /// The rest column of each owner.
    pub rests: [ArrayRef; 2],
    pub census: Census,
}

/// Each row has an object of each [`Owner`].
pub fn shred_properties(rows: &[[&Properties; 2]]) -> Shredded {
    let mut names = Names::default();
    for [event, person] in rows {
        names.add(Owner::Event, event);
        names.add(Owner::Person, person);
    }
    let (columns, census) = names.census().settle(rows.len() as u64);
    let mut builders: Vec<Filling> = columns.iter().map(|column| Filling::new(column.kind, rows.len())).collect();
    let places = names.places(&columns);
    let mut slots = names.slots.iter();
    let mut rests = Owner::BOTH.map(|_| StringBuilder::new());
    for (at, row) in rows.iter().enumerate() {
        for (owner, properties) in row.iter().enumerate() {
            let mut rest = Rest::default();
            for ((name, value), slot) in properties.iter().zip(&mut slots) {
                match places[*slot as usize] {
                    Some(place) => builders[place].set(at, value),
                    None => rest.add(name, value),
                }
            }
            rests[owner].append_option(rest.finish());
        }
    }
    let rests = rests.map(|mut rest| Arc::new(rest.finish()) as ArrayRef);
    let arrays = builders.into_iter().map(|builder| builder.finish(rows.len())).collect();
    Shredded { columns, arrays, rests, census }
}

/// Numbers every (owner, kind, name) that occurs.
#[derive(Default)]
struct Names<'a> {
    numbers: HashMap<(Owner, Kind, &'a str), u32>,
    list: Vec<(Owner, Kind, &'a str)>,
    counts: Vec<u64>,
    /// The numbers of all properties, object by object as they were added.
    slots: Vec<u32>,
    /// Where in `slots` the last object of each owner is: most have the same properties in the same order.
    previous: [Range<usize>; 2],
}

impl<'a> Names<'a> {
    fn add(&mut self, owner: Owner, properties: &'a Properties) {
        let start = self.slots.len();
        let previous = self.previous[owner as usize].clone();
        for (at, (name, value)) in properties.iter().enumerate() {
            let (kind, name) = (kind_of(value), &**name);
            let guess = previous.clone().nth(at).map(|place| self.slots[place]).filter(|slot| {
                let (_, known_kind, known) = self.list[*slot as usize];
                known_kind == kind && (std::ptr::eq(known, name) || known == name)
            });
            let slot = guess.unwrap_or_else(|| self.number((owner, kind, name)));
            self.counts[slot as usize] += 1;
            self.slots.push(slot);
        }
        self.previous[owner as usize] = start..self.slots.len();
    }

    fn number(&mut self, wanted: (Owner, Kind, &'a str)) -> u32 {
        let next = self.list.len() as u32;
        *self.numbers.entry(wanted).or_insert_with(|| {
            self.list.push(wanted);
            self.counts.push(0);
            next
        })
    }

    /// A hostile chunk may hold millions of names: only the most frequent are looked at one by one.
    fn census(&self) -> Census {
        let mut order: Vec<usize> = (0..self.list.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(self.counts[at]));
        let unlisted = order.len() > 2 * MAX_LISTED_REST;
        order.truncate(2 * MAX_LISTED_REST);
        let named = order.into_iter().map(|at| {
            let (owner, kind, name) = self.list[at];
            (column_name(owner, kind, name), self.counts[at])
        });
        Census { columns: named.collect(), unlisted, ..Census::default() }
    }

    fn places(&self, columns: &[PropertyColumn]) -> Vec<Option<usize>> {
        let mut places = vec![None; self.list.len()];
        for (place, column) in columns.iter().enumerate() {
            if let Some(slot) = self.numbers.get(&(column.owner, column.kind, &*column.name)) {
                places[*slot as usize] = Some(place);
            }
        }
        places
    }
}

/// A column being filled from values that outlive it.
enum Filling<'a> {
    Texts(TextColumn<'a>),
    Other(Builder),
}

impl<'a> Filling<'a> {
    fn new(kind: Kind, rows: usize) -> Self {
        match kind {
            Kind::String => Filling::Texts(TextColumn::new(rows)),
            other => Filling::Other(Builder::new(other)),
        }
    }

    /// The same rules as for [`Builder::set`].
    fn set(&mut self, row: usize, value: &'a PropertyValue) {
        match (self, value) {
            (Filling::Texts(column), PropertyValue::String(text)) if column.rows() <= row => {
                column.pad(row);
                column.append(text);
            }
            (Filling::Texts(_), _) => {}
            (Filling::Other(builder), value) => builder.set(row, value),
        }
    }

    fn finish(self, rows: usize) -> ArrayRef {
        match self {
            Filling::Texts(column) => column.finish(rows),
            Filling::Other(builder) => builder.finish(rows),
        }
    }
}

/// A column being filled; rows that are passed over become null.
pub enum Builder {
    String(StringDictionaryBuilder<Int32Type>),
    Number(Float64Builder),
    Boolean(BooleanBuilder),
    Json(StringBuilder),
}

impl Builder {
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::String => Builder::String(StringDictionaryBuilder::new()),
            Kind::Number => Builder::Number(Float64Builder::new()),
            Kind::Boolean => Builder::Boolean(BooleanBuilder::new()),
            Kind::Json => Builder::Json(StringBuilder::new()),
        }
    }

    fn rows(&self) -> usize {
        match self {
            Builder::String(builder) => builder.len(),
            Builder::Number(builder) => builder.len(),
            Builder::Boolean(builder) => builder.len(),
            Builder::Json(builder) => builder.len(),
        }
    }

    fn pad(&mut self, rows: usize) {
        let missing = rows.saturating_sub(self.rows());
        match self {
            Builder::String(builder) => builder.append_nulls(missing),
            Builder::Number(builder) => builder.append_nulls(missing),
            Builder::Boolean(builder) => builder.append_nulls(missing),
            Builder::Json(builder) => builder.append_nulls(missing),
        }
    }

    /// The value must be of the column's kind, and rows must come in order. The first of several values of a row stays.
    pub fn set(&mut self, row: usize, value: &PropertyValue) {
        if self.rows() > row {
            return;
        }
        self.pad(row);
        match (self, value) {
            (Builder::String(builder), PropertyValue::String(text)) => builder.append_value(text),
            (Builder::Number(builder), PropertyValue::Int(number)) => builder.append_value(*number as f64),
            (Builder::Number(builder), PropertyValue::Float(number)) => builder.append_value(*number),
            (Builder::Boolean(builder), PropertyValue::Bool(flag)) => builder.append_value(*flag),
            (Builder::Json(builder), value) => match value {
                PropertyValue::Json(text) => builder.append_value(text),
                other => builder.append_value(json_of(other)),
            },
            (builder, _) => builder.pad(row + 1),
        }
    }

    pub fn finish(mut self, rows: usize) -> ArrayRef {
        self.pad(rows);
        match self {
            Builder::String(mut builder) => Arc::new(builder.finish()),
            Builder::Number(mut builder) => Arc::new(builder.finish()),
            Builder::Boolean(mut builder) => Arc::new(builder.finish()),
            Builder::Json(mut builder) => Arc::new(builder.finish()),
        }
    }
}

/// One row's object of properties that have no column.
#[derive(Default)]
pub struct Rest(String);

impl Rest {
    pub fn add(&mut self, name: &str, value: &PropertyValue) {
        self.add_json(name, &json_of(value));
    }

    pub fn add_json(&mut self, name: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        push_json_text(&mut self.0, name);
        self.0.push(':');
        self.0.push_str(json);
    }

    pub fn finish(mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push('}');
        Some(self.0)
    }
}

pub fn json_of(value: &PropertyValue) -> String {
    match value {
        PropertyValue::Float(number) => number_text(*number),
        other => serde_json::to_string(other).unwrap_or_else(|_| "null".to_owned()),
    }
}

/// `5` for 5.0: JSON has one kind of number, and PostHog's own pipeline writes whole ones without a fraction.
pub fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < EXACT {
        (number as i64).to_string()
    } else if number.is_finite() {
        serde_json::Number::from_f64(number).map_or_else(|| "null".to_owned(), |number| number.to_string())
    } else {
        "null".to_owned()
    }
}

pub fn push_json_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned()));
}

fn fixed_arrays(rows: &[&EventRow]) -> Result<Vec<ArrayRef>, ArrowError> {
    let uuids = |of: fn(&EventRow) -> &[u8; 16]| -> Result<ArrayRef, ArrowError> {
        let values: Vec<u8> = rows.iter().flat_map(|row| of(row).iter().copied()).collect();
        Ok(Arc::new(FixedSizeBinaryArray::try_new(16, values.into(), None)?))
    };
    let texts = |of: fn(&EventRow) -> &str| -> ArrayRef {
        let mut column = TextColumn::new(rows.len());
        rows.iter().for_each(|row| column.append(of(row)));
        column.finish(rows.len())
    };
    let instants = |of: fn(&EventRow) -> Timestamp| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| of(row).0)).with_timezone("UTC"))
    };
    Ok(vec![
        uuids(|row| row.uuid.as_bytes())?,
        texts(|row| &row.event),
        instants(|row| row.timestamp),
        instants(|row| row.created_at),
        texts(|row| &row.distinct_id),
        uuids(|row| row.person_id.as_bytes())?,
        instants(|row| row.person_created_at),
        texts(|row| row.person_mode.as_str()),
        texts(|row| &row.elements_chain),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.historical_migration)))),
    ])
}
