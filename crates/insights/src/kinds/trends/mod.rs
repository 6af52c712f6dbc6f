//! Trends: numbers over time, or one number per series.

pub mod actors;
mod boxplot;
pub mod breakdown;
mod crowd;
mod lines;
pub mod math;
mod plan;
mod results;
mod select;
mod window;

use super::{Answer, heatmap};
use crate::failure::Failure;
use crate::kinds::period::Period;
use crate::nodes;
use crate::nodes::trends::{Display, TrendsQuery};
use crate::run::Run;
use plan::Plan;
use serde_json::{Value, json};

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: TrendsQuery = nodes::read(node)?;
    if query.is_heatmap() {
        return heatmap::run(run, &heatmap::of_trends(node)).await;
    }
    let plan = Plan::settle(run, query).await?;
    let mut answer = Answer::new();
    let (results, has_more) = match plan.display {
        Display::BoxPlot => {
            answer.insert("boxplot_data".to_owned(), boxplot::compute(&plan, run).await?);
            (Vec::new(), false)
        }
        _ => results::compute(&plan, run).await?,
    };
    answer.insert("results".to_owned(), results.into());
    answer.insert("hasMore".to_owned(), has_more.into());
    answer.insert("resolved_date_range".to_owned(), plan.current.range());
    if !plan.warnings.is_empty() {
        answer.insert("warnings".to_owned(), json!(plan.warnings));
    }
    if let Some(previous) = &plan.previous {
        answer.insert("resolved_compare_date_range".to_owned(), previous.range());
    }
    Ok(answer)
}

/// The range that a query is about, as part of the name of its answer: a relative range means something else tomorrow.
pub async fn time_key(run: &Run, node: &Value) -> Result<Value, Failure> {
    let query: TrendsQuery = nodes::read(node)?;
    if query.is_heatmap() {
        return heatmap::time_key(run, &heatmap::of_trends(node)).await;
    }
    let plan = Plan::settle(run, query).await?;
    Ok(json!([plan.current.key(), plan.previous.as_ref().map(Period::key)]))
}

pub use math::Math;
pub use plan::Plan as TrendsPlan;
pub use results::choices;
