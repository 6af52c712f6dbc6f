//! Metadata storage: one portable SQL text over SQLite or PostgreSQL.
//!
//! Invariants:
//! - Statements are written once, with `$1` parameters, in the subset both databases share.
//! - SQLite has exactly one writing connection; a transaction holds it from its first statement (`BEGIN IMMEDIATE`), so two
//!   writers queue up instead of failing. Readers use their own pool and never wait for it.
//! - What a commit has confirmed survives a power cut (`synchronous=FULL`; PostgreSQL's default).
//! - Nothing outside this crate names sqlx.
//!
//! Start at [`Db`]; values in and out are [`Value`] and [`Row`].

mod migrate;
mod pool;
mod positional;
mod postgres;
mod row;
mod sqlite;
mod testing;
mod transaction;
mod value;

pub use migrate::Migration;
pub use pool::{Db, DbUrl};
pub use row::Row;
pub use transaction::Transaction;
pub use value::{FromValue, Value};

/// Builds the `&[Value]` that statements take: `db.execute("… $1 … $2", args![team, name])`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        &[$($crate::Value::from($value)),*] as &[$crate::Value]
    };
}

/// SQLite refuses statements with more parameters than this; PostgreSQL allows twice as many.
pub const MAX_PARAMETERS: usize = 32_000;

/// `($1,$2),($3,$4)` for `rows` rows of `columns` columns, for multi-row inserts and `VALUES` lists.
pub fn placeholders(rows: usize, columns: usize) -> String {
    placeholders_from(1, rows, columns)
}

/// Like [`placeholders`], with the first parameter numbered `first`.
pub fn placeholders_from(first: usize, rows: usize, columns: usize) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(rows * columns * 7);
    let mut number = first;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            let _ = write!(text, "{}${number}", if column == 0 { "" } else { "," });
            number += 1;
        }
        text.push(')');
    }
    text
}

/// `$first,$first+1,…` for `IN (…)` with `count` values. `IN ()` is not SQL: callers skip empty lists.
pub fn parameter_list(first: usize, count: usize) -> String {
    let numbers: Vec<String> = (first..first + count).map(|number| format!("${number}")).collect();
    numbers.join(",")
}

/// True when a statement failed because a row with the same unique key exists.
pub fn is_unique_violation(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| match cause.downcast_ref::<sqlx::Error>() {
        Some(sqlx::Error::Database(database)) => database.is_unique_violation(),
        _ => false,
    })
}

/// True when the database had no room to write.
pub fn is_disk_full(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| match cause.downcast_ref::<sqlx::Error>() {
        // SQLITE_FULL, and PostgreSQL's disk_full.
        Some(sqlx::Error::Database(database)) => matches!(database.code().as_deref(), Some("13" | "53100")),
        _ => false,
    })
}
