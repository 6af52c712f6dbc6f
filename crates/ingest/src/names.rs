//! Property names (and short values) as shared strings, so that an event's thirty names cost thirty pointer copies, and so that
//! what a name means to ingestion is known the moment it is read.

use ahash::RandomState;
use hashbrown::HashTable;
use std::sync::Arc;

macro_rules! special_names {
    ($($variant:ident = $text:literal,)*) => {
        /// Property names that some step looks at. Events without any of them skip those steps.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Special { $($variant),* }

        const SPECIAL: &[(&str, Special)] = &[$(($text, Special::$variant)),*];
    };
}

special_names! {
    Set = "$set",
    SetOnce = "$set_once",
    Unset = "$unset",
    Ip = "$ip",
    SentAt = "$sent_at",
    SessionId = "$session_id",
    ProcessPersonProfile = "$process_person_profile",
    AnonDistinctId = "$anon_distinct_id",
    Alias = "alias",
    Groups = "$groups",
    GroupType = "$group_type",
    GroupKey = "$group_key",
    GroupSet = "$group_set",
    Elements = "$elements",
    ElementsChain = "$elements_chain",
    HeatmapData = "$heatmap_data",
    PreviousPathname = "$prev_pageview_pathname",
    GeoipDisable = "$geoip_disable",
    CookielessMode = "$cookieless_mode",
    CookielessExtra = "$cookieless_extra",
    ProductTours = "ph_product_tours",
    RecordingConfig = "$session_recording_remote_config",
    ToursActivated = "$product_tours_activated",
    ToursEnabled = "$product_tours_enabled_server_side",
    SurveysActivated = "$surveys_activated",
    FlagPayloads = "$feature_flag_payloads",
    OverrideFlagPayloads = "$override_feature_flag_payloads",
    UpdateLastSeen = "$update_person_last_seen_at",
}

/// Names that are copied to the person.
const AUTOMATIC: &[&str] = &[
    "$app_build",
    "$app_name",
    "$app_namespace",
    "$app_version",
    "$browser",
    "$browser_version",
    "$device_type",
    "$current_url",
    "$pathname",
    "$os",
    "$os_name",
    "$os_version",
    "$referring_domain",
    "$referrer",
    "$screen_height",
    "$screen_width",
    "$viewport_height",
    "$viewport_width",
    "$raw_user_agent",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_name",
    "utm_term",
    "gclid",
    "gad_source",
    "gclsrc",
    "dclid",
    "gbraid",
    "wbraid",
    "fbclid",
    "msclkid",
    "twclid",
    "li_fat_id",
    "mc_cid",
    "igshid",
    "ttclid",
    "rdt_cid",
    "irclid",
    "_kx",
    "epik",
    "qclid",
    "sccid",
];

/// Which special names an event has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpecialSet(u64);

impl SpecialSet {
    pub fn has(self, special: Special) -> bool {
        self.0 & (1 << special as u8) != 0
    }

    pub fn has_any(self, of: &[Special]) -> bool {
        of.iter().any(|&special| self.has(special))
    }

    pub fn insert(&mut self, special: Special) {
        self.0 |= 1 << special as u8;
    }
}

/// A name that is copied to the person: `$browser` as itself and as `$initial_browser`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Automatic(pub u8);

/// Where `$os`, `$os_name` and `$os_version` are in [`AUTOMATIC`].
const OS: std::ops::Range<u8> = 9..12;
const OS_NAME: u8 = 10;

impl Automatic {
    pub fn is_os(self) -> bool {
        OS.contains(&self.0)
    }

