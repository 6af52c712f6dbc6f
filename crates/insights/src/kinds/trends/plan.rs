//! A trends query settled: dates, buckets, series and breakdowns, before anything runs.

use super::math::Math;
use crate::compare;
use crate::conditions::Subject;
use crate::dates::{Interval, Span};
use crate::failure::Failure;
use crate::formula::Formula;
use crate::nodes::series::{Breakdown, BreakdownFilter, Entity, Series};
use crate::nodes::trends::{Display, TrendsFilter, TrendsQuery};
use crate::run::{Purpose, Run};
use chrono::DateTime;
use chrono_tz::Tz;
use model::Timestamp;
use query::ast::{CompareOp, Expr, Sample, Select};

pub struct Plan {
    pub series: Vec<PlannedSeries>,
    pub current: Period,
    pub previous: Option<Period>,
    pub display: Display,
    pub breakdowns: Vec<Breakdown>,
    /// `breakdowns` was used, so that values are lists.
    pub breakdown_is_list: bool,
    pub breakdown_limit: usize,
    pub hide_other: bool,
    pub smoothing: usize,
    pub formulas: Vec<(Formula, String, Option<String>)>,
    pub sampling: Option<f64>,
    /// Filters that hold for every series.
    conditions: Expr,
}

pub struct PlannedSeries {
    /// Position among the series as asked for.
    pub order: usize,
    pub node: Series,
    pub math: Math,
}

/// A date range and its buckets.
pub struct Period {
    pub span: Span,
    pub lower: DateTime<Tz>,
    pub axis: Vec<DateTime<Tz>>,
}

impl Plan {
    pub async fn settle(run: &Run, node: TrendsQuery) -> Result<Plan, Failure> {
        let filter = node.filter.clone().unwrap_or_default();
        if node.conversion_goal.as_ref().is_some_and(|goal| !goal.is_null()) {
            return Err(Failure::invalid("A conversionGoal is not supported in trends yet"));
        }
        let interval = if filter.display.is_total_value() { Interval::Day } else { node.interval.unwrap_or(Interval::Day) };
        let range = node.date_range.clone().unwrap_or_default();
        let since_ever = range.date_from.as_deref() == Some("all");
        let first = if since_ever { run.first_event().await? } else { None };
        let span = Span::settle(&range, interval, filter.display == Display::BoldNumber, first, &run.calendar);
        let compare = node.compare.clone().unwrap_or_default();
        let previous = compare.is_on().then(|| compare::previous(&span, &compare, &run.calendar));
        let breakdown = node.breakdown.clone().unwrap_or_default();
        let breakdowns = settle_breakdowns(&breakdown, &filter)?;
        let scope = run.scope(Subject::Events);
        let mut conditions = vec![scope.properties(&node.properties.clone().unwrap_or_default())?];
        if node.filter_test_accounts.unwrap_or(false) {
            conditions.push(scope.test_accounts()?);
        }
        let formulas = formulas(&filter, node.series.len())?;
        let mut series = Vec::new();
        for (order, entity) in node.series.iter().enumerate() {
            // There are no actions yet, and PostHog leaves out the series of an action that does not exist.
            if matches!(entity.entity, Entity::Action(_)) {
                continue;
            }
            let math = Math::read(entity, node.aggregation_group_type_index, interval, run)?;
            series.push(PlannedSeries { order, node: entity.clone(), math });
        }
        Ok(Plan {
            series,
            current: Period::of(span, run)?,
            previous: previous.map(|span| Period::of(span, run)).transpose()?,
            display: filter.display,
            breakdown_is_list: breakdown.breakdowns.as_ref().is_some_and(|list| !list.is_empty()),
            breakdown_limit: breakdown_limit(&breakdown, filter.display, run.purpose),
            hide_other: breakdown.breakdown_hide_other_aggregation.unwrap_or(false),
            breakdowns,
            smoothing: filter.smoothing_intervals.unwrap_or(1).clamp(1, 1_000),
            formulas,
            sampling: node.sampling_factor.filter(|factor| *factor > 0.0 && *factor < 1.0),
            conditions: Expr::and(conditions.into_iter().filter(|term| *term != Expr::constant(true))),
        })
    }

