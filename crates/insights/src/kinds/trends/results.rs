//! Lines as PostHog's result items.

use super::breakdown::{self, Line, LineKey};
use super::lines;
use super::plan::{Plan, PlannedSeries};
use crate::cells::compact_number;
use crate::dates::{day_text, iso, label_text};
use crate::failure::Failure;
use crate::kinds::period::Period;
use crate::nodes::trends::Display;
use crate::run::Run;
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

/// The lines of one series over one period.
struct Computed<'a> {
    series: &'a PlannedSeries,
    period: &'a Period,
    compare: Option<&'static str>,
    lines: Vec<Line>,
}

/// Result items, and whether some values were put together as "other".
pub async fn compute(plan: &Plan, run: &Run) -> Result<(Vec<Value>, bool), Failure> {
    let (computed, has_more) = all_lines(plan, run).await?;
    let items = if plan.formulas.is_empty() {
        computed.iter().flat_map(|computed| computed.lines.iter().map(|line| series_item(plan, computed, line))).collect()
    } else {
        formula_items(plan, &computed)
    };
    Ok((items, has_more))
}

/// Points of all lines together.
const MAX_POINTS: usize = 1_000_000;

async fn all_lines<'a>(plan: &'a Plan, run: &Run) -> Result<(Vec<Computed<'a>>, bool), Failure> {
    let (mut all, mut has_more, mut points) = (Vec::new(), false, 0);
    for (period, compare) in plan.periods() {
        let width = if plan.is_total_value() { 1 } else { period.axis.len() };
        for series in &plan.series {
            let computed = lines::compute(plan, series, period, run).await?;
            let (mut lines, other) = breakdown::shown(computed, plan, width);
            has_more |= other;
            points += lines.len() * width;
            if points > MAX_POINTS {
                return Err(Failure::invalid("The answer has too many points. Choose a longer interval, fewer days or fewer values."));
            }
            lines.iter_mut().for_each(|line| finish(plan, &mut line.data));
            all.push(Computed { series, period, compare, lines });
        }
    }
    Ok((all, has_more))
}

fn finish(plan: &Plan, data: &mut [f64]) {
    if plan.is_total_value() {
        return;
    }
    if plan.smoothing > 1 {
        smooth(data, plan.smoothing);
    }
    if plan.display == Display::ActionsLineGraphCumulative {
        let mut sum = 0.0;
        for value in data {
            sum += *value;
            *value = sum;
        }
    }
}

/// Each point becomes the mean of itself and up to `width - 1` points before it, rounded down.
fn smooth(data: &mut [f64], width: usize) {
    let raw = data.to_vec();
    for (at, value) in data.iter_mut().enumerate() {
        let window = &raw[(at + 1).saturating_sub(width)..=at];
        *value = (window.iter().sum::<f64>() / window.len() as f64).floor();
    }
}

fn series_item(plan: &Plan, computed: &Computed, line: &Line) -> Value {
    let series = computed.series;
    let own = series.node.label();
    let label = match line.key.label(plan) {
        None => own,
        Some(value) if plan.series.len() == 1 => value,
        Some(value) => format!("{own} - {value}"),
    };
    let days: Vec<String> = computed.period.axis.iter().map(|at| iso(*at)).collect();
    let mut item = item(plan, computed.period, computed.compare, &line.key, &line.data, false);
    item.insert("label".to_owned(), label.into());
    item.insert("order".to_owned(), series.order.into());
    item.insert("action".to_owned(), series.node.action(series.order, if plan.is_total_value() { &[] } else { &days }));
    Value::Object(item)
}

