//! Running one printed query: a session of its own, with nothing in it but the tables it uses.

use crate::aggregate;
use crate::dimensions::DimensionTables;
use crate::functions;
use crate::packed::Latest;
use crate::scan::Counters;
use crate::snapshot::Snapshot;
use crate::state::Shared;
use crate::table::EventsTable;
use arrow::array::{Array, RecordBatch};
use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, TableReference};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use events::{Budget, Column, QueryError, Selected};
use futures::StreamExt;
use model::TeamId;
use query::{Printed, Table};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

const PARTITIONS: usize = 2;

/// The whole answer.
pub async fn run(
    printed: Arc<Printed>,
    team: TeamId,
    snapshot: Arc<Snapshot>,
    dimensions: Arc<DimensionTables>,
    budget: Budget,
    packed: Option<Arc<Shared>>,
) -> Result<Selected, QueryError> {
    let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
    let keep = |batch: RecordBatch| {
        rows += batch.num_rows();
        // Batches are often slices of one large one, whose whole size each would report.
        bytes += batch.columns().iter().map(|array| array.to_data().get_slice_memory_size().unwrap_or(0)).sum::<usize>();
        if rows > budget.rows {
            return Err(QueryError::Invalid(format!("the query gives more than {} rows; add a LIMIT", budget.rows)));
        }
        if bytes > budget.memory_bytes {
            return Err(QueryError::Memory(budget.memory_bytes));
        }
        batches.push(batch);
        Ok(())
    };
    let read = stream(&printed, team, snapshot, dimensions, budget, packed, keep).await?;
    let columns = printed.columns.iter().map(|(name, kind)| Column { name: name.clone(), kind: kind.clone() }).collect();
    Ok(Selected { columns, batches, rows_read: read.rows.load(Ordering::Relaxed), bytes_read: read.bytes.load(Ordering::Relaxed) })
}

/// Hands every batch that has rows to `take` as it comes.
pub async fn stream(
    printed: &Printed,
    team: TeamId,
    snapshot: Arc<Snapshot>,
    dimensions: Arc<DimensionTables>,
    budget: Budget,
    packed: Option<Arc<Shared>>,
    mut take: impl FnMut(RecordBatch) -> Result<(), QueryError> + Send,
) -> Result<Arc<Counters>, QueryError> {
    let (frame, counters) = frame(printed, team, snapshot, dimensions, budget, packed).await?;
    let mut stream = frame.execute_stream().await.map_err(|error| failure(error, &budget))?;
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(|error| failure(error, &budget))?;
        if batch.num_rows() > 0 {
            take(batch)?;
        }
    }
    Ok(counters)
}

/// The query's plan; what aggregates packed columns could answer has been answered, if some were given.
pub async fn frame(
    printed: &Printed,
    team: TeamId,
    snapshot: Arc<Snapshot>,
    dimensions: Arc<DimensionTables>,
    budget: Budget,
    packed: Option<Arc<Shared>>,
) -> Result<(DataFrame, Arc<Counters>), QueryError> {
    let counters = Arc::new(Counters::default());
    let context = session(&budget).map_err(|error| failure(error, &budget))?;
    let latest = Arc::new(OnceLock::new());
    for table in &printed.tables {
        let provider: Arc<dyn datafusion::catalog::TableProvider> = match table.table {
            Table::Events => Arc::new(EventsTable {
                snapshot: snapshot.clone(),
                table: table.clone(),
                counters: counters.clone(),
                latest: latest.clone(),
            }),
            _ => Arc::new(dimensions.table(team, table, &snapshot.overrides).await.map_err(QueryError::Failed)?),
        };
        context.register_table(TableReference::bare(table.name.as_str()), provider).map_err(|error| failure(error, &budget))?;
    }
    if !printed.cohorts.is_empty() {
        let mut members = Vec::with_capacity(printed.cohorts.len());
        for cohort in &printed.cohorts {
            members.push((*cohort, dimensions.members(team, *cohort).await.map_err(QueryError::Failed)?));
        }
        context.register_udf(functions::in_cohort(members));
    }
    let only_selects = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = context.sql_with_options(&printed.sql, only_selects).await.map_err(|error| failure(error, &budget))?;
    if packed.is_some()
        && let [table] = &printed.tables[..]
        && table.table == Table::Events
        && let Ok(Some(wanted)) = Latest::of(&context.state(), frame.logical_plan(), table)
    {
        let _ = latest.set(wanted);
    }
    let frame = match packed {
        Some(shared) => aggregate::replace(shared, printed, frame, team, snapshot, budget, counters.clone()).await?,
        None => frame,
    };
    Ok((frame, counters))
}

/// What a query is planned and run with; it knows no tables yet.
pub fn session(budget: &Budget) -> Result<SessionContext, DataFusionError> {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(budget.memory_bytes)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build_arc()?;
    let config = SessionConfig::new()
        .with_target_partitions(PARTITIONS)
        .with_information_schema(false)
        .set_usize("datafusion.sql_parser.recursion_limit", 400);
    let context = SessionContext::new_with_config_rt(config, runtime);
    functions::register(&context);
    Ok(context)
}

/// Puts an engine error where callers can branch on it.
fn failure(error: DataFusionError, budget: &Budget) -> QueryError {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => QueryError::Memory(budget.memory_bytes),
        DataFusionError::Plan(text) | DataFusionError::NotImplemented(text) | DataFusionError::Execution(text) => {
            QueryError::Invalid(text.clone())
        }
        DataFusionError::SchemaError(error, _) => QueryError::Invalid(error.to_string()),
        DataFusionError::ArrowError(arrow, _)
            if matches!(
                **arrow,
                ArrowError::CastError(_)
                    | ArrowError::DivideByZero
                    | ArrowError::ParseError(_)
                    | ArrowError::ComputeError(_)
                    | ArrowError::ArithmeticOverflow(_)
            ) =>
        {
            QueryError::Invalid(arrow.to_string())
        }
        _ => QueryError::Failed(error.into()),
    }
}
