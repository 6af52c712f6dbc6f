//! A metric's results by a value that entities had when they were first exposed: a country, a plan.

use super::trial::Trial;
use super::verdict;
use super::{Settings, found};
use crate::cells;
use crate::failure::Failure;
use crate::kinds::funnels::values::text;
use crate::nodes::experiments::ExperimentQuery;
use crate::run::Run;
use query::ast::{Expr, Select};
use serde_json::{Value, json};

/// Values with the most entities that are told apart; each is a question of its own.
const USUAL: u32 = 10;
const MOST: u32 = 25;

/// `[{"breakdown_value": ["DE"], "baseline": {…}, "variants": [{…}]}]`, the value with the most entities first.
pub async fn results(query: &ExperimentQuery, mut trial: Trial, settings: &Settings, run: &Run) -> Result<Value, Failure> {
    let each = query.metric.breakdowns.iter().map(|breakdown| at_first_exposure(text(breakdown, run)?));
    let values: Vec<Expr> = each.collect::<Result<_, Failure>>()?;
    let mut results = Vec::new();
    for texts in largest(&trial, &values, query.metric.breakdown_limit, run).await? {
        trial.within = values.iter().cloned().zip(texts.iter().cloned()).collect();
        let found = found(query, &trial, settings, run).await?;
        let mut answer = verdict::answer(&query.metric, &trial, settings, &found);
        results.push(json!({
            "breakdown_value": texts, "baseline": answer.remove("baseline"), "variants": answer.remove("variant_results"),
        }));
    }
    Ok(results.into())
}

/// Empty where the first exposure has no value.
fn at_first_exposure(text: Expr) -> Result<Expr, Failure> {
    Ok(Expr::call("argMin", [Expr::call("ifNull", [text, Expr::constant("")]), Expr::field(["timestamp"])]))
}

async fn largest(trial: &Trial, values: &[Expr], limit: Option<u32>, run: &Run) -> Result<Vec<Vec<String>>, Failure> {
    let name = |at: usize| format!("value_{at}");
    let mut entities = trial.exposed(run)?;
    for (at, value) in values.iter().enumerate() {
        entities = entities.column(value.clone().aliased(&name(at)));
    }
    let mut ranked = Select::from_query(entities, Some("exposed"));
    for at in 0..values.len() {
        ranked = ranked.column(Expr::field([name(at)]));
    }
    let known = trial.experiment.variants.iter().map(|variant| Expr::constant(&variant.key));
    let order =
        std::iter::once(Expr::call("count", []).descending()).chain((0..values.len()).map(|at| Expr::field([name(at)]).ascending()));
    let ranked = ranked
        .and_where(Expr::is_in(Expr::field(["variant"]), known))
        .group_by((0..values.len()).map(|at| Expr::field([name(at)])))
        .order_by(order)
        .limit(i64::from(limit.unwrap_or(USUAL).clamp(1, MOST)));
    let rows = run.select_all("breakdown values", ranked).await?;
    let of = |column: usize, (batch, row): (&arrow_array::RecordBatch, usize)| {
        cells::text(batch.column(column), row).unwrap_or_default().to_owned()
    };
    Ok(cells::rows(&rows.batches).map(|at| (0..values.len()).map(|column| of(column, at)).collect()).collect())
}
