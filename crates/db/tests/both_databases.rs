//! The same statements on SQLite and PostgreSQL.

use db::{Db, Migration, Value, args, is_unique_violation, placeholders};
use model::{TeamId, Timestamp};
use uuid::Uuid;

const FIRST: Migration = Migration {
    version: 1,
    name: "things",
    sql: "CREATE TABLE thing (id {{id}}, team_id BIGINT NOT NULL, uuid TEXT NOT NULL UNIQUE, name TEXT, score DOUBLE PRECISION,
              active BOOLEAN NOT NULL, data {{bytes}}, created_at BIGINT NOT NULL, properties TEXT NOT NULL);
          CREATE INDEX thing_team ON thing (team_id);",
};
const SECOND: Migration = Migration { version: 2, name: "notes", sql: "ALTER TABLE thing ADD COLUMN note TEXT" };
const ONE: &[Migration] = &[FIRST];
const BOTH: &[Migration] = &[FIRST, SECOND];

const INSERT: &str = "INSERT INTO thing (team_id, uuid, name, score, active, data, created_at, properties)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id";

async fn databases() -> Vec<(&'static str, Db)> {
    let databases = Db::test_databases().await;
    for (_, db) in &databases {
        db.migrate(&[("things", ONE)]).await.unwrap();
    }
    databases
}

fn thing(uuid: Uuid) -> Vec<Value> {
    args![TeamId(7), uuid, "n", 1.5, true, vec![0u8, 255], Timestamp(1_700_000_000_000_001), serde_json::json!({"a": [1, "x"]})].to_vec()
}

#[tokio::test]
async fn every_kind_of_value_survives_a_round_trip() {
    for (name, db) in databases().await {
        let uuid = Uuid::new_v4();
        let id: i64 = db.fetch_one(INSERT, &thing(uuid)).await.unwrap().get("id").unwrap();
        let row = db.fetch_one("SELECT * FROM thing WHERE id = $1", args![id]).await.unwrap();
        assert_eq!(row.get::<TeamId>("team_id").unwrap(), TeamId(7), "{name}");
        assert_eq!(row.get::<Uuid>("uuid").unwrap(), uuid);
        assert_eq!(row.get::<Option<String>>("name").unwrap().as_deref(), Some("n"));
        assert_eq!(row.get::<f64>("score").unwrap(), 1.5);
        assert!(row.get::<bool>("active").unwrap());
        assert_eq!(row.get::<Vec<u8>>("data").unwrap(), [0, 255]);
        assert_eq!(row.get::<Timestamp>("created_at").unwrap(), Timestamp(1_700_000_000_000_001));
        assert_eq!(row.get::<serde_json::Value>("properties").unwrap(), serde_json::json!({"a": [1, "x"]}));
        assert!(row.get::<i64>("name").unwrap_err().to_string().contains("name"));
        assert!(row.get::<i64>("nothing").is_err());
    }
}

#[tokio::test]
async fn the_same_statement_takes_other_types_and_nulls() {
    for (name, db) in databases().await {
        for score in [Value::Float(2.5), Value::Int(3), Value::Null, Value::Float(4.5)] {
            let mut values = thing(Uuid::new_v4());
            values[3] = score;
            values[2] = Value::Null;
            db.fetch_one(INSERT, &values).await.unwrap();
        }
        let rows = db.fetch_all("SELECT score, name FROM thing ORDER BY id", &[]).await.unwrap();
        let scores: Vec<Option<f64>> = rows.iter().map(|row| row.get("score").unwrap()).collect();
        assert_eq!(scores, [Some(2.5), Some(3.0), None, Some(4.5)], "{name}");
        assert_eq!(rows[0].get::<Option<String>>("name").unwrap(), None);
    }
}

