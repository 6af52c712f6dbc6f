//! Sorted rows into packed columns.
//!
//! Everything is held in memory in its final form until the end, some 15 bytes per row. The same batches that become the Parquet
//! file come by; a failure here never concerns the Parquet file.

use super::bits::{BlockWriter, Blocks, Encoded};
use super::distinct_hash;
use super::format::{BlocksPart, ColumnForm, ColumnPart, Directory, Entries, Part, PersonalPart, header};
use super::sparse::Sparse;
use crate::columns::{self, Census, Kind, PropertyColumn};
use crate::disk::Disk;
use crate::keys::Keyring;
use crate::shred::json_of;
use anyhow::{Context, Result};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Schema, TimestampMicrosecondType};
use hashbrown::{HashMap, HashTable};
use model::{PropertyValue, TeamId};
use std::io::Write;

/// Segments with more events than this are not packed: their runs would be too short to be worth it.
const MAX_EVENTS: usize = 16 << 10;
/// A dictionary of this many entries is never too large.
const SMALL_DICTIONARY: usize = 4_096;
const MAX_DICTIONARY_BYTES: usize = 64 << 20;
/// Properties of events that SDKs set for their own use: large, and nobody counts or filters by them.
const NOT_ASKED_FOR: [&str; 4] = ["$insert_id", "$time", "$device_id", "$window_id"];
/// After this many values a dictionary must be smaller than a third of them.
const VALUES_BEFORE_CHECK: u64 = 64 << 10;

pub struct PackedWriter {
    team: TeamId,
    keyring: Keyring,
    rows: u64,
    events: Vec<(String, u64)>,
    persons: Persons,
    seconds: BlockWriter,
    micros: BlockWriter,
    /// By place in the schema; `None` for those that are not packed as columns.
    columns: Vec<Option<ColumnWriter>>,
    names: Vec<String>,
    sparse: Sparse,
}

impl PackedWriter {
    pub fn new(team: TeamId, schema: &Schema, census: &Census, keyring: Keyring) -> Self {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let columns = schema.fields().iter().map(|field| ColumnWriter::new(field.name(), field.data_type())).collect();
        PackedWriter {
            team,
            keyring,
            rows: 0,
            events: Vec::new(),
            persons: Persons::default(),
            seconds: BlockWriter::default(),
            micros: BlockWriter::default(),
            columns,
            sparse: Sparse::new(&names, census),
            names,
        }
    }

    fn declined(&self) -> bool {
        self.events.len() > MAX_EVENTS
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.declined() || batch.num_rows() == 0 {
            return Ok(());
        }
        let first = self.rows as usize;
        self.rows += batch.num_rows() as u64;
        let column = |name: &str| batch.column_by_name(name).with_context(|| format!("rows lack {name}"));
        self.add_events(column(columns::EVENT)?);
        for at in column(columns::TIMESTAMP)?.as_primitive::<TimestampMicrosecondType>().values() {
            self.seconds.push(at.div_euclid(1_000_000));
            self.micros.push(at.rem_euclid(1_000_000));
        }
        let hashes = self.distinct_hashes(column(columns::DISTINCT_ID)?);
        let created = column(columns::PERSON_CREATED_AT)?.as_primitive::<TimestampMicrosecondType>();
        let persons = column(columns::PERSON_ID)?.as_fixed_size_binary();
        for (row, hash) in hashes.into_iter().enumerate() {
            let id = persons.value(row).try_into().context("a person's id has 16 bytes")?;
            self.persons.add(id, hash as i64, created.value(row));
        }
        for (at, array) in batch.columns().iter().enumerate() {
            if let Some(column) = &mut self.columns[at] {
                column.add(array)?;
            }
        }
        self.leave_out_twofold(batch);
        self.sparse.add(batch, first)
    }

    fn add_events(&mut self, array: &ArrayRef) {
        let events = array.as_dictionary::<Int32Type>();
        let names = events.values().as_string::<i32>();
        let mut last = None;
        for key in events.keys().values() {
            if last != Some(*key) {
                last = Some(*key);
                let name = names.value(*key as usize);
                if self.events.last().is_none_or(|(known, _)| known != name) {
                    self.events.push((name.to_owned(), 0));
                }
            }
            if let Some((_, rows)) = self.events.last_mut() {
                *rows += 1;
            }
        }
    }

