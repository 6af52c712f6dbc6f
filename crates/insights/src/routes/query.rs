//! `/query`: run a node, follow or cancel a background run.

use crate::InsightsState;
use crate::answer::{Question, Refresh, Reply};
use crate::jobs::{MAX_ID_LENGTH, Outcome, Subject};
use crate::legacy;
use crate::nodes;
use crate::overrides::FiltersOverride;
use crate::run::Purpose;
use crate::store::{self, Name};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use web::{Access, ApiError, ApiResult, Body, csv};

pub fn routes(prefix: &str) -> Router<InsightsState> {
    Router::new()
        .route(&format!("{prefix}/query"), post(run))
        .route(&format!("{prefix}/query/upgrade"), post(upgrade))
        .route(&format!("{prefix}/query/check_auth_for_async"), post(check_auth))
        .route(&format!("{prefix}/query/{{id}}"), get(status).delete(cancel).post(run_kind))
        .route(&format!("{prefix}/query/{{id}}/log"), get(log))
}

#[derive(Debug, Deserialize)]
struct RunBody {
    query: Value,
    #[serde(default)]
    refresh: Option<Value>,
    #[serde(default, rename = "async")]
    is_async: Option<bool>,
    #[serde(default)]
    client_query_id: Option<String>,
    #[serde(default)]
    filters_override: Option<FiltersOverride>,
    #[serde(default)]
    variables_override: Option<Map<String, Value>>,
    #[serde(default)]
    name: Option<String>,
}

const MAX_NAME_LENGTH: usize = 128;

async fn run(
    State(state): State<InsightsState>,
    access: Access,
    Query(parameters): Query<HashMap<String, String>>,
    Body(body): Body<RunBody>,
) -> ApiResult<Response> {
    access.require("query:read")?;
    let wants_csv = parameters.get("format").is_some_and(|format| format == "csv");
    let mut question = question(body)?;
    if nodes::kind_of(&question.query) == Some("SavedInsightNode") {
        question.query = saved(&state, &access, &question.query).await?;
    }
    if wants_csv {
        question.purpose = Purpose::Export;
        question.refresh = Refresh::Blocking;
    }
    let reply = state.engine.reply(access.team.clone(), question).await?;
    match (reply, wants_csv) {
        (Reply::Complete(body), true) => table(body),
        (reply, _) => Ok(respond(reply)),
    }
}

/// The query of the saved insight that a node names by its short id.
async fn saved(state: &InsightsState, access: &Access, node: &Value) -> ApiResult<Value> {
    access.require("insight:read")?;
    let short_id = node.get("shortId").and_then(Value::as_str).ok_or_else(|| ApiError::invalid("A SavedInsightNode needs a shortId."))?;
    let insight = store::find(&state.db, access.team.id, &Name::ShortId(short_id.to_owned())).await?.filter(|insight| !insight.deleted);
    let missing = || ApiError::validation("does_not_exist", format!("There is no insight \"{short_id}\" with a query."));
    insight.and_then(|insight| insight.query).ok_or_else(missing)
}

async fn run_kind(
    state: State<InsightsState>,
    access: Access,
    Path(path): Path<HashMap<String, String>>,
    parameters: Query<HashMap<String, String>>,
    body: Body<RunBody>,
) -> ApiResult<Response> {
    let kind = path.get("id").map(String::as_str).unwrap_or_default();
    if nodes::kind_of(&body.0.query) != Some(kind) {
        return Err(ApiError::invalid(format!("The path asks for \"{kind}\", the query's kind is another.")));
    }
    run(state, access, parameters, body).await
}

fn question(body: RunBody) -> ApiResult<Question> {
    let refresh = match &body.refresh {
        None | Some(Value::Null) => Refresh::Blocking,
        Some(value) => Refresh::parse(value).ok_or_else(|| ApiError::invalid(format!("{value} is not a refresh mode.")).attr("refresh"))?,
    };
    let refresh = match refresh {
        // Queries are never answered with "nothing stored".
        Refresh::ForceCache => Refresh::Blocking,
        Refresh::Blocking if body.is_async.unwrap_or(false) => Refresh::Async,
        other => other,
    };
    let name = body.name.unwrap_or_default();
    if name.chars().count() > MAX_NAME_LENGTH {
        return Err(ApiError::validation("max_length", "Ensure this field has no more than 128 characters.").attr("name"));
    }
    let client_query_id = body.client_query_id.filter(|id| !id.is_empty());
    if client_query_id.as_ref().is_some_and(|id| id.len() > MAX_ID_LENGTH) {
        return Err(ApiError::validation("max_length", format!("Ensure this field has no more than {MAX_ID_LENGTH} characters."))
            .attr("client_query_id"));
    }
    let question = Question::new(body.query, refresh);
    let subject = Subject { name, ..Subject::default() };
    Ok(Question { client_query_id, filters: body.filters_override, variables: body.variables_override, subject, ..question })
}

