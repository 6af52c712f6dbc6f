//! The embedded event store: a log and a memory table for the newest rows, immutable Parquet segments for all others, and
//! DataFusion over both.
//!
//! ```text
//! append ─► duplicates out (`keys`) ─► `log` (fsync) ─► `memory` ─► seal ─► `segment`s ─► compact ─► fewer segments
//! select ─► `snapshot` ─► `table` (DataFusion) ─► `scan` ─► `unify` ─► batches
//!                  └────► `aggregate` (groups and counts out of `packed` columns, in place of a part of the plan)
//! behave ─► `snapshot` ─► `packed` columns ─► rows of one person after the other ─► operators of the crate `behaviour`
//!                  └────► `behave`: the same over the rows of any select
//! ```
//!
//! Invariants:
//! 1. The `manifest` alone says which files count; it is replaced as a whole. A crash at any moment leaves the old or the new one,
//!    and every file that either names.
//! 2. A segment never changes. Merges of persons and erasures live beside it until a compaction writes them in.
//! 3. The log files that a manifest asks for and the segments that it names never hold the same row.
//! 4. A select sees one snapshot: no row is missing or twice because it is moving from memory to a segment.
//! 5. Damage is noticed before its bytes are used, set aside and reported; everything else stays readable.
//! 6. Packed columns are derived: without them everything is slower and nothing else.
//! 7. Neither timestamps nor property names that a client invents decide how many files or columns there are.
//!
//! Start reading at `engine`, then `append` and `scan`. The formats are described in `docs/formats.md`.

mod aggregate;
mod append;
mod behave;
mod bytes;
mod columns;
mod compact;
mod dimensions;
mod disk;
mod engine;
mod erase;
mod frame;
mod functions;
mod import;
mod keys;
mod log;
mod manifest;
mod memory;
mod merge;
mod open;
mod overrides;
mod packed;
mod prune;
mod scan;
mod seal;
mod segment;
mod select;
mod shred;
mod side;
mod snapshot;
mod state;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod texts;
mod unify;

pub use disk::{Gate, Step};
pub use engine::{Engine, EngineConfig};
pub use import::parquet_json_lines;
