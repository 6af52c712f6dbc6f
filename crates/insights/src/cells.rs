//! Arrow columns as the JSON that PostHog's API answers, and as numbers and texts for shaping.

use crate::dates::{Calendar, iso};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray, temporal_conversions};
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use model::Timestamp;
use serde_json::{Map, Number, Value};

/// One cell. Types that no query of ours can produce become null.
pub fn json(array: &dyn Array, row: usize, calendar: &Calendar) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    if let Some(text) = text(array, row) {
        return Value::String(text.to_owned());
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => integer(array, row).map_or(Value::Null, Value::from),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => integer(array, row).map_or(Value::Null, Value::from),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => number_json(number(array, row)),
        DataType::Timestamp(..) => instant(array, row, calendar).map_or(Value::Null, |at| iso(at).into()),
        DataType::Date32 | DataType::Date64 => date(array, row).map_or(Value::Null, |day| day.to_string().into()),
        DataType::List(_) => list(&array.as_list::<i32>().value(row), calendar),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row), calendar),
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(row), calendar),
        // Tuples are lists in PostHog's answers.
        DataType::Struct(_) => tuple(array.as_struct(), row, calendar),
        DataType::Map(..) => map(&array.as_map().value(row), calendar),
        DataType::Dictionary(..) => entry(array, row).map_or(Value::Null, |(values, row)| json(values, row, calendar)),
        _ => Value::Null,
    }
}

fn list(items: &ArrayRef, calendar: &Calendar) -> Value {
    Value::Array((0..items.len()).map(|row| json(items, row, calendar)).collect())
}

fn tuple(fields: &StructArray, row: usize, calendar: &Calendar) -> Value {
    Value::Array(fields.columns().iter().map(|column| json(column, row, calendar)).collect())
}

fn map(entries: &StructArray, calendar: &Calendar) -> Value {
    let (keys, values) = (entries.column(0), entries.column(1));
    let name = |row: usize| match json(keys, row, calendar) {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Value::Object((0..entries.len()).map(|row| (name(row), json(values, row, calendar))).collect::<Map<_, _>>())
}

/// The value that a dictionary cell stands for.
fn entry(array: &dyn Array, row: usize) -> Option<(&ArrayRef, usize)> {
    macro_rules! keyed {
        ($($name:ident => $key:ty),*) => {
            match array.data_type() {
                DataType::Dictionary(key, _) => match key.as_ref() {
                    $(DataType::$name => {
                        let dictionary = array.as_dictionary::<$key>();
                        Some((dictionary.values(), dictionary.key(row)?))
                    })*
                    _ => None,
                },
                _ => None,
            }
        };
    }
    keyed!(Int8 => Int8Type, Int16 => Int16Type, Int32 => Int32Type, Int64 => Int64Type,
           UInt8 => UInt8Type, UInt16 => UInt16Type, UInt32 => UInt32Type, UInt64 => UInt64Type)
}

/// NaN and infinities are null.
pub fn number_json(number: Option<f64>) -> Value {
    number.and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}

/// Whole numbers without a fraction, as counts are expected to look.
pub fn compact_number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9.0e15 { Value::from(number as i64) } else { number_json(Some(number)) }
}

pub fn text(array: &dyn Array, row: usize) -> Option<&str> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        DataType::Dictionary(..) => entry(array, row).and_then(|(values, row)| text(values, row)),
        _ => None,
    }
}

fn integer(array: &dyn Array, row: usize) -> Option<i64> {
    Some(match array.data_type() {
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => i64::try_from(array.as_primitive::<UInt64Type>().value(row)).ok()?,
        _ => return None,
    })
}

/// Any kind of number, and booleans as 0 and 1.
pub fn number(array: &dyn Array, row: usize) -> Option<f64> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Float16 => array.as_primitive::<Float16Type>().value(row).to_f64(),
        DataType::Float32 => array.as_primitive::<Float32Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row),
        DataType::Decimal128(_, scale) => array.as_primitive::<Decimal128Type>().value(row) as f64 / 10f64.powi(i32::from(*scale)),
        DataType::Boolean => f64::from(u8::from(array.as_boolean().value(row))),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row) as f64,
        _ => integer(array, row)? as f64,
    })
}

