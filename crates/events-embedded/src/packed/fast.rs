//! Behaviour out of packed columns: `None` sends a query the general way.

use super::bind::{Part, Wanted};
use super::gather::{Extra, Fed, Job, Stop, feed_aside};
use super::keys::{Keys, numbers};
use super::loose;
use super::numbering::Bits;
use super::shape::{Maker, plain_column, recognise};
use super::team::{Persons, Source};
use crate::behave::Columns;
use crate::columns::TIMESTAMP;
use crate::scan::{Counters, Scan};
use crate::select;
use crate::snapshot::Snapshot;
use crate::state::Shared;
use crate::table::EventsTable;
use anyhow::{Context, Result};
use behaviour::{Operator, Plan, Row};
use datafusion::common::TableReference;
use events::{Behaved, Budget, QueryError};
use model::TeamId;
use query::{ColumnSource, Printed, Table, TableUse};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;
use uuid::Uuid;

/// More rows than this outside packed columns are better left to the general path, unless packed ones are many more.
const MANY_LOOSE: u64 = 1 << 20;

/// Tells the threads of a query that nobody waits for it any more.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub async fn behave(
    shared: Arc<Shared>,
    printed: Arc<Printed>,
    plan: Arc<Plan>,
    team: TeamId,
    snapshot: Arc<Snapshot>,
    budget: Budget,
) -> Result<Option<Behaved>, QueryError> {
    let until = Instant::now() + budget.deadline;
    let [table] = &printed.tables[..] else { return Ok(None) };
    if table.table != Table::Events || !snapshot.segments.iter().any(|segment| segment.meta.rows >= shared.limits.packed_rows) {
        return Ok(None);
    }
    let wanted = match wanted(&printed, table, &snapshot, &budget).await {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return Ok(None),
        Err(error) => {
            tracing::debug!(?error, "a select is left to the general path");
            return Ok(None);
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    let _guard = StopOnDrop(stop.clone());
    let table = table.clone();
    let answered =
        tokio::task::spawn_blocking(move || answer(&shared, &wanted, &table, &plan, team, &snapshot, budget, until, &stop)).await;
    match answered {
        Ok(Ok(behaved)) => Ok(behaved),
        Ok(Err(Stop::Query(error))) => Err(error),
        Ok(Err(Stop::Unable(error))) => {
            tracing::debug!(?error, "packed columns could not answer; the general path does");
            Ok(None)
        }
        Err(error) => {
            tracing::error!(%error, "reading packed columns failed; the general path answers");
            Ok(None)
        }
    }
}

/// What the select asks of each row, when it is one that packed columns can answer.
async fn wanted(printed: &Printed, table: &TableUse, snapshot: &Arc<Snapshot>, budget: &Budget) -> Result<Option<Wanted>> {
    let context = select::session(budget)?;
    let provider = EventsTable { snapshot: snapshot.clone(), table: table.clone(), counters: Arc::default() };
    context.register_table(TableReference::bare(table.name.as_str()), Arc::new(provider))?;
    let (state, plan) = context.sql(&printed.sql).await?.into_parts();
    let plan = state.optimize(&plan)?;
    let maker = Maker { state: &state, columns: &table.columns, leaves: Default::default() };
    let Some(shape) = recognise(&plan, &maker)? else { return Ok(None) };
    let columns = Columns::of(printed)?;
    let is = |output: usize, field: &str| {
        let name = shape.outputs.get(output).and_then(plain_column);
        let found = name.and_then(|name| table.columns.iter().find(|column| column.name == name));
        found.is_some_and(|column| column.source == ColumnSource::Field(if field == TIMESTAMP { TIMESTAMP } else { "person_id" }))
    };
    if shape.outputs.len() != printed.columns.len() || !is(columns.actor, "person_id") || !is(columns.at, TIMESTAMP) {
        return Ok(None);
    }
    let output = |at: usize| shape.outputs.get(at).context("a column without an expression");
    let masks = columns.conditions.iter().map(|(at, bit)| Ok((*bit, maker.condition(output(*at)?)?))).collect::<Result<_>>()?;
    let texts = columns.texts.iter().map(|at| maker.leaf(output(*at)?)).collect::<Result<_>>()?;
    let number = columns.number.map(|at| maker.leaf(output(at)?)).transpose()?;
    Ok(Some(Wanted { columns: table.columns.clone(), filter: shape.filter, masks, texts, number, arrays: Vec::new() }))
}

#[allow(clippy::too_many_arguments, reason = "what a query consists of, for the only caller")]
fn answer(
    shared: &Shared,
    wanted: &Wanted,
    table: &TableUse,
    plan: &Plan,
    team: TeamId,
    snapshot: &Arc<Snapshot>,
    budget: Budget,
    until: Instant,
    stop: &AtomicBool,
) -> Result<Option<Behaved>, Stop> {
    let Some((sources, rest)) = sources(shared, snapshot, table)? else { return Ok(None) };
    let persons = shared.teams.persons(team, snapshot, &sources, &shared.keyring)?;
    let keys = Keys::new(wanted.texts.len())?;
    let Some(parts) = bind(&sources, wanted, &persons, &keys, shared.limits.query_threads)? else { return Ok(None) };
    let counters = Arc::new(Counters::default());
    let scan = Scan::plan(Arc::new(rest), table, wanted.columns.clone(), counters.clone())?;
    let loose = loose::read(&scan, wanted, &keys, shared.limits.query_threads, stop, budget.memory_bytes)?;
    let mut job = Job {
        aside: aside(&persons, &sources),
        parts,
        numbering: &persons.numbering,
        loose: Vec::new(),
        keys: &keys,
        plan,
        budget,
        until,
        stop,
        rows_read: AtomicU64::new(0),
        held: AtomicUsize::new(loose.len() * size_of::<(u128, Row)>()),
    };
    job.check()?;
    let mut set_aside = Vec::new();
    for (person, row) in loose {
        match persons.numbering.number(person).filter(|number| job.aside.as_ref().is_none_or(|aside| !aside.has(*number))) {
            Some(number) => job.loose.push((number, row)),
            None => set_aside.push((person, row)),
        }
    }
    job.loose.sort_by_key(|(number, _)| *number);
    let (operator, extra) = feed(&job, set_aside, shared.limits.query_threads)?;
    let rows_read = job.rows_read.load(Ordering::Relaxed) + counters.rows.load(Ordering::Relaxed);
    let bytes_read = counters.bytes.load(Ordering::Relaxed);
    let answer = operator.finish();
    let text = |number: u32| Uuid::from_u128(extra.id(&persons.numbering, number)).hyphenated().to_string();
    let actors = answer.actors().into_iter().map(|number| (number, text(number))).collect();
    drop(job);
    Ok(Some(Behaved { answer, keys: keys.into_list(), actors, rows_read, bytes_read }))
}

/// Evaluates the query's expressions on the dictionaries of all segments.
fn bind<'q>(sources: &[Source], wanted: &'q Wanted, persons: &Persons, keys: &Keys, threads: usize) -> Result<Option<Vec<Part<'q>>>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Option<Part<'q>>)>> {
        let mut bound = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(source) = sources.get(at) else { return Ok(bound) };
            let (map, changes) = (persons.numbering.maps[at].clone(), persons.changes[at].clone());
            let texts = |part: usize, array: &_| keys.codes(part, array);
            bound.push((at, Part::bind(&source.packed, wanted, map, changes, &texts, &numbers)?));
        }
    };
    let mut bound = std::thread::scope(|scope| -> Result<_> {
        let others: Vec<_> = (1..threads.min(sources.len())).map(|_| scope.spawn(work)).collect();
        let mut bound = work()?;
        for thread in others {
            bound.append(&mut thread.join().map_err(|_| anyhow::anyhow!("a thread that read dictionaries panicked"))??);
        }
        Ok(bound)
    })?;
    bound.sort_by_key(|(at, _)| *at);
    Ok(bound.into_iter().map(|(_, part)| part).collect())
}

