//! The old events list, which tools still read, and values for filters.

use super::flag;
use crate::InsightsState;
use crate::answer::{Question, Refresh, Reply};
use crate::csv;
use crate::run::Purpose;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;
use web::{Access, ApiError, ApiResult, Page};

pub fn routes(prefix: &str) -> Router<InsightsState> {
    Router::new()
        .route(&format!("{prefix}/events"), get(list))
        .route(&format!("{prefix}/events/values"), get(values))
        .route(&format!("{prefix}/events/{{id}}"), get(retrieve))
}

type Parameters = HashMap<String, String>;

async fn list(
    State(state): State<InsightsState>,
    access: Access,
    page: Page,
    Query(parameters): Query<Parameters>,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Response> {
    access.require("query:read")?;
    let wants_csv = parameters.get("format").is_some_and(|format| format == "csv");
    let mut query = events_query(&parameters)?;
    query["limit"] = if wants_csv && !parameters.contains_key("limit") { json!(300_000) } else { json!(page.limit) };
    query["offset"] = json!(page.offset);
    let mut body = answered(&state, &access, query, if wants_csv { Purpose::Export } else { Purpose::Api }).await?;
    let rows = cells(body["results"].take());
    if let Some(columns) = parameters.get("select").map(|_| body["columns"].clone()) {
        return Ok(match wants_csv {
            true => csv::response("events", texts(&columns), rows.into_iter().map(cells).collect()),
            false => Json(json!({"next": null, "results": rows, "columns": columns})).into_response(),
        });
    }
    let has_more = body["hasMore"].as_bool().unwrap_or(false);
    let events: Vec<Value> = rows.into_iter().map(event).collect();
    if wants_csv {
        let columns = ["id", "event", "timestamp", "distinct_id", "properties", "elements_chain"];
        let rows = events.iter().map(|event| columns.iter().map(|column| event[*column].clone()).collect()).collect();
        return Ok(csv::response("events", columns.map(str::to_owned).to_vec(), rows));
    }
    let oldest_first = parameters.get("orderBy").is_some_and(|text| text.contains("\"timestamp\"") && !text.contains("-timestamp"));
    let next = match events.last().and_then(|event| event["timestamp"].as_str()).filter(|_| has_more) {
        Some(last) => Some(next_link(&page, uri.path(), &parameters, if oldest_first { "after" } else { "before" }, last)),
        None => None,
    };
    Ok(Json(json!({"next": next, "results": events})).into_response())
}

/// The next page is the same list on the other side of the last row's time.
fn next_link(page: &Page, path: &str, parameters: &Parameters, bound: &str, at: &str) -> String {
    let mut pairs: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    pairs.retain(|(name, _)| !matches!(*name, "offset" | "personal_api_key") && *name != bound);
    pairs.push((bound, at));
    pairs.sort();
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{}{path}?{query}", page.origin)
}

fn events_query(parameters: &Parameters) -> ApiResult<Value> {
    let mut query = json!({"kind": "EventsQuery", "select": ["*", "person", "person_id"], "orderBy": ["timestamp DESC"]});
    let list = |name: &'static str| -> ApiResult<Option<Value>> {
        let Some(text) = parameters.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        let list: Vec<String> = serde_json::from_str(text).map_err(|_| ApiError::invalid("Must be a JSON list of texts.").attr(name))?;
        Ok(Some(json!(list)))
    };
    if let Some(select) = list("select")? {
        query["select"] = select;
    }
    if let Some(conditions) = list("where")? {
        query["where"] = conditions;
    }
    if let Some(orders) = list("orderBy")? {
        query["orderBy"] = orders;
    }
    for (name, field) in [("event", "event"), ("person_id", "personId"), ("after", "after"), ("before", "before")] {
        if let Some(text) = parameters.get(name).filter(|text| !text.is_empty()) {
            query[field] = json!(text);
        }
    }
    if let Some(text) = parameters.get("properties").filter(|text| !text.is_empty()) {
        query["properties"] = serde_json::from_str(text).map_err(|_| ApiError::invalid("Properties are unparsable!").attr("properties"))?;
    }
    if let Some(distinct_id) = parameters.get("distinct_id").filter(|text| !text.is_empty()) {
        query["fixedProperties"] = json!([{"type": "event_metadata", "key": "distinct_id", "operator": "exact", "value": [distinct_id]}]);
    }
    if parameters.get("filter_test_accounts").is_some_and(|text| flag(text)) {
        query["filterTestAccounts"] = json!(true);
    }
    Ok(query)
}

