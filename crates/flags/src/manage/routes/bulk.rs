//! Many flags at once.

use super::draft::Draft;
use crate::{Flag, Flags, store};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use web::{Access, ApiError, ApiResult, Body};

const MAX_IDS: usize = 1_000;

#[derive(Deserialize)]
pub struct Ids {
    ids: Vec<Value>,
}

impl Ids {
    /// Ids are numbers or their digits; what is neither names no flag.
    fn known(&self) -> ApiResult<Vec<i64>> {
        if self.ids.len() > MAX_IDS {
            return Err(ApiError::invalid(format!("At most {MAX_IDS} flags at once.")).attr("ids"));
        }
        Ok(self.ids.iter().filter_map(crate::manage::dependencies::id).collect())
    }
}

/// `{"keys": {"1": "beta"}}`
pub async fn keys(State(state): State<Flags>, access: Access, Body(ids): Body<Ids>) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    let wanted = ids.known()?;
    let flags = store::of_team(&state.db, access.team.id).await?;
    let known = flags.iter().filter(|flag| wanted.contains(&flag.id));
    let keys: Map<String, Value> = known.map(|flag| (flag.id.to_string(), json!(flag.key))).collect();
    Ok(Json(json!({"keys": keys})))
}

/// What happens to each of the flags.
#[derive(Deserialize)]
pub struct Update {
    #[serde(flatten)]
    ids: Ids,
    active: Option<bool>,
    deleted: Option<bool>,
    #[serde(default)]
    add_tags: Vec<String>,
    #[serde(default)]
    remove_tags: Vec<String>,
}

/// `{"updated": [1], "failed": [{"id": 2, "detail": "…"}]}`: each flag for itself, so that one does not keep the others.
pub async fn update(State(state): State<Flags>, access: Access, Body(update): Body<Update>) -> ApiResult<Json<Value>> {
    access.require("feature_flag:write")?;
    let (mut updated, mut failed) = (Vec::new(), Vec::new());
    for id in update.ids.known()? {
        let draft = Draft { active: update.active, deleted: update.deleted, ..Draft::default() };
        let edit = |flag: &mut Flag| {
            let mut tags = flag.tags.clone();
            tags.retain(|tag| !update.remove_tags.contains(tag));
            tags.extend(update.add_tags.iter().cloned());
            Draft { tags: Some(tags), ..draft }.apply(flag)
        };
        match state.try_change(access.team.id, access.user(), id, edit).await {
            Ok(_) => updated.push(id),
            Err(error) if error.status().is_server_error() => return Err(error),
            Err(error) => failed.push(json!({"id": id, "detail": error.detail()})),
        }
    }
    Ok(Json(json!({"updated": updated, "failed": failed})))
}
