//! Paths before, between or after the steps of a funnel.

use crate::dates::Span;
use crate::failure::Failure;
use crate::kinds::funnels::plan::Funnel;
use crate::kinds::funnels::rows::Conditions;
use crate::kinds::scan::{all_of, instant};
use crate::nodes;
use crate::nodes::funnels::{FunnelsQuery, StepOrder};
use crate::nodes::paths::{FunnelPathType, FunnelPathsFilter};
use crate::run::Run;
use behaviour::{FunnelWant, PathFunnel, PathPart};
use query::ast::{CompareOp, Expr, Select};

/// Where the bits of the funnel begin in the rows of paths.
const FIRST_BIT: usize = 8;
/// The bit of the events that a strict funnel looks at.
const STRICT_BIT: usize = 4;

pub struct OfFunnel {
    pub funnel: Funnel,
    step: usize,
    dropped: bool,
    part: PathPart,
}

impl OfFunnel {
    pub async fn read(filter: &FunnelPathsFilter, run: &Run) -> Result<OfFunnel, Failure> {
        let query: FunnelsQuery = nodes::read(nodes::unwrap(&filter.source)?)?;
        let funnel = Funnel::settle(run, query).await?.undivided();
        let step = filter.step.ok_or_else(|| Failure::invalid("funnelPathsFilter needs funnelStep"))?;
        let steps = funnel.steps.len();
        let number = step.unsigned_abs() as usize;
        if number == 0 || number > steps || step == -1 {
            return Err(Failure::Invalid(format!("funnelStep can be from 1 to {steps}, or from -2 to -{steps} for those who dropped off")));
        }
        let part = match filter.part.unwrap_or(FunnelPathType::After) {
            FunnelPathType::Before => PathPart::BeforeStep,
            FunnelPathType::Between if number == 1 => return Err(Failure::invalid("There is nothing between steps before funnelStep 2")),
            FunnelPathType::Between => PathPart::BetweenSteps,
            FunnelPathType::After => PathPart::AfterStep,
        };
        Ok(OfFunnel { funnel, step: number - 1, dropped: step < 0, part })
    }

    pub fn plan(&self) -> PathFunnel {
        PathFunnel { plan: self.funnel.plan(FunnelWant::Steps), step: self.step, dropped: self.dropped, part: self.part }
    }

    /// The funnel's own rows beside those of the paths, which `is_path` tells.
    pub fn onto(&self, events: Select, is_path: &Expr, run: &Run) -> Result<Select, Failure> {
        let span = &self.funnel.current;
        let is_funnel = all_of([self.funnel.scan.own_filters(), within(span)]);
        let mut conditions = Conditions::of(&self.funnel, span, run)?;
        let any = all_of([is_funnel.clone(), conditions.any(self.funnel.order)]);
        for (bit, condition) in &mut conditions.bits {
            *bit += FIRST_BIT;
            *condition = all_of([is_funnel.clone(), condition.clone()]);
        }
        let mut select = conditions.onto(events.and_where(Expr::or([is_path.clone(), any])));
        if self.funnel.order == StepOrder::Strict {
            select = select.column(is_funnel.aliased(&format!("c{STRICT_BIT}")));
        }
        Ok(select)
    }
}

pub fn within(span: &Span) -> Expr {
    let at = || Expr::field(["timestamp"]);
    let from = Expr::compare(CompareOp::GtEq, at(), instant(span.from));
    Expr::and([from, Expr::compare(CompareOp::LtEq, at(), instant(span.to))])
}
