//! Funnels: how many come how far, in what time, on which days.

pub mod actors;
mod check;
pub mod plan;
mod results;
pub mod rows;
pub mod values;

use super::Answer;
use super::period;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::funnels::{FunnelView, FunnelsQuery};
use crate::run::Run;
use plan::Funnel;
use serde_json::{Value, json};

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: FunnelsQuery = nodes::read(node)?;
    let funnel = Funnel::settle(run, query).await?;
    let results = match funnel.view {
        FunnelView::Steps => results::steps(&funnel, run).await?,
        FunnelView::TimeToConvert => results::times(&funnel, run).await?,
        FunnelView::Trends => results::trends(&funnel, run).await?,
    };
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), results);
    answer.insert("resolved_date_range".to_owned(), period::range(&funnel.current));
    if let Some(previous) = &funnel.previous {
        answer.insert("resolved_compare_date_range".to_owned(), period::range(previous));
    }
    Ok(answer)
}

/// The source of another query, which must be of a kind.
pub fn source<'a>(node: &'a Value, kind: &str) -> Result<&'a Value, Failure> {
    let node = nodes::unwrap(node)?;
    match nodes::kind_of(node) == Some(kind) {
        true => Ok(node),
        false => Err(Failure::Invalid(format!("`source` must be a {kind} here"))),
    }
}

/// The range that a query is about, as part of the name of its answer: a relative range means something else tomorrow.
pub async fn time_key(run: &Run, node: &Value) -> Result<Value, Failure> {
    let query: FunnelsQuery = nodes::read(node)?;
    let funnel = Funnel::settle(run, query).await?;
    Ok(funnel.spans().map(|(span, _)| json!([span.from.timestamp_micros(), span.to.timestamp_micros()])).collect())
}

/// What a drill-down can be narrowed to.
pub async fn choices(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: FunnelsQuery = nodes::read(node)?;
    let funnel = Funnel::settle(run, query).await?;
    let mut answer = Answer::new();
    if funnel.view == FunnelView::Trends {
        answer.insert("day".to_owned(), funnel.period(&funnel.current, run)?.choices());
    }
    if !funnel.breakdowns.is_empty() {
        let shown = results::shown_values(&funnel, run).await?;
        let item = |texts: &Vec<String>| json!({"label": values::label(texts), "value": texts});
        answer.insert("breakdown".to_owned(), shown.iter().map(item).collect());
    }
    if funnel.previous.is_some() {
        let periods = json!([{"label": "Current", "value": "current"}, {"label": "Previous", "value": "previous"}]);
        answer.insert("compare".to_owned(), periods);
    }
    Ok(answer)
}
