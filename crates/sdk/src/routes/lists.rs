//! Small lists that SDKs fetch with the project's token, of what cannot be created yet: empty, in each list's own shape.

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use serde_json::{Value, json};
use web::{ApiError, ApiResult};

use crate::Sdk;

#[derive(Deserialize)]
pub struct ByToken {
    #[serde(default, alias = "api_key")]
    token: String,
}

pub async fn product_tours(State(sdk): State<Sdk>, query: Query<ByToken>) -> ApiResult<Json<Value>> {
    web::project_of_token(&sdk.teams, &query.token).await?;
    Ok(Json(json!({"product_tours": []})))
}

/// The chat widget is never switched on by the remote config; a page that asks anyway learns that there is none.
pub async fn conversations() -> ApiError {
    ApiError::not_found()
}
