//! One number per entity: what its events after the exposure come to.

use super::settings::Settings;
use super::sums::{self, Found, Pair, VariantSums};
use super::trial::{Trial, of_exposed};
use crate::cells;
use crate::conditions::to_float;
use crate::dates::Interval;
use crate::failure::Failure;
use crate::kinds::funnels::rows::condition;
use crate::kinds::scan::also;
use crate::kinds::trends::math::{Math, Statistic};
use crate::nodes::series::Series;
use crate::run::Run;
use query::ast::{Call, CompareOp, Expr, ExprKind, Select};
use statistics::Measure;
use statistics::winsorise::{Bounds, Percentiles};
use std::collections::HashMap;

/// Which events count, and what an entity's come to.
pub struct Amount {
    pub condition: Expr,
    what: What,
}

enum What {
    /// An aggregate over events.
    Aggregate(Expr),
    /// One number per session, then over sessions.
    PerSession { value: Expr, over: Statistic },
}

impl Amount {
    pub fn of(series: &Series, run: &Run) -> Result<Amount, Failure> {
        let math = Math::read(series, None, Interval::Day, run)?;
        let needs = math.needs();
        let what = match math {
            Math::Aggregate { expr, .. } => What::Aggregate(aggregated(expr)),
            Math::Unique { actor, .. } | Math::Active { actor, .. } => What::Aggregate(Expr::count_distinct(actor)),
            Math::PerActor { .. } => What::Aggregate(Expr::call("count", [])),
            Math::PerSession { value, over } => What::PerSession { value, over },
            Math::First { .. } => {
                return Err(Failure::invalid(
                    "First-time maths are not supported in metrics of experiments; use total, sum or another math.",
                ));
            }
        };
        let condition = Expr::and([condition(series, run)?].into_iter().chain(needs));
        Ok(Amount { condition, what })
    }

    fn is_per_session(&self) -> bool {
        matches!(self.what, What::PerSession { .. })
    }

    /// The aggregate over those events of a group for which the condition holds.
    fn over(&self, condition: Option<Expr>) -> Result<Expr, Failure> {
        let What::Aggregate(aggregate) = &self.what else {
            return Err(Failure::invalid("Properties of sessions are not supported in ratio metrics."));
        };
        let mut aggregate = aggregate.clone();
        if let Some(condition) = condition {
            only_where(&mut aggregate, &condition);
        }
        Ok(number(aggregate))
    }
}

/// A missing number is a zero.
fn number(expr: Expr) -> Expr {
    Expr::call("ifNull", [to_float(expr), Expr::constant(0.0)])
}

const AGGREGATES: &[&str] =
    &["count", "sum", "avg", "min", "max", "uniq", "any", "anylast", "median", "quantile", "argmin", "argmax", "stddevpop", "stddevsamp"];

fn is_aggregate(call: &Call) -> bool {
    let name = call.name.to_ascii_lowercase();
    AGGREGATES.contains(&name.strip_suffix("if").unwrap_or(&name))
}

/// HogQL of a client's own; without an aggregate in it, its values are added up.
fn aggregated(mut expr: Expr) -> Expr {
    let mut found = false;
    expr.visit_mut(&mut |expr| found |= matches!(&expr.kind, ExprKind::Call(call) if is_aggregate(call)));
    if found { expr } else { Expr::call("sum", [to_float(expr)]) }
}

/// Every aggregate looks only at events for which the condition holds.
fn only_where(expr: &mut Expr, condition: &Expr) {
    expr.visit_mut(&mut |expr| {
        if let ExprKind::Call(call) = &mut expr.kind
            && is_aggregate(call)
        {
            call.filter = Some(match call.filter.take() {
                Some(own) => Expr::and([own, condition.clone()]),
                None => condition.clone(),
            });
        }
    });
}

fn of_each_entity(select: Select) -> Select {
    select
        .column(of_exposed("variant").aliased("variant"))
        .column(of_exposed("entity").aliased("entity"))
        .group_by([of_exposed("variant"), of_exposed("entity")])
}

pub async fn mean(
    trial: &Trial,
    source: &Series,
    percentiles: Percentiles,
    threshold: Option<f64>,
    settings: &Settings,
    run: &Run,
) -> Result<Found, Failure> {
    let amount = Amount::of(source, run)?;
    if let Some(threshold) = threshold {
        return reaching(trial, &amount, threshold, run).await;
    }
    let lookback = settings.cuped_seconds.filter(|_| !amount.is_per_session());
    let bounds = match percentiles.lower.is_some() || percentiles.upper.is_some() {
        true => bounds(trial, &amount, percentiles, run).await?,
        false => Bounds::default(),
    };
    let values = drawn_in(amounts(trial, &amount, lookback, run)?, bounds, lookback.is_some());
    let pair = if lookback.is_some() { Pair::Covariate } else { Pair::None };
    let variants = sums::added_up(values, pair, bounds.clamp(0.0), trial, run).await?;
    Ok(Found { measure: Measure::Mean, counted: false, variants, bounds })
}