    fn distinct_hashes(&mut self, array: &ArrayRef) -> Vec<u64> {
        let ids = array.as_dictionary::<Int32Type>();
        let names = ids.values().as_string::<i32>();
        let mut known: Vec<Option<u64>> = vec![None; names.len()];
        let (team, keyring) = (self.team, &mut self.keyring);
        ids.keys()
            .values()
            .iter()
            .map(|key| *known[*key as usize].get_or_insert_with(|| distinct_hash(keyring, team, names.value(*key as usize))))
            .collect()
    }

    /// Properties of which one row has values of two kinds (names can repeat) are rare enough to go without.
    fn leave_out_twofold(&mut self, batch: &RecordBatch) {
        for places in self.sparse.several() {
            let mut values = 0;
            let mut together: Vec<bool> = vec![false; batch.num_rows()];
            for at in places {
                let array = batch.column(*at);
                values += array.len() - array.null_count();
                (0..array.len()).filter(|row| array.is_valid(*row)).for_each(|row| together[row] = true);
            }
            if values != together.iter().filter(|held| **held).count() {
                places.iter().for_each(|at| self.columns[*at] = Some(ColumnWriter::LeftOut));
            }
        }
    }

    /// Writes the file; nothing has to be durable, since a damaged file is noticed and made anew.
    pub fn finish(self, disk: &Disk, name: &str, segment: u64, parquet_bytes: u64) -> Result<u64> {
        let (directory, data) = self.encode(segment, parquet_bytes)?;
        let directory = serde_json::to_vec(&directory)?;
        let length = data.iter().map(Vec::len).sum::<usize>() as u64;
        let mut file = disk.create(name).with_context(|| format!("creating {name}"))?;
        let written = file
            .write_all(&header(&directory, length))
            .and_then(|()| file.write_all(&directory))
            .and_then(|()| data.iter().try_for_each(|part| file.write_all(part)));
        written.with_context(|| format!("writing {name}"))?;
        Ok((super::format::HEADER + directory.len()) as u64 + length)
    }

    fn encode(self, segment: u64, parquet_bytes: u64) -> Result<(Directory, Vec<Vec<u8>>)> {
        let mut directory = Directory { segment, rows: self.rows, parquet_bytes, declined: self.declined(), ..Directory::default() };
        let mut parts = Parts::default();
        if directory.declined {
            return Ok((directory, parts.data));
        }
        directory.seconds = parts.blocks(self.seconds)?;
        directory.micros = parts.blocks(self.micros)?;
        let persons = self.persons.finish(&mut directory, &mut parts)?;
        directory.events = self.events;
        let (columns, rest, unlisted) = self.sparse.finish(self.rows as usize, &self.names);
        (directory.rest, directory.unlisted) = (rest, unlisted);
        for (name, column) in self.names.into_iter().zip(self.columns) {
            match column {
                None => {}
                Some(column) => match column.finish(&persons, &mut parts)? {
                    Some((codes, follows, form)) => directory.columns.push(ColumnPart { name, codes, follows, form }),
                    None => directory.left_out.push(name),
                },
            }
        }
        for (name, column) in columns {
            match column.finish(&persons, &mut parts)? {
                Some((codes, follows, form)) => directory.columns.push(ColumnPart { name, codes, follows, form }),
                None => directory.left_out.push(name),
            }
        }
        Ok((directory, parts.data))
    }
}

/// The data as it grows.
#[derive(Default)]
struct Parts {
    data: Vec<Vec<u8>>,
    length: u64,
    /// Places in the data, by checksum: what a person's properties say is often what the event's say.
    known: HashMap<(u64, u32), Vec<(usize, u64)>>,
}

impl Parts {
    fn add(&mut self, bytes: Vec<u8>) -> Part {
        let (length, crc) = (bytes.len() as u64, crc32fast::hash(&bytes));
        let known = self.known.entry((length, crc)).or_default();
        if let Some((_, at)) = known.iter().find(|(place, _)| self.data[*place] == bytes) {
            return Part { at: *at, length, crc };
        }
        known.push((self.data.len(), self.length));
        let part = Part { at: self.length, length, crc };
        self.length += length;
        self.data.push(bytes);
        part
    }

