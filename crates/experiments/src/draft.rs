//! What a client may write of an experiment. A field that is absent stays as it is; `null` clears.

use crate::Checks;
use crate::experiment::{Experiment, Kind};
use model::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use uuid::Uuid;
use web::{ApiError, ApiResult};

const MAX_NAME_CHARS: usize = 400;
const MAX_TEXT_CHARS: usize = 10_000;
const MAX_METRICS: usize = 100;
const MAX_JSON_BYTES: usize = 1 << 20;
const CONCLUSIONS: &[&str] = &["won", "lost", "inconclusive", "stopped_early", "invalid"];

#[derive(Debug, Default, Deserialize)]
pub struct Draft {
    pub name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub description: Option<Option<String>>,
    #[serde(default, rename = "type", deserialize_with = "present")]
    pub kind: Option<Option<String>>,
    pub feature_flag_key: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub holdout_id: Option<Option<i64>>,
    #[serde(default, deserialize_with = "present")]
    pub start_date: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub end_date: Option<Option<String>>,
    pub archived: Option<bool>,
    pub deleted: Option<bool>,
    pub only_count_matured_users: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    pub conclusion: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub conclusion_comment: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub parameters: Option<Option<Value>>,
    #[serde(default, deserialize_with = "present")]
    exposure_criteria: Option<Option<Value>>,
    #[serde(default, deserialize_with = "present")]
    metrics: Option<Option<Value>>,
    #[serde(default, deserialize_with = "present")]
    metrics_secondary: Option<Option<Value>>,
    #[serde(default, deserialize_with = "present")]
    primary_metrics_ordered_uuids: Option<Option<Value>>,
    #[serde(default, deserialize_with = "present")]
    secondary_metrics_ordered_uuids: Option<Option<Value>>,
    #[serde(default, deserialize_with = "present")]
    saved_metrics_ids: Option<Option<Value>>,
    #[serde(default, deserialize_with = "present")]
    stats_config: Option<Option<Value>>,
    #[serde(default, deserialize_with = "present")]
    scheduling_config: Option<Option<Value>>,
    #[serde(default, deserialize_with = "present")]
    variants: Option<Option<Value>>,
}

pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

impl Draft {
    /// Everything but what concerns the flag.
    pub fn apply(self, experiment: &mut Experiment, checks: Checks) -> ApiResult<()> {
        if let Some(name) = self.name {
            experiment.name = text(name, "name", MAX_NAME_CHARS)?;
        }
        if experiment.name.trim().is_empty() {
            return Err(ApiError::validation("blank", "This field may not be blank.").attr("name"));
        }
        if let Some(description) = self.description {
            experiment.description = text(description.unwrap_or_default(), "description", MAX_TEXT_CHARS)?;
        }
        if let Some(kind) = self.kind {
            let kind = kind.unwrap_or_else(|| Kind::Product.as_str().to_owned());
            experiment.kind = Kind::parse(&kind).ok_or_else(|| choice("type", &["web", "product"]))?;
        }
        for (date, to, field) in [(self.start_date, &mut experiment.start, "start_date"), (self.end_date, &mut experiment.end, "end_date")]
        {
            if let Some(date) = date {
                *to = date.map(|text| instant(&text, field)).transpose()?;
            }
        }
        experiment.archived = self.archived.unwrap_or(experiment.archived);
        experiment.deleted = self.deleted.unwrap_or(experiment.deleted);
        experiment.only_count_matured_users = self.only_count_matured_users.unwrap_or(experiment.only_count_matured_users);
        conclude(experiment, self.conclusion, self.conclusion_comment)?;
        for (given, to, field) in [
            (self.parameters, &mut experiment.parameters, "parameters"),
            (self.stats_config, &mut experiment.stats_config, "stats_config"),
            (self.scheduling_config, &mut experiment.scheduling_config, "scheduling_config"),
            (self.variants, &mut experiment.variants, "variants"),
            (self.exposure_criteria, &mut experiment.exposure_criteria, "exposure_criteria"),
        ] {
            if let Some(given) = given {
                *to = object(given, field)?;
            }
        }
        for (given, to, field) in [
            (self.metrics, &mut experiment.metrics, "metrics"),
            (self.metrics_secondary, &mut experiment.metrics_secondary, "metrics_secondary"),
        ] {
            if let Some(given) = given {
                *to = metrics(given, field, checks)?;
            }
        }
        for (given, to, field) in [
            (self.primary_metrics_ordered_uuids, &mut experiment.primary_order, "primary_metrics_ordered_uuids"),
            (self.secondary_metrics_ordered_uuids, &mut experiment.secondary_order, "secondary_metrics_ordered_uuids"),
        ] {
            if let Some(given) = given {
                *to = order(given, field)?;
            }
        }
        if let Some(links) = self.saved_metrics_ids {
            experiment.saved_metrics = saved_metrics(links)?;
        }
        check(experiment, checks)
    }
}

