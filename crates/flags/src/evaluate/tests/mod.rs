//! Evaluation through its public functions: definitions as they are stored, questions as SDKs post them.

mod audience;
mod bounds;
mod conformance;
mod explained;
mod facts;
mod naive;

use super::{Definitions, Facts};
use crate::{Question, flag::Flag, request::Runtime};
use chrono_tz::Tz;
use cohorts::Cohort;
use model::{Properties, TeamId, Timestamp};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// `2026-01-31T12:00:00Z`
const NOW: Timestamp = Timestamp(1_769_860_800_000_000);

/// From the fields that a test cares about: `id`, `key`, `filters`, …
fn flag(fields: Value) -> Flag {
    let text = |name: &str| fields[name].as_str().map(str::to_owned);
    let is = |name: &str, default: bool| fields[name].as_bool().unwrap_or(default);
    let texts = |name: &str| fields[name].as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect();
    Flag {
        id: fields["id"].as_i64().unwrap_or(1),
        team: TeamId(1),
        key: text("key").unwrap_or_else(|| "flag".to_owned()),
        name: String::new(),
        active: is("active", true),
        deleted: false,
        filters: fields["filters"].clone(),
        ensure_experience_continuity: is("ensure_experience_continuity", false),
        version: 1,
        bucketing_identifier: text("bucketing_identifier"),
        evaluation_runtime: text("evaluation_runtime").unwrap_or_else(|| "all".to_owned()),
        evaluation_contexts: texts("evaluation_contexts"),
        is_remote_configuration: false,
        has_encrypted_payloads: is("has_encrypted_payloads", false),
        has_experiment: false,
        is_internal: false,
        tags: Vec::new(),
        created_by: None,
        created_at: NOW,
        updated_by: None,
        updated_at: NOW,
        last_called_at: None,
    }
}

/// A flag of this key whose only condition asks for these properties.
fn asking_for(id: i64, key: &str, properties: Value) -> Flag {
    flag(json!({"id": id, "key": key, "filters": {"groups": [{"properties": properties, "rollout_percentage": 100}]}}))
}

/// Static without properties.
fn cohort(id: i64, properties: Option<Value>) -> Cohort {
    Cohort {
        id,
        team: TeamId(1),
        name: format!("cohort {id}"),
        description: String::new(),
        is_static: properties.is_none(),
        filters: properties.map_or_else(|| json!({}), |properties| json!({"properties": properties})),
        query: None,
        deleted: false,
        version: 1,
        pending_version: 1,
        count: None,
        is_calculating: false,
        last_calculation: None,
        errors_calculating: 0,
        last_error_message: None,
        created_by: None,
        created_at: NOW,
    }
}

fn compile(flags: &[Flag], cohorts: &[Cohort]) -> Definitions {
    Definitions::compile(flags, cohorts, &[(0, "company".to_owned()), (1, "project".to_owned())], Tz::UTC)
}

/// Of somebody who may see flags for clients and for servers.
fn question(body: Value) -> Question {
    let Value::Object(body) = body else { panic!("a question is an object") };
    let parsed = Question::parse(body, &http::HeaderMap::new()).expect("a question has a distinct id");
    Question { evaluation_runtime: Runtime::All, ..parsed }
}

/// A question of `u1` with these person properties.
fn having(person_properties: Value) -> Question {
    question(json!({"distinct_id": "u1", "person_properties": person_properties}))
}

fn properties(of: Value) -> Arc<Properties> {
    Arc::new(Properties::from_json_text(&of.to_string()).unwrap())
}

fn object(of: Value) -> Map<String, Value> {
    of.as_object().cloned().unwrap_or_default()
}

/// What SDKs would return for each flag.
fn values(definitions: &Definitions, question: &Question, facts: &Facts) -> Value {
    let evaluation = definitions.evaluate(question, facts);
    evaluation.decisions.iter().map(|decision| (decision.flag.key.clone(), decision.outcome.value())).collect()
}
