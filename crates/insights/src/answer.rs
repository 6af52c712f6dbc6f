//! What happens around every query: overrides, cache, its turn, cancellation, background runs, the envelope of the answer.

use crate::Engine;
use crate::cache::{self, Kept, Watermark};
use crate::failure::Failure;
use crate::jobs::{Outcome, Subject};
use crate::kinds::{self, Kind};
use crate::legacy;
use crate::nodes::{self, Modifiers};
use crate::overrides::{self, FiltersOverride};
use crate::run::{Purpose, Run};
use crate::staleness;
use model::Timestamp;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use teams::Team;
use tokio::sync::watch;
use uuid::Uuid;

/// How a stored answer and a background run may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    Blocking,
    Async,
    AsyncExceptOnCacheMiss,
    LazyAsync,
    ForceBlocking,
    ForceAsync,
    ForceCache,
}

impl Refresh {
    /// Booleans are what clients sent before there were names.
    pub fn parse(value: &Value) -> Option<Refresh> {
        let text = match value {
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            Value::String(text) => text,
            _ => return None,
        };
        Some(match text {
            "blocking" => Refresh::Blocking,
            "async" => Refresh::Async,
            "async_except_on_cache_miss" => Refresh::AsyncExceptOnCacheMiss,
            "lazy_async" => Refresh::LazyAsync,
            "force_blocking" | "true" | "True" | "1" => Refresh::ForceBlocking,
            "force_async" => Refresh::ForceAsync,
            "force_cache" | "false" | "False" | "0" => Refresh::ForceCache,
            _ => return None,
        })
    }
}

/// A query and what the client said about running it.
#[derive(Clone, Debug)]
pub struct Question {
    pub query: Value,
    pub refresh: Refresh,
    pub client_query_id: Option<String>,
    pub filters: Option<FiltersOverride>,
    pub variables: Option<Map<String, Value>>,
    pub subject: Subject,
    pub purpose: Purpose,
}

impl Question {
    pub fn new(query: Value, refresh: Refresh) -> Question {
        let subject = Subject::default();
        Question { query, refresh, client_query_id: None, filters: None, variables: None, subject, purpose: Purpose::Api }
    }
}

/// What there is to tell the client now.
pub enum Reply {
    Complete(Value),
    /// Runs in the background; holds a stale answer if there is one, and `query_status`.
    Pending(Value),
    /// Nothing is stored and nothing may be computed.
    Miss {
        cache_key: String,
    },
}

/// Is somebody waiting for the answer?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Haste {
    Waited,
    Background,
}

/// A question with its place in the cache.
struct Prepared {
    run: Run,
    node: Value,
    kind: &'static Kind,
    key: u128,
    watermark: Watermark,
}

impl Engine {
    pub async fn reply(self: &Arc<Self>, team: Arc<Team>, question: Question) -> Result<Reply, Failure> {
        let id = question.client_query_id.clone();
        let running = self.jobs.start(team.id, id.as_deref());
        let cancel = running.cancel();
        let prepared =
            stoppable(self.prepare(&team, &question, Some(cancel.clone())), cancel.clone(), self.limits.interactive_deadline).await?;
        let kept = self.answers.last(prepared.key).filter(|_| prepared.kind.cached);
        let is_fresh = kept.as_ref().is_some_and(|kept| {
            kept.watermark == prepared.watermark
                || question.refresh == Refresh::LazyAsync
                    && staleness::is_young(&prepared.node, &kept.body, kept.computed_at, self.clock.now())
        });
        let background = match question.refresh {
            Refresh::ForceCache => {
                let cache_key = key_text(prepared.key);
                return Ok(kept.map_or(Reply::Miss { cache_key }, |kept| Reply::Complete(from_cache(&kept, &prepared, &team))));
            }
            Refresh::ForceBlocking => false,
            Refresh::ForceAsync => true,
            _ if is_fresh => return Ok(Reply::Complete(from_cache(&kept.expect("fresh answers exist"), &prepared, &team))),
            Refresh::Blocking => false,
            Refresh::AsyncExceptOnCacheMiss => kept.is_some(),
            Refresh::Async | Refresh::LazyAsync => true,
        };
        if background {
            let stale = kept.map(|kept| from_cache(&kept, &prepared, &team));
            return self.run_in_background(team, question, stale);
        }
        // In a task of its own: when the client goes away this future is dropped, `running` with it, and the task hears of it.
        let computing = tokio::spawn(self.clone().compute(prepared, cancel, id, Haste::Waited));
        let body = computing.await.map_err(|error| Failure::Failed(error.into()))??;
        Ok(Reply::Complete(body))
    }

