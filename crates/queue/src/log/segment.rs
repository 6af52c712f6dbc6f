//! One file of a topic: finding frames in it, reading them, and telling a torn tail from damage.

use super::format::{self, FILE_HEADER, FRAME_HEADER, FRAME_MAGIC, FileHeader, FrameHeader, HeaderError};
use crate::disk::{Disk, DiskFile};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use model::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const WINDOW: usize = 256 << 10;
/// A remembered position at most every so many bytes.
const HINT_SPACING: u64 = 64 << 10;

pub struct Segment {
    pub sequence: u64,
    pub first: u64,
    pub previous_end: u64,
    pub path: PathBuf,
    pub file: DiskFile,
    pub created_at: Timestamp,
    /// Offset after the last durable record.
    pub end: AtomicU64,
    /// File position after the last durable frame.
    pub bytes: AtomicU64,
    /// A write or sync failed, or stored bytes are damaged: the file is never written again.
    pub suspect: AtomicBool,
    /// Record offset → file position of the frame that starts with it.
    hints: Mutex<BTreeMap<u64, u64>>,
}

pub fn file_name(sequence: u64) -> String {
    format!("{sequence:012}.log")
}

/// The sequence number in a segment's file name.
pub fn sequence_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".log")?;
    name.parse().ok()
}

/// Records that were durable once and cannot be read any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Damage {
    pub first: u64,
    pub end: u64,
}

pub struct Frame {
    pub header: FrameHeader,
    pub payload: Bytes,
}

#[derive(Default)]
pub struct SegmentRead {
    pub first: u64,
    pub records: Vec<Bytes>,
    pub damage: Vec<Damage>,
}

impl Segment {
    pub fn new(header: FileHeader, path: PathBuf, file: DiskFile) -> Self {
        Segment {
            sequence: header.sequence,
            first: header.first,
            previous_end: header.previous_end,
            path,
            file,
            created_at: header.created_at,
            end: AtomicU64::new(header.first),
            bytes: AtomicU64::new(FILE_HEADER as u64),
            suspect: AtomicBool::new(false),
            hints: Mutex::new(BTreeMap::from([(header.first, FILE_HEADER as u64)])),
        }
    }

    /// Opens an existing file. `Ok(None)` when no frame of it was ever completed, so that nothing in it was acknowledged.
    pub fn open(disk: &Disk, path: &Path) -> Result<Option<Self>> {
        let sequence = sequence_of(path).context("a segment's name is its number")?;
        let file = disk.open(path)?;
        let length = file.len()?;
        let bytes = file.read_up_to(0, FILE_HEADER)?;
        let header = match FileHeader::decode(&bytes, sequence) {
            Ok(header) => header,
            Err(HeaderError::UnknownVersion(version)) => {
                bail!("{} has format version {version}, which this build does not know; use the newer Hoglet that wrote it", path.display())
            }
            Err(HeaderError::Unreadable) => {
                // Frames describe themselves, so a spoilt file header costs nothing.
                let probe = Segment::new(
                    FileHeader { sequence, first: 0, previous_end: 0, created_at: Timestamp::EPOCH },
                    path.to_owned(),
                    disk.open(path)?,
                );
                probe.bytes.store(length, Ordering::Relaxed);
                let Some((position, frame)) = probe.next_intact(&mut Window::default(), FILE_HEADER as u64, |_| true)? else {
                    return Ok(None);
                };
                tracing::error!(file = %path.display(), position, first = frame.header.first, "segment header is damaged; its records are read without it");
                FileHeader { sequence, first: frame.header.first, previous_end: frame.header.first, created_at: Timestamp::EPOCH }
            }
        };
        let segment = Segment::new(header, path.to_owned(), file);
        segment.bytes.store(length, Ordering::Relaxed);
        Ok(Some(segment))
    }

