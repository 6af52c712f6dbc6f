//! The tables that HogQL sees, and what their fields are made of.

use crate::printed::{ColumnKind, PropertyOwner, Table};
use crate::typed::{INT64, Type, UINT8};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Virtual {
    Events,
    Persons,
    PersonDistinctIds,
    PersonOverrides,
    Groups,
    Sessions,
}

impl Virtual {
    pub fn find(path: &[String]) -> Option<Virtual> {
        let [name] = path else { return None };
        Some(match name.as_str() {
            "events" => Virtual::Events,
            "persons" | "raw_persons" => Virtual::Persons,
            "person_distinct_ids" | "raw_person_distinct_ids" => Virtual::PersonDistinctIds,
            "person_distinct_id_overrides" | "raw_person_distinct_id_overrides" => Virtual::PersonOverrides,
            "groups" | "raw_groups" => Virtual::Groups,
            "sessions" | "raw_sessions" => Virtual::Sessions,
            _ => return None,
        })
    }

    /// The stored table; sessions have none.
    pub fn stored(self) -> Option<(Table, &'static str)> {
        Some(match self {
            Virtual::Events => (Table::Events, "events"),
            Virtual::Persons => (Table::Persons, "persons"),
            Virtual::PersonDistinctIds => (Table::PersonDistinctIds, "person_distinct_ids"),
            Virtual::PersonOverrides => (Table::PersonOverrides, "person_overrides"),
            Virtual::Groups => (Table::Groups, "groups"),
            Virtual::Sessions => return None,
        })
    }

    /// Fields that `*` expands to, in order.
    pub fn visible(self) -> Vec<&'static str> {
        match self {
            Virtual::Events => vec![
                "uuid",
                "event",
                "properties",
                "timestamp",
                "distinct_id",
                "elements_chain",
                "created_at",
                "$session_id",
                "$window_id",
                "person_mode",
                "$group_0",
                "$group_1",
                "$group_2",
                "$group_3",
                "$group_4",
                "person_id",
                "elements_chain_href",
                "elements_chain_texts",
                "elements_chain_ids",
                "elements_chain_elements",
            ],
            Virtual::Persons => vec!["id", "created_at", "properties", "is_identified"],
            Virtual::PersonDistinctIds | Virtual::PersonOverrides => vec!["distinct_id", "person_id"],
            Virtual::Groups => vec!["index", "key", "properties", "created_at", "updated_at"],
            Virtual::Sessions => {
                SESSION_FIELDS.iter().map(|field| field.name).filter(|name| !matches!(*name, "id" | "session_id_v7" | "duration")).collect()
            }
        }
    }

    pub fn field(self, name: &str) -> Option<Field> {
        let stored = |column: &'static str, kind: ColumnKind, nullable: bool| {
            let value = match kind {
                ColumnKind::Text => Type::String,
                ColumnKind::Uuid => Type::Uuid,
                ColumnKind::Timestamp => Type::DateTime,
                ColumnKind::Number => Type::Float,
                ColumnKind::Boolean => Type::Bool,
                ColumnKind::Int => INT64,
            };
            Some(Field::Stored { column, kind, value, nullable })
        };
        match self {
            Virtual::Events => match name {
                "uuid" => stored("uuid", ColumnKind::Uuid, false),
                "event" => stored("event", ColumnKind::Text, false),
                "timestamp" => stored("timestamp", ColumnKind::Timestamp, false),
                "created_at" => stored("created_at", ColumnKind::Timestamp, false),
                "distinct_id" => stored("distinct_id", ColumnKind::Text, false),
                "elements_chain" => stored("elements_chain", ColumnKind::Text, false),
                "person_mode" => stored("person_mode", ColumnKind::Text, false),
                "$session_id" => stored("$session_id", ColumnKind::Text, true),
                "$window_id" => stored("$window_id", ColumnKind::Text, true),
                "$group_0" => stored("$group_0", ColumnKind::Text, true),
                "$group_1" => stored("$group_1", ColumnKind::Text, true),
                "$group_2" => stored("$group_2", ColumnKind::Text, true),
                "$group_3" => stored("$group_3", ColumnKind::Text, true),
                "$group_4" => stored("$group_4", ColumnKind::Text, true),
                "person_id" => Some(Field::EventPersonId),
                "properties" => Some(Field::Properties(PropertyOwner::Event)),
                "person" => Some(Field::Person),
                "poe" => Some(Field::PersonOnEvent),
                "pdi" => Some(Field::Join(Join::DistinctIdOfEvent)),
                "session" => Some(Field::Join(Join::SessionOfEvent)),
                "group_0" | "goe_0" => Some(Field::Join(Join::GroupOfEvent(0))),
                "group_1" | "goe_1" => Some(Field::Join(Join::GroupOfEvent(1))),
                "group_2" | "goe_2" => Some(Field::Join(Join::GroupOfEvent(2))),
                "group_3" | "goe_3" => Some(Field::Join(Join::GroupOfEvent(3))),
                "group_4" | "goe_4" => Some(Field::Join(Join::GroupOfEvent(4))),
                "elements_chain_href" => Some(Field::Expr("extract(elements_chain, '(?::|\")href=\"(.*?)\"')")),
                "elements_chain_texts" => Some(Field::Expr("arrayDistinct(extractAll(elements_chain, '(?::|\")text=\"(.*?)\"'))")),
                "elements_chain_ids" => Some(Field::Expr("arrayDistinct(extractAll(elements_chain, '(?::|\")attr_id=\"(.*?)\"'))")),
                "elements_chain_elements" => Some(Field::Expr(
                    "arrayDistinct(extractAll(elements_chain, '(?:^|;)(a|button|form|input|select|textarea|label)(?:\\\\.|$|;|:)'))",
                )),
                _ => None,
            },
            Virtual::Persons => match name {
                "id" => stored("id", ColumnKind::Uuid, false),
                "created_at" => stored("created_at", ColumnKind::Timestamp, false),
                "is_identified" => stored("is_identified", ColumnKind::Boolean, false),
                "properties" => Some(Field::Properties(PropertyOwner::Person)),
                "pdi" => Some(Field::Join(Join::DistinctIdsOfPerson)),
                _ => None,
            },
            Virtual::PersonDistinctIds | Virtual::PersonOverrides => match name {
                "distinct_id" => stored("distinct_id", ColumnKind::Text, false),
                "person_id" => stored("person_id", ColumnKind::Uuid, false),
                "person" => Some(Field::Join(Join::PersonOfDistinctId)),
                _ => None,
            },
            Virtual::Groups => match name {
                "index" => stored("index", ColumnKind::Int, false),
                "key" => stored("key", ColumnKind::Text, false),
                "created_at" => stored("created_at", ColumnKind::Timestamp, false),
                "updated_at" => stored("updated_at", ColumnKind::Timestamp, false),
                "properties" => Some(Field::Properties(PropertyOwner::Group)),
                _ => None,
            },
            Virtual::Sessions => SESSION_FIELDS.iter().find(|field| field.name == name).map(Field::Session),
        }
    }
}

