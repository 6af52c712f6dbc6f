//! The outcome of evaluating a project's flags for one question, before it takes an SDK's shape.

use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// In the order of their keys.
    pub decisions: Vec<Decision>,
    /// Something failed: SDKs then merge the answer into what they had instead of replacing it.
    pub has_errors: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub key: String,
    pub outcome: Outcome,
    pub reason: Reason,
    pub metadata: Metadata,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Off,
    On,
    /// On, with the key of a variant.
    Variant(String),
    /// Could not be evaluated; SDKs keep the value they had.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `condition_match`, `no_condition_match`, …
    pub code: &'static str,
    /// 0-based; `None` for reasons that concern the whole flag.
    pub condition_index: Option<usize>,
    pub description: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    pub id: i64,
    /// 0 when the flag has none.
    pub version: i64,
    pub description: Option<String>,
    /// JSON as text; only for a flag that is on.
    pub payload: Option<String>,
    pub has_experiment: bool,
}

impl Outcome {
    pub fn is_on(&self) -> bool {
        matches!(self, Self::On | Self::Variant(_))
    }

    pub fn variant(&self) -> Option<&str> {
        match self {
            Self::Variant(variant) => Some(variant),
            Self::Off | Self::On | Self::Failed => None,
        }
    }

    /// What an SDK's `getFeatureFlag` returns.
    pub fn value(&self) -> Value {
        match self {
            Self::Off => Value::Bool(false),
            Self::On => Value::Bool(true),
            Self::Variant(variant) => Value::String(variant.clone()),
            Self::Failed => Value::Null,
        }
    }
}
