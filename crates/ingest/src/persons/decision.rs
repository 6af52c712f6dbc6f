//! Whose one event is, and what it changes. Synchronous: everything that it may need was read before.

use super::{Belonging, Id, KnownId, KnownPerson, MAX_GROUP_TYPE_BYTES, Team, group_of, imported_ids, other_id};
use crate::event::{Incoming, Kind, Profile, id_text};
use crate::names::{Special, TraitNames};
use model::{GroupTypeIndex, PersonMode, Properties, PropertyValue, Timestamp, person_uuid};
use people::editor::Editor;
use people::editor::overlaid;
use people::identity::{self, is_illegal_distinct_id};
use people::{Attached, Effect, Group, Merge, Person, TraitPlaces, update};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// A person's rows are written at most this often when only `last_seen_at` changed.
const LAST_SEEN_PAUSE_US: i64 = 60_000_000;
/// What personless events carry as the creation of their person: PostHog's constant, five seconds after the epoch.
const NOBODY_CREATED_AT: Timestamp = Timestamp(5_000_000);
/// A personless event this much younger than the person means that its SDK does not know better.
const STALE_SDK_US: i64 = 60_000_000;

/// One event being decided.
pub(super) struct Decision<'d> {
    pub team: &'d mut Team,
    pub event: &'d mut Incoming,
    pub traits: &'d TraitNames,
    pub trait_places: &'d mut TraitPlaces,
    pub now: Timestamp,
    pub batch: u32,
    pub replay: bool,
    pub warnings: Vec<(&'static str, Value)>,
}

impl Decision<'_> {
    pub fn decide(mut self) -> Belonging {
        let mut belonging = self.belong();
        belonging.warnings = self.warnings;
        belonging
    }

    fn belong(&mut self) -> Belonging {
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
        let mut properties = identity::first_properties(&event.whole_update(self.traits));
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
        let event = &*self.event;
        let before = (!event.update.is_empty() || !event.automatic.is_empty()).then(|| known.person.properties.clone());
        let properties = &mut known.person.properties;
        let effect = if Editor::is_worth_it(properties, event.update.len() + 2 * event.automatic.len()) {
            update::apply(properties, &event.whole_update(self.traits))
        } else {
            update::apply_with_traits(properties, event.traits(self.traits), self.trait_places, &event.update)
        };
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
