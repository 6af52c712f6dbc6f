//! What persons did, as bits: for each person some words, and the smallest of some numbers.

use super::numbering::Bits;

#[derive(Clone, Default)]
pub struct Board {
    /// Words of each person.
    width: usize,
    words: Vec<u64>,
    /// Empty when nobody asks.
    least: Vec<f64>,
}

impl Board {
    pub fn new(width: usize, with_numbers: bool, persons: usize) -> Board {
        let mut board = Board { width, words: Vec::new(), least: Vec::new() };
        board.clear(with_numbers, persons);
        board
    }

    pub fn clear(&mut self, with_numbers: bool, persons: usize) {
        self.words.clear();
        self.words.resize(persons * self.width, 0);
        self.least.clear();
        self.least.resize(if with_numbers { persons } else { 0 }, f64::NAN);
    }

    #[inline]
    pub fn set(&mut self, person: usize, bit: usize) {
        self.words[person * self.width + bit / 64] |= 1 << (bit % 64);
    }

    /// Sets bits of several persons; `bit` begins at the first of some words. Those without a flag set nothing.
    #[inline]
    pub fn set_all(&mut self, rows: impl Iterator<Item = (usize, usize, bool)>, first_word: usize) {
        let (width, words) = (self.width, &mut self.words[..]);
        rows.for_each(|(person, bit, flag)| words[person * width + first_word + bit / 64] |= u64::from(flag) << (bit % 64));
    }

    #[inline]
    pub fn lower(&mut self, person: usize, number: f64) {
        let least = &mut self.least[person];
        // NaN, which is none yet, is never smaller.
        *least = least.min(number);
    }

    #[inline]
    pub fn words(&self, person: usize) -> &[u64] {
        &self.words[person * self.width..(person + 1) * self.width]
    }

    #[inline]
    pub fn least(&self, person: usize) -> f64 {
        self.least.get(person).copied().unwrap_or(f64::NAN)
    }

    pub fn merge(&mut self, person: usize, words: &[u64], least: f64) {
        let own = &mut self.words[person * self.width..(person + 1) * self.width];
        own.iter_mut().zip(words).for_each(|(own, word)| *own |= word);
        if !self.least.is_empty() {
            self.lower(person, least);
        }
    }

    pub fn join(&mut self, other: &Board) {
        self.words.iter_mut().zip(&other.words).for_each(|(own, word)| *own |= word);
        self.least.iter_mut().zip(&other.least).for_each(|(own, number)| *own = own.min(*number));
    }

    pub fn bytes(&self) -> usize {
        self.words.capacity() * 8 + self.least.capacity() * 8
    }
}

/// Some of the persons, counted through.
pub struct Chosen {
    pub bits: Bits,
    /// How many there are before each word.
    before: Vec<u32>,
    pub count: usize,
}

impl Chosen {
    pub fn new(bits: Bits) -> Chosen {
        let mut count = 0;
        let before = bits.words().iter().map(|word| {
            let before = count;
            count += word.count_ones();
            before
        });
        Chosen { before: before.collect(), count: count as usize, bits }
    }

    #[inline]
    pub fn place(&self, number: u32) -> Option<usize> {
        let (at, bit) = (number as usize / 64, number % 64);
        let word = *self.bits.words().get(at)?;
        (word >> bit & 1 == 1).then(|| (self.before[at] + (word & ((1 << bit) - 1)).count_ones()) as usize)
    }

    /// By place.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.bits.words().len() as u32 * 64).filter(|number| self.bits.has(*number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_persons_are_counted_through() {
        let mut bits = Bits::new(300);
        let chosen = [0, 1, 63, 64, 127, 200, 299];
        chosen.iter().for_each(|number| bits.set(*number));
        let of = Chosen::new(bits);
        assert_eq!(of.count, chosen.len());
        assert_eq!(of.numbers().collect::<Vec<_>>(), chosen);
        for number in 0..400 {
            assert_eq!(of.place(number), chosen.iter().position(|other| *other == number), "{number}");
        }
    }
}
