//! Single values between columns: what `hog_eval` computes with.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, ListArray, MapArray, StringBuilder, StructArray,
    TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Fields, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, exec_err};
use std::cmp::Ordering;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Time(i64),
    Array(Vec<Value>),
    Tuple(Vec<Value>),
}

/// The type of a result, written as `S`, `I`, `F`, `B`, `D`, `T`, `U` (unsigned), `[…]`, `(…)`, `{key value}`.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Text,
    Int,
    Unsigned,
    Float,
    Bool,
    Date,
    Time,
    Array(Box<Kind>),
    Tuple(Vec<Kind>),
    Map(Box<Kind>, Box<Kind>),
}

impl Kind {
    pub fn parse(code: &str) -> Option<Kind> {
        let (kind, rest) = Self::parse_one(code)?;
        rest.is_empty().then_some(kind)
    }

    fn parse_one(code: &str) -> Option<(Kind, &str)> {
        let rest = code.get(1..)?;
        Some(match code.as_bytes()[0] {
            b'S' => (Kind::Text, rest),
            b'I' => (Kind::Int, rest),
            b'U' => (Kind::Unsigned, rest),
            b'F' => (Kind::Float, rest),
            b'B' => (Kind::Bool, rest),
            b'D' => (Kind::Date, rest),
            b'T' => (Kind::Time, rest),
            b'[' => {
                let (item, rest) = Self::parse_one(rest)?;
                (Kind::Array(Box::new(item)), rest.strip_prefix(']')?)
            }
            b'{' => {
                let (key, rest) = Self::parse_one(rest)?;
                let (value, rest) = Self::parse_one(rest)?;
                (Kind::Map(Box::new(key), Box::new(value)), rest.strip_prefix('}')?)
            }
            b'(' => {
                let mut items = Vec::new();
                let mut rest = rest;
                while !rest.starts_with(')') {
                    let (item, after) = Self::parse_one(rest)?;
                    items.push(item);
                    rest = after;
                }
                (Kind::Tuple(items), &rest[1..])
            }
            _ => return None,
        })
    }

    pub fn data_type(&self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Int => DataType::Int64,
            Kind::Unsigned => DataType::UInt64,
            Kind::Float => DataType::Float64,
            Kind::Bool => DataType::Boolean,
            Kind::Date => DataType::Date32,
            Kind::Time => instant_type(),
            Kind::Array(item) => DataType::List(Arc::new(Field::new_list_field(item.data_type(), true))),
            Kind::Tuple(items) => DataType::Struct(tuple_fields(items)),
            Kind::Map(key, value) => DataType::Map(Arc::new(Field::new("entries", DataType::Struct(map_fields(key, value)), false)), false),
        }
    }
}

pub fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn tuple_fields(items: &[Kind]) -> Fields {
    items.iter().enumerate().map(|(at, item)| Field::new((at + 1).to_string(), item.data_type(), true)).collect()
}

fn map_fields(key: &Kind, value: &Kind) -> Fields {
    [Field::new("keys", key.data_type(), false), Field::new("values", value.data_type(), true)].into_iter().collect()
}

/// The one representation of each kind of value that [`read`] knows.
fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => DataType::Utf8,
        DataType::Dictionary(_, values) => plain_type(values),
        DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(..)
        | DataType::Decimal256(..)
        | DataType::UInt64 => {
            if *data_type == DataType::UInt64 {
                DataType::Int64
            } else {
                DataType::Float64
            }
        }
        number if number.is_integer() => DataType::Int64,
        DataType::Timestamp(..) | DataType::Date64 => instant_type(),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) | DataType::ListView(item) => {
            DataType::List(Arc::new(Field::new_list_field(plain_type(item.data_type()), true)))
        }
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| Field::new(field.name(), plain_type(field.data_type()), true)).collect())
        }
        other => other.clone(),
    }
}

pub fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    let wanted = plain_type(array.data_type());
    if *array.data_type() == wanted { Ok(array.clone()) } else { Ok(cast(array, &wanted)?) }
}

