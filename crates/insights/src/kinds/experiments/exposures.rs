//! `ExperimentExposureQuery`: how many entities came into each variant, day by day, and whether the variants are as large as they
//! should be.

use super::trial::{self, Trial};
use crate::cells;
use crate::dates::{Interval, day_text, parse_instant};
use crate::experiment::{Experiment, Variant};
use crate::failure::Failure;
use crate::kinds::Answer;
use crate::nodes;
use crate::nodes::experiments::ExperimentExposureQuery;
use crate::run::Run;
use chrono::DateTime;
use chrono_tz::Tz;
use model::Timestamp;
use query::ast::{Expr, Select};
use serde_json::{Map, Value, json};
use statistics::mismatch::mismatch;
use std::collections::HashMap;

/// Days of a chart.
const MOST_DAYS: usize = 1_000;

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: ExperimentExposureQuery = nodes::read(node)?;
    let experiment = asked_about(&query, run).await?;
    let trial = Trial::settle(experiment, None, run)?;
    let counts = by_day(&trial, run).await?;
    let days = days(&trial, run)?;
    let mut totals = Map::new();
    let mut series = Vec::new();
    for key in listed(&trial, &counts) {
        let mut total = 0;
        let cumulative = |day: &DateTime<Tz>| {
            total += counts.get(&key).and_then(|counts| counts.get(&day.timestamp_micros())).copied().unwrap_or(0);
            total
        };
        let running: Vec<u64> = days.iter().map(cumulative).collect();
        totals.insert(key.clone(), total.into());
        let names: Vec<String> = days.iter().map(|day| day_text(*day, Interval::Day)).collect();
        series.push(json!({"variant": key, "days": names, "exposure_counts": running}));
    }
    let mut answer = Answer::new();
    answer.insert("kind".to_owned(), "ExperimentExposureQuery".into());
    answer.insert("sample_ratio_mismatch".to_owned(), ratio(&trial, &totals));
    answer.insert("timeseries".to_owned(), series.into());
    answer.insert("total_exposures".to_owned(), totals.into());
    answer.insert("date_range".to_owned(), json!({"date_from": trial.from, "date_to": trial.experiment.end}));
    Ok(answer)
}

/// Variants in their order; then those with several, and held-out ones, if there are any.
fn listed(trial: &Trial, counts: &HashMap<String, HashMap<i64, u64>>) -> Vec<String> {
    let others = trial.experiment.holdout.iter().map(String::as_str).chain([trial::MULTIPLE]);
    let others = others.filter(|key| counts.contains_key(*key)).map(str::to_owned);
    trial.experiment.variants.iter().map(|variant| variant.key.clone()).chain(others).collect()
}

/// Entities by variant and by the day of their first exposure.
async fn by_day(trial: &Trial, run: &Run) -> Result<HashMap<String, HashMap<i64, u64>>, Failure> {
    let day = || Expr::call("toStartOfDay", [Expr::field(["first_exposure"])]);
    let select = Select::from_query(trial.exposed(run)?, Some("exposed"))
        .column(Expr::field(["variant"]))
        .column(day().aliased("day"))
        .column(Expr::call("count", []).aliased("entities"))
        .group_by([Expr::field(["variant"]), Expr::field(["day"])]);
    let rows = run.select_all("exposures by day", select).await?;
    let mut counts: HashMap<String, HashMap<i64, u64>> = HashMap::new();
    for (batch, row) in cells::rows(&rows.batches) {
        let (Some(variant), Some(day)) = (cells::text(batch.column(0), row), cells::instant(batch.column(1), row, &run.calendar)) else {
            continue;
        };
        let count = cells::number(batch.column(2), row).unwrap_or(0.0) as u64;
        counts.entry(variant.to_owned()).or_default().insert(day.timestamp_micros(), count);
    }
    Ok(counts)
}

