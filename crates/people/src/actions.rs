//! Changes to persons and groups that somebody asks for through the API. Each is one transaction that raises the project's counter.

use crate::changes::{delete_persons, upsert_groups, upsert_persons};
use crate::store::{self, GROUP_COLUMNS, PERSON_COLUMNS, group_from, person_from};
use crate::{Group, Person};
use anyhow::{Context, Result};
use db::{Db, Transaction, Value, args, parameter_list};
use events::PersonOverride;
use model::{GroupTypeIndex, Properties, PropertyValue, TeamId, Timestamp, person_uuid};
use std::sync::Arc;
use uuid::Uuid;

/// Reads the person, lets `change` edit its properties and writes it back. `false` when there is no such person.
pub async fn edit_person(db: &Db, team: TeamId, uuid: Uuid, change: impl FnOnce(&mut Properties)) -> Result<bool> {
    let mut transaction = db.begin().await?;
    store::bump(&mut transaction, team).await?;
    let Some(mut person) = read(&mut transaction, team, uuid).await? else { return Ok(false) };
    change(Arc::make_mut(&mut person.properties));
    person.version += 1;
    upsert_persons(&mut transaction, team, &[person]).await?;
    transaction.commit().await?;
    Ok(true)
}

async fn read(transaction: &mut Transaction, team: TeamId, uuid: Uuid) -> Result<Option<Person>> {
    let sql = format!("SELECT {PERSON_COLUMNS} FROM person p WHERE p.team_id = $1 AND p.uuid = $2");
    transaction.fetch_optional(&sql, args![team, uuid]).await?.map(|row| person_from(&row)).transpose()
}

/// Deletes persons. Their ids start over as somebody new when they are seen again. Returns how many there were.
pub async fn delete(db: &Db, team: TeamId, persons: &[Uuid]) -> Result<u64> {
    let mut transaction = db.begin().await?;
    store::bump(&mut transaction, team).await?;
    let mut deleted = 0;
    for list in persons.chunks(500) {
        let uuids = parameter_list(2, list.len());
        let args: Vec<Value> = std::iter::once(Value::from(team)).chain(list.iter().map(|&uuid| uuid.into())).collect();
        let sql = format!("SELECT COUNT(*) AS n FROM person WHERE team_id = $1 AND uuid IN ({uuids})");
        deleted += transaction.fetch_one(&sql, &args).await?.get::<u64>("n")?;
        // At least 1, so that the next person of the id is told from this one.
        let sql = format!(
            "INSERT INTO personless_distinct_id (team_id, distinct_id, version)
             SELECT team_id, distinct_id, CASE WHEN version < 1 THEN 1 ELSE version END
             FROM person_distinct_id WHERE team_id = $1 AND person_uuid IN ({uuids})
             ON CONFLICT (team_id, distinct_id) DO UPDATE SET version = excluded.version"
        );
        transaction.execute(&sql, &args).await?;
        transaction.execute(&format!("DELETE FROM person_distinct_id WHERE team_id = $1 AND person_uuid IN ({uuids})"), &args).await?;
    }
    delete_persons(&mut transaction, team, persons.iter().copied()).await?;
    transaction.commit().await?;
    Ok(deleted)
}

