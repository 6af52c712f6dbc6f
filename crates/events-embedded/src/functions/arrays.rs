//! Arrays: positions from 1, negative ones from the end.

use super::eval::entries;
use super::value::{Kind, Value};
use datafusion::common::{Result, exec_err};
use std::cmp::Ordering;

/// Most elements that a function may make by itself.
const MAX_ITEMS: i64 = 1_000_000;

entries! {
    strict {
        "arraySum" => |args, kind| {
            let total: f64 = numbers(&args[0]).sum();
            let whole = args[0].items().iter().all(|item| matches!(item, Value::Int(_) | Value::Bool(_) | Value::Null));
            Ok(if whole && *kind == Kind::Int { Value::Int(args[0].items().iter().map(Value::as_int).fold(0, i64::wrapping_add)) } else { Value::Float(total) })
        },
        "arrayAvg" => |args, _| {
            let count = numbers(&args[0]).count();
            Ok(if count == 0 { Value::Null } else { Value::Float(numbers(&args[0]).sum::<f64>() / count as f64) })
        },
        "arrayProduct" => |args, _| Ok(Value::Float(numbers(&args[0]).product())),
        "arrayMin" => |args, _| Ok(extreme(&args[0], Ordering::Less)),
        "arrayMax" => |args, _| Ok(extreme(&args[0], Ordering::Greater)),
        "arrayExists" => |args, _| Ok(Value::Bool(args[0].items().iter().any(|item| item.to_bool() == Some(true)))),
        "arrayAll" => |args, _| Ok(Value::Bool(args[0].items().iter().all(|item| item.to_bool() == Some(true)))),
        "arrayCount" => |args, _| Ok(Value::Int(args[0].items().iter().filter(|item| item.to_bool() == Some(true)).count() as i64)),
        "arraySort" => |args, _| Ok(sorted(&args[0], args[0].items(), false)),
        "arrayReverseSort" => |args, _| Ok(sorted(&args[0], args[0].items(), true)),
        "arraySortBy" => |args, _| Ok(sorted(&args[0], args[1].items(), false)),
        "arrayReverseSortBy" => |args, _| Ok(sorted(&args[0], args[1].items(), true)),
        "arrayFirstTrue" => |args, _| Ok(chosen(args, args[1].items().iter().position(|item| item.to_bool() == Some(true)))),
        "arrayLastTrue" => |args, _| Ok(chosen(args, args[1].items().iter().rposition(|item| item.to_bool() == Some(true)))),
        "arrayReverse" => |args, _| Ok(Value::Array(args[0].items().iter().rev().cloned().collect())),
        "arrayDistinct" => |args, _| Ok(Value::Array(distinct(args[0].items().iter().filter(|item| !item.is_null())))),
        "arrayUniq" => |args, _| Ok(Value::Int(distinct(args[0].items()).len() as i64)),
        "arrayConcat" => |args, _| Ok(Value::Array(args.iter().flat_map(|array| array.items().iter().cloned()).collect())),
        "arraySlice" => |args, _| Ok(slice(args)),
        "arrayElement" => |args, _| Ok(place(args[1].as_int(), args[0].items().len()).and_then(|at| args[0].items().get(at)).cloned().unwrap_or(Value::Null)),
        // Where elements cannot be NULL, a position outside gives the type's default.
        "arrayElementOrDefault" => |args, kind| {
            let found = place(args[1].as_int(), args[0].items().len()).and_then(|at| args[0].items().get(at)).cloned();
            Ok(found.unwrap_or_else(|| default_of(kind)))
        },
        "hasAny" => |args, _| Ok(Value::Bool(args[1].items().iter().any(|item| contains(&args[0], item)))),
        "hasAll" => |args, _| Ok(Value::Bool(args[1].items().iter().all(|item| contains(&args[0], item)))),
        "arrayEnumerate" => |args, _| Ok(Value::Array((1..=args[0].items().len() as i64).map(Value::Int).collect())),
        "arrayZip" => zip,
        "arrayFlatten" => |args, _| Ok(Value::Array(flatten(args[0].items()))),
        "arrayCompact" => |args, _| {
            let mut items = args[0].items().to_vec();
            items.dedup();
            Ok(Value::Array(items))
        },
        "arrayDifference" => |args, _| Ok(running(&args[0], |before, item| item - before, |_, item| item)),
        "arrayCumSum" => |args, _| Ok(running(&args[0], |before, item| before + item, |before, item| before + item)),
        "arrayPopBack" => |args, _| Ok(Value::Array(args[0].items().split_last().map_or_else(Vec::new, |(_, rest)| rest.to_vec()))),
        "arrayPopFront" => |args, _| Ok(Value::Array(args[0].items().split_first().map_or_else(Vec::new, |(_, rest)| rest.to_vec()))),
        "arrayIntersect" => |args, _| {
            let common = args[0].items().iter().filter(|item| args[1..].iter().all(|other| contains(other, item)));
            Ok(Value::Array(distinct(common)))
        },
        "arrayRotateLeft" => |args, _| Ok(rotated(&args[0], args[1].as_int())),
        "arrayRotateRight" => |args, _| Ok(rotated(&args[0], args[1].as_int().saturating_neg())),
        "range" => range,
        "arraySplitTrue" => |args, _| Ok(split(args[0].items(), args[1].items())),
        "arrayFillTrue" => |args, _| Ok(filled(args[0].items(), args[1].items())),
        "lastIndexOf" => |args, _| Ok(Value::Int(args[0].items().iter().rposition(|item| item.same(&args[1])).map_or(0, |at| at as i64 + 1))),
        "emptyArray" => |_, _| Ok(Value::Array(Vec::new())),
        "emptyArrayString" => |_, _| Ok(Value::Array(Vec::new())),
        "emptyArrayInt64" => |_, _| Ok(Value::Array(Vec::new())),
    }
    lenient {
        "has" => |args, _| Ok(if matches!(args[0], Value::Array(_)) { Value::Bool(contains(&args[0], &args[1])) } else { Value::Null }),
        "indexOf" => |args, _| Ok(Value::Int(args[0].items().iter().position(|item| item.same(&args[1])).map_or(0, |at| at as i64 + 1))),
        "countEqual" => |args, _| Ok(Value::Int(args[0].items().iter().filter(|item| item.same(&args[1])).count() as i64)),
        "arrayPushBack" => |args, _| Ok(Value::Array(args[0].items().iter().chain(&args[1..]).cloned().collect())),
        "arrayPushFront" => |args, _| Ok(Value::Array(args[1..].iter().chain(args[0].items()).cloned().collect())),
        "arrayWithConstant" => |args, _| {
            let count = bounded(args[0].as_int())?;
            Ok(Value::Array(vec![args[1].clone(); count]))
        },
        "arrayResize" => resize,
        "orOneNull" => |args, _| Ok(if args[0].items().is_empty() { Value::Array(vec![Value::Null]) } else { args[0].clone() }),
        "mostFrequent" => |args, _| Ok(Value::Array(most_frequent(args[1].items(), args[0].as_int().max(0) as usize))),
    }
}

