//! Codes of the texts that an operator keeps rows apart by.

use crate::behave::{Texts, texts};
use anyhow::{Result, ensure};
use arrow::array::{Array, ArrayRef};
use behaviour::EMPTY_KEY;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Shared by the threads of a query.
pub struct Keys {
    /// Of keys of several texts: the texts at each place.
    parts: Vec<Mutex<Texts>>,
    whole: Mutex<Texts>,
    bytes: AtomicUsize,
}

impl Keys {
    pub fn new(parts: usize) -> Result<Keys> {
        let mut whole = Texts::default();
        ensure!(whole.code(&vec![""; parts]) == EMPTY_KEY, "the empty key comes first");
        Ok(Keys { parts: (0..parts).map(|_| Mutex::default()).collect(), whole: Mutex::new(whole), bytes: AtomicUsize::new(0) })
    }

    /// Codes of the texts at one place of the key; NULL is an empty text. A key of one text has its code.
    pub fn codes(&self, part: usize, array: &ArrayRef) -> Result<Vec<u32>> {
        let array = texts(array)?;
        let mut texts = if self.parts.len() == 1 { self.whole.lock() } else { self.parts[part].lock() };
        let before = texts.bytes;
        let codes = (0..array.len()).map(|row| texts.code(&[if array.is_null(row) { "" } else { array.value(row) }])).collect();
        self.bytes.fetch_add(texts.bytes - before, Ordering::Relaxed);
        Ok(codes)
    }

    fn code(&self, parts: &[u32]) -> u32 {
        let texts: Vec<String> = parts.iter().zip(&self.parts).map(|(code, texts)| texts.lock().list[*code as usize][0].clone()).collect();
        let mut whole = self.whole.lock();
        let before = whole.bytes;
        let code = whole.code(&texts);
        self.bytes.fetch_add(whole.bytes - before, Ordering::Relaxed);
        code
    }

    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub fn into_list(self) -> Vec<Vec<String>> {
        self.whole.into_inner().list
    }
}

/// One thread's memory of keys of several texts.
#[derive(Default)]
pub struct KeyCache {
    known: HashMap<Vec<u32>, u32, ahash::RandomState>,
    last: Vec<u32>,
    last_code: u32,
}

impl KeyCache {
    /// The key of a row whose texts have these codes.
    pub fn whole(&mut self, keys: &Keys, parts: &[Vec<u32>], row: usize) -> u32 {
        if self.last.len() == parts.len() && self.last.iter().zip(parts).all(|(last, part)| *last == part[row]) {
            return self.last_code;
        }
        self.last.clear();
        self.last.extend(parts.iter().map(|part| part[row]));
        self.last_code = match self.known.get(&self.last) {
            Some(code) => *code,
            None => {
                let code = keys.code(&self.last);
                self.known.insert(self.last.clone(), code);
                code
            }
        };
        self.last_code
    }
}

/// Numbers for operators: NaN where there is none, moments as their microseconds.
pub fn numbers(array: &ArrayRef) -> Result<Vec<f64>> {
    let array = crate::behave::numbers(array)?;
    Ok(array.iter().map(|number| number.unwrap_or(f64::NAN)).collect())
}
