//! Why a flag answers what it answers: every step that was taken, with everything that was compared.

use super::{rules::Told, values::Source};
use crate::evaluation::{Code, Reason};
use serde_json::Value;

/// Who looks on while a flag is decided.
pub trait Watch {
    /// Everything is compared and told, also what can no longer change the outcome of a condition.
    const THOROUGH: bool;

    fn compared(&mut self, compared: Compared);

    /// Ends a step, of what was compared since the one before.
    fn step(&mut self, step: Step);
}

/// Nobody looks on.
pub struct Unwatched;

impl Watch for Unwatched {
    const THOROUGH: bool = false;

    fn compared(&mut self, _compared: Compared) {}

    fn step(&mut self, _step: Step) {}
}

#[derive(Default)]
pub struct Steps {
    pub taken: Vec<Step>,
    compared: Vec<Compared>,
}

impl Watch for Steps {
    const THOROUGH: bool = true;

    fn compared(&mut self, compared: Compared) {
        self.compared.push(compared);
    }

    fn step(&mut self, step: Step) {
        let properties = std::mem::take(&mut self.compared);
        self.taken.push(Step { properties, ..step });
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    pub enabled: bool,
    pub variant: Option<String>,
    pub payload: Option<String>,
    pub reason: Reason,
    /// In their order, to the one that decided.
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub kind: StepKind,
    pub condition_index: Option<usize>,
    pub matched: bool,
    pub reason: Code,
    pub rollout_percentage: Option<f64>,
    /// Between 0 and 1; `None` when nothing had to be hashed.
    pub hash: Option<f64>,
    pub variant: Option<String>,
    pub properties: Vec<Compared>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    Enrollment,
    Holdout,
    Condition,
    Dependency,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    pub key: String,
    /// `person`, `group`, `cohort`, `flag`, …
    pub kind: String,
    pub operator: String,
    /// What the condition says.
    pub value: Value,
    /// What the one who asks has. `None`: nothing.
    pub found: Option<Value>,
    pub source: Option<Source>,
    pub matched: bool,
}

impl StepKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enrollment => "enrollment",
            Self::Holdout => "holdout",
            Self::Condition => "condition",
            Self::Dependency => "dependency",
        }
    }
}

impl Step {
    pub fn new(kind: StepKind, matched: bool, reason: Code) -> Self {
        let (condition_index, rollout_percentage, hash, variant, properties) = Default::default();
        Self { kind, condition_index, matched, reason, rollout_percentage, hash, variant, properties }
    }
}

impl Compared {
    pub fn new(told: &Told, found: Option<Value>, source: Option<Source>, matched: bool) -> Self {
        let Told { key, kind, operator, value } = told;
        Self { key: key.to_string(), kind: kind.to_string(), operator: operator.to_string(), value: value.clone(), found, source, matched }
    }
}
