//! Through the router, on every database where one is asked.

mod answers;
mod definitions;
mod facts;
mod failures;
mod transport;

use crate::testing::{TOKEN, World, flag};
use serde_json::{Value, json};

/// On for everyone.
fn everyone() -> Value {
    json!({"groups": [{"properties": [], "rollout_percentage": 100}]})
}

fn nobody() -> Value {
    json!({"groups": [{"properties": [], "rollout_percentage": 0}]})
}

/// On for whom this property filter matches.
fn matching(property: Value) -> Value {
    json!({"groups": [{"properties": [property], "rollout_percentage": 100}]})
}

fn asking() -> Value {
    json!({"token": TOKEN, "distinct_id": "u"})
}