/// `array` must be [`plain`].
pub fn read(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Utf8 => Value::Text(Arc::from(array.as_string::<i32>().value(row))),
        DataType::Int64 => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Date32 => Value::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(..) => Value::Time(array.as_primitive::<TimestampMicrosecondType>().value(row)),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            Value::Array((0..items.len()).map(|at| read(&items, at)).collect())
        }
        // Pairs of key and value.
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            Value::Array((0..entries.len()).map(|at| Value::Tuple(vec![read(keys, at), read(values, at)])).collect())
        }
        DataType::Struct(_) => Value::Tuple(array.as_struct().columns().iter().map(|column| read(column, row)).collect()),
        _ => Value::Null,
    }
}

/// A column of `kind`. Values of another kind are converted where that loses nothing that matters, otherwise NULL.
pub fn build(values: &[Value], kind: &Kind) -> Result<ArrayRef> {
    macro_rules! fill {
        ($builder:expr, $convert:expr) => {{
            let mut builder = $builder;
            values.iter().for_each(|value| builder.append_option($convert(value)));
            Arc::new(builder.finish())
        }};
    }
    Ok(match kind {
        Kind::Text => fill!(StringBuilder::new(), Value::to_text),
        Kind::Int => fill!(Int64Builder::new(), Value::to_int),
        Kind::Unsigned => fill!(UInt64Builder::new(), |value: &Value| value.to_int().map(|value| value as u64)),
        Kind::Float => fill!(Float64Builder::new(), Value::to_float),
        Kind::Bool => fill!(BooleanBuilder::new(), Value::to_bool),
        Kind::Date => fill!(Date32Builder::new(), |value: &Value| if let Value::Date(days) = value { Some(*days) } else { None }),
        Kind::Time => {
            let instant = |value: &Value| match value {
                Value::Time(at) => Some(*at),
                Value::Date(days) => Some(i64::from(*days) * 86_400_000_000),
                _ => None,
            };
            fill!(TimestampMicrosecondBuilder::new().with_timezone("UTC"), instant)
        }
        Kind::Array(item) => {
            let mut items = Vec::new();
            let mut lengths = Vec::with_capacity(values.len());
            for value in values {
                let array = if let Value::Array(array) = value { array.as_slice() } else { &[] };
                lengths.push(array.len());
                items.extend_from_slice(array);
            }
            if items.len() > i32::MAX as usize {
                return exec_err!("the arrays of this query are too large");
            }
            let nulls = NullBuffer::from_iter(values.iter().map(|value| matches!(value, Value::Array(_))));
            let field = Arc::new(Field::new_list_field(item.data_type(), true));
            Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths), build(&items, item)?, Some(nulls)))
        }
        Kind::Map(key, value) => build_map(values, key, value)?,
        Kind::Tuple(kinds) => {
            let mut columns = Vec::with_capacity(kinds.len());
            for (at, kind) in kinds.iter().enumerate() {
                let column: Vec<Value> = values
                    .iter()
                    .map(|value| if let Value::Tuple(items) = value { items.get(at).cloned().unwrap_or(Value::Null) } else { Value::Null })
                    .collect();
                columns.push(build(&column, kind)?);
            }
            let nulls = NullBuffer::from_iter(values.iter().map(|value| matches!(value, Value::Tuple(_))));
            Arc::new(StructArray::new(tuple_fields(kinds), columns, Some(nulls)))
        }
    })
}

/// Of pairs; those without a key are left out.
fn build_map(values: &[Value], key: &Kind, value: &Kind) -> Result<ArrayRef> {
    let (mut keys, mut items, mut lengths) = (Vec::new(), Vec::new(), Vec::with_capacity(values.len()));
    for map in values {
        let before = keys.len();
        for pair in map.items() {
            if let Value::Tuple(pair) = pair
                && let [one, item] = pair.as_slice()
                && !one.is_null()
            {
                keys.push(one.clone());
                items.push(item.clone());
            }
        }
        lengths.push(keys.len() - before);
    }
    let entries = StructArray::try_new(map_fields(key, value), vec![build(&keys, key)?, build(&items, value)?], None)?;
    let nulls = NullBuffer::from_iter(values.iter().map(|value| matches!(value, Value::Array(_))));
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    Ok(Arc::new(MapArray::try_new(field, OffsetBuffer::from_lengths(lengths), entries, Some(nulls), false)?))
}

