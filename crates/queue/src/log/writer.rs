//! The thread that writes one topic: everything that waits goes into one write and one sync.

use super::format::{FILE_HEADER, FRAME_HEADER, FileHeader, NewFrame};
use super::segment::{self, Segment};
use super::topic::{Ack, Durable, TopicLog};
use crate::{AppendError, Offset};
use anyhow::{Context, Result};
use bytes::Bytes;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::runtime::Handle;

/// One write gathers at most this much (but always one append).
const MAX_GROUP_BYTES: usize = 16 << 20;
const MAX_GROUP_APPENDS: usize = 4096;

struct Writer {
    log: Arc<TopicLog>,
    active: Option<Active>,
    next: u64,
    /// Where the segment before the next one ends.
    previous_end: u64,
}

/// The segment being written. Dropped (never written again) as soon as anything about it fails.
struct Active {
    segment: Arc<Segment>,
    position: u64,
    /// Header and directory entry are durable.
    established: bool,
    recycled: bool,
}

struct Group {
    frames: Vec<NewFrame>,
    acks: Vec<Ack>,
    runtime: Option<Handle>,
}

pub fn start(log: Arc<TopicLog>) -> Result<JoinHandle<()>> {
    let name = format!("queue-{}", log.topic.as_str());
    let next = log.end().0;
    let mut writer = Writer { log, active: None, next, previous_end: next };
    let body = move || {
        while let Some(group) = writer.next_group() {
            writer.commit(group);
        }
    };
    std::thread::Builder::new().name(name).spawn(body).context("starting the log's writer thread")
}

impl Writer {
    /// Waits for appends. `None` once the log is closed and nothing waits.
    fn next_group(&mut self) -> Option<Group> {
        let mut pending = self.log.pending.lock();
        while pending.appends.is_empty() {
            if pending.closed {
                return None;
            }
            pending.writer_sleeps = true;
            self.log.wake_writer.wait(&mut pending);
        }
        pending.writer_sleeps = false;
        let count = group_size(&pending.appends);
        let appends =
            if count == pending.appends.len() { std::mem::take(&mut pending.appends) } else { pending.appends.drain(..count).collect() };
        pending.bytes -= appends.iter().map(|(frame, _)| frame.bytes.len()).sum::<usize>();
        let runtime = pending.runtime.take();
        if pending.begin_at > self.next {
            self.active = None;
            self.next = pending.begin_at;
        }
        drop(pending);
        let (frames, acks) = appends.into_iter().unzip();
        Some(Group { frames, acks, runtime })
    }

    fn commit(&mut self, mut group: Group) {
        let started = Instant::now();
        let first = self.next;
        match self.write(&mut group.frames) {
            Ok(()) => {
                let mut results = Vec::with_capacity(group.acks.len());
                let mut offset = first;
                for frame in &group.frames {
                    results.push(Ok(Offset(offset)));
                    offset += u64::from(frame.records);
                }
                self.next = offset;
                self.publish(group.frames, first, started);
                acknowledge(group.acks, results, group.runtime);
            }
            Err(error) => {
                let error = self.give_up(error);
                let results = group.acks.iter().map(|_| Err(error.to_error())).collect();
                acknowledge(group.acks, results, group.runtime);
            }
        }
    }

    fn publish(&self, frames: Vec<NewFrame>, first: u64, started: Instant) {
        let topic = self.log.topic.as_str();
        let bytes: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
        metrics::histogram!("queue_commit_seconds", "topic" => topic).record(started.elapsed().as_secs_f64());
        metrics::histogram!("queue_commit_appends", "topic" => topic).record(frames.len() as f64);
        metrics::counter!("queue_records_appended_total", "topic" => topic).increment(self.next - first);
        metrics::counter!("queue_bytes_appended_total", "topic" => topic).increment(bytes as u64);
        let mut offset = first;
        let frames = frames.into_iter().map(|frame| {
            let start = offset;
            offset += u64::from(frame.records);
            (start, offset, Bytes::from(frame.bytes).slice(FRAME_HEADER..))
        });
        let frames = frames.collect();
        self.log.publish(Durable { frames, at: self.log.config.clock.now() });
        metrics::gauge!("queue_size_bytes", "topic" => topic).set(self.log.size_bytes() as f64);
    }

