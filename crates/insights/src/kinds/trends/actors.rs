//! Who is behind a point of a trends insight.

use super::breakdown;
use super::math::Math;
use super::plan::{Plan, PlannedSeries};
use super::select::Asked;
use crate::failure::Failure;
use crate::kinds::period::Period;
use crate::kinds::scan::instant;
use crate::nodes;
use crate::nodes::tables::InsightActorsQuery;
use crate::nodes::trends::{Display, TrendsQuery};
use crate::run::Run;
use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use query::ast::{CompareOp, Expr, ExprKind, Select};
use serde_json::Value;

/// The actors as a select of `actor_id` and `event_count` (and `event_distinct_ids` when asked for), and the group type when
/// they are groups.
pub struct Actors {
    pub select: Select,
    pub group_type_index: Option<u8>,
}

pub async fn select(run: &Run, query: &InsightActorsQuery, with_distinct_ids: bool) -> Result<Actors, Failure> {
    let trends: TrendsQuery = nodes::read(nodes::unwrap(&query.source)?)?;
    let plan = Plan::settle(run, trends).await?;
    let order = query.series.unwrap_or(0);
    let Some(series) = plan.series.iter().find(|series| series.order == order) else {
        return Err(Failure::invalid(format!("The insight has no series {order}")));
    };
    let period = match (query.compare.as_deref(), &plan.previous) {
        (Some("previous"), Some(previous)) => previous,
        (Some("previous"), None) => return Err(Failure::invalid("The insight compares to no previous period")),
        _ => &plan.current,
    };
    let (from, to) = match bucket(&plan, period, query.day.as_ref(), run)? {
        // Up to the bucket, as the number says.
        Some(start) if plan.display == Display::ActionsLineGraphCumulative && !matches!(series.math, Math::Active { .. }) => {
            (period.lower, window(&series.math, start, period, run).1)
        }
        Some(start) => window(&series.math, start, period, run),
        None => whole(&series.math, period, run),
    };
    let breakdowns = breakdown::expressions(&plan, series, period, run).await?;
    let chosen = match &query.breakdown {
        Some(value) if !breakdowns.is_empty() => breakdown::condition(&breakdowns, value)?,
        _ => Vec::new(),
    };
    let actor = series.math.actor().cloned().unwrap_or_else(|| Expr::field(["person_id"]));
    let group_type_index = group_index(&actor);
    let select = match &series.math {
        Math::First { .. } if with_distinct_ids => {
            return Err(Failure::invalid("event_distinct_ids are not known for first-time maths"));
        }
        Math::First { .. } => first(&plan, series, period, (from, to), &breakdowns, query.breakdown.as_ref(), run)?,
        _ => {
            let mut events = plan.events(series, run, Some(from), to)?;
            for condition in chosen {
                events = events.and_where(condition);
            }
            let mut select = events.column(actor.aliased("actor_id")).column(Expr::call("count", []).aliased("event_count"));
            if with_distinct_ids {
                let distinct_ids = Expr::call("groupUniqArray", [Expr::field(["distinct_id"])]);
                select = select.column(distinct_ids.aliased("event_distinct_ids"));
            }
            select.group_by([Expr::field(["actor_id"])])
        }
    };
    Ok(Actors { select, group_type_index })
}

fn group_index(actor: &Expr) -> Option<u8> {
    let ExprKind::Field(path) = &actor.kind else { return None };
    path.last()?.strip_prefix("$group_")?.parse().ok()
}

fn first(
    plan: &Plan,
    series: &PlannedSeries,
    period: &Period,
    (from, to): (DateTime<Tz>, DateTime<Tz>),
    breakdowns: &[breakdown::BreakdownExpr],
    chosen: Option<&Value>,
    run: &Run,
) -> Result<Select, Failure> {
    let at = || Expr::field(["first_at"]);
    let mut select = Select::from_query(Asked { plan, series, period, breakdowns, run }.first_events()?, None)
        .column(Expr::field(["actor"]).aliased("actor_id"))
        .column(Expr::call("count", []).aliased("event_count"))
        .and_where(Expr::compare(CompareOp::GtEq, at(), instant(from)))
        .and_where(Expr::compare(CompareOp::LtEq, at(), instant(to)));
    if let Some(chosen) = chosen.filter(|_| !breakdowns.is_empty()) {
        let columns: Vec<_> =
            (0..breakdowns.len()).map(|index| breakdown::BreakdownExpr { expr: Expr::field([breakdown::name(index)]) }).collect();
        for condition in breakdown::condition(&columns, chosen)? {
            select = select.and_where(condition);
        }
    }
    Ok(select.group_by([Expr::field(["actor_id"])]))
}

/// Where the clicked bucket starts. `None` for insights without buckets.
fn bucket(plan: &Plan, period: &Period, day: Option<&Value>, run: &Run) -> Result<Option<DateTime<Tz>>, Failure> {
    if plan.is_total_value() {
        return Ok(None);
    }
    match day {
        None | Some(Value::Null) => Ok(None),
        Some(day) => period.start_of(day, run).map(Some),
    }
}

/// First and last instant of the events behind the bucket that starts at `start`.
fn window(math: &Math, start: DateTime<Tz>, period: &Period, run: &Run) -> (DateTime<Tz>, DateTime<Tz>) {
    let interval = period.span.interval;
    let end = run.calendar.next(start, interval) - TimeDelta::microseconds(1);
    match math {
        // Active users were active in the days up to the bucket (to the first day of a longer one).
        Math::Active { days, .. } if interval.is_shorter_than_a_day() => (end + TimeDelta::microseconds(1) - TimeDelta::days(*days), end),
        Math::Active { days, .. } => (run.calendar.shift_days(start, 1 - days), run.calendar.end_of_day(start)),
        _ => (start.max(period.lower), end.min(period.span.to)),
    }
}

fn whole(math: &Math, period: &Period, run: &Run) -> (DateTime<Tz>, DateTime<Tz>) {
    match math {
        Math::Active { days, .. } => (run.calendar.shift_days(period.span.to, -days), period.span.to),
        _ => (period.lower, period.span.to),
    }
}
