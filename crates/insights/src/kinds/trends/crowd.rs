//! Breakdowns with more values than can be fetched: the values to show are chosen first, then all others are summed by the store.

use super::breakdown;
use super::lines::{Key, Lines, Points, Tables};
use crate::cells;
use crate::failure::Failure;
use crate::run::Run;
use query::ast::{Expr, Order, Select};

/// The lines of the values that are shown (one more than the limit when there are more), and the sum of the rest.
pub async fn compute(all: Select, tables: &Tables<'_>, run: &Run) -> Result<(Lines, Points), Failure> {
    let count = tables.breakdowns;
    let top = chosen(&all, tables, run).await?;
    let names: Vec<String> = (0..count).map(breakdown::name).collect();
    let fields = || names.iter().map(|name| Expr::field([name]));
    let is_key = |key: &Key| {
        Expr::and(fields().zip(key).map(|(field, value)| match value {
            Some(text) => Expr::eq(field, Expr::constant(text)),
            None => Expr::is_null(field),
        }))
    };
    let shown = Expr::or(top.iter().map(is_key));
    let mut outer = Select::from_query(all, Some("every"));
    let bucket = tables.has_buckets.then(|| Expr::field(["bucket"]));
    if let Some(bucket) = &bucket {
        outer = outer.column(bucket.clone());
    }
    let marked = |name: &String| format!("shown_{name}");
    for (name, field) in names.iter().zip(fields()) {
        outer = outer.column(Expr::call("if", [shown.clone(), field, Expr::null()]).aliased(&marked(name)));
    }
    outer = outer.column(shown.aliased("is_shown")).column(Expr::call("sum", [Expr::field(["value"])]).aliased("total"));
    let keys = names.iter().map(|name| Expr::field([marked(name)])).chain([Expr::field(["is_shown"])]);
    let rows = run.select_all("shown values", tables.bounded(outer.group_by(bucket.into_iter().chain(keys)))).await?;
    tables.check_size(&rows)?;
    let (mut lines, mut rest) = (Lines::new(), Points::new());
    for (batch, row) in cells::rows(&rows.batches) {
        let Some(position) = tables.position(batch, row) else { continue };
        let offset = usize::from(tables.has_buckets);
        let is_shown = cells::number(batch.column(offset + count), row).is_some_and(|flag| flag != 0.0);
        let point = (position, cells::number(batch.column(offset + count + 1), row).unwrap_or(0.0));
        match is_shown {
            true => lines.entry(breakdown::key(batch, row, offset, count)).or_default().push(point),
            false => rest.push(point),
        }
    }
    Ok((lines, rest))
}

/// The values with the largest sums; in time series those without a missing part first.
async fn chosen(all: &Select, tables: &Tables<'_>, run: &Run) -> Result<Vec<Key>, Failure> {
    let names: Vec<String> = (0..tables.breakdowns).map(breakdown::name).collect();
    let fields = || names.iter().map(|name| Expr::field([name]));
    let mut ranked = fields().fold(Select::from_query(all.clone(), Some("every")), Select::column);
    ranked = ranked.column(Expr::call("sum", [Expr::field(["value"])]).aliased("total"));
    let mut order: Vec<Order> = Vec::new();
    if tables.has_buckets {
        ranked = ranked.column(Expr::or(fields().map(Expr::is_null)).aliased("is_missing"));
        order.push(Expr::field(["is_missing"]).ascending());
    }
    order.push(Expr::field(["total"]).descending());
    order.extend(fields().map(Expr::ascending));
    let rows = run.select_all("values", ranked.group_by(fields()).order_by(order).limit(tables.limit as i64)).await?;
    Ok(cells::rows(&rows.batches).map(|(batch, row)| breakdown::key(batch, row, 0, tables.breakdowns)).collect())
}
