//! What ingestion complains about, shown to the project so that it can be fixed.

use anyhow::Result;
use db::{Transaction, Value};
use model::{TeamId, Timestamp};

#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    pub team: TeamId,
    /// PostHog's name: `cannot_merge_already_identified`.
    pub kind: &'static str,
    /// An object: `eventUuid`, `event`, `distinctId`, and what is particular to the kind.
    pub details: serde_json::Value,
    pub timestamp: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The event was dropped.
    Error,
    /// The event was changed or something it asked for was not done.
    Warning,
    Info,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }
}

pub fn severity(kind: &str) -> Severity {
    match kind {
        "client_ingestion_warning" | "event_dropped_too_old" | "event_dropped_by_transformation" | "replay_lib_version_too_old" => {
            Severity::Info
        }
        "cannot_merge_already_identified"
        | "cannot_merge_with_illegal_distinct_id"
        | "definitions_limit_reached"
        | "ignored_invalid_timestamp"
        | "invalid_ai_token_property"
        | "invalid_group_set"
        | "invalid_process_person_profile"
        | "invalid_heatmap_data"
        | "rejecting_heatmap_data_with_invalid_url"
        | "rejecting_heatmap_data_with_invalid_items"
        | "error_tracking_exception_processing_errors"
        | "message_contained_no_valid_rrweb_events"
        | "message_timestamp_diff_too_large" => Severity::Warning,
        _ => Severity::Error,
    }
}

pub fn category(kind: &str) -> &'static str {
    match kind {
        "message_size_too_large"
        | "person_properties_size_violation"
        | "person_upsert_message_size_too_large"
        | "group_upsert_message_size_too_large"
        | "group_key_too_long" => "size",
        "cannot_merge_already_identified" | "cannot_merge_with_illegal_distinct_id" | "merge_race_condition" => "merge",
        "event_dropped_by_transformation" => "transformation",
        kind if kind.starts_with("replay_") || kind.starts_with("message_") => "replay",
        _ => "event",
    }
}

/// Older warnings of a project are deleted when new ones are written.
pub const KEPT_DAYS: i64 = 30;

pub async fn insert(transaction: &mut Transaction, warnings: &[Warning]) -> Result<()> {
    let rows = warnings.iter().map(|warning| {
        vec![
            warning.team.into(),
            Value::from("plugin-server"),
            Value::from(warning.kind),
            Value::from(&warning.details),
            warning.timestamp.into(),
        ]
    });
    let head = "INSERT INTO ingestion_warning (team_id, source, type, details, timestamp) VALUES";
    transaction.insert_many(head, "", rows.collect()).await?;
    let mut teams: Vec<(TeamId, Timestamp)> = warnings.iter().map(|warning| (warning.team, warning.timestamp)).collect();
    teams.sort();
    teams.dedup_by_key(|(team, _)| *team);
    for (team, now) in teams {
        let sql = "DELETE FROM ingestion_warning WHERE team_id = $1 AND timestamp < $2";
        transaction.execute(sql, db::args![team, now.plus_seconds(-KEPT_DAYS * 86_400)]).await?;
    }
    Ok(())
}
