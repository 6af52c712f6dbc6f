//! Is a text valid HogQL, and where is it not? For editors.

use super::Answer;
use super::hogql::prepare;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::tables::{HogQLMetadata, HogQLQuery};
use crate::run::Run;
use query::ast::{Expr, Query, Select};
use serde_json::{Value, json};

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let request: HogQLMetadata = nodes::read(node)?;
    let outcome = match request.language.as_str() {
        "hogQL" => check_query(&request, run),
        "hogQLExpr" => check_expr(&request, run),
        other => return Err(Failure::invalid(format!("The language \"{other}\" is not supported yet"))),
    };
    let (errors, tables) = match outcome {
        Ok(tables) => (Vec::new(), tables),
        Err(error) => (vec![error], Vec::new()),
    };
    let mut answer = Answer::new();
    answer.insert("isValid".to_owned(), errors.is_empty().into());
    answer.insert("query".to_owned(), request.query.into());
    answer.insert("errors".to_owned(), errors.into());
    answer.insert("warnings".to_owned(), json!([]));
    answer.insert("notices".to_owned(), json!([]));
    answer.insert("table_names".to_owned(), tables.into());
    Ok(answer)
}

/// An error with the place where it is, in UTF-16 units as editors count.
fn located(text: &str, message: String, start: usize, end: usize) -> Value {
    let units = |byte: usize| {
        let mut at = byte.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text[..at].encode_utf16().count()
    };
    json!({"message": message, "start": units(start), "end": units(end.max(start))})
}

fn check_query(request: &HogQLMetadata, run: &Run) -> Result<Vec<String>, Value> {
    let text = &request.query;
    query::parse(text).map_err(|error| located(text, error.message.clone(), error.start, error.end))?;
    let node = json!({"kind": "HogQLQuery", "query": text, "variables": request.variables});
    let mut query: HogQLQuery = nodes::read(&node).map_err(|message| located(text, message, 0, text.len()))?;
    query.filters = request.filters.clone();
    let tree = prepare(&query, run).map_err(|failure| located(text, failure.to_string(), 0, text.len()))?;
    check(text, tree, run)
}

fn check_expr(request: &HogQLMetadata, run: &Run) -> Result<Vec<String>, Value> {
    let text = &request.query;
    let expr = query::parse_expr(text).map_err(|error| located(text, error.message.clone(), error.start, error.end))?;
    let select = match request.source_query.as_ref().and_then(nodes::kind_of) {
        Some("ActorsQuery" | "PersonsNode") => Select::from_table("persons"),
        _ => Select::from_table("events"),
    };
    check(text, over_rows(select, expr).into(), run)
}

fn over_rows(select: Select, expr: Expr) -> Select {
    select.column(expr.aliased("checked"))
}

fn check(text: &str, tree: Query, run: &Run) -> Result<Vec<String>, Value> {
    let resolved = run
        .resolve_located(tree)
        .map_err(|error| located(text, error.message.clone(), error.start.unwrap_or(0), error.end.unwrap_or(text.len())))?;
    let mut tables: Vec<String> = query::print_datafusion(&resolved)
        .tables
        .iter()
        .map(|table| match table.table {
            query::Table::Events => "events",
            query::Table::Persons => "persons",
            query::Table::PersonDistinctIds => "person_distinct_ids",
            query::Table::PersonOverrides => "person_distinct_id_overrides",
            query::Table::Groups => "groups",
        })
        .map(str::to_owned)
        .collect();
    tables.sort();
    tables.dedup();
    Ok(tables)
}
