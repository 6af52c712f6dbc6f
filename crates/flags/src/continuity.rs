//! Experience continuity: who was shown a variant before identify keeps it afterwards.
//!
//! A flag that wants it hashes a stored key instead of the distinct id: the anonymous id with which the person was first seen. Keys
//! belong to persons, and an SDK often asks before ingestion has made the person. Therefore a request writes nothing: it leaves the
//! pair of ids in memory, where answers of this process use it at once, and [`keep_continuity`] writes it as soon as the person is
//! there. The same task lets keys follow persons who are merged: it reads the tombstones that merges leave, in their order. Until
//! then, about a second, a server that asks without the anonymous id is answered by the survivor's own keys.

use crate::loader::Found;
use crate::{Flags, Question, Served};
use anyhow::Result;
use db::{Db, Value, args};
use model::TeamId;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use uuid::Uuid;

/// How long a person may take to appear.
const REMEMBERED_FOR: Duration = Duration::from_secs(5 * 60);
/// Pairs in memory. When there are more, new ones are answered rightly but not remembered.
const MAX_PENDING: usize = 20_000;
const EVERY: Duration = Duration::from_secs(1);
/// Requests of one page load come together.
const COALESCE: Duration = Duration::from_millis(50);
const MERGES_AT_ONCE: i64 = 1_000;
/// Merges that are looked at again: PostgreSQL may show a lower number after a higher one.
const OVERLAP: i64 = 500;

/// A stored key.
#[derive(Clone, Debug, PartialEq)]
pub struct HashKey {
    pub person: Uuid,
    pub flag: String,
    pub hash: String,
}

/// Pairs of ids that are not written yet.
#[derive(Default)]
pub struct Pending {
    pairs: Mutex<HashMap<(TeamId, Arc<str>), Pair>>,
    woken: Notify,
}

#[derive(Clone)]
struct Pair {
    anonymous: Arc<str>,
    since: Instant,
}

impl Pending {
    fn remember(&self, team: TeamId, distinct_id: &str, anonymous: &str) {
        let mut pairs = self.pairs.lock();
        let place = (team, Arc::from(distinct_id));
        if pairs.len() < MAX_PENDING && !pairs.contains_key(&place) {
            pairs.insert(place, Pair { anonymous: anonymous.into(), since: Instant::now() });
            self.woken.notify_one();
        }
    }

    fn anonymous(&self, team: TeamId, distinct_id: &str) -> Option<Arc<str>> {
        let pairs = self.pairs.lock();
        // The usual case costs no allocation.
        if pairs.is_empty() {
            return None;
        }
        pairs.get(&(team, Arc::from(distinct_id))).map(|pair| pair.anonymous.clone())
    }

    fn of_teams(&self) -> HashMap<TeamId, Vec<(Arc<str>, Pair)>> {
        let mut pairs = self.pairs.lock();
        pairs.retain(|_, pair| pair.since.elapsed() < REMEMBERED_FOR);
        let mut by_team: HashMap<TeamId, Vec<(Arc<str>, Pair)>> = HashMap::new();
        for ((team, distinct_id), pair) in pairs.iter() {
            by_team.entry(*team).or_default().push((distinct_id.clone(), pair.clone()));
        }
        by_team
    }

    fn forget(&self, team: TeamId, distinct_ids: &[Arc<str>]) {
        let mut pairs = self.pairs.lock();
        for id in distinct_ids {
            pairs.remove(&(team, id.clone()));
        }
    }
}

/// The key of each flag for this question: the own person's, else that of the person before identify, else the id before identify.
pub fn settle(flags: &Flags, served: &Served, question: &Question, found: &Found) -> HashMap<String, String> {
    let own = found.persons.first().and_then(Option::as_ref).map(|person| person.uuid);
    let before = found.persons.get(1).and_then(Option::as_ref).map(|person| person.uuid);
    let keys: HashMap<(Uuid, &str), &str> =
        found.hash_keys.iter().map(|key| ((key.person, key.flag.as_str()), key.hash.as_str())).collect();
    let stored = |person: Option<Uuid>, flag: &str| keys.get(&(person?, flag)).copied();
    let (team, pending) = (served.team.id, &flags.memory.pending);
    if let Some(anonymous) = &question.anon_distinct_id {
        let is_whole =
            |person: Option<Uuid>| person.is_some() && served.project.continuous.iter().all(|flag| stored(person, flag).is_some());
        if !is_whole(own) || (before.is_some() && !is_whole(before)) {
            pending.remember(team, &question.distinct_id, anonymous);
        }
    }
    let anonymous = question.anon_distinct_id.as_deref().map(Arc::from).or_else(|| pending.anonymous(team, &question.distinct_id));
    let key = |flag: &String| {
        let key = stored(own, flag).or_else(|| stored(before, flag)).or(anonymous.as_deref())?;
        Some((flag.clone(), key.to_owned()))
    };
    served.project.continuous.iter().filter_map(key).collect()
}

pub async fn hash_keys(db: &Db, team: TeamId, persons: &[Uuid]) -> Result<Vec<HashKey>> {
    let mut found = Vec::new();
    for list in persons.chunks(500) {
        let sql = format!(
            "SELECT person_uuid, flag_key, hash_key FROM feature_flag_hash_key WHERE team_id = $1 AND person_uuid IN ({})",
            db::parameter_list(2, list.len())
        );
        let args: Vec<Value> = std::iter::once(team.into()).chain(list.iter().map(|&person| person.into())).collect();
        for row in db.fetch_all(&sql, &args).await? {
            found.push(HashKey { person: row.get("person_uuid")?, flag: row.get("flag_key")?, hash: row.get("hash_key")? });
        }
    }
    Ok(found)
}

