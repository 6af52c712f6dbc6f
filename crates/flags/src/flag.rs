//! A feature flag as it is stored and edited.

use model::{TeamId, Timestamp, UserId};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Flag {
    pub id: i64,
    pub team: TeamId,
    pub key: String,
    /// PostHog calls the description `name`.
    pub name: String,
    pub active: bool,
    pub deleted: bool,
    /// Conditions, variants and payloads as the client wrote them; unknown keys stay. Old forms are translated when written.
    pub filters: Value,
    pub ensure_experience_continuity: bool,
    /// Grows with each change.
    pub version: i64,
    /// `None` and `distinct_id` mean the same.
    pub bucketing_identifier: Option<String>,
    /// `all`, `client` or `server`.
    pub evaluation_runtime: String,
    pub evaluation_contexts: Vec<String>,
    pub is_remote_configuration: bool,
    pub has_encrypted_payloads: bool,
    /// Kept by experiments.
    pub has_experiment: bool,
    /// Made by a survey or another feature for its own targeting: no page lists it.
    pub is_internal: bool,
    pub tags: Vec<String>,
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
    pub updated_by: Option<UserId>,
    pub updated_at: Timestamp,
    pub last_called_at: Option<Timestamp>,
}