/// What holds of every stored experiment.
fn check(experiment: &Experiment, checks: Checks) -> ApiResult<()> {
    (checks.exposure_criteria)(&experiment.exposure_criteria).map_err(|detail| ApiError::invalid(detail).attr("exposure_criteria"))?;
    (checks.stats_config)(&experiment.stats_config).map_err(|detail| ApiError::invalid(detail).attr("stats_config"))?;
    match (experiment.start, experiment.end) {
        (Some(start), Some(end)) if end < start => Err(ApiError::invalid("An experiment cannot end before it starts.").attr("end_date")),
        (None, Some(_)) => Err(ApiError::invalid("An experiment that has no start_date cannot have an end_date.").attr("end_date")),
        _ => Ok(()),
    }
}

pub fn conclude(experiment: &mut Experiment, conclusion: Option<Option<String>>, comment: Option<Option<String>>) -> ApiResult<()> {
    if let Some(conclusion) = conclusion {
        if conclusion.as_deref().is_some_and(|text| !CONCLUSIONS.contains(&text)) {
            return Err(choice("conclusion", CONCLUSIONS));
        }
        experiment.conclusion = conclusion;
    }
    if let Some(comment) = comment {
        experiment.conclusion_comment = comment.map(|comment| text(comment, "conclusion_comment", MAX_TEXT_CHARS)).transpose()?;
    }
    Ok(())
}

pub fn text(text: String, field: &'static str, most: usize) -> ApiResult<String> {
    match text.chars().count() > most {
        true => Err(ApiError::validation("max_length", format!("Ensure this field has no more than {most} characters.")).attr(field)),
        false => Ok(text),
    }
}

fn choice(field: &'static str, choices: &[&str]) -> ApiError {
    ApiError::validation("invalid_choice", format!("Choose one of {}.", choices.join(", "))).attr(field)
}

fn instant(text: &str, field: &'static str) -> ApiResult<Timestamp> {
    let wrong = || ApiError::invalid(format!("\"{text}\" is not a date and time such as 2026-01-31T12:00:00Z.")).attr(field);
    Timestamp::parse_rfc3339(text).ok_or_else(wrong)
}

pub fn bounded(value: Value, field: &'static str) -> ApiResult<Value> {
    match value.to_string().len() > MAX_JSON_BYTES {
        true => Err(ApiError::validation("max_length", "This field is too large.").attr(field)),
        false => Ok(value),
    }
}

/// Without a value, the column's own: a list of settings is `{}`, criteria that nobody set are `null`.
fn object(value: Option<Value>, field: &'static str) -> ApiResult<Value> {
    match value {
        None if matches!(field, "exposure_criteria" | "scheduling_config" | "variants") => Ok(Value::Null),
        None => Ok(json!({})),
        Some(value @ Value::Object(_)) => bounded(value, field),
        Some(_) => Err(ApiError::invalid("This field must be an object.").attr(field)),
    }
}

/// Every metric gets a uuid that its results are asked by.
fn metrics(value: Option<Value>, field: &'static str, checks: Checks) -> ApiResult<Value> {
    let Some(value) = value else { return Ok(json!([])) };
    let mut value = bounded(value, field)?;
    let list = value.as_array_mut().ok_or_else(|| ApiError::invalid("This field must be a list.").attr(field))?;
    if list.len() > MAX_METRICS {
        return Err(ApiError::invalid(format!("At most {MAX_METRICS} metrics are possible.")).attr(field));
    }
    for (at, metric) in list.iter_mut().enumerate() {
        (checks.metric)(metric).map_err(|detail| ApiError::invalid(detail).attr(format!("{field}.{at}")))?;
        if let Some(metric) = metric.as_object_mut().filter(|metric| metric.get("uuid").is_none_or(Value::is_null)) {
            metric.insert("uuid".to_owned(), json!(Uuid::new_v4()));
        }
    }
    Ok(value)
}

fn order(value: Option<Value>, field: &'static str) -> ApiResult<Value> {
    let Some(value) = value else { return Ok(Value::Null) };
    let are_texts = value.as_array().is_some_and(|list| list.len() <= MAX_METRICS * 2 && list.iter().all(Value::is_string));
    if are_texts { bounded(value, field) } else { Err(ApiError::invalid("This field must be a list of metrics' uuids.").attr(field)) }
}

/// `[{"id": 3, "metadata": {"type": "secondary"}}]`; a bare id is a primary metric.
fn saved_metrics(value: Option<Value>) -> ApiResult<Value> {
    let Some(value) = value else { return Ok(json!([])) };
    let field = "saved_metrics_ids";
    let wrong = || {
        ApiError::invalid("Shared metrics are a list of {\"id\": number, \"metadata\": {\"type\": \"primary\" or \"secondary\"}}.")
            .attr(field)
    };
    let list = value.as_array().filter(|list| list.len() <= MAX_METRICS).ok_or_else(wrong)?;
    let link = |link: &Value| {
        let id = link.as_i64().or_else(|| link.get("id")?.as_i64()).ok_or_else(wrong)?;
        let metadata = link.get("metadata").filter(|metadata| metadata.is_object()).cloned().unwrap_or_else(|| json!({"type": "primary"}));
        match metadata.get("type").and_then(Value::as_str) {
            Some("primary" | "secondary") => Ok(json!({"id": id, "metadata": metadata})),
            _ => Err(wrong()),
        }
    };
    bounded(list.iter().map(link).collect::<ApiResult<_>>()?, field)
}
