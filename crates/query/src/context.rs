use crate::ast::Expr;
use chrono_tz::Tz;
use model::{GroupTypeIndex, TeamId, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What resolving needs to know about the project and the request.
#[derive(Clone, Debug)]
pub struct Context {
    pub team: TeamId,
    pub timezone: Tz,
    /// 0 = Sunday, 1 = Monday.
    pub week_start_day: u8,
    pub now: Timestamp,
    pub property_types: Arc<PropertyTypes>,
    pub persons_mode: PersonsMode,
    pub limit: LimitRule,
    pub sessions: SessionRules,
    pub cohorts: Arc<Cohorts>,
}

impl Context {
    pub fn new(team: TeamId, now: Timestamp) -> Context {
        Context {
            team,
            timezone: Tz::UTC,
            week_start_day: 0,
            now,
            property_types: Arc::default(),
            persons_mode: PersonsMode::default(),
            limit: LimitRule::API,
            sessions: SessionRules::default(),
            cohorts: Arc::default(),
        }
    }
}

/// The project's cohorts, by what queries call them. Who is in them, the store knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cohorts {
    names: BTreeMap<i64, String>,
}

impl Cohorts {
    pub fn new(cohorts: impl IntoIterator<Item = (i64, String)>) -> Cohorts {
        Cohorts { names: cohorts.into_iter().collect() }
    }

    pub fn name(&self, id: i64) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }

    /// The ids of all cohorts of this name.
    pub fn named(&self, name: &str) -> Vec<i64> {
        self.names.iter().filter(|(_, known)| *known == name).map(|(id, _)| *id).collect()
    }
}

/// Which person an event belongs to, and as of when the person's properties are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PersonsMode {
    /// `person_id_override_properties_on_events`: merges count, properties as they were at the event.
    #[default]
    OverrideIdEventProperties,
    /// `person_id_override_properties_joined`: merges count, properties as they are now.
    OverrideIdJoinedProperties,
    /// `person_id_no_override_properties_on_events`: merges are ignored.
    StoredIdEventProperties,
    /// `disabled`: the person by the event's distinct id; the same answers as `OverrideIdJoinedProperties`.
    Disabled,
}

impl PersonsMode {
    /// From the query modifier `personsOnEventsMode`; unknown text is the default.
    pub fn from_modifier(text: &str) -> PersonsMode {
        match text {
            "person_id_override_properties_joined" => PersonsMode::OverrideIdJoinedProperties,
            "person_id_no_override_properties_on_events" => PersonsMode::StoredIdEventProperties,
            "disabled" => PersonsMode::Disabled,
            _ => PersonsMode::OverrideIdEventProperties,
        }
    }

    pub(crate) fn joins_persons(self) -> bool {
        matches!(self, PersonsMode::OverrideIdJoinedProperties | PersonsMode::Disabled)
    }
}

/// What a project decides about its sessions.
#[derive(Clone, Debug)]
pub struct SessionRules {
    pub bounce: BounceMode,
    /// A session at least this long is no bounce.
    pub bounce_seconds: f64,
    /// Asked in order, before the usual rules.
    pub channels: Arc<Vec<ChannelRule>>,
}

impl Default for SessionRules {
    fn default() -> Self {
        SessionRules { bounce: BounceMode::default(), bounce_seconds: 10.0, channels: Arc::default() }
    }
}

/// What makes a session more than a bounce, beside its length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BounceMode {
    /// A second page view, or an autocaptured event.
    #[default]
    PageViews,
    /// A second address, or an autocaptured event.
    Urls,
    /// A second page view, screen or autocaptured event.
    PagesScreensAutocaptures,
}

impl BounceMode {
    /// From the query modifier `bounceRatePageViewMode`; unknown text is the default.
    pub fn from_modifier(text: &str) -> BounceMode {
        match text {
            "uniq_urls" => BounceMode::Urls,
            "uniq_page_screen_autocaptures" => BounceMode::PagesScreensAutocaptures,
            _ => BounceMode::PageViews,
        }
    }
}

/// Sessions for which `condition` holds have this channel. The condition speaks of the session's first values as placeholders:
/// `{utm_source}`, `{utm_medium}`, `{utm_campaign}`, `{referring_domain}`, `{url}`, `{pathname}`, `{hostname}`.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelRule {
    pub channel: String,
    pub condition: Expr,
}

/// What happens to the LIMIT of the outermost select (of each branch, in a UNION).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRule {
    /// Used when the query names no limit.
    pub default: Option<u64>,
    /// A larger limit is reduced to this.
    pub max: Option<u64>,
    /// Fetch one row more than the limit, so that the caller can tell whether there are more.
    pub look_ahead: bool,
}

impl LimitRule {
    /// 100 rows unless said otherwise, 50,000 at most, one more row fetched.
    pub const API: LimitRule = LimitRule { default: Some(100), max: Some(50_000), look_ahead: true };
    pub const EXPORT: LimitRule = LimitRule { default: Some(300_000), max: Some(300_000), look_ahead: false };
    /// For queries that a feature writes itself.
    pub const NONE: LimitRule = LimitRule { default: None, max: None, look_ahead: false };
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PropertyType {
    #[default]
    String,
    Numeric,
    Boolean,
    DateTime,
}

/// The project's property definitions, as far as they change what a property means in a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertyTypes {
    event: HashMap<String, PropertyType>,
    person: HashMap<String, PropertyType>,
    groups: [HashMap<String, PropertyType>; 5],
}

impl PropertyTypes {
    pub fn set_event(&mut self, name: impl Into<String>, property_type: PropertyType) {
        self.event.insert(name.into(), property_type);
    }

    pub fn set_person(&mut self, name: impl Into<String>, property_type: PropertyType) {
        self.person.insert(name.into(), property_type);
    }

    /// Indexes above 4 do not exist and are ignored.
    pub fn set_group(&mut self, index: GroupTypeIndex, name: impl Into<String>, property_type: PropertyType) {
        if let Some(types) = self.groups.get_mut(usize::from(index.0)) {
            types.insert(name.into(), property_type);
        }
    }

    pub fn event(&self, name: &str) -> PropertyType {
        self.event.get(name).copied().unwrap_or_default()
    }

    pub fn person(&self, name: &str) -> PropertyType {
        self.person.get(name).copied().unwrap_or_default()
    }

    pub fn group(&self, index: GroupTypeIndex, name: &str) -> PropertyType {
        self.groups.get(usize::from(index.0)).and_then(|types| types.get(name)).copied().unwrap_or_default()
    }
}
