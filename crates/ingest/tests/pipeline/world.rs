use async_trait::async_trait;
use bytes::Bytes;
use events::{Erase, EventBatch, EventRow, EventStore, PersonOverride, QueryError, Select, Selected, StoreError, StoreStats};
use ingest::{Config, Ingest, Ports};
use model::captured::CapturedFlags;
use model::{CapturedEvent, Clock, PropertyValue, TeamId, Timestamp, person_uuid};
use people::store::{PersonKey, Profile};
use queue::{Queue, Topic};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use teams::Teams;
use uuid::Uuid;

pub const NOW: &str = "2025-01-01T12:00:00Z";
pub const TOKEN: &str = "phc_test";

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// An event store that only remembers, and fails when told to.
#[derive(Default)]
pub struct Memory {
    pub rows: Mutex<Vec<EventRow>>,
    pub overrides: Mutex<Vec<PersonOverride>>,
    pub position: Mutex<Option<u64>>,
    pub broken: AtomicBool,
}

#[async_trait]
impl EventStore for Memory {
    async fn append(&self, batch: EventBatch) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::Full);
        }
        let mut rows = self.rows.lock().unwrap();
        for row in batch.rows {
            let key = |row: &EventRow| (row.team, row.timestamp.utc_day(), row.event.clone(), row.distinct_id.clone(), row.uuid);
            if !rows.iter().any(|known| key(known) == key(&row)) {
                rows.push(row);
            }
        }
        self.overrides.lock().unwrap().extend(batch.overrides);
        if let Some(position) = batch.position {
            *self.position.lock().unwrap() = Some(position);
        }
        Ok(())
    }

    async fn position(&self) -> anyhow::Result<Option<u64>> {
        Ok(*self.position.lock().unwrap())
    }

    async fn select(&self, _: Select) -> Result<Selected, QueryError> {
        Err(QueryError::Invalid("this store only remembers".to_owned()))
    }

    async fn behave(&self, _: events::Behave) -> Result<events::Behaved, events::QueryError> {
        Err(events::QueryError::Invalid("this store only remembers".to_owned()))
    }

    async fn erase(&self, _: Erase) -> anyhow::Result<()> {
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }

    async fn flush(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

pub struct World {
    pub name: String,
    pub db: db::Db,
    pub teams: Teams,
    pub team: TeamId,
    pub store: Arc<Memory>,
    pub queue: Arc<queue::Log>,
    pub ports: Ports,
    pub config: Config,
    pub ingest: Ingest,
    pub live: Arc<Mutex<Vec<String>>>,
    batches: Batches,
    sent: u128,
    _folder: tempfile::TempDir,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Batches {
    /// All events that are sent together.
    Together,
    /// Every event alone, with hardly any room to remember persons from one to the next.
    Small,
    /// Every event alone, by an ingestion that has just started.
    Fresh,
}

/// Each kind of database with each kind of batches: what comes out must not depend on either.
pub async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for batches in [Batches::Together, Batches::Small, Batches::Fresh] {
        for (kind, db) in db::Db::test_databases().await {
            worlds.push(World::new(format!("{kind}, {batches:?}"), db, batches).await);
        }
    }
    worlds
}

impl World {
    pub async fn new(name: String, db: db::Db, batches: Batches) -> World {
        let teams = Teams::new(db.clone());
        let team = teams.create_for_tests(TOKEN).await;
        let sets = [("people", people::MIGRATIONS), ("definitions", definitions::MIGRATIONS), ("ingest", ingest::MIGRATIONS)];
        db.migrate(&sets).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let queue = Arc::new(queue::Log::open(folder.path(), Default::default()).unwrap());
        let store = Arc::new(Memory::default());
        let live: Arc<Mutex<Vec<String>>> = Arc::default();
        let shown = live.clone();
        let ports = Ports {
            queue: queue.clone(),
            store: store.clone(),
            db: db.clone(),
            teams: teams.clone(),
            definitions: Arc::default(),
            live: Arc::new(move |rows: &[EventRow]| shown.lock().unwrap().extend(rows.iter().map(|row| row.event.to_string()))),
            clock: Clock::Fixed(at(NOW)),
        };
        let mut config = Config { random: || [7; 16], ..Config::default() };
        if batches == Batches::Small {
            (config.batch_bytes, config.cached_persons) = (1, 3);
        }
        let ingest = Ingest::new(ports.clone(), config.clone());
        World { name, db, teams, team: team.id, store, queue, ports, config, ingest, live, batches, sent: 0, _folder: folder }
    }

    /// Starts ingestion anew, as after a restart of the process, or with another configuration.
    pub fn restart(&mut self) {
        self.ports.definitions = Arc::default();
        self.ingest = Ingest::new(self.ports.clone(), self.config.clone());
    }

    pub async fn set_team(&self, change: impl FnOnce(&mut teams::Team)) {
        self.teams.update(self.team, at(NOW), change).await.unwrap();
    }

    /// Appends the events to the queue without ingesting them.
    pub async fn enqueue(&mut self, events: Value) {
        let records = events.as_array().unwrap().iter().map(|event| self.record(event)).collect();
        self.queue.append(Topic::Events, records).await.unwrap();
    }

    pub async fn send(&mut self, events: Value) {
        if self.batches == Batches::Fresh {
            for event in events.as_array().unwrap() {
                self.enqueue(json!([event])).await;
                self.ingest.process_available().await.unwrap();
            }
        } else {
            self.enqueue(events).await;
            self.ingest.process_available().await.unwrap();
        }
    }

    /// `{"event", "distinct_id", "properties", "$set", "$set_once", "timestamp", "uuid", "ip", "token", …}`, most of it optional.
    fn record(&mut self, event: &Value) -> Bytes {
        self.sent += 1;
        let text = |name: &str, default: &str| event.get(name).and_then(Value::as_str).unwrap_or(default).to_owned();
        let json_text = |name: &str| event.get(name).map(Value::to_string).unwrap_or_default();
        let flag = |name: &str| event.get(name).and_then(Value::as_bool).unwrap_or(false);
        let captured = CapturedEvent {
            token: text("token", TOKEN).into(),
            uuid: event.get("uuid").map_or(Uuid::from_u128(self.sent), |uuid| uuid.as_str().unwrap().parse().unwrap()),
            event: text("event", "a").into(),
            distinct_id: text("distinct_id", "u").into(),
            timestamp: at(&text("timestamp", NOW)),
            now: at(NOW),
            sent_at: event.get("sent_at").map(|sent| at(sent.as_str().unwrap())),
            ip: text("ip", "").into(),
            properties: event.get("properties").map_or("{}".to_owned(), Value::to_string).into(),
            set: json_text("$set").into(),
            set_once: json_text("$set_once").into(),
            flags: CapturedFlags {
                historical_migration: flag("historical_migration"),
                cookieless: flag("cookieless"),
                no_person_processing: flag("no_person_processing"),
            },
        };
        let mut bytes = Vec::new();
        captured.encode(&mut bytes);
        bytes.into()
    }

    pub fn rows(&self) -> Vec<EventRow> {
        self.store.rows.lock().unwrap().clone()
    }

    /// The only stored event of this name.
    #[track_caller]
    pub fn row(&self, event: &str) -> EventRow {
        let mut rows: Vec<EventRow> = self.rows().into_iter().filter(|row| &*row.event == event).collect();
        assert_eq!(rows.len(), 1, "{}: events named {event}", self.name);
        rows.remove(0)
    }

    #[track_caller]
    pub fn property(&self, event: &str, name: &str) -> Option<Value> {
        self.row(event).properties.get(name).map(PropertyValue::to_json)
    }

    /// Whose a stored event is by now: overrides applied, the highest version wins.
    pub fn owner(&self, row: &EventRow) -> Uuid {
        let overrides = self.store.overrides.lock().unwrap();
        let newest = overrides.iter().filter(|one| one.distinct_id == row.distinct_id).max_by_key(|one| one.version);
        newest.map_or(row.person_id, |one| one.person_id)
    }

    pub async fn person(&self, distinct_id: &str) -> Option<Profile> {
        let uuid = people::store::person_uuid_of(&self.db, self.team, distinct_id).await.unwrap()?;
        let found = people::store::profile(&self.db, self.team, PersonKey::Uuid(uuid)).await.unwrap();
        Some(found.expect("a distinct id has a person"))
    }

    /// The person's properties without the automatic mark of its first event.
    pub async fn properties(&self, distinct_id: &str) -> Value {
        let person = self.person(distinct_id).await.unwrap_or_else(|| panic!("{}: {distinct_id} has no person", self.name));
        let mut properties: Value = serde_json::from_str(&person.person.properties.to_json_text()).unwrap();
        properties.as_object_mut().unwrap().remove("$creator_event_uuid");
        properties
    }

    pub fn uuid_of(&self, distinct_id: &str) -> Uuid {
        person_uuid(self.team, distinct_id)
    }

    pub async fn person_count(&self) -> i64 {
        self.db.fetch_one("SELECT COUNT(*) AS n FROM person", &[]).await.unwrap().get("n").unwrap()
    }

    /// The kinds of the stored ingestion warnings.
    pub async fn warnings(&self) -> Vec<String> {
        let rows = self.db.fetch_all("SELECT type FROM ingestion_warning ORDER BY id", &[]).await.unwrap();
        rows.iter().map(|row| row.get("type").unwrap()).collect()
    }

    /// Events dropped by reason.
    pub fn drops(&self) -> HashMap<&'static str, u64> {
        let snapshot = self.ingest.outcomes().snapshot(Some(self.team));
        snapshot.dropped.into_iter().map(|dropped| (dropped.reason, dropped.count)).collect()
    }
}
