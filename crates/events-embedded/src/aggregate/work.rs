//! Threads over the rows of packed segments, and over all rows that are elsewhere.

use super::Origin;
use super::calendar::Quarters;
use super::shape::{Asked, Key, What};
use super::tally::{Taken, Tally};
use crate::packed::bind::{Chunk, Output, Part, RunPlan, Test};
use crate::packed::fast::sources;
use crate::packed::gather::{Extra, Stop};
use crate::packed::keys::numbers;
use crate::packed::loose::truths;
use crate::packed::numbering::{Bits, Numbering};
use crate::packed::shape::TRUE;
use crate::scan::Scan;
use anyhow::{Context, Result};
use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use events::QueryError;
use parking_lot::Mutex;
use query::ColumnSource;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use uuid::Uuid;

/// Rows that a thread takes at a time, and that are decoded together.
const TURN_ROWS: usize = 128 << 10;
const CHUNK_ROWS: usize = 16 << 10;

struct Job<'q> {
    asked: &'q Asked,
    origin: &'q Origin,
    parts: Vec<Segment<'q>>,
    turns: Vec<(usize, usize, Range<usize>)>,
    next: AtomicUsize,
    scan: Scan,
    next_loose: AtomicUsize,
    numbering: Arc<Numbering>,
    extra: Mutex<Extra>,
    wants_persons: bool,
    /// Bytes that the threads hold together.
    held: AtomicUsize,
}

struct Segment<'q> {
    part: Part<'q>,
    /// One for each text that has them.
    quarters: Vec<Option<Quarters>>,
    /// Own numbers of persons from whom something moved.
    sources: Option<Bits>,
}

