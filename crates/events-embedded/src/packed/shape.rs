//! Which selects packed columns can answer: columns and conditions of one table, row by row.
//!
//! The select is planned by DataFusion as always; what is left of it after optimising must be projections and filters above one scan
//! of the events. Their expressions are taken over as they are, so that they mean here what they mean there.

use crate::columns::{PERSON_CREATED_AT, TIMESTAMP};
use crate::scan::schema_of;
use anyhow::{Context, Result, ensure};
use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator};
use datafusion::physical_expr::PhysicalExpr;
use query::{ColumnSource, ColumnUse};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Truth of three values, so that AND is the lesser, OR the greater, and NOT what is missing to 2.
pub const FALSE: u8 = 0;
pub const UNKNOWN: u8 = 1;
pub const TRUE: u8 = 2;

/// A select over the rows of the events table.
pub struct Shape {
    pub filter: Condition,
    /// One for each column of the answer.
    pub outputs: Vec<Expr>,
}

/// An expression that is looked up or evaluated as a whole.
pub struct Leaf {
    /// No other leaf of the query has it.
    pub id: usize,
    /// Places in the table's columns.
    pub columns: Vec<usize>,
    schema: SchemaRef,
    expr: Arc<dyn PhysicalExpr>,
}

pub enum Condition {
    Leaf(Leaf),
    /// The event's time, both ends included.
    Time(i64, i64),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

/// What makes leaves and conditions of a shape's expressions.
pub struct Maker<'a> {
    pub state: &'a SessionState,
    pub columns: &'a [ColumnUse],
    pub leaves: Cell<usize>,
}

/// `None` when it is another kind of select.
pub fn recognise(plan: &LogicalPlan, maker: &Maker) -> Result<Option<Shape>> {
    let mut filters = Vec::new();
    let Some(outputs) = peel(plan, maker.columns, &mut filters)? else { return Ok(None) };
    let filter = Condition::All(filters.iter().map(|filter| maker.condition(filter)).collect::<Result<_>>()?);
    Ok(Some(Shape { filter, outputs }))
}

/// The expressions behind each column of a plan, over the table's columns.
pub fn peel(plan: &LogicalPlan, columns: &[ColumnUse], filters: &mut Vec<Expr>) -> Result<Option<Vec<Expr>>> {
    Ok(match plan {
        LogicalPlan::TableScan(scan) if scan.filters.is_empty() && scan.fetch.is_none() => {
            let names = scan.projected_schema.fields().iter().map(|field| field.name());
            let known = |name: &String| columns.iter().any(|column| column.name == *name);
            Some(names.filter(|name| known(name)).map(|name| Expr::Column(Column::new_unqualified(name.clone()))).collect::<Vec<_>>())
                .filter(|all| all.len() == scan.projected_schema.fields().len())
        }
        LogicalPlan::SubqueryAlias(alias) => peel(&alias.input, columns, filters)?,
        LogicalPlan::Projection(projection) => {
            let Some(inner) = peel(&projection.input, columns, filters)? else { return Ok(None) };
            let below = projection.input.schema().columns();
            Some(projection.expr.iter().map(|expr| replace(expr, &below, &inner)).collect::<Result<_>>()?)
        }
        LogicalPlan::Filter(filter) => {
            let Some(inner) = peel(&filter.input, columns, filters)? else { return Ok(None) };
            filters.push(replace(&filter.predicate, &filter.input.schema().columns(), &inner)?);
            Some(inner)
        }
        _ => None,
    })
}

pub fn replace(expr: &Expr, below: &[Column], inner: &[Expr]) -> Result<Expr> {
    let replaced = expr.clone().transform_down(|expr| {
        Ok(match &expr {
            Expr::Column(column) => match below.iter().position(|known| known == column) {
                // What was put in must not be looked at again.
                Some(at) => Transformed::new(inner[at].clone(), true, datafusion::common::tree_node::TreeNodeRecursion::Jump),
                None => Transformed::no(expr),
            },
            _ => Transformed::no(expr),
        })
    })?;
    Ok(replaced.data.unalias())
}

/// An expression without names and without casts that change its spelling only.
pub fn plain_column(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(&column.name),
        Expr::Alias(alias) => plain_column(&alias.expr),
        Expr::Cast(cast) if same_value(cast.field.data_type()) => plain_column(&cast.expr),
        _ => None,
    }
}

/// Ids are texts and times microseconds before and after such a cast. Anything else would make them NULL or wrong, and is not asked for.
fn same_value(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Timestamp(TimeUnit::Microsecond, _))
}

