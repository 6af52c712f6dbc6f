//! What a batch of events teaches about a project's names.

use crate::Owner;
use crate::kinds::{self, ValueType};
use ahash::RandomState;
use anyhow::Result;
use db::{Db, Transaction, Value, args};
use model::{GroupTypeIndex, Properties, PropertyValue, TeamId, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

pub const MAX_EVENTS: usize = 10_000;
pub const MAX_PROPERTIES: usize = 50_000;
/// Which event has which property.
pub const MAX_PAIRS: usize = 200_000;
const MAX_NAME_BYTES: usize = 200;
/// Shared names remembered per event; more are looked up the slow way.
const MAX_QUICK: usize = 4_096;

type Map<K, V> = HashMap<K, V, RandomState>;

/// One event as it will be stored.
pub struct Observed<'e, P> {
    pub team: TeamId,
    pub event: &'e Arc<str>,
    pub properties: &'e Properties,
    /// False for what changes a person without being an event: only the person's properties are learned.
    pub is_event: bool,
    /// `$set` and `$set_once`, automatic ones included.
    pub person: P,
    /// `$group_set` of a `$groupidentify` whose type is known.
    pub group: Option<(GroupTypeIndex, &'e Properties)>,
}

/// A property's name and value.
pub type Named<'e> = (&'e Arc<str>, &'e PropertyValue);

/// Names that were not recorded because the project has too many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    pub events: u64,
    pub properties: u64,
    pub pairs: u64,
}

/// What is known of every active project. Shared by ingestion, which teaches it, and the API, which makes it forget.
#[derive(Default)]
pub struct Definitions {
    teams: Mutex<Map<TeamId, Known>>,
}

/// Names seen so often that only the address of the shared text is looked at. Holding the text keeps the address its own.
#[derive(Default)]
struct Quick(Map<usize, (Arc<str>, bool)>);

impl Quick {
    /// True when the name is recorded and this value would not tell anything new about its type.
    fn settled(&self, name: &Arc<str>, value: &PropertyValue) -> bool {
        let known = self.0.get(&(name.as_ptr() as usize));
        known.is_some_and(|(_, typed)| *typed || matches!(value, PropertyValue::Null | PropertyValue::Json(_)))
    }

    fn remember(&mut self, name: &Arc<str>, typed: bool) {
        if self.0.len() >= MAX_QUICK {
            self.0.clear();
        }
        self.0.insert(name.as_ptr() as usize, (name.clone(), typed));
    }
}

#[derive(Default)]
struct KnownEvent {
    last_seen_hour: i64,
    properties: std::collections::HashSet<Arc<str>, RandomState>,
    quick: Quick,
}

#[derive(Default)]
struct Known {
    events: Map<Arc<str>, KnownEvent>,
    /// By owner: whether a type is known.
    properties: Map<(i64, i64), Map<Arc<str>, bool>>,
    property_count: usize,
    pair_count: usize,
    quick_person: Quick,
    refused: Refused,
    pending: Pending,
}

/// Learned and not yet written.
#[derive(Default)]
struct Pending {
    events: Vec<Arc<str>>,
    seen: Vec<Arc<str>>,
    properties: Map<(i64, i64, Arc<str>), Option<ValueType>>,
    pairs: Vec<(Arc<str>, Arc<str>)>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.seen.is_empty() && self.properties.is_empty() && self.pairs.is_empty()
    }
}

impl Definitions {
    /// Reads what is stored about the team unless it is in memory.
    pub async fn load(&self, db: &Db, team: TeamId) -> Result<()> {
        if self.teams.lock().contains_key(&team) {
            return Ok(());
        }
        let mut known = Known::default();
        for row in db.fetch_all("SELECT name, last_seen_at FROM event_definition WHERE team_id = $1", args![team]).await? {
            let (name, seen): (Arc<str>, Option<Timestamp>) = (row.get("name")?, row.get("last_seen_at")?);
            let event = known.events.entry(name.clone()).or_default();
            event.last_seen_hour = seen.map_or(i64::MIN, |at| seen_hour(&name, at));
        }
        let sql = "SELECT name, kind, group_type_index, property_type FROM property_definition WHERE team_id = $1";
        for row in db.fetch_all(sql, args![team]).await? {
            let (name, kind): (Arc<str>, Option<String>) = (row.get("name")?, row.get("property_type")?);
            let owner = (row.get("kind")?, row.get("group_type_index")?);
            known.properties.entry(owner).or_default().insert(name, kind.is_some());
            known.property_count += 1;
        }
        for row in db.fetch_all("SELECT event, property FROM event_property WHERE team_id = $1", args![team]).await? {
            let event: Arc<str> = row.get("event")?;
            known.events.entry(event).or_default().properties.insert(row.get("property")?);
            known.pair_count += 1;
        }
        self.teams.lock().entry(team).or_insert(known);
        Ok(())
    }

