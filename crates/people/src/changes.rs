//! What one batch of events changed about one team's persons and groups, written in one transaction.

use crate::{Group, Person, store};
use anyhow::Result;
use db::{Transaction, Value, args, parameter_list};
use events::PersonOverride;
use model::{GroupTypeIndex, TeamId, Timestamp, person_uuid};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Debug, Default)]
pub struct Changes {
    /// New and changed persons, each once, as they are after the batch. Persons merged away within the batch are among them
    /// when they are also new.
    pub persons: Vec<Person>,
    pub attached: Vec<Attached>,
    /// In the order in which they happened.
    pub merges: Vec<Merge>,
    /// Ids seen for the first time on personless events.
    pub personless: Vec<Arc<str>>,
    pub group_types: Vec<(Arc<str>, GroupTypeIndex)>,
    pub groups: Vec<Group>,
}

/// A distinct id that got its first person.
#[derive(Debug)]
pub struct Attached {
    pub distinct_id: Arc<str>,
    pub person: Uuid,
    /// 0 for an id never used before.
    pub version: i64,
}

#[derive(Debug)]
pub struct Merge {
    /// As it was just before.
    pub from: Person,
    pub into: Uuid,
    pub at: Timestamp,
    pub event: Uuid,
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Somebody else changed the team's persons since they were read. Nothing may be committed; read again.
    #[error("the persons of project {0} changed meanwhile")]
    Stale(TeamId),
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.is_unseen() && self.personless.is_empty()
    }

    /// No person, distinct id or group changes: new visitors alone must not make everybody read the persons again.
    fn is_unseen(&self) -> bool {
        self.persons.is_empty()
            && self.attached.is_empty()
            && self.merges.is_empty()
            && self.group_types.is_empty()
            && self.groups.is_empty()
    }
}

/// Writes everything. `read_at` is the team's counter when the persons were read. Returns the new counter and the overrides
/// that the event store must learn.
pub async fn apply(
    transaction: &mut Transaction,
    team: TeamId,
    read_at: i64,
    changes: &Changes,
) -> Result<(i64, Vec<PersonOverride>), ApplyError> {
    let version = match changes.is_unseen() {
        true => read_at,
        false => store::bump(transaction, team).await?,
    };
    if !changes.is_unseen() && version != read_at + 1 {
        return Err(ApplyError::Stale(team));
    }
    let rows = changes.personless.iter().map(|id| vec![team.into(), Value::from(&**id), Value::Int(0)]).collect();
    let head = "INSERT INTO personless_distinct_id (team_id, distinct_id, version) VALUES";
    transaction.insert_many(head, "ON CONFLICT (team_id, distinct_id) DO NOTHING", rows).await?;
    upsert_persons(transaction, team, &changes.persons).await?;
    let mut overrides = attach(transaction, team, &changes.attached).await?;
    for merge in &changes.merges {
        overrides.extend(move_ids(transaction, team, merge).await?);
    }
    delete_persons(transaction, team, changes.merges.iter().map(|merge| merge.from.uuid)).await?;
    write_groups(transaction, team, changes).await?;
    Ok((version, overrides))
}

pub(crate) async fn upsert_persons(transaction: &mut Transaction, team: TeamId, persons: &[Person]) -> Result<()> {
    let rows = persons.iter().map(|person| {
        vec![
            team.into(),
            person.uuid.into(),
            person.created_at.into(),
            person.properties.to_json_text().into(),
            person.is_identified.into(),
            person.version.into(),
            person.last_seen_at.into(),
        ]
    });
    let head = "INSERT INTO person (team_id, uuid, created_at, properties, is_identified, version, last_seen_at) VALUES";
    let tail = "ON CONFLICT (team_id, uuid) DO UPDATE SET created_at = excluded.created_at, properties = excluded.properties,
                is_identified = excluded.is_identified, version = excluded.version, last_seen_at = excluded.last_seen_at";
    transaction.insert_many(head, tail, rows.collect()).await?;
    Ok(())
}

/// An override is needed when stored events may carry the id under another person than the one it gets: either the personless
/// person that the id itself stands for, or one that an earlier override named.
fn needs_override(team: TeamId, attached: &Attached) -> bool {
    attached.version > 1 || attached.version == 1 && attached.person != person_uuid(team, &attached.distinct_id)
}

