//! The small lists that SDKs fetch with the project's token. Nothing can be created yet, so they are empty, in each list's own shape.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use serde_json::{Value, json};
use teams::Team;
use web::{ApiError, ApiResult};

use crate::Sdk;

#[derive(Deserialize)]
pub struct ByToken {
    #[serde(default, alias = "api_key")]
    token: String,
}

pub async fn early_access_features(State(sdk): State<Sdk>, query: Query<ByToken>) -> ApiResult<Json<Value>> {
    team(&sdk, &query).await?;
    Ok(Json(json!({"earlyAccessFeatures": []})))
}

pub async fn surveys(State(sdk): State<Sdk>, query: Query<ByToken>) -> ApiResult<Json<Value>> {
    let team = team(&sdk, &query).await?;
    Ok(Json(json!({"surveys": [], "survey_config": team.settings.get("survey_config")})))
}

pub async fn web_experiments(State(sdk): State<Sdk>, query: Query<ByToken>) -> ApiResult<Json<Value>> {
    team(&sdk, &query).await?;
    Ok(Json(json!({"experiments": []})))
}

pub async fn product_tours(State(sdk): State<Sdk>, query: Query<ByToken>) -> ApiResult<Json<Value>> {
    team(&sdk, &query).await?;
    Ok(Json(json!({"product_tours": []})))
}

/// The chat widget is never switched on by the remote config; a page that asks anyway learns that there is none.
pub async fn conversations() -> ApiError {
    ApiError::not_found()
}

async fn team(sdk: &Sdk, query: &ByToken) -> ApiResult<Arc<Team>> {
    let token = query.token.trim();
    if token.is_empty() {
        let detail = "API key not provided. You can find your project API key in your project settings.";
        return Err(ApiError::authentication("missing_api_key", detail));
    }
    let known = sdk.teams.by_token(token).await?;
    known.ok_or_else(|| {
        ApiError::authentication("invalid_api_key", "Project API key invalid. You can find your project API key in your project settings.")
    })
}