#[derive(Clone, Debug)]
pub enum Field {
    Stored {
        column: &'static str,
        kind: ColumnKind,
        value: Type,
        nullable: bool,
    },
    Properties(PropertyOwner),
    /// The person id of an event, by persons mode.
    EventPersonId,
    /// The person of an event, by persons mode.
    Person,
    /// The person of an event as it was then, whatever the mode.
    PersonOnEvent,
    Join(Join),
    /// HogQL over the fields of the same table.
    Expr(&'static str),
    Session(&'static SessionField),
}

/// A table that is joined when a path goes through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Join {
    PersonOfEvent,
    DistinctIdOfEvent,
    SessionOfEvent,
    GroupOfEvent(u8),
    DistinctIdsOfPerson,
    PersonOfDistinctId,
}

impl Join {
    /// The table, the field of the owner, and the field of the table that must equal it.
    pub fn target(self) -> (Virtual, &'static str, &'static str) {
        match self {
            Join::PersonOfEvent => (Virtual::Persons, "person_id", "id"),
            Join::DistinctIdOfEvent => (Virtual::PersonDistinctIds, "distinct_id", "distinct_id"),
            Join::SessionOfEvent => (Virtual::Sessions, "$session_id", "session_id"),
            Join::GroupOfEvent(0) => (Virtual::Groups, "$group_0", "key"),
            Join::GroupOfEvent(1) => (Virtual::Groups, "$group_1", "key"),
            Join::GroupOfEvent(2) => (Virtual::Groups, "$group_2", "key"),
            Join::GroupOfEvent(3) => (Virtual::Groups, "$group_3", "key"),
            Join::GroupOfEvent(_) => (Virtual::Groups, "$group_4", "key"),
            Join::DistinctIdsOfPerson => (Virtual::PersonDistinctIds, "id", "person_id"),
            Join::PersonOfDistinctId => (Virtual::Persons, "person_id", "id"),
        }
    }
}

#[derive(Debug)]
pub struct SessionField {
    pub name: &'static str,
    pub kind: SessionKind,
    /// HogQL over the events of one session.
    pub expr: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub enum SessionKind {
    Text,
    TextOrNull,
    Texts,
    Count,
    Time,
    FlagOrNull,
}

impl SessionKind {
    pub fn column(self) -> (Type, bool) {
        match self {
            SessionKind::Text => (Type::String, false),
            SessionKind::TextOrNull => (Type::String, true),
            SessionKind::Texts => (Type::array(crate::typed::Column::nullable(Type::String)), false),
            SessionKind::Count => (INT64, false),
            SessionKind::Time => (Type::DateTime, false),
            SessionKind::FlagOrNull => (UINT8, true),
        }
    }
}

macro_rules! session_fields {
    ($($name:literal $kind:ident $expr:expr;)*) => {
        &[$(SessionField { name: $name, kind: SessionKind::$kind, expr: $expr }),*]
    };
}

macro_rules! entry {
    ($property:literal) => {
        concat!("argMinIf(properties.", $property, ", timestamp, notEmpty(properties.", $property, "))")
    };
}

macro_rules! exit {
    ($property:literal) => {
        concat!("argMaxIf(properties.", $property, ", timestamp, notEmpty(properties.", $property, "))")
    };
}

const DURATION: &str = "dateDiff('second', min(timestamp), max(timestamp))";

pub const SESSION_FIELDS: &[SessionField] = session_fields! {
    "session_id" Text "$session_id";
    "id" Text "$session_id";
    "session_id_v7" Text "$session_id";
    "distinct_id" Text "argMax(distinct_id, timestamp)";
    "$start_timestamp" Time "min(timestamp)";
    "$end_timestamp" Time "max(timestamp)";
    "$urls" Texts "groupUniqArrayIf(properties.$current_url, notEmpty(properties.$current_url))";
    "$num_uniq_urls" Count "uniqIf(properties.$current_url, notEmpty(properties.$current_url))";
    "$entry_current_url" TextOrNull entry!("$current_url");
    "$entry_pathname" TextOrNull entry!("$pathname");
    "$entry_hostname" TextOrNull entry!("$host");
    "$end_current_url" TextOrNull exit!("$current_url");
    "$end_pathname" TextOrNull exit!("$pathname");
    "$end_hostname" TextOrNull exit!("$host");
    "$exit_current_url" TextOrNull exit!("$current_url");
    "$exit_pathname" TextOrNull exit!("$pathname");
    "$entry_utm_source" TextOrNull entry!("utm_source");
    "$entry_utm_campaign" TextOrNull entry!("utm_campaign");
    "$entry_utm_medium" TextOrNull entry!("utm_medium");
    "$entry_utm_term" TextOrNull entry!("utm_term");
    "$entry_utm_content" TextOrNull entry!("utm_content");
    "$entry_referring_domain" TextOrNull entry!("$referring_domain");
    "$entry_referrer" TextOrNull entry!("$referrer");
    "$entry_gclid" TextOrNull entry!("gclid");
    "$entry_gad_source" TextOrNull entry!("gad_source");
    "$entry_gclsrc" TextOrNull entry!("gclsrc");
    "$entry_dclid" TextOrNull entry!("dclid");
    "$entry_gbraid" TextOrNull entry!("gbraid");
    "$entry_wbraid" TextOrNull entry!("wbraid");
    "$entry_fbclid" TextOrNull entry!("fbclid");
    "$entry_msclkid" TextOrNull entry!("msclkid");
    "$entry_twclid" TextOrNull entry!("twclid");
    "$entry_li_fat_id" TextOrNull entry!("li_fat_id");
    "$entry_mc_cid" TextOrNull entry!("mc_cid");
    "$entry_igshid" TextOrNull entry!("igshid");
    "$entry_ttclid" TextOrNull entry!("ttclid");
    "$entry__kx" TextOrNull entry!("_kx");
    "$entry_irclid" TextOrNull entry!("irclid");
    "$pageview_count" Count "uniqIf(uuid, event = '$pageview')";
    "$autocapture_count" Count "uniqIf(uuid, event = '$autocapture')";
    "$screen_count" Count "uniqIf(uuid, event = '$screen')";
    "$page_screen_autocapture_count_up_to" Count "uniqIf(uuid, event IN ('$pageview', '$screen', '$autocapture'))";
    "$session_duration" Count DURATION;
    "duration" Count DURATION;
    "$is_bounce" FlagOrNull "if(countIf(event = '$pageview') = 0, NULL, if(uniqIf(uuid, event = '$pageview') > 1 OR countIf(event = '$autocapture') > 0 OR dateDiff('second', min(timestamp), max(timestamp)) >= 10, 0, 1))";
    "$last_external_click_url" TextOrNull exit!("$external_click_url");
    "$vitals_lcp" TextOrNull entry!("$web_vitals_LCP_value");
};
