//! Traces of language models: what belongs to one `$ai_trace_id`, newest first.

use super::Answer;
use super::rows::{self, page};
use crate::cells;
use crate::conditions::Subject;
use crate::dates::{DateRange, Interval, Span};
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::filters::Properties;
use crate::nodes::traces::{TraceQuery, TracesQuery};
use crate::run::{Rows, Run};
use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use model::Timestamp;
use query::LimitRule;
use query::ast::{CompareOp, Expr, Select};
use serde_json::{Value, json};
use std::collections::HashMap;

const EVENTS: &[&str] = &["$ai_trace", "$ai_span", "$ai_generation", "$ai_embedding", "$ai_metric", "$ai_feedback"];
/// Events of one trace may lie this far outside of the range in which it began.
const MARGIN: TimeDelta = TimeDelta::minutes(10);
const MAX_TRACES: i64 = 1_000;
/// Events shown with the traces of one answer.
const MAX_EVENTS: i64 = 50_000;

/// What is asked of all traces.
struct Asked<'a> {
    run: &'a Run,
    from: DateTime<Tz>,
    to: DateTime<Tz>,
    trace: Option<&'a str>,
    /// Some event of the trace must pass.
    conditions: Vec<Expr>,
}

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: TracesQuery = nodes::read(node)?;
    let mut asked = Asked::new(run, query.date_range.as_ref(), query.properties.as_ref()).await?;
    if query.filter_test_accounts.unwrap_or(false) {
        asked.conditions.push(run.scope(Subject::Events).test_accounts()?);
    }
    if let Some(person) = query.person_id.as_ref().filter(|person| !person.is_empty()) {
        asked.conditions.push(Expr::eq(Expr::field(["person_id"]), Expr::constant(person.to_lowercase())));
    }
    let (limit, offset) = page(query.limit, query.offset)?;
    let limit = limit.min(MAX_TRACES);
    let found = asked.traces(limit, offset).await?;
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), asked.shape(&found, &["$ai_metric", "$ai_feedback"]).await?.into());
    answer.insert(
        "columns".to_owned(),
        json!(["id", "createdAt", "person", "totalLatency", "inputTokens", "outputTokens", "totalCost", "events"]),
    );
    answer.insert("hasMore".to_owned(), found.has_more.into());
    answer.insert("limit".to_owned(), limit.into());
    answer.insert("offset".to_owned(), offset.into());
    Ok(answer)
}

/// One trace with all of its events.
pub async fn one(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: TraceQuery = nodes::read(node)?;
    let mut asked = Asked::new(run, query.date_range.as_ref(), query.properties.as_ref()).await?;
    asked.trace = Some(&query.trace_id);
    let found = asked.traces(1, 0).await?;
    let others: Vec<&str> = EVENTS.iter().copied().filter(|event| *event != "$ai_trace").collect();
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), asked.shape(&found, &others).await?.into());
    answer.insert("hasMore".to_owned(), false.into());
    Ok(answer)
}

fn property(name: &str) -> Expr {
    Expr::field(["properties", name])
}

fn number(name: &str) -> Expr {
    Expr::call("toFloat", [property(name)])
}

fn is_event(events: &[&str]) -> Expr {
    Expr::is_in(Expr::field(["event"]), events.iter().map(|event| Expr::constant(*event)))
}

