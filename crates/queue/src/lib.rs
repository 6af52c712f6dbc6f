//! The durable log between capture and everything that reads events.
//!
//! Invariants:
//! 1. [`Queue::append`] returns only after the records are on stable storage. Concurrent appends share one sync.
//! 2. After a failed write or sync nothing of that batch counts as appended, and the file it went to is never appended to again.
//! 3. A record stays until every registered reader has committed past it; disk use is bounded, and a full log refuses
//!    appends ([`AppendError::Full`]) instead of dropping anything.
//! 4. Offsets of a topic count records from 0 and have no gaps, except where stored bytes were damaged: a reader then
//!    gets a batch that starts later than it asked for, and [`TopicStatus::damaged_records`] says how much is missing.
//!
//! [`Log`] keeps the records in files; start reading at `log/mod.rs`. [`contract`] is what every implementation must pass.

pub mod contract;
pub mod disk;
mod log;

pub use log::{Log, LogConfig};

use async_trait::async_trait;
use bytes::Bytes;
use model::Timestamp;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Topic {
    /// Analytics events, as `model::CapturedEvent` records.
    Events,
    /// Session replay snapshots, as received by capture.
    Replay,
}

impl Topic {
    pub const ALL: [Topic; 2] = [Topic::Events, Topic::Replay];

    /// Folder and metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Topic::Events => "events",
            Topic::Replay => "replay",
        }
    }
}

/// Who reads a topic. A topic keeps records until all its readers have committed past them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reader {
    Ingest,
    /// Holds replay records back until recordings are built.
    Recordings,
}

impl Reader {
    pub const ALL: [Reader; 2] = [Reader::Ingest, Reader::Recordings];

    /// Everyone who must have committed before a record of `topic` may go.
    pub fn of(topic: Topic) -> impl Iterator<Item = Reader> {
        Reader::ALL.into_iter().filter(move |reader| reader.topic() == topic)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Reader::Ingest => "ingest",
            Reader::Recordings => "recordings",
        }
    }

    pub fn topic(self) -> Topic {
        match self {
            Reader::Ingest => Topic::Events,
            Reader::Recordings => Topic::Replay,
        }
    }
}

/// The number of a record in its topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Offset(pub u64);

#[derive(Clone, Debug)]
pub struct Batch {
    /// Offset of the first record.
    pub first: Offset,
    pub records: Vec<Bytes>,
}

impl Batch {
    /// Where to read on.
    pub fn next(&self) -> Offset {
        Offset(self.first.0 + self.records.len() as u64)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The log has reached its size limit, or the disk is full. Try again later.
    #[error("the log is full: {0}")]
    Full(String),
    #[error("a record of {got} bytes exceeds the limit of {limit} bytes")]
    TooLarge { got: usize, limit: usize },
    /// Writing or syncing failed; nothing of the batch counts.
    #[error("the log could not be written: {0}")]
    Failed(String),
}

#[async_trait]
pub trait Queue: Send + Sync {
    /// Appends all records or none, in order, and returns the offset of the first once they are durable.
    async fn append(&self, topic: Topic, records: Vec<Bytes>) -> Result<Offset, AppendError>;

    /// Records from `from` on: at least one, at most `max_bytes` (but always one). Waits until there is one.
    /// `from` below the oldest kept record reads from the oldest, so look at [`Batch::first`].
    async fn read(&self, topic: Topic, from: Offset, max_bytes: usize) -> anyhow::Result<Batch>;

    /// `reader` needs nothing before `next` any more.
    async fn commit(&self, reader: Reader, next: Offset) -> anyhow::Result<()>;

    /// What `reader` committed last; the oldest kept record when it never did.
    async fn committed(&self, reader: Reader) -> anyhow::Result<Offset>;

    /// The offset that the next durable record will get.
    fn end(&self, topic: Topic) -> Offset;

    /// Bytes on disk.
    fn size_bytes(&self, topic: Topic) -> u64;

    /// What a health page shows.
    fn status(&self, topic: Topic) -> TopicStatus;
}

#[derive(Clone, Debug)]
pub struct TopicStatus {
    pub oldest: Offset,
    pub end: Offset,
    pub bytes: u64,
    pub max_bytes: u64,
    /// When the newest record became durable; `None` while this process has appended nothing.
    pub last_durable_at: Option<Timestamp>,
    /// Why the last append was refused, until one succeeds again.
    pub trouble: Option<String>,
    /// Records that were durable once and can no longer be read.
    pub damaged_records: u64,
    pub readers: Vec<ReaderStatus>,
}

#[derive(Clone, Debug)]
pub struct ReaderStatus {
    pub reader: Reader,
    pub committed: Offset,
    pub unread_records: u64,
    /// About when the oldest record that `reader` has not committed was appended; never later than it was.
    pub oldest_unread_at: Option<Timestamp>,
}
