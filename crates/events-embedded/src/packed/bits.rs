//! Whole numbers in blocks of 256: each block has a smallest number and stores what the others are above it, in as few bits as
//! the largest of them needs.
//!
//! ```text
//! block = 8 groups of 32 numbers; a group of width w = w little-endian words of 32 bits, numbers from the lowest bit on
//! wider than 32 bits: all low halves as a block of width 32, then all high halves as a block of width w - 32
//! ```

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use std::ops::Range;

pub const BLOCK: usize = 256;

/// What the numbers of a block are above its base.
const PLAIN: u8 = 0;
/// Steps from one number to the next, for blocks in which no number is below the one before.
const RISING: u8 = 1;
/// Thousandths: microseconds that are whole milliseconds.
const THOUSANDS: u8 = 2;

#[derive(Default)]
pub struct BlockWriter {
    pending: Vec<i64>,
    rows: usize,
    bases: Vec<i64>,
    widths: Vec<u8>,
    modes: Vec<u8>,
    bytes: Vec<u8>,
}

/// A column on its way into a file.
pub struct Encoded {
    pub rows: usize,
    /// Bases, widths and modes of all blocks, compressed.
    pub heads: Vec<u8>,
    pub bytes: Vec<u8>,
}

impl BlockWriter {
    pub fn push(&mut self, value: i64) {
        self.pending.push(value);
        if self.pending.len() == BLOCK {
            self.close();
        }
    }

    pub fn len(&self) -> usize {
        self.rows + self.pending.len()
    }

    /// Fills up with zeros to this many numbers.
    pub fn pad(&mut self, rows: usize) {
        while self.len() < rows {
            if self.pending.is_empty() && rows - self.len() >= BLOCK {
                self.bases.push(0);
                self.widths.push(0);
                self.modes.push(PLAIN);
                self.rows += BLOCK;
            } else {
                self.push(0);
            }
        }
    }

    fn close(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let (Some(least), Some(most)) = (pending.iter().min(), pending.iter().max()) else { return };
        let plain = width(most.wrapping_sub(*least) as u64);
        let mut offsets = [0u64; BLOCK];
        let mut mode = PLAIN;
        let steps = pending.windows(2).map(|pair| pair[1].checked_sub(pair[0]).filter(|step| *step >= 0).map(|step| step as u64));
        let rising = steps.clone().try_fold(0, |most, step| step.map(|step| most.max(step))).map(width);
        if let Some(rising) = rising.filter(|rising| *rising < plain && *rising <= 32) {
            mode = RISING;
            steps.flatten().zip(&mut offsets[1..]).for_each(|(step, offset)| *offset = step);
            self.finish_block(*least, rising, mode, &offsets);
        } else if plain > 10 && pending.iter().all(|value| value.wrapping_sub(*least) as u64 % 1_000 == 0) {
            mode = THOUSANDS;
            pending.iter().zip(&mut offsets).for_each(|(value, offset)| *offset = value.wrapping_sub(*least) as u64 / 1_000);
            self.finish_block(*least, width(most.wrapping_sub(*least) as u64 / 1_000), mode, &offsets);
        } else {
            pending.iter().zip(&mut offsets).for_each(|(value, offset)| *offset = value.wrapping_sub(*least) as u64);
            self.finish_block(*least, plain, mode, &offsets);
        }
        self.rows += pending.len();
        self.pending = pending;
        self.pending.clear();
    }

    fn finish_block(&mut self, base: i64, width: u8, mode: u8, offsets: &[u64; BLOCK]) {
        self.bases.push(base);
        self.widths.push(width);
        self.modes.push(mode);
        pack(offsets, width.min(32), 0, &mut self.bytes);
        if width > 32 {
            pack(offsets, width - 32, 32, &mut self.bytes);
        }
    }

    pub fn finish(mut self) -> Result<Encoded> {
        self.close();
        let mut heads: Vec<u8> = self.bases.iter().flat_map(|base| base.to_le_bytes()).collect();
        heads.extend_from_slice(&self.widths);
        heads.extend_from_slice(&self.modes);
        let heads = zstd::bulk::compress(&heads, 3).context("compressing block heads")?;
        Ok(Encoded { rows: self.rows, heads, bytes: self.bytes })
    }
}

