//! "Where are my events?": how far ingestion is behind, and what was refused or dropped, with an example and the fix.

use crate::data_dir;
use crate::pipeline::Pipeline;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use capture::Capture;
use events::EventStore;
use events_embedded::Engine;
use ingest::Ingest;
use live::Hub;
use queue::{Log, Queue, Topic};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use web::{Access, ApiResult};

#[derive(Clone)]
pub struct Ingestion {
    capture: Arc<Capture>,
    queue: Arc<Log>,
    ingest: Arc<Ingest>,
    store: Arc<Engine>,
    hub: Hub,
    data_dir: PathBuf,
    geoip_db: Option<PathBuf>,
}

impl Ingestion {
    pub fn new(pipeline: &Pipeline) -> Self {
        Ingestion {
            capture: pipeline.capture.clone(),
            queue: pipeline.queue.clone(),
            ingest: pipeline.ingest.clone(),
            store: pipeline.store.clone(),
            hub: pipeline.hub.clone(),
            data_dir: pipeline.data_dir.path().to_owned(),
            geoip_db: pipeline.geoip_db.clone(),
        }
    }
}

pub fn routes(ingestion: Ingestion) -> Router {
    web::both_prefixes(|prefix| {
        Router::new()
            .route(&format!("{prefix}/ingestion/lag"), get(lag))
            .route(&format!("{prefix}/ingestion/health"), get(health))
            .with_state(ingestion.clone())
    })
}

/// 0 when everything that was accepted is queryable.
async fn lag(access: Access, State(ingestion): State<Ingestion>) -> ApiResult<Json<Value>> {
    access.require("project:read")?;
    let lag = ingestion.ingest.lag();
    Ok(Json(json!({"pending_events": lag.pending_events, "oldest_seconds": lag.oldest_seconds})))
}

async fn health(access: Access, State(ingestion): State<Ingestion>) -> ApiResult<Json<Value>> {
    access.require("project:read")?;
    let captured = ingestion.capture.outcomes.snapshot().of_token(&access.team.api_token);
    let ingested = ingestion.ingest.outcomes().snapshot(Some(access.team.id));
    let lag = ingestion.ingest.lag();
    let status = ingestion.queue.status(Topic::Events);
    let accepted: u64 = captured.accepted.iter().map(|accepted| accepted.events).sum();
    let last_accepted = captured.accepted.iter().map(|accepted| accepted.last_at).max();
    let per_second = ingestion.hub.stats(access.team.id).map_or(0.0, |stats| rate(&stats.events_per_second));
    let last_ingested = last_accepted.filter(|_| lag.pending_events == 0);
    let (refused, deliberate): (Vec<_>, Vec<_>) = captured.refused.iter().partition(|refused| !refused.reason.is_drop());
    let mut dropped: Vec<Value> = deliberate.into_iter().map(refusal).collect();
    dropped.extend(ingested.dropped.iter().map(|dropped| {
        json!({"reason": dropped.reason, "count": dropped.count, "last_at": dropped.last_at, "example": dropped.example, "fix": dropped.how_to_fix, "expected": dropped.expected})
    }));
    let warnings: Vec<Value> = ingested
        .warnings
        .iter()
        .map(|warned| json!({"type": warned.kind, "severity": warned.severity, "count": warned.count, "last_at": warned.last_at, "example": warned.example, "fix": Value::Null}))
        .collect();
    Ok(Json(json!({
        "since": captured.since,
        "accepted": {"total": accepted, "per_second": per_second, "last_at": last_accepted},
        "durable": {"total": accepted, "per_second": per_second, "last_at": status.last_durable_at},
        "ingested": {"total": ingested.accepted, "per_second": per_second, "last_at": last_ingested},
        "queryable": {"total": ingested.accepted, "last_at": last_ingested, "lag_seconds": lag.oldest_seconds, "pending_events": lag.pending_events},
        "trouble": trouble(&ingestion, status.trouble),
        "refused": refused.into_iter().map(refusal).collect::<Vec<_>>(),
        "dropped": dropped,
        "warnings": warnings,
        "disk": {
            "queue_bytes": ingestion.queue.size_bytes(Topic::Events) + ingestion.queue.size_bytes(Topic::Replay),
            "queue_limit_bytes": status.max_bytes,
            "events_bytes": ingestion.store.stats().disk_bytes,
            "free_bytes": data_dir::free_bytes(&ingestion.data_dir),
        },
        "geoip": {"enabled": ingestion.geoip_db.is_some(), "path": ingestion.geoip_db},
    })))
}

/// What an operator must act on, in words.
fn trouble(ingestion: &Ingestion, queue: Option<String>) -> Vec<String> {
    let mut trouble: Vec<String> = queue.into_iter().collect();
    trouble.extend(ingestion.ingest.failure());
    trouble.extend(ingestion.store.damage());
    trouble
}

fn refusal(refused: &capture::Refused) -> Value {
    json!({
        "reason": refused.reason.as_str(),
        "count": refused.count,
        "last_at": refused.last_at,
        "example": {"path": refused.example.path, "detail": refused.example.detail, "user_agent": refused.example.user_agent, "event": refused.example.event},
        "fix": refused.reason.how_to_fix(),
    })
}

/// Events per second over the last ten seconds, the running one left out.
fn rate(per_second: &[u32]) -> f64 {
    let seconds: Vec<&u32> = per_second.iter().rev().skip(1).take(10).collect();
    if seconds.is_empty() { 0.0 } else { f64::from(seconds.iter().copied().sum::<u32>()) / seconds.len() as f64 }
}
