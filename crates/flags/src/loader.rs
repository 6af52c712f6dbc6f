//! Looks up persons, groups, cohort memberships and hash keys for many requests at once.
//!
//! Requests that come while a batch is under way wait and become the next batch, so that under load one statement serves dozens of
//! them, and without load nobody waits for company. A database that does not answer holds up few: after a batch that was not
//! answered, requests are told so at once until it answers again.

use crate::continuity::{self, HashKey};
use crate::evaluate::StoredPerson;
use anyhow::Result;
use db::Db;
use futures::future::join_all;
use futures::try_join;
use model::{GroupTypeIndex, Properties, TeamId};
use parking_lot::Mutex;
use people::Person;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

/// Batches under way at once. More make them smaller: two cost a tenth more processor time for each request than one.
const MAX_RUNNING: usize = 1;
/// Lookups in one batch.
const MAX_BATCH: usize = 512;
/// Lookups that wait; beyond, the database is too slow for what is asked.
const MAX_WAITING: usize = 10_000;
const BATCH_WITHIN: Duration = Duration::from_secs(1);
/// Between attempts to reach a database that did not answer.
const TRY_EVERY: Duration = Duration::from_millis(500);

#[derive(Default)]
pub struct Loader(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    running: usize,
    /// The database did not answer and has not answered since.
    is_away: bool,
}

struct Waiting {
    lookup: Lookup,
    tell: oneshot::Sender<Option<Found>>,
}

/// What one request needs to know.
#[derive(Debug)]
pub struct Lookup {
    pub team: TeamId,
    /// The distinct id first, then the one before identify. Empty when nothing about persons is needed.
    pub distinct_ids: Vec<Arc<str>>,
    pub memberships: bool,
    pub hash_keys: bool,
    /// Type index and key.
    pub groups: Vec<(u8, Arc<str>)>,
}

#[derive(Debug, Default)]
pub struct Found {
    /// In the order of the distinct ids.
    pub persons: Vec<Option<Arc<Person>>>,
    /// Cohorts of the first person.
    pub member_of: HashSet<i64>,
    /// Of all persons.
    pub hash_keys: Vec<HashKey>,
    pub groups: HashMap<u8, Arc<Properties>>,
}

impl Found {
    pub fn person(&self) -> Option<StoredPerson> {
        let person = self.persons.first()?.as_ref()?;
        Some(StoredPerson { uuid: person.uuid, created_at: person.created_at, properties: person.properties.clone() })
    }
}

impl Loader {
    /// `None` when it could not be looked up.
    pub async fn load(self: &Arc<Self>, db: &Db, lookup: Lookup) -> Option<Found> {
        let (tell, told) = oneshot::channel();
        {
            let mut queue = self.0.lock();
            if queue.is_away || queue.waiting.len() >= MAX_WAITING {
                return None;
            }
            queue.waiting.push(Waiting { lookup, tell });
            if queue.running < MAX_RUNNING {
                queue.running += 1;
                tokio::spawn(Running { loader: self.clone(), is_counted: true }.run(db.clone()));
            }
        }
        told.await.ok().flatten()
    }
}

/// One of the tasks that serve batches for as long as there are lookups.
struct Running {
    loader: Arc<Loader>,
    is_counted: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_counted {
            self.loader.0.lock().running -= 1;
        }
    }
}

impl Running {
    async fn run(mut self, db: Db) {
        while let Some(batch) = self.next() {
            match timeout(BATCH_WITHIN, serve(&db, batch)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!("persons could not be looked up for flags: {error:#}"),
                Err(_) => self.wait_for(&db).await,
            }
        }
    }

    /// Sends those who wait away, until the database answers. One task waits for it, and serves the next batch afterwards.
    async fn wait_for(&self, db: &Db) {
        {
            let mut queue = self.loader.0.lock();
            queue.waiting.clear();
            if std::mem::replace(&mut queue.is_away, true) {
                return;
            }
        }
        tracing::error!("persons cannot be looked up for flags: the database does not answer in time");
        while !matches!(timeout(BATCH_WITHIN, db.ping()).await, Ok(Ok(()))) {
            tokio::time::sleep(TRY_EVERY).await;
        }
        self.loader.0.lock().is_away = false;
        tracing::info!("persons can be looked up for flags again");
    }

