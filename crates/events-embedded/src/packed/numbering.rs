//! Dense numbers for the persons of a team, over all of its packed segments.
//!
//! Each segment lists its persons by id, so merging the lists numbers them by id as well, and a segment's own numbers rise with
//! the team's. Computed when a query needs it, kept while the same segments are in use.

use super::Packed;
use super::read::{Basics, Personal};
use crate::unify::PersonView;
use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;

/// Lists merged at one go: the least of their heads is looked for one by one.
const FAN_IN: usize = 16;

/// The persons of some segments.
pub struct Numbering {
    /// Ids by number.
    pub ids: Vec<u128>,
    /// Of each segment: the team's numbers by its own.
    pub maps: Vec<Arc<Vec<u32>>>,
    /// Where ids begin whose first bits are these.
    starts: Vec<u32>,
    shift: u32,
}

impl Numbering {
    pub fn new(segments: &[Arc<Basics>]) -> Numbering {
        let lists: Vec<Vec<u128>> =
            segments.iter().map(|basics| (0..basics.count() as u32).map(|number| basics.id(number)).collect()).collect();
        let (ids, maps) = merge(lists);
        let bits = (ids.len() / 8).max(1).ilog2().min(20);
        let shift = u128::BITS - bits.max(1);
        let mut starts = vec![0u32; (1 << bits.max(1)) + 1];
        ids.iter().for_each(|id| starts[(id >> shift) as usize + 1] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Numbering { ids, maps: maps.into_iter().map(Arc::new).collect(), starts, shift }
    }

    pub fn number(&self, id: u128) -> Option<u32> {
        let bucket = (id >> self.shift) as usize;
        let (start, end) = (self.starts[bucket] as usize, self.starts[bucket + 1] as usize);
        self.ids[start..end].binary_search(&id).ok().map(|at| (start + at) as u32)
    }
}

/// All different ids in order, and for each list where its ids are among them.
fn merge(mut lists: Vec<Vec<u128>>) -> (Vec<u128>, Vec<Vec<u32>>) {
    if lists.len() > FAN_IN {
        let (mut upper, mut groups) = (Vec::new(), Vec::new());
        while !lists.is_empty() {
            let rest = lists.split_off(lists.len().min(FAN_IN));
            let (ids, maps) = merge(std::mem::replace(&mut lists, rest));
            upper.push(ids);
            groups.push(maps);
        }
        let (ids, outer) = merge(upper);
        let through = |(maps, outer): (Vec<Vec<u32>>, Vec<u32>)| {
            maps.into_iter().map(move |map| map.into_iter().map(|at| outer[at as usize]).collect()).collect::<Vec<Vec<u32>>>()
        };
        return (ids, groups.into_iter().zip(outer).flat_map(through).collect());
    }
    let mut ids: Vec<u128> = Vec::with_capacity(lists.iter().map(Vec::len).max().unwrap_or(0));
    let mut maps: Vec<Vec<u32>> = lists.iter().map(|list| Vec::with_capacity(list.len())).collect();
    let mut heads: Vec<(&[u128], &mut Vec<u32>)> = lists.iter().map(Vec::as_slice).zip(maps.iter_mut()).collect();
    loop {
        heads.retain(|(list, _)| !list.is_empty());
        let Some(least) = heads.iter().map(|(list, _)| list[0]).min() else { break };
        // Nobody leaves `heads` before one of the lists ends.
        let mut ended = false;
        let mut next = least;
        while !ended {
            let number = ids.len() as u32;
            let mut following = u128::MAX;
            for (list, map) in &mut heads {
                if list[0] == next {
                    map.push(number);
                    *list = &list[1..];
                    if list.is_empty() {
                        ended = true;
                        continue;
                    }
                }
                following = following.min(list[0]);
            }
            ids.push(next);
            next = following;
        }
    }
    drop(heads);
    (ids, maps)
}

/// Bits by number.
#[derive(Clone, Default)]
pub struct Bits(Vec<u64>);

impl Bits {
    pub fn new(length: usize) -> Bits {
        Bits(vec![0; length.div_ceil(64)])
    }

    pub fn set(&mut self, at: u32) {
        self.0[at as usize / 64] |= 1 << (at % 64);
    }

