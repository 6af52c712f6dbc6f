use crate::columns::MAX_PROPERTY_COLUMNS;
use crate::testing::{Rig, all_properties, at, field, property, row};
use events::EventStore;
use model::{Properties, PropertyValue, Timestamp};
use query::{ColumnKind, PropertyOwner};
use std::sync::Arc;

#[tokio::test]
async fn absurd_timestamps_share_one_segment_and_keep_their_values() {
    let mut rig = Rig::new();
    let times = [i64::MIN, i64::MIN + 1, -62_135_596_800_000_000, -1, 0, 1, 253_402_300_799_000_000, i64::MAX - 1, i64::MAX];
    let rows = times.iter().enumerate().map(|(i, time)| {
        let mut row = row(1, i as i64, "e", "{}");
        row.timestamp = Timestamp(*time);
        row
    });
    rig.append(rows.clone().collect()).await;
    let columns = [field("timestamp", ColumnKind::Timestamp)];
    let expected: Vec<Vec<String>> = times.iter().map(|time| vec![time.to_string()]).collect();
    let sql = "SELECT CAST(timestamp AS BIGINT) AS micros FROM events ORDER BY micros";
    assert_eq!(rig.sql(1, sql, &columns).await, expected);
    rig.engine().flush().await.unwrap();
    rig.reopen();
    assert_eq!(rig.engine().stats().segments, 1);
    assert_eq!(rig.sql(1, sql, &columns).await, expected);
    rig.append(rows.collect()).await;
    assert_eq!(rig.count(1).await, times.len(), "they are recognised when they come again");
}

#[tokio::test]
async fn events_spread_over_a_thousand_weeks_make_few_files_and_are_still_recognised() {
    let mut rig = Rig::new();
    let rows: Vec<_> = (0..1_000)
        .map(|i| {
            let mut row = row(1, i, "e", "{}");
            row.timestamp = at("2001-01-01T00:00:00Z").plus_seconds(i * 7 * 86_400);
            row
        })
        .collect();
    for _ in 0..2 {
        rig.append(rows.clone()).await;
        rig.engine().flush().await.unwrap();
        rig.reopen();
    }
    assert_eq!(rig.count(1).await, 1_000);
    assert!(rig.engine().stats().segments <= 33, "{:?}", rig.engine().stats());
}

#[tokio::test]
async fn a_flood_of_property_names_neither_widens_the_schema_nor_loses_a_value() {
    let rig = Rig::new();
    let rows: Vec<_> = (0..40)
        .map(|i| {
            let mut row = row(1, i, "e", "{}");
            let mut properties = Properties::new();
            for name in 0..500 {
                properties.push_new(Arc::from(format!("name-{i}-{name}")), PropertyValue::Int(name));
            }
            properties.push_new(Arc::from("n".repeat(100_000)), PropertyValue::string("long name"));
            properties.push_new(Arc::from("common"), PropertyValue::Int(i));
            row.properties = properties;
            row
        })
        .collect();
    rig.append(rows).await;
    let columns = [
        property("common", ColumnKind::Number),
        property("name-7-499", ColumnKind::Number),
        property("name-39-3", ColumnKind::Text),
        all_properties(PropertyOwner::Event),
    ];
    let sql = r#"SELECT sum("properties.common"), sum("properties.name-7-499"), max("properties.name-39-3"), sum(character_length(properties)) FROM events"#;
    let before = rig.sql(1, sql, &columns).await;
    assert_eq!(before[0][..3], ["780.0", "499.0", "3"]);
    for i in 0..4 {
        rig.engine().flush().await.unwrap();
        rig.append(vec![row(2, i, "e", "{}")]).await;
    }
    assert_eq!(rig.sql(1, sql, &columns).await, before);
    let parquet = rig.files().into_iter().find(|name| name.contains("team=1/") && name.ends_with(".parquet")).unwrap();
    let file = std::fs::File::open(rig.path().join(parquet)).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    assert!(reader.schema().fields().len() <= MAX_PROPERTY_COLUMNS + 20, "{} columns", reader.schema().fields().len());
}

#[tokio::test]
async fn rows_of_megabytes_pass_through_memory_segments_and_merges() {
    let rig = Rig::new();
    for part in 0..4 {
        let rows = (0..5)
            .map(|i| row(1, part * 5 + i, "e", &format!(r#"{{"blob":"{}","list":["{}"]}}"#, "x".repeat(2_000_000), "y".repeat(1_000_000))));
        rig.append(rows.collect()).await;
        rig.engine().flush().await.unwrap();
    }
    rig.engine().compact().await.unwrap();
    assert_eq!(rig.engine().stats().segments, 1);
    let columns = [property("blob", ColumnKind::Text), property("list", ColumnKind::Text)];
    let sql = r#"SELECT sum(character_length("properties.blob")), sum(character_length("properties.list")) FROM events"#;
    assert_eq!(rig.sql(1, sql, &columns).await, [["40000000", "20000080"]]);
}

#[tokio::test]
async fn names_with_quotes_nul_and_other_scripts_are_ordinary() {
    let rig = Rig::new();
    let names = ["a\"b", "a'b", "nul\0", "ключ", "", " ", "properties.rest", "string.x", "$$", "a\\b", "\u{202e}rtl"];
    let mut properties = Properties::new();
    for (i, name) in names.iter().enumerate() {
        properties.set(*name, i64_value(i));
    }
    let mut one = row(1, 1, "e\"v'\0", "{}");
    one.properties = properties;
    one.distinct_id = "id\0'\"".into();
    rig.append(vec![one.clone()]).await;
    rig.engine().flush().await.unwrap();
    for (i, name) in names.iter().enumerate() {
        let mut column = property(name, ColumnKind::Number);
        column.name = "wanted".to_owned();
        assert_eq!(rig.sql(1, "SELECT wanted FROM events", &[column]).await, [[format!("{i}.0")]], "{name:?}");
    }
    let columns = [field("event", ColumnKind::Text), field("distinct_id", ColumnKind::Text)];
    assert_eq!(rig.sql(1, "SELECT event, distinct_id FROM events", &columns).await, [[one.event.to_string(), one.distinct_id.to_string()]]);
}

fn i64_value(i: usize) -> PropertyValue {
    PropertyValue::Int(i as i64)
}

#[tokio::test]
async fn hundreds_of_segments_are_read_with_few_open_files() {
    let rig = Rig::new();
    let teams = 300;
    rig.append((0..teams).map(|team| row(team, 1, "e", "{}")).collect()).await;
    rig.engine().flush().await.unwrap();
    for team in 0..teams {
        assert_eq!(rig.count(team).await, 1);
    }
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let open = open.filter(|path| path.starts_with(rig.path())).count();
    assert!(open < 290, "{open} files are open for {teams} segments");
}

#[tokio::test]
async fn an_object_that_names_a_property_twice_stops_nothing() {
    let rig = Rig::new();
    let mut one = row(1, 1, "e", "{}");
    for value in 0..3 {
        one.properties.push_new(Arc::from("same"), PropertyValue::Int(value));
    }
    rig.append(vec![one, row(1, 2, "e", r#"{"same":9}"#)]).await;
    for _ in 0..2 {
        assert_eq!(rig.sql(1, r#"SELECT sum("properties.same") FROM events"#, &[property("same", ColumnKind::Number)]).await, [["9.0"]]);
        rig.engine().flush().await.unwrap();
    }
}
