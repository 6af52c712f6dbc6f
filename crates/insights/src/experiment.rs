//! What queries about an experiment need to know of it; who keeps experiments tells.

use crate::InsightsState;
use crate::answer::{Question, Refresh, Reply};
use crate::kinds::experiments::Settings;
use crate::nodes::experiments::{ExposureCriteria, Metric};
use futures::future::BoxFuture;
use model::{TeamId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use teams::Team;
use web::{ApiError, ApiResult};

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

/// Could results of this metric be asked for? The text says what is wrong with it.
pub fn check_metric(metric: &Value) -> Result<(), String> {
    Metric::deserialize(metric).map(|_| ()).map_err(|error| error.to_string())
}

pub fn check_exposure_criteria(criteria: &Value) -> Result<(), String> {
    match criteria {
        Value::Null => Ok(()),
        criteria => ExposureCriteria::deserialize(criteria).map(|_| ()).map_err(|error| error.to_string()),
    }
}

pub fn check_stats_config(config: &Value) -> Result<(), String> {
    Settings::read(config, None).map(|_| ()).map_err(|failure| failure.to_string())
}

impl InsightsState {
    /// The answer to a query node, as the query endpoint gives it: from the cache while that holds.
    pub async fn answer(&self, team: Arc<Team>, query: Value) -> ApiResult<Value> {
        match self.engine.reply(team, Question::new(query, Refresh::Blocking)).await? {
            Reply::Complete(body) => Ok(body),
            Reply::Pending(_) | Reply::Miss { .. } => Err(ApiError::unavailable("The query was not answered.")),
        }
    }
}
