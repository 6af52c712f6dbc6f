//! What every event store must do, as tests that any store can be put through.
//!
//! A store's tests implement [`Subject`] and call [`contract_tests!`](crate::contract_tests) with a function that makes one
//! with an empty store.

use crate::{Budget, Erase, EventBatch, EventRow, EventStore, PersonOverride, QueryError, Select};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::DataType;
use async_trait::async_trait;
use model::{PersonMode, Properties, TeamId, Timestamp, person_uuid};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// A store under test.
#[async_trait]
pub trait Subject: Send {
    fn store(&self) -> &dyn EventStore;
    /// Ends the store without any farewell and starts it again on the same data.
    async fn reopen(&mut self);
    /// Does all the work that the store would do in the background.
    async fn settle(&mut self);
}

/// One `#[tokio::test]` for each rule.
#[macro_export]
macro_rules! contract_tests {
    ($make:expr) => {
        $crate::contract_tests!($make;
            rows_are_visible_when_append_returns, rows_and_position_survive_a_crash, repeated_events_are_one_row,
            teams_are_apart, a_merge_moves_all_events_of_the_distinct_id, an_older_merge_does_not_undo_a_newer_one,
            erased_persons_are_gone, an_erased_team_is_gone, properties_keep_their_values, typed_properties_are_read_as_their_type,
            time_ranges_select_the_same_rows_wherever_they_are, the_latest_events_come_first,
            answers_do_not_change_when_rows_move, limits_are_kept, a_cancelled_query_ends);
    };
    ($make:expr; $($rule:ident),*) => { $(
        #[tokio::test(flavor = "multi_thread")]
        async fn $rule() {
            $crate::contract::$rule(&mut $make).await;
        }
    )* };
}

const TEAM: TeamId = TeamId(1);

fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2025-07-09T12:00:00Z").expect("a constant")
}

/// Event number `number`: one per minute, from five persons in turn.
pub fn event(number: i64, name: &str, properties: &str) -> EventRow {
    let distinct_id: Arc<str> = Arc::from(format!("user-{}", number % 5));
    EventRow {
        team: TEAM,
        uuid: Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000 + number as u128),
        event: Arc::from(name),
        timestamp: Timestamp::parse_rfc3339("2025-06-01T00:00:00Z").expect("a constant").plus_seconds(60 * number),
        created_at: now(),
        person_id: person_uuid(TEAM, &distinct_id),
        distinct_id,
        person_created_at: Timestamp::EPOCH,
        person_mode: PersonMode::Full,
        properties: Properties::from_json_text(properties).expect("a constant"),
        person_properties: Arc::new(Properties::from_json_text(r#"{"plan":"free","age":30}"#).expect("a constant")),
        elements_chain: Arc::from(""),
        historical_migration: false,
    }
}

fn events(numbers: std::ops::Range<i64>) -> Vec<EventRow> {
    numbers.map(|number| event(number, "viewed", &format!(r#"{{"n":{number}}}"#))).collect()
}

async fn append(subject: &dyn Subject, rows: Vec<EventRow>) {
    subject.store().append(EventBatch { rows, ..EventBatch::default() }).await.expect("append");
}

async fn merge(subject: &dyn Subject, distinct_id: &str, person: u128, version: i64) {
    let change = PersonOverride { team: TEAM, distinct_id: distinct_id.into(), person_id: Uuid::from_u128(person), version };
    subject.store().append(EventBatch { overrides: vec![change], ..EventBatch::default() }).await.expect("append");
}

fn select(team: TeamId, hogql: &str, types: query::PropertyTypes) -> Select {
    let mut context = query::Context::new(team, now());
    context.property_types = Arc::new(types);
    context.limit = query::LimitRule::NONE;
    let parsed = query::parse(hogql).unwrap_or_else(|error| panic!("{hogql}: {error}"));
    let query = query::resolve(parsed, &context).unwrap_or_else(|error| panic!("{hogql}: {error}"));
    Select { query, budget: Budget::default(), cancel: None }
}

async fn rows_of(subject: &dyn Subject, team: TeamId, hogql: &str, types: query::PropertyTypes) -> Vec<Vec<String>> {
    let selected = subject.store().select(select(team, hogql, types)).await.unwrap_or_else(|error| panic!("{hogql}: {error:?}"));
    selected.batches.iter().flat_map(texts).collect()
}

async fn rows(subject: &dyn Subject, hogql: &str) -> Vec<Vec<String>> {
    rows_of(subject, TEAM, hogql, query::PropertyTypes::default()).await
}

async fn count(subject: &dyn Subject, team: TeamId) -> String {
    rows_of(subject, team, "SELECT count() FROM events", query::PropertyTypes::default()).await[0][0].clone()
}

/// The rows of a batch as text.
pub fn texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|array| text(array, row)).collect()).collect()
}

fn text(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return "NULL".to_owned();
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned(),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Timestamp(..) => Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row)).to_string(),
        DataType::Boolean => BooleanArray::value(array.as_boolean(), row).to_string(),
        other => panic!("the contract's queries do not give {other}"),
    }
}

