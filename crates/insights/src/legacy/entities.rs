//! Events, actions and property filters of old insights.

use serde_json::{Map, Value, json};

/// Fields that an entity kept from one form to the other.
const KEPT: &[&str] =
    &["name", "custom_name", "math", "math_property", "math_property_type", "math_hogql", "math_group_type_index", "math_multiplier"];

/// Which maths an insight knows; others were remnants of the editor.
pub type Maths = fn(&str) -> bool;

pub fn any(_: &str) -> bool {
    true
}

pub fn of_funnels(math: &str) -> bool {
    matches!(math, "total" | "first_time_for_user" | "first_time_for_user_with_filters")
}

pub fn of_stickiness(math: &str) -> bool {
    matches!(math, "unique_group" | "hogql" | "dau" | "total")
}

pub fn none(_: &str) -> bool {
    false
}

/// Events and actions in the order of the insight.
pub fn series(filters: &Map<String, Value>, maths: Maths) -> Result<Vec<Value>, String> {
    const MOST: usize = 100;
    let mut entities: Vec<(i64, Value)> = Vec::new();
    for (list, kind) in [("actions", "actions"), ("events", "events"), ("data_warehouse", "data_warehouse")] {
        let text_list;
        let items = match filters.get(list) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(items)) => items,
            // Query strings carried lists as JSON.
            Some(Value::String(text)) => {
                text_list = serde_json::from_str::<Vec<Value>>(text).map_err(|_| format!("`{list}` must be a list"))?;
                &text_list
            }
            Some(_) => return Err(format!("`{list}` must be a list")),
        };
        for item in items {
            let order = item.get("order").and_then(number).unwrap_or(entities.len() as i64);
            entities.push((order, entity(item, kind, maths)?));
        }
    }
    if entities.len() > MOST {
        return Err(format!("an insight can have at most {MOST} events and actions"));
    }
    entities.sort_by_key(|(order, _)| *order);
    Ok(entities.into_iter().map(|(_, node)| node).collect())
}

/// One event or action. `kind` is used when the entity does not say what it is.
pub fn entity(item: &Value, kind: &str, maths: Maths) -> Result<Value, String> {
    let Value::Object(members) = item else {
        // The oldest form was the bare name of the event.
        return match item {
            Value::String(event) => Ok(json!({"kind": "EventsNode", "event": event})),
            _ => Err(format!("an entry of `{kind}` must be an object")),
        };
    };
    let id = members.get("id").unwrap_or(&Value::Null);
    let mut node = Map::new();
    match members.get("type").and_then(Value::as_str).unwrap_or(kind) {
        "events" => {
            node.insert("kind".to_owned(), "EventsNode".into());
            node.insert("event".to_owned(), id.clone());
        }
        "actions" => {
            let id = number(id).ok_or("an action needs a number as `id`")?;
            node.insert("kind".to_owned(), "ActionsNode".into());
            node.insert("id".to_owned(), id.into());
        }
        other => return Err(format!("entities of type \"{other}\" are not supported")),
    }
    for name in KEPT {
        let Some(value) = members.get(*name).filter(|value| !value.is_null()) else { continue };
        let belongs = !name.starts_with("math") || members.get("math").and_then(Value::as_str).is_some_and(maths);
        if belongs {
            node.insert((*name).to_owned(), value.clone());
        }
    }
    let properties = properties(members.get("properties"))?;
    if !is_empty(&properties) {
        node.insert("properties".to_owned(), properties);
    }
    Ok(Value::Object(node))
}

pub fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

pub fn is_empty(properties: &Value) -> bool {
    match properties {
        Value::Array(items) => items.is_empty(),
        Value::Object(group) => group.get("values").and_then(Value::as_array).is_none_or(Vec::is_empty),
        _ => true,
    }
}

const FILTER_FIELDS: &[&str] = &["key", "value", "operator", "type", "group_type_index", "negation", "label", "cohort_name"];

/// Lists, groups, and the oldest form: an object of `name__operator: value`.
pub fn properties(value: Option<&Value>) -> Result<Value, String> {
    match value {
        None | Some(Value::Null) => Ok(json!([])),
        Some(Value::String(text)) if text.is_empty() => Ok(json!([])),
        Some(Value::String(text)) => {
            let parsed: Value = serde_json::from_str(text).map_err(|_| "`properties` must be a list".to_owned())?;
            if parsed.is_string() { Err("`properties` must be a list".to_owned()) } else { properties(Some(&parsed)) }
        }
        Some(Value::Array(items)) => items.iter().map(|item| filter(item, 0)).collect::<Result<_, _>>().map(Value::Array),
        Some(group @ Value::Object(members)) if members.contains_key("values") => filter(group, 0),
        Some(Value::Object(members)) => Ok(members.iter().map(|(name, value)| named(name, value)).collect()),
        Some(_) => Err("`properties` must be a list".to_owned()),
    }
}

fn named(name: &str, value: &Value) -> Value {
    match name.rsplit_once("__") {
        Some((key, operator)) if !key.is_empty() => json!({"key": key, "operator": operator, "value": value, "type": "event"}),
        _ => json!({"key": name, "operator": "exact", "value": value, "type": "event"}),
    }
}

fn filter(item: &Value, depth: usize) -> Result<Value, String> {
    const DEEPEST: usize = 16;
    let members = item.as_object().ok_or("a property filter must be an object")?;
    if depth > DEEPEST {
        return Err(format!("property groups can be nested at most {DEEPEST} deep"));
    }
    if let Some(Value::Array(values)) = members.get("values") {
        let values: Vec<Value> = values.iter().map(|value| filter(value, depth + 1)).collect::<Result<_, _>>()?;
        let joined_by = members.get("type").and_then(Value::as_str).filter(|text| *text == "OR").unwrap_or("AND");
        return Ok(json!({"type": joined_by, "values": values}));
    }
    let kept = members.iter().filter(|(name, value)| FILTER_FIELDS.contains(&name.as_str()) && !value.is_null());
    let mut filter: Map<String, Value> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    let kind = filter.get("type").and_then(Value::as_str).unwrap_or("event").to_owned();
    if filter.get("operator").is_none() && !matches!(kind.as_str(), "cohort" | "hogql") {
        filter.insert("operator".to_owned(), "exact".into());
    }
    filter.insert("type".to_owned(), kind.into());
    Ok(Value::Object(filter))
}
