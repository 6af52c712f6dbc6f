//! From draft to conclusion.

use super::experiments::{Names, created, found, keep_variants, save, shown};
use crate::draft::{Draft, conclude};
use crate::experiment::{Experiment, Status};
use crate::{ExperimentsState, flag};
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use flags::Flag;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use web::{Access, ApiError, ApiResult, Body};

pub fn routes(prefix: &str) -> Router<ExperimentsState> {
    let path = |action: &str| format!("{prefix}/experiments/{{id}}/{action}");
    Router::new()
        .route(&path("launch"), post(launch))
        .route(&path("pause"), post(pause))
        .route(&path("resume"), post(resume))
        .route(&path("end"), post(end))
        .route(&path("ship_variant"), post(ship_variant))
        .route(&path("archive"), post(archive))
        .route(&path("duplicate"), post(duplicate))
        .route(&path("reset"), post(reset))
}

/// How an experiment ended; both may be left out.
#[derive(Debug, Default, Deserialize)]
struct Ending {
    #[serde(default)]
    conclusion: Option<String>,
    #[serde(default)]
    conclusion_comment: Option<String>,
}

/// The experiment and its flag, for a caller who may change both.
pub async fn both(state: &ExperimentsState, access: &Access, Path(names): &Names) -> ApiResult<(Experiment, Flag)> {
    access.require("experiment:write")?;
    let experiment = found(state, access.team.id, names).await?;
    let flag = state.flags.flag(access.team.id, experiment.flag).await;
    let flag = flag.map_err(|_| ApiError::invalid("The experiment's feature flag was deleted; restore it first."))?;
    Ok((experiment, flag))
}

pub fn refuse(status: Status, wanted: &str) -> ApiError {
    ApiError::validation("wrong_status", format!("The experiment is {}; only {wanted} can do this.", status.as_str()))
}

async fn switch(state: &ExperimentsState, access: &Access, flag: i64, active: bool) -> ApiResult<()> {
    state.flags.change(access.team.id, access.user(), flag, move |flag| flag.active = active).await?;
    Ok(())
}

async fn launch(State(state): State<ExperimentsState>, access: Access, names: Names) -> ApiResult<Json<Value>> {
    let (before, flag) = both(&state, &access, &names).await?;
    if before.start.is_some() {
        return Err(refuse(before.status(flag.active), "a draft"));
    }
    flag::check_usable(&flag.filters)?;
    switch(&state, &access, flag.id, true).await?;
    let after = Experiment { start: Some(state.clock.now()), ..before.clone() };
    let after = save(&state, &access, &before, after).await?;
    shown(&state, &access, &after).await
}

async fn pause(State(state): State<ExperimentsState>, access: Access, names: Names) -> ApiResult<Json<Value>> {
    let (experiment, flag) = both(&state, &access, &names).await?;
    match experiment.status(flag.active) {
        Status::Running => switch(&state, &access, flag.id, false).await?,
        status => return Err(refuse(status, "a running one")),
    }
    shown(&state, &access, &experiment).await
}

async fn resume(State(state): State<ExperimentsState>, access: Access, names: Names) -> ApiResult<Json<Value>> {
    let (experiment, flag) = both(&state, &access, &names).await?;
    match experiment.status(flag.active) {
        Status::Paused => switch(&state, &access, flag.id, true).await?,
        status => return Err(refuse(status, "a paused one")),
    }
    shown(&state, &access, &experiment).await
}

/// The flag stays as it is: everyone keeps their variant until one is shipped.
async fn end(State(state): State<ExperimentsState>, access: Access, names: Names, Body(ending): Body<Ending>) -> ApiResult<Json<Value>> {
    let (before, flag) = both(&state, &access, &names).await?;
    let status = before.status(flag.active);
    if !matches!(status, Status::Running | Status::Paused) {
        return Err(refuse(status, "a running or paused one"));
    }
    let mut after = Experiment { end: Some(state.clock.now()), ..before.clone() };
    keep_variants(&mut after, &flag);
    conclude(&mut after, Some(ending.conclusion), Some(ending.conclusion_comment))?;
    let after = save(&state, &access, &before, after).await?;
    shown(&state, &access, &after).await
}

