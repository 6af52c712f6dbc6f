//! A packed file, opened: parts are compared with their checksums when they are first asked for.

use super::bits::{BLOCK, Blocks};
use super::format::{BlocksPart, ColumnForm, ColumnPart, Directory, Entries, Part, PersonalPart, read_directory};
use super::sparse::hidden_name;
use crate::columns::{Census, Kind, Owner, column_name};
use crate::disk::Disk;
use crate::segment::SegmentMeta;
use crate::unify;
use anyhow::{Context, Result, ensure};
use arrow::array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, RecordBatch, RecordBatchOptions, StringArray, new_null_array,
};
use arrow::datatypes::{Field, Int32Type, Schema};
use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;
use query::ColumnKind;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The rows of one event: sorted by person, then by time.
#[derive(Clone, Debug)]
pub struct Run {
    pub event: Arc<str>,
    pub rows: Range<usize>,
}

pub struct Packed {
    data: Bytes,
    directory: Directory,
    runs: Vec<Run>,
    by_name: HashMap<String, usize>,
    columns: Mutex<HashMap<usize, Arc<Column>>>,
    properties: Mutex<HashMap<(Owner, String, ColumnKind), Arc<Property>>>,
    basics: Mutex<Option<Arc<Basics>>>,
    damaged: AtomicBool,
}

/// Persons and times of all rows.
pub struct Basics {
    /// 16 bytes each, ascending; a person's number is its place.
    pub persons: Bytes,
    pub person: Blocks,
    pub seconds: Blocks,
    micros: Blocks,
}

/// One column of the Parquet file.
pub struct Column {
    codes: Codes,
    /// What the codes stand for, from code 1 on; nothing when every number is spelled out.
    pub entries: ArrayRef,
    /// Numbers that have no dictionary.
    pub plain: Option<Plain>,
}

enum Codes {
    Rows(Blocks),
    /// Of persons, of whom rows say which one.
    Persons {
        basics: Arc<Basics>,
        personal: Personal,
        values: Vec<u32>,
    },
}

impl Codes {
    /// Replaces `out` with the codes of these rows.
    fn read(&self, rows: Range<usize>, out: &mut Vec<u32>) {
        match self {
            Codes::Rows(blocks) => blocks.codes(rows, out),
            Codes::Persons { basics, personal, values } => {
                let mut persons = Vec::with_capacity(rows.len());
                basics.person.codes(rows.clone(), &mut persons);
                personal.places(rows, &persons, out);
                out.iter_mut().for_each(|place| *place = values[*place as usize]);
            }
        }
    }
}

pub struct Plain {
    whole: bool,
    values: Blocks,
}

/// Values that belong to persons.
pub struct Personal {
    /// Where the values of each person begin.
    pub starts: Vec<u32>,
    ordinals: Blocks,
}

/// A property, whatever the kinds of its values: codes into one dictionary.
pub struct Property {
    /// Columns, and what to add to their codes other than 0. No row has a value in two of them.
    parts: Vec<(Arc<Column>, u32)>,
    /// By code, as the kind that was asked for; code 0 is NULL.
    pub dictionary: ArrayRef,
    /// A single column of numbers without a dictionary.
    plain: Option<Arc<Column>>,
}

impl Packed {
    pub fn open(disk: &Disk, meta: &SegmentMeta) -> Result<Packed> {
        let name = meta.packed();
        let file = disk.open(&name).with_context(|| format!("opening {name}"))?;
        // SAFETY: packed files are written before anybody can see them, or replaced as a whole; they are never changed in place.
        let map = unsafe { memmap2::Mmap::map(&file) }.with_context(|| format!("mapping {name}"))?;
        Packed::from_bytes(Bytes::from_owner(map), meta).with_context(|| format!("reading {name}"))
    }

    pub fn from_bytes(bytes: Bytes, meta: &SegmentMeta) -> Result<Packed> {
        let (mut directory, start) = read_directory(&bytes)?;
        ensure!(directory.segment == meta.id, "it belongs to segment {}", directory.segment);
        ensure!(directory.declined || directory.rows == meta.rows, "it has {} rows instead of {}", directory.rows, meta.rows);
        ensure!(directory.parquet_bytes <= meta.bytes, "it was made from a larger file");
        let mut runs = Vec::with_capacity(directory.events.len());
        let mut at = 0;
        for (event, rows) in std::mem::take(&mut directory.events) {
            let end = at + rows as usize;
            runs.push(Run { event: event.into(), rows: at..end });
            at = end;
        }
        ensure!(directory.declined || at as u64 == directory.rows, "its events have {at} rows");
        let by_name = directory.columns.iter().enumerate().map(|(at, column)| (column.name.clone(), at)).collect();
        Ok(Packed {
            data: bytes.slice(start..),
            directory,
            runs,
            by_name,
            columns: Mutex::default(),
            properties: Mutex::default(),
            basics: Mutex::default(),
            damaged: AtomicBool::new(false),
        })
    }

