//! Rows that no packed columns have: those in memory and in small segments. They are read the general way, and asked the same
//! expressions.

use super::bind::Wanted;
use super::keys::{KeyCache, Keys, numbers};
use super::shape::{Condition, FALSE, Leaf, TRUE};
use crate::columns::TIMESTAMP;
use crate::scan::Scan;
use anyhow::{Context, Result};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use behaviour::{EMPTY_KEY, Row};
use query::{ColumnSource, ColumnUse};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use uuid::Uuid;

/// Places of the columns that every row needs.
struct Places {
    person: usize,
    time: usize,
}

/// All rows of the scan that pass, with their persons.
pub fn read(scan: &Scan, wanted: &Wanted, keys: &Keys, threads: usize, stop: &AtomicBool, memory_bytes: usize) -> Result<Vec<(u128, Row)>> {
    let place = |field: &str| {
        wanted.columns.iter().position(|column: &ColumnUse| matches!(column.source, ColumnSource::Field(name) if name == field))
    };
    let places = Places { person: place("person_id").context("no person")?, time: place(TIMESTAMP).context("no time")? };
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let work = || -> Result<Vec<(u128, Row)>> {
            let (mut rows, mut cache) = (Vec::new(), KeyCache::default());
            while let Some(work) = scan.work.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut failure = None;
                scan.read(work, &mut |batch| {
                    let taken = wanted.take(&batch, &places, keys, &mut cache, &mut rows);
                    failure = taken.err();
                    let fits = rows.len() * size_of::<(u128, Row)>() <= memory_bytes;
                    failure.is_none() && fits && !stop.load(Ordering::Relaxed)
                })?;
                if let Some(failure) = failure {
                    return Err(failure);
                }
            }
            Ok(rows)
        };
        let others: Vec<_> = (1..threads.min(scan.work.len())).map(|_| scope.spawn(work)).collect();
        let mut all = work()?;
        for thread in others {
            all.append(&mut thread.join().map_err(|_| anyhow::anyhow!("a thread that read rows panicked"))??);
        }
        Ok(all)
    })
}

impl Wanted {
    fn take(&self, batch: &RecordBatch, places: &Places, keys: &Keys, cache: &mut KeyCache, out: &mut Vec<(u128, Row)>) -> Result<()> {
        let times = batch.column(places.time).as_primitive::<TimestampMicrosecondType>();
        let truths = |condition: &Condition| truths(condition, batch, times.values());
        let passes = truths(&self.filter)?;
        if !passes.contains(&TRUE) {
            return Ok(());
        }
        let mut masks = vec![0u64; batch.num_rows()];
        for (bit, mask) in &self.masks {
            let truths = truths(mask)?;
            masks.iter_mut().zip(truths).for_each(|(mask, truth)| *mask |= u64::from(truth == TRUE) << bit);
        }
        let texts = self.texts.iter().enumerate().map(|(at, leaf)| keys.codes(at, &evaluate(leaf, batch)?)).collect::<Result<Vec<_>>>()?;
        let doubles = self.number.as_ref().map(|leaf| numbers(&evaluate(leaf, batch)?)).transpose()?;
        let persons = batch.column(places.person).as_string::<i32>();
        for at in (0..batch.num_rows()).filter(|at| passes[*at] == TRUE) {
            let key = match &texts[..] {
                [] => EMPTY_KEY,
                [one] => one[at],
                several => cache.whole(keys, several, at),
            };
            let number = doubles.as_ref().map_or(f64::NAN, |doubles| doubles[at]);
            let person = Uuid::parse_str(persons.value(at)).context("a person's id")?.as_u128();
            out.push((person, Row { at: times.value(at), mask: masks[at], key, number }));
        }
        Ok(())
    }
}

/// Rows of a batch that pass the filter.
pub fn passing(wanted: &Wanted, batch: &RecordBatch, times: &[i64]) -> Result<Vec<u32>> {
    let passes = truths(&wanted.filter, batch, times)?;
    Ok(passes.iter().enumerate().filter(|(_, truth)| **truth == TRUE).map(|(at, _)| at as u32).collect())
}

/// Times of a batch, if the query looks at them.
pub fn moments(wanted: &Wanted, batch: &RecordBatch) -> Vec<i64> {
    let is_time = |column: &ColumnUse| matches!(column.source, ColumnSource::Field(TIMESTAMP));
    let place = wanted.columns.iter().position(is_time);
    place.map(|at| batch.column(at).as_primitive::<TimestampMicrosecondType>().values().to_vec()).unwrap_or_default()
}

/// Whose these rows are.
pub fn persons_of(wanted: &Wanted, batch: &RecordBatch, rows: &[u32]) -> Result<Vec<u128>> {
    let is_person = |column: &ColumnUse| matches!(column.source, ColumnSource::Field("person_id"));
    let place = wanted.columns.iter().position(is_person).context("no person")?;
    let persons = batch.column(place).as_string::<i32>();
    rows.iter().map(|row| Ok(Uuid::parse_str(persons.value(*row as usize)).context("a person's id")?.as_u128())).collect()
}

fn evaluate(leaf: &Leaf, batch: &RecordBatch) -> Result<arrow::array::ArrayRef> {
    leaf.evaluate(leaf.columns.iter().map(|at| batch.column(*at).clone()).collect(), batch.num_rows())
}

pub fn truths(condition: &Condition, batch: &RecordBatch, times: &[i64]) -> Result<Vec<u8>> {
    let fold = |parts: &[Condition], empty: u8, join: fn(u8, u8) -> u8| {
        let mut all = vec![empty; batch.num_rows()];
        for part in parts {
            let own = truths(part, batch, times)?;
            all.iter_mut().zip(own).for_each(|(all, own)| *all = join(*all, own));
        }
        Ok(all)
    };
    match condition {
        Condition::Leaf(leaf) => super::shape::truths(&evaluate(leaf, batch)?),
        Condition::Time(first, last) => Ok(times.iter().map(|at| if (first..=last).contains(&at) { TRUE } else { FALSE }).collect()),
        Condition::All(parts) => fold(parts, TRUE, u8::min),
        Condition::Any(parts) => fold(parts, FALSE, u8::max),
        Condition::Not(part) => Ok(truths(part, batch, times)?.into_iter().map(|truth| TRUE - truth).collect()),
    }
}
