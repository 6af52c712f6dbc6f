//! Behaviour over the rows of any select: they are collected, sorted by actor and time, and fed to the operator.

use crate::dimensions::DimensionTables;
use crate::select;
use crate::snapshot::Snapshot;
use anyhow::{Context, Result, bail, ensure};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use behaviour::{EMPTY_KEY, Operator, Plan, Row};
use events::{Behaved, Budget, QueryError};
use hashbrown::HashTable;
use model::TeamId;
use query::Printed;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// After this many rows the operator looks whether it has become too large.
const ROWS_BETWEEN_CHECKS: usize = 1 << 16;

pub async fn run(
    printed: Arc<Printed>,
    plan: Arc<Plan>,
    team: TeamId,
    snapshot: Arc<Snapshot>,
    dimensions: Arc<DimensionTables>,
    budget: Budget,
) -> Result<Behaved, QueryError> {
    let mut gathered = Gathered::new(&printed).map_err(QueryError::Failed)?;
    let take = |batch: RecordBatch| {
        gathered.add(&batch).map_err(QueryError::Failed)?;
        if gathered.bytes() > budget.memory_bytes { Err(QueryError::Memory(budget.memory_bytes)) } else { Ok(()) }
    };
    let read = select::stream(&printed, team, snapshot, dimensions, budget, None, take).await?;
    let (rows_read, bytes_read) = (read.rows.load(Ordering::Relaxed), read.bytes.load(Ordering::Relaxed));
    // Sorting and feeding take the processor for long; the query threads are there for that.
    let (answer, keys, actors) = tokio::task::block_in_place(|| gathered.feed(&plan, &budget))?;
    Ok(Behaved { answer, keys, actors, rows_read, bytes_read })
}

/// Where the parts of a row stand in the batches.
pub struct Columns {
    pub actor: usize,
    pub at: usize,
    /// With the bit of the mask.
    pub conditions: Vec<(usize, u32)>,
    pub texts: Vec<usize>,
    pub number: Option<usize>,
}

struct Gathered {
    columns: Columns,
    actors: Texts,
    keys: Texts,
    rows: Vec<(u32, Row)>,
}

impl Gathered {
    fn new(printed: &Printed) -> Result<Gathered> {
        let columns = Columns::of(printed)?;
        let mut keys = Texts::default();
        let empty = keys.code(&vec![""; columns.texts.len()]);
        ensure!(empty == EMPTY_KEY, "the empty key comes first");
        Ok(Gathered { columns, actors: Texts::default(), keys, rows: Vec::new() })
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let actors = texts(batch.column(self.columns.actor))?;
        let at = cast(batch.column(self.columns.at), &DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None))?;
        let at = at.as_primitive::<TimestampMicrosecondType>();
        let conditions: Vec<_> = self
            .columns
            .conditions
            .iter()
            .map(|(column, bit)| Ok((cast(batch.column(*column), &DataType::Boolean)?, *bit)))
            .collect::<Result<_>>()?;
        let parts: Vec<StringArray> = self.columns.texts.iter().map(|column| texts(batch.column(*column))).collect::<Result<_>>()?;
        let numbers = self.columns.number.map(|column| numbers(batch.column(column))).transpose()?;
        let mut key = Vec::with_capacity(parts.len());
        self.rows.reserve(batch.num_rows());
        for row in 0..batch.num_rows() {
            if actors.is_null(row) || actors.value(row).is_empty() || at.is_null(row) {
                continue;
            }
            let mut mask = 0;
            for (column, bit) in &conditions {
                let column = column.as_boolean();
                mask |= u64::from(column.is_valid(row) && column.value(row)) << bit;
            }
            key.clear();
            key.extend(parts.iter().map(|part| if part.is_null(row) { "" } else { part.value(row) }));
            let number = numbers.as_ref().filter(|numbers| numbers.is_valid(row)).map_or(f64::NAN, |numbers| numbers.value(row));
            let key = if key.is_empty() { EMPTY_KEY } else { self.keys.code(&key) };
            self.rows.push((self.actors.code(&[actors.value(row)]), Row { at: at.value(row), mask, key, number }));
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<(u32, Row)>() + self.actors.bytes + self.keys.bytes
    }