    fn blocks(&mut self, writer: BlockWriter) -> Result<BlocksPart> {
        Ok(self.encoded(writer.finish()?))
    }

    fn encoded(&mut self, encoded: Encoded) -> BlocksPart {
        let Encoded { rows, heads, bytes } = encoded;
        BlocksPart { rows: rows as u64, heads: self.add(heads), bytes: self.add(bytes) }
    }

    fn entries(&mut self, count: usize, plain: &[u8]) -> Result<Entries> {
        let bytes = zstd::bulk::compress(plain, 3).context("compressing a dictionary")?;
        Ok(Entries { count: count as u64, plain_bytes: plain.len() as u64, part: self.add(bytes) })
    }
}

/// Persons in the order of their first appearance until the end, then by id.
#[derive(Default)]
struct Persons {
    numbers: HashMap<[u8; 16], u32, ahash::RandomState>,
    ids: Vec<[u8; 16]>,
    rows: Vec<u32>,
    distinct: Personal,
    created: Personal,
}

impl Persons {
    fn add(&mut self, id: [u8; 16], distinct: i64, created: i64) {
        let same = self.rows.last().copied().filter(|last| self.ids[*last as usize] == id);
        let person = same.unwrap_or_else(|| {
            let next = self.ids.len() as u32;
            *self.numbers.entry(id).or_insert_with(|| {
                self.ids.push(id);
                next
            })
        });
        self.rows.push(person);
        self.distinct.add(person, distinct);
        self.created.add(person, created);
    }

    fn finish(mut self, directory: &mut Directory, parts: &mut Parts) -> Result<Settled> {
        drop(std::mem::take(&mut self.numbers));
        let mut order: Vec<u32> = (0..self.ids.len() as u32).collect();
        order.sort_unstable_by_key(|person| self.ids[*person as usize]);
        let mut rank = vec![0u32; order.len()];
        order.iter().enumerate().for_each(|(at, person)| rank[*person as usize] = at as u32);
        directory.persons = parts.add(order.iter().flat_map(|person| self.ids[*person as usize]).collect());
        let mut person = BlockWriter::default();
        self.rows.iter().for_each(|row| person.push(i64::from(rank[*row as usize])));
        directory.person = parts.blocks(person)?;
        let (distinct, hashes) = self.distinct.finish(&order, &rank, parts)?;
        directory.distinct = distinct;
        directory.distinct_hashes = parts.add(hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect());
        let (created, values) = self.created.finish(&order, &rank, parts)?;
        directory.created = created;
        let mut blocks = BlockWriter::default();
        values.iter().for_each(|value| blocks.push(*value));
        directory.created_values = parts.blocks(blocks)?;
        Ok(Settled { rows: self.rows, order, rank })
    }
}

/// Whose the rows are: persons as they came, and how these are sorted.
struct Settled {
    rows: Vec<u32>,
    order: Vec<u32>,
    rank: Vec<u32>,
}

/// A column is looked at closely when it takes more than a third of a byte per row …
const WORTH_A_LOOK: usize = 3;

impl Settled {
    /// Browsers and cities hardly change while a person stays the same: such a column follows the person, and rows only say when
    /// it is not the person's first value.
    fn encode(&self, codes: BlockWriter, parts: &mut Parts) -> Result<(BlocksPart, Option<PersonalPart>)> {
        let plain = codes.finish()?;
        if plain.rows != self.rows.len() || plain.bytes.len() * WORTH_A_LOOK < plain.rows {
            return Ok((parts.encoded(plain), None));
        }
        let mut codes = Vec::new();
        Blocks::open(plain.rows, &plain.heads, plain.bytes.clone().into())?.codes(0..plain.rows, &mut codes);
        let mut first = vec![u32::MAX; self.order.len()];
        let mut same = 0;
        for (person, code) in self.rows.iter().zip(&codes) {
            let first = &mut first[*person as usize];
            *first = if *first == u32::MAX { *code } else { *first };
            same += usize::from(*first == *code);
        }
        // … and follows the person when four of five rows have the person's first value.
        if same * 5 < plain.rows * 4 {
            return Ok((parts.encoded(plain), None));
        }
        let mut personal = Personal::default();
        self.rows.iter().zip(&codes).for_each(|(person, code)| personal.add(*person, i64::from(*code)));
        let (surplus, ordinals, values) = personal.encode(&self.order, &self.rank)?;
        let mut blocks = BlockWriter::default();
        values.iter().for_each(|value| blocks.push(*value));
        let values = blocks.finish()?;
        let bytes = |encoded: &Encoded| encoded.heads.len() + encoded.bytes.len();
        if (bytes(&surplus) + bytes(&ordinals) + bytes(&values)) * 4 > bytes(&plain) * 3 {
            return Ok((parts.encoded(plain), None));
        }
        let follows = PersonalPart { surplus: parts.encoded(surplus), ordinals: parts.encoded(ordinals) };
        Ok((parts.encoded(values), Some(follows)))
    }
}

