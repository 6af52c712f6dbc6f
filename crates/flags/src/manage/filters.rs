//! The filters of a flag as clients write them: old forms translated, then checked. What is not understood stays as it is, so that
//! clients read back what they wrote.

use super::{dependencies, properties};
use crate::Flag;
use crate::evaluate::dependency_cycle;
use cohorts::Cohort;
use serde_json::{Map, Value, json};
use web::{ApiError, ApiResult};

const MAX_BYTES: usize = 512 * 1024;
const MAX_CONDITIONS: usize = 1_000;
const MAX_VARIANTS: usize = 1_000;
const MAX_VARIANT_KEY_CHARS: usize = 400;
/// Percentages are added as binary fractions: thirds must still make a whole.
const SUM_TOLERANCE: f64 = 1e-6;
const LAST_GROUP_TYPE: u64 = 4;

/// What a flag may refer to.
pub struct Surroundings<'a> {
    /// Every flag of the project that is not deleted; may be empty when the flag refers to none.
    pub flags: &'a [Flag],
    pub cohorts: &'a [Cohort],
}

pub fn invalid(detail: impl Into<String>) -> ApiError {
    ApiError::invalid(detail.into()).attr("filters")
}

/// Brings old forms into today's: a flag without condition sets, `super_groups`, `holdout_groups`, payloads that are not text.
pub fn translate(filters: &mut Value) -> ApiResult<()> {
    if filters.is_null() {
        *filters = json!({});
    }
    let Some(filters) = filters.as_object_mut() else { return Err(invalid("filters must be an object with condition sets in groups.")) };
    if !filters.contains_key("groups") {
        let properties = filters.remove("properties").unwrap_or_else(|| json!([]));
        let rollout = filters.remove("rollout_percentage").unwrap_or_else(|| json!(100));
        filters.insert("groups".to_owned(), json!([{"properties": properties, "rollout_percentage": rollout}]));
    }
    translate_super_groups(filters)?;
    translate_holdout_groups(filters)?;
    if let Some(Value::Object(payloads)) = filters.get_mut("payloads") {
        for payload in payloads.values_mut().filter(|payload| !payload.is_string() && !payload.is_null()) {
            *payload = Value::String(payload.to_string());
        }
    }
    Ok(())
}

/// Before there was `feature_enrollment`, enrolment was a condition set in front of the others.
fn translate_super_groups(filters: &mut Map<String, Value>) -> ApiResult<()> {
    let Some(groups) = filters.get("super_groups").and_then(Value::as_array).filter(|groups| !groups.is_empty()) else { return Ok(()) };
    let mut keys = groups.iter().flat_map(|group| group["properties"].as_array().into_iter().flatten()).map(|property| &property["key"]);
    if !keys.all(|key| key.as_str().is_some_and(|key| key.starts_with("$feature_enrollment/"))) {
        return Err(invalid("super_groups can only hold enrolment ($feature_enrollment/…); write other conditions into groups."));
    }
    filters.remove("super_groups");
    filters.insert("feature_enrollment".to_owned(), json!(true));
    Ok(())
}

/// `[{"properties": [], "rollout_percentage": 10, "variant": "holdout-42"}]` is holdout 42, which leaves out 10 %.
fn translate_holdout_groups(filters: &mut Map<String, Value>) -> ApiResult<()> {
    let Some(groups) = filters.get("holdout_groups").and_then(Value::as_array).filter(|groups| !groups.is_empty()) else { return Ok(()) };
    let id = groups[0]["variant"].as_str().and_then(|variant| variant.strip_prefix("holdout-")).and_then(|id| id.parse::<i64>().ok());
    let Some(id) = id.filter(|_| groups.len() == 1) else {
        return Err(invalid(
            "holdout_groups must be one entry with the variant \"holdout-<id>\"; better write holdout {id, exclusion_percentage}.",
        ));
    };
    let share = groups[0].get("rollout_percentage").cloned().unwrap_or_else(|| json!(100));
    filters.remove("holdout_groups");
    filters.insert("holdout".to_owned(), json!({"id": id, "exclusion_percentage": share}));
    Ok(())
}