#[derive(Debug, Deserialize)]
struct Shipping {
    variant_key: String,
    #[serde(flatten)]
    ending: Ending,
}

/// Everyone gets the variant; a running experiment ends.
async fn ship_variant(
    State(state): State<ExperimentsState>,
    access: Access,
    names: Names,
    Body(Shipping { variant_key, ending }): Body<Shipping>,
) -> ApiResult<Json<Value>> {
    let (before, flag) = both(&state, &access, &names).await?;
    if before.start.is_none() {
        return Err(refuse(Status::Draft, "one that was launched"));
    }
    let mut after = before.clone();
    if after.end.is_none() {
        after.end = Some(state.clock.now());
        keep_variants(&mut after, &flag);
    }
    let given = |text: Option<String>| text.map(Some);
    conclude(&mut after, given(ending.conclusion), given(ending.conclusion_comment))?;
    let edit = move |flag: &mut Flag| {
        flag.active = true;
        flag::ship(&mut flag.filters, &variant_key)
    };
    state.flags.try_change(access.team.id, access.user(), flag.id, edit).await?;
    let after = save(&state, &access, &before, after).await?;
    shown(&state, &access, &after).await
}

async fn archive(State(state): State<ExperimentsState>, access: Access, Path(names): Names) -> ApiResult<Json<Value>> {
    access.require("experiment:write")?;
    let before = found(&state, access.team.id, &names).await?;
    if before.start.is_some() && before.end.is_none() {
        return Err(refuse(Status::Running, "a draft or a stopped one"));
    }
    let after = save(&state, &access, &before, Experiment { archived: true, ..before.clone() }).await?;
    shown(&state, &access, &after).await
}

/// Back to a draft. Events stay, and do not count until it is launched again; the flag stays as it is.
async fn reset(State(state): State<ExperimentsState>, access: Access, Path(names): Names) -> ApiResult<Json<Value>> {
    access.require("experiment:write")?;
    let before = found(&state, access.team.id, &names).await?;
    if before.start.is_none() {
        return Err(refuse(Status::Draft, "one that was launched"));
    }
    let after = Experiment { start: None, end: None, archived: false, conclusion: None, conclusion_comment: None, ..before.clone() };
    let after = save(&state, &access, &before, after).await?;
    shown(&state, &access, &after).await
}

#[derive(Debug, Default, Deserialize)]
struct Copy {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    feature_flag_key: Option<String>,
}

/// A draft with the same settings; on the same flag unless it is given another key.
async fn duplicate(
    State(state): State<ExperimentsState>,
    access: Access,
    names: Names,
    Body(copy): Body<Copy>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let (source, flag) = both(&state, &access, &names).await?;
    let mut parameters = source.parameters.clone();
    if let Some(parameters) = parameters.as_object_mut() {
        parameters.entry("feature_flag_variants").or_insert_with(|| json!(flag::of_filters(&flag.filters)));
    }
    let draft = json!({
        "name": copy.name.unwrap_or_else(|| format!("{} (Copy)", source.name)), "description": source.description,
        "type": source.kind.as_str(), "feature_flag_key": copy.feature_flag_key.unwrap_or(flag.key), "holdout_id": source.holdout,
        "only_count_matured_users": source.only_count_matured_users, "parameters": parameters,
        "exposure_criteria": source.exposure_criteria, "metrics": without_uuids(&source.metrics),
        "metrics_secondary": without_uuids(&source.metrics_secondary), "saved_metrics_ids": source.saved_metrics,
        "stats_config": source.stats_config, "scheduling_config": source.scheduling_config, "variants": source.variants,
    });
    let draft: Draft = serde_json::from_value(draft).map_err(anyhow::Error::from)?;
    let experiment = created(&state, &access, draft).await?;
    Ok((StatusCode::CREATED, shown(&state, &access, &experiment).await?))
}

/// Results are kept by uuid: a copy's metrics are others.
fn without_uuids(metrics: &Value) -> Value {
    let mut metrics = metrics.clone();
    for metric in metrics.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        metric.remove("uuid");
    }
    metrics
}
