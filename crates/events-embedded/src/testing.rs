//! Rows and engines for tests of this crate.

use crate::disk::{Disk, Gate};
use crate::packed::PACKED_ROWS;
use crate::{Engine, EngineConfig};
use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use events::{Budget, Dimensions, EventBatch, EventRow, EventStore, NoDimensions, QueryError};
use model::{Clock, PersonMode, Properties, TeamId, Timestamp, person_uuid};
use query::{ColumnKind, ColumnSource, ColumnUse, Printed, PropertyOwner, Table, TableUse};
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// Event number `number` of the team, one second after the one before.
pub fn row(team: i64, number: i64, event: &str, properties: &str) -> EventRow {
    let distinct_id = format!("user-{}", number % 7);
    EventRow {
        team: TeamId(team),
        uuid: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number as u128),
        event: Arc::from(event),
        timestamp: at("2025-01-01T12:00:00Z").plus_seconds(number),
        created_at: at("2025-01-01T12:00:00Z").plus_seconds(number),
        person_id: person_uuid(TeamId(team), &distinct_id),
        distinct_id: Arc::from(distinct_id),
        person_created_at: at("2024-12-01T00:00:00Z"),
        person_mode: PersonMode::Full,
        properties: Properties::from_json_text(properties).unwrap(),
        person_properties: Arc::new(Properties::from_json_text(r#"{"plan":"free"}"#).unwrap()),
        elements_chain: Arc::from(""),
        historical_migration: false,
    }
}

/// A data folder with an engine on it that can be closed and opened again.
pub struct Rig {
    folder: tempfile::TempDir,
    pub gate: Option<Gate>,
    pub dimensions: Arc<dyn Dimensions>,
    pub packed_rows: u64,
    engine: Option<Arc<Engine>>,
}

impl Rig {
    pub fn new() -> Self {
        let mut rig = Rig {
            folder: tempfile::tempdir().unwrap(),
            gate: None,
            dimensions: Arc::new(NoDimensions),
            packed_rows: PACKED_ROWS,
            engine: None,
        };
        rig.reopen();
        rig
    }

    /// In memory where there is such a folder: scripts that fail every step sync thousands of times.
    pub fn with_gate(gate: Gate) -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Rig { folder, gate: Some(gate), dimensions: Arc::new(NoDimensions), packed_rows: PACKED_ROWS, engine: None }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn close(&mut self) {
        self.engine = None;
    }

    pub fn reopen(&mut self) {
        self.try_reopen().unwrap();
    }

    pub fn try_reopen(&mut self) -> anyhow::Result<()> {
        self.close();
        let clock = Clock::Fixed(at("2025-07-01T00:00:00Z"));
        let mut config = EngineConfig::new(self.folder.path().to_owned(), clock, self.dimensions.clone());
        config.background = false;
        config.gate = self.gate.clone();
        config.packed_rows = self.packed_rows;
        self.engine = Some(Engine::open(config)?);
        Ok(())
    }

    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    pub async fn append(&self, rows: Vec<EventRow>) {
        self.engine().append(EventBatch { rows, ..EventBatch::default() }).await.unwrap();
    }

    /// Runs SQL over the `events` of a team, with these columns, and gives the rows back as text.
    pub async fn sql(&self, team: i64, sql: &str, columns: &[ColumnUse]) -> Vec<Vec<String>> {
        let table = TableUse { name: "events".to_owned(), table: Table::Events, columns: columns.to_vec(), time_range: None, events: None };
        self.run(team, sql, vec![table]).await.unwrap()
    }

    pub async fn run(&self, team: i64, sql: &str, tables: Vec<TableUse>) -> Result<Vec<Vec<String>>, QueryError> {
        let printed = Printed { sql: sql.to_owned(), tables, cohorts: Vec::new(), columns: Vec::new() };
        let selected = self.engine().run(printed, TeamId(team), Budget::default(), None).await?;
        Ok(texts(&selected.batches))
    }

    pub async fn count(&self, team: i64) -> usize {
        let rows = self.sql(team, "SELECT count(*) FROM events", &[field("event", ColumnKind::Text)]).await;
        rows[0][0].parse().unwrap()
    }

    /// Every file of the folder except the lock, relative to it.
    pub fn files(&self) -> Vec<String> {
        Disk::new(self.folder.path().to_owned(), None).files_below("").unwrap().into_iter().filter(|name| name != "LOCK").collect()
    }
}

pub fn texts(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayFormatter> = batch.columns().iter().map(|array| ArrayFormatter::try_new(array, &options).unwrap()).collect();
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| column.value(row).to_string()).collect()));
    }
    rows
}

pub fn field(name: &'static str, kind: ColumnKind) -> ColumnUse {
    ColumnUse { name: name.to_owned(), source: ColumnSource::Field(name), kind }
}

pub fn property(name: &str, kind: ColumnKind) -> ColumnUse {
    let source = ColumnSource::Property { of: PropertyOwner::Event, name: name.to_owned() };
    ColumnUse { name: format!("properties.{name}"), source, kind }
}

pub fn all_properties(of: PropertyOwner) -> ColumnUse {
    let name = if of == PropertyOwner::Person { "person.properties" } else { "properties" };
    ColumnUse { name: name.to_owned(), source: ColumnSource::AllProperties(of), kind: ColumnKind::Text }
}
