//! One series over one period: the tree that computes it, and its rows as lines.

use super::breakdown::{self, BreakdownExpr};
use super::crowd;
use super::math::Math;
use super::plan::{Period, Plan, PlannedSeries, instant};
use crate::cells;
use crate::dates::Interval;
use crate::failure::Failure;
use crate::nodes::trends::Display;
use crate::run::{Rows, Run};
use arrow_array::RecordBatch;
use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use indexmap::IndexMap;
use query::ast::{Call, CompareOp, Expr, ExprKind, Over, Query, Select, WindowSpec};

/// The values of a breakdown; one per breakdown, `None` where there is no value.
pub type Key = Vec<Option<String>>;

/// Numbers by breakdown value, each with the position of its bucket (0 for total values). Sparse: there may be many
/// values, of which few are shown.
pub type Lines = IndexMap<Key, Points>;
pub type Points = Vec<(usize, f64)>;

/// Lines by value, and the sum of the values that the store put together already.
pub struct Computed {
    pub lines: Lines,
    pub rest: Option<Points>,
}

/// How the rows of one series and period are laid out, and how many there may be.
pub struct Tables<'a> {
    pub breakdowns: usize,
    pub has_buckets: bool,
    /// Values to show.
    pub limit: usize,
    most_groups: usize,
    period: &'a Period,
    run: &'a Run,
}

impl Tables<'_> {
    pub fn bounded(&self, select: Select) -> Query {
        select.limit(self.most_groups as i64 + 1).into()
    }

    fn overflows(&self, rows: &Rows) -> bool {
        rows.count() > self.most_groups
    }

    pub fn check_size(&self, rows: &Rows) -> Result<(), Failure> {
        match self.overflows(rows) {
            true => Err(Failure::invalid("The answer has too many points. Choose a longer interval, fewer days or fewer values.")),
            false => Ok(()),
        }
    }

    /// The place of a row's bucket. `None` for rows outside the axis.
    pub fn position(&self, batch: &RecordBatch, row: usize) -> Option<usize> {
        if !self.has_buckets {
            return Some(0);
        }
        let at = cells::instant(batch.column(0), row, &self.run.calendar)?;
        self.period.axis.binary_search(&self.run.calendar.floor(at, self.period.span.interval)).ok()
    }
}

pub async fn compute(plan: &Plan, series: &PlannedSeries, period: &Period, run: &Run) -> Result<Computed, Failure> {
    let breakdowns = breakdown::expressions(plan, series, period, run).await?;
    let step = format!("series {}", series.order);
    let tables = Tables {
        breakdowns: breakdowns.len(),
        has_buckets: !plan.is_total_value(),
        limit: plan.breakdown_limit,
        most_groups: run.most_groups(),
        period,
        run,
    };
    let mut rest = None;
    let mut lines = match &series.math {
        Math::Active { days, .. } if !plan.is_total_value() => {
            let window = Window::new(*days, period, run);
            let rows = run.select_all(&step, tables.bounded(window.select(plan, series, &breakdowns, run)?)).await?;
            tables.check_size(&rows)?;
            window.lines(&rows, breakdowns.len(), period, run)?
        }
        _ => {
            let select = select(plan, series, period, &breakdowns, run)?;
            let rows = run.select_all(&step, tables.bounded(select.clone())).await?;
            match tables.overflows(&rows) {
                true if !breakdowns.is_empty() => {
                    let (lines, others) = crowd::compute(select, &tables, run).await?;
                    rest = Some(others);
                    lines
                }
                _ => read(&rows, &tables),
            }
        }
    };
    if let Some(factor) = plan.sampling.filter(|_| series.math.scales()) {
        lines.values_mut().chain(&mut rest).flatten().for_each(|(_, value)| *value = (*value / factor).round());
    }
    Ok(Computed { lines, rest })
}

