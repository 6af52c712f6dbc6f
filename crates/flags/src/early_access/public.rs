//! The list that SDKs fetch with the project's token, to offer features to people.

use super::{Stage, store};
use crate::{Flags, store as flags};
use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};
use std::collections::HashMap;
use web::ApiResult;

/// `?token=&stage=beta&stage=concept`; without a stage, those in beta.
pub async fn list(State(state): State<Flags>, RawQuery(query): RawQuery) -> ApiResult<Json<Value>> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query.as_deref().unwrap_or_default()).unwrap_or_default();
    let of = |names: &[&str]| pairs.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.trim());
    let team = web::project_of_token(&state.teams, of(&["token", "api_key"]).unwrap_or_default()).await?;
    let named: Vec<&str> = pairs.iter().filter(|(name, _)| name == "stage").map(|(_, stage)| stage.as_str()).collect();
    let wanted: Vec<Stage> = if named.is_empty() { vec![Stage::Beta] } else { named.into_iter().filter_map(Stage::parse).collect() };
    let features = store::of_team(&state.db, team.id).await?;
    let offered: Vec<_> = features.into_iter().filter(|feature| wanted.contains(&feature.stage)).collect();
    let known = if offered.is_empty() { Vec::new() } else { flags::of_team(&state.db, team.id).await? };
    let by_id: HashMap<i64, _> = known.iter().map(|flag| (flag.id, flag)).collect();
    let shown: Vec<Value> = offered.iter().map(|feature| feature.shown(feature.flag.and_then(|flag| by_id.get(&flag).copied()))).collect();
    Ok(Json(json!({"earlyAccessFeatures": shown})))
}
