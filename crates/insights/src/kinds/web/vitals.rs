//! Web vitals over time: the trend that the question carries.

use super::Answer;
use crate::failure::Failure;
use crate::kinds::trends;
use crate::nodes;
use crate::nodes::web::WebVitalsQuery;
use crate::run::Run;
use serde_json::Value;

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: WebVitalsQuery = nodes::read(node)?;
    match nodes::kind_of(&query.source) {
        Some("TrendsQuery") => trends::run(run, &query.source).await,
        _ => Err(Failure::invalid("The `source` of a WebVitalsQuery must be a TrendsQuery")),
    }
}
