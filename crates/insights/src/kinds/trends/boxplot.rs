//! Box plots: how the numbers of each bucket are spread.

use super::math::{Statistic, number};
use super::plan::{Plan, PlannedSeries};
use super::select::bucket;
use crate::cells::{self, number_json};
use crate::dates::{day_text, label_text};
use crate::failure::Failure;
use crate::run::Run;
use query::ast::{Expr, Select};
use serde_json::{Map, Value, json};

const STATISTICS: [(&str, Statistic); 6] = [
    ("min", Statistic::Smallest),
    ("p25", Statistic::Quantile(0.25)),
    ("median", Statistic::Quantile(0.5)),
    ("p75", Statistic::Quantile(0.75)),
    ("max", Statistic::Largest),
    ("mean", Statistic::Average),
];

/// One item per series and bucket; a bucket without numbers has zeros.
pub async fn compute(plan: &Plan, run: &Run) -> Result<Value, Failure> {
    let mut items = Vec::new();
    for series in &plan.series {
        let rows = run.select_all(&format!("series {}", series.order), select(plan, series, run)?).await?;
        let mut found: Vec<Option<Vec<f64>>> = vec![None; plan.current.axis.len()];
        for (batch, row) in cells::rows(&rows.batches) {
            let at = cells::instant(batch.column(0), row, &run.calendar);
            let at = at.map(|at| run.calendar.floor(at, plan.current.interval()));
            let Some(position) = at.and_then(|at| plan.current.axis.binary_search(&at).ok()) else { continue };
            let value = |index: usize| cells::number(batch.column(1 + index), row).unwrap_or(0.0);
            found[position] = Some((0..STATISTICS.len()).map(value).collect());
        }
        for (at, values) in plan.current.axis.iter().zip(found) {
            let values = values.unwrap_or_else(|| vec![0.0; STATISTICS.len()]);
            let mut item: Map<String, Value> =
                STATISTICS.iter().zip(values).map(|((name, _), value)| ((*name).to_owned(), number_json(Some(value)))).collect();
            item.insert("day".to_owned(), day_text(*at, plan.current.interval()).into());
            item.insert("label".to_owned(), label_text(*at, plan.current.interval()).into());
            item.insert("series_index".to_owned(), json!(series.order));
            item.insert("series_label".to_owned(), series.node.label().into());
            items.push(Value::Object(item));
        }
    }
    Ok(items.into())
}

fn select(plan: &Plan, series: &PlannedSeries, run: &Run) -> Result<Select, Failure> {
    let property = series.node.common.math_property.as_deref().filter(|property| !property.is_empty());
    let property = property.ok_or_else(|| Failure::invalid("A box plot needs a series with math_property"))?;
    let number = number(&series.node, property, run)?;
    let events = plan.events(series, run, Some(plan.current.lower), plan.current.span.to)?;
    let events = events.column(bucket(Expr::field(["timestamp"]), plan.current.interval()).aliased("bucket"));
    let columns = STATISTICS.iter().map(|(name, statistic)| statistic.of(number.clone()).aliased(&format!("box_{name}")));
    Ok(columns.fold(events, Select::column).group_by([Expr::field(["bucket"])]))
}
