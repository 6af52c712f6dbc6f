//! One web vital by path: which pages are good, need improvement, or are poor.

use super::breakdowns::cleaned;
use super::{Answer, Web, hogql};
use crate::cells;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::web::WebVitalsPathBreakdownQuery;
use crate::run::Run;
use query::ast::{CompareOp, Expr};
use serde_json::{Value, json};

/// Paths shown per band.
const PER_BAND: usize = 20;
const MOST_PATHS: i64 = 50_000;

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: WebVitalsPathBreakdownQuery = nodes::read(node)?;
    let (good, poor) = query.thresholds;
    if good > poor {
        return Err(Failure::invalid("`thresholds` needs the value up to which a page is good first, then the one above which it is poor"));
    }
    let web = Web::settle(run, query.filters()).await?;
    let path = hogql("properties.$pathname")?;
    let path = if web.filters.cleans_paths { cleaned(path, run)? } else { path };
    let value = || Expr::call("toFloat", [Expr::field(["properties", query.metric.property()])]);
    let select = web
        .events()?
        .and_where(Expr::eq(Expr::field(["event"]), Expr::constant("$web_vitals")))
        .and_where(Expr::compare(CompareOp::GtEq, value(), Expr::constant(0.0)))
        .and_where(Expr::is_not_null(path.clone()))
        .column(path.aliased("path"))
        .column(Expr::parametric("quantile", [Expr::constant(query.percentile.fraction())], [value()]).aliased("value"))
        .group_by([Expr::field(["path"])])
        .order_by([Expr::field(["value"]).ascending(), Expr::field(["path"]).ascending()])
        .limit(MOST_PATHS);
    let found = run.select_all("vitals", select).await?;
    let mut bands: [Vec<Value>; 3] = Default::default();
    for (batch, row) in cells::rows(&found.batches) {
        let Some(value) = cells::number(batch.column(1), row) else { continue };
        let band = if value <= good { 0 } else { 1 + usize::from(value > poor) };
        if bands[band].len() < PER_BAND {
            bands[band].push(json!({"path": cells::json(batch.column(0), row, &run.calendar), "value": cells::compact_number(value)}));
        }
    }
    let [good, needs_improvements, poor] = bands;
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), json!([{"good": good, "needs_improvements": needs_improvements, "poor": poor}]));
    Ok(answer)
}
