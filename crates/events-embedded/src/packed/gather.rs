//! The rows of each person, in order of time, out of many sorted runs.
//!
//! Persons are taken in blocks of consecutive numbers. Of every run the rows of a block's persons are decoded, put down one run after
//! the other, distributed by person, and sorted by time where runs overlap. That costs a few passes over a block that fits the cache,
//! instead of a comparison of heads for every row. Threads take blocks in turn; each has an operator of its own, and state crosses
//! the edges of segments because a person's rows come together before the operator sees them.
//!
//! Rows of persons that a merge touched leave this stream for a list that is sorted and fed last.

use super::bind::{Chunk, Part, RunPlan, Test};
use super::cursors::Cursors;
use super::keys::{KeyCache, Keys, numbers};
use super::numbering::{Bits, Numbering};
use super::shape::TRUE;
use super::watch::Watch;
use anyhow::Result;
use behaviour::{EMPTY_KEY, Operator, Plan, Row};
use events::QueryError;
use hashbrown::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Rows of a block of persons: enough for each run to give some, few enough for the cache.
const BLOCK_ROWS: Range<usize> = 16 << 10..256 << 10;
const ROWS_PER_RUN: usize = 256;
/// Threads take so many consecutive blocks at a time …
const BLOCKS_IN_TURN: u32 = 4;
/// … unless there would be fewer turns than this for each.
const TURNS: u32 = 4;
/// Persons of a block, however few rows they have.
const MAX_PERSONS: u32 = 1 << 20;

/// Why feeding ended early.
pub enum Stop {
    /// The general path may still answer.
    Unable(anyhow::Error),
    Query(QueryError),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Stop::Unable(error)
    }
}

/// What all threads of a query share.
pub struct Job<'q> {
    pub parts: Vec<Part<'q>>,
    pub numbering: &'q Numbering,
    /// Persons whose rows are put aside.
    pub aside: Option<&'q Bits>,
    /// Rows from elsewhere of persons that are numbered and not put aside, by person.
    pub loose: Vec<(u32, Row)>,
    pub keys: &'q Keys,
    pub plan: &'q Plan,
    pub watch: &'q Watch,
    pub rows_read: &'q AtomicU64,
}

/// What one thread made of its blocks.
pub struct Fed {
    pub operator: Operator,
    pub aside: Vec<(u128, Row)>,
}

struct Worker<'j, 'q> {
    job: &'j Job<'q>,
    operator: Operator,
    aside: Vec<(u128, Row)>,
    /// Rows of a block with their person's place in it, run after run.
    staged: Vec<(u32, Row)>,
    ends: Vec<u32>,
    sorted: Vec<Row>,
    keys: KeyCache,
    places: Vec<u32>,
    cursors: Cursors,
    persons: Vec<u32>,
    held: usize,
}

impl Job<'_> {
    pub fn run(&self, threads: usize) -> Result<Vec<Fed>, Stop> {
        let persons = self.numbering.ids.len() as u32;
        let runs = self.parts.iter().flat_map(|part| &part.runs);
        let (count, rows) = runs.fold((0, self.loose.len()), |(count, rows), run| (count + 1, rows + run.rows.len()));
        let wanted = (count * ROWS_PER_RUN).clamp(BLOCK_ROWS.start, BLOCK_ROWS.end);
        let blocks = (rows / wanted + 1) as u32;
        let step = (persons / blocks + 1).min(MAX_PERSONS);
        let threads = threads.clamp(1, blocks as usize);
        let turn = (blocks / (threads as u32 * TURNS)).clamp(1, BLOCKS_IN_TURN).saturating_mul(step);
        let next = AtomicU32::new(0);
        std::thread::scope(|scope| {
            let work = || -> Result<Fed, Stop> {
                let mut worker = Worker::new(self);
                loop {
                    let from = next.fetch_add(turn, Ordering::Relaxed);
                    if from >= persons {
                        return Ok(Fed { operator: worker.operator, aside: worker.aside });
                    }
                    let end = from.saturating_add(turn).min(persons);
                    for start in (from..end).step_by(step as usize) {
                        worker.block(start, start.saturating_add(step).min(end))?;
                    }
                }
            };
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut fed = vec![work()];
            fed.extend(others.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|_| Err(Stop::Unable(anyhow::anyhow!("a thread that read packed columns panicked"))))
            }));
            fed.into_iter().collect()
        })
    }

    fn check(&self) -> Result<(), Stop> {
        self.watch.check(self.keys.bytes() + self.loose.len() * size_of::<(u32, Row)>())
    }
}

