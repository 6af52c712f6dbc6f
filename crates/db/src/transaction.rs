use crate::{MAX_PARAMETERS, Row, Value, placeholders, postgres, sqlite};
use anyhow::{Context, Result, ensure};

/// Rolled back unless committed.
pub struct Transaction {
    pub(crate) inner: Inner,
}

pub(crate) enum Inner {
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl Transaction {
    pub async fn fetch_all(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
        match &mut self.inner {
            Inner::Sqlite(transaction) => sqlite::fetch_all(&mut **transaction, sql, args).await,
            Inner::Postgres(transaction) => postgres::fetch_all(&mut **transaction, sql, args).await,
        }
        .with_context(|| statement(sql))
    }

    pub async fn fetch_optional(&mut self, sql: &str, args: &[Value]) -> Result<Option<Row>> {
        Ok(self.fetch_all(sql, args).await?.into_iter().next())
    }

    pub async fn fetch_one(&mut self, sql: &str, args: &[Value]) -> Result<Row> {
        self.fetch_optional(sql, args).await?.with_context(|| format!("no row: {}", statement(sql)))
    }

    /// Rows changed.
    pub async fn execute(&mut self, sql: &str, args: &[Value]) -> Result<u64> {
        match &mut self.inner {
            Inner::Sqlite(transaction) => sqlite::execute(&mut **transaction, sql, args).await,
            Inner::Postgres(transaction) => postgres::execute(&mut **transaction, sql, args).await,
        }
        .with_context(|| statement(sql))
    }

    /// One statement, prepared once, for each of `rows`. Rows changed in all.
    /// One round trip per row: for inserts, [`insert_many`](Self::insert_many) is much faster.
    pub async fn execute_many(&mut self, sql: &str, rows: Vec<Vec<Value>>) -> Result<u64> {
        let mut changed = 0;
        for row in rows {
            changed += self.execute(sql, &row).await?;
        }
        Ok(changed)
    }

    /// `{head} ($1,$2),($3,$4)… {tail}` in as few statements as the parameter limit allows, e.g. with head
    /// `INSERT INTO person (team_id, uuid) VALUES` and tail `ON CONFLICT DO NOTHING`. Rows changed in all.
    ///
    /// With `ON CONFLICT … DO UPDATE`, no key may appear in two of the rows: PostgreSQL refuses that.
    pub async fn insert_many(&mut self, head: &str, tail: &str, rows: Vec<Vec<Value>>) -> Result<u64> {
        let Some(columns) = rows.first().map(Vec::len) else {
            return Ok(0);
        };
        ensure!(columns > 0 && rows.iter().all(|row| row.len() == columns), "rows of different lengths for {head:?}");
        let per_statement = (MAX_PARAMETERS / columns).clamp(1, 1_000);
        let mut changed = 0;
        let mut args = Vec::with_capacity(per_statement.min(rows.len()) * columns);
        let mut pending = 0;
        let total = rows.len();
        for (at, row) in rows.into_iter().enumerate() {
            args.extend(row);
            pending += 1;
            if pending == per_statement || at + 1 == total {
                let sql = format!("{head} {} {tail}", placeholders(pending, columns));
                changed += self.execute(&sql, &args).await?;
                args.clear();
                pending = 0;
            }
        }
        Ok(changed)
    }

    pub async fn commit(self) -> Result<()> {
        match self.inner {
            Inner::Sqlite(transaction) => transaction.commit().await,
            Inner::Postgres(transaction) => transaction.commit().await,
        }
        .context("committing")
    }

    pub async fn rollback(self) -> Result<()> {
        match self.inner {
            Inner::Sqlite(transaction) => transaction.rollback().await,
            Inner::Postgres(transaction) => transaction.rollback().await,
        }
        .context("rolling back")
    }
}

/// The beginning of a statement, for error messages. Parameters are never part of it.
pub(crate) fn statement(sql: &str) -> String {
    let mut text: String = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.len() > 200 {
        let cut = (0..=200).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(cut);
        text.push('…');
    }
    format!("running {text:?}")
}
