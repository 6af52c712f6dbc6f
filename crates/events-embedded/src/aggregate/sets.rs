//! Sets of small numbers: a list while there are few, bits when there are many.

/// The longest list that is not looked through for repeats.
const UNSORTED: usize = 64;

#[derive(Clone, Debug)]
pub enum Set {
    /// With the length at which repeats are removed.
    List(Vec<u32>, usize),
    Bits(Vec<u64>),
}

impl Default for Set {
    fn default() -> Self {
        Set::List(Vec::new(), UNSORTED)
    }
}

impl Set {
    /// `universe` is about how many numbers there are.
    #[inline]
    pub fn insert(&mut self, number: u32, universe: usize) {
        match self {
            Set::Bits(bits) => {
                let word = number as usize / 64;
                if word >= bits.len() {
                    bits.resize(word + 1, 0);
                }
                bits[word] |= 1 << (number % 64);
            }
            Set::List(list, limit) => {
                if list.last() == Some(&number) {
                    return;
                }
                list.push(number);
                if list.len() >= *limit {
                    self.tidy(universe);
                }
            }
        }
    }

    fn tidy(&mut self, universe: usize) {
        let Set::List(list, limit) = self else { return };
        // Numbers come in a few rising sequences, which this sort finds.
        list.sort();
        list.dedup();
        *limit = (list.len() * 2).max(UNSORTED);
        // As bits it would be no larger.
        if *limit * 32 > universe {
            let mut bits = vec![0u64; universe / 64 + 1];
            for number in std::mem::take(list) {
                let word = number as usize / 64;
                if word >= bits.len() {
                    bits.resize(word + 1, 0);
                }
                bits[word] |= 1 << (number % 64);
            }
            *self = Set::Bits(bits);
        }
    }

    pub fn join(&mut self, other: Set, universe: usize) {
        match (&mut *self, other) {
            (Set::Bits(mine), Set::Bits(other)) => {
                mine.resize(mine.len().max(other.len()), 0);
                mine.iter_mut().zip(other).for_each(|(mine, other)| *mine |= other);
            }
            (Set::List(..), Set::Bits(bits)) => {
                let mine = std::mem::replace(self, Set::Bits(bits));
                self.join(mine, universe);
            }
            (_, Set::List(list, _)) => list.into_iter().for_each(|number| self.insert(number, universe)),
        }
    }

    pub fn count(&mut self) -> u64 {
        match self {
            Set::Bits(bits) => bits.iter().map(|word| u64::from(word.count_ones())).sum(),
            Set::List(list, _) => {
                list.sort();
                list.dedup();
                list.len() as u64
            }
        }
    }

    pub fn bytes(&self) -> usize {
        match self {
            Set::Bits(bits) => bits.capacity() * 8,
            Set::List(list, _) => list.capacity() * 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn sets_count_different_numbers_in_whatever_form() {
        let mut seed = 1u64;
        let mut next = |end: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % end
        };
        for round in 0..300 {
            let universe = [10, 1_000, 100_000][round % 3];
            let (mut all, mut expected) = (Set::default(), BTreeSet::new());
            for _ in 0..3 {
                let mut one = Set::default();
                for _ in 0..next(3_000) {
                    // Some are numbered after the others.
                    let number = next(universe + universe / 10) as u32;
                    one.insert(number, universe as usize);
                    expected.insert(number);
                }
                all.join(one, universe as usize);
            }
            assert_eq!(all.count(), expected.len() as u64);
        }
    }
}
