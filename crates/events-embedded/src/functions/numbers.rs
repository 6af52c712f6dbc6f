use super::eval::entries;
use super::value::{Kind, Value};
use chrono::Offset;
use datafusion::common::Result;
use model::Timestamp;

entries! {
    strict {
        "isFinite" => |args, _| Ok(Value::Bool(args[0].to_float().is_some_and(f64::is_finite))),
        "isInfinite" => |args, _| Ok(Value::Bool(args[0].to_float().is_some_and(f64::is_infinite))),
        "bitCount" => |args, _| Ok(Value::Int(args[0].as_int().count_ones().into())),
        "round" => round,
        "makeDate" => make_date,
        "timeZoneOffsetHours" => zone_offset,
        "toString" => to_string,
        "toFloat" => |args, _| Ok(args[0].to_float().map_or(Value::Null, Value::Float)),
        "toInt" => |args, _| Ok(args[0].to_int().map_or(Value::Null, Value::Int)),
        "toBool" => |args, _| Ok(args[0].to_bool().map_or(Value::Null, Value::Bool)),
        "toUUID" => to_uuid,
        "identity" => |args, _| Ok(args[0].clone()),
        "formatReadableSize" => |args, _| Ok(Value::text(scaled(&args[0], 1024.0, &[" B", " KiB", " MiB", " GiB", " TiB", " PiB"]))),
        "formatReadableQuantity" => |args, _| Ok(Value::text(scaled(&args[0], 1000.0, &["", " thousand", " million", " billion", " trillion"]))),
        "formatReadableTimeDelta" => |args, _| Ok(Value::text(time_delta(args[0].to_float().unwrap_or(0.0)))),
    }
}

/// A float as ClickHouse writes it: `5`, `0.1`, `1e20`, `inf`, `nan`.
pub fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) { format!("{value:e}") } else { value.to_string() }
}

/// Half to even, as ClickHouse rounds floats.
fn round(args: &[Value], _: &Kind) -> Result<Value> {
    let digits = args.get(1).map_or(0, Value::as_int).clamp(-300, 300) as i32;
    Ok(match &args[0] {
        Value::Int(value) if digits < 0 => {
            let step = 10f64.powi(-digits);
            Value::Int(((*value as f64 / step).round_ties_even() * step) as i64)
        }
        Value::Float(value) => {
            let step = 10f64.powi(digits);
            let scaled = value * step;
            Value::Float(if scaled.is_finite() { scaled.round_ties_even() / step } else { *value })
        }
        other => other.clone(),
    })
}

/// Days beyond the month's end run into the next one; what is no month is 1970-01-01.
fn make_date(args: &[Value], _: &Kind) -> Result<Value> {
    let (year, month, day) = (args[0].as_int(), args[1].as_int(), args[2].as_int());
    let first =
        i32::try_from(year).ok().zip(u32::try_from(month).ok()).and_then(|(year, month)| chrono::NaiveDate::from_ymd_opt(year, month, 1));
    Ok(Value::Date(match first {
        Some(first) if (1..=31).contains(&day) => query::time::days_since_epoch(first) + day as i32 - 1,
        _ => 0,
    }))
}

fn zone_offset(args: &[Value], _: &Kind) -> Result<Value> {
    let Value::Time(at) = args[0] else { return Ok(Value::Null) };
    let zone = args[1].as_str().parse::<chrono_tz::Tz>().ok();
    let seconds =
        zone.zip(chrono::DateTime::from_timestamp_micros(at)).map(|(zone, at)| at.with_timezone(&zone).offset().fix().local_minus_utc());
    Ok(seconds.map_or(Value::Null, |seconds| Value::Float(f64::from(seconds) / 3_600.0)))
}

/// Instants are written in the time zone that is the second argument.
fn to_string(args: &[Value], _: &Kind) -> Result<Value> {
    let zone = args.get(1).and_then(|zone| zone.as_str().parse().ok()).unwrap_or(chrono_tz::UTC);
    Ok(match &args[0] {
        Value::Time(at) => Value::text(query::time::format(Timestamp(*at), "%Y-%m-%d %H:%i:%S.%f", zone)),
        other => other.to_text().map_or(Value::Null, Value::text),
    })
}

fn to_uuid(args: &[Value], _: &Kind) -> Result<Value> {
    Ok(uuid::Uuid::try_parse(args[0].as_str()).map_or(Value::Null, |uuid| Value::text(uuid.to_string())))
}

fn scaled(value: &Value, step: f64, units: &[&str]) -> String {
    let mut number = value.to_float().unwrap_or(0.0);
    let mut unit = 0;
    while number.abs() >= step && unit + 1 < units.len() {
        number /= step;
        unit += 1;
    }
    format!("{number:.2}{}", units[unit])
}

fn time_delta(seconds: f64) -> String {
    let mut rest = seconds.abs() as u64;
    let mut parts = Vec::new();
    for (name, length) in [("year", 31_556_952), ("month", 2_629_746), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)] {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    match parts.pop() {
        None => "0 seconds".to_owned(),
        Some(last) if parts.is_empty() => last,
        Some(last) => format!("{} and {last}", parts.join(", ")),
    }
}
