//! One topic: what appenders, readers, the writer thread and the keeper share.

use super::LogConfig;
use super::format::{self, NewFrame};
use super::keeper::Signal;
use super::positions::Positions;
use super::segment::{self, Damage, Segment};
use crate::{AppendError, Batch, Offset, Reader, ReaderStatus, Topic, TopicStatus};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use model::Timestamp;
use parking_lot::{Condvar, Mutex};
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

/// Remembered append times are at least this far apart, and never more than this many.
const AGE_SPACING_US: i64 = 250_000;
const MAX_AGES: usize = 4096;
/// Bytes of the newest segment that a reader that fell behind gets from disk in one go.
const MAX_DISK_READ: usize = 16 << 20;

pub struct TopicLog {
    pub topic: Topic,
    pub dir: PathBuf,
    pub config: Arc<LogConfig>,
    pub pending: Mutex<Pending>,
    /// Woken when `pending` gets something or the log closes.
    pub wake_writer: Condvar,
    pub state: Mutex<State>,
    end: watch::Sender<u64>,
    /// Somebody reads this topic, so that keeping its newest records in memory is worth it.
    is_read: AtomicBool,
    keeper: Arc<Signal>,
}

pub type Ack = oneshot::Sender<Result<Offset, AppendError>>;

#[derive(Default)]
pub struct Pending {
    pub appends: Vec<(NewFrame, Ack)>,
    pub bytes: usize,
    pub writer_sleeps: bool,
    pub closed: bool,
    /// Where acknowledgements are sent from.
    pub runtime: Option<Handle>,
    /// No record may get an offset below this.
    pub begin_at: u64,
}

pub struct State {
    /// Oldest first; the last one may be the one being written.
    pub segments: VecDeque<Arc<Segment>>,
    tail: Tail,
    pub committed: HashMap<Reader, u64>,
    ages: VecDeque<(u64, Timestamp)>,
    last_durable_at: Option<Timestamp>,
    pub trouble: Option<String>,
    damage: Vec<Damage>,
    quarantined: Vec<PathBuf>,
    /// A given-up segment file that the next one will reuse: rewriting blocks that exist syncs several times faster
    /// than growing a file.
    pub spare: Option<PathBuf>,
    pub next_sequence: u64,
}

/// The newest frames, in memory.
#[derive(Default)]
struct Tail {
    frames: VecDeque<TailFrame>,
    bytes: usize,
}

struct TailFrame {
    first: u64,
    end: u64,
    payload: Bytes,
}

/// A group of frames that has just become durable.
pub struct Durable {
    pub frames: Vec<(u64, u64, Bytes)>,
    pub at: Timestamp,
}

impl TopicLog {
    pub fn open(root: &Path, topic: Topic, config: Arc<LogConfig>, positions: &Positions, keeper: Arc<Signal>) -> Result<Self> {
        let dir = root.join(topic.as_str());
        std::fs::create_dir_all(&dir)?;
        let mut opened = open_segments(&dir, &config)?;
        let recovered = opened.segments.back().map_or(0, |segment| segment.end());
        let known = positions.ends.get(&topic).copied().unwrap_or(0);
        let mut damage = Vec::new();
        if recovered < known {
            tracing::error!(
                topic = topic.as_str(),
                records = known - recovered,
                "the newest records are missing from the log; they were durable before"
            );
            damage.push(Damage { first: recovered, end: known });
        }
        let end = recovered.max(known);
        let oldest = opened.segments.front().map_or(end, |segment| segment.first);
        let committed =
            Reader::of(topic).map(|reader| (reader, positions.committed.get(&reader).copied().unwrap_or(oldest).clamp(oldest, end)));
        let state = State {
            ages: opened.segments.iter().map(|segment| (segment.first, segment.created_at)).collect(),
            segments: std::mem::take(&mut opened.segments),
            tail: Tail::default(),
            committed: committed.collect(),
            last_durable_at: None,
            trouble: None,
            damage,
            quarantined: Vec::new(),
            spare: None,
            next_sequence: opened.next_sequence,
        };
        Ok(TopicLog {
            topic,
            dir,
            config,
            pending: Mutex::default(),
            wake_writer: Condvar::new(),
            state: Mutex::new(state),
            end: watch::Sender::new(end),
            is_read: AtomicBool::new(false),
            keeper,
        })
    }