/// Columns of the aggregate; `None` when packed columns cannot tell.
pub fn run(asked: &Asked, origin: &Origin) -> Result<Option<Vec<ArrayRef>>, Stop> {
    let Some((sources, rest)) = sources(&origin.shared, &origin.snapshot, &asked.table)? else { return Ok(None) };
    let persons = origin.shared.teams.persons(origin.team, &origin.snapshot, &sources, &origin.shared.keyring)?;
    let mut parts = Vec::with_capacity(sources.len());
    for (at, source) in sources.iter().enumerate() {
        check(origin, asked, 0)?;
        let reading = |text: usize, array: &ArrayRef| asked.dictionaries[text].codes(array);
        let (map, changes) = (persons.numbering.maps[at].clone(), persons.changes[at].clone());
        let Some(part) = Part::bind(&source.packed, &asked.wanted, map, changes, &reading, &numbers)? else { return Ok(None) };
        let meta = &source.segment.meta;
        let mut quarters = Vec::with_capacity(asked.calendar.len());
        for (text, leaf) in asked.wanted.texts.iter().enumerate() {
            let codes = |array: &ArrayRef| asked.dictionaries[text].codes(array);
            let table = if asked.calendar[text] { Quarters::new(leaf, meta.first_us, meta.last_us, &codes)? } else { None };
            quarters.push(table);
        }
        let moved = part.changes.distinct.is_some().then(|| {
            let mut bits = Bits::new(part.map.len());
            part.changes.sources.iter().for_each(|own| bits.set(*own));
            bits
        });
        parts.push(Segment { part, quarters, sources: moved });
    }
    let turns = parts.iter().enumerate().flat_map(|(at, segment)| turns(at, &segment.part)).collect();
    let job = Job {
        asked,
        origin,
        parts,
        turns,
        next: AtomicUsize::new(0),
        scan: Scan::plan(Arc::new(rest), &asked.table, asked.wanted.columns.clone(), origin.counters.clone())?,
        next_loose: AtomicUsize::new(0),
        numbering: persons.numbering.clone(),
        extra: Mutex::default(),
        wants_persons: asked.wants_persons(),
        held: AtomicUsize::new(0),
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

fn check(origin: &Origin, asked: &Asked, held: usize) -> Result<(), Stop> {
    if origin.stop.load(Ordering::Relaxed) {
        return Err(Stop::Query(QueryError::Cancelled));
    }
    if Instant::now() >= origin.until {
        return Err(Stop::Query(QueryError::Deadline(origin.budget.deadline)));
    }
    let dictionaries: usize = asked.dictionaries.iter().map(super::dictionary::Dictionary::bytes).sum();
    if held + dictionaries > origin.budget.memory_bytes {
        return Err(Stop::Query(QueryError::Memory(origin.budget.memory_bytes)));
    }
    Ok(())
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
        let now = self.tally.bytes();
        let all = self.job.held.fetch_add(now.wrapping_sub(self.held), Ordering::Relaxed).wrapping_add(now.wrapping_sub(self.held));
        self.held = now;
        check(self.job.origin, self.job.asked, all)
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
        let passes = chunk.truths(&run.filter)?;
        self.rows.clear();
        self.rows.extend(passes.iter().enumerate().filter(|(_, truth)| **truth == TRUE).map(|(at, _)| at as u32));
        if self.rows.is_empty() {
            return Ok(());
        }
        self.place_persons(segment, &chunk.persons, chunk.rows.clone());
        let mut masks = vec![0u64; chunk.rows.len()];
        for (bit, mask) in &run.masks {
            let truths = chunk.truths(mask)?;
            masks.iter_mut().zip(truths).for_each(|(mask, truth)| *mask |= u64::from(truth == TRUE) << bit);
        }
        let mut codes = Vec::with_capacity(run.texts.len());
        for (text, output) in run.texts.iter().enumerate() {
            let by_quarter = segment.quarters[text].as_ref().and_then(|quarters| quarters.of(&chunk.times));
            codes.push(match by_quarter {
                Some(codes) => codes,
                None => chunk.values(output, &|array| asked.dictionaries[text].codes(array))?,
            });
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
        let taken = Taken { rows: &self.rows, masks: &masks, codes: &codes, persons: &self.persons, arrays: &arrays };
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
        if changes.gone.is_none() && (segment.sources.is_none() || !(job.wants_persons || changes.erased.is_some())) {
            return;
        }
        if let Some(distinct) = &changes.distinct {
            distinct.places(rows, own, &mut self.places);
        }
        let (persons, places) = (&mut self.persons, &self.places);
        self.rows.retain(|row| {
            let at = *row as usize;
            let moved = segment.sources.as_ref().is_some_and(|sources| sources.has(own[at]));
            match moved.then(|| changes.moved.get(&places[at]).copied()).flatten() {
                Some(target) => {
                    if job.wants_persons {
                        persons[at] = job.person(target);
                    }
                    !changes.is_erased(target)
                }
                None => changes.gone.as_ref().is_none_or(|gone| !gone.has(own[at])),
            }
        });
    }

    fn loose(&mut self, batch: &RecordBatch) -> Result<()> {
        let (job, wanted) = (self.job, &self.job.asked.wanted);
        let place =
            |field: &str| wanted.columns.iter().position(|column| matches!(column.source, ColumnSource::Field(name) if name == field));
        let times =
            place(crate::columns::TIMESTAMP).map(|at| batch.column(at).as_primitive::<TimestampMicrosecondType>().values().to_vec());
        let times = times.unwrap_or_default();
        let passes = truths(&wanted.filter, batch, &times)?;
        self.rows.clear();
        self.rows.extend(passes.iter().enumerate().filter(|(_, truth)| **truth == TRUE).map(|(at, _)| at as u32));
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
            let persons = batch.column(place("person_id").context("no person")?).as_string::<i32>();
            for at in 0..batch.num_rows() {
                self.persons.push(job.person(Uuid::parse_str(persons.value(at)).context("a person's id")?.as_u128()));
            }
        }
        let taken = Taken { rows: &self.rows, masks: &masks, codes: &codes, persons: &self.persons, arrays: &arrays };
        self.tally.add(&taken, job.universe())
    }
}
