//! The outcome of evaluating a project's flags for one question, before it takes an SDK's shape.
//!
//! Everything borrows from the [`Definitions`](crate::evaluate::Definitions) that made it: a decision is a few words on the stack.

use serde_json::Value;
use std::borrow::Cow;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation<'d> {
    /// In the order of their keys.
    pub decisions: Vec<Decision<'d>>,
    /// Something failed: SDKs then merge the answer into what they had instead of replacing it.
    pub has_errors: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision<'d> {
    pub flag: &'d Described,
    pub outcome: Outcome<'d>,
    pub reason: Reason,
    /// What to send, as it is: also an early access feature that was declined carries one.
    pub payload: Option<&'d Payload>,
}

/// What an answer tells about a flag whatever the outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// Its place among [`Definitions::described`](crate::evaluate::Definitions::described).
    pub place: usize,
    pub id: i64,
    pub key: String,
    /// 0 when the flag has none.
    pub version: i64,
    pub has_experiment: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// JSON as text.
    pub text: String,
    /// The same text as a JSON string: quoting a large payload anew for every reply costs more than everything else.
    pub quoted: String,
}

impl Payload {
    pub fn new(text: String) -> Self {
        let quoted = Value::String(text.clone()).to_string();
        Self { text, quoted }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'d> {
    Off,
    On,
    /// On, with the key of a variant.
    Variant(&'d str),
    /// Could not be evaluated; SDKs keep the value they had.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    pub code: Code,
    /// 0-based; `None` for reasons that concern the whole flag.
    pub condition_index: Option<usize>,
    /// Conditions about groups were passed over, beside others about the person.
    pub groups_skipped: bool,
}

/// Why a flag answers what it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The person chose to have or not to have an early access feature.
    Enrollment,
    Holdout,
    ConditionMatch,
    OutOfRollout,
    NoConditionMatch,
    NoGroupType,
    Disabled,
    MissingDependency,
    /// A cohort that conditions name does not exist, or contains itself.
    CohortMissing,
    /// A fact could not be looked up.
    LookupFailed,
    /// The question cost more work than one question may.
    OverBudget,
}

impl Code {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enrollment => "super_condition_value",
            Self::Holdout => "holdout_condition_value",
            Self::ConditionMatch => "condition_match",
            Self::OutOfRollout => "out_of_rollout_bound",
            Self::NoConditionMatch => "no_condition_match",
            Self::NoGroupType => "no_group_type",
            Self::Disabled => "flag_disabled",
            Self::MissingDependency => "missing_dependency",
            Self::CohortMissing => "dependency_not_found",
            Self::LookupFailed => "database_error",
            Self::OverBudget => "timeout",
        }
    }

    /// Of several conditions that did not match, the reason of the highest rank is told.
    pub fn rank(self) -> i8 {
        match self {
            Self::Enrollment => 6,
            Self::Holdout => 5,
            Self::ConditionMatch => 4,
            Self::OutOfRollout => 3,
            Self::NoConditionMatch => 2,
            Self::NoGroupType => 1,
            Self::Disabled => 0,
            Self::MissingDependency | Self::CohortMissing | Self::LookupFailed | Self::OverBudget => -1,
        }
    }
}

impl Reason {
    pub fn of_flag(code: Code) -> Self {
        Self { code, condition_index: None, groups_skipped: false }
    }

    pub fn of_condition(code: Code, index: usize) -> Self {
        Self { code, condition_index: Some(index), groups_skipped: false }
    }

    pub fn description(self) -> Cow<'static, str> {
        Cow::Borrowed(match self.code {
            Code::ConditionMatch => {
                return Cow::Owned(format!("Matched condition set {}", self.condition_index.unwrap_or_default() + 1));
            }
            Code::NoConditionMatch if self.groups_skipped => {
                "No matching condition set (group conditions were not evaluated because no group type was provided)"
            }
            Code::NoConditionMatch => "No matching condition set",
            Code::Enrollment => "Super condition value",
            Code::Holdout => "Holdout condition value",
            Code::OutOfRollout => "Out of rollout bound",
            Code::NoGroupType => "No group type",
            Code::Disabled => "Feature flag is disabled",
            Code::MissingDependency => "Flag cannot be evaluated due to missing dependency",
            Code::CohortMissing => "A cohort that the flag uses does not exist or contains itself",
            Code::LookupFailed => "Data that the flag depends on could not be loaded",
            Code::OverBudget => "Evaluating the flag would take too long",
        })
    }
}

impl<'d> Outcome<'d> {
    pub fn is_on(self) -> bool {
        matches!(self, Self::On | Self::Variant(_))
    }

    pub fn variant(self) -> Option<&'d str> {
        match self {
            Self::Variant(variant) => Some(variant),
            Self::Off | Self::On | Self::Failed => None,
        }
    }

    /// What an SDK's `getFeatureFlag` returns.
    pub fn value(self) -> Value {
        match self {
            Self::Off => Value::Bool(false),
            Self::On => Value::Bool(true),
            Self::Variant(variant) => variant.into(),
            Self::Failed => Value::Null,
        }
    }
}
