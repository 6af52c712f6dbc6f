//! Property filters of list endpoints, decided in memory: lists of persons and groups are read in order and cut off early.

use model::{Properties, PropertyValue, Timestamp};
use regex::{Regex, RegexBuilder};
use serde_json::Value;

#[derive(Debug)]
pub struct Filter {
    key: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    IsSet,
    Equals(Vec<String>),
    Contains(Vec<String>),
    Matches(Regex),
    Number(fn(f64, f64) -> bool, f64),
    Before(Timestamp),
    After(Timestamp),
    Not(Box<Test>),
}

const MAX_FILTERS: usize = 100;
/// A pattern that compiles to more is refused rather than slow.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// Reads `[{"key", "value", "operator"}]` or `{"key": value}`. The error says what is wrong.
pub fn parse(filters: &Value) -> Result<Vec<Filter>, String> {
    match filters {
        Value::Null => Ok(Vec::new()),
        Value::Object(object) if object.contains_key("key") => Ok(vec![one(filters)?]),
        Value::Object(object) if object.contains_key("values") => parse(&object["values"]),
        Value::Object(object) => object.iter().map(|(key, value)| Ok(Filter { key: key.clone(), test: test("exact", value)? })).collect(),
        Value::Array(list) if list.len() > MAX_FILTERS => Err(format!("At most {MAX_FILTERS} filters are allowed.")),
        Value::Array(list) => {
            let each =
                list.iter().map(|item| if item.get("values").is_some() { parse(item) } else { one(item).map(|filter| vec![filter]) });
            each.collect::<Result<Vec<_>, _>>().map(|lists| lists.into_iter().flatten().collect())
        }
        _ => Err("Properties are unparsable!".to_owned()),
    }
}

/// A filter by membership.
#[derive(Debug, PartialEq, Eq)]
pub struct InCohort {
    pub id: i64,
    pub negated: bool,
}

/// Takes the filters by cohort out of a list, for whoever knows who is in them.
pub fn take_cohorts(filters: &mut Value) -> Result<Vec<InCohort>, String> {
    const MOST: usize = 20;
    let list = match filters {
        Value::Array(list) => list,
        Value::Object(group) => match group.get_mut("values") {
            Some(Value::Array(list)) => list,
            _ => return Ok(Vec::new()),
        },
        _ => return Ok(Vec::new()),
    };
    let mut taken = Vec::new();
    for item in std::mem::take(list) {
        if item["type"].as_str().is_some_and(|kind| matches!(kind, "cohort" | "static-cohort" | "precalculated-cohort")) {
            taken.push(in_cohort(&item)?);
        } else {
            let mut item = item;
            taken.extend(take_cohorts(&mut item)?);
            list.push(item);
        }
    }
    if taken.len() > MOST { Err(format!("At most {MOST} filters by cohort are allowed.")) } else { Ok(taken) }
}

fn in_cohort(filter: &Value) -> Result<InCohort, String> {
    let value = &filter["value"];
    let id = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()).ok_or("A filter by cohort needs its id as `value`.")?;
    let negated = match filter["operator"].as_str() {
        None | Some("in" | "exact") => false,
        Some("not_in" | "is_not") => true,
        Some(other) => return Err(format!("The operator of a filter by cohort is in or not_in, not \"{other}\".")),
    };
    Ok(InCohort { id, negated: negated ^ filter["negation"].as_bool().unwrap_or(false) })
}

fn one(filter: &Value) -> Result<Filter, String> {
    let key = filter["key"].as_str().ok_or("A filter needs a key.")?.to_owned();
    let operator = filter.get("operator").and_then(Value::as_str).unwrap_or("exact");
    Ok(Filter { key, test: test(operator, &filter["value"])? })
}

