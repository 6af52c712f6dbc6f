//! HogQL through the whole engine: text in, rows out.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use events::{Budget, Dimensions, DistinctIdRow, EventBatch, EventRow, EventStore, GroupRow, PersonRow, QueryError, Select};
use events_embedded::{Engine, EngineConfig};
use model::{Clock, PersonMode, Properties, TeamId, Timestamp, person_uuid};
use query::{Context, LimitRule};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

const TEAM: TeamId = TeamId(1);

struct World {
    _folder: tempfile::TempDir,
    engine: Arc<Engine>,
    context: Context,
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// Two persons and a group, as the metadata database would know them.
struct Known;

#[async_trait::async_trait]
impl Dimensions for Known {
    async fn version(&self, _: TeamId) -> anyhow::Result<u64> {
        Ok(1)
    }

    async fn persons(&self, team: TeamId) -> anyhow::Result<Vec<PersonRow>> {
        let person = |name: &str| PersonRow {
            id: person_uuid(team, name),
            created_at: at("2025-01-01T00:00:00Z"),
            properties: format!(r#"{{"email":"{name}@example.com","plan":"pro"}}"#),
            is_identified: name == "u1",
        };
        Ok(vec![person("u1"), person("u2")])
    }

    async fn distinct_ids(&self, team: TeamId) -> anyhow::Result<Vec<DistinctIdRow>> {
        Ok(["u1", "u2"].map(|name| DistinctIdRow { distinct_id: name.to_owned(), person_id: person_uuid(team, name) }).into())
    }

    async fn groups(&self, _: TeamId) -> anyhow::Result<Vec<GroupRow>> {
        let when = at("2025-01-01T00:00:00Z");
        Ok(vec![GroupRow {
            index: 0,
            key: "acme".to_owned(),
            properties: r#"{"name":"Acme"}"#.to_owned(),
            created_at: when,
            updated_at: when,
        }])
    }
}

fn event(number: u32, event: &str, user: &str, when: &str, properties: Value) -> EventRow {
    EventRow {
        team: TEAM,
        uuid: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number)),
        event: Arc::from(event),
        timestamp: at(when),
        created_at: at(when),
        person_id: person_uuid(TEAM, user),
        distinct_id: Arc::from(user),
        person_created_at: at("2025-01-01T00:00:00Z"),
        person_mode: PersonMode::Full,
        properties: Properties::from_json_text(&properties.to_string()).unwrap(),
        person_properties: Arc::new(Properties::from_json_text(r#"{"plan":"free"}"#).unwrap()),
        elements_chain: Arc::from(""),
        historical_migration: false,
    }
}

impl World {
    async fn with(rows: Vec<EventRow>) -> World {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::Fixed(at("2025-03-12T15:20:30Z"));
        let mut config = EngineConfig::new(folder.path().to_owned(), clock, Arc::new(Known));
        config.background = false;
        let engine = Engine::open(config).unwrap();
        engine.append(EventBatch { rows, ..EventBatch::default() }).await.unwrap();
        let context =
            Context { limit: LimitRule { look_ahead: false, ..LimitRule::API }, ..Context::new(TEAM, at("2025-03-12T15:20:30Z")) };
        World { _folder: folder, engine, context }
    }

    /// A u1 {b:"x",n:1} · A u1 {b:"y",n:"2"} · A u2 {b:null} · B u2 {} · B u3 {b:"",n:3.5}
    async fn small() -> World {
        World::with(vec![
            event(
                1,
                "A",
                "u1",
                "2025-03-10T10:00:00Z",
                json!({"b": "x", "n": 1, "$session_id": "s1", "$current_url": "https://a.com/one?x=1"}),
            ),
            event(
                2,
                "A",
                "u1",
                "2025-03-10T11:00:00Z",
                json!({"b": "y", "n": "2", "$session_id": "s1", "$current_url": "https://a.com/two", "$group_0": "acme"}),
            ),
            event(3, "A", "u2", "2025-03-11T10:00:00Z", json!({"b": null, "list": [1, "two", {"k": 3}], "nested": {"a": {"b": [10, 20]}}})),
            event(4, "B", "u2", "2025-03-11T23:30:00.5Z", json!({})),
            event(5, "B", "u3", "2025-03-12T10:00:00Z", json!({"b": "", "n": 3.5, "flag": true, "when": "2025-03-01T08:00:00Z"})),
        ])
        .await
    }

    async fn try_rows(&self, text: &str) -> Result<Vec<Value>, String> {
        let tree = query::parse(text).map_err(|error| format!("{text}\n{error:?}"))?;
        let resolved = query::resolve(tree, &self.context).map_err(|error| format!("{text}\n{error:?}"))?;
        let sql = query::print_datafusion(&resolved).sql;
        let selected = self.engine.select(Select { query: resolved, budget: Budget::default(), cancel: None }).await;
        let selected = selected.map_err(|error| match &error {
            QueryError::Failed(cause) => format!("{text}\n{sql}\n{cause:#}"),
            _ => format!("{text}\n{sql}\n{error}"),
        })?;
        let mut rows = Vec::new();
        for batch in &selected.batches {
            assert_eq!(batch.num_columns(), selected.columns.len());
            rows.extend((0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| cell(column, row)).collect::<Value>()));
        }
        Ok(rows)
    }

    async fn rows(&self, text: &str) -> Value {
        Value::Array(self.try_rows(text).await.unwrap_or_else(|problem| panic!("{problem}")))
    }

    /// The columns of the only row.
    async fn row(&self, text: &str) -> Value {
        let rows = self.rows(text).await;
        assert_eq!(rows.as_array().unwrap().len(), 1, "{text}: {rows}");
        rows[0].clone()
    }
}

fn cell(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => json!(format!("an integer of type {}", array.data_type())),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Date32 => query::time::date_from_days(array.as_primitive::<Date32Type>().value(row)).to_string().into(),
        DataType::Timestamp(..) => Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row)).to_string().into(),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            (0..items.len()).map(|at| cell(&items, at)).collect()
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            (0..entries.len()).map(|at| json!([cell(entries.column(0), at), cell(entries.column(1), at)])).collect()
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(|column| cell(column, row)).collect(),
        DataType::Null => Value::Null,
        other => panic!("an answer of type {other}"),
    }
}

macro_rules! check {
    ($world:expr, { $($text:expr => $rows:tt),* $(,)? }) => {{
        let mut problems = Vec::new();
        $(match $world.try_rows($text).await {
            Ok(rows) if Value::Array(rows.clone()) == json!($rows) => {}
            Ok(rows) => problems.push(format!("{}\n  gives {}\n  not   {}", $text, Value::Array(rows), json!($rows))),
            Err(problem) => problems.push(problem),
        })*
        assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    }};
}

/// Expressions without a table, each with its value.
macro_rules! check_values {
    ($world:expr, { $($text:expr => $value:tt),* $(,)? }) => {{
        let mut problems = Vec::new();
        $(match $world.try_rows(&format!("select {}", $text)).await {
            Ok(rows) if rows.len() == 1 && rows[0][0] == json!($value) => {}
            Ok(rows) => problems.push(format!("{}\n  gives {}\n  not   {}", $text, Value::Array(rows), json!($value))),
            Err(problem) => problems.push(problem),
        })*
        assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    }};
}

// Behind the macros that they use.
mod functions;
mod hostile;
mod selects;
