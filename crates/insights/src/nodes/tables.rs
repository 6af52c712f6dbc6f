//! Query nodes that answer rows: SQL, events, actors, groups, property values.

use super::Modifiers;
use super::filters::Properties;
use crate::dates::DateRange;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Declares a node: its own fields, plus what every data node accepts.
macro_rules! node {
    ($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code, reason = "fields that are accepted and have no effect on the answer")]
        pub struct $name {
            kind: String,
            $($(#[$meta])* pub $field: $type,)*
            #[serde(default)]
            pub modifiers: Option<Modifiers>,
            #[serde(default)]
            response: Option<Value>,
            #[serde(default)]
            tags: Option<Value>,
            #[serde(default)]
            version: Option<i64>,
        }
    };
}

node! {
    HogQLQuery {
        query: String,
        #[serde(default)]
        filters: Option<HogQLFilters>,
        #[serde(default)]
        variables: Option<Map<String, Value>>,
        #[serde(default)]
        values: Option<Map<String, Value>>,
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        explain: Option<bool>,
        #[serde(default, rename = "connectionId")]
        connection_id: Option<Value>,
        #[serde(default, rename = "sendRawQuery")]
        send_raw_query: Option<Value>,
    }
}

/// What `{filters}` in a HogQL text stands for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HogQLFilters {
    #[serde(default)]
    pub properties: Option<Properties>,
    #[serde(default, rename = "dateRange")]
    pub date_range: Option<DateRange>,
    #[serde(default, rename = "filterTestAccounts")]
    pub filter_test_accounts: Option<bool>,
}

node! {
    HogQLMetadata {
        language: String,
        query: String,
        #[serde(default, rename = "sourceQuery")]
        source_query: Option<Value>,
        #[serde(default)]
        filters: Option<HogQLFilters>,
        #[serde(default)]
        globals: Option<Value>,
        #[serde(default)]
        variables: Option<Map<String, Value>>,
        #[serde(default)]
        debug: Option<bool>,
        #[serde(default, rename = "connectionId")]
        connection_id: Option<Value>,
    }
}

node! {
    HogQLAutocomplete {
        language: String,
        query: String,
        #[serde(rename = "startPosition")]
        start_position: usize,
        #[serde(rename = "endPosition")]
        end_position: usize,
        #[serde(default)]
        filters: Option<HogQLFilters>,
        #[serde(default, rename = "sourceQuery")]
        source_query: Option<Value>,
        #[serde(default)]
        globals: Option<Value>,
        #[serde(default, rename = "connectionId")]
        connection_id: Option<Value>,
    }
}

node! {
    EventsQuery {
        select: Vec<String>,
        #[serde(default, rename = "where")]
        conditions: Option<Vec<String>>,
        #[serde(default)]
        properties: Option<Properties>,
        #[serde(default, rename = "fixedProperties")]
        fixed_properties: Option<Properties>,
        #[serde(default, rename = "filterTestAccounts")]
        filter_test_accounts: Option<bool>,
        #[serde(default)]
        event: Option<String>,
        #[serde(default)]
        events: Option<Vec<String>>,
        #[serde(default, rename = "actionId")]
        action_id: Option<i64>,
        #[serde(default, rename = "actionSteps")]
        action_steps: Option<Vec<Value>>,
        #[serde(default, rename = "personId")]
        person_id: Option<String>,
        #[serde(default)]
        before: Option<String>,
        #[serde(default)]
        after: Option<String>,
        #[serde(default, rename = "orderBy")]
        order_by: Option<Vec<String>>,
        #[serde(default)]
        limit: Option<i64>,
        #[serde(default)]
        offset: Option<i64>,
        #[serde(default)]
        source: Option<Value>,
    }
}

node! {
    ActorsQuery {
        #[serde(default)]
        source: Option<Value>,
        #[serde(default)]
        select: Option<Vec<String>>,
        #[serde(default)]
        search: Option<String>,
        #[serde(default)]
        properties: Option<Properties>,
        #[serde(default, rename = "fixedProperties")]
        fixed_properties: Option<Properties>,
        #[serde(default, rename = "orderBy")]
        order_by: Option<Vec<String>>,
        #[serde(default)]
        limit: Option<i64>,
        #[serde(default)]
        offset: Option<i64>,
    }
}

node! {
    /// Who is behind one point of an insight.
    InsightActorsQuery {
        source: Value,
        #[serde(default)]
        day: Option<Value>,
        #[serde(default)]
        series: Option<usize>,
        #[serde(default)]
        breakdown: Option<Value>,
        #[serde(default)]
        compare: Option<String>,
        #[serde(default)]
        interval: Option<Value>,
        #[serde(default)]
        status: Option<String>,
        #[serde(default, rename = "includeRecordings")]
        include_recordings: Option<bool>,
    }
}

node! {
    /// Who was active in so many periods.
    StickinessActorsQuery {
        source: Value,
        /// How many.
        #[serde(default)]
        day: Option<Value>,
        #[serde(default)]
        operator: Option<String>,
        #[serde(default)]
        series: Option<usize>,
        #[serde(default)]
        compare: Option<String>,
        #[serde(default, rename = "includeRecordings")]
        include_recordings: Option<bool>,
    }
}

node! {
    /// What can be chosen to narrow an [`InsightActorsQuery`].
    InsightActorsQueryOptions {
        source: Value,
    }
}

node! {
    /// The old persons list.
    PersonsNode {
        #[serde(default)]
        search: Option<String>,
        #[serde(default)]
        cohort: Option<i64>,
        #[serde(default, rename = "distinctId")]
        distinct_id: Option<String>,
        #[serde(default)]
        properties: Option<Properties>,
        #[serde(default, rename = "fixedProperties")]
        fixed_properties: Option<Properties>,
        #[serde(default)]
        limit: Option<i64>,
        #[serde(default)]
        offset: Option<i64>,
    }
}

node! {
    GroupsQuery {
        group_type_index: u8,
        #[serde(default)]
        select: Option<Vec<String>>,
        #[serde(default)]
        search: Option<String>,
        #[serde(default)]
        properties: Option<Properties>,
        #[serde(default, rename = "orderBy")]
        order_by: Option<Vec<String>>,
        #[serde(default)]
        limit: Option<i64>,
        #[serde(default)]
        offset: Option<i64>,
    }
}

node! {
    /// The values that a property takes, most frequent first.
    PropertyValuesQuery {
        property_key: String,
        #[serde(default)]
        property_type: Option<String>,
        #[serde(default)]
        event_names: Option<Vec<String>>,
        #[serde(default)]
        search_value: Option<String>,
        #[serde(default)]
        is_column: Option<bool>,
        #[serde(default)]
        group_type_index: Option<u8>,
        #[serde(default)]
        limit: Option<i64>,
    }
}
