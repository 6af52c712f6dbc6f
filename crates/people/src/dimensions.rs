use crate::store::PERSON_COLUMNS;
use anyhow::Result;
use async_trait::async_trait;
use db::{Db, args};
use events::{Dimensions, DistinctIdRow, GroupRow, PersonRow};
use model::TeamId;

/// Persons and groups as the event store's selects see them.
#[derive(Clone)]
pub struct People {
    db: Db,
}

impl People {
    pub fn new(db: Db) -> People {
        People { db }
    }
}

#[async_trait]
impl Dimensions for People {
    async fn version(&self, team: TeamId) -> Result<u64> {
        let versions = crate::store::versions(&self.db, &[team]).await?;
        Ok(versions.get(&team).copied().unwrap_or(0) as u64)
    }

    async fn persons(&self, team: TeamId) -> Result<Vec<PersonRow>> {
        let sql = format!("SELECT {PERSON_COLUMNS} FROM person p WHERE p.team_id = $1");
        let rows = self.db.fetch_all(&sql, args![team]).await?;
        rows.iter()
            .map(|row| {
                Ok(PersonRow {
                    id: row.get("uuid")?,
                    created_at: row.get("created_at")?,
                    properties: row.get("properties")?,
                    is_identified: row.get("is_identified")?,
                })
            })
            .collect()
    }

    async fn distinct_ids(&self, team: TeamId) -> Result<Vec<DistinctIdRow>> {
        let rows = self.db.fetch_all("SELECT distinct_id, person_uuid FROM person_distinct_id WHERE team_id = $1", args![team]).await?;
        rows.iter().map(|row| Ok(DistinctIdRow { distinct_id: row.get("distinct_id")?, person_id: row.get("person_uuid")? })).collect()
    }

    async fn groups(&self, team: TeamId) -> Result<Vec<GroupRow>> {
        let sql = "SELECT group_type_index, group_key, properties, created_at, updated_at FROM person_group WHERE team_id = $1";
        let rows = self.db.fetch_all(sql, args![team]).await?;
        rows.iter()
            .map(|row| {
                Ok(GroupRow {
                    index: row.get("group_type_index")?,
                    key: row.get("group_key")?,
                    properties: row.get("properties")?,
                    created_at: row.get("created_at")?,
                    updated_at: row.get("updated_at")?,
                })
            })
            .collect()
    }
}
