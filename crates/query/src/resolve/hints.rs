//! What the conditions of a select say about the rows that can matter. Only hints: the SQL keeps every condition.

use crate::ast::{CompareOp, Constant};
use crate::printed::{Table, TableUse};
use crate::typed::*;
use model::Timestamp;

pub fn set(query: &TypedQuery, tables: &mut [TableUse]) {
    match query {
        TypedQuery::Select(select) => in_select(select, tables),
        TypedQuery::Set { first, rest } => {
            set(first, tables);
            rest.iter().for_each(|(_, query)| set(query, tables));
        }
    }
}

fn in_select(select: &TypedSelect, tables: &mut [TableUse]) {
    for join in &select.from {
        match &join.source {
            Source::Query(query) => set(query, tables),
            Source::Unnest { inner, .. } => in_select(inner, tables),
            Source::Table => {
                let Some(table) = tables.iter_mut().find(|table| table.name == join.name && table.table == Table::Events) else { continue };
                // A filter on the outer side of a join removes its rows all the same; a NULL passes no comparison.
                if let Some(filter) = &select.filter {
                    of_table(filter, table);
                }
            }
            Source::Numbers { .. } | Source::Values { .. } => {}
        }
    }
    let mut expressions: Vec<&Typed> = select.columns.iter().map(|(_, expr)| expr).chain(&select.filter).chain(&select.having).collect();
    expressions.extend(select.group_by.keys());
    expressions.into_iter().for_each(|expr| in_subqueries(expr, tables));
}

fn in_subqueries(expr: &Typed, tables: &mut [TableUse]) {
    match &expr.node {
        Node::Subquery(query) | Node::Exists(query) | Node::InQuery { query, .. } => set(query, tables),
        _ => {}
    }
    let mut children = Vec::new();
    expr.each_child(&mut |child| children.push(child));
    children.into_iter().for_each(|child| in_subqueries(child, tables));
}

fn of_table(filter: &Typed, table: &mut TableUse) {
    let name = table.name.clone();
    table.time_range = bounds([filter], &|expr| slack_of(expr, &name));
    let mut events: Option<Vec<String>> = None;
    for term in conjuncts([filter]) {
        if let Some(names) = names_of(term, table) {
            events = Some(match events {
                None => names,
                Some(known) => known.into_iter().filter(|name| names.contains(name)).collect(),
            });
        }
    }
    table.events = events;
}

/// All conditions that must hold.
pub fn conjuncts<'a>(filters: impl IntoIterator<Item = &'a Typed>) -> Vec<&'a Typed> {
    let mut open: Vec<&Typed> = filters.into_iter().collect();
    let mut terms = Vec::new();
    while let Some(term) = open.pop() {
        match &term.node {
            Node::And(inner) => open.extend(inner),
            Node::OrFalse(inner) => open.push(inner),
            _ => terms.push(term),
        }
    }
    terms
}

/// What the filters say about an instant: the earliest and the latest that can pass, inclusive. `slack` recognises the instant, and
/// says by how much it may differ from what is compared.
pub fn bounds<'a>(filters: impl IntoIterator<Item = &'a Typed>, slack: &dyn Fn(&Typed) -> Option<i64>) -> Option<(Timestamp, Timestamp)> {
    let mut range = (i64::MIN, i64::MAX);
    for term in conjuncts(filters) {
        if let Node::Compare(left, op, right) = &term.node {
            narrow(left, *op, right, slack, &mut range);
        }
    }
    (range != (i64::MIN, i64::MAX)).then_some((Timestamp(range.0), Timestamp(range.1)))
}

/// How far the value of `expr` can be from `timestamp`. A day in a time zone begins up to a day before or after the one in UTC.
fn slack_of(expr: &Typed, table: &str) -> Option<i64> {
    let is_timestamp = |expr: &Typed| matches!(&expr.node, Node::Column { source, name } if source == table && name == "timestamp");
    match &expr.node {
        _ if is_timestamp(expr) => Some(0),
        Node::Call(call) if matches!(call.name, "toDate" | "toStartOfDay" | "toStartOfHour") && is_timestamp(&call.args[0]) => {
            Some(2 * DAY)
        }
        _ => None,
    }
}

pub const DAY: i64 = 86_400_000_000;

fn is_column(expr: &Typed, table: &TableUse, column: &str) -> bool {
    matches!(&expr.node, Node::Column { source, name } if *source == table.name && name == column)
}

fn narrow(left: &Typed, op: CompareOp, right: &Typed, slack: &dyn Fn(&Typed) -> Option<i64>, range: &mut (i64, i64)) {
    let (expr, constant, op) = match (&left.node, &right.node) {
        (_, Node::Constant(Constant::Timestamp(at))) => (left, *at, op),
        (Node::Constant(Constant::Timestamp(at)), _) => (right, *at, mirrored(op)),
        _ => return,
    };
    let Some(slack) = slack(expr) else { return };
    let (low, high) = (constant.0.saturating_sub(slack), constant.0.saturating_add(slack));
    match op {
        CompareOp::Gt | CompareOp::GtEq => range.0 = range.0.max(low),
        CompareOp::Lt | CompareOp::LtEq => range.1 = range.1.min(high),
        CompareOp::Eq => *range = (range.0.max(low), range.1.min(high)),
        _ => {}
    }
}

fn mirrored(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::GtEq => CompareOp::LtEq,
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::LtEq => CompareOp::GtEq,
        other => other,
    }
}

/// The only event names for which `term` can be true, if it says so.
fn names_of(term: &Typed, table: &TableUse) -> Option<Vec<String>> {
    match &term.node {
        Node::Compare(left, CompareOp::Eq, right) => {
            let name = match (is_column(left, table, "event"), is_column(right, table, "event")) {
                (true, _) => right.as_text(),
                (_, true) => left.as_text(),
                _ => None,
            };
            name.map(|name| vec![name.to_owned()])
        }
        Node::InList { expr, list, negated: false } if is_column(expr, table, "event") => {
            list.iter().map(|item| item.as_text().map(str::to_owned)).collect()
        }
        Node::Or(terms) => {
            let mut all = Vec::new();
            for term in terms {
                all.extend(names_of(term, table)?);
            }
            Some(all)
        }
        Node::And(terms) => terms.iter().find_map(|term| names_of(term, table)),
        Node::OrFalse(inner) => names_of(inner, table),
        _ => None,
    }
}