fn width(most: u64) -> u8 {
    (u64::BITS - most.leading_zeros()) as u8
}

/// Appends `width` bits of each number, from bit `shift` on.
fn pack(offsets: &[u64; BLOCK], width: u8, shift: u8, out: &mut Vec<u8>) {
    let mask = (1u64 << width) - 1;
    for group in offsets.chunks(32) {
        let (mut held, mut bits) = (0u64, 0u32);
        for offset in group {
            held |= (offset >> shift & mask) << bits;
            bits += u32::from(width);
            if bits >= 32 {
                out.extend_from_slice(&(held as u32).to_le_bytes());
                held >>= 32;
                bits -= 32;
            }
        }
    }
}

/// Eight numbers take `W` bytes, so that each of them has the same place in every eight.
fn unpack_fixed<const W: usize>(bytes: &[u8], out: &mut [u32; BLOCK]) {
    if W == 0 {
        out.fill(0);
        return;
    }
    let mask = if W == 32 { u32::MAX } else { (1u32 << W) - 1 };
    // The last numbers are read with what comes after them.
    let mut padded = [0u8; BLOCK / 8 * 32 + 8];
    padded[..BLOCK / 8 * W].copy_from_slice(&bytes[..BLOCK / 8 * W]);
    for (eight, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let bytes: &[u8] = &padded[eight * W..eight * W + W + 8];
        for (at, value) in out.iter_mut().enumerate() {
            let (first, shift) = (at * W / 8, at * W % 8);
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[first..first + 8]);
            *value = (u64::from_le_bytes(word) >> shift) as u32 & mask;
        }
    }
}

macro_rules! by_width {
    ($width:expr, $bytes:expr, $out:expr, $($w:literal)*) => {
        match $width {
            $($w => unpack_fixed::<$w>($bytes, $out),)*
            _ => unreachable!("halves are at most 32 bits wide"),
        }
    };
}

fn unpack(width: u8, bytes: &[u8], out: &mut [u32; BLOCK]) {
    by_width!(width, bytes, out, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32)
}

/// A column as it is read: where its blocks begin, and the bytes.
#[derive(Clone)]
pub struct Blocks {
    rows: usize,
    bases: Vec<i64>,
    widths: Vec<u8>,
    modes: Vec<u8>,
    /// In units of 32 bytes.
    starts: Vec<u32>,
    bytes: Bytes,
}

