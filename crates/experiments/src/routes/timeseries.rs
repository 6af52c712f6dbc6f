//! Results of one metric, day by day.

use super::experiments::{Names, found};
use crate::experiment::Experiment;
use crate::results::{self, Wanted};
use crate::{ExperimentsState, saved_metric, wire};
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use web::{Access, ApiError, ApiResult};

pub fn routes(prefix: &str) -> Router<ExperimentsState> {
    Router::new()
        .route(&format!("{prefix}/experiments/{{id}}/timeseries_results"), get(timeseries))
        .route(&format!("{prefix}/experiments/{{id}}/recalculate_timeseries"), post(recalculate))
}

#[derive(Deserialize)]
struct Asked {
    metric_uuid: Option<String>,
}

/// `?metric_uuid=`. Answers `{"experiment_id", "metric_uuid", "status": "completed" or "partial", "timeseries": {"2026-01-31": result},
/// "missing_days", "computed_at"}`; while it is partial, asking again computes more.
async fn timeseries(
    State(state): State<ExperimentsState>,
    access: Access,
    Path(names): Names,
    Query(asked): Query<Asked>,
) -> ApiResult<Json<Value>> {
    access.require("experiment:read")?;
    let experiment = found(&state, access.team.id, &names).await?;
    let uuid = asked.metric_uuid.ok_or_else(|| ApiError::required("metric_uuid"))?;
    let metric = metric_of(&state, &experiment, &uuid).await?;
    let Some(start) = experiment.start else {
        return Err(ApiError::invalid("The experiment has not been launched, so that it has no results yet."));
    };
    let known = wire::for_queries(&state.db, access.team.id, experiment.id).await?;
    let depends = json!([known, metric, access.team.timezone.name(), access.team.settings.get("test_account_filters")]);
    let wanted = Wanted {
        experiment: experiment.id,
        metric: &metric,
        uuid: &uuid,
        start,
        end: experiment.end.unwrap_or_else(|| state.clock.now()),
        fingerprint: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, depends.to_string().as_bytes()).to_string(),
    };
    let answered = results::by_day(&state, &access.team, &wanted).await?;
    let status = if answered.missing == 0 { "completed" } else { "partial" };
    Ok(Json(json!({
        "experiment_id": experiment.id, "metric_uuid": uuid, "status": status, "timeseries": answered.by_day, "errors": null,
        "missing_days": answered.missing, "computed_at": state.clock.now(), "created_at": experiment.created_at,
    })))
}

/// Forgets what is kept, so that every day is computed again.
async fn recalculate(
    State(state): State<ExperimentsState>,
    access: Access,
    Path(names): Names,
    Query(asked): Query<Asked>,
) -> ApiResult<Json<Value>> {
    access.require("experiment:write")?;
    let experiment = found(&state, access.team.id, &names).await?;
    results::forget(&state, access.team.id, experiment.id, asked.metric_uuid.as_deref()).await?;
    Ok(Json(json!({"experiment_id": experiment.id, "metric_uuid": asked.metric_uuid, "status": "pending"})))
}

/// One of its own, or a shared one, whose uuid may also be `shared-3`.
async fn metric_of(state: &ExperimentsState, experiment: &Experiment, uuid: &str) -> ApiResult<Value> {
    if let Some(metric) = experiment.metric(uuid) {
        return Ok(metric.clone());
    }
    for id in experiment.saved_metric_ids() {
        if let Some(saved) = saved_metric::by_id(&state.db, experiment.team, id).await?
            && (saved.query.get("uuid").and_then(Value::as_str) == Some(uuid) || uuid == format!("shared-{id}"))
        {
            return Ok(saved.query);
        }
    }
    Err(ApiError::not_found_as(format!("The experiment has no metric {uuid}.")))
}
