use crate::routes::{DefinitionsState, Params, given};
use crate::warnings::{KEPT_DAYS, category, severity};
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use db::args;
use model::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use web::{Access, ApiResult};

/// Warnings of one kind that are shown in full.
const SHOWN: usize = 50;
/// Warnings read for one answer; the newest tell enough.
const MAX_READ: i64 = 50_000;
const DAY_SECONDS: i64 = 86_400;

pub fn routes(prefix: &str) -> Router<DefinitionsState> {
    Router::new().route(&format!("{prefix}/ingestion_warnings"), get(list))
}

#[derive(Default)]
struct Grouped {
    count: u64,
    last_at: Option<Timestamp>,
    newest: Vec<Value>,
    days: BTreeMap<i64, u64>,
}

/// By type, the most recent first, with the last warnings of each and how many there were every day.
async fn list(access: Access, State(state): State<DefinitionsState>, Query(params): Query<Params>) -> ApiResult<Json<Value>> {
    access.require("ingestion_warning:read")?;
    let now = state.clock.now();
    let search = given(&params, "q").or_else(|| given(&params, "search")).map(str::to_lowercase);
    let sql = "SELECT type, details, timestamp FROM ingestion_warning WHERE team_id = $1 AND timestamp > $2
               ORDER BY timestamp DESC, id DESC LIMIT $3";
    let rows = state.db.fetch_all(sql, args![access.team.id, now.plus_seconds(-KEPT_DAYS * DAY_SECONDS), MAX_READ]).await?;
    let mut kinds: BTreeMap<String, Grouped> = BTreeMap::new();
    for row in &rows {
        let (kind, details): (String, String) = (row.get("type")?, row.get("details")?);
        if search.as_ref().is_some_and(|search| !kind.contains(search.as_str()) && !details.to_lowercase().contains(search)) {
            continue;
        }
        let timestamp: Timestamp = row.get("timestamp")?;
        let grouped = kinds.entry(kind.clone()).or_default();
        grouped.count += 1;
        grouped.last_at = grouped.last_at.max(Some(timestamp));
        *grouped.days.entry(timestamp.utc_day()).or_default() += 1;
        if grouped.newest.len() < SHOWN {
            let details: Value = serde_json::from_str(&details).unwrap_or(Value::Null);
            grouped.newest.push(json!({"type": kind, "timestamp": timestamp, "details": details}));
        }
    }
    let mut answer: Vec<(Option<Timestamp>, Value)> =
        kinds.into_iter().map(|(kind, grouped)| (grouped.last_at, summary(&kind, grouped, now))).collect();
    answer.sort_by_key(|(last_at, _)| std::cmp::Reverse(*last_at));
    Ok(Json(json!({"results": answer.into_iter().map(|(_, summary)| summary).collect::<Vec<_>>()})))
}

fn summary(kind: &str, grouped: Grouped, now: Timestamp) -> Value {
    let today = now.utc_day();
    let sparkline: Vec<Value> =
        (today - KEPT_DAYS + 1..=today).map(|day| json!([grouped.days.get(&day).copied().unwrap_or(0), day_text(day)])).collect();
    json!({
        "type": kind,
        "category": category(kind),
        "severity": severity(kind).as_str(),
        "lastSeen": grouped.last_at,
        "sparkline": sparkline,
        "warnings": grouped.newest,
        "count": grouped.count,
    })
}

fn day_text(day: i64) -> String {
    Timestamp::from_seconds(day * DAY_SECONDS).to_utc().map(|at| at.date_naive().to_string()).unwrap_or_default()
}