    pub fn is_total_value(&self) -> bool {
        self.display.is_total_value()
    }

    /// Periods with the label that their items carry: current first.
    pub fn periods(&self) -> Vec<(&Period, Option<&'static str>)> {
        match &self.previous {
            None => vec![(&self.current, None)],
            Some(previous) => vec![(&self.current, Some("current")), (previous, Some("previous"))],
        }
    }

    /// The events of a series between two instants, both included, with every filter that applies to it.
    pub fn events(&self, series: &PlannedSeries, run: &Run, from: Option<DateTime<Tz>>, to: DateTime<Tz>) -> Result<Select, Failure> {
        Ok(self.entity_events(series, from, to).and_where(self.filters(series, run)?))
    }

    /// The same without any property filter.
    pub fn entity_events(&self, series: &PlannedSeries, from: Option<DateTime<Tz>>, to: DateTime<Tz>) -> Select {
        let at = || Expr::field(["timestamp"]);
        let mut select = Select::from_table("events");
        if let (Some(ratio), Some(table)) = (self.sampling, select.from.as_mut()) {
            table.first.sample = Some(Sample { ratio, offset: None });
        }
        if let Some(from) = from {
            select = select.and_where(Expr::compare(CompareOp::GtEq, at(), instant(from)));
        }
        select = select.and_where(Expr::compare(CompareOp::LtEq, at(), instant(to)));
        if let Entity::Event(Some(event)) = &series.node.entity {
            select = select.and_where(Expr::eq(Expr::field(["event"]), Expr::constant(event)));
        }
        if let Some(condition) = series.math.needs() {
            select = select.and_where(condition);
        }
        select
    }

    pub fn filters(&self, series: &PlannedSeries, run: &Run) -> Result<Expr, Failure> {
        let scope = run.scope(Subject::Events);
        let own = [scope.properties(&series.node.common.properties)?, scope.properties(&series.node.common.fixed_properties)?];
        let terms = own.into_iter().chain([self.conditions.clone()]).filter(|term| *term != Expr::constant(true));
        Ok(Expr::and(terms))
    }
}

impl Period {
    fn of(span: Span, run: &Run) -> Result<Period, Failure> {
        let axis = span.axis(&run.calendar).ok_or_else(|| {
            Failure::invalid(format!("The date range has too many {}s to show. Choose a longer interval.", span.interval.as_str()))
        })?;
        Ok(Period { lower: span.lower(&run.calendar), axis, span })
    }
}

pub fn instant(at: DateTime<Tz>) -> Expr {
    Expr::constant(Timestamp(at.timestamp_micros()))
}

fn settle_breakdowns(filter: &BreakdownFilter, trends: &TrendsFilter) -> Result<Vec<Breakdown>, Failure> {
    let mut breakdowns = filter.list()?;
    if let (Some(bins), [only]) = (trends.histogram_bins, breakdowns.as_mut_slice()) {
        only.histogram_bin_count.get_or_insert(bins);
    }
    if breakdowns.iter().any(|breakdown| breakdown.histogram_bin_count.is_some_and(|bins| bins == 0 || bins > 1_000)) {
        return Err(Failure::invalid("A histogram can have from 1 to 1000 bins"));
    }
    Ok(breakdowns)
}

fn breakdown_limit(filter: &BreakdownFilter, display: Display, purpose: Purpose) -> usize {
    const MOST: u32 = 1_000;
    let default = match (purpose, display) {
        (Purpose::Export, _) => 512,
        (_, Display::WorldMap) => 250,
        _ => 25,
    };
    filter.breakdown_limit.unwrap_or(default).clamp(1, MOST) as usize
}

fn formulas(filter: &TrendsFilter, series: usize) -> Result<Vec<(Formula, String, Option<String>)>, Failure> {
    const MOST: usize = 50;
    if filter.formulas.len() > MOST {
        return Err(Failure::invalid(format!("At most {MOST} formulas are possible")));
    }
    let read = |node: &crate::nodes::trends::FormulaNode| {
        let name = node.custom_name.clone().filter(|name| !name.is_empty());
        Ok((Formula::parse(&node.formula, series)?, node.formula.clone(), name))
    };
    filter.formulas.iter().map(read).collect::<Result<_, String>>().map_err(Failure::Invalid)
}
