//! Who belongs to a cohort: its criteria as one select over the project's persons, or the actors of a query.
//!
//! Everybody whom a condition holds for is one of the persons table, so that negation, however deep, is over all persons of the
//! project. What persons did are subqueries over events, by the person whom events belong to after merges.

use crate::cells;
use crate::conditions::Subject;
use crate::dates::parse_instant;
use crate::failure::Failure;
use crate::kinds::{self, scan};
use crate::nodes;
use crate::nodes::filters::Properties;
use crate::nodes::series::{Common, Entity, Series};
use crate::run::{Purpose, Run};
use crate::{Engine, InsightsState};
use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use cohorts::criteria::{self, Comparison, Criteria, Did, How, Operator, Span, Unit, Window};
use cohorts::{Finder, Wanted};
use query::ast::{ArithmeticOp, CompareOp, Expr, Select};
use serde_json::{Value, json};
use std::sync::Arc;
use teams::Team;
use uuid::Uuid;
use web::ApiResult;

/// Persons of one cohort.
const MOST_MEMBERS: usize = 20_000_000;
/// Actors asked for at a time.
const PAGE: usize = 10_000;
/// Actors of one query that become a list.
const MOST_ACTORS: usize = 1_000_000;

impl InsightsState {
    /// For `cohorts`, which know what criteria are and not what they mean.
    pub fn finder(&self) -> Finder {
        let engine = self.engine.clone();
        Arc::new(move |team, wanted| {
            let engine = engine.clone();
            Box::pin(async move { found(engine, team, wanted).await })
        })
    }

    /// For `actions`: are an action's steps a condition that can be asked?
    pub fn action_check(&self) -> actions::Check {
        let engine = self.engine.clone();
        Arc::new(move |team, action| {
            let engine = engine.clone();
            Box::pin(async move {
                let run = Run::new(engine, team, None, Purpose::Api, None).await?;
                let condition = run.scope(Subject::Events).action(&action).map_err(Failure::Invalid)?;
                let select = scan::also(Select::from_table("events").column(Expr::field(["uuid"])), condition);
                run.resolve(select.into(), run.row_limit())?;
                Ok(())
            })
        })
    }
}

async fn found(engine: Arc<Engine>, team: Arc<Team>, wanted: Wanted) -> ApiResult<Vec<Uuid>> {
    // Like other work that nobody waits for, it leaves turns to those who do.
    let _background = engine.background_turns.acquire().await.map_err(|error| anyhow::anyhow!(error))?;
    let _turn = engine.turns.acquire().await.map_err(|error| anyhow::anyhow!(error))?;
    let purpose = if matches!(wanted, Wanted::Criteria(_)) { Purpose::Export } else { Purpose::Api };
    let mut run = Run::new(engine.clone(), team, None, purpose, None).await?;
    run.deadline = engine.limits.long_deadline;
    match wanted {
        Wanted::Criteria(criteria) => Ok(of_criteria(&mut run, &criteria).await?),
        Wanted::Query(query) => Ok(of_query(&run, &query).await?),
    }
}

pub(crate) async fn of_criteria(run: &mut Run, criteria: &Criteria) -> Result<Vec<Uuid>, Failure> {
    run.most_rows = MOST_MEMBERS;
    let select = Select::from_table("persons").column(Expr::field(["id"]));
    let select = scan::also(select, condition(criteria, run)?);
    let rows = run.select_all("members", select).await?;
    let ids = cells::rows(&rows.batches).filter_map(|(batch, row)| Uuid::try_parse(cells::text(batch.column(0), row)?).ok());
    Ok(ids.collect())
}

fn condition(criteria: &Criteria, run: &Run) -> Result<Expr, Failure> {
    let each = |terms: &[Criteria]| terms.iter().map(|term| condition(term, run)).collect::<Result<Vec<_>, _>>();
    Ok(match criteria {
        Criteria::All(terms) => scan::all_of(each(terms)?),
        Criteria::Any(terms) => {
            let terms = each(terms)?;
            if terms.contains(&Expr::constant(true)) { Expr::constant(true) } else { Expr::or(terms) }
        }
        Criteria::Not(term) => Expr::not(condition(term, run)?),
        Criteria::Person(filter) => run.scope(Subject::Persons).properties(&Properties::try_from(filter.clone())?)?,
        // Nobody is in a cohort that does not exist.
        Criteria::Cohort(id) => run.scope(Subject::Persons).member(*id, false).unwrap_or_else(|_| Expr::constant(false)),
        Criteria::Did(did) => Expr::compare(CompareOp::In, Expr::field(["id"]), Expr::subquery(who(did, run)?)),
    })
}

