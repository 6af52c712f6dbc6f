//! Experiments that change pages without code: the list that the browser SDK applies, and the one that people edit.

use super::experiments::{created, shown};
use crate::draft::Draft;
use crate::experiment::{Experiment, Kind};
use crate::wire::Context;
use crate::{ExperimentsState, store};
use axum::extract::{OriginalUri, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use flags::Flags;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use web::{Access, ApiResult, Body, Page, paginated};

pub fn routes(prefix: &str) -> Router<ExperimentsState> {
    Router::new().route(&format!("{prefix}/web_experiments"), get(list).post(create))
}

pub fn public() -> Router<Flags> {
    Router::new().route("/api/web_experiments", get(of_token))
}

/// `?token=`: `{"experiments": [{"id", "name", "feature_flag_key", "variants"}]}` of those that are not over. Drafts are among them, for
/// previews: without a flag that is on, the SDK applies nothing.
async fn of_token(State(flags): State<Flags>, Query(asked): Query<HashMap<String, String>>) -> ApiResult<Json<Value>> {
    let token = asked.get("token").or_else(|| asked.get("api_key")).map_or("", String::as_str);
    let team = web::project_of_token(&flags.teams, token).await?;
    let mut listed = Vec::new();
    for experiment in store::of_team(&flags.db, team.id).await?.into_iter().filter(is_offered) {
        let Some(flag) = flags::store::by_id(&flags.db, team.id, experiment.flag).await?.filter(|flag| !flag.deleted) else { continue };
        listed.push(json!({
            "id": experiment.id, "name": experiment.name, "feature_flag_key": flag.key, "variants": for_browsers(&experiment.variants),
        }));
    }
    Ok(Json(json!({"experiments": listed})))
}

fn is_offered(experiment: &Experiment) -> bool {
    experiment.kind == Kind::Web && !experiment.archived && experiment.end.is_none() && experiment.variants.is_object()
}

/// Every variant has a list of transforms, which the SDK goes through without asking.
fn for_browsers(variants: &Value) -> Value {
    let mut variants = variants.clone();
    for variant in variants.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        if !variant.get("transforms").is_some_and(Value::is_array) {
            variant.insert("transforms".to_owned(), json!([]));
        }
    }
    variants
}

async fn list(State(state): State<ExperimentsState>, access: Access, page: Page, OriginalUri(uri): OriginalUri) -> ApiResult<Json<Value>> {
    access.require("experiment:read")?;
    let all = store::of_team(&state.db, access.team.id).await?;
    let all: Vec<Experiment> = all.into_iter().filter(|experiment| experiment.kind == Kind::Web && !experiment.archived).collect();
    let context = Context::gather(&state, &access.team, &all).await?;
    let results = all.iter().skip(page.offset).take(page.limit).map(|experiment| context.experiment(experiment)).collect();
    Ok(paginated(&page, all.len(), results, &uri))
}

/// `{"name", "variants": {"control": {"transforms": [], "rollout_percentage": 50}, …}}`: the flag's variants come from these.
async fn create(
    State(state): State<ExperimentsState>,
    access: Access,
    Body(mut body): Body<Map<String, Value>>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    body.insert("type".to_owned(), Kind::Web.as_str().into());
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    body.entry("feature_flag_key").or_insert_with(|| key_of(&name).into());
    if let Some(variants) = body.get("variants").and_then(Value::as_object).filter(|variants| !variants.is_empty()) {
        let even = 100.0 / variants.len() as f64;
        let share = |variant: &Value| variant.get("rollout_percentage").cloned().unwrap_or_else(|| json!(even));
        let variants: Vec<Value> =
            variants.iter().map(|(key, variant)| json!({"key": key, "rollout_percentage": share(variant)})).collect();
        body.entry("parameters").or_insert_with(|| json!({"feature_flag_variants": variants}));
    }
    let draft: Draft = serde_json::from_value(Value::Object(body)).map_err(|error| web::ApiError::invalid(error.to_string()))?;
    let experiment = created(&state, &access, draft).await?;
    Ok((StatusCode::CREATED, shown(&state, &access, &experiment).await?))
}

/// `My page!` is called `my-page-web-experiment-feature`.
fn key_of(name: &str) -> String {
    let letters: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let words: Vec<&str> = letters.split('-').filter(|word| !word.is_empty()).collect();
    format!("{}-web-experiment-feature", if words.is_empty() { "page".to_owned() } else { words.join("-") })
}
