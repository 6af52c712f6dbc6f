//! One property filter of a flag's condition set, as clients write it.

use super::dependencies;
use super::filters::{Surroundings, invalid};
use crate::evaluate::Operator;
use chrono_tz::Tz;
use serde_json::Value;
use web::{ApiError, ApiResult};

const LISTS: &[&str] = &["icontains_multi", "not_icontains_multi"];
const TEXTS: &[&str] = &["icontains", "not_icontains", "starts_with", "not_starts_with", "ends_with", "not_ends_with"];
const NUMBERS: &[&str] = &["gt", "gte", "lt", "lte"];
const RANGES: &[&str] = &["between", "not_between"];
const DATES: &[&str] = &["is_date_before", "is_date_after", "is_date_exact"];
const VERSIONS: &[&str] =
    &["semver_eq", "semver_neq", "semver_gt", "semver_gte", "semver_lt", "semver_lte", "semver_tilde", "semver_caret", "semver_wildcard"];

/// `aggregation` is the group type that the condition set is about; `None` for persons.
pub fn check(filter: &Value, aggregation: Option<u64>, surroundings: &Surroundings) -> ApiResult<()> {
    let key = match &filter["key"] {
        Value::String(key) if !key.is_empty() => key.clone(),
        Value::Number(key) => key.to_string(),
        _ => return Err(invalid("every property filter needs a key.")),
    };
    let kind = filter["type"].as_str().unwrap_or("person");
    match (kind, aggregation) {
        ("flag", _) => return flag(filter),
        ("cohort", None) => return cohort(filter, surroundings),
        ("person" | "person_metadata", None) => {}
        ("group", Some(index)) if matches!(filter["group_type_index"].as_u64(), None) || filter["group_type_index"] == index => {}
        ("group", _) => return Err(invalid(format!("the group property {key:?} does not belong to the group type that is matched by."))),
        ("person" | "person_metadata" | "cohort", Some(_)) => {
            return Err(invalid(format!("{key:?} is about persons, but the condition set matches groups: use group properties only.")));
        }
        (other, _) => return Err(invalid(format!("filters of type {other:?} cannot be used in flags."))),
    }
    let operator = filter["operator"].as_str().unwrap_or("exact");
    value(operator, &filter["value"]).map_err(|problem| invalid(format!("property {key:?}: {problem}")))
}

fn flag(filter: &Value) -> ApiResult<()> {
    if dependencies::id(&filter["key"]).is_none() {
        return Err(invalid("a filter on another flag names it by its id."));
    }
    match (filter["operator"].as_str(), &filter["value"]) {
        (Some("flag_evaluates_to"), Value::Bool(_) | Value::String(_)) => Ok(()),
        (Some("flag_evaluates_to"), _) => Err(invalid("a filter on another flag compares with true, false or the key of a variant.")),
        _ => Err(invalid("a filter on another flag has the operator flag_evaluates_to.")),
    }
}

fn cohort(filter: &Value, surroundings: &Surroundings) -> ApiResult<()> {
    if !matches!(filter["operator"].as_str(), None | Some("in" | "not_in")) {
        return Err(invalid("a cohort is compared with in or not_in."));
    }
    let Some(id) = dependencies::id(&filter["value"]) else { return Err(invalid("a cohort is named by its id, in value.")) };
    let refuse = |code: &'static str, detail: String| Err(ApiError::validation(code, detail).attr("filters"));
    let Some(cohort) = surroundings.cohorts.iter().find(|cohort| cohort.id == id) else {
        return refuse("cohort_does_not_exist", format!("there is no cohort with id {id}."));
    };
    if cohorts::reachable(surroundings.cohorts, id).iter().any(|cohort| cohort.is_behavioral()) {
        let detail = format!(
            "the cohort {:?} depends on what persons did, which flags cannot know at the moment they are asked. \
             Duplicate it as a static cohort and use that.",
            cohort.name
        );
        return refuse("behavioral_cohort_found", detail);
    }
    Ok(())
}

/// Only what the evaluation can compare is let in.
fn value(operator: &str, value: &Value) -> Result<(), String> {
    let wanted = match operator {
        "exact" | "is_not" | "is_set" | "is_not_set" => return Ok(()),
        "in" | "not_in" => return Err(format!("{operator} is for cohorts only")),
        "flag_evaluates_to" => return Err("flag_evaluates_to is for flags only".to_owned()),
        "regex" | "not_regex" => "a regular expression",
        _ if TEXTS.contains(&operator) => "a text",
        _ if LISTS.contains(&operator) => "a list of texts",
        _ if NUMBERS.contains(&operator) => "a number",
        _ if RANGES.contains(&operator) => "a list of two numbers, the smaller one first",
        _ if DATES.contains(&operator) => "a date such as 2026-01-31, or one relative to now such as -7d",
        _ if VERSIONS.contains(&operator) => "a version such as 1.2.3",
        _ => return Err(format!("there is no operator {operator:?}")),
    };
    let has_form = match operator {
        _ if LISTS.contains(&operator) || RANGES.contains(&operator) => value.is_array(),
        _ if NUMBERS.contains(&operator) => true,
        _ => value.is_string(),
    };
    match has_form && Operator::compile(operator, Some(value), Tz::UTC).can_match() {
        true => Ok(()),
        false => Err(format!("{operator} needs {wanted}")),
    }
}
