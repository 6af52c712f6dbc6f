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

/// A member of a cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CohortRow {
    pub cohort_id: i64,
    pub person_id: Uuid,
    /// Of the calculation that found the person.
    pub version: i64,
}

/// Persons, groups and cohorts as selects see them. They live in the metadata database, not in the event store.
#[async_trait]
pub trait Dimensions: Send + Sync {
    /// Changes whenever a person, distinct id or group of the team changes; a store may keep what it read while it stays.
    async fn version(&self, team: TeamId) -> anyhow::Result<u64>;
    async fn persons(&self, team: TeamId) -> anyhow::Result<Vec<PersonRow>>;
    async fn distinct_ids(&self, team: TeamId) -> anyhow::Result<Vec<DistinctIdRow>>;
    async fn groups(&self, team: TeamId) -> anyhow::Result<Vec<GroupRow>>;

    /// Changes whenever somebody enters or leaves a cohort of the team. Where persons are known without cohorts, there are none.
    async fn cohorts_version(&self, _team: TeamId) -> anyhow::Result<u64> {
        Ok(0)
    }

    /// Who is in one cohort now; nobody if there is no such cohort.
    async fn cohort_members(&self, _team: TeamId, _cohort: i64) -> anyhow::Result<Vec<Uuid>> {
        Ok(Vec::new())
    }

    /// Who is in which of the team's cohorts: those that are lists, or those that are computed.
    async fn cohort_people(&self, _team: TeamId, _is_static: bool) -> anyhow::Result<Vec<CohortRow>> {
        Ok(Vec::new())
    }
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