/// `bucket` (unless total), `breakdown_n`…, `value`.
pub fn select(plan: &Plan, series: &PlannedSeries, period: &Period, breakdowns: &[BreakdownExpr], run: &Run) -> Result<Select, Failure> {
    let interval = period.span.interval;
    let total = plan.is_total_value();
    let events = |from| plan.events(series, run, from, period.span.to);
    let at = || Expr::field(["timestamp"]);
    let by_bucket = |select: Select, at: Expr| if total { select } else { select.column(bucket(at, interval).aliased("bucket")) };
    let with_breakdowns = |select: Select| {
        breakdowns
            .iter()
            .enumerate()
            .fold(select, |select, (index, breakdown)| select.column(breakdown.expr.clone().aliased(&breakdown::name(index))))
    };
    let names: Vec<String> = (0..breakdowns.len()).map(breakdown::name).collect();
    let pass_breakdowns = |select: Select| names.iter().fold(select, |select, name| select.column(Expr::field([name])));
    let keys = |bucket: bool| -> Vec<Expr> {
        let first = (bucket && !total).then(|| Expr::field(["bucket"]));
        first.into_iter().chain(names.iter().map(|name| Expr::field([name]))).collect()
    };
    let finish = |select: Select, value: Expr| grouped(select.column(value.aliased("value")), keys(true));
    let count = || Expr::call("count", []);
    Ok(match &series.math {
        Math::Aggregate { expr, .. } => finish(with_breakdowns(by_bucket(events(Some(period.lower))?, at())), expr.clone()),
        // Every actor counts once, in the first bucket with an event of theirs.
        Math::Unique { actor, .. } if plan.display == Display::ActionsLineGraphCumulative => {
            let inner = with_breakdowns(events(Some(period.lower))?).column(Expr::call("min", [at()]).aliased("first_at"));
            let inner = inner.column(actor.clone().aliased("actor"));
            let inner = grouped(inner, keys(false).into_iter().chain([Expr::field(["actor"])]).collect());
            finish(pass_breakdowns(by_bucket(Select::from_query(inner, None), Expr::field(["first_at"]))), count())
        }
        Math::Unique { actor, .. } => {
            finish(with_breakdowns(by_bucket(events(Some(period.lower))?, at())), Expr::count_distinct(actor.clone()))
        }
        // Only reached for total values: who was active in the days before the end.
        Math::Active { actor, days, .. } => {
            let from = run.calendar.shift_days(period.span.to, -days);
            finish(with_breakdowns(events(Some(from))?), Expr::count_distinct(actor.clone()))
        }
        Math::PerActor { actor, over, .. } => {
            let inner = with_breakdowns(by_bucket(events(Some(period.lower))?, at()));
            let inner = inner.column(actor.clone().aliased("actor")).column(count().aliased("times"));
            let inner = grouped(inner, keys(true).into_iter().chain([Expr::field(["actor"])]).collect());
            let outer = Select::from_query(inner, None);
            let outer = if total { outer } else { outer.column(Expr::field(["bucket"])) };
            finish(pass_breakdowns(outer), over.of(crate::conditions::to_float(Expr::field(["times"]))))
        }
        Math::PerSession { value, over } => {
            let inner = with_breakdowns(by_bucket(events(Some(period.lower))?, at()));
            let inner = inner
                .column(Expr::field(["$session_id"]).aliased("session_key"))
                .column(Expr::call("max", [value.clone()]).aliased("session_value"));
            let inner = grouped(inner, keys(true).into_iter().chain([Expr::field(["session_key"])]).collect());
            let outer = Select::from_query(inner, None);
            let outer = if total { outer } else { outer.column(Expr::field(["bucket"])) };
            finish(pass_breakdowns(outer), over.of(Expr::field(["session_value"])))
        }
        Math::First { .. } => {
            let firsts = first_events(plan, series, period, breakdowns, run)?;
            let outer = by_bucket(Select::from_query(firsts, None), Expr::field(["first_at"]));
            finish(pass_breakdowns(outer), count())
        }
    })
}

/// One row per actor whose first event counts: `actor`, `first_at`, `breakdown_n`….
pub fn first_events(
    plan: &Plan,
    series: &PlannedSeries,
    period: &Period,
    breakdowns: &[BreakdownExpr],
    run: &Run,
) -> Result<Select, Failure> {
    let Math::First { actor, matching, .. } = &series.math else {
        return Err(Failure::invalid("This series does not count first events"));
    };
    let at = || Expr::field(["timestamp"]);
    let filters = plan.filters(series, run)?;
    let mut inner = plan.entity_events(series, None, period.span.to);
    if *matching {
        inner = inner.and_where(filters.clone());
    }
    let mut inner = inner.column(actor.clone().aliased("actor")).column(Expr::call("min", [at()]).aliased("first_at"));
    let passing = if *matching { Expr::call("min", [at()]) } else { Expr::call("minIf", [at(), filters]) };
    inner = inner.column(passing.aliased("first_passing"));
    for (index, breakdown) in breakdowns.iter().enumerate() {
        // The breakdown value of the event that counts.
        inner = inner.column(Expr::call("argMin", [breakdown.expr.clone(), at()]).aliased(&breakdown::name(index)));
    }
    inner = inner.group_by([Expr::field(["actor"])]);
    let mut outer = Select::from_query(inner, None).column(Expr::field(["actor"])).column(Expr::field(["first_at"]));
    for index in 0..breakdowns.len() {
        outer = outer.column(Expr::field([breakdown::name(index)]));
    }
    Ok(outer.and_where(Expr::eq(Expr::field(["first_at"]), Expr::field(["first_passing"]))).and_where(Expr::compare(
        CompareOp::GtEq,
        Expr::field(["first_at"]),
        instant(period.lower),
    )))
}

fn grouped(select: Select, keys: Vec<Expr>) -> Select {
    if keys.is_empty() { select } else { select.group_by(keys) }
}

pub fn bucket(at: Expr, interval: Interval) -> Expr {
    let function = match interval {
        Interval::Minute => "toStartOfMinute",
        Interval::Hour => "toStartOfHour",
        Interval::Day => "toStartOfDay",
        Interval::Week => "toStartOfWeek",
        Interval::Month => "toStartOfMonth",
    };
    Expr::call(function, [at])
}

fn read(rows: &Rows, tables: &Tables) -> Lines {
    let offset = usize::from(tables.has_buckets);
    let mut lines = Lines::new();
    for (batch, row) in cells::rows(&rows.batches) {
        let Some(position) = tables.position(batch, row) else { continue };
        let value = cells::number(batch.column(offset + tables.breakdowns), row).filter(|value| value.is_finite()).unwrap_or(0.0);
        lines.entry(breakdown::key(batch, row, offset, tables.breakdowns)).or_default().push((position, value));
    }
    lines
}

/// A trailing window, counted in steps of a day, an hour or a minute.
struct Window {
    unit: Interval,
    /// Steps in the window.
    length: usize,
    /// Starts of all steps from the first that can matter to the last.
    steps: Vec<DateTime<Tz>>,
    to: DateTime<Tz>,
}

impl Window {
    fn new(days: i64, period: &Period, run: &Run) -> Window {
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
    fn select(&self, plan: &Plan, series: &PlannedSeries, breakdowns: &[BreakdownExpr], run: &Run) -> Result<Select, Failure> {
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

    fn lines(&self, rows: &Rows, breakdowns: usize, period: &Period, run: &Run) -> Result<Lines, Failure> {
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
