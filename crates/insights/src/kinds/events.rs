//! The events table: chosen columns of matching events, newest first.

use super::Answer;
use super::rows::{self, check_columns, column, order, page, unaliased};
use super::scan;
use crate::cells;
use crate::conditions::Subject;
use crate::dates::{Calendar, ParsedDate, parse_date};
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::tables::EventsQuery;
use crate::run::{Rows, Run};
use arrow_array::RecordBatch;
use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use model::Timestamp;
use query::ast::{CompareOp, Expr, Order, Select};
use serde_json::{Value, json};
use std::collections::HashMap;

/// What a requested column needs from the store, and how its cell is made.
enum Column {
    /// Position in the select.
    Plain(usize),
    /// The whole event.
    Star(usize),
    /// Position of the person id and of the distinct id.
    Person(usize, usize),
    DisplayName(usize, usize),
}

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: EventsQuery = nodes::read(node)?;
    check_columns(&query.select)?;
    let (select, columns) = build(&query, run)?;
    let found = run.select("events", select, run.row_limit()).await?;
    let persons = load_persons(&columns, &found, run).await?;
    let results: Vec<Value> = cells::rows(&found.batches)
        .map(|(batch, row)| columns.iter().map(|column| cell(column, batch, row, &persons, run)).collect())
        .collect();
    let mut answer = Answer::new();
    answer.insert("columns".to_owned(), json!(query.select));
    answer.insert("types".to_owned(), columns.iter().map(|column| kind(column, &found)).collect());
    answer.insert("hasMore".to_owned(), found.has_more.into());
    answer.insert("limit".to_owned(), json!(found.limit));
    answer.insert("offset".to_owned(), found.offset.into());
    if let Some(cursor) = next_cursor(&query, &results).filter(|_| found.has_more) {
        answer.insert("nextCursor".to_owned(), cursor);
    }
    answer.insert("results".to_owned(), results.into());
    Ok(answer)
}

const STAR: &[&str] = &["uuid", "event", "properties", "timestamp", "distinct_id", "elements_chain", "created_at", "person_mode"];

fn build(query: &EventsQuery, run: &Run) -> Result<(Select, Vec<Column>), Failure> {
    let mut exprs: Vec<Expr> = Vec::new();
    let mut columns = Vec::new();
    for text in &query.select {
        let position = exprs.len();
        match text.split(" -- ").next().unwrap_or_default().trim() {
            "*" => {
                exprs.extend(STAR.iter().map(|name| Expr::field([*name])));
                columns.push(Column::Star(position));
            }
            "person" | "person_display_name" => {
                exprs.extend([Expr::field(["person_id"]), Expr::field(["distinct_id"])]);
                let is_name = text.starts_with("person_display_name");
                columns.push(if is_name { Column::DisplayName(position, position + 1) } else { Column::Person(position, position + 1) });
            }
            // Only a button in the table.
            "person.$delete" => {
                exprs.push(Expr::field(["person_id"]));
                columns.push(Column::Plain(position));
            }
            _ => {
                exprs.push(column(text)?);
                columns.push(Column::Plain(position));
            }
        }
    }
    let aggregated: Vec<bool> = exprs.iter().map(rows::is_aggregate).collect();
    let order_by = orders(query, &exprs, &aggregated)?;
    let (limit, offset) = page(query.limit, query.offset)?;
    let mut select = conditions(query, run)?;
    if aggregated.contains(&true) {
        let keys: Vec<Expr> =
            exprs.iter().zip(&aggregated).filter(|(_, aggregated)| !**aggregated).map(|(expr, _)| unaliased(expr)).collect();
        if !keys.is_empty() {
            select = select.group_by(keys);
        }
    }
    for (index, expr) in exprs.into_iter().enumerate() {
        // Two columns may be the same expression; names keep them apart.
        select = select.column(if expr.alias().is_some() { expr } else { expr.aliased(&format!("column_{index}")) });
    }
    Ok((select.order_by(order_by).limit(limit).offset(offset), columns))
}

fn orders(query: &EventsQuery, exprs: &[Expr], aggregated: &[bool]) -> Result<Vec<Order>, Failure> {
    if let Some(texts) = query.order_by.as_ref().filter(|texts| !texts.is_empty()) {
        return texts.iter().map(|text| order(text)).collect();
    }
    let timestamp = || Expr::field(["timestamp"]);
    let aggregate = exprs.iter().zip(aggregated).find(|(_, aggregated)| **aggregated);
    Ok(vec![match aggregate {
        Some((expr, _)) => unaliased(expr).descending(),
        None if exprs.contains(&timestamp()) => timestamp().descending(),
        None => unaliased(&exprs[0]).ascending(),
    }])
}

