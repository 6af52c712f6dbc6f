//! Expressions of the time that stay the same for a quarter of an hour: days, hours, weeks of a zone.

use super::dictionary::NULL;
use crate::columns::TIMESTAMP;
use crate::packed::bits::Blocks;
use crate::packed::places::QUARTER_US;
use crate::packed::shape::Leaf;
use anyhow::Result;
use arrow::array::{ArrayRef, TimestampMicrosecondArray};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;
use query::{ColumnSource, ColumnUse};
use std::ops::Range;
use std::sync::Arc;

/// A year; segments hold a week, and more only where clients invent times.
const QUARTERS_MAX: i64 = 366 * 96;
/// Not the same all through the quarter.
const SPLIT: u32 = u32::MAX;

/// Codes by quarter.
pub struct Quarters {
    first: i64,
    codes: Vec<u32>,
}

/// The time must stand nowhere but where a function takes the larger part of it.
pub fn is_calendar(expr: &Expr, columns: &[ColumnUse]) -> bool {
    let is_time = |expr: &Expr| match expr {
        Expr::Column(column) => columns.iter().any(|known| known.name == column.name && known.source == ColumnSource::Field(TIMESTAMP)),
        _ => false,
    };
    let mut fits = true;
    let mut times = 0;
    let walked = expr.apply(|expr| {
        if let Expr::ScalarFunction(call) = expr {
            let unit = call.args.iter().find_map(|arg| if let Expr::Literal(value, _) = arg { value.try_as_str().flatten() } else { None });
            let coarse = match call.func.name() {
                "hog_to_date" => call.args.first().is_some_and(is_time),
                "hog_start_of" | "hog_date_part" => unit.is_some_and(is_coarse) && call.args.iter().any(is_time),
                _ => false,
            };
            if coarse && call.args.iter().all(|arg| is_time(arg) || matches!(arg, Expr::Literal(..))) {
                times += 1;
                return Ok(TreeNodeRecursion::Jump);
            }
        }
        fits &= !matches!(expr, Expr::Column(_));
        Ok(TreeNodeRecursion::Continue)
    });
    walked.is_ok() && fits && times > 0
}

fn is_coarse(unit: &str) -> bool {
    matches!(unit, "hour" | "day" | "week" | "month" | "quarter" | "year" | "weekday" | "day_of_year" | "iso_week" | "iso_year")
}

impl Quarters {
    /// `None` when the times lie too far apart.
    pub fn new(leaf: &Leaf, first_us: i64, last_us: i64, codes: &dyn Fn(&ArrayRef) -> Result<Vec<u32>>) -> Result<Option<Quarters>> {
        let (first, last) = (first_us.div_euclid(QUARTER_US), last_us.div_euclid(QUARTER_US));
        if last - first >= QUARTERS_MAX {
            return Ok(None);
        }
        let at = |offset: i64| -> Result<Vec<u32>> {
            let times = (first..=last).map(|quarter| quarter * QUARTER_US + offset);
            let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"));
            let rows = times.len();
            codes(&leaf.evaluate(leaf.columns.iter().map(|_| times.clone()).collect(), rows)?)
        };
        let (starts, ends) = (at(0)?, at(QUARTER_US - 1)?);
        let codes = starts.into_iter().zip(ends).map(|(start, end)| if start == end { start } else { SPLIT }).collect();
        Ok(Some(Quarters { first, codes }))
    }

    /// The code of the quarter that begins here; `None` when it has several.
    pub fn code(&self, at: i64) -> Option<u32> {
        let code = self.codes.get((at.div_euclid(QUARTER_US) - self.first) as usize).copied();
        code.filter(|code| *code != SPLIT)
    }

    /// `None` when one of these rows has no code by its quarter.
    pub fn read(&self, seconds: &Blocks, rows: Range<usize>) -> Option<Vec<u32>> {
        const QUARTER: u32 = (QUARTER_US / 1_000_000) as u32;
        let mut codes = Vec::with_capacity(rows.len());
        // One quarter more on both sides, for rows outside.
        let base = (self.first - 1) * i64::from(QUARTER);
        seconds.offsets(rows, base, (self.codes.len() as u32 + 2) * QUARTER - 1, &mut codes);
        let mut split = false;
        for code in &mut codes {
            // The filter leaves rows outside to nobody.
            *code = self.codes.get(((*code / QUARTER) as usize).wrapping_sub(1)).copied().unwrap_or(NULL);
            split |= *code == SPLIT;
        }
        (!split).then_some(codes)
    }
}
