//! One question to the event store.

use crate::SurveysState;
use anyhow::Context;
use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use events::{Budget, QueryError, Select};
use model::TeamId;
use query::ast::{self, Expr};
use query::{Context as QueryContext, LimitRule};
use std::collections::HashMap;
use std::time::Duration;
use web::{ApiError, ApiResult};

const DEADLINE: Duration = Duration::from_secs(30);
const MEMORY_BYTES: usize = 256 << 20;
const MAX_ROWS: usize = 100_000;

/// Rows of texts. `hogql` is one of this crate's own and makes texts of all its columns; what comes from outside goes in through
/// its placeholders.
pub async fn rows(state: &SurveysState, team: TeamId, hogql: &str, values: Vec<(String, Expr)>) -> ApiResult<Vec<Vec<Option<String>>>> {
    let mut query = query::parse(hogql).with_context(|| format!("a query of surveys: {hogql}"))?;
    ast::substitute(&mut query, &values.into_iter().collect::<HashMap<_, _>>());
    let context = QueryContext { limit: LimitRule::NONE, ..QueryContext::new(team, state.clock.now()) };
    let query = query::resolve(query, &context).with_context(|| format!("a query of surveys: {hogql}"))?;
    let budget = Budget { deadline: DEADLINE, memory_bytes: MEMORY_BYTES, rows: MAX_ROWS };
    let _turn = state.turns.acquire().await.context("turns are never closed")?;
    let selected = state.store.select(Select { query, budget, cancel: None }).await.map_err(failure)?;
    Ok(selected.batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| texts(batch, row))).collect())
}

fn failure(error: QueryError) -> ApiError {
    match error {
        QueryError::Deadline(_) | QueryError::Memory(_) => ApiError::timeout(error.to_string()),
        other => anyhow::Error::new(other).context("asking for answers to surveys").into(),
    }
}

fn texts(batch: &RecordBatch, row: usize) -> Vec<Option<String>> {
    batch.columns().iter().map(|column| text(column, row)).collect()
}

fn text(column: &dyn Array, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    let text = if let Some(texts) = column.as_string_opt::<i32>() {
        texts.value(row)
    } else if let Some(texts) = column.as_string_view_opt() {
        texts.value(row)
    } else {
        column.as_string_opt::<i64>()?.value(row)
    };
    Some(text.to_owned())
}

/// A count that came as text.
pub fn count(cell: &Option<String>) -> u64 {
    cell.as_deref().and_then(|digits| digits.parse().ok()).unwrap_or_default()
}
