//! Breakdowns: the expressions that split a series, which values are shown, and what they are called.

use super::lines::{Computed, Key, Points};
use super::plan::{Plan, PlannedSeries};
use crate::cells;
use crate::conditions::{Subject, plain_text, to_float};
use crate::failure::Failure;
use crate::kinds::paths::cleaned;
use crate::kinds::period::Period;
use crate::nodes::series::Breakdown;
use crate::run::Run;
use arrow_array::RecordBatch;
use query::PropertyType;
use query::ast::{CompareOp, Constant, Expr, ExprKind};
use serde_json::{Value, json};

pub const NULL: &str = "$$_posthog_breakdown_null_$$";
pub const OTHER: &str = "$$_posthog_breakdown_other_$$";
const NULL_LABEL: &str = "None (i.e. no value)";
const OTHER_LABEL: &str = "Other (i.e. all remaining values)";

/// Text of a row's value; NULL when there is none.
#[derive(Clone, Debug)]
pub struct BreakdownExpr {
    pub expr: Expr,
}

/// What a line stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LineKey {
    /// The series is not broken down.
    Whole,
    Values(Key),
    /// All values beyond the limit.
    Other,
}

pub struct Line {
    pub key: LineKey,
    pub data: Vec<f64>,
}

pub fn name(index: usize) -> String {
    format!("breakdown_{}", index + 1)
}

/// The breakdown values of a row; they start at column `offset`.
pub fn key(batch: &RecordBatch, row: usize, offset: usize, count: usize) -> Key {
    let text = |index: usize| cells::text(batch.column(offset + index), row).filter(|text| !text.is_empty()).map(str::to_owned);
    (0..count).map(text).collect()
}

pub async fn expressions(plan: &Plan, series: &PlannedSeries, period: &Period, run: &Run) -> Result<Vec<BreakdownExpr>, Failure> {
    let mut expressions = Vec::new();
    for breakdown in &plan.breakdowns {
        let expr = match breakdown.histogram_bin_count {
            Some(bins) => histogram(plan, series, period, breakdown, bins, run).await?,
            None => text(breakdown, plan.clean_paths, run)?,
        };
        expressions.push(BreakdownExpr { expr });
    }
    Ok(expressions)
}

/// The value itself, in its own type.
pub fn value(breakdown: &Breakdown, run: &Run) -> Result<(Expr, PropertyType), Failure> {
    let key = plain_text(&breakdown.property);
    let kind = breakdown.kind.as_deref().unwrap_or("event");
    if kind == "hogql" {
        // What follows ` -- ` is a display name.
        let text = key.split(" -- ").next().unwrap_or_default();
        return Ok((query::parse_expr(text)?, PropertyType::DateTime));
    }
    if kind == "cohort" {
        return Err(Failure::invalid("Breakdowns by cohort are not possible here"));
    }
    if kind.starts_with("data_warehouse") {
        return Err(Failure::invalid(format!("Breakdowns of type \"{kind}\" are not supported yet")));
    }
    Ok(run.scope(Subject::Events).read(kind, &key, breakdown.group_type_index)?)
}

fn text(breakdown: &Breakdown, clean: bool, run: &Run) -> Result<Expr, Failure> {
    let (value, kind) = value(breakdown, run)?;
    let text = if kind == PropertyType::String { value } else { Expr::call("toString", [value]) };
    let text = if clean { cleaned(text, run)? } else { text };
    if !breakdown.normalize_url.unwrap_or(false) {
        return Ok(Expr::call("nullIf", [text, Expr::constant("")]));
    }
    let trimmed = || Expr::call("trimRight", [text.clone(), Expr::constant("/?#")]);
    let rooted = Expr::call("if", [Expr::eq(trimmed(), Expr::constant("")), Expr::constant("/"), trimmed()]);
    Ok(Expr::call("if", [Expr::is_null(text.clone()), Expr::null(), rooted]))
}

/// The bin that a row's number falls into, as the text `[low,high]`.
async fn histogram(
    plan: &Plan,
    series: &PlannedSeries,
    period: &Period,
    breakdown: &Breakdown,
    bins: u32,
    run: &Run,
) -> Result<Expr, Failure> {
    let (value, kind) = value(breakdown, run)?;
    let number = if kind == PropertyType::Numeric { value } else { to_float(value) };
    let bounds = plan.events(series, run, Some(period.lower), period.span.to)?;
    let bounds = ["min", "max"].iter().fold(bounds, |select, end| select.column(Expr::call(end, [number.clone()]).aliased(end)));
    let rows = run.select_all("histogram bounds", bounds).await?;
    let first = cells::rows(&rows.batches).next();
    let bound = |column: usize| first.and_then(|(batch, row)| cells::number(batch.column(column), row)).filter(|bound| bound.is_finite());
    let (Some(low), Some(high)) = (bound(0), bound(1)) else { return Ok(Expr::call("toString", [Expr::null()])) };
    let mut branches = Vec::new();
    for (from, to) in bin_edges(low, high, bins) {
        let inside = [
            Expr::compare(CompareOp::GtEq, number.clone(), Expr::constant(from)),
            Expr::compare(CompareOp::Lt, number.clone(), Expr::constant(to)),
        ];
        branches.extend([Expr::and(inside), Expr::constant(bin_text(from, to))]);
    }
    branches.push(Expr::null());
    Ok(Expr::call("multiIf", branches))
}

