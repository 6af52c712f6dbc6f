//! Suggestions for filters: the values that a property takes, most frequent first.

use super::Answer;
use super::actors::like;
use crate::cells;
use crate::conditions::Subject;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::tables::PropertyValuesQuery;
use crate::run::Run;
use chrono::TimeDelta;
use model::Timestamp;
use query::ast::{CompareOp, Expr, Select};
use serde_json::{Value, json};

const DEFAULT_LIMIT: i64 = 10;
const MAX_LIMIT: i64 = 1_000;
/// Suggestions come from events of these days.
const DAYS: i64 = 7;

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let query: PropertyValuesQuery = nodes::read(node)?;
    let results = values(run, &query).await?;
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), results.into());
    Ok(answer)
}

pub async fn values(run: &Run, query: &PropertyValuesQuery) -> Result<Vec<Value>, Failure> {
    let kind = query.property_type.as_deref().unwrap_or("event");
    let is_column = query.is_column.unwrap_or(false);
    let (subject, table) = match kind {
        "person" => (Subject::Persons, "persons"),
        "group" => {
            let index = query.group_type_index.filter(|index| *index < 5).ok_or_else(|| Failure::invalid("group_type_index is needed"))?;
            (Subject::Groups(index), "groups")
        }
        _ => (Subject::Events, "events"),
    };
    let kind = if is_column && subject == Subject::Events { "event_metadata" } else { kind };
    let (value, _) = run.scope(subject).read(kind, &query.property_key, query.group_type_index)?;
    let text = || Expr::call("toString", [value.clone()]);
    let mut select = Select::from_table(table).column(text().aliased("value")).column(Expr::call("count", []).aliased("times"));
    match subject {
        Subject::Events => {
            let since = run.calendar.now() - TimeDelta::days(DAYS);
            let since = Expr::constant(Timestamp(since.timestamp_micros()));
            select = select.and_where(Expr::compare(CompareOp::GtEq, Expr::field(["timestamp"]), since));
        }
        Subject::Groups(index) => select = select.and_where(Expr::eq(Expr::field(["index"]), Expr::constant(i64::from(index)))),
        Subject::Persons => {}
    }
    if let Some(events) = query.event_names.as_ref().filter(|events| !events.is_empty() && subject == Subject::Events) {
        select = select.and_where(Expr::is_in(Expr::field(["event"]), events.iter().map(Expr::constant)));
    }
    select = select.and_where(Expr::is_not_null(value.clone())).and_where(Expr::compare(CompareOp::NotEq, text(), Expr::constant("")));
    if let Some(search) = query.search_value.as_deref().filter(|search| !search.is_empty()) {
        select = select.and_where(like(text(), search));
    }
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let order = [Expr::field(["times"]).descending(), Expr::field(["value"]).ascending()];
    let select = select.group_by([Expr::field(["value"])]).order_by(order).limit(limit);
    let found = run.select_all("values", select).await?;
    let value = |(batch, row): (&arrow_array::RecordBatch, usize)| {
        let name = cells::json(batch.column(0), row, &run.calendar);
        json!({"name": name, "count": cells::json(batch.column(1), row, &run.calendar)})
    };
    Ok(cells::rows(&found.batches).map(value).collect())
}
