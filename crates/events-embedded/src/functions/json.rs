//! JSON text. A key is a name or, in arrays and objects, a 1-based position; negative ones count from the end.

use super::eval::entries;
use super::value::{Kind, Value};
use serde_json::Value as Json;

entries! {
    strict {
        "JSONText" => |args, _| Ok(find_in(args).map_or(Value::Null, |json| property_text(&json))),
        "JSONExtract" => |args, kind| Ok(find_in(args).map_or_else(|| empty(kind), |json| as_kind(&json, kind))),
        "JSONExtractOrDefault" => |args, kind| Ok(match find_in(args).map_or(Value::Null, |json| as_kind(&json, kind)) {
            Value::Null => super::arrays::default_of(kind),
            found => found,
        }),
        "JSONExtractString" => |args, _| Ok(match find_in(args).map_or(Value::Null, |json| property_text(&json)) {
            Value::Null => Value::text(""),
            found => found,
        }),
        "JSONExtractInt" => |args, _| Ok(Value::Int(find_in(args).and_then(|json| integer(&json)).unwrap_or(0))),
        "JSONExtractFloat" => |args, _| Ok(Value::Float(find_in(args).and_then(|json| float(&json)).unwrap_or(0.0))),
        "JSONExtractBool" => |args, _| Ok(Value::Bool(find_in(args) == Some(Json::Bool(true)))),
        "JSONExtractRaw" => |args, _| Ok(Value::text(find_in(args).map_or_else(String::new, |json| json.to_string()))),
        "JSONExtractArrayRaw" => |args, _| Ok(Value::Array(match find_in(args) {
            Some(Json::Array(items)) => items.iter().map(|item| Value::text(item.to_string())).collect(),
            _ => Vec::new(),
        })),
        "JSONExtractKeys" => |args, _| Ok(Value::Array(match find_in(args) {
            Some(Json::Object(members)) => members.keys().map(|key| Value::text(key.as_str())).collect(),
            _ => Vec::new(),
        })),
        "JSONExtractKeysAndValuesRaw" => |args, _| Ok(pairs(args, |json| json.to_string())),
        "JSONExtractKeysAndValues" => |args, _| Ok(pairs(&args[..args.len() - 1], |json| property_text(json).to_text().unwrap_or_default())),
        "JSONHas" => |args, _| Ok(Value::Bool(find_in(args).is_some())),
        "JSONLength" => |args, _| Ok(Value::Int(match find_in(args) {
            Some(Json::Array(items)) => items.len() as i64,
            Some(Json::Object(members)) => members.len() as i64,
            _ => 0,
        })),
        "JSONType" => |args, _| Ok(Value::text(type_name(find_in(args)))),
        "isValidJSON" => |args, _| Ok(Value::Bool(serde_json::from_str::<serde::de::IgnoredAny>(args[0].as_str()).is_ok())),
    }
    lenient {
        "toJSONString" => |args, _| Ok(Value::text(to_json(&args[0]).to_string())),
    }
}

fn find_in(args: &[Value]) -> Option<Json> {
    let mut json: Json = serde_json::from_str(args[0].as_str()).ok()?;
    for key in &args[1..] {
        json = match (json, key) {
            (Json::Object(mut members), Value::Text(name)) => members.remove(&**name)?,
            // A property path cannot tell a position from a name that is made of digits.
            (Json::Object(mut members), Value::Int(position)) => match members.remove(&position.to_string()) {
                Some(found) => found,
                None => members.into_iter().nth(place(*position, usize::MAX)?)?.1,
            },
            (Json::Array(mut items), Value::Int(position)) => {
                let at = place(*position, items.len())?;
                if at >= items.len() {
                    return None;
                }
                items.swap_remove(at)
            }
            _ => return None,
        };
    }
    Some(json)
}

fn place(position: i64, length: usize) -> Option<usize> {
    match position {
        0 => None,
        1.. => usize::try_from(position - 1).ok(),
        _ => length.checked_sub(usize::try_from(position.unsigned_abs()).ok()?),
    }
}

/// As property access reads a value.
fn property_text(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::String(text) => Value::text(text.as_str()),
        other => Value::text(other.to_string()),
    }
}

fn integer(json: &Json) -> Option<i64> {
    match json {
        Json::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|value| value as i64)),
        Json::Bool(flag) => Some((*flag).into()),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn float(json: &Json) -> Option<f64> {
    match json {
        Json::Number(number) => number.as_f64(),
        Json::Bool(flag) => Some(f64::from(*flag)),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn as_kind(json: &Json, kind: &Kind) -> Value {
    match (kind, json) {
        (_, Json::Null) => Value::Null,
        (Kind::Text, _) => property_text(json),
        (Kind::Int | Kind::Unsigned, _) => integer(json).map_or(Value::Null, Value::Int),
        (Kind::Float, _) => float(json).map_or(Value::Null, Value::Float),
        (Kind::Bool, Json::Bool(flag)) => Value::Bool(*flag),
        (Kind::Time, Json::String(text)) => query::time::parse(text, chrono_tz::UTC).map_or(Value::Null, |at| Value::Time(at.0)),
        (Kind::Date, Json::String(text)) => {
            query::time::parse_date(text).map_or(Value::Null, |date| Value::Date(query::time::days_since_epoch(date)))
        }
        (Kind::Array(item), Json::Array(items)) => Value::Array(items.iter().map(|one| as_kind(one, item)).collect()),
        (Kind::Array(_), _) => Value::Array(Vec::new()),
        (Kind::Tuple(kinds), Json::Array(items)) => Value::Tuple(
            kinds.iter().zip(items.iter().chain(std::iter::repeat(&Json::Null))).map(|(kind, item)| as_kind(item, kind)).collect(),
        ),
        _ => Value::Null,
    }
}

fn empty(kind: &Kind) -> Value {
    if matches!(kind, Kind::Array(_)) { Value::Array(Vec::new()) } else { Value::Null }
}

fn pairs(args: &[Value], text: impl Fn(&Json) -> String) -> Value {
    match find_in(args) {
        Some(Json::Object(members)) => Value::Array(
            members.iter().map(|(key, value)| Value::Tuple(vec![Value::text(key.as_str()), Value::text(text(value))])).collect(),
        ),
        _ => Value::Array(Vec::new()),
    }
}

fn type_name(json: Option<Json>) -> &'static str {
    match json {
        None | Some(Json::Null) => "Null",
        Some(Json::Bool(_)) => "Bool",
        Some(Json::Number(number)) if number.is_i64() => "Int64",
        Some(Json::Number(number)) if number.is_u64() => "UInt64",
        Some(Json::Number(_)) => "Double",
        Some(Json::String(_)) => "String",
        Some(Json::Array(_)) => "Array",
        Some(Json::Object(_)) => "Object",
    }
}

pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => serde_json::Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Value::Array(items) | Value::Tuple(items) => items.iter().map(to_json).collect(),
        other => other.to_text().map_or(Json::Null, Json::String),
    }
}