pub async fn rows_are_visible_when_append_returns(subject: &mut dyn Subject) {
    for round in 0..5 {
        append(subject, events(round * 10..round * 10 + 10)).await;
        assert_eq!(count(subject, TEAM).await, ((round + 1) * 10).to_string());
    }
    assert_eq!(rows(subject, "SELECT count() FROM events WHERE event = 'viewed' AND properties.n = '7'").await, [["1"]]);
}

pub async fn rows_and_position_survive_a_crash(subject: &mut dyn Subject) {
    assert_eq!(subject.store().position().await.expect("position"), None);
    let batch = EventBatch { rows: events(0..10), position: Some(77), ..EventBatch::default() };
    subject.store().append(batch).await.expect("append");
    append(subject, events(10..12)).await;
    subject.reopen().await;
    assert_eq!((count(subject, TEAM).await.as_str(), subject.store().position().await.expect("position")), ("12", Some(77)));
    subject.store().append(EventBatch { position: Some(78), ..EventBatch::default() }).await.expect("append");
    subject.store().flush().await.expect("flush");
    subject.reopen().await;
    assert_eq!((count(subject, TEAM).await.as_str(), subject.store().position().await.expect("position")), ("12", Some(78)));
}

pub async fn repeated_events_are_one_row(subject: &mut dyn Subject) {
    let first = event(1, "viewed", r#"{"which":"first"}"#);
    let mut later_that_day = event(1, "viewed", r#"{"which":"second"}"#);
    later_that_day.timestamp = first.timestamp.plus_seconds(3_600);
    append(subject, vec![first.clone(), later_that_day.clone()]).await;
    append(subject, vec![later_that_day.clone()]).await;
    subject.store().flush().await.expect("flush");
    append(subject, vec![later_that_day.clone()]).await;
    subject.reopen().await;
    append(subject, vec![later_that_day]).await;
    assert_eq!(rows(subject, "SELECT properties.which FROM events").await, [["first"]]);
    let mut others = vec![first.clone(), first.clone(), first.clone(), first.clone()];
    others[0].event = "clicked".into();
    others[1].distinct_id = "someone-else".into();
    others[2].uuid = Uuid::from_u128(5);
    others[3].timestamp = first.timestamp.plus_seconds(2 * 86_400);
    append(subject, others).await;
    assert_eq!(count(subject, TEAM).await, "5", "events that differ in any part of the key are others");
}

pub async fn teams_are_apart(subject: &mut dyn Subject) {
    let mut rows = events(0..6);
    rows.iter_mut().skip(2).for_each(|row| row.team = TeamId(2));
    append(subject, rows).await;
    for _ in 0..2 {
        let counts = [count(subject, TEAM).await, count(subject, TeamId(2)).await, count(subject, TeamId(3)).await];
        assert_eq!(counts, ["2", "4", "0"]);
        subject.store().flush().await.expect("flush");
    }
}

pub async fn a_merge_moves_all_events_of_the_distinct_id(subject: &mut dyn Subject) {
    append(subject, events(0..20)).await;
    subject.store().flush().await.expect("flush");
    append(subject, events(20..40)).await;
    merge(subject, "user-1", 99, 1).await;
    let query = "SELECT count(), count(DISTINCT distinct_id) FROM events WHERE person_id = '00000000-0000-0000-0000-000000000063'";
    for stage in ["at once", "after a crash", "settled"] {
        assert_eq!(rows(subject, query).await, [["8", "1"]], "{stage}");
        assert_eq!(rows(subject, "SELECT count(DISTINCT person_id) FROM events").await, [["5"]], "{stage}");
        match stage {
            "at once" => subject.reopen().await,
            _ => subject.settle().await,
        }
    }
}

pub async fn an_older_merge_does_not_undo_a_newer_one(subject: &mut dyn Subject) {
    append(subject, events(0..10)).await;
    merge(subject, "user-1", 2, 5).await;
    merge(subject, "user-1", 1, 4).await;
    let query = "SELECT count() FROM events WHERE person_id = '00000000-0000-0000-0000-000000000002'";
    assert_eq!(rows(subject, query).await, [["2"]]);
}

pub async fn erased_persons_are_gone(subject: &mut dyn Subject) {
    append(subject, events(0..20)).await;
    merge(subject, "user-1", 7, 1).await;
    let by_merge = Uuid::from_u128(7);
    let stored = person_uuid(TEAM, "user-2");
    subject.store().erase(Erase::Persons(TEAM, vec![by_merge, stored])).await.expect("erase");
    for stage in ["at once", "after a crash", "settled"] {
        assert_eq!(
            rows(subject, "SELECT DISTINCT distinct_id FROM events ORDER BY distinct_id").await,
            [["user-0"], ["user-3"], ["user-4"]],
            "{stage}"
        );
        match stage {
            "at once" => subject.reopen().await,
            _ => subject.settle().await,
        }
    }
}

pub async fn an_erased_team_is_gone(subject: &mut dyn Subject) {
    let mut other = event(9, "viewed", "{}");
    other.team = TeamId(2);
    append(subject, events(0..5).into_iter().chain([other]).collect()).await;
    subject.store().erase(Erase::Team(TEAM)).await.expect("erase");
    assert_eq!((count(subject, TEAM).await.as_str(), count(subject, TeamId(2)).await.as_str()), ("0", "1"));
    append(subject, events(0..5)).await;
    subject.reopen().await;
    assert_eq!(count(subject, TEAM).await, "5", "the same events may come again");
}

pub async fn properties_keep_their_values(subject: &mut dyn Subject) {
    let object = r#"{"whole":5,"part":5.5,"text":"5","flag":true,"nothing":null,"list":[1,{"a":"b"}],"empty":""}"#;
    append(subject, vec![event(1, "e", object)]).await;
    let query = "SELECT properties.whole, properties.part, properties.text, properties.flag, properties.nothing, properties.list, properties.empty, properties.missing FROM events";
    let expected = ["5", "5.5", "5", "true", "NULL", r#"[1,{"a":"b"}]"#, "", "NULL"];
    for _ in 0..2 {
        assert_eq!(rows(subject, query).await, [expected]);
        let found = rows(subject, "SELECT properties FROM events").await[0][0].clone();
        let [found, sent] = [found.as_str(), object].map(|text| serde_json::from_str::<serde_json::Value>(text).expect("JSON"));
        assert_eq!(found, sent);
        assert_eq!(rows(subject, "SELECT person.properties.plan FROM events").await, [["free"]]);
        subject.store().flush().await.expect("flush");
    }
}

pub async fn typed_properties_are_read_as_their_type(subject: &mut dyn Subject) {
    let values = ["1", "\"2\"", "\"x\"", "null", "true", "3.5"];
    append(subject, values.iter().enumerate().map(|(i, value)| event(i as i64, "e", &format!(r#"{{"v":{value}}}"#))).collect()).await;
    for _ in 0..2 {
        let mut types = query::PropertyTypes::default();
        types.set_event("v", query::PropertyType::Numeric);
        let found = rows_of(subject, TEAM, "SELECT sum(properties.v), count() FROM events WHERE properties.v > 1", types).await;
        assert_eq!(found, [["5.5", "2"]]);
        subject.store().flush().await.expect("flush");
    }
}

pub async fn time_ranges_select_the_same_rows_wherever_they_are(subject: &mut dyn Subject) {
    let spread: Vec<EventRow> = (0..60)
        .map(|number| {
            let mut row = event(number, "viewed", "{}");
            row.timestamp = row.timestamp.plus_seconds(number * 43_200);
            row
        })
        .collect();
    let in_june = spread.iter().filter(|row| row.timestamp < Timestamp::parse_rfc3339("2025-06-15T00:00:00Z").expect("a constant")).count();
    let query =
        "SELECT count() FROM events WHERE timestamp >= toDateTime('2025-06-01 00:00:00') AND timestamp < toDateTime('2025-06-15 00:00:00')";
    append(subject, spread).await;
    for _ in 0..2 {
        assert_eq!(rows(subject, query).await, [[in_june.to_string()]]);
        subject.store().flush().await.expect("flush");
    }
}

pub async fn the_latest_events_come_first(subject: &mut dyn Subject) {
    for part in 0..4 {
        append(subject, events(part * 100..part * 100 + 100)).await;
        if part < 3 {
            subject.store().flush().await.expect("flush");
        }
    }
    let found = rows(subject, "SELECT properties.n, timestamp FROM events ORDER BY timestamp DESC LIMIT 3").await;
    assert_eq!(found.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["399", "398", "397"]);
}

pub async fn answers_do_not_change_when_rows_move(subject: &mut dyn Subject) {
    let queries = [
        "SELECT event, count(), count(DISTINCT person_id) FROM events GROUP BY event ORDER BY event",
        "SELECT properties.browser, count() FROM events WHERE properties.n != '3' GROUP BY properties.browser ORDER BY count() DESC, properties.browser",
        "SELECT distinct_id, min(timestamp), max(timestamp) FROM events GROUP BY distinct_id ORDER BY distinct_id",
        "SELECT toStartOfDay(timestamp) AS day, count() FROM events GROUP BY day ORDER BY day",
    ];
    let rows_in = (0..300).map(|number| {
        let name = ["viewed", "clicked", "bought"][number as usize % 3];
        event(number * 31, name, &format!(r#"{{"n":{},"browser":"{}"}}"#, number % 7, ["Chrome", "Firefox"][number as usize % 2]))
    });
    append(subject, rows_in.collect()).await;
    let mut before = Vec::new();
    for query in queries {
        before.push(rows(subject, query).await);
    }
    for stage in ["flushed", "settled", "reopened"] {
        match stage {
            "flushed" => subject.store().flush().await.expect("flush"),
            "settled" => subject.settle().await,
            _ => subject.reopen().await,
        }
        for (query, before) in queries.iter().zip(&before) {
            assert_eq!(rows(subject, query).await, *before, "{stage}: {query}");
        }
    }
}

pub async fn limits_are_kept(subject: &mut dyn Subject) {
    append(subject, events(0..3_000)).await;
    let mut few = select(TEAM, "SELECT uuid FROM events", query::PropertyTypes::default());
    few.budget.rows = 10;
    assert!(matches!(subject.store().select(few).await, Err(QueryError::Invalid(_))));
    let mut small = select(TEAM, "SELECT uuid, count() FROM events GROUP BY uuid", query::PropertyTypes::default());
    small.budget.memory_bytes = 20_000;
    assert!(matches!(subject.store().select(small).await, Err(QueryError::Memory(_))));
    let mut short = endless();
    short.budget.deadline = Duration::from_millis(100);
    assert!(matches!(subject.store().select(short).await, Err(QueryError::Deadline(_))));
}

fn endless() -> Select {
    let hogql = "SELECT count() FROM events a CROSS JOIN events b CROSS JOIN events c WHERE a.uuid > b.uuid AND b.uuid > c.uuid";
    select(TEAM, hogql, query::PropertyTypes::default())
}

pub async fn a_cancelled_query_ends(subject: &mut dyn Subject) {
    append(subject, events(0..3_000)).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut endless = endless();
    endless.cancel = Some(stopped);
    let (answer, ()) = tokio::join!(subject.store().select(endless), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stop.send(true).expect("the query still listens");
    });
    assert!(matches!(answer, Err(QueryError::Cancelled)));
}
