//! Numbers for the values of a key, shared by the threads of a query.

use anyhow::{Context, Result};
use arrow::array::{ArrayRef, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use hashbrown::HashTable;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The code of NULL.
pub const NULL: u32 = 0;

pub struct Dictionary {
    kind: DataType,
    known: Mutex<Known>,
    bytes: AtomicUsize,
}

struct Known {
    converter: RowConverter,
    hasher: ahash::RandomState,
    codes: HashTable<u32>,
    values: Vec<Box<[u8]>>,
}

impl Dictionary {
    pub fn new(kind: &DataType) -> Result<Dictionary> {
        let converter = RowConverter::new(vec![SortField::new(kind.clone())])?;
        let known = Known { converter, hasher: ahash::RandomState::new(), codes: HashTable::new(), values: Vec::new() };
        let dictionary = Dictionary { kind: kind.clone(), known: Mutex::new(known), bytes: AtomicUsize::new(0) };
        dictionary.codes(&new_null_array(kind, 1))?;
        Ok(dictionary)
    }

    pub fn codes(&self, array: &ArrayRef) -> Result<Vec<u32>> {
        let array = if *array.data_type() == self.kind { array.clone() } else { cast(array, &self.kind)? };
        let mut known = self.known.lock();
        let rows = known.converter.convert_columns(&[array])?;
        let before = known.values.len();
        let codes = rows.iter().map(|row| known.code(row.as_ref())).collect();
        let added: usize = known.values[before..].iter().map(|value| value.len() + 48).sum();
        self.bytes.fetch_add(added, Ordering::Relaxed);
        Ok(codes)
    }

    pub fn len(&self) -> usize {
        self.known.lock().values.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The values of these codes.
    pub fn array(&self, codes: impl Iterator<Item = u32>) -> Result<ArrayRef> {
        let known = self.known.lock();
        let parser = known.converter.parser();
        let rows = codes.map(|code| parser.parse(&known.values[code as usize]));
        known.converter.convert_rows(rows)?.pop().context("a key without a column")
    }
}

impl Known {
    fn code(&mut self, value: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(value);
        if let Some(code) = self.codes.find(hash, |code| *self.values[*code as usize] == *value) {
            return *code;
        }
        let code = self.values.len() as u32;
        self.values.push(value.into());
        self.codes.insert_unique(hash, code, |code| self.hasher.hash_one(&*self.values[*code as usize]));
        code
    }
}
