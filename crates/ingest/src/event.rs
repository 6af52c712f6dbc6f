//! One event on its way through the steps.

use crate::geo::Place;
use crate::names::{Automatic, Names, SpecialSet, TraitNames};
use crate::outcomes::Reason;
use model::{CapturedEvent, Properties, PropertyValue, TeamId, Timestamp};
use people::{Trait, Update};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::sync::Arc;
use teams::Team;
use uuid::Uuid;

/// What ingestion needs to know about the event's project.
#[derive(Debug)]
pub struct Project {
    pub id: TeamId,
    pub token: String,
    pub timezone: chrono_tz::Tz,
    pub anonymize_ips: bool,
    /// 0 off, 1 stateless, 2 stateful.
    pub cookieless_mode: u8,
    pub person_processing_opt_out: bool,
    pub drop_older_than_seconds: Option<i64>,
    pub drop_bots: bool,
    pub ingested_event: bool,
}

impl From<&Team> for Project {
    fn from(team: &Team) -> Self {
        let flag = |name: &str| team.settings.get(name).and_then(Value::as_bool).unwrap_or(false);
        Project {
            id: team.id,
            token: team.api_token.clone(),
            timezone: team.timezone,
            anonymize_ips: team.anonymize_ips,
            cookieless_mode: team.cookieless_mode,
            person_processing_opt_out: flag("person_processing_opt_out"),
            drop_older_than_seconds: seconds(team.settings.get("drop_events_older_than")),
            drop_bots: flag("drop_bot_events"),
            ingested_event: team.ingested_event,
        }
    }
}

/// A positive number of seconds, or a duration as PostHog's API prints it: `[days ]hh:mm:ss`.
fn seconds(value: Option<&Value>) -> Option<i64> {
    let seconds = match value? {
        Value::Number(number) => number.as_f64()? as i64,
        Value::String(text) if text.contains(':') => {
            let (days, time) = text.split_once(' ').unwrap_or(("0", text));
            let parts: Vec<i64> = time.split(':').map(|part| part.split('.').next().unwrap_or(part).parse().ok()).collect::<Option<_>>()?;
            let [hours, minutes, seconds] = parts[..] else { return None };
            days.parse::<i64>().ok()? * 86_400 + hours * 3_600 + minutes * 60 + seconds
        }
        Value::String(text) => text.parse::<f64>().ok()? as i64,
        _ => return None,
    };
    (seconds > 0).then_some(seconds)
}

/// Events that mean something to ingestion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Identify,
    CreateAlias,
    MergeDangerously,
    GroupIdentify,
    Set,
    Exception,
    Heatmap,
    ClientWarning,
    FeatureFlagCalled,
    SurveyShown,
    /// `$$import_person`: a person with its ids, as `hoglet import persons` sends it. Not stored as an event.
    ImportPerson,
    /// Session replay and performance data, which have no place among events.
    Obsolete,
    Other,
}

impl Kind {
    pub fn of(event: &str) -> Kind {
        match event {
            "$identify" => Kind::Identify,
            "$create_alias" => Kind::CreateAlias,
            "$merge_dangerously" => Kind::MergeDangerously,
            "$groupidentify" => Kind::GroupIdentify,
            "$set" => Kind::Set,
            "$exception" => Kind::Exception,
            "$$heatmap" => Kind::Heatmap,
            "$$client_ingestion_warning" => Kind::ClientWarning,
            "$feature_flag_called" => Kind::FeatureFlagCalled,
            "survey shown" => Kind::SurveyShown,
            "$$import_person" => Kind::ImportPerson,
            "$snapshot" | "$snapshot_items" | "$performance_event" => Kind::Obsolete,
            _ => Kind::Other,
        }
    }

    /// These change who a person is, and make no sense without one.
    pub fn needs_person(self) -> bool {
        matches!(self, Kind::Identify | Kind::CreateAlias | Kind::MergeDangerously | Kind::GroupIdentify | Kind::ImportPerson)
    }