fn test(operator: &str, value: &Value) -> Result<Test, String> {
    if let Some(positive) = match operator {
        "is_not" => Some("exact"),
        "not_icontains" => Some("icontains"),
        "not_regex" => Some("regex"),
        "is_not_set" => Some("is_set"),
        _ => None,
    } {
        return Ok(Test::Not(Box::new(test(positive, value)?)));
    }
    let number = || text(value).parse::<f64>().map_err(|_| format!("The operator {operator} needs a number."));
    let date = || parse_date(&text(value)).ok_or_else(|| format!("The operator {operator} needs a date."));
    Ok(match operator {
        "exact" | "is_date_exact" => Test::Equals(texts(value)),
        "icontains" => Test::Contains(texts(value).into_iter().map(|text| text.to_lowercase()).collect()),
        "regex" => {
            let pattern = RegexBuilder::new(&text(value)).size_limit(MAX_REGEX_BYTES).build();
            Test::Matches(pattern.map_err(|_| "The regular expression is invalid or too complex.".to_owned())?)
        }
        "is_set" => Test::IsSet,
        "gt" => Test::Number(|a, b| a > b, number()?),
        "gte" => Test::Number(|a, b| a >= b, number()?),
        "lt" => Test::Number(|a, b| a < b, number()?),
        "lte" => Test::Number(|a, b| a <= b, number()?),
        "is_date_before" => Test::Before(date()?),
        "is_date_after" => Test::After(date()?),
        other => return Err(format!("The operator {other} is not supported here.")),
    })
}

fn text(value: &Value) -> String {
    texts(value).into_iter().next().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

fn parse_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let day = |text: &str| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    Timestamp::parse_rfc3339(text)
        .or_else(|| Timestamp::parse_rfc3339(&format!("{}Z", text.replacen(' ', "T", 1))))
        .or_else(|| day(text))
        .or_else(|| text.parse::<i64>().ok().map(Timestamp::from_seconds))
}

impl Filter {
    pub fn matches(&self, properties: &Properties) -> bool {
        self.test.holds(properties.get(&self.key).filter(|value| !value.is_null()))
    }
}

impl Test {
    /// Nothing equals, contains or exceeds a missing value; every negation of that holds.
    fn holds(&self, value: Option<&PropertyValue>) -> bool {
        if let Test::Not(test) = self {
            return !test.holds(value);
        }
        let Some(value) = value else { return false };
        let text = value.to_text().unwrap_or_default();
        match self {
            Test::IsSet => true,
            Test::Equals(texts) => texts.iter().any(|wanted| **wanted == *text),
            Test::Contains(texts) => {
                let text = text.to_lowercase();
                texts.iter().any(|wanted| text.contains(wanted))
            }
            Test::Matches(pattern) => pattern.is_match(&text),
            Test::Number(compare, number) => text.parse().is_ok_and(|value: f64| compare(value, *number)),
            Test::Before(at) => parse_date(&text).is_some_and(|value| value < *at),
            Test::After(at) => parse_date(&text).is_some_and(|value| value > *at),
            Test::Not(_) => unreachable!("negations are handled above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(filter: Value, expected: bool) {
        let properties = Properties::from_json_text(r#"{"plan":"Pro","seats":5,"on":true,"none":null,"at":"2025-01-02"}"#).unwrap();
        let filters = parse(&filter).unwrap();
        assert_eq!(filters.iter().all(|filter| filter.matches(&properties)), expected, "{filter}");
    }

    #[test]
    fn every_operator_decides() {
        let with = |key: &str, operator: &str, value: Value| json!([{"key": key, "operator": operator, "value": value, "type": "person"}]);
        check(with("plan", "exact", json!(["Free", "Pro"])), true);
        check(with("plan", "is_not", json!("Pro")), false);
        check(with("missing", "is_not", json!("Pro")), true);
        check(with("plan", "icontains", json!("pR")), true);
        check(with("plan", "not_icontains", json!("x")), true);
        check(with("plan", "regex", json!("^P.o$")), true);
        check(with("plan", "not_regex", json!("^P")), false);
        check(with("seats", "gt", json!(4)), true);
        check(with("seats", "lte", json!("4")), false);
        check(with("none", "is_set", json!("is_set")), false);
        check(with("missing", "is_not_set", json!("is_not_set")), true);
        check(with("at", "is_date_after", json!("2025-01-01")), true);
        check(with("at", "is_date_before", json!("2025-01-01 10:00:00")), false);
        check(json!({"plan": "Pro", "on": true}), true);
        check(json!({"type": "AND", "values": [{"key": "seats", "value": 5}]}), true);
        check(json!([]), true);
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for filter in [
            json!("x"),
            json!([{"value": 1}]),
            json!([{"key": "a", "operator": "regex", "value": "("}]),
            json!([{"key": "a", "operator": "gt", "value": "x"}]),
        ] {
            assert!(parse(&filter).is_err(), "{filter}");
        }
    }
}
