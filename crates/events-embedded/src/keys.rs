//! Which events are stored already.
//!
//! Two events are the same when team, UTC day, event, distinct id and uuid are equal. The key is a 128-bit SipHash under a
//! secret of this data folder, so nobody outside can make two different events look alike. A segment keeps few bits of each
//! key, so that what it says is "no" or "perhaps"; after "perhaps" the rows themselves are asked.

use anyhow::{Context, Result, ensure};
use events::EventRow;
use hashbrown::HashSet;
use siphasher::sip128::SipHasher13;
use std::hash::{BuildHasherDefault, Hasher};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub u128);

/// Makes keys; holds the secret.
#[derive(Clone)]
pub struct Keyring {
    hasher: SipHasher13,
    buffer: Vec<u8>,
}

impl Keyring {
    pub fn new(secret: Uuid) -> Self {
        Keyring { hasher: SipHasher13::new_with_key(secret.as_bytes()), buffer: Vec::with_capacity(256) }
    }

    pub fn of(&mut self, row: &EventRow) -> Key {
        self.key(row.team.0, row.timestamp.utc_day(), &row.event, &row.distinct_id, row.uuid.as_bytes())
    }

    pub fn key(&mut self, team: i64, day: i64, event: &str, distinct_id: &str, uuid: &[u8]) -> Key {
        self.buffer.clear();
        self.buffer.extend_from_slice(&team.to_le_bytes());
        self.buffer.extend_from_slice(&day.to_le_bytes());
        self.buffer.extend_from_slice(uuid);
        self.buffer.extend_from_slice(&(event.len() as u64).to_le_bytes());
        self.buffer.extend_from_slice(event.as_bytes());
        self.buffer.extend_from_slice(distinct_id.as_bytes());
        Key(self.hasher.hash(&self.buffer).as_u128())
    }
}

/// The keys are hashes already.
#[derive(Default)]
pub struct LowBits(u64);

impl Hasher for LowBits {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are hashed as one integer")
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

pub type KeySet = HashSet<Key, BuildHasherDefault<LowBits>>;

/// Bits of each key that a segment keeps beside its place among the others: one new event in a million looks like a stored one.
const FRACTION_BITS: u32 = 20;
/// Tests keep so few that one in four does, so that they all see what happens then.
const KEPT_BITS: u32 = if cfg!(test) { 2 } else { FRACTION_BITS };
/// Places between two remembered positions in the list of counts.
const STRIDE: usize = 64;

/// Keys as a segment stores them, in less than three bytes each. The keys are spread evenly over as many buckets as there are
/// keys; of each one the bucket and [`FRACTION_BITS`] bits stay.
///
/// ```text
/// keys:u32 fraction_bits:u32 words:u32
/// words of 64 bits: for each bucket as many ones as it has keys, then a zero
/// for each 64th bucket the place of its first bit: u32
/// the fractions, bucket by bucket, packed, and eight bytes of zero
/// ```
pub fn encode(keys: &[Key]) -> Vec<u8> {
    encode_with(keys, KEPT_BITS)
}

fn encode_with(keys: &[Key], fraction_bits: u32) -> Vec<u8> {
    let mut kept: Vec<(u64, u64)> = keys.iter().map(|key| place(*key, keys.len(), fraction_bits)).collect();
    kept.sort_unstable();
    let mut words = vec![0u64; (2 * keys.len()).div_ceil(64)];
    let mut jumps = Vec::with_capacity(keys.len() / STRIDE + 1);
    let mut fractions = vec![0u8; (keys.len() * fraction_bits as usize).div_ceil(8) + 8];
    let (mut bit, mut next) = (0usize, 0usize);
    for bucket in 0..keys.len() {
        if bucket % STRIDE == 0 {
            jumps.push(bit as u32);
        }
        while let Some((_, fraction)) = kept.get(next).filter(|(of, _)| *of == bucket as u64) {
            words[bit / 64] |= 1 << (bit % 64);
            let at = next * fraction_bits as usize;
            let window = fractions[at / 8..].first_chunk_mut::<8>().expect("eight bytes follow the last fraction");
            *window = (u64::from_le_bytes(*window) | fraction << (at % 8)).to_le_bytes();
            (bit, next) = (bit + 1, next + 1);
        }
        bit += 1;
    }
    let mut out = Vec::with_capacity(12 + words.len() * 8 + jumps.len() * 4 + fractions.len());
    for number in [keys.len() as u32, fraction_bits, words.len() as u32] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    out.extend(jumps.iter().flat_map(|jump| jump.to_le_bytes()));
    out.extend_from_slice(&fractions);
    out
}

/// The bucket of a key among `count`, and its fraction: the first bits of the key as a number from 0 to `count`.
fn place(key: Key, count: usize, fraction_bits: u32) -> (u64, u64) {
    let scaled = (key.0 >> 64) * count as u128;
    ((scaled >> 64) as u64, if fraction_bits == 0 { 0 } else { scaled as u64 >> (64 - fraction_bits) })
}

/// Looks into bytes made by [`encode`].
#[derive(Clone, Copy)]
pub struct StoredKeys<'a> {
    count: usize,
    fraction_bits: u32,
    words: &'a [[u8; 8]],
    jumps: &'a [[u8; 4]],
    fractions: &'a [u8],
}

