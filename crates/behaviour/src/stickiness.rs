//! Stickiness: in how many periods an actor was active. Every row counts.

use crate::{Periods, Row};

#[derive(Clone, Debug, PartialEq)]
pub struct StickinessPlan {
    pub periods: Periods,
    /// What makes a period count; one row does without it.
    pub criterion: Option<Criterion>,
    pub want: StickinessWant,
}

/// On the number of rows in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    AtLeast(u64),
    AtMost(u64),
    Exactly(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StickinessWant {
    Counts,
    /// Who was active in a number of periods.
    Actors(Criterion),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StickinessAnswer {
    /// At `k - 1`: actors active in exactly `k` periods.
    pub counts: Vec<u64>,
    pub actors: Vec<u32>,
}

#[derive(Clone, Debug)]
pub struct Stickiness {
    #[allow(dead_code)]
    plan: StickinessPlan,
}

impl Stickiness {
    pub fn new(plan: &StickinessPlan) -> Stickiness {
        Stickiness { plan: plan.clone() }
    }

    pub fn actor(&mut self, _actor: u32, _rows: &[Row]) {
        unimplemented!()
    }

    pub fn join(&mut self, _other: Stickiness) {
        unimplemented!()
    }

    pub fn finish(self) -> StickinessAnswer {
        unimplemented!()
    }

    pub fn bytes(&self) -> usize {
        unimplemented!()
    }
}
