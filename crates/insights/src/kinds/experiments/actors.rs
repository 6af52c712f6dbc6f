//! Who is behind a number of an experiment: `{"kind": "ExperimentActorsQuery", "source": ExperimentQuery, "variant": "test"}`, and of
//! funnels a `funnelStep`: 1 for those who did the first step, −1 for those who were exposed and did not.

use super::values::{self, Amount};
use super::{funnel, retention, trial::Trial};
use crate::cells;
use crate::failure::Failure;
use crate::kinds::listed::{Listed, ListedActor};
use crate::nodes;
use crate::nodes::experiments::{ExperimentActorsQuery, ExperimentQuery, Measured};
use crate::nodes::series::Series;
use crate::run::Run;
use behaviour::FunnelWant;
use query::ast::{CompareOp, Expr, Select};
use serde_json::Value;
use std::collections::HashMap;

pub async fn list(run: &Run, source: &Value) -> Result<Listed, Failure> {
    let asked: ExperimentActorsQuery = nodes::read(source)?;
    let query: ExperimentQuery = nodes::read(nodes::unwrap(&asked.source)?)?;
    let trial = Trial::of_query(&query, run).await?;
    if !trial.experiment.variants.iter().any(|variant| variant.key == asked.variant) {
        return Err(Failure::Invalid(format!("The experiment has no variant \"{}\".", asked.variant)));
    }
    let did = match (&query.metric.measure, asked.step) {
        (Measured::Mean { source, .. }, None) => values::amounts(&trial, &Amount::of(source, run)?, None, run)?,
        (Measured::Ratio { numerator, .. }, None) => values::amounts(&trial, &Amount::of(numerator, run)?, None, run)?,
        (Measured::Retention(returning), None) => retention::completions(&trial, returning, run)?,
        (Measured::Funnel { steps, unordered }, step) => {
            let step = Step::read(step, steps.len())?;
            match unordered {
                false => return of_ordered(&trial, steps, &asked.variant, step, run).await,
                true if step.left => {
                    return Err(Failure::invalid("Who left an unordered funnel is not known; ask for a positive funnelStep."));
                }
                true => {
                    let far = Expr::compare(CompareOp::GtEq, Expr::field(["done"]), Expr::constant(step.number as i64));
                    Select::from_query(funnel::steps_done(&trial, steps, run)?, Some("entities"))
                        .column(Expr::field(["variant"]))
                        .column(Expr::field(["entity"]))
                        .and_where(far)
                }
            }
        }
        (_, Some(_)) => return Err(Failure::invalid("Only funnels have a funnelStep.")),
    };
    let select = Select::from_query(did, Some("who"))
        .column(Expr::call("toString", [Expr::field(["entity"])]))
        .and_where(Expr::eq(Expr::field(["variant"]), Expr::constant(&asked.variant)));
    let rows = run.select_all("who", select).await?;
    let actors = cells::rows(&rows.batches).filter_map(|(batch, row)| cells::text(batch.column(0), row));
    let actors = actors.map(|id| ListedActor { id: id.to_owned(), ..ListedActor::default() }).collect();
    Ok(Listed { actors, group_type_index: trial.experiment.group_type_index })
}

/// A step of the metric, counted from 1.
#[derive(Clone, Copy)]
struct Step {
    number: usize,
    left: bool,
}

impl Step {
    fn read(step: Option<i64>, steps: usize) -> Result<Step, Failure> {
        let step = step.unwrap_or(steps as i64);
        let number = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
        match (1..=steps).contains(&number) {
            true => Ok(Step { number, left: step < 0 }),
            false => Err(Failure::Invalid(format!("funnelStep is from 1 to {steps}, or from -1 to -{steps} for those who left"))),
        }
    }
}

async fn of_ordered(trial: &Trial, steps: &[Series], variant: &str, step: Step, run: &Run) -> Result<Listed, Failure> {
    let want = FunnelWant::Actors { step: step.number, dropped: step.left };
    let (answer, behaved) = funnel::walked(trial, steps, None, want, run).await?;
    let texts: HashMap<u32, &str> =
        behaved.keys.iter().enumerate().filter_map(|(key, texts)| Some((key as u32, texts.first()?.as_str()))).collect();
    let chosen = answer.actors.iter().filter(|actor| texts.get(&actor.key) == Some(&variant)).map(|actor| actor.actor);
    Ok(Listed::chosen(chosen, &behaved.actors, trial.experiment.group_type_index))
}