fn item(plan: &Plan, period: &Period, compare: Option<&str>, key: &LineKey, data: &[f64], formula: bool) -> Map<String, Value> {
    let mut item = Map::new();
    if plan.is_total_value() {
        item.insert("aggregated_value".to_owned(), data.first().map_or(Value::from(0), |value| compact_number(*value)));
        item.insert("data".to_owned(), if formula { Value::Null } else { json!([]) });
        item.insert("count".to_owned(), 0.into());
        item.insert("days".to_owned(), json!([]));
        item.insert("labels".to_owned(), json!([]));
    } else {
        let interval = period.span.interval;
        let count = match plan.display {
            Display::ActionsLineGraphCumulative => data.last().copied().unwrap_or(0.0),
            _ => data.iter().sum(),
        };
        item.insert("data".to_owned(), data.iter().map(|value| compact_number(*value)).collect());
        item.insert("count".to_owned(), count.into());
        item.insert("days".to_owned(), period.axis.iter().map(|at| Value::from(day_text(*at, interval))).collect());
        item.insert("labels".to_owned(), period.axis.iter().map(|at| Value::from(label_text(*at, interval))).collect());
    }
    if let Some(label) = compare {
        item.insert("compare".to_owned(), true.into());
        item.insert("compare_label".to_owned(), label.into());
    }
    if let Some(value) = key.value(plan) {
        item.insert("breakdown_value".to_owned(), value);
    }
    item
}

/// Rows of formulas replace those of series. Lines belong together when they share breakdown value and period.
fn formula_items(plan: &Plan, computed: &[Computed]) -> Vec<Value> {
    let letters = plan.series.iter().map(|series| series.order + 1).max().unwrap_or(0);
    let mut items = Vec::new();
    for (order, (formula, text, name)) in plan.formulas.iter().enumerate() {
        for (period, compare) in plan.periods() {
            let of_period: Vec<&Computed> = computed.iter().filter(|computed| computed.compare == compare).collect();
            let width = if plan.is_total_value() { 1 } else { period.axis.len() };
            let mut inputs: IndexMap<&LineKey, Vec<Option<&Line>>> = IndexMap::new();
            for computed in &of_period {
                for line in &computed.lines {
                    inputs.entry(&line.key).or_insert_with(|| vec![None; letters])[computed.series.order] = Some(line);
                }
            }
            let mut results: Vec<(&LineKey, Vec<f64>)> = inputs
                .into_iter()
                .map(|(key, lines)| {
                    let values = |at: usize| -> Vec<f64> { lines.iter().map(|line| line.map_or(0.0, |line| line.data[at])).collect() };
                    (key, (0..width).map(|at| formula.evaluate(&values(at))).collect())
                })
                .collect();
            results.sort_by(|a, b| {
                let sum = |data: &[f64]| data.iter().sum::<f64>();
                a.0.class().cmp(&b.0.class()).then(sum(&b.1).total_cmp(&sum(&a.1)))
            });
            for (key, data) in results {
                let own = name.clone().unwrap_or_else(|| format!("Formula ({text})"));
                let label = match key.label(plan) {
                    None => own,
                    Some(value) if plan.formulas.len() == 1 => value,
                    Some(value) => format!("{own} - {value}"),
                };
                let mut item = item(plan, period, compare, key, &data, true);
                item.insert("label".to_owned(), label.into());
                item.insert("order".to_owned(), order.into());
                item.insert("action".to_owned(), Value::Null);
                items.push(Value::Object(item));
            }
        }
    }
    items
}

/// What a drill-down into this insight can be narrowed to.
pub struct Choices {
    pub days: Vec<(String, String)>,
    pub series: Vec<(String, usize)>,
    pub breakdowns: Vec<(String, Value)>,
    pub compare: bool,
}

pub async fn choices(plan: &Plan, run: &Run) -> Result<Choices, Failure> {
    let interval = plan.current.span.interval;
    let mut breakdowns: Vec<(String, Value)> = Vec::new();
    if !plan.breakdowns.is_empty() {
        let (computed, _) = all_lines(plan, run).await?;
        for line in computed.iter().flat_map(|computed| &computed.lines) {
            if let (Some(label), Some(value)) = (line.key.label(plan), line.key.value(plan))
                && !breakdowns.iter().any(|(_, known)| *known == value)
            {
                breakdowns.push((label, value));
            }
        }
    }
    let days = match plan.is_total_value() {
        true => Vec::new(),
        false => plan.current.axis.iter().map(|at| (label_text(*at, interval), day_text(*at, interval))).collect(),
    };
    let series = plan.series.iter().map(|series| (series.node.label(), series.order)).collect();
    Ok(Choices { days, series, breakdowns, compare: plan.previous.is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_takes_the_floor_of_the_mean_so_far() {
        let mut data = [4.0, 1.0, 0.0, 7.0, 3.0];
        smooth(&mut data, 3);
        assert_eq!(data, [4.0, 2.0, 1.0, 2.0, 3.0]);
    }
}
