//! Answers of the operator as PostHog's results.

use super::plan::Retention;
use crate::cells::{compact_number, number_json};
use crate::dates::iso;
use crate::failure::Failure;
use crate::kinds::trends::breakdown::{NULL, OTHER};
use crate::run::Run;
use behaviour::{Aggregation, Plan, RetentionAnswer, RetentionGroup, RetentionWant};
use events::Behaved;
use serde_json::{Value, json};

/// Numbers of all values together.
const MAX_CELLS: usize = 2_000_000;

pub async fn behave(retention: &Retention, want: RetentionWant, run: &Run) -> Result<(RetentionAnswer, Behaved), Failure> {
    let mut behaved = run.behave("retention", retention.rows(run)?, Plan::Retention(retention.plan(want))).await?;
    match &mut behaved.answer {
        behaviour::Answer::Retention(answer) => Ok((std::mem::take(answer), behaved)),
        _ => Err(anyhow::anyhow!("the store answered another plan").into()),
    }
}

/// A value of the breakdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// There is no breakdown.
    Whole,
    /// Empty where there is no value.
    Text(String),
    Other,
}

impl Shown {
    /// `breakdown_value`.
    pub fn wire(&self) -> Value {
        match self {
            Shown::Whole => Value::Null,
            Shown::Text(text) if text.is_empty() => NULL.into(),
            Shown::Text(text) => text.as_str().into(),
            Shown::Other => OTHER.into(),
        }
    }

    pub fn label(&self) -> String {
        match self {
            Shown::Whole => String::new(),
            Shown::Text(text) if text.is_empty() => "None (i.e. no value)".to_owned(),
            Shown::Text(text) => text.clone(),
            Shown::Other => "Other (i.e. all remaining values)".to_owned(),
        }
    }
}

pub async fn compute(retention: &Retention, run: &Run) -> Result<Value, Failure> {
    let shown = grids(retention, run).await?;
    if shown.len().saturating_mul(retention.cohorts() * retention.columns) > MAX_CELLS {
        return Err(Failure::invalid("The answer has too many numbers. Choose a longer period, fewer days or fewer values."));
    }
    Ok(shown.iter().flat_map(|(value, group)| (0..retention.cohorts()).map(move |row| item(retention, value, group, row))).collect())
}

pub async fn shown(retention: &Retention, run: &Run) -> Result<Vec<Shown>, Failure> {
    Ok(grids(retention, run).await?.into_iter().map(|(value, _)| value).collect())
}

/// The grids to show: of the values with the most actors, then of the rest together.
async fn grids(retention: &Retention, run: &Run) -> Result<Vec<(Shown, RetentionGroup)>, Failure> {
    let (answer, behaved) = behave(retention, RetentionWant::Counts, run).await?;
    if retention.breakdown.is_none() {
        return Ok(vec![(Shown::Whole, answer.groups.into_iter().next().unwrap_or_default())]);
    }
    let text = |group: &RetentionGroup| behaved.keys.get(group.key as usize).and_then(|texts| texts.first()).cloned().unwrap_or_default();
    let actors = |group: &RetentionGroup| group.counts.iter().filter_map(|row| row.first()).sum::<u64>();
    let mut ranked: Vec<(u64, String, RetentionGroup)> =
        answer.groups.into_iter().map(|group| (actors(&group), text(&group), group)).filter(|(actors, ..)| *actors > 0).collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let rest = ranked.split_off(retention.limit.min(ranked.len()));
    let mut grids: Vec<_> = ranked.into_iter().map(|(_, text, group)| (Shown::Text(text), group)).collect();
    let other = rest.into_iter().map(|(.., group)| group).reduce(|sum, group| added(sum, &group, retention.aggregation));
    grids.extend(other.filter(|_| !retention.hide_other).map(|group| (Shown::Other, group)));
    Ok(grids)
}

/// Two grids as one. Averages weigh as much as they have actors.
fn added(mut sum: RetentionGroup, more: &RetentionGroup, aggregation: Option<Aggregation>) -> RetentionGroup {
    for (row, counts) in sum.counts.iter_mut().enumerate() {
        for (column, count) in counts.iter_mut().enumerate() {
            let added = more.counts[row][column];
            if let Some(value) = sum.values.get_mut(row).and_then(|values| values.get_mut(column)) {
                let other = more.values[row][column];
                *value = match aggregation {
                    Some(Aggregation::Average) if *count + added > 0 => {
                        (*value * *count as f64 + other * added as f64) / (*count + added) as f64
                    }
                    _ => *value + other,
                };
            }
            *count += added;
        }
    }
    sum
}

fn item(retention: &Retention, value: &Shown, group: &RetentionGroup, row: usize) -> Value {
    let cells = (0..retention.columns).map(|column| {
        let count = group.counts.get(row).and_then(|counts| counts.get(column)).copied().unwrap_or(0);
        let mut cell = json!({"count": compact_number(retention.scan.scaled(count)), "label": retention.column_label(column)});
        if retention.aggregation.is_some() {
            let value = group.values.get(row).and_then(|values| values.get(column)).copied().unwrap_or(0.0);
            cell["aggregation_value"] = number_json(Some(value));
        }
        cell
    });
    json!({
        "date": iso(retention.cohort(row)), "label": retention.row_label(row), "breakdown_value": value.wire(),
        "values": cells.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_of_the_rest_weigh_by_actors() {
        let group = |count, value| RetentionGroup { key: 0, counts: vec![vec![count]], values: vec![vec![value]] };
        let sum = |aggregation| added(group(1, 10.0), &group(3, 2.0), Some(aggregation)).values[0][0];
        assert_eq!((sum(Aggregation::Average), sum(Aggregation::Sum)), (4.0, 12.0));
    }
}
