//! Nodes of earlier versions in their present form.

use super::camel;
use super::filters::{convert, is_legacy};
use serde_json::{Map, Value, json};

/// Nodes may hold nodes; no deeper than this.
const DEEPEST: usize = 16;

/// A query as it is written today. What is current stays as it is.
pub fn upgrade(query: &Value) -> Result<Value, String> {
    let has_kind = query.get("kind").is_some();
    if !has_kind && is_legacy(query) {
        return convert(query);
    }
    let mut node = query.clone();
    within(&mut node, 0);
    Ok(node)
}

fn within(value: &mut Value, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    let Value::Object(node) = value else { return };
    for holder in ["source", "funnelSource", "funnelPathsFilter"] {
        if let Some(inner) = node.get_mut(holder) {
            within(inner, depth + 1);
        }
    }
    let kind = node.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    match kind.as_str() {
        "TrendsQuery" => trends(node),
        "FunnelsQuery" => rename_within(node, "funnelsFilter"),
        "RetentionQuery" => rename_within(node, "retentionFilter"),
        "PathsQuery" => {
            rename_within(node, "pathsFilter");
            rename_within(node, "funnelPathsFilter");
        }
        "StickinessQuery" => {
            rename_within(node, "stickinessFilter");
            lift_compare(node, "stickinessFilter");
            hidden(node, "stickinessFilter");
        }
        "LifecycleQuery" => rename_within(node, "lifecycleFilter"),
        "PersonsQuery" => {
            node.insert("kind".to_owned(), "ActorsQuery".into());
        }
        "InsightPersonsQuery" => {
            node.insert("kind".to_owned(), "InsightActorsQuery".into());
        }
        _ => {}
    }
    // The breakdown had another name for a while.
    if kind.ends_with("Query")
        && !node.contains_key("breakdownFilter")
        && let Some(breakdown @ Value::Object(_)) = node.get("breakdown")
    {
        let breakdown = breakdown.clone();
        node.remove("breakdown");
        node.insert("breakdownFilter".to_owned(), breakdown);
    }
}

fn trends(node: &mut Map<String, Value>) {
    rename_within(node, "trendsFilter");
    lift_compare(node, "trendsFilter");
    hidden(node, "trendsFilter");
    let Some(Value::Object(filter)) = node.get_mut("trendsFilter") else { return };
    let has_nodes = filter.get("formulaNodes").and_then(Value::as_array).is_some_and(|nodes| !nodes.is_empty());
    let (one, several) = (filter.remove("formula"), filter.remove("formulas"));
    if has_nodes {
        return;
    }
    let mut formulas: Vec<Value> = several.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
    if formulas.is_empty() {
        formulas.extend(one);
    }
    let nodes = formulas.into_iter().filter(|formula| formula.as_str().is_some_and(|text| !text.trim().is_empty()));
    let nodes: Vec<Value> = nodes.map(|formula| json!({"formula": formula})).collect();
    if !nodes.is_empty() {
        filter.insert("formulaNodes".to_owned(), nodes.into());
    }
}

/// The fields of filters were written like_this before they were written likeThis.
fn rename_within(node: &mut Map<String, Value>, name: &str) {
    // These kept their names.
    const KEPT: &[&str] = &["breakdown_histogram_bin_count", "compare_to"];
    let Some(Value::Object(filter)) = node.get_mut(name) else { return };
    let old: Vec<String> = filter.keys().filter(|key| key.contains('_') && !KEPT.contains(&key.as_str())).cloned().collect();
    for key in old {
        if let Some(value) = filter.remove(&key) {
            let new = match key.as_str() {
                "funnel_aggregate_by_hogql" => "funnelAggregateByHogQL".to_owned(),
                "paths_hogql_expression" => "pathsHogQLExpression".to_owned(),
                _ => camel(&key),
            };
            filter.entry(new).or_insert(value);
        }
    }
}

/// Comparing was a part of how trends are shown.
fn lift_compare(node: &mut Map<String, Value>, name: &str) {
    let Some(Value::Object(filter)) = node.get_mut(name) else { return };
    let (compare, distance) = (filter.remove("compare"), filter.remove("compare_to"));
    if node.contains_key("compareFilter") {
        return;
    }
    if let Some(Value::Bool(true)) = compare {
        let mut compare = json!({"compare": true});
        if let Some(distance @ Value::String(_)) = distance {
            compare["compare_to"] = distance;
        }
        node.insert("compareFilter".to_owned(), compare);
    }
}

fn hidden(node: &mut Map<String, Value>, name: &str) {
    let Some(Value::Object(filter)) = node.get_mut(name) else { return };
    let Some(Value::Object(keys)) = filter.remove("hiddenLegendKeys") else { return };
    let hidden = keys.iter().filter(|(_, is_hidden)| is_hidden.as_bool() == Some(true)).filter_map(|(key, _)| key.parse::<i64>().ok());
    let hidden: Vec<i64> = hidden.collect();
    if !hidden.is_empty() {
        filter.entry("hiddenLegendIndexes").or_insert(hidden.into());
    }
}
