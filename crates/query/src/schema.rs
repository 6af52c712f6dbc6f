//! The tables that HogQL sees, and what their fields are made of.

use crate::printed::{ColumnKind, PropertyOwner, Table};
use crate::typed::{INT64, Type};

mod described;
mod sessions;

pub use described::{DescribedTable, FieldKind, described_tables, visible_fields};

pub use sessions::{SESSION_FIELDS, SessionField, session_expr, session_properties};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Virtual {
    Events,
    Persons,
    PersonDistinctIds,
    PersonOverrides,
    Groups,
    Sessions,
    CohortPeople,
    StaticCohortPeople,
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
            "sessions" | "raw_sessions" | "raw_sessions_v3" => Virtual::Sessions,
            "cohort_people" | "raw_cohort_people" => Virtual::CohortPeople,
            "static_cohort_people" => Virtual::StaticCohortPeople,
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
            Virtual::CohortPeople => (Table::CohortPeople, "cohort_people"),
            Virtual::StaticCohortPeople => (Table::StaticCohortPeople, "static_cohort_people"),
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
            Virtual::CohortPeople => vec!["person_id", "cohort_id", "version"],
            Virtual::StaticCohortPeople => vec!["person_id", "cohort_id"],
            Virtual::Sessions => SESSION_FIELDS.iter().filter(|field| field.is_visible).map(|field| field.name).collect(),
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
                "$virt_is_bot" => Some(Field::Expr("isLikelyBot(coalesce(properties.$raw_user_agent, properties.$user_agent))")),
                "$virt_traffic_type" => Some(Field::Expr("getTrafficType(coalesce(properties.$raw_user_agent, properties.$user_agent))")),
                "$virt_traffic_category" => {
                    Some(Field::Expr("getTrafficCategory(coalesce(properties.$raw_user_agent, properties.$user_agent))"))
                }
                "$virt_bot_name" => Some(Field::Expr("getBotName(coalesce(properties.$raw_user_agent, properties.$user_agent))")),
                "$virt_bot_operator" => Some(Field::Expr("getBotOperator(coalesce(properties.$raw_user_agent, properties.$user_agent))")),
                _ => None,
            },
            Virtual::Persons => match name {
                "id" => stored("id", ColumnKind::Uuid, false),
                "created_at" => stored("created_at", ColumnKind::Timestamp, false),
                "is_identified" => stored("is_identified", ColumnKind::Boolean, false),
                "properties" => Some(Field::Properties(PropertyOwner::Person)),
                "pdi" => Some(Field::Join(Join::DistinctIdsOfPerson)),
                _ => person_expression(name).map(Field::Expr),
            },
            Virtual::PersonDistinctIds | Virtual::PersonOverrides => match name {
                "distinct_id" => stored("distinct_id", ColumnKind::Text, false),
                "person_id" => stored("person_id", ColumnKind::Uuid, false),
                "person" => Some(Field::Join(Join::PersonOfDistinctId)),
                _ => None,
            },
            Virtual::CohortPeople | Virtual::StaticCohortPeople => match name {
                "person_id" => stored("person_id", ColumnKind::Uuid, false),
                "cohort_id" => stored("cohort_id", ColumnKind::Int, false),
                "version" if self == Virtual::CohortPeople => stored("version", ColumnKind::Int, false),
                "person" => Some(Field::Join(Join::PersonOfMember)),
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
    PersonOfMember,
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
            Join::PersonOfDistinctId | Join::PersonOfMember => (Virtual::Persons, "person_id", "id"),
        }
    }
}

/// Fields of persons that are computed from their first visit.
pub fn person_expression(name: &str) -> Option<&'static str> {
    Some(match name {
        "$virt_initial_referring_domain_type" => "lookupDomainType(properties.$initial_referring_domain)",
        "$virt_initial_channel_type" => {
            "channelType(properties.$initial_utm_campaign, properties.$initial_utm_medium, properties.$initial_utm_source, \
             properties.$initial_referring_domain, properties.$initial_gclid, properties.$initial_fbclid, properties.$initial_gad_source)"
        }
        _ => return None,
    })
}
