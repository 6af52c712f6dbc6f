//! The numbers on top of web analytics: visitors, views, sessions, how long and how many bounced; or conversions.

use super::{Answer, Pair, Web, is_view};
use crate::cells;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::web::WebOverviewQuery;
use crate::run::Run;
use query::ast::{Expr, Select};
use serde_json::{Value, json};

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: WebOverviewQuery = nodes::read(node)?;
    let web = Web::settle(run, query.filters()).await?;
    let numbers = numbers(&web).await?;
    let items: Vec<Value> = match web.goal() {
        None => vec![
            item("visitors", "unit", numbers[0], None),
            item("views", "unit", numbers[1], None),
            item("sessions", "unit", numbers[2], None),
            item("session duration", "duration_s", numbers[3], None),
            item("bounce rate", "percentage", numbers[4].map(|rate| rate.map(|rate| rate * 100.0)), Some(true)),
        ],
        Some(_) => {
            let (visitors, converted) = (numbers[0], numbers[2]);
            let rate = |at: usize| visitors[at].filter(|count| *count > 0.0).zip(converted[at]).map(|(all, some)| some / all * 100.0);
            vec![
                item("visitors", "unit", visitors, None),
                item("total conversions", "unit", numbers[1], None),
                item("unique conversions", "unit", converted, None),
                item("conversion rate", "percentage", [rate(0), rate(1)], None),
            ]
        }
    };
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), items.into());
    web.describe(&mut answer);
    Ok(answer)
}

/// The counted numbers, in the order of the answer.
async fn numbers(web: &Web<'_>) -> Result<Vec<Pair>, Failure> {
    let field = |name: &str| Expr::field([name]);
    let mut sessions = web
        .events()?
        .and_where(web.counted())
        .column(Expr::call("any", [field("person_id")]).aliased("visitor"))
        .column(Expr::call("countIf", [is_view()]).aliased("views"))
        .column(Expr::field(["session", "$start_timestamp"]).aliased("start"))
        .column(Expr::field(["session", "$session_duration"]).aliased("length"))
        .column(Expr::field(["session", "$is_bounce"]).aliased("bounced"));
    if let Some(goal) = web.goal() {
        sessions = sessions
            .column(Expr::call("countIf", [goal.clone()]).aliased("conversions"))
            .column(Expr::call("anyIf", [Expr::call("toNullable", [field("person_id")]), goal]).aliased("converted"));
    }
    let sessions = sessions.group_by([field("$session_id"), field("start"), field("length"), field("bounced")]);
    let columns: &[(&str, &[&str])] = match web.goal() {
        None => &[("uniqIf", &["visitor"]), ("sumIf", &["views"]), ("countIf", &[]), ("avgIf", &["length"]), ("avgIf", &["bounced"])],
        Some(_) => &[("uniqIf", &["visitor"]), ("sumIf", &["conversions"]), ("uniqIf", &["converted"])],
    };
    let outer = columns.iter().enumerate().fold(Select::from_query(sessions, None), |select, (at, (function, of))| {
        web.per_period(select, function, of, &format!("number_{at}"))
    });
    let rows = web.run.select_all("overview", outer).await?;
    let cell = |column: usize| cells::rows(&rows.batches).next().and_then(|(batch, row)| cells::number(batch.column(column), row));
    let width = web.periods().count();
    let read =
        |at: usize| [cell(at * width), (width > 1).then(|| cell(at * width + 1)).flatten()].map(|number| number.filter(|n| n.is_finite()));
    Ok((0..columns.len()).map(read).collect())
}

fn item(key: &str, kind: &str, [value, previous]: Pair, increase_is_bad: Option<bool>) -> Value {
    let change = value.zip(previous.filter(|previous| *previous != 0.0));
    let change = change.map(|(value, previous)| ((value - previous) / previous * 100.0).round_ties_even());
    let number = |number: Option<f64>| number.map_or(Value::Null, cells::compact_number);
    json!({
        "key": key, "kind": kind, "value": number(value), "previous": number(previous),
        "changeFromPreviousPct": number(change), "isIncreaseBad": increase_is_bad,
    })
}