impl Blocks {
    pub fn open(rows: usize, heads: &[u8], bytes: Bytes) -> Result<Blocks> {
        let count = rows.div_ceil(BLOCK);
        let heads = zstd::bulk::decompress(heads, count * 10).context("reading block heads")?;
        ensure!(heads.len() == count * 10, "a column has the wrong number of blocks");
        let (bases, rest) = heads.split_at(count * 8);
        let (widths, modes) = rest.split_at(count);
        ensure!(widths.iter().all(|width| *width <= 64) && modes.iter().all(|mode| *mode <= THOUSANDS), "a column has unknown blocks");
        let mut starts = Vec::with_capacity(count + 1);
        let mut at = 0u32;
        for width in widths {
            starts.push(at);
            at = at.checked_add(u32::from(*width)).context("a column is too long")?;
        }
        ensure!(bytes.len() == at as usize * 32, "a column has the wrong length");
        let bases = bases.as_chunks::<8>().0.iter().map(|base| i64::from_le_bytes(*base)).collect();
        Ok(Blocks { rows, bases, widths: widths.to_vec(), modes: modes.to_vec(), starts, bytes })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// No number of the block is outside; the bounds may be wider than the numbers.
    pub fn bounds(&self, block: usize) -> (i64, i64) {
        let (base, width) = (self.bases[block], u32::from(self.widths[block]));
        let most = if width >= 63 { i64::MAX } else { (1i64 << width) - 1 };
        let above = match self.modes[block] {
            RISING => most.saturating_mul(BLOCK as i64 - 1),
            THOUSANDS => most.saturating_mul(1_000),
            _ => most,
        };
        // A base far below zero with a width of 64 bits wraps around.
        (base, if width >= 63 { i64::MAX } else { base.saturating_add(above) })
    }

    fn halves(&self, block: usize, low: &mut [u32; BLOCK]) -> Option<[u32; BLOCK]> {
        let width = self.widths[block];
        let start = self.starts[block] as usize * 32;
        let bytes = &self.bytes[start..start + usize::from(width) * 32];
        if width <= 32 {
            unpack(width, bytes, low);
            return None;
        }
        unpack(32, &bytes[..32 * 32], low);
        let mut high = [0; BLOCK];
        unpack(width - 32, &bytes[32 * 32..], &mut high);
        Some(high)
    }

    /// Numbers that are known to fit, such as codes and persons.
    pub fn block_u32(&self, block: usize, out: &mut [u32; BLOCK]) {
        self.halves(block, out);
        let base = self.bases[block] as u32;
        match self.modes[block] {
            RISING => {
                let mut sum = base;
                out.iter_mut().for_each(|value| {
                    sum = sum.wrapping_add(*value);
                    *value = sum;
                });
            }
            THOUSANDS => out.iter_mut().for_each(|value| *value = value.wrapping_mul(1_000).wrapping_add(base)),
            _ => out.iter_mut().for_each(|value| *value = value.wrapping_add(base)),
        }
    }

    pub fn block_i64(&self, block: usize, out: &mut [i64; BLOCK]) {
        let mut low = [0; BLOCK];
        let high = self.halves(block, &mut low);
        let base = self.bases[block];
        match (&high, self.modes[block]) {
            (None, RISING) => {
                let mut sum = base;
                for (value, step) in out.iter_mut().zip(&low) {
                    sum = sum.wrapping_add(i64::from(*step));
                    *value = sum;
                }
            }
            (None, mode) => {
                let unit = if mode == THOUSANDS { 1_000 } else { 1 };
                out.iter_mut().zip(&low).for_each(|(value, low)| *value = base.wrapping_add(i64::from(*low).wrapping_mul(unit)));
            }
            (Some(high), mode) => {
                let unit = if mode == THOUSANDS { 1_000 } else { 1 };
                for (at, value) in out.iter_mut().enumerate() {
                    let offset = u64::from(low[at]) | u64::from(high[at]) << 32;
                    *value = base.wrapping_add((offset as i64).wrapping_mul(unit));
                }
            }
        }
    }

    /// Replaces `out` with these rows.
    pub fn codes(&self, rows: Range<usize>, out: &mut Vec<u32>) {
        out.clear();
        out.reserve(rows.len());
        let mut buffer = [0; BLOCK];
        self.each_block(rows, |block, within| {
            self.block_u32(block, &mut buffer);
            out.extend_from_slice(&buffer[within]);
        });
    }

    /// Replaces `out` with these rows.
    pub fn longs(&self, rows: Range<usize>, out: &mut Vec<i64>) {
        out.clear();
        out.reserve(rows.len());
        let mut buffer = [0; BLOCK];
        self.each_block(rows, |block, within| {
            self.block_i64(block, &mut buffer);
            out.extend_from_slice(&buffer[within]);
        });
    }

    /// Replaces `out` with how far above `base` these rows are, but no less than 0 and no more than `most`.
    pub fn offsets(&self, rows: Range<usize>, base: i64, most: u32, out: &mut Vec<u32>) {
        out.clear();
        out.reserve(rows.len());
        let (mut short, mut long) = ([0u32; BLOCK], [0i64; BLOCK]);
        self.each_block(rows, |block, within| {
            let (least, largest) = self.bounds(block);
            if base <= least && largest.checked_sub(base).is_some_and(|offset| offset <= i64::from(u32::MAX)) {
                self.block_u32(block, &mut short);
                out.extend(short[within].iter().map(|value| value.wrapping_sub(base as u32).min(most)));
            } else {
                self.block_i64(block, &mut long);
                out.extend(long[within].iter().map(|value| value.saturating_sub(base).clamp(0, i64::from(most)) as u32));
            }
        });
    }

    /// Of rows in which no number is below the one before: appends those below `end`.
    pub fn codes_below(&self, rows: Range<usize>, end: u32, out: &mut Vec<u32>) {
        let mut buffer = [0; BLOCK];
        let mut at = rows.start;
        while at < rows.end {
            let block = at / BLOCK;
            let next = rows.end.min((block + 1) * BLOCK);
            self.block_u32(block, &mut buffer);
            let part = &buffer[at - block * BLOCK..next - block * BLOCK];
            if part.last().is_some_and(|last| *last >= end) {
                out.extend_from_slice(&part[..part.partition_point(|number| *number < end)]);
                return;
            }
            out.extend_from_slice(part);
            at = next;
        }
    }

    fn each_block(&self, rows: Range<usize>, mut each: impl FnMut(usize, Range<usize>)) {
        let mut at = rows.start;
        while at < rows.end {
            let block = at / BLOCK;
            let end = rows.end.min((block + 1) * BLOCK);
            each(block, at - block * BLOCK..end - block * BLOCK);
            at = end;
        }
    }

    /// Among rows in which no number is below the one before: the first that is not below `value`.
    pub fn lower_bound(&self, rows: Range<usize>, value: u32) -> usize {
        if rows.is_empty() {
            return rows.start;
        }
        // Only blocks that lie in the range as a whole have a base that says something about it.
        let whole = rows.start.div_ceil(BLOCK)..rows.end / BLOCK;
        let below = if whole.is_empty() { 0 } else { self.bases[whole.clone()].partition_point(|base| *base < i64::from(value)) };
        let mut at = if below == 0 { rows.start } else { (whole.start + below - 1) * BLOCK };
        let mut buffer = [0; BLOCK];
        while at < rows.end {
            let block = at / BLOCK;
            let end = rows.end.min((block + 1) * BLOCK);
            self.block_u32(block, &mut buffer);
            let part = &buffer[at - block * BLOCK..end - block * BLOCK];
            let found = part.partition_point(|number| *number < value);
            if found < part.len() {
                return at + found;
            }
            at = end;
        }
        rows.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stored(values: &[i64]) -> Blocks {
        let mut writer = BlockWriter::default();
        values.iter().for_each(|value| writer.push(*value));
        let encoded = writer.finish().unwrap();
        Blocks::open(encoded.rows, &encoded.heads, encoded.bytes.into()).unwrap()
    }

    proptest! {
        #[test]
        fn numbers_come_back_whatever_their_width(width in 0u32..=64, seeds in prop::collection::vec(any::<u64>(), 1..700), base in any::<i64>()) {
            let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
            let values: Vec<i64> = seeds.iter().map(|seed| base.wrapping_add((seed & mask) as i64)).collect();
            let blocks = stored(&values);
            let mut out = Vec::new();
            blocks.longs(0..values.len(), &mut out);
            prop_assert_eq!(&out, &values);
            let middle = values.len() / 3..values.len() - values.len() / 5;
            blocks.longs(middle.clone(), &mut out);
            prop_assert_eq!(&out[..], &values[middle]);
            for (block, part) in values.chunks(BLOCK).enumerate() {
                let (least, most) = blocks.bounds(block);
                prop_assert!(part.iter().all(|value| least <= *value && *value <= most));
            }
        }

        #[test]
        fn codes_come_back_from_rising_blocks_thousands_and_others(steps in prop::collection::vec(0u32..3, 1..900), unit in prop::sample::select(vec![1u32, 1_000])) {
            let mut sum = 7;
            let values: Vec<u32> = steps.iter().map(|step| { sum += step * unit; sum }).collect();
            let mut shuffled = values.clone();
            shuffled.reverse();
            for values in [values, shuffled] {
                let blocks = stored(&values.iter().map(|value| i64::from(*value)).collect::<Vec<_>>());
                let mut out = Vec::new();
                blocks.codes(0..values.len(), &mut out);
                prop_assert_eq!(out, values);
            }
        }

        #[test]
        fn the_first_row_of_a_person_is_found_in_every_run(runs in prop::collection::vec(prop::collection::vec(0u32..400, 1..600), 1..5), value in 0u32..410) {
            let runs: Vec<Vec<u32>> = runs.into_iter().map(|mut run| { run.sort_unstable(); run }).collect();
            let all: Vec<i64> = runs.iter().flatten().map(|value| i64::from(*value)).collect();
            let blocks = stored(&all);
            let mut start = 0;
            for run in runs {
                let expected = start + run.partition_point(|number| *number < value);
                let mut below = Vec::new();
                blocks.codes_below(start..start + run.len(), value, &mut below);
                prop_assert_eq!(&below, &run[..expected - start]);
                prop_assert_eq!(blocks.lower_bound(start..start + run.len(), value), expected);
                start += run.len();
            }
        }
    }
}
