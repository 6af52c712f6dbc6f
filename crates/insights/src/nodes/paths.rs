//! `PathsQuery` as clients write it.

use super::insight_node;
use serde::Deserialize;
use serde_json::Value;

insight_node! {
    PathsQuery {
        #[serde(default, rename = "pathsFilter")]
        filter: Option<PathsFilter>,
        #[serde(default, rename = "funnelPathsFilter")]
        funnel: Option<FunnelPathsFilter>,
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "fields that are accepted and have no effect on the answer")]
pub struct PathsFilter {
    #[serde(default)]
    pub include_event_types: Option<Vec<PathType>>,
    #[serde(default)]
    pub exclude_events: Option<Vec<String>>,
    #[serde(default)]
    pub start_point: Option<String>,
    #[serde(default)]
    pub end_point: Option<String>,
    #[serde(default)]
    pub step_limit: Option<i64>,
    #[serde(default)]
    pub edge_limit: Option<i64>,
    #[serde(default)]
    pub min_edge_weight: Option<i64>,
    #[serde(default)]
    pub max_edge_weight: Option<i64>,
    /// Patterns in which `*` stands for anything.
    #[serde(default)]
    pub path_groupings: Option<Vec<String>>,
    /// Apply the project's path-cleaning rules.
    #[serde(default)]
    pub path_replacements: Option<bool>,
    #[serde(default)]
    pub local_path_cleaning_filters: Option<Vec<PathCleaning>>,
    #[serde(default, rename = "pathsHogQLExpression")]
    pub expression: Option<String>,
    /// For the actors of an edge.
    #[serde(default)]
    pub path_start_key: Option<String>,
    #[serde(default)]
    pub path_end_key: Option<String>,
    #[serde(default)]
    pub path_dropoff_key: Option<String>,
    #[serde(default)]
    pub show_full_urls: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum PathType {
    #[serde(rename = "$pageview")]
    PageView,
    #[serde(rename = "$screen")]
    Screen,
    #[serde(rename = "custom_event")]
    Custom,
    #[serde(rename = "hogql")]
    Expression,
}

/// What matches `regex` becomes `alias`.
#[derive(Clone, Debug, Deserialize)]
pub struct PathCleaning {
    #[serde(default)]
    pub alias: Option<String>,
    #[serde(default)]
    pub regex: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunnelPathsFilter {
    #[serde(default, rename = "funnelPathType")]
    pub part: Option<FunnelPathType>,
    #[serde(rename = "funnelSource")]
    pub source: Value,
    /// 1-based; negative for those who dropped off before the step.
    #[serde(default, rename = "funnelStep")]
    pub step: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum FunnelPathType {
    #[serde(rename = "funnel_path_before_step")]
    Before,
    #[serde(rename = "funnel_path_between_steps")]
    Between,
    #[serde(rename = "funnel_path_after_step")]
    After,
}
