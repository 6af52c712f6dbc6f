//! Calendar heatmap: what happens on which day of the week, at which hour.

use super::Answer;
use super::period::{self, Period};
use super::scan::{Scan, also, entity};
use super::trends::Math;
use crate::cells;
use crate::cells::compact_number;
use crate::dates::Interval;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::heatmap::CalendarHeatmapQuery;
use crate::nodes::series::Series;
use crate::run::Run;
use arrow_array::Array;
use query::ast::{Expr, GroupBy, Select};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

struct Settled {
    scan: Scan,
    series: Series,
    period: Period,
    counts: Counts,
    by_session_start: bool,
    left_out: usize,
}

/// What a cell counts.
enum Counts {
    Events,
    /// Distinct values, which do not add up from cell to cell, and the condition that there is one.
    Distinct(Expr, Option<Expr>),
}

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let settled = Settled::read(run, node).await?;
    let rows = run.select_all("heatmap", settled.select(run)?).await?;
    let mut numbers: BTreeMap<(Option<u64>, Option<u64>), f64> = BTreeMap::new();
    for (batch, row) in cells::rows(&rows.batches) {
        let place = |column: usize| {
            let column = batch.column(column);
            if column.is_null(row) { None } else { cells::number(column, row).map(|number| number as u64) }
        };
        let number = cells::number(batch.column(2), row).unwrap_or(0.0);
        numbers.insert((place(0), place(1)), settled.scan.scaled(number as u64));
    }
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), results(&numbers));
    answer.insert("resolved_date_range".to_owned(), settled.period.range());
    if settled.left_out > 0 {
        answer.insert("warnings".to_owned(), json!(["A calendar heatmap is about one series; the others were left out."]));
    }
    Ok(answer)
}

pub async fn time_key(run: &Run, node: &Value) -> Result<Value, Failure> {
    Ok(Settled::read(run, node).await?.period.key())
}

/// Cells have both a row and a column, sums of rows and columns one of them, the sum of all none.
fn results(numbers: &BTreeMap<(Option<u64>, Option<u64>), f64>) -> Value {
    let (mut data, mut of_rows, mut of_columns, mut all) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    for ((row, column), number) in numbers {
        let value = compact_number(*number);
        match (row, column) {
            (Some(row), Some(column)) => data.push(json!({"row": row, "column": column, "value": value})),
            (Some(row), None) => of_rows.push(json!({"row": row, "value": value})),
            (None, Some(column)) => of_columns.push(json!({"column": column, "value": value})),
            (None, None) => all = *number,
        }
    }
    json!({"data": data, "rowAggregations": of_rows, "columnAggregations": of_columns, "allAggregations": compact_number(all)})
}

/// The members of a `TrendsQuery` shown as a heatmap that a `CalendarHeatmapQuery` has, too.
pub fn of_trends(node: &Value) -> Value {
    let members = node.as_object().cloned().unwrap_or_default();
    let kept =
        members.into_iter().filter(|(name, _)| !matches!(name.as_str(), "kind" | "trendsFilter" | "breakdownFilter" | "compareFilter"));
    let mut heatmap: Map<String, Value> = kept.collect();
    heatmap.insert("kind".to_owned(), "CalendarHeatmapQuery".into());
    Value::Object(heatmap)
}

impl Settled {
    async fn read(run: &Run, node: &Value) -> Result<Settled, Failure> {
        let mut query: CalendarHeatmapQuery = nodes::read(node)?;
        let span = period::settle(run, query.date_range.as_ref(), Interval::Day, false).await?;
        let scan = Scan::new(run, query.properties.as_ref(), query.filter_test_accounts, query.sampling_factor)?;
        let left_out = query.series.len() - 1;
        let mut series = query.series.swap_remove(0);
        if let Some(goal) = query.conversion_goal.as_ref().filter(|goal| !goal.is_null()) {
            series.entity = super::goal::read(goal)?;
        }
        let counts = match Math::read(&series, query.aggregation_group_type_index, Interval::Day, run)? {
            Math::Unique { actor, needs } => Counts::Distinct(actor, needs),
            _ => match series.common.math.as_deref().unwrap_or("total") {
                "total" => Counts::Events,
                "unique_session" => Counts::Distinct(Expr::field(["$session_id"]), None),
                other => {
                    let text = format!("A calendar heatmap cannot show \"{other}\"; use total, dau, unique_group or unique_session");
                    return Err(Failure::Invalid(text));
                }
            },
        };
        let by_session_start = query.filter.unwrap_or_default().by_session_start.unwrap_or(true);
        Ok(Settled { scan, series, period: Period::of(span, run)?, counts, by_session_start, left_out })
    }

    /// `weekday`, `hour`, `value`: of cells, and with NULL for sums over weekdays, hours or both.
    fn select(&self, run: &Run) -> Result<Select, Failure> {
        let field = |name: &str| Expr::field([name]);
        let mut events = also(self.scan.between(Some(self.period.lower), self.period.span.to), entity(&self.series, run)?);
        events = also(events, self.scan.filters(&self.series, run)?);
        let actor = match &self.counts {
            Counts::Events => None,
            Counts::Distinct(actor, needs) => {
                events = needs.iter().cloned().fold(events, Select::and_where);
                Some(actor.clone())
            }
        };
        let (from, at, value) = match (self.by_session_start, actor) {
            (false, None) => (events, field("timestamp"), Expr::call("count", [])),
            (false, Some(actor)) => (events, field("timestamp"), Expr::count_distinct(actor)),
            (true, actor) => {
                let value = match actor {
                    Some(_) => Expr::count_distinct(field("actor")),
                    None => Expr::call("sum", [field("times")]),
                };
                (Select::from_query(sessions(events, actor), None), field("first_at"), value)
            }
        };
        let mut select = from
            .column(Expr::call("toDayOfWeek", [at.clone()]).aliased("weekday"))
            .column(Expr::call("toHour", [at]).aliased("hour"))
            .column(value.aliased("value"));
        select.group_by = GroupBy::Cube(vec![field("weekday"), field("hour")]);
        Ok(select)
    }
}

/// `first_at` and `times` of every session (of every actor in it). An event without a session is one of its own.
fn sessions(events: Select, actor: Option<Expr>) -> Select {
    let field = |name: &str| Expr::field([name]);
    let session = Expr::call("ifNull", [field("$session_id"), Expr::call("toString", [field("uuid")])]);
    let keys: Vec<Expr> = actor.map(|actor| actor.aliased("actor")).into_iter().chain([session.aliased("session")]).collect();
    let names: Vec<Expr> = keys.iter().filter_map(|key| key.alias().map(field)).collect();
    keys.into_iter()
        .fold(events, Select::column)
        .column(Expr::call("min", [field("timestamp")]).aliased("first_at"))
        .column(Expr::call("count", []).aliased("times"))
        .group_by(names)
}
