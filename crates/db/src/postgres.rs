//! Binding, reading and opening on PostgreSQL.

use crate::{Row, Value};
use anyhow::{Context, Result, bail};
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgConnectOptions, PgPoolOptions, PgRow, PgTypeInfo, PgValueFormat};
use sqlx::{Arguments, AssertSqlSafe, Column, ConnectOptions, Executor, PgPool, Postgres, Row as _, Type, TypeInfo, ValueRef};
use std::sync::Arc;
use std::time::Duration;

const CONNECTIONS: u32 = 16;

pub(crate) async fn open(url: &str, schema: Option<&str>) -> Result<PgPool> {
    let options: PgConnectOptions = url.parse().context("reading the PostgreSQL URL")?;
    // The driver would log slow statements whole, thousands of placeholders and all.
    let mut options = options.disable_statement_logging();
    let mut connections = CONNECTIONS;
    if let Some(schema) = schema {
        // Only tests use schemas; many of them share one server.
        options = options.options([("search_path", schema)]);
        connections = 4;
    }
    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(30));
    let host = options.get_host().to_owned();
    pool.connect_with(options).await.with_context(|| format!("connecting to PostgreSQL at {host}"))
}

struct Argument<'a>(&'a Value);

impl Type<Postgres> for Argument<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Argument<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Int(number) => buffer.extend_from_slice(&number.to_be_bytes()),
            Value::Float(number) => buffer.extend_from_slice(&number.to_be_bytes()),
            Value::Bool(flag) => buffer.push(u8::from(*flag)),
            Value::Text(text) => buffer.extend_from_slice(text.as_bytes()),
            Value::Bytes(bytes) => buffer.extend_from_slice(bytes),
        }
        Ok(IsNull::No)
    }

    /// Type 0 lets the server infer what a NULL is.
    fn produces(&self) -> Option<PgTypeInfo> {
        let oid = match self.0 {
            Value::Null => 0,
            Value::Int(_) => 20,
            Value::Float(_) => 701,
            Value::Bool(_) => 16,
            Value::Text(_) => 25,
            Value::Bytes(_) => 17,
        };
        Some(PgTypeInfo::with_oid(Oid(oid)))
    }
}

fn arguments(values: &[Value]) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), values.len() * 16);
    for value in values {
        arguments.add(Argument(value)).map_err(|error| anyhow::anyhow!("binding {}: {error}", value.kind()))?;
    }
    Ok(arguments)
}

/// The driver keeps prepared statements by their text alone, but a statement prepared for one set of parameter types must not
/// be run with another. So the types become part of the text; long lists are not kept at all.
fn keyed(sql: &str, values: &[Value]) -> (String, bool) {
    if values.len() > 64 {
        return (sql.to_owned(), false);
    }
    let mut text = String::with_capacity(sql.len() + values.len() + 6);
    text.push_str(sql);
    text.push_str(" /*");
    text.extend(values.iter().map(|value| match value {
        Value::Null => 'n',
        Value::Int(_) => 'i',
        Value::Float(_) => 'f',
        Value::Bool(_) => 'b',
        Value::Text(_) => 't',
        Value::Bytes(_) => 'y',
    }));
    text.push_str("*/");
    (text, true)
}

pub(crate) async fn fetch_all<'c>(on: impl Executor<'c, Database = Postgres>, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
    let (text, keep) = keyed(sql, values);
    let query = sqlx::query_with::<Postgres, _>(AssertSqlSafe(text), arguments(values)?).persistent(keep);
    read_rows(query.fetch_all(on).await?)
}

pub(crate) async fn execute<'c>(on: impl Executor<'c, Database = Postgres>, sql: &str, values: &[Value]) -> Result<u64> {
    let (text, keep) = keyed(sql, values);
    let query = sqlx::query_with::<Postgres, _>(AssertSqlSafe(text), arguments(values)?).persistent(keep);
    Ok(query.execute(on).await?.rows_affected())
}

fn read_rows(rows: Vec<PgRow>) -> Result<Vec<Row>> {
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

fn read_value(row: &PgRow, at: usize) -> Result<Value> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info().name().to_owned();
    if kind == "NUMERIC" {
        let binary = raw.format() == PgValueFormat::Binary;
        let bytes = raw.as_bytes().map_err(|error| anyhow::anyhow!(error))?;
        return match binary {
            true => read_numeric(bytes),
            false => Ok(Value::Float(std::str::from_utf8(bytes)?.parse()?)),
        };
    }
    Ok(match kind.as_str() {
        "BOOL" => Value::Bool(row.try_get_unchecked(at)?),
        "INT8" => Value::Int(row.try_get_unchecked(at)?),
        "INT4" => Value::Int(i64::from(row.try_get_unchecked::<i32, _>(at)?)),
        "INT2" => Value::Int(i64::from(row.try_get_unchecked::<i16, _>(at)?)),
        "FLOAT8" => Value::Float(row.try_get_unchecked(at)?),
        "FLOAT4" => Value::Float(f64::from(row.try_get_unchecked::<f32, _>(at)?)),
        "BYTEA" => Value::Bytes(row.try_get_unchecked(at)?),
        "TEXT" | "VARCHAR" | "BPCHAR" | "NAME" | "UNKNOWN" | "\"CHAR\"" => Value::Text(row.try_get_unchecked(at)?),
        "VOID" => Value::Null,
        other => bail!("column of PostgreSQL type {other}, which portable statements do not use; cast it"),
    })
}

/// `SUM` of BIGINT is NUMERIC: header of four 16-bit numbers, then digits in base 10 000.
fn read_numeric(bytes: &[u8]) -> Result<Value> {
    let word = |at: usize| -> Result<i16> {
        let pair = bytes.get(at * 2..at * 2 + 2).context("NUMERIC ends early")?;
        Ok(i16::from_be_bytes([pair[0], pair[1]]))
    };
    let (count, weight, sign) = (word(0)?, word(1)?, word(2)? as u16);
    let mut number = 0f64;
    let mut integer: Option<i64> = (weight + 1 >= count).then_some(0);
    for at in 0..count {
        let digit = word(4 + at as usize)?;
        number += f64::from(digit) * 10_000f64.powi(i32::from(weight - at));
        integer = integer.and_then(|sum| sum.checked_mul(10_000)?.checked_add(i64::from(digit)));
    }
    for _ in count..=weight {
        integer = integer.and_then(|sum| sum.checked_mul(10_000));
    }
    let negative = sign == 0x4000;
    Ok(match (sign, integer) {
        (0xC000, _) => Value::Float(f64::NAN),
        (_, Some(integer)) => Value::Int(if negative { -integer } else { integer }),
        (_, None) => Value::Float(if negative { -number } else { number }),
    })
}
