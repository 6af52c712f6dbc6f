//! The tables of web analytics: visitors and views by page, source, device, place …

use super::breakdowns::{needed_part, parts, shows_missing};
use super::{Answer, MOST_GROUPS, Pair, Web, is_view, order, paged, pages, pair};
use crate::cells;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::web::{StatsBreakdown, WebStatsTableQuery};
use crate::run::Run;
use query::ast::{Expr, Select};
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::HashMap;

/// What a row stands for.
pub type Key = Vec<Value>;

/// A row: its value and its numbers, by the names of their columns.
struct Row {
    key: Key,
    numbers: HashMap<&'static str, Pair>,
}

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: WebStatsTableQuery = nodes::read(node)?;
    let web = Web::settle(run, query.filters()).await?;
    let columns = columns(&query, &web);
    let mut rows = match query.breakdown {
        StatsBreakdown::FrustrationMetrics => frustrations(&web).await?,
        _ => visits(&query, &web).await?,
    };
    if query.breakdown == StatsBreakdown::Language {
        rows = by_language(rows);
    }
    for (name, values) in pages::columns(&query, &web).await? {
        for row in &mut rows {
            row.numbers.insert(name, values.get(&row.key).copied().unwrap_or_default());
        }
    }
    let (wanted, descending) = order(query.order_by.as_deref(), columns[0]);
    let wanted = columns.iter().find(|column| **column == wanted).copied().unwrap_or(columns[0]);
    sort(&mut rows, wanted, descending, &columns);
    let total: f64 = rows.iter().filter_map(|row| row.numbers.get(wanted)?[0]).sum();
    let (rows, has_more, limit, offset) = paged(rows, query.limit, query.offset)?;
    let fraction = |row: &Row| match row.numbers.get(wanted).and_then(|pair| pair[0]) {
        Some(value) if is_rate(wanted) => value,
        Some(value) if total > 0.0 => value / total,
        _ => 0.0,
    };
    let results: Vec<Value> = rows
        .iter()
        .map(|row| {
            let numbers = columns.iter().map(|column| pair(row.numbers.get(column).copied().unwrap_or_default()));
            let value = if row.key.len() > 1 { Value::Array(row.key.clone()) } else { row.key[0].clone() };
            std::iter::once(value).chain(numbers).chain([json!(fraction(row)), json!("")]).collect()
        })
        .collect();
    let mut answer = Answer::new();
    let names: Vec<String> = ["breakdown_value"]
        .into_iter()
        .chain(columns.iter().copied())
        .chain(["ui_fill_fraction", "cross_sell"])
        .map(|name| format!("context.columns.{name}"))
        .collect();
    answer.insert("types".to_owned(), names.iter().enumerate().map(|(at, name)| json!([name, type_name(at, names.len())])).collect());
    answer.insert("columns".to_owned(), names.into());
    answer.insert("results".to_owned(), results.into());
    answer.insert("hasMore".to_owned(), has_more.into());
    answer.insert("limit".to_owned(), limit.into());
    answer.insert("offset".to_owned(), offset.into());
    web.describe(&mut answer);
    Ok(answer)
}

fn type_name(at: usize, count: usize) -> &'static str {
    match at {
        0 => "Nullable(String)",
        _ if at + 2 == count => "Float64",
        _ if at + 1 == count => "String",
        _ => "Tuple(Nullable(Float64), Nullable(Float64))",
    }
}

fn is_rate(column: &str) -> bool {
    matches!(column, "bounce_rate" | "conversion_rate" | "average_scroll_percentage" | "scroll_gt80_percentage")
}