pub async fn answered(state: &InsightsState, access: &Access, query: Value, purpose: Purpose) -> ApiResult<Value> {
    let question = Question { purpose, ..Question::new(query, Refresh::Blocking) };
    match state.engine.reply(access.team.clone(), question).await? {
        Reply::Complete(body) => Ok(body),
        Reply::Pending(_) | Reply::Miss { .. } => Err(anyhow::anyhow!("a blocking query was not answered").into()),
    }
}

fn cells(row: Value) -> Vec<Value> {
    match row {
        Value::Array(cells) => cells,
        other => vec![other],
    }
}

fn texts(columns: &Value) -> Vec<String> {
    columns.as_array().into_iter().flatten().map(|column| column.as_str().unwrap_or_default().to_owned()).collect()
}

/// `[*, person, person_id]` as the list's object.
fn event(row: Value) -> Value {
    let mut cells = cells(row).into_iter();
    let (event, person, person_id) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
    json!({
        "id": event["uuid"], "uuid": event["uuid"], "event": event["event"], "distinct_id": event["distinct_id"], "timestamp": event["timestamp"],
        "properties": event["properties"], "elements": [], "elements_chain": event["elements_chain"], "person": person, "person_id": person_id,
    })
}

async fn retrieve(State(state): State<InsightsState>, access: Access, Path(path): Path<HashMap<String, String>>) -> ApiResult<Json<Value>> {
    access.require("query:read")?;
    let id = path.get("id").and_then(|text| Uuid::parse_str(text).ok()).ok_or_else(ApiError::not_found)?;
    let query = json!({
        "kind": "EventsQuery", "select": ["*", "person", "person_id"], "after": "all", "before": "9999-01-01", "limit": 1,
        "fixedProperties": [{"type": "event_metadata", "key": "uuid", "operator": "exact", "value": [id.to_string()]}],
    });
    let body = answered(&state, &access, query, Purpose::Api).await?;
    let row = body["results"].get(0).cloned().ok_or_else(ApiError::not_found)?;
    Ok(Json(event(row)))
}

async fn values(State(state): State<InsightsState>, access: Access, Query(parameters): Query<Parameters>) -> ApiResult<Json<Value>> {
    access.require("query:read")?;
    let key = parameters.get("key").filter(|key| !key.is_empty()).ok_or_else(|| ApiError::required("key"))?;
    let query = suggestions(key, "event", &parameters);
    let body = answered(&state, &access, query, Purpose::Api).await?;
    Ok(Json(body["results"].clone()))
}

/// The query behind a list of suggestions.
pub fn suggestions(key: &str, kind: &str, parameters: &Parameters) -> Value {
    let is_column = parameters.get("is_column").is_some_and(|text| flag(text));
    let mut query = json!({"kind": "PropertyValuesQuery", "property_key": key, "property_type": kind, "is_column": is_column});
    if let Some(search) = parameters.get("value") {
        query["search_value"] = json!(search);
    }
    // PostHog's client repeats `event_name`, or sends a JSON list; the last one of a repetition is what arrives here.
    if let Some(text) = parameters.get("event_name").filter(|text| !text.is_empty()) {
        query["event_names"] = serde_json::from_str(text).ok().filter(Value::is_array).unwrap_or_else(|| json!([text]));
    }
    query
}
