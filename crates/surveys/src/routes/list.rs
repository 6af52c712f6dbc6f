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

/// Surveys of one project that SDKs get, the newest ones.
const MAX_LISTED: usize = 500;

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
    let (_, surveys) = store::list(&state.db, team.id, &filter, MAX_LISTED, 0).await?;
    let flags = FlagsById::of(&state.db, team.id, &surveys).await?;
    let steps = triggers::steps(&state.db, team.id, &surveys).await?;
    let list = surveys.iter().map(|survey| wire::public(survey, &flags, &steps)).collect();
    let list = Arc::new(Value::Array(list));
    state.public.insert(team.id, list.clone());
    Ok(list)
}
