//! Threads over the rows of packed segments, and over all rows that are elsewhere.

use super::Origin;
use super::active::Active;
use super::calendar::Quarters;
use super::shape::{Asked, Key, What};
use super::tally::{Taken, Tally};
use crate::packed::bind::{Chunk, Output, Part, RunPlan, Test};
use crate::packed::fast::sources;
use crate::packed::gather::{Extra, Stop};
use crate::packed::keys::numbers;
use crate::packed::loose::{moments, passing, persons_of, truths};
use crate::packed::numbering::Numbering;
use crate::packed::places::time_range;
use crate::packed::shape::TRUE;
use crate::packed::{Source, Target};
use crate::scan::Scan;
use anyhow::{Context, Result};
use arrow::array::{ArrayRef, RecordBatch};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows that a thread takes at a time, and that are decoded together.
const TURN_ROWS: usize = 128 << 10;
const CHUNK_ROWS: usize = 16 << 10;

struct Job<'q> {
    asked: &'q Asked,
    origin: &'q Origin,
    parts: Vec<Segment<'q>>,
    /// One for each text that has them.
    quarters: Vec<Option<Quarters>>,
    turns: Vec<(usize, usize, Range<usize>)>,
    next: AtomicUsize,
    scan: Scan,
    next_loose: AtomicUsize,
    numbering: Arc<Numbering>,
    extra: Mutex<Extra>,
    wants_persons: bool,
}

struct Segment<'q> {
    part: Part<'q>,
    /// What became of its distinct ids that moved.
    moved: Option<&'q HashMap<u32, Target, ahash::RandomState>>,
}

/// One table for each text that is the same all through a quarter.
fn quarters(asked: &Asked, sources: &[Source]) -> Result<Vec<Option<Quarters>>> {
    let (lower, upper) = time_range(&asked.wanted.filter);
    let metas = || sources.iter().map(|source| &source.segment.meta);
    let first = metas().map(|meta| meta.first_us).min().unwrap_or(0).max(lower);
    let last = metas().map(|meta| meta.last_us).max().unwrap_or(0).min(upper);
    let mut all = Vec::with_capacity(asked.calendar.len());
    for (text, leaf) in asked.wanted.texts.iter().enumerate() {
        let codes = |array: &ArrayRef| asked.dictionaries[text].codes(array);
        all.push(if asked.calendar[text] && first <= last { Quarters::new(leaf, first, last, &codes)? } else { None });
    }
    Ok(all)
}

/// Columns of the aggregate; `None` when packed columns cannot tell.
pub fn run(asked: &Asked, origin: &Origin) -> Result<Option<Vec<ArrayRef>>, Stop> {
    let Some((sources, rest)) = sources(&origin.shared, &origin.snapshot, &asked.table)? else { return Ok(None) };
    let persons = origin.shared.teams.persons(origin.team, &origin.snapshot, &sources, &origin.shared.keyring)?;
    let mut parts = Vec::with_capacity(sources.len());
    for (at, source) in sources.iter().enumerate() {
        check(origin, asked)?;
        let reading = |text: usize, array: &ArrayRef| asked.dictionaries[text].codes(array);
        let (map, changes) = (persons.numbering.maps[at].clone(), persons.changes[at].clone());
        let Some(part) = Part::bind(&source.packed, &asked.wanted, map, changes, &reading, &numbers)? else { return Ok(None) };
        parts.push(part);
    }
    let scan = Scan::plan(Arc::new(rest), &asked.table, asked.wanted.columns.clone(), origin.counters.clone())?;
    if let Some(active) = Active::of(asked)
        && let Some(columns) = active.run(origin, &sources, &persons, &parts, &scan)?
    {
        return Ok(Some(columns));
    }
    let quarters = quarters(asked, &sources)?;
    let moved = |at: usize| persons.moves.as_ref().map(|moves| &moves.segments[at]);
    let parts: Vec<Segment> = parts.into_iter().enumerate().map(|(at, part)| Segment { part, moved: moved(at) }).collect();
    let turns = parts.iter().enumerate().flat_map(|(at, segment)| turns(at, &segment.part)).collect();
    let job = Job {
        asked,
        origin,
        parts,
        quarters,
        turns,
        next: AtomicUsize::new(0),
        scan,
        next_loose: AtomicUsize::new(0),
        numbering: persons.numbering.clone(),
        extra: Mutex::default(),
        wants_persons: asked.wants_persons(),
    };
    let tally = job.run(origin.shared.limits.query_threads)?;
    let extra = job.extra.lock();
    Ok(Some(tally.finish(&|number| extra.id(&job.numbering, number))?))
}

fn turns(at: usize, part: &Part) -> Vec<(usize, usize, Range<usize>)> {
    let mut turns = Vec::new();
    for (number, run) in part.runs.iter().enumerate() {
        let mut start = run.rows.start;
        while start < run.rows.end {
            // They end where chunks do, so that none is decoded twice.
            let end = run.rows.end.min((start / TURN_ROWS + 1) * TURN_ROWS);
            turns.push((at, number, start..end));
            start = end;
        }
    }
    turns
}

