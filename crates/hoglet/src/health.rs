//! Health, readiness and metrics. Each answer is about the roles that this process runs.

use crate::config::Roles;
use crate::data_dir;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use db::Db;
use events::EventStore;
use ingest::Ingest;
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use model::{Clock, Timestamp};
use queue::{Queue, Topic};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What health is judged by.
pub struct Health {
    pub db: Db,
    pub queue: Arc<dyn Queue>,
    pub store: Arc<dyn EventStore>,
    pub roles: Roles,
    pub clock: Clock,
    pub data_dir: PathBuf,
    pub metrics: PrometheusHandle,
    pub started_at: Timestamp,
    pub ingest: Arc<Ingest>,
    pub stopping: AtomicBool,
}

pub fn routes(health: Arc<Health>) -> Router {
    Router::new()
        .route("/_health", get(plain))
        .route("/_ready", get(ready))
        .route("/_readiness", get(ready))
        .route("/_livez", get(|| async { Json(json!({"http": true})) }))
        .route("/_liveness", get(|| async { "ok" }))
        .route("/_readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/_metrics", get(metrics))
        .with_state(health)
}

impl Health {
    /// Every part with whether it works, under the names that PostHog's `/_readyz` uses where it has one.
    async fn parts(&self) -> Vec<(&'static str, bool)> {
        let database = self.db.ping().await.is_ok();
        let mut parts =
            vec![("http", !self.stopping.load(Ordering::Relaxed)), ("postgres", database), ("postgres_migrations_uptodate", database)];
        let status = self.queue.status(Topic::Events);
        parts.push(("kafka_connected", status.trouble.is_none()));
        parts.push(("clickhouse", self.store.position().await.is_ok()));
        if self.roles.ingest {
            parts.push(("ingest", self.ingest.failure().is_none()));
        }
        parts
    }
}

async fn plain(State(health): State<Arc<Health>>) -> Response {
    if health.db.ping().await.is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the metadata database does not answer").into_response();
    }
    match health.clock {
        Clock::System => "ok".into_response(),
        Clock::Fixed(at) => format!("ok (the clock is fixed at {at}; for tests only)").into_response(),
    }
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    answer(health.parts().await)
}

async fn readyz(State(health): State<Arc<Health>>, Query(pairs): Query<Vec<(String, String)>>) -> Response {
    let role = pairs.iter().find(|(name, _)| name == "role").map(|(_, value)| value.as_str());
    let excluded: Vec<&str> = pairs.iter().filter(|(name, _)| name == "exclude").map(|(_, value)| value.as_str()).collect();
    let needed: &[&str] = match role {
        None => &[],
        Some("events") => &["http", "kafka_connected"],
        Some("web" | "report") => &["http", "postgres", "postgres_migrations_uptodate"],
        Some("worker") => &["postgres", "kafka_connected", "clickhouse", "ingest"],
        Some("decide") => &["http", "postgres"],
        Some("query") => &["http", "postgres", "clickhouse"],
        Some(_) => return (StatusCode::BAD_REQUEST, Json(json!({"error": "InvalidRole"}))).into_response(),
    };
    let parts = health.parts().await.into_iter();
    answer(parts.filter(|(name, _)| !excluded.contains(name) && (needed.is_empty() || needed.contains(name))).collect())
}

fn answer(parts: Vec<(&'static str, bool)>) -> Response {
    let status = if parts.iter().all(|(_, works)| *works) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body: Map<String, Value> = parts.into_iter().map(|(name, works)| (name.to_owned(), works.into())).collect();
    (status, Json(Value::Object(body))).into_response()
}

async fn metrics(State(health): State<Arc<Health>>) -> Response {
    for topic in Topic::ALL {
        let status = health.queue.status(topic);
        gauge!("hoglet_queue_bytes", "topic" => topic.as_str()).set(status.bytes as f64);
        let waiting: u64 = status.readers.iter().map(|reader| reader.unread_records).max().unwrap_or(0);
        gauge!("hoglet_queue_unread_records", "topic" => topic.as_str()).set(waiting as f64);
    }
    let position = health.store.position().await.ok().flatten().unwrap_or(0);
    gauge!("posthog_queue_size").set(health.queue.end(Topic::Events).0.saturating_sub(position) as f64);
    let stats = health.store.stats();
    gauge!("hoglet_event_store_rows").set(stats.rows as f64);
    gauge!("hoglet_event_store_memory_rows").set(stats.memory_rows as f64);
    gauge!("hoglet_event_store_segments").set(stats.segments as f64);
    gauge!("hoglet_event_store_bytes").set(stats.disk_bytes as f64);
    if let Some(free) = data_dir::free_bytes(&health.data_dir) {
        gauge!("hoglet_disk_free_bytes").set(free as f64);
    }
    gauge!("process_start_time_seconds").set(health.started_at.seconds() as f64);
    if let Some(resident) = resident_bytes() {
        gauge!("process_resident_memory_bytes").set(resident as f64);
    }
    if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(entries.count() as f64);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], health.metrics.render()).into_response()
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
