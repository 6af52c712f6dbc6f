//! Lifecycle. Every row counts. `Row::number` is when the actor came into being, in microseconds since 1970; the earliest counts.

use crate::{Periods, Row};

#[derive(Clone, Debug, PartialEq)]
pub struct LifecyclePlan {
    /// The first one lies before the range: it only tells who returns.
    pub periods: Periods,
    /// Start of the period that a moment before `periods` falls into does not matter; a creation there makes nobody new.
    pub want: LifecycleWant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleWant {
    Counts,
    /// `period` counts in `LifecyclePlan::periods`.
    Actors {
        period: usize,
        status: Status,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    New,
    Returning,
    Resurrecting,
    Dormant,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LifecycleAnswer {
    /// Of each period but the first: new, returning, resurrecting and dormant actors, all as positive numbers.
    pub counts: Vec<[u64; 4]>,
    pub actors: Vec<u32>,
}

#[derive(Clone, Debug)]
pub struct Lifecycle {
    #[allow(dead_code)]
    plan: LifecyclePlan,
}

impl Lifecycle {
    pub fn new(plan: &LifecyclePlan) -> Lifecycle {
        Lifecycle { plan: plan.clone() }
    }

    pub fn actor(&mut self, _actor: u32, _rows: &[Row]) {
        unimplemented!()
    }

    pub fn join(&mut self, _other: Lifecycle) {
        unimplemented!()
    }

    pub fn finish(self) -> LifecycleAnswer {
        unimplemented!()
    }

    pub fn bytes(&self) -> usize {
        unimplemented!()
    }
}