/// Values of persons, each person's numbered on their own.
#[derive(Default)]
struct Personal {
    first: Vec<i64>,
    surplus: Vec<u32>,
    others: HashMap<(u32, i64), u32, ahash::RandomState>,
    /// Values after the first, as they came.
    later: Vec<(u32, i64)>,
    ordinals: BlockWriter,
}

impl Personal {
    fn add(&mut self, person: u32, value: i64) {
        let at = person as usize;
        if at == self.first.len() {
            self.first.push(value);
            self.surplus.push(0);
        }
        let ordinal = if self.first[at] == value {
            0
        } else {
            *self.others.entry((person, value)).or_insert_with(|| {
                self.surplus[at] += 1;
                self.later.push((person, value));
                self.surplus[at]
            })
        };
        self.ordinals.push(i64::from(ordinal));
    }

    /// The values, person by person.
    fn finish(self, order: &[u32], rank: &[u32], parts: &mut Parts) -> Result<(PersonalPart, Vec<i64>)> {
        let (surplus, ordinals, values) = self.encode(order, rank)?;
        Ok((PersonalPart { surplus: parts.encoded(surplus), ordinals: parts.encoded(ordinals) }, values))
    }

    /// How many values more than one each person has, which of them each row has, and the values, person by person.
    fn encode(mut self, order: &[u32], rank: &[u32]) -> Result<(Encoded, Encoded, Vec<i64>)> {
        let mut surplus = BlockWriter::default();
        order.iter().for_each(|person| surplus.push(i64::from(self.surplus[*person as usize])));
        self.later.sort_by_key(|(person, _)| rank[*person as usize]);
        let mut later = self.later.iter().peekable();
        let mut values = Vec::with_capacity(self.first.len() + self.later.len());
        for person in order {
            values.push(self.first[*person as usize]);
            while let Some((_, value)) = later.next_if(|(of, _)| of == person) {
                values.push(*value);
            }
        }
        Ok((surplus.finish()?, self.ordinals.finish()?, values))
    }
}

/// Texts numbered in the order of their first appearance.
#[derive(Default)]
pub struct TextTable {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    table: HashTable<u32>,
    hasher: ahash::RandomState,
}

impl TextTable {
    fn code(&mut self, text: &str) -> u32 {
        let entry = |bytes: &[u8], ends: &[u32], at: u32| {
            let start = if at == 0 { 0 } else { ends[at as usize - 1] as usize };
            start..(ends[at as usize] as usize).min(bytes.len())
        };
        let hash = self.hasher.hash_one(text.as_bytes());
        let (bytes, ends, hasher) = (&mut self.bytes, &mut self.ends, &self.hasher);
        if let Some(code) = self.table.find(hash, |at| &bytes[entry(bytes, ends, *at)] == text.as_bytes()) {
            return *code;
        }
        let code = ends.len() as u32;
        bytes.extend_from_slice(text.as_bytes());
        ends.push(bytes.len() as u32);
        self.table.insert_unique(hash, code, |at| hasher.hash_one(&bytes[entry(bytes, ends, *at)]));
        code
    }

    fn plain(&self) -> Vec<u8> {
        self.ends.iter().flat_map(|end| end.to_le_bytes()).chain(self.bytes.iter().copied()).collect()
    }
}

