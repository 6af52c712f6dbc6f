//! What columns stored rows have: fixed fields, one column per frequent (owner, kind, property name), and a JSON object text
//! per owner with everything else.
//!
//! ```text
//! uuid event timestamp created_at distinct_id person_id person_created_at person_mode elements_chain historical_migration
//! properties.string.$browser   properties.number.price   properties.boolean.paid   properties.json.$set   properties.rest
//! person_properties.string.email   …   person_properties.rest
//! ```
//!
//! A value is in the column of its own kind, so nothing is lost when a property is a string in one event and a number in the
//! next. `json` columns hold JSON text: arrays, objects, nulls, and integers that a float cannot hold.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// More property columns than this are not made; the rarest properties share the rest column.
pub const MAX_PROPERTY_COLUMNS: usize = 400;
/// Longer property names never get a column.
const MAX_COLUMN_NAME: usize = 200;
/// More names in a rest column than this are not listed one by one.
pub const MAX_LISTED_REST: usize = 2_000;

pub const UUID: &str = "uuid";
pub const EVENT: &str = "event";
pub const TIMESTAMP: &str = "timestamp";
pub const CREATED_AT: &str = "created_at";
pub const DISTINCT_ID: &str = "distinct_id";
pub const PERSON_ID: &str = "person_id";
pub const PERSON_CREATED_AT: &str = "person_created_at";
pub const PERSON_MODE: &str = "person_mode";
pub const ELEMENTS_CHAIN: &str = "elements_chain";
pub const HISTORICAL_MIGRATION: &str = "historical_migration";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    Event,
    Person,
}

impl Owner {
    pub const BOTH: [Owner; 2] = [Owner::Event, Owner::Person];

    fn prefix(self) -> &'static str {
        match self {
            Owner::Event => "properties",
            Owner::Person => "person_properties",
        }
    }

    pub fn rest_column(self) -> &'static str {
        match self {
            Owner::Event => "properties.rest",
            Owner::Person => "person_properties.rest",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    String,
    Number,
    Boolean,
    Json,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::String, Kind::Number, Kind::Boolean, Kind::Json];

    fn word(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Json => "json",
        }
    }

    pub fn data_type(self) -> DataType {
        match self {
            Kind::String => dictionary(),
            Kind::Number => DataType::Float64,
            Kind::Boolean => DataType::Boolean,
            Kind::Json => DataType::Utf8,
        }
    }
}

/// A property column: whose property, of what kind, by what name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyColumn {
    pub owner: Owner,
    pub kind: Kind,
    pub name: Arc<str>,
}

impl PropertyColumn {
    pub fn column_name(&self) -> String {
        column_name(self.owner, self.kind, &self.name)
    }

    pub fn parse(column: &str) -> Option<Self> {
        let (prefix, rest) = column.split_once('.')?;
        let (word, name) = rest.split_once('.')?;
        let owner = Owner::BOTH.into_iter().find(|owner| owner.prefix() == prefix)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word)?;
        Some(PropertyColumn { owner, kind, name: Arc::from(name) })
    }

    pub fn field(&self) -> Field {
        Field::new(self.column_name(), self.kind.data_type(), true)
    }
}

pub fn column_name(owner: Owner, kind: Kind, name: &str) -> String {
    format!("{}.{}.{name}", owner.prefix(), kind.word())
}

pub fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

pub fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

pub fn fixed_fields() -> Vec<Field> {
    let uuid = || DataType::FixedSizeBinary(16);
    vec![
        Field::new(UUID, uuid(), false),
        Field::new(EVENT, dictionary(), false),
        Field::new(TIMESTAMP, instant(), false),
        Field::new(CREATED_AT, instant(), false),
        Field::new(DISTINCT_ID, dictionary(), false),
        Field::new(PERSON_ID, uuid(), false),
        Field::new(PERSON_CREATED_AT, instant(), false),
        Field::new(PERSON_MODE, dictionary(), false),
        Field::new(ELEMENTS_CHAIN, dictionary(), false),
        Field::new(HISTORICAL_MIGRATION, DataType::Boolean, false),
        Field::new(Owner::Event.rest_column(), DataType::Utf8, true),
        Field::new(Owner::Person.rest_column(), DataType::Utf8, true),
    ]
}

/// Fixed fields, then the property columns in the given order.
pub fn schema_of(columns: &[PropertyColumn]) -> SchemaRef {
    let mut fields = fixed_fields();
    fields.extend(columns.iter().map(PropertyColumn::field));
    Arc::new(Schema::new(fields))
}

/// How often each property occurs in some rows, and where it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Census {
    /// Property columns and the number of their values.
    pub columns: BTreeMap<String, u64>,
    /// The same for what is in the rest columns.
    pub rest: BTreeMap<String, u64>,
    /// The rest columns hold names that `rest` does not list.
    pub unlisted: bool,
}

impl Census {
    pub fn add(&mut self, other: &Census) {
        for (name, count) in &other.columns {
            *self.columns.entry(name.clone()).or_default() += count;
        }
        for (name, count) in &other.rest {
            *self.rest.entry(name.clone()).or_default() += count;
        }
        self.unlisted |= other.unlisted;
    }

    /// Whether a property may have values in the rest column.
    pub fn rest_may_hold(&self, owner: Owner, name: &str) -> bool {
        self.unlisted || Kind::ALL.into_iter().any(|kind| self.rest.contains_key(&column_name(owner, kind, name)))
    }

    /// Settles which properties get a column among `rows` rows; everything else moves to `rest`.
    pub fn settle(self, rows: u64) -> (Vec<PropertyColumn>, Census) {
        let mut all = self.columns;
        for (name, count) in self.rest {
            *all.entry(name).or_default() += count;
        }
        let least = (rows / 2_000).max(1);
        let mut ranked: Vec<(String, u64)> = all.into_iter().collect();
        ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let mut census = Census { unlisted: self.unlisted, ..Census::default() };
        let mut chosen = Vec::new();
        for (name, count) in ranked {
            let column = PropertyColumn::parse(&name).filter(|column| column.name.len() <= MAX_COLUMN_NAME && count >= least);
            match column {
                Some(column) if chosen.len() < MAX_PROPERTY_COLUMNS => {
                    chosen.push(column);
                    census.columns.insert(name, count);
                }
                _ if census.rest.len() < MAX_LISTED_REST && name.len() <= 2 * MAX_COLUMN_NAME => {
                    census.rest.insert(name, count);
                }
                _ => census.unlisted = true,
            }
        }
        chosen.sort();
        (chosen, census)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_name_tells_owner_kind_and_property_even_for_hostile_names() {
        for name in ["a", "", "rest", "string.x", "a.b.c", "ключ\0"] {
            for owner in Owner::BOTH {
                for kind in Kind::ALL {
                    let column = PropertyColumn { owner, kind, name: Arc::from(name) };
                    assert_eq!(PropertyColumn::parse(&column.column_name()), Some(column));
                }
            }
        }
    }

    #[test]
    fn the_number_of_columns_is_bounded_and_the_most_frequent_properties_get_them() {
        let mut census = Census::default();
        for number in 0..5_000u64 {
            census.columns.insert(column_name(Owner::Event, Kind::String, &format!("p{number}")), number + 1);
        }
        let (chosen, census) = census.settle(10);
        assert_eq!(chosen.len(), MAX_PROPERTY_COLUMNS);
        assert!(chosen.iter().any(|column| &*column.name == "p4999"));
        assert!(census.rest.len() <= MAX_LISTED_REST && census.unlisted);
        assert!(census.rest_may_hold(Owner::Event, "p1"));
    }
}
