//! The tables and fields as editors show them.

use super::{Field, Virtual};
use crate::typed::Type;

/// A table that queries can name, and its fields in the order of `*`, then those that lead on.
pub struct DescribedTable {
    pub name: &'static str,
    pub fields: Vec<(&'static str, FieldKind)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    Number,
    Integer,
    Boolean,
    Instant,
    Array,
    /// Properties.
    Json,
    /// Computed from other fields.
    Expression,
    /// Leads to another table.
    Table(&'static str),
}

impl FieldKind {
    /// As PostHog's schema calls it.
    pub fn name(&self) -> &'static str {
        match self {
            FieldKind::Text => "string",
            FieldKind::Number => "float",
            FieldKind::Integer => "integer",
            FieldKind::Boolean => "boolean",
            FieldKind::Instant => "datetime",
            FieldKind::Array => "array",
            FieldKind::Json => "json",
            FieldKind::Expression => "expression",
            FieldKind::Table(_) => "lazy_table",
        }
    }
}

const TABLES: &[(Virtual, &str)] = &[
    (Virtual::Events, "events"),
    (Virtual::Groups, "groups"),
    (Virtual::Persons, "persons"),
    (Virtual::Sessions, "sessions"),
    (Virtual::PersonDistinctIds, "person_distinct_ids"),
    (Virtual::PersonOverrides, "person_distinct_id_overrides"),
    (Virtual::CohortPeople, "cohort_people"),
    (Virtual::StaticCohortPeople, "static_cohort_people"),
];

/// Fields that `*` leaves out.
fn hidden(table: Virtual) -> &'static [&'static str] {
    match table {
        Virtual::Events => &[
            "person",
            "pdi",
            "poe",
            "session",
            "group_0",
            "group_1",
            "group_2",
            "group_3",
            "group_4",
            "$virt_is_bot",
            "$virt_traffic_type",
            "$virt_traffic_category",
            "$virt_bot_name",
            "$virt_bot_operator",
        ],
        Virtual::Persons => &["pdi", "$virt_initial_channel_type", "$virt_initial_referring_domain_type"],
        Virtual::PersonDistinctIds | Virtual::PersonOverrides | Virtual::CohortPeople | Virtual::StaticCohortPeople => &["person"],
        Virtual::Groups | Virtual::Sessions => &[],
    }
}

pub fn described_tables() -> Vec<DescribedTable> {
    TABLES
        .iter()
        .map(|(table, name)| {
            let names = table.visible().into_iter().chain(hidden(*table).iter().copied());
            DescribedTable { name, fields: names.filter_map(|name| Some((name, kind(&table.field(name)?)))).collect() }
        })
        .collect()
}

/// The fields that `*` expands to; none for names that are no table.
pub fn visible_fields(table: &str) -> Vec<&'static str> {
    TABLES.iter().find(|(_, name)| *name == table).map_or_else(Vec::new, |(table, _)| table.visible())
}

fn kind(field: &Field) -> FieldKind {
    let of_type = |kind: &Type| match kind {
        Type::Bool | Type::Condition => FieldKind::Boolean,
        Type::Int(_) => FieldKind::Integer,
        Type::Float => FieldKind::Number,
        Type::Date | Type::DateTime => FieldKind::Instant,
        Type::Array(_) => FieldKind::Array,
        _ => FieldKind::Text,
    };
    match field {
        Field::Stored { value, .. } => of_type(value),
        Field::Properties(_) => FieldKind::Json,
        Field::EventPersonId => FieldKind::Text,
        Field::Person | Field::PersonOnEvent => FieldKind::Table("persons"),
        Field::Join(join) => {
            let target = join.target().0;
            FieldKind::Table(TABLES.iter().find(|(table, _)| *table == target).map_or("", |(_, name)| name))
        }
        Field::Expr(_) => FieldKind::Expression,
        Field::Session(field) if field.name == "$is_bounce" => FieldKind::Boolean,
        Field::Session(field) => of_type(&field.kind.column().0),
    }
}
