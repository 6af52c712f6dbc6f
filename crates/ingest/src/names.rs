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
pub struct Automatic(u8);

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
}

/// Names beyond these limits still work; they are just not shared. Whoever sends millions of names pays for them alone.
const MAX_NAMES: usize = 50_000;
const MAX_NAME_BYTES: usize = 200;
const VALUE_SLOTS: usize = 16_384;
const MAX_VALUE_BYTES: usize = 64;

pub struct Names {
    table: HashTable<Entry>,
    hasher: RandomState,
    values: Vec<Option<Arc<str>>>,
    object: u64,
    automatic: Vec<(Arc<str>, Arc<str>)>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Names {
            table: HashTable::new(),
            hasher: RandomState::new(),
            values: vec![None; VALUE_SLOTS],
            object: 0,
            automatic: Vec::new(),
        };
        for (text, special) in SPECIAL {
            names.insert(Arc::from(*text), Meaning::Special(*special));
        }
        for (at, text) in AUTOMATIC.iter().enumerate() {
            let name: Arc<str> = Arc::from(*text);
            names.insert(name.clone(), Meaning::Automatic(Automatic(at as u8)));
            let initial = names.name(&format!("$initial_{}", text.strip_prefix('$').unwrap_or(text)));
            names.automatic.push((name, initial));
        }
        names
    }
}

impl Names {
    fn insert(&mut self, name: Arc<str>, meaning: Meaning) {
        let hash = self.hasher.hash_one(&*name);
        let hasher = &self.hasher;
        self.table.insert_unique(hash, Entry { name, meaning, seen_in: 0 }, |entry| hasher.hash_one(&*entry.name));
    }

    /// The shared form of a property name.
    pub fn name(&mut self, text: &str) -> Arc<str> {
        self.read(text).0
    }

    /// Begins another object, for the repeated-name check of [`read`](Self::read).
    pub fn begin_object(&mut self) {
        self.object += 1;
    }

    /// The shared name, what it means, and whether the current object had it already (`None`: not known, the name is not shared).
    pub fn read(&mut self, text: &str) -> (Arc<str>, Meaning, Option<bool>) {
        let hash = self.hasher.hash_one(text);
        if let Some(entry) = self.table.find_mut(hash, |entry| &*entry.name == text) {
            let repeated = entry.seen_in == self.object;
            entry.seen_in = self.object;
            return (entry.name.clone(), entry.meaning, Some(repeated));
        }
        let name: Arc<str> = Arc::from(text);
        if text.len() > MAX_NAME_BYTES || self.table.len() >= MAX_NAMES {
            return (name, Meaning::Plain, None);
        }
        let entry = Entry { name: name.clone(), meaning: Meaning::Plain, seen_in: self.object };
        let hasher = &self.hasher;
        self.table.insert_unique(hash, entry, |entry| hasher.hash_one(&*entry.name));
        (name, Meaning::Plain, Some(false))
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
    fn a_name_is_shared_and_a_repeat_is_noticed() {
        let mut names = Names::default();
        names.begin_object();
        let (first, _, repeated) = names.read("plan");
        assert_eq!(repeated, Some(false));
        let (second, _, repeated) = names.read("plan");
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(repeated, Some(true));
        names.begin_object();
        assert_eq!(names.read("plan").2, Some(false));
    }

    #[test]
    fn initial_names_lose_the_dollar_only() {
        let mut names = Names::default();
        for (name, initial) in [("$browser", "$initial_browser"), ("utm_source", "$initial_utm_source"), ("_kx", "$initial__kx")] {
            let Meaning::Automatic(automatic) = names.read(name).1 else { panic!("{name} is not automatic") };
            assert_eq!(&**names.automatic(automatic).1, initial);
        }
    }
}
