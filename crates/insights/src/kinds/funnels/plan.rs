//! A funnel settled: steps, dates, window, actors and breakdown, before anything runs.

use super::check::check;
use crate::compare;
use crate::dates::{Interval, Span};
use crate::failure::Failure;
use crate::kinds::period::{self, Period};
use crate::kinds::scan::{Scan, group_key, named};
use crate::nodes::funnels::{AttributionType, FunnelExclusion, FunnelView, FunnelsFilter, FunnelsQuery, StepOrder, WindowUnit};
use crate::nodes::series::{Breakdown, Series};
use crate::run::{Purpose, Run};
use behaviour::{Attribution, EXCLUSIONS_MAX, Exclusion, FunnelOrder, FunnelPlan, FunnelWant, Periods};
use query::ast::Expr;

pub struct Funnel {
    pub steps: Vec<Series>,
    pub order: StepOrder,
    pub view: FunnelView,
    pub current: Span,
    pub previous: Option<Span>,
    pub actor: Expr,
    pub group_type_index: Option<u8>,
    pub breakdowns: Vec<Breakdown>,
    /// Values of the breakdown that have a place of their own.
    pub limit: usize,
    pub hide_other: bool,
    pub bins: Option<usize>,
    /// Steps that trends and times are about, 0-based.
    pub from: usize,
    pub to: usize,
    pub scan: Scan,
    /// Each with the entities that must not happen there.
    pub exclusions: Vec<(Exclusion, Vec<Series>)>,
    attribution: Attribution,
    window_us: i64,
}

impl Funnel {
    pub async fn settle(run: &Run, query: FunnelsQuery) -> Result<Funnel, Failure> {
        let filter = query.filter.unwrap_or_default();
        check(&query.series, &filter)?;
        let current = period::settle(run, query.date_range.as_ref(), query.interval.unwrap_or(Interval::Day), false).await?;
        let compare = query.compare.unwrap_or_default();
        let breakdown = query.breakdown.unwrap_or_default();
        // Times of all actors are one distribution, however they break down.
        let breakdowns = if filter.view == FunnelView::TimeToConvert { Vec::new() } else { breakdown.list()? };
        let last = query.series.len() - 1;
        Ok(Funnel {
            previous: compare.is_on().then(|| compare::previous(&current, &compare, &run.calendar)),
            current,
            actor: actor(query.aggregation_group_type_index, filter.aggregate_by.as_deref(), run)?,
            group_type_index: query.aggregation_group_type_index,
            limit: limit(&breakdowns, breakdown.breakdown_limit, run.purpose),
            hide_other: breakdown.breakdown_hide_other_aggregation.unwrap_or(false),
            attribution: if breakdowns.is_empty() { Attribution::None } else { attribution(&filter) },
            breakdowns,
            bins: filter.bins.map(|bins| bins.clamp(1, 90) as usize),
            from: filter.from_step.map_or(0, |step| step as usize),
            to: filter.to_step.map_or(last, |step| step as usize),
            window_us: window(&filter)?,
            exclusions: exclusions(filter.exclusions)?,
            scan: Scan::new(run, query.properties.as_ref(), query.filter_test_accounts, query.sampling_factor)?,
            steps: query.series.into_iter().map(|step| named(step, run)).collect(),
            order: filter.order,
            view: filter.view,
        })
    }

    /// The spans to compute, each with the label that its items carry: current first.
    pub fn spans(&self) -> impl Iterator<Item = (&Span, Option<&'static str>)> {
        let label = |label| self.previous.as_ref().map(|_| label);
        std::iter::once((&self.current, label("current"))).chain(self.previous.iter().map(move |span| (span, label("previous"))))
    }

    pub fn plan(&self, want: FunnelWant) -> FunnelPlan {
        let optional = self.steps.iter().enumerate().filter(|(_, step)| step.common.optional_in_funnel);
        FunnelPlan {
            steps: self.steps.len(),
            order: match self.order {
                StepOrder::Ordered => FunnelOrder::Ordered,
                StepOrder::Strict => FunnelOrder::Strict,
                StepOrder::Unordered => FunnelOrder::Unordered,
            },
            window_us: self.window_us,
            optional: optional.fold(0, |mask, (step, _)| mask | 1 << step),
            exclusions: self.exclusions.iter().map(|(exclusion, _)| *exclusion).collect(),
            attribution: self.attribution,
            want,
        }
    }

