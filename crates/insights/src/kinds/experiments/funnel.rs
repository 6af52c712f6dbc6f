//! Funnels: the exposure is the first step, and the metric's steps follow.

use super::settings::Settings;
use super::sums::{self, Found, VariantSums};
use super::trial::{Trial, of_exposed};
use crate::cells;
use crate::failure::Failure;
use crate::kinds::funnels::rows::condition;
use crate::kinds::scan::also;
use crate::nodes::series::Series;
use crate::run::Run;
use behaviour::{Attribution, FunnelAnswer, FunnelGroup, FunnelOrder, FunnelPlan, FunnelWant, Plan};
use events::Behaved;
use query::ast::{ArithmeticOp, CompareOp, Expr, Join, JoinConstraint, JoinKind, Select, TableRef, TableSource};
use statistics::winsorise::Bounds;
use statistics::{Beside, Measure, Sums};
use std::collections::HashMap;

/// Without a window, a century.
const LONGEST_SECONDS: i64 = 100 * 366 * 86_400;

/// Each step follows the one before it, within the conversion window after an exposure.
pub async fn ordered(trial: &Trial, steps: &[Series], settings: &Settings, run: &Run) -> Result<Found, Failure> {
    let (answer, behaved) = walked(trial, steps, settings.cuped_seconds, FunnelWant::Steps, run).await?;
    let mut variants: HashMap<String, VariantSums> = HashMap::new();
    for variant in &trial.experiment.variants {
        let covariate = settings.cuped_seconds.map(|_| Beside::default());
        let sums = Sums { covariate, ..Sums::default() };
        variants.insert(variant.key.clone(), VariantSums { sums, steps: Some(vec![0; steps.len()]) });
    }
    for group in &answer.groups {
        let texts = behaved.keys.get(group.key as usize).map(Vec::as_slice).unwrap_or_default();
        if let Some(found) = texts.first().and_then(|variant| variants.get_mut(variant)) {
            add(found, group, texts.get(1).is_some_and(|before| before == "1"));
        }
    }
    Ok(Found { measure: Measure::Proportion, counted: true, variants, bounds: Bounds::default() })
}

/// Entities of one variant that are alike in what they did before.
fn add(found: &mut VariantSums, group: &FunnelGroup, did_before: bool) {
    let (entered, converted) = (group.counts.first().copied().unwrap_or(0), group.counts.last().copied().unwrap_or(0) as f64);
    let sums = &mut found.sums;
    sums.n += entered;
    sums.sum += converted;
    sums.sum_squares += converted;
    if let Some(covariate) = sums.covariate.as_mut().filter(|_| did_before) {
        covariate.sum += entered as f64;
        covariate.sum_squares += entered as f64;
        covariate.sum_products += converted;
    }
    for (step, count) in found.steps.iter_mut().flatten().zip(group.counts.iter().skip(1)) {
        *step += count;
    }
}

pub async fn walked(
    trial: &Trial,
    steps: &[Series],
    lookback: Option<i64>,
    want: FunnelWant,
    run: &Run,
) -> Result<(FunnelAnswer, Behaved), Failure> {
    let optional = steps.iter().enumerate().filter(|(_, step)| step.common.optional_in_funnel);
    let plan = FunnelPlan {
        steps: steps.len() + 1,
        order: FunnelOrder::Ordered,
        window_us: trial.window_seconds.unwrap_or(LONGEST_SECONDS) * 1_000_000,
        optional: optional.fold(0, |mask, (step, _)| mask | 2 << step),
        exclusions: Vec::new(),
        attribution: Attribution::FirstTouch,
        want,
    };
    let mut behaved = run.behave("funnel", rows(trial, steps, lookback, run)?, Plan::Funnel(plan)).await?;
    match &mut behaved.answer {
        behaviour::Answer::Funnel(answer) => Ok((std::mem::take(answer), behaved)),
        _ => Err(anyhow::anyhow!("the store answered another plan").into()),
    }
}

