//! The latest events of a person, session by session. Events without a session belong together until a pause of half an hour.

use super::Answer;
use super::rows::object;
use super::sessions::time_range;
use crate::cells;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::sessions::SessionsTimelineQuery;
use crate::run::Run;
use chrono::TimeDelta;
use model::Timestamp;
use query::ast::{CompareOp, Expr, Select};
use serde_json::{Value, json};

const MAX_EVENTS: usize = 1_000;
const PAUSE: TimeDelta = TimeDelta::minutes(30);
const FIELDS: &[&str] = &["uuid", "event", "timestamp", "distinct_id", "properties", "elements_chain", "$session_id"];

struct Entry {
    session: Option<String>,
    /// Newest first.
    events: Vec<Value>,
    oldest: i64,
}

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: SessionsTimelineQuery = nodes::read(node)?;
    let (after, before) = time_range(query.after.as_deref(), query.before.as_deref(), &run.calendar);
    let at = || Expr::field(["timestamp"]);
    let bound = |at: chrono::DateTime<chrono_tz::Tz>| Expr::constant(Timestamp(at.timestamp_micros()));
    let mut select = FIELDS.iter().fold(Select::from_table("events"), |select, name| select.column(Expr::field([*name])));
    if let Some(after) = after {
        select = select.and_where(Expr::compare(CompareOp::Gt, at(), bound(after)));
    }
    select = select.and_where(Expr::compare(CompareOp::Lt, at(), bound(before)));
    if let Some(person) = query.person_id.as_ref().filter(|person| !person.is_empty()) {
        select = select.and_where(Expr::eq(Expr::field(["person_id"]), Expr::constant(person.to_lowercase())));
    }
    let select = select.order_by([at().descending(), Expr::field(["uuid"]).descending()]).limit(MAX_EVENTS as i64 + 1);
    let found = run.select_all("events", select).await?;
    let mut entries: Vec<Entry> = Vec::new();
    for (batch, row) in cells::rows(&found.batches).take(MAX_EVENTS) {
        let session = cells::text(batch.column(6), row).filter(|id| !id.is_empty()).map(str::to_owned);
        let when = cells::instant(batch.column(2), row, &run.calendar).map_or(0, |at| at.timestamp_micros());
        let cell = |column: usize| cells::json(batch.column(column), row, &run.calendar);
        let event = json!({
            "id": cell(0), "event": cell(1), "timestamp": cell(2), "distinct_id": cell(3),
            "properties": object(cells::text(batch.column(4), row)), "elements_chain": cell(5), "elements": [],
        });
        let same = |entry: &Entry| match &session {
            Some(id) => entry.session.as_ref() == Some(id),
            None => entry.session.is_none() && entry.oldest - when <= PAUSE.num_microseconds().unwrap_or(i64::MAX),
        };
        // Newest first: the last entry of a kind is the one that a pause may have ended.
        match entries.iter_mut().rev().find(|entry| same(entry)) {
            Some(entry) => {
                entry.events.push(event);
                entry.oldest = when;
            }
            None => entries.push(Entry { session, events: vec![event], oldest: when }),
        }
    }
    let results: Vec<Value> = entries
        .into_iter()
        .map(|entry| json!({"sessionId": entry.session, "events": entry.events, "recording_duration_s": null}))
        .collect();
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), results.into());
    answer.insert("hasMore".to_owned(), (found.count() > MAX_EVENTS).into());
    Ok(answer)
}
