//! The persons that recent events belong to, in memory: looked up and changed here event by event, written once per batch.
//!
//! What is kept is a copy. Each team's change counter is compared before a batch and again inside its transaction, so that a
//! change made elsewhere is never overwritten: the team's copy is dropped and the batch decided again.

mod decision;

use crate::event::{Incoming, Kind, id_text, without_nul};
use crate::geo::Place;
use crate::names::{Names, Special, TraitNames};
use ahash::RandomState;
use anyhow::Result;
use db::Db;
use decision::Decision;
use model::{GroupTypeIndex, PersonMode, Properties, PropertyValue, TeamId, Timestamp};
use parking_lot::Mutex;
use people::{Changes, Group, Person, TraitPlaces, store};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

type Map<K, V> = HashMap<K, V, RandomState>;

/// Whose an event is.
#[derive(Debug)]
pub struct Belonging {
    pub person_id: Uuid,
    pub person_created_at: Timestamp,
    pub mode: PersonMode,
    pub person_properties: Arc<Properties>,
    /// `$group_0` … of the stored event.
    pub groups: Vec<(GroupTypeIndex, Arc<str>)>,
    pub warnings: Vec<(&'static str, Value)>,
}

/// What is known of a distinct id.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Id {
    Of(Uuid),
    /// Used on events without a person; `version` is the highest that an override of it has had.
    Personless {
        version: i64,
    },
    New,
}

struct KnownId {
    id: Id,
    used_in: u32,
}

struct KnownPerson {
    person: Person,
    changed: bool,
    last_seen_written: Timestamp,
    /// The place that the properties show.
    place: Option<Arc<Place>>,
    used_in: u32,
}

#[derive(Default)]
struct Team {
    version: i64,
    ids: Map<Arc<str>, KnownId>,
    persons: Map<Uuid, KnownPerson>,
    /// Persons that were merged away, and into whom.
    merged: Map<Uuid, Uuid>,
    group_types: Vec<(Arc<str>, GroupTypeIndex)>,
    /// Of the current batch only.
    groups: Map<(GroupTypeIndex, Arc<str>), Group>,
    changed_groups: HashSet<(GroupTypeIndex, Arc<str>)>,
    changed_persons: Vec<Uuid>,
    changes: Changes,
}

pub struct WorkingSet {
    names: Arc<Mutex<Names>>,
    traits: TraitNames,
    trait_places: TraitPlaces,
    teams: Map<TeamId, Team>,
    batch: u32,
    capacity: usize,
}

impl WorkingSet {
    /// `capacity` counts distinct ids and persons together.
    pub fn new(names: Arc<Mutex<Names>>, capacity: usize) -> Self {
        let traits = names.lock().traits();
        WorkingSet { names, traits, trait_places: TraitPlaces::default(), teams: Map::default(), batch: 0, capacity }
    }

    pub fn traits(&self) -> &TraitNames {
        &self.traits
    }

    /// Reads everything that the events need and that is not in memory, a few statements for all.
    pub async fn prepare(&mut self, db: &Db, events: &[Incoming]) -> Result<()> {
        self.batch += 1;
        let mut wanted: Map<TeamId, HashSet<Arc<str>, RandomState>> = Map::default();
        let mut teams: Vec<TeamId> = events.iter().map(|event| event.project.id).collect();
        teams.sort_unstable();
        teams.dedup();
        self.drop_stale(db, &teams).await?;
        for event in events {
            let Some(team) = self.teams.get_mut(&event.project.id) else { continue };
            let ids = std::iter::once(event.distinct_id.clone()).chain(other_id(event)).chain(imported_ids(event));
            for id in ids {
                match team.ids.get_mut(&id) {
                    Some(known) => known.used_in = self.batch,
                    None => _ = wanted.entry(event.project.id).or_default().insert(id),
                }
            }
        }
        for (team, ids) in wanted {
            self.load(db, team, ids.into_iter().collect()).await?;
        }
        self.load_groups(db, events).await
    }

    /// Forgets teams whose persons somebody else changed.
    async fn drop_stale(&mut self, db: &Db, teams: &[TeamId]) -> Result<()> {
        for (team, version) in store::versions(db, teams).await? {
            if self.teams.get(&team).is_some_and(|known| known.version == version) {
                continue;
            }
            let group_types = store::group_types(db, team).await?;
            let group_types = group_types.into_iter().map(|kind| (kind.name, kind.index)).collect();
            self.teams.insert(team, Team { version, group_types, ..Team::default() });
        }
        Ok(())
    }

