//! What only pages have: who bounced where they entered, how far they scrolled, how long they stayed.

use super::breakdowns::{cleaned, parts};
use super::stats::Key;
use super::{MOST_GROUPS, Pair, Web, hogql, is_view};
use crate::cells;
use crate::failure::Failure;
use crate::nodes::filters::Properties;
use crate::nodes::web::{StatsBreakdown, WebStatsTableQuery};
use query::ast::{CompareOp, Expr, Select};
use std::collections::HashMap;

type Column = (&'static str, HashMap<Key, Pair>);

/// Columns that are computed over other rows than visits.
pub async fn columns(query: &WebStatsTableQuery, web: &Web<'_>) -> Result<Vec<Column>, Failure> {
    let mut columns = Vec::new();
    if query.breakdown != StatsBreakdown::Page || web.goal().is_some() {
        return Ok(columns);
    }
    if query.include_bounce_rate.unwrap_or(false) {
        columns.push(("bounce_rate", entered(web).await?));
    }
    if query.include_scroll_depth.unwrap_or(false) {
        let far = "if(isNull(toFloat(properties.$prev_pageview_max_content_percentage)), NULL, \
                   if(toFloat(properties.$prev_pageview_max_content_percentage) > 0.8, 1, 0))";
        columns.push(("average_scroll_percentage", left(web, "avgIf", "toFloat(properties.$prev_pageview_max_scroll_percentage)").await?));
        columns.push(("scroll_gt80_percentage", left(web, "avgIf", far).await?));
    }
    if query.include_time_on_page.unwrap_or(false) {
        // PostHog calls the 90th percentile an average here.
        columns.push(("avg_time_on_page", left(web, "quantileIf", "least(toFloat(properties.$prev_pageview_duration), 86400)").await?));
    }
    Ok(columns)
}

/// Bounce rates by the page that a session began on. Which pages the question is about does not matter: the others of a session
/// are what makes it no bounce.
async fn entered(web: &Web<'_>) -> Result<HashMap<Key, Pair>, Failure> {
    let field = |name: &str| Expr::field([name]);
    let path = parts(StatsBreakdown::InitialPage, web.filters.cleans_paths, web.run)?;
    let mut sessions = web.events_with(&without_paths(&web.filters.properties))?.and_where(is_view());
    for part in path {
        sessions = sessions.column(part.aliased("path"));
    }
    let sessions = sessions
        .column(Expr::field(["session", "$start_timestamp"]).aliased("start"))
        .column(Expr::field(["session", "$is_bounce"]).aliased("bounced"))
        .group_by([field("$session_id"), field("path"), field("start"), field("bounced")]);
    let outer = Select::from_query(sessions, None).column(field("path"));
    let outer = web.per_period(outer, "avgIf", &["bounced"], "rate").group_by([field("path")]);
    read(web, outer).await
}

/// Numbers that the next event tells about the page before it, by that page.
async fn left(web: &Web<'_>, function: &str, value: &str) -> Result<HashMap<Key, Pair>, Failure> {
    let path = hogql("properties.$prev_pageview_pathname")?;
    let path = if web.filters.cleans_paths { cleaned(path, web.run)? } else { path };
    let events = ["$pageview", "$pageleave", "$screen"].map(Expr::constant);
    let rows = web
        .events_with(&without_paths(&web.filters.properties))?
        .and_where(Expr::is_in(Expr::field(["event"]), events))
        .column(path.aliased("path"))
        .column(hogql(value)?.aliased("value"))
        .column(Expr::field(["session", "$start_timestamp"]).aliased("start"));
    let outer = Select::from_query(rows, None).column(Expr::field(["path"]));
    let params = (function == "quantileIf").then(|| Expr::constant(0.9));
    let outer = web.periods().enumerate().fold(outer, |select, (at, period)| {
        let args = [Expr::field(["value"]), period.has(Expr::field(["start"]))];
        let call = Expr::parametric(function, params.clone(), args);
        select.column(call.aliased(&format!("value_{at}")))
    });
    read(web, outer.group_by([Expr::field(["path"])])).await
}

async fn read(web: &Web<'_>, select: Select) -> Result<HashMap<Key, Pair>, Failure> {
    let present = Expr::compare(CompareOp::NotEq, Expr::field(["path"]), Expr::constant(""));
    let select = select.and_where(Expr::is_not_null(Expr::field(["path"]))).and_where(present).limit(MOST_GROUPS);
    let found = web.run.select_all("pages", select).await?;
    let width = web.periods().count();
    let rows = cells::rows(&found.batches).map(|(batch, row)| {
        let number = |at: usize| cells::number(batch.column(1 + at), row).filter(|number| number.is_finite());
        let key = vec![cells::json(batch.column(0), row, &web.run.calendar)];
        (key, [number(0), (width > 1).then(|| number(1)).flatten()])
    });
    Ok(rows.collect())
}

fn without_paths(properties: &Properties) -> Properties {
    let each = |terms: &[Properties]| terms.iter().map(without_paths).filter(|term| !term.is_empty()).collect();
    match properties {
        Properties::All(terms) => Properties::All(each(terms)),
        Properties::Any(terms) => Properties::Any(each(terms)),
        Properties::One(filter) if filter.key_text().as_deref() == Some("$pathname") => Properties::default(),
        Properties::One(_) => properties.clone(),
    }
}
