//! One query being answered: resolves trees against the project, sends them to the event store, keeps account of it.

use crate::Engine;
use crate::catalog::Catalog;
use crate::cells;
use crate::conditions::{Scope, Subject};
use crate::dates::Calendar;
use crate::failure::Failure;
use crate::nodes::Modifiers;
use arrow_array::RecordBatch;
use behaviour::Plan;
use events::{Behave, Behaved, Budget, Column, QueryError};
use model::Timestamp;
use parking_lot::Mutex;
use query::ast::{CompareOp, Expr, Query, Select};
use query::{LimitRule, PersonsMode, PropertyTypes, SessionRules};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use teams::Team;
use tokio::sync::watch;

/// Everything that answering one query needs.
pub struct Run {
    pub(crate) engine: Arc<Engine>,
    pub team: Arc<Team>,
    pub calendar: Calendar,
    pub types: Arc<PropertyTypes>,
    pub catalog: Arc<Catalog>,
    pub persons_mode: PersonsMode,
    pub sessions: SessionRules,
    pub purpose: Purpose,
    /// Rows of one select of our own.
    pub(crate) most_rows: usize,
    pub(crate) cancel: Option<watch::Receiver<bool>>,
    pub(crate) deadline: Duration,
    /// What was read so far; whoever follows a background run looks at it.
    pub progress: Arc<Progress>,
    started: Instant,
    trace: Mutex<Trace>,
}

