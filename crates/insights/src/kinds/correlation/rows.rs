//! The rows of a correlation: the funnel's own, and those whose keys are counted.

use crate::conditions::Subject;
use crate::failure::Failure;
use crate::kinds::funnels::plan::Funnel;
use crate::kinds::funnels::rows::{Conditions, condition};
use crate::kinds::scan::{all_of, also, instant};
use crate::nodes::filters::Properties;
use crate::nodes::funnels::{FunnelCorrelationQuery, StepOrder};
use crate::nodes::series::{Entity, Series};
use crate::run::Run;
use query::ast::{ArrayJoin, CompareOp, Expr, Query, Select};

/// Bits beside those of the funnel.
const IN_FUNNEL: usize = 61;
const WANTED: usize = 62;
const COUNTED: usize = 63;

/// Names in one list of a query.
const MOST_NAMES: usize = 200;
const ALL: &str = "$all";

fn field(name: &str) -> Expr {
    Expr::field([name])
}

/// What other events they did on the way.
pub fn events(funnel: &Funnel, query: &FunnelCorrelationQuery, run: &Run) -> Result<Query, Failure> {
    let own = funnel.steps.iter().filter_map(|step| match &step.entity {
        Entity::Event(Some(event)) => Some(event.clone()),
        _ => None,
    });
    let names: Vec<String> = own.chain(names(&query.exclude_events)?).collect();
    let counted = match names.is_empty() {
        true => Expr::constant(true),
        false => Expr::compare(CompareOp::NotIn, field("event"), Expr::tuple(names.iter().map(Expr::constant))),
    };
    let select = funnel_rows(funnel, run, Some((COUNTED, counted)))?;
    Ok(select.column(field("event").aliased("k0")).into())
}

/// Who has done a certain thing on the way.
pub fn doers(funnel: &Funnel, entity: &Series, run: &Run) -> Result<Query, Failure> {
    Ok(funnel_rows(funnel, run, Some((WANTED, condition(entity, run)?)))?.into())
}

/// What values the properties of those people (or groups) have.
pub fn properties(funnel: &Funnel, query: &FunnelCorrelationQuery, run: &Run) -> Result<Query, Failure> {
    let profiles = Profiles::of(funnel)?;
    let asked = names(&query.names)?;
    let excluded = names(&query.exclude_names)?;
    if asked.is_empty() {
        return Err(Failure::invalid("Correlations of properties need funnelCorrelationNames, for example [\"$all\"]"));
    }
    let mut selects =
        vec![funnel_rows(funnel, run, None)?.column(Expr::constant(false).aliased("c63")).column(Expr::constant("").aliased("k0"))];
    if asked.iter().any(|name| name == ALL) {
        let key = |value: Expr| Expr::call("concat", [pair(1), Expr::constant("::"), value]);
        selects.push(of_every_property(profiles.select(funnel, COUNTED), &excluded).column(key(plain(pair(2))).aliased("k0")));
    } else {
        for name in asked.iter().filter(|name| !excluded.contains(name)) {
            let value = Expr::call("toString", [Expr::field(["properties", name])]);
            let key = Expr::call("concat", [Expr::constant(format!("{name}::")), value.clone()]);
            selects.push(profiles.select(funnel, COUNTED).and_where(Expr::is_not_null(value)).column(key.aliased("k0")));
        }
    }
    union(selects)
}

/// Which of those people (or groups) have certain properties.
pub fn holders(funnel: &Funnel, values: &Properties, run: &Run) -> Result<Query, Failure> {
    let profiles = Profiles::of(funnel)?;
    let subject = funnel.group_type_index.map_or(Subject::Persons, Subject::Groups);
    let having = profiles.select(funnel, WANTED).and_where(run.scope(subject).properties(values)?);
    union(vec![funnel_rows(funnel, run, None)?.column(Expr::constant(false).aliased("c62")), having])
}

/// What values the properties of certain events on the way have.
pub fn event_properties(funnel: &Funnel, query: &FunnelCorrelationQuery, run: &Run) -> Result<Query, Failure> {
    let events = names(&query.event_names)?;
    if events.is_empty() {
        return Err(Failure::invalid("Correlations of events with properties need funnelCorrelationEventNames"));
    }
    let excluded = names(&query.exclude_event_properties)?;
    let key = [field("event"), Expr::constant("::"), pair(1), Expr::constant("::"), plain(pair(2))];
    let counted = funnel.scan.between(Some(funnel.current.from), funnel.current.to);
    let counted = counted.and_where(Expr::is_in(field("event"), events.iter().map(Expr::constant)));
    let counted =
        with_bits(counted.column(funnel.actor.clone().aliased("actor")).column(field("timestamp").aliased("at")), funnel, COUNTED);
    let own = funnel_rows(funnel, run, None)?.column(Expr::constant(false).aliased("c63")).column(Expr::constant("").aliased("k0"));
    union(vec![own, of_every_property(counted, &excluded).column(Expr::call("concat", key).aliased("k0"))])
}