    /// These write the person even when only minor properties changed.
    pub fn is_about_person(self) -> bool {
        matches!(self, Kind::Identify | Kind::CreateAlias | Kind::MergeDangerously | Kind::Set | Kind::ImportPerson)
    }

    /// What these say about where they were sent from says nothing about their person.
    pub fn is_without_traits(self) -> bool {
        matches!(self, Kind::GroupIdentify | Kind::Exception | Kind::Heatmap | Kind::ImportPerson)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Full,
    Personless,
}

#[derive(Debug)]
pub struct Incoming {
    pub project: Arc<Project>,
    pub uuid: Uuid,
    pub event: Arc<str>,
    pub kind: Kind,
    pub distinct_id: Arc<str>,
    pub timestamp: Timestamp,
    /// When capture received it.
    pub now: Timestamp,
    pub sent_at: Option<Timestamp>,
    /// The client's, as sent or as capture saw it; empty when unknown.
    pub ip: Arc<str>,
    pub properties: Properties,
    pub special: SpecialSet,
    /// What the event says about its person without saying so: which of its properties, and about where they are.
    pub automatic: Vec<(Automatic, usize)>,
    /// Root `$set` and `$set_once`, JSON objects or empty.
    pub root_set: String,
    pub root_set_once: String,
    pub update: Update,
    /// Where the event's person is now.
    pub place: Option<Arc<Place>>,
    pub profile: Profile,
    /// The client said so itself.
    pub explicit_profile: bool,
    pub cookieless: bool,
    pub no_person_processing: bool,
    pub historical_migration: bool,
    pub elements_chain: Arc<str>,
    pub heatmap: Vec<HeatmapPoint>,
    /// `$group_set` of a `$groupidentify`, once its type has an index.
    pub group: Option<(model::GroupTypeIndex, Properties)>,
    pub warnings: Vec<(&'static str, Value)>,
}

/// Why an event was not stored.
#[derive(Debug, PartialEq)]
pub struct Drop {
    pub reason: Reason,
    /// Added to the example; an object.
    pub detail: Value,
}

impl From<Reason> for Drop {
    fn from(reason: Reason) -> Drop {
        Drop { reason, detail: Value::Null }
    }
}

/// One place on a page that somebody clicked, moved over or scrolled to, in cells of 16 pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatmapPoint {
    pub kind: String,
    pub x: i64,
    pub y: i64,
    pub viewport_width: i64,
    pub viewport_height: i64,
    pub target_fixed: bool,
    pub current_url: String,
}

impl Incoming {
    /// `properties` are taken by the caller from the same record.
    pub fn new(captured: &CapturedEvent<'_>, project: Arc<Project>, names: &mut Names) -> Incoming {
        let event = names.value(cut_name(&without_nul(&captured.event)));
        let distinct_id = names.value(&without_nul(&captured.distinct_id));
        Incoming {
            project,
            uuid: captured.uuid,
            kind: Kind::of(&event),
            event,
            distinct_id,
            timestamp: captured.timestamp,
            now: captured.now,
            sent_at: captured.sent_at,
            ip: names.value(&captured.ip),
            properties: Properties::new(),
            special: SpecialSet::default(),
            automatic: Vec::new(),
            root_set: captured.set.to_string(),
            root_set_once: captured.set_once.to_string(),
            update: Update::default(),
            place: None,
            profile: Profile::Full,
            explicit_profile: false,
            cookieless: captured.flags.cookieless,
            no_person_processing: captured.flags.no_person_processing,
            historical_migration: captured.flags.historical_migration,
            elements_chain: names.value(""),
            heatmap: Vec::new(),
            group: None,
            warnings: Vec::new(),
        }
    }

    /// Adds a warning with the details that every kind has.
    pub fn warn(&mut self, kind: &'static str, particular: Value) {
        let details = self.details(particular);
        self.warnings.push((kind, details));
    }

