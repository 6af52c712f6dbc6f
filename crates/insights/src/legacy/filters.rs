//! The flat `filters` of insights saved before there were query nodes.

use super::camel;
use super::entities::{self, Maths, is_empty, number, properties, series};
use serde_json::{Map, Value, json};

/// Are these the filters of an insight, as opposed to none?
pub fn is_legacy(filters: &Value) -> bool {
    let has = |name: &str| filters.get(name).is_some_and(|value| !value.is_null());
    ["insight", "events", "actions", "shown_as", "target_entity", "include_event_types", "path_type"].iter().any(|name| has(name))
}

/// The insight as an `InsightVizNode`.
pub fn convert(filters: &Value) -> Result<Value, String> {
    let filters = filters.as_object().ok_or("filters must be an object")?;
    let source = match kind(filters)?.as_str() {
        "TRENDS" => trends(filters)?,
        "FUNNELS" => funnels(filters)?,
        "RETENTION" => retention(filters)?,
        "PATHS" => paths(filters)?,
        "LIFECYCLE" => lifecycle(filters)?,
        "STICKINESS" => stickiness(filters)?,
        other => return Err(format!("\"{other}\" is not a kind of insight")),
    };
    Ok(json!({"kind": "InsightVizNode", "source": source}))
}

fn kind(filters: &Map<String, Value>) -> Result<String, String> {
    // Before stickiness and lifecycle were insights, they were ways to show trends.
    match filters.get("shown_as").and_then(Value::as_str) {
        Some("Stickiness") => return Ok("STICKINESS".to_owned()),
        Some("Lifecycle") => return Ok("LIFECYCLE".to_owned()),
        _ => {}
    }
    match filters.get("insight") {
        None | Some(Value::Null) => Ok("TRENDS".to_owned()),
        Some(Value::String(text)) => Ok(match text.to_uppercase().as_str() {
            // The session insight became a trend of session durations and has no other successor.
            "SESSIONS" => "TRENDS".to_owned(),
            known => known.to_owned(),
        }),
        Some(_) => Err("`insight` must be a text".to_owned()),
    }
}

fn trends(filters: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut node = base("TrendsQuery", filters)?;
    node.insert("series".to_owned(), all_series(filters, entities::any)?);
    interval(filters, &mut node);
    breakdown(filters, &mut node);
    compare(filters, &mut node);
    let mut filter = chosen(filters, TRENDS);
    if let Some(formula) = filters.get("formula").and_then(Value::as_str).filter(|formula| !formula.trim().is_empty()) {
        filter.insert("formulaNodes".to_owned(), json!([{"formula": formula}]));
    }
    hidden(filters, &mut filter);
    insert(&mut node, "trendsFilter", filter);
    Ok(node)
}

fn funnels(filters: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut node = base("FunnelsQuery", filters)?;
    node.insert("series".to_owned(), all_series(filters, entities::of_funnels)?);
    interval(filters, &mut node);
    breakdown(filters, &mut node);
    let mut filter = chosen(filters, FUNNELS);
    // Days, before there were units.
    if let Some(days) = filters.get("funnel_window_days").and_then(number).filter(|_| !filter.contains_key("funnelWindowInterval")) {
        filter.insert("funnelWindowInterval".to_owned(), days.into());
        filter.insert("funnelWindowIntervalUnit".to_owned(), "day".into());
    }
    if let Some(expression) = text(filters, "funnel_aggregate_by_hogql").filter(|text| *text != "person_id") {
        filter.insert("funnelAggregateByHogQL".to_owned(), expression.into());
    }
    if let Some(Value::Array(list)) = filters.get("exclusions") {
        let exclusions = list.iter().map(exclusion).collect::<Result<Vec<Value>, String>>()?;
        filter.insert("exclusions".to_owned(), exclusions.into());
    }
    insert(&mut node, "funnelsFilter", filter);
    Ok(node)
}

fn exclusion(item: &Value) -> Result<Value, String> {
    let mut node = entities::entity(item, "events", entities::none)?;
    let kind = if node["kind"] == "ActionsNode" { "FunnelExclusionActionsNode" } else { "FunnelExclusionEventsNode" };
    node["kind"] = kind.into();
    for (old, new) in [("funnel_from_step", "funnelFromStep"), ("funnel_to_step", "funnelToStep")] {
        if let Some(step) = item.get(old).and_then(number) {
            node[new] = step.into();
        }
    }
    Ok(node)
}

