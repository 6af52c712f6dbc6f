//! Retention: who comes back, and when.

pub mod actors;
mod plan;
mod results;

use super::Answer;
use crate::dates::iso;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::retention::RetentionQuery;
use crate::run::Run;
use plan::Retention;
use serde_json::{Value, json};

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: RetentionQuery = nodes::read(node)?;
    let retention = Retention::settle(run, query).await?;
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), results::compute(&retention, run).await?);
    let range = json!({"date_from": iso(retention.start()), "date_to": iso(super::period::just_before(retention.end()))});
    answer.insert("resolved_date_range".to_owned(), range);
    Ok(answer)
}

/// The range that a query is about, as part of the name of its answer: a relative range means something else tomorrow.
pub async fn time_key(run: &Run, node: &Value) -> Result<Value, Failure> {
    let query: RetentionQuery = nodes::read(node)?;
    let retention = Retention::settle(run, query).await?;
    Ok(json!([retention.start().timestamp_micros(), retention.end().timestamp_micros()]))
}

/// What a drill-down can be narrowed to: rows of the grid, and values of the breakdown.
pub async fn choices(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: RetentionQuery = nodes::read(node)?;
    let retention = Retention::settle(run, query).await?;
    let mut answer = Answer::new();
    let rows = (0..retention.cohorts()).map(|row| json!({"label": retention.row_label(row), "value": row}));
    answer.insert("interval".to_owned(), rows.collect());
    if retention.breakdown.is_some() {
        let shown = results::shown(&retention, run).await?;
        let values = shown.iter().map(|value| json!({"label": value.label(), "value": value.wire()}));
        answer.insert("breakdown".to_owned(), values.collect());
    }
    Ok(answer)
}