/// Fails with a sentence that says which part is wrong. `before` is the stored flag when one is changed.
pub fn check(flag: &Flag, before: Option<&Flag>, surroundings: &Surroundings) -> ApiResult<()> {
    let filters = &flag.filters;
    if filters.to_string().len() > MAX_BYTES {
        return Err(invalid(format!("The flag's filters are larger than {} KiB.", MAX_BYTES / 1024)));
    }
    if !matches!(filters.get("version"), None | Some(Value::Null)) && filters["version"] != 1 {
        return Err(invalid("Filters of version 2 are not supported; write condition sets in groups."));
    }
    for name in ["feature_enrollment", "early_exit"] {
        if !matches!(filters.get(name), None | Some(Value::Null | Value::Bool(_))) {
            return Err(invalid(format!("{name} must be true or false.")));
        }
    }
    let aggregation = aggregation(filters)?.flatten();
    let variants = variants(filters)?;
    payloads(flag, &variants)?;
    holdout(filters)?;
    let Some(groups) = filters["groups"].as_array() else { return Err(invalid("groups must be a list of condition sets.")) };
    if groups.is_empty() && before.is_none() {
        return Err(invalid("A flag needs at least one condition set in groups."));
    }
    if groups.len() > MAX_CONDITIONS {
        return Err(invalid(format!("A flag can have at most {MAX_CONDITIONS} condition sets.")));
    }
    for (at, group) in groups.iter().enumerate() {
        let named = |error: ApiError| renamed(&error, &format!("Condition set {}: {}", at + 1, error.detail()));
        condition(group, aggregation, &variants, surroundings).map_err(named)?;
    }
    references(flag, surroundings)
}

/// The same error with another sentence.
fn renamed(error: &ApiError, detail: &str) -> ApiError {
    ApiError::validation(error.code().to_owned(), detail.to_owned()).attr("filters")
}

/// `None` when nothing is said, `Some(None)` for persons, else the group type.
fn aggregation(of: &Value) -> ApiResult<Option<Option<u64>>> {
    match of.get("aggregation_group_type_index") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(index) => match index.as_u64() {
            Some(index) if index <= LAST_GROUP_TYPE => Ok(Some(Some(index))),
            _ => Err(invalid("aggregation_group_type_index must be a group type's index, 0 to 4, or null for persons.")),
        },
    }
}

/// The keys of the variants; empty for a boolean flag.
fn variants(filters: &Value) -> ApiResult<Vec<&str>> {
    let variants = match &filters["multivariate"] {
        Value::Null => return Ok(Vec::new()),
        multivariate => match &multivariate["variants"] {
            Value::Null => return Ok(Vec::new()),
            Value::Array(variants) => variants,
            _ => return Err(invalid("multivariate.variants must be a list.")),
        },
    };
    if variants.len() > MAX_VARIANTS {
        return Err(invalid(format!("A flag can have at most {MAX_VARIANTS} variants.")));
    }
    let (mut keys, mut sum) = (Vec::new(), 0.0);
    for variant in variants {
        let key = variant["key"].as_str().filter(|key| !key.is_empty() && key.chars().count() <= MAX_VARIANT_KEY_CHARS);
        let Some(key) = key else { return Err(invalid("Every variant needs a key, a text of at most 400 characters.")) };
        let Some(share) = percentage(&variant["rollout_percentage"]) else {
            return Err(invalid(format!("Variant {key:?} needs a rollout_percentage between 0 and 100.")));
        };
        if keys.contains(&key) {
            return Err(invalid(format!("Two variants have the key {key:?}.")));
        }
        sum += share;
        keys.push(key);
    }
    if !keys.is_empty() && (sum - 100.0).abs() > SUM_TOLERANCE {
        return Err(invalid(format!("The percentages of the variants must sum to 100; they sum to {sum}.")));
    }
    Ok(keys)
}

