use crate::{FromValue, Value};
use anyhow::{Context, Result};
use std::sync::Arc;

/// One result row. Columns are read by the name or alias that the statement gave them.
#[derive(Clone, Debug)]
pub struct Row {
    pub(crate) columns: Arc<[String]>,
    pub(crate) values: Vec<Value>,
}

impl Row {
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T> {
        let at = self.columns.iter().position(|name| name == column);
        let at = at.with_context(|| format!("the statement returns no column {column:?}"))?;
        T::from_value(self.values[at].clone()).with_context(|| format!("column {column:?}"))
    }

    /// The column at this position, counted from 0.
    pub fn at<T: FromValue>(&self, position: usize) -> Result<T> {
        let value = self.values.get(position).with_context(|| format!("the statement returns no column {position}"))?;
        T::from_value(value.clone()).with_context(|| format!("column {position}"))
    }

    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Takes the values out, in the statement's order, without copying text.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }
}
