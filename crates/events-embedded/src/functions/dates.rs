//! Calendar functions over whole columns. Units and time zones are constants.

use super::value::instant_type;
use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimestampMicrosecondType};
use chrono::{Datelike, Timelike};
use chrono_tz::Tz;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use model::Timestamp;
use query::time::{self, Unit};
use std::sync::Arc;

pub fn all() -> Vec<ScalarUDF> {
    let int = DataType::Int64;
    let list: [(&'static str, DataType, Run); 11] = [
        ("hog_start_of", instant_type(), start_of),
        ("hog_date_add", instant_type(), date_add),
        ("hog_date_diff", int.clone(), |args| difference(args, time::diff)),
        ("hog_age", int.clone(), |args| difference(args, time::age)),
        ("hog_date_part", int.clone(), date_part),
        ("hog_to_date", DataType::Date32, to_date),
        ("hog_midnight", instant_type(), midnight),
        ("hog_format_datetime", DataType::Utf8, format_datetime),
        ("hog_epoch", int, epoch),
        ("hog_from_epoch", instant_type(), from_epoch),
        ("hog_uuid_v7_time", instant_type(), uuid_v7_time),
    ];
    list.into_iter()
        .map(|(name, result, run)| {
            ScalarUDF::new_from_impl(Calendar { name, result, run, signature: Signature::variadic_any(Volatility::Immutable) })
        })
        .collect()
}

pub type Run = fn(&Arguments) -> Result<ArrayRef>;

/// A function of columns that gives a column.
#[derive(Debug)]
pub struct Calendar {
    pub name: &'static str,
    pub result: DataType,
    pub run: Run,
    pub signature: Signature,
}

impl PartialEq for Calendar {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Calendar {}

impl std::hash::Hash for Calendar {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Calendar {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let array = (self.run)(&Arguments { name: self.name, args: &args.args, rows })?;
        if constant { Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)) } else { Ok(ColumnarValue::Array(array)) }
    }
}

pub struct Arguments<'a> {
    name: &'static str,
    args: &'a [ColumnarValue],
    rows: usize,
}

