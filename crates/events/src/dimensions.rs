use async_trait::async_trait;
use model::{TeamId, Timestamp};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct PersonRow {
    pub id: Uuid,
    pub created_at: Timestamp,
    /// JSON object.
    pub properties: String,
    pub is_identified: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DistinctIdRow {
    pub distinct_id: String,
    pub person_id: Uuid,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GroupRow {
    pub index: u8,
    pub key: String,
    /// JSON object.
    pub properties: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Persons and groups as selects see them. They live in the metadata database, not in the event store.
#[async_trait]
pub trait Dimensions: Send + Sync {
    /// Changes whenever a person, distinct id or group of the team changes; a store may keep what it read while it stays.
    async fn version(&self, team: TeamId) -> anyhow::Result<u64>;
    async fn persons(&self, team: TeamId) -> anyhow::Result<Vec<PersonRow>>;
    async fn distinct_ids(&self, team: TeamId) -> anyhow::Result<Vec<DistinctIdRow>>;
    async fn groups(&self, team: TeamId) -> anyhow::Result<Vec<GroupRow>>;
}

/// For a store that runs without a metadata database: bulk import, contract tests.
pub struct NoDimensions;

#[async_trait]
impl Dimensions for NoDimensions {
    async fn version(&self, _: TeamId) -> anyhow::Result<u64> {
        Ok(0)
    }

    async fn persons(&self, _: TeamId) -> anyhow::Result<Vec<PersonRow>> {
        Ok(Vec::new())
    }

    async fn distinct_ids(&self, _: TeamId) -> anyhow::Result<Vec<DistinctIdRow>> {
        Ok(Vec::new())
    }

    async fn groups(&self, _: TeamId) -> anyhow::Result<Vec<GroupRow>> {
        Ok(Vec::new())
    }
}
