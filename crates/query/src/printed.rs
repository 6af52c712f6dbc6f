use model::Timestamp;

/// SQL for DataFusion, and what the store must register before running it.
#[derive(Clone, Debug, PartialEq)]
pub struct Printed {
    pub sql: String,
    pub tables: Vec<TableUse>,
    /// Cohorts whose members `hog_in_cohort` is asked for.
    pub cohorts: Vec<i64>,
    /// Name and ClickHouse type name of every column of the answer.
    pub columns: Vec<(String, String)>,
}

/// One use of a table. The store registers a provider under `name` that serves exactly `columns`.
#[derive(Clone, Debug, PartialEq)]
pub struct TableUse {
    pub name: String,
    pub table: Table,
    pub columns: Vec<ColumnUse>,
    /// Rows outside of it cannot matter; inclusive. The SQL filters again.
    pub time_range: Option<(Timestamp, Timestamp)>,
    /// Only events of these names can matter. The SQL filters again.
    pub events: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    Events,
    /// Fields: id, created_at, is_identified, and properties.
    Persons,
    /// Fields: distinct_id, person_id.
    PersonDistinctIds,
    /// Fields: distinct_id, person_id.
    PersonOverrides,
    /// Fields: index, key, created_at, updated_at, and properties.
    Groups,
    /// Of cohorts that are computed. Fields: person_id, cohort_id, version.
    CohortPeople,
    /// Of cohorts that are lists. Fields: person_id, cohort_id.
    StaticCohortPeople,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnUse {
    /// As quoted in the SQL.
    pub name: String,
    pub source: ColumnSource,
    pub kind: ColumnKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ColumnSource {
    Field(&'static str),
    Property {
        of: PropertyOwner,
        name: String,
    },
    /// The whole JSON object, as text.
    AllProperties(PropertyOwner),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PropertyOwner {
    Event,
    /// Of an event: as they were when it was ingested. Of the persons table: as they are now.
    Person,
    Group,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// Utf8. A property's characters, or its JSON text when it is not a string; NULL when missing or JSON null.
    Text,
    /// Float64: numbers, and strings that parse as one; otherwise NULL.
    Number,
    /// Boolean: true and false, and the strings `true` and `false`; otherwise NULL.
    Boolean,
    /// Timestamp(Microsecond, "UTC").
    Timestamp,
    /// Utf8, lower-case and hyphenated.
    Uuid,
    /// Int64.
    Int,
}