    /// Next time the team is read again: after a change through the API, or when a batch could not be written.
    pub fn forget(&self, team: TeamId) {
        self.teams.lock().remove(&team);
    }

    /// Forgets the teams with anything not yet written.
    pub fn forget_pending(&self) {
        self.teams.lock().retain(|_, known| known.pending.is_empty());
    }

    pub fn refused(&self, team: TeamId) -> Refused {
        self.teams.lock().get(&team).map(|known| known.refused).unwrap_or_default()
    }

    /// Learns from many events at once. Teams that are not loaded are skipped.
    pub fn observe<'e, P: Iterator<Item = Named<'e>>>(&self, events: impl Iterator<Item = Observed<'e, P>>, now: Timestamp) {
        let mut teams = self.teams.lock();
        for event in events {
            if let Some(known) = teams.get_mut(&event.team) {
                known.observe(event, now);
            }
        }
    }

    pub fn has_pending(&self, teams: &[TeamId]) -> bool {
        let known = self.teams.lock();
        teams.iter().any(|team| known.get(team).is_some_and(|known| !known.pending.is_empty()))
    }

    /// Writes what was learned. When the transaction is not committed afterwards, call [`forget`](Self::forget).
    pub async fn write(&self, transaction: &mut Transaction, team: TeamId, now: Timestamp) -> Result<()> {
        let pending = match self.teams.lock().get_mut(&team) {
            Some(known) => std::mem::take(&mut known.pending),
            None => return Ok(()),
        };
        write_events(transaction, team, now, &pending).await?;
        write_properties(transaction, team, now, &pending).await?;
        let pairs = pending.pairs.iter().map(|(event, property)| vec![team.into(), Value::from(&**event), Value::from(&**property)]);
        let head = "INSERT INTO event_property (team_id, event, property) VALUES";
        transaction.insert_many(head, "ON CONFLICT (team_id, event, property) DO NOTHING", pairs.collect()).await?;
        Ok(())
    }
}

/// Sorted, so that two writers lock rows in the same order.
async fn write_events(transaction: &mut Transaction, team: TeamId, now: Timestamp, pending: &Pending) -> Result<()> {
    let mut names: Vec<&Arc<str>> = pending.events.iter().chain(&pending.seen).collect();
    names.sort();
    names.dedup();
    let rows = names.iter().map(|name| vec![id(team, "event", 0, name).into(), team.into(), Value::from(&***name), now.into(), now.into()]);
    let head = "INSERT INTO event_definition (id, team_id, name, created_at, last_seen_at) VALUES";
    let tail = "ON CONFLICT (team_id, name) DO UPDATE SET last_seen_at = excluded.last_seen_at";
    transaction.insert_many(head, tail, rows.collect()).await?;
    Ok(())
}

async fn write_properties(transaction: &mut Transaction, team: TeamId, now: Timestamp, pending: &Pending) -> Result<()> {
    let mut found: Vec<(&(i64, i64, Arc<str>), &Option<ValueType>)> = pending.properties.iter().collect();
    found.sort_by(|a, b| a.0.cmp(b.0));
    let rows = found.into_iter().map(|((kind, group, name), value)| {
        vec![
            id(team, "property", kind * 10 + group, name).into(),
            team.into(),
            Value::from(&**name),
            Value::Int(*kind),
            Value::Int(*group),
            value.map(ValueType::as_str).into(),
            (*value == Some(ValueType::Numeric)).into(),
            now.into(),
        ]
    });
    let head = "INSERT INTO property_definition
                (id, team_id, name, kind, group_type_index, property_type, is_numerical, created_at) VALUES";
    let tail = "ON CONFLICT (team_id, kind, group_type_index, name)
                DO UPDATE SET property_type = excluded.property_type, is_numerical = excluded.is_numerical
                WHERE property_definition.property_type IS NULL";
    transaction.insert_many(head, tail, rows.collect()).await?;
    Ok(())
}

/// Ids follow from names, so that a batch that is written twice writes the same rows.
fn id(team: TeamId, what: &str, kind: i64, name: &str) -> Uuid {
    Uuid::new_v5(&model::PERSON_NAMESPACE, format!("{what} definition {team} {kind} {name}").as_bytes())
}

