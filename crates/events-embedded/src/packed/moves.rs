//! Whose the rows of merged persons are, by number.

use super::numbering::{Bits, Numbering};
use super::team::Persons;
use hashbrown::HashMap;

/// What merges change in some segments, for the persons of one numbering.
pub struct Moves {
    /// Persons that something moved from or to.
    pub aside: Bits,
    /// Of each segment: what became of distinct ids that moved, by the id's place.
    pub segments: Vec<HashMap<u32, Target, ahash::RandomState>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Numbered(u32),
    /// It has no rows in any of the segments.
    Unknown(u128),
    Erased,
}

impl Moves {
    /// `None` when nothing moved.
    pub fn of(persons: &Persons) -> Option<Moves> {
        if persons.changes.iter().all(|changes| changes.moved.is_empty()) {
            return None;
        }
        let numbering: &Numbering = &persons.numbering;
        let mut aside = Bits::new(numbering.ids.len());
        let mut segments = Vec::with_capacity(persons.changes.len());
        // The same person is the target of several ids and in several segments.
        let mut known: HashMap<u128, Option<u32>, ahash::RandomState> = HashMap::default();
        for (changes, map) in persons.changes.iter().zip(&numbering.maps) {
            changes.sources.iter().for_each(|own| aside.set(map[*own as usize]));
            let mut targets = HashMap::with_capacity_and_hasher(changes.moved.len(), ahash::RandomState::new());
            for (place, id) in &changes.moved {
                let number = *known.entry(*id).or_insert_with(|| numbering.number(*id));
                number.into_iter().for_each(|number| aside.set(number));
                let target = match number {
                    _ if changes.is_erased(*id) => Target::Erased,
                    Some(number) => Target::Numbered(number),
                    None => Target::Unknown(*id),
                };
                targets.insert(*place, target);
            }
            segments.push(targets);
        }
        Some(Moves { aside, segments })
    }
}
