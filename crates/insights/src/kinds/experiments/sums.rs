//! Sums per variant, as the store answers them.

use super::trial::Trial;
use crate::cells;
use crate::failure::Failure;
use crate::run::Run;
use arrow_array::RecordBatch;
use query::ast::{Expr, Select};
use statistics::winsorise::Bounds;
use statistics::{Beside, Measure, Sums};
use std::collections::HashMap;

/// What a metric comes to in every variant.
#[derive(Debug)]
pub struct Found {
    pub measure: Measure,
    /// The sum is a number of entities.
    pub counted: bool,
    pub variants: HashMap<String, VariantSums>,
    pub bounds: Bounds,
}

#[derive(Clone, Debug, Default)]
pub struct VariantSums {
    pub sums: Sums,
    /// Of funnels: entities that came as far as each step.
    pub steps: Option<Vec<u64>>,
}

/// Exposed entities of every variant, `$multiple` and held-out ones among them.
pub async fn exposures(trial: &Trial, run: &Run) -> Result<HashMap<String, u64>, Failure> {
    let select = Select::from_query(trial.exposed(run)?, Some("exposed"))
        .column(Expr::field(["variant"]))
        .column(Expr::call("count", []).aliased("entities"))
        .group_by([Expr::field(["variant"])]);
    let rows = run.select_all("exposures", select).await?;
    let each = cells::rows(&rows.batches)
        .filter_map(|(batch, row)| Some((cells::text(batch.column(0), row)?.to_owned(), cells::number(batch.column(1), row)? as u64)));
    Ok(each.collect())
}

/// Numbers per entity in columns of a select: `y`, and for pairs the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    None,
    Denominator,
    Covariate,
}

/// Adds up the rows of a select with the columns `variant`, `y` and, unless alone, `x`. Entities without a row count as `absent`.
pub async fn added_up(values: Select, pair: Pair, absent: f64, trial: &Trial, run: &Run) -> Result<HashMap<String, VariantSums>, Failure> {
    let exposed = exposures(trial, run).await?;
    let field = |name: &str| Expr::field([name]);
    let product = |a: &str, b: &str| Expr::arithmetic(query::ast::ArithmeticOp::Multiply, field(a), field(b));
    let total = |expr: Expr, name: &str| Expr::call("ifNull", [Expr::call("sum", [expr]), Expr::constant(0.0)]).aliased(name);
    let mut select = Select::from_query(values, Some("entities"))
        .column(field("variant"))
        .column(Expr::call("count", []).aliased("rows"))
        .column(total(field("y"), "sum_y"))
        .column(total(product("y", "y"), "sum_yy"))
        .group_by([field("variant")]);
    if pair != Pair::None {
        select =
            select.column(total(field("x"), "sum_x")).column(total(product("x", "x"), "sum_xx")).column(total(product("y", "x"), "sum_yx"));
    }
    let rows = run.select_all("sums", select).await?;
    let mut found: HashMap<String, VariantSums> = HashMap::new();
    let mut seen: HashMap<String, f64> = HashMap::new();
    for (batch, row) in cells::rows(&rows.batches) {
        let Some(variant) = cells::text(batch.column(0), row) else { continue };
        seen.insert(variant.to_owned(), number(batch, row, 1));
        found.insert(variant.to_owned(), VariantSums { sums: read(batch, row, pair), steps: None });
    }
    for variant in &trial.experiment.variants {
        let n = exposed.get(&variant.key).copied().unwrap_or(0);
        let idle = (n as f64 - seen.get(&variant.key).copied().unwrap_or(0.0)).max(0.0);
        let sums = &mut found.entry(variant.key.clone()).or_insert_with(|| nothing(pair)).sums;
        sums.n = n;
        add_idle(sums, idle, absent);
    }
    Ok(found)
}

fn number(batch: &RecordBatch, row: usize, column: usize) -> f64 {
    cells::number(batch.column(column), row).unwrap_or(0.0)
}

fn nothing(pair: Pair) -> VariantSums {
    let beside = |of: Pair| (pair == of).then(Beside::default);
    let sums = Sums { denominator: beside(Pair::Denominator), covariate: beside(Pair::Covariate), ..Sums::default() };
    VariantSums { sums, steps: None }
}

fn read(batch: &RecordBatch, row: usize, pair: Pair) -> Sums {
    let number = |column| number(batch, row, column);
    let beside = |of: Pair| (pair == of).then(|| Beside { sum: number(4), sum_squares: number(5), sum_products: number(6) });
    Sums { n: 0, sum: number(2), sum_squares: number(3), denominator: beside(Pair::Denominator), covariate: beside(Pair::Covariate) }
}

/// Entities that did nothing, neither now nor before.
fn add_idle(sums: &mut Sums, entities: f64, value: f64) {
    let square = entities * value * value;
    sums.sum += entities * value;
    sums.sum_squares += square;
    if let Some(covariate) = &mut sums.covariate {
        covariate.sum += entities * value;
        covariate.sum_squares += square;
        covariate.sum_products += square;
    }
}
