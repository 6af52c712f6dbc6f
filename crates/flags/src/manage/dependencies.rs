//! Which flags a flag's conditions ask about.

use crate::Flag;
use serde_json::Value;
use std::collections::BTreeSet;

/// Ids of the flags that these filters refer to.
pub fn of(filters: &Value) -> BTreeSet<i64> {
    properties(filters).filter(|property| property["type"] == "flag").filter_map(|property| id(&property["key"])).collect()
}

/// Every property filter of every condition.
pub fn properties(filters: &Value) -> impl Iterator<Item = &Value> {
    let groups = filters["groups"].as_array().into_iter().flatten();
    groups.flat_map(|group| group["properties"].as_array().into_iter().flatten())
}

/// An id as a number or its digits.
pub fn id(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The flags among `flags` that ask about `id`.
pub fn dependents(flags: &[Flag], id: i64) -> impl Iterator<Item = &Flag> {
    flags.iter().filter(move |flag| !flag.deleted && flag.id != id && of(&flag.filters).contains(&id))
}
