//! The file beside a segment's Parquet file: checksums of its blocks, and the keys of its rows. Version 2;
//! version 1 had eight bytes of each key, and such keys are made anew.
//!
//! ```text
//! "hogletSD" version:u32 block:u32 parquet_bytes:u64 blocks:u32 keys_bytes:u64 crc_of_blocks:u32 crc_of_keys:u32 crc_of_the_above:u32
//! crc32 of each block of the Parquet file
//! keys (see `keys`)
//! ```
//!
//! The two parts have checksums of their own, so that damaged keys can be made anew from rows that are known to be good.
//!
//! Parquet readers find nothing unusual in the Parquet file; everything of ours is here.

use crate::disk::Disk;
use crate::keys::{self, Key, StoredKeys};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use parking_lot::Mutex;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

const MAGIC: [u8; 8] = *b"hogletSD";
const VERSION: u32 = 2;
const HEADER: usize = 48;
const BLOCK: usize = 64 << 10;

/// Passes bytes on and keeps the checksum of every block.
pub struct Summing<W> {
    inner: W,
    hasher: crc32fast::Hasher,
    in_block: usize,
    pub sums: Vec<u32>,
    pub length: u64,
}

impl<W: Write> Summing<W> {
    pub fn new(inner: W) -> Self {
        Summing { inner, hasher: crc32fast::Hasher::new(), in_block: 0, sums: Vec::new(), length: 0 }
    }

    pub fn finish(mut self) -> (W, Vec<u32>, u64) {
        if self.in_block > 0 {
            self.sums.push(self.hasher.clone().finalize());
        }
        (self.inner, self.sums, self.length)
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        let mut rest = &bytes[..written];
        self.length += written as u64;
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(BLOCK - self.in_block));
            self.hasher.update(head);
            self.in_block += head.len();
            if self.in_block == BLOCK {
                self.sums.push(std::mem::take(&mut self.hasher).finalize());
                self.in_block = 0;
            }
            rest = tail;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

pub fn encode(parquet_bytes: u64, sums: &[u32], keys: &[Key]) -> Vec<u8> {
    let keys = keys::encode(keys);
    let sums: Vec<u8> = sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
    let mut out = Vec::with_capacity(HEADER + sums.len() + keys.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&(BLOCK as u32).to_le_bytes());
    out.extend_from_slice(&parquet_bytes.to_le_bytes());
    out.extend_from_slice(&(sums.len() as u32 / 4).to_le_bytes());
    out.extend_from_slice(&(keys.len() as u64).to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(&sums).to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(&keys).to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
    out.extend_from_slice(&sums);
    out.extend_from_slice(&keys);
    out
}

struct Header {
    version: u32,
    parquet_bytes: u64,
    sums: usize,
    keys: usize,
    sums_crc: u32,
    keys_crc: u32,
}

fn read_header(bytes: &[u8]) -> Result<Header> {
    let head = bytes.first_chunk::<HEADER>().context("its side file ends early")?;
    let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
    let long = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
    ensure!(head[..8] == MAGIC && crc32fast::hash(&head[..44]) == number(44), "its side file's header is damaged");
    ensure!((1..=VERSION).contains(&number(8)), "its side file has version {}, which this build does not know", number(8));
    ensure!(number(12) as usize == BLOCK, "its side file has blocks of {} bytes", number(12));
    Ok(Header {
        version: number(8),
        parquet_bytes: long(16),
        sums: number(24) as usize,
        keys: long(28) as usize,
        sums_crc: number(36),
        keys_crc: number(40),
    })
}

/// The keys of one segment, mapped from its side file.
pub struct Keys {
    map: memmap2::Mmap,
    start: usize,
}

impl Keys {
    /// `None` when an older build wrote them.
    pub fn open(disk: &Disk, name: &str) -> Result<Option<Self>> {
        let file = disk.open(name).with_context(|| format!("opening {name}"))?;
        // SAFETY: side files are written before the manifest names them, or replaced as a whole; they are never changed or cut in place.
        let map = unsafe { memmap2::Mmap::map(&file) }.with_context(|| format!("mapping {name}"))?;
        let header = read_header(&map)?;
        if header.version < VERSION {
            return Ok(None);
        }
        let start = HEADER + header.sums * 4;
        ensure!(map.len() == start + header.keys, "its side file has the wrong length");
        ensure!(crc32fast::hash(&map[start..]) == header.keys_crc, "its keys are damaged");
        StoredKeys::new(&map[start..])?;
        Ok(Some(Keys { map, start }))
    }

    pub fn stored(&self) -> Result<StoredKeys<'_>> {
        StoredKeys::new(&self.map[self.start..])
    }
}

/// A Parquet file whose blocks are compared with their checksums when they are first read.
#[derive(Clone)]
pub struct CheckedFile {
    checked: Arc<Checked>,
    /// Counts the bytes that are read through this handle.
    counter: Option<Arc<AtomicU64>>,
}

struct Checked {
    path: PathBuf,
    /// Kept open while not too many are; otherwise each reading opens it.
    kept: Option<KeptOpen>,
    length: u64,
    sums: Vec<u32>,
    /// One bit per block that was found good.
    good: Vec<AtomicU64>,
    damaged: AtomicBool,
    /// The last block read; Parquet's footer and neighbouring pages share blocks.
    recent: Mutex<Option<(usize, Bytes)>>,
}

impl CheckedFile {
    pub fn open(disk: &Disk, parquet: &str, side: &str) -> Result<Self> {
        let mut opened = disk.open(side).with_context(|| format!("opening {side}"))?;
        let mut head = vec![0; HEADER];
        opened.read_exact(&mut head).context("its side file ends early")?;
        let header = read_header(&head)?;
        let mut sums = vec![0; header.sums * 4];
        opened.read_exact(&mut sums).context("its side file ends early")?;
        ensure!(crc32fast::hash(&sums) == header.sums_crc, "its checksums are damaged");
        let sums: Vec<u32> = sums.as_chunks().0.iter().map(|sum| u32::from_le_bytes(*sum)).collect();
        let file = disk.open(parquet).with_context(|| format!("opening {parquet}"))?;
        let length = file.metadata()?.len();
        ensure!(length == header.parquet_bytes, "it has {length} bytes instead of {}", header.parquet_bytes);
        ensure!(sums.len() as u64 == length.div_ceil(BLOCK as u64), "its side file has the wrong number of checksums");
        let good = (0..sums.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let checked = Checked {
            path: disk.path(parquet),
            kept: KeptOpen::new(file),
            length,
            sums,
            good,
            damaged: AtomicBool::new(false),
            recent: Mutex::new(None),
        };
        Ok(CheckedFile { checked: Arc::new(checked), counter: None })
    }

    /// Whether a block was found that does not fit its checksum.
    pub fn is_damaged(&self) -> bool {
        self.checked.damaged.load(Ordering::Relaxed)
    }

    /// Another handle, whose reading is counted.
    pub fn counted(&self, counter: &Arc<AtomicU64>) -> Self {
        CheckedFile { checked: self.checked.clone(), counter: Some(counter.clone()) }
    }

    pub fn length(&self) -> u64 {
        self.checked.length
    }

    /// The checksums of the blocks.
    pub fn sums(&self) -> &[u32] {
        &self.checked.sums
    }

    fn read(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.checked.length);
        let Some(end) = end else {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of a file of {}", self.checked.length)));
        };
        if let Some(counter) = &self.counter {
            counter.fetch_add(length as u64, Ordering::Relaxed);
        }
        let blocks = start as usize / BLOCK..(end as usize).div_ceil(BLOCK);
        if blocks.clone().all(|block| self.is_good(block)) {
            let mut bytes = vec![0; length];
            self.checked.read_exact_at(&mut bytes, start)?;
            return Ok(bytes.into());
        }
        let from = blocks.start * BLOCK;
        let mut bytes = vec![0; (blocks.end * BLOCK).min(self.checked.length as usize) - from];
        self.checked.read_exact_at(&mut bytes, from as u64)?;
        for (block, content) in blocks.zip(bytes.chunks(BLOCK)) {
            if crc32fast::hash(content) != self.checked.sums[block] {
                self.checked.damaged.store(true, Ordering::Relaxed);
                return Err(ParquetError::General(format!("block {block} does not fit its checksum")));
            }
            self.checked.good[block / 64].fetch_or(1 << (block % 64), Ordering::Relaxed);
        }
        Ok(Bytes::from(bytes).slice(start as usize - from..end as usize - from))
    }

