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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionMode {
    Calendar,
    /// Cohorts and columns count from the hour of the first target event: `hours` long each, with the zone's offset in `shift_us`.
    Windows {
        hours: i64,
        shift_us: i64,
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
