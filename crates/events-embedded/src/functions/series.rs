//! What rare aggregates make of all values of a group, which arrive as one array.

use super::eval::entries;
use super::value::{Kind, Value};
use datafusion::common::Result;
use std::collections::HashMap;

entries! {
    lenient {
        "windowFunnel" => |args, _| Ok(Value::Int(window_funnel(args[1].items(), args[0].as_int()))),
        "sequenceMatch" => |args, _| Ok(Value::Int((super::sequence::count(args[0].as_str(), args[1].items(), true)?).min(1))),
        "sequenceCount" => |args, _| Ok(Value::Int(super::sequence::count(args[0].as_str(), args[1].items(), false)?)),
        "entropy" => |args, _| Ok(entropy(args[0].items())),
        "deltaSum" => delta_sum,
        "skewPop" => |args, _| Ok(moment(args[0].items(), 3, 0)),
        "skewSamp" => |args, _| Ok(moment(args[0].items(), 3, 1)),
        "kurtPop" => |args, _| Ok(moment(args[0].items(), 4, 0)),
        "kurtSamp" => |args, _| Ok(moment(args[0].items(), 4, 1)),
        "groupArrayMovingSum" => |args, kind| Ok(moving(args, kind, false)),
        "groupArrayMovingAvg" => |args, kind| Ok(moving(args, kind, true)),
    }
}

/// The longest chain of conditions 1, 2, … whose last time is at most `window` after its first. Rows are tuples of time and
/// conditions; one row may fulfil several in a row.
fn window_funnel(rows: &[Value], window: i64) -> i64 {
    let mut steps: Vec<(i64, usize)> = Vec::new();
    let mut levels = 0;
    for row in rows {
        let Value::Tuple(items) = row else { continue };
        let Some((Value::Int(at), conditions)) = items.split_first() else { continue };
        levels = conditions.len();
        steps.extend(conditions.iter().enumerate().filter(|(_, condition)| **condition == Value::Bool(true)).map(|(step, _)| (*at, step)));
    }
    steps.sort_unstable();
    // When the chain that reached each step began.
    let mut began: Vec<Option<i64>> = vec![None; levels];
    for (at, step) in steps {
        if step == 0 {
            began[0] = Some(at);
        } else if let Some(first) = began[step - 1].filter(|first| at <= first.saturating_add(window)) {
            began[step] = Some(first);
        }
    }
    began.iter().rposition(Option::is_some).map_or(0, |step| step as i64 + 1)
}

fn entropy(items: &[Value]) -> Value {
    let mut counts: HashMap<String, usize> = HashMap::new();
    items.iter().filter_map(Value::to_text).for_each(|text| *counts.entry(text).or_default() += 1);
    let total = counts.values().sum::<usize>() as f64;
    Value::Float(counts.values().map(|count| *count as f64 / total).map(|share| -share * share.log2()).sum())
}

/// The sum of all rises from one value to the next.
fn delta_sum(args: &[Value], _: &Kind) -> Result<Value> {
    let numbers: Vec<f64> = args[0].items().iter().filter_map(Value::to_float).collect();
    Ok(Value::Float(numbers.windows(2).map(|pair| (pair[1] - pair[0]).max(0.0)).sum()))
}

/// The standardised central moment; `freedom` is 1 when the variance is that of a sample.
fn moment(items: &[Value], power: i32, freedom: usize) -> Value {
    let numbers: Vec<f64> = items.iter().filter_map(Value::to_float).collect();
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let central = |power: i32| numbers.iter().map(|number| (number - mean).powi(power)).sum::<f64>();
    let variance = central(2) / (count - freedom as f64);
    let value = central(power) / count / variance.powf(f64::from(power) / 2.0);
    if value.is_finite() { Value::Float(value) } else { Value::Null }
}

/// Sums or averages over the last `window` values; 0 stands for all before.
fn moving(args: &[Value], kind: &Kind, average: bool) -> Value {
    let items = args[1].items();
    let window = match args[0].as_int() {
        1.. => args[0].as_int() as usize,
        _ => items.len().max(1),
    };
    let numbers: Vec<f64> = items.iter().filter_map(Value::to_float).collect();
    let mut sum = 0.0;
    let values = numbers.iter().enumerate().map(|(at, number)| {
        sum += number - at.checked_sub(window).map_or(0.0, |gone| numbers[gone]);
        let value = if average { sum / window as f64 } else { sum };
        if *kind == Kind::Array(Box::new(Kind::Int)) { Value::Int(value as i64) } else { Value::Float(value) }
    });
    Value::Array(values.collect())
}
