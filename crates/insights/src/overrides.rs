//! What a dashboard lays over the query of an insight: another date range, more filters, other variable values.

use crate::nodes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiltersOverride {
    #[serde(default)]
    pub date_from: Option<String>,
    #[serde(default)]
    pub date_to: Option<String>,
    #[serde(default)]
    pub properties: Option<Value>,
    #[serde(default)]
    pub breakdown_filter: Option<Value>,
    #[serde(default, rename = "explicitDate")]
    pub explicit_date: Option<bool>,
}

/// The innermost executable node with the overrides laid over it.
pub fn apply(query: &Value, filters: Option<&FiltersOverride>, variables: Option<&Map<String, Value>>) -> Result<Value, String> {
    let mut node = nodes::unwrap(query)?.clone();
    let is_sql = nodes::kind_of(&node) == Some("HogQLQuery");
    let breaks_down = matches!(nodes::kind_of(&node), Some("TrendsQuery" | "FunnelsQuery" | "RetentionQuery"));
    let Some(object) = node.as_object_mut() else { return Err("a query must be an object".to_owned()) };
    if let Some(filters) = filters {
        let within = if is_sql {
            let inner = object.entry("filters").or_insert_with(|| json!({}));
            if inner.is_null() {
                *inner = json!({});
            }
            inner.as_object_mut().ok_or("`filters` must be an object")?
        } else {
            &mut *object
        };
        lay_over(within, filters, is_sql, breaks_down);
    }
    if let Some(variables) = variables.filter(|_| is_sql) {
        override_variables(object, variables);
    }
    Ok(node)
}

fn lay_over(node: &mut Map<String, Value>, filters: &FiltersOverride, is_sql: bool, breaks_down: bool) {
    if filters.date_from.is_some() || filters.date_to.is_some() {
        let range = json!({"date_from": filters.date_from, "date_to": filters.date_to, "explicitDate": filters.explicit_date});
        node.insert("dateRange".to_owned(), range);
    }
    if let Some(more) = filters.properties.as_ref().filter(|more| !is_empty(more)) {
        let own = node.get("properties").cloned().filter(|own| !is_empty(own));
        let both = match (own, more) {
            (None, more) => more.clone(),
            (Some(Value::Array(own)), Value::Array(more)) if is_sql => own.into_iter().chain(more.iter().cloned()).collect(),
            (Some(own), more) => json!({"type": "AND", "values": [group(own), group(more.clone())]}),
        };
        node.insert("properties".to_owned(), both);
    }
    if let Some(breakdown) = filters.breakdown_filter.as_ref().filter(|breakdown| !breakdown.is_null() && breaks_down) {
        node.insert("breakdownFilter".to_owned(), breakdown.clone());
    }
}

fn is_empty(filters: &Value) -> bool {
    match filters {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.get("values").and_then(Value::as_array).is_some_and(Vec::is_empty),
        _ => false,
    }
}

fn group(filters: Value) -> Value {
    match filters {
        Value::Array(items) => json!({"type": "AND", "values": items}),
        other => other,
    }
}

/// Only variables that the query names change.
fn override_variables(node: &mut Map<String, Value>, variables: &Map<String, Value>) {
    let Some(Value::Object(own)) = node.get_mut("variables") else { return };
    for (id, value) in variables {
        if let (Some(Value::Object(variable)), Value::Object(new)) = (own.get_mut(id), value) {
            for name in ["value", "isNull"] {
                if let Some(new) = new.get(name) {
                    variable.insert(name.to_owned(), new.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dashboards_range_and_filters_are_laid_over_the_inner_query() {
        let query = json!({"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "series": [], "properties": [{"key": "a"}]}});
        let filters =
            FiltersOverride { date_from: Some("-30d".into()), properties: Some(json!([{"key": "b"}])), ..FiltersOverride::default() };
        let node = apply(&query, Some(&filters), None).unwrap();
        assert_eq!(node["dateRange"]["date_from"], "-30d");
        assert_eq!(
            node["properties"]["values"],
            json!([{"type": "AND", "values": [{"key": "a"}]}, {"type": "AND", "values": [{"key": "b"}]}])
        );
    }

    #[test]
    fn only_variables_that_the_query_names_change() {
        let query = json!({"kind": "HogQLQuery", "query": "select 1", "variables": {"v1": {"code_name": "x", "value": 1}}});
        let variables = json!({"v1": {"value": 2}, "v2": {"value": 3}});
        let node = apply(&query, None, variables.as_object()).unwrap();
        assert_eq!(node["variables"], json!({"v1": {"code_name": "x", "value": 2}}));
    }
}