    pub fn is_os_name(self) -> bool {
        self.0 == OS_NAME
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Plain,
    Special(Special),
    Automatic(Automatic),
}

struct Entry {
    name: Arc<str>,
    meaning: Meaning,
    /// The last object in which the name was read: how a repeated name is noticed.
    seen_in: u64,
    /// The last short text that the property had.
    value: Option<Arc<str>>,
}

/// What the reader of an object learns about one of its names.
pub struct Read {
    pub name: Arc<str>,
    pub meaning: Meaning,
    /// Whether the current object had the name already; `None`: not known, because the name is not shared.
    pub repeated: Option<bool>,
    /// For [`Names::value_of`].
    entry: Option<u32>,
}

/// Names beyond these limits still work; they are just not shared. Whoever sends millions of names pays for them alone.
const MAX_NAMES: usize = 50_000;
const MAX_NAME_BYTES: usize = 200;
const VALUE_SLOTS: usize = 16_384;
const MAX_VALUE_BYTES: usize = 64;

pub struct Names {
    entries: Vec<Entry>,
    places: HashTable<u32>,
    hasher: RandomState,
    values: Vec<Option<Arc<str>>>,
    object: u64,
    automatic: TraitNames,
    /// The entries of the last object in their order, as far as the current one has not replaced them: most objects have the
    /// names of the one before.
    order: Vec<u32>,
    next: usize,
}

/// Under which names a person keeps each automatic property: the last value, and the first one.
pub type TraitNames = Arc<[(Arc<str>, Arc<str>)]>;

impl Default for Names {
    fn default() -> Self {
        let mut names = Names {
            entries: Vec::new(),
            places: HashTable::new(),
            hasher: RandomState::new(),
            values: vec![None; VALUE_SLOTS],
            object: 0,
            automatic: Arc::default(),
            order: Vec::new(),
            next: 0,
        };
        let mut traits = Vec::with_capacity(AUTOMATIC.len());
        for (text, special) in SPECIAL {
            names.insert(Arc::from(*text), Meaning::Special(*special));
        }
        for (at, text) in AUTOMATIC.iter().enumerate() {
            let name: Arc<str> = Arc::from(*text);
            names.insert(name.clone(), Meaning::Automatic(Automatic(at as u8)));
            let initial = names.name(&format!("$initial_{}", text.strip_prefix('$').unwrap_or(text)));
            traits.push((name, initial));
        }
        names.automatic = traits.into();
        names
    }
}

impl Names {
    fn insert(&mut self, name: Arc<str>, meaning: Meaning) -> u32 {
        let hash = self.hasher.hash_one(&*name);
        let number = self.entries.len() as u32;
        let (hasher, entries) = (&self.hasher, &self.entries);
        self.places.insert_unique(hash, number, |&at| hasher.hash_one(&*entries[at as usize].name));
        self.entries.push(Entry { name, meaning, seen_in: 0, value: None });
        number
    }

    fn find(&self, text: &str) -> Option<u32> {
        self.places.find(self.hasher.hash_one(text), |&at| &*self.entries[at as usize].name == text).copied()
    }

    /// The number of a name; `None` for one that is not shared.
    fn number(&mut self, text: &str) -> Option<u32> {
        if let Some(known) = self.find(text) {
            return Some(known);
        }
        let shares = text.len() <= MAX_NAME_BYTES && self.entries.len() < MAX_NAMES;
        shares.then(|| self.insert(Arc::from(text), Meaning::Plain))
    }

    /// The shared form of a property name.
    pub fn name(&mut self, text: &str) -> Arc<str> {
        self.number(text).map_or_else(|| Arc::from(text), |at| self.entries[at as usize].name.clone())
    }

    pub fn meaning(&self, text: &str) -> Meaning {
        self.find(text).map_or(Meaning::Plain, |at| self.entries[at as usize].meaning)
    }

    /// Begins another object for [`read`](Self::read). Returns how many properties to expect.
    pub fn begin_object(&mut self) -> usize {
        self.object += 1;
        self.next = 0;
        self.order.len()
    }

    pub fn end_object(&mut self) {
        self.order.truncate(self.next);
    }

    pub fn traits(&self) -> TraitNames {
        self.automatic.clone()
    }

    /// The next name of the current object.
    pub fn read(&mut self, text: &str) -> Read {
        let guess = self.order.get(self.next).copied().filter(|&at| &*self.entries[at as usize].name == text);
        let Some(at) = guess.or_else(|| self.number(text)) else {
            return Read { name: Arc::from(text), meaning: Meaning::Plain, repeated: None, entry: None };
        };
        match self.order.get_mut(self.next) {
            Some(place) => *place = at,
            None => self.order.push(at),
        }
        self.next += 1;
        let entry = &mut self.entries[at as usize];
        let repeated = std::mem::replace(&mut entry.seen_in, self.object) == self.object;
        Read { name: entry.name.clone(), meaning: entry.meaning, repeated: Some(repeated), entry: Some(at) }
    }

