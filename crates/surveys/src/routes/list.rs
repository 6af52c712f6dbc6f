//! `GET /api/surveys/?token=`: what SDKs show.

use crate::store::Filter;
use crate::wire::{self, FlagsById};
use crate::{SurveysState, store, triggers};
use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use teams::Team;
use web::ApiResult;

/// Surveys of one project that SDKs get: running ones first, the newest of them, as far as they fit.
const MAX_LISTED: usize = 500;
/// Browsers keep the list beside everything else that a site stores, in 5 MB.
const MAX_BYTES: usize = 2 << 20;

#[derive(Deserialize)]
pub struct ByToken {
    #[serde(default, alias = "api_key")]
    token: String,
}

pub async fn list(State(state): State<SurveysState>, query: Query<ByToken>) -> ApiResult<Json<Value>> {
    let team = web::project_of_token(&state.teams, &query.token).await?;
    let surveys = listed(&state, &team).await?;
    Ok(Json(json!({"surveys": *surveys, "survey_config": team.settings.get("survey_config")})))
}

async fn listed(state: &SurveysState, team: &Team) -> ApiResult<Arc<Value>> {
    if let Some(known) = state.public.get(&team.id) {
        return Ok(known);
    }
    let filter = Filter { archived: Some(false), ..Filter::default() };
    let (_, mut surveys) = store::list(&state.db, team.id, &filter, MAX_LISTED, 0).await?;
    surveys.sort_by_key(|survey| !survey.is_running());
    let flags = FlagsById::of(&state.db, team.id, &surveys).await?;
    let steps = triggers::steps(&state.db, team.id, &surveys).await?;
    let mut bytes = 0;
    let fits = |shown: &Value| {
        bytes += shown.to_string().len();
        bytes <= MAX_BYTES
    };
    let list = surveys.iter().map(|survey| wire::public(survey, &flags, &steps)).take_while(fits).collect();
    let list = Arc::new(Value::Array(list));
    state.public.insert(team.id, list.clone());
    Ok(list)
}
