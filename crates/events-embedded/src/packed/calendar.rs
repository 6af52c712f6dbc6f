//! Persons with the places in time at which they did something, instead of their rows: nothing is put down, distributed or sorted.
//!
//! Persons are taken in blocks of consecutive numbers, small enough for a block's bits to stay in the cache. Rows of each run set bits
//! of their persons; order does not matter. What a merge moved to another person goes to a board of its own, which is read last.

use super::bind::{Chunk, Part, RunPlan, Test};
use super::board::{Board, Chosen};
use super::cursors::Cursors;
use super::gather::{Extra, Stop};
use super::keys::numbers;
use super::moves::{Moves, Target};
use super::numbering::{Bits, Numbering};
use super::places::Places;
use super::shape::TRUE;
use super::watch::Watch;
use anyhow::{Result, anyhow};
use behaviour::{Active, Operator, Row};
use hashbrown::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Of the bits of a block of persons.
const BLOCK_BYTES: usize = 512 << 10;
/// Threads take so many consecutive blocks at a time …
const BLOCKS_IN_TURN: u32 = 4;
/// … unless there would be fewer turns than this for each.
const TURNS: u32 = 4;

/// Who is told of each person.
pub trait Sink: Send {
    /// `words` as in [`Active`].
    fn person(&mut self, number: u32, words: &[u64], least: f64);
    fn bytes(&self) -> usize;
}

impl Sink for Operator {
    #[inline]
    fn person(&mut self, number: u32, words: &[u64], least: f64) {
        self.active(number, Active { words, number: least });
    }

    fn bytes(&self) -> usize {
        Operator::bytes(self)
    }
}

/// What all threads of a query share.
pub struct Feed<'q> {
    pub parts: &'q [Part<'q>],
    pub numbering: &'q Numbering,
    pub moves: Option<&'q Moves>,
    pub places: &'q Places,
    /// Bits of the rows' masks, or `None` for all rows.
    pub tracks: &'q [Option<u32>],
    /// Whether numbers matter.
    pub number: bool,
    pub watch: &'q Watch,
    pub rows_read: &'q AtomicU64,
}

/// Something that a row from elsewhere says about its person.
pub struct Loose {
    pub person: u128,
    pub mask: u64,
    pub place: u32,
    pub number: f64,
}

impl Loose {
    pub fn of(person: u128, row: &Row, places: &Places) -> Loose {
        Loose { person, mask: row.mask, place: places.of(row.at), number: row.number }
    }
}

struct Worker<'f, 'q, S> {
    feed: &'f Feed<'q>,
    settled: &'f Settled,
    sink: S,
    board: Board,
    aside: Board,
    strays: Vec<Loose>,
    cursors: Cursors,
    persons: Vec<u32>,
    places: Vec<u32>,
    ordinals: Vec<u32>,
    held: usize,
}

/// What is found out before threads begin.
struct Settled {
    /// Persons who come last.
    late: Chosen,
    words: usize,
    persons: u32,
    step: u32,
}

