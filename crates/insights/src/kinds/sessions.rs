//! The sessions table: chosen columns of matching sessions, the last to begin first.

use super::Answer;
use super::rows::{check_columns, column, is_aggregate, order, page, unaliased};
use super::scan;
use crate::conditions::{Subject, plain_text};
use crate::dates::{Calendar, ParsedDate, parse_date};
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::filters::{Properties, PropertyFilter};
use crate::nodes::sessions::SessionsQuery;
use crate::run::Run;
use crate::sessions::kind_of;
use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use model::Timestamp;
use query::ast::{CompareOp, Expr, Select};
use serde_json::{Value, json};

/// Later than the first, earlier than the second.
pub type Range = (Option<DateTime<Tz>>, DateTime<Tz>);

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: SessionsQuery = nodes::read(node)?;
    check_columns(&query.select)?;
    let star = query.select.iter().position(|text| text.trim() == "*");
    let fields: Vec<&str> = query::visible_fields("sessions");
    let select = build(&query, star, &fields, run)?;
    let found = run.select("sessions", select, run.row_limit()).await?;
    let results: Vec<Value> = found
        .to_json(&run.calendar)
        .into_iter()
        .map(|mut cells| {
            if let Some(at) = star {
                let values = cells.splice(at..at + fields.len(), [Value::Null]).collect::<Vec<_>>();
                cells[at] = fields.iter().map(|name| (*name).to_owned()).zip(values).collect::<serde_json::Map<_, _>>().into();
            }
            Value::Array(cells)
        })
        .collect();
    let mut types: Vec<Value> = found.columns.iter().map(|column| column.kind.clone().into()).collect();
    if let Some(at) = star {
        types.splice(at..at + fields.len(), [json!("Tuple")]);
    }
    let mut answer = Answer::new();
    answer.insert("columns".to_owned(), json!(query.select));
    answer.insert("types".to_owned(), types.into());
    answer.insert("results".to_owned(), results.into());
    answer.insert("hasMore".to_owned(), found.has_more.into());
    answer.insert("limit".to_owned(), json!(found.limit));
    answer.insert("offset".to_owned(), found.offset.into());
    Ok(answer)
}

fn build(query: &SessionsQuery, star: Option<usize>, fields: &[&str], run: &Run) -> Result<Select, Failure> {
    let mut exprs = Vec::new();
    for (at, text) in query.select.iter().enumerate() {
        match star == Some(at) {
            true => exprs.extend(fields.iter().map(|name| Expr::field([*name]))),
            false => exprs.push(column(text)?),
        }
    }
    let start = || Expr::field(["$start_timestamp"]);
    let aggregates = exprs.iter().any(is_aggregate);
    let order_by = match query.order_by.as_ref().filter(|texts| !texts.is_empty()) {
        Some(texts) => texts.iter().map(|text| order(text)).collect::<Result<Vec<_>, _>>()?,
        None => match exprs.iter().find(|expr| is_aggregate(expr)) {
            Some(aggregate) => vec![unaliased(aggregate).descending()],
            None => vec![start().descending()],
        },
    };
    let (limit, offset) = page(query.limit, query.offset)?;
    let mut select = conditions(query, run)?;
    let keys: Vec<Expr> = exprs.iter().filter(|expr| !is_aggregate(expr)).map(unaliased).collect();
    if aggregates && !keys.is_empty() {
        select = select.group_by(keys);
    }
    for (index, expr) in exprs.into_iter().enumerate() {
        select = select.column(if expr.alias().is_some() { expr } else { expr.aliased(&format!("column_{index}")) });
    }
    Ok(select.order_by(order_by).limit(limit).offset(offset))
}

