//! One file per query kind, and the table that knows them all.
//!
//! To add a kind: a typed node in [`crate::nodes`], a file here with `run`, a line in [`KINDS`].

pub mod actors;
pub mod autocomplete;
pub mod by_cohort;
pub mod correlation;
pub mod events;
pub mod experiments;
pub mod funnels;
mod goal;
pub mod groups;
pub mod heatmap;
pub mod hogql;
pub mod lifecycle;
mod listed;
pub mod metadata;
pub mod options;
pub mod paths;
mod period;
pub mod persons;
pub mod property_values;
pub mod retention;
mod rows;
pub mod scan;
pub mod schema;
pub mod sessions;
pub mod sessions_timeline;
pub mod stickiness;
mod system;
pub mod taxonomy;
pub mod trace;
pub mod traces;
pub mod trends;
mod web;

use crate::failure::Failure;
use crate::nodes;
use crate::run::Run;
use experiments::exposures as experiment_exposures;
use futures::future::BoxFuture;
use serde_json::{Map, Value};
use taxonomy::{actors as actors_taxonomy, event as event_taxonomy, team as team_taxonomy};
use web::{
    external_clicks as web_external_clicks, goals as web_goals, overview as web_overview, stats as web_stats, url_search as web_url_search,
    vitals as web_vitals, vitals_paths as web_vitals_paths,
};

/// The members of an answer that are the kind's own.
pub type Answer = Map<String, Value>;

type Runner = for<'a> fn(&'a Run, &'a Value) -> BoxFuture<'a, Result<Answer, Failure>>;

pub struct Kind {
    pub name: &'static str,
    pub run: Runner,
    /// May the answer be kept until the data changes?
    pub cached: bool,
}

macro_rules! kinds {
    ($($name:literal => $module:ident, cached: $cached:literal;)*) => {
        pub const KINDS: &[Kind] = &[$(Kind { name: $name, run: |run, node| Box::pin($module::run(run, node)), cached: $cached }),*];
    };
}

kinds! {
    "TrendsQuery" => trends, cached: true;
    "FunnelsQuery" => funnels, cached: true;
    "FunnelCorrelationQuery" => correlation, cached: true;
    "RetentionQuery" => retention, cached: true;
    "LifecycleQuery" => lifecycle, cached: true;
    "StickinessQuery" => stickiness, cached: true;
    "PathsQuery" => paths, cached: true;
    "CalendarHeatmapQuery" => heatmap, cached: true;
    "HogQLQuery" => hogql, cached: true;
    "HogQLMetadata" => metadata, cached: false;
    "HogQLAutocomplete" => autocomplete, cached: false;
    "EventsQuery" => events, cached: true;
    "ActorsQuery" => actors, cached: true;
    "InsightActorsQueryOptions" => options, cached: true;
    "PersonsNode" => persons, cached: true;
    "GroupsQuery" => groups, cached: true;
    "PropertyValuesQuery" => property_values, cached: true;
    "WebOverviewQuery" => web_overview, cached: true;
    "WebStatsTableQuery" => web_stats, cached: true;
    "WebGoalsQuery" => web_goals, cached: true;
    "WebExternalClicksTableQuery" => web_external_clicks, cached: true;
    "WebVitalsQuery" => web_vitals, cached: true;
    "WebVitalsPathBreakdownQuery" => web_vitals_paths, cached: true;
    "WebPageURLSearchQuery" => web_url_search, cached: true;
    "SessionsQuery" => sessions, cached: true;
    "SessionsTimelineQuery" => sessions_timeline, cached: true;
    "TracesQuery" => traces, cached: true;
    "TraceQuery" => trace, cached: true;
    "EventTaxonomyQuery" => event_taxonomy, cached: true;
    "TeamTaxonomyQuery" => team_taxonomy, cached: true;
    "ActorsPropertyTaxonomyQuery" => actors_taxonomy, cached: true;
    "DatabaseSchemaQuery" => schema, cached: false;
    "ExperimentQuery" => experiments, cached: true;
    "ExperimentExposureQuery" => experiment_exposures, cached: true;
    "WebOverviewQuery" => web_overview, cached: true;
    "WebStatsTableQuery" => web_stats, cached: true;
    "WebGoalsQuery" => web_goals, cached: true;
    "WebExternalClicksTableQuery" => web_external_clicks, cached: true;
    "WebVitalsQuery" => web_vitals, cached: true;
    "WebVitalsPathBreakdownQuery" => web_vitals_paths, cached: true;
    "WebPageURLSearchQuery" => web_url_search, cached: true;
}