/// Equal widths; the last edge is a little higher so that the largest number is inside.
fn bin_edges(low: f64, high: f64, bins: u32) -> Vec<(f64, f64)> {
    let edge = |index: u32| match index {
        _ if index == bins => high + 0.01,
        _ => low + (high - low) * f64::from(index) / f64::from(bins),
    };
    let edges: Vec<(f64, f64)> = (0..bins).map(|index| (edge(index), edge(index + 1))).collect();
    if low == high { vec![(low, high + 0.01)] } else { edges }
}

fn bin_text(from: f64, to: f64) -> String {
    format!("[{},{}]", cells::compact_number(from), cells::compact_number(to))
}

/// The lines to show, in their order, and whether some were put together as "other".
pub fn shown(computed: Computed, plan: &Plan, width: usize) -> (Vec<Line>, bool) {
    let Computed { lines, rest: summed } = computed;
    let dense = |points: &[(usize, f64)]| {
        let mut data = vec![0.0; width];
        points.iter().for_each(|(at, value)| data[*at] += value);
        data
    };
    if plan.breakdowns.is_empty() {
        let points = lines.values().next().map(Vec::as_slice).unwrap_or_default();
        return (vec![Line { key: LineKey::Whole, data: dense(points) }], false);
    }
    let mut ranked: Vec<(Key, Points, f64)> = lines
        .into_iter()
        .map(|(key, points)| {
            let sum = points.iter().map(|(_, value)| value).sum();
            (key, points, sum)
        })
        .collect();
    let total = plan.is_total_value();
    ranked.sort_by(|a, b| {
        // In time series a missing value ranks behind all others, however often it occurs.
        let missing = |key: &Key| !total && key.iter().any(Option::is_none);
        missing(&a.0).cmp(&missing(&b.0)).then(b.2.total_cmp(&a.2)).then_with(|| a.0.cmp(&b.0))
    });
    let rest = ranked.split_off(plan.breakdown_limit.min(ranked.len()));
    ranked.sort_by_key(|(key, ..)| key.iter().any(Option::is_none));
    let mut shown: Vec<Line> =
        ranked.into_iter().map(|(key, points, _)| Line { data: dense(&points), key: LineKey::Values(key) }).collect();
    // A value that occurs without ever counting (a missing one, mostly) is no line.
    shown.retain(|line| {
        !matches!(&line.key, LineKey::Values(key) if key.iter().all(Option::is_none)) || line.data.iter().any(|value| *value != 0.0)
    });
    let has_other = !rest.is_empty() || summed.as_ref().is_some_and(|points| !points.is_empty());
    if has_other && !plan.hide_other {
        let others: Points = rest.into_iter().flat_map(|(_, points, _)| points).chain(summed.unwrap_or_default()).collect();
        shown.push(Line { key: LineKey::Other, data: dense(&others) });
    }
    (shown, has_other)
}

impl LineKey {
    /// Real values first, then those with a missing part, then "other".
    pub fn class(&self) -> u8 {
        match self {
            LineKey::Other => 2,
            LineKey::Values(key) if key.iter().any(Option::is_none) => 1,
            _ => 0,
        }
    }

    /// `breakdown_value` of a result item.
    pub fn value(&self, plan: &Plan) -> Option<Value> {
        let texts = self.texts(plan, NULL, OTHER)?;
        Some(if plan.breakdown_is_list || texts.len() > 1 { json!(texts) } else { json!(texts[0]) })
    }

    pub fn label(&self, plan: &Plan) -> Option<String> {
        Some(self.texts(plan, NULL_LABEL, OTHER_LABEL)?.join("::"))
    }

    fn texts(&self, plan: &Plan, null: &str, other: &str) -> Option<Vec<String>> {
        match self {
            LineKey::Whole => None,
            LineKey::Values(key) => Some(key.iter().map(|part| part.clone().unwrap_or_else(|| null.to_owned())).collect()),
            LineKey::Other => Some(vec![other.to_owned(); plan.breakdowns.len()]),
        }
    }
}

/// Restricts rows to those behind a `breakdown_value`. "Other" restricts nothing, as in PostHog.
pub fn condition(expressions: &[BreakdownExpr], chosen: &Value) -> Result<Vec<Expr>, Failure> {
    let chosen: Vec<String> = match chosen {
        Value::Array(list) => list.iter().map(plain_text).collect(),
        Value::Null => vec![NULL.to_owned()],
        other => vec![plain_text(other)],
    };
    if chosen.len() != expressions.len() {
        return Err(Failure::invalid(format!("`breakdown` needs {} values", expressions.len())));
    }
    let mut conditions = Vec::new();
    for (expression, chosen) in expressions.iter().zip(chosen) {
        let expr = expression.expr.clone();
        match chosen.as_str() {
            OTHER => {}
            NULL => conditions.push(Expr::is_null(expr)),
            text => conditions.push(Expr::eq(expr, Expr::constant(text))),
        }
    }
    Ok(conditions.into_iter().filter(|condition| condition.kind != ExprKind::Constant(Constant::Bool(true))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_the_largest_number() {
        let texts: Vec<String> = bin_edges(1.0, 11.0, 2).into_iter().map(|(from, to)| bin_text(from, to)).collect();
        assert_eq!(texts, ["[1,6]", "[6,11.01]"]);
        assert_eq!(bin_edges(5.0, 5.0, 10), [(5.0, 5.01)]);
    }
}
