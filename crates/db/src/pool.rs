use crate::sqlite::SqlitePools;
use crate::transaction::{Inner, statement};
use crate::{Row, Transaction, Value, postgres, sqlite};
use anyhow::{Context, Result, bail};
use sqlx::sqlite::SqliteSynchronous;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// Which database, and where. Parsed from `postgres://…`, `sqlite://path` or a plain path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbUrl {
    Sqlite(PathBuf),
    Postgres(String),
}

impl FromStr for DbUrl {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(DbUrl::Postgres(text.to_owned()));
        }
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")).unwrap_or(text);
        if path.is_empty() || path.contains("://") {
            bail!("the database URL must begin with postgres:// or sqlite://, or be the path of a SQLite file");
        }
        Ok(DbUrl::Sqlite(path.into()))
    }
}

/// The metadata database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pub(crate) pools: Pools,
    /// Removes a test's SQLite file after its last user.
    pub(crate) _temporary: Option<Arc<crate::testing::TemporaryFile>>,
}

#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite(SqlitePools),
    Postgres(sqlx::PgPool),
}

impl Db {
    pub async fn open(url: &DbUrl) -> Result<Db> {
        let pools = match url {
            DbUrl::Sqlite(path) => Pools::Sqlite(SqlitePools::open(path, SqliteSynchronous::Full).await?),
            DbUrl::Postgres(url) => Pools::Postgres(postgres::open(url, None).await?),
        };
        Ok(Db { pools, _temporary: None })
    }

    pub async fn fetch_all(&self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
        match &self.pools {
            Pools::Sqlite(pools) => sqlite::fetch_all(pools.for_statement(sql), sql, args).await,
            Pools::Postgres(pool) => postgres::fetch_all(pool, sql, args).await,
        }
        .with_context(|| statement(sql))
    }

    pub async fn fetch_optional(&self, sql: &str, args: &[Value]) -> Result<Option<Row>> {
        Ok(self.fetch_all(sql, args).await?.into_iter().next())
    }

    /// Fails when there is no row.
    pub async fn fetch_one(&self, sql: &str, args: &[Value]) -> Result<Row> {
        self.fetch_optional(sql, args).await?.with_context(|| format!("no row: {}", statement(sql)))
    }

    /// Rows changed.
    pub async fn execute(&self, sql: &str, args: &[Value]) -> Result<u64> {
        match &self.pools {
            Pools::Sqlite(pools) => sqlite::execute(&pools.writer, sql, args).await,
            Pools::Postgres(pool) => postgres::execute(pool, sql, args).await,
        }
        .with_context(|| statement(sql))
    }

    /// On SQLite the transaction is the only writer from here to its end, so keep it short and await nothing else inside.
    pub async fn begin(&self) -> Result<Transaction> {
        let inner = match &self.pools {
            Pools::Sqlite(pools) => Inner::Sqlite(pools.writer.begin_with("BEGIN IMMEDIATE").await.context("beginning a transaction")?),
            Pools::Postgres(pool) => Inner::Postgres(pool.begin().await.context("beginning a transaction")?),
        };
        Ok(Transaction { inner })
    }

    /// Answers when the database does.
    pub async fn ping(&self) -> Result<()> {
        self.fetch_one("SELECT 1 AS one", &[]).await.map(|_| ())
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.pools, Pools::Postgres(_))
    }

    /// Waits for running statements and closes every connection.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite(pools) => {
                pools.readers.close().await;
                pools.writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}