fn percentage(value: &Value) -> Option<f64> {
    value.as_f64().filter(|share| (0.0..=100.0).contains(share))
}

fn payloads(flag: &Flag, variants: &[&str]) -> ApiResult<()> {
    let payloads = match &flag.filters["payloads"] {
        Value::Null => return Ok(()),
        Value::Object(payloads) => payloads,
        _ => return Err(invalid("payloads must be an object: a variant's key to its payload.")),
    };
    for (key, payload) in payloads {
        let known = if variants.is_empty() { key == "true" } else { variants.contains(&key.as_str()) };
        if !known {
            let detail = match variants.is_empty() {
                true => format!("A flag without variants has one payload, under \"true\", not {key:?}."),
                false => format!("There is a payload for {key:?}, which is not a variant of the flag."),
            };
            return Err(invalid(detail));
        }
        // What is encrypted was checked before it was.
        let text = payload.as_str().filter(|_| !flag.has_encrypted_payloads);
        if let Some(text) = text
            && serde_json::from_str::<serde::de::IgnoredAny>(text).is_err()
        {
            return Err(invalid(format!("The payload of {key:?} must be JSON; a text needs quotation marks of its own.")));
        }
    }
    Ok(())
}

fn holdout(filters: &Value) -> ApiResult<()> {
    let holdout = &filters["holdout"];
    if holdout.is_null() || (holdout["id"].is_i64() && percentage(&holdout["exclusion_percentage"]).is_some()) {
        return Ok(());
    }
    Err(invalid("holdout must be {\"id\": <number>, \"exclusion_percentage\": <0 to 100>} or null."))
}

fn condition(group: &Value, whole: Option<u64>, variants: &[&str], surroundings: &Surroundings) -> ApiResult<()> {
    if !group.is_object() {
        return Err(invalid("a condition set must be an object."));
    }
    let rollout = &group["rollout_percentage"];
    if !rollout.is_null() && percentage(rollout).is_none() {
        return Err(invalid("rollout_percentage must be a number between 0 and 100."));
    }
    match &group["variant"] {
        Value::Null => {}
        // PostHog's web app writes the empty text where no variant is chosen.
        Value::String(variant) if variant.is_empty() || variants.contains(&variant.as_str()) => {}
        Value::String(variant) => return Err(invalid(format!("the flag has no variant {variant:?}."))),
        _ => return Err(invalid("variant must be the key of a variant or null.")),
    }
    let aggregation = aggregation(group)?.unwrap_or(whole);
    let filters = match &group["properties"] {
        Value::Null => return Ok(()),
        Value::Array(filters) => filters,
        _ => return Err(invalid("properties must be a list.")),
    };
    filters.iter().try_for_each(|filter| properties::check(filter, aggregation, surroundings))
}

/// Other flags that the conditions ask about: they exist, know the value, and do not ask back.
fn references(flag: &Flag, surroundings: &Surroundings) -> ApiResult<()> {
    for property in dependencies::properties(&flag.filters).filter(|property| property["type"] == "flag") {
        let id = dependencies::id(&property["key"]);
        if id == Some(flag.id) && flag.id != 0 {
            return Err(invalid("A flag cannot depend on itself."));
        }
        let Some(other) = id.and_then(|id| surroundings.flags.iter().find(|other| other.id == id)) else {
            return Err(invalid(format!("The flag with id {} that a condition asks about does not exist.", property["key"])));
        };
        if let Some(variant) = property["value"].as_str()
            && !variants(&other.filters)?.contains(&variant)
        {
            return Err(invalid(format!("The flag {:?} that a condition asks about has no variant {variant:?}.", other.key)));
        }
    }
    let others = surroundings.flags.iter().filter(|other| other.id != flag.id);
    match dependency_cycle(&others.chain([flag]).cloned().collect::<Vec<_>>()) {
        Some(keys) => Err(invalid(format!("Flags cannot depend on each other in a circle: {}.", keys.join(" → ")))),
        None => Ok(()),
    }
}