async fn attach(transaction: &mut Transaction, team: TeamId, attached: &[Attached]) -> Result<Vec<PersonOverride>> {
    let rows = attached.iter().map(|id| vec![team.into(), Value::from(&*id.distinct_id), id.person.into(), id.version.into()]);
    let head = "INSERT INTO person_distinct_id (team_id, distinct_id, person_uuid, version) VALUES";
    transaction.insert_many(head, "", rows.collect()).await?;
    let used_before: Vec<&Attached> = attached.iter().filter(|id| id.version > 0).collect();
    for list in used_before.chunks(500) {
        let sql = format!("DELETE FROM personless_distinct_id WHERE team_id = $1 AND distinct_id IN ({})", parameter_list(2, list.len()));
        let args: Vec<Value> = std::iter::once(Value::from(team)).chain(list.iter().map(|id| Value::from(&*id.distinct_id))).collect();
        transaction.execute(&sql, &args).await?;
    }
    let overrides = attached.iter().filter(|id| needs_override(team, id)).map(|id| PersonOverride {
        team,
        distinct_id: id.distinct_id.clone(),
        person_id: id.person,
        version: id.version,
    });
    Ok(overrides.collect())
}

async fn move_ids(transaction: &mut Transaction, team: TeamId, merge: &Merge) -> Result<Vec<PersonOverride>> {
    let sql = "UPDATE person_distinct_id SET person_uuid = $3, version = version + 1
               WHERE team_id = $1 AND person_uuid = $2 RETURNING distinct_id, version";
    let moved = transaction.fetch_all(sql, args![team, merge.from.uuid, merge.into]).await?;
    let mut overrides = Vec::with_capacity(moved.len());
    for row in &moved {
        overrides.push(PersonOverride { team, distinct_id: row.get("distinct_id")?, person_id: merge.into, version: row.get("version")? });
    }
    let ids: Vec<&str> = overrides.iter().map(|id| &*id.distinct_id).collect();
    let sql = "INSERT INTO person_tombstone
               (team_id, uuid, merged_into, merged_at, event_uuid, created_at, is_identified, properties, distinct_ids)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let from = &merge.from;
    let ids = serde_json::json!(ids);
    let properties = from.properties.to_json_text();
    transaction
        .execute(sql, args![team, from.uuid, merge.into, merge.at, merge.event, from.created_at, from.is_identified, properties, ids])
        .await?;
    Ok(overrides)
}

pub(crate) async fn delete_persons(transaction: &mut Transaction, team: TeamId, uuids: impl Iterator<Item = Uuid>) -> Result<()> {
    let uuids: Vec<Uuid> = uuids.collect();
    for list in uuids.chunks(500) {
        let sql = format!("DELETE FROM person WHERE team_id = $1 AND uuid IN ({})", parameter_list(2, list.len()));
        let args: Vec<Value> = std::iter::once(Value::from(team)).chain(list.iter().map(|&uuid| uuid.into())).collect();
        transaction.execute(&sql, &args).await?;
    }
    Ok(())
}

async fn write_groups(transaction: &mut Transaction, team: TeamId, changes: &Changes) -> Result<()> {
    let rows = changes.group_types.iter().map(|(name, index)| vec![team.into(), Value::from(&**name), (*index).into()]).collect();
    transaction.insert_many("INSERT INTO group_type_mapping (team_id, group_type, group_type_index) VALUES", "", rows).await?;
    upsert_groups(transaction, team, &changes.groups).await
}

pub(crate) async fn upsert_groups(transaction: &mut Transaction, team: TeamId, groups: &[Group]) -> Result<()> {
    let rows = groups.iter().map(|group| {
        vec![
            team.into(),
            group.index.into(),
            Value::from(&*group.key),
            group.properties.to_json_text().into(),
            group.created_at.into(),
            group.updated_at.into(),
        ]
    });
    let head = "INSERT INTO person_group (team_id, group_type_index, group_key, properties, created_at, updated_at) VALUES";
    let tail = "ON CONFLICT (team_id, group_type_index, group_key)
                DO UPDATE SET properties = excluded.properties, updated_at = excluded.updated_at";
    transaction.insert_many(head, tail, rows.collect()).await?;
    Ok(())
}
