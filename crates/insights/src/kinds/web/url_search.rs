//! Addresses that contain a text, most viewed first: suggestions for filters.

use super::{Answer, Web, hogql, paged};
use crate::cells;
use crate::failure::Failure;
use crate::kinds::actors::like;
use crate::nodes;
use crate::nodes::web::WebPageURLSearchQuery;
use crate::run::Run;
use query::ast::Expr;
use serde_json::{Value, json};

const MOST: i64 = 1_000;

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: WebPageURLSearchQuery = nodes::read(node)?;
    let web = Web::settle(run, query.filters()).await?;
    let url = match query.strip_query_params.unwrap_or(false) {
        true => "cutQueryStringAndFragment(properties.$current_url)",
        false => "properties.$current_url",
    };
    let mut select = web
        .events()?
        .and_where(Expr::eq(Expr::field(["event"]), Expr::constant("$pageview")))
        .and_where(hogql("notEmpty(properties.$current_url)")?)
        .column(hogql(url)?.aliased("url"))
        .column(Expr::call("count", []).aliased("views"));
    if let Some(search) = query.search.as_deref().filter(|search| !search.is_empty()) {
        select = select.and_where(like(hogql(url)?, search));
    }
    let order = [Expr::field(["views"]).descending(), Expr::field(["url"]).ascending()];
    let found = run.select_all("urls", select.group_by([Expr::field(["url"])]).order_by(order).limit(MOST + 1)).await?;
    let rows: Vec<Value> = cells::rows(&found.batches)
        .map(|(batch, row)| json!({"url": cells::json(batch.column(0), row, &run.calendar), "count": cells::json(batch.column(1), row, &run.calendar)}))
        .collect();
    let (results, has_more, limit, _) = paged(rows, query.limit.map(|limit| limit.min(MOST)), None)?;
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), results.into());
    answer.insert("hasMore".to_owned(), has_more.into());
    answer.insert("limit".to_owned(), limit.into());
    Ok(answer)
}
