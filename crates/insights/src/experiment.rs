//! What queries about an experiment need to know of it; who keeps experiments tells.

use futures::future::BoxFuture;
use model::{TeamId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// An experiment by its id; `None` when the project has none of this id.
pub type ExperimentSource = Arc<dyn Fn(TeamId, i64) -> BoxFuture<'static, anyhow::Result<Option<Experiment>>> + Send + Sync>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    pub id: i64,
    pub flag_key: String,
    /// In the flag's order, without those that the experiment leaves out.
    pub variants: Vec<Variant>,
    /// Of flags about groups.
    #[serde(default)]
    pub group_type_index: Option<u8>,
    /// Nobody counts before.
    #[serde(default)]
    pub start: Option<Timestamp>,
    #[serde(default)]
    pub end: Option<Timestamp>,
    /// What held-out entities report instead of a variant.
    #[serde(default)]
    pub holdout: Option<String>,
    #[serde(default)]
    pub exposure_criteria: Value,
    #[serde(default)]
    pub stats_config: Value,
    #[serde(default)]
    pub only_count_matured_users: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    pub key: String,
    /// Percent of those in the experiment.
    pub share: f64,
}
