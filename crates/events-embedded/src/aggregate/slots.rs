//! Groups by number: each combination of key codes that occurs gets the next one.

use hashbrown::HashMap;

/// Combinations that a plain array answers for.
const CELLS_MAX: usize = 1 << 21;

#[derive(Default)]
pub struct Slots {
    keys: usize,
    /// One for each key: which number a number of the keys before and a code have together.
    levels: Vec<Level>,
}

struct Level {
    width: usize,
    /// Numbers from 1 on; 0 is none yet.
    cells: Vec<u32>,
    others: HashMap<(u32, u32), u32, ahash::RandomState>,
    parents: Vec<(u32, u32)>,
}

impl Slots {
    /// `widths` tells about how many codes each key has.
    pub fn new(widths: &[usize]) -> Slots {
        let level = |width: &usize| Level { width: (*width).max(1), cells: Vec::new(), others: HashMap::default(), parents: Vec::new() };
        Slots { keys: widths.len(), levels: widths.iter().map(level).collect() }
    }

    /// Without keys there is one group, whether it has rows or not.
    pub fn len(&self) -> usize {
        self.levels.last().map_or(1, |level| level.parents.len())
    }

    /// Replaces `out` with the groups of rows, given the codes of each key.
    pub fn assign<'c>(&mut self, codes: impl Iterator<Item = &'c [u32]>, rows: &[u32], out: &mut Vec<u32>) {
        out.clear();
        out.resize(rows.len(), 0);
        for (level, codes) in self.levels.iter_mut().zip(codes) {
            for (out, row) in out.iter_mut().zip(rows) {
                *out = level.number(*out, codes[*row as usize]);
            }
        }
    }

    pub fn of(&mut self, codes: impl Iterator<Item = u32>) -> u32 {
        self.levels.iter_mut().zip(codes).fold(0, |before, (level, code)| level.number(before, code))
    }

    /// The key codes of a group.
    pub fn codes(&self, slot: u32) -> Vec<u32> {
        let mut codes = vec![0; self.keys];
        let mut number = slot;
        for (level, code) in self.levels.iter().zip(&mut codes).rev() {
            (number, *code) = level.parents[number as usize];
        }
        codes
    }

    pub fn bytes(&self) -> usize {
        self.levels.iter().map(|level| level.cells.capacity() * 4 + level.others.capacity() * 13 + level.parents.capacity() * 8).sum()
    }
}

impl Level {
    #[inline]
    fn number(&mut self, before: u32, code: u32) -> u32 {
        let cell = before as usize * self.width + code as usize;
        if (code as usize) < self.width && cell < CELLS_MAX {
            if cell >= self.cells.len() {
                self.cells.resize(((before as usize + 1) * self.width).min(CELLS_MAX), 0);
            }
            if self.cells[cell] == 0 {
                self.parents.push((before, code));
                self.cells[cell] = self.parents.len() as u32;
            }
            return self.cells[cell] - 1;
        }
        *self.others.entry((before, code)).or_insert_with(|| {
            self.parents.push((before, code));
            self.parents.len() as u32 - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_have_numbers_of_their_own() {
        // Wider than arrays go, and codes beyond the width.
        let mut slots = Slots::new(&[3, 1 << 20, 2]);
        let mut seen = HashMap::new();
        for round in 0..2 {
            for a in 0..5 {
                for b in [0, 7, (1 << 20) - 1, 1 << 20, u32::MAX] {
                    for c in 0..4 {
                        let slot = slots.of([a, b, c].into_iter());
                        assert_eq!(*seen.entry(vec![a, b, c]).or_insert(slot), slot, "round {round}");
                        assert_eq!(slots.codes(slot), [a, b, c]);
                    }
                }
            }
        }
        assert_eq!(slots.len(), 100);
        let all: std::collections::BTreeSet<u32> = seen.into_values().collect();
        assert_eq!(all.into_iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    }
}
