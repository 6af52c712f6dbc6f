//! Packed columns: what operators and aggregates read instead of Parquet.
//!
//! ```text
//! seal, compact ─► write ─► 0000000007.packed beside 0000000007.parquet ─► read (memory-mapped) ─► codes, times, persons
//! ```
//!
//! They are derived from the Parquet file and disposable: missing, damaged or written by another version, they are made anew in the
//! background while queries read the Parquet file. Their failures never fail a seal, and never change an answer.
//!
//! How to read them:
//! - [`Segment::packed`](crate::segment::Segment::packed) gives a segment's [`Packed`], or `None`: then its rows must be read the
//!   general way. Small segments never have them.
//! - [`Packed::runs`] lists the events with their rows. Within a run rows are sorted by person, then time, then uuid.
//! - [`Packed::basics`]: persons (numbers local to the segment, ascending with the uuid) and times of row ranges.
//! - [`Packed::property`] and [`Packed::fixed`] give a column as the kind that a query asks for: codes of row ranges, and a dictionary
//!   by code, code 0 being NULL. Evaluate conditions on the dictionary, not on rows. `None` means that packed columns cannot tell
//!   (too many different values, or values in the rest column).
//! - Every error means damage: treat the segment as one without packed columns and ask again; it is repaired meanwhile.
//! - Overrides and erasures are the reader's business.

pub(crate) mod bind;
pub(crate) mod bits;
mod board;
pub(crate) mod calendar;
mod cursors;
pub(crate) mod fast;
mod format;
pub(crate) mod gather;
pub(crate) mod keys;
mod latest;
mod lookup;
pub(crate) mod loose;
mod moves;
pub(crate) mod numbering;
pub(crate) mod places;
mod read;
mod repair;
pub(crate) mod shape;
mod sparse;
mod team;
pub(crate) mod watch;
mod write;

pub use fast::behave;
pub use latest::Latest;
pub use lookup::{Lookup, selection};
pub use moves::Target;
pub use read::Packed;
pub use repair::Slot;
pub use team::{Persons, Source, Teams};
pub use write::PackedWriter;

use crate::keys::Keyring;
use model::TeamId;

/// Smaller segments are cheap to read as they are, and soon merged into larger ones.
pub const PACKED_ROWS: u64 = 4 << 10;

/// What packed columns know of a distinct id: nobody outside can choose one that looks like another.
pub fn distinct_hash(keyring: &mut Keyring, team: TeamId, distinct_id: &str) -> u64 {
    // No event has this day, so that these hashes say nothing about keys of events.
    keyring.key(team.0, i64::MIN, "", distinct_id, &[]).0 as u64
}