fn days(trial: &Trial, run: &Run) -> Result<Vec<DateTime<Tz>>, Failure> {
    let (first, last) = (run.calendar.start_of_day(run.calendar.at(trial.from)), run.calendar.at(trial.to));
    let days = std::iter::successors(Some(first), |day| Some(run.calendar.next(*day, Interval::Day)));
    let days: Vec<DateTime<Tz>> = days.take_while(|day| *day <= last).take(MOST_DAYS + 1).collect();
    match days.len() > MOST_DAYS {
        true => Err(Failure::Invalid(format!("The experiment runs for more than {MOST_DAYS} days; end it, or start it later."))),
        false => Ok(days),
    }
}

fn ratio(trial: &Trial, totals: &Map<String, Value>) -> Value {
    let seen = |variant: &Variant| (totals.get(&variant.key).and_then(Value::as_u64).unwrap_or(0), variant.share);
    let variants = &trial.experiment.variants;
    let Some(found) = mismatch(&variants.iter().map(seen).collect::<Vec<_>>()) else { return Value::Null };
    let expected: Map<String, Value> =
        variants.iter().zip(&found.expected).map(|(variant, expected)| (variant.key.clone(), json!(expected))).collect();
    json!({"expected": expected, "chi_square": found.chi_square, "p_value": found.p_value, "is_mismatch": found.is_warning()})
}

/// The stored experiment with what the query says otherwise laid over it.
async fn asked_about(query: &ExperimentExposureQuery, run: &Run) -> Result<Experiment, Failure> {
    let stored = match query.experiment_id {
        Some(id) => (run.engine.experiments)(run.team.id, id).await?,
        None => None,
    };
    let mut experiment = match (stored, &query.feature_flag) {
        (Some(stored), _) => stored,
        (None, Some(flag @ Value::Object(_))) => of_flag(flag)?,
        (None, _) => {
            return Err(Failure::invalid("The experiment does not exist in this project; name a stored one, or give its feature_flag."));
        }
    };
    if let Some(start) = &query.start_date {
        experiment.start = Some(instant(start, run)?);
    }
    if let Some(end) = &query.end_date {
        experiment.end = Some(instant(end, run)?);
    }
    if let Some(criteria) = query.exposure_criteria.as_ref().filter(|criteria| !criteria.is_null()) {
        experiment.exposure_criteria = criteria.clone();
    }
    if let Some(id) = query.holdout.as_ref().and_then(|holdout| holdout.get("id")).and_then(Value::as_i64) {
        experiment.holdout = Some(format!("holdout-{id}"));
    }
    Ok(experiment)
}

fn instant(text: &str, run: &Run) -> Result<Timestamp, Failure> {
    let at = parse_instant(text, &run.calendar).ok_or_else(|| Failure::Invalid(format!("\"{text}\" is not a date")))?;
    Ok(Timestamp(at.timestamp_micros()))
}

/// An experiment that is not stored yet, as its flag tells it.
fn of_flag(flag: &Value) -> Result<Experiment, Failure> {
    let wrong = || Failure::invalid("feature_flag needs a key and filters.multivariate.variants");
    let variants = flag.pointer("/filters/multivariate/variants").and_then(Value::as_array).ok_or_else(wrong)?;
    let variant = |variant: &Value| {
        Some(Variant { key: variant.get("key")?.as_str()?.to_owned(), share: variant.get("rollout_percentage").and_then(Value::as_f64)? })
    };
    Ok(Experiment {
        id: 0,
        flag_key: flag.get("key").and_then(Value::as_str).ok_or_else(wrong)?.to_owned(),
        variants: variants.iter().map(variant).collect::<Option<_>>().ok_or_else(wrong)?,
        group_type_index: flag.pointer("/filters/aggregation_group_type_index").and_then(Value::as_u64).map(|index| index as u8),
        start: None,
        end: None,
        holdout: None,
        exposure_criteria: Value::Null,
        stats_config: Value::Null,
        only_count_matured_users: false,
    })
}
