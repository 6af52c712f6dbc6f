//! The bytes of a segment file, version 1. All integers are little-endian.
//!
//! ```text
//! file   = header frame*
//! header = "HOGLOG" version:u16 sequence:u64 first_offset:u64 previous_end:u64 created_at:i64(µs) crc32:u32, padded to 64 bytes
//! frame  = "HGF1" header_crc:u32 payload_length:u32 records:u32 first_offset:u64 group_start:u32 payload_crc:u32 payload
//! payload = (length:u32 bytes)*
//! ```
//!
//! One frame holds one append, so that an append survives a crash whole or not at all.
//!
//! `header_crc` covers the rest of the frame header *and the sequence number of the file*: files are reused once their
//! records are no longer needed, and what an earlier life left behind must not look like a frame of this one.
//!
//! `group_start` is the file position from which the frame was written and synced together with its neighbours.
//! Everything before it was already durable. That tells a torn tail (never acknowledged) from damage (acknowledged).

use bytes::Bytes;
use model::Timestamp;

pub const VERSION: u16 = 1;
pub const FILE_HEADER: usize = 64;
pub const FRAME_HEADER: usize = 32;
const FILE_MAGIC: &[u8; 6] = b"HOGLOG";
pub const FRAME_MAGIC: &[u8; 4] = b"HGF1";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileHeader {
    pub sequence: u64,
    pub first: u64,
    /// Where the file before ended. Less than `first` if offsets were skipped on purpose.
    pub previous_end: u64,
    pub created_at: Timestamp,
}

#[derive(PartialEq, Eq, Debug)]
pub enum HeaderError {
    /// Not a header of this file: never written, left over from an earlier life, or damaged.
    Unreadable,
    UnknownVersion(u16),
}

