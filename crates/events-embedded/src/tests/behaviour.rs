use crate::testing::{Rig, all_properties, at, field, property, row};
use async_trait::async_trait;
use events::{Budget, Dimensions, DistinctIdRow, Erase, EventBatch, EventStore, GroupRow, PersonOverride, PersonRow, QueryError};
use model::{TeamId, Timestamp};
use query::{ColumnKind, ColumnSource, ColumnUse, Printed, PropertyOwner, Table, TableUse};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

fn table(columns: Vec<ColumnUse>) -> TableUse {
    TableUse { name: "events".to_owned(), table: Table::Events, columns, time_range: None, events: None }
}

#[tokio::test]
async fn rows_are_visible_as_soon_as_append_returns_and_stay_after_flush_and_reopen() {
    let mut rig = Rig::new();
    let rows = (0..10).map(|i| row(1, i, "viewed", &format!(r#"{{"n":{i}}}"#))).collect();
    rig.engine().append(EventBatch { rows, position: Some(42), ..EventBatch::default() }).await.unwrap();
    let columns = [property("n", ColumnKind::Number), field("event", ColumnKind::Text)];
    let sql = r#"SELECT sum("properties.n"), count(*) FROM events WHERE event = 'viewed'"#;
    let expected = vec![vec!["45.0".to_owned(), "10".to_owned()]];
    assert_eq!(rig.sql(1, sql, &columns).await, expected);
    rig.reopen();
    assert_eq!(rig.sql(1, sql, &columns).await, expected, "from the log");
    rig.engine().flush().await.unwrap();
    assert_eq!(rig.sql(1, sql, &columns).await, expected, "from a segment");
    rig.reopen();
    assert_eq!(rig.sql(1, sql, &columns).await, expected, "from a segment after a restart");
    assert_eq!(rig.engine().position().await.unwrap(), Some(42));
    let stats = rig.engine().stats();
    assert_eq!((stats.rows, stats.memory_rows, stats.segments), (10, 0, 1));
}

#[tokio::test]
async fn a_repeated_event_is_one_row_wherever_the_first_one_is() {
    let mut rig = Rig::new();
    let first: Vec<_> = (0..50).map(|i| row(1, i, "e", "{}")).collect();
    rig.append(first.iter().chain(&first).cloned().collect()).await;
    rig.append(first.clone()).await;
    assert_eq!(rig.count(1).await, 50);
    rig.reopen();
    rig.append(first.clone()).await;
    rig.engine().flush().await.unwrap();
    rig.append(first.clone()).await;
    rig.reopen();
    rig.append(first.iter().cloned().chain([row(1, 99, "e", "{}")]).collect()).await;
    assert_eq!(rig.count(1).await, 51);
    rig.engine().flush().await.unwrap();
    assert_eq!((rig.count(1).await, rig.engine().stats().rows), (51, 51));
}

#[tokio::test]
async fn the_first_of_two_equal_events_stays() {
    let rig = Rig::new();
    rig.append(vec![row(1, 1, "e", r#"{"a":"first"}"#)]).await;
    rig.append(vec![row(1, 1, "e", r#"{"a":"second"}"#)]).await;
    rig.engine().flush().await.unwrap();
    rig.append(vec![row(1, 1, "e", r#"{"a":"third"}"#)]).await;
    assert_eq!(rig.sql(1, r#"SELECT "properties.a" FROM events"#, &[property("a", ColumnKind::Text)]).await, [["first"]]);
}

#[tokio::test]
async fn a_team_sees_its_own_rows_only() {
    let rig = Rig::new();
    rig.append(vec![row(1, 1, "e", "{}"), row(2, 2, "e", "{}"), row(2, 3, "e", "{}")]).await;
    assert_eq!((rig.count(1).await, rig.count(2).await, rig.count(3).await), (1, 2, 0));
    rig.engine().flush().await.unwrap();
    assert_eq!((rig.count(1).await, rig.count(2).await, rig.count(3).await), (1, 2, 0));
}

#[tokio::test]
async fn a_merge_changes_the_person_of_all_events_of_the_distinct_id_at_once_and_for_good() {
    let mut rig = Rig::new();
    rig.append((0..70).map(|i| row(1, i, "e", "{}")).collect()).await;
    rig.engine().flush().await.unwrap();
    rig.append((70..140).map(|i| row(1, i, "e", "{}")).collect()).await;
    let person = Uuid::from_u128(0xfeed);
    let merge = PersonOverride { team: TeamId(1), distinct_id: "user-3".into(), person_id: person, version: 1 };
    rig.engine().append(EventBatch { overrides: vec![merge], ..EventBatch::default() }).await.unwrap();
    let columns =
        [field("person_id", ColumnKind::Uuid), field("person_id_stored", ColumnKind::Uuid), field("distinct_id", ColumnKind::Text)];
    let sql = format!("SELECT count(*), min(distinct_id), max(distinct_id) FROM events WHERE person_id = '{person}'");
    let expected = [["20", "user-3", "user-3"]];
    assert_eq!(rig.sql(1, &sql, &columns).await, expected);
    assert_eq!(rig.sql(1, "SELECT count(DISTINCT person_id), count(DISTINCT person_id_stored) FROM events", &columns).await, [["7", "7"]]);
    rig.reopen();
    assert_eq!(rig.sql(1, &sql, &columns).await, expected, "from the log");
    rig.engine().flush().await.unwrap();
    rig.reopen();
    assert_eq!(rig.sql(1, &sql, &columns).await, expected, "from the file of overrides");
    for i in 201..207 {
        rig.append(vec![row(1, i, "e", "{}")]).await;
        rig.engine().flush().await.unwrap();
    }
    rig.engine().compact().await.unwrap();
    assert_eq!(rig.engine().stats().segments, 1);
    let written = format!("SELECT count(*) FROM events WHERE person_id_stored = '{person}' AND distinct_id = 'user-3'");
    assert_eq!(rig.sql(1, &written, &columns).await, [["21"]], "written into the merged segment");
}

#[tokio::test]
async fn erased_persons_vanish_at_once_and_their_bytes_with_the_next_compaction() {
    let mut rig = Rig::new();
    rig.append((0..70).map(|i| row(1, i, "e", r#"{"secret":"hunter2-only-here"}"#)).collect()).await;
    rig.append((0..7).map(|i| row(2, i, "e", "{}")).collect()).await;
    let gone = row(1, 3, "e", "{}").person_id;
    rig.engine().erase(Erase::Persons(TeamId(1), vec![gone])).await.unwrap();
    assert_eq!((rig.count(1).await, rig.count(2).await), (60, 7));
    rig.append(vec![row(1, 73, "e", "{}")]).await;
    assert_eq!(rig.count(1).await, 61, "later events of the same person are new ones");
    rig.reopen();
    assert_eq!(rig.count(1).await, 61);
    rig.engine().flush().await.unwrap();
    rig.engine().compact().await.unwrap();
    assert_eq!(rig.count(1).await, 61);
    assert_eq!(rig.engine().stats().rows, 68, "the rows are gone from the files as well");
    rig.engine().erase(Erase::Team(TeamId(1))).await.unwrap();
    assert_eq!((rig.count(1).await, rig.count(2).await, rig.engine().stats().rows), (0, 7, 7));
    rig.reopen();
    assert!(!rig.files().iter().any(|name| name.contains("team=1/")), "{:?}", rig.files());
}

#[tokio::test]
async fn a_time_range_hint_skips_segments_without_changing_the_answer() {
    let rig = Rig::new();
    for week in 0..8 {
        let rows = (0..20).map(|i| {
            let mut row = row(1, week * 100 + i, "e", "{}");
            row.timestamp = at("2025-01-01T00:00:00Z").plus_seconds(week * 7 * 86_400 + i);
            row
        });
        rig.append(rows.collect()).await;
    }
    rig.engine().flush().await.unwrap();
    assert_eq!(rig.engine().stats().segments, 8);
    let (first, last) = (at("2025-01-08T00:00:00Z"), at("2025-01-20T00:00:00Z"));
    // Statistics say nothing about a calculation.
    let sql = format!("SELECT count(*) FROM events WHERE date_part('epoch', timestamp) BETWEEN {} AND {}", first.seconds(), last.seconds());
    let mut table = table(vec![field("timestamp", ColumnKind::Timestamp)]);
    let mut read = Vec::new();
    for range in [None, Some((first, last))] {
        table.time_range = range;
        let printed = Printed { sql: sql.clone(), tables: vec![table.clone()], cohorts: Vec::new(), columns: Vec::new() };
        let selected = rig.engine().run(printed, TeamId(1), Budget::default(), None).await.unwrap();
        assert_eq!(crate::testing::texts(&selected.batches), [["40"]]);
        read.push(selected.rows_read);
    }
    assert_eq!(read, [160, 40]);
}

#[tokio::test]
async fn every_property_comes_back_as_it_went_in() {
    let mut rig = Rig::new();
    let objects = [
        r#"{"a":5,"b":5.5,"c":"x\"y\\z\n","d":true,"e":null,"f":[1,{"g":"2"}],"h":{},"i":""}"#,
        r#"{"a":"5","b":"5.5","c":7,"d":"true","e":1,"f":"[1]","h":false,"i":9007199254740993}"#,
        r#"{"a":-0.25,"b":1e300,"c":9007199254740991,"d":-9223372036854775808,"ключ":"значение","":"empty name"}"#,
        r#"{"a":null,"b":[],"c":{"null":null},"d":"null","properties.rest":1,"x.y":"dots"}"#,
        "{}",
    ];
    rig.append(objects.iter().enumerate().map(|(i, object)| row(1, i as i64, "e", object)).collect()).await;
    let columns = [all_properties(PropertyOwner::Event), all_properties(PropertyOwner::Person), field("timestamp", ColumnKind::Timestamp)];
    let expected: Vec<serde_json::Value> = objects.iter().map(|object| serde_json::from_str(object).unwrap()).collect();
    for stage in ["memory", "log", "segment", "merged"] {
        let rows = rig.sql(1, r#"SELECT properties, "person.properties" FROM events ORDER BY timestamp"#, &columns).await;
        let found: Vec<serde_json::Value> = rows.iter().take(5).map(|row| serde_json::from_str(&row[0]).unwrap()).collect();
        assert_eq!(found, expected, "{stage}");
        assert!(rows.iter().all(|row| row[1] == r#"{"plan":"free"}"#), "{stage}");
        match stage {
            "memory" => rig.reopen(),
            "log" => rig.engine().flush().await.unwrap(),
            _ => {
                for i in 10..14 {
                    rig.append(vec![row(1, i, "e", r#"{"other":1}"#)]).await;
                    rig.engine().flush().await.unwrap();
                }
                rig.engine().compact().await.unwrap();
                assert_eq!(rig.engine().stats().segments, 1);
            }
        }
    }
}

#[tokio::test]
async fn a_property_reads_as_the_kind_that_is_asked_for() {
    let rig = Rig::new();
    let values = ["null", r#""""#, r#""abc""#, r#""5""#, "5", "10", r#""10""#, "true", r#""true""#, r#"["x"]"#, r#"{"a":1}"#, "-3", "2.5"];
    let mut rows: Vec<_> = values.iter().enumerate().map(|(i, value)| row(1, i as i64, "e", &format!(r#"{{"v":{value}}}"#))).collect();
    rows.push(row(1, 99, "e", "{}"));
    rig.append(rows).await;
    let (text, number, boolean) = (property("v", ColumnKind::Text), property("v", ColumnKind::Number), property("v", ColumnKind::Boolean));
    let named = |mut column: ColumnUse, name: &str| {
        column.name = name.to_owned();
        column
    };
    let columns = [named(text, "t"), named(number, "n"), named(boolean, "b"), field("timestamp", ColumnKind::Timestamp)];
    let expected = [
        ["NULL", "NULL", "NULL"],
        ["", "NULL", "NULL"],
        ["abc", "NULL", "NULL"],
        ["5", "5.0", "NULL"],
        ["5", "5.0", "NULL"],
        ["10", "10.0", "NULL"],
        ["10", "10.0", "NULL"],
        ["true", "NULL", "true"],
        ["true", "NULL", "true"],
        [r#"["x"]"#, "NULL", "NULL"],
        [r#"{"a":1}"#, "NULL", "NULL"],
        ["-3", "-3.0", "NULL"],
        ["2.5", "2.5", "NULL"],
        ["NULL", "NULL", "NULL"],
    ];
    assert_eq!(rig.sql(1, "SELECT t, n, b FROM events ORDER BY timestamp", &columns).await, expected);
    rig.engine().flush().await.unwrap();
    assert_eq!(rig.sql(1, "SELECT t, n, b FROM events ORDER BY timestamp", &columns).await, expected);
}

#[tokio::test]
async fn the_latest_rows_are_found_among_many_without_reading_all_of_them_whole() {
    let rig = Rig::new();
    for part in 0..6 {
        let rows = (0..5_000).map(|i| {
            let mut row = row(1, part * 5_000 + i, "e", r#"{"url":"https://example.com/a/rather/long/path"}"#);
            row.timestamp = at("2025-01-01T00:00:00Z").plus_seconds((part * 5_000 + i) * 120);
            row
        });
        rig.append(rows.collect()).await;
        rig.engine().flush().await.unwrap();
    }
    let columns = [field("timestamp", ColumnKind::Timestamp), field("uuid", ColumnKind::Uuid), all_properties(PropertyOwner::Event)];
    let rows = rig.sql(1, "SELECT uuid, properties FROM events ORDER BY timestamp DESC LIMIT 3", &columns).await;
    let expected: Vec<String> = (0..3).map(|i| row(1, 29_999 - i, "e", "{}").uuid.to_string()).collect();
    assert_eq!(rows.iter().map(|row| row[0].clone()).collect::<Vec<_>>(), expected);
    let oldest = rig.sql(1, "SELECT uuid, properties FROM events ORDER BY timestamp LIMIT 3", &columns).await;
    let expected: Vec<String> = (0..3).map(|i| row(1, i, "e", "{}").uuid.to_string()).collect();
    assert_eq!(oldest.iter().map(|row| row[0].clone()).collect::<Vec<_>>(), expected);
    let many = rig.sql(1, "SELECT uuid FROM events ORDER BY timestamp DESC LIMIT 12000 OFFSET 11999", &columns).await;
    assert_eq!(many[0][0], row(1, 18_000, "e", "{}").uuid.to_string());
}

#[tokio::test]
async fn conditions_on_the_time_leave_out_segments_without_a_hint() {
    let rig = Rig::new();
    for part in 0..4 {
        rig.append((part * 100..part * 100 + 100).map(|i| row(1, i, "e", "{}")).collect()).await;
        rig.engine().flush().await.unwrap();
    }
    let sql = "SELECT count(*) FROM events WHERE timestamp >= TIMESTAMP '2025-01-01T12:05:10Z'".to_owned();
    let printed =
        Printed { sql, tables: vec![table(vec![field("timestamp", ColumnKind::Timestamp)])], cohorts: Vec::new(), columns: Vec::new() };
    let selected = rig.engine().run(printed, TeamId(1), Budget::default(), None).await.unwrap();
    assert_eq!(crate::testing::texts(&selected.batches), [["90"]]);
    assert_eq!(selected.rows_read, 100);
}

struct People;

#[async_trait]
impl Dimensions for People {
    async fn version(&self, _: TeamId) -> anyhow::Result<u64> {
        Ok(1)
    }

    async fn persons(&self, team: TeamId) -> anyhow::Result<Vec<PersonRow>> {
        let properties = r#"{"email":"a@example.com","age":41}"#.to_owned();
        Ok(vec![PersonRow { id: row(team.0, 3, "e", "{}").person_id, created_at: Timestamp(0), properties, is_identified: true }])
    }

    async fn distinct_ids(&self, team: TeamId) -> anyhow::Result<Vec<DistinctIdRow>> {
        Ok(vec![DistinctIdRow { distinct_id: "user-3".to_owned(), person_id: row(team.0, 3, "e", "{}").person_id }])
    }

    async fn groups(&self, _: TeamId) -> anyhow::Result<Vec<GroupRow>> {
        let at = Timestamp(0);
        Ok(vec![GroupRow { index: 1, key: "acme".to_owned(), properties: r#"{"seats":7}"#.to_owned(), created_at: at, updated_at: at }])
    }
}

#[tokio::test]
async fn events_join_persons_and_groups_as_they_are_now() {
    let mut rig = Rig::new();
    rig.dimensions = Arc::new(People);
    rig.reopen();
    rig.append((0..14).map(|i| row(1, i, "e", r#"{"$group_1":"acme"}"#)).collect()).await;
    let person_property = ColumnSource::Property { of: PropertyOwner::Person, name: "email".to_owned() };
    let seats = ColumnSource::Property { of: PropertyOwner::Group, name: "seats".to_owned() };
    let named = |name: &str, source: ColumnSource, kind| ColumnUse { name: name.to_owned(), source, kind };
    let side = |name: &str, table, columns| TableUse { name: name.to_owned(), table, columns, time_range: None, events: None };
    let tables = vec![
        table(vec![field("person_id", ColumnKind::Uuid), field("$group_1", ColumnKind::Text)]),
        side("persons", Table::Persons, vec![field("id", ColumnKind::Uuid), named("email", person_property, ColumnKind::Text)]),
        side(
            "groups",
            Table::Groups,
            vec![field("key", ColumnKind::Text), field("index", ColumnKind::Int), named("seats", seats, ColumnKind::Number)],
        ),
    ];
    let sql = r#"SELECT email, seats, count(*) FROM events LEFT JOIN persons ON person_id = id
                 JOIN groups ON "$group_1" = key AND "index" = 1 GROUP BY email, seats ORDER BY email"#;
    assert_eq!(rig.run(1, sql, tables).await.unwrap(), [["a@example.com", "7.0", "2"], ["NULL", "7.0", "12"]]);
}

#[tokio::test]
async fn a_query_stops_at_its_deadline_its_memory_its_rows_and_when_it_is_cancelled() {
    let rig = Rig::new();
    rig.append((0..20_000).map(|i| row(1, i, "e", "{}")).collect()).await;
    let run = async |sql: &str, budget: Budget, cancel| {
        let printed = Printed {
            sql: sql.to_owned(),
            tables: vec![table(vec![field("uuid", ColumnKind::Uuid)])],
            cohorts: Vec::new(),
            columns: Vec::new(),
        };
        rig.engine().run(printed, TeamId(1), budget, cancel).await.unwrap_err()
    };
    let endless = "SELECT count(*) FROM events a, events b, events c WHERE a.uuid > b.uuid AND b.uuid > c.uuid";
    let short = Budget { deadline: Duration::from_millis(200), ..Budget::default() };
    assert!(matches!(run(endless, short, None).await, QueryError::Deadline(limit) if limit == short.deadline));
    let (cancel, cancelled) = tokio::sync::watch::channel(false);
    cancel.send(true).unwrap();
    assert!(matches!(run(endless, Budget::default(), Some(cancelled)).await, QueryError::Cancelled));
    let small = Budget { memory_bytes: 100_000, ..Budget::default() };
    assert!(matches!(run("SELECT uuid, count(*) FROM events GROUP BY uuid", small, None).await, QueryError::Memory(_)));
    let few = Budget { rows: 10, ..Budget::default() };
    assert!(matches!(run("SELECT uuid FROM events", few, None).await, QueryError::Invalid(_)));
}

#[tokio::test]
async fn nothing_but_selects_is_run() {
    let rig = Rig::new();
    for sql in [
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/hoglet-should-not-exist.csv'",
        "DROP TABLE events",
        "SET datafusion.execution.batch_size = 1",
        "SELECT * FROM '/etc/passwd'",
    ] {
        assert!(
            matches!(
                rig.run(1, sql, vec![table(vec![field("uuid", ColumnKind::Uuid)])]).await,
                Err(QueryError::Invalid(_) | QueryError::Failed(_))
            ),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn a_second_engine_on_the_same_folder_is_refused() {
    let rig = Rig::new();
    let clock = model::Clock::System;
    let config = crate::EngineConfig::new(rig.path().to_owned(), clock, Arc::new(events::NoDimensions));
    let error = crate::Engine::open(config).err().unwrap();
    assert!(error.to_string().contains("in use"), "{error:#}");
}

#[tokio::test]
async fn background_threads_seal_and_merge_while_rows_come_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut config =
        crate::EngineConfig::new(folder.path().to_owned(), model::Clock::Fixed(at("2025-07-01T00:00:00Z")), Arc::new(events::NoDimensions));
    config.memory_bytes = 200_000;
    let engine = crate::Engine::open(config).unwrap();
    for part in 0..60 {
        let rows = (0..500).map(|i| row(1, part * 500 + i, "e", r#"{"a":"text"}"#)).collect();
        engine.append(EventBatch { rows, position: Some(part as u64), ..EventBatch::default() }).await.unwrap();
    }
    engine.flush().await.unwrap();
    engine.compact().await.unwrap();
    let stats = engine.stats();
    assert_eq!(stats.rows, 30_000);
    assert!(stats.segments < 12, "{stats:?}");
    let printed = Printed {
        sql: "SELECT count(DISTINCT uuid) FROM events".to_owned(),
        tables: vec![table(vec![field("uuid", ColumnKind::Uuid)])],
        cohorts: Vec::new(),
        columns: Vec::new(),
    };
    let selected = engine.run(printed, TeamId(1), Budget::default(), None).await.unwrap();
    assert_eq!(crate::testing::texts(&selected.batches), [["30000"]]);
}