fn retention(filters: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut node = base("RetentionQuery", filters)?;
    let mut filter = chosen(filters, RETENTION);
    for (old, new) in [("target_entity", "targetEntity"), ("returning_entity", "returningEntity")] {
        let parsed;
        let entity = match filters.get(old) {
            Some(Value::String(text)) => {
                parsed = serde_json::from_str(text).map_err(|_| format!("`{old}` must be an object"))?;
                Some(&parsed)
            }
            other => other,
        };
        let Some(Value::Object(members)) = entity else { continue };
        let known = ["id", "type", "name", "custom_name", "order", "kind", "uuid"];
        let kept = members.iter().filter(|(name, value)| known.contains(&name.as_str()) && !value.is_null());
        let mut entity: Map<String, Value> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        let properties = properties(members.get("properties"))?;
        if !is_empty(&properties) {
            entity.insert("properties".to_owned(), properties);
        }
        filter.insert(new.to_owned(), entity.into());
    }
    insert(&mut node, "retentionFilter", filter);
    Ok(node)
}

fn paths(filters: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut node = base("PathsQuery", filters)?;
    let mut filter = chosen(filters, PATHS);
    let types = filter.get("includeEventTypes").and_then(Value::as_array).is_none_or(Vec::is_empty);
    if let Some(kind) = text(filters, "path_type").filter(|_| types) {
        filter.insert("includeEventTypes".to_owned(), json!([kind]));
    }
    if let Some(expression) = text(filters, "paths_hogql_expression") {
        filter.insert("pathsHogQLExpression".to_owned(), expression.into());
    }
    insert(&mut node, "pathsFilter", filter);
    if let (Some(part), Some(funnel @ Value::Object(members))) = (text(filters, "funnel_paths"), filters.get("funnel_filter")) {
        let mut source = convert(&with_insight(funnel, "FUNNELS"))?;
        let step = members.get("funnel_step").and_then(number);
        node.insert(
            "funnelPathsFilter".to_owned(),
            json!({"funnelPathType": part, "funnelSource": source["source"].take(), "funnelStep": step}),
        );
    }
    Ok(node)
}

fn with_insight(filters: &Value, kind: &str) -> Value {
    let mut filters = filters.clone();
    filters["insight"] = kind.into();
    filters
}

fn lifecycle(filters: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut node = base("LifecycleQuery", filters)?;
    node.insert("series".to_owned(), all_series(filters, entities::none)?);
    interval(filters, &mut node);
    let mut filter = chosen(filters, &["show_values_on_series", "show_legend", "stacked"]);
    if let Some(shown) = filters.get("toggledLifecycles").filter(|shown| shown.is_array()) {
        filter.insert("toggledLifecycles".to_owned(), shown.clone());
    }
    insert(&mut node, "lifecycleFilter", filter);
    Ok(node)
}

fn stickiness(filters: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut node = base("StickinessQuery", filters)?;
    node.insert("series".to_owned(), all_series(filters, entities::of_stickiness)?);
    interval(filters, &mut node);
    compare(filters, &mut node);
    let mut filter = chosen(filters, &["display", "show_legend", "show_values_on_series", "show_multiple_y_axes"]);
    hidden(filters, &mut filter);
    insert(&mut node, "stickinessFilter", filter);
    Ok(node)
}

const TRENDS: &[&str] = &[
    "display",
    "smoothing_intervals",
    "show_legend",
    "aggregation_axis_format",
    "aggregation_axis_prefix",
    "aggregation_axis_postfix",
    "decimal_places",
    "show_values_on_series",
    "show_labels_on_series",
    "show_percent_stack_view",
    "show_alert_threshold_lines",
    "show_multiple_y_axes",
    "y_axis_scale_type",
];

const FUNNELS: &[&str] = &[
    "funnel_viz_type",
    "funnel_order_type",
    "funnel_from_step",
    "funnel_to_step",
    "funnel_window_interval",
    "funnel_window_interval_unit",
    "funnel_step_reference",
    "breakdown_attribution_type",
    "breakdown_attribution_value",
    "bin_count",
    "layout",
];

const RETENTION: &[&str] = &["retention_type", "retention_reference", "total_intervals", "period", "cumulative", "show_mean"];

const PATHS: &[&str] = &[
    "include_event_types",
    "exclude_events",
    "start_point",
    "end_point",
    "step_limit",
    "edge_limit",
    "min_edge_weight",
    "max_edge_weight",
    "path_groupings",
    "path_replacements",
    "local_path_cleaning_filters",
    "path_start_key",
    "path_end_key",
    "path_dropoff_key",
];

/// Fields whose values were sometimes texts.
const NUMBERS: &[&str] = &[
    "smoothing_intervals",
    "decimal_places",
    "funnel_from_step",
    "funnel_to_step",
    "funnel_window_interval",
    "breakdown_attribution_value",
    "total_intervals",
    "step_limit",
    "edge_limit",
    "min_edge_weight",
    "max_edge_weight",
    "bin_count",
];