impl<'a> StoredKeys<'a> {
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        let (head, rest) = bytes.split_first_chunk::<12>().context("keys end early")?;
        let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
        let (count, fraction_bits) = (number(0) as usize, number(4));
        ensure!(fraction_bits <= 32, "fractions of {fraction_bits} bits");
        ensure!(number(8) as usize == (2 * count).div_ceil(64), "the wrong number of words");
        let (words, rest) = rest.split_at_checked(number(8) as usize * 8).context("keys end early")?;
        let (jumps, fractions) = rest.split_at_checked(count.div_ceil(STRIDE) * 4).context("keys end early")?;
        ensure!(fractions.len() == (count * fraction_bits as usize).div_ceil(8) + 8, "the wrong number of fractions");
        Ok(StoredKeys { count, fraction_bits, words: words.as_chunks().0, jumps: jumps.as_chunks().0, fractions })
    }

    /// Never false for a key that is among them; rarely true for another.
    pub fn may_contain(&self, key: Key) -> bool {
        if self.count == 0 {
            return false;
        }
        let (bucket, fraction) = place(key, self.count, self.fraction_bits);
        let bucket = bucket as usize;
        let Some(jump) = self.jumps.get(bucket / STRIDE) else { return false };
        let Some(start) = self.skip_zeros(u32::from_le_bytes(*jump) as usize, bucket % STRIDE) else { return false };
        // Before the bucket's first bit there is a zero for each bucket before; all other bits are keys.
        let Some(first) = start.checked_sub(bucket) else { return false };
        (0..).take_while(|at| self.bit(start + at)).any(|at| self.fraction(first + at) == Some(fraction))
    }

    /// Where the bit after the next `zeros` zeros is.
    fn skip_zeros(&self, from: usize, mut zeros: usize) -> Option<usize> {
        let mut at = from;
        while zeros > 0 {
            let word = !u64::from_le_bytes(*self.words.get(at / 64)?) >> (at % 64);
            let here = word.count_ones() as usize;
            if here < zeros {
                zeros -= here;
                at = (at / 64 + 1) * 64;
                continue;
            }
            let mut rest = word;
            for _ in 1..zeros {
                rest &= rest - 1;
            }
            return Some(at + rest.trailing_zeros() as usize + 1);
        }
        Some(at)
    }

    fn bit(&self, at: usize) -> bool {
        self.words.get(at / 64).is_some_and(|word| u64::from_le_bytes(*word) >> (at % 64) & 1 == 1)
    }

    fn fraction(&self, number: usize) -> Option<u64> {
        let at = number * self.fraction_bits as usize;
        let window = u64::from_le_bytes(*self.fractions.get(at / 8..)?.first_chunk::<8>()?);
        Some(window >> (at % 8) & ((1 << self.fraction_bits) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::row;

    #[test]
    fn a_key_depends_on_all_five_parts_and_on_nothing_else() {
        let mut keys = Keyring::new(Uuid::from_u128(1));
        let base = row(1, 1, "e", "{}");
        let key = keys.of(&base);
        let mut same = base.clone();
        same.timestamp = base.timestamp.plus_seconds(1);
        same.properties = model::Properties::from_json_text(r#"{"other":1}"#).unwrap();
        assert_eq!(keys.of(&same), key);
        let mut others = vec![base.clone(); 5];
        others[0].team = model::TeamId(2);
        others[1].timestamp = base.timestamp.plus_seconds(86_400);
        others[2].event = "f".into();
        others[3].distinct_id = "other".into();
        others[4].uuid = Uuid::from_u128(77);
        assert!(others.iter().all(|other| keys.of(other) != key));
        assert_ne!(Keyring::new(Uuid::from_u128(2)).of(&base), key);
    }

    #[test]
    fn stored_keys_are_found_and_others_hardly_ever() {
        let mut ring = Keyring::new(Uuid::from_u128(1));
        for count in [0, 1, 2, 63, 64, 65, 100, 5000] {
            let keys: Vec<Key> = (0..3 * count).map(|i| ring.of(&row(1, i, "e", "{}"))).collect();
            let (stored, others) = keys.split_at(count as usize);
            let bytes = encode_with(stored, FRACTION_BITS);
            let found = StoredKeys::new(&bytes).unwrap();
            assert!(stored.iter().all(|key| found.may_contain(*key)));
            assert!(others.iter().filter(|key| found.may_contain(**key)).count() <= 1);
        }
    }

    #[test]
    fn keys_without_fractions_are_found_with_two_others_out_of_three() {
        let mut ring = Keyring::new(Uuid::from_u128(1));
        let keys: Vec<Key> = (0..6000).map(|i| ring.of(&row(1, i, "e", "{}"))).collect();
        let (stored, others) = keys.split_at(3000);
        let bytes = encode_with(stored, 0);
        let found = StoredKeys::new(&bytes).unwrap();
        assert!(stored.iter().all(|key| found.may_contain(*key)));
        let mistaken = others.iter().filter(|key| found.may_contain(**key)).count();
        assert!((1600..2200).contains(&mistaken), "{mistaken}");
    }

    #[test]
    fn a_key_takes_less_than_three_bytes() {
        let mut ring = Keyring::new(Uuid::from_u128(1));
        let keys: Vec<Key> = (0..5000).map(|i| ring.of(&row(1, i, "e", "{}"))).collect();
        assert!(encode_with(&keys, FRACTION_BITS).len() < keys.len() * 29 / 10);
    }

    #[test]
    fn bytes_that_are_no_keys_are_refused_or_answer_something() {
        let mut ring = Keyring::new(Uuid::from_u128(1));
        let keys: Vec<Key> = (0..200).map(|i| ring.of(&row(1, i, "e", "{}"))).collect();
        let bytes = encode(&keys);
        for length in 0..bytes.len() {
            assert!(StoredKeys::new(&bytes[..length]).is_err(), "{length} bytes were accepted");
        }
        for at in 12..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] = !broken[at];
            let found = StoredKeys::new(&broken).unwrap();
            keys.iter().for_each(|key| _ = found.may_contain(*key));
        }
    }
}
