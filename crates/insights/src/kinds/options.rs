//! What a drill-down into an insight can be narrowed to: days, series, breakdown values, periods.

use super::trends::{self, TrendsPlan};
use super::{Answer, by_cohort, funnels, lifecycle, retention, stickiness};
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::tables::InsightActorsQueryOptions;
use crate::nodes::trends::TrendsQuery;
use crate::run::Run;
use serde_json::{Value, json};

const LISTS: &[&str] = &["day", "status", "interval", "breakdown", "breakdowns", "series", "compare"];

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: InsightActorsQueryOptions = nodes::read(node)?;
    let insight = query.source.get("source").filter(|insight| insight.is_object());
    let insight =
        nodes::unwrap(insight.ok_or_else(|| Failure::invalid("`source` must be a query for actors, with an insight as its source"))?)?;
    let cohorts = by_cohort::choices(insight, run)?;
    let plain = by_cohort::without(insight)?;
    let insight = plain.as_ref().unwrap_or(insight);
    let mut answer = match nodes::kind_of(insight) {
        Some("TrendsQuery") => of_trends(run, insight).await?,
        Some("FunnelsQuery") => funnels::choices(run, insight).await?,
        Some("FunnelCorrelationQuery") => Answer::new(),
        Some("RetentionQuery") => retention::choices(run, insight).await?,
        Some("LifecycleQuery") => lifecycle::choices(run, insight).await?,
        Some("StickinessQuery") => stickiness::choices(run, insight).await?,
        Some("PathsQuery") => Answer::new(),
        kind => return Err(Failure::Invalid(format!("Drill-down options of \"{}\" are not supported yet.", kind.unwrap_or("?")))),
    };
    if let Some(cohorts) = cohorts {
        answer.insert("breakdown".to_owned(), cohorts);
    }
    for list in LISTS {
        answer.entry(*list).or_insert_with(|| json!([]));
    }
    Ok(answer)
}

async fn of_trends(run: &Run, insight: &Value) -> Result<Answer, Failure> {
    let trends: TrendsQuery = nodes::read(insight)?;
    let plan = TrendsPlan::settle(run, trends).await?;
    let choices = trends::choices(&plan, run).await?;
    let mut answer = Answer::new();
    let list = |pairs: Vec<(String, Value)>| -> Value {
        pairs.into_iter().map(|(label, value)| json!({"label": label, "value": value})).collect()
    };
    answer.insert("day".to_owned(), list(choices.days.into_iter().map(|(label, value)| (label, value.into())).collect()));
    answer.insert("series".to_owned(), list(choices.series.into_iter().map(|(label, value)| (label, value.into())).collect()));
    answer.insert("breakdown".to_owned(), list(choices.breakdowns));
    let compare: &[(&str, &str)] = if choices.compare { &[("Current", "current"), ("Previous", "previous")] } else { &[] };
    answer.insert("compare".to_owned(), compare.iter().map(|(label, value)| json!({"label": label, "value": value})).collect());
    Ok(answer)
}
