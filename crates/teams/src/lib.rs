//! Projects ("teams" in PostHog's words) as every other crate sees them: found by id or by token, cached briefly.

use model::{OrganizationId, TeamId, Timestamp};
use uuid::Uuid;

/// One project with the settings that ingestion, queries and SDK endpoints read.
#[derive(Clone, Debug)]
pub struct Team {
    pub id: TeamId,
    pub uuid: Uuid,
    pub organization: OrganizationId,
    pub name: String,
    /// `phc_…`, public.
    pub api_token: String,
    pub created_at: Timestamp,
    pub timezone: chrono_tz::Tz,
    /// 0 = Sunday, 1 = Monday.
    pub week_start_day: u8,
    pub anonymize_ips: bool,
    /// 0 off, 1 stateless, 2 stateful.
    pub cookieless_mode: u8,
    pub ingested_event: bool,
    /// Every other field of the project object that PATCH accepts, under its API name.
    pub settings: serde_json::Map<String, serde_json::Value>,
}