    /// Stops counting under the same lock that finds nothing to do, so that whoever comes next starts another task.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = self.loader.0.lock();
        if queue.waiting.is_empty() {
            queue.running -= 1;
            self.is_counted = false;
            return None;
        }
        let size = queue.waiting.len().min(MAX_BATCH);
        Some(queue.waiting.drain(..size).collect())
    }
}

/// Whoever is not told anything learns from the closed channel that it failed.
async fn serve(db: &Db, batch: Vec<Waiting>) -> Result<()> {
    let mut by_team: HashMap<TeamId, Vec<Waiting>> = HashMap::new();
    for waiting in batch {
        by_team.entry(waiting.lookup.team).or_default().push(waiting);
    }
    join_all(by_team.into_iter().map(|(team, batch)| serve_team(db, team, batch))).await.into_iter().collect()
}

async fn serve_team(db: &Db, team: TeamId, batch: Vec<Waiting>) -> Result<()> {
    let lookups = || batch.iter().map(|waiting| &waiting.lookup);
    let (persons, groups) = try_join!(persons(db, team, lookups()), groups(db, team, lookups()))?;
    let uuids = |wants: fn(&Lookup) -> bool| -> Vec<Uuid> {
        let ids = lookups().filter(|lookup| wants(lookup)).flat_map(|lookup| &lookup.distinct_ids);
        let uuids: HashSet<Uuid> = ids.filter_map(|id| Some(persons.get(id)?.uuid)).collect();
        uuids.into_iter().collect()
    };
    let (in_cohorts, with_keys) = (uuids(|lookup| lookup.memberships), uuids(|lookup| lookup.hash_keys));
    let (memberships, hash_keys) =
        try_join!(cohorts::store::of_persons(db, team, &in_cohorts), continuity::hash_keys(db, team, &with_keys))?;
    let (memberships, hash_keys) = (by_person(memberships), by_person(hash_keys.into_iter().map(|key| (key.person, key))));
    for Waiting { lookup, tell } in batch {
        let persons: Vec<Option<Arc<Person>>> = lookup.distinct_ids.iter().map(|id| persons.get(id).cloned()).collect();
        let uuids = || persons.iter().flatten().map(|person| person.uuid);
        let first = persons.first().and_then(Option::as_ref).map(|person| person.uuid);
        let found = Found {
            member_of: first.and_then(|uuid| memberships.get(&uuid)).into_iter().flatten().copied().collect(),
            hash_keys: uuids().filter_map(|uuid| hash_keys.get(&uuid)).flatten().cloned().collect(),
            groups: lookup.groups.iter().filter_map(|group| Some((group.0, groups.get(group)?.clone()))).collect(),
            persons,
        };
        // The client may have gone.
        let _ = tell.send(Some(found));
    }
    Ok(())
}

fn by_person<T>(pairs: impl IntoIterator<Item = (Uuid, T)>) -> HashMap<Uuid, Vec<T>> {
    let mut grouped: HashMap<Uuid, Vec<T>> = HashMap::new();
    for (person, value) in pairs {
        grouped.entry(person).or_default().push(value);
    }
    grouped
}

async fn persons<'a>(db: &Db, team: TeamId, lookups: impl Iterator<Item = &'a Lookup>) -> Result<HashMap<Arc<str>, Arc<Person>>> {
    let wanted: HashSet<&Arc<str>> = lookups.flat_map(|lookup| &lookup.distinct_ids).collect();
    let mut ids: Vec<Arc<str>> = wanted.into_iter().cloned().collect();
    people::store::pad(&mut ids);
    let found = people::store::persons_of(db, team, &ids).await?;
    Ok(found.into_iter().map(|(id, person)| (id, Arc::new(person))).collect())
}

async fn groups<'a>(db: &Db, team: TeamId, lookups: impl Iterator<Item = &'a Lookup>) -> Result<HashMap<(u8, Arc<str>), Arc<Properties>>> {
    let mut by_type: HashMap<u8, HashSet<Arc<str>>> = HashMap::new();
    for (index, key) in lookups.flat_map(|lookup| &lookup.groups) {
        by_type.entry(*index).or_default().insert(key.clone());
    }
    let mut found = HashMap::new();
    for (index, keys) in by_type {
        let mut keys: Vec<Arc<str>> = keys.into_iter().collect();
        people::store::pad(&mut keys);
        for group in people::store::groups(db, team, GroupTypeIndex(index), &keys).await? {
            found.insert((index, group.key), group.properties);
        }
    }
    Ok(found)
}
