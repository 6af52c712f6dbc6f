//! The file of a segment's packed columns, version 2.
//!
//! ```text
//! "hogletPK" version:u32 directory_bytes:u32 directory_crc:u32 data_bytes:u64 crc_of_the_above:u32
//! directory   JSON: what is where in the data, and a checksum of each part
//! data        parts, one after the other
//! ```
//!
//! The file says nothing that the Parquet file beside it does not say, so any other version is as good as none.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

const MAGIC: [u8; 8] = *b"hogletPK";
pub const VERSION: u32 = 2;
pub const HEADER: usize = 32;

/// Bytes of the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub at: u64,
    pub length: u64,
    pub crc: u32,
}

/// A column of numbers, see `bits`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlocksPart {
    pub rows: u64,
    pub heads: Part,
    pub bytes: Part,
}

/// What the codes of a column stand for; code 0 is NULL, code `n` the entry `n - 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entries {
    pub count: u64,
    /// Before compression.
    pub plain_bytes: u64,
    pub part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnForm {
    /// Codes of texts.
    Texts(Entries),
    /// Codes of doubles.
    Numbers(Entries),
    /// 0 NULL, 1 false, 2 true.
    Flags,
    /// 0 NULL, 1 a number. The number is in blocks of its own: as it is when all are whole, otherwise its bits.
    Plain { whole: bool, values: BlocksPart },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnPart {
    /// As in the Parquet file.
    pub name: String,
    /// By row, or by person where the column follows the person.
    pub codes: BlocksPart,
    pub follows: Option<PersonalPart>,
    pub form: ColumnForm,
}

/// Values that belong to persons: nearly always one each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalPart {
    /// How many values each person has, less one.
    pub surplus: BlocksPart,
    /// Which of its person's values a row has.
    pub ordinals: BlocksPart,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    pub segment: u64,
    pub rows: u64,
    /// Length of the Parquet file that it was made from.
    pub parquet_bytes: u64,
    /// Its rows do not suit the format; it is there so that nobody tries again.
    pub declined: bool,
    /// In the order of the rows.
    pub events: Vec<(String, u64)>,
    /// 16 bytes each, ascending.
    pub persons: Part,
    /// Numbers of persons; within the rows of one event they never fall.
    pub person: BlocksPart,
    pub seconds: BlocksPart,
    pub micros: BlocksPart,
    pub distinct: PersonalPart,
    /// Keyed hashes of distinct ids, person by person.
    pub distinct_hashes: Part,
    pub created: PersonalPart,
    /// When persons came into being, person by person.
    pub created_values: BlocksPart,
    pub columns: Vec<ColumnPart>,
    /// Columns of the Parquet file that are not worth their bytes here.
    pub left_out: Vec<String>,
    /// Properties that have values in the rest columns which are not among the columns here; see `sparse`.
    pub rest: Vec<String>,
    /// There are more of them, none of which has a column.
    pub unlisted: bool,
}

pub fn header(directory: &[u8], data_bytes: u64) -> [u8; HEADER] {
    let mut out = [0; HEADER];
    out[..8].copy_from_slice(&MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[12..16].copy_from_slice(&(directory.len() as u32).to_le_bytes());
    out[16..20].copy_from_slice(&crc32fast::hash(directory).to_le_bytes());
    out[20..28].copy_from_slice(&data_bytes.to_le_bytes());
    let crc = crc32fast::hash(&out[..28]);
    out[28..].copy_from_slice(&crc.to_le_bytes());
    out
}

/// The directory, and where the data begins.
pub fn read_directory(bytes: &[u8]) -> Result<(Directory, usize)> {
    let head = bytes.first_chunk::<HEADER>().context("it ends early")?;
    let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
    ensure!(head[..8] == MAGIC && crc32fast::hash(&head[..28]) == number(28), "its header is damaged");
    ensure!(number(8) == VERSION, "it has version {}", number(8));
    let data_bytes = u64::from_le_bytes(head[20..28].try_into().expect("eight bytes"));
    let start = HEADER + number(12) as usize;
    ensure!(bytes.len() as u64 == start as u64 + data_bytes, "it has the wrong length");
    let directory = &bytes[HEADER..start];
    ensure!(crc32fast::hash(directory) == number(16), "its directory is damaged");
    Ok((serde_json::from_slice(directory).context("reading its directory")?, start))
}