impl Feed<'_> {
    /// One sink for each thread; together they were told of every person once.
    pub fn run<S: Sink>(&self, threads: usize, make: impl Fn() -> S + Sync, loose: Vec<Loose>, extra: &mut Extra) -> Result<Vec<S>, Stop> {
        let settled = self.settle(&loose);
        let turn = (settled.persons / settled.step / (threads as u32 * TURNS)).clamp(1, BLOCKS_IN_TURN) * settled.step;
        let next = AtomicU32::new(0);
        let workers =
            std::thread::scope(|scope| {
                let work = || {
                    let mut worker = Worker::new(self, &settled, make());
                    loop {
                        let from = next.fetch_add(turn, Ordering::Relaxed);
                        if from >= settled.persons {
                            return Ok(worker);
                        }
                        worker.turn(from, from.saturating_add(turn).min(settled.persons))?;
                    }
                };
                let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
                let mut workers = vec![work()];
                workers.extend(others.into_iter().map(|thread| {
                    thread.join().unwrap_or_else(|_| Err(Stop::Unable(anyhow!("a thread that read packed columns panicked"))))
                }));
                workers.into_iter().collect::<Result<Vec<_>, Stop>>()
            })?;
        Ok(self.tell_late(workers, &settled, loose, extra))
    }

    fn settle(&self, loose: &[Loose]) -> Settled {
        let persons = self.numbering.ids.len();
        let mut late = self.moves.map_or_else(|| Bits::new(persons), |moves| moves.aside.clone());
        loose.iter().filter_map(|row| self.numbering.number(row.person)).for_each(|number| late.set(number));
        let words = self.places.count().div_ceil(64);
        let bytes = (words * self.tracks.len() + usize::from(self.number)) * 8;
        let step = (BLOCK_BYTES / bytes).max(64) as u32;
        Settled { late: Chosen::new(late), words, persons: persons as u32, step }
    }

    fn width(&self, settled: &Settled) -> usize {
        settled.words * self.tracks.len()
    }

    /// Persons who were put aside, and those that only rows from elsewhere know.
    fn tell_late<S: Sink>(&self, workers: Vec<Worker<S>>, settled: &Settled, loose: Vec<Loose>, extra: &mut Extra) -> Vec<S> {
        let mut sinks = Vec::with_capacity(workers.len());
        let mut aside = Board::new(self.width(settled), self.number, settled.late.count);
        let mut strays = loose;
        for mut worker in workers {
            aside.join(&worker.aside);
            strays.append(&mut worker.strays);
            sinks.push(worker.sink);
        }
        let mut others: HashMap<u32, Board, ahash::RandomState> = HashMap::default();
        for stray in strays {
            let number = extra.number(self.numbering, stray.person);
            let (board, place) = match settled.late.place(number) {
                Some(place) => (&mut aside, place),
                None => (others.entry(number).or_insert_with(|| Board::new(self.width(settled), self.number, 1)), 0),
            };
            for (track, bit) in self.tracks.iter().enumerate() {
                if bit.is_none_or(|bit| stray.mask >> bit & 1 == 1) {
                    board.set(place, track * settled.words * 64 + stray.place as usize);
                }
            }
            if self.number {
                board.lower(place, stray.number);
            }
        }
        if let Some(sink) = sinks.first_mut() {
            let known = settled.late.numbers().enumerate().map(|(place, number)| (number, aside.words(place), aside.least(place)));
            known.for_each(|(number, words, least)| sink.person(number, words, least));
            others.iter().for_each(|(number, board)| sink.person(*number, board.words(0), board.least(0)));
        }
        sinks
    }
}

impl<'f, 'q, S: Sink> Worker<'f, 'q, S> {
    fn new(feed: &'f Feed<'q>, settled: &'f Settled, sink: S) -> Self {
        let width = feed.width(settled);
        Worker {
            feed,
            settled,
            sink,
            board: Board::new(width, feed.number, 0),
            aside: Board::new(width, feed.number, settled.late.count),
            strays: Vec::new(),
            cursors: Cursors::new(feed.parts),
            persons: Vec::new(),
            places: Vec::new(),
            ordinals: Vec::new(),
            held: 0,
        }
    }

    fn turn(&mut self, from: u32, to: u32) -> Result<(), Stop> {
        let mut start = from;
        while start < to {
            let end = start.saturating_add(self.settled.step).min(to);
            self.block(start, end)?;
            start = end;
        }
        Ok(())
    }

    fn block(&mut self, from: u32, to: u32) -> Result<(), Stop> {
        let feed = self.feed;
        self.board.clear(feed.number, (to - from) as usize);
        self.cursors.turn(feed.parts, from..to);
        for (at, part) in feed.parts.iter().enumerate() {
            let own_end = part.map.partition_point(|number| *number < to) as u32;
            for (number, run) in part.runs.iter().enumerate() {
                let mut more = true;
                while more {
                    let rows;
                    (rows, more) = self.cursors.read(part, (at, number), own_end, &mut self.persons);
                    if !rows.is_empty() {
                        self.chunk(at, run, rows, from)?;
                    }
                }
            }
        }
        let late = &self.settled.late;
        for person in 0..(to - from) as usize {
            let words = self.board.words(person);
            if words.iter().all(|word| *word == 0) {
                continue;
            }
            let (number, least) = (from + person as u32, self.board.least(person));
            match late.place(number) {
                Some(place) => self.aside.merge(place, words, least),
                None => self.sink.person(number, words, least),
            }
        }
        let strays = self.strays.capacity() * size_of::<Loose>();
        feed.watch.note(&mut self.held, self.board.bytes() + self.aside.bytes() + self.sink.bytes() + strays);
        feed.watch.check(0)
    }

