//! The embedded log: one folder per topic with numbered segment files.
//!
//! - `writer.rs`: one thread per topic gathers everything that waits, writes it with one call and syncs it once.
//! - `topic.rs`: what readers, appenders and the writer share; the newest records stay in memory.
//! - `keeper.rs`: one thread per log stores reader positions and gives up files that nobody needs.
//! - `segment.rs`, `format.rs`: one file, and its bytes. `positions.rs`: where readers have got to.
//!
//! A failed write or sync closes the file for good. Offsets go on in a new file whose header says where it starts, so
//! whatever the old one holds beyond that point is ignored, now and after a restart.

mod format;
mod keeper;
mod positions;
mod segment;
mod topic;
mod writer;

use crate::disk::Disk;
use crate::{AppendError, Batch, Offset, Queue, Reader, Topic, TopicStatus};
use anyhow::{Context, Result};
use async_trait::async_trait;
use bytes::Bytes;
use model::Clock;
use positions::Positions;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use topic::TopicLog;

#[derive(Clone)]
pub struct LogConfig {
    /// Per topic, not counting one spare segment. A topic that reaches it refuses appends.
    pub max_bytes: u64,
    /// Size at which a new file is begun (at most a quarter of `max_bytes`).
    pub segment_bytes: u64,
    pub max_record_bytes: usize,
    /// How much may wait for the writer before appends are refused.
    pub max_pending_bytes: usize,
    /// How much of the newest records stays in memory, per topic, while readers have not committed them.
    pub tail_bytes: usize,
    /// How often, at most, reader positions are stored and finished segments given up.
    pub keeping_interval: Duration,
    pub clock: Clock,
    pub disk: Disk,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            max_bytes: 10 << 30,
            segment_bytes: 64 << 20,
            max_record_bytes: 128 << 20,
            max_pending_bytes: 256 << 20,
            tail_bytes: 32 << 20,
            keeping_interval: Duration::from_secs(1),
            clock: Clock::System,
            disk: Disk::real(),
        }
    }
}

impl LogConfig {
    fn segment_limit(&self) -> u64 {
        // File positions are stored in 32 bits.
        self.segment_bytes.min(self.max_bytes / 4).min(1 << 30)
    }

    /// One append is one frame, and a frame must leave room for others.
    fn append_limit(&self) -> u64 {
        (self.max_bytes / 4).min(1 << 30)
    }
}

pub struct Log {
    topics: Vec<Arc<TopicLog>>,
    keeper: keeper::Keeper,
    writers: Vec<std::thread::JoinHandle<()>>,
    _lock: File,
}

impl Log {
    /// Opens or creates the log in `dir`. Blocking; reads at most one segment per topic.
    pub fn open(dir: impl AsRef<Path>, config: LogConfig) -> Result<Log> {
        let dir = dir.as_ref();
        std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
        let lock = lock(dir)?;
        let positions = Positions::load(dir)?;
        let config = Arc::new(config);
        let keeper_signal = Arc::new(keeper::Signal::default());
        let mut topics = Vec::new();
        for topic in Topic::ALL {
            let opened = TopicLog::open(dir, topic, config.clone(), &positions, keeper_signal.clone());
            topics.push(Arc::new(opened.with_context(|| format!("opening the {} log in {}", topic.as_str(), dir.display()))?));
        }
        let writers = topics.iter().map(|topic| writer::start(topic.clone())).collect::<Result<_>>()?;
        let keeper = keeper::Keeper::start(dir.to_owned(), config, topics.clone(), keeper_signal)?;
        Ok(Log { topics, keeper, writers, _lock: lock })
    }

    fn topic(&self, topic: Topic) -> &Arc<TopicLog> {
        // `topics` is built from `Topic::ALL`, whose order is the order of the enum.
        &self.topics[topic as usize]
    }

    /// Makes the next record's offset at least `offset`: what a reader has kept elsewhere as read must not be handed out
    /// again, or it would be skipped. Call it before anything is appended, when the folder may have been replaced or
    /// restored without its newest files.
    pub fn begin_at(&self, topic: Topic, offset: Offset) {
        self.topic(topic).begin_at(offset);
    }

    /// Segments set aside because stored bytes were damaged.
    pub fn quarantined(&self, topic: Topic) -> Vec<PathBuf> {
        self.topic(topic).quarantined()
    }
}

impl Drop for Log {
    /// Writes what was handed over, stores reader positions, and stops the threads.
    fn drop(&mut self) {
        for topic in &self.topics {
            topic.close();
        }
        for writer in self.writers.drain(..) {
            drop(writer.join());
        }
        self.keeper.stop();
    }
}

fn lock(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => anyhow::bail!("{} is in use by another process", dir.display()),
        Err(std::fs::TryLockError::Error(error)) => Err(error).with_context(|| format!("locking {}", path.display())),
    }
}

#[async_trait]
impl Queue for Log {
    async fn append(&self, topic: Topic, records: Vec<Bytes>) -> Result<Offset, AppendError> {
        self.topic(topic).append(records).await
    }

    async fn read(&self, topic: Topic, from: Offset, max_bytes: usize) -> Result<Batch> {
        self.topic(topic).read(from, max_bytes).await
    }

    async fn commit(&self, reader: Reader, next: Offset) -> Result<()> {
        self.topic(reader.topic()).commit(reader, next)
    }

    async fn committed(&self, reader: Reader) -> Result<Offset> {
        Ok(self.topic(reader.topic()).committed(reader))
    }

    fn end(&self, topic: Topic) -> Offset {
        self.topic(topic).end()
    }

    fn size_bytes(&self, topic: Topic) -> u64 {
        self.topic(topic).size_bytes()
    }

    fn status(&self, topic: Topic) -> TopicStatus {
        self.topic(topic).status()
    }
}