    /// Writes and syncs. On success the segment's end and size have moved on.
    fn write(&mut self, frames: &mut [NewFrame]) -> io::Result<()> {
        let size: u64 = frames.iter().map(|frame| frame.bytes.len() as u64).sum();
        let full = self
            .active
            .as_ref()
            .is_some_and(|active| active.position > FILE_HEADER as u64 && active.position + size > self.log.config.segment_limit());
        if full {
            self.active = None;
        }
        if self.active.is_none() {
            let active = self.begin_segment()?;
            self.log.state.lock().segments.push_back(active.segment.clone());
            self.active = Some(active);
        }
        let active = self.active.as_mut().expect("a segment was just begun");
        let segment = &active.segment;
        let mut offset = self.next;
        for frame in frames.iter_mut() {
            frame.place(offset, active.position, segment.sequence);
            offset += u64::from(frame.records);
        }
        let header = segment.header().encode();
        let mut slices = Vec::with_capacity(frames.len() + 1);
        let mut start = active.position;
        if !active.established {
            slices.push(IoSlice::new(&header));
            start = 0;
        }
        slices.extend(frames.iter().map(|frame| IoSlice::new(&frame.bytes)));
        segment.file.write_all_at(start, &mut slices)?;
        segment.file.sync_data()?;
        if !active.established {
            self.log.config.disk.sync_dir(&self.log.dir)?;
            active.established = true;
        }
        segment.remember(self.next, active.position);
        active.position += size;
        segment.bytes.store(active.position, Ordering::Release);
        segment.end.store(offset, Ordering::Release);
        self.previous_end = offset;
        Ok(())
    }

    fn begin_segment(&mut self) -> io::Result<Active> {
        let disk = &self.log.config.disk;
        let (sequence, spare) = {
            let mut state = self.log.state.lock();
            let sequence = state.next_sequence;
            state.next_sequence += 1;
            (sequence, state.spare.take())
        };
        let path = self.log.dir.join(segment::file_name(sequence));
        let recycled = spare.is_some();
        let file = match spare {
            Some(spare) => {
                disk.rename(&spare, &path)?;
                disk.open(&path)?
            }
            None => disk.create(&path)?,
        };
        let header = FileHeader { sequence, first: self.next, previous_end: self.previous_end, created_at: self.log.config.clock.now() };
        let segment = Arc::new(Segment::new(header, path, file));
        Ok(Active { segment, position: FILE_HEADER as u64, established: false, recycled })
    }

    /// After a failed write or sync: the file is left as it was before the group and not touched again.
    fn give_up(&mut self, error: io::Error) -> Failure {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge);
        // A full disk fails thousands of appends a second; the first one says it all.
        if self.log.state.lock().trouble.is_none() {
            tracing::error!(topic = self.log.topic.as_str(), %error, "appending to the log failed: nothing of the batch counts, and a new file is begun");
        }
        if let Some(active) = self.active.take() {
            active.segment.suspect.store(true, Ordering::Release);
            // Room for others, and nothing unacknowledged to find later; both are conveniences that may fail too.
            if active.position == FILE_HEADER as u64 {
                self.log.state.lock().segments.retain(|segment| segment.sequence != active.segment.sequence);
                drop(self.log.config.disk.remove(&active.segment.path));
            } else if !active.recycled || full {
                drop(active.segment.file.truncate(active.position));
            }
        }
        let failure = Failure { full, text: error.to_string() };
        self.log.refused(if full { "disk_full" } else { "failed" });
        self.log.state.lock().trouble = Some(failure.to_error().to_string());
        failure
    }
}

struct Failure {
    full: bool,
    text: String,
}

impl Failure {
    fn to_error(&self) -> AppendError {
        if self.full { AppendError::Full(self.text.clone()) } else { AppendError::Failed(self.text.clone()) }
    }
}

/// How many of the waiting appends go into one write: at least one.
fn group_size(appends: &[(NewFrame, Ack)]) -> usize {
    let mut size = 0;
    let fitting = appends.iter().take(MAX_GROUP_APPENDS).take_while(|(frame, _)| {
        size += frame.bytes.len();
        size <= MAX_GROUP_BYTES
    });
    fitting.count().max(1)
}

/// Tells every appender. From inside the runtime, because waking tasks from a foreign thread costs a system call each.
fn acknowledge(acks: Vec<Ack>, results: Vec<Result<Offset, AppendError>>, runtime: Option<Handle>) {
    let send = move || {
        for (ack, result) in acks.into_iter().zip(results) {
            // An appender that went away does not mind.
            drop(ack.send(result));
        }
    };
    match runtime {
        Some(runtime) => drop(runtime.spawn(async move { send() })),
        None => send(),
    }
}