    /// The same funnel without its breakdown.
    pub fn undivided(self) -> Funnel {
        Funnel { breakdowns: Vec::new(), attribution: Attribution::None, ..self }
    }

    /// The buckets of a trend.
    pub fn period(&self, span: &Span, run: &Run) -> Result<Period, Failure> {
        Period::of(*span, run)
    }

    pub fn trend(&self, periods: &Period, run: &Run) -> FunnelWant {
        FunnelWant::Trends { from: self.from, to: self.to, periods: Periods::new(periods.bounds(run)) }
    }
}

fn actor(group: Option<u8>, text: Option<&str>, run: &Run) -> Result<Expr, Failure> {
    if let Some(index) = group {
        return group_key(index);
    }
    if let Some(text) = text.filter(|text| text.trim() != "person_id") {
        return query::parse_expr(text).map_err(|error| Failure::Invalid(format!("funnelAggregateByHogQL: {error}")));
    }
    let by_distinct_id = run.team.settings.get("aggregate_users_by_distinct_id").and_then(serde_json::Value::as_bool).unwrap_or(false);
    Ok(Expr::field([if by_distinct_id { "distinct_id" } else { "person_id" }]))
}

fn attribution(filter: &FunnelsFilter) -> Attribution {
    match filter.attribution {
        AttributionType::FirstTouch => Attribution::FirstTouch,
        AttributionType::LastTouch => Attribution::LastTouch,
        AttributionType::AllEvents => Attribution::AllEvents,
        AttributionType::Step => Attribution::Step(filter.attribution_step.unwrap_or(0) as usize),
    }
}

fn window(filter: &FunnelsFilter) -> Result<i64, Failure> {
    const DEFAULT: i64 = 14;
    const LONGEST_SECONDS: i64 = 100 * 366 * 86_400;
    let count = filter.window.unwrap_or(DEFAULT);
    let unit_seconds = match filter.window_unit {
        WindowUnit::Second => 1,
        WindowUnit::Minute => 60,
        WindowUnit::Hour => 3_600,
        WindowUnit::Day => 86_400,
        WindowUnit::Week => 7 * 86_400,
        WindowUnit::Month => 31 * 86_400,
    };
    match count.checked_mul(unit_seconds) {
        Some(seconds) if (1..=LONGEST_SECONDS).contains(&seconds) => Ok(seconds * 1_000_000),
        _ => Err(Failure::invalid("funnelWindowInterval must be at least 1, and the window at most a century long.")),
    }
}

/// Exclusions between the same steps are one.
fn exclusions(asked: Vec<FunnelExclusion>) -> Result<Vec<(Exclusion, Vec<Series>)>, Failure> {
    const MOST: usize = 100;
    if asked.len() > MOST {
        return Err(Failure::Invalid(format!("A funnel can have at most {MOST} exclusions.")));
    }
    let mut merged: Vec<(Exclusion, Vec<Series>)> = Vec::new();
    for FunnelExclusion { entity, from_step, to_step } in asked {
        let exclusion = Exclusion { from: from_step as usize, to: to_step as usize };
        match merged.iter_mut().find(|(known, _)| *known == exclusion) {
            Some((_, entities)) => entities.push(entity),
            None => merged.push((exclusion, vec![entity])),
        }
    }
    match merged.len() > EXCLUSIONS_MAX {
        true => {
            Err(Failure::Invalid(format!("The exclusions of a funnel can be between at most {EXCLUSIONS_MAX} different pairs of steps.")))
        }
        false => Ok(merged),
    }
}

/// Only values of properties are put together as "Other"; the other kinds are merely bounded.
fn limit(breakdowns: &[Breakdown], asked: Option<u32>, purpose: Purpose) -> usize {
    const MOST: u32 = 1_000;
    let is_limited = |breakdown: &Breakdown| matches!(breakdown.kind.as_deref().unwrap_or("event"), "event" | "person" | "group");
    let usual = if purpose == Purpose::Export { 512 } else { 25 };
    match breakdowns.iter().all(is_limited) {
        true => asked.unwrap_or(usual).clamp(1, MOST) as usize,
        false => MOST as usize,
    }
}