    pub async fn append(&self, records: Vec<Bytes>) -> Result<Offset, AppendError> {
        if records.is_empty() {
            return Ok(self.end());
        }
        self.check_sizes(&records)?;
        let frame = NewFrame::new(&records);
        drop(records);
        let (ack, acknowledged) = oneshot::channel();
        self.hand_over(frame, ack)?;
        acknowledged.await.unwrap_or_else(|_| Err(AppendError::Failed("the log is closed".to_owned())))
    }

    /// Makes offsets go on at `offset` if they are not there yet. For the time before anything is appended.
    pub fn begin_at(&self, offset: Offset) {
        let mut pending = self.pending.lock();
        let end = self.end();
        if offset <= end {
            return;
        }
        tracing::warn!(
            topic = self.topic.as_str(),
            from = end.0,
            to = offset.0,
            "the log is shorter than what was read from it; was its folder replaced? Offsets go on behind what is known"
        );
        pending.begin_at = offset.0;
        self.end.send_replace(offset.0);
    }

    fn check_sizes(&self, records: &[Bytes]) -> Result<(), AppendError> {
        if let Some(record) = records.iter().find(|record| record.len() > self.config.max_record_bytes) {
            return Err(AppendError::TooLarge { got: record.len(), limit: self.config.max_record_bytes });
        }
        let total: usize = records.iter().map(|record| record.len() + 4).sum();
        let limit = self.config.append_limit() as usize;
        if total > limit { Err(AppendError::TooLarge { got: total, limit }) } else { Ok(()) }
    }

    fn hand_over(&self, frame: NewFrame, ack: Ack) -> Result<(), AppendError> {
        let size = frame.bytes.len();
        let stored = self.size_bytes();
        let mut pending = self.pending.lock();
        if pending.closed {
            return Err(AppendError::Failed("the log is closed".to_owned()));
        }
        let refusal = if stored + (pending.bytes + size) as u64 > self.config.max_bytes {
            Some(format!("{} bytes are kept for readers that have not committed them, the limit is {}", stored, self.config.max_bytes))
        } else if pending.bytes > 0 && pending.bytes + size > self.config.max_pending_bytes {
            Some(format!("{} bytes wait to be written", pending.bytes))
        } else {
            None
        };
        if let Some(reason) = refusal {
            drop(pending);
            self.refused("full");
            self.state.lock().trouble = Some(reason.clone());
            return Err(AppendError::Full(reason));
        }
        pending.bytes += size;
        pending.appends.push((frame, ack));
        if pending.runtime.is_none() {
            pending.runtime = Handle::try_current().ok();
        }
        let wake = std::mem::take(&mut pending.writer_sleeps);
        drop(pending);
        if wake {
            self.wake_writer.notify_one();
        }
        Ok(())
    }

    pub fn refused(&self, reason: &'static str) {
        metrics::counter!("queue_appends_refused_total", "topic" => self.topic.as_str(), "reason" => reason).increment(1);
    }

    /// Makes a durable group visible to readers.
    pub fn publish(&self, durable: Durable) {
        let Some(end) = durable.frames.last().map(|(_, end, _)| *end) else { return };
        let first = durable.frames[0].0;
        let mut state = self.state.lock();
        state.last_durable_at = Some(durable.at);
        state.trouble = None;
        state.note_age(first, durable.at);
        let needed_from = state.needed_from();
        if self.is_read.load(Ordering::Relaxed) {
            for (first, end, payload) in durable.frames {
                state.tail.push(TailFrame { first, end, payload }, self.config.tail_bytes);
            }
        }
        state.tail.drop_before(needed_from);
        self.report_unread(&state, end);
        drop(state);
        self.end.send_replace(end);
    }