/// A column on its way.
pub enum ColumnWriter {
    Texts { table: TextTable, codes: BlockWriter, values: u64 },
    Numbers { table: HashMap<u64, u32, ahash::RandomState>, list: Vec<f64>, codes: BlockWriter, values: u64 },
    Flags { codes: BlockWriter },
    Plain { codes: BlockWriter, numbers: Vec<f64> },
    LeftOut,
}

impl ColumnWriter {
    fn new(name: &str, kind: &DataType) -> Option<Self> {
        let elsewhere = [columns::UUID, columns::EVENT, columns::TIMESTAMP, columns::CREATED_AT, columns::DISTINCT_ID, columns::PERSON_ID];
        if elsewhere.contains(&name)
            || name == columns::PERSON_CREATED_AT
            || columns::Owner::BOTH.iter().any(|owner| owner.rest_column() == name)
        {
            return None;
        }
        if PropertyColumn::parse(name).is_some_and(|column| NOT_ASKED_FOR.contains(&&*column.name)) {
            return Some(ColumnWriter::LeftOut);
        }
        Some(match kind {
            DataType::Dictionary(..) | DataType::Utf8 => {
                ColumnWriter::Texts { table: TextTable::default(), codes: BlockWriter::default(), values: 0 }
            }
            DataType::Float64 => {
                ColumnWriter::Numbers { table: HashMap::default(), list: Vec::new(), codes: BlockWriter::default(), values: 0 }
            }
            DataType::Boolean => ColumnWriter::Flags { codes: BlockWriter::default() },
            _ => ColumnWriter::LeftOut,
        })
    }

    /// For a property's values of one kind.
    pub fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::String | Kind::Json => ColumnWriter::Texts { table: TextTable::default(), codes: BlockWriter::default(), values: 0 },
            Kind::Number => ColumnWriter::Numbers { table: HashMap::default(), list: Vec::new(), codes: BlockWriter::default(), values: 0 },
            Kind::Boolean => ColumnWriter::Flags { codes: BlockWriter::default() },
        }
    }

    /// NULL in all rows up to this one.
    pub fn pad(&mut self, rows: usize) {
        match self {
            ColumnWriter::Texts { codes, .. } | ColumnWriter::Numbers { codes, .. } | ColumnWriter::Flags { codes } => codes.pad(rows),
            ColumnWriter::Plain { .. } | ColumnWriter::LeftOut => {}
        }
    }

    /// One value of the column's kind, in a row after all that were added.
    pub fn add_value(&mut self, row: usize, value: &PropertyValue) {
        self.pad(row);
        match (self, value) {
            (ColumnWriter::Texts { table, codes, values }, value) => {
                *values += 1;
                let code = match value {
                    PropertyValue::String(text) | PropertyValue::Json(text) => table.code(text),
                    other => table.code(&json_of(other)),
                };
                codes.push(i64::from(code) + 1);
            }
            (ColumnWriter::Numbers { table, list, codes, values }, PropertyValue::Int(_) | PropertyValue::Float(_)) => {
                *values += 1;
                let number = match value {
                    PropertyValue::Float(number) => *number,
                    PropertyValue::Int(number) => *number as f64,
                    _ => f64::NAN,
                };
                codes.push(i64::from(number_code(table, list, number)));
            }
            (ColumnWriter::Flags { codes }, PropertyValue::Bool(flag)) => codes.push(i64::from(*flag) + 1),
            (column, _) => *column = ColumnWriter::LeftOut,
        }
    }

    fn add(&mut self, array: &ArrayRef) -> Result<()> {
        match self {
            ColumnWriter::Texts { table, codes, values } => {
                match array.data_type() {
                    DataType::Dictionary(..) => add_dictionary(array, table, codes),
                    _ => {
                        array.as_string::<i32>().iter().for_each(|text| codes.push(text.map_or(0, |text| i64::from(table.code(text)) + 1)))
                    }
                }
                *values += (array.len() - array.null_count()) as u64;
                if too_large(table.ends.len(), *values, VALUES_BEFORE_CHECK) || table.bytes.len() > MAX_DICTIONARY_BYTES {
                    *self = ColumnWriter::LeftOut;
                }
            }
            ColumnWriter::Numbers { table, list, codes, values } => {
                for number in array.as_primitive::<Float64Type>().iter() {
                    codes.push(number.map_or(0, |number| i64::from(number_code(table, list, number))));
                }
                *values += (array.len() - array.null_count()) as u64;
                if too_large(list.len(), *values, VALUES_BEFORE_CHECK) {
                    *self = plain(std::mem::take(codes), list)?;
                }
            }
            ColumnWriter::Flags { codes } => {
                array.as_boolean().iter().for_each(|flag| codes.push(flag.map_or(0, |flag| i64::from(flag) + 1)));
            }
            ColumnWriter::Plain { codes, numbers } => {
                for number in array.as_primitive::<Float64Type>().iter() {
                    codes.push(i64::from(number.is_some()));
                    numbers.push(number.unwrap_or_else(|| numbers.last().copied().unwrap_or_default()));
                }
            }
            ColumnWriter::LeftOut => {}
        }
        Ok(())
    }

    #[allow(clippy::type_complexity, reason = "what a column's entry in the directory says, for the only caller")]
    fn finish(self, persons: &Settled, parts: &mut Parts) -> Result<Option<(BlocksPart, Option<PersonalPart>, ColumnForm)>> {
        let (codes, form) = match self {
            ColumnWriter::LeftOut => return Ok(None),
            ColumnWriter::Texts { table, values, .. } if too_large(table.ends.len(), values, 0) => return Ok(None),
            ColumnWriter::Texts { table, codes, .. } => (codes, ColumnForm::Texts(parts.entries(table.ends.len(), &table.plain())?)),
            ColumnWriter::Numbers { list, codes, values, .. } if too_large(list.len(), values, 0) => {
                return plain(codes, &list)?.finish(persons, parts);
            }
            ColumnWriter::Numbers { list, codes, .. } => {
                let bytes: Vec<u8> = list.iter().flat_map(|number| number.to_le_bytes()).collect();
                (codes, ColumnForm::Numbers(parts.entries(list.len(), &bytes)?))
            }
            ColumnWriter::Flags { codes } => (codes, ColumnForm::Flags),
            ColumnWriter::Plain { codes, numbers } => {
                // Minus zero is not a whole number here: it would lose its sign.
                let whole =
                    numbers.iter().all(|number| (*number as i64) as f64 == *number && (*number != 0.0 || number.is_sign_positive()));
                let mut values = BlockWriter::default();
                numbers.iter().for_each(|number| values.push(if whole { *number as i64 } else { number.to_bits() as i64 }));
                (codes, ColumnForm::Plain { whole, values: parts.blocks(values)? })
            }
        };
        let (codes, follows) = persons.encode(codes, parts)?;
        Ok(Some((codes, follows, form)))
    }
}

