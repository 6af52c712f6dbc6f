//! The write-ahead log: the newest batches, one checksummed frame each, durable before an append returns.
//!
//! A file is `header frame*`. Each file's header says where the file before it ends, so bytes that a failed write or a
//! failed fsync may have left behind there are never read again. A file is written by one process only: every start
//! begins a new one.

use crate::disk::{Disk, DiskFile};
use anyhow::{Context, Result, ensure};
use std::io::{self, Write};

const MAGIC: [u8; 8] = *b"hogletWL";
const VERSION: u32 = 1;
const HEADER: usize = 32;
const FRAME_MAGIC: [u8; 4] = *b"\xf7evt";
/// Magic, length, checksum of the payload, checksum of this header.
const FRAME_HEADER: usize = 16;
/// Larger frames are taken for damage.
const MAX_FRAME: usize = 512 << 20;

pub fn file_name(number: u64) -> String {
    format!("log/{number:016}.log")
}

pub struct Log {
    disk: Disk,
    current: Option<Current>,
    next: u64,
    /// Where the newest file's trusted bytes end; `None` before the first file.
    previous_end: u64,
}

struct Current {
    file: DiskFile,
    end: u64,
}

impl Log {
    /// `next` is the number of the first file to write, `previous_end` where the file before it ends.
    pub fn new(disk: Disk, next: u64, previous_end: u64) -> Self {
        Log { disk, current: None, next, previous_end }
    }

    /// Returns once the frame is durable. After an error no part of it will ever be read.
    pub fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.begin_file()?,
        };
        let mut frame = Vec::with_capacity(FRAME_HEADER + payload.len());
        frame.extend_from_slice(&frame_header(payload, current.end));
        frame.extend_from_slice(payload);
        if let Err(error) = current.file.write_all(&frame) {
            // Nothing was synced yet, so taking the bytes back leaves the file as good as before.
            if current.file.truncate(current.end).is_ok() {
                self.current = Some(current);
            } else {
                self.previous_end = current.end;
            }
            return Err(error);
        }
        if let Err(error) = current.file.sync() {
            // The kernel may have dropped the dirty pages and forgotten the error: this file is not written again.
            self.previous_end = current.end;
            return Err(error);
        }
        current.end += frame.len() as u64;
        self.previous_end = current.end;
        self.current = Some(current);
        Ok(())
    }

    /// Ends the current file. Returns the number that the next one will have.
    pub fn rotate(&mut self) -> u64 {
        self.current = None;
        self.next
    }

    fn begin_file(&mut self) -> io::Result<Current> {
        let name = file_name(self.next);
        let mut file = self.disk.create(&name)?;
        file.write_all(&header(self.next, self.previous_end))?;
        file.sync()?;
        self.disk.sync_folder_of(&name)?;
        self.next += 1;
        self.previous_end = HEADER as u64;
        Ok(Current { file, end: HEADER as u64 })
    }
}

fn header(number: u64, previous_end: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..20].copy_from_slice(&number.to_le_bytes());
    header[20..28].copy_from_slice(&previous_end.to_le_bytes());
    let crc = crc32fast::hash(&header[..28]);
    header[28..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// The header's checksum covers the place as well, so a frame that ended up elsewhere is not taken for good.
fn frame_header(payload: &[u8], offset: u64) -> [u8; FRAME_HEADER] {
    let mut header = [0; FRAME_HEADER];
    header[..4].copy_from_slice(&FRAME_MAGIC);
    header[4..8].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    header[8..12].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
    let crc = header_checksum(&header, offset);
    header[12..].copy_from_slice(&crc.to_le_bytes());
    header
}

fn header_checksum(header: &[u8; FRAME_HEADER], offset: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&offset.to_le_bytes());
    hasher.update(&header[..12]);
    hasher.finalize()
}

/// One log file as found at start.
pub struct Found {
    pub number: u64,
    bytes: Vec<u8>,
    /// Where the file before this one ends; `None` when the header is unreadable.
    previous_end: Option<u64>,
}