    pub async fn read(&self, from: Offset, max_bytes: usize) -> Result<Batch> {
        self.is_read.store(true, Ordering::Relaxed);
        let mut end = self.end.subscribe();
        let mut from = from.0;
        loop {
            end.wait_for(|end| *end > from).await.context("the log is closed")?;
            let segment = match self.state.lock().find(from, max_bytes) {
                Found::Batch(batch) => return Ok(batch),
                Found::On(segment) => segment,
                Found::Nothing => {
                    // Offsets were skipped, or what they stood for is lost.
                    from = *end.borrow();
                    continue;
                }
            };
            from = from.max(segment.first);
            let reading = segment.clone();
            let read = tokio::task::spawn_blocking(move || reading.read(from, max_bytes.min(MAX_DISK_READ))).await?;
            if !self.is_kept(&segment) {
                // Its file may have been reused while it was read.
                continue;
            }
            let read = read?;
            for damage in &read.damage {
                self.report_damage(&segment, *damage);
            }
            if !read.records.is_empty() {
                return Ok(Batch { first: Offset(read.first), records: read.records });
            }
            from = segment.end();
        }
    }

    fn is_kept(&self, segment: &Arc<Segment>) -> bool {
        self.state.lock().segments.iter().any(|kept| kept.sequence == segment.sequence)
    }

    fn report_damage(&self, segment: &Segment, damage: Damage) {
        let mut state = self.state.lock();
        if state.damage.contains(&damage) {
            return;
        }
        state.damage.push(damage);
        let records = damage.end - damage.first;
        metrics::counter!("queue_damaged_records_total", "topic" => self.topic.as_str()).increment(records);
        segment.suspect.store(true, Ordering::Release);
        let aside = self.dir.join("quarantine").join(segment::file_name(segment.sequence));
        let kept = std::fs::create_dir_all(self.dir.join("quarantine")).and_then(|()| match std::fs::hard_link(&segment.path, &aside) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        });
        match kept {
            Ok(()) => state.quarantined.push(aside.clone()),
            Err(ref error) => tracing::error!(%error, file = %segment.path.display(), "a damaged segment could not be set aside"),
        }
        tracing::error!(
            topic = self.topic.as_str(), first = damage.first, records, file = %segment.path.display(), kept = %aside.display(),
            "records of the log are damaged on disk and are skipped; the file is kept for inspection"
        );
    }

    pub fn quarantined(&self) -> Vec<PathBuf> {
        let mut files = self.state.lock().quarantined.clone();
        files.dedup();
        files
    }

    pub fn commit(&self, reader: Reader, next: Offset) -> Result<()> {
        let end = self.end();
        if next > end {
            bail!("{} committed offset {} of {}, which ends at {}", reader.as_str(), next.0, self.topic.as_str(), end.0);
        }
        let mut state = self.state.lock();
        let committed = state.committed.entry(reader).or_default();
        if next.0 <= *committed {
            return Ok(());
        }
        *committed = next.0;
        let needed_from = state.needed_from();
        state.tail.drop_before(needed_from);
        while state.ages.get(1).is_some_and(|(offset, _)| *offset <= needed_from) {
            state.ages.pop_front();
        }
        self.report_unread(&state, end.0);
        drop(state);
        self.keeper.positions_changed();
        Ok(())
    }

    fn report_unread(&self, state: &State, end: u64) {
        for (reader, committed) in &state.committed {
            metrics::gauge!("queue_unread_records", "reader" => reader.as_str()).set(end.saturating_sub(*committed) as f64);
        }
    }

    pub fn committed(&self, reader: Reader) -> Offset {
        Offset(self.state.lock().committed.get(&reader).copied().unwrap_or_default())
    }

    pub fn end(&self) -> Offset {
        Offset(*self.end.borrow())
    }

    pub fn size_bytes(&self) -> u64 {
        self.state.lock().segments.iter().map(|segment| segment.size()).sum()
    }

    pub fn status(&self) -> TopicStatus {
        let end = self.end().0;
        let bytes = self.size_bytes();
        let state = self.state.lock();
        let readers = Reader::of(self.topic).map(|reader| {
            let committed = state.committed.get(&reader).copied().unwrap_or_default();
            let age = state.ages.iter().rev().find(|(offset, _)| *offset <= committed).or(state.ages.front());
            ReaderStatus {
                reader,
                committed: Offset(committed),
                unread_records: end.saturating_sub(committed),
                oldest_unread_at: if committed < end { age.map(|(_, at)| *at) } else { None },
            }
        });
        TopicStatus {
            oldest: Offset(state.segments.front().map_or(end, |segment| segment.first)),
            end: Offset(end),
            bytes,
            max_bytes: self.config.max_bytes,
            last_durable_at: state.last_durable_at,
            trouble: state.trouble.clone(),
            damaged_records: state.damage.iter().map(|damage| damage.end - damage.first).sum(),
            readers: readers.collect(),
        }
    }

    pub fn close(&self) {
        self.pending.lock().closed = true;
        self.wake_writer.notify_one();
    }
}