/// The number columns, in their order. The first one sorts unless the question says otherwise.
fn columns(query: &WebStatsTableQuery, web: &Web) -> Vec<&'static str> {
    if query.breakdown == StatsBreakdown::FrustrationMetrics {
        return vec!["errors", "rage_clicks", "dead_clicks"];
    }
    let mut columns = vec!["visitors"];
    if web.goal().is_some() {
        columns.extend(["total_conversions", "unique_conversions", "conversion_rate"]);
        return columns;
    }
    columns.push("views");
    if query.include_bounce_rate.unwrap_or(false) {
        columns.push("bounce_rate");
    }
    if query.breakdown == StatsBreakdown::Page && query.include_scroll_depth.unwrap_or(false) {
        columns.extend(["average_scroll_percentage", "scroll_gt80_percentage"]);
    }
    if query.breakdown == StatsBreakdown::Page && query.include_time_on_page.unwrap_or(false) {
        columns.push("avg_time_on_page");
    }
    columns
}

fn part_name(at: usize) -> String {
    format!("breakdown_value_{at}")
}

/// Visits by value: first one row per session and value, then the values.
async fn visits(query: &WebStatsTableQuery, web: &Web<'_>) -> Result<Vec<Row>, Failure> {
    let field = |name: &str| Expr::field([name]);
    let parts = parts(query.breakdown, web.filters.cleans_paths, web.run)?;
    let names: Vec<String> = (0..parts.len()).map(part_name).collect();
    let mut sessions = web
        .events()?
        .and_where(web.counted())
        .column(Expr::call("any", [field("person_id")]).aliased("visitor"))
        .column(Expr::call("countIf", [is_view()]).aliased("seen"))
        .column(Expr::field(["session", "$start_timestamp"]).aliased("start"))
        .column(Expr::field(["session", "$is_bounce"]).aliased("bounced"));
    if let Some(goal) = web.goal() {
        sessions = sessions
            .column(Expr::call("countIf", [goal.clone()]).aliased("conversions"))
            .column(Expr::call("anyIf", [Expr::call("toNullable", [field("person_id")]), goal]).aliased("converted"));
    }
    for (name, part) in names.iter().zip(parts) {
        sessions = sessions.column(part.aliased(name));
    }
    let keys = || names.iter().map(|name| field(name));
    let sessions = sessions.group_by([field("$session_id"), field("start"), field("bounced")].into_iter().chain(keys()));
    let outer = keys().fold(Select::from_query(sessions, None), Select::column).and_where(web.in_any_period(&field("start")));
    let mut columns: Vec<(&'static str, &str, &[&str])> = vec![("visitors", "uniqIf", &["visitor"]), ("views", "sumIf", &["seen"])];
    columns.push(("bounce_rate", "avgIf", &["bounced"]));
    if web.goal().is_some() {
        columns.extend([("total_conversions", "sumIf", &["conversions"] as &[&str]), ("unique_conversions", "uniqIf", &["converted"])]);
    }
    let outer = columns.iter().fold(outer, |select, (name, function, of)| web.per_period(select, function, of, name));
    let outer = outer.group_by(keys()).order_by([field("visitors_0").descending(), field("views_0").descending()]).limit(MOST_GROUPS);
    let columns: Vec<&'static str> = columns.iter().map(|(name, ..)| *name).collect();
    let mut rows = read(web, outer, names.len(), &columns).await?;
    if !shows_missing(query.breakdown) {
        rows.retain(|row| !row.key[needed_part(query.breakdown)].is_null());
    }
    for row in &mut rows {
        let (all, some) = (row.numbers["visitors"], row.numbers.get("unique_conversions").copied().unwrap_or_default());
        let rate = |at: usize| all[at].filter(|all| *all > 0.0).zip(some[at]).map(|(all, some)| some / all);
        row.numbers.insert("conversion_rate", [rate(0), rate(1)]);
    }
    Ok(rows)
}

/// Where visitors clicked in anger, clicked in vain, or met an error.
async fn frustrations(web: &Web<'_>) -> Result<Vec<Row>, Failure> {
    let kinds = [("errors", "$exception"), ("rage_clicks", "$rageclick"), ("dead_clicks", "$dead_click")];
    let path = parts(StatsBreakdown::FrustrationMetrics, web.filters.cleans_paths, web.run)?;
    let is = |event: &str| Expr::eq(Expr::field(["event"]), Expr::constant(event));
    let mut select = web.events()?.and_where(Expr::is_in(Expr::field(["event"]), kinds.map(|(_, event)| Expr::constant(event))));
    for (at, part) in path.into_iter().enumerate() {
        select = select.column(part.aliased(&part_name(at)));
    }
    for (name, event) in kinds {
        for (at, period) in web.periods().enumerate() {
            let counted = Expr::and([is(event), period.has(Expr::field(["session", "$start_timestamp"]))]);
            select = select.column(Expr::call("countIf", [counted]).aliased(&format!("{name}_{at}")));
        }
    }
    let select = select.group_by([Expr::field([part_name(0)])]).limit(MOST_GROUPS);
    let mut rows = read(web, select, 1, &kinds.map(|(name, _)| name)).await?;
    rows.retain(|row| !row.key[0].is_null() && row.numbers.values().flatten().flatten().any(|count| *count > 0.0));
    Ok(rows)
}

/// Keys first, then the numbers of each column for each period.
async fn read(web: &Web<'_>, select: Select, keys: usize, columns: &[&'static str]) -> Result<Vec<Row>, Failure> {
    let found = web.run.select_all("visits", select).await?;
    let width = web.periods().count();
    let rows = cells::rows(&found.batches).map(|(batch, row)| {
        let number = |at: usize| cells::number(batch.column(keys + at), row).filter(|number| number.is_finite());
        let pair = |at: usize| [number(at * width), (width > 1).then(|| number(at * width + 1)).flatten()];
        Row {
            key: (0..keys).map(|at| cells::json(batch.column(at), row, &web.run.calendar)).collect(),
            numbers: columns.iter().enumerate().map(|(at, name)| (*name, pair(at))).collect(),
        }
    });
    Ok(rows.collect())
}