    fn is_good(&self, block: usize) -> bool {
        self.checked.good[block / 64].load(Ordering::Relaxed) >> (block % 64) & 1 == 1
    }
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.checked.length
    }
}

impl ChunkReader for CheckedFile {
    type T = Sequential;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Sequential> {
        Ok(Sequential { file: self.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        self.read(start, length)
    }
}

/// Files that may be kept open; the rest of the process needs descriptors as well.
const MAX_KEPT_OPEN: usize = 256;
static KEPT_OPEN: AtomicUsize = AtomicUsize::new(0);

struct KeptOpen(File);

impl KeptOpen {
    fn new(file: File) -> Option<Self> {
        let before = KEPT_OPEN.fetch_add(1, Ordering::Relaxed);
        let kept = KeptOpen(file);
        (before < MAX_KEPT_OPEN).then_some(kept)
    }
}

impl Drop for KeptOpen {
    fn drop(&mut self) {
        KEPT_OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Checked {
    fn read_exact_at(&self, out: &mut [u8], at: u64) -> io::Result<()> {
        match &self.kept {
            Some(KeptOpen(file)) => file.read_exact_at(out, at),
            None => File::open(&self.path)?.read_exact_at(out, at),
        }
    }
}

/// Page headers are read through this, a few bytes at a time.
pub struct Sequential {
    file: CheckedFile,
    at: u64,
}

impl Read for Sequential {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.file.checked.length {
            return Ok(0);
        }
        let block = self.at as usize / BLOCK;
        let mut recent = self.file.checked.recent.lock();
        if recent.as_ref().is_none_or(|(number, _)| *number != block) {
            let start = (block * BLOCK) as u64;
            let length = BLOCK.min((self.file.checked.length - start) as usize);
            *recent = Some((block, self.file.read(start, length).map_err(io::Error::other)?));
        }
        let (_, bytes) = recent.as_ref().expect("was just filled");
        let bytes = &bytes[self.at as usize % BLOCK..];
        let length = out.len().min(bytes.len());
        out[..length].copy_from_slice(&bytes[..length]);
        self.at += length as u64;
        Ok(length)
    }
}