pub fn respond(reply: Reply) -> Response {
    match reply {
        Reply::Complete(body) => Json(body).into_response(),
        Reply::Pending(body) => (StatusCode::ACCEPTED, Json(body)).into_response(),
        Reply::Miss { cache_key } => Json(json!({"cache_key": cache_key, "query_status": null})).into_response(),
    }
}

/// A table, or the series of an insight with a column per bucket.
fn table(mut body: Value) -> ApiResult<Response> {
    let results = match body["results"].take() {
        Value::Array(results) => results,
        _ => return Err(ApiError::invalid("This query has no table to export.")),
    };
    if let Value::Array(columns) = body["columns"].take() {
        let columns = columns.into_iter().map(|column| column.as_str().unwrap_or_default().to_owned()).collect();
        let rows = results.into_iter().map(|row| match row {
            Value::Array(cells) => cells,
            other => vec![other],
        });
        return Ok(csv::response("export", columns, rows.collect()));
    }
    let days = results.iter().find_map(|item| item["days"].as_array().filter(|days| !days.is_empty()).cloned());
    let header = match &days {
        Some(days) => days.iter().map(|day| day.as_str().unwrap_or_default().to_owned()).collect(),
        None => vec!["value".to_owned()],
    };
    let columns = std::iter::once("series".to_owned()).chain(header).collect();
    let row = |item: Value| {
        let label = match item["compare_label"].as_str() {
            Some(compare) => Value::from(format!("{} - {compare}", item["label"].as_str().unwrap_or_default())),
            None => item["label"].clone(),
        };
        let values = match &days {
            Some(_) => item["data"].as_array().cloned().unwrap_or_default(),
            None => vec![item["aggregated_value"].clone()],
        };
        std::iter::once(label).chain(values).collect()
    };
    Ok(csv::response("export", columns, results.into_iter().map(row).collect()))
}

async fn status(State(state): State<InsightsState>, access: Access, Path(path): Path<HashMap<String, String>>) -> ApiResult<Response> {
    access.require("query:read")?;
    let id = path.get("id").map(String::as_str).unwrap_or_default();
    let found = state.engine.status(&access.team, id);
    let (status, outcome) = found.ok_or_else(|| ApiError::not_found_as(format!("Query {id} not found for this project.")))?;
    let code = match outcome {
        None => StatusCode::ACCEPTED,
        Some(Outcome::Answered(_)) => StatusCode::OK,
        Some(Outcome::Failed(Some(_))) => StatusCode::BAD_REQUEST,
        Some(Outcome::Failed(None)) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Ok((code, Json(json!({"query_status": status}))).into_response())
}

async fn cancel(State(state): State<InsightsState>, access: Access, Path(path): Path<HashMap<String, String>>) -> ApiResult<Json<Value>> {
    access.require("query:read")?;
    let id = path.get("id").map(String::as_str).unwrap_or_default();
    let was_running = state.engine.jobs.cancel(access.team.id, id);
    Ok(Json(json!({"message": if was_running { "Query cancelled" } else { "No running query with this id" }})))
}

async fn log(State(state): State<InsightsState>, access: Access, Path(path): Path<HashMap<String, String>>) -> ApiResult<Json<Value>> {
    access.require("query:read")?;
    let id = path.get("id").map(String::as_str).unwrap_or_default();
    Ok(Json(json!({"results": state.engine.jobs.read_log(access.team.id, id), "hasMore": false})))
}

/// The newest form of a query; filters of old insights become one.
async fn upgrade(access: Access, Body(body): Body<Value>) -> ApiResult<Json<Value>> {
    access.require("query:read")?;
    match body.get("query") {
        Some(query) if query.is_object() => {
            let upgraded = legacy::upgrade(query).map_err(|text| ApiError::invalid(format!("{text}.")).attr("query"))?;
            Ok(Json(json!({"query": upgraded})))
        }
        _ => Err(ApiError::required("query")),
    }
}

async fn check_auth(access: Access) -> ApiResult<Json<Value>> {
    access.require("query:read")?;
    Ok(Json(json!({"user": "ok"})))
}