impl FileHeader {
    pub fn encode(&self) -> [u8; FILE_HEADER] {
        let mut out = [0; FILE_HEADER];
        out[..6].copy_from_slice(FILE_MAGIC);
        out[6..8].copy_from_slice(&VERSION.to_le_bytes());
        out[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        out[16..24].copy_from_slice(&self.first.to_le_bytes());
        out[24..32].copy_from_slice(&self.previous_end.to_le_bytes());
        out[32..40].copy_from_slice(&self.created_at.0.to_le_bytes());
        let crc = crc32fast::hash(&out[..40]);
        out[40..44].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub fn decode(bytes: &[u8], sequence: u64) -> Result<Self, HeaderError> {
        if bytes.len() < FILE_HEADER || &bytes[..6] != FILE_MAGIC || crc32fast::hash(&bytes[..40]) != u32_at(bytes, 40) {
            return Err(HeaderError::Unreadable);
        }
        let version = u16::from_le_bytes([bytes[6], bytes[7]]);
        if version != VERSION {
            return Err(HeaderError::UnknownVersion(version));
        }
        let header = FileHeader {
            sequence: u64_at(bytes, 8),
            first: u64_at(bytes, 16),
            previous_end: u64_at(bytes, 24),
            created_at: Timestamp(u64_at(bytes, 32) as i64),
        };
        if header.sequence == sequence { Ok(header) } else { Err(HeaderError::Unreadable) }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameHeader {
    pub payload_length: u32,
    pub records: u32,
    pub first: u64,
    pub group_start: u32,
    pub payload_crc: u32,
}

impl FrameHeader {
    /// Offset after the frame's last record.
    pub fn end(&self) -> u64 {
        self.first + u64::from(self.records)
    }

    /// Bytes of header and payload.
    pub fn frame_length(&self) -> u64 {
        FRAME_HEADER as u64 + u64::from(self.payload_length)
    }

    pub fn write_to(&self, out: &mut [u8], sequence: u64) {
        out[..4].copy_from_slice(FRAME_MAGIC);
        out[8..12].copy_from_slice(&self.payload_length.to_le_bytes());
        out[12..16].copy_from_slice(&self.records.to_le_bytes());
        out[16..24].copy_from_slice(&self.first.to_le_bytes());
        out[24..28].copy_from_slice(&self.group_start.to_le_bytes());
        out[28..32].copy_from_slice(&self.payload_crc.to_le_bytes());
        let crc = header_crc(&out[8..32], sequence);
        out[4..8].copy_from_slice(&crc.to_le_bytes());
    }

    /// `None` unless the header is intact and belongs to file number `sequence`.
    pub fn decode(bytes: &[u8], sequence: u64) -> Option<Self> {
        if bytes.len() < FRAME_HEADER || &bytes[..4] != FRAME_MAGIC || header_crc(&bytes[8..32], sequence) != u32_at(bytes, 4) {
            return None;
        }
        Some(FrameHeader {
            payload_length: u32_at(bytes, 8),
            records: u32_at(bytes, 12),
            first: u64_at(bytes, 16),
            group_start: u32_at(bytes, 24),
            payload_crc: u32_at(bytes, 28),
        })
    }
}

fn header_crc(rest: &[u8], sequence: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&sequence.to_le_bytes());
    hasher.update(rest);
    hasher.finalize()
}

/// A frame whose header is still blank except for what the records decide; the writer fills in the place.
pub struct NewFrame {
    pub bytes: Vec<u8>,
    pub records: u32,
    pub payload_crc: u32,
}

impl NewFrame {
    pub fn new(records: &[Bytes]) -> Self {
        let payload: usize = records.iter().map(|record| 4 + record.len()).sum();
        let mut bytes = Vec::with_capacity(FRAME_HEADER + payload);
        bytes.resize(FRAME_HEADER, 0);
        for record in records {
            bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
            bytes.extend_from_slice(record);
        }
        let payload_crc = crc32fast::hash(&bytes[FRAME_HEADER..]);
        NewFrame { bytes, records: records.len() as u32, payload_crc }
    }

    pub fn place(&mut self, first: u64, group_start: u64, sequence: u64) {
        let header = FrameHeader {
            payload_length: (self.bytes.len() - FRAME_HEADER) as u32,
            records: self.records,
            first,
            group_start: group_start as u32,
            payload_crc: self.payload_crc,
        };
        header.write_to(&mut self.bytes[..FRAME_HEADER], sequence);
    }
}

/// The records of a payload, without copying. Stops early at a length that does not fit; the checksum makes that impossible
/// for bytes that this program wrote.
pub fn records(payload: &Bytes) -> impl Iterator<Item = Bytes> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let length = u32::from_le_bytes(payload.get(at..at + 4)?.try_into().ok()?) as usize;
        let start = at + 4;
        let end = start.checked_add(length).filter(|end| *end <= payload.len())?;
        at = end;
        Some(payload.slice(start..end))
    })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_belongs_to_one_file_only() {
        let mut frame = NewFrame::new(&[Bytes::from_static(b"one"), Bytes::from_static(b"")]);
        frame.place(7, 64, 3);
        let header = FrameHeader::decode(&frame.bytes, 3).unwrap();
        assert_eq!((header.first, header.end(), header.group_start), (7, 9, 64));
        assert_eq!(FrameHeader::decode(&frame.bytes, 4), None);
        let payload = Bytes::from(frame.bytes).slice(FRAME_HEADER..);
        assert_eq!(records(&payload).collect::<Vec<_>>(), ["one", ""]);
    }

    #[test]
    fn any_flipped_bit_of_a_frame_header_is_noticed() {
        let mut frame = NewFrame::new(&[Bytes::from_static(b"x")]);
        frame.place(1, 64, 1);
        for bit in 0..FRAME_HEADER * 8 {
            let mut bytes = frame.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::decode(&bytes, 1), None, "bit {bit}");
        }
    }

    #[test]
    fn a_file_header_of_a_newer_format_is_named() {
        let header = FileHeader { sequence: 1, first: 5, previous_end: 4, created_at: Timestamp(9) };
        let mut bytes = header.encode();
        assert_eq!(FileHeader::decode(&bytes, 1), Ok(header));
        assert_eq!(FileHeader::decode(&bytes, 2), Err(HeaderError::Unreadable));
        bytes[6] = 2;
        let crc = crc32fast::hash(&bytes[..40]);
        bytes[40..44].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(FileHeader::decode(&bytes, 1), Err(HeaderError::UnknownVersion(2)));
    }
}
