//! Tables of what the project itself has, for SQL: `system.teams`, `system.insights`, `system.cohorts`, `system.actions`, `query_log`.
//!
//! Their rows come from the metadata database, so they stand in front of the query as a `WITH` of constants.

use crate::failure::Failure;
use crate::run::Run;
use crate::store;
use query::ast::{Cte, Expr, Query, Select, TableRef, TableSource};
use serde_json::Value;

/// Rows of one table that a query sees.
const MAX_ROWS: i64 = 5_000;

struct SystemTable {
    name: &'static str,
    /// Name and the function that gives its type.
    columns: &'static [(&'static str, &'static str)],
}

const TABLES: &[SystemTable] = &[
    SystemTable {
        name: "system.teams",
        columns: &[("id", "toInt"), ("uuid", "toString"), ("name", "toString"), ("timezone", "toString"), ("created_at", "toDateTime")],
    },
    SystemTable {
        name: "system.insights",
        columns: &[
            ("id", "toInt"),
            ("short_id", "toString"),
            ("name", "toString"),
            ("derived_name", "toString"),
            ("description", "toString"),
            ("query", "toString"),
            ("favorited", "toBool"),
            ("saved", "toBool"),
            ("deleted", "toBool"),
            ("created_at", "toDateTime"),
            ("updated_at", "toDateTime"),
            ("last_modified_at", "toDateTime"),
        ],
    },
    SystemTable {
        name: "system.cohorts",
        columns: &[
            ("id", "toInt"),
            ("name", "toString"),
            ("description", "toString"),
            ("filters", "toString"),
            ("is_static", "toBool"),
            ("count", "toInt"),
            ("is_calculating", "toBool"),
            ("last_calculation", "toDateTime"),
            ("created_at", "toDateTime"),
        ],
    },
    SystemTable {
        name: "system.actions",
        columns: &[
            ("id", "toInt"),
            ("name", "toString"),
            ("description", "toString"),
            ("steps_json", "toString"),
            ("created_at", "toDateTime"),
            ("updated_at", "toDateTime"),
        ],
    },
    SystemTable { name: "query_log", columns: QUERY_LOG },
    SystemTable { name: "raw_query_log", columns: QUERY_LOG },
];

const QUERY_LOG: &[(&str, &str)] = &[
    ("query_id", "toString"),
    ("kind", "toString"),
    ("query", "toString"),
    ("query_start_time", "toDateTime"),
    ("query_duration_ms", "toInt"),
    ("read_rows", "toInt"),
    ("read_bytes", "toInt"),
    ("exception", "toString"),
];

/// Names of tables with their columns, for editors.
pub fn described() -> impl Iterator<Item = (&'static str, &'static [(&'static str, &'static str)])> {
    TABLES.iter().filter(|table| table.name != "raw_query_log").map(|table| (table.name, table.columns))
}

fn named(text: &str) -> impl Iterator<Item = &'static SystemTable> {
    TABLES.iter().filter(move |table| text.contains(table.name))
}

/// Could a query of this text see such a table? Then its answer is not kept: nothing tells when these rows change.
pub fn is_used(text: &str) -> bool {
    named(text).next().is_some()
}

/// Puts the tables that the text names in front of its tree.
pub async fn put_in(tree: &mut Query, text: &str, run: &Run) -> Result<(), Failure> {
    for table in named(text) {
        let rows = match table.name {
            "system.teams" => vec![team(run)],
            "system.insights" => insights(run).await?,
            "system.cohorts" => cohorts(run).await?,
            "system.actions" => run.catalog.actions().into_iter().take(MAX_ROWS as usize).map(action).collect(),
            _ => run.engine.jobs.logged(run.team.id).into_iter().take(MAX_ROWS as usize).map(logged).collect(),
        };
        let cte = Cte::Query { name: table.name.to_owned(), columns: Vec::new(), recursive: false, query: constants(table, rows).into() };
        first_select(tree).ctes.insert(0, cte);
    }
    Ok(())
}

/// The names of a WITH in the first branch hold for all branches.
fn first_select(query: &mut Query) -> &mut Select {
    match query {
        Query::Select(select) => select,
        Query::Set(set) => first_select(&mut set.first),
    }
}

fn constants(table: &SystemTable, mut rows: Vec<Vec<Value>>) -> Select {
    let none = rows.is_empty();
    if none {
        rows.push(vec![Value::Null; table.columns.len()]);
    }
    // Texts carry every type, so that a column is of one type whatever its rows are.
    let text = |value: &Value| match value {
        Value::Null => Expr::null(),
        Value::String(text) => Expr::constant(text.as_str()),
        other => Expr::constant(other.to_string()),
    };
    let rows = rows.iter().map(|row| row.iter().map(text).collect()).collect();
    let values = TableRef { alias: Some("rows".to_owned()), ..TableRef::new(TableSource::Values(rows)) };
    let select = Select { from: Some(query::ast::From { first: values, joins: Vec::new() }), ..Select::default() };
    let read = |select: Select, (at, (name, function)): (usize, &(&str, &str))| {
        let column = Expr::call("toString", [Expr::field([format!("col{}", at + 1)])]);
        select.column(Expr::call(function, [column]).aliased(name))
    };
    let select = table.columns.iter().enumerate().fold(select, read);
    if none { select.and_where(Expr::constant(false)) } else { select }
}

fn team(run: &Run) -> Vec<Value> {
    let team = &run.team;
    vec![
        team.id.0.into(),
        team.uuid.to_string().into(),
        team.name.as_str().into(),
        team.timezone.name().into(),
        team.created_at.to_string().into(),
    ]
}

async fn insights(run: &Run) -> Result<Vec<Vec<Value>>, Failure> {
    let all = store::all(&run.engine.db, run.team.id, MAX_ROWS).await?;
    let row = |insight: store::Insight| -> Vec<Value> {
        vec![
            insight.id.into(),
            insight.short_id.into(),
            insight.name.into(),
            insight.derived_name.into(),
            insight.description.into(),
            insight.query.map_or(Value::Null, |query| query.to_string().into()),
            insight.favorited.into(),
            insight.saved.into(),
            insight.deleted.into(),
            insight.created_at.to_string().into(),
            insight.updated_at.to_string().into(),
            insight.last_modified_at.to_string().into(),
        ]
    };
    Ok(all.into_iter().map(row).collect())
}

async fn cohorts(run: &Run) -> Result<Vec<Vec<Value>>, Failure> {
    let all = cohorts::store::of_team(&run.engine.db, run.team.id).await?;
    let row = |cohort: cohorts::Cohort| -> Vec<Value> {
        vec![
            cohort.id.into(),
            cohort.name.into(),
            cohort.description.into(),
            cohort.filters.to_string().into(),
            cohort.is_static.into(),
            cohort.count.into(),
            cohort.is_calculating.into(),
            cohort.last_calculation.map(|at| at.to_string()).into(),
            cohort.created_at.to_string().into(),
        ]
    };
    Ok(all.into_iter().take(MAX_ROWS as usize).map(row).collect())
}

fn action(action: &actions::Action) -> Vec<Value> {
    vec![
        action.id.into(),
        action.name.as_str().into(),
        action.description.as_str().into(),
        action.steps.to_string().into(),
        action.created_at.to_string().into(),
        action.updated_at.to_string().into(),
    ]
}

fn logged(entry: Value) -> Vec<Value> {
    QUERY_LOG.iter().map(|(name, _)| entry.get(*name).cloned().unwrap_or(Value::Null)).collect()
}
