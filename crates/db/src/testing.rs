//! Databases for the tests of every crate that stores something.

use crate::pool::Pools;
use crate::sqlite::SqlitePools;
use crate::{Db, postgres};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteSynchronous;
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;

/// A SQLite file and its side files, deleted on drop.
pub(crate) struct TemporaryFile(PathBuf);

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut path = self.0.clone().into_os_string();
            path.push(suffix);
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Db {
    /// An empty SQLite database that nobody else sees and that leaves nothing behind. For tests: it does not wait for the disk.
    /// A file all the same, so that readers and the writer are separate connections as in a real server.
    pub async fn in_memory() -> Db {
        let path = std::env::temp_dir().join(format!("hoglet-test-{}.sqlite", Uuid::new_v4().simple()));
        let pools = SqlitePools::open(&path, SqliteSynchronous::Off).await.expect("the temporary directory can be written");
        Db { pools: Pools::Sqlite(pools), _temporary: Some(Arc::new(TemporaryFile(path))) }
    }

    /// Every database that a store must work on, empty: SQLite, and PostgreSQL (a fresh schema) when
    /// `HOGLET_TEST_POSTGRES` holds the URL of a server.
    pub async fn test_databases() -> Vec<(&'static str, Db)> {
        let mut databases = vec![("sqlite", Db::in_memory().await)];
        if let Ok(url) = std::env::var("HOGLET_TEST_POSTGRES") {
            databases.push(("postgres", fresh_schema(&url).await));
        }
        databases
    }
}

async fn fresh_schema(url: &str) -> Db {
    let schema = format!("test_{}", Uuid::new_v4().simple());
    let pool = postgres::open(url, Some(&schema)).await.expect("HOGLET_TEST_POSTGRES names a running server");
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&pool).await.expect("the test user may create schemas");
    Db { pools: Pools::Postgres(pool), _temporary: None }
}
