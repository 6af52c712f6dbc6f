//! Property filters as clients write them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One condition on one property.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PropertyFilter {
    /// `event`, `person`, `group`, `session`, `hogql` …; a filter without one is about the event.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_type_index: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negation: Option<bool>,
    /// Shown by clients, never read: names of cohorts, groups and flags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cohort_name: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group_key_names: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_type: Option<Value>,
}

impl PropertyFilter {
    pub fn key_text(&self) -> Option<String> {
        match self.key.as_ref()? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// Filters joined by AND and OR.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Properties {
    All(Vec<Properties>),
    Any(Vec<Properties>),
    One(Box<PropertyFilter>),
}

impl Default for Properties {
    fn default() -> Self {
        Properties::All(Vec::new())
    }
}

/// Groups nest at most this deep; the product's editor makes two levels.
const MAX_DEPTH: usize = 16;
/// Conditions in one filter list.
const MAX_TERMS: usize = 1_000;

impl TryFrom<Value> for Properties {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        read(&value, 0)
    }
}

impl Properties {
    pub fn is_empty(&self) -> bool {
        match self {
            Properties::All(terms) | Properties::Any(terms) => terms.iter().all(Properties::is_empty),
            Properties::One(_) => false,
        }
    }
}

fn read(value: &Value, depth: usize) -> Result<Properties, String> {
    if depth > MAX_DEPTH {
        return Err(format!("property groups can be nested at most {MAX_DEPTH} deep"));
    }
    let list = |values: &[Value]| -> Result<Vec<Properties>, String> {
        if values.len() > MAX_TERMS {
            return Err(format!("a filter list can have at most {MAX_TERMS} entries"));
        }
        values.iter().map(|value| read(value, depth + 1)).collect()
    };
    match value {
        Value::Null => Ok(Properties::default()),
        Value::Array(values) => Ok(Properties::All(list(values)?)),
        Value::Object(object) if object.contains_key("values") => {
            if let Some(other) = object.keys().find(|key| !matches!(key.as_str(), "type" | "values")) {
                return Err(format!("unknown field `{other}` in a property group"));
            }
            let values = match &object["values"] {
                Value::Array(values) => list(values)?,
                Value::Null => Vec::new(),
                _ => return Err("`values` of a property group must be a list".to_owned()),
            };
            match object.get("type").and_then(Value::as_str).unwrap_or("AND") {
                "AND" => Ok(Properties::All(values)),
                // An empty OR filters nothing, as in the product's editor.
                "OR" if values.is_empty() => Ok(Properties::default()),
                "OR" => Ok(Properties::Any(values)),
                other => Err(format!("a property group is joined by AND or OR, not by \"{other}\"")),
            }
        }
        Value::Object(object) if object.is_empty() => Ok(Properties::default()),
        Value::Object(_) => {
            let filter = PropertyFilter::deserialize(value).map_err(|error| format!("property filter: {error}"))?;
            Ok(Properties::One(Box::new(filter)))
        }
        _ => Err("a property filter must be an object".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_groups_and_single_filters_are_read() {
        let one = json!({"key": "a", "type": "event", "value": 1, "operator": "gt"});
        let group = json!({"type": "AND", "values": [{"type": "OR", "values": [one, one]}]});
        let Properties::All(terms) = Properties::try_from(group).unwrap() else { panic!("not an AND") };
        assert!(matches!(&terms[0], Properties::Any(inner) if inner.len() == 2));
        assert!(Properties::try_from(json!(null)).unwrap().is_empty());
        assert!(Properties::try_from(json!({"type": "OR", "values": []})).unwrap().is_empty());
    }

    #[test]
    fn unknown_fields_are_refused_by_name() {
        let error = Properties::try_from(json!([{"key": "a", "oper": "gt"}])).unwrap_err();
        assert!(error.contains("unknown field `oper`"), "{error}");
        let error = Properties::try_from(json!({"type": "AND", "values": [], "x": 1})).unwrap_err();
        assert!(error.contains("unknown field `x`"), "{error}");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let mut nested = json!([]);
        for _ in 0..100 {
            nested = json!([nested]);
        }
        assert!(Properties::try_from(nested).is_err());
    }
}
