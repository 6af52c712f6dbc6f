//! Conversions by action: of at most [`MOST`] of the project's actions, those that are pinned first.

use super::{Answer, Pair, Web, is_view};
use crate::cells;
use crate::conditions::Subject;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::web::WebGoalsQuery;
use crate::run::Run;
use query::ast::{Expr, Select};
use serde_json::{Value, json};

const COLUMNS: [&str; 4] = [
    "context.columns.action_name",
    "context.columns.converting_users",
    "context.columns.total_conversions",
    "context.columns.conversion_rate",
];

const MOST: usize = 5;

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: WebGoalsQuery = nodes::read(node)?;
    let web = Web::settle(run, query.filters()).await?;
    let scope = run.scope(Subject::Events);
    let mut goals = Vec::new();
    for action in run.catalog.actions().into_iter().take(MOST) {
        goals.push((action.name.clone(), scope.action(action)?));
    }
    let rows = if goals.is_empty() { Vec::new() } else { rows(&web, &goals).await? };
    let mut answer = Answer::new();
    answer.insert("columns".to_owned(), json!(COLUMNS));
    answer.insert("types".to_owned(), json!([]));
    answer.insert("results".to_owned(), rows.into());
    answer.insert("hasMore".to_owned(), false.into());
    web.describe(&mut answer);
    Ok(answer)
}

/// Each with who converted, how often, and their share of all visitors.
async fn rows(web: &Web<'_>, goals: &[(String, Expr)]) -> Result<Vec<Value>, Failure> {
    let either = goals.iter().map(|(_, goal)| goal.clone()).chain([is_view()]);
    let either: Vec<Expr> = either.collect();
    let counted = if either.contains(&Expr::constant(true)) { Expr::constant(true) } else { Expr::or(either) };
    let mut select = web.events()?.and_where(counted);
    let person = || Expr::field(["person_id"]);
    for (at, period) in web.periods().enumerate() {
        let inside = || period.has(Expr::field(["timestamp"]));
        select = select.column(Expr::call("uniqIf", [person(), inside()]).aliased(&format!("visitors_{at}")));
        for (index, (_, goal)) in goals.iter().enumerate() {
            let reached = || Expr::and([inside(), goal.clone()]);
            select = select.column(Expr::call("uniqIf", [person(), reached()]).aliased(&format!("users_{index}_{at}")));
            select = select.column(Expr::call("countIf", [reached()]).aliased(&format!("times_{index}_{at}")));
        }
    }
    read(web, goals, select).await
}

async fn read(web: &Web<'_>, goals: &[(String, Expr)], select: Select) -> Result<Vec<Value>, Failure> {
    let rows = web.run.select_all("goals", select).await?;
    let cell = |column: usize| cells::rows(&rows.batches).next().and_then(|(batch, row)| cells::number(batch.column(column), row));
    let (width, periods) = (1 + 2 * goals.len(), web.periods().count());
    let pair = |column: usize| -> Pair { [cell(column), (periods > 1).then(|| cell(width + column)).flatten()] };
    let visitors = pair(0);
    let wire = |pair: Pair| json!(pair.map(|number| number.map_or(Value::Null, cells::compact_number)));
    let row = |(index, (name, _)): (usize, &(String, Expr))| {
        let (users, times) = (pair(1 + 2 * index), pair(2 + 2 * index));
        let share = |at: usize| users[at].zip(visitors[at]).filter(|(_, all)| *all > 0.0).map(|(users, all)| users / all);
        json!([name, wire(users), wire(times), wire([share(0), share(1)])])
    };
    Ok(goals.iter().enumerate().map(row).collect())
}
