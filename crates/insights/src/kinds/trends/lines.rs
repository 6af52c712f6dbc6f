//! One series over one period: its rows as lines.

use super::breakdown;
use super::crowd;
use super::math::Math;
use super::plan::{Plan, PlannedSeries};
use super::select::Asked;
use super::window::Window;
use crate::cells;
use crate::failure::Failure;
use crate::kinds::period::Period;
use crate::run::{Rows, Run};
use arrow_array::RecordBatch;
use indexmap::IndexMap;
use query::ast::{Query, Select};

/// The values of a breakdown; one per breakdown, `None` where there is no value.
pub type Key = Vec<Option<String>>;

/// Numbers by breakdown value, each with the position of its bucket (0 for total values). Sparse: there may be many
/// values, of which few are shown.
pub type Lines = IndexMap<Key, Points>;
pub type Points = Vec<(usize, f64)>;

/// Lines by value, and the sum of the values that the store put together already.
pub struct Computed {
    pub lines: Lines,
    pub rest: Option<Points>,
}

/// How the rows of one series and period are laid out, and how many there may be.
pub struct Tables<'a> {
    pub breakdowns: usize,
    pub has_buckets: bool,
    /// Values to show.
    pub limit: usize,
    most_groups: usize,
    period: &'a Period,
    run: &'a Run,
}

impl Tables<'_> {
    pub fn bounded(&self, select: Select) -> Query {
        select.limit(self.most_groups as i64 + 1).into()
    }

    fn overflows(&self, rows: &Rows) -> bool {
        rows.count() > self.most_groups
    }

    pub fn check_size(&self, rows: &Rows) -> Result<(), Failure> {
        match self.overflows(rows) {
            true => Err(Failure::invalid("The answer has too many points. Choose a longer interval, fewer days or fewer values.")),
            false => Ok(()),
        }
    }

    /// The place of a row's bucket. `None` for rows outside the axis.
    pub fn position(&self, batch: &RecordBatch, row: usize) -> Option<usize> {
        if !self.has_buckets {
            return Some(0);
        }
        let at = cells::instant(batch.column(0), row, &self.run.calendar)?;
        self.period.axis.binary_search(&self.run.calendar.floor(at, self.period.span.interval)).ok()
    }
}

pub async fn compute(plan: &Plan, series: &PlannedSeries, period: &Period, run: &Run) -> Result<Computed, Failure> {
    let breakdowns = breakdown::expressions(plan, series, period, run).await?;
    let step = format!("series {}", series.order);
    let tables = Tables {
        breakdowns: breakdowns.len(),
        has_buckets: !plan.is_total_value(),
        limit: plan.breakdown_limit,
        most_groups: run.most_groups(),
        period,
        run,
    };
    let mut rest = None;
    let mut lines = match &series.math {
        Math::Active { days, .. } if !plan.is_total_value() => {
            let window = Window::new(*days, period, run);
            let rows = run.select_all(&step, tables.bounded(window.select(plan, series, &breakdowns, run)?)).await?;
            tables.check_size(&rows)?;
            window.lines(&rows, breakdowns.len(), period, run)?
        }
        _ => {
            let select = Asked { plan, series, period, breakdowns: &breakdowns, run }.select()?;
            let rows = run.select_all(&step, tables.bounded(select.clone())).await?;
            match tables.overflows(&rows) {
                true if !breakdowns.is_empty() => {
                    let (lines, others) = crowd::compute(select, &tables, run).await?;
                    rest = Some(others);
                    lines
                }
                _ => read(&rows, &tables),
            }
        }
    };
    if let Some(factor) = plan.scan.sampling.filter(|_| series.math.scales()) {
        lines.values_mut().chain(&mut rest).flatten().for_each(|(_, value)| *value = (*value / factor).round());
    }
    Ok(Computed { lines, rest })
}

fn read(rows: &Rows, tables: &Tables) -> Lines {
    let offset = usize::from(tables.has_buckets);
    let mut lines = Lines::new();
    for (batch, row) in cells::rows(&rows.batches) {
        let Some(position) = tables.position(batch, row) else { continue };
        let value = cells::number(batch.column(offset + tables.breakdowns), row).filter(|value| value.is_finite()).unwrap_or(0.0);
        lines.entry(breakdown::key(batch, row, offset, tables.breakdowns)).or_default().push((position, value));
    }
    lines
}
