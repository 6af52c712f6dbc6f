//! Who somebody is: device, place, plan, ids, and into whom they are merged. A pure function of the person's number.

use super::catalogue::{COUNTRIES, DESKTOP_SCREENS, LIBRARY_VERSIONS, PHONE_SCREENS, PLANS, System, TABLET_SCREEN};
use super::noise::{Noise, hash};
use std::fmt::Write as _;
use uuid::Uuid;

// What a stream of noise is about.
const TRAITS: u64 = 1;
const PERSON_ID: u64 = 2;
const DEVICE_ID: u64 = 3;

#[derive(Clone, Copy)]
pub struct Person {
    pub country: &'static str,
    pub city: u8,
    pub system: System,
    pub system_version: u8,
    pub browser: &'static str,
    pub browser_version: u8,
    pub device: &'static str,
    pub screen: (u32, u32),
    pub plan: &'static str,
    pub on_trial: bool,
    pub ids: u8,
    pub library: &'static str,
    pub address: [u8; 4],
}

pub fn person(number: u32) -> Person {
    let mut noise = Noise::of(TRAITS, number.into());
    let system = noise.pick(&System::SHARES);
    let device = match system.is_handheld() {
        true => noise.pick(&[(88.0, "Mobile"), (12.0, "Tablet")]),
        false => "Desktop",
    };
    let screens: &[(u32, u32)] = match device {
        "Mobile" => &PHONE_SCREENS,
        "Tablet" => &[TABLET_SCREEN],
        _ => &DESKTOP_SCREENS,
    };
    let address = noise.next().to_be_bytes();
    Person {
        country: COUNTRIES[noise.skewed(COUNTRIES.len() as u64) as usize],
        city: noise.below(40) as u8,
        system,
        system_version: noise.below(12) as u8,
        browser: noise.pick(system.browsers()),
        browser_version: 110 + noise.below(25) as u8,
        device,
        screen: screens[noise.below(screens.len() as u64) as usize],
        plan: noise.pick(&PLANS),
        on_trial: noise.happens(0.3),
        ids: noise.pick(&[(85.0, 1), (12.0, 2), (3.0, 3)]),
        library: LIBRARY_VERSIONS[noise.below(LIBRARY_VERSIONS.len() as u64) as usize],
        address: [1 + address[0] % 220, address[1], address[2], address[3]],
    }
}

/// A device's id, or for the second id the one that the person got by signing in.
pub fn write_distinct_id(person: u32, id: u8, out: &mut String) {
    let written = match id {
        1 => write!(out, "user-{person}"),
        _ => write!(out, "{}", device_id(person, id)),
    };
    written.expect("writing to memory");
}

pub fn distinct_id(person: u32, id: u8) -> String {
    let mut text = String::new();
    write_distinct_id(person, id, &mut text);
    text
}

/// Distinct ids are numbered without gaps worth mentioning, for engines that take numbers.
pub fn distinct_id_number(person: u32, id: u8) -> u32 {
    person * 4 + u32::from(id)
}

pub fn device_id(person: u32, id: u8) -> Uuid {
    uuid(DEVICE_ID, u64::from(person) << 8 | u64::from(id))
}

pub fn person_id(person: u32) -> Uuid {
    uuid(PERSON_ID, person.into())
}

pub fn uuid(what: u64, whose: u64) -> Uuid {
    let bits = u128::from(hash(what, whose)) << 64 | u128::from(hash(what + 1000, whose));
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
}

/// A UUID of version 7, as SDKs make them for events and sessions.
pub fn uuid_at(at_ms: i64, what: u64, whose: u64) -> Uuid {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&hash(what, whose).to_be_bytes());
    random[8..].copy_from_slice(&whose.to_be_bytes()[6..]);
    uuid::Builder::from_unix_timestamp_millis(at_ms as u64, &random).into_uuid()
}

/// Who is merged into whom. Nobody is merged twice, and nobody who is merged away takes others in.
pub struct Merges {
    /// By person: the one they become.
    into: Vec<u32>,
    /// (the one who stays, the one who is merged away), in the order in which it happens.
    pub pairs: Vec<(u32, u32)>,
}

impl Merges {
    /// Spreads pairs over all persons, so that they are neighbours in no numbering.
    pub fn new(persons: u32, count: u32) -> Merges {
        const STEP: u64 = 2_654_435_761;
        let nth = |index: u64| ((index * STEP + 1) % u64::from(persons)) as u32;
        let pairs: Vec<(u32, u32)> = (0..u64::from(count.min(persons / 2))).map(|pair| (nth(2 * pair), nth(2 * pair + 1))).collect();
        let mut into: Vec<u32> = (0..persons).collect();
        for &(stays, goes) in &pairs {
            into[goes as usize] = stays;
        }
        Merges { into, pairs }
    }

    pub fn survivor(&self, person: u32) -> u32 {
        self.into[person as usize]
    }

    pub fn is_merged_away(&self, person: u32) -> bool {
        self.survivor(person) != person
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn everybody_takes_part_in_one_merge_at_most() {
        let merges = Merges::new(1000, 500);
        let persons: HashSet<u32> = merges.pairs.iter().flat_map(|&(stays, goes)| [stays, goes]).collect();
        assert_eq!((merges.pairs.len(), persons.len()), (500, 1000));
        assert_eq!((0..1000).filter(|&person| merges.is_merged_away(person)).count(), 500);
        assert!(merges.pairs.iter().all(|&(stays, goes)| merges.survivor(goes) == stays && merges.survivor(stays) == stays));
    }

    #[test]
    fn ids_are_valid_and_differ() {
        let ids: HashSet<Uuid> = (0..1000).flat_map(|number| [person_id(number), device_id(number, 0), device_id(number, 2)]).collect();
        assert_eq!(ids.len(), 3000);
        assert_eq!(uuid_at(1_767_225_600_000, 4, 5).get_version_num(), 7);
    }

    #[test]
    fn one_person_in_four_pays() {
        let paying = (0..10_000).filter(|&number| matches!(person(number).plan, "pro" | "enterprise")).count();
        assert!((2500..2900).contains(&paying), "{paying}");
    }
}
