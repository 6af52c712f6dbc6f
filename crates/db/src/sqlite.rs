//! Binding, reading and opening on SQLite.

use crate::positional::positional;
use crate::{Row, Value};
use anyhow::{Context, Result};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{Arguments, AssertSqlSafe, Column, ConnectOptions, Executor, Row as _, Sqlite, SqlitePool, TypeInfo, ValueRef};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const READERS: u32 = 4;

/// One writing connection, and readers that see the last commit.
#[derive(Clone)]
pub(crate) struct SqlitePools {
    pub writer: SqlitePool,
    pub readers: SqlitePool,
}

impl SqlitePools {
    pub async fn open(path: &Path, synchronous: SqliteSynchronous) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(30))
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-16000")
            // A burst of writing must not leave its log on disk for ever.
            .pragma("journal_size_limit", "67108864")
            .statement_cache_capacity(256)
            .disable_statement_logging();
        let pool = || SqlitePoolOptions::new().acquire_timeout(Duration::from_secs(60)).max_lifetime(None).idle_timeout(None);
        let writer = pool().max_connections(1).connect_with(options.clone()).await;
        let writer = writer.with_context(|| format!("opening the SQLite database {}", path.display()))?;
        let readers = pool().max_connections(READERS).connect_lazy_with(options);
        Ok(SqlitePools { writer, readers })
    }

    /// The pool that may run this statement: only plain reads go to the readers.
    pub fn for_statement(&self, sql: &str) -> &SqlitePool {
        match reads_only(sql) {
            true => &self.readers,
            false => &self.writer,
        }
    }
}

fn reads_only(sql: &str) -> bool {
    let first = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    if first.eq_ignore_ascii_case("select") || first.eq_ignore_ascii_case("values") {
        return true;
    }
    first.eq_ignore_ascii_case("with") && {
        let writes = ["insert", "update", "delete"];
        !sql.split(|c: char| !c.is_ascii_alphabetic()).any(|word| writes.iter().any(|write| word.eq_ignore_ascii_case(write)))
    }
}

fn arguments(values: &[Value]) -> Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        match value {
            Value::Null => arguments.add(None::<i64>),
            Value::Int(number) => arguments.add(*number),
            Value::Float(number) => arguments.add(*number),
            Value::Bool(flag) => arguments.add(*flag),
            Value::Text(text) => arguments.add(text.clone()),
            Value::Bytes(bytes) => arguments.add(bytes.clone()),
        }
        .map_err(|error| anyhow::anyhow!("binding {}: {error}", value.kind()))?;
    }
    Ok(arguments)
}

pub(crate) async fn fetch_all<'c>(on: impl Executor<'c, Database = Sqlite>, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
    let (sql, values) = positional(sql, values);
    let query = sqlx::query_with::<Sqlite, _>(AssertSqlSafe(sql.into_owned()), arguments(&values)?).persistent(is_reusable(&values));
    read_rows(query.fetch_all(on).await?)
}

pub(crate) async fn execute<'c>(on: impl Executor<'c, Database = Sqlite>, sql: &str, values: &[Value]) -> Result<u64> {
    let (sql, values) = positional(sql, values);
    let query = sqlx::query_with::<Sqlite, _>(AssertSqlSafe(sql.into_owned()), arguments(&values)?).persistent(is_reusable(&values));
    Ok(query.execute(on).await?.rows_affected())
}

/// Long lists differ in length from call to call; keeping each as a prepared statement would push out the useful ones.
fn is_reusable(values: &[Value]) -> bool {
    values.len() <= 256
}

fn read_rows(rows: Vec<SqliteRow>) -> Result<Vec<Row>> {
    let Some(first) = rows.first() else {
        return Ok(Vec::new());
    };
    let columns: Arc<[String]> = first.columns().iter().map(|column| column.name().to_owned()).collect();
    rows.iter()
        .map(|row| {
            let values = (0..columns.len()).map(|at| read_value(row, at)).collect::<Result<_>>()?;
            Ok(Row { columns: columns.clone(), values })
        })
        .collect()
}

fn read_value(row: &SqliteRow, at: usize) -> Result<Value> {
    let kind = {
        let raw = row.try_get_raw(at)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        raw.type_info().name().to_owned()
    };
    Ok(match kind.as_str() {
        "INTEGER" | "BOOLEAN" | "INT4" | "BIGINT" => Value::Int(row.try_get_unchecked(at)?),
        "REAL" | "NUMERIC" => Value::Float(row.try_get_unchecked(at)?),
        "BLOB" => Value::Bytes(row.try_get_unchecked(at)?),
        _ => Value::Text(row.try_get_unchecked(at)?),
    })
}

#[cfg(test)]
mod tests {
    use super::reads_only;

    #[test]
    fn only_plain_reads_leave_the_writer() {
        assert!(reads_only(" select 1"));
        assert!(reads_only("WITH x AS (SELECT 1) SELECT * FROM x"));
        assert!(!reads_only("WITH x AS (SELECT 1) INSERT INTO y SELECT * FROM x"));
        assert!(!reads_only("INSERT INTO y VALUES (1) RETURNING id"));
        assert!(!reads_only("UPDATE y SET a = 1 RETURNING a"));
    }
}
