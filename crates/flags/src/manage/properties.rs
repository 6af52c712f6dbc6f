//! One property filter of a flag's condition set, as clients write it.

use super::dependencies;
use super::filters::{Surroundings, invalid, is_behavioral};
use serde_json::Value;
use web::{ApiError, ApiResult};

const LISTS: &[&str] = &["icontains_multi", "not_icontains_multi"];
const TEXTS: &[&str] =
    &["icontains", "not_icontains", "starts_with", "not_starts_with", "ends_with", "not_ends_with", "regex", "not_regex"];
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
    if is_behavioral(id, surroundings.cohorts) {
        let detail = format!(
            "the cohort {:?} depends on what persons did, which flags cannot know at the moment they are asked. \
             Duplicate it as a static cohort and use that.",
            cohort.name
        );
        return refuse("behavioral_cohort_found", detail);
    }
    Ok(())
}

fn value(operator: &str, value: &Value) -> Result<(), String> {
    let text = value.as_str();
    let is_number = |value: &Value| value.is_number() || value.as_str().is_some_and(|text| text.trim().parse::<f64>().is_ok());
    match operator {
        "exact" | "is_not" | "is_set" | "is_not_set" => Ok(()),
        "in" | "not_in" => Err(format!("{operator} is for cohorts only")),
        "flag_evaluates_to" => Err("flag_evaluates_to is for flags only".to_owned()),
        _ if LISTS.contains(&operator) => match value.as_array() {
            Some(values) if !values.is_empty() => Ok(()),
            _ => Err(format!("{operator} needs a list of texts")),
        },
        _ if TEXTS.contains(&operator) && text.is_none() => Err(format!("{operator} needs a text")),
        "regex" | "not_regex" => pattern(text.unwrap_or_default()),
        _ if TEXTS.contains(&operator) => Ok(()),
        _ if NUMBERS.contains(&operator) => match is_number(value) {
            true => Ok(()),
            false => Err(format!("{operator} needs a number")),
        },
        _ if RANGES.contains(&operator) => match value.as_array().map(Vec::as_slice) {
            Some([from, to]) if is_number(from) && is_number(to) => Ok(()),
            _ => Err(format!("{operator} needs a list of two numbers, the smaller one first")),
        },
        _ if DATES.contains(&operator) => match text.is_some_and(is_date) {
            true => Ok(()),
            false => Err(format!("{operator} needs a date such as 2026-01-31, or one relative to now such as -7d")),
        },
        _ if VERSIONS.contains(&operator) => match text.is_some_and(|text| is_version(text, operator == "semver_wildcard")) {
            true => Ok(()),
            false => Err(format!("{operator} needs a version such as 1.2.3")),
        },
        _ => Err(format!("there is no operator {operator:?}")),
    }
}

fn pattern(text: &str) -> Result<(), String> {
    match fancy_regex::Regex::new(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("the regular expression cannot be read: {error}")),
    }
}

fn is_date(text: &str) -> bool {
    let relative = text.strip_prefix('-').unwrap_or(text);
    let unit = relative.chars().last().is_some_and(|unit| "hdwmy".contains(unit));
    let count = relative.get(..relative.len().saturating_sub(1)).unwrap_or_default();
    if unit && !count.is_empty() && count.len() <= 4 && count.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let naive = |format: &str| chrono::NaiveDateTime::parse_from_str(text, format).is_ok();
    chrono::DateTime::parse_from_rfc3339(text).is_ok()
        || chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
        || ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"].iter().any(|format| naive(format))
}

/// Up to three numbers, then perhaps a pre-release and build metadata; with `wildcard`, the last number may be `*`.
fn is_version(text: &str, wildcard: bool) -> bool {
    let text = text.trim().trim_start_matches(['v', 'V']);
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = core.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.len() <= 18 && part.bytes().all(|byte| byte.is_ascii_digit());
    match parts.split_last() {
        Some((&"*", numbers)) => wildcard && !numbers.is_empty() && numbers.len() <= 2 && numbers.iter().all(|part| is_number(part)),
        Some(_) => parts.len() <= 3 && parts.iter().all(|part| is_number(part)),
        None => false,
    }
}
