//! What a watcher asks for, and the frame that an event becomes for it.

use std::collections::HashSet;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use web::{ApiError, ApiResult};

use crate::hub::Published;

const MAX_LISTED: usize = 200;
const MAX_PROPERTY_FILTERS: usize = 20;
const MAX_PATTERN_BYTES: usize = 1_000;
const MAX_COMPILED_BYTES: usize = 256 * 1024;

/// The query string of `/livestream/events`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Asked {
    pub event_type: Option<String>,
    pub distinct_id: Option<String>,
    pub geo: Option<String>,
    pub columns: Option<String>,
    /// A JSON list of `{key, operator, value}`.
    pub properties: Option<String>,
    pub token: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Filter {
    events: Option<HashSet<String>>,
    distinct_id: Option<String>,
    geo: bool,
    columns: Option<Vec<String>>,
    properties: Vec<PropertyFilter>,
}

#[derive(Clone, Debug)]
struct PropertyFilter {
    key: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Exact(Vec<String>),
    IsNot(Vec<String>),
    Contains(Vec<String>),
    ContainsNot(Vec<String>),
    Matches(Regex),
    MatchesNot(Regex),
    Compares(Comparison, f64),
    IsSet,
    IsNotSet,
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Deserialize)]
struct AskedProperty {
    key: String,
    operator: Option<String>,
    #[serde(default)]
    value: Value,
}

impl Filter {
    pub fn parse(asked: &Asked) -> ApiResult<Self> {
        Ok(Self {
            events: asked.event_type.as_deref().filter(|text| !text.is_empty()).map(list).transpose()?.map(HashSet::from_iter),
            distinct_id: asked.distinct_id.clone().filter(|id| !id.is_empty()),
            geo: asked.geo.as_deref().is_some_and(|geo| geo == "1" || geo.eq_ignore_ascii_case("true")),
            columns: asked.columns.as_deref().map(list).transpose()?,
            properties: asked
                .properties
                .as_deref()
                .filter(|text| !text.trim().is_empty())
                .map(parse_properties)
                .transpose()?
                .unwrap_or_default(),
        })
    }

    /// The JSON text of the event's frame; `None` when the watcher did not ask for it.
    pub fn frame(&self, published: &Published) -> Option<String> {
        let event = &published.event;
        let wanted = self.events.as_ref().is_none_or(|names| names.contains(&*event.event))
            && self.distinct_id.as_ref().is_none_or(|id| **id == *event.distinct_id)
            && self.properties.iter().all(|filter| filter.accepts(published.properties()));
        if !wanted {
            return None;
        }
        if self.geo {
            return geo_frame(published);
        }
        event_frame(published, self.columns.as_deref())
    }
}

#[derive(Serialize)]
struct EventFrame<'a, P> {
    uuid: String,
    timestamp: String,
    distinct_id: &'a str,
    person_id: String,
    event: &'a str,
    properties: P,
}

fn event_frame(published: &Published, columns: Option<&[String]>) -> Option<String> {
    match columns {
        Some(columns) => {
            let properties = published.properties();
            let chosen: Map<String, Value> =
                columns.iter().filter_map(|name| Some((name.clone(), properties.get(name)?.clone()))).collect();
            serialise(published, chosen)
        }
        None => match serde_json::from_str::<&RawValue>(&published.event.properties) {
            Ok(properties) => serialise(published, properties),
            Err(_) => serialise(published, Map::new()),
        },
    }
}

fn serialise(published: &Published, properties: impl Serialize) -> Option<String> {
    let event = &published.event;
    let frame = EventFrame {
        uuid: event.uuid.to_string(),
        timestamp: event.timestamp.to_string(),
        distinct_id: &event.distinct_id,
        person_id: event.person_id.to_string(),
        event: &event.event,
        properties,
    };
    serde_json::to_string(&frame).ok()
}

/// Only events whose place is known have one.
fn geo_frame(published: &Published) -> Option<String> {
    #[derive(Serialize)]
    struct GeoFrame<'a> {
        lat: f64,
        lng: f64,
        country_code: &'a str,
        distinct_id: &'a str,
        count: u32,
    }
    let properties = published.properties();
    let frame = GeoFrame {
        lat: properties.get("$geoip_latitude")?.as_f64()?,
        lng: properties.get("$geoip_longitude")?.as_f64()?,
        country_code: properties.get("$geoip_country_code").and_then(Value::as_str).unwrap_or_default(),
        distinct_id: &published.event.distinct_id,
        count: 1,
    };
    serde_json::to_string(&frame).ok()
}

fn list(text: &str) -> ApiResult<Vec<String>> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    if names.len() > MAX_LISTED {
        return Err(ApiError::invalid(format!("At most {MAX_LISTED} names can be asked for.")));
    }
    Ok(names)
}