    /// Size of its data in the file.
    pub fn bytes(&self) -> u64 {
        self.data.len() as u64
    }

    /// There is nothing in it.
    pub fn declined(&self) -> bool {
        self.directory.declined
    }

    /// By event, in the order of the rows.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Whether a part was found that does not fit its checksum.
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    fn noting<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|_| self.damaged.store(true, Ordering::Relaxed)).context("packed columns are damaged")
    }

    fn part(&self, part: Part) -> Result<Bytes> {
        let end = part.at.checked_add(part.length).filter(|end| *end <= self.data.len() as u64).context("a part lies outside")?;
        let bytes = self.data.slice(part.at as usize..end as usize);
        ensure!(crc32fast::hash(&bytes) == part.crc, "a part does not fit its checksum");
        Ok(bytes)
    }

    fn blocks(&self, part: BlocksPart) -> Result<Blocks> {
        Blocks::open(part.rows as usize, &self.part(part.heads)?, self.part(part.bytes)?)
    }

    fn row_blocks(&self, part: BlocksPart) -> Result<Blocks> {
        ensure!(part.rows == self.directory.rows, "a column has {} rows", part.rows);
        self.blocks(part)
    }

    pub fn basics(&self) -> Result<Arc<Basics>> {
        let mut slot = self.basics.lock();
        if let Some(basics) = &*slot {
            return Ok(basics.clone());
        }
        let basics = Arc::new(self.noting(self.open_basics())?);
        *slot = Some(basics.clone());
        Ok(basics)
    }

    fn open_basics(&self) -> Result<Basics> {
        Ok(Basics {
            persons: self.part(self.directory.persons)?,
            person: self.row_blocks(self.directory.person)?,
            seconds: self.row_blocks(self.directory.seconds)?,
            micros: self.row_blocks(self.directory.micros)?,
        })
    }

    /// A column by its name in the Parquet file; `None` when it is not packed.
    pub fn column(&self, name: &str) -> Result<Option<Arc<Column>>> {
        let Some(at) = self.by_name.get(name).copied() else { return Ok(None) };
        let mut opened = self.columns.lock();
        if let Some(column) = opened.get(&at) {
            return Ok(Some(column.clone()));
        }
        let column = Arc::new(self.noting(self.open_column(&self.directory.columns[at]))?);
        opened.insert(at, column.clone());
        Ok(Some(column))
    }

    fn open_column(&self, column: &ColumnPart) -> Result<Column> {
        let codes = match column.follows {
            None => Codes::Rows(self.row_blocks(column.codes)?),
            Some(part) => {
                let (personal, blocks) = (self.personal(part)?, self.blocks(column.codes)?);
                ensure!(personal.starts.last() == Some(&(blocks.rows() as u32)), "persons have the wrong number of values");
                let mut values = Vec::new();
                blocks.codes(0..blocks.rows(), &mut values);
                Codes::Persons { basics: self.basics()?, personal, values }
            }
        };
        let none = || Arc::new(StringArray::new_null(0)) as ArrayRef;
        let (entries, plain): (ArrayRef, _) = match column.form {
            ColumnForm::Texts(entries) => (Arc::new(self.texts(entries)?), None),
            ColumnForm::Numbers(entries) => (Arc::new(self.numbers(entries)?), None),
            ColumnForm::Flags => (Arc::new(BooleanArray::from(vec![false, true])), None),
            ColumnForm::Plain { whole, values } => (none(), Some(Plain { whole, values: self.row_blocks(values)? })),
        };
        Ok(Column { codes, entries, plain })
    }

    fn plain_entries(&self, entries: Entries) -> Result<Vec<u8>> {
        let length = usize::try_from(entries.plain_bytes)?;
        let plain = zstd::bulk::decompress(&self.part(entries.part)?, length).context("reading a dictionary")?;
        ensure!(plain.len() == length, "a dictionary has the wrong length");
        Ok(plain)
    }

    fn texts(&self, entries: Entries) -> Result<StringArray> {
        let plain = self.plain_entries(entries)?;
        let count = entries.count as usize;
        ensure!(plain.len() >= count * 4, "a dictionary ends early");
        let (ends, texts) = plain.split_at(count * 4);
        let offsets = std::iter::once(0).chain(ends.as_chunks::<4>().0.iter().map(|end| i32::from_le_bytes(*end)));
        let offsets = arrow::buffer::OffsetBuffer::new(arrow::buffer::ScalarBuffer::from_iter(offsets));
        Ok(StringArray::try_new(offsets, texts.to_vec().into(), None)?)
    }

    fn numbers(&self, entries: Entries) -> Result<Float64Array> {
        let plain = self.plain_entries(entries)?;
        ensure!(plain.len() as u64 == entries.count * 8, "a dictionary has the wrong length");
        Ok(Float64Array::from_iter_values(plain.as_chunks::<8>().0.iter().map(|number| f64::from_le_bytes(*number))))
    }

    fn personal(&self, part: PersonalPart) -> Result<Personal> {
        let surplus = self.blocks(part.surplus)?;
        let mut counts = Vec::new();
        surplus.codes(0..surplus.rows(), &mut counts);
        let mut starts = Vec::with_capacity(counts.len() + 1);
        let mut at = 0u32;
        starts.push(0);
        for count in counts {
            at = at.checked_add(count).and_then(|at| at.checked_add(1)).context("a person has too many values")?;
            starts.push(at);
        }
        Ok(Personal { starts, ordinals: self.row_blocks(part.ordinals)? })
    }

    /// Keyed hashes of distinct ids and whose they are. Large; hold it no longer than needed.
    pub fn distinct(&self) -> Result<(Personal, Bytes)> {
        self.noting((|| Ok((self.personal(self.directory.distinct)?, self.part(self.directory.distinct_hashes)?)))())
    }

    /// When persons came into being, as rows know it: values, and which one a row has.
    pub fn created(&self) -> Result<(Personal, Blocks)> {
        self.noting((|| Ok((self.personal(self.directory.created)?, self.blocks(self.directory.created_values)?)))())
    }

    /// A property as the kind that a query asks for; `None` when these columns cannot tell.
    pub fn property(&self, owner: Owner, name: &str, kind: ColumnKind) -> Result<Option<Arc<Property>>> {
        let key = (owner, name.to_owned(), kind);
        if let Some(known) = self.properties.lock().get(&key) {
            return Ok(Some(known.clone()));
        }
        let property = self.open_property(owner, name, kind)?.map(Arc::new);
        // Only those that exist: names are what clients invent.
        if let Some(property) = &property {
            self.properties.lock().insert(key, property.clone());
        }
        Ok(property)
    }

    fn open_property(&self, owner: Owner, name: &str, kind: ColumnKind) -> Result<Option<Property>> {
        let directory = &self.directory;
        let forms: Vec<(Kind, String)> = Kind::ALL.map(|kind| (kind, column_name(owner, kind, name))).into();
        if directory.rest.contains(&hidden_name(owner, name)) || forms.iter().any(|(_, column)| directory.left_out.contains(column)) {
            return Ok(None);
        }
        let mut found = Vec::new();
        for (form, column) in &forms {
            if let Some(opened) = self.column(column)? {
                found.push((*form, column.clone(), opened));
            }
        }
        if found.is_empty() && directory.unlisted {
            return Ok(None);
        }
        if let [(_, _, column)] = &found[..]
            && column.plain.is_some()
        {
            let number = matches!(kind, ColumnKind::Number | ColumnKind::Int);
            let dictionary = new_null_array(&unify::data_type(kind), 1);
            return Ok(number.then(|| Property { parts: Vec::new(), dictionary, plain: Some(column.clone()) }));
        }
        if found.iter().any(|(_, _, column)| column.plain.is_some()) {
            return Ok(None);
        }
        self.unified(&found, owner, name, kind).map(Some)
    }

    /// The dictionaries of a property's columns one after the other, turned into the wanted kind as rows would be.
    fn unified(&self, found: &[(Kind, String, Arc<Column>)], owner: Owner, name: &str, kind: ColumnKind) -> Result<Property> {
        let total = 1 + found.iter().map(|(_, _, column)| column.entries.len()).sum::<usize>();
        let mut start = 0;
        let (mut parts, mut fields, mut arrays) = (Vec::new(), Vec::new(), Vec::new());
        for (form, column, opened) in found {
            let range = start + 1..start + 1 + opened.entries.len();
            let keys = Int32Array::from_iter((0..total).map(|at| range.contains(&at).then(|| (at - range.start) as i32)));
            let spread: ArrayRef = match form {
                Kind::String => Arc::new(DictionaryArray::<Int32Type>::try_new(keys, opened.entries.clone())?),
                _ => arrow::compute::take(&opened.entries, &keys, None)?,
            };
            fields.push(Field::new(column, spread.data_type().clone(), true));
            arrays.push(spread);
            parts.push((opened.clone(), start as u32));
            start = range.end - 1;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(total));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?;
        let dictionary = unify::property(&batch, &Census::default(), owner, name, kind)?;
        Ok(Property { parts, dictionary, plain: None })
    }

    /// A column that is not a property, such as `elements_chain`, as text or truth.
    pub fn fixed(&self, name: &str, kind: ColumnKind) -> Result<Option<Property>> {
        let Some(column) = self.column(name)? else { return Ok(None) };
        let nulls = Int32Array::from_iter(std::iter::once(None).chain((0..column.entries.len() as i32).map(Some)));
        let dictionary = arrow::compute::take(&column.entries, &nulls, None)?;
        let wanted = unify::data_type(kind);
        let dictionary = if *dictionary.data_type() == wanted { dictionary } else { arrow::compute::cast(&dictionary, &wanted)? };
        Ok(Some(Property { parts: vec![(column, 0)], dictionary, plain: None }))
    }
}