/// The chosen column, then the other counts, then the value.
fn sort(rows: &mut [Row], wanted: &'static str, descending: bool, columns: &[&'static str]) {
    const THEN: &[&str] = &["unique_conversions", "total_conversions", "visitors", "views", "errors", "rage_clicks", "dead_clicks"];
    let number = |row: &Row, column: &str| row.numbers.get(column).and_then(|pair| pair[0]);
    let descend = |a: Option<f64>, b: Option<f64>| b.unwrap_or(f64::NEG_INFINITY).total_cmp(&a.unwrap_or(f64::NEG_INFINITY));
    let text = |row: &Row| row.key.iter().map(ToString::to_string).collect::<Vec<_>>();
    rows.sort_by(|a, b| {
        let (left, right) = (number(a, wanted), number(b, wanted));
        let first = match (descending, left, right) {
            (true, ..) => descend(left, right),
            (false, Some(left), Some(right)) => left.total_cmp(&right),
            // What has no number comes last in both directions.
            (false, ..) => left.is_none().cmp(&right.is_none()),
        };
        let others = THEN.iter().filter(|column| columns.contains(column)).map(|column| descend(number(a, column), number(b, column)));
        std::iter::once(first).chain(others).find(|order| *order != Ordering::Equal).unwrap_or_else(|| text(a).cmp(&text(b)))
    });
}

/// `en-US` and `en-GB` are one row, called by the more frequent of them.
fn by_language(rows: Vec<Row>) -> Vec<Row> {
    let mut merged: Vec<(String, f64, Row)> = Vec::new();
    for row in rows {
        let tag = row.key[0].as_str().unwrap_or_default().to_owned();
        let base = tag.split('-').next().unwrap_or_default().to_lowercase();
        let visitors = row.numbers.get("visitors").and_then(|pair| pair[0]).unwrap_or(0.0);
        let Some((_, most, known)) = merged.iter_mut().find(|(known, ..)| *known == base) else {
            merged.push((base, visitors, row));
            continue;
        };
        if visitors > *most {
            (*most, known.key) = (visitors, row.key);
        }
        for (name, [current, previous]) in row.numbers.into_iter().filter(|(name, _)| !is_rate(name)) {
            let sum = known.numbers.entry(name).or_default();
            let add = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a + b).or(a).or(b);
            *sum = [add(sum[0], current), add(sum[1], previous)];
        }
    }
    merged.into_iter().map(|(.., row)| row).collect()
}
