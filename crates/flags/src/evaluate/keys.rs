//! The property names that conditions use. Each has a slot: one question looks a property up once, however many conditions compare it.

use super::values::{self, Owner};
use crate::Question;
use ahash::AHashMap;

#[derive(Debug, Default)]
pub struct Keys {
    pub list: Vec<Key>,
    person: AHashMap<Box<str>, u32>,
    groups: AHashMap<u8, AHashMap<Box<str>, u32>>,
    /// When the stored person was created.
    pub created_at: Option<u32>,
    /// Slots of first values, with those of the current values that stand in for them.
    pub initial: Vec<(u32, u32)>,
    pub group_types: Vec<(u8, String)>,
}

#[derive(Debug)]
pub struct Key {
    pub owner: Owner,
    pub name: Box<str>,
}

impl Keys {
    pub fn new(group_types: &[(u8, String)]) -> Self {
        Self { group_types: group_types.to_vec(), ..Self::default() }
    }

    pub fn of_person(&self, name: &str) -> Option<u32> {
        self.person.get(name).copied()
    }

    pub fn of_group(&self, index: u8, name: &str) -> Option<u32> {
        self.groups.get(&index)?.get(name).copied()
    }

    pub fn group_key<'q>(&self, question: &'q Question, index: u8) -> Option<&'q str> {
        let (_, kind) = self.group_types.iter().find(|(of, _)| *of == index)?;
        values::group_key(question, kind)
    }

    /// The slot of a property, made when there is none.
    pub fn slot(&mut self, owner: Owner, name: &str) -> u32 {
        let known = match owner {
            Owner::Person => self.of_person(name),
            Owner::PersonRow => self.created_at,
            Owner::Group(index) => self.of_group(index, name),
        };
        if let Some(slot) = known {
            return slot;
        }
        let slot = self.list.len() as u32;
        self.list.push(Key { owner, name: name.into() });
        match owner {
            Owner::Person => drop(self.person.insert(name.into(), slot)),
            Owner::PersonRow => self.created_at = Some(slot),
            Owner::Group(index) => drop(self.groups.entry(index).or_default().insert(name.into(), slot)),
        }
        if let Some(current) = current_of(name).filter(|_| owner == Owner::Person) {
            let current = self.slot(Owner::Person, &current);
            self.initial.push((slot, current));
        }
        slot
    }
}

/// The property whose value stands in for a first value that was never stored: `$browser` for `$initial_browser`.
fn current_of(initial: &str) -> Option<String> {
    let name = initial.strip_prefix("$initial_")?;
    match () {
        () if FIRST_CAMPAIGN.contains(&name) => Some(name.to_owned()),
        () if FIRST_VISIT.contains(&name) => Some(format!("${name}")),
        () => None,
    }
}

/// Without their dollar sign.
const FIRST_VISIT: &[&str] = &[
    "app_build",
    "app_name",
    "app_namespace",
    "app_version",
    "browser",
    "browser_version",
    "current_url",
    "device_type",
    "os",
    "os_version",
    "pathname",
    "raw_user_agent",
    "referrer",
    "referring_domain",
    "screen_height",
    "screen_width",
    "viewport_height",
    "viewport_width",
];

const FIRST_CAMPAIGN: &[&str] = &[
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
    "gad_source",
    "mc_cid",
    "gclid",
    "gclsrc",
    "dclid",
    "gbraid",
    "wbraid",
    "fbclid",
    "msclkid",
    "twclid",
    "li_fat_id",
    "igshid",
    "ttclid",
    "rdt_cid",
    "epik",
    "qclid",
    "sccid",
    "irclid",
    "_kx",
];
