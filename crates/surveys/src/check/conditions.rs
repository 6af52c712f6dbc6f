//! Where and when a survey may be shown.

use serde_json::Value;
use web::{ApiError, ApiResult};

const MAX_VALUES: usize = 100;
const MATCHES: &[&str] = &["regex", "not_regex", "exact", "is_not", "icontains", "not_icontains"];
const OPERATORS: &[&str] = &["regex", "not_regex", "exact", "is_not", "icontains", "not_icontains", "gt", "lt"];

pub fn check(conditions: &Value) -> ApiResult<()> {
    let given = |name: &str| Some(&conditions[name]).filter(|value| !value.is_null());
    for name in ["url", "selector", "linkedFlagVariant"] {
        if given(name).is_some_and(|value| !value.as_str().is_some_and(|text| text.len() <= 2_000)) {
            return Err(refused(name, "must be a text of at most 2000 bytes"));
        }
    }
    for name in ["urlMatchType", "deviceTypesMatchType"] {
        if given(name).is_some_and(|value| !value.as_str().is_some_and(|text| MATCHES.contains(&text))) {
            return Err(refused(name, &format!("must be one of {}", MATCHES.join(", "))));
        }
    }
    if given("seenSurveyWaitPeriodInDays").is_some_and(|days| !days.as_f64().is_some_and(|days| days >= 0.0)) {
        return Err(refused("seenSurveyWaitPeriodInDays", "must be a number of days"));
    }
    if given("deviceTypes").is_some_and(|list| !list.as_array().is_some_and(|list| list.iter().all(Value::is_string))) {
        return Err(refused("deviceTypes", "must be a list of texts"));
    }
    for name in ["events", "cancelEvents"] {
        for event in values(conditions, name)? {
            check_event(event).map_err(|problem| refused(name, &problem))?;
        }
    }
    match values(conditions, "actions")?.iter().all(|action| action["id"].is_i64()) {
        true => Ok(()),
        false => Err(refused("actions", "must be {\"values\": [{\"id\": …}, …]} with ids of actions")),
    }
}

/// `{values: […]}`; absent and null are no values.
fn values<'a>(conditions: &'a Value, name: &str) -> ApiResult<&'a [Value]> {
    match (&conditions[name], &conditions[name]["values"]) {
        (Value::Null, _) | (Value::Object(_), Value::Null) => Ok(&[]),
        (_, Value::Array(list)) if list.len() <= MAX_VALUES => Ok(list),
        _ => Err(refused(name, &format!("must be {{\"values\": […]}} with at most {MAX_VALUES} values"))),
    }
}

fn check_event(event: &Value) -> Result<(), String> {
    if !event["name"].as_str().is_some_and(|name| !name.is_empty() && name.len() <= 400) {
        return Err("each event needs a name".to_owned());
    }
    let filters = event["propertyFilters"].as_object();
    let fits = |filter: &Value| {
        let operator = filter["operator"].as_str().is_some_and(|operator| OPERATORS.contains(&operator));
        operator && filter["values"].as_array().is_some_and(|values| values.iter().all(Value::is_string))
    };
    match filters.is_none_or(|filters| filters.values().all(fits)) {
        true => Ok(()),
        false => Err(format!("a property filter needs values, a list of texts, and an operator: {}", OPERATORS.join(", "))),
    }
}

fn refused(name: &str, problem: &str) -> ApiError {
    ApiError::invalid(format!("{name} {problem}.")).attr("conditions")
}

/// Ids of the actions that show the survey.
pub fn actions(conditions: &Value) -> impl Iterator<Item = i64> {
    conditions["actions"]["values"].as_array().into_iter().flatten().filter_map(|action| action["id"].as_i64())
}
