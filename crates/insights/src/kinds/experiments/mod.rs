//! Experiments: who saw which variant, and what they did from then on.
//!
//! ```text
//! trial (who is exposed, when) ──► values (one number per entity) ──► statistics ──► verdict
//!                              └─► funnel (rows for the operator) ──┘
//! ```
//!
//! Sums are made by the store, one select per question about entities; only they come here. An entity that was exposed and did
//! nothing counts as zero: it is in the number of exposures, and adds nothing to sums.

pub mod actors;
mod breakdown;
pub mod exposures;
mod funnel;
mod retention;
mod settings;
mod sums;
mod trial;
mod values;
mod verdict;

use super::Answer;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::experiments::{ExperimentQuery, Measured};
use crate::run::Run;
use serde_json::{Value, json};
pub use settings::Settings;
use sums::Found;
use trial::Trial;

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: ExperimentQuery = nodes::read(node)?;
    let trial = Trial::of_query(&query, run).await?;
    let settings = Settings::read(&trial.experiment.stats_config, default_method(run))?;
    let found = found(&query, &trial, &settings, run).await?;
    let mut answer = verdict::answer(&query.metric, &trial, &settings, &found);
    answer.insert("kind".to_owned(), "ExperimentQuery".into());
    answer.insert("metric".to_owned(), node.get("metric").cloned().unwrap_or_default());
    answer.insert("date_range".to_owned(), json!({"date_from": trial.from, "date_to": trial.to}));
    if !query.metric.breakdowns.is_empty() {
        answer.insert("breakdown_results".to_owned(), breakdown::results(&query, trial, &settings, run).await?);
    }
    Ok(answer)
}

/// What the project judges experiments by that do not say.
fn default_method(run: &Run) -> Option<&str> {
    run.team.settings.get("default_experiment_stats_method").and_then(Value::as_str)
}

async fn found(query: &ExperimentQuery, trial: &Trial, settings: &Settings, run: &Run) -> Result<Found, Failure> {
    match &query.metric.measure {
        Measured::Mean { source, percentiles, threshold } => values::mean(trial, source, *percentiles, *threshold, settings, run).await,
        Measured::Ratio { numerator, denominator } => values::ratio(trial, numerator, denominator, run).await,
        Measured::Funnel { steps, unordered: true } => funnel::unordered(trial, steps, run).await,
        Measured::Funnel { steps, unordered: false } => funnel::ordered(trial, steps, settings, run).await,
        Measured::Retention(returning) => retention::returning(trial, returning, run).await,
    }
}

/// What the answer depends on beside the query and the data: the experiment as it is now, and the minute.
pub async fn time_key(run: &Run, node: &Value) -> Result<Value, Failure> {
    let id = node.get("experiment_id").and_then(Value::as_i64);
    let experiment = match id {
        Some(id) => (run.engine.experiments)(run.team.id, id).await?,
        None => None,
    };
    Ok(json!([experiment, run.calendar.now.seconds() / 60, run.team.settings.get("default_experiment_stats_method")]))
}