impl<'j, 'q> Worker<'j, 'q> {
    fn new(job: &'j Job<'q>) -> Self {
        Worker {
            job,
            operator: Operator::new(job.plan),
            aside: Vec::new(),
            staged: Vec::new(),
            ends: Vec::new(),
            sorted: Vec::new(),
            keys: KeyCache::default(),
            places: Vec::new(),
            cursors: Cursors::new(&job.parts),
            persons: Vec::new(),
            held: 0,
        }
    }

    fn note_memory(&mut self) {
        let rows = size_of::<(u32, Row)>() * self.staged.capacity() + size_of::<Row>() * self.sorted.capacity().max(self.staged.len());
        let now = rows + self.operator.bytes() + size_of::<(u128, Row)>() * self.aside.capacity();
        self.job.watch.note(&mut self.held, now);
    }

    /// Feeds the persons with these numbers.
    fn block(&mut self, from: u32, to: u32) -> Result<(), Stop> {
        self.staged.clear();
        let job = self.job;
        self.cursors.turn(&job.parts, from..to);
        for (at, part) in job.parts.iter().enumerate() {
            let own_end = part.map.partition_point(|number| *number < to) as u32;
            for (number, run) in part.runs.iter().enumerate() {
                self.run((at, number), part, run, own_end, from)?;
            }
        }
        let loose = &job.loose;
        let range = loose.partition_point(|(person, _)| *person < from)..loose.partition_point(|(person, _)| *person < to);
        self.staged.extend(loose[range].iter().map(|(person, row)| (person - from, *row)));
        self.distribute((to - from) as usize);
        let mut start = 0;
        for person in 0..to - from {
            let end = self.ends[person as usize] as usize;
            if start < end {
                let rows = &mut self.sorted[start..end];
                if !rows.is_sorted_by_key(|row| row.at) {
                    rows.sort_by_key(|row| row.at);
                }
                self.operator.actor(from + person, rows);
            }
            start = end;
        }
        self.note_memory();
        job.check()
    }

    /// Puts the staged rows in the order of their persons; rows of one person stay in theirs.
    fn distribute(&mut self, persons: usize) {
        self.ends.clear();
        self.ends.resize(persons + 1, 0);
        self.staged.iter().for_each(|(person, _)| self.ends[*person as usize + 1] += 1);
        for at in 1..self.ends.len() {
            self.ends[at] += self.ends[at - 1];
        }
        self.sorted.clear();
        self.sorted.resize(self.staged.len(), Row::default());
        // Each entry moves from where its person's rows begin to where they end.
        for (person, row) in &self.staged {
            let place = &mut self.ends[*person as usize];
            self.sorted[*place as usize] = *row;
            *place += 1;
        }
    }

    fn run(&mut self, place: (usize, usize), part: &Part, run: &RunPlan, own_end: u32, from: u32) -> Result<(), Stop> {
        let mut more = true;
        while more {
            let rows;
            (rows, more) = self.cursors.read(part, place, own_end, &mut self.persons);
            if !rows.is_empty() {
                self.chunk(part, run, rows, from)?;
            }
            if self.staged.len() > BLOCK_ROWS.end {
                self.note_memory();
                self.job.check()?;
            }
        }
        Ok(())
    }