    async fn load(&mut self, db: &Db, team_id: TeamId, mut ids: Vec<Arc<str>>) -> Result<()> {
        let Some(team) = self.teams.get_mut(&team_id) else { return Ok(()) };
        let batch = self.batch;
        for (distinct_id, mut person) in store::persons_of(db, team_id, &ids).await? {
            person.properties = Arc::new(with_shared_names(&person.properties, &self.names));
            team.ids.insert(distinct_id, KnownId { id: Id::Of(person.uuid), used_in: batch });
            team.persons.entry(person.uuid).or_insert(KnownPerson {
                person,
                changed: false,
                last_seen_written: Timestamp::EPOCH,
                place: None,
                used_in: batch,
            });
        }
        ids.retain(|id| !team.ids.contains_key(id));
        for (distinct_id, version) in store::personless(db, team_id, &ids).await? {
            team.ids.insert(distinct_id, KnownId { id: Id::Personless { version }, used_in: batch });
        }
        for id in ids {
            team.ids.entry(id).or_insert(KnownId { id: Id::New, used_in: batch });
        }
        Ok(())
    }

    async fn load_groups(&mut self, db: &Db, events: &[Incoming]) -> Result<()> {
        let mut wanted: Map<(TeamId, GroupTypeIndex), Vec<Arc<str>>> = Map::default();
        for event in events.iter().filter(|event| event.kind == Kind::GroupIdentify) {
            let Some(team) = self.teams.get(&event.project.id) else { continue };
            let Some((kind, key)) = group_of(event) else { continue };
            if let Some(index) = team.index_of(&kind) {
                wanted.entry((event.project.id, index)).or_default().push(key);
            }
        }
        for ((team_id, index), mut keys) in wanted {
            keys.sort();
            keys.dedup();
            let found = store::groups(db, team_id, index, &keys).await?;
            let Some(team) = self.teams.get_mut(&team_id) else { continue };
            team.groups.extend(found.into_iter().map(|group| ((index, group.key.clone()), group)));
        }
        Ok(())
    }

    /// Decides one event, after [`prepare`](Self::prepare). With `replay`, persons and groups were already written for this
    /// event before a crash: it is only looked up whose it is.
    pub fn process(&mut self, event: &mut Incoming, now: Timestamp, replay: bool) -> Belonging {
        let batch = self.batch;
        let team = self.teams.entry(event.project.id).or_default();
        let (traits, trait_places) = (&self.traits, &mut self.trait_places);
        Decision { team, event, traits, trait_places, now, batch, replay, warnings: Vec::new() }.decide()
    }

    /// What the batch changed about the team, and the counter that it was read at.
    pub fn changes(&mut self, team: TeamId) -> Option<(i64, &Changes)> {
        let team = self.teams.get_mut(&team)?;
        for uuid in std::mem::take(&mut team.changed_persons) {
            if let Some(known) = team.persons.get_mut(&uuid).filter(|known| known.changed) {
                known.changed = false;
                known.person.version += 1;
                team.changes.persons.push(known.person.clone());
            }
        }
        for key in std::mem::take(&mut team.changed_groups) {
            team.changes.groups.extend(team.groups.get(&key).cloned());
        }
        (!team.changes.is_empty()).then_some((team.version, &team.changes))
    }

    /// The changes are in the database.
    pub fn committed(&mut self, team: TeamId, version: i64) {
        if let Some(team) = self.teams.get_mut(&team) {
            team.version = version;
            team.changes = Changes::default();
        }
    }

    /// Drops what is known of the team: it may not be what the database says.
    pub fn forget(&mut self, team: TeamId) {
        self.teams.remove(&team);
    }

    /// Between batches: forgets everybody.
    pub fn clear(&mut self) {
        self.teams = Map::default();
    }