/// What a log file holds.
pub struct Frames<'a> {
    pub payloads: Vec<&'a [u8]>,
    pub end: u64,
    /// Why some bytes were passed over. A tail that the crashed process had not finished writing is not damage.
    pub damage: Option<String>,
}

/// Reads the log files from number `first` on, oldest first.
pub fn find(disk: &Disk, first: u64) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for name in disk.files_below("log").context("listing the log folder")? {
        let number = name.strip_prefix("log/").and_then(|name| name.strip_suffix(".log")).and_then(|digits| digits.parse().ok());
        let Some(number) = number.filter(|number| *number >= first) else { continue };
        let bytes = disk.read(&name).with_context(|| format!("reading {name}"))?;
        let previous_end = read_header(&bytes, number).with_context(|| format!("reading {name}"))?;
        found.push(Found { number, bytes, previous_end });
    }
    found.sort_by_key(|file| file.number);
    Ok(found)
}

/// `None` for a header that is damaged or was never finished; an error for one that a newer Hoglet wrote.
fn read_header(bytes: &[u8], number: u64) -> Result<Option<u64>> {
    let Some(found) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
    let version = u32::from_le_bytes(found[8..12].try_into().expect("four bytes"));
    let previous_end = u64::from_le_bytes(found[20..28].try_into().expect("eight bytes"));
    let crc_fits = crc32fast::hash(&found[..28]).to_le_bytes() == found[28..];
    ensure!(!crc_fits || version <= VERSION, "log version {version} is newer than this build");
    Ok((*found == header(number, previous_end)).then_some(previous_end))
}

impl Found {
    /// The frames, up to where the file after this one says that it ends.
    pub fn frames(&self, next: Option<&Found>) -> Frames<'_> {
        let limit = match next.and_then(|next| next.previous_end) {
            Some(end) => self.bytes.len().min(end as usize),
            None => self.bytes.len(),
        };
        let mut frames = Frames { payloads: Vec::new(), end: HEADER as u64, damage: None };
        if self.previous_end.is_none() && self.bytes.len() > HEADER {
            frames.damage = Some("its header is damaged".to_owned());
        }
        let last = !next.is_some_and(|next| next.previous_end.is_some());
        let bytes = &self.bytes[..limit];
        let mut at = HEADER;
        while at < limit {
            let found = frame_at(bytes, at);
            if let FrameAt::Good(payload, end) = found {
                frames.payloads.push(payload);
                (frames.end, at) = (end as u64, end);
                continue;
            }
            let later = (at + 1..limit)
                .find(|&later| bytes[later..].starts_with(&FRAME_MAGIC) && matches!(frame_at(bytes, later), FrameAt::Good(..)));
            if later.is_some() || !last || matches!(found, FrameAt::Damaged) {
                frames.damage = Some(format!("{} bytes at offset {at} are damaged", later.unwrap_or(limit) - at));
            }
            let Some(later) = later else { break };
            at = later;
        }
        frames
    }
}

enum FrameAt<'a> {
    Good(&'a [u8], usize),
    /// What a process that was killed in the middle of a write leaves behind.
    Unfinished,
    Damaged,
}

fn frame_at(bytes: &[u8], at: usize) -> FrameAt<'_> {
    let rest = &bytes[at..];
    let Some((header, rest)) = rest.split_first_chunk::<FRAME_HEADER>() else { return FrameAt::Unfinished };
    if rest.iter().chain(header).all(|byte| *byte == 0) {
        return FrameAt::Unfinished;
    }
    let length = u32::from_le_bytes(header[4..8].try_into().expect("four bytes")) as usize;
    if header[..4] != FRAME_MAGIC || length > MAX_FRAME || header_checksum(header, at as u64).to_le_bytes() != header[12..] {
        return FrameAt::Damaged;
    }
    match rest.get(..length) {
        None => FrameAt::Unfinished,
        Some(payload) if crc32fast::hash(payload).to_le_bytes() == header[8..12] => FrameAt::Good(payload, at + FRAME_HEADER + length),
        Some(_) => FrameAt::Damaged,
    }
}
