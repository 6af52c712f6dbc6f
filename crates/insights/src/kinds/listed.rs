//! Actors that an operator found, as the rows of an `ActorsQuery`.
//!
//! The operator's answer is a list in memory, so paging and the order by what it says of an actor happen here; the store is
//! asked only for what it alone knows: who has a profile, meets filters, and what the profiles of one page say.

use super::Answer;
use super::actors::{conditions, groups};
use super::rows::{self, column, order, page};
use crate::cells;
use crate::failure::Failure;
use crate::nodes::tables::ActorsQuery;
use crate::run::{Rows, Run};
use events::Behaved;
use query::ast::{CompareOp, Expr, Order, Select};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

#[derive(Clone, Debug, Default)]
pub struct Listed {
    pub actors: Vec<ListedActor>,
    pub group_type_index: Option<u8>,
}

#[derive(Clone, Debug, Default)]
pub struct ListedActor {
    pub id: String,
    /// How often they did it, where that is known.
    pub event_count: Option<u64>,
    /// Columns of a retention grid that they were seen in.
    pub appearances: Option<Vec<usize>>,
}

impl Listed {
    /// Everybody whom an operator's answer lists; who is there twice is listed once.
    pub fn of(behaved: Behaved, group_type_index: Option<u8>) -> Listed {
        Listed::chosen(behaved.answer.actors(), &behaved.actors, group_type_index)
    }

    /// Some of those whom an operator's answer lists, by their numbers.
    pub fn chosen(numbers: impl IntoIterator<Item = u32>, names: &HashMap<u32, String>, group_type_index: Option<u8>) -> Listed {
        let mut seen = HashSet::new();
        let named = numbers.into_iter().filter(|number| seen.insert(*number)).filter_map(|number| names.get(&number));
        Listed { actors: named.map(|id| ListedActor { id: id.clone(), ..ListedActor::default() }).collect(), group_type_index }
    }
}

pub async fn answer(run: &Run, query: &ActorsQuery, listed: Listed) -> Result<Answer, Failure> {
    let columns = query.select.clone().filter(|columns| !columns.is_empty()).unwrap_or_else(|| default_columns(&listed));
    rows::check_columns(&columns)?;
    let cells = columns.iter().map(|text| Cell::read(text)).collect::<Result<Vec<_>, _>>()?;
    let conditions = conditions(query, listed.group_type_index, run)?;
    let (limit, offset) = page(query.limit, query.offset)?;
    let limit = (limit as u64).min(run.row_limit().max.unwrap_or(u64::MAX)) as usize;
    let total = listed.actors.len();
    let counts_missing = conditions.is_empty() && listed.group_type_index.is_none();
    let ordered = ordered(run, query, &listed, conditions).await?;
    let missing = if counts_missing && offset == 0 { total - ordered.len() } else { 0 };
    let shown: Vec<&ListedActor> = ordered.iter().skip(offset as usize).take(limit).copied().collect();
    let ids: Vec<String> = shown.iter().map(|actor| actor.id.clone()).collect();
    let profiles = match listed.group_type_index {
        Some(index) => groups(&ids, index, run).await?,
        None => rows::persons(&ids, run).await?,
    };
    let more = computed(run, &cells, &ids, listed.group_type_index).await?;
    let results: Vec<Value> = shown
        .iter()
        .filter_map(|actor| Some((actor, profiles.get(&actor.id)?)))
        .map(|(actor, profile)| cells.iter().map(|cell| cell.write(actor, profile, &more, run)).collect())
        .collect();
    let mut answer = Answer::new();
    answer.insert("columns".to_owned(), json!(columns));
    answer.insert("types".to_owned(), cells.iter().map(|cell| cell.kind(&more)).collect());
    answer.insert("hasMore".to_owned(), (ordered.len() > (offset as usize).saturating_add(shown.len())).into());
    answer.insert("limit".to_owned(), limit.into());
    answer.insert("offset".to_owned(), offset.into());
    answer.insert("missing_actors_count".to_owned(), missing.into());
    answer.insert("results".to_owned(), results.into());
    Ok(answer)
}

fn default_columns(listed: &Listed) -> Vec<String> {
    let mut columns = match listed.group_type_index {
        Some(_) => vec!["group"],
        None => vec!["person", "id", "created_at", "person.$delete"],
    };
    if listed.actors.iter().any(|actor| actor.event_count.is_some()) {
        columns.push("event_count");
    }
    if listed.actors.iter().any(|actor| actor.appearances.is_some()) {
        columns.push("appearances");
    }
    columns.into_iter().map(str::to_owned).collect()
}

/// What the list itself says of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    Id,
    EventCount,
    Appearances,
    AppearanceCount,
}

