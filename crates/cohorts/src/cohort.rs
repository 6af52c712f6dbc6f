//! A cohort as it is stored and edited.

use model::{TeamId, Timestamp, UserId};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Cohort {
    pub id: i64,
    pub team: TeamId,
    pub name: String,
    pub description: String,
    /// `{"properties": {"type": "OR", "values": […]}}`; empty for static cohorts.
    pub filters: Value,
    /// The insight that defined it.
    pub query: Option<Value>,
    pub is_static: bool,
    pub deleted: bool,
    /// The membership that counts; rows of other versions are being written or about to go.
    pub version: i64,
    pub pending_version: i64,
    pub count: Option<i64>,
    pub is_calculating: bool,
    pub last_calculation: Option<Timestamp>,
    pub errors_calculating: i64,
    pub last_error_message: Option<String>,
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
}
