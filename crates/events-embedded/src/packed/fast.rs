//! Behaviour out of packed columns: `None` sends a query the general way.

use super::bind::{Part, Wanted};
use super::calendar::{Feed, Loose};
use super::gather::{Extra, Fed, Job, Stop, feed_aside};
use super::keys::{Keys, numbers};
use super::loose;
use super::places::{Places, time_range};
use super::shape::{Maker, plain_column, recognise};
use super::team::{Persons, Source};
use super::watch::{StopOnDrop, Watch};
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
    let answered = {
        let watch = Watch::new(budget, until, stop);
        tokio::task::spawn_blocking(move || answer(&shared, &wanted, &table, &plan, team, &snapshot, &watch)).await
    };
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
    let provider = EventsTable { snapshot: snapshot.clone(), table: table.clone(), counters: Arc::default(), latest: Arc::default() };
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

fn answer(
    shared: &Shared,
    wanted: &Wanted,
    table: &TableUse,
    plan: &Plan,
    team: TeamId,
    snapshot: &Arc<Snapshot>,
    watch: &Watch,
) -> Result<Option<Behaved>, Stop> {
    let threads = shared.limits.query_threads;
    let Some((sources, rest)) = sources(shared, snapshot, table)? else { return Ok(None) };
    let persons = shared.teams.persons(team, snapshot, &sources, &shared.keyring)?;
    let keys = Keys::new(wanted.texts.len())?;
    let Some(parts) = bind(&sources, wanted, &persons, &keys, threads)? else { return Ok(None) };
    let counters = Arc::new(Counters::default());
    let scan = Scan::plan(Arc::new(rest), table, wanted.columns.clone(), counters.clone())?;
    let loose = loose::read(&scan, wanted, &keys, threads, &watch.stop, watch.budget.memory_bytes)?;
    watch.check(loose.len() * size_of::<(u128, Row)>())?;
    let mut extra = Extra::default();
    let rows_read = AtomicU64::new(0);
    let places = plan.calendar().and_then(|asked| Places::of_periods(asked.periods, time_range(&wanted.filter)));
    let operators = match (plan.calendar(), places) {
        (Some(asked), Some(places)) => {
            let feed = Feed {
                parts: &parts,
                numbering: &persons.numbering,
                moves: persons.moves.as_deref(),
                places: &places,
                tracks: asked.tracks,
                number: asked.number,
                watch,
                rows_read: &rows_read,
            };
            let loose = loose.into_iter().map(|(person, row)| Loose::of(person, &row, &places)).collect();
            feed.run(threads, || Operator::new(plan), loose, &mut extra)?
        }
        _ => feed_rows(&persons, parts, &keys, plan, watch, &rows_read, loose, threads, &mut extra)?,
    };
    let mut operators = operators.into_iter();
    let mut operator = operators.next().unwrap_or_else(|| Operator::new(plan));
    operators.for_each(|other| operator.join(other));
    let rows_read = rows_read.load(Ordering::Relaxed) + counters.rows.load(Ordering::Relaxed);
    let bytes_read = counters.bytes.load(Ordering::Relaxed);
    let answer = operator.finish();
    let text = |number: u32| Uuid::from_u128(extra.id(&persons.numbering, number)).hyphenated().to_string();
    let actors = answer.actors().into_iter().map(|number| (number, text(number))).collect();
    Ok(Some(Behaved { answer, keys: keys.into_list(), actors, rows_read, bytes_read }))
}

/// Every person's rows in order of time, for plans that ask for more than periods.
#[allow(clippy::too_many_arguments, reason = "what a query consists of, for the only caller")]
fn feed_rows<'q>(
    persons: &'q Persons,
    parts: Vec<Part<'q>>,
    keys: &'q Keys,
    plan: &'q Plan,
    watch: &'q Watch,
    rows_read: &'q AtomicU64,
    loose: Vec<(u128, Row)>,
    threads: usize,
    extra: &mut Extra,
) -> Result<Vec<Operator>, Stop> {
    let aside = persons.moves.as_deref().map(|moves| &moves.aside);
    let mut job = Job { aside, parts, numbering: &persons.numbering, loose: Vec::new(), keys, plan, watch, rows_read };
    let mut set_aside = Vec::new();
    for (person, row) in loose {
        match persons.numbering.number(person).filter(|number| aside.is_none_or(|aside| !aside.has(*number))) {
            Some(number) => job.loose.push((number, row)),
            None => set_aside.push((person, row)),
        }
    }
    job.loose.sort_by_key(|(number, _)| *number);
    let mut operators = Vec::new();
    for Fed { operator, aside: mut more } in job.run(threads)? {
        set_aside.append(&mut more);
        operators.push(operator);
    }
    if let Some(operator) = operators.first_mut() {
        feed_aside(&job, operator, set_aside, extra)?;
    }
    Ok(operators)
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
