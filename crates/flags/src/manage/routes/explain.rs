//! What flags answer a person and why, and how many a condition would match.

use super::draft::Draft;
use super::named;
use crate::evaluate::Explanation;
use crate::evaluation::{Code, Reason};
use crate::manage::{NewFlag, blast_radius, explain, filters, wire};
use crate::{Flag, Flags, Question, facts};
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use web::{Access, ApiError, ApiResult, Body};

#[derive(Deserialize)]
pub struct Ask {
    distinct_id: Option<Value>,
    /// Instead of a distinct id.
    person_id: Option<String>,
    #[serde(default)]
    groups: Map<String, Value>,
    #[serde(default)]
    person_properties: Map<String, Value>,
    #[serde(default)]
    group_properties: Map<String, Value>,
    device_id: Option<String>,
    /// The flag as it would be saved.
    flag: Option<Draft>,
}

/// `POST …/:id/explain/`
pub async fn saved(
    State(state): State<Flags>,
    access: Access,
    Path((_, name)): Path<(String, String)>,
    Body(ask): Body<Ask>,
) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    let mut flag = named(&state, &access, &name).await?;
    if let Some(draft) = ask.flag.clone() {
        Draft { version: None, ..draft }.apply(&mut flag)?;
    }
    explained(&state, &access, flag, ask).await
}

/// `POST feature_flags/explain/`, of a flag that does not exist yet.
pub async fn unsaved(State(state): State<Flags>, access: Access, Body(ask): Body<Ask>) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    let draft = ask.flag.clone().ok_or_else(|| ApiError::required("flag"))?;
    let key = draft.key.clone().unwrap_or_default();
    let new: NewFlag = Draft { key: Some(key), ..draft }.into_new()?;
    let flag = new.into_flag(access.team.id, access.user(), state.clock.now());
    explained(&state, &access, flag, ask).await
}

async fn explained(state: &Flags, access: &Access, mut flag: Flag, ask: Ask) -> ApiResult<Json<Value>> {
    // Stored persons are shown, and asked about.
    access.require("person:read")?;
    filters::translate(&mut flag.filters)?;
    flag.filters = wire::shown_filters(&flag);
    let given = ask.distinct_id.as_ref().map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    if given.is_none() && ask.person_id.is_none() {
        return Err(ApiError::required("distinct_id"));
    }
    let profile = explain::profile(state, &access.team, given.as_deref(), ask.person_id.as_deref()).await?;
    let distinct_id = match (given, &profile) {
        (Some(given), _) => given,
        (None, Some(profile)) => profile.distinct_ids.first().cloned().unwrap_or_default(),
        (None, None) => return Err(ApiError::invalid("There is no person with this id.").attr("person_id")),
    };
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let question = Question {
        distinct_id,
        device_id: ask.device_id.or_else(|| Some(ask.person_properties.get("$device_id")?.as_str()?.to_owned())),
        groups: ask.groups.into_iter().map(|(kind, key)| (kind, text(key))).collect(),
        person_properties: ask.person_properties,
        group_properties: ask.group_properties,
        ..Question::default()
    };
    // What is off answers nothing; why it would answer what, once it is on, can be told all the same.
    let is_active = std::mem::replace(&mut flag.active, true);
    let key = flag.key.clone();
    let definitions = explain::definitions_with(state, &access.team, flag).await?;
    let served = state.served(access.team.id).await?.ok_or_else(ApiError::not_found)?;
    let facts = facts::gather(state, &served, &question, definitions.needs_to_explain(&key, &question), None).await;
    let mut explanation: Explanation = definitions.explain(&key, &question, &facts).ok_or_else(ApiError::not_found)?;
    if !is_active {
        (explanation.enabled, explanation.variant, explanation.payload) = (false, None, None);
        explanation.reason = Reason::of_flag(Code::Disabled);
    }
    let mut shown = explain::shown(&explanation);
    shown.insert("person".to_owned(), profile.map_or(Value::Null, |profile| people::wire::person(&profile, &access.team)));
    Ok(Json(shown.into()))
}

