//! Different persons by day, week or the like: every person has a bit for each period, and bits are counted at the end.

use super::Origin;
use super::calendar::Quarters;
use super::shape::{Asked, Key, What};
use crate::packed::bind::Part;
use crate::packed::calendar::{Feed, Loose, Sink};
use crate::packed::gather::{Extra, Stop};
use crate::packed::loose::{moments, passing, persons_of};
use crate::packed::places::{Places, time_range};
use crate::packed::{Persons, Source};
use crate::scan::Scan;
use anyhow::{Context, Result, ensure};
use arrow::array::{ArrayRef, Int64Array};
use arrow::compute::cast;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is asked for, when it is this.
pub struct Active<'q> {
    asked: &'q Asked,
    /// Which of the texts is the period.
    text: usize,
}

/// Persons by place.
struct Counts(Vec<u64>);

impl Sink for Counts {
    fn person(&mut self, _: u32, words: &[u64], _: f64) {
        for (at, word) in words.iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                self.0[at * 64 + left.trailing_zeros() as usize] += 1;
                left &= left - 1;
            }
        }
    }

    fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<u64>()
    }
}

impl<'q> Active<'q> {
    pub fn of(asked: &'q Asked) -> Option<Active<'q>> {
        let ([Key::Text(text)], [function]) = (&asked.keys[..], &asked.functions[..]) else { return None };
        let fits = asked.calendar[*text] && matches!(function.what, What::Persons) && function.bit.is_none();
        fits.then_some(Active { asked, text: *text })
    }

    /// `None` when periods do not begin with quarters of an hour, or are too many.
    pub fn run(
        &self,
        origin: &Origin,
        sources: &[Source],
        persons: &Persons,
        parts: &[Part],
        scan: &Scan,
    ) -> Result<Option<Vec<ArrayRef>>, Stop> {
        let loose = self.loose(origin, scan)?;
        let Some(places) = self.places(sources)? else { return Ok(None) };
        let rows_read = AtomicU64::new(0);
        let feed = Feed {
            parts,
            numbering: &persons.numbering,
            moves: persons.moves.as_deref(),
            places: &places,
            tracks: &[None],
            number: false,
            watch: &origin.watch,
            rows_read: &rows_read,
        };
        let all = places.count().next_multiple_of(64);
        let mut counted = feed.run(origin.shared.limits.query_threads, || Counts(vec![0; all]), loose, &mut Extra::default())?.into_iter();
        let mut sum = counted.next().context("nobody counted")?.0;
        counted.for_each(|other| sum.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count));
        origin.counters.rows.fetch_add(rows_read.load(Ordering::Relaxed), Ordering::Relaxed);
        sum.truncate(places.dropped() as usize);
        Ok(Some(self.columns(&sum)?))
    }

    fn columns(&self, counts: &[u64]) -> Result<Vec<ArrayRef>> {
        let found = || (0..counts.len()).filter(|place| counts[*place] > 0);
        let keys = self.asked.dictionaries[self.text].array(found().map(|place| place as u32))?;
        let counts: ArrayRef = Arc::new(Int64Array::from_iter_values(found().map(|place| counts[place] as i64)));
        let typed = [keys, counts].into_iter().zip(&self.asked.types);
        typed.map(|(array, kind)| if array.data_type() == kind { Ok(array) } else { Ok(cast(&array, kind)?) }).collect()
    }

    /// Places are the period's codes.
    fn places(&self, sources: &[Source]) -> Result<Option<Places>> {
        let (dictionary, leaf) = (&self.asked.dictionaries[self.text], &self.asked.wanted.texts[self.text]);
        let range = time_range(&self.asked.wanted.filter);
        let metas = || sources.iter().map(|source| &source.segment.meta);
        let first = metas().map(|meta| meta.first_us).min().unwrap_or(0).max(range.0);
        let last = metas().map(|meta| meta.last_us).max().unwrap_or(0).min(range.1);
        let Some(quarters) = Quarters::new(leaf, first, last.max(first), &|array| dictionary.codes(array))? else { return Ok(None) };
        let Ok(dropped) = u16::try_from(dictionary.len()) else { return Ok(None) };
        let mut split = false;
        let place = |at: i64| {
            let code = quarters.code(at);
            split |= code.is_none();
            code.map_or(dropped, |code| code as u16)
        };
        let places = Places::new(first..last.max(first).saturating_add(1), range, dropped, (dropped, dropped), place);
        Ok(places.filter(|_| !split))
    }

    /// What rows elsewhere say, their periods coded like all others.
    fn loose(&self, origin: &Origin, scan: &Scan) -> Result<Vec<Loose>, Stop> {
        let (wanted, dictionary) = (&self.asked.wanted, &self.asked.dictionaries[self.text]);
        let mut all: Vec<Loose> = Vec::new();
        for work in scan.work.iter() {
            origin.watch.check(all.len() * size_of::<Loose>())?;
            let mut failure = None;
            scan.read(work, &mut |batch| {
                let mut taken = || -> Result<()> {
                    let rows = passing(wanted, &batch, &moments(wanted, &batch))?;
                    let leaf = &wanted.texts[self.text];
                    let codes = dictionary
                        .codes(&leaf.evaluate(leaf.columns.iter().map(|at| batch.column(*at).clone()).collect(), batch.num_rows())?)?;
                    let persons = persons_of(wanted, &batch, &rows)?;
                    ensure!(codes.iter().all(|code| *code < u32::from(u16::MAX)), "too many periods");
                    let loose = rows.iter().zip(persons).map(|(row, person)| Loose {
                        person,
                        mask: 0,
                        place: codes[*row as usize],
                        number: f64::NAN,
                    });
                    all.extend(loose);
                    Ok(())
                };
                failure = taken().err();
                failure.is_none()
            })?;
            if let Some(failure) = failure {
                return Err(Stop::Unable(failure));
            }
        }
        Ok(all)
    }
}