impl Arguments<'_> {
    pub fn column(&self, at: usize, wanted: &DataType) -> Result<ArrayRef> {
        let Some(arg) = self.args.get(at) else { return exec_err!("{} misses an argument", self.name) };
        let array = arg.to_array(self.rows)?;
        if array.data_type() == wanted { Ok(array) } else { Ok(cast(&array, wanted)?) }
    }

    fn instants(&self, at: usize) -> Result<TimestampMicrosecondArray> {
        Ok(self.column(at, &instant_type())?.as_primitive::<TimestampMicrosecondType>().clone())
    }

    fn ints(&self, at: usize) -> Result<Int64Array> {
        Ok(self.column(at, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
    }

    pub fn texts(&self, at: usize) -> Result<StringArray> {
        Ok(self.column(at, &DataType::Utf8)?.as_string::<i32>().clone())
    }

    fn constant_text(&self, at: usize) -> Result<&str> {
        match self.args.get(at) {
            Some(ColumnarValue::Scalar(value)) => match value.try_as_str() {
                Some(Some(text)) => Ok(text),
                _ => exec_err!("{} needs a constant text", self.name),
            },
            _ => exec_err!("{} needs a constant text", self.name),
        }
    }

    fn unit(&self, at: usize) -> Result<Unit> {
        let name = self.constant_text(at)?;
        match Unit::parse(name) {
            Some(unit) => Ok(unit),
            None => exec_err!("'{name}' is not a unit of time"),
        }
    }

    pub fn zone(&self, at: usize) -> Result<Tz> {
        let name = self.constant_text(at)?;
        match name.parse() {
            Ok(zone) => Ok(zone),
            Err(_) => exec_err!("'{name}' is not a time zone"),
        }
    }
}

fn instant_array(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

/// Unit, count, instant, zone, whether weeks start on Monday.
fn start_of(args: &Arguments) -> Result<ArrayRef> {
    let (unit, zone) = (args.unit(0)?, args.zone(3)?);
    let counts = args.ints(1)?;
    let monday = matches!(args.args.get(4), Some(ColumnarValue::Scalar(ScalarValue::Boolean(Some(true)))));
    let instants = args.instants(2)?;
    // Neighbouring rows are often of the same hour; its start is the only thing that is asked of the time zone.
    let mut last: Option<(i64, i64)> = None;
    let single = counts.null_count() == 0 && counts.iter().all(|count| count == Some(1));
    let values = instants.iter().zip(&counts).map(|(at, count)| {
        let (at, count) = (at?, count?);
        if !single || unit < Unit::Day {
            return Some(time::start_of_interval(count, unit, Timestamp(at), zone, monday).0);
        }
        const QUARTER_HOUR: i64 = 900_000_000;
        let bucket = at.div_euclid(QUARTER_HOUR);
        match last {
            Some((known, start)) if known == bucket => Some(start),
            _ => {
                let start = time::start_of(unit, Timestamp(at), zone, monday).0;
                last = Some((bucket, start));
                Some(start)
            }
        }
    });
    Ok(instant_array(values))
}

/// Unit, count, instant, zone.
fn date_add(args: &Arguments) -> Result<ArrayRef> {
    let (unit, zone) = (args.unit(0)?, args.zone(3)?);
    let (counts, instants) = (args.ints(1)?, args.instants(2)?);
    Ok(instant_array(instants.iter().zip(&counts).map(|(at, count)| Some(time::add(unit, count?, Timestamp(at?), zone).0))))
}

/// Unit, from, to, zone.
fn difference(args: &Arguments, between: fn(Unit, Timestamp, Timestamp, Tz) -> i64) -> Result<ArrayRef> {
    let (unit, zone) = (args.unit(0)?, args.zone(3)?);
    let (from, to) = (args.instants(1)?, args.instants(2)?);
    let values = from.iter().zip(&to).map(|(from, to)| Some(between(unit, Timestamp(from?), Timestamp(to?), zone)));
    Ok(Arc::new(values.collect::<Int64Array>()))
}

/// Part, instant, zone.
fn date_part(args: &Arguments) -> Result<ArrayRef> {
    let part: fn(chrono::NaiveDateTime) -> i64 = match args.constant_text(0)? {
        "year" => |at| at.year().into(),
        "quarter" => |at| (at.month0() / 3 + 1).into(),
        "month" => |at| at.month().into(),
        "iso_week" | "week" => |at| at.iso_week().week().into(),
        "iso_year" => |at| at.iso_week().year().into(),
        "day" => |at| at.day().into(),
        "weekday" => |at| at.weekday().number_from_monday().into(),
        "day_of_year" => |at| at.ordinal().into(),
        "hour" => |at| at.hour().into(),
        "minute" => |at| at.minute().into(),
        "second" => |at| at.second().into(),
        other => return exec_err!("'{other}' is not a part of a date"),
    };
    let zone = args.zone(2)?;
    let instants = args.instants(1)?;
    Ok(Arc::new(instants.iter().map(|at| Some(part(time::local(Timestamp(at?), zone)))).collect::<Int64Array>()))
}

fn to_date(args: &Arguments) -> Result<ArrayRef> {
    let zone = args.zone(1)?;
    let instants = args.instants(0)?;
    Ok(Arc::new(instants.iter().map(|at| Some(time::days_since_epoch(time::date_of(Timestamp(at?), zone)))).collect::<Date32Array>()))
}

fn midnight(args: &Arguments) -> Result<ArrayRef> {
    let zone = args.zone(1)?;
    let dates = args.column(0, &DataType::Date32)?;
    let dates = dates.as_primitive::<Date32Type>();
    Ok(instant_array(dates.iter().map(|days| Some(time::midnight(time::date_from_days(days?), zone).0))))
}

fn format_datetime(args: &Arguments) -> Result<ArrayRef> {
    let (instants, patterns, zone) = (args.instants(0)?, args.texts(1)?, args.zone(2)?);
    let values = instants.iter().zip(&patterns).map(|(at, pattern)| Some(time::format(Timestamp(at?), pattern?, zone)));
    Ok(Arc::new(values.collect::<StringArray>()))
}

/// Instant, microseconds per unit of the result.
fn epoch(args: &Arguments) -> Result<ArrayRef> {
    let (instants, steps) = (args.instants(0)?, args.ints(1)?);
    Ok(Arc::new(instants.iter().zip(&steps).map(|(at, step)| Some(at?.div_euclid(step?.max(1)))).collect::<Int64Array>()))
}

/// Seconds, with a fraction. What no calendar names is NULL.
fn from_epoch(args: &Arguments) -> Result<ArrayRef> {
    let seconds = args.column(0, &DataType::Float64)?;
    let seconds = seconds.as_primitive::<arrow::datatypes::Float64Type>();
    Ok(instant_array(seconds.iter().map(|value| value.filter(|value| value.abs() < 9e12).map(|value| (value * 1e6).round() as i64))))
}

fn uuid_v7_time(args: &Arguments) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    let values = texts.iter().map(|text| {
        let uuid = uuid::Uuid::try_parse(text?).ok()?;
        (uuid.get_version_num() == 7).then(|| (uuid.as_u128() >> 80) as i64 * 1_000)
    });
    Ok(instant_array(values))
}