/// Instants between which something was done, both included.
#[derive(Clone, Copy)]
struct Within {
    from: DateTime<Tz>,
    to: DateTime<Tz>,
}

fn at() -> Expr {
    Expr::field(["timestamp"])
}

fn person() -> Expr {
    Expr::field(["person_id"])
}

/// The persons who did it: one column.
fn who(did: &Did, run: &Run) -> Result<Select, Failure> {
    let now = run.calendar.now();
    let within = within(&did.within, run)?;
    let ago = |span: &Span| scan::instant(now - TimeDelta::seconds(span.seconds()));
    let since = |from: Expr| Expr::compare(CompareOp::GtEq, at(), from);
    let by_person = |select: Select| select.column(person()).group_by([person()]);
    let (first, last) = (Expr::call("min", [at()]), Expr::call("max", [at()]));
    Ok(match &did.how {
        How::AtLeastOnce => by_person(events(did, Some(within.from), within.to, run)?),
        How::Times(times) => {
            let events = by_person(events(did, Some(within.from), within.to, run)?);
            having(events, compared(Expr::call("count", []), times))
        }
        How::FirstTime => {
            let began = Expr::compare(CompareOp::GtEq, first, scan::instant(within.from));
            having(by_person(events(did, None, within.to, run)?), began)
        }
        How::Stopped(later) => {
            let ended = Expr::compare(CompareOp::Lt, last, ago(later));
            having(by_person(events(did, Some(within.from), within.to, run)?), ended)
        }
        How::Restarted(later) => {
            let between = Expr::and([since(scan::instant(within.from)), Expr::compare(CompareOp::Lt, at(), ago(later))]);
            let conditions = [
                Expr::compare(CompareOp::GtEq, last, ago(later)),
                Expr::compare(CompareOp::Lt, first, ago(later)),
                Expr::eq(Expr::call("countIf", [between]), Expr::constant(0_i64)),
            ];
            having(by_person(events(did, None, within.to, run)?), Expr::and(conditions))
        }
        How::Then(next, span) => sequence(did, next, span, within, run)?,
        How::Regularly { period, periods, at_least, times } => regularly(did, *period, *periods, *at_least, times, run)?,
    })
}

fn having(select: Select, condition: Expr) -> Select {
    Select { having: Some(condition), ..select }
}

fn compared(count: Expr, times: &Comparison) -> Expr {
    let op = match times.operator {
        Operator::AtLeast => CompareOp::GtEq,
        Operator::AtMost => CompareOp::LtEq,
        Operator::MoreThan => CompareOp::Gt,
        Operator::LessThan => CompareOp::Lt,
        Operator::Exactly => CompareOp::Eq,
    };
    Expr::compare(op, count, Expr::constant(times.count))
}

fn within(window: &Window, run: &Run) -> Result<Within, Failure> {
    let now = run.calendar.now();
    let read = |text: &String| {
        let at = parse_instant(text, &run.calendar);
        at.ok_or_else(|| Failure::Invalid(format!("\"{text}\" is not a date; use one like 2025-03-12 or -30d")))
    };
    Ok(match window {
        Window::Last(span) => Within { from: now - TimeDelta::seconds(span.seconds()), to: now },
        Window::Since { from, to } => Within { from: read(from)?, to: to.as_ref().map_or(Ok(now), read)? },
    })
}

fn is_entity(entity: &criteria::Entity, run: &Run) -> Result<Expr, Failure> {
    let entity = match entity {
        criteria::Entity::Event(name) => Entity::Event(Some(name.clone())),
        criteria::Entity::Action(id) => Entity::Action(*id),
    };
    scan::entity(&Series { entity, common: Common::default() }, run)
}

/// The events of the behaviour, with the filters that it has on them.
fn events(did: &Did, from: Option<DateTime<Tz>>, to: DateTime<Tz>, run: &Run) -> Result<Select, Failure> {
    let select = scan::also(between(from, to), is_entity(&did.entity, run)?);
    Ok(scan::also(select, filters(did, run)?))
}

fn between(from: Option<DateTime<Tz>>, to: DateTime<Tz>) -> Select {
    let mut select = Select::from_table("events");
    if let Some(from) = from {
        select = select.and_where(Expr::compare(CompareOp::GtEq, at(), scan::instant(from)));
    }
    select.and_where(Expr::compare(CompareOp::LtEq, at(), scan::instant(to)))
}

fn filters(did: &Did, run: &Run) -> Result<Expr, Failure> {
    let scope = run.scope(Subject::Events);
    let mut terms = vec![scope.properties(&Properties::try_from(did.filters.clone())?)?];
    if did.filter_test_accounts {
        terms.push(scope.test_accounts()?);
    }
    Ok(scan::all_of(terms))
}