#[derive(Deserialize)]
pub struct Radius {
    condition: Value,
    #[serde(default)]
    group_type_index: Option<u8>,
}

/// `POST feature_flags/user_blast_radius/`: `{"users_affected", "total_users", "sampled", "margin_of_error"}`.
pub async fn blast_radius(State(state): State<Flags>, access: Access, Body(radius): Body<Radius>) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    if !matches!(radius.condition.get("properties"), None | Some(Value::Null | Value::Array(_))) || !radius.condition.is_object() {
        return Err(ApiError::invalid("condition must be a condition set: {\"properties\": [filters]}.").attr("condition"));
    }
    let counted = blast_radius::blast_radius(&state, &access.team, &radius.condition, radius.group_type_index).await?;
    Ok(Json(counted.shown().into()))
}

#[derive(Deserialize)]
pub struct Person {
    distinct_id: Option<String>,
    /// JSON: group type to key.
    groups: Option<String>,
}

/// What every flag answers a person: `{"<key>": {"value", "evaluation": {"reason", "condition_index"}}}`.
pub async fn reasons(State(state): State<Flags>, access: Access, Query(person): Query<Person>) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    let distinct_id = person.distinct_id.ok_or_else(|| ApiError::required("distinct_id"))?;
    let groups: HashMap<String, String> = match person.groups.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => serde_json::from_str(text).map_err(|_| ApiError::invalid("groups must be a JSON object of texts.").attr("groups"))?,
        None => HashMap::new(),
    };
    let question = Question { distinct_id, groups: groups.into_iter().collect(), ..Question::default() };
    let mut shown = Map::new();
    each_value(&state, &access, &question, |flag, value, reason| {
        shown.insert(flag.key.clone(), json!({"value": value, "evaluation": reason}));
    })
    .await?;
    Ok(Json(shown.into()))
}

/// What every flag answers the caller: `[{"feature_flag": {…}, "value": true}]`.
pub async fn my_flags(State(state): State<Flags>, access: Access, Query(person): Query<Person>) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    let user = match access.user() {
        Some(user) => (state.users)(user).await?,
        None => None,
    };
    let own = user.and_then(|user| user["distinct_id"].as_str().map(str::to_owned));
    let question = Question { distinct_id: own.or(person.distinct_id).unwrap_or_default(), ..Question::default() };
    let mut answers = Vec::new();
    each_value(&state, &access, &question, |flag, value, _| answers.push((flag.clone(), value))).await?;
    let flags: Vec<Flag> = answers.iter().map(|(flag, _)| flag.clone()).collect();
    let context = wire::Context::of_team(&state, &access.team, &flags).await?;
    let shown: Vec<Value> = answers.iter().map(|(flag, value)| json!({"feature_flag": context.flag(flag), "value": value})).collect();
    Ok(Json(shown.into()))
}

/// Every flag that is listed and active, with its value and reason.
async fn each_value(state: &Flags, access: &Access, question: &Question, mut tell: impl FnMut(&Flag, Value, Value)) -> ApiResult<()> {
    let served = state.served(access.team.id).await?.ok_or_else(ApiError::not_found)?;
    let needs = served.project.definitions.needs(question);
    let facts = facts::gather(state, &served, question, needs, None).await;
    let by_id: HashMap<i64, &Flag> = served.project.flags.iter().map(|flag| (flag.id, flag)).collect();
    for decision in served.project.definitions.evaluate(question, &facts).decisions {
        let Some(flag) = by_id.get(&decision.flag.id).filter(|flag| !flag.is_internal) else { continue };
        let reason = json!({"reason": decision.reason.code.as_str(), "condition_index": decision.reason.condition_index});
        tell(flag, decision.outcome.value(), reason);
    }
    Ok(())
}
