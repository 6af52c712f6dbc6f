//! What one thread counted; the threads' tallies join to the answer.

use super::dictionary::NULL;
use super::sets::Set;
use super::shape::{Asked, Key, What};
use super::slots::Slots;
use anyhow::{Context, Result};
use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, StringArray, UInt32Array};
use arrow::compute::{cast, take};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use std::sync::Arc;
use uuid::Uuid;

/// Combinations of keys that are counted in an array for each chunk.
const CELLS_MAX: usize = 8 << 10;

pub struct Tally<'q> {
    asked: &'q Asked,
    pub slots: Slots,
    states: Vec<State>,
    /// Reused from chunk to chunk.
    groups: Vec<u32>,
}

enum State {
    Rows(Vec<u64>),
    Sets(Vec<Set>),
    Other(Box<dyn GroupsAccumulator>),
}

/// Rows of a chunk that pass the filter, and what the query asks of them.
pub struct Taken<'c> {
    /// Places in the other lists.
    pub rows: &'c [u32],
    /// These are all rows of the chunk.
    pub whole: bool,
    /// Empty when there are no conditions.
    pub masks: &'c [u64],
    /// Of each text.
    pub codes: &'c [Vec<u32>],
    /// Numbers of persons, when somebody counts them.
    pub persons: &'c [u32],
    pub arrays: &'c [ArrayRef],
}