    #[allow(clippy::type_complexity, reason = "the parts of an answer, for the only caller")]
    fn feed(mut self, plan: &Plan, budget: &Budget) -> Result<(behaviour::Answer, Vec<Vec<String>>, HashMap<u32, String>), QueryError> {
        // Stable: rows of one moment stay in the order of the select.
        self.rows.sort_by_key(|(actor, row)| (*actor, row.at));
        let held = self.bytes();
        let mut operator = Operator::new(plan);
        let (mut buffer, mut fed) = (Vec::new(), 0);
        for rows in self.rows.chunk_by(|a, b| a.0 == b.0) {
            buffer.clear();
            buffer.extend(rows.iter().map(|(_, row)| *row));
            operator.actor(rows[0].0, &buffer);
            fed += rows.len();
            if fed > ROWS_BETWEEN_CHECKS {
                fed = 0;
                if held + operator.bytes() > budget.memory_bytes {
                    return Err(QueryError::Memory(budget.memory_bytes));
                }
            }
        }
        let answer = operator.finish();
        let listed = answer.actors().into_iter().map(|actor| (actor, self.actors.list[actor as usize][0].clone())).collect();
        Ok((answer, self.keys.list, listed))
    }
}

impl Columns {
    pub fn of(printed: &Printed) -> Result<Columns> {
        let place = |wanted: &str| printed.columns.iter().position(|(name, _)| name == wanted);
        let mut columns = Columns {
            actor: place("actor").context("the rows of a behaviour name no actor")?,
            at: place("at").context("the rows of a behaviour name no time")?,
            conditions: Vec::new(),
            texts: Vec::new(),
            number: place("number"),
        };
        for (at, (name, _)) in printed.columns.iter().enumerate() {
            match (name.strip_prefix('c'), name.strip_prefix('k')) {
                (Some(bit), _) => {
                    let bit: u32 = bit.parse().with_context(|| format!("a condition called {name}"))?;
                    ensure!(bit < u64::BITS, "a mask has no bit {bit}");
                    columns.conditions.push((at, bit));
                }
                (_, Some(_)) => columns.texts.push(at),
                _ if [columns.actor, columns.at].contains(&at) || columns.number == Some(at) => {}
                _ => bail!("the rows of a behaviour have a column {name}"),
            }
        }
        columns.texts.sort_by_key(|at| printed.columns[*at].0.clone());
        Ok(columns)
    }
}

pub fn texts(array: &ArrayRef) -> Result<StringArray> {
    Ok(cast(array, &DataType::Utf8)?.as_string::<i32>().clone())
}

pub fn numbers(array: &ArrayRef) -> Result<Float64Array> {
    match array.data_type() {
        DataType::Timestamp(_, _) => {
            let micros = cast(array, &DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None))?;
            let micros = cast(&micros, &DataType::Int64)?;
            Ok(micros.as_primitive::<Int64Type>().unary(|micros| micros as f64))
        }
        _ => Ok(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone()),
    }
}

/// Texts, or several together, numbered in the order of their first appearance.
#[derive(Default)]
pub struct Texts {
    pub list: Vec<Vec<String>>,
    codes: HashTable<u32>,
    hasher: ahash::RandomState,
    pub bytes: usize,
}

impl Texts {
    pub fn code<S: AsRef<str> + std::hash::Hash>(&mut self, parts: &[S]) -> u32 {
        let hash = |parts: &mut dyn Iterator<Item = &str>| {
            let mut hasher = self.hasher.build_hasher();
            parts.for_each(|part| part.hash(&mut hasher));
            hasher.finish()
        };
        let same = |code: &u32| self.list[*code as usize].iter().eq(parts.iter().map(AsRef::as_ref));
        let wanted = hash(&mut parts.iter().map(AsRef::as_ref));
        if let Some(code) = self.codes.find(wanted, same) {
            return *code;
        }
        let code = self.list.len() as u32;
        self.codes.insert_unique(wanted, code, |code| hash(&mut self.list[*code as usize].iter().map(String::as_str)));
        self.bytes += parts.iter().map(|part| part.as_ref().len() + size_of::<String>()).sum::<usize>() + 40;
        self.list.push(parts.iter().map(|part| part.as_ref().to_owned()).collect());
        code
    }
}