impl Own {
    fn of(expr: &Expr) -> Option<Own> {
        let field = |name: &str| Expr::field([name]);
        let known = [
            (field("id"), Own::Id),
            (field("actor_id"), Own::Id),
            (field("event_count"), Own::EventCount),
            (field("appearances"), Own::Appearances),
            (Expr::call("length", [field("appearances")]), Own::AppearanceCount),
        ];
        known.into_iter().find(|(known, _)| known == expr).map(|(_, own)| own)
    }

    fn compare(self, a: &ListedActor, b: &ListedActor) -> std::cmp::Ordering {
        match self {
            Own::Id => a.id.cmp(&b.id),
            Own::EventCount => a.event_count.cmp(&b.event_count),
            Own::Appearances => a.appearances.cmp(&b.appearances),
            Own::AppearanceCount => a.times_seen().cmp(&b.times_seen()),
        }
    }

    fn value(self, actor: &ListedActor) -> Value {
        match self {
            Own::Id => json!(actor.id),
            Own::EventCount => json!(actor.event_count),
            Own::Appearances => json!(actor.appearances),
            Own::AppearanceCount => json!(actor.times_seen()),
        }
    }
}

impl ListedActor {
    fn times_seen(&self) -> usize {
        self.appearances.as_ref().map_or(0, Vec::len)
    }
}

/// How a cell of the answer is made.
enum Cell {
    Actor,
    Id,
    CreatedAt,
    Recordings,
    Own(Own),
    /// An expression over the profile.
    Computed(Expr),
}

impl Cell {
    fn read(text: &str) -> Result<Cell, Failure> {
        Ok(match text.split(" -- ").next().unwrap_or_default().trim() {
            "person" | "actor" | "group" => Cell::Actor,
            "id" | "actor_id" | "person.$delete" => Cell::Id,
            "created_at" => Cell::CreatedAt,
            "matched_recordings" => Cell::Recordings,
            "event_distinct_ids" => return Err(Failure::invalid("event_distinct_ids are only known for the actors of trends")),
            _ => {
                let expr = column(text)?;
                Own::of(&expr).map_or(Cell::Computed(expr), Cell::Own)
            }
        })
    }

    fn write(&self, actor: &ListedActor, profile: &Value, more: &Computed, run: &Run) -> Value {
        match self {
            Cell::Actor => profile.clone(),
            Cell::Id => profile["id"].clone(),
            Cell::CreatedAt => profile["created_at"].clone(),
            Cell::Recordings => json!([]),
            Cell::Own(own) => own.value(actor),
            Cell::Computed(expr) => more.cell(&actor.id, expr, run),
        }
    }

    fn kind(&self, more: &Computed) -> Value {
        match self {
            Cell::Own(Own::EventCount | Own::AppearanceCount) => "UInt64".into(),
            Cell::Own(Own::Appearances) => "Array(UInt64)".into(),
            Cell::CreatedAt => "DateTime64(6, 'UTC')".into(),
            Cell::Id | Cell::Own(Own::Id) => "UUID".into(),
            Cell::Actor | Cell::Recordings => "String".into(),
            Cell::Computed(expr) => more.kind(expr),
        }
    }
}

/// Those of the list that have a profile and meet the conditions, in the order that was asked for.
async fn ordered<'a>(run: &Run, query: &ActorsQuery, listed: &'a Listed, conditions: Vec<Expr>) -> Result<Vec<&'a ListedActor>, Failure> {
    let texts = query.order_by.clone().unwrap_or_default();
    let orders = texts.iter().map(|text| order(text)).collect::<Result<Vec<Order>, _>>()?;
    let own: Vec<(Own, bool)> = orders.iter().filter_map(|order| Some((Own::of(&order.expr)?, order.descending))).collect();
    let by_profile = own.len() < orders.len();
    if by_profile && own.iter().any(|(own, _)| *own != Own::Id) {
        return Err(Failure::invalid("`orderBy` can name fields of the actors or of the list, not both"));
    }
    let is_free = listed.group_type_index.is_some() && conditions.is_empty() && !by_profile;
    let mut kept: Vec<&ListedActor> = listed.actors.iter().collect();
    if !is_free {
        let rename = |mut order: Order| {
            order.expr = if Own::of(&order.expr).is_some() { key(listed.group_type_index) } else { order.expr };
            order
        };
        let orders = if by_profile { orders.into_iter().map(rename).collect() } else { Vec::new() };
        let known = known(run, listed, Expr::and(conditions), orders).await?;
        if by_profile {
            let by_id: HashMap<&str, &ListedActor> = kept.iter().map(|actor| (actor.id.as_str(), *actor)).collect();
            return Ok(known.iter().filter_map(|id| by_id.get(id.as_str()).copied()).collect());
        }
        let known: HashSet<String> = known.into_iter().collect();
        kept.retain(|actor| known.contains(&actor.id));
    }
    let usual = [(Own::EventCount, true), (Own::AppearanceCount, true), (Own::Id, false)];
    let orders = if own.is_empty() { &usual[..] } else { &own };
    kept.sort_by(|a, b| {
        let by = |(own, descending): &(Own, bool)| if *descending { own.compare(b, a) } else { own.compare(a, b) };
        orders.iter().map(by).find(|order| order.is_ne()).unwrap_or_else(|| a.id.cmp(&b.id))
    });
    Ok(kept)
}