    fn chunk(&mut self, at: usize, run: &RunPlan, rows: Range<usize>, from: u32) -> Result<(), Stop> {
        let (feed, part) = (self.feed, &self.feed.parts[at]);
        feed.rows_read.fetch_add(rows.len() as u64, Ordering::Relaxed);
        let mut places = std::mem::take(&mut self.places);
        feed.places.read(&part.basics.seconds, rows.clone(), &mut places);
        let mut chunk = Chunk::of_persons(part, run, rows, std::mem::take(&mut self.persons));
        let dropped = feed.places.dropped();
        drop_failing(&mut chunk, &run.filter, &mut places, feed.places)?;
        let tracks = feed.tracks.iter().map(|bit| Track::of(&mut chunk, run, *bit)).collect::<Result<Vec<_>>>()?;
        let least = match &run.number {
            Some(output) if feed.number => Some(chunk.values(output, &numbers)?),
            _ => None,
        };
        self.put_aside(at, &chunk, &tracks, least.as_deref(), &mut places);
        let map = &part.map;
        let persons = || chunk.persons.iter().map(|own| (map[*own as usize] - from) as usize);
        for (track, truths) in tracks.iter().enumerate() {
            let first_word = track * self.settled.words;
            let bits = places.iter().map(|place| *place as usize);
            match truths {
                Track::None => {}
                Track::All => self.board.set_all(persons().zip(bits).map(|(person, bit)| (person, bit, true)), first_word),
                Track::Some(truths) => {
                    let rows = persons().zip(bits).zip(truths);
                    self.board.set_all(rows.map(|((person, bit), truth)| (person, bit, *truth == TRUE)), first_word);
                }
            }
        }
        if let Some(least) = least {
            let rows = persons().zip(least).zip(&places).filter(|(_, place)| **place != dropped);
            rows.for_each(|((person, number), _)| self.board.lower(person, number));
        }
        (self.places, self.persons) = (places, chunk.persons);
        Ok(())
    }

    /// Takes out rows that are no longer the person's whose they were.
    fn put_aside(&mut self, at: usize, chunk: &Chunk, tracks: &[Track], least: Option<&[f64]>, places: &mut [u32]) {
        let (feed, part, dropped) = (self.feed, &self.feed.parts[at], self.feed.places.dropped());
        let changes = &part.changes;
        let moved = feed.moves.map(|moves| &moves.segments[at]).filter(|moved| !moved.is_empty()).zip(changes.distinct.as_ref());
        if moved.is_none() && changes.gone.is_none() {
            return;
        }
        if let Some((_, distinct)) = moved {
            distinct.places(chunk.rows.clone(), &chunk.persons, &mut self.ordinals);
        }
        for (row, own) in chunk.persons.iter().enumerate() {
            if places[row] == dropped {
                continue;
            }
            let found = moved.filter(|_| changes.from.has(*own)).and_then(|(moved, _)| moved.get(&self.ordinals[row]));
            let place = std::mem::replace(&mut places[row], dropped);
            let number = least.map_or(f64::NAN, |least| least[row]);
            match found {
                Some(Target::Erased) => {}
                Some(Target::Numbered(target)) => {
                    let Some(late) = self.settled.late.place(*target) else { continue };
                    for (track, _) in tracks.iter().enumerate().filter(|(_, track)| track.has(row)) {
                        self.aside.set(late, track * self.settled.words * 64 + place as usize);
                    }
                    if feed.number {
                        self.aside.lower(late, number);
                    }
                }
                Some(Target::Unknown(person)) => {
                    let bits = tracks.iter().zip(feed.tracks).filter(|(track, _)| track.has(row));
                    let mask = bits.fold(0, |mask, (_, bit)| mask | bit.map_or(0, |bit| 1 << bit));
                    self.strays.push(Loose { person: *person, mask, place, number });
                }
                None if changes.gone.as_ref().is_some_and(|gone| gone.has(*own)) => {}
                None => places[row] = place,
            }
        }
    }
}

/// Which rows of a chunk belong to a track.
enum Track {
    None,
    All,
    Some(Vec<u8>),
}

impl Track {
    fn of(chunk: &mut Chunk, run: &RunPlan, bit: Option<u32>) -> Result<Track> {
        let Some(bit) = bit else { return Ok(Track::All) };
        Ok(match run.masks.iter().find(|(other, _)| *other == bit) {
            None => Track::None,
            Some((_, Test::Known(TRUE))) => Track::All,
            Some((_, Test::Known(_))) => Track::None,
            Some((_, test)) => Track::Some(chunk.truths(test)?),
        })
    }

    fn has(&self, row: usize) -> bool {
        match self {
            Track::None => false,
            Track::All => true,
            Track::Some(truths) => truths[row] == TRUE,
        }
    }
}

/// Places tell already which rows lie outside of the range that the filter asks for by itself.
fn drop_failing(chunk: &mut Chunk, filter: &Test, out: &mut [u32], places: &Places) -> Result<()> {
    match filter {
        Test::Known(TRUE) => {}
        Test::Known(_) => out.fill(places.dropped()),
        Test::Time(first, last) if *first <= places.range.0 && places.range.1 <= *last => {}
        Test::All(parts) => parts.iter().try_for_each(|part| drop_failing(chunk, part, out, places))?,
        test => {
            let truths = chunk.truths(test)?;
            out.iter_mut().zip(truths).for_each(|(place, truth)| *place = if truth == TRUE { *place } else { places.dropped() });
        }
    }
    Ok(())
}
