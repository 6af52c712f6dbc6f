//! What there is to ask about: events, their properties and values, properties of persons and groups.

use super::Answer;
use super::rows::{object, page};
use crate::cells;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::taxonomy::{ActorsPropertyTaxonomyQuery, EventTaxonomyQuery, TeamTaxonomyQuery};
use crate::run::Run;
use chrono::TimeDelta;
use indexmap::IndexMap;
use model::Timestamp;
use query::LimitRule;
use query::ast::{CompareOp, Expr, Select};
use serde_json::{Value, json};

/// Lately: what was not seen since is not worth a suggestion.
const DAYS: i64 = 30;
/// The newest events of a name whose properties are listed.
const SAMPLE: i64 = 500;
const MAX_PROPERTIES: usize = 500;
const MAX_VALUES: usize = 25;
const DEFAULT_VALUES: usize = 5;

/// The properties of one event.
pub mod event {
    use super::*;

    pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
        let query: EventTaxonomyQuery = nodes::read(node)?;
        if query.action_id.is_some() {
            return Err(Failure::invalid("The properties of an action's events are not supported yet"));
        }
        let Some(event) = query.event.as_ref() else { return Err(Failure::invalid("`event` is missing")) };
        let select = lately(run)
            .column(Expr::field(["properties"]))
            .and_where(Expr::eq(Expr::field(["event"]), Expr::constant(event)))
            .order_by([Expr::field(["timestamp"]).descending()])
            .limit(SAMPLE);
        let found = run.select_all("properties", select).await?;
        let mut known: IndexMap<String, Vec<String>> = IndexMap::new();
        for (batch, row) in cells::rows(&found.batches) {
            let Value::Object(properties) = object(cells::text(batch.column(0), row)) else { continue };
            for (name, value) in properties.into_iter().filter(|(name, _)| is_worth_naming(name)) {
                let text = crate::conditions::plain_text(&value);
                let values = known.entry(name).or_default();
                if !values.contains(&text) {
                    values.push(text);
                }
            }
        }
        if let Some(wanted) = &query.properties {
            known.retain(|name, _| wanted.contains(name));
        }
        let most = query.max_values.unwrap_or(DEFAULT_VALUES).clamp(1, MAX_VALUES);
        let mut listed: Vec<(String, Vec<String>)> = known.into_iter().collect();
        listed.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
        listed.truncate(MAX_PROPERTIES);
        let results: Vec<Value> = listed
            .into_iter()
            .map(
                |(name, values)| json!({"property": name, "sample_count": values.len(), "sample_values": values[..values.len().min(most)]}),
            )
            .collect();
        Ok(answered(results))
    }
}

/// The events of the project.
pub mod team {
    use super::*;

    pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
        const MOST: i64 = 500;
        let query: TeamTaxonomyQuery = nodes::read(node)?;
        let (limit, offset) = page(Some(query.limit.unwrap_or(MOST).min(MOST)), query.offset)?;
        let select = lately(run)
            .column(Expr::field(["event"]))
            .column(Expr::call("count", []).aliased("times"))
            .group_by([Expr::field(["event"])])
            .order_by([Expr::field(["times"]).descending(), Expr::field(["event"]).ascending()])
            .limit(limit)
            .offset(offset);
        let found = run.select("events", select, LimitRule { default: None, max: None, look_ahead: true }).await?;
        let cell = |(batch, row): (&arrow_array::RecordBatch, usize)| json!({"event": cells::json(batch.column(0), row, &run.calendar), "count": cells::json(batch.column(1), row, &run.calendar)});
        let mut answer = answered(cells::rows(&found.batches).map(cell).collect());
        answer.insert("hasMore".to_owned(), found.has_more.into());
        answer.insert("limit".to_owned(), limit.into());
        answer.insert("offset".to_owned(), offset.into());
        Ok(answer)
    }
}

/// Values of properties of persons or groups.
pub mod actors {
    use super::*;

    pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
        const MOST: usize = 100;
        let query: ActorsPropertyTaxonomyQuery = nodes::read(node)?;
        if query.properties.len() > MOST {
            return Err(Failure::invalid(format!("`properties` can have at most {MOST} names")));
        }
        if query.properties.is_empty() {
            return Ok(answered(Vec::new()));
        }
        let most = query.max_values.unwrap_or(DEFAULT_VALUES).clamp(1, MAX_VALUES) as i64;
        let mut select = Select::from_table(if query.group_type_index.is_some() { "groups" } else { "persons" });
        if let Some(index) = query.group_type_index {
            select = select.and_where(Expr::eq(Expr::field(["index"]), Expr::constant(i64::from(index))));
        }
        for (at, name) in query.properties.iter().enumerate() {
            let value = || Expr::call("toString", [Expr::field(["properties", name])]);
            select = select
                .column(Expr::parametric("groupUniqArray", [Expr::constant(most)], [value()]).aliased(&format!("values_{at}")))
                .column(Expr::call("uniq", [value()]).aliased(&format!("count_{at}")));
        }
        let found = run.select_all("values", select).await?;
        let row = found.to_json(&run.calendar).into_iter().next().unwrap_or_default();
        let pairs = row.chunks(2).map(|pair| json!({"sample_values": pair[0], "sample_count": pair.get(1)}));
        Ok(answered(pairs.collect()))
    }
}

fn answered(results: Vec<Value>) -> Answer {
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), results.into());
    answer
}

fn lately(run: &Run) -> Select {
    let since = Timestamp((run.calendar.now() - TimeDelta::days(DAYS)).timestamp_micros());
    Select::from_table("events").and_where(Expr::compare(CompareOp::GtEq, Expr::field(["timestamp"]), Expr::constant(since)))
}

/// Names that clients add to every event for the server's use.
fn is_worth_naming(name: &str) -> bool {
    !matches!(name, "token" | "$set" | "$set_once" | "$unset" | "$groups" | "distinct_id") && !name.starts_with("$feature/")
}