#[derive(Debug, Default)]
pub struct Progress {
    rows: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    fn add(&self, (rows, bytes): (u64, u64)) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Events and bytes looked at.
    pub fn read(&self) -> (u64, u64) {
        (self.rows.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

/// What an answer is for decides how many rows it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    Api,
    Export,
}

#[derive(Default)]
struct Trace {
    hogql: Vec<String>,
    timings: Vec<(String, f64)>,
}

/// Rows of an answer.
pub struct Rows {
    pub columns: Vec<Column>,
    pub batches: Vec<RecordBatch>,
    pub has_more: bool,
    pub limit: Option<u64>,
    pub offset: u64,
}

impl Rows {
    pub fn count(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    pub fn to_json(&self, calendar: &Calendar) -> Vec<Vec<Value>> {
        cells::rows(&self.batches)
            .map(|(batch, row)| batch.columns().iter().map(|column| cells::json(column, row, calendar)).collect())
            .collect()
    }
}

impl Run {
    pub(crate) async fn new(
        engine: Arc<Engine>,
        team: Arc<Team>,
        modifiers: Option<&Modifiers>,
        purpose: Purpose,
        cancel: Option<watch::Receiver<bool>>,
    ) -> Result<Run, Failure> {
        let types = (engine.property_types)(team.id).await?;
        let mode = modifiers.and_then(|modifiers| modifiers.persons_mode.as_deref());
        let convert = modifiers.and_then(|modifiers| modifiers.convert_to_project_timezone).unwrap_or(true);
        let timezone = if convert { team.timezone } else { chrono_tz::UTC };
        let calendar = Calendar { timezone, week_start_day: team.week_start_day, now: engine.clock.now() };
        let catalog = engine.catalog(team.id).await?;
        let scope = Scope { calendar: &calendar, types: &types, settings: &team.settings, subject: Subject::Events, catalog: &catalog };
        let given = modifiers.map(|modifiers| modifiers.rest.clone()).unwrap_or_default();
        let sessions = crate::sessions::rules(&given, &scope)?;
        let most_rows = engine.limits.budget.rows;
        Ok(Run {
            calendar,
            sessions,
            persons_mode: PersonsMode::from_modifier(mode.unwrap_or_default()),
            deadline: engine.limits.deadline(purpose),
            engine,
            team,
            types,
            catalog,
            purpose,
            most_rows,
            cancel,
            progress: Arc::default(),
            started: Instant::now(),
            trace: Mutex::default(),
        })
    }

    /// Groups that one select of an insight may answer; beyond them the store has to choose.
    pub fn most_groups(&self) -> usize {
        self.engine.limits.groups
    }

    pub fn scope(&self, subject: Subject) -> Scope<'_> {
        Scope { calendar: &self.calendar, types: &self.types, settings: &self.team.settings, subject, catalog: &self.catalog }
    }

    fn context(&self, limit: LimitRule) -> query::Context {
        query::Context {
            timezone: self.calendar.timezone,
            week_start_day: self.calendar.week_start_day,
            property_types: self.types.clone(),
            persons_mode: self.persons_mode,
            sessions: self.sessions.clone(),
            cohorts: self.catalog.cohorts.clone(),
            limit,
            ..query::Context::new(self.team.id, self.calendar.now)
        }
    }

    /// How many rows a query that a user wrote may answer.
    pub fn row_limit(&self) -> LimitRule {
        match self.purpose {
            Purpose::Api => LimitRule::API,
            Purpose::Export => LimitRule::EXPORT,
        }
    }

    pub fn resolve(&self, mut query: Query, limit: LimitRule) -> Result<query::Resolved, Failure> {
        self.scope(Subject::Events).replace_actions(&mut query)?;
        Ok(query::resolve(query, &self.context(limit))?)
    }

    /// For editors, which show where a mistake is.
    pub fn resolve_located(&self, mut query: Query) -> Result<query::Resolved, query::ResolveError> {
        let located = |message| query::ResolveError { message, start: None, end: None };
        self.scope(Subject::Events).replace_actions(&mut query).map_err(located)?;
        query::resolve(query, &self.context(LimitRule::API))
    }

    /// Runs one tree. `step` names it in the timings.
    pub async fn select(&self, step: &str, query: impl Into<Query>, limit: LimitRule) -> Result<Rows, Failure> {
        let query = query.into();
        let text = query.to_string();
        let begun = Instant::now();
        let resolved = self.resolve(query, limit)?;
        let (row_limit, offset) = (resolved.limit, resolved.offset);
        let budget = self.budget_left()?;
        let selected = self.engine.store.select(events::Select { query: resolved, budget, cancel: self.cancel.clone() }).await;
        let selected = selected.map_err(|error| self.of_the_whole(error))?;
        if limit.max.is_some() {
            check_size(&selected.batches, self.purpose)?;
        }
        self.note(step, text, begun, (selected.rows_read, selected.bytes_read));
        let mut rows = Rows { columns: selected.columns, batches: selected.batches, has_more: false, limit: row_limit, offset };
        if let Some(limit) = row_limit.filter(|_| limit.look_ahead) {
            rows.has_more = cut(&mut rows.batches, limit as usize);
        }
        Ok(rows)
    }

    /// A query of our own, whose size the caller bounds.
    pub async fn select_all(&self, step: &str, query: impl Into<Query>) -> Result<Rows, Failure> {
        self.select(step, query, LimitRule::NONE).await
    }

    /// Feeds the rows of one tree to an operator; [`events::Behave`] says how the tree names its columns.
    pub async fn behave(&self, step: &str, rows: impl Into<Query>, plan: Plan) -> Result<Behaved, Failure> {
        let rows = rows.into();
        let text = rows.to_string();
        let begun = Instant::now();
        let rows = self.resolve(rows, LimitRule::NONE)?;
        let behave = Behave { rows, plan, budget: self.budget_left()?, cancel: self.cancel.clone() };
        let behaved = self.engine.store.behave(behave).await.map_err(|error| self.of_the_whole(error))?;
        self.note(step, text, begun, (behaved.rows_read, behaved.bytes_read));
        Ok(behaved)
    }

    fn budget_left(&self) -> Result<Budget, Failure> {
        match self.deadline.checked_sub(self.started.elapsed()) {
            Some(left) => Ok(Budget { deadline: left, rows: self.most_rows, ..self.engine.limits.budget }),
            None => Err(QueryError::Deadline(self.deadline).into()),
        }
    }

    /// Steps before a failing one used up part of the time; the client knows only the whole.
    fn of_the_whole(&self, error: QueryError) -> QueryError {
        match error {
            QueryError::Deadline(_) => QueryError::Deadline(self.deadline),
            other => other,
        }
    }

    fn note(&self, step: &str, hogql: String, begun: Instant, read: (u64, u64)) {
        self.progress.add(read);
        let mut trace = self.trace.lock();
        trace.hogql.push(hogql);
        trace.timings.push((step.to_owned(), begun.elapsed().as_secs_f64()));
    }

    /// What `all` in a date range starts at. Events with an obviously broken clock do not stretch it.
    pub async fn first_event(&self) -> Result<Option<Timestamp>, Failure> {
        let rows_now = self.engine.store.stats().rows;
        let known = || self.engine.first_events.get(&self.team.id).filter(|(rows, _)| *rows == rows_now);
        if let Some((_, first)) = known() {
            return Ok(first);
        }
        let _turn = self.engine.first_event_turn.lock().await;
        if let Some((_, first)) = known() {
            return Ok(first);
        }
        let after = Timestamp::from_seconds(1_420_070_400);
        let query = Select::from_table("events")
            .column(Expr::call("min", [Expr::field(["timestamp"])]).aliased("first"))
            .and_where(Expr::compare(CompareOp::Gt, Expr::field(["timestamp"]), Expr::constant(after)));
        let rows = self.select_all("first event", query).await?;
        let first = cells::rows(&rows.batches).next().and_then(|(batch, row)| cells::instant(batch.column(0), row, &self.calendar));
        let first = first.map(|at| Timestamp(at.timestamp_micros()));
        self.engine.first_events.insert(self.team.id, (rows_now, first));
        Ok(first)
    }

    /// The texts of the queries that ran.
    pub fn hogql(&self) -> Option<String> {
        let trace = self.trace.lock();
        (!trace.hogql.is_empty()).then(|| trace.hogql.join("\n\n"))
    }

    pub fn timings(&self) -> Value {
        let trace = self.trace.lock();
        let mut timings: Vec<Value> = trace.timings.iter().map(|(step, seconds)| json!({"k": format!("./{step}"), "t": seconds})).collect();
        timings.push(json!({"k": ".", "t": self.started.elapsed().as_secs_f64()}));
        Value::Array(timings)
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Events and bytes looked at.
    pub fn read(&self) -> (u64, u64) {
        self.progress.read()
    }
}

/// Rows that a client asked for become JSON as a whole, which takes several times their size.
fn check_size(batches: &[RecordBatch], purpose: Purpose) -> Result<(), Failure> {
    let most_bytes: usize = match purpose {
        Purpose::Api => 128 << 20,
        Purpose::Export => 256 << 20,
    };
    let bytes: usize = batches.iter().flat_map(RecordBatch::columns).map(|column| cells::bytes(column)).sum();
    match bytes > most_bytes {
        true => Err(Failure::Exceeded(format!("The answer is larger than {} MB; ask for fewer rows or columns.", most_bytes >> 20))),
        false => Ok(()),
    }
}

/// Leaves the first `limit` rows; says whether there were more.
fn cut(batches: &mut Vec<RecordBatch>, limit: usize) -> bool {
    let mut kept = 0;
    for index in 0..batches.len() {
        let rows = batches[index].num_rows();
        if kept + rows > limit {
            batches[index] = batches[index].slice(0, limit - kept);
            batches.truncate(index + 1);
            return true;
        }
        kept += rows;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Int64Array};

    #[test]
    fn rows_beyond_the_limit_are_cut_and_reported() {
        let batch = |count: i64| {
            let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
            RecordBatch::try_from_iter([("n", column)]).unwrap()
        };
        let mut batches = vec![batch(3), batch(3)];
        assert!(cut(&mut batches, 5));
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 5);
        let mut batches = vec![batch(3), batch(2)];
        assert!(!cut(&mut batches, 5));
    }
}
