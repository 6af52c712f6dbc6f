//! Persons (or groups): all of them, or those behind a point of an insight or the rows of a query.

use super::Answer;
use super::by_cohort;
use super::correlation;
use super::experiments;
use super::funnels;
use super::hogql;
use super::lifecycle;
use super::listed::{self, Listed};
use super::paths;
use super::retention;
use super::rows::{self, check_columns, column, order, page};
use super::stickiness;
use super::trends;
use crate::cells;
use crate::conditions::Subject;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::tables::{ActorsQuery, HogQLQuery, InsightActorsQuery, StickinessActorsQuery};
use crate::run::{Rows, Run};
use arrow_array::RecordBatch;
use query::ast::{CompareOp, Expr, ExprKind, Join, JoinConstraint, JoinKind, Order, Query, Select, TableRef, TableSource};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Selects `actor_id` and `event_count`.
struct Source {
    select: Select,
    group_type_index: Option<u8>,
    has_distinct_ids: bool,
}

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let mut query: ActorsQuery = nodes::read(node)?;
    if let Some(drilled) = query.source.as_ref().map_or(Ok(None), |source| by_cohort::drill_down(source, run))? {
        query.source = Some(drilled);
    }
    if let Some(listed) = behind(query.source.as_ref(), run).await? {
        return listed::answer(run, &query, listed).await;
    }
    let with_distinct_ids = query.select.iter().flatten().any(|column| column == DISTINCT_IDS);
    let source = match query.source.as_ref().filter(|source| !source.is_null()) {
        Some(source) => Some(read_source(source, with_distinct_ids, run).await?),
        None => None,
    };
    let columns = query.select.clone().filter(|columns| !columns.is_empty()).unwrap_or_else(|| default_columns(source.as_ref()));
    check_columns(&columns)?;
    let group = source.as_ref().and_then(|source| source.group_type_index);
    // Those without a profile are many among anonymous visitors; pages are filled with the others.
    let profiles_only = source.as_ref().filter(|source| group.is_none() && !source.has_distinct_ids).map(|source| source.select.clone());
    let (select, plan) = build(&query, source, &columns, profiles_only.is_some(), run)?;
    let found = run.select("actors", select, run.row_limit()).await?;
    let mut ids: Vec<String> =
        cells::rows(&found.batches).filter_map(|(batch, row)| cells::text(batch.column(0), row)).map(str::to_owned).collect();
    ids.sort();
    ids.dedup();
    let actors = match group {
        Some(index) => groups(&ids, index, run).await?,
        None => rows::persons(&ids, run).await?,
    };
    let is_first_page = query.offset.unwrap_or(0) == 0 && query.search.as_deref().unwrap_or_default().is_empty();
    let mut missing = match profiles_only.filter(|_| is_first_page) {
        Some(source) => count_without_profile(source, run).await?,
        None => 0,
    };
    let mut results = Vec::new();
    for (batch, row) in cells::rows(&found.batches) {
        let id = cells::text(batch.column(0), row).unwrap_or_default();
        let nobody = json!({"type": "person", "id": id, "uuid": id, "properties": {}, "is_identified": false});
        let actor = match actors.get(id) {
            Some(actor) => actor,
            None if with_distinct_ids => &nobody,
            None => {
                missing += 1;
                continue;
            }
        };
        results.push(plan.iter().map(|cell| read_cell(cell, batch, row, actor, run)).collect::<Value>());
    }
    let mut answer = Answer::new();
    answer.insert("columns".to_owned(), json!(columns));
    answer.insert("types".to_owned(), plan.iter().map(|cell| kind(cell, &found)).collect());
    answer.insert("hasMore".to_owned(), found.has_more.into());
    answer.insert("limit".to_owned(), json!(found.limit));
    answer.insert("offset".to_owned(), found.offset.into());
    answer.insert("missing_actors_count".to_owned(), missing.into());
    answer.insert("results".to_owned(), results.into());
    Ok(answer)
}

