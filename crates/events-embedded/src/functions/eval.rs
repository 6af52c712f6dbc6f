//! `hog_eval('name', 'type', arguments…)`: a function of plain values, row by row.

use super::value::{Kind, Value, build, plain, read};
use super::{arrays, hashes, json, maps, numbers, series, texts, traffic, urls};
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err, internal_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// The type is that of the result; few functions look at it.
pub type Compute = fn(&[Value], &Kind) -> Result<Value>;

/// A function and whether a NULL argument makes its result NULL.
#[derive(Clone, Copy)]
pub struct Entry {
    pub compute: Compute,
    pub strict: bool,
}

/// What one batch of results may take: short arguments can make long results.
const MAX_BYTES: usize = 256 << 20;

pub(super) fn find(name: &str) -> Option<Entry> {
    texts::find(name)
        .or_else(|| urls::find(name))
        .or_else(|| json::find(name))
        .or_else(|| arrays::find(name))
        .or_else(|| numbers::find(name))
        .or_else(|| series::find(name))
        .or_else(|| traffic::find(name))
        .or_else(|| maps::find(name))
        .or_else(|| hashes::find(name))
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Eval {
    signature: Signature,
}

impl Eval {
    pub fn new() -> Self {
        Eval { signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Eval {
    fn name(&self) -> &str {
        "hog_eval"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("hog_eval's type depends on its second argument")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let kind = args.scalar_arguments.get(1).copied().flatten().and_then(|code| code.try_as_str().flatten()).and_then(Kind::parse);
        match kind {
            Some(kind) => Ok(Arc::new(Field::new("hog_eval", kind.data_type(), true))),
            None => plan_err!("hog_eval needs the type of its result"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (Some(name), Some(code)) = (constant_text(&args.args, 0), constant_text(&args.args, 1)) else {
            return exec_err!("hog_eval needs a constant name and type");
        };
        let Some(entry) = find(&name) else { return exec_err!("Unsupported function '{name}'") };
        let Some(kind) = Kind::parse(&code) else { return exec_err!("'{code}' is not a type") };
        rows(entry, &kind, &args.args[2..], args.number_rows)
    }
}

fn constant_text(args: &[ColumnarValue], at: usize) -> Option<String> {
    match args.get(at) {
        Some(ColumnarValue::Scalar(value)) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    }
}

fn rows(entry: Entry, kind: &Kind, args: &[ColumnarValue], count: usize) -> Result<ColumnarValue> {
    let mut current = Vec::with_capacity(args.len());
    let mut columns: Vec<(usize, ArrayRef)> = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        match arg {
            ColumnarValue::Scalar(value) => current.push(read(&plain(&value.to_array()?)?, 0)),
            ColumnarValue::Array(array) => {
                columns.push((at, plain(array)?));
                current.push(Value::Null);
            }
        }
    }
    let one = |current: &[Value]| {
        if entry.strict && current.iter().any(Value::is_null) { Ok(Value::Null) } else { (entry.compute)(current, kind) }
    };
    if columns.is_empty() {
        let array = build(&[one(&current)?], kind)?;
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
    }
    let mut values = Vec::with_capacity(count);
    let mut bytes = 0;
    for row in 0..count {
        if bytes > MAX_BYTES {
            return exec_err!("the texts and arrays that this query makes are too large");
        }
        for (at, column) in &columns {
            current[*at] = read(column, row);
        }
        let value = one(&current)?;
        bytes += value.size();
        values.push(value);
    }
    Ok(ColumnarValue::Array(build(&values, kind)?))
}

/// Finds `name` in a table of names and functions.
macro_rules! entries {
    ($($strict:ident { $($name:literal => $compute:expr,)* })*) => {
        pub fn find(name: &str) -> Option<$crate::functions::eval::Entry> {
            let (compute, strict): ($crate::functions::eval::Compute, bool) = match name {
                $($($name => ($compute, stringify!($strict) == "strict"),)*)*
                _ => return None,
            };
            Some($crate::functions::eval::Entry { compute, strict })
        }
    };
}
pub(super) use entries;
