//! Query nodes that ask what there is: events, properties and their values, tables.

use super::Modifiers;
use serde::Deserialize;
use serde_json::Value;

node! {
    /// The properties of an event, with values that they had lately.
    EventTaxonomyQuery {
        #[serde(default)]
        event: Option<String>,
        #[serde(default, rename = "actionId")]
        action_id: Option<i64>,
        #[serde(default, rename = "properties")]
        properties: Option<Vec<String>>,
        #[serde(default, rename = "maxPropertyValues")]
        max_values: Option<usize>,
    }
}

node! {
    /// The events of the project, most frequent first.
    TeamTaxonomyQuery {
        #[serde(default)]
        limit: Option<i64>,
        #[serde(default)]
        offset: Option<i64>,
    }
}

node! {
    /// Values of properties of persons, or of groups of one type.
    ActorsPropertyTaxonomyQuery {
        #[serde(default)]
        properties: Vec<String>,
        #[serde(default, rename = "groupTypeIndex", alias = "group_type_index")]
        group_type_index: Option<u8>,
        #[serde(default, rename = "maxPropertyValues")]
        max_values: Option<usize>,
    }
}

node! {
    DatabaseSchemaQuery {
        #[serde(default, rename = "connectionId")]
        connection_id: Option<Value>,
    }
}
