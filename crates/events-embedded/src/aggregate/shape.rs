//! What an aggregate asks of each event.

use super::calendar;
use super::dictionary::Dictionary;
use crate::packed::bind::Wanted;
use crate::packed::shape::{Condition, Leaf, Maker, peel, plain_column, replace};
use anyhow::{Result, ensure};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable, LogicalPlan};
use datafusion::physical_expr::aggregate::{AggregateFunctionExpr, LoweredAggregateBuilder};
use query::{ColumnSource, Printed, Table, TableUse};

pub struct Asked {
    pub table: TableUse,
    /// Its texts are keys and what is counted once per value; its masks are the functions' conditions.
    pub wanted: Wanted,
    pub keys: Vec<Key>,
    /// One for each of the texts.
    pub dictionaries: Vec<Dictionary>,
    /// Texts that are the same all through a quarter of an hour.
    pub calendar: Vec<bool>,
    pub functions: Vec<Function>,
    pub types: Vec<DataType>,
}

/// What groups rows.
#[derive(Clone, Copy)]
pub enum Key {
    Text(usize),
    Person,
}

/// A function over the rows of a group, or over those that meet a condition, told by its bit.
pub struct Function {
    pub what: What,
    pub bit: Option<u32>,
}

pub enum What {
    Rows,
    Persons,
    /// Different values of a text.
    Values(usize),
    /// DataFusion's own, over arrays.
    Other(Box<AggregateFunctionExpr>, Vec<usize>),
}

/// `None` when it is not over events alone, or asks for what packed columns do not have.
pub fn recognise(state: &SessionState, aggregate: &Aggregate, printed: &Printed) -> Result<Option<Asked>> {
    let Some(table) = table_below(&aggregate.input, printed) else { return Ok(None) };
    let mut filters = Vec::new();
    let Some(inner) = peel(&aggregate.input, &table.columns, &mut filters)? else { return Ok(None) };
    let below = aggregate.input.schema().columns();
    let maker = Maker { state, columns: &table.columns, leaves: Default::default() };
    let mut reader =
        Reader { maker, below: &below, inner: &inner, schema: names_of(table)?, masks: Vec::new(), texts: Vec::new(), arrays: Vec::new() };
    ensure!(!filters.iter().any(Expr::is_volatile), "a condition that changes from row to row by itself");
    let filter = Condition::All(filters.iter().map(|filter| reader.maker.condition(filter)).collect::<Result<_>>()?);
    let mut keys = Vec::with_capacity(aggregate.group_expr.len());
    for key in &aggregate.group_expr {
        ensure!(!matches!(key, Expr::GroupingSet(_)), "several groupings");
        let key = reader.own(key)?;
        keys.push(if reader.is_person(&key) { Key::Person } else { Key::Text(reader.text(key)?) });
    }
    let functions = aggregate.aggr_expr.iter().map(|expr| reader.function(expr)).collect::<Result<Vec<_>>>()?;
    let types = aggregate.schema.fields().iter().map(|field| field.data_type().clone()).collect();
    let calendar = reader.texts.iter().map(|(expr, _)| calendar::is_calendar(expr, &table.columns)).collect();
    let dictionaries = reader.texts.iter().map(|(expr, _)| Dictionary::new(&expr.get_type(&reader.schema)?)).collect::<Result<_>>()?;
    let texts = reader.texts.into_iter().map(|(_, leaf)| leaf).collect();
    let wanted = Wanted { columns: table.columns.clone(), filter, masks: reader.masks, texts, number: None, arrays: reader.arrays };
    Ok(Some(Asked { table: table.clone(), wanted, keys, dictionaries, calendar, functions, types }))
}

fn table_below<'a>(plan: &LogicalPlan, printed: &'a Printed) -> Option<&'a TableUse> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let found = printed.tables.iter().find(|table| table.name == scan.table_name.table());
            found.filter(|table| table.table == Table::Events)
        }
        LogicalPlan::SubqueryAlias(alias) => table_below(&alias.input, printed),
        LogicalPlan::Projection(projection) => table_below(&projection.input, printed),
        LogicalPlan::Filter(filter) => table_below(&filter.input, printed),
        _ => None,
    }
}

fn names_of(table: &TableUse) -> Result<DFSchema> {
    Ok(DFSchema::try_from(crate::scan::schema_of(&table.columns).as_ref().clone())?)
}