    #[inline]
    pub fn has(&self, at: u32) -> bool {
        self.0[at as usize / 64] >> (at % 64) & 1 == 1
    }
}

impl Bits {
    pub fn words(&self) -> &[u64] {
        &self.0
    }
}

/// What overrides and erasures change in one segment.
pub struct Changes {
    /// Distinct ids that belong to another person than the one that is stored: the person, by the place of the id.
    pub moved: HashMap<u32, u128, ahash::RandomState>,
    /// Own numbers of persons from whom something moved.
    pub sources: Vec<u32>,
    /// The same persons; nothing when nothing moved.
    pub from: Bits,
    /// Where distinct ids of persons begin, when something moved.
    pub distinct: Option<Personal>,
    /// Own numbers of erased persons.
    pub gone: Option<Bits>,
    pub erased: Option<Arc<HashSet<uuid::Uuid>>>,
}

impl Changes {
    /// `targets` are the persons of overridden distinct ids by hash.
    pub fn of(packed: &Packed, basics: &Basics, view: &PersonView, targets: &Targets) -> Result<Changes> {
        let mut changes = Changes {
            moved: HashMap::default(),
            sources: Vec::new(),
            from: Bits::default(),
            distinct: None,
            gone: None,
            erased: view.erased.clone(),
        };
        if let Some(erased) = &view.erased {
            let mut gone = Bits::new(basics.count());
            erased.iter().filter_map(|id| basics.number(id.as_u128()).ok()).for_each(|number| gone.set(number));
            changes.gone = Some(gone);
        }
        if view.overrides.is_some() && !targets.is_empty() {
            changes.find_moved(packed, basics, targets)?;
        }
        Ok(changes)
    }

    fn find_moved(&mut self, packed: &Packed, basics: &Basics, targets: &Targets) -> Result<()> {
        let (personal, hashes) = packed.distinct()?;
        let mut person = 0;
        for (place, hash) in hashes.as_chunks::<8>().0.iter().enumerate() {
            let Some(target) = targets.of(u64::from_le_bytes(*hash)) else { continue };
            let place = place as u32;
            person += personal.starts[person + 1..].partition_point(|start| *start <= place);
            if basics.id(person as u32) == target {
                continue;
            }
            self.moved.insert(place, target);
            if self.sources.last() != Some(&(person as u32)) {
                self.sources.push(person as u32);
            }
        }
        if !self.moved.is_empty() {
            self.from = Bits::new(basics.count());
            self.sources.iter().for_each(|own| self.from.set(*own));
            self.distinct = Some(personal);
        }
        Ok(())
    }

    pub fn is_erased(&self, person: u128) -> bool {
        self.erased.as_ref().is_some_and(|erased| erased.contains(&uuid::Uuid::from_u128(person)))
    }
}

/// Persons of overridden distinct ids, by the hash of the id. Nearly every question is answered by a look at a small filter.
#[derive(Default)]
pub struct Targets {
    filter: Vec<u64>,
    persons: HashMap<u64, u128, ahash::RandomState>,
}

impl Targets {
    pub fn new(persons: HashMap<u64, u128, ahash::RandomState>) -> Targets {
        let words = (persons.len() / 4).next_power_of_two().clamp(64, 1 << 17);
        let mut filter = vec![0u64; words];
        persons.keys().for_each(|hash| filter[(hash >> 6) as usize & (words - 1)] |= 1 << (hash & 63));
        Targets { filter, persons }
    }

    fn is_empty(&self) -> bool {
        self.persons.is_empty()
    }

    fn of(&self, hash: u64) -> Option<u128> {
        let word = self.filter[(hash >> 6) as usize & (self.filter.len() - 1)];
        if word >> (hash & 63) & 1 == 0 {
            return None;
        }
        self.persons.get(&hash).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_numbers_follow_the_ids_for_any_number_of_lists() {
        for count in [0, 1, 3, 16, 17, 40, 300] {
            let lists: Vec<Vec<u128>> = (0..count).map(|list| (0..200u128).filter(|id| (id * 7 + list) % 5 < 2).collect()).collect();
            let mut expected: Vec<u128> = lists.iter().flatten().copied().collect();
            expected.sort_unstable();
            expected.dedup();
            let (ids, maps) = merge(lists.clone());
            assert_eq!(ids, expected);
            assert_eq!(maps.len(), lists.len());
            for (list, map) in lists.iter().zip(maps) {
                assert_eq!(map.iter().map(|at| ids[*at as usize]).collect::<Vec<_>>(), *list);
            }
        }
    }
}
