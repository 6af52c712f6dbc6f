//! What a drill-down into an insight can be narrowed to: days, series, breakdown values, periods.

use super::Answer;
use super::trends::{self, TrendsPlan};
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::tables::{InsightActorsQuery, InsightActorsQueryOptions};
use crate::nodes::trends::TrendsQuery;
use crate::run::Run;
use serde_json::{Value, json};

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: InsightActorsQueryOptions = nodes::read(node)?;
    let actors: InsightActorsQuery = nodes::read(&query.source)?;
    let insight = nodes::unwrap(&actors.source)?;
    if nodes::kind_of(insight) != Some("TrendsQuery") {
        let kind = nodes::kind_of(insight).unwrap_or("?");
        return Err(Failure::Invalid(format!("Drill-down options of \"{kind}\" are not supported yet.")));
    }
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
    answer.insert("breakdowns".to_owned(), json!([]));
    answer.insert("interval".to_owned(), json!([]));
    answer.insert("status".to_owned(), json!([]));
    let compare: &[(&str, &str)] = if choices.compare { &[("Current", "current"), ("Previous", "previous")] } else { &[] };
    answer.insert("compare".to_owned(), compare.iter().map(|(label, value)| json!({"label": label, "value": value})).collect());
    Ok(answer)
}
