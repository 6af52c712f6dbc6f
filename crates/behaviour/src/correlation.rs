//! What people who went through a funnel did more or less often than those who did not. Bits as in `funnel`, and
//! 61 the row is among the events of the funnel though it meets none of its conditions (only strict funnels ask),
//! 62 the row has the key whose actors are wanted, 63 the row's key is one to count (the funnel's own rows may be, too).

use crate::{FunnelPlan, Row};

#[derive(Clone, Debug, PartialEq)]
pub struct CorrelationPlan {
    /// `want` is not looked at.
    pub funnel: FunnelPlan,
    /// Keys count wherever the rows lie (properties of people), not only between entering the funnel and leaving it.
    pub anywhere: bool,
    pub want: CorrelationWant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrelationWant {
    Counts,
    /// Who has a row of bit 62 there, among those who converted or did not.
    Actors {
        converted: bool,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CorrelationAnswer {
    pub success_total: u64,
    pub failure_total: u64,
    pub keys: Vec<KeyHits>,
    pub actors: Vec<u32>,
}

/// Actors with this key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyHits {
    pub key: u32,
    pub success: u64,
    pub failure: u64,
}

#[derive(Clone, Debug)]
pub struct Correlation {
    #[allow(dead_code)]
    plan: CorrelationPlan,
}

impl Correlation {
    pub fn new(plan: &CorrelationPlan) -> Correlation {
        Correlation { plan: plan.clone() }
    }

    pub fn actor(&mut self, _actor: u32, _rows: &[Row]) {
        unimplemented!()
    }

    pub fn join(&mut self, _other: Correlation) {
        unimplemented!()
    }

    pub fn finish(self) -> CorrelationAnswer {
        unimplemented!()
    }

    pub fn bytes(&self) -> usize {
        unimplemented!()
    }
}