impl<'q> Tally<'q> {
    /// `persons` is about how many persons there are.
    pub fn new(asked: &'q Asked, persons: usize) -> Result<Tally<'q>> {
        let width = |key: &Key| match key {
            Key::Text(text) => asked.dictionaries[*text].len().next_power_of_two(),
            Key::Person => persons,
        };
        let widths: Vec<usize> = asked.keys.iter().map(width).collect();
        let state = |what: &What| {
            Ok(match what {
                What::Rows => State::Rows(Vec::new()),
                What::Persons | What::Values(_) => State::Sets(Vec::new()),
                What::Other(function, _) => State::Other(function.create_groups_accumulator()?),
            })
        };
        let states = asked.functions.iter().map(|function| state(&function.what)).collect::<Result<_>>()?;
        Ok(Tally { asked, slots: Slots::new(&widths), states, groups: Vec::new() })
    }

    /// Adds rows of one group that only rows are counted of.
    pub fn count(&mut self, codes: impl Iterator<Item = u32>, masks: u64, rows: u64) {
        let slot = self.slots.of(codes) as usize;
        for (state, function) in self.states.iter_mut().zip(&self.asked.functions) {
            if let State::Rows(counts) = state {
                if counts.len() <= slot {
                    counts.resize(slot + 1, 0);
                }
                counts[slot] += if function.bit.is_none_or(|bit| masks >> bit & 1 == 1) { rows } else { 0 };
            }
        }
    }

    /// Counts rows by the codes of all keys at once; false when there are too many combinations of them.
    pub fn count_rows(&mut self, rows: &[u32], codes: &[Vec<u32>]) -> bool {
        let keys: Vec<(&[u32], usize)> = (self.asked.keys.iter())
            .filter_map(
                |key| if let Key::Text(text) = key { Some((&codes[*text][..], self.asked.dictionaries[*text].len())) } else { None },
            )
            .collect();
        let cells = keys.iter().fold(1, |cells: usize, (_, width)| cells.saturating_mul(*width));
        if cells > CELLS_MAX.min(rows.len()) {
            return false;
        }
        let mut counts = vec![0u32; cells];
        match &keys[..] {
            [(codes, _)] => rows.iter().for_each(|row| counts[codes[*row as usize] as usize] += 1),
            _ => rows.iter().for_each(|row| {
                let cell = keys.iter().fold(0, |cell, (codes, width)| cell * width + codes[*row as usize] as usize);
                counts[cell] += 1;
            }),
        }
        let mut own = vec![0; keys.len()];
        for (cell, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let mut left = cell;
            for (code, (_, width)) in own.iter_mut().zip(&keys).rev() {
                *code = (left % width) as u32;
                left /= width;
            }
            self.count(own.iter().copied(), 0, u64::from(*count));
        }
        true
    }

    pub fn add(&mut self, taken: &Taken, persons: usize) -> Result<()> {
        let mut groups = std::mem::take(&mut self.groups);
        let keys = self.asked.keys.iter().map(|key| match key {
            Key::Text(text) => &taken.codes[*text][..],
            Key::Person => taken.persons,
        });
        self.slots.assign(keys, taken.rows, &mut groups);
        let slots = self.slots.len();
        for (state, function) in self.states.iter_mut().zip(&self.asked.functions) {
            let rows = taken.rows.iter().zip(&groups).map(|(row, group)| (*row as usize, *group as usize));
            let bit = function.bit.map_or(0, |bit| 1u64 << bit);
            let meets = |row: &(usize, usize)| bit == 0 || taken.masks[row.0] & bit != 0;
            match (state, &function.what) {
                (State::Rows(counts), _) => {
                    counts.resize(slots.max(counts.len()), 0);
                    rows.filter(meets).for_each(|(_, group)| counts[group] += 1);
                }
                (State::Sets(sets), What::Values(text)) => {
                    sets.resize(slots.max(sets.len()), Set::default());
                    let universe = self.asked.dictionaries[*text].len();
                    let values = rows.filter(meets).map(|(row, group)| (group, taken.codes[*text][row]));
                    values.filter(|(_, code)| *code != NULL).for_each(|(group, code)| sets[group].insert(code, universe));
                }
                (State::Sets(sets), _) => {
                    sets.resize(slots.max(sets.len()), Set::default());
                    rows.filter(meets).for_each(|(row, group)| sets[group].insert(taken.persons[row], persons));
                }
                (State::Other(accumulator), What::Other(_, places)) => {
                    let places = places.iter().map(|place| taken.array(*place)).collect::<Result<Vec<_>>>()?;
                    let filter = (bit != 0).then(|| BooleanArray::from_iter(rows.map(|row| Some(meets(&row)))));
                    let groups: Vec<usize> = groups.iter().map(|group| *group as usize).collect();
                    accumulator.update_batch(&places, &groups, filter.as_ref(), slots)?;
                }
                (State::Other(_), _) => anyhow::bail!("a function that keeps no state"),
            }
        }
        self.groups = groups;
        Ok(())
    }

    pub fn join(&mut self, other: Tally, persons: usize) -> Result<()> {
        let mut groups = Vec::with_capacity(other.slots.len());
        for slot in 0..other.slots.len() as u32 {
            groups.push(self.slots.of(other.slots.codes(slot).into_iter()) as usize);
        }
        let slots = self.slots.len();
        for ((mine, other), function) in self.states.iter_mut().zip(other.states).zip(&self.asked.functions) {
            match (mine, other) {
                (State::Rows(mine), State::Rows(other)) => {
                    mine.resize(slots, 0);
                    groups.iter().zip(other).for_each(|(group, count)| mine[*group] += count);
                }
                (State::Sets(mine), State::Sets(other)) => {
                    mine.resize(slots, Set::default());
                    let universe = match function.what {
                        What::Values(text) => self.asked.dictionaries[text].len(),
                        _ => persons,
                    };
                    groups.iter().zip(other).for_each(|(group, set)| mine[*group].join(set, universe));
                }
                (State::Other(mine), State::Other(mut other)) => {
                    let states = other.state(EmitTo::All)?;
                    let known = states.first().map_or(0, |state| state.len()).min(groups.len());
                    mine.merge_batch(&states, &groups[..known], slots)?;
                }
                _ => anyhow::bail!("tallies of different functions"),
            }
        }
        Ok(())
    }

    /// Keys, then functions, one row per group. `id` tells persons by number.
    pub fn finish(mut self, id: &dyn Fn(u32) -> u128) -> Result<Vec<ArrayRef>> {
        let slots = self.slots.len();
        let codes: Vec<Vec<u32>> = (0..slots as u32).map(|slot| self.slots.codes(slot)).collect();
        let mut columns = Vec::with_capacity(self.asked.types.len());
        for (at, key) in self.asked.keys.iter().enumerate() {
            let codes = codes.iter().map(|codes| codes[at]);
            columns.push(match key {
                Key::Text(text) => self.asked.dictionaries[*text].array(codes)?,
                Key::Person => {
                    let ids = codes.map(|number| Uuid::from_u128(id(number)).hyphenated().to_string());
                    Arc::new(StringArray::from_iter_values(ids)) as ArrayRef
                }
            });
        }
        for state in &mut self.states {
            columns.push(match state {
                State::Rows(counts) => {
                    counts.resize(slots, 0);
                    Arc::new(Int64Array::from_iter_values(counts.iter().map(|count| *count as i64))) as ArrayRef
                }
                State::Sets(sets) => {
                    sets.resize(slots, Set::default());
                    Arc::new(Int64Array::from_iter_values(sets.iter_mut().map(|set| set.count() as i64)))
                }
                State::Other(accumulator) => {
                    // Groups that no row came to are made by an empty batch.
                    let array = accumulator.evaluate(EmitTo::All)?;
                    if array.len() == slots { array } else { padded(&array, slots)? }
                }
            });
        }
        let typed = columns.into_iter().zip(&self.asked.types);
        typed.map(|(array, kind)| if array.data_type() == kind { Ok(array) } else { Ok(cast(&array, kind)?) }).collect()
    }

    pub fn bytes(&self) -> usize {
        let state = |state: &State| match state {
            State::Rows(counts) => counts.capacity() * 8,
            State::Sets(sets) => sets.iter().map(|set| set.bytes() + size_of::<Set>()).sum(),
            State::Other(accumulator) => accumulator.size(),
        };
        self.slots.bytes() + self.states.iter().map(state).sum::<usize>()
    }
}

impl Taken<'_> {
    fn array(&self, place: usize) -> Result<ArrayRef> {
        let array = self.arrays.get(place).context("an argument that was not evaluated")?;
        if self.whole { Ok(array.clone()) } else { Ok(take(array, &UInt32Array::from(self.rows.to_vec()), None)?) }
    }
}

fn padded(array: &ArrayRef, length: usize) -> Result<ArrayRef> {
    let places = UInt32Array::from_iter((0..length as u32).map(|at| ((at as usize) < array.len()).then_some(at)));
    Ok(take(array, &places, None)?)
}