fn bounded(count: i64) -> Result<usize> {
    if count > MAX_ITEMS { exec_err!("an array may have {MAX_ITEMS} elements at most") } else { Ok(count.max(0) as usize) }
}

fn numbers(array: &Value) -> impl Iterator<Item = f64> {
    array.items().iter().filter_map(Value::to_float)
}

fn contains(array: &Value, item: &Value) -> bool {
    array.items().iter().any(|known| known.same(item))
}

fn place(position: i64, length: usize) -> Option<usize> {
    match position {
        0 => None,
        1.. => Some(position as usize - 1),
        _ => length.checked_sub(position.unsigned_abs() as usize),
    }
}

fn chosen(args: &[Value], at: Option<usize>) -> Value {
    at.and_then(|at| args[0].items().get(at)).cloned().unwrap_or(Value::Null)
}

fn extreme(array: &Value, wanted: Ordering) -> Value {
    let better = |best: Value, item: &Value| if best.is_null() || item.order(&best) == wanted { item.clone() } else { best };
    array.items().iter().filter(|item| !item.is_null()).fold(Value::Null, better)
}

/// Stable, NULLs last in both directions.
fn sorted(array: &Value, keys: &[Value], descending: bool) -> Value {
    let mut order: Vec<usize> = (0..array.items().len()).collect();
    let key = |at: usize| keys.get(at).unwrap_or(&Value::Null);
    order.sort_by(|a, b| {
        let (a, b) = (key(*a), key(*b));
        if descending && !a.is_null() && !b.is_null() { b.order(a) } else { a.order(b) }
    });
    Value::Array(order.into_iter().map(|at| array.items()[at].clone()).collect())
}

/// By sorting, so that a long array of many values stays cheap; in the order of first appearance.
pub fn distinct<'a>(items: impl IntoIterator<Item = &'a Value>) -> Vec<Value> {
    let mut all: Vec<(usize, &Value)> = items.into_iter().enumerate().collect();
    all.sort_by(|a, b| a.1.order(b.1).then(a.0.cmp(&b.0)));
    all.dedup_by(|a, b| a.1.order(b.1) == Ordering::Equal);
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, item)| item.clone()).collect()
}

fn slice(args: &[Value]) -> Value {
    let items = args[0].items();
    let Some(start) = place(args[1].as_int(), items.len()) else { return Value::Array(Vec::new()) };
    let rest = items.get(start..).unwrap_or(&[]);
    let keep = match args.get(2).map(Value::as_int) {
        None => rest.len(),
        Some(length @ 0..) => rest.len().min(length as usize),
        Some(length) => rest.len().saturating_sub(length.unsigned_abs() as usize),
    };
    Value::Array(rest[..keep].to_vec())
}

