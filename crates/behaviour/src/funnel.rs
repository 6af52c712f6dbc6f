//! Funnels. Bits of a row's mask: `i` for step `i` (0-based), `32 + j` for exclusion `j`. `Row::key` is the breakdown's value.
//! Rows of strict funnels are all events that pass the funnel's filters; other funnels ignore rows that meet no condition.

use crate::Row;

pub const STEPS_MAX: usize = 32;
/// Those of the same steps can share a bit.
pub const EXCLUSIONS_MAX: usize = 23;

#[derive(Clone, Debug, PartialEq)]
pub struct FunnelPlan {
    pub steps: usize,
    pub order: FunnelOrder,
    pub window_us: i64,
    /// Bit `i`: step `i` may be skipped.
    pub optional: u32,
    pub exclusions: Vec<Exclusion>,
    pub attribution: Attribution,
    pub want: FunnelWant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunnelOrder {
    Ordered,
    /// Rows that meet no condition matter: they break the chain.
    Strict,
    Unordered,
}

/// Must not happen between these steps, 0-based, `from < to`. Its position in the list is its bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exclusion {
    pub from: usize,
    pub to: usize,
}

/// Which value of a breakdown an actor counts under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribution {
    /// There is no breakdown; keys are not looked at.
    None,
    FirstTouch,
    LastTouch,
    AllEvents,
    Step(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub enum FunnelWant {
    Steps,
    /// Seconds from one step to another, 0-based.
    Times {
        from: usize,
        to: usize,
    },
    /// Entries and conversions by the period of the entry.
    Trends {
        from: usize,
        to: usize,
        periods: crate::Periods,
    },
    /// Who reached a step, or came to the one before it and no further.
    Actors {
        step: usize,
        dropped: bool,
    },
    /// Who entered in a period of a trend: those who converted, or who did not.
    TrendActors {
        from: usize,
        to: usize,
        periods: crate::Periods,
        period: usize,
        dropped: bool,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunnelAnswer {
    /// One per value of the breakdown, by key; a single one without a breakdown.
    pub groups: Vec<FunnelGroup>,
    pub actors: Vec<FunnelActor>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunnelGroup {
    pub key: u32,
    /// Actors that reached each step. Of unordered funnels: that did at least so many steps.
    pub counts: Vec<u64>,
    /// Of each step, the seconds since the recorded step before it, of every actor; zeros are left out.
    pub gaps: Vec<Vec<f64>>,
    /// For [`FunnelWant::Times`].
    pub times: Vec<f64>,
    /// For [`FunnelWant::Trends`].
    pub periods: Vec<FunnelPeriod>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunnelPeriod {
    pub entered: u64,
    pub converted: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FunnelActor {
    pub actor: u32,
    pub key: u32,
    /// Bit `i`: step `i` was reached.
    pub reached: u32,
    /// Recorded steps and when they were done, in this order. Optional steps record none; of unordered funnels, steps are in the order
    /// they were done in; of trends, there are the entry and, if they converted, the last step.
    pub at: Vec<(usize, i64)>,
}

/// How many took how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    pub average: Option<f64>,
    pub median: Option<f64>,
    /// Lower edge in seconds, and how many.
    pub bins: Vec<(i64, u64)>,
}

#[derive(Clone, Debug)]
pub struct Funnel {
    #[allow(dead_code)]
    plan: FunnelPlan,
}

impl Funnel {
    pub fn new(plan: &FunnelPlan) -> Funnel {
        Funnel { plan: plan.clone() }
    }

    pub fn actor(&mut self, _actor: u32, _rows: &[Row]) {
        unimplemented!()
    }

    pub fn join(&mut self, _other: Funnel) {
        unimplemented!()
    }

    pub fn finish(self) -> FunnelAnswer {
        unimplemented!()
    }

    pub fn bytes(&self) -> usize {
        unimplemented!()
    }
}

impl FunnelGroup {
    /// Adds the actors of another group, for "Other".
    pub fn add(&mut self, _other: FunnelGroup) {
        unimplemented!()
    }

    /// Mean seconds of each step; `None` where nobody has a gap.
    pub fn averages(&self) -> Vec<Option<f64>> {
        unimplemented!()
    }

    pub fn medians(&self) -> Vec<Option<f64>> {
        unimplemented!()
    }

    /// Of `times`; as many bins as asked for, else as many as suit the number of values.
    pub fn histogram(&self, _bins: Option<usize>) -> Histogram {
        unimplemented!()
    }
}
