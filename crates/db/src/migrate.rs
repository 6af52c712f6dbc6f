use crate::pool::Pools;
use crate::transaction::Inner;
use crate::{Db, Transaction, args};
use anyhow::{Context, Result, bail};
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;

/// One step of a crate's schema. Versions are unique within the crate, ascending, and never change once released.
pub struct Migration {
    pub version: i64,
    pub name: &'static str,
    /// One or more statements in portable SQL. `{{id}}` is an auto-increment primary key type, `{{bytes}}` a binary type.
    pub sql: &'static str,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    set_name TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (set_name, version))";

impl Db {
    /// Brings the schema of every set up to date, all or nothing. Several processes may call it at once.
    /// Fails, changing nothing, when a set was migrated further by a newer build.
    pub async fn migrate(&self, sets: &[(&'static str, &'static [Migration])]) -> Result<()> {
        let mut transaction = self.begin().await?;
        if self.is_postgres() {
            transaction.execute("SELECT pg_advisory_xact_lock(7136084211)", &[]).await?;
        }
        transaction.execute(TABLE, &[]).await?;
        for (set, migrations) in sets {
            let applied = applied(&mut transaction, set).await?;
            refuse_future(set, migrations, &applied)?;
            for migration in migrations.iter().filter(|migration| !applied.contains(&migration.version)) {
                let sql = self.dialect(migration.sql);
                transaction
                    .run_script(&sql)
                    .await
                    .with_context(|| format!("migrating {set} to version {} ({})", migration.version, migration.name))?;
                let record = "INSERT INTO schema_migration (set_name, version, name) VALUES ($1, $2, $3)";
                transaction.execute(record, args![*set, migration.version, migration.name]).await?;
            }
        }
        transaction.commit().await
    }

    /// True when [`migrate`](Self::migrate) would change nothing.
    pub async fn is_migrated(&self, sets: &[(&'static str, &'static [Migration])]) -> Result<bool> {
        for (set, migrations) in sets {
            let rows = self.fetch_all("SELECT version FROM schema_migration WHERE set_name = $1", args![*set]).await?;
            let applied = rows.iter().map(|row| row.get("version")).collect::<Result<BTreeSet<i64>>>()?;
            if migrations.iter().any(|migration| !applied.contains(&migration.version)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn dialect(&self, sql: &str) -> String {
        let (id, bytes) = match self.pools {
            Pools::Sqlite(_) => ("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB"),
            Pools::Postgres(_) => ("BIGSERIAL PRIMARY KEY", "BYTEA"),
        };
        sql.replace("{{id}}", id).replace("{{bytes}}", bytes)
    }
}

impl Transaction {
    async fn run_script(&mut self, sql: &str) -> Result<()> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match &mut self.inner {
            Inner::Sqlite(transaction) => script.execute(&mut **transaction).await.map(|_| ())?,
            Inner::Postgres(transaction) => script.execute(&mut **transaction).await.map(|_| ())?,
        }
        Ok(())
    }
}

async fn applied(transaction: &mut Transaction, set: &str) -> Result<BTreeSet<i64>> {
    let rows = transaction.fetch_all("SELECT version FROM schema_migration WHERE set_name = $1", args![set]).await?;
    rows.iter().map(|row| row.get("version")).collect()
}

fn refuse_future(set: &str, migrations: &[Migration], applied: &BTreeSet<i64>) -> Result<()> {
    let known: BTreeSet<i64> = migrations.iter().map(|migration| migration.version).collect();
    if known.len() != migrations.len() {
        bail!("two migrations of {set} have the same version");
    }
    if let Some(future) = applied.difference(&known).last() {
        let newest = known.last().copied().unwrap_or(0);
        bail!(
            "the database was migrated by a newer Hoglet: {set} is at version {future}, this build knows up to {newest}. \
             Start the newer build, or restore a backup from before the upgrade"
        );
    }
    Ok(())
}
