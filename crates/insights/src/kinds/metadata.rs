//! Is a text valid HogQL, where is it not, and what does it read? For editors.

use super::hogql::prepare;
use super::{Answer, system};
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::tables::{HogQLMetadata, HogQLQuery};
use crate::run::Run;
use query::ast::{Expr, Query, Select};
use query::{Resolved, Table};
use serde_json::{Value, json};

/// What a text that is fine reads.
#[derive(Default)]
struct Found {
    tables: Vec<String>,
    /// Can the store leave out days that the query does not ask about?
    is_using_indices: &'static str,
}

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let request: HogQLMetadata = nodes::read(node)?;
    let outcome = match request.language.as_str() {
        "hogQL" => check_query(&request, run).await,
        "hogQLExpr" => check_expr(&request, &request.query, 0, run),
        // A text with expressions in braces is what stands between the quotes of f'…'.
        "hogTemplate" => check_expr(&request, &format!("f'{}'", request.query.replace('\'', "\\'")), 2, run),
        other => return Err(Failure::invalid(format!("The language \"{other}\" is not supported yet"))),
    };
    let (errors, found) = match outcome {
        Ok(found) => (Vec::new(), found),
        Err(error) => (vec![error], Found::default()),
    };
    let mut answer = Answer::new();
    answer.insert("isValid".to_owned(), errors.is_empty().into());
    answer.insert("query".to_owned(), request.query.into());
    answer.insert("errors".to_owned(), errors.into());
    answer.insert("warnings".to_owned(), json!([]));
    answer.insert("notices".to_owned(), json!([]));
    answer.insert("isUsingIndices".to_owned(), found.is_using_indices.into());
    answer.insert("table_names".to_owned(), found.tables.into());
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

async fn check_query(request: &HogQLMetadata, run: &Run) -> Result<Found, Value> {
    let text = &request.query;
    let parsed = query::parse(text).map_err(|error| located(text, error.message.clone(), error.start, error.end))?;
    let node = json!({"kind": "HogQLQuery", "query": text, "variables": request.variables});
    let mut query: HogQLQuery = nodes::read(&node).map_err(|message| located(text, message, 0, text.len()))?;
    query.filters = request.filters.clone();
    let failed = |failure: Failure| located(text, failure.to_string(), 0, text.len());
    let mut tree = prepare(&query, run).map_err(failed)?;
    system::put_in(&mut tree, text, run).await.map_err(failed)?;
    let resolved = resolve(text, 0, tree, run)?;
    Ok(Found { tables: parsed.table_names(), is_using_indices: indices(&resolved) })
}

/// `text` is what is parsed; it begins `prefix` bytes before what the client wrote.
fn check_expr(request: &HogQLMetadata, text: &str, prefix: usize, run: &Run) -> Result<Found, Value> {
    let place = |at: usize| at.saturating_sub(prefix);
    let expr =
        query::parse_expr(text).map_err(|error| located(&request.query, error.message.clone(), place(error.start), place(error.end)))?;
    let table = match request.source_query.as_ref().and_then(nodes::kind_of) {
        Some("ActorsQuery" | "PersonsNode") => "persons",
        Some("GroupsQuery") => "groups",
        Some("SessionsQuery") => "sessions",
        _ => "events",
    };
    let tree = over_rows(Select::from_table(table), expr).into();
    resolve(&request.query, prefix, tree, run)?;
    Ok(Found { tables: vec![table.to_owned()], is_using_indices: "undecisive" })
}

fn over_rows(select: Select, expr: Expr) -> Select {
    select.column(expr.aliased("checked"))
}

fn resolve(text: &str, prefix: usize, tree: Query, run: &Run) -> Result<Resolved, Value> {
    run.resolve_located(tree).map_err(|error| {
        let start = error.start.map_or(0, |at| at.saturating_sub(prefix));
        located(text, error.message.clone(), start, error.end.map_or(text.len(), |at| at.saturating_sub(prefix)))
    })
}

fn indices(resolved: &Resolved) -> &'static str {
    let events: Vec<bool> =
        resolved.tables.iter().filter(|table| table.table == Table::Events).map(|table| table.time_range.is_some()).collect();
    match (events.is_empty(), events.iter().all(|pruned| *pruned), events.contains(&true)) {
        (true, ..) => "undecisive",
        (_, true, _) => "yes",
        (.., true) => "partial",
        _ => "no",
    }
}