impl Value {
    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Text(text.into())
    }

    /// Bytes, roughly.
    pub fn size(&self) -> usize {
        match self {
            Value::Text(text) => text.len() + 16,
            Value::Array(items) | Value::Tuple(items) => items.iter().map(Value::size).sum::<usize>() + 32,
            _ => 24,
        }
    }

    pub fn is_null(&self) -> bool {
        *self == Value::Null
    }

    pub fn as_str(&self) -> &str {
        if let Value::Text(text) = self { text } else { "" }
    }

    pub fn as_int(&self) -> i64 {
        self.to_int().unwrap_or(0)
    }

    pub fn items(&self) -> &[Value] {
        if let Value::Array(items) = self { items } else { &[] }
    }

    pub fn to_int(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            Value::Float(value) if value.is_finite() => Some(*value as i64),
            Value::Bool(flag) => Some((*flag).into()),
            Value::Text(text) => text.trim().parse().ok(),
            Value::Date(days) => Some((*days).into()),
            Value::Time(at) => Some(at.div_euclid(1_000_000)),
            _ => None,
        }
    }

    pub fn to_float(&self) -> Option<f64> {
        match self {
            Value::Float(value) => Some(*value),
            Value::Int(value) => Some(*value as f64),
            Value::Bool(flag) => Some(f64::from(*flag)),
            Value::Text(text) => text.trim().parse().ok(),
            Value::Date(days) => Some((*days).into()),
            Value::Time(at) => Some(*at as f64 / 1e6),
            _ => None,
        }
    }

    pub fn to_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(flag) => Some(*flag),
            Value::Int(value) => Some(*value != 0),
            Value::Float(value) => Some(*value != 0.0),
            Value::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" | "t" | "y" => Some(true),
                "false" | "0" | "no" | "off" | "f" | "n" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// As ClickHouse writes it, in UTC.
    pub fn to_text(&self) -> Option<String> {
        Some(match self {
            Value::Null => return None,
            Value::Text(text) => text.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => super::numbers::float_text(*value),
            Value::Date(days) => query::time::date_from_days(*days).to_string(),
            Value::Time(at) => query::time::format(model::Timestamp(*at), "%Y-%m-%d %H:%i:%S.%f", chrono_tz::UTC),
            Value::Array(items) => format!("[{}]", literals(items)),
            Value::Tuple(items) => format!("({})", literals(items)),
        })
    }

    /// NULLs last; numbers by value whatever their kind.
    pub fn order(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Null, _) => Ordering::Greater,
            (_, Value::Null) => Ordering::Less,
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Date(a), Value::Date(b)) => a.cmp(b),
            (Value::Time(a), Value::Time(b)) => a.cmp(b),
            (Value::Array(a), Value::Array(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
                let first = a.iter().zip(b).map(|(a, b)| a.order(b)).find(|order| *order != Ordering::Equal);
                first.unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (a, b) => match (a.to_float(), b.to_float()) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => Ordering::Equal,
            },
        }
    }

    pub fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Text(_), _) | (_, Value::Text(_)) => self == other,
            _ => {
                self == other
                    || (!self.is_null()
                        && !other.is_null()
                        && self.order(other) == Ordering::Equal
                        && std::mem::discriminant(self) != std::mem::discriminant(other))
            }
        }
    }
}

/// Elements as ClickHouse writes them inside of an array.
fn literals(items: &[Value]) -> String {
    let literal = |item: &Value| match item {
        Value::Text(_) | Value::Date(_) | Value::Time(_) => {
            let text = item.to_text().unwrap_or_default();
            format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
        }
        other => other.to_text().unwrap_or_else(|| "NULL".to_owned()),
    };
    items.iter().map(literal).collect::<Vec<_>>().join(",")
}