fn conditions(query: &SessionsQuery, run: &Run) -> Result<Select, Failure> {
    let range = time_range(query.after.as_deref(), query.before.as_deref(), &run.calendar);
    let start = || Expr::field(["$start_timestamp"]);
    let mut select = Select::from_table("sessions");
    if let Some(after) = range.0 {
        select = select.and_where(Expr::compare(CompareOp::Gt, start(), instant(after)));
    }
    select = select.and_where(Expr::compare(CompareOp::Lt, start(), instant(range.1)));
    let event = query.event.as_ref().filter(|event| !event.is_empty());
    let of_events = query.event_properties.as_ref().filter(|properties| !properties.is_empty());
    if event.is_some() || of_events.is_some() || query.action_id.is_some() {
        let mut terms = Vec::new();
        if let Some(id) = query.action_id {
            terms.push(scan::action(id, run)?);
        }
        terms.extend(event.map(|event| Expr::eq(Expr::field(["event"]), Expr::constant(event))));
        if let Some(properties) = of_events {
            terms.push(run.scope(Subject::Events).properties(properties)?);
        }
        select = select.and_where(with_events(Expr::and(terms), range));
    }
    if let Some(person) = query.person_id.as_ref().filter(|person| !person.is_empty()) {
        let is_person = Expr::eq(Expr::field(["person_id"]), Expr::constant(person.to_lowercase()));
        select = select.and_where(with_events(is_person, range));
    }
    for properties in [&query.properties, &query.fixed_properties].into_iter().flatten().filter(|properties| !properties.is_empty()) {
        select = select.and_where(condition(properties, range, run)?);
    }
    if query.filter_test_accounts.unwrap_or(false) {
        select = select.and_where(with_events(run.scope(Subject::Events).test_accounts()?, range));
    }
    for text in query.conditions.iter().flatten() {
        select = select.and_where(query::parse_expr(text)?);
    }
    Ok(select)
}

fn condition(properties: &Properties, range: Range, run: &Run) -> Result<Expr, Failure> {
    let each = |terms: &[Properties]| -> Result<Vec<Expr>, Failure> {
        terms.iter().filter(|term| !term.is_empty()).map(|term| condition(term, range, run)).collect()
    };
    match properties {
        Properties::All(terms) => Ok(Expr::and(each(terms)?)),
        Properties::Any(terms) => Ok(Expr::or(each(terms)?)),
        Properties::One(filter) => one(filter, range, run),
    }
}

fn one(filter: &PropertyFilter, range: Range, run: &Run) -> Result<Expr, Failure> {
    let scope = run.scope(Subject::Events);
    match (filter.kind.as_deref(), &filter.key) {
        (Some("session"), Some(key)) => {
            let key = plain_text(key);
            let operator = filter.operator.as_deref().unwrap_or("exact");
            Ok(scope.operate(Expr::field([key.as_str()]), kind_of(&key), operator, filter.value.as_ref())?)
        }
        (Some("hogql"), Some(key)) => Ok(query::parse_expr(&plain_text(key))?),
        _ => Ok(with_events(scope.properties(&Properties::One(Box::new(filter.clone())))?, range)),
    }
}

/// Sessions with an event for which `condition` holds. A session is taken to last three days at most.
fn with_events(condition: Expr, (after, before): Range) -> Expr {
    let at = || Expr::field(["timestamp"]);
    let mut events = Select::from_table("events").column(Expr::field(["$session_id"]));
    if let Some(after) = after {
        events = events.and_where(Expr::compare(CompareOp::GtEq, at(), instant(after)));
    }
    let events = events.and_where(Expr::compare(CompareOp::LtEq, at(), instant(before + TimeDelta::days(3)))).and_where(condition);
    Expr::compare(CompareOp::In, Expr::field(["session_id"]), Expr::subquery(events))
}

fn instant(at: DateTime<Tz>) -> Expr {
    Expr::constant(Timestamp(at.timestamp_micros()))
}

/// The last 24 hours, unless a question says otherwise; `all` has no beginning.
pub fn time_range(after: Option<&str>, before: Option<&str>, calendar: &Calendar) -> Range {
    let parse = |text: &str| match parse_date(text, calendar) {
        ParsedDate::Absolute(at) | ParsedDate::Relative { at, .. } => at,
        ParsedDate::All | ParsedDate::Unreadable => calendar.now(),
    };
    let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let after = match given(after) {
        Some(text) if text == "all" => None,
        Some(text) => Some(parse(&text)),
        None => Some(calendar.now() - TimeDelta::hours(24)),
    };
    let before = given(before).map_or_else(|| calendar.now() + TimeDelta::seconds(5), |text| parse(&text));
    (after, before)
}
