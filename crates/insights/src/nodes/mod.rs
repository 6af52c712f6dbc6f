//! Query nodes as clients write them. Strict: a field that PostHog's schema does not have is an error, not a silence.

pub mod experiments;
pub mod filters;
pub mod heatmap;
mod insight;
pub mod lifecycle;
pub mod paths;
pub mod series;
pub mod stickiness;
#[macro_use]
pub mod tables;
pub mod funnels;
pub mod retention;
pub mod sessions;
pub mod taxonomy;
pub mod traces;
pub mod trends;
pub mod web;

use insight::insight_node;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde_json::{Map, Value};
use series::Series;

/// Switches for one query. Engine-internal ones of PostHog are accepted and have no effect.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Modifiers {
    #[serde(default, rename = "personsOnEventsMode")]
    pub persons_mode: Option<String>,
    #[serde(default, rename = "convertToProjectTimezone")]
    pub convert_to_project_timezone: Option<bool>,
    /// Those that only some kinds look at, and those without effect.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Modifiers {
    pub fn to_json(modifiers: Option<&Modifiers>) -> Value {
        let mut object = Map::new();
        if let Some(mode) = modifiers.and_then(|modifiers| modifiers.persons_mode.clone()) {
            object.insert("personsOnEventsMode".to_owned(), mode.into());
        }
        Value::Object(object)
    }
}

/// Reads a node; the text of the error is meant for the client.
pub fn read<T: DeserializeOwned>(node: &Value) -> Result<T, String> {
    T::deserialize(node).map_err(|error| format!("{}: {error}", kind_of(node).unwrap_or("query")))
}

pub fn kind_of(node: &Value) -> Option<&str> {
    node.get("kind").and_then(Value::as_str)
}

/// The node that is to be run: wrappers only say how its answer looks.
pub fn unwrap(node: &Value) -> Result<&Value, String> {
    let allowed: &[&str] = match kind_of(node) {
        Some("InsightVizNode") => &[
            "source",
            "showHeader",
            "showTable",
            "showCorrelationTable",
            "showFilters",
            "showLastComputation",
            "showLastComputationRefresh",
            "showResults",
            "full",
            "embedded",
            "suppressSessionAnalysisWarning",
            "hidePersonsModal",
            "hideTooltipOnScroll",
            "vizSpecificOptions",
        ],
        Some("DataTableNode") => &[
            "source",
            "columns",
            "hiddenColumns",
            "pinnedColumns",
            "contextKey",
            "context",
            "full",
            "embedded",
            "expandable",
            "propertiesViaUrl",
            "allowSorting",
            "contextMenu",
            "defaultColumns",
            "columnFeatures",
        ],
        Some("DataVisualizationNode") => &["source", "display", "chartSettings", "tableSettings"],
        _ => return Ok(node),
    };
    let object = node.as_object().ok_or("a query must be an object")?;
    let always = ["kind", "version", "response", "tags", "modifiers"];
    let known = |name: &str| allowed.contains(&name) || always.contains(&name) || name.starts_with("show");
    let kind = kind_of(node).unwrap_or_default();
    if let Some(unknown) = object.keys().find(|name| !known(name)) {
        return Err(format!("{kind}: unknown field `{unknown}`"));
    }
    let source = object.get("source").filter(|source| source.is_object()).ok_or_else(|| format!("{kind}: `source` is missing"))?;
    match kind_of(source) {
        Some("InsightVizNode" | "DataTableNode" | "DataVisualizationNode") => Err(format!("{kind}: `source` must not be another wrapper")),
        _ => Ok(source),
    }
}

/// For objects with many fields that only concern how things look.
fn refuse_unknown<E: Error>(what: &str, rest: &Map<String, Value>, known: impl Fn(&str) -> bool) -> Result<(), E> {
    match rest.keys().find(|name| !known(name)) {
        Some(unknown) => Err(E::custom(format!("unknown field `{unknown}` in {what}"))),
        None => Ok(()),
    }
}

/// One letter of the alphabet per series.
const MAX_SERIES: usize = 26;

fn bounded_series<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Series>, D::Error> {
    let series = Vec::<Series>::deserialize(deserializer)?;
    match series.len() {
        0 => Err(D::Error::custom("at least one series is needed")),
        count if count > MAX_SERIES => Err(D::Error::custom(format!("at most {MAX_SERIES} series are possible"))),
        _ => Ok(series),
    }
}

#[cfg(test)]
mod tests {
    use super::trends::{Display, TrendsQuery};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_trends_query_with_presentation_fields_is_read() {
        let node = json!({
            "kind": "TrendsQuery", "interval": "day", "dateRange": {"date_from": "-7d"},
            "series": [{"kind": "EventsNode", "event": "$pageview", "name": "$pageview", "math": "dau"}],
            "trendsFilter": {"display": "BoldNumber", "showLegend": true, "metricColor": "red", "formula": "A*2"},
            "breakdownFilter": null, "properties": {"type": "AND", "values": []}
        });
        let query: TrendsQuery = read(&node).unwrap();
        let filter = query.filter.unwrap();
        assert_eq!((filter.display, filter.formulas.len()), (Display::BoldNumber, 1));
    }

    #[test]
    fn a_misspelt_field_is_refused_by_name_at_every_level() {
        let series = json!({"kind": "EventsNode", "event": "a"});
        for (node, name) in [
            (json!({"kind": "TrendsQuery", "series": [series], "intervall": "day"}), "intervall"),
            (json!({"kind": "TrendsQuery", "series": [series], "trendsFilter": {"smoothing": 3}}), "smoothing"),
            (json!({"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "evnt": "a"}]}), "evnt"),
            (json!({"kind": "TrendsQuery", "series": [series], "breakdownFilter": {"breakdow": "x"}}), "breakdow"),
            (json!({"kind": "TrendsQuery", "series": [series], "dateRange": {"from": "x"}}), "from"),
        ] {
            let error = read::<TrendsQuery>(&node).unwrap_err();
            assert!(error.contains(&format!("unknown field `{name}`")), "{error}");
        }
    }

    #[test]
    fn wrappers_are_taken_off_once() {
        let inner = json!({"kind": "HogQLQuery", "query": "select 1"});
        let node = json!({"kind": "DataTableNode", "source": inner, "full": true});
        assert_eq!(unwrap(&node).unwrap(), &inner);
        assert!(unwrap(&json!({"kind": "InsightVizNode", "source": node})).is_err());
        assert!(unwrap(&json!({"kind": "InsightVizNode"})).is_err());
        assert!(unwrap(&json!({"kind": "InsightVizNode", "source": inner, "nope": 1})).unwrap_err().contains("`nope`"));
    }
}