/// The named fields under their new names; nulls and empty texts are nothing.
fn chosen(filters: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let mut chosen = Map::new();
    for name in names {
        let Some(value) = filters.get(*name).filter(|value| !value.is_null() && **value != Value::from("")) else { continue };
        let value = match value {
            Value::String(text) if NUMBERS.contains(name) => match text.trim().parse::<i64>() {
                Ok(number) => number.into(),
                // `auto`, as in `bin_count`.
                Err(_) => continue,
            },
            other => other.clone(),
        };
        let name = if *name == "show_mean" { "meanRetentionCalculation".to_owned() } else { camel(name) };
        let value = match (name.as_str(), &value) {
            ("meanRetentionCalculation", Value::Bool(shows)) => if *shows { "simple" } else { "none" }.into(),
            ("path_replacements" | "pathReplacements", Value::String(text)) => matches!(text.as_str(), "true" | "1" | "True").into(),
            _ => value,
        };
        chosen.insert(name, value);
    }
    chosen
}

/// What every insight has.
fn base(kind: &str, filters: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut node = Map::new();
    node.insert("kind".to_owned(), kind.into());
    let mut range = Map::new();
    for name in ["date_from", "date_to"] {
        if let Some(text) = text(filters, name) {
            range.insert(name.to_owned(), text.into());
        }
    }
    if truth(filters.get("explicit_date")) {
        range.insert("explicitDate".to_owned(), true.into());
    }
    insert(&mut node, "dateRange", range);
    let properties = properties(filters.get("properties"))?;
    if !is_empty(&properties) {
        node.insert("properties".to_owned(), properties);
    }
    if let Some(flag) = filters.get("filter_test_accounts").filter(|flag| !flag.is_null()) {
        node.insert("filterTestAccounts".to_owned(), truth(Some(flag)).into());
    }
    if let Some(factor) = filters.get("sampling_factor").and_then(float) {
        node.insert("samplingFactor".to_owned(), factor.into());
    }
    if let Some(index) = filters.get("aggregation_group_type_index").and_then(number) {
        node.insert("aggregation_group_type_index".to_owned(), index.into());
    }
    Ok(node)
}

fn float(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn truth(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => matches!(text.to_lowercase().as_str(), "true" | "1"),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        _ => false,
    }
}

fn text<'a>(filters: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    filters.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn insert(node: &mut Map<String, Value>, name: &str, members: Map<String, Value>) {
    if !members.is_empty() {
        node.insert(name.to_owned(), members.into());
    }
}

/// An insight without events was about page views.
fn all_series(filters: &Map<String, Value>, maths: Maths) -> Result<Value, String> {
    let series = series(filters, maths)?;
    Ok(match series.is_empty() {
        true => json!([{"kind": "EventsNode", "event": "$pageview", "name": "$pageview"}]),
        false => series.into(),
    })
}

fn interval(filters: &Map<String, Value>, node: &mut Map<String, Value>) {
    if let Some(interval) = text(filters, "interval") {
        node.insert("interval".to_owned(), interval.to_lowercase().into());
    }
}

fn compare(filters: &Map<String, Value>, node: &mut Map<String, Value>) {
    if !truth(filters.get("compare")) {
        return;
    }
    let mut compare = json!({"compare": true});
    if let Some(distance) = text(filters, "compare_to") {
        compare["compare_to"] = distance.into();
    }
    node.insert("compareFilter".to_owned(), compare);
}

fn breakdown(filters: &Map<String, Value>, node: &mut Map<String, Value>) {
    let mut found = Map::new();
    let several = filters.get("breakdowns").and_then(Value::as_array).filter(|list| !list.is_empty());
    match filters.get("breakdown").filter(|value| !value.is_null() && **value != Value::from("") && **value != json!([])) {
        Some(one) => {
            found.insert("breakdown".to_owned(), one.clone());
            found.insert("breakdown_type".to_owned(), text(filters, "breakdown_type").unwrap_or("event").into());
        }
        None => {
            let Some(list) = several else { return };
            let one = |item: &Value| json!({"property": item["property"], "type": item["type"].as_str().unwrap_or("event")});
            found.insert("breakdowns".to_owned(), list.iter().map(one).collect());
        }
    }
    for name in ["breakdown_limit", "breakdown_group_type_index", "breakdown_histogram_bin_count"] {
        if let Some(value) = filters.get(name).and_then(number) {
            found.insert(name.to_owned(), value.into());
        }
    }
    for name in ["breakdown_normalize_url", "breakdown_hide_other_aggregation"] {
        if let Some(flag) = filters.get(name).filter(|flag| !flag.is_null()) {
            found.insert(name.to_owned(), truth(Some(flag)).into());
        }
    }
    node.insert("breakdownFilter".to_owned(), found.into());
}

/// Series that the legend hides were an object of positions.
fn hidden(filters: &Map<String, Value>, filter: &mut Map<String, Value>) {
    let Some(Value::Object(keys)) = filters.get("hidden_legend_keys") else { return };
    let hidden: Vec<i64> = keys.iter().filter(|(_, is_hidden)| truth(Some(is_hidden))).filter_map(|(key, _)| key.parse().ok()).collect();
    if !hidden.is_empty() {
        filter.insert("hiddenLegendIndexes".to_owned(), hidden.into());
    }
}
