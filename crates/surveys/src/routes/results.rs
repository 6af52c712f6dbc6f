//! What people answered, below `/surveys`.

use super::manage::find;
use crate::SurveysState;
use crate::results::range::Range;
use crate::results::{responses, stats, summary};
use crate::store::{self, Filter};
use axum::Json;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::collections::HashMap;
use web::{Access, ApiResult, Page};

type Params = Query<HashMap<String, String>>;
type Of = Path<HashMap<String, String>>;

/// Surveys whose responses are counted together.
const MAX_COUNTED: usize = 1_000;

pub async fn stats(access: Access, State(state): State<SurveysState>, path: Of, params: Params) -> ApiResult<Json<Value>> {
    access.require("survey:read")?;
    let survey = find(&state, &access, &path).await?;
    let range = Range::read(&params, state.clock.now())?;
    stats::stats(&state, access.team.id, Some(&survey), &range).await.map(Json)
}

pub async fn stats_of_all(access: Access, State(state): State<SurveysState>, params: Params) -> ApiResult<Json<Value>> {
    access.require("survey:read")?;
    let range = Range::read(&params, state.clock.now())?;
    stats::stats(&state, access.team.id, None, &range).await.map(Json)
}

pub async fn responses_count(access: Access, State(state): State<SurveysState>) -> ApiResult<Json<Value>> {
    access.require("survey:read")?;
    let (_, surveys) = store::list(&state.db, access.team.id, &Filter::default(), MAX_COUNTED, 0).await?;
    let counts = stats::response_counts(&state, access.team.id, &surveys.iter().collect::<Vec<_>>()).await?;
    Ok(Json(Value::Object(counts)))
}

pub async fn summary(access: Access, State(state): State<SurveysState>, path: Of, params: Params) -> ApiResult<Json<Value>> {
    access.require("survey:read")?;
    let survey = find(&state, &access, &path).await?;
    let range = Range::read(&params, state.clock.now())?;
    summary::summary(&state, &survey, &range).await.map(Json)
}

pub async fn responses(
    access: Access,
    State(state): State<SurveysState>,
    path: Of,
    params: Params,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("survey:read")?;
    let survey = find(&state, &access, &path).await?;
    let range = Range::read(&params, state.clock.now())?;
    let count = responses::count(&state, &survey, &range).await?;
    let rows = responses::list(&state, &survey, &range, page.limit, page.offset).await?;
    Ok(web::paginated(&page, count, rows, &uri))
}

pub async fn csv(access: Access, State(state): State<SurveysState>, path: Of, params: Params) -> ApiResult<Response> {
    access.require("survey:read")?;
    let survey = find(&state, &access, &path).await?;
    let range = Range::read(&params, state.clock.now())?;
    let (columns, rows) = responses::table(&state, &survey, &range).await?;
    Ok(web::csv::response("survey-responses", columns, rows).into_response())
}