fn parse_properties(text: &str) -> ApiResult<Vec<PropertyFilter>> {
    let asked: Vec<AskedProperty> =
        serde_json::from_str(text).map_err(|error| invalid(format!("The property filters are not a JSON list of filters: {error}.")))?;
    if asked.len() > MAX_PROPERTY_FILTERS {
        return Err(invalid(format!("At most {MAX_PROPERTY_FILTERS} property filters can be used on a live stream.")));
    }
    asked.into_iter().map(PropertyFilter::parse).collect()
}

fn invalid(detail: String) -> ApiError {
    ApiError::invalid(detail).attr("properties")
}

impl PropertyFilter {
    fn parse(asked: AskedProperty) -> ApiResult<Self> {
        let test = match asked.operator.as_deref().unwrap_or("exact") {
            "exact" => Test::Exact(texts(&asked.value)),
            "is_not" => Test::IsNot(texts(&asked.value)),
            "icontains" => Test::Contains(lower(&asked.value)),
            "not_icontains" => Test::ContainsNot(lower(&asked.value)),
            "regex" => Test::Matches(pattern(&asked.value)?),
            "not_regex" => Test::MatchesNot(pattern(&asked.value)?),
            "gt" => Test::Compares(Comparison::Greater, bound(&asked)?),
            "gte" => Test::Compares(Comparison::GreaterOrEqual, bound(&asked)?),
            "lt" => Test::Compares(Comparison::Less, bound(&asked)?),
            "lte" => Test::Compares(Comparison::LessOrEqual, bound(&asked)?),
            "is_set" => Test::IsSet,
            "is_not_set" => Test::IsNotSet,
            other => {
                return Err(invalid(format!("Live streams do not know the operator \"{}\".", other.chars().take(40).collect::<String>())));
            }
        };
        Ok(Self { key: asked.key, test })
    }

    /// A missing property fails every test but the negative ones.
    fn accepts(&self, properties: &Map<String, Value>) -> bool {
        let value = properties.get(&self.key).filter(|value| !value.is_null());
        let Some(value) = value else {
            return matches!(self.test, Test::IsNotSet | Test::IsNot(_) | Test::ContainsNot(_) | Test::MatchesNot(_));
        };
        let text = text(value);
        match &self.test {
            Test::Exact(wanted) => wanted.iter().any(|wanted| *wanted == text),
            Test::IsNot(wanted) => wanted.iter().all(|wanted| *wanted != text),
            Test::Contains(wanted) => contains_any(&text, wanted),
            Test::ContainsNot(wanted) => !contains_any(&text, wanted),
            Test::Matches(pattern) => pattern.is_match(&text),
            Test::MatchesNot(pattern) => !pattern.is_match(&text),
            Test::Compares(comparison, bound) => number(value).is_some_and(|number| comparison.holds(number, *bound)),
            Test::IsSet => true,
            Test::IsNotSet => false,
        }
    }
}

impl Comparison {
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Greater => number > bound,
            Self::GreaterOrEqual => number >= bound,
            Self::Less => number < bound,
            Self::LessOrEqual => number <= bound,
        }
    }
}

fn contains_any(text: &str, wanted: &[String]) -> bool {
    let text = text.to_lowercase();
    wanted.iter().any(|wanted| text.contains(wanted))
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().take(MAX_LISTED).map(text).collect(),
        value => vec![text(value)],
    }
}

