//! Retention. Bits of a row's mask: 0 the target event with its filters, 1 the return event, 2 the target event whatever its filters
//! (only [`RetentionKind::FirstEver`] looks at it). `Row::key` is the breakdown's value, `Row::number` what is summed up.

use crate::{Periods, Row};

#[derive(Clone, Debug, PartialEq)]
pub struct RetentionPlan {
    pub kind: RetentionKind,
    /// The cohorts. Rows before them matter to the kinds that ask for a first time.
    pub periods: Periods,
    /// Numbers of each cohort, the cohort's own period included.
    pub columns: usize,
    pub mode: RetentionMode,
    /// Lengths in periods. There is one column more than brackets.
    pub brackets: Option<Vec<usize>>,
    /// Return events that a period needs to count.
    pub minimum: u32,
    pub cumulative: bool,
    pub aggregation: Option<Aggregation>,
    /// Are target and return event the same? Then the sum of a cohort's own period takes the target events only.
    pub same_event: bool,
    /// The key splits actors: each is computed per actor and value.
    pub breakdown: bool,
    pub want: RetentionWant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionKind {
    Recurring,
    FirstTime,
    FirstEver,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetentionMode {
    Calendar,
    /// Everybody is in one cohort; columns count from the first target event. What is counted are the bounds of `ticks` that were crossed:
    /// the zone's hours, or days for weeks and months, over the whole range. `length` of them are a row or column (24, 7, 30).
    Windows {
        ticks: Periods,
        length: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    Sum,
    Average,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionWant {
    Counts,
    /// Everybody of one cohort, with the columns they came back in.
    Actors {
        cohort: usize,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetentionAnswer {
    /// By key; a single one without a breakdown.
    pub groups: Vec<RetentionGroup>,
    pub actors: Vec<RetentionActor>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetentionGroup {
    pub key: u32,
    /// Cohort by cohort, column by column.
    pub counts: Vec<Vec<u64>>,
    /// With an aggregation: what it gives for each count.
    pub values: Vec<Vec<f64>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RetentionActor {
    pub actor: u32,
    pub key: u32,
    /// Columns, ascending; 0 is among them.
    pub appearances: Vec<usize>,
}

#[derive(Clone, Debug)]
pub struct Retention {
    #[allow(dead_code)]
    plan: RetentionPlan,
}

impl Retention {
    pub fn new(plan: &RetentionPlan) -> Retention {
        Retention { plan: plan.clone() }
    }

    pub fn actor(&mut self, _actor: u32, _rows: &[Row]) {
        unimplemented!()
    }

    pub fn join(&mut self, _other: Retention) {
        unimplemented!()
    }

    pub fn finish(self) -> RetentionAnswer {
        unimplemented!()
    }

    pub fn bytes(&self) -> usize {
        unimplemented!()
    }
}
