//! A cohort of everybody who is exposed.

use super::experiments::{Names, save};
use super::lifecycle::{both, refuse};
use crate::ExperimentsState;
use crate::experiment::{Experiment, Status};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use cohorts::NewCohort;
use http::StatusCode;
use serde_json::{Value, json};
use web::{Access, ApiError, ApiResult};

pub fn routes(prefix: &str) -> Router<ExperimentsState> {
    Router::new().route(&format!("{prefix}/experiments/{{id}}/create_exposure_cohort_for_experiment"), post(create_exposure_cohort))
}

/// A cohort of everybody who called the flag.
async fn create_exposure_cohort(
    State(state): State<ExperimentsState>,
    access: Access,
    names: Names,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let (before, flag) = both(&state, &access, &names).await?;
    access.require("cohort:write")?;
    if before.start.is_none() {
        return Err(refuse(Status::Draft, "one that was launched"));
    }
    if before.exposure_cohort.is_some() {
        return Err(ApiError::invalid("The experiment has a cohort of those who are exposed already."));
    }
    let exposed = exposed(&before, &flag.key);
    let cohort = NewCohort {
        name: format!("Users exposed to experiment {}", before.name),
        description: String::new(),
        filters: json!({"properties": {"type": "OR", "values": [{"type": "AND", "values": [exposed]}]}}),
        query: None,
        is_static: false,
    };
    let cohort = state.cohorts.create(&access.team, access.user(), cohort).await?;
    let after = Experiment { exposure_cohort: Some(cohort.id), ..before.clone() };
    save(&state, &access, &before, after).await?;
    let body = json!({"cohort": {"id": cohort.id, "name": cohort.name, "filters": cohort.filters, "is_static": cohort.is_static}});
    Ok((StatusCode::CREATED, Json(body)))
}

/// The criterion that somebody met the experiment, by the flag's call or by what the experiment says instead.
fn exposed(experiment: &Experiment, flag_key: &str) -> Value {
    const CALLED: &str = "$feature_flag_called";
    let config = experiment.exposure_criteria.get("exposure_config").unwrap_or(&Value::Null);
    let of_event = config.get("event").and_then(Value::as_str).unwrap_or(CALLED);
    let (key, kind) = match config.get("id").filter(|id| !id.is_null()) {
        Some(action) => (action.clone(), "actions"),
        None => (json!(of_event), "events"),
    };
    let of_flag = match kind == "events" && of_event == CALLED {
        true => json!({"key": "$feature_flag", "type": "event", "operator": "exact", "value": [flag_key]}),
        false => json!({"key": format!("$feature/{flag_key}"), "type": "event", "operator": "is_set", "value": "is_set"}),
    };
    let own = config.get("properties").and_then(Value::as_array).cloned().unwrap_or_default();
    let filters: Vec<Value> = std::iter::once(of_flag).chain(own).collect();
    json!({
        "type": "behavioral", "value": "performed_event", "key": key, "event_type": kind, "negation": false,
        "explicit_datetime": experiment.start, "event_filters": filters,
    })
}