#[tokio::test]
async fn sums_and_counts_are_integers() {
    for (name, db) in databases().await {
        for created_at in [1_i64, 123_456_789_012, -5] {
            let mut values = thing(Uuid::new_v4());
            values[6] = created_at.into();
            db.fetch_one(INSERT, &values).await.unwrap();
        }
        let row = db.fetch_one("SELECT COUNT(*) AS n, SUM(created_at) AS total, AVG(score) AS mean FROM thing", &[]).await.unwrap();
        assert_eq!(row.get::<i64>("n").unwrap(), 3, "{name}");
        assert_eq!(row.get::<i64>("total").unwrap(), 123_456_789_008);
        assert_eq!(row.get::<f64>("mean").unwrap(), 1.5);
        let negative = db.fetch_one("SELECT SUM(created_at) AS total FROM thing WHERE created_at < 0", &[]).await.unwrap();
        assert_eq!(negative.get::<i64>("total").unwrap(), -5);
    }
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing() {
    for (name, db) in databases().await {
        {
            let mut transaction = db.begin().await.unwrap();
            transaction.fetch_one(INSERT, &thing(Uuid::new_v4())).await.unwrap();
        }
        assert!(db.fetch_all("SELECT id FROM thing", &[]).await.unwrap().is_empty(), "{name}");
        let mut transaction = db.begin().await.unwrap();
        transaction.fetch_one(INSERT, &thing(Uuid::new_v4())).await.unwrap();
        assert!(db.fetch_all("SELECT id FROM thing", &[]).await.unwrap().is_empty(), "{name}: readers must not see open work");
        transaction.commit().await.unwrap();
        assert_eq!(db.fetch_all("SELECT id FROM thing", &[]).await.unwrap().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn concurrent_writers_wait_for_each_other() {
    for (name, db) in databases().await {
        let id: i64 = db.fetch_one(INSERT, &thing(Uuid::new_v4())).await.unwrap().get("id").unwrap();
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move {
                    let mut transaction = db.begin().await.unwrap();
                    transaction.execute("UPDATE thing SET created_at = created_at + 1 WHERE id = $1", args![id]).await.unwrap();
                    transaction.commit().await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let row = db.fetch_one("SELECT created_at FROM thing WHERE id = $1", args![id]).await.unwrap();
        assert_eq!(row.get::<i64>("created_at").unwrap(), 1_700_000_000_000_001 + 16, "{name}");
    }
}

#[tokio::test]
async fn thousands_of_rows_are_upserted_in_one_transaction() {
    for (name, db) in databases().await {
        let ids: Vec<Uuid> = (0..5_000).map(|_| Uuid::new_v4()).collect();
        let head = "INSERT INTO thing (team_id, uuid, name, score, active, data, created_at, properties) VALUES";
        let tail = "ON CONFLICT (uuid) DO UPDATE SET created_at = thing.created_at + 1";
        for _ in 0..2 {
            let mut transaction = db.begin().await.unwrap();
            let rows = ids.iter().map(|&id| thing(id)).collect();
            assert_eq!(transaction.insert_many(head, tail, rows).await.unwrap(), 5_000, "{name}");
            transaction.commit().await.unwrap();
        }
        let row = db.fetch_one("SELECT COUNT(*) AS n, MIN(created_at) AS first FROM thing", &[]).await.unwrap();
        assert_eq!((row.get::<i64>("n").unwrap(), row.get::<i64>("first").unwrap()), (5_000, 1_700_000_000_000_002), "{name}");

        let mut transaction = db.begin().await.unwrap();
        let rows = ids.iter().take(10).map(|&id| args![id, "renamed"].to_vec()).collect();
        assert_eq!(transaction.execute_many("UPDATE thing SET name = $2 WHERE uuid = $1", rows).await.unwrap(), 10);
        transaction.commit().await.unwrap();

        let wanted: Vec<Value> = ids.iter().take(3_000).map(|&id| id.into()).collect();
        let list = db::parameter_list(1, wanted.len());
        let found = db.fetch_all(&format!("SELECT uuid FROM thing WHERE uuid IN ({list})"), &wanted).await.unwrap();
        assert_eq!(found.len(), 3_000, "{name}");
    }
}

#[tokio::test]
async fn a_second_row_with_the_same_key_is_a_unique_violation() {
    for (name, db) in databases().await {
        let uuid = Uuid::new_v4();
        db.fetch_one(INSERT, &thing(uuid)).await.unwrap();
        let error = db.fetch_one(INSERT, &thing(uuid)).await.unwrap_err();
        assert!(is_unique_violation(&error), "{name}: {error:#}");
    }
}

#[tokio::test]
async fn nul_characters_become_replacement_characters() {
    for (name, db) in databases().await {
        let mut values = thing(Uuid::new_v4());
        values[2] = "a\0b".into();
        db.fetch_one(INSERT, &values).await.unwrap();
        let row = db.fetch_one("SELECT name FROM thing", &[]).await.unwrap();
        assert_eq!(row.get::<String>("name").unwrap(), "a\u{fffd}b", "{name}");
    }
}

#[tokio::test]
async fn migrations_run_once_and_a_newer_schema_is_refused() {
    for (name, db) in databases().await {
        assert!(!db.is_migrated(&[("things", BOTH)]).await.unwrap(), "{name}");
        db.migrate(&[("things", BOTH)]).await.unwrap();
        db.migrate(&[("things", BOTH)]).await.unwrap();
        assert!(db.is_migrated(&[("things", BOTH)]).await.unwrap(), "{name}");
        let error = db.migrate(&[("things", ONE)]).await.unwrap_err().to_string();
        assert!(error.contains("newer Hoglet") && error.contains("version 2"), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_failing_migration_changes_nothing() {
    const BROKEN: &[Migration] = &[
        Migration { version: 1, name: "good", sql: "CREATE TABLE half (id {{id}})" },
        Migration { version: 2, name: "bad", sql: "CREATE TABLE other (id {{id}}); CREATE NONSENSE" },
    ];
    for (name, db) in databases().await {
        let error = format!("{:#}", db.migrate(&[("broken", BROKEN)]).await.unwrap_err());
        assert!(error.contains("migrating broken to version 2 (bad)"), "{name}: {error}");
        assert!(db.fetch_all("SELECT id FROM half", &[]).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let path = std::env::temp_dir().join(format!("hoglet-reopen-{}.sqlite", Uuid::new_v4().simple()));
    let url: db::DbUrl = format!("sqlite://{}", path.display()).parse().unwrap();
    let db = Db::open(&url).await.unwrap();
    db.migrate(&[("things", ONE)]).await.unwrap();
    db.fetch_one(INSERT, &thing(Uuid::new_v4())).await.unwrap();
    db.close().await;
    let db = Db::open(&url).await.unwrap();
    db.ping().await.unwrap();
    assert_eq!(db.fetch_all("SELECT id FROM thing", &[]).await.unwrap().len(), 1);
    db.close().await;
    std::fs::remove_file(path).unwrap();
}

#[test]
fn placeholders_count_on_through_rows() {
    assert_eq!(placeholders(2, 3), "($1,$2,$3),($4,$5,$6)");
    assert_eq!(db::placeholders_from(5, 1, 2), "($5,$6)");
}

#[test]
fn a_foreign_database_url_is_refused() {
    assert!("mysql://x".parse::<db::DbUrl>().is_err());
    assert_eq!("data/hoglet.db".parse::<db::DbUrl>().unwrap(), db::DbUrl::Sqlite("data/hoglet.db".into()));
}