/// The actors of insights whose numbers an operator finds. `None`: of those that are a select, and of queries.
async fn behind(source: Option<&Value>, run: &Run) -> Result<Option<Listed>, Failure> {
    let Some(source) = source else { return Ok(None) };
    let insight = source.get("source").filter(|insight| insight.is_object()).map(nodes::unwrap).transpose()?;
    Ok(match (nodes::kind_of(source), insight.and_then(nodes::kind_of)) {
        (Some("ExperimentActorsQuery"), _) => Some(experiments::actors::list(run, source).await?),
        (Some("FunnelsActorsQuery"), _) => Some(funnels::actors::list(run, source).await?),
        (Some("FunnelCorrelationActorsQuery"), _) => Some(correlation::actors::list(run, source).await?),
        (Some("InsightActorsQuery"), Some("RetentionQuery")) => Some(retention::actors::list(run, source).await?),
        (Some("InsightActorsQuery"), Some("FunnelsQuery")) => {
            return Err(Failure::invalid("The actors of a FunnelsQuery are asked for with a FunnelsActorsQuery"));
        }
        (Some("InsightActorsQuery"), Some("LifecycleQuery")) => Some(lifecycle::actors(run, &nodes::read(source)?).await?),
        (Some("InsightActorsQuery"), Some("PathsQuery")) => Some(paths::actors::list(run, &nodes::read(source)?).await?),
        (Some("InsightActorsQuery"), Some("StickinessQuery")) => {
            let asked: InsightActorsQuery = nodes::read(source)?;
            let point = stickiness::Point {
                day: asked.day.as_ref(),
                operator: None,
                series: asked.series.unwrap_or(0),
                compare: asked.compare.as_deref(),
            };
            Some(stickiness::actors(run, nodes::unwrap(&asked.source)?, point).await?)
        }
        (Some("StickinessActorsQuery"), _) => {
            let asked: StickinessActorsQuery = nodes::read(source)?;
            let point = stickiness::Point {
                day: asked.day.as_ref(),
                operator: asked.operator.as_deref(),
                series: asked.series.unwrap_or(0),
                compare: asked.compare.as_deref(),
            };
            Some(stickiness::actors(run, nodes::unwrap(&asked.source)?, point).await?)
        }
        _ => None,
    })
}

/// The distinct ids of the actor's events, for actors that have no profile.
const DISTINCT_IDS: &str = "event_distinct_ids";

async fn count_without_profile(source: Select, run: &Run) -> Result<i64, Failure> {
    let known = Select::from_table("persons").column(Expr::field(["id"]));
    let unknown = Expr::compare(CompareOp::NotIn, Expr::field(["actor_id"]), Expr::subquery(known));
    let counted = Select::from_query(source, Some("source")).column(Expr::call("count", []).aliased("missing")).and_where(unknown);
    let rows = run.select_all("without profile", counted).await?;
    let count = cells::rows(&rows.batches).next().and_then(|(batch, row)| cells::number(batch.column(0), row));
    Ok(count.unwrap_or(0.0) as i64)
}

fn default_columns(source: Option<&Source>) -> Vec<String> {
    let columns: &[&str] = match source {
        Some(source) if source.group_type_index.is_some() => &["group", "event_count"],
        Some(_) => &["person", "id", "created_at", "person.$delete", "event_count"],
        None => &["person", "id", "created_at", "person.$delete"],
    };
    columns.iter().map(|column| (*column).to_owned()).collect()
}

async fn read_source(source: &Value, with_distinct_ids: bool, run: &Run) -> Result<Source, Failure> {
    match nodes::kind_of(source) {
        Some("InsightActorsQuery") => {
            let query: InsightActorsQuery = nodes::read(source)?;
            let insight = nodes::unwrap(&query.source)?;
            match nodes::kind_of(insight) {
                Some("TrendsQuery") => {
                    let actors = trends::actors::select(run, &query, with_distinct_ids).await?;
                    Ok(Source { select: actors.select, group_type_index: actors.group_type_index, has_distinct_ids: with_distinct_ids })
                }
                other => Err(Failure::Invalid(format!("The actors of \"{}\" are not supported yet.", other.unwrap_or("?")))),
            }
        }
        Some("HogQLQuery") => {
            let query: HogQLQuery = nodes::read(source)?;
            of_rows(hogql::prepare(&query, run)?)
        }
        Some(other) => Err(Failure::Invalid(format!("Actors of a source of kind \"{other}\" are not supported yet."))),
        None => Err(Failure::invalid("`source` needs a kind")),
    }
}

