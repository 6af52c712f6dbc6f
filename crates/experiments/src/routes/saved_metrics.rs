//! Metrics that several experiments share.

use super::experiments::{Names, id_of};
use crate::draft::{bounded, text};
use crate::saved_metric::{self, SavedMetric};
use crate::{ExperimentsState, store, wire};
use axum::extract::{OriginalUri, Path, State};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;
use web::{Access, ApiError, ApiResult, Body, Page, paginated};

pub fn routes(prefix: &str) -> Router<ExperimentsState> {
    Router::new()
        .route(&format!("{prefix}/experiment_saved_metrics"), get(list).post(create))
        .route(&format!("{prefix}/experiment_saved_metrics/{{id}}"), get(retrieve).patch(change).delete(remove))
}

const MOST: usize = 1_000;

#[derive(Debug, Default, Deserialize)]
struct Draft {
    name: Option<String>,
    description: Option<String>,
    query: Option<Value>,
    tags: Option<Vec<String>>,
}

impl Draft {
    fn apply(self, metric: &mut SavedMetric, state: &ExperimentsState) -> ApiResult<()> {
        if let Some(name) = self.name {
            metric.name = text(name, "name", 400)?;
        }
        if metric.name.trim().is_empty() {
            return Err(ApiError::validation("blank", "This field may not be blank.").attr("name"));
        }
        if let Some(description) = self.description {
            metric.description = text(description, "description", 10_000)?;
        }
        if let Some(tags) = self.tags {
            metric.tags = bounded(json!(tags), "tags")?;
        }
        if let Some(query) = self.query {
            let known = metric.query.get("uuid").cloned();
            metric.query = bounded(query, "query")?;
            if let Some(query) = metric.query.as_object_mut().filter(|query| query.get("uuid").is_none_or(Value::is_null)) {
                query.insert("uuid".to_owned(), known.unwrap_or_else(|| json!(Uuid::new_v4())));
            }
        }
        (state.checks.metric)(&metric.query).map_err(|detail| ApiError::invalid(detail).attr("query"))
    }
}

async fn shown(state: &ExperimentsState, metric: &SavedMetric) -> ApiResult<Value> {
    let users = wire::users(state, metric.created_by.into_iter()).await?;
    Ok(wire::saved_metric_shown(metric, metric.created_by.and_then(|id| users.get(&id).cloned().flatten())))
}

async fn list(State(state): State<ExperimentsState>, access: Access, page: Page, OriginalUri(uri): OriginalUri) -> ApiResult<Json<Value>> {
    access.require("experiment_saved_metric:read")?;
    let all = saved_metric::of_team(&state.db, access.team.id).await?;
    let mut results = Vec::new();
    for metric in all.iter().skip(page.offset).take(page.limit) {
        results.push(shown(&state, metric).await?);
    }
    Ok(paginated(&page, all.len(), results, &uri))
}

async fn found(state: &ExperimentsState, access: &Access, Path(names): &Names) -> ApiResult<SavedMetric> {
    saved_metric::by_id(&state.db, access.team.id, id_of(names)?).await?.ok_or_else(ApiError::not_found)
}

async fn retrieve(State(state): State<ExperimentsState>, access: Access, names: Names) -> ApiResult<Json<Value>> {
    access.require("experiment_saved_metric:read")?;
    Ok(Json(shown(&state, &found(&state, &access, &names).await?).await?))
}

async fn create(State(state): State<ExperimentsState>, access: Access, Body(draft): Body<Draft>) -> ApiResult<(StatusCode, Json<Value>)> {
    access.require("experiment_saved_metric:write")?;
    if draft.query.is_none() {
        return Err(ApiError::required("query"));
    }
    if saved_metric::of_team(&state.db, access.team.id).await?.len() >= MOST {
        return Err(ApiError::invalid(format!("A project can have at most {MOST} shared metrics; delete some first.")));
    }
    let now = state.clock.now();
    let mut metric = SavedMetric {
        id: 0,
        team: access.team.id,
        name: String::new(),
        description: String::new(),
        query: Value::Null,
        tags: json!([]),
        created_by: access.user(),
        created_at: now,
        updated_at: now,
    };
    draft.apply(&mut metric, &state)?;
    let metric = saved_metric::insert(&state.db, metric).await?;
    Ok((StatusCode::CREATED, Json(shown(&state, &metric).await?)))
}

async fn change(State(state): State<ExperimentsState>, access: Access, names: Names, Body(draft): Body<Draft>) -> ApiResult<Json<Value>> {
    access.require("experiment_saved_metric:write")?;
    let mut metric = found(&state, &access, &names).await?;
    draft.apply(&mut metric, &state)?;
    metric.updated_at = state.clock.now();
    saved_metric::update(&state.db, &metric).await?;
    Ok(Json(shown(&state, &metric).await?))
}

/// Experiments that used it go on without.
async fn remove(State(state): State<ExperimentsState>, access: Access, names: Names) -> ApiResult<StatusCode> {
    access.require("experiment_saved_metric:write")?;
    let metric = found(&state, &access, &names).await?;
    for before in store::of_team(&state.db, access.team.id).await? {
        if before.saved_metric_ids().contains(&metric.id) {
            let mut after = before.clone();
            if let Some(links) = after.saved_metrics.as_array_mut() {
                links.retain(|link| link.get("id").and_then(Value::as_i64) != Some(metric.id));
            }
            store::update(&state.db, &before, &after).await?;
        }
    }
    saved_metric::delete(&state.db, access.team.id, metric.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
