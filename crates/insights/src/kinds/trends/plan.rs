//! A trends query settled: dates, buckets, series and breakdowns, before anything runs.

use super::math::Math;
use crate::compare;
use crate::dates::Interval;
use crate::failure::Failure;
use crate::formula::Formula;
use crate::kinds::goal;
use crate::kinds::period::{self, Period};
use crate::kinds::scan::{self, Scan, also};
use crate::nodes::series::{Breakdown, BreakdownFilter, Common, Series};
use crate::nodes::trends::{Display, TrendsFilter, TrendsQuery};
use crate::run::{Purpose, Run};
use chrono::DateTime;
use chrono_tz::Tz;
use query::ast::{CompareOp, Expr, Select};
use serde_json::Value;

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
    pub scan: Scan,
    /// Cleans the texts of breakdowns by the project's rules for paths.
    pub clean_paths: bool,
    pub warnings: Vec<String>,
    goal: Option<Expr>,
}

pub struct PlannedSeries {
    /// Position among the series as asked for.
    pub order: usize,
    pub node: Series,
    pub math: Math,
}

impl Plan {
    pub async fn settle(run: &Run, node: TrendsQuery) -> Result<Plan, Failure> {
        let filter = node.filter.clone().unwrap_or_default();
        let interval = if filter.display.is_total_value() { Interval::Day } else { node.interval.unwrap_or(Interval::Day) };
        let span = period::settle(run, node.date_range.as_ref(), interval, filter.display == Display::BoldNumber).await?;
        let compare = node.compare.clone().unwrap_or_default();
        let previous = compare.is_on().then(|| compare::previous(&span, &compare, &run.calendar));
        let breakdown = node.breakdown.clone().unwrap_or_default();
        let breakdowns = settle_breakdowns(&breakdown, &filter)?;
        let scan = Scan::new(run, node.properties.as_ref(), node.filter_test_accounts, node.sampling_factor)?;
        let formulas = formulas(&filter, node.series.len())?;
        let mut series = Vec::new();
        for (order, entity) in node.series.iter().enumerate() {
            // PostHog leaves out the series of an action that does not exist.
            if !scan::exists(entity, run) {
                continue;
            }
            let math = Math::read(entity, node.aggregation_group_type_index, interval, run)?;
            series.push(PlannedSeries { order, node: scan::named(entity.clone(), run), math });
        }
        let current = Period::of(span, run)?;
        let previous = previous.map(|span| Period::of(span, run)).transpose()?;
        Ok(Plan {
            goal: goal(node.conversion_goal.as_ref(), &series, &current, previous.as_ref(), &scan, run)?,
            clean_paths: breakdown.breakdown_path_cleaning.unwrap_or(false),
            warnings: scan::left_out(&node.series, series.iter().map(|series| series.order)),
            current,
            previous,
            series,
            display: filter.display,
            breakdown_is_list: breakdown.breakdowns.as_ref().is_some_and(|list| !list.is_empty()),
            breakdown_limit: breakdown_limit(&breakdown, filter.display, run.purpose),
            hide_other: breakdown.breakdown_hide_other_aggregation.unwrap_or(false),
            breakdowns,
            smoothing: filter.smoothing_intervals.unwrap_or(1).clamp(1, 1_000),
            formulas,
            scan,
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
        Ok(also(self.entity_events(series, run, from, to)?, self.filters(series, run)?))
    }

    /// The same without the filters of the insight.
    pub fn entity_events(
        &self,
        series: &PlannedSeries,
        run: &Run,
        from: Option<DateTime<Tz>>,
        to: DateTime<Tz>,
    ) -> Result<Select, Failure> {
        let select = also(self.scan.between(from, to), scan::entity(&series.node, run)?);
        Ok(match series.math.needs() {
            Some(condition) => select.and_where(condition),
            None => select,
        })
    }

    pub fn filters(&self, series: &PlannedSeries, run: &Run) -> Result<Expr, Failure> {
        let filters = self.scan.filters(&series.node, run)?;
        Ok(scan::all_of(std::iter::once(filters).chain(self.goal.clone())))
    }
}

/// Only sessions in which the goal was reached count.
fn goal(
    goal: Option<&Value>,
    series: &[PlannedSeries],
    current: &Period,
    previous: Option<&Period>,
    scan: &Scan,
    run: &Run,
) -> Result<Option<Expr>, Failure> {
    let Some(goal) = goal.filter(|goal| !goal.is_null()) else { return Ok(None) };
    if series.iter().any(|series| matches!(series.math, Math::First { .. })) {
        return Err(Failure::invalid("A conversionGoal cannot be combined with maths of first events"));
    }
    let reached = Series { entity: goal::read(goal)?, common: Common::default() };
    let session = || Expr::field(["$session_id"]);
    // Sessions may begin before the range and end after it.
    let from = run.calendar.shift_days(previous.map_or(current.lower, |previous| previous.lower.min(current.lower)), -1);
    let to = run.calendar.shift_days(previous.map_or(current.span.to, |previous| previous.span.to.max(current.span.to)), 1);
    let sessions = also(scan.between(Some(from), to), scan::entity(&reached, run)?).and_where(Expr::is_not_null(session()));
    Ok(Some(Expr::compare(CompareOp::In, session(), Expr::subquery(sessions.column(session())))))
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