/// A date and time, or the midnight of a date, on the project's wall clock.
pub fn instant(array: &dyn Array, row: usize, calendar: &Calendar) -> Option<DateTime<Tz>> {
    if array.is_null(row) {
        return None;
    }
    if let Some(day) = date(array, row) {
        return Some(calendar.midnight(day));
    }
    let DataType::Timestamp(unit, zone) = array.data_type() else { return None };
    let micros = match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row).checked_mul(1_000_000)?,
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row).checked_mul(1_000)?,
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row) / 1_000,
    };
    match zone {
        Some(_) => Some(calendar.at(Timestamp(micros))),
        None => wall_clock(micros).map(|wall| calendar.local(wall)),
    }
}

fn wall_clock(micros: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|at| at.naive_utc())
}

fn date(array: &dyn Array, row: usize) -> Option<NaiveDate> {
    match array.data_type() {
        DataType::Date32 => temporal_conversions::date32_to_datetime(array.as_primitive::<Date32Type>().value(row)).map(|at| at.date()),
        DataType::Date64 => temporal_conversions::date64_to_datetime(array.as_primitive::<Date64Type>().value(row)).map(|at| at.date()),
        _ => None,
    }
}

/// What a column's own rows occupy; buffers that it shares with others do not count as a whole.
pub fn bytes(array: &dyn Array) -> usize {
    match array.data_type() {
        // The lower half of a view's first word is its length.
        DataType::Utf8View => array.as_string_view().views().iter().map(|view| 16 + (*view as u32) as usize).sum(),
        _ => array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size()),
    }
}

/// Every row of some batches, in order.
pub fn rows(batches: &[RecordBatch]) -> impl Iterator<Item = (&RecordBatch, usize)> {
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, Int64Array, ListArray, StringArray, TimestampMicrosecondArray};
    use serde_json::json as literal;
    use std::sync::Arc;

    fn calendar() -> Calendar {
        Calendar { timezone: chrono_tz::Asia::Tokyo, week_start_day: 0, now: Timestamp::EPOCH }
    }

    #[test]
    fn cells_read_as_posthogs_json() {
        let calendar = calendar();
        let float = Float64Array::from(vec![1.5, f64::NAN]);
        assert_eq!((json(&float, 0, &calendar), json(&float, 1, &calendar)), (literal!(1.5), Value::Null));
        let text = StringArray::from(vec![Some("x"), None]);
        assert_eq!((json(&text, 0, &calendar), json(&text, 1, &calendar)), (literal!("x"), Value::Null));
        let at = TimestampMicrosecondArray::from(vec![1_741_791_600_000_000]).with_timezone("UTC");
        assert_eq!(json(&at, 0, &calendar), literal!("2025-03-13T00:00:00+09:00"));
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), None])]);
        assert_eq!(json(&list, 0, &calendar), literal!([1, null]));
        let pair = StructArray::from(vec![
            (Arc::new(arrow_schema::Field::new("a", DataType::Int64, true)), Arc::new(Int64Array::from(vec![1])) as ArrayRef),
            (Arc::new(arrow_schema::Field::new("b", DataType::Utf8, true)), Arc::new(StringArray::from(vec!["y"])) as ArrayRef),
        ]);
        assert_eq!(json(&pair, 0, &calendar), literal!([1, "y"]));
    }

    #[test]
    fn a_slice_weighs_its_own_rows_only() {
        let texts = StringArray::from(vec!["x".repeat(1_000); 1_000]);
        assert!(bytes(&texts) >= 1_000_000 && bytes(&texts.slice(0, 1)) < 2_000);
        let views = arrow_array::StringViewArray::from_iter_values(vec!["x".repeat(1_000); 1_000]);
        assert!(bytes(&views) >= 1_000_000 && bytes(&views.slice(0, 1)) < 2_000);
    }

    #[test]
    fn counts_have_no_fraction() {
        assert_eq!((compact_number(3.0), compact_number(2.5)), (literal!(3), literal!(2.5)));
    }
}
