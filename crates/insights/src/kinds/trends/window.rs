//! Active users: who did something in the days up to each bucket.

use super::breakdown::{self, BreakdownExpr};
use super::lines::{Key, Lines};
use super::plan::{Plan, PlannedSeries};
use super::select::bucket;
use crate::cells;
use crate::dates::Interval;
use crate::failure::Failure;
use crate::kinds::period::Period;
use crate::run::{Rows, Run};
use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use indexmap::IndexMap;
use query::ast::{Call, CompareOp, Expr, ExprKind, Over, Select, WindowSpec};

/// A trailing window, counted in steps of a day, an hour or a minute.
pub struct Window {
    unit: Interval,
    /// Steps in the window.
    length: usize,
    /// Starts of all steps from the first that can matter to the last.
    steps: Vec<DateTime<Tz>>,
    to: DateTime<Tz>,
}

impl Window {
    pub fn new(days: i64, period: &Period, run: &Run) -> Window {
        let calendar = &run.calendar;
        let (unit, per_day) = match period.span.interval {
            Interval::Minute => (Interval::Minute, 1_440),
            Interval::Hour => (Interval::Hour, 24),
            _ => (Interval::Day, 1),
        };
        let length = (days * per_day) as usize;
        let first = period.axis.first().copied().unwrap_or(period.lower);
        let mut at = match unit {
            Interval::Day => calendar.shift_days(first, 1 - days),
            Interval::Hour => first - TimeDelta::hours(length as i64 - 1),
            _ => first - TimeDelta::minutes(length as i64 - 1),
        };
        let mut steps = Vec::new();
        while at <= period.span.to {
            steps.push(at);
            at = calendar.next(at, unit);
        }
        Window { unit, length, steps, to: period.span.to }
    }

    /// Per step: for how many actors a stretch of activity begins, and for how many one ends.
    ///
    /// An actor's activity at step s makes them count in s … s+length-1. Where two such stretches touch they are one, so
    /// only activity with a gap of at least the window's length before (or after) it begins (or ends) a stretch.
    pub fn select(&self, plan: &Plan, series: &PlannedSeries, breakdowns: &[BreakdownExpr], run: &Run) -> Result<Select, Failure> {
        let actor = series.math.actor().cloned().unwrap_or_else(|| Expr::field(["person_id"]));
        let names: Vec<String> = (0..breakdowns.len()).map(breakdown::name).collect();
        let fields = || names.iter().map(|name| Expr::field([name]));
        let mut active = plan.events(series, run, self.steps.first().copied(), self.to)?;
        active = active.column(bucket(Expr::field(["timestamp"]), self.unit).aliased("step"));
        for (breakdown, name) in breakdowns.iter().zip(&names) {
            active = active.column(breakdown.expr.clone().aliased(name));
        }
        active =
            active.column(actor.aliased("actor")).group_by([Expr::field(["step"]), Expr::field(["actor"])].into_iter().chain(fields()));
        let neighbour = |function: &str| {
            let spec = WindowSpec {
                partition_by: std::iter::once(Expr::field(["actor"])).chain(fields()).collect(),
                order_by: vec![Expr::field(["step"]).ascending()],
                frame: None,
            };
            let call =
                Call { name: function.to_owned(), args: vec![Expr::field(["step"])], over: Some(Over::Spec(spec)), ..Call::default() };
            Expr::new(ExprKind::Call(Box::new(call)))
        };
        let mut around = Select::from_query(active, None).column(Expr::field(["step"]));
        around = fields().fold(around, Select::column);
        around = around.column(neighbour("lag").aliased("before")).column(neighbour("lead").aliased("after"));
        let far = |from: &str, to: &str| {
            let distance = Expr::call("dateDiff", [Expr::constant(self.unit.as_str()), Expr::field([from]), Expr::field([to])]);
            Expr::compare(CompareOp::GtEq, distance, Expr::constant(self.length as i64))
        };
        let begins = Expr::or([Expr::is_null(Expr::field(["before"])), far("before", "step")]);
        let ends = Expr::or([Expr::is_null(Expr::field(["after"])), far("step", "after")]);
        let mut counted = Select::from_query(around, None).column(Expr::field(["step"]));
        counted = fields().fold(counted, Select::column);
        counted = counted.column(Expr::call("countIf", [begins]).aliased("begin")).column(Expr::call("countIf", [ends]).aliased("end"));
        Ok(counted.group_by(std::iter::once(Expr::field(["step"])).chain(fields())))
    }

    pub fn lines(&self, rows: &Rows, breakdowns: usize, period: &Period, run: &Run) -> Result<Lines, Failure> {
        let mut changes: IndexMap<Key, Vec<(usize, f64)>> = IndexMap::new();
        for (batch, row) in cells::rows(&rows.batches) {
            let at = cells::instant(batch.column(0), row, &run.calendar).map(|at| run.calendar.floor(at, self.unit));
            let Some(step) = at.and_then(|at| self.steps.binary_search(&at).ok()) else { continue };
            let number = |column: usize| cells::number(batch.column(1 + breakdowns + column), row).unwrap_or(0.0);
            let line = changes.entry(breakdown::key(batch, row, 1, breakdowns)).or_default();
            line.extend([(step, number(0)), (step + self.length, -number(1))]);
        }
        const MOST: usize = 100_000_000;
        if changes.len().saturating_mul(self.steps.len()) > MOST {
            return Err(Failure::invalid(
                "The breakdown has too many different values for active users. Choose another property or fewer days.",
            ));
        }
        let positions: Vec<Option<usize>> = period.axis.iter().map(|bucket| self.steps.binary_search(bucket).ok()).collect();
        let mut counts = vec![0.0; self.steps.len()];
        let mut lines = Lines::new();
        for (key, changes) in changes {
            counts.fill(0.0);
            for (step, change) in changes {
                if let Some(count) = counts.get_mut(step) {
                    *count += change;
                }
            }
            let mut sum = 0.0;
            for count in &mut counts {
                sum += *count;
                *count = sum;
            }
            let shown = positions.iter().enumerate().filter_map(|(at, step)| Some((at, counts[(*step)?])));
            let line: Vec<(usize, f64)> = shown.filter(|(_, count)| *count != 0.0).collect();
            if !line.is_empty() {
                lines.insert(key, line);
            }
        }
        Ok(lines)
    }
}
