//! Texts to numbers and instants, over whole columns. What does not read is NULL.

use super::dates::{Arguments, Calendar, Run};
use super::value::instant_type;
use arrow::array::{ArrayRef, Float64Array, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ScalarUDF, Signature, Volatility};
use std::sync::Arc;

pub fn all() -> Vec<ScalarUDF> {
    let list: [(&'static str, DataType, Run); 3] = [
        ("hog_to_float", DataType::Float64, to_float),
        ("hog_to_int", DataType::Int64, to_int),
        ("hog_parse_datetime", instant_type(), parse_datetime),
    ];
    list.into_iter()
        .map(|(name, result, run)| {
            ScalarUDF::new_from_impl(Calendar { name, result, run, signature: Signature::variadic_any(Volatility::Immutable) })
        })
        .collect()
}

fn to_float(args: &Arguments) -> Result<ArrayRef> {
    Ok(Arc::new(args.texts(0)?.iter().map(|text| text?.trim().parse().ok()).collect::<Float64Array>()))
}

fn to_int(args: &Arguments) -> Result<ArrayRef> {
    Ok(Arc::new(args.texts(0)?.iter().map(|text| text?.parse().ok()).collect::<Int64Array>()))
}

/// Text, zone of texts without offset.
fn parse_datetime(args: &Arguments) -> Result<ArrayRef> {
    let zone = args.zone(1)?;
    let texts = args.texts(0)?;
    let instants: TimestampMicrosecondArray = texts.iter().map(|text| query::time::parse(text?, zone).map(|at| at.0)).collect();
    Ok(Arc::new(instants.with_timezone("UTC")))
}
