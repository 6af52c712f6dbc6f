//! Query nodes about single sessions.

use super::Modifiers;
use super::filters::Properties;
use serde::Deserialize;
use serde_json::Value;

node! {
    SessionsQuery {
        select: Vec<String>,
        #[serde(default, rename = "where")]
        conditions: Option<Vec<String>>,
        /// Of sessions; filters of events and persons mean sessions that have such.
        #[serde(default)]
        properties: Option<Properties>,
        #[serde(default, rename = "fixedProperties")]
        fixed_properties: Option<Properties>,
        #[serde(default, rename = "filterTestAccounts")]
        filter_test_accounts: Option<bool>,
        /// Only sessions with such an event.
        #[serde(default)]
        event: Option<String>,
        #[serde(default, rename = "eventProperties")]
        event_properties: Option<Properties>,
        #[serde(default, rename = "actionId")]
        action_id: Option<i64>,
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
    }
}

node! {
    /// The events of a person, session by session.
    SessionsTimelineQuery {
        #[serde(default, rename = "personId")]
        person_id: Option<String>,
        #[serde(default)]
        before: Option<String>,
        #[serde(default)]
        after: Option<String>,
    }
}
