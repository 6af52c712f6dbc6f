//! Aggregates out of packed columns: the part of a plan that groups events is computed here, and a table of its answer takes its place.
//!
//! ```text
//! plan ─► optimised ─► Aggregate over filters and projections of the events ─► `shape` ─► `work` ─► `tally` ─► a small table
//!                      (everything above it, and anything else, stays with DataFusion)
//! ```
//!
//! Keys, filters and arguments are the very expressions that DataFusion would evaluate; they are only evaluated less often: once per
//! entry of a dictionary where one column decides, once per quarter of an hour where the time does. What is counted is counted in
//! arrays by group, different persons as bits by number; all other functions are DataFusion's own accumulators.
//!
//! Whatever cannot be answered so is left to DataFusion as it was.

mod active;
mod calendar;
mod dictionary;
mod sets;
mod shape;
mod slots;
mod tally;
mod work;

use crate::packed::gather::Stop;
use crate::packed::watch::{StopOnDrop, Watch};
use crate::scan::Counters;
use crate::snapshot::Snapshot;
use crate::state::Shared;
use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use datafusion::catalog::MemTable;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, TableReference};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::provider_as_source;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::SessionContext;
use events::{Budget, QueryError};
use model::TeamId;
use query::{Printed, Table};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What a query is answered from.
pub struct Origin {
    pub shared: Arc<Shared>,
    pub team: TeamId,
    pub snapshot: Arc<Snapshot>,
    pub counters: Arc<Counters>,
    pub watch: Watch,
}

/// The frame with tables in place of its aggregates, as far as packed columns can answer them.
pub async fn replace(
    shared: Arc<Shared>,
    printed: &Printed,
    frame: DataFrame,
    team: TeamId,
    snapshot: Arc<Snapshot>,
    budget: Budget,
    counters: Arc<Counters>,
) -> Result<DataFrame, QueryError> {
    let large = snapshot.segments.iter().any(|segment| segment.meta.rows >= shared.limits.packed_rows);
    if !large || !printed.tables.iter().any(|table| table.table == Table::Events) {
        return Ok(frame);
    }
    let (state, plan) = frame.into_parts();
    let stop = Arc::new(AtomicBool::new(false));
    let _guard = StopOnDrop(stop.clone());
    let watch = Watch::new(budget, Instant::now() + budget.deadline, stop);
    let origin = Origin { shared, team, snapshot, counters: Arc::default(), watch };
    let read = origin.counters.clone();
    let (own_state, own_plan, printed) = (state.clone(), plan.clone(), printed.clone());
    let replaced = tokio::task::spawn_blocking(move || replace_all(&own_state, &own_plan, &printed, &origin)).await;
    let plan = match replaced {
        Ok(Ok(Some(replaced))) => {
            counters.rows.fetch_add(read.rows.load(Ordering::Relaxed), Ordering::Relaxed);
            counters.bytes.fetch_add(read.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
            replaced
        }
        Ok(Ok(None)) => plan,
        Ok(Err(Stop::Query(error))) => return Err(error),
        Ok(Err(Stop::Unable(error))) => {
            tracing::debug!(?error, "packed columns could not aggregate; the general path does");
            plan
        }
        Err(error) => {
            tracing::error!(%error, "aggregating packed columns failed; the general path answers");
            plan
        }
    };
    Ok(DataFrame::new(state, plan))
}

fn replace_all(state: &SessionState, plan: &LogicalPlan, printed: &Printed, origin: &Origin) -> Result<Option<LogicalPlan>, Stop> {
    let unable = |error: datafusion::common::DataFusionError| Stop::Unable(error.into());
    let own = SessionContext::new_with_state(state.clone());
    // It would turn different values into groups of their own, and thereby into rows.
    own.remove_optimizer_rule("single_distinct_aggregation_to_group_by");
    let own = own.state();
    let plan = own.optimize(plan).map_err(unable)?;
    let mut failure = None;
    let replaced = plan
        .transform_down(|plan| {
            let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
            match replaced(&own, aggregate, printed, origin) {
                Ok(Some(table)) => Ok(Transformed::new(table, true, TreeNodeRecursion::Jump)),
                Ok(None) => Ok(Transformed::no(plan)),
                Err(error) => {
                    failure = Some(error);
                    Ok(Transformed::new(plan, false, TreeNodeRecursion::Stop))
                }
            }
        })
        .map_err(unable)?;
    match failure {
        Some(error) => Err(error),
        None => Ok(replaced.transformed.then_some(replaced.data)),
    }
}

fn replaced(state: &SessionState, aggregate: &Aggregate, printed: &Printed, origin: &Origin) -> Result<Option<LogicalPlan>, Stop> {
    let asked = match shape::recognise(state, aggregate, printed) {
        Ok(Some(asked)) => asked,
        Ok(None) => return Ok(None),
        Err(error) => {
            tracing::debug!(?error, "an aggregate is left to the general path");
            return Ok(None);
        }
    };
    let Some(columns) = work::run(&asked, origin)? else { return Ok(None) };
    let fields: Vec<Field> = aggregate
        .schema
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| Field::new(format!("c{at}"), field.data_type().clone(), true))
        .collect();
    Ok(Some(table_of(aggregate, Arc::new(Schema::new(fields)), columns)?))
}

/// The answer as a plan whose columns have the aggregate's names.
fn table_of(aggregate: &Aggregate, schema: Arc<Schema>, columns: Vec<arrow::array::ArrayRef>) -> Result<LogicalPlan> {
    let batch = RecordBatch::try_new(schema.clone(), columns).context("an aggregate of another type than planned")?;
    let table = MemTable::try_new(schema.clone(), vec![vec![batch]])?;
    let scan = LogicalPlanBuilder::scan(TableReference::bare("aggregated"), provider_as_source(Arc::new(table)), None)?;
    let names = aggregate.schema.iter().zip(schema.fields());
    let columns = names.map(|((qualifier, field), own)| {
        let column = Expr::Column(Column::new(Some(TableReference::bare("aggregated")), own.name()));
        column.alias_qualified(qualifier.cloned(), field.name())
    });
    Ok(scan.project(columns.collect::<Vec<_>>())?.build()?)
}
