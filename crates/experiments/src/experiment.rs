//! An experiment as it is stored and edited.

use model::{TeamId, Timestamp, UserId};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    pub id: i64,
    pub team: TeamId,
    pub flag: i64,
    pub name: String,
    pub description: String,
    pub kind: Kind,
    pub holdout: Option<i64>,
    /// The cohort of everybody who is exposed.
    pub exposure_cohort: Option<i64>,
    /// Nobody is counted before; `None` while it is a draft.
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub archived: bool,
    pub deleted: bool,
    pub only_count_matured_users: bool,
    pub conclusion: Option<String>,
    pub conclusion_comment: Option<String>,
    pub parameters: Value,
    pub exposure_criteria: Value,
    /// Lists of metrics, each with its `uuid`.
    pub metrics: Value,
    pub metrics_secondary: Value,
    /// Uuids in the order in which they are shown; `null` when nobody ordered them.
    pub primary_order: Value,
    pub secondary_order: Value,
    /// Shared metrics: `[{"id": 3, "metadata": {"type": "primary"}}]`.
    pub saved_metrics: Value,
    pub stats_config: Value,
    pub scheduling_config: Value,
    /// Of web experiments, by variant: what the browser SDK changes on which page.
    pub variants: Value,
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Without code: the browser SDK changes the page.
    Web,
    #[default]
    Product,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Web => "web",
            Kind::Product => "product",
        }
    }

    pub fn parse(text: &str) -> Option<Kind> {
        [Kind::Web, Kind::Product].into_iter().find(|kind| kind.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Draft,
    Running,
    /// Running, but its flag is off.
    Paused,
    Stopped,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Draft => "draft",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Stopped => "stopped",
        }
    }
}

impl Experiment {
    pub fn status(&self, flag_is_active: bool) -> Status {
        match (self.start, self.end) {
            (None, _) => Status::Draft,
            (Some(_), Some(_)) => Status::Stopped,
            (Some(_), None) if flag_is_active => Status::Running,
            (Some(_), None) => Status::Paused,
        }
    }

    /// A metric of its own by its uuid.
    pub fn metric(&self, uuid: &str) -> Option<&Value> {
        let lists = [&self.metrics, &self.metrics_secondary];
        lists.into_iter().filter_map(Value::as_array).flatten().find(|metric| metric.get("uuid").and_then(Value::as_str) == Some(uuid))
    }

    /// Ids of the shared metrics it uses.
    pub fn saved_metric_ids(&self) -> Vec<i64> {
        let list = self.saved_metrics.as_array();
        list.into_iter().flatten().filter_map(|link| link.get("id").and_then(Value::as_i64)).collect()
    }
}