fn feed(job: &Job, mut aside: Vec<(u128, Row)>, threads: usize) -> Result<(Operator, Extra), Stop> {
    let mut operator: Option<Operator> = None;
    for Fed { operator: own, aside: mut more } in job.run(threads)? {
        aside.append(&mut more);
        match &mut operator {
            Some(operator) => operator.join(own),
            None => operator = Some(own),
        }
    }
    let mut operator = operator.unwrap_or_else(|| Operator::new(job.plan));
    let mut extra = Extra::default();
    feed_aside(job, &mut operator, aside, &mut extra)?;
    Ok((operator, extra))
}

/// Persons that a merge moved something from or to.
fn aside(persons: &Persons, sources: &[Source]) -> Option<Bits> {
    if persons.changes.iter().all(|changes| changes.moved.is_empty()) {
        return None;
    }
    let mut bits = Bits::new(persons.numbering.ids.len());
    for ((changes, map), _) in persons.changes.iter().zip(&persons.numbering.maps).zip(sources) {
        changes.sources.iter().for_each(|own| bits.set(map[*own as usize]));
        let targets = changes.moved.values().filter_map(|target| persons.numbering.number(*target));
        targets.for_each(|number| bits.set(number));
    }
    Some(bits)
}

/// Segments with packed columns, and a snapshot of everything else; `None` when it is not worth it.
#[allow(clippy::type_complexity, reason = "two halves of a snapshot, for the only caller")]
pub fn sources(shared: &Shared, snapshot: &Snapshot, table: &TableUse) -> Result<Option<(Vec<Source>, Snapshot)>> {
    let (mut sources, mut rest) = (Vec::new(), Vec::new());
    let (mut packed_rows, mut loose_rows) = (0, 0);
    for segment in snapshot.segments.iter().filter(|segment| segment.meta.overlaps(table.time_range)) {
        match segment.packed().filter(|_| segment.meta.rows >= shared.limits.packed_rows) {
            Some(packed) => {
                packed_rows += segment.meta.rows;
                sources.push(Source { segment: segment.clone(), basics: packed.basics()?, packed });
            }
            None => {
                loose_rows += segment.meta.rows;
                rest.push(segment.clone());
            }
        }
    }
    if sources.is_empty() || loose_rows > MANY_LOOSE.max(packed_rows) {
        return Ok(None);
    }
    // Runs of one event that lie one after the other in time need no sorting.
    sources.sort_by_key(|source| source.segment.meta.first_us);
    let rest = Snapshot {
        chunks: snapshot.chunks.clone(),
        tails: snapshot.tails.clone(),
        segments: rest,
        overrides: snapshot.overrides.clone(),
        erasures: snapshot.erasures.clone(),
        hashing: None,
    };
    Ok(Some((sources, rest)))
}