fn lower(value: &Value) -> Vec<String> {
    texts(value).into_iter().map(|text| text.to_lowercase()).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn bound(asked: &AskedProperty) -> ApiResult<f64> {
    number(&asked.value).ok_or_else(|| invalid(format!("The filter on \"{}\" needs a number.", asked.key)))
}

fn pattern(value: &Value) -> ApiResult<Regex> {
    let pattern = text(value);
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(invalid(format!("A regular expression may have at most {MAX_PATTERN_BYTES} bytes.")));
    }
    let compiled = RegexBuilder::new(&pattern).size_limit(MAX_COMPILED_BYTES).build();
    compiled.map_err(|error| invalid(format!("The regular expression cannot be used: {error}.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LiveEvent;
    use model::{TeamId, Timestamp};
    use serde_json::json;

    fn published(properties: Value) -> Published {
        Published::new(LiveEvent {
            team: TeamId(1),
            uuid: uuid::Uuid::from_u128(1),
            timestamp: Timestamp::from_seconds(1_788_256_800),
            distinct_id: "u1".into(),
            person_id: uuid::Uuid::from_u128(2),
            event: "$pageview".into(),
            properties: properties.to_string().into(),
        })
    }

    fn frame(asked: Asked, properties: Value) -> Option<Value> {
        let text = Filter::parse(&asked).unwrap().frame(&published(properties))?;
        Some(serde_json::from_str(&text).unwrap())
    }

    fn passes(operator: &str, value: Value, properties: Value) -> bool {
        let filters = json!([{"key": "plan", "type": "event", "operator": operator, "value": value}]).to_string();
        frame(Asked { properties: Some(filters), ..Asked::default() }, properties).is_some()
    }

    #[test]
    fn unfiltered_event_is_sent_whole() {
        let frame = frame(Asked::default(), json!({"plan": "pro", "n": 1.5}));
        let expected = json!({
            "uuid": "00000000-0000-0000-0000-000000000001", "timestamp": "2026-09-01T10:00:00.000000Z", "distinct_id": "u1",
            "person_id": "00000000-0000-0000-0000-000000000002", "event": "$pageview", "properties": {"plan": "pro", "n": 1.5},
        });
        assert_eq!(frame, Some(expected));
    }

    #[test]
    fn event_type_and_distinct_id_select() {
        let asked = |event: &str, id: &str| Asked { event_type: Some(event.into()), distinct_id: Some(id.into()), ..Asked::default() };
        assert!(frame(asked("signup,$pageview", "u1"), json!({})).is_some());
        assert!(frame(asked("signup", ""), json!({})).is_none());
        assert!(frame(asked("", "u2"), json!({})).is_none());
        assert!(frame(asked("", ""), json!({})).is_some());
    }

    #[test]
    fn columns_restrict_properties_and_empty_means_none() {
        let asked = |columns: &str| Asked { columns: Some(columns.into()), ..Asked::default() };
        let properties = json!({"a": 1, "b": 2, "c": 3});
        assert_eq!(frame(asked("a, c,missing"), properties.clone()).unwrap()["properties"], json!({"a": 1, "c": 3}));
        assert_eq!(frame(asked(""), properties).unwrap()["properties"], json!({}));
    }

    #[test]
    fn geo_mode_sends_places_only() {
        let asked = Asked { geo: Some("TRUE".into()), ..Asked::default() };
        let place = json!({"$geoip_latitude": 52.5, "$geoip_longitude": 13.4, "$geoip_country_code": "DE"});
        let expected = json!({"lat": 52.5, "lng": 13.4, "country_code": "DE", "distinct_id": "u1", "count": 1});
        assert_eq!(frame(asked.clone(), place), Some(expected));
        assert_eq!(frame(asked, json!({"$geoip_country_code": "DE"})), None);
    }

    #[test]
    fn property_operators_decide() {
        let pro = || json!({"plan": "Pro"});
        assert!(passes("exact", json!(["Pro", "Team"]), pro()));
        assert!(!passes("exact", json!("pro"), pro()));
        assert!(passes("is_not", json!("Team"), pro()));
        assert!(!passes("is_not", json!(["Pro"]), pro()));
        assert!(passes("icontains", json!("pR"), pro()));
        assert!(!passes("not_icontains", json!("pR"), pro()));
        assert!(passes("regex", json!("^P.o$"), pro()));
        assert!(!passes("not_regex", json!("^P.o$"), pro()));
        assert!(passes("is_set", Value::Null, pro()));
        assert!(!passes("is_not_set", Value::Null, pro()));
        assert!(passes("exact", json!("true"), json!({"plan": true})));
    }

    #[test]
    fn numbers_compare_as_numbers() {
        assert!(passes("gt", json!(9), json!({"plan": 10})));
        assert!(!passes("gt", json!(10), json!({"plan": 10})));
        assert!(passes("gte", json!("10"), json!({"plan": "10"})));
        assert!(passes("lt", json!(10), json!({"plan": 9.5})));
        assert!(passes("lte", json!(10), json!({"plan": 10})));
        assert!(!passes("lt", json!(10), json!({"plan": "nine"})));
    }

    #[test]
    fn missing_property_passes_only_negative_tests() {
        for operator in ["is_not", "not_icontains", "not_regex", "is_not_set"] {
            assert!(passes(operator, json!("x"), json!({"plan": null})), "{operator}");
        }
        for operator in ["exact", "icontains", "regex", "is_set"] {
            assert!(!passes(operator, json!("x"), json!({})), "{operator}");
        }
    }

    #[test]
    fn hostile_filters_are_refused() {
        let refused = |properties: String| Filter::parse(&Asked { properties: Some(properties), ..Asked::default() }).is_err();
        assert!(refused("{".into()));
        assert!(refused(json!([{"key": "a", "operator": "regex", "value": "("}]).to_string()));
        assert!(refused(json!([{"key": "a", "operator": "regex", "value": "(a{1,900}){1,900}"}]).to_string()));
        assert!(refused(json!([{"key": "a", "operator": "regex", "value": "a".repeat(1_001)}]).to_string()));
        assert!(refused(json!([{"key": "a", "operator": "gt", "value": "many"}]).to_string()));
        assert!(refused(json!([{"key": "a", "operator": "resembles", "value": "x"}]).to_string()));
        assert!(refused(json!(vec![json!({"key": "a", "operator": "is_set"}); 21]).to_string()));
    }
}
