//! The persons that recent events belong to, in memory: looked up and changed here event by event, written once per batch.
//!
//! What is kept is a copy. Each team's change counter is compared before a batch and again inside its transaction, so that a
//! change made elsewhere is never overwritten: the team's copy is dropped and the batch decided again.

use crate::event::{Incoming, Kind, Profile, id_text, without_nul};
use crate::geo::Place;
use crate::names::{Names, Special};
use ahash::RandomState;
use anyhow::Result;
use db::Db;
use model::{GroupTypeIndex, PersonMode, Properties, PropertyValue, TeamId, Timestamp, person_uuid};
use parking_lot::Mutex;
use people::editor::overlaid;
use people::identity::{self, is_illegal_distinct_id};
use people::{Attached, Changes, Effect, Group, Merge, Person, store, update};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

type Map<K, V> = HashMap<K, V, RandomState>;

/// A person's rows are written at most this often when only `last_seen_at` changed.
const LAST_SEEN_PAUSE_US: i64 = 60_000_000;
/// What personless events carry as the creation of their person: PostHog's constant, five seconds after the epoch.
const NOBODY_CREATED_AT: Timestamp = Timestamp(5_000_000);
/// A personless event this much younger than the person means that its SDK does not know better.
const STALE_SDK_US: i64 = 60_000_000;

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
    Personless { version: i64 },
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
    teams: Map<TeamId, Team>,
    batch: u32,
    capacity: usize,
}

