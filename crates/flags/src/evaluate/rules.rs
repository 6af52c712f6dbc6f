//! A flag and its conditions as evaluation walks them: everything parsed, names replaced by places in tables.

use super::operators::Operator;
use crate::evaluation::Payload;
use crate::request::Runtime;
use serde_json::Value;

#[derive(Debug)]
pub struct Rule {
    pub active: bool,
    pub audience: Audience,
    pub bucketing: Bucketing,
    /// Whose flag it is as a whole: a group type, or persons.
    pub group: Option<u8>,
    /// The slot of the person's choice, for an early access feature.
    pub enrollment: Option<u32>,
    pub holdout: Option<Holdout>,
    pub conditions: Box<[Condition]>,
    pub variants: Box<[Variant]>,
    /// What the flag carries when it is on without a variant.
    pub payload: Option<Payload>,
    pub early_exit: bool,
    /// Flags that conditions ask for, by place.
    pub dependencies: Box<[usize]>,
    /// A dependency does not exist, or depends on this flag.
    pub is_broken: bool,
    pub needs: RuleNeeds,
}

/// Who gets to see a flag at all.
#[derive(Debug)]
pub struct Audience {
    /// `None`: whoever asks.
    pub runtime: Option<Runtime>,
    pub contexts: Box<[String]>,
    pub is_survey: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucketing {
    DistinctId,
    /// By the distinct id, but what a person had before it was identified stays.
    Continuous,
    DeviceId,
}

#[derive(Debug)]
pub struct Holdout {
    /// Of 1.
    pub share: f64,
    pub variant: Box<str>,
    pub payload: Option<Payload>,
}

#[derive(Debug)]
pub struct Condition {
    pub group: Option<u8>,
    /// Cohorts last.
    pub filters: Box<[Filter]>,
    /// Of 1; `None` lets everyone in.
    pub rollout: Option<f64>,
    /// The place of the variant that everyone gets.
    pub variant: Option<usize>,
}

#[derive(Debug)]
pub struct Variant {
    pub key: Box<str>,
    /// Hashes below this, and not below the variant before, get it.
    pub up_to: f64,
    pub payload: Option<Payload>,
}

#[derive(Debug)]
pub struct Filter {
    pub check: Check,
    /// Its place in the table of what conditions say.
    pub told: u32,
}

#[derive(Debug)]
pub enum Check {
    /// Its place in the table of predicates.
    Property(u32),
    /// `None`: there is no such cohort.
    Cohort {
        cohort: Option<u32>,
        negated: bool,
    },
    Flag {
        flag: usize,
        expected: Expected,
    },
    Never,
}

#[derive(Debug)]
pub enum Expected {
    On,
    Off,
    Variant(Box<str>),
}

/// A comparison. Conditions that say the same share one, which is made once per question.
#[derive(Debug)]
pub struct Predicate {
    pub slot: u32,
    pub is_shared: bool,
    pub operator: Operator,
}

/// What a condition says, for whoever wants to read it.
#[derive(Debug)]
pub struct Told {
    pub key: Box<str>,
    pub kind: Box<str>,
    pub operator: Box<str>,
    pub value: Value,
}

/// What a rule's own conditions may ask for.
#[derive(Debug, Default)]
pub struct RuleNeeds {
    pub slots: Box<[u32]>,
    pub cohorts: Box<[u32]>,
    /// Some answer depends on what the identifier hashes to.
    pub hash: bool,
}