fn resize(args: &[Value], kind: &Kind) -> Result<Value> {
    let count = bounded(args[1].as_int())?;
    let default = if let Kind::Array(item) = kind { default_of(item) } else { Value::Null };
    let mut items = args[0].items().to_vec();
    items.resize(count, args.get(2).cloned().unwrap_or(default));
    Ok(Value::Array(items))
}

pub fn default_of(kind: &Kind) -> Value {
    match kind {
        Kind::Array(_) => Value::Array(Vec::new()),
        Kind::Int | Kind::Unsigned => Value::Int(0),
        Kind::Float => Value::Float(0.0),
        Kind::Text => Value::text(""),
        Kind::Bool => Value::Bool(false),
        _ => Value::Null,
    }
}

fn zip(args: &[Value], _: &Kind) -> Result<Value> {
    let length = args[0].items().len();
    if args.iter().any(|array| array.items().len() != length) {
        return exec_err!("the arrays must have the same number of elements");
    }
    Ok(Value::Array((0..length).map(|at| Value::Tuple(args.iter().map(|array| array.items()[at].clone()).collect())).collect()))
}

fn flatten(items: &[Value]) -> Vec<Value> {
    items.iter().flat_map(|item| if let Value::Array(inner) = item { flatten(inner) } else { vec![item.clone()] }).collect()
}

/// The first element takes the place before it as 0.
fn running(array: &Value, step: impl Fn(f64, f64) -> f64, carry: impl Fn(f64, f64) -> f64) -> Value {
    let whole = array.items().iter().all(|item| matches!(item, Value::Int(_)));
    let mut before: Option<f64> = None;
    let cumulates = step(1.0, 1.0) == 2.0;
    let items = array.items().iter().map(|item| {
        let item = item.to_float().unwrap_or(0.0);
        let value = match before {
            None => {
                if cumulates {
                    item
                } else {
                    0.0
                }
            }
            Some(before) => step(before, item),
        };
        before = Some(carry(before.unwrap_or(0.0), item));
        if whole { Value::Int(value as i64) } else { Value::Float(value) }
    });
    Value::Array(items.collect())
}

/// A new part begins at every element for which the truth holds.
fn split(items: &[Value], truths: &[Value]) -> Value {
    let mut parts: Vec<Vec<Value>> = Vec::new();
    for (item, truth) in items.iter().zip(truths) {
        match parts.last_mut() {
            Some(part) if *truth != Value::Bool(true) => part.push(item.clone()),
            _ => parts.push(vec![item.clone()]),
        }
    }
    Value::Array(parts.into_iter().map(Value::Array).collect())
}

/// Where the truth does not hold, the element before takes the place.
fn filled(items: &[Value], truths: &[Value]) -> Value {
    let mut filled: Vec<Value> = Vec::with_capacity(items.len());
    for (item, truth) in items.iter().zip(truths) {
        let before = filled.last().filter(|_| *truth != Value::Bool(true)).cloned();
        filled.push(before.unwrap_or_else(|| item.clone()));
    }
    Value::Array(filled)
}

fn rotated(array: &Value, by: i64) -> Value {
    let mut items = array.items().to_vec();
    if !items.is_empty() {
        let by = by.rem_euclid(items.len() as i64) as usize;
        items.rotate_left(by);
    }
    Value::Array(items)
}

/// `range(end)`, `range(start, end)`, `range(start, end, step)`
fn range(args: &[Value], _: &Kind) -> Result<Value> {
    let (start, end, step) = match args {
        [end] => (0, end.as_int(), 1),
        [start, end] => (start.as_int(), end.as_int(), 1),
        _ => (args[0].as_int(), args[1].as_int(), args[2].as_int()),
    };
    if step == 0 {
        return exec_err!("the step of range must not be 0");
    }
    let span = i128::from(end) - i128::from(start);
    let count = if span.signum() == i128::from(step.signum()) {
        (span.abs() + i128::from(step.unsigned_abs()) - 1) / i128::from(step.unsigned_abs())
    } else {
        0
    };
    let count = bounded(i64::try_from(count).unwrap_or(i64::MAX))? as i64;
    Ok(Value::Array((0..count).map(|at| Value::Int(start + at * step)).collect()))
}

/// Most frequent first; equally frequent values in their own order.
fn most_frequent(items: &[Value], count: usize) -> Vec<Value> {
    let mut sorted: Vec<&Value> = items.iter().filter(|item| !item.is_null()).collect();
    sorted.sort_by(|a, b| a.order(b));
    let mut runs: Vec<(&Value, usize)> = Vec::new();
    for item in sorted {
        match runs.last_mut() {
            Some((known, times)) if known.order(item) == Ordering::Equal => *times += 1,
            _ => runs.push((item, 1)),
        }
    }
    runs.sort_by(|a, b| b.1.cmp(&a.1));
    runs.into_iter().take(count).map(|(item, _)| item.clone()).collect()
}