impl WorkingSet {
    /// `capacity` counts distinct ids and persons together.
    pub fn new(names: Arc<Mutex<Names>>, capacity: usize) -> Self {
        WorkingSet { names, teams: Map::default(), batch: 0, capacity }
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
        let mut decision = Decision { team, event, now, batch, replay, warnings: Vec::new() };
        let mut belonging = decision.decide();
        belonging.warnings = decision.warnings;
        belonging
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

/// One event being decided.
struct Decision<'d> {
    team: &'d mut Team,
    event: &'d mut Incoming,
    now: Timestamp,
    batch: u32,
    replay: bool,
    warnings: Vec<(&'static str, Value)>,
}

impl Decision<'_> {
    fn decide(&mut self) -> Belonging {
        let person = self.team.person_of(&self.event.distinct_id.clone());
        if self.event.profile == Profile::Personless || self.is_orphan_flag_call(person) {
            return self.personless(person);
        }
        if self.replay {
            return self.replayed(person);
        }
        if self.event.kind == Kind::ImportPerson {
            return self.import();
        }
        self.add_place(person);
        if let Some(other) = other_id(self.event) {
            self.unite(&other);
        }
        let groups = self.groups();
        let distinct_id = self.event.distinct_id.clone();
        let uuid = match self.team.person_of(&distinct_id) {
            Some(uuid) => uuid,
            None => self.create(&distinct_id, &distinct_id, false),
        };
        self.apply_update(uuid);
        let mut belonging = self.belonging(uuid, PersonMode::Full);
        belonging.groups = groups;
        belonging
    }

    /// Adds the event's place to its update, unless the person is known to be there.
    fn add_place(&mut self, person: Option<Uuid>) {
        let Some(place) = self.event.place.clone() else { return };
        let known = person.and_then(|uuid| self.team.persons.get_mut(&uuid));
        let sets_itself = self.event.special.has_any(&[Special::Set, Special::SetOnce, Special::Unset]);
        if let Some(known) = known {
            let is_there = known.place.as_ref().is_some_and(|last| Arc::ptr_eq(last, &place));
            known.place = Some(place.clone()).filter(|_| !sets_itself);
            if is_there && !sets_itself {
                return;
            }
        }
        self.event.update.set.extend(place.set.iter().cloned());
        self.event.update.set_once.extend(place.set_once.iter().cloned());
    }

    /// Flags evaluated on a server for a visitor without a person must not create one.
    fn is_orphan_flag_call(&self, person: Option<Uuid>) -> bool {
        self.event.kind == Kind::FeatureFlagCalled
            && person.is_none()
            && !self.event.explicit_profile
            && !self.event.special.has(Special::Groups)
    }

    fn belonging(&mut self, uuid: Uuid, mode: PersonMode) -> Belonging {
        let known = self.team.persons.get_mut(&uuid).expect("a person that an id belongs to is in memory");
        known.used_in = self.batch;
        let person_properties = if mode == PersonMode::Full { known.person.properties.clone() } else { Arc::default() };
        Belonging {
            person_id: uuid,
            person_created_at: known.person.created_at,
            mode,
            person_properties,
            groups: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn personless(&mut self, person: Option<Uuid>) -> Belonging {
        if let Some(uuid) = person {
            let created_at = self.team.persons[&uuid].person.created_at;
            let opted_out = self.event.project.person_processing_opt_out;
            let stale = !opted_out && self.event.timestamp.since(created_at) > STALE_SDK_US;
            return self.belonging(uuid, if stale { PersonMode::ForceUpgrade } else { PersonMode::Propertyless });
        }
        let distinct_id = self.event.distinct_id.clone();
        let used_version = self.used_version(&distinct_id);
        if used_version.is_none() && !self.replay {
            self.team.ids.insert(distinct_id.clone(), KnownId { id: Id::Personless { version: 0 }, used_in: self.batch });
            self.team.changes.personless.push(distinct_id.clone());
        }
        self.nobody(&distinct_id)
    }

    fn nobody(&self, distinct_id: &str) -> Belonging {
        Belonging {
            person_id: person_uuid(self.event.project.id, distinct_id),
            person_created_at: NOBODY_CREATED_AT,
            mode: PersonMode::Propertyless,
            person_properties: Arc::default(),
            groups: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn replayed(&mut self, person: Option<Uuid>) -> Belonging {
        let groups = self.groups();
        match person {
            Some(uuid) => Belonging { groups, ..self.belonging(uuid, PersonMode::Full) },
            // The person was deleted through the API since.
            None => Belonging { mode: PersonMode::Full, groups, ..self.nobody(&self.event.distinct_id) },
        }
    }

    /// `None` for an id that no event has carried.
    fn used_version(&self, distinct_id: &str) -> Option<i64> {
        match self.team.ids.get(distinct_id)?.id {
            Id::Personless { version } => Some(version),
            _ => None,
        }
    }

    /// `$identify` and alias: the event's distinct id and `other` are one person from here on.
    fn unite(&mut self, other: &Arc<str>) {
        let into = self.event.distinct_id.clone();
        if *other == into {
            return;
        }
        for (illegal, fine) in [(&into, other), (other, &into)] {
            if is_illegal_distinct_id(illegal) || crate::steps::is_too_long(illegal) {
                let details = json!({ "illegalDistinctId": &**illegal, "otherDistinctId": &**fine });
                self.warn("cannot_merge_with_illegal_distinct_id", details);
                return;
            }
        }
        let person = match (self.team.person_of(&into), self.team.person_of(other)) {
            (None, None) => {
                let only_other_was_used = self.used_version(other).is_some() && self.used_version(&into).is_none();
                let namesake = if only_other_was_used { other } else { &into };
                let uuid = self.create(namesake, &into, true);
                self.attach(other, uuid);
                uuid
            }
            (Some(uuid), None) => {
                self.attach(other, uuid);
                uuid
            }
            (None, Some(uuid)) => {
                self.attach(&into, uuid);
                uuid
            }
            (Some(one), Some(same)) if one == same => one,
            (Some(one), Some(two)) => self.merge(one, two, other),
        };
        if let Some(known) = self.team.persons.get_mut(&person)
            && !known.person.is_identified
        {
            known.person.is_identified = true;
            self.team.change(person);
        }
    }

    /// Makes a person of ids that have none, or adds them to the one that some of them have. Persons that exist stay apart: the
    /// token that imports is public.
    fn import(&mut self) -> Belonging {
        let distinct_id = self.event.distinct_id.clone();
        let ids = imported_ids(self.event);
        let known = std::iter::once(&distinct_id).chain(&ids).find_map(|id| self.team.person_of(id));
        let created_at = self.event.properties.get_str("created_at").and_then(Timestamp::parse_rfc3339);
        let uuid = known.unwrap_or_else(|| self.create(&distinct_id, &distinct_id, false));
        for id in std::iter::once(&distinct_id).chain(&ids) {
            if self.team.person_of(id).is_none() {
                self.attach(id, uuid);
            }
        }
        self.apply_update(uuid);
        let is_identified = self.event.properties.get("is_identified") == Some(&PropertyValue::Bool(true));
        if let Some(known) = self.team.persons.get_mut(&uuid) {
            let person = &mut known.person;
            let older = created_at.map_or(person.created_at, |at| at.min(person.created_at));
            if older != person.created_at || is_identified && !person.is_identified {
                person.created_at = older;
                person.is_identified |= is_identified;
                self.team.change(uuid);
            }
        }
        self.belonging(uuid, PersonMode::Full)
    }

    fn merge(&mut self, into: Uuid, other: Uuid, other_id: &Arc<str>) -> Uuid {
        let team = &mut *self.team;
        let dangerously = self.event.kind == Kind::MergeDangerously;
        if identity::may_merge(&team.persons[&other].person, dangerously).is_err() {
            let target = &*self.event.distinct_id;
            let details = json!({ "sourcePersonDistinctId": &**other_id, "targetPersonDistinctId": target,
                                  "sourcePerson": other, "targetPerson": into });
            self.warn("cannot_merge_already_identified", details);
            return into;
        }
        // A person that was also changed in this batch is written first, so that its tombstone and the move find a row.
        let mut from = team.persons.remove(&other).expect("a person that an id belongs to is in memory");
        if std::mem::take(&mut from.changed) {
            from.person.version += 1;
            team.changes.persons.push(from.person.clone());
        }
        let known = team.persons.get_mut(&into).expect("a person that an id belongs to is in memory");
        known.person = identity::merged(&known.person, &from.person);
        team.merged.insert(other, into);
        team.changes.merges.push(Merge { from: from.person, into, at: self.now, event: self.event.uuid });
        team.change(into);
        into
    }

    fn attach(&mut self, distinct_id: &Arc<str>, person: Uuid) {
        let version = self.used_version(distinct_id).map_or(0, |used| used + 1);
        self.team.ids.insert(distinct_id.clone(), KnownId { id: Id::Of(person), used_in: self.batch });
        self.team.changes.attached.push(Attached { distinct_id: distinct_id.clone(), person, version });
    }

    /// A person for `distinct_id`, whose own id follows from `namesake`.
    fn create(&mut self, namesake: &Arc<str>, distinct_id: &Arc<str>, is_identified: bool) -> Uuid {
        let event = &*self.event;
        let uuid = identity::new_person_uuid(event.project.id, namesake, self.used_version(namesake).unwrap_or(0));
        let mut properties = identity::first_properties(&event.update);
        if event.kind != Kind::ImportPerson {
            properties.set("$creator_event_uuid", event.uuid.to_string().as_str());
        }
        let fits = update::trim(&mut properties);
        let person = Person {
            uuid,
            created_at: event.timestamp,
            properties: Arc::new(properties),
            is_identified,
            version: -1,
            last_seen_at: self.seen_at(),
        };
        let known = KnownPerson { person, changed: false, last_seen_written: self.now, place: None, used_in: self.batch };
        self.team.persons.insert(uuid, known);
        self.team.change(uuid);
        self.attach(distinct_id, uuid);
        if !fits {
            self.warn("person_properties_size_violation", json!({ "personId": uuid }));
        }
        uuid
    }

    fn seen_at(&self) -> Option<Timestamp> {
        let refused = self.event.special.has(Special::UpdateLastSeen)
            && self.event.properties.get("$update_person_last_seen_at") == Some(&PropertyValue::Bool(false));
        (!refused && self.event.kind != Kind::ImportPerson).then(|| identity::hour_of(self.event.timestamp))
    }

    fn apply_update(&mut self, uuid: Uuid) {
        let seen_at = self.seen_at();
        let Some(known) = self.team.persons.get_mut(&uuid) else { return };
        let before = (!self.event.update.is_empty()).then(|| known.person.properties.clone());
        let effect = update::apply(&mut known.person.properties, &self.event.update);
        let mut write = effect == Effect::Real || effect == Effect::Minor && self.event.kind.is_about_person();
        let mut too_large = false;
        if effect == Effect::Real && update::size(&known.person.properties) > update::MAX_BYTES {
            too_large = true;
            if !update::trim(Arc::make_mut(&mut known.person.properties)) {
                known.person.properties = before.unwrap_or_default();
                write = false;
            }
        }
        if seen_at > known.person.last_seen_at {
            known.person.last_seen_at = seen_at;
            if self.now.since(known.last_seen_written) >= LAST_SEEN_PAUSE_US {
                known.last_seen_written = self.now;
                write = true;
            }
        }
        if write {
            self.team.change(uuid);
        }
        if too_large {
            self.warn("person_properties_size_violation", json!({ "personId": uuid }));
        }
    }

    fn warn(&mut self, kind: &'static str, particular: Value) {
        let details = self.event.details(particular);
        self.warnings.push((kind, details));
    }

    /// The groups that the event belongs to, and what a `$groupidentify` says about one.
    fn groups(&mut self) -> Vec<(GroupTypeIndex, Arc<str>)> {
        if self.event.kind == Kind::GroupIdentify {
            self.identify_group();
        }
        let mut groups = Vec::new();
        if !self.event.special.has(Special::Groups) {
            return groups;
        }
        let Some(PropertyValue::Json(text)) = self.event.properties.get("$groups") else { return groups };
        let Ok(sent) = Properties::from_json_text(text) else { return groups };
        for (kind, key) in sent.iter().filter(|(_, key)| !key.is_null()) {
            if let Some(index) = self.group_type(&kind.replace('\0', "\u{fffd}")) {
                groups.push((index, id_text(key)));
            }
        }
        groups
    }

    /// The index of a group type, new ones included as long as there is room.
    fn group_type(&mut self, name: &str) -> Option<GroupTypeIndex> {
        if let Some(index) = self.team.index_of(name) {
            return Some(index);
        }
        if self.replay || name.is_empty() || name.len() > MAX_GROUP_TYPE_BYTES {
            return None;
        }
        let taken: Vec<u8> = self.team.group_types.iter().map(|(_, index)| index.0).collect();
        let free = (0..people::MAX_GROUP_TYPES as u8).find(|index| !taken.contains(index))?;
        let (name, index): (Arc<str>, _) = (Arc::from(name), GroupTypeIndex(free));
        self.team.group_types.push((name.clone(), index));
        self.team.changes.group_types.push((name, index));
        Some(index)
    }

    fn identify_group(&mut self) {
        let Some((kind, key)) = group_of(self.event) else { return };
        let Some(index) = self.group_type(&kind) else { return };
        let set = match self.event.properties.get("$group_set") {
            Some(PropertyValue::Json(text)) if text.starts_with('{') => Properties::from_json_text(text).unwrap_or_default(),
            None | Some(PropertyValue::Null) => Properties::new(),
            Some(other) => {
                let details = json!({ "groupType": &*kind, "groupKey": &*key, "groupSet": other.to_json() });
                self.warn("invalid_group_set", details);
                Properties::new()
            }
        };
        if !self.replay {
            self.upsert_group(index, key, &set);
        }
        self.event.group = Some((index, set));
    }

    fn upsert_group(&mut self, index: GroupTypeIndex, key: Arc<str>, set: &Properties) {
        let at = self.event.timestamp;
        let place = (index, key.clone());
        let known = self.team.groups.contains_key(&place);
        let group = self.team.groups.entry(place.clone()).or_insert_with(|| Group {
            index,
            key,
            properties: Arc::default(),
            created_at: at,
            updated_at: at,
        });
        let pairs: Vec<_> = set.iter().collect();
        let properties = overlaid(&group.properties, pairs.into_iter());
        let changed = !known || properties != *group.properties;
        group.properties = Arc::new(properties);
        if changed {
            group.updated_at = self.now;
            self.team.changed_groups.insert(place);
        }
    }
}