/// Those for whom, before one of the later events, the last of the earlier ones is not too long ago.
fn sequence(did: &Did, next: &criteria::Entity, span: &Span, within: Within, run: &Run) -> Result<Select, Failure> {
    let (earlier, later) = (scan::all_of([is_entity(&did.entity, run)?, filters(did, run)?]), is_entity(next, run)?);
    let rows = between(Some(within.from), within.to).and_where(Expr::or([earlier.clone(), later.clone()]));
    let rows = rows.column(person().aliased("person")).column(at().aliased("at"));
    let flag = |condition: Expr| Expr::call("if", [condition, Expr::constant(1_i64), Expr::constant(0_i64)]);
    let rows = rows.column(flag(earlier).aliased("is_earlier")).column(flag(later).aliased("is_later"));
    // Of events at one instant, the earlier one is taken to be first.
    let before = query::parse_expr(
        "max(if(is_earlier = 1, at, null)) OVER (PARTITION BY person ORDER BY at, is_later ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)",
    )?;
    let field = |name: &str| Expr::field([name]);
    let looked = Select::from_query(rows, None).column(field("person")).column(field("at")).column(field("is_later"));
    let looked = looked.column(before.aliased("before"));
    let soon = Expr::arithmetic(ArithmeticOp::Add, field("before"), Expr::call("toIntervalSecond", [Expr::constant(span.seconds())]));
    let is_soon = Expr::compare(CompareOp::LtEq, field("at"), soon);
    let found = Select::from_query(looked, None).column(field("person"));
    let found = found.and_where(Expr::eq(field("is_later"), Expr::constant(1_i64))).and_where(Expr::is_not_null(field("before")));
    Ok(found.and_where(is_soon).group_by([field("person")]))
}

/// Periods are counted back from the last midnight, so that today's unfinished one is not among them.
fn regularly(did: &Did, period: Span, periods: i64, at_least: i64, times: &Comparison, run: &Run) -> Result<Select, Failure> {
    let end = match period.unit {
        Unit::Minute | Unit::Hour => run.calendar.now(),
        _ => run.calendar.start_of_day(run.calendar.now()),
    };
    let start = end - TimeDelta::seconds(period.seconds().saturating_mul(periods));
    let passed = Expr::call("dateDiff", [Expr::constant("second"), scan::instant(start), at()]);
    let number = Expr::call("intDiv", [passed, Expr::constant(period.seconds())]);
    let inner = events(did, Some(start), end - TimeDelta::microseconds(1), run)?;
    let inner = inner.column(person().aliased("person")).column(number.aliased("period"));
    let field = |name: &str| Expr::field([name]);
    let inner = having(inner.group_by([field("person"), field("period")]), compared(Expr::call("count", []), times));
    let outer = Select::from_query(inner, None).column(field("person")).group_by([field("person")]);
    Ok(having(outer, Expr::compare(CompareOp::GtEq, Expr::call("count", []), Expr::constant(at_least))))
}

/// The persons that an `ActorsQuery` answers, or those behind what such a query has as its source.
async fn of_query(run: &Run, query: &Value) -> Result<Vec<Uuid>, Failure> {
    let query = nodes::unwrap(query)?;
    let mut asked = match nodes::kind_of(query) {
        Some("ActorsQuery") => query.clone(),
        Some("TrendsQuery") => json!({"kind": "ActorsQuery", "source": {"kind": "InsightActorsQuery", "source": query}}),
        Some(_) => json!({"kind": "ActorsQuery", "source": query}),
        None => return Err(Failure::invalid("`query` needs a kind, for example ActorsQuery")),
    };
    asked["select"] = json!(["id"]);
    asked["orderBy"] = json!(["id"]);
    asked["limit"] = json!(PAGE);
    let (mut persons, mut offset) = (Vec::new(), 0);
    loop {
        asked["offset"] = json!(offset);
        let mut answer = kinds::actors::run(run, &asked).await?;
        let rows = answer.remove("results").unwrap_or_default();
        let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
        for row in rows {
            let id = row.get(0).and_then(Value::as_str).unwrap_or_default();
            persons.push(Uuid::try_parse(id).map_err(|_| Failure::invalid("The query must answer persons, not groups"))?);
        }
        let has_more = answer.get("hasMore").and_then(Value::as_bool).unwrap_or(false);
        if !has_more {
            return Ok(persons);
        }
        // Pages may have fewer rows than asked for: actors without a profile are left out of them.
        offset += PAGE;
        if offset > MOST_ACTORS {
            return Err(Failure::Invalid(format!("The query answers more than {MOST_ACTORS} persons.")));
        }
    }
}