impl Maker<'_> {
    pub fn leaf(&self, expr: &Expr) -> Result<Leaf> {
        ensure!(!expr.is_volatile(), "an expression that has another value each time");
        let names: BTreeSet<&String> = expr.column_refs().into_iter().map(|column| &column.name).collect();
        let place = |name: &&String| self.columns.iter().position(|column| column.name == **name);
        let columns: Vec<usize> = names.iter().filter_map(place).collect();
        ensure!(columns.len() == names.len(), "an expression names columns that the table lacks");
        let used: Vec<ColumnUse> = columns.iter().map(|at| self.columns[*at].clone()).collect();
        let schema = schema_of(&used);
        let names = DFSchema::try_from(Schema::clone(&schema))?;
        let expr = self.state.create_physical_expr(expr.clone(), &names)?;
        Ok(Leaf { id: self.leaves.replace(self.leaves.get() + 1), columns, schema, expr })
    }

    pub fn condition(&self, expr: &Expr) -> Result<Condition> {
        if let Some((first, last)) = self.time_range(expr) {
            return Ok(Condition::Time(first, last));
        }
        let both = |left: &Expr, right: &Expr| Ok::<_, anyhow::Error>(vec![self.condition(left)?, self.condition(right)?]);
        Ok(match expr {
            Expr::Alias(alias) => self.condition(&alias.expr)?,
            Expr::BinaryExpr(binary) if binary.op == Operator::And => Condition::All(both(&binary.left, &binary.right)?),
            Expr::BinaryExpr(binary) if binary.op == Operator::Or => Condition::Any(both(&binary.left, &binary.right)?),
            Expr::Not(inner) => Condition::Not(Box::new(self.condition(inner)?)),
            _ => Condition::Leaf(self.leaf(expr)?),
        })
    }

    /// `timestamp >= constant` and the like.
    fn time_range(&self, expr: &Expr) -> Option<(i64, i64)> {
        let Expr::BinaryExpr(binary) = expr else { return None };
        let Expr::Column(column) = &*binary.left else { return None };
        let source = &self.columns.iter().find(|known| known.name == column.name)?.source;
        let Expr::Literal(ScalarValue::TimestampMicrosecond(Some(at), Some(_)), _) = &*binary.right else { return None };
        if *source != ColumnSource::Field(TIMESTAMP) {
            return None;
        }
        Some(match binary.op {
            Operator::GtEq => (*at, i64::MAX),
            Operator::LtEq => (i64::MIN, *at),
            Operator::Eq => (*at, *at),
            Operator::Gt => (at.checked_add(1)?, i64::MAX),
            Operator::Lt => (i64::MIN, at.checked_sub(1)?),
            _ => return None,
        })
    }
}

impl Leaf {
    /// `arrays` has one for each of [`columns`](Self::columns).
    pub fn evaluate(&self, arrays: Vec<ArrayRef>, rows: usize) -> Result<ArrayRef> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?;
        Ok(self.expr.evaluate(&batch)?.into_array(rows)?)
    }

    pub fn truths(&self, arrays: Vec<ArrayRef>, rows: usize) -> Result<Vec<u8>> {
        truths(&self.evaluate(arrays, rows)?)
    }
}

pub fn truths(array: &ArrayRef) -> Result<Vec<u8>> {
    let flags = cast(array, &DataType::Boolean)?;
    let flags = flags.as_boolean_opt().context("a condition that is neither true nor false")?;
    let truth = |flag: Option<bool>| flag.map_or(UNKNOWN, |flag| if flag { TRUE } else { FALSE });
    Ok(flags.iter().map(truth).collect())
}

/// What a column of the table is, for the reader of packed columns.
pub fn source(column: &ColumnUse) -> Source<'_> {
    match &column.source {
        ColumnSource::Field("event") => Source::Event,
        ColumnSource::Field(TIMESTAMP) if column.kind == query::ColumnKind::Timestamp => Source::Time,
        ColumnSource::Field(PERSON_CREATED_AT) if column.kind == query::ColumnKind::Timestamp => Source::Created,
        ColumnSource::Field("person_id") => Source::Person,
        ColumnSource::Field(name) if name.starts_with('$') => Source::Property(crate::columns::Owner::Event, name),
        ColumnSource::Field(name @ ("person_mode" | "elements_chain" | "historical_migration")) => Source::Fixed(name),
        ColumnSource::Property { of: query::PropertyOwner::Event, name } => Source::Property(crate::columns::Owner::Event, name),
        ColumnSource::Property { of: query::PropertyOwner::Person, name } => Source::Property(crate::columns::Owner::Person, name),
        _ => Source::Elsewhere,
    }
}

pub enum Source<'a> {
    Event,
    Time,
    Created,
    Person,
    Fixed(&'a str),
    Property(crate::columns::Owner, &'a str),
    /// Only the Parquet file has it.
    Elsewhere,
}