/// Exposures and steps of exposed entities; the first key is the variant, the second whether the last step was done before.
fn rows(trial: &Trial, steps: &[Series], lookback: Option<i64>, run: &Run) -> Result<Select, Failure> {
    let (exposure, _) = trial.exposure(run)?;
    let conditions = steps.iter().map(|step| condition(step, run)).collect::<Result<Vec<_>, _>>()?;
    let mut select = trial
        .events(0, run)?
        .and_where(Expr::or([exposure.clone()].into_iter().chain(conditions.iter().cloned())))
        .and_where(trial.counts())
        .column(of_exposed("entity").aliased("actor"))
        .column(Expr::field(["timestamp"]).aliased("at"))
        .column(exposure.aliased("c0"))
        .column(of_exposed("variant").aliased("k0"));
    if let (Some(lookback), Some(last)) = (lookback, conditions.last()) {
        select = with_earlier(select, trial, lookback, last.clone(), run)?;
    }
    Ok(conditions.into_iter().enumerate().fold(select, |select, (at, condition)| select.column(condition.aliased(&format!("c{}", at + 1)))))
}

/// Joins who did the last step before their exposure.
fn with_earlier(mut select: Select, trial: &Trial, lookback: i64, last_step: Expr, run: &Run) -> Result<Select, Failure> {
    let earlier = also(trial.events(lookback, run)?, last_step)
        .and_where(trial.came_before(lookback))
        .column(of_exposed("entity").aliased("entity"))
        .column(Expr::call("count", []).aliased("times"))
        .group_by([of_exposed("entity")]);
    let table = TableRef { alias: Some("earlier".to_owned()), ..TableRef::new(TableSource::Query(Box::new(earlier.into()))) };
    let on = Expr::eq(of_exposed("entity"), Expr::field(["earlier", "entity"]));
    if let Some(from) = select.from.as_mut() {
        from.joins.push(Join { kind: JoinKind::Left, strictness: None, table, constraint: Some(JoinConstraint::On(on)) });
    }
    let did = Expr::compare(CompareOp::Gt, Expr::call("ifNull", [Expr::field(["earlier", "times"]), Expr::constant(0)]), Expr::constant(0));
    Ok(select.column(Expr::call("if", [did, Expr::constant("1"), Expr::constant("0")]).aliased("k1")))
}

/// All steps in any order, after the first exposure.
pub async fn unordered(trial: &Trial, steps: &[Series], run: &Run) -> Result<Found, Failure> {
    let exposed = sums::exposures(trial, run).await?;
    let select = Select::from_query(steps_done(trial, steps, run)?, Some("entities"))
        .column(Expr::field(["variant"]))
        .column(Expr::field(["done"]))
        .column(Expr::call("count", []).aliased("entities"))
        .group_by([Expr::field(["variant"]), Expr::field(["done"])]);
    let rows = run.select_all("funnel", select).await?;
    let mut reached: HashMap<String, Vec<u64>> = HashMap::new();
    for (batch, row) in cells::rows(&rows.batches) {
        let Some(variant) = cells::text(batch.column(0), row) else { continue };
        let number = |column: usize| cells::number(batch.column(column), row).unwrap_or(0.0) as u64;
        let counts = reached.entry(variant.to_owned()).or_insert_with(|| vec![0; steps.len()]);
        counts.iter_mut().take(number(1) as usize).for_each(|count| *count += number(2));
    }
    let of = |key: &String| {
        let counts = reached.get(key).cloned().unwrap_or_else(|| vec![0; steps.len()]);
        let sum = counts.last().copied().unwrap_or(0) as f64;
        let sums = Sums { n: exposed.get(key).copied().unwrap_or(0), sum, sum_squares: sum, ..Sums::default() };
        VariantSums { sums, steps: Some(counts) }
    };
    let variants = trial.experiment.variants.iter().map(|variant| (variant.key.clone(), of(&variant.key))).collect();
    Ok(Found { measure: Measure::Proportion, counted: true, variants, bounds: Bounds::default() })
}

/// `variant`, `entity`, and how many of the steps each entity did.
pub fn steps_done(trial: &Trial, steps: &[Series], run: &Run) -> Result<Select, Failure> {
    let conditions = steps.iter().map(|step| condition(step, run)).collect::<Result<Vec<_>, _>>()?;
    let did = |condition: &Expr| Expr::call("max", [Expr::call("if", [condition.clone(), Expr::constant(1), Expr::constant(0)])]);
    let done = conditions.iter().map(did).reduce(|sum, one| Expr::arithmetic(ArithmeticOp::Add, sum, one));
    Ok(trial
        .events(0, run)?
        .and_where(Expr::or(conditions.iter().cloned()))
        .and_where(trial.counts())
        .column(of_exposed("variant").aliased("variant"))
        .column(of_exposed("entity").aliased("entity"))
        .column(done.unwrap_or_else(|| Expr::constant(0)).aliased("done"))
        .group_by([of_exposed("variant"), of_exposed("entity")]))
}