/// Gives every distinct id but `main` a person of its own; without `main` the first id stays and the properties, which could be
/// anybody's, are cleared. The event store must learn the overrides. `None` when there is no such person.
pub async fn split(db: &Db, team: TeamId, uuid: Uuid, main: Option<&str>) -> Result<Option<Vec<PersonOverride>>> {
    let mut transaction = db.begin().await?;
    store::bump(&mut transaction, team).await?;
    let Some(mut person) = read(&mut transaction, team, uuid).await? else { return Ok(None) };
    let sql = "SELECT distinct_id, version FROM person_distinct_id WHERE team_id = $1 AND person_uuid = $2 ORDER BY version, distinct_id";
    let rows = transaction.fetch_all(sql, args![team, uuid]).await?;
    let ids = rows.iter().map(|row| Ok((row.get("distinct_id")?, row.get("version")?))).collect::<Result<Vec<(Arc<str>, i64)>>>()?;
    let kept: Arc<str> = match main {
        Some(main) => main.into(),
        None => {
            person.properties = Arc::default();
            ids.first().map(|(id, _)| id.clone()).context("a person has a distinct id")?
        }
    };
    let created_at = person.created_at;
    person.version += 1;
    let mut persons = vec![person];
    let mut overrides = Vec::new();
    for (distinct_id, version) in ids.into_iter().filter(|(id, _)| *id != kept) {
        let version = version + 1;
        let own = free_uuid(&mut transaction, team, &distinct_id, version).await?;
        let sql = "UPDATE person_distinct_id SET person_uuid = $3, version = $4 WHERE team_id = $1 AND distinct_id = $2";
        transaction.execute(sql, args![team, &*distinct_id, own, version]).await?;
        persons.push(Person { uuid: own, created_at, properties: Arc::default(), is_identified: false, version: 0, last_seen_at: None });
        overrides.push(PersonOverride { team, distinct_id, person_id: own, version });
    }
    upsert_persons(&mut transaction, team, &persons).await?;
    transaction.commit().await?;
    Ok(Some(overrides))
}

/// The id that the distinct id stands for, unless another person has it.
async fn free_uuid(transaction: &mut Transaction, team: TeamId, distinct_id: &str, version: i64) -> Result<Uuid> {
    let own = person_uuid(team, distinct_id);
    match read(transaction, team, own).await? {
        None => Ok(own),
        Some(_) => Ok(crate::identity::new_person_uuid(team, distinct_id, version.max(1))),
    }
}

pub async fn find_group(db: &Db, team: TeamId, index: GroupTypeIndex, key: &str) -> Result<Option<Group>> {
    Ok(store::groups(db, team, index, &[key.into()]).await?.pop())
}

/// `false` when the group exists.
pub async fn create_group(db: &Db, team: TeamId, group: Group) -> Result<bool> {
    let mut transaction = db.begin().await?;
    store::bump(&mut transaction, team).await?;
    if read_group(&mut transaction, team, group.index, &group.key).await?.is_some() {
        return Ok(false);
    }
    upsert_groups(&mut transaction, team, &[group]).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Sets a property, or removes it when `value` is absent. `None` when there is no such group.
pub async fn edit_group(
    db: &Db,
    team: TeamId,
    (index, key): (GroupTypeIndex, &str),
    (name, value): (&str, Option<PropertyValue>),
    now: Timestamp,
) -> Result<Option<Group>> {
    let mut transaction = db.begin().await?;
    store::bump(&mut transaction, team).await?;
    let Some(mut group) = read_group(&mut transaction, team, index, key).await? else { return Ok(None) };
    let properties = Arc::make_mut(&mut group.properties);
    match value {
        Some(value) => properties.set(name, value),
        None => _ = properties.remove(name),
    }
    group.updated_at = now;
    upsert_groups(&mut transaction, team, std::slice::from_ref(&group)).await?;
    transaction.commit().await?;
    Ok(Some(group))
}

async fn read_group(transaction: &mut Transaction, team: TeamId, index: GroupTypeIndex, key: &str) -> Result<Option<Group>> {
    let sql = format!("SELECT {GROUP_COLUMNS} FROM person_group WHERE team_id = $1 AND group_type_index = $2 AND group_key = $3");
    transaction.fetch_optional(&sql, args![team, index, key]).await?.map(|row| group_from(&row)).transpose()
}

/// What a group type is called. `false` when the project has no such type.
pub async fn name_group_type(db: &Db, team: TeamId, index: GroupTypeIndex, singular: Option<&str>, plural: Option<&str>) -> Result<bool> {
    let mut transaction = db.begin().await?;
    store::bump(&mut transaction, team).await?;
    let sql = "UPDATE group_type_mapping SET name_singular = $3, name_plural = $4 WHERE team_id = $1 AND group_type_index = $2";
    let changed = transaction.execute(sql, args![team, index, singular, plural]).await?;
    transaction.commit().await?;
    Ok(changed > 0)
}
