//! Conversions by action. A project without actions has none.

use super::{Answer, Web};
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::web::WebGoalsQuery;
use crate::run::Run;
use serde_json::{Value, json};

const COLUMNS: [&str; 4] = [
    "context.columns.action_name",
    "context.columns.converting_users",
    "context.columns.total_conversions",
    "context.columns.conversion_rate",
];

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: WebGoalsQuery = nodes::read(node)?;
    let web = Web::settle(run, query.filters()).await?;
    let mut answer = Answer::new();
    answer.insert("columns".to_owned(), json!(COLUMNS));
    answer.insert("types".to_owned(), json!([]));
    answer.insert("results".to_owned(), json!([]));
    answer.insert("hasMore".to_owned(), false.into());
    web.describe(&mut answer);
    Ok(answer)
}