/// The rows of the funnel, and those that meet one more condition, which the funnel's filters do not concern.
fn funnel_rows(funnel: &Funnel, run: &Run, more: Option<(usize, Expr)>) -> Result<Select, Failure> {
    let mut conditions = Conditions::of(funnel, &funnel.current, run)?;
    let filters = funnel.scan.own_filters();
    let mut among = all_of([filters.clone(), conditions.any(funnel.order)]);
    for (_, condition) in &mut conditions.bits {
        *condition = all_of([filters.clone(), condition.clone()]);
    }
    if funnel.order == StepOrder::Strict {
        conditions.bits.push((IN_FUNNEL, filters));
    }
    if let Some((bit, condition)) = more {
        let is_all = [&among, &condition].contains(&&Expr::constant(true));
        among = if is_all { Expr::constant(true) } else { Expr::or([among, condition.clone()]) };
        conditions.bits.push((bit, condition));
    }
    let select = also(funnel.scan.between(Some(funnel.current.from), funnel.current.to), among);
    Ok(conditions.onto(select.column(funnel.actor.clone().aliased("actor")).column(field("timestamp").aliased("at"))))
}

/// Columns for the bits of the funnel's own rows, so that a row of another table fits beside them; only `set` is true.
fn with_bits(select: Select, funnel: &Funnel, set: usize) -> Select {
    let exclusions = (0..funnel.exclusions.len()).map(|index| 32 + index);
    let strict = (funnel.order == StepOrder::Strict).then_some(IN_FUNNEL);
    let bits = (0..funnel.steps.len()).chain(exclusions).chain(strict).chain([set]);
    bits.fold(select, |select, bit| select.column(Expr::constant(bit == set).aliased(&format!("c{bit}"))))
}

/// Who the actors of the funnel are.
enum Profiles {
    Persons,
    Groups(u8),
}

impl Profiles {
    fn of(funnel: &Funnel) -> Result<Profiles, Failure> {
        match funnel.group_type_index {
            Some(index) => Ok(Profiles::Groups(index)),
            None if funnel.actor == field("person_id") => Ok(Profiles::Persons),
            None => Err(Failure::invalid("Correlations of properties need a funnel of persons or groups")),
        }
    }

    fn select(&self, funnel: &Funnel, set: usize) -> Select {
        let (select, id) = match self {
            Profiles::Persons => (Select::from_table("persons"), field("id")),
            Profiles::Groups(index) => {
                let of_type = Expr::eq(field("index"), Expr::constant(i64::from(*index)));
                (Select::from_table("groups").and_where(of_type), field("key"))
            }
        };
        with_bits(select.column(id.aliased("actor")).column(instant(funnel.current.from).aliased("at")), funnel, set)
    }
}

/// One row per property, as `pair`.
fn of_every_property(mut select: Select, excluded: &[String]) -> Select {
    let pairs = Expr::call("JSONExtractKeysAndValuesRaw", [Expr::call("toString", [field("properties")])]);
    select.array_join = Some(ArrayJoin { left: false, arrays: vec![pairs.aliased("pair")] });
    match excluded.is_empty() {
        true => select,
        false => select.and_where(Expr::compare(CompareOp::NotIn, pair(1), Expr::tuple(excluded.iter().map(Expr::constant)))),
    }
}

fn pair(part: i64) -> Expr {
    Expr::call("tupleElement", [field("pair"), Expr::constant(part)])
}

/// The text of a JSON value, without the quotes of a string.
fn plain(raw: Expr) -> Expr {
    Expr::call("replaceRegexpAll", [raw, Expr::constant("^\"|\"$"), Expr::constant("")])
}

fn union(selects: Vec<Select>) -> Result<Query, Failure> {
    let query = Query::union_all(selects.into_iter().map(Query::from));
    Ok(query.ok_or_else(|| anyhow::anyhow!("a union of nothing"))?)
}

fn names(given: &Option<Vec<String>>) -> Result<Vec<String>, Failure> {
    let names = given.clone().unwrap_or_default();
    match names.len() > MOST_NAMES {
        true => Err(Failure::Invalid(format!("A correlation can name at most {MOST_NAMES} events or properties in a list"))),
        false => Ok(names),
    }
}