    /// A value of the property that was read: probably the one that the last event had.
    pub fn value_of(&mut self, read: &Read, text: &str) -> Arc<str> {
        let Some(at) = read.entry.filter(|_| text.len() <= MAX_VALUE_BYTES) else { return self.value(text) };
        if let Some(known) = self.entries[at as usize].value.as_ref().filter(|known| &***known == text) {
            return known.clone();
        }
        let value = self.value(text);
        self.entries[at as usize].value = Some(value.clone());
        value
    }

    /// A value that is probably the same as in the last events, without a copy when it is.
    pub fn value(&mut self, text: &str) -> Arc<str> {
        if text.len() > MAX_VALUE_BYTES {
            return Arc::from(text);
        }
        let slot = self.hasher.hash_one(text) as usize % VALUE_SLOTS;
        if let Some(known) = &self.values[slot]
            && &**known == text
        {
            return known.clone();
        }
        let value: Arc<str> = Arc::from(text);
        self.values[slot] = Some(value.clone());
        value
    }

    /// The person property names that `automatic` fills: `$set` and `$set_once`.
    pub fn automatic(&self, automatic: Automatic) -> (&Arc<str>, &Arc<str>) {
        let (name, initial) = &self.automatic[usize::from(automatic.0)];
        (name, initial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_names_fit_the_set() {
        assert!(SPECIAL.len() <= 64);
        let mut set = SpecialSet::default();
        set.insert(Special::UpdateLastSeen);
        assert!(set.has(Special::UpdateLastSeen) && !set.has(Special::Set));
    }

    #[test]
    fn the_operating_system_is_where_it_is_looked_for() {
        assert_eq!(AUTOMATIC[usize::from(OS.start)..usize::from(OS.end)], ["$os", "$os_name", "$os_version"]);
        assert!(Automatic(OS_NAME).is_os() && AUTOMATIC[usize::from(OS_NAME)] == "$os_name");
    }

    #[test]
    fn a_name_is_shared_and_a_repeat_is_noticed() {
        let mut names = Names::default();
        names.begin_object();
        let first = names.read("plan");
        assert_eq!(first.repeated, Some(false));
        let second = names.read("plan");
        assert!(Arc::ptr_eq(&first.name, &second.name));
        assert_eq!(second.repeated, Some(true));
        names.end_object();
        names.begin_object();
        assert_eq!(names.read("plan").repeated, Some(false));
    }

    #[test]
    fn names_in_another_order_are_the_same_names() {
        let mut names = Names::default();
        let mut read = |object: &[&str]| -> Vec<Arc<str>> {
            names.begin_object();
            let read = object.iter().map(|text| names.read(text).name).collect();
            names.end_object();
            read
        };
        let first = read(&["a", "b", "c"]);
        let second = read(&["c", "a", "d", "b"]);
        let third = read(&["a", "b"]);
        assert!(Arc::ptr_eq(&first[0], &second[1]) && Arc::ptr_eq(&first[1], &second[3]) && Arc::ptr_eq(&first[2], &second[0]));
        assert!(Arc::ptr_eq(&first[0], &third[0]) && Arc::ptr_eq(&first[1], &third[1]));
    }

    #[test]
    fn a_value_that_comes_again_is_shared() {
        let mut names = Names::default();
        names.begin_object();
        let read = names.read("plan");
        let (first, other, again) = (names.value_of(&read, "pro"), names.value_of(&read, "free"), names.value_of(&read, "pro"));
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!((&*first, &*other), ("pro", "free"));
    }

    #[test]
    fn initial_names_lose_the_dollar_only() {
        let mut names = Names::default();
        for (name, initial) in [("$browser", "$initial_browser"), ("utm_source", "$initial_utm_source"), ("_kx", "$initial__kx")] {
            let Meaning::Automatic(automatic) = names.meaning(name) else { panic!("{name} is not automatic") };
            assert_eq!(&**names.automatic(automatic).1, initial);
        }
    }
}
