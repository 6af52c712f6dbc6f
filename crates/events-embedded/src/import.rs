//! Reads Parquet files of other systems as JSON lines, so that importing needs one path only.

use anyhow::{Context, Result};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType, UInt64Type};
use model::Timestamp;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde_json::{Map, Value};
use std::io::Read;
use std::path::Path;

const BATCH_ROWS: usize = 1024;
/// Columns that exports of PostHog hold as JSON text.
const JSON_COLUMNS: [&str; 4] = ["properties", "$set", "$set_once", "distinct_ids"];

/// One JSON object per row, one row per line. Columns keep their names; JSON text of property columns becomes JSON.
pub fn parquet_json_lines(path: &Path) -> Result<impl Read + Send + use<>> {
    let file = std::fs::File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(BATCH_ROWS).build()?;
    Ok(Lines { reader, text: Vec::new(), at: 0 })
}

struct Lines {
    reader: ParquetRecordBatchReader,
    text: Vec<u8>,
    at: usize,
}

impl Read for Lines {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.text.len() {
            let Some(batch) = self.reader.next() else { return Ok(0) };
            self.text.clear();
            self.at = 0;
            write_lines(&batch.map_err(std::io::Error::other)?, &mut self.text).map_err(std::io::Error::other)?;
        }
        let count = out.len().min(self.text.len() - self.at);
        out[..count].copy_from_slice(&self.text[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

fn write_lines(batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
    let schema = batch.schema();
    let columns: Vec<Vec<Value>> =
        batch.columns().iter().zip(schema.fields()).map(|(column, field)| values(field.name(), column)).collect::<Result<_>>()?;
    for row in 0..batch.num_rows() {
        let object: Map<String, Value> = schema
            .fields()
            .iter()
            .zip(&columns)
            .map(|(field, column)| (field.name().clone(), column[row].clone()))
            .filter(|(_, value)| !value.is_null())
            .collect();
        serde_json::to_writer(&mut *out, &object)?;
        out.push(b'\n');
    }
    Ok(())
}

fn values(name: &str, column: &dyn Array) -> Result<Vec<Value>> {
    let rows = 0..column.len();
    let null_or = |row: usize, value: Value| if column.is_null(row) { Value::Null } else { value };
    Ok(match column.data_type() {
        DataType::Boolean => rows.map(|row| null_or(row, column.as_boolean().value(row).into())).collect(),
        DataType::UInt64 => rows.map(|row| null_or(row, column.as_primitive::<UInt64Type>().value(row).into())).collect(),
        kind if kind.is_integer() => {
            let column = cast(column, &DataType::Int64)?;
            rows.map(|row| null_or(row, column.as_primitive::<Int64Type>().value(row).into())).collect()
        }
        kind if kind.is_floating() => {
            let column = cast(column, &DataType::Float64)?;
            rows.map(|row| null_or(row, column.as_primitive::<Float64Type>().value(row).into())).collect()
        }
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
            let column = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            rows.map(|row| null_or(row, Timestamp(column.as_primitive::<TimestampMicrosecondType>().value(row)).to_string().into()))
                .collect()
        }
        DataType::List(_) | DataType::LargeList(_) => {
            rows.map(|row| if column.is_null(row) { Ok(Value::Null) } else { list(name, column, row) }).collect::<Result<_>>()?
        }
        _ => {
            let column = cast(column, &DataType::Utf8).with_context(|| format!("column {name}"))?;
            rows.map(|row| null_or(row, text(name, column.as_string::<i32>().value(row)))).collect()
        }
    })
}

fn list(name: &str, column: &dyn Array, row: usize) -> Result<Value> {
    let items = match column.as_list_opt::<i32>() {
        Some(list) => list.value(row),
        None => column.as_list::<i64>().value(row),
    };
    Ok(Value::Array(values(name, &items)?))
}

fn text(name: &str, text: &str) -> Value {
    if JSON_COLUMNS.contains(&name)
        && let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text)
    {
        return value;
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int32Array, StringArray, TimestampMillisecondArray};
    use arrow::datatypes::{Field, Schema};
    use parquet::arrow::ArrowWriter;
    use std::sync::Arc;

    #[test]
    fn rows_become_lines_with_json_properties() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("event", DataType::Utf8, true),
            Field::new("n", DataType::Int32, true),
            Field::new("timestamp", DataType::Timestamp(TimeUnit::Millisecond, None), true),
            Field::new("properties", DataType::Utf8, true),
        ]));
        let batch = RecordBatch::try_new(
            schema.clone(),
            vec![
                Arc::new(StringArray::from(vec![Some("a"), None])),
                Arc::new(Int32Array::from(vec![1, 2])),
                Arc::new(TimestampMillisecondArray::from(vec![Some(1_735_732_800_000), None])),
                Arc::new(StringArray::from(vec![Some(r#"{"x":1}"#), Some("not json")])),
            ],
        )
        .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.parquet");
        let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), schema, None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let mut lines = String::new();
        parquet_json_lines(&path).unwrap().read_to_string(&mut lines).unwrap();
        assert_eq!(
            lines,
            "{\"event\":\"a\",\"n\":1,\"properties\":{\"x\":1},\"timestamp\":\"2025-01-01T12:00:00.000000Z\"}\n{\"n\":2,\"properties\":\"not json\"}\n"
        );
    }
}