/// Kinds that say who is behind a number, and have an answer only within another one.
const WITHIN: &[&str] =
    &["InsightActorsQuery", "FunnelsActorsQuery", "FunnelCorrelationActorsQuery", "StickinessActorsQuery", "ExperimentActorsQuery"];

/// PostHog's other kinds, so that the answer can say "not yet" instead of "unknown".
const LATER: &[&str] = &[
    "RecordingsQuery",
    "ErrorTrackingQuery",
    "ErrorTrackingBreakdownsQuery",
    "ErrorTrackingIssueCorrelationQuery",
    "ErrorTrackingSimilarIssuesQuery",
    "WebTrendsQuery",
    "LogsQuery",
    "TraceSpansQuery",
    "RevenueAnalyticsOverviewQuery",
    "RevenueAnalyticsMetricsQuery",
    "RevenueAnalyticsMRRQuery",
    "RevenueAnalyticsGrossRevenueQuery",
    "RevenueAnalyticsTopCustomersQuery",
    "MarketingAnalyticsTableQuery",
    "ExperimentTrendsQuery",
    "ExperimentFunnelsQuery",
    "SuggestedQuestionsQuery",
    "VectorSearchQuery",
    "HogQuery",
    "UsageMetricsQuery",
];

pub fn find(node: &Value) -> Result<&'static Kind, Failure> {
    let Some(name) = nodes::kind_of(node) else {
        return Err(Failure::invalid("A query needs a \"kind\", for example {\"kind\": \"TrendsQuery\"}."));
    };
    if let Some(kind) = KINDS.iter().find(|kind| kind.name == name) {
        return Ok(kind);
    }
    if WITHIN.contains(&name) {
        return Err(Failure::Invalid(format!("A query of kind \"{name}\" is asked as the source of an ActorsQuery.")));
    }
    Err(Failure::Invalid(match LATER.contains(&name) {
        true => format!("Queries of kind \"{name}\" are not supported yet."),
        false => format!("\"{name}\" is not a known kind of query."),
    }))
}

/// Queries that ask about "now" through anything but a rounded date range: their answers age with every second.
pub fn depends_on_the_second(node: &Value) -> bool {
    match node {
        Value::String(text) => {
            let text = text.to_ascii_lowercase();
            ["now(", "today(", "yesterday(", "current_timestamp", "rand(", "random("].iter().any(|word| text.contains(word))
        }
        Value::Array(items) => items.iter().any(depends_on_the_second),
        Value::Object(members) => {
            let relative = members.get("operator").and_then(Value::as_str).is_some_and(|operator| operator.starts_with("is_date"));
            relative || members.values().any(depends_on_the_second)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_and_later_kinds_are_told_apart() {
        let text = |node: Value| find(&node).map(|kind| kind.name.to_owned()).unwrap_or_else(|failure| failure.to_string());
        assert_eq!(text(json!({"kind": "TrendsQuery"})), "TrendsQuery");
        assert_eq!(text(json!({"kind": "VectorSearchQuery"})), "Queries of kind \"VectorSearchQuery\" are not supported yet.");
        assert!(text(json!({"kind": "FunnelsActorsQuery"})).ends_with("as the source of an ActorsQuery."));
        assert_eq!(text(json!({"kind": "Nope"})), "\"Nope\" is not a known kind of query.");
        assert!(text(json!({})).contains("needs a \"kind\""));
        assert!(KINDS.iter().all(|kind| !LATER.contains(&kind.name) && !WITHIN.contains(&kind.name)));
    }

    #[test]
    fn questions_about_this_second_are_recognised() {
        assert!(depends_on_the_second(&json!({"query": "select count() from events where timestamp > now() - interval 1 day"})));
        assert!(depends_on_the_second(&json!({"properties": [{"key": "d", "operator": "is_date_before", "value": "-7d"}]})));
        assert!(!depends_on_the_second(&json!({"query": "select count() from events where properties.brand = 'x'"})));
    }
}
