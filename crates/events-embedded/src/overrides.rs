//! Person overrides: which person the events of a distinct id belong to after merges.
//!
//! Each change gets a number. A segment notes up to which number its `person_id` column is corrected, so that only later
//! changes have to be applied when it is read. Files hold the changes since the last seal; once there are several they are
//! merged into one.

use crate::bytes::{Reader, put_varint};
use crate::frame::{decode_override, encode_override};
use anyhow::{Context, Result, ensure};
use events::PersonOverride;
use hashbrown::HashMap;
use model::TeamId;
use std::sync::Arc;
use uuid::Uuid;

const MAGIC: [u8; 8] = *b"hogletOV";
const VERSION: u8 = 1;
/// More recent changes than this are folded into the large map, which is then copied if somebody still reads it.
const RECENT: usize = 4_096;

#[derive(Clone, Debug, PartialEq)]
pub struct Numbered {
    pub number: u64,
    pub change: PersonOverride,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    person: Uuid,
    version: i64,
    number: u64,
}

type Map = HashMap<Arc<str>, Entry>;

/// One team's overrides. Cloning is cheap; a clone does not change any more.
#[derive(Clone, Default)]
pub struct TeamOverrides {
    large: Arc<Map>,
    recent: Arc<Map>,
    latest: u64,
}

impl TeamOverrides {
    pub fn apply(&mut self, change: &PersonOverride, number: u64) {
        if self.entry(&change.distinct_id).is_some_and(|entry| entry.version >= change.version) {
            return;
        }
        let entry = Entry { person: change.person_id, version: change.version, number };
        Arc::make_mut(&mut self.recent).insert(change.distinct_id.clone(), entry);
        self.latest = number;
        if self.recent.len() > RECENT {
            let recent = std::mem::take(&mut self.recent);
            Arc::make_mut(&mut self.large).extend(recent.iter().map(|(id, entry)| (id.clone(), *entry)));
        }
    }

    fn entry(&self, distinct_id: &str) -> Option<&Entry> {
        self.recent.get(distinct_id).or_else(|| self.large.get(distinct_id))
    }

    pub fn person(&self, distinct_id: &str) -> Option<Uuid> {
        self.entry(distinct_id).map(|entry| entry.person)
    }

    /// The number of the latest change that was not older than what was known.
    pub fn latest(&self) -> u64 {
        self.latest
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, Uuid)> {
        let older = self.large.iter().filter(|(id, _)| !self.recent.contains_key(*id));
        self.recent.iter().chain(older).map(|(id, entry)| (id, entry.person))
    }

    fn numbered(&self, team: TeamId) -> impl Iterator<Item = Numbered> {
        let older = self.large.iter().filter(|(id, _)| !self.recent.contains_key(*id));
        self.recent.iter().chain(older).map(move |(id, entry)| Numbered {
            number: entry.number,
            change: PersonOverride { team, distinct_id: id.clone(), person_id: entry.person, version: entry.version },
        })
    }
}

#[derive(Clone, Default)]
pub struct Overrides {
    teams: HashMap<TeamId, TeamOverrides>,
    pub last: u64,
}

impl Overrides {
    pub fn of(&self, team: TeamId) -> TeamOverrides {
        self.teams.get(&team).cloned().unwrap_or_default()
    }

    /// Applies a new change under the next number.
    pub fn push(&mut self, change: PersonOverride) -> Numbered {
        self.last += 1;
        let numbered = Numbered { number: self.last, change };
        self.restore(&numbered);
        numbered
    }

    /// Applies a change that has its number already.
    pub fn restore(&mut self, numbered: &Numbered) {
        self.last = self.last.max(numbered.number);
        self.teams.entry(numbered.change.team).or_default().apply(&numbered.change, numbered.number);
    }

    pub fn drop_team(&mut self, team: TeamId) {
        self.teams.remove(&team);
    }

    /// Everything up to a number, for a file that replaces all earlier ones.
    pub fn all(&self, up_to: u64) -> Vec<Numbered> {
        self.teams.iter().flat_map(|(team, overrides)| overrides.numbered(*team)).filter(|numbered| numbered.number <= up_to).collect()
    }
}

pub fn file_name(id: u64) -> String {
    format!("overrides/{id:010}.overrides")
}

pub fn encode(changes: &[Numbered]) -> Vec<u8> {
    let mut body = vec![VERSION];
    put_varint(&mut body, changes.len() as u64);
    for numbered in changes {
        put_varint(&mut body, numbered.number);
        encode_override(&numbered.change, &mut body);
    }
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    out.extend_from_slice(&body);
    out
}

pub fn decode(bytes: &[u8]) -> Result<Vec<Numbered>> {
    let rest = bytes.strip_prefix(&MAGIC).context("it is not a file of person overrides")?;
    let (crc, body) = rest.split_first_chunk::<4>().context("it ends early")?;
    ensure!(crc32fast::hash(body).to_le_bytes() == *crc, "its checksum does not fit");
    let mut reader = Reader(body);
    let version = reader.byte()?;
    ensure!(version == VERSION, "it has version {version}, which this build does not know");
    (0..reader.count()?).map(|_| Ok(Numbered { number: reader.varint()?, change: decode_override(&mut reader)? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(id: &str, person: u128, version: i64) -> PersonOverride {
        PersonOverride { team: TeamId(1), distinct_id: id.into(), person_id: Uuid::from_u128(person), version }
    }

    #[test]
    fn the_higher_version_wins_whatever_comes_last() {
        let mut overrides = Overrides::default();
        overrides.push(change("a", 2, 5));
        overrides.push(change("a", 1, 4));
        assert_eq!(overrides.of(TeamId(1)).person("a"), Some(Uuid::from_u128(2)));
        assert_eq!(overrides.of(TeamId(2)).person("a"), None);
    }

    #[test]
    fn a_snapshot_keeps_its_answers_while_thousands_of_merges_follow() {
        let mut overrides = Overrides::default();
        overrides.push(change("a", 1, 1));
        let before = overrides.of(TeamId(1));
        for number in 0..10_000 {
            overrides.push(change(&format!("u{number}"), 9, 1));
        }
        overrides.push(change("a", 2, 2));
        assert_eq!(before.person("a"), Some(Uuid::from_u128(1)));
        let after = overrides.of(TeamId(1));
        assert_eq!((after.person("a"), after.iter().count()), (Some(Uuid::from_u128(2)), 10_001));
    }

    #[test]
    fn a_file_gives_back_its_changes_and_any_flipped_bit_is_noticed() {
        let changes = vec![Numbered { number: 3, change: change("a", 1, 1) }, Numbered { number: 9, change: change("b", 2, 7) }];
        let bytes = encode(&changes);
        assert_eq!(decode(&bytes).unwrap(), changes);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit} went unnoticed");
        }
    }
}
