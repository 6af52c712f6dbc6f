//! SQL as users write it.

use super::Answer;
use super::rows::tabular;
use super::system;
use crate::conditions::Subject;
use crate::dates::{Calendar, iso, parse_instant};
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::tables::{HogQLFilters, HogQLQuery};
use crate::run::Run;
use model::Timestamp;
use query::ast::{self, CompareOp, Cte, Expr, ExprKind, Query, Select, TableSource};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Longer texts are refused before they are parsed.
const MAX_LENGTH: usize = 200_000;

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: HogQLQuery = nodes::read(node)?;
    let mut tree = prepare(&query, run)?;
    let printed = tree.to_string();
    system::put_in(&mut tree, &query.query, run).await?;
    let explain = query.explain.unwrap_or(false);
    let sql = if explain { Some(query::print_datafusion(&run.resolve(tree.clone(), run.row_limit())?).sql) } else { None };
    let rows = run.select("query", tree, run.row_limit()).await?;
    let mut answer = tabular(&rows, run);
    answer.insert("query".to_owned(), query.query.into());
    answer.insert("hogql".to_owned(), printed.into());
    if let Some(sql) = sql {
        answer.insert("explain".to_owned(), sql.lines().map(Value::from).collect());
        answer.insert("clickhouse".to_owned(), sql.into());
    }
    Ok(answer)
}

/// The tree with everything in braces replaced.
pub fn prepare(query: &HogQLQuery, run: &Run) -> Result<Query, Failure> {
    if query.query.len() > MAX_LENGTH {
        return Err(Failure::invalid(format!("A query can have at most {MAX_LENGTH} characters")));
    }
    let mut tree = query::parse(&query.query)?;
    let filters = query.filters.clone().unwrap_or_default();
    replace_filters(&mut tree, &filters, run)?;
    let values = placeholder_values(query, &filters, run)?;
    ast::substitute(&mut tree, &values);
    if let Some(missing) = ast::placeholders(&tree).into_iter().next() {
        return Err(Failure::Invalid(match missing.strip_prefix("variables.") {
            Some(name) => format!("Variable {name} is missing from query"),
            None => format!("Unresolved placeholder: {{{missing}}}"),
        }));
    }
    Ok(tree)
}

fn placeholder_values(query: &HogQLQuery, filters: &HogQLFilters, run: &Run) -> Result<HashMap<String, Expr>, Failure> {
    let mut values = HashMap::new();
    for (name, value) in query.values.iter().flatten() {
        values.insert(name.clone(), constant(value));
    }
    for (id, variable) in query.variables.iter().flatten() {
        let Some(name) = variable.get("code_name").and_then(Value::as_str) else {
            return Err(Failure::invalid(format!("Variable {id} needs a code_name")));
        };
        let is_null = variable.get("isNull").and_then(Value::as_bool).unwrap_or(false);
        let value = variable.get("value").filter(|_| !is_null).unwrap_or(&Value::Null);
        values.insert(format!("variables.{name}"), constant(value));
    }
    let range = filters.date_range.clone().unwrap_or_default();
    let calendar = &run.calendar;
    let bound =
        |text: Option<&str>, end: bool| text.and_then(|text| parse_bound(text, end, calendar)).map_or_else(Expr::null, Expr::constant);
    for (name, end) in [("from", false), ("to", true)] {
        let text = if end { range.date_to.as_deref() } else { range.date_from.as_deref() };
        values.insert(format!("filters.dateRange.{name}"), bound(text, end));
        values.insert(format!("filters.dateRange.date_{name}"), bound(text, end));
    }
    Ok(values)
}

fn constant(value: &Value) -> Expr {
    match value {
        Value::Array(items) => Expr::array(items.iter().map(constant)),
        leaf => Expr::constant(leaf),
    }
}

/// A day as upper end includes the whole day.
fn parse_bound(text: &str, end: bool, calendar: &Calendar) -> Option<Timestamp> {
    let at = parse_instant(text, calendar)?;
    let is_day = text.trim().len() <= 10 && text.trim().starts_with(|c: char| c.is_ascii_digit());
    let at = if end && is_day { calendar.end_of_day(at) } else { at };
    Some(Timestamp(at.timestamp_micros()))
}