fn check(origin: &Origin, asked: &Asked) -> Result<(), Stop> {
    origin.watch.check(asked.dictionaries.iter().map(super::dictionary::Dictionary::bytes).sum())
}

impl<'q> Job<'q> {
    fn run(&'q self, threads: usize) -> Result<Tally<'q>, Stop> {
        let turns = self.turns.len() + self.scan.work.len();
        let threads = threads.clamp(1, turns.max(1));
        let tallies = std::thread::scope(|scope| {
            let work = || Worker::new(self)?.run();
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut tallies = vec![work()];
            tallies.extend(others.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|_| Err(Stop::Unable(anyhow::anyhow!("a thread that aggregated packed columns panicked"))))
            }));
            tallies.into_iter().collect::<Result<Vec<_>, Stop>>()
        })?;
        let mut tallies = tallies.into_iter();
        let mut all = tallies.next().context("nobody counted")?;
        for tally in tallies {
            all.join(tally, self.universe())?;
        }
        Ok(all)
    }

    fn universe(&self) -> usize {
        self.numbering.ids.len()
    }

    fn person(&self, id: u128) -> u32 {
        self.numbering.number(id).unwrap_or_else(|| self.extra.lock().number(&self.numbering, id))
    }
}

struct Worker<'q> {
    job: &'q Job<'q>,
    tally: Tally<'q>,
    held: usize,
    /// Nothing is asked but how many rows there are.
    counts_rows: bool,
    rows: Vec<u32>,
    persons: Vec<u32>,
    places: Vec<u32>,
}