/// Entities whose value is at least the threshold.
async fn reaching(trial: &Trial, amount: &Amount, threshold: f64, run: &Run) -> Result<Found, Failure> {
    let reached = Expr::compare(CompareOp::GtEq, Expr::field(["y"]), Expr::constant(threshold));
    let values = Select::from_query(amounts(trial, amount, None, run)?, Some("amounts"))
        .column(Expr::field(["variant"]))
        .column(to_float(Expr::call("if", [reached, Expr::constant(1), Expr::constant(0)])).aliased("y"));
    let absent = f64::from(u8::from(0.0 >= threshold));
    let variants = sums::added_up(values, Pair::None, absent, trial, run).await?;
    Ok(Found { measure: Measure::Proportion, counted: true, variants, bounds: Bounds::default() })
}

/// `variant`, `entity` and `y` of entities that did something; with a look back, `x`: the same from before.
pub fn amounts(trial: &Trial, amount: &Amount, lookback: Option<i64>, run: &Run) -> Result<Select, Failure> {
    if let What::PerSession { value, over } = &amount.what {
        return per_session(trial, amount, value, *over, run);
    }
    let events = also(trial.events(lookback.unwrap_or(0), run)?, amount.condition.clone());
    let Some(lookback) = lookback else {
        return Ok(of_each_entity(events.and_where(trial.counts())).column(amount.over(None)?.aliased("y")));
    };
    let (counts, before) = (trial.counts(), trial.came_before(lookback));
    Ok(of_each_entity(events.and_where(Expr::or([counts.clone(), before.clone()])))
        .column(amount.over(Some(counts))?.aliased("y"))
        .column(amount.over(Some(before))?.aliased("x")))
}

/// Every event of a session tells the same of it: it counts once.
fn per_session(trial: &Trial, amount: &Amount, value: &Expr, over: Statistic, run: &Run) -> Result<Select, Failure> {
    let session = || Expr::field(["events", "$session_id"]);
    let sessions = also(trial.events(0, run)?, amount.condition.clone())
        .and_where(trial.counts())
        .column(of_exposed("variant").aliased("variant"))
        .column(of_exposed("entity").aliased("entity"))
        .column(Expr::call("max", [value.clone()]).aliased("amount"))
        .group_by([of_exposed("variant"), of_exposed("entity"), session()]);
    let field = |name: &str| Expr::field([name]);
    Ok(Select::from_query(sessions, Some("sessions"))
        .column(field("variant"))
        .column(field("entity"))
        .column(number(over.of(field("amount"))).aliased("y"))
        .group_by([field("variant"), field("entity")]))
}

/// Quantiles of the values of all entities together.
async fn bounds(trial: &Trial, amount: &Amount, percentiles: Percentiles, run: &Run) -> Result<Bounds, Failure> {
    let field = |name: &str| Expr::field([name]);
    let counted = Select::from_query(amounts(trial, amount, None, run)?, Some("amounts"))
        .column(field("y"))
        .column(Expr::call("count", []).aliased("entities"))
        .group_by([field("y")]);
    let rows = run.select_all("bounds", counted).await?;
    let mut values: Vec<(f64, u64)> = cells::rows(&rows.batches)
        .filter_map(|(batch, row)| Some((cells::number(batch.column(0), row)?, cells::number(batch.column(1), row)? as u64)))
        .collect();
    let exposed: HashMap<String, u64> = sums::exposures(trial, run).await?;
    let all: u64 = trial.experiment.variants.iter().filter_map(|variant| exposed.get(&variant.key)).sum();
    let active: u64 = values.iter().map(|(_, count)| count).sum();
    values.push((0.0, all.saturating_sub(active)));
    Ok(Bounds::of(values, percentiles))
}

fn drawn_in(values: Select, bounds: Bounds, with_covariate: bool) -> Select {
    if bounds == Bounds::default() {
        return values;
    }
    let clamped = |name: &str| {
        let mut value = Expr::field([name]);
        if let Some(upper) = bounds.upper {
            value = Expr::call("least", [value, Expr::constant(upper)]);
        }
        if let Some(lower) = bounds.lower {
            value = Expr::call("greatest", [value, Expr::constant(lower)]);
        }
        value.aliased(name)
    };
    let select = Select::from_query(values, Some("amounts")).column(Expr::field(["variant"])).column(clamped("y"));
    if with_covariate { select.column(clamped("x")) } else { select }
}

pub async fn ratio(trial: &Trial, numerator: &Series, denominator: &Series, run: &Run) -> Result<Found, Failure> {
    let (above, below) = (Amount::of(numerator, run)?, Amount::of(denominator, run)?);
    let either = Expr::or([above.condition.clone(), below.condition.clone()]);
    let values = of_each_entity(trial.events(0, run)?.and_where(either).and_where(trial.counts()))
        .column(above.over(Some(above.condition.clone()))?.aliased("y"))
        .column(below.over(Some(below.condition.clone()))?.aliased("x"));
    let variants: HashMap<String, VariantSums> = sums::added_up(values, Pair::Denominator, 0.0, trial, run).await?;
    Ok(Found { measure: Measure::Ratio, counted: false, variants, bounds: Bounds::default() })
}
