//! Trends: numbers over time, or one number per series.

pub mod actors;
mod breakdown;
mod crowd;
mod lines;
mod math;
mod plan;
mod results;
mod select;
mod window;

use super::Answer;
use crate::dates::iso;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::trends::TrendsQuery;
use crate::run::Run;
use plan::Plan;
use serde_json::{Value, json};

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: TrendsQuery = nodes::read(node)?;
    let plan = Plan::settle(run, query).await?;
    let (results, has_more) = results::compute(&plan, run).await?;
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), results.into());
    answer.insert("hasMore".to_owned(), has_more.into());
    let range = |period: &plan::Period| json!({"date_from": iso(period.span.from), "date_to": iso(period.span.to)});
    answer.insert("resolved_date_range".to_owned(), range(&plan.current));
    if let Some(previous) = &plan.previous {
        answer.insert("resolved_compare_date_range".to_owned(), range(previous));
    }
    Ok(answer)
}

/// The range that a query is about, as part of the name of its answer: a relative range means something else tomorrow.
pub async fn time_key(run: &Run, node: &Value) -> Result<Value, Failure> {
    let query: TrendsQuery = nodes::read(node)?;
    let plan = Plan::settle(run, query).await?;
    let range = |period: &plan::Period| json!([period.lower.timestamp_micros(), period.span.to.timestamp_micros()]);
    Ok(json!([range(&plan.current), plan.previous.as_ref().map(range)]))
}

pub use plan::Plan as TrendsPlan;
pub use results::choices;