impl<'q> Worker<'q> {
    fn new(job: &'q Job<'q>) -> Result<Worker<'q>, Stop> {
        Ok(Worker {
            job,
            tally: Tally::new(job.asked, job.universe())?,
            held: 0,
            counts_rows: job.asked.functions.iter().all(|function| matches!(function.what, What::Rows) && function.bit.is_none())
                && job.asked.keys.iter().all(|key| matches!(key, Key::Text(_))),
            rows: Vec::new(),
            persons: Vec::new(),
            places: Vec::new(),
        })
    }

    fn run(mut self) -> Result<Tally<'q>, Stop> {
        let job = self.job;
        while let Some((segment, run, rows)) = job.turns.get(job.next.fetch_add(1, Ordering::Relaxed)) {
            let segment = &job.parts[*segment];
            self.turn(segment, &segment.part.runs[*run], rows.clone())?;
            self.note_memory()?;
        }
        while let Some(work) = job.scan.work.get(job.next_loose.fetch_add(1, Ordering::Relaxed)) {
            let mut failure = None;
            job.scan.read(work, &mut |batch| {
                failure = self.loose(&batch).map_err(Stop::from).and_then(|()| self.note_memory()).err();
                failure.is_none()
            })?;
            if let Some(failure) = failure {
                return Err(failure);
            }
        }
        Ok(self.tally)
    }

    fn note_memory(&mut self) -> Result<(), Stop> {
        self.job.origin.watch.note(&mut self.held, self.tally.bytes());
        check(self.job.origin, self.job.asked)
    }

    fn turn(&mut self, segment: &Segment<'q>, run: &'q RunPlan<'q>, rows: Range<usize>) -> Result<()> {
        self.job.origin.counters.rows.fetch_add(rows.len() as u64, Ordering::Relaxed);
        if self.known(segment, run, rows.len()) {
            return Ok(());
        }
        let mut start = rows.start;
        while start < rows.end {
            let end = rows.end.min((start / CHUNK_ROWS + 1) * CHUNK_ROWS);
            self.chunk(segment, run, start..end)?;
            start = end;
        }
        Ok(())
    }

    /// Counts rows of which the event tells everything.
    fn known(&mut self, segment: &Segment, run: &RunPlan, rows: usize) -> bool {
        let changes = &segment.part.changes;
        let asked = self.job.asked;
        let settled = matches!(run.filter, Test::Known(TRUE)) && changes.gone.is_none() && changes.distinct.is_none();
        if !settled || !asked.functions.iter().all(|function| matches!(function.what, What::Rows)) {
            return false;
        }
        let mut masks = 0;
        for (bit, mask) in &run.masks {
            let Test::Known(truth) = mask else { return false };
            masks |= u64::from(*truth == TRUE) << bit;
        }
        let mut codes = Vec::with_capacity(asked.keys.len());
        for key in &asked.keys {
            let Key::Text(text) = key else { return false };
            let Output::Known(code) = run.texts[*text] else { return false };
            codes.push(code);
        }
        self.tally.count(codes.into_iter(), masks, rows as u64);
        true
    }

    fn chunk(&mut self, segment: &Segment<'q>, run: &'q RunPlan<'q>, rows: Range<usize>) -> Result<()> {
        let asked = self.job.asked;
        let mut chunk = Chunk::new(&segment.part, run, rows);
        self.rows.clear();
        match &run.filter {
            Test::Known(TRUE) => self.rows.extend(0..chunk.rows.len() as u32),
            test => {
                let passes = chunk.truths(test)?;
                self.rows.extend(passes.iter().enumerate().filter(|(_, truth)| **truth == TRUE).map(|(at, _)| at as u32));
            }
        }
        if self.rows.is_empty() {
            return Ok(());
        }
        let changes = &segment.part.changes;
        if self.job.wants_persons || changes.distinct.is_some() || changes.gone.is_some() {
            chunk.read_persons();
        }
        self.place_persons(segment, &chunk.persons, chunk.rows.clone());
        // Nobody looks at masks without conditions.
        let mut masks = if run.masks.is_empty() { Vec::new() } else { vec![0u64; chunk.rows.len()] };
        for (bit, mask) in &run.masks {
            let truths = chunk.truths(mask)?;
            masks.iter_mut().zip(truths).for_each(|(mask, truth)| *mask |= u64::from(truth == TRUE) << bit);
        }
        let mut codes = Vec::with_capacity(run.texts.len());
        for (text, output) in run.texts.iter().enumerate() {
            let seconds = &segment.part.basics.seconds;
            let by_quarter = self.job.quarters[text].as_ref().and_then(|quarters| quarters.read(seconds, chunk.rows.clone()));
            codes.push(match by_quarter {
                Some(codes) => codes,
                None => chunk.values(output, &|array| asked.dictionaries[text].codes(array))?,
            });
        }
        if self.counts_rows && self.tally.count_rows(&self.rows, &codes) {
            return Ok(());
        }
        let mut arrays = Vec::with_capacity(asked.wanted.arrays.len());
        for leaf in &asked.wanted.arrays {
            let array = RefCell::new(None);
            // Evaluated row by row; what is read of it is the array itself.
            chunk.values(&Output::<u8>::Rows(leaf), &|evaluated| {
                *array.borrow_mut() = Some(evaluated.clone());
                Ok(Vec::new())
            })?;
            arrays.push(array.into_inner().context("an argument without values")?);
        }
        let whole = self.rows.len() == chunk.rows.len();
        let taken = Taken { rows: &self.rows, whole, masks: &masks, codes: &codes, persons: &self.persons, arrays: &arrays };
        self.tally.add(&taken, self.job.universe())
    }

    /// Finds whose the rows are, and leaves out those of erased persons.
    fn place_persons(&mut self, segment: &Segment, own: &[u32], rows: Range<usize>) {
        let (job, part) = (self.job, &segment.part);
        let changes = &part.changes;
        if job.wants_persons {
            self.persons.clear();
            self.persons.extend(own.iter().map(|own| part.map[*own as usize]));
        }
        if changes.gone.is_none() && (changes.distinct.is_none() || !(job.wants_persons || changes.erased.is_some())) {
            return;
        }
        if let Some(distinct) = &changes.distinct {
            distinct.places(rows, own, &mut self.places);
        }
        let (persons, places) = (&mut self.persons, &self.places);
        self.rows.retain(|row| {
            let at = *row as usize;
            let moved = changes.distinct.is_some() && changes.from.has(own[at]);
            match segment.moved.filter(|_| moved).and_then(|targets| targets.get(&places[at])) {
                Some(target) => {
                    let number = match target {
                        Target::Erased => return false,
                        Target::Numbered(number) => Some(*number),
                        Target::Unknown(id) => job.wants_persons.then(|| job.person(*id)),
                    };
                    persons.get_mut(at).zip(number).into_iter().for_each(|(person, number)| *person = number);
                    true
                }
                None => changes.gone.as_ref().is_none_or(|gone| !gone.has(own[at])),
            }
        });
    }

    fn loose(&mut self, batch: &RecordBatch) -> Result<()> {
        let (job, wanted) = (self.job, &self.job.asked.wanted);
        let times = moments(wanted, batch);
        self.rows = passing(wanted, batch, &times)?;
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut masks = vec![0u64; batch.num_rows()];
        for (bit, mask) in &wanted.masks {
            let truths = truths(mask, batch, &times)?;
            masks.iter_mut().zip(truths).for_each(|(mask, truth)| *mask |= u64::from(truth == TRUE) << bit);
        }
        let evaluate = |leaf: &crate::packed::shape::Leaf| {
            leaf.evaluate(leaf.columns.iter().map(|at| batch.column(*at).clone()).collect(), batch.num_rows())
        };
        let codes = wanted.texts.iter().zip(&job.asked.dictionaries).map(|(leaf, dictionary)| dictionary.codes(&evaluate(leaf)?));
        let codes = codes.collect::<Result<Vec<_>>>()?;
        let arrays = wanted.arrays.iter().map(evaluate).collect::<Result<Vec<_>>>()?;
        self.persons.clear();
        if job.wants_persons {
            self.persons.resize(batch.num_rows(), 0);
            for (row, person) in self.rows.iter().zip(persons_of(wanted, batch, &self.rows)?) {
                self.persons[*row as usize] = job.person(person);
            }
        }
        let whole = self.rows.len() == batch.num_rows();
        let taken = Taken { rows: &self.rows, whole, masks: &masks, codes: &codes, persons: &self.persons, arrays: &arrays };
        self.tally.add(&taken, job.universe())
    }
}
