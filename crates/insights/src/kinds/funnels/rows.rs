//! The rows that a funnel's operator is fed with.

use super::plan::Funnel;
use super::values;
use crate::conditions::Subject;
use crate::dates::Span;
use crate::failure::Failure;
use crate::kinds::scan::{all_of, also, entity};
use crate::nodes::funnels::StepOrder;
use crate::nodes::series::Series;
use crate::run::Run;
use query::ast::{CompareOp, Expr, Join, JoinConstraint, JoinKind, Select, TableRef, TableSource};

/// Where the bits of exclusions begin.
const EXCLUSION_BIT: usize = 32;

/// What the rows of a funnel are told apart by.
pub struct Conditions {
    /// Each with its bit.
    pub bits: Vec<(usize, Expr)>,
    /// A row that meets none of these is not one of the funnel's.
    any: Vec<Expr>,
    /// When some actors did something for the first time.
    first_times: Vec<Join>,
}

impl Conditions {
    pub fn of(funnel: &Funnel, span: &Span, run: &Run) -> Result<Conditions, Failure> {
        let mut conditions = Conditions { bits: Vec::new(), any: Vec::new(), first_times: Vec::new() };
        for (index, step) in funnel.steps.iter().enumerate() {
            let plain = condition(step, run)?;
            let exact = match step.common.math.as_deref() {
                Some("first_time_for_user") => conditions.first(funnel, span, index, plain.clone(), entity(step, run)?),
                Some("first_time_for_user_with_filters") => conditions.first(funnel, span, index, plain.clone(), plain.clone()),
                _ => plain.clone(),
            };
            conditions.add(index, exact, plain);
        }
        for (index, (_, entities)) in funnel.exclusions.iter().enumerate() {
            let each = entities.iter().map(|entity| condition(entity, run)).collect::<Result<Vec<_>, _>>()?;
            let any = Expr::or(each);
            conditions.add(EXCLUSION_BIT + index, any.clone(), any);
        }
        Ok(conditions)
    }

    fn add(&mut self, bit: usize, exact: Expr, plain: Expr) {
        self.bits.push((bit, exact));
        if !self.any.contains(&plain) {
            self.any.push(plain);
        }
    }

    /// The condition that a row is the very first one of its person among those that match.
    fn first(&mut self, funnel: &Funnel, span: &Span, index: usize, plain: Expr, matching: Expr) -> Expr {
        let (person, event, table) = (format!("first_person_{index}"), format!("first_event_{index}"), format!("first_{index}"));
        let field = |name: &str| Expr::field([name]);
        let earliest = also(funnel.scan.between(None, span.to), matching)
            .column(field("person_id").aliased(&person))
            .column(Expr::call("argMin", [field("uuid"), field("timestamp")]).aliased(&event))
            .group_by([field(&person)]);
        let source = TableSource::Query(Box::new(earliest.into()));
        let joined = TableRef { alias: Some(table.clone()), ..TableRef::new(source) };
        let on = Expr::eq(Expr::field(["events", "person_id"]), Expr::field([table.as_str(), &person]));
        self.first_times.push(Join { kind: JoinKind::Left, strictness: None, table: joined, constraint: Some(JoinConstraint::On(on)) });
        let is_first = Expr::eq(Expr::field(["events", "uuid"]), Expr::field([table.as_str(), &event]));
        all_of([plain, is_first])
    }

    /// Is a row one of the funnel's? Strict funnels look at every event.
    pub fn any(&self, order: StepOrder) -> Expr {
        match order == StepOrder::Strict || self.any.contains(&Expr::constant(true)) {
            true => Expr::constant(true),
            false => any_of(&self.any),
        }
    }

    /// The columns `c…`, and the joins that they need.
    pub fn onto(self, mut select: Select) -> Select {
        if let Some(from) = select.from.as_mut() {
            from.joins.extend(self.first_times);
        }
        self.bits.into_iter().fold(select, |select, (bit, condition)| select.column(condition.aliased(&format!("c{bit}"))))
    }
}

/// Events of several names are one list, which stores look up faster than alternatives.
fn any_of(terms: &[Expr]) -> Expr {
    use query::ast::{Constant, ExprKind};
    let name_of = |term: &Expr| match &term.kind {
        ExprKind::Compare(left, CompareOp::Eq, right) if **left == Expr::field(["event"]) => match &right.kind {
            ExprKind::Constant(Constant::String(name)) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    };
    let names: Vec<String> = terms.iter().filter_map(name_of).collect();
    if names.len() < 2 {
        return Expr::or(terms.iter().cloned());
    }
    let listed = Expr::is_in(Expr::field(["event"]), names.iter().map(Expr::constant));
    Expr::or(std::iter::once(listed).chain(terms.iter().filter(|term| name_of(term).is_none()).cloned()))
}

/// The event with its own filters.
pub fn condition(series: &Series, run: &Run) -> Result<Expr, Failure> {
    let scope = run.scope(Subject::Events);
    let filters = [scope.properties(&series.common.properties)?, scope.properties(&series.common.fixed_properties)?];
    Ok(all_of(std::iter::once(entity(series, run)?).chain(filters)))
}

pub fn rows(funnel: &Funnel, span: &Span, run: &Run) -> Result<Select, Failure> {
    let conditions = Conditions::of(funnel, span, run)?;
    let select = also(funnel.scan.between(Some(span.from), span.to), funnel.scan.own_filters());
    let select = also(select, conditions.any(funnel.order));
    let select = select.column(funnel.actor.clone().aliased("actor")).column(Expr::field(["timestamp"]).aliased("at"));
    values::onto(conditions.onto(select), &funnel.breakdowns, run)
}