fn key(group: Option<u8>) -> Expr {
    Expr::field([if group.is_some() { "key" } else { "id" }])
}

fn profiles(group: Option<u8>) -> Select {
    match group {
        None => Select::from_table("persons"),
        Some(index) => Select::from_table("groups").and_where(Expr::eq(Expr::field(["index"]), Expr::constant(i64::from(index)))),
    }
}

/// The ids of profiles that meet a condition; of longer lists than a query can name, those of everybody.
async fn known(run: &Run, listed: &Listed, condition: Expr, orders: Vec<Order>) -> Result<Vec<String>, Failure> {
    // Longer lists take longer to write into a query than it takes to read everybody's id.
    const MOST_NAMED: usize = 1_000;
    const PAGE: usize = 200_000;
    let (most_named, page) = (MOST_NAMED.min(run.most_groups()), PAGE.min(run.most_groups()).max(1));
    let group = listed.group_type_index;
    let mut select = profiles(group).column(key(group));
    if condition != Expr::constant(true) {
        select = select.and_where(condition);
    }
    if listed.actors.is_empty() {
        return Ok(Vec::new());
    }
    let read = |rows: &Rows| -> Vec<String> {
        cells::rows(&rows.batches).filter_map(|(batch, row)| cells::text(batch.column(0), row)).map(str::to_owned).collect()
    };
    if listed.actors.len() <= most_named {
        let named = Expr::is_in(key(group), listed.actors.iter().map(|actor| Expr::constant(&actor.id)));
        return Ok(read(&run.select_all("profiles", select.and_where(named).order_by(orders)).await?));
    }
    if !orders.is_empty() {
        return Ok(read(&run.select_all("profiles", select.order_by(orders)).await?));
    }
    let wanted: HashSet<&str> = listed.actors.iter().map(|actor| actor.id.as_str()).collect();
    let (mut known, mut last): (Vec<String>, Option<String>) = (Vec::new(), None);
    loop {
        let mut next = select.clone().order_by([key(group).ascending()]).limit(page as i64);
        if let Some(last) = &last {
            next = next.and_where(Expr::compare(CompareOp::Gt, key(group), Expr::constant(last)));
        }
        let ids = read(&run.select_all("profiles", next).await?);
        let is_last = ids.len() < page;
        last = ids.last().cloned();
        known.extend(ids.into_iter().filter(|id| wanted.contains(id.as_str())));
        if is_last {
            return Ok(known);
        }
    }
}

/// The cells of one page that are expressions over profiles.
#[derive(Default)]
struct Computed {
    exprs: Vec<Expr>,
    rows: Option<Rows>,
    places: HashMap<String, (usize, usize)>,
}

async fn computed(run: &Run, cells: &[Cell], ids: &[String], group: Option<u8>) -> Result<Computed, Failure> {
    let exprs = cells.iter().filter_map(|cell| if let Cell::Computed(expr) = cell { Some(expr.clone()) } else { None });
    let exprs: Vec<Expr> = exprs.collect();
    if exprs.is_empty() {
        return Ok(Computed::default());
    }
    // A page without anybody still has to say what was wrong with its columns.
    let named = Expr::is_in(key(group), ids.iter().map(Expr::constant).chain(ids.is_empty().then(Expr::null)));
    let mut select = profiles(group).and_where(named).column(key(group).aliased("actor_key"));
    for (index, expr) in exprs.iter().enumerate() {
        select = select.column(expr.clone().aliased(&format!("column_{index}")));
    }
    let rows = run.select_all("columns", select).await?;
    let mut places = HashMap::new();
    for (index, batch) in rows.batches.iter().enumerate() {
        for row in 0..batch.num_rows() {
            if let Some(id) = cells::text(batch.column(0), row) {
                places.insert(id.to_owned(), (index, row));
            }
        }
    }
    Ok(Computed { exprs, rows: Some(rows), places })
}

impl Computed {
    fn position(&self, expr: &Expr) -> Option<usize> {
        self.exprs.iter().position(|known| known == expr).map(|index| index + 1)
    }

    fn cell(&self, id: &str, expr: &Expr, run: &Run) -> Value {
        let found = || {
            let (batch, row) = self.places.get(id)?;
            Some(cells::json(self.rows.as_ref()?.batches[*batch].column(self.position(expr)?), *row, &run.calendar))
        };
        found().unwrap_or(Value::Null)
    }

    fn kind(&self, expr: &Expr) -> Value {
        let found = || Some(self.rows.as_ref()?.columns.get(self.position(expr)?)?.kind.clone());
        found().map_or(Value::Null, Value::from)
    }
}