impl Basics {
    /// Replaces `out` with the microseconds of these rows.
    pub fn times(&self, rows: Range<usize>, scratch: &mut Vec<u32>, out: &mut Vec<i64>) {
        self.seconds.longs(rows.clone(), out);
        self.micros.codes(rows, scratch);
        out.iter_mut().zip(scratch).for_each(|(at, micros)| *at = at.wrapping_mul(1_000_000).wrapping_add(i64::from(*micros)));
    }

    /// First and last second that any of these rows could have.
    pub fn seconds_between(&self, rows: &Range<usize>) -> (i64, i64) {
        let blocks = rows.start / BLOCK..rows.end.div_ceil(BLOCK);
        blocks.map(|block| self.seconds.bounds(block)).fold((i64::MAX, i64::MIN), |all, one| (all.0.min(one.0), all.1.max(one.1)))
    }

    pub fn count(&self) -> usize {
        self.persons.len() / 16
    }

    pub fn id(&self, number: u32) -> u128 {
        let at = number as usize * 16;
        u128::from_be_bytes(self.persons[at..at + 16].try_into().expect("sixteen bytes"))
    }

    /// The number of a person; `Err` says where it would be.
    pub fn number(&self, id: u128) -> std::result::Result<u32, u32> {
        let (mut low, mut high) = (0, self.count() as u32);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.id(middle).cmp(&id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
}

impl Personal {
    /// Replaces `out` with which of all values each of these rows has, given the rows' persons.
    pub fn places(&self, rows: Range<usize>, persons: &[u32], out: &mut Vec<u32>) {
        self.ordinals.codes(rows, out);
        out.iter_mut().zip(persons).for_each(|(place, person)| *place += self.starts[*person as usize]);
    }
}

impl Property {
    /// It has no dictionary: ask for [`numbers`](Self::numbers).
    pub fn is_plain(&self) -> bool {
        self.plain.is_some()
    }

    /// Replaces `out` with the codes of these rows.
    pub fn codes(&self, rows: Range<usize>, scratch: &mut Vec<u32>, out: &mut Vec<u32>) {
        let Some(((first, _), others)) = self.parts.split_first() else {
            out.clear();
            out.resize(rows.len(), 0);
            return;
        };
        first.codes.read(rows.clone(), out);
        for (column, start) in others {
            column.codes.read(rows.clone(), scratch);
            out.iter_mut().zip(&*scratch).for_each(|(code, own)| *code += if *own == 0 { 0 } else { own + start });
        }
    }

    /// Numbers of these rows, of a property without a dictionary.
    pub fn numbers(&self, rows: Range<usize>) -> Float64Array {
        let Some((column, plain)) = self.plain.as_ref().and_then(|column| Some((column, column.plain.as_ref()?))) else {
            return Float64Array::new_null(rows.len());
        };
        let (mut valid, mut values) = (Vec::new(), Vec::new());
        column.codes.read(rows.clone(), &mut valid);
        plain.values.longs(rows, &mut values);
        let number = |value: i64| if plain.whole { value as f64 } else { f64::from_bits(value as u64) };
        Float64Array::from_iter(valid.iter().zip(values).map(|(valid, value)| (*valid != 0).then(|| number(value))))
    }

    /// The array that these codes stand for.
    pub fn gather(&self, codes: &[u32]) -> Result<ArrayRef> {
        let places = arrow::array::UInt32Array::from(codes.to_vec());
        Ok(arrow::compute::take(&self.dictionary, &places, None)?)
    }
}