    fn chunk(&mut self, part: &Part, run: &RunPlan, rows: Range<usize>, from: u32) -> Result<(), Stop> {
        let job = self.job;
        job.rows_read.fetch_add(rows.len() as u64, Ordering::Relaxed);
        let mut chunk = Chunk::of_persons(part, run, rows, std::mem::take(&mut self.persons));
        let passes = chunk.truths(&run.filter)?;
        if !passes.contains(&TRUE) {
            self.persons = chunk.persons;
            return Ok(());
        }
        chunk.read_times();
        let known = |truth: u8, bit: u32| u64::from(truth == TRUE) << bit;
        let settled =
            run.masks.iter().filter_map(|(bit, test)| if let Test::Known(truth) = test { Some(known(*truth, *bit)) } else { None });
        let mut masks = vec![settled.fold(0, |all, one| all | one); chunk.rows.len()];
        for (bit, mask) in run.masks.iter().filter(|(_, test)| !matches!(test, Test::Known(_))) {
            let truths = chunk.truths(mask)?;
            masks.iter_mut().zip(truths).for_each(|(mask, truth)| *mask |= u64::from(truth == TRUE) << bit);
        }
        let keys = job.keys;
        let texts = run.texts.iter().enumerate();
        let texts = texts.map(|(at, output)| chunk.values(output, &|array| keys.codes(at, array))).collect::<Result<Vec<_>>>()?;
        let doubles = run.number.as_ref().map(|output| chunk.values(output, &numbers)).transpose()?;
        let row = |at: usize, cache: &mut KeyCache| Row {
            at: chunk.times[at],
            mask: masks[at],
            key: match &texts[..] {
                [] => EMPTY_KEY,
                [one] => one[at],
                several => cache.whole(keys, several, at),
            },
            number: doubles.as_ref().map_or(f64::NAN, |doubles| doubles[at]),
        };
        let changed = job.aside.is_some() || part.changes.gone.is_some();
        if !changed {
            for (at, _) in passes.iter().enumerate().filter(|(_, truth)| **truth == TRUE) {
                let person = part.map[chunk.persons[at] as usize];
                self.staged.push((person - from, row(at, &mut self.keys)));
            }
            self.persons = chunk.persons;
            return Ok(());
        }
        if let Some(distinct) = &part.changes.distinct {
            distinct.places(chunk.rows.clone(), &chunk.persons, &mut self.places);
        }
        for (at, _) in passes.iter().enumerate().filter(|(_, truth)| **truth == TRUE) {
            let own = chunk.persons[at];
            let number = part.map[own as usize];
            if job.aside.as_ref().is_none_or(|aside| !aside.has(number)) {
                if part.changes.gone.as_ref().is_none_or(|gone| !gone.has(own)) {
                    self.staged.push((number - from, row(at, &mut self.keys)));
                }
                continue;
            }
            let moved = part.changes.distinct.as_ref().and_then(|_| part.changes.moved.get(&self.places[at]).copied());
            let person = moved.unwrap_or(job.numbering.ids[number as usize]);
            if !part.changes.is_erased(person) {
                self.aside.push((person, row(at, &mut self.keys)));
            }
        }
        self.persons = chunk.persons;
        Ok(())
    }
}

/// Feeds the rows that were put aside; `numbers` gives persons their numbers, new ones to unknown persons.
pub fn feed_aside(job: &Job, operator: &mut Operator, mut rows: Vec<(u128, Row)>, numbers: &mut Extra) -> Result<(), Stop> {
    rows.sort_by_key(|(person, row)| (*person, row.at));
    let mut buffer = Vec::new();
    let mut fed = 0;
    for rows in rows.chunk_by(|a, b| a.0 == b.0) {
        buffer.clear();
        buffer.extend(rows.iter().map(|(_, row)| *row));
        operator.actor(numbers.number(job.numbering, rows[0].0), &buffer);
        fed += rows.len();
        if fed > BLOCK_ROWS.end {
            fed = 0;
            job.check()?;
        }
    }
    Ok(())
}

/// Persons without packed rows, numbered after all others.
#[derive(Default)]
pub struct Extra {
    pub ids: Vec<u128>,
    numbers: HashMap<u128, u32, ahash::RandomState>,
}

impl Extra {
    pub fn number(&mut self, numbering: &Numbering, id: u128) -> u32 {
        if let Some(number) = numbering.number(id) {
            return number;
        }
        let next = (numbering.ids.len() + self.ids.len()) as u32;
        *self.numbers.entry(id).or_insert_with(|| {
            self.ids.push(id);
            next
        })
    }

    pub fn id(&self, numbering: &Numbering, number: u32) -> u128 {
        let number = number as usize;
        numbering.ids.get(number).copied().unwrap_or_else(|| self.ids[number - numbering.ids.len()])
    }
}