    /// Resolves everything that names the answer.
    async fn prepare(
        self: &Arc<Self>,
        team: &Arc<Team>,
        question: &Question,
        cancel: Option<watch::Receiver<bool>>,
    ) -> Result<Prepared, Failure> {
        let query = legacy::upgrade(&question.query)?;
        let node = overrides::apply(&query, question.filters.as_ref(), question.variables.as_ref())?;
        let kind = kinds::find(&node)?;
        let modifiers: Option<Modifiers> = match node.get("modifiers").filter(|modifiers| !modifiers.is_null()) {
            Some(modifiers) => Some(nodes::read(modifiers).map_err(|error| Failure::Invalid(format!("modifiers: {error}")))?),
            None => None,
        };
        let run = Run::new(self.clone(), team.clone(), modifiers.as_ref(), question.purpose, cancel).await?;
        let watermark = Watermark {
            rows: self.store.stats().rows,
            position: self.store.position().await?,
            persons: self.dimensions.version(team.id).await?,
            types: run.types.clone(),
            named: run.catalog.versions,
        };
        let plain = kinds::by_cohort::without(&node)?;
        let time = time_key(&run, kind, plain.as_ref().unwrap_or(&node)).await?;
        let settings = [
            "test_account_filters",
            "path_cleaning_filters",
            "person_display_name_properties",
            "aggregate_users_by_distinct_id",
            "modifiers",
        ];
        let settings: Value = settings.iter().map(|name| team.settings.get(*name).cloned().unwrap_or(Value::Null)).collect();
        let project = json!([team.id.0, team.timezone.name(), team.week_start_day, question.purpose == Purpose::Export]);
        let key = cache::key([&node, &project, &settings, &time]);
        Ok(Prepared { run, node, kind, key, watermark })
    }

    async fn compute(
        self: Arc<Self>,
        prepared: Prepared,
        cancel: watch::Receiver<bool>,
        id: Option<String>,
        haste: Haste,
    ) -> Result<Value, Failure> {
        let begun = Instant::now();
        let deadline = prepared.run.deadline;
        let outcome = stoppable(self.in_turn(&prepared, id.as_deref(), haste), cancel, deadline).await;
        if let Some(id) = id {
            let entry = log_entry(&prepared, &id, begun.elapsed(), outcome.as_ref().err());
            self.jobs.write_log(prepared.run.team.id, &id, entry);
        }
        let body = outcome?;
        let computed_at = self.clock.now();
        if prepared.kind.cached {
            self.answers.keep(prepared.key, prepared.watermark.clone(), &body, computed_at);
        }
        Ok(with_envelope(body, false, computed_at, &prepared))
    }

    async fn in_turn(&self, prepared: &Prepared, id: Option<&str>, haste: Haste) -> Result<Value, Failure> {
        let run = &prepared.run;
        let _share = self.places.take(run.team.id, self.limits.of_one_project()).ok_or(Failure::Busy)?;
        let _place = self.queue.try_acquire().map_err(|_| Failure::Busy)?;
        let (patience, _background) = match haste {
            Haste::Waited => (self.limits.patience, None),
            Haste::Background => (run.deadline, self.background_turns.acquire().await.ok()),
        };
        let _turn = match tokio::time::timeout(patience, self.turns.acquire()).await {
            Ok(Ok(turn)) => turn,
            _ => return Err(Failure::Capacity),
        };
        if let Some(id) = id.filter(|_| haste == Haste::Background) {
            self.jobs.pick_up(run.team.id, id, self.clock.now(), run.progress.clone());
        }
        let mut answer = match kinds::by_cohort::run(run, &prepared.node).await? {
            Some(answer) => answer,
            None => (prepared.kind.run)(run, &prepared.node).await?,
        };
        if let Some(hogql) = run.hogql() {
            answer.entry("hogql").or_insert_with(|| hogql.into());
        }
        answer.insert("timings".to_owned(), run.timings());
        let modifiers: Option<Modifiers> = prepared.node.get("modifiers").and_then(|modifiers| nodes::read(modifiers).ok());
        answer.insert("modifiers".to_owned(), Modifiers::to_json(modifiers.as_ref()));
        answer.entry("error").or_insert(Value::Null);
        let (rows, bytes) = run.read();
        answer.insert(
            "query_metadata".to_owned(),
            json!({"rows_read": rows, "bytes_read": bytes, "time_elapsed_ms": run.elapsed().as_millis() as u64}),
        );
        Ok(Value::Object(answer))
    }

    fn run_in_background(self: &Arc<Self>, team: Arc<Team>, question: Question, stale: Option<Value>) -> Result<Reply, Failure> {
        let id = question.client_query_id.clone().unwrap_or_else(|| Uuid::new_v4().simple().to_string());
        let status = match self.jobs.running(team.id, &id) {
            Some(status) => status,
            None => {
                let place = self.background_places.clone().try_acquire_owned().map_err(|_| Failure::Busy)?;
                let status = self.jobs.begin(team.id, &id, self.clock.now(), question.subject.clone());
                let engine = self.clone();
                tokio::spawn(async move {
                    engine.work(team, question, id).await;
                    drop(place);
                });
                status
            }
        };
        let mut body = stale.unwrap_or_else(|| json!({}));
        body["query_status"] = status.to_json(self.clock.now(), self.store.stats().rows);
        Ok(Reply::Pending(body))
    }

