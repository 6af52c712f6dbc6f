//! How far the runs of all segments have been read, person after person.

use super::bind::Part;
use std::ops::Range;

/// Rows that are read together.
const CHUNK_ROWS: usize = 4 << 10;

pub struct Cursors {
    /// By segment and run: rows up to here have been read.
    places: Vec<Vec<usize>>,
    /// Persons up to this number have been read.
    next: u32,
}

impl Cursors {
    pub fn new(parts: &[Part]) -> Cursors {
        Cursors { places: parts.iter().map(|part| part.runs.iter().map(|run| run.rows.start).collect()).collect(), next: 0 }
    }

    /// The next rows are those of the persons from one number to another.
    pub fn turn(&mut self, parts: &[Part], persons: Range<u32>) {
        if persons.start != self.next {
            for (part, places) in parts.iter().zip(&mut self.places) {
                let own = part.map.partition_point(|number| *number < persons.start) as u32;
                for (run, place) in part.runs.iter().zip(places) {
                    *place = part.basics.person.lower_bound(run.rows.clone(), own);
                }
            }
        }
        self.next = persons.end;
    }

    /// More rows of a run, with their persons, as long as these are below a number; whether there may be more after them.
    pub fn read(&mut self, part: &Part, (at, run): (usize, usize), own_end: u32, persons: &mut Vec<u32>) -> (Range<usize>, bool) {
        let (place, last) = (&mut self.places[at][run], part.runs[run].rows.end);
        let start = *place;
        // Chunks end where blocks of numbers do, so that none is decoded twice.
        let end = last.min((start / CHUNK_ROWS + 1) * CHUNK_ROWS);
        persons.clear();
        if start < end {
            part.basics.person.codes_below(start..end, own_end, persons);
        }
        *place = start + persons.len();
        (start..*place, *place == end && end < last)
    }
}