/// The persons named by a query's rows: by its column actor_id, person_id or id, or else its first.
fn of_rows(query: Query) -> Result<Source, Failure> {
    let Query::Select(select) = &query else {
        return Err(Failure::invalid("A source of actors must be one SELECT"));
    };
    let names: Vec<Option<String>> = select.columns.iter().map(output_name).collect();
    let chosen = ["actor_id", "person_id", "id"].into_iter().find(|name| names.iter().flatten().any(|known| known == name));
    let name = chosen.map(str::to_owned).or_else(|| names.first().cloned().flatten());
    let name = name.ok_or_else(|| Failure::invalid("A source of actors needs a column called actor_id, person_id or id"))?;
    let select = Select::from_query(query, Some("source"))
        .column(Expr::field([name]).aliased("actor_id"))
        .column(Expr::call("count", []).aliased("event_count"))
        .group_by([Expr::field(["actor_id"])]);
    Ok(Source { select, group_type_index: None, has_distinct_ids: false })
}

fn output_name(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Alias { name, .. } => Some(name.clone()),
        ExprKind::Field(path) => path.last().cloned(),
        _ => None,
    }
}

/// How a cell of the answer is made.
enum Cell {
    Actor,
    Id,
    CreatedAt,
    Recordings,
    Column(usize),
}

/// The cells of a row, and the expressions that the select has to have for them.
fn read_columns(columns: &[String], has_distinct_ids: bool) -> Result<(Vec<Cell>, Vec<Expr>), Failure> {
    let (mut cells, mut exprs) = (Vec::new(), Vec::new());
    for text in columns {
        cells.push(match text.split(" -- ").next().unwrap_or_default().trim() {
            "person" | "actor" | "group" => Cell::Actor,
            "id" | "actor_id" | "person.$delete" => Cell::Id,
            "created_at" => Cell::CreatedAt,
            "matched_recordings" => Cell::Recordings,
            DISTINCT_IDS if !has_distinct_ids => return Err(Failure::invalid("event_distinct_ids need an insight as source")),
            _ => {
                exprs.push(column(text)?);
                Cell::Column(exprs.len())
            }
        });
    }
    Ok((cells, exprs))
}

/// The select, whose first column is the actor's id, and the cells of a row.
fn build(
    query: &ActorsQuery,
    source: Option<Source>,
    columns: &[String],
    profiles_only: bool,
    run: &Run,
) -> Result<(Select, Vec<Cell>), Failure> {
    let group = source.as_ref().and_then(|source| source.group_type_index);
    let has_source = source.is_some();
    let (cells, exprs) = read_columns(columns, source.as_ref().is_some_and(|source| source.has_distinct_ids))?;
    let orders = read_orders(query, has_source, group)?;
    let conditions = conditions(query, group, run)?;
    let (limit, offset) = page(query.limit, query.offset)?;
    let of_source = |expr: &Expr| matches!(output_name(expr).as_deref(), Some("event_count" | "actor_id" | DISTINCT_IDS));
    let is_enough = exprs.iter().all(of_source) && orders.iter().all(|order| of_source(&order.expr));
    let (mut select, id) = match source {
        None => (Select::from_table("persons"), Expr::field(["id"])),
        Some(source) => (rows_of(source, !is_enough), Expr::field(["actor_id"])),
    };
    if !conditions.is_empty() || profiles_only {
        let condition = Expr::and(conditions);
        let matching = match group {
            None => Select::from_table("persons").column(Expr::field(["id"])),
            Some(index) => {
                let of_type = Expr::eq(Expr::field(["index"]), Expr::constant(i64::from(index)));
                Select::from_table("groups").column(Expr::field(["key"])).and_where(of_type)
            }
        };
        select = select.and_where(match has_source {
            true => Expr::compare(CompareOp::In, id.clone(), Expr::subquery(matching.and_where(condition))),
            false => condition,
        });
    }
    select = select.column(id.aliased("actor_key"));
    for (index, expr) in exprs.into_iter().enumerate() {
        select = select.column(if expr.alias().is_some() { expr } else { expr.aliased(&format!("column_{index}")) });
    }
    Ok((select.order_by(orders).limit(limit).offset(offset), cells))
}

/// The actors of a source, beside their profiles when columns or the order need those.
fn rows_of(source: Source, with_profiles: bool) -> Select {
    let is_group = source.group_type_index.is_some();
    let mut select = Select::from_query(source.select, Some("source"));
    if with_profiles
        && !is_group
        && let Some(from) = select.from.as_mut()
    {
        let on = Expr::eq(Expr::field(["persons", "id"]), Expr::field(["source", "actor_id"]));
        let table = TableRef::new(TableSource::Table(vec!["persons".to_owned()]));
        from.joins.push(Join { kind: JoinKind::Inner, strictness: None, table, constraint: Some(JoinConstraint::On(on)) });
    }
    select
}