    pub fn details(&self, particular: Value) -> Value {
        let mut details = Map::new();
        details.insert("eventUuid".to_owned(), json!(self.uuid));
        details.insert("event".to_owned(), json!(&*self.event));
        details.insert("distinctId".to_owned(), json!(&*self.distinct_id));
        if let Value::Object(more) = particular {
            details.extend(more.into_iter().map(|(name, value)| (name, shown(value))));
        }
        Value::Object(details)
    }

    /// JavaScript's `String(value)` of a property, without NUL, which ids cannot hold. `None` when it is absent.
    pub fn text_of(&self, name: &str) -> Option<Arc<str>> {
        self.properties.get(name).map(id_text)
    }

    /// What the properties say about the person.
    pub fn traits<'e>(&'e self, names: &'e TraitNames) -> impl Iterator<Item = Trait<'e>> + Clone {
        self.automatic.iter().filter_map(|&(Automatic(number), at)| {
            let number = usize::from(number);
            let (name, initial) = names.get(number)?;
            // Steps only remove properties, so it is where it was read or before.
            let before = (0..self.properties.len().min(at + 1)).rev();
            let mut found = before.filter_map(|at| self.properties.at(at)).filter(|(known, _)| Arc::ptr_eq(known, name));
            found.next().map(|(_, value)| Trait { number, name, initial, value })
        })
    }

    /// The update with the traits written out.
    pub fn whole_update(&self, names: &TraitNames) -> Update {
        let own = |pairs: &[(Arc<str>, PropertyValue)], of: fn(&Trait<'_>) -> Arc<str>| {
            self.traits(names).map(|one| (of(&one), one.value.clone())).chain(pairs.iter().cloned()).collect()
        };
        Update {
            set: own(&self.update.set, |one| one.name.clone()),
            set_once: own(&self.update.set_once, |one| one.initial.clone()),
            unset: self.update.unset.clone(),
        }
    }

    /// Forgets everything the event says about its person.
    pub fn strip_person(&mut self) {
        use crate::names::Special;
        for (special, name) in [(Special::Set, "$set"), (Special::SetOnce, "$set_once"), (Special::Unset, "$unset")] {
            if self.special.has(special) {
                self.properties.remove(name);
            }
        }
        self.update.clear();
        self.automatic.clear();
        self.properties.set("$process_person_profile", false);
    }
}

/// Warnings quote clients; a quotation of megabytes helps nobody.
const MAX_SHOWN_BYTES: usize = 1_000;

fn shown(value: Value) -> Value {
    let text = match &value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        nested @ (Value::Array(_) | Value::Object(_)) => Cow::Owned(nested.to_string()),
        _ => return value,
    };
    if text.len() <= MAX_SHOWN_BYTES {
        return value;
    }
    let cut = text.floor_char_boundary(MAX_SHOWN_BYTES);
    Value::String(format!("{}…", &text[..cut]))
}

/// A value as a distinct id, alias or group key.
pub fn id_text(value: &PropertyValue) -> Arc<str> {
    let text = value.to_text().unwrap_or_else(|| Arc::from("null"));
    match without_nul(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(text) => text.into(),
    }
}

/// Event names may have 200 UTF-16 units, PostHog's measure of length.
fn cut_name(name: &str) -> &str {
    const MAX_UNITS: usize = 200;
    if name.len() <= MAX_UNITS {
        return name;
    }
    let mut units = 0;
    let end = name.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > MAX_UNITS
    });
    end.map_or(name, |(at, _)| &name[..at])
}

/// Databases cannot hold NUL in text.
pub fn without_nul(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => text.replace('\0', "\u{fffd}").into(),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_days_and_a_time() {
        for (value, expected) in [
            (json!(60), Some(60)),
            (json!("60.0"), Some(60)),
            (json!("01:00:00"), Some(3_600)),
            (json!("7 00:00:01.5"), Some(604_801)),
            (json!(0), None),
            (json!("soon"), None),
            (json!("1:2"), None),
            (json!(null), None),
        ] {
            assert_eq!(seconds(Some(&value)), expected, "{value}");
        }
    }
}