/// Replaces `{filters}` in every select by the conditions on that select's own table.
fn replace_filters(query: &mut Query, filters: &HogQLFilters, run: &Run) -> Result<(), Failure> {
    match query {
        Query::Select(select) => replace_in_select(select, filters, run),
        Query::Set(set) => {
            replace_filters(&mut set.first, filters, run)?;
            set.rest.iter_mut().try_for_each(|(_, query)| replace_filters(query, filters, run))
        }
    }
}

fn replace_in_select(select: &mut Select, filters: &HogQLFilters, run: &Run) -> Result<(), Failure> {
    for cte in &mut select.ctes {
        if let Cte::Query { query, .. } = cte {
            replace_filters(query, filters, run)?;
        }
    }
    if let Some(from) = &mut select.from {
        let joined = from.joins.iter_mut().map(|join| &mut join.table);
        for table in std::iter::once(&mut from.first).chain(joined) {
            if let TableSource::Query(query) = &mut table.source {
                replace_filters(query, filters, run)?;
            }
        }
    }
    let time = time_column(select);
    let mut outcome = Ok(());
    select.visit_mut(&mut |expr| {
        if outcome.is_err() {
            return;
        }
        let replaced = match &mut expr.kind {
            ExprKind::Subquery(query) => replace_filters(query, filters, run),
            ExprKind::Placeholder(path) if path.len() == 1 && path[0] == "filters" => {
                conditions(filters, time.as_ref(), run).map(|condition| expr.kind = condition.kind)
            }
            _ => Ok(()),
        };
        outcome = replaced;
    });
    outcome
}

/// The column that date ranges restrict: of the first table in FROM that has one.
fn time_column(select: &Select) -> Option<Expr> {
    let from = select.from.as_ref()?;
    let tables = std::iter::once(&from.first).chain(from.joins.iter().map(|join| &join.table));
    tables.into_iter().find_map(|table| {
        let TableSource::Table(path) = &table.source else { return None };
        let column = match path.last()?.as_str() {
            "events" => "timestamp",
            "sessions" => "$start_timestamp",
            "persons" | "groups" => "created_at",
            _ => return None,
        };
        Some(match &table.alias {
            Some(alias) => Expr::field([alias.as_str(), column]),
            None => Expr::field([column]),
        })
    })
}

fn conditions(filters: &HogQLFilters, time: Option<&Expr>, run: &Run) -> Result<Expr, Failure> {
    let scope = run.scope(Subject::Events);
    let mut terms = Vec::new();
    if let Some(properties) = filters.properties.as_ref().filter(|properties| !properties.is_empty()) {
        terms.push(scope.properties(properties)?);
    }
    if filters.filter_test_accounts.unwrap_or(false) {
        terms.push(scope.test_accounts()?);
    }
    if let Some(range) = &filters.date_range {
        let bounds = [(&range.date_from, CompareOp::GtEq, false), (&range.date_to, CompareOp::LtEq, true)];
        for (text, op, end) in bounds {
            let Some(at) = text.as_deref().and_then(|text| parse_bound(text, end, &run.calendar)) else { continue };
            let time = time.ok_or_else(|| Failure::invalid("{filters} with a date range needs a FROM with events or sessions"))?;
            terms.push(Expr::compare(op, time.clone(), Expr::constant(at)));
        }
    }
    Ok(Expr::and(terms))
}

/// What the date range and the variables of the request resolve to; part of the name of the answer.
pub fn time_key(node: &Value, run: &Run) -> Value {
    let range = node.pointer("/filters/dateRange").and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    let bound = |name: &str, end: bool| {
        let text = range.get(name).and_then(Value::as_str)?;
        parse_bound(text, end, &run.calendar).map(|at| iso(run.calendar.at(at)))
    };
    let uses_system = node.get("query").and_then(Value::as_str).is_some_and(system::is_used);
    json!([bound("date_from", false), bound("date_to", true), uses_system.then_some(run.calendar.now.0)])
}
