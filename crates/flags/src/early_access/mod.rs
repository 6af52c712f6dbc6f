//! Early access features: what people may try before it is released, each behind a flag of its own.
//!
//! Invariants:
//! 1. A feature in a release stage lets people choose: its flag's `feature_enrollment` is on, whatever else is written of the flag
//!    ([`hold`]). When the feature leaves those stages or is deleted, it goes off. Both change in one transaction.
//! 2. A flag belongs to one feature at most; when it is linked, it is about persons and has no variants.

mod public;
mod routes;
pub mod store;

pub use public::list;
pub use routes::routes;

use crate::Flag;
use db::{Transaction, args};
use model::{TeamId, Timestamp, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    pub id: Uuid,
    pub team: TeamId,
    pub flag: Option<i64>,
    pub name: String,
    pub description: String,
    pub stage: Stage,
    pub documentation_url: String,
    /// Whatever the page that offers the feature wants to know.
    pub payload: Value,
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Draft,
    Concept,
    Alpha,
    Beta,
    GeneralAvailability,
    Archived,
}

impl Stage {
    const ALL: [Stage; 6] = [Stage::Draft, Stage::Concept, Stage::Alpha, Stage::Beta, Stage::GeneralAvailability, Stage::Archived];

    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Draft => "draft",
            Stage::Concept => "concept",
            Stage::Alpha => "alpha",
            Stage::Beta => "beta",
            Stage::GeneralAvailability => "general-availability",
            Stage::Archived => "archived",
        }
    }

    pub fn parse(text: &str) -> Option<Stage> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text)
    }

    /// People's choice counts.
    pub fn is_released(self) -> bool {
        matches!(self, Stage::Alpha | Stage::Beta | Stage::GeneralAvailability)
    }
}

/// Keeps whoever edits a flag, and leaves out what they do not know, from taking people's choice away.
pub async fn hold(transaction: &mut Transaction, flag: &mut Flag) -> anyhow::Result<()> {
    let sql = "SELECT stage FROM early_access_feature WHERE team_id = $1 AND flag_id = $2";
    let Some(row) = transaction.fetch_optional(sql, args![flag.team, flag.id]).await? else { return Ok(()) };
    let stage: String = row.get("stage")?;
    if Stage::parse(&stage).is_some_and(Stage::is_released) {
        enrol(flag, true);
    }
    Ok(())
}

/// Off means absent, as if there had never been a feature.
fn enrol(flag: &mut Flag, is_released: bool) {
    let Some(filters) = flag.filters.as_object_mut() else { return };
    match is_released {
        true => filters.insert("feature_enrollment".to_owned(), json!(true)),
        false => filters.remove("feature_enrollment"),
    };
}

impl Feature {
    /// As SDKs and flags show it.
    pub fn shown(&self, flag: Option<&Flag>) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "stage": self.stage.as_str(),
            "documentationUrl": self.documentation_url,
            "payload": self.payload,
            "flagKey": flag.map(|flag| &flag.key),
        })
    }
}