struct Reader<'a> {
    maker: Maker<'a>,
    below: &'a [datafusion::common::Column],
    inner: &'a [Expr],
    schema: DFSchema,
    masks: Vec<(u32, Condition)>,
    texts: Vec<(Expr, Leaf)>,
    arrays: Vec<Leaf>,
}

impl Reader<'_> {
    /// The expression over the table's own columns.
    fn own(&self, expr: &Expr) -> Result<Expr> {
        let own = replace(expr, self.below, self.inner)?;
        ensure!(!own.is_volatile(), "an expression that changes from row to row by itself");
        Ok(own)
    }

    fn text(&mut self, expr: Expr) -> Result<usize> {
        ensure!(!self.is_person(&expr), "persons are not texts");
        let leaf = self.maker.leaf(&expr)?;
        self.texts.push((expr, leaf));
        Ok(self.texts.len() - 1)
    }

    fn is_person(&self, expr: &Expr) -> bool {
        let column = plain_column(expr).and_then(|name| self.maker.columns.iter().find(|column| column.name == name));
        column.is_some_and(|column| column.source == ColumnSource::Field("person_id"))
    }

    fn condition(&mut self, condition: Condition) -> Result<u32> {
        let bit = self.masks.len() as u32;
        ensure!(bit < u64::BITS, "too many conditions");
        self.masks.push((bit, condition));
        Ok(bit)
    }

    fn function(&mut self, expr: &Expr) -> Result<Function> {
        if let Expr::Alias(alias) = expr {
            return self.function(&alias.expr);
        }
        let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else { anyhow::bail!("not an aggregate") };
        let AggregateFunctionParams { args, distinct, filter, order_by, .. } = params;
        let args = args.iter().map(|arg| self.own(arg)).collect::<Result<Vec<_>>>()?;
        let filter = filter.as_ref().map(|filter| self.own(filter)).transpose()?;
        let condition = |reader: &Self, filter: &Option<Expr>| filter.as_ref().map(|filter| reader.maker.condition(filter)).transpose();
        let counted = func.name() == "count" && args.len() == 1;
        let what = match (counted, distinct) {
            (true, true) if self.is_person(&args[0]) => What::Persons,
            (true, true) => What::Values(self.text(args[0].clone())?),
            (true, false) => {
                let present = if never_null(&args[0]) || self.is_person(&args[0]) { None } else { Some(args[0].clone().is_not_null()) };
                let parts = present.iter().chain(&filter).map(|part| self.maker.condition(part)).collect::<Result<Vec<_>>>()?;
                let bit = if parts.is_empty() { None } else { Some(self.condition(Condition::All(parts))?) };
                return Ok(Function { what: What::Rows, bit });
            }
            (false, true) => anyhow::bail!("different values are only counted"),
            (false, false) => {
                ensure!(order_by.is_empty() && !order_matters(func.name()), "the order of rows matters");
                self.other(AggregateFunction { func: func.clone(), params: params.clone() }, &args)?
            }
        };
        let bit = condition(self, &filter)?.map(|condition| self.condition(condition)).transpose()?;
        Ok(Function { what, bit })
    }

    fn other(&mut self, mut function: AggregateFunction, args: &[Expr]) -> Result<What> {
        function.params.args = args.to_vec();
        function.params.filter = None;
        let mut places = Vec::new();
        for arg in args {
            self.arrays.push(self.maker.leaf(arg)?);
            places.push(self.arrays.len() - 1);
        }
        let expr = Expr::AggregateFunction(function);
        let props = self.maker.state.execution_props();
        let planning = Default::default();
        let lowered = LoweredAggregateBuilder::new(&expr, &self.schema, self.schema.as_arrow(), props, &planning).build()?;
        ensure!(lowered.aggregate.groups_accumulator_supported(), "an aggregate that keeps no groups");
        Ok(What::Other(Box::new(lowered.aggregate.as_ref().clone()), places))
    }
}

fn never_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if *value != ScalarValue::Null && !value.is_null())
}

fn order_matters(name: &str) -> bool {
    matches!(name, "first_value" | "last_value" | "nth_value" | "array_agg" | "string_agg")
}

impl Asked {
    /// Whether it matters whose the rows are.
    pub fn wants_persons(&self) -> bool {
        let counted = self.functions.iter().any(|function| matches!(function.what, What::Persons));
        counted || self.keys.iter().any(|key| matches!(key, Key::Person))
    }
}
