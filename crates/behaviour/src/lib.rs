//! What people did, in order: funnels, retention, paths, lifecycle and stickiness over the rows of one actor after the other.
//!
//! ```text
//! Plan ──► Operator ◄── rows of one actor, by time ◄── an event store
//!             │    ◄── or the periods of one actor, where the plan's `Calendar` is all that it asks
//!             └──► Answer
//! ```
//!
//! PostHog's semantics live here once; every event store feeds the same operators, so two stores cannot disagree.
//!
//! Invariants:
//! 1. Pure: no I/O, no clock, no time zone. Periods come as boundaries.
//! 2. An actor's rows arrive in one call, all of them, sorted by time. Rows of equal time may come in any order: no answer depends on it,
//!    except where PostHog's does; then the order of the call decides.
//! 3. Operators that saw disjoint actors join to what one operator would have answered.
//! 4. Texts are codes. Whoever feeds the operator keeps the texts.

mod calendar;
mod correlation;
#[cfg(test)]
mod fixture;
mod funnel;
mod keyed;
mod lifecycle;
mod paths;
mod periods;
mod retention;
mod stickiness;

pub use calendar::{Active, Calendar};
pub use correlation::{CorrelationAnswer, CorrelationPlan, CorrelationWant, KeyHits};
pub use funnel::{
    Attribution, EXCLUSIONS_MAX, Exclusion, FunnelActor, FunnelAnswer, FunnelGroup, FunnelOrder, FunnelPeriod, FunnelPlan, FunnelWant,
    Histogram, STEPS_MAX,
};
pub use lifecycle::{LifecycleAnswer, LifecyclePlan, LifecycleWant, Status};
pub use paths::{Edge, Item, PathEnd, PathFunnel, PathPart, PathsActor, PathsAnswer, PathsPlan, PathsWant};
pub use periods::Periods;
pub use retention::{
    Aggregation, RetentionActor, RetentionAnswer, RetentionGroup, RetentionKind, RetentionMode, RetentionPlan, RetentionWant,
};
pub use stickiness::{Criterion, StickinessAnswer, StickinessPlan, StickinessWant};

/// The key of rows without texts, and of rows whose texts are all missing or empty.
pub const EMPTY_KEY: u32 = 0;

/// One event of an actor, as far as an operator looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    /// Microseconds since 1970.
    pub at: i64,
    /// Which of the plan's conditions the event meets; each plan says what its bits mean.
    pub mask: u64,
    /// Code of the event's texts: a breakdown's values, a path's item.
    pub key: u32,
    /// What the plan sums up or compares; NaN when there is none.
    pub number: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    Funnel(FunnelPlan),
    Retention(RetentionPlan),
    Paths(PathsPlan),
    Lifecycle(LifecyclePlan),
    Stickiness(StickinessPlan),
    Correlation(CorrelationPlan),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Funnel(FunnelAnswer),
    Retention(RetentionAnswer),
    Paths(PathsAnswer),
    Lifecycle(LifecycleAnswer),
    Stickiness(StickinessAnswer),
    Correlation(CorrelationAnswer),
}

/// A plan at work on some of the actors.
#[derive(Clone, Debug)]
pub enum Operator {
    Funnel(funnel::Funnel),
    Retention(retention::Retention),
    Paths(paths::Paths),
    Lifecycle(lifecycle::Lifecycle),
    Stickiness(stickiness::Stickiness),
    Correlation(correlation::Correlation),
}

impl Operator {
    pub fn new(plan: &Plan) -> Operator {
        match plan {
            Plan::Funnel(plan) => Operator::Funnel(funnel::Funnel::new(plan)),
            Plan::Retention(plan) => Operator::Retention(retention::Retention::new(plan)),
            Plan::Paths(plan) => Operator::Paths(paths::Paths::new(plan)),
            Plan::Lifecycle(plan) => Operator::Lifecycle(lifecycle::Lifecycle::new(plan)),
            Plan::Stickiness(plan) => Operator::Stickiness(stickiness::Stickiness::new(plan)),
            Plan::Correlation(plan) => Operator::Correlation(correlation::Correlation::new(plan)),
        }
    }

    /// All rows of an actor, by time.
    pub fn actor(&mut self, actor: u32, rows: &[Row]) {
        match self {
            Operator::Funnel(operator) => operator.actor(actor, rows),
            Operator::Retention(operator) => operator.actor(actor, rows),
            Operator::Paths(operator) => operator.actor(actor, rows),
            Operator::Lifecycle(operator) => operator.actor(actor, rows),
            Operator::Stickiness(operator) => operator.actor(actor, rows),
            Operator::Correlation(operator) => operator.actor(actor, rows),
        }
    }

    /// An actor of a plan that has a [`Calendar`], instead of the actor's rows. Some actors may come so, others with rows.
    pub fn active(&mut self, actor: u32, active: Active) {
        match self {
            Operator::Retention(operator) => operator.active(actor, active),
            Operator::Lifecycle(operator) => operator.active(actor, active),
            Operator::Stickiness(operator) => operator.active(actor, active),
            Operator::Funnel(_) | Operator::Paths(_) | Operator::Correlation(_) => unreachable!("these have no calendar"),
        }
    }

    /// Takes over what an operator of the same plan found among other actors.
    pub fn join(&mut self, other: Operator) {
        match (self, other) {
            (Operator::Funnel(mine), Operator::Funnel(other)) => mine.join(other),
            (Operator::Retention(mine), Operator::Retention(other)) => mine.join(other),
            (Operator::Paths(mine), Operator::Paths(other)) => mine.join(other),
            (Operator::Lifecycle(mine), Operator::Lifecycle(other)) => mine.join(other),
            (Operator::Stickiness(mine), Operator::Stickiness(other)) => mine.join(other),
            (Operator::Correlation(mine), Operator::Correlation(other)) => mine.join(other),
            _ => unreachable!("operators of one plan are of one kind"),
        }
    }

    pub fn finish(self) -> Answer {
        match self {
            Operator::Funnel(operator) => Answer::Funnel(operator.finish()),
            Operator::Retention(operator) => Answer::Retention(operator.finish()),
            Operator::Paths(operator) => Answer::Paths(operator.finish()),
            Operator::Lifecycle(operator) => Answer::Lifecycle(operator.finish()),
            Operator::Stickiness(operator) => Answer::Stickiness(operator.finish()),
            Operator::Correlation(operator) => Answer::Correlation(operator.finish()),
        }
    }

    /// About how much memory it holds, for budgets.
    pub fn bytes(&self) -> usize {
        match self {
            Operator::Funnel(operator) => operator.bytes(),
            Operator::Retention(operator) => operator.bytes(),
            Operator::Paths(operator) => operator.bytes(),
            Operator::Lifecycle(operator) => operator.bytes(),
            Operator::Stickiness(operator) => operator.bytes(),
            Operator::Correlation(operator) => operator.bytes(),
        }
    }
}

impl Answer {
    /// The actors that it lists, by the numbers that they were fed with.
    pub fn actors(&self) -> Vec<u32> {
        match self {
            Answer::Funnel(answer) => answer.actors.iter().map(|actor| actor.actor).collect(),
            Answer::Retention(answer) => answer.actors.iter().map(|actor| actor.actor).collect(),
            Answer::Paths(answer) => answer.actors.iter().map(|actor| actor.actor).collect(),
            Answer::Lifecycle(answer) => answer.actors.clone(),
            Answer::Stickiness(answer) => answer.actors.clone(),
            Answer::Correlation(answer) => answer.actors.clone(),
        }
    }
}
