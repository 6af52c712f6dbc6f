use arrow_array::RecordBatch;
use std::time::Duration;
use tokio::sync::watch;

/// A resolved HogQL query and what it may cost.
#[derive(Clone, Debug)]
pub struct Select {
    /// Carries the team and everything that resolving needed (see `query::resolve`).
    pub query: query::Resolved,
    pub budget: Budget,
    /// Becomes `true` when the caller wants the query to stop.
    pub cancel: Option<watch::Receiver<bool>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub deadline: Duration,
    pub memory_bytes: usize,
    /// Rows of the answer.
    pub rows: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { deadline: Duration::from_secs(60), memory_bytes: 1 << 30, rows: 1_000_000 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// ClickHouse's name of the type, as PostHog's API reports it: `String`, `UInt64`, `DateTime64(6, 'UTC')`, `Nullable(Float64)` …
    pub kind: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Selected {
    pub columns: Vec<Column>,
    pub batches: Vec<RecordBatch>,
    /// Events looked at.
    pub rows_read: u64,
    pub bytes_read: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The query itself is wrong; the text says what to change.
    #[error("{0}")]
    Invalid(String),
    #[error("the query took longer than its limit of {0:?}; narrow the date range or add filters")]
    Deadline(Duration),
    #[error("the query needs more than its memory limit of {} MB; narrow the date range or group by fewer values", .0 >> 20)]
    Memory(usize),
    #[error("the query was cancelled")]
    Cancelled,
    #[error("error while executing query")]
    Failed(#[source] anyhow::Error),
}
