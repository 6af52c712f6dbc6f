//! The manifest: the one file that says which other files count. Replaced as a whole; version 1.
//!
//! `"hogletMF" version:u32 length:u32 crc32:u32 json`. A copy, written after each replacement, stands in when the disk
//! damaged the first; nothing that the older of the two names is removed before both are written.

use crate::disk::Disk;
use crate::segment::SegmentMeta;
use anyhow::{Context, Result, bail, ensure};
use model::TeamId;
use serde::{Deserialize, Serialize};
use std::io;
use uuid::Uuid;

const MAGIC: [u8; 8] = *b"hogletMF";
const VERSION: u32 = 1;
const NAME: &str = "MANIFEST";
const COPY: &str = "MANIFEST.copy";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Counts replacements.
    pub generation: u64,
    /// The next segment or override file gets this number.
    pub next_file: u64,
    /// Log files from this number on hold rows that no segment has.
    pub first_log: u64,
    pub position: Option<u64>,
    /// Secret of the event keys.
    pub key_secret: Uuid,
    pub segments: Vec<SegmentMeta>,
    /// Files of person overrides, oldest first.
    pub overrides: Vec<u64>,
    pub last_override: u64,
    pub erasures: Vec<Erasure>,
    pub last_erasure: u64,
    /// Segments that were found damaged; their files lie in `quarantine/`.
    pub quarantined: Vec<SegmentMeta>,
}

/// Persons whose events are gone, though some segments still hold them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Erasure {
    pub number: u64,
    pub team: TeamId,
    pub persons: Vec<Uuid>,
}

impl Manifest {
    pub fn new(key_secret: Uuid) -> Self {
        Manifest {
            generation: 0,
            next_file: 1,
            first_log: 1,
            position: None,
            key_secret,
            segments: Vec::new(),
            overrides: Vec::new(),
            last_override: 0,
            erasures: Vec::new(),
            last_erasure: 0,
            quarantined: Vec::new(),
        }
    }

    /// Forgets erasures that every segment of their team has carried out.
    pub fn drop_finished_erasures(&mut self) {
        let segments = &self.segments;
        self.erasures.retain(|erasure| segments.iter().any(|segment| segment.team == erasure.team && segment.erased < erasure.number));
    }

    fn encode(&self) -> Vec<u8> {
        let json = serde_json::to_vec(self).expect("a manifest has text keys only");
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(json.len() as u32).to_le_bytes());
        out.extend_from_slice(&crc32fast::hash(&json).to_le_bytes());
        out.extend_from_slice(&json);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        let rest = bytes.strip_prefix(&MAGIC).context("it does not begin as a manifest does")?;
        let (words, json) = rest.split_first_chunk::<12>().context("it ends early")?;
        let word = |at: usize| u32::from_le_bytes(words[at..at + 4].try_into().expect("four bytes"));
        ensure!(word(0) == VERSION, "it has version {}, which this build does not know", word(0));
        ensure!(json.len() == word(4) as usize && crc32fast::hash(json) == word(8), "its checksum does not fit");
        serde_json::from_slice(json).context("reading its content")
    }

    /// After an error the disk may hold the old or the new one.
    pub fn save(&self, disk: &Disk) -> Result<()> {
        disk.replace(NAME, &self.encode()).context("replacing the manifest")
    }

    pub fn save_copy(&self, disk: &Disk) -> io::Result<()> {
        disk.replace(COPY, &self.encode())
    }

    /// `None` in an empty folder. The text says what was wrong when the copy had to stand in.
    pub fn load(disk: &Disk) -> Result<Option<(Self, Option<String>)>> {
        let [first, copy] = [NAME, COPY].map(|name| match disk.read(name) {
            Ok(bytes) => Some(Self::decode(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some(Err(error.into())),
        });
        match (first, copy) {
            (Some(Ok(manifest)), _) => Ok(Some((manifest, None))),
            (Some(Err(error)), Some(Ok(copy))) => Ok(Some((copy, Some(format!("{NAME} is unreadable ({error:#}); its copy was used"))))),
            (None, Some(Ok(copy))) => Ok(Some((copy, Some(format!("{NAME} is missing; its copy was used"))))),
            (Some(Err(error)), _) => Err(error.context(format!("{NAME} and its copy are unreadable"))),
            (None, Some(Err(error))) => Err(error.context(format!("{NAME} is missing and its copy is unreadable"))),
            (None, None) => {
                if !disk.files_below("segments")?.is_empty() {
                    bail!("there are segments but no {NAME}; restore it from a backup");
                }
                Ok(None)
            }
        }
    }
}