impl<'a> Asked<'a> {
    async fn new(run: &'a Run, range: Option<&DateRange>, properties: Option<&Properties>) -> Result<Asked<'a>, Failure> {
        let range = range.cloned().unwrap_or_default();
        let since_ever = range.date_from.as_deref() == Some("all");
        let first = if since_ever { run.first_event().await? } else { None };
        let span = Span::settle(&range, Interval::Day, false, first, &run.calendar);
        let mut conditions = Vec::new();
        if let Some(properties) = properties.filter(|properties| !properties.is_empty()) {
            conditions.push(run.scope(Subject::Events).properties(properties)?);
        }
        Ok(Asked { run, from: span.lower(&run.calendar), to: span.to, trace: None, conditions })
    }

    fn events(&self, events: &[&str]) -> Select {
        let at = || Expr::field(["timestamp"]);
        let bound = |at: DateTime<Tz>| Expr::constant(Timestamp(at.timestamp_micros()));
        let select = Select::from_table("events")
            .and_where(is_event(events))
            .and_where(Expr::compare(CompareOp::GtEq, at(), bound(self.from - MARGIN)))
            .and_where(Expr::compare(CompareOp::LtEq, at(), bound(self.to + MARGIN)));
        match self.trace {
            Some(trace) => select.and_where(Expr::eq(property("$ai_trace_id"), Expr::constant(trace))),
            None => select.and_where(Expr::call("notEmpty", [property("$ai_trace_id")])),
        }
    }

    /// One row per trace, in the order of [`shape`](Asked::shape)'s reading.
    async fn traces(&self, limit: i64, offset: i64) -> Result<Rows, Failure> {
        let at = || Expr::field(["timestamp"]);
        let first = || Expr::call("min", [at()]);
        let of_trace = |value: Expr| Expr::call("argMinIf", [value, at(), is_event(&["$ai_trace"])]);
        let sum = |value: Expr, of: Expr| Expr::call("sumOrNullIf", [value, of]);
        let generated = || is_event(&["$ai_generation", "$ai_embedding"]);
        let rounded = |value: Expr, digits: i64| Expr::call("round", [value, Expr::constant(digits)]);
        let cost = |name: &str| rounded(sum(number(name), generated()), 4);
        let top = Expr::or([Expr::is_null(property("$ai_parent_id")), Expr::eq(property("$ai_parent_id"), property("$ai_trace_id"))]);
        let mut select = self
            .events(EVENTS)
            .column(property("$ai_trace_id").aliased("trace"))
            .column(first().aliased("first"))
            .column(Expr::call("toString", [Expr::call("argMin", [Expr::field(["person_id"]), at()])]).aliased("person"))
            .column(Expr::call("argMin", [Expr::field(["distinct_id"]), at()]).aliased("distinct"))
            .column(rounded(sum(number("$ai_latency"), top), 2).aliased("latency"))
            .column(sum(number("$ai_input_tokens"), generated()).aliased("input_tokens"))
            .column(sum(number("$ai_output_tokens"), generated()).aliased("output_tokens"))
            .column(cost("$ai_input_cost_usd").aliased("input_cost"))
            .column(cost("$ai_output_cost_usd").aliased("output_cost"))
            .column(cost("$ai_total_cost_usd").aliased("total_cost"))
            .column(of_trace(property("$ai_input_state")).aliased("input_state"))
            .column(of_trace(property("$ai_output_state")).aliased("output_state"))
            .column(of_trace(Expr::call("ifNull", [property("$ai_span_name"), property("$ai_trace_name")])).aliased("name"))
            .group_by([Expr::field(["trace"])])
            .order_by([Expr::field(["first"]).descending(), Expr::field(["trace"]).ascending()])
            .limit(limit)
            .offset(offset);
        let bound = |at: DateTime<Tz>| Expr::constant(Timestamp(at.timestamp_micros()));
        let mut having =
            vec![Expr::compare(CompareOp::GtEq, first(), bound(self.from)), Expr::compare(CompareOp::LtEq, first(), bound(self.to))];
        if !self.conditions.is_empty() {
            let passing = Expr::call("countIf", [Expr::and(self.conditions.clone())]);
            having.push(Expr::compare(CompareOp::Gt, passing, Expr::constant(0i64)));
        }
        select.having = Some(Expr::and(having));
        self.run.select("traces", select, LimitRule { default: None, max: Some(MAX_TRACES as u64), look_ahead: true }).await
    }

    async fn shape(&self, found: &Rows, shown: &[&str]) -> Result<Vec<Value>, Failure> {
        let mut persons: Vec<String> = Vec::new();
        let mut traces: Vec<String> = Vec::new();
        for (batch, row) in cells::rows(&found.batches) {
            traces.extend(cells::text(batch.column(0), row).map(str::to_owned));
            persons.extend(cells::text(batch.column(2), row).map(str::to_owned));
        }
        persons.sort();
        persons.dedup();
        let persons = rows::persons(&persons, self.run).await?;
        let mut events = self.shown_events(&traces, shown).await?;
        let calendar = &self.run.calendar;
        let results = cells::rows(&found.batches).map(|(batch, row)| {
            let cell = |column: usize| cells::json(batch.column(column), row, calendar);
            let amount = |column: usize| cells::number(batch.column(column), row).map_or(Value::Null, cells::compact_number);
            let id = cells::text(batch.column(0), row).unwrap_or_default();
            let person = cells::text(batch.column(2), row).and_then(|person| persons.get(person));
            json!({
                "id": id, "createdAt": cell(1), "distinctId": cell(3),
                "person": match person {
                    Some(person) => json!({"uuid": person["uuid"], "created_at": person["created_at"], "properties": person["properties"], "distinct_id": cell(3)}),
                    None => json!({"uuid": cell(2), "created_at": null, "properties": {}, "distinct_id": cell(3)}),
                },
                "totalLatency": amount(4), "inputTokens": amount(5), "outputTokens": amount(6),
                "inputCost": amount(7), "outputCost": amount(8), "totalCost": amount(9),
                "inputState": state(cells::text(batch.column(10), row)), "outputState": state(cells::text(batch.column(11), row)),
                "traceName": cell(12), "events": events.remove(id).unwrap_or_default(),
            })
        });
        Ok(results.collect())
    }

    /// Oldest first, by trace.
    async fn shown_events(&self, traces: &[String], shown: &[&str]) -> Result<HashMap<String, Vec<Value>>, Failure> {
        if traces.is_empty() {
            return Ok(HashMap::new());
        }
        let fields = ["uuid", "event", "timestamp", "properties"];
        let select = fields.iter().fold(self.events(shown), |select, name| select.column(Expr::field([*name])));
        let select = select
            .column(property("$ai_trace_id").aliased("trace"))
            .and_where(Expr::is_in(property("$ai_trace_id"), traces.iter().map(Expr::constant)))
            .order_by([Expr::field(["timestamp"]).ascending(), Expr::field(["uuid"]).ascending()])
            .limit(MAX_EVENTS);
        let found = self.run.select_all("events of traces", select).await?;
        let mut events: HashMap<String, Vec<Value>> = HashMap::new();
        for (batch, row) in cells::rows(&found.batches) {
            let cell = |column: usize| cells::json(batch.column(column), row, &self.run.calendar);
            let event = json!({"id": cell(0), "event": cell(1), "createdAt": cell(2), "properties": rows::object(cells::text(batch.column(3), row))});
            events.entry(cells::text(batch.column(4), row).unwrap_or_default().to_owned()).or_default().push(event);
        }
        Ok(events)
    }
}

/// Texts stay; what reads as JSON is the value.
fn state(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap_or_else(|_| text.into()))
}