/// Writes what requests left, and follows merges, for as long as the process serves flags.
pub async fn keep_continuity(flags: Flags) {
    let mut is_failing = false;
    loop {
        tokio::select! {
            () = flags.memory.pending.woken.notified() => tokio::time::sleep(COALESCE).await,
            () = tokio::time::sleep(EVERY) => {}
        }
        match keep_once(&flags).await {
            Ok(()) => is_failing = false,
            Err(error) if !is_failing => {
                tracing::error!("keys for experience continuity could not be written: {error:#}");
                is_failing = true;
            }
            Err(_) => {}
        }
    }
}

pub(crate) async fn keep_once(flags: &Flags) -> Result<()> {
    for (team, pairs) in flags.memory.pending.of_teams() {
        write_pairs(flags, team, &pairs).await?;
    }
    follow_merges(&flags.db).await
}

async fn write_pairs(flags: &Flags, team: TeamId, pairs: &[(Arc<str>, Pair)]) -> Result<()> {
    let Some(served) = flags.served(team).await? else { return Ok(()) };
    let ids: HashSet<Arc<str>> = pairs.iter().flat_map(|(id, pair)| [id.clone(), pair.anonymous.clone()]).collect();
    let mut ids: Vec<Arc<str>> = ids.into_iter().collect();
    people::store::pad(&mut ids);
    let persons: HashMap<Arc<str>, Uuid> =
        people::store::persons_of(&flags.db, team, &ids).await?.into_iter().map(|(id, person)| (id, person.uuid)).collect();
    let (mut rows, mut done) = (Vec::new(), Vec::new());
    for (id, pair) in pairs {
        let (own, before) = (persons.get(id), persons.get(&pair.anonymous));
        done.extend(own.map(|_| id.clone()));
        for person in [own, before].into_iter().flatten() {
            let row = |flag: &String| vec![team.into(), (*person).into(), flag.into(), pair.anonymous.clone().into()];
            rows.extend(served.project.continuous.iter().map(row));
        }
    }
    if !rows.is_empty() {
        let mut transaction = flags.db.begin().await?;
        let head = "INSERT INTO feature_flag_hash_key (team_id, person_uuid, flag_key, hash_key) VALUES";
        transaction.insert_many(head, "ON CONFLICT (team_id, person_uuid, flag_key) DO NOTHING", rows).await?;
        transaction.commit().await?;
    }
    flags.memory.pending.forget(team, &done);
    Ok(())
}

/// Moves the keys of merged persons to those who survived; keys that these have stay.
async fn follow_merges(db: &Db) -> Result<()> {
    let row = db.fetch_optional("SELECT position FROM feature_flag_merges_followed WHERE id = 1", &[]).await?;
    let mut position: i64 = row.map_or(Ok(0), |row| row.get("position"))?;
    loop {
        let newest = db.fetch_one("SELECT COALESCE(MAX(id), 0) AS newest FROM person_tombstone", &[]).await?;
        if newest.get::<i64>("newest")? <= position {
            return Ok(());
        }
        let sql = "SELECT id, team_id, uuid, merged_into FROM person_tombstone WHERE id > $1 ORDER BY id LIMIT $2";
        let merges = db.fetch_all(sql, args![(position - OVERLAP).max(0), MERGES_AT_ONCE]).await?;
        let mut by_team: HashMap<TeamId, Vec<(Uuid, Uuid)>> = HashMap::new();
        for merge in &merges {
            by_team.entry(merge.get("team_id")?).or_default().push((merge.get("uuid")?, merge.get("merged_into")?));
            position = position.max(merge.get("id")?);
        }
        for (team, merges) in by_team {
            move_keys(db, team, &merges).await?;
        }
        let sql = "INSERT INTO feature_flag_merges_followed (id, position) VALUES (1, $1)
                   ON CONFLICT (id) DO UPDATE SET position = excluded.position";
        db.execute(sql, args![position]).await?;
    }
}

async fn move_keys(db: &Db, team: TeamId, merges: &[(Uuid, Uuid)]) -> Result<()> {
    let merged: Vec<Uuid> = merges.iter().map(|(merged, _)| *merged).collect();
    let with_keys: HashSet<Uuid> = hash_keys(db, team, &merged).await?.into_iter().map(|key| key.person).collect();
    if with_keys.is_empty() {
        return Ok(());
    }
    let into: HashMap<Uuid, Uuid> = merges.iter().copied().collect();
    let mut transaction = db.begin().await?;
    for (merged, _) in merges.iter().filter(|(merged, _)| with_keys.contains(merged)) {
        let mut survivor = *merged;
        // Persons are merged into one that is merged later. A circle cannot be, but must not hang either.
        for _ in 0..merges.len() {
            let Some(next) = into.get(&survivor) else { break };
            survivor = *next;
        }
        let copy = "INSERT INTO feature_flag_hash_key (team_id, person_uuid, flag_key, hash_key)
                    SELECT team_id, $3, flag_key, hash_key FROM feature_flag_hash_key WHERE team_id = $1 AND person_uuid = $2
                    ON CONFLICT (team_id, person_uuid, flag_key) DO NOTHING";
        transaction.execute(copy, args![team, *merged, survivor]).await?;
        let delete = "DELETE FROM feature_flag_hash_key WHERE team_id = $1 AND person_uuid = $2";
        transaction.execute(delete, args![team, *merged]).await?;
    }
    transaction.commit().await
}

#[cfg(test)]
mod tests;
