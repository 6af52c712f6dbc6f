//! Links to other sites that visitors followed.

use super::{Answer, MOST_GROUPS, Web, hogql, order, paged, pair};
use crate::cells;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::web::WebExternalClicksTableQuery;
use crate::run::Run;
use query::ast::{Expr, Select};
use serde_json::{Value, json};

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: WebExternalClicksTableQuery = nodes::read(node)?;
    let web = Web::settle(run, query.filters()).await?;
    let field = |name: &str| Expr::field([name]);
    let url = match query.strip_query_params.unwrap_or(false) {
        true => "cutQueryStringAndFragment(properties.$external_click_url)",
        false => "properties.$external_click_url",
    };
    let sessions = web
        .events()?
        .and_where(Expr::eq(field("event"), Expr::constant("$autocapture")))
        .and_where(hogql("notEmpty(properties.$external_click_url)")?)
        .column(hogql(url)?.aliased("url"))
        .column(Expr::call("any", [field("person_id")]).aliased("visitor"))
        .column(Expr::call("count", []).aliased("clicked"))
        .column(Expr::field(["session", "$start_timestamp"]).aliased("start"))
        .group_by([field("$session_id"), field("url"), field("start")]);
    let outer = Select::from_query(sessions, None).column(field("url")).and_where(web.in_any_period(&field("start")));
    let outer = web.per_period(web.per_period(outer, "uniqIf", &["visitor"], "visitors"), "sumIf", &["clicked"], "clicks");
    let (wanted, descending) = order(query.order_by.as_deref(), "visitors");
    let (first, second) = if wanted == "clicks" { ("clicks_0", "visitors_0") } else { ("visitors_0", "clicks_0") };
    let sorted = |name: &str| if descending { field(name).descending() } else { field(name).ascending() };
    let order = [sorted(first), field(second).descending(), field("url").ascending()];
    let found = run.select_all("clicks", outer.group_by([field("url")]).order_by(order).limit(MOST_GROUPS)).await?;
    let width = web.periods().count();
    let rows: Vec<Value> = cells::rows(&found.batches)
        .map(|(batch, row)| {
            let number = |at: usize| cells::number(batch.column(at), row);
            let both = |at: usize| pair([number(at), (width > 1).then(|| number(at + 1)).flatten()]);
            json!([cells::json(batch.column(0), row, &run.calendar), both(1), both(1 + width)])
        })
        .collect();
    let (results, has_more, limit, offset) = paged(rows, query.limit, None)?;
    let columns = ["url", "visitors", "clicks"].map(|name| format!("context.columns.{name}"));
    let mut answer = Answer::new();
    answer.insert("types".to_owned(), json!([]));
    answer.insert("columns".to_owned(), json!(columns));
    answer.insert("results".to_owned(), results.into());
    answer.insert("hasMore".to_owned(), has_more.into());
    answer.insert("limit".to_owned(), limit.into());
    answer.insert("offset".to_owned(), offset.into());
    web.describe(&mut answer);
    Ok(answer)
}