enum Found {
    Batch(Batch),
    On(Arc<Segment>),
    Nothing,
}

impl State {
    /// Every reader has committed everything before this.
    pub fn needed_from(&self) -> u64 {
        self.committed.values().copied().min().unwrap_or_default()
    }

    /// Remembers when records were appended: one entry per quarter of a second, thinned out when a reader is far behind.
    fn note_age(&mut self, first: u64, at: Timestamp) {
        let close = self.ages.back().is_some_and(|(offset, last)| at.since(*last).abs() < AGE_SPACING_US && *offset >= self.needed_from());
        if close {
            return;
        }
        if self.ages.len() >= MAX_AGES {
            let mut keep = false;
            self.ages.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.ages.push_back((first, at));
    }

    fn find(&self, from: u64, max_bytes: usize) -> Found {
        if let Some(batch) = self.tail.read(from, max_bytes) {
            return Found::Batch(batch);
        }
        let index = self.segments.partition_point(|segment| segment.end() <= from);
        self.segments.get(index).map_or(Found::Nothing, |segment| Found::On(segment.clone()))
    }
}

impl Tail {
    fn push(&mut self, frame: TailFrame, limit: usize) {
        self.bytes += frame.payload.len();
        self.frames.push_back(frame);
        while self.bytes > limit && self.frames.len() > 1 {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(frame) = self.frames.pop_front() {
            self.bytes -= frame.payload.len();
        }
    }

    fn drop_before(&mut self, offset: u64) {
        while self.frames.front().is_some_and(|frame| frame.end <= offset) {
            self.pop();
        }
        if self.frames.is_empty() {
            self.frames.shrink_to(64);
        }
    }

    fn read(&self, from: u64, max_bytes: usize) -> Option<Batch> {
        let start = self.frames.partition_point(|frame| frame.end <= from);
        let first = self.frames.get(start)?;
        if first.first > from {
            return None;
        }
        let (mut records, mut size) = (Vec::new(), 0);
        for frame in self.frames.range(start..) {
            let skip = from.saturating_sub(frame.first) as usize;
            for record in format::records(&frame.payload).skip(skip) {
                if !records.is_empty() && size + record.len() > max_bytes {
                    return Some(Batch { first: Offset(from), records });
                }
                size += record.len();
                records.push(record);
            }
        }
        Some(Batch { first: Offset(from), records })
    }
}

struct OpenedSegments {
    segments: VecDeque<Arc<Segment>>,
    next_sequence: u64,
}

fn open_segments(dir: &Path, config: &LogConfig) -> Result<OpenedSegments> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("listing {}", dir.display()))? {
        let path = entry?.path();
        if let Some(sequence) = segment::sequence_of(&path) {
            paths.push((sequence, path));
        } else if path.extension().is_some_and(|extension| extension == "spare") {
            config.disk.remove(&path)?;
        }
    }
    paths.sort();
    let next_sequence = paths.last().map_or(1, |(sequence, _)| sequence + 1);
    let mut opened: Vec<Segment> = Vec::new();
    for (_, path) in &paths {
        match Segment::open(&config.disk, path)? {
            Some(segment) => opened.push(segment),
            None => {
                tracing::warn!(file = %path.display(), "removing a segment that was never completed");
                config.disk.remove(path)?;
            }
        }
    }
    if let Some(newest) = opened.last() {
        newest.recover_end()?;
        // What was read back may still be only in the page cache; from here on it counts as durable.
        newest.file.sync_data()?;
    }
    for (segment, next) in opened.iter().zip(opened.iter().skip(1)) {
        segment.end.store(next.previous_end.min(next.first).max(segment.first), Ordering::Release);
    }
    let mut segments = VecDeque::new();
    for segment in opened {
        if segment.end() == segment.first {
            config.disk.remove(&segment.path)?;
        } else {
            segments.push_back(Arc::new(segment));
        }
    }
    Ok(OpenedSegments { segments, next_sequence })
}
