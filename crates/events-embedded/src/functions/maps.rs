//! Maps, which between columns are arrays of pairs, and aggregates over what is inside of arrays and maps.

use super::arrays::{default_of, distinct};
use super::eval::entries;
use super::value::Value;
use datafusion::common::exec_err;

entries! {
    strict {
        "mapFromArrays" => |args, _| {
            if args[0].items().len() != args[1].items().len() {
                return exec_err!("mapFromArrays takes as many keys as values");
            }
            Ok(map(args[0].items().iter().cloned().zip(args[1].items().iter().cloned())))
        },
        "mapKeys" => |args, _| Ok(Value::Array(pairs(&args[0]).map(|(key, _)| key.clone()).collect())),
        "mapValues" => |args, _| Ok(Value::Array(pairs(&args[0]).map(|(_, value)| value.clone()).collect())),
        "mapContains" => |args, _| Ok(Value::Bool(pairs(&args[0]).any(|(key, _)| key.same(&args[1])))),
    }
    lenient {
        "map" => |args, _| Ok(map(args.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())))),
        "mapElement" => |args, kind| {
            let found = pairs(&args[0]).find(|(key, _)| key.same(&args[1])).map(|(_, value)| value.clone());
            Ok(found.unwrap_or_else(|| default_of(kind)))
        },
        // Name of the aggregate, its parameter, all arrays.
        "collectArray" => |args, _| {
            let items: Vec<&Value> = args[2].items().iter().flat_map(Value::items).collect();
            Ok(aggregate(args[0].as_str(), &args[1], &items))
        },
        "collectForEach" => |args, _| Ok(Value::Array(each_position(args))),
        "collectMap" => |args, _| Ok(each_key(args)),
    }
}

fn map(pairs: impl Iterator<Item = (Value, Value)>) -> Value {
    Value::Array(pairs.map(|(key, value)| Value::Tuple(vec![key, value])).collect())
}

fn pairs(map: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    map.items().iter().filter_map(|pair| match pair {
        Value::Tuple(pair) => Some((pair.first()?, pair.get(1)?)),
        _ => None,
    })
}

fn each_position(args: &[Value]) -> Vec<Value> {
    let arrays = args[2].items();
    let length = arrays.iter().map(|array| array.items().len()).max().unwrap_or(0);
    let at = |position: usize| arrays.iter().filter_map(|array| array.items().get(position)).collect::<Vec<_>>();
    (0..length).map(|position| aggregate(args[0].as_str(), &args[1], &at(position))).collect()
}

/// Keys in their order.
fn each_key(args: &[Value]) -> Value {
    let mut all: Vec<(&Value, &Value)> = args[2].items().iter().flat_map(pairs).collect();
    all.sort_by(|a, b| a.0.order(b.0));
    let of_key = |group: &[(&Value, &Value)]| {
        let values: Vec<&Value> = group.iter().map(|(_, value)| *value).collect();
        (group[0].0.clone(), aggregate(args[0].as_str(), &args[1], &values))
    };
    map(all.chunk_by(|a, b| a.0.same(b.0)).map(of_key))
}

fn aggregate(name: &str, param: &Value, items: &[&Value]) -> Value {
    let present: Vec<&Value> = items.iter().copied().filter(|item| !item.is_null()).collect();
    let numbers = || present.iter().filter_map(|item| item.to_float());
    let whole = present.iter().all(|item| matches!(item, Value::Int(_) | Value::Bool(_)));
    let optional = |found: Option<&&Value>| found.map_or(Value::Null, |found| (*found).clone());
    match name {
        "count" => Value::Int(present.len() as i64),
        "sum" if whole => Value::Int(present.iter().filter_map(|item| item.to_int()).fold(0, i64::wrapping_add)),
        "sum" => Value::Float(numbers().sum()),
        "avg" if present.is_empty() => Value::Null,
        "avg" => Value::Float(numbers().sum::<f64>() / present.len() as f64),
        "min" => optional(present.iter().min_by(|a, b| a.order(b))),
        "max" => optional(present.iter().max_by(|a, b| a.order(b))),
        "any" => optional(present.first()),
        "anyLast" => optional(present.last()),
        "uniq" => Value::Int(distinct(present).len() as i64),
        "median" => quantile(numbers().collect(), 0.5),
        "quantile" => quantile(numbers().collect(), param.to_float().unwrap_or(0.5)),
        "groupArray" => Value::Array(present.into_iter().cloned().collect()),
        _ => {
            let mut values = distinct(present);
            values.sort_by(|a, b| a.order(b));
            Value::Array(values)
        }
    }
}

/// Between the two nearest values, by distance.
fn quantile(mut numbers: Vec<f64>, fraction: f64) -> Value {
    numbers.sort_by(f64::total_cmp);
    let Some(last) = numbers.len().checked_sub(1) else { return Value::Null };
    let place = last as f64 * fraction.clamp(0.0, 1.0);
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    Value::Float(numbers[low] + (numbers[high] - numbers[low]) * (place - low as f64))
}