    pub fn header(&self) -> FileHeader {
        FileHeader { sequence: self.sequence, first: self.first, previous_end: self.previous_end, created_at: self.created_at }
    }

    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub fn size(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    pub fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Acquire)
    }

    pub fn remember(&self, offset: u64, position: u64) {
        let mut hints = self.hints.lock();
        let near = hints.range(..=offset).next_back().is_some_and(|(_, before)| position < before + HINT_SPACING);
        if !near {
            hints.insert(offset, position);
        }
    }

    /// Where to start looking for `offset`: (offset of the frame there, its position).
    fn start_for(&self, offset: u64) -> (u64, u64) {
        let hints = self.hints.lock();
        hints.range(..=offset).next_back().map_or((self.first, FILE_HEADER as u64), |(offset, position)| (*offset, *position))
    }

    /// Finds where the records end, for the newest file after a restart.
    ///
    /// The records end at the first frame that is not intact, unless a later frame proves that the bytes were durable when
    /// it was written; what is missing before that one is damage, found again (and reported) when it is read.
    pub fn recover_end(&self) -> Result<()> {
        let mut window = Window::default();
        let (mut expected, mut position) = (self.first, FILE_HEADER as u64);
        loop {
            while let Some(frame) = self.frame_at(&mut window, position, true)?.filter(|frame| frame.header.first == expected) {
                self.remember(expected, position);
                expected = frame.header.end();
                position += frame.header.frame_length();
            }
            let broken_at = position;
            let proof =
                self.next_intact(&mut window, position + 1, |header| header.first > expected && u64::from(header.group_start) > broken_at)?;
            let Some((found_at, frame)) = proof else { break };
            expected = frame.header.first;
            position = found_at;
        }
        self.end.store(expected, Ordering::Release);
        self.bytes.store(position, Ordering::Release);
        Ok(())
    }

    /// Records from `from` on, up to `max_bytes` but at least one if there is one.
    pub fn read(&self, from: u64, max_bytes: usize) -> Result<SegmentRead> {
        let mut window = Window::default();
        let (mut expected, mut position) = self.start_for(from);
        let mut read = SegmentRead { first: from, ..SegmentRead::default() };
        let mut size = 0;
        while expected < self.end() {
            let wanted = |header: &FrameHeader| header.end() > from;
            let frame = self.frame_at(&mut window, position, false)?.filter(|frame| frame.header.first == expected);
            let intact = match frame {
                Some(frame) if wanted(&frame.header) => frame.is_intact().then_some(frame),
                skipped => skipped,
            };
            let Some(frame) = intact else {
                if !read.records.is_empty() {
                    break;
                }
                (expected, position) = self.skip_damage(&mut window, expected, position, &mut read)?;
                continue;
            };
            if wanted(&frame.header) && !take_records(&frame, from, max_bytes, &mut size, &mut read) {
                break;
            }
            expected = frame.header.end();
            position += frame.header.frame_length();
            self.remember(expected, position);
        }
        Ok(read)
    }

    fn skip_damage(&self, window: &mut Window, expected: u64, position: u64, read: &mut SegmentRead) -> Result<(u64, u64)> {
        let end = self.end();
        let found = self.next_intact(window, position + 1, |header| header.first > expected && header.first < end)?;
        let (resume, position) = found.map_or((end, self.size()), |(position, frame)| (frame.header.first, position));
        read.damage.push(Damage { first: expected, end: resume });
        read.first = read.first.max(resume);
        Ok((resume, position))
    }

    /// The frame whose header is at `position`, `None` if there is no readable header (or, with `check`, the payload is bad).
    fn frame_at(&self, window: &mut Window, position: u64, check: bool) -> Result<Option<Frame>> {
        let head = window.get(self, position, FRAME_HEADER)?;
        let Some(header) = FrameHeader::decode(&head, self.sequence) else { return Ok(None) };
        if position + header.frame_length() > self.size() {
            return Ok(None);
        }
        let payload = window.get(self, position + FRAME_HEADER as u64, header.payload_length as usize)?;
        if payload.len() != header.payload_length as usize {
            return Ok(None);
        }
        let frame = Frame { header, payload };
        Ok(if check && !frame.is_intact() { None } else { Some(frame) })
    }

    /// The first intact frame at or after `position` whose header is `acceptable`.
    fn next_intact(
        &self,
        window: &mut Window,
        mut position: u64,
        acceptable: impl Fn(&FrameHeader) -> bool,
    ) -> Result<Option<(u64, Frame)>> {
        while position + FRAME_HEADER as u64 <= self.size() {
            let chunk = window.get(self, position, WINDOW.min((self.size() - position) as usize))?;
            let candidates = chunk.windows(FRAME_MAGIC.len()).enumerate().filter(|(_, bytes)| bytes == FRAME_MAGIC);
            let candidates: Vec<u64> = candidates.map(|(index, _)| position + index as u64).collect();
            for candidate in candidates {
                if let Some(frame) = self.frame_at(window, candidate, true)?.filter(|frame| acceptable(&frame.header)) {
                    return Ok(Some((candidate, frame)));
                }
            }
            if chunk.len() < FRAME_MAGIC.len() {
                break;
            }
            position += (chunk.len() - (FRAME_MAGIC.len() - 1)) as u64;
        }
        Ok(None)
    }
}

impl Frame {
    fn is_intact(&self) -> bool {
        crc32fast::hash(&self.payload) == self.header.payload_crc
    }
}

/// Adds the frame's records from `from` on; `false` once `max_bytes` is reached.
fn take_records(frame: &Frame, from: u64, max_bytes: usize, size: &mut usize, read: &mut SegmentRead) -> bool {
    if read.records.is_empty() {
        read.first = read.first.max(frame.header.first);
    }
    let skip = from.saturating_sub(frame.header.first) as usize;
    for record in format::records(&frame.payload).skip(skip) {
        if !read.records.is_empty() && *size + record.len() > max_bytes {
            return false;
        }
        *size += record.len();
        read.records.push(record);
    }
    true
}

/// A piece of the file kept in memory, so that frames are not read one by one.
#[derive(Default)]
struct Window {
    start: u64,
    bytes: Bytes,
}

impl Window {
    /// `length` bytes at `position`; fewer at the end of the file.
    fn get(&mut self, segment: &Segment, position: u64, length: usize) -> Result<Bytes> {
        let inside = position >= self.start && position + length as u64 <= self.start + self.bytes.len() as u64;
        if !inside {
            let limit = segment.size().saturating_sub(position);
            let wanted = (length.max(WINDOW) as u64).min(limit) as usize;
            let read = segment.file.read_up_to(position, wanted);
            self.bytes = Bytes::from(read.with_context(|| format!("reading {}", segment.path.display()))?);
            self.start = position;
        }
        let at = (position - self.start) as usize;
        Ok(self.bytes.slice(at..(at + length).min(self.bytes.len())))
    }
}
