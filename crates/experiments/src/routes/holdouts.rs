//! Holdouts. A change reaches the flags of experiments that are not over.

use super::experiments::{Names, id_of};
use crate::draft::{bounded, text};
use crate::holdout::{self, Holdout};
use crate::{ExperimentsState, flag, store, wire};
use axum::extract::{OriginalUri, Path, State};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use web::{Access, ApiError, ApiResult, Body, Page, paginated};

pub fn routes(prefix: &str) -> Router<ExperimentsState> {
    Router::new()
        .route(&format!("{prefix}/experiment_holdouts"), get(list).post(create))
        .route(&format!("{prefix}/experiment_holdouts/{{id}}"), get(retrieve).patch(change).delete(remove))
}

const MOST: usize = 1_000;

#[derive(Debug, Default, Deserialize)]
struct Draft {
    name: Option<String>,
    description: Option<String>,
    filters: Option<Value>,
}

impl Draft {
    fn apply(self, holdout: &mut Holdout) -> ApiResult<()> {
        if let Some(name) = self.name {
            holdout.name = text(name, "name", 400)?;
        }
        if holdout.name.trim().is_empty() {
            return Err(ApiError::validation("blank", "This field may not be blank.").attr("name"));
        }
        if let Some(description) = self.description {
            holdout.description = text(description, "description", 10_000)?;
        }
        if let Some(filters) = self.filters {
            holdout.filters = bounded(filters, "filters")?;
        }
        let share = holdout.filters.pointer("/0/rollout_percentage").and_then(Value::as_f64);
        let is_one = holdout.filters.as_array().is_some_and(|filters| filters.len() == 1);
        match share.filter(|share| is_one && (0.0..=100.0).contains(share)) {
            Some(_) => Ok(()),
            None => {
                let detail = "Filters are [{\"properties\": [], \"rollout_percentage\": 10}], with a percentage from 0 to 100.";
                Err(ApiError::invalid(detail).attr("filters"))
            }
        }
    }
}

async fn shown(state: &ExperimentsState, holdout: &Holdout) -> ApiResult<Value> {
    let users = wire::users(state, holdout.created_by.into_iter()).await?;
    Ok(wire::holdout_shown(holdout, holdout.created_by.and_then(|id| users.get(&id).cloned().flatten())))
}

async fn list(State(state): State<ExperimentsState>, access: Access, page: Page, OriginalUri(uri): OriginalUri) -> ApiResult<Json<Value>> {
    access.require("experiment_holdout:read")?;
    let all = holdout::of_team(&state.db, access.team.id).await?;
    let mut results = Vec::new();
    for holdout in all.iter().skip(page.offset).take(page.limit) {
        results.push(shown(&state, holdout).await?);
    }
    Ok(paginated(&page, all.len(), results, &uri))
}

async fn found(state: &ExperimentsState, access: &Access, Path(names): &Names) -> ApiResult<Holdout> {
    holdout::by_id(&state.db, access.team.id, id_of(names)?).await?.ok_or_else(ApiError::not_found)
}

async fn retrieve(State(state): State<ExperimentsState>, access: Access, names: Names) -> ApiResult<Json<Value>> {
    access.require("experiment_holdout:read")?;
    Ok(Json(shown(&state, &found(&state, &access, &names).await?).await?))
}

async fn create(State(state): State<ExperimentsState>, access: Access, Body(draft): Body<Draft>) -> ApiResult<(StatusCode, Json<Value>)> {
    access.require("experiment_holdout:write")?;
    if holdout::of_team(&state.db, access.team.id).await?.len() >= MOST {
        return Err(ApiError::invalid(format!("A project can have at most {MOST} holdouts; delete some first.")));
    }
    let now = state.clock.now();
    let mut holdout = Holdout {
        id: 0,
        team: access.team.id,
        name: String::new(),
        description: String::new(),
        filters: json!([]),
        created_by: access.user(),
        created_at: now,
        updated_at: now,
    };
    draft.apply(&mut holdout)?;
    let holdout = holdout::insert(&state.db, holdout).await?;
    Ok((StatusCode::CREATED, Json(shown(&state, &holdout).await?)))
}

async fn change(State(state): State<ExperimentsState>, access: Access, names: Names, Body(draft): Body<Draft>) -> ApiResult<Json<Value>> {
    access.require("experiment_holdout:write")?;
    let mut holdout = found(&state, &access, &names).await?;
    let before = holdout.of_flag();
    draft.apply(&mut holdout)?;
    holdout.updated_at = state.clock.now();
    holdout::update(&state.db, &holdout).await?;
    if holdout.of_flag() != before {
        tell_flags(&state, &access, holdout.id, Some(holdout.of_flag())).await?;
    }
    Ok(Json(shown(&state, &holdout).await?))
}

async fn remove(State(state): State<ExperimentsState>, access: Access, names: Names) -> ApiResult<StatusCode> {
    access.require("experiment_holdout:write")?;
    let holdout = found(&state, &access, &names).await?;
    tell_flags(&state, &access, holdout.id, None).await?;
    for before in store::of_team(&state.db, access.team.id).await? {
        if before.holdout == Some(holdout.id) {
            let after = crate::experiment::Experiment { holdout: None, ..before.clone() };
            store::update(&state.db, &before, &after).await?;
        }
    }
    holdout::delete(&state.db, access.team.id, holdout.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Of drafts and running experiments; what has ended stays as it was.
async fn tell_flags(state: &ExperimentsState, access: &Access, holdout: i64, filter: Option<Value>) -> ApiResult<()> {
    for experiment in store::of_team(&state.db, access.team.id).await? {
        if experiment.holdout != Some(holdout) || experiment.end.is_some() {
            continue;
        }
        let filter = filter.clone();
        let edit = move |flag: &mut flags::Flag| flag::set_holdout(&mut flag.filters, filter);
        match state.flags.change(access.team.id, access.user(), experiment.flag, edit).await {
            Err(error) if error.status() == StatusCode::NOT_FOUND => {}
            other => drop(other?),
        }
    }
    Ok(())
}
