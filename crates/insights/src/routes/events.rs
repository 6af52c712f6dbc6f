//! The old events list, which tools still read, and values for filters.

use super::flag;
use crate::InsightsState;
use crate::answer::{Question, Refresh, Reply};
use crate::run::Purpose;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::StreamExt;
use model::Timestamp;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;
use web::{Access, ApiError, ApiResult, Page, csv};

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
    let asked = parameters.get("limit").and_then(|limit| limit.parse::<usize>().ok());
    if wants_csv && !parameters.contains_key("select") && !parameters.contains_key("orderBy") {
        let export = Export { state, access, query, left: asked.unwrap_or(MAX_EXPORTED).min(MAX_EXPORTED), after: None };
        return export.respond().await;
    }
    query["limit"] = if wants_csv { json!(asked.unwrap_or(MAX_EXPORTED)) } else { json!(page.limit) };
    query["offset"] = json!(page.offset);
    let mut body = answered(&state, &access, query, if wants_csv { Purpose::Export } else { Purpose::Api }).await?;
    let rows = cells(body["results"].take());
    if parameters.contains_key("select") || wants_csv {
        let columns = body["columns"].take();
        return Ok(match wants_csv {
            true => csv::response("events", texts(&columns), rows.into_iter().map(cells).collect()),
            false => Json(json!({"next": null, "results": rows, "columns": columns})).into_response(),
        });
    }
    let has_more = body["hasMore"].as_bool().unwrap_or(false);
    let events: Vec<Value> = rows.into_iter().map(event).collect();
    let oldest_first = parameters.get("orderBy").is_some_and(|text| text.contains("\"timestamp\"") && !text.contains("-timestamp"));
    let next = match events.last().and_then(|event| event["timestamp"].as_str()).filter(|_| has_more) {
        Some(last) => Some(next_link(&page, uri.path(), &parameters, if oldest_first { "after" } else { "before" }, last)),
        None => None,
    };
    Ok(Json(json!({"next": next, "results": events})).into_response())
}

const MAX_EXPORTED: usize = 300_000;
const EXPORTED: [&str; 6] = ["id", "event", "timestamp", "distinct_id", "properties", "elements_chain"];

/// A download of events, newest first, fetched page by page so that its size does not matter.
struct Export {
    state: InsightsState,
    access: Access,
    query: Value,
    left: usize,
    /// Time and uuid of the last event so far.
    after: Option<(Timestamp, Uuid)>,
}

impl Export {
    async fn respond(mut self) -> ApiResult<Response> {
        // The first page is awaited here: what is wrong with the question is still an error and not a broken download.
        let first = self.page().await?;
        let rest = futures::stream::unfold(self, |mut export| async move {
            match export.page().await {
                Ok(rows) if rows.is_empty() => None,
                Ok(rows) => Some((Ok(rows), export)),
                Err(error) => {
                    export.left = 0;
                    Some((Err(anyhow::Error::new(error)), export))
                }
            }
        });
        let pages = futures::stream::once(std::future::ready(Ok(first))).chain(rest);
        Ok(csv::paged("events", EXPORTED.map(str::to_owned).to_vec(), pages))
    }

    async fn page(&mut self) -> ApiResult<Vec<Vec<Value>>> {
        let limit = self.left.min(self.state.engine.limits.export_page);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut query = self.query.clone();
        query["select"] = json!(["uuid", "event", "timestamp", "distinct_id", "properties", "elements_chain"]);
        query["orderBy"] = json!(["timestamp DESC", "uuid DESC"]);
        query["limit"] = json!(limit);
        if let Some((at, uuid)) = self.after {
            let text = format!("toDateTime64('{at}', 6, 'UTC')");
            let beyond = format!("timestamp < {text} or (timestamp = {text} and uuid < '{uuid}')");
            let own = query["where"].as_array().cloned().unwrap_or_default();
            query["where"] = own.into_iter().chain([json!(beyond)]).collect();
            // The same bound once more, in the form that prunes files.
            query["before"] = json!(Timestamp(at.0 + 1));
        }
        let mut body = answered(&self.state, &self.access, query, Purpose::Export).await?;
        let rows: Vec<Vec<Value>> = cells(body["results"].take()).into_iter().map(cells).collect();
        self.left = if rows.len() < limit { 0 } else { self.left - rows.len() };
        self.after = rows.last().and_then(|last| {
            let at = chrono::DateTime::parse_from_rfc3339(last.get(2)?.as_str()?).ok()?;
            Some((Timestamp(at.timestamp_micros()), Uuid::parse_str(last.first()?.as_str()?).ok()?))
        });
        if self.after.is_none() {
            self.left = 0;
        }
        Ok(rows)
    }
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
    if let Some(id) = parameters.get("action_id").filter(|text| !text.is_empty()) {
        let id: i64 = id.parse().map_err(|_| ApiError::invalid("Must be the id of an action.").attr("action_id"))?;
        query["actionId"] = json!(id);
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
