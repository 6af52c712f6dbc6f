//! Dictionary columns of texts that outlive the building: the same text mostly is the same memory, and then it is not looked at.

use ahash::RandomState;
use arrow::array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Int32Type;
use hashbrown::HashTable;
use std::sync::Arc;

/// Numbers of texts by their address. A text that is somewhere else, or was forgotten, is not found.
pub struct Recent<'a>(Vec<(&'a str, u32)>);

const NO_NUMBER: u32 = u32::MAX;

impl<'a> Recent<'a> {
    /// Remembers at most two to the power of `bits`.
    pub fn new(bits: u32) -> Self {
        Recent(vec![("", NO_NUMBER); 1 << bits])
    }

    fn slot(&self, text: &str) -> usize {
        let spread = (text.as_ptr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        spread as usize & (self.0.len() - 1)
    }

    pub fn get(&self, text: &str) -> Option<u32> {
        let (known, number) = self.0[self.slot(text)];
        (number != NO_NUMBER && std::ptr::eq(known, text)).then_some(number)
    }

    pub fn put(&mut self, text: &'a str, number: u32) {
        let slot = self.slot(text);
        self.0[slot] = (text, number);
    }
}

const RECENT_BITS: u32 = 7;

/// A dictionary column being filled; rows that are passed over become null.
pub struct TextColumn<'a> {
    keys: Vec<i32>,
    /// Empty until the first null.
    valid: Vec<bool>,
    bytes: Vec<u8>,
    ends: Vec<i32>,
    places: HashTable<i32>,
    hasher: RandomState,
    recent: Recent<'a>,
}

impl<'a> TextColumn<'a> {
    pub fn new(rows: usize) -> Self {
        TextColumn {
            keys: Vec::with_capacity(rows),
            valid: Vec::new(),
            bytes: Vec::new(),
            ends: Vec::new(),
            places: HashTable::new(),
            hasher: RandomState::new(),
            recent: Recent::new(RECENT_BITS),
        }
    }

    pub fn rows(&self) -> usize {
        self.keys.len()
    }

    /// Makes it at least `rows` long.
    pub fn pad(&mut self, rows: usize) {
        if self.keys.len() < rows {
            self.valid.resize(self.keys.len(), true);
            self.valid.resize(rows, false);
            self.keys.resize(rows, 0);
        }
    }

    pub fn append(&mut self, text: &'a str) {
        let key = self.key_of(text);
        self.keys.push(key);
        if !self.valid.is_empty() {
            self.valid.push(true);
        }
    }

    fn key_of(&mut self, text: &'a str) -> i32 {
        if let Some(key) = self.recent.get(text) {
            return key as i32;
        }
        let key = self.look_up(text.as_bytes());
        self.recent.put(text, key as u32);
        key
    }

    fn look_up(&mut self, text: &[u8]) -> i32 {
        let hash = self.hasher.hash_one(text);
        let (bytes, ends, hasher) = (&self.bytes, &self.ends, &self.hasher);
        let stored = |key: i32| {
            let start = if key == 0 { 0 } else { ends[key as usize - 1] as usize };
            &bytes[start..ends[key as usize] as usize]
        };
        if let Some(&key) = self.places.find(hash, |&key| stored(key) == text) {
            return key;
        }
        let key = ends.len() as i32;
        self.places.insert_unique(hash, key, |&key| hasher.hash_one(stored(key)));
        self.bytes.extend_from_slice(text);
        self.ends.push(i32::try_from(self.bytes.len()).expect("the texts of a chunk stay far below 2 GiB"));
        key
    }

    /// A column of `rows` rows.
    pub fn finish(mut self, rows: usize) -> ArrayRef {
        self.pad(rows);
        let nulls = (!self.valid.is_empty()).then(|| NullBuffer::from(self.valid));
        let keys = Int32Array::new(self.keys.into(), nulls);
        let offsets: Vec<i32> = std::iter::once(0).chain(self.ends).collect();
        // SAFETY: offsets ascend from 0 to the number of bytes, and between any two is one whole text.
        let values = unsafe { StringArray::new_unchecked(OffsetBuffer::new(ScalarBuffer::from(offsets)), self.bytes.into(), None) };
        // SAFETY: every key is the number of a value, or of no meaning because the row is null.
        Arc::new(unsafe { DictionaryArray::<Int32Type>::new_unchecked(keys, Arc::new(values)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};

    #[test]
    fn texts_are_found_by_address_and_by_content_and_gaps_are_null() {
        let many: Vec<Arc<str>> = (0..1_000).map(|number| Arc::from(format!("text {}", number % 300))).collect();
        let mut column = TextColumn::new(0);
        let mut expected = Vec::new();
        for (at, text) in many.iter().enumerate() {
            if at % 7 == 3 {
                column.pad(column.rows() + 2);
                expected.extend([None, None]);
            }
            for _ in 0..at % 3 {
                column.append(text);
                expected.push(Some(&**text));
            }
        }
        column.append("");
        expected.extend([Some(""), None]);
        let array = column.finish(expected.len());
        array.to_data().validate_full().unwrap();
        let array = array.as_dictionary::<Int32Type>();
        assert_eq!(array.values().len(), 201);
        let texts = array.downcast_dict::<StringArray>().unwrap();
        assert_eq!(texts.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_column_without_texts_is_all_null() {
        let array = TextColumn::new(3).finish(3);
        array.to_data().validate_full().unwrap();
        assert_eq!((array.len(), array.null_count()), (3, 3));
    }
}