fn read_orders(query: &ActorsQuery, has_source: bool, group: Option<u8>) -> Result<Vec<Order>, Failure> {
    let id = if has_source { "actor_id" } else { "id" };
    if let Some(texts) = query.order_by.as_ref().filter(|texts| !texts.is_empty()) {
        let rename = |mut order: Order| {
            if has_source && group.is_none() && order.expr == Expr::field(["id"]) {
                order.expr = Expr::field([id]);
            }
            order
        };
        return texts.iter().map(|text| order(text).map(rename)).collect();
    }
    let first = if has_source { "event_count" } else { "created_at" };
    Ok(vec![Expr::field([first]).descending(), Expr::field([id]).ascending()])
}

/// Search and property filters, on the persons (or groups) table.
pub fn conditions(query: &ActorsQuery, group: Option<u8>, run: &Run) -> Result<Vec<Expr>, Failure> {
    let scope = run.scope(group.map_or(Subject::Persons, Subject::Groups));
    let mut conditions = Vec::new();
    for properties in [&query.properties, &query.fixed_properties].into_iter().flatten() {
        if !properties.is_empty() {
            conditions.push(scope.properties(properties)?);
        }
    }
    if let Some(search) = query.search.as_deref().map(str::trim).filter(|search| !search.is_empty()) {
        conditions.push(match group {
            None => person_search(search),
            Some(_) => Expr::or([like(Expr::field(["key"]), search), like(Expr::field(["properties", "name"]), search)]),
        });
    }
    Ok(conditions)
}

/// Part of the e-mail, the name, a distinct id or the id.
pub fn person_search(search: &str) -> Expr {
    let matching =
        Select::from_table("person_distinct_ids").column(Expr::field(["person_id"])).and_where(like(Expr::field(["distinct_id"]), search));
    Expr::or([
        like(Expr::field(["properties", "email"]), search),
        like(Expr::field(["properties", "name"]), search),
        like(Expr::call("toString", [Expr::field(["id"])]), search),
        Expr::compare(CompareOp::In, Expr::field(["id"]), Expr::subquery(matching)),
    ])
}

pub fn like(expr: Expr, text: &str) -> Expr {
    let literal: String = text.chars().flat_map(|c| if matches!(c, '%' | '_' | '\\') { vec!['\\', c] } else { vec![c] }).collect();
    Expr::compare(CompareOp::ILike, expr, Expr::constant(format!("%{literal}%")))
}

pub async fn groups(keys: &[String], index: u8, run: &Run) -> Result<HashMap<String, Value>, Failure> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let select =
        ["key", "created_at", "properties"].iter().fold(Select::from_table("groups"), |select, name| select.column(Expr::field([*name])));
    let select = select
        .and_where(Expr::eq(Expr::field(["index"]), Expr::constant(i64::from(index))))
        .and_where(Expr::is_in(Expr::field(["key"]), keys.iter().map(Expr::constant)));
    let found = run.select_all("groups", select).await?;
    // A group that was never described is a group all the same.
    let unknown = |key: &String| json!({"type": "group", "id": key, "group_key": key, "group_type_index": index, "properties": {}, "created_at": null});
    let mut groups: HashMap<String, Value> = keys.iter().map(|key| (key.clone(), unknown(key))).collect();
    for (batch, row) in cells::rows(&found.batches) {
        if let Some(group) = cells::text(batch.column(0), row).and_then(|key| groups.get_mut(key)) {
            group["created_at"] = cells::json(batch.column(1), row, &run.calendar);
            group["properties"] = rows::object(cells::text(batch.column(2), row));
        }
    }
    Ok(groups)
}

fn read_cell(cell: &Cell, batch: &RecordBatch, row: usize, actor: &Value, run: &Run) -> Value {
    match cell {
        Cell::Actor => actor.clone(),
        Cell::Id => actor["id"].clone(),
        Cell::CreatedAt => actor["created_at"].clone(),
        Cell::Recordings => json!([]),
        Cell::Column(position) => cells::json(batch.column(*position), row, &run.calendar),
    }
}

fn kind(cell: &Cell, found: &Rows) -> Value {
    match cell {
        Cell::Column(position) => found.columns.get(*position).map_or(Value::Null, |column| column.kind.clone().into()),
        Cell::CreatedAt => "DateTime64(6, 'UTC')".into(),
        Cell::Id => "UUID".into(),
        Cell::Actor | Cell::Recordings => "String".into(),
    }
}
