//! Which events are stored already.
//!
//! Two events are the same when team, UTC day, event, distinct id and uuid are equal. The key is a 128-bit SipHash under a
//! secret of this data folder, so nobody outside can make two different events look alike. A segment keeps 64 bits of each
//! key plus those that its bucket number implies: a new event is mistaken for one in a segment with a probability below
//! 10^-18, which is why a hit is not compared with the row itself.

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

/// Rows per bucket on average.
const BUCKET: usize = 16;

/// Keys as a segment stores them: for each value of the highest bits the place where its bucket begins, then the low 64 bits
/// of all keys, bucket by bucket.
pub fn encode(keys: &[Key]) -> Vec<u8> {
    let bits = (keys.len() / BUCKET).max(1).ilog2();
    let mut starts = vec![0u32; (1 << bits) + 1];
    for key in keys {
        starts[bucket(*key, bits) + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let mut lows = vec![0u64; keys.len()];
    for key in keys {
        let place = &mut next[bucket(*key, bits)];
        lows[*place as usize] = key.0 as u64;
        *place += 1;
    }
    let mut out = Vec::with_capacity(8 + starts.len() * 4 + lows.len() * 8);
    out.extend_from_slice(&bits.to_le_bytes());
    out.extend_from_slice(&(keys.len() as u32).to_le_bytes());
    out.extend(starts.iter().flat_map(|start| start.to_le_bytes()));
    out.extend(lows.iter().flat_map(|low| low.to_le_bytes()));
    out
}

fn bucket(key: Key, bits: u32) -> usize {
    if bits == 0 { 0 } else { (key.0 >> (128 - bits)) as usize }
}

/// Looks into bytes made by [`encode`].
#[derive(Clone, Copy)]
pub struct StoredKeys<'a> {
    bits: u32,
    starts: &'a [[u8; 4]],
    lows: &'a [[u8; 8]],
}

impl<'a> StoredKeys<'a> {
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        let (bits, rest) = bytes.split_first_chunk::<4>().context("keys end early")?;
        let (count, rest) = rest.split_first_chunk::<4>().context("keys end early")?;
        let bits = u32::from_le_bytes(*bits);
        ensure!(bits <= 32, "{bits} bits of bucket number");
        let (starts, lows) = rest.split_at_checked(((1usize << bits) + 1) * 4).context("keys end early")?;
        let keys = StoredKeys { bits, starts: starts.as_chunks().0, lows: lows.as_chunks().0 };
        ensure!(keys.lows.len() == u32::from_le_bytes(*count) as usize, "wrong number of keys");
        Ok(keys)
    }

    pub fn contains(&self, key: Key) -> bool {
        let bucket = bucket(key, self.bits);
        let [start, end] = [self.starts[bucket], self.starts[bucket + 1]].map(|place| u32::from_le_bytes(place) as usize);
        let low = (key.0 as u64).to_le_bytes();
        self.lows.get(start..end).is_some_and(|lows| lows.contains(&low))
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
    fn stored_keys_are_found_and_others_are_not() {
        let mut ring = Keyring::new(Uuid::from_u128(1));
        for count in [0, 1, 15, 100, 5000] {
            let keys: Vec<Key> = (0..2 * count).map(|i| ring.of(&row(1, i, "e", "{}"))).collect();
            let (stored, others) = keys.split_at(count as usize);
            let bytes = encode(stored);
            let found = StoredKeys::new(&bytes).unwrap();
            assert!(stored.iter().all(|key| found.contains(*key)));
            assert!(!others.iter().any(|key| found.contains(*key)));
        }
    }
}