fn number_code(table: &mut HashMap<u64, u32, ahash::RandomState>, list: &mut Vec<f64>, number: f64) -> u32 {
    *table.entry(number.to_bits()).or_insert_with(|| {
        list.push(number);
        list.len() as u32
    })
}

fn too_large(entries: usize, values: u64, from: u64) -> bool {
    entries > SMALL_DICTIONARY && values >= from && entries as u64 * 3 > values
}

/// Codes of numbers into the numbers themselves.
fn plain(codes: BlockWriter, list: &[f64]) -> Result<ColumnWriter> {
    let encoded = codes.finish()?;
    let blocks = Blocks::open(encoded.rows, &encoded.heads, encoded.bytes.into())?;
    let mut known = Vec::new();
    blocks.codes(0..encoded.rows, &mut known);
    let (mut codes, mut numbers) = (BlockWriter::default(), Vec::with_capacity(known.len()));
    let mut last = 0.0;
    for code in known {
        codes.push(i64::from(code != 0));
        if code != 0 {
            last = list[code as usize - 1];
        }
        numbers.push(last);
    }
    Ok(ColumnWriter::Plain { codes, numbers })
}

fn add_dictionary(array: &ArrayRef, table: &mut TextTable, codes: &mut BlockWriter) {
    let array = array.as_dictionary::<Int32Type>();
    let names: &StringArray = array.values().as_string::<i32>();
    let mut known: Vec<Option<u32>> = vec![None; names.len()];
    for key in array.keys() {
        let code = key.map_or(0, |key| *known[key as usize].get_or_insert_with(|| table.code(names.value(key as usize)) + 1));
        codes.push(i64::from(code));
    }
}
