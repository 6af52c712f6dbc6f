//! The walls between DataFusion and our scan.

use crate::packed::Latest;
use crate::scan::{Counters, Scan, schema_of};
use crate::snapshot::Snapshot;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter_pushdown::{ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, ReplaceChildrenOptions,
    SendableRecordBatchStream,
};
use query::{ColumnUse, TableUse};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The events of one team, with the columns that one query uses.
pub struct EventsTable {
    pub snapshot: Arc<Snapshot>,
    pub table: TableUse,
    pub counters: Arc<Counters>,
    /// Set, before it is read, when the select wants the latest rows only.
    pub latest: Arc<OnceLock<Latest>>,
}

impl fmt::Debug for EventsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventsTable({})", self.table.name)
    }
}

#[async_trait]
impl TableProvider for EventsTable {
    fn schema(&self) -> SchemaRef {
        schema_of(&self.table.columns)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted: Vec<ColumnUse> = match projection {
            Some(places) => places.iter().map(|at| self.table.columns[*at].clone()).collect(),
            None => self.table.columns.clone(),
        };
        let (snapshot, table, counters) = (self.snapshot.clone(), self.table.clone(), self.counters.clone());
        let mut scan = tokio::task::spawn_blocking(move || Scan::plan(snapshot, &table, wanted, counters))
            .await
            .map_err(|error| DataFusionError::External(error.into()))?
            .map_err(external)?;
        scan.latest = self.latest.clone();
        Ok(Arc::new(EventsScan::new(scan, state.config().target_partitions())))
    }
}

fn external(error: anyhow::Error) -> DataFusionError {
    DataFusionError::External(error.into())
}

#[derive(Clone)]
struct EventsScan {
    scan: Scan,
    partitions: usize,
    properties: Arc<PlanProperties>,
}

impl EventsScan {
    fn new(scan: Scan, target_partitions: usize) -> Self {
        let partitions = scan.work.len().clamp(1, target_partitions.max(1));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(scan.schema.clone()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        EventsScan { scan, partitions, properties: Arc::new(properties) }
    }
}

impl fmt::Debug for EventsScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventsScan")
    }
}

impl DisplayAs for EventsScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let conditions: Vec<String> = self.scan.filters.iter().map(|filter| filter.condition.to_string()).collect();
        write!(f, "EventsScan: parts={}, rows={}, conditions=[{}]", self.scan.work.len(), self.scan.rows(), conditions.join(", "))
    }
}

impl ExecutionPlan for EventsScan {
    fn name(&self) -> &str {
        "EventsScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(&self, f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        datafusion::physical_plan::execution_plan::apply_expression_roots(self.scan.filters.iter().map(|filter| &filter.condition), f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("EventsScan has no children") }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.scan.schema.clone(), 2);
        let (sender, scan, partitions) = (builder.tx(), self.scan.clone(), self.partitions);
        builder.spawn_blocking(move || {
            for work in scan.work.iter().skip(partition).step_by(partitions) {
                let mut emit = |batch| sender.blocking_send(Ok(batch)).is_ok();
                if sender.is_closed() || !scan.read(work, &mut emit).map_err(external)? {
                    break;
                }
            }
            Ok(())
        });
        Ok(builder.build())
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let statistics = Statistics::new_unknown(&self.scan.schema);
        Ok(Arc::new(match partition {
            Some(_) => statistics,
            None => statistics.with_num_rows(Precision::Inexact(self.scan.rows())),
        }))
    }

    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let mut scan = self.scan.clone();
        let taken: Vec<bool> =
            result.parent_filters.iter().map(|filter| scan.take_filter(&filter.filter, phase == FilterPushdownPhase::Post)).collect();
        let answers = taken
            .iter()
            .map(|taken| match (taken, phase) {
                (true, FilterPushdownPhase::Pre) => PushedDown::Yes,
                // Conditions that tighten while the query runs are a help, not a promise.
                _ => PushedDown::No,
            })
            .collect();
        let answer = FilterPushdownPropagation::with_parent_pushdown_result(answers);
        if taken.contains(&true) {
            let updated = EventsScan { scan, ..self.clone() };
            return Ok(answer.with_updated_node(Arc::new(updated) as Arc<dyn ExecutionPlan>));
        }
        Ok(answer)
    }
}