    async fn work(self: Arc<Self>, team: Arc<Team>, question: Question, id: String) {
        let running = self.jobs.start(team.id, Some(&id));
        let cancel = running.cancel();
        let answered = async {
            if self.jobs.running(team.id, &id).is_some_and(|status| status.cancelled) {
                return Err(Failure::Cancelled);
            }
            let mut prepared = self.prepare(&team, &question, Some(cancel.clone())).await?;
            prepared.run.deadline = self.limits.long_deadline;
            self.clone().compute(prepared, cancel.clone(), Some(id.clone()), Haste::Background).await
        };
        let outcome = match stoppable(answered, cancel.clone(), self.limits.long_deadline).await {
            Ok(body) => Outcome::Answered(Arc::new(body)),
            Err(Failure::Failed(cause)) => {
                tracing::error!(team = team.id.0, error = format!("{cause:#}"), "background query failed");
                Outcome::Failed(None)
            }
            Err(failure) => Outcome::Failed(Some(failure.to_string())),
        };
        self.jobs.finish(team.id, &id, self.clock.now(), outcome);
    }

    /// The status under an id as clients see it, and how the run ended if it did.
    pub fn status(&self, team: &Team, id: &str) -> Option<(Value, Option<Outcome>)> {
        let status = self.jobs.status(team.id, id)?;
        Some((status.to_json(self.clock.now(), self.store.stats().rows), status.outcome))
    }
}

/// Stops when the client says so, or when the time is over.
async fn stoppable<T>(
    work: impl Future<Output = Result<T, Failure>>,
    mut cancel: watch::Receiver<bool>,
    deadline: Duration,
) -> Result<T, Failure> {
    // The store keeps the deadline and hears the cancellation too; the grace lets it stop in order.
    const GRACE: Duration = Duration::from_secs(2);
    let mut work = std::pin::pin!(tokio::time::timeout(deadline + GRACE, work));
    let cancelled = async move {
        if cancel.wait_for(|cancelled| *cancelled).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let outcome = tokio::select! {
        outcome = &mut work => outcome,
        () = cancelled => match tokio::time::timeout(GRACE, &mut work).await {
            Ok(outcome) => outcome,
            Err(_) => return Err(Failure::Cancelled),
        },
    };
    outcome.unwrap_or_else(|_| Err(events::QueryError::Deadline(deadline).into()))
}

/// Which "now" an answer belongs to.
async fn time_key(run: &Run, kind: &Kind, node: &Value) -> Result<Value, Failure> {
    let second = || Value::from(run.calendar.now.seconds());
    if !kind.cached || kinds::depends_on_the_second(node) {
        return Ok(second());
    }
    match kind.name {
        "TrendsQuery" => kinds::trends::time_key(run, node).await,
        "FunnelsQuery" => kinds::funnels::time_key(run, node).await,
        "FunnelCorrelationQuery" => kinds::correlation::time_key(run, node).await,
        "RetentionQuery" => kinds::retention::time_key(run, node).await,
        "LifecycleQuery" => kinds::lifecycle::time_key(run, node).await,
        "StickinessQuery" => kinds::stickiness::time_key(run, node).await,
        "PathsQuery" => kinds::paths::time_key(run, node).await,
        "CalendarHeatmapQuery" => kinds::heatmap::time_key(run, node).await,
        "HogQLQuery" => Ok(kinds::hogql::time_key(node, run)),
        "ExperimentQuery" | "ExperimentExposureQuery" => kinds::experiments::time_key(run, node).await,
        "GroupsQuery" | "PersonsNode" => Ok(Value::Null),
        _ => Ok(second()),
    }
}

fn key_text(key: u128) -> String {
    format!("cache_{key:032x}")
}

fn from_cache(kept: &Kept, prepared: &Prepared, _: &Team) -> Value {
    with_envelope(kept.body.clone(), true, kept.computed_at, prepared)
}

/// Adds what clients are told about the cache.
fn with_envelope(mut body: Value, is_cached: bool, computed_at: Timestamp, prepared: &Prepared) -> Value {
    let next_refresh = computed_at.plus_seconds(staleness::wait_seconds(&prepared.node, &body));
    let target_age = staleness::target_age(&prepared.node, &body, computed_at);
    if let Some(object) = body.as_object_mut() {
        object.insert("is_cached".to_owned(), is_cached.into());
        object.insert("last_refresh".to_owned(), json!(computed_at));
        object.insert("next_allowed_client_refresh".to_owned(), json!(next_refresh));
        object.insert("cache_target_age".to_owned(), json!(target_age));
        object.insert("cache_key".to_owned(), key_text(prepared.key).into());
        object.insert("timezone".to_owned(), prepared.run.calendar.timezone.name().into());
        object.insert("query_status".to_owned(), Value::Null);
    }
    body
}

fn log_entry(prepared: &Prepared, id: &str, took: Duration, failure: Option<&Failure>) -> Value {
    let (rows, bytes) = prepared.run.read();
    json!({
        "query_id": id, "kind": prepared.kind.name, "query": prepared.run.hogql(), "query_start_time": prepared.run.calendar.now,
        "query_duration_ms": took.as_millis() as u64, "read_rows": rows, "read_bytes": bytes, "exception": failure.map(ToString::to_string),
    })
}