    /// After a batch: keeps within the capacity by dropping what was not used for longest.
    pub fn shrink(&mut self) {
        let size = |teams: &Map<TeamId, Team>| teams.values().map(|team| team.ids.len() + team.persons.len()).sum::<usize>();
        for team in self.teams.values_mut() {
            team.groups.clear();
            if team.merged.len() > self.capacity / 4 {
                *team = Team::default();
                team.version = -1;
            }
        }
        let mut age = 64;
        while size(&self.teams) > self.capacity && age > 0 {
            age /= 2;
            let oldest = self.batch.saturating_sub(age);
            for team in self.teams.values_mut() {
                team.shrink(oldest, self.batch);
            }
        }
        self.teams.retain(|_, team| !team.ids.is_empty());
    }
}

/// The names as events have them, so that comparing one with the other ends at the pointer.
fn with_shared_names(properties: &Properties, names: &Mutex<Names>) -> Properties {
    let mut shared = Properties::with_capacity(properties.len() + 4);
    let mut names = names.lock();
    for (name, value) in properties.iter() {
        shared.push_new(names.name(name), value.clone());
    }
    shared
}

/// The distinct id that the event says is the same person as its own.
fn other_id(event: &Incoming) -> Option<Arc<str>> {
    let name = match event.kind {
        Kind::Identify if event.special.has(Special::AnonDistinctId) => "$anon_distinct_id",
        Kind::CreateAlias | Kind::MergeDangerously if event.special.has(Special::Alias) => "alias",
        _ => return None,
    };
    let value = event.properties.get(name)?;
    (event.kind == Kind::Identify || value.is_truthy()).then(|| id_text(value))
}

/// The ids of an imported person.
fn imported_ids(event: &Incoming) -> Vec<Arc<str>> {
    if event.kind != Kind::ImportPerson {
        return Vec::new();
    }
    let Some(PropertyValue::Json(text)) = event.properties.get("distinct_ids") else { return Vec::new() };
    let ids: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    let usable = ids.iter().filter(|id| !id.trim().is_empty() && !crate::steps::is_too_long(id));
    usable.take(MAX_IMPORTED_IDS).map(|id| Arc::from(&*without_nul(id))).collect()
}

/// Ids of one imported person that are read.
const MAX_IMPORTED_IDS: usize = 10_000;

/// Type and key of a `$groupidentify`; `None` when either is missing.
fn group_of(event: &Incoming) -> Option<(Arc<str>, Arc<str>)> {
    let kind = event.properties.get("$group_type").filter(|kind| kind.is_truthy())?;
    let key = event.properties.get("$group_key").filter(|key| !key.is_null())?;
    let (kind, key) = (id_text(kind), id_text(key));
    (!key.is_empty() && kind.len() <= MAX_GROUP_TYPE_BYTES).then_some((kind, key))
}

const MAX_GROUP_TYPE_BYTES: usize = 400;

impl Team {
    fn shrink(&mut self, oldest: u32, batch: u32) {
        self.persons.retain(|_, known| known.used_in >= oldest || known.used_in == batch);
        let persons = &self.persons;
        let merged = &self.merged;
        self.ids.retain(|_, known| match known.id {
            Id::Of(uuid) => persons.contains_key(&uuid) || merged.get(&uuid).is_some_and(|into| persons.contains_key(into)),
            _ => known.used_in >= oldest,
        });
    }

    fn index_of(&self, group_type: &str) -> Option<GroupTypeIndex> {
        self.group_types.iter().find(|(name, _)| &**name == group_type).map(|(_, index)| *index)
    }

    /// Whoever the person has become.
    fn current(&mut self, uuid: Uuid) -> Uuid {
        if self.merged.is_empty() {
            return uuid;
        }
        let mut last = uuid;
        while let Some(&into) = self.merged.get(&last) {
            last = into;
        }
        if last != uuid {
            self.merged.insert(uuid, last);
        }
        last
    }

    fn person_of(&mut self, distinct_id: &str) -> Option<Uuid> {
        let Id::Of(uuid) = self.ids.get(distinct_id)?.id else { return None };
        let current = self.current(uuid);
        if current != uuid
            && let Some(known) = self.ids.get_mut(distinct_id)
        {
            known.id = Id::Of(current);
        }
        Some(current)
    }

    fn change(&mut self, uuid: Uuid) {
        if let Some(known) = self.persons.get_mut(&uuid)
            && !known.changed
        {
            known.changed = true;
            self.changed_persons.push(uuid);
        }
    }
}