fn conditions(query: &EventsQuery, run: &Run) -> Result<Select, Failure> {
    if query.source.as_ref().is_some_and(|source| !source.is_null()) {
        return Err(Failure::invalid("Events of another query's `source` are not supported yet"));
    }
    let scope = run.scope(Subject::Events);
    let (after, before) = time_bounds(query, &run.calendar);
    let at = || Expr::field(["timestamp"]);
    let bound = |at: DateTime<Tz>| Expr::constant(Timestamp(at.timestamp_micros()));
    let mut select = Select::from_table("events");
    if let Some(after) = after {
        select = select.and_where(Expr::compare(CompareOp::Gt, at(), bound(after)));
    }
    select = select.and_where(Expr::compare(CompareOp::Lt, at(), bound(before)));
    if let Some(event) = query.event.as_ref().filter(|event| !event.is_empty()) {
        select = select.and_where(Expr::eq(Expr::field(["event"]), Expr::constant(event)));
    }
    if let Some(events) = query.events.as_ref().filter(|events| !events.is_empty()) {
        select = select.and_where(Expr::is_in(Expr::field(["event"]), events.iter().map(Expr::constant)));
    }
    if let Some(id) = query.action_id {
        select = select.and_where(scan::action(id, run)?);
    }
    if let Some(steps) = query.action_steps.as_ref().filter(|steps| !steps.is_empty()) {
        select = select.and_where(scope.steps(&actions::read_steps(&Value::Array(steps.clone()))?)?);
    }
    if let Some(person) = query.person_id.as_ref().filter(|person| !person.is_empty()) {
        select = select.and_where(Expr::eq(Expr::field(["person_id"]), Expr::constant(person.to_lowercase())));
    }
    for properties in [&query.properties, &query.fixed_properties].into_iter().flatten() {
        if !properties.is_empty() {
            select = select.and_where(scope.properties(properties)?);
        }
    }
    if query.filter_test_accounts.unwrap_or(false) {
        select = select.and_where(scope.test_accounts()?);
    }
    for text in query.conditions.iter().flatten() {
        select = select.and_where(query::parse_expr(text)?);
    }
    Ok(select)
}

/// Later than the first, earlier than the second.
pub fn time_bounds(query: &EventsQuery, calendar: &Calendar) -> (Option<DateTime<Tz>>, DateTime<Tz>) {
    let parse = |text: &str| match parse_date(text, calendar) {
        ParsedDate::Absolute(at) | ParsedDate::Relative { at, .. } => at,
        ParsedDate::All | ParsedDate::Unreadable => calendar.now(),
    };
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let before = text(&query.before).map_or_else(|| calendar.now() + TimeDelta::seconds(5), |text| parse(&text));
    let after = match text(&query.after) {
        Some(text) if text == "all" => None,
        Some(text) => Some(parse(&text)),
        None => Some(calendar.now() - TimeDelta::hours(24)),
    };
    (after, before)
}

async fn load_persons(columns: &[Column], found: &Rows, run: &Run) -> Result<HashMap<String, Value>, Failure> {
    let Some(position) = columns.iter().find_map(|column| match column {
        Column::Person(person, _) | Column::DisplayName(person, _) => Some(*person),
        _ => None,
    }) else {
        return Ok(HashMap::new());
    };
    let mut ids: Vec<String> =
        cells::rows(&found.batches).filter_map(|(batch, row)| cells::text(batch.column(position), row)).map(str::to_owned).collect();
    ids.sort();
    ids.dedup();
    rows::persons(&ids, run).await
}

fn cell(column: &Column, batch: &RecordBatch, row: usize, persons: &HashMap<String, Value>, run: &Run) -> Value {
    let plain = |position: usize| cells::json(batch.column(position), row, &run.calendar);
    let known = |position: usize| cells::text(batch.column(position), row).and_then(|id| persons.get(id));
    match column {
        Column::Plain(position) => plain(*position),
        Column::Star(first) => {
            let mut event: serde_json::Map<String, Value> =
                STAR.iter().enumerate().map(|(at, name)| ((*name).to_owned(), plain(first + at))).collect();
            event["properties"] = rows::object(cells::text(batch.column(first + 2), row));
            event.insert("team_id".to_owned(), run.team.id.0.into());
            event.insert("elements".to_owned(), json!([]));
            Value::Object(event)
        }
        Column::Person(person, distinct_id) => match known(*person) {
            Some(found) => {
                let wanted = ["email", "name"].map(str::to_owned).into_iter().chain(rows::name_properties(run));
                let properties: serde_json::Map<String, Value> =
                    wanted.filter_map(|name| Some((name.clone(), found["properties"].get(&name)?.clone()))).collect();
                json!({"uuid": found["uuid"], "created_at": found["created_at"], "properties": properties,
                       "distinct_id": plain(*distinct_id), "is_identified": found["is_identified"]})
            }
            None => json!({"distinct_id": plain(*distinct_id), "properties": {}, "is_identified": false}),
        },
        Column::DisplayName(person, distinct_id) => {
            let named = known(*person).and_then(|found| {
                rows::name_properties(run)
                    .iter()
                    .find_map(|name| found["properties"].get(name).filter(|value| !value.is_null() && **value != "").cloned())
            });
            json!({"display_name": named.unwrap_or_else(|| plain(*distinct_id)), "id": plain(*person), "distinct_id": plain(*distinct_id)})
        }
    }
}

fn kind(column: &Column, found: &Rows) -> Value {
    let plain = |position: usize| found.columns.get(position).map_or(Value::Null, |column| column.kind.clone().into());
    match column {
        Column::Plain(position) => plain(*position),
        Column::Star(first) => Value::from(format!(
            "Tuple({})",
            (0..STAR.len()).filter_map(|at| plain(first + at).as_str().map(str::to_owned)).collect::<Vec<_>>().join(", ")
        )),
        Column::Person(..) | Column::DisplayName(..) => "String".into(),
    }
}

/// The time of the last row, to continue from with `before`.
fn next_cursor(query: &EventsQuery, results: &[Value]) -> Option<Value> {
    let last = results.last()?;
    let at = query.select.iter().position(|text| matches!(text.as_str(), "timestamp" | "*"))?;
    let cell = last.get(at)?;
    Some(cell.get("timestamp").unwrap_or(cell).clone())
}