/// Names pass the hour at different minutes, so that they are not all written at once.
fn seen_hour(name: &str, at: Timestamp) -> i64 {
    let jitter: i64 = name.bytes().fold(7i64, |sum, byte| (sum * 31 + i64::from(byte)) % 3_600);
    (at.seconds() + jitter).div_euclid(3_600)
}

/// Not recorded as properties: the pipeline's own.
fn is_internal(name: &str) -> bool {
    matches!(name, "$set" | "$set_once" | "$unset" | "$groups" | "$group_0" | "$group_1" | "$group_2" | "$group_3" | "$group_4")
}

/// The database cannot hold NUL.
fn storable(name: &Arc<str>) -> Arc<str> {
    match name.contains('\0') {
        true => name.replace('\0', "\u{fffd}").into(),
        false => name.clone(),
    }
}

impl Known {
    fn observe<'e, P: Iterator<Item = Named<'e>>>(&mut self, event: Observed<'e, P>, now: Timestamp) {
        if !event.is_event {
            return self.observe_person(event.person, now);
        }
        if event.event.len() > MAX_NAME_BYTES || &**event.event == "$$plugin_metrics" || !self.observe_name(event.event, now) {
            return;
        }
        if &**event.event == "$groupidentify" {
            if let Some((index, properties)) = event.group {
                for (name, value) in properties.iter() {
                    self.observe_property(Owner::Group(index), name, value, now);
                }
            }
            return;
        }
        self.observe_event_properties(event.event, event.properties, now);
        self.observe_person(event.person, now);
    }

    fn observe_person<'e>(&mut self, person: impl Iterator<Item = Named<'e>>, now: Timestamp) {
        for (name, value) in person {
            if !self.quick_person.settled(name, value) {
                let typed = self.observe_property(Owner::Person, name, value, now);
                self.quick_person.remember(name, typed);
            }
        }
    }

    /// `false` when the project has too many events.
    fn observe_name(&mut self, name: &Arc<str>, now: Timestamp) -> bool {
        let hour = seen_hour(name, now);
        if let Some(event) = self.events.get_mut(name) {
            if event.last_seen_hour < hour {
                event.last_seen_hour = hour;
                self.pending.seen.push(storable(name));
            }
            return true;
        }
        if self.events.len() >= MAX_EVENTS {
            self.refused.events += 1;
            return false;
        }
        self.events.insert(name.clone(), KnownEvent { last_seen_hour: hour, ..KnownEvent::default() });
        self.pending.events.push(storable(name));
        true
    }

    fn observe_event_properties(&mut self, event_name: &Arc<str>, properties: &Properties, now: Timestamp) {
        // Taken out while properties, which are the team's, are looked at.
        let Some(mut event) = self.events.get_mut(event_name).map(std::mem::take) else { return };
        for (name, value) in properties.iter() {
            if event.quick.settled(name, value) || is_internal(name) || name.len() > MAX_NAME_BYTES {
                continue;
            }
            let typed = self.observe_property(Owner::Event, name, value, now);
            let paired = !name.starts_with("$feature/") && !name.starts_with("$feature_enrollment/");
            if paired && !event.properties.contains(name) {
                if self.pair_count >= MAX_PAIRS {
                    self.refused.pairs += 1;
                    continue;
                }
                self.pair_count += 1;
                event.properties.insert(name.clone());
                self.pending.pairs.push((storable(event_name), storable(name)));
            }
            event.quick.remember(name, typed);
        }
        if let Some(known) = self.events.get_mut(event_name) {
            *known = event;
        }
    }

    /// Whether the property's type is known now.
    fn observe_property(&mut self, owner: Owner, name: &Arc<str>, value: &PropertyValue, now: Timestamp) -> bool {
        if name.len() > MAX_NAME_BYTES {
            return true;
        }
        let owner = (owner.code(), owner.group_type_index());
        let known = self.properties.entry(owner).or_default();
        match known.get_mut(name) {
            Some(true) => return true,
            Some(typed) => {
                let Some(found) = kinds::detect(name, value, now) else { return false };
                *typed = true;
                self.pending.properties.insert((owner.0, owner.1, storable(name)), Some(found));
                return true;
            }
            None => {}
        }
        if self.property_count >= MAX_PROPERTIES {
            self.refused.properties += 1;
            return false;
        }
        let found = kinds::detect(name, value, now);
        known.insert(name.clone(), found.is_some());
        self.property_count += 1;
        self.pending.properties.insert((owner.0, owner.1, storable(name)), found);
        found.is_some()
    }
}
