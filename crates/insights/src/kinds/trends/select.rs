//! The tree that computes one series over one period.

use super::breakdown::{self, BreakdownExpr};
use super::math::Math;
use super::plan::{Plan, PlannedSeries};
use crate::conditions::to_float;
use crate::dates::Interval;
use crate::failure::Failure;
use crate::kinds::period::Period;
use crate::kinds::scan::instant;
use crate::nodes::trends::Display;
use crate::run::Run;
use chrono::DateTime;
use chrono_tz::Tz;
use query::ast::{CompareOp, Expr, Select};

/// What is asked about one series.
pub struct Asked<'a> {
    pub plan: &'a Plan,
    pub series: &'a PlannedSeries,
    pub period: &'a Period,
    pub breakdowns: &'a [BreakdownExpr],
    pub run: &'a Run,
}

fn field(name: &str) -> Expr {
    Expr::field([name])
}

fn count() -> Expr {
    Expr::call("count", [])
}

impl Asked<'_> {
    /// `bucket` (unless one number is asked for), `breakdown_n`…, `value`.
    pub fn select(&self) -> Result<Select, Failure> {
        let from = self.period.lower;
        Ok(match &self.series.math {
            Math::Aggregate { expr, .. } => self.valued(self.rows(from)?, expr.clone()),
            // Every actor counts once, in the first bucket with an event of theirs.
            Math::Unique { actor, .. } if self.plan.display == Display::ActionsLineGraphCumulative => {
                let first = Expr::call("min", [field("timestamp")]).aliased("first_at");
                let inner = self.with_breakdowns(self.events(from)?).column(first).column(actor.clone().aliased("actor"));
                let inner = inner.group_by(self.breakdown_names().chain([field("actor")]));
                self.valued(self.bucketed(Select::from_query(inner, None), field("first_at")), count())
            }
            Math::Unique { actor, .. } => self.valued(self.rows(from)?, Expr::count_distinct(actor.clone())),
            // Only asked for one number: who was active in the days before the end.
            Math::Active { actor, days, .. } => {
                let from = self.run.calendar.shift_days(self.period.span.to, -days);
                self.valued(self.rows(from)?, Expr::count_distinct(actor.clone()))
            }
            Math::PerActor { actor, over, .. } => self.in_two_steps(actor.clone(), count(), |times| over.of(to_float(times)))?,
            Math::PerSession { value, over } => {
                let once = Expr::call("max", [value.clone()]);
                self.in_two_steps(field("$session_id"), once, |value| over.of(value))?
            }
            Math::First { .. } => self.valued(self.bucketed(Select::from_query(self.first_events()?, None), field("first_at")), count()),
        })
    }

    /// One row per actor whose first event counts: `actor`, `first_at`, `breakdown_n`….
    pub fn first_events(&self) -> Result<Select, Failure> {
        let Math::First { actor, matching, .. } = &self.series.math else {
            return Err(Failure::invalid("This series does not count first events"));
        };
        let at = || field("timestamp");
        let filters = self.plan.filters(self.series, self.run)?;
        let mut inner = self.plan.entity_events(self.series, self.run, None, self.period.span.to)?;
        if *matching {
            inner = inner.and_where(filters.clone());
        }
        let passing = if *matching { Expr::call("min", [at()]) } else { Expr::call("minIf", [at(), filters]) };
        inner = inner.column(actor.clone().aliased("actor")).column(Expr::call("min", [at()]).aliased("first_at"));
        inner = inner.column(passing.aliased("first_passing"));
        for (index, breakdown) in self.breakdowns.iter().enumerate() {
            // The breakdown value of the event that counts.
            inner = inner.column(Expr::call("argMin", [breakdown.expr.clone(), at()]).aliased(&breakdown::name(index)));
        }
        let outer = Select::from_query(inner.group_by([field("actor")]), None).column(field("actor")).column(field("first_at"));
        let outer = self.breakdown_names().fold(outer, Select::column);
        let in_range = Expr::compare(CompareOp::GtEq, field("first_at"), instant(self.period.lower));
        Ok(outer.and_where(Expr::eq(field("first_at"), field("first_passing"))).and_where(in_range))
    }

    /// First one number per bucket, breakdown value and `unit`, then one over the units.
    fn in_two_steps(&self, unit: Expr, each: Expr, over: impl FnOnce(Expr) -> Expr) -> Result<Select, Failure> {
        let inner = self.rows(self.period.lower)?.column(unit.aliased("unit")).column(each.aliased("each"));
        let inner = inner.group_by(self.keys().into_iter().chain([field("unit")]));
        let outer = Select::from_query(inner, None);
        let outer = if self.plan.is_total_value() { outer } else { outer.column(field("bucket")) };
        Ok(self.valued(self.breakdown_names().fold(outer, Select::column), over(field("each"))))
    }

    fn events(&self, from: DateTime<Tz>) -> Result<Select, Failure> {
        self.plan.events(self.series, self.run, Some(from), self.period.span.to)
    }

    /// The events with their bucket and breakdown values.
    fn rows(&self, from: DateTime<Tz>) -> Result<Select, Failure> {
        let events = self.events(from)?;
        let events = if self.plan.is_total_value() { events } else { events.column(self.bucket(field("timestamp"))) };
        Ok(self.with_breakdowns(events))
    }

    /// The rows of an inner select with the bucket of `at`, and the breakdown values as they are named there.
    fn bucketed(&self, select: Select, at: Expr) -> Select {
        let select = if self.plan.is_total_value() { select } else { select.column(self.bucket(at)) };
        self.breakdown_names().fold(select, Select::column)
    }

    fn bucket(&self, at: Expr) -> Expr {
        bucket(at, self.period.span.interval).aliased("bucket")
    }

    fn with_breakdowns(&self, select: Select) -> Select {
        let named = self.breakdowns.iter().enumerate().map(|(index, breakdown)| breakdown.expr.clone().aliased(&breakdown::name(index)));
        named.fold(select, Select::column)
    }

    fn breakdown_names(&self) -> impl Iterator<Item = Expr> {
        (0..self.breakdowns.len()).map(|index| field(&breakdown::name(index)))
    }

    fn keys(&self) -> Vec<Expr> {
        let bucket = (!self.plan.is_total_value()).then(|| field("bucket"));
        bucket.into_iter().chain(self.breakdown_names()).collect()
    }

    /// One `value` per bucket and breakdown value.
    fn valued(&self, select: Select, value: Expr) -> Select {
        let select = select.column(value.aliased("value"));
        let keys = self.keys();
        if keys.is_empty() { select } else { select.group_by(keys) }
    }
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
