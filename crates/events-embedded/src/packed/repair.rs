//! Finding a segment's packed columns, and making them when they are missing or useless.

use super::{Packed, PackedWriter};
use crate::disk::Disk;
use crate::merge::OUTPUT_ROWS;
use crate::segment::{Segment, SegmentMeta};
use crate::state::Shared;
use anyhow::{Result, bail};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// After a failure the same segment is left alone for this long.
const REST: Duration = Duration::from_secs(60);

/// What is known of a segment's packed columns.
#[derive(Default)]
pub enum Slot {
    #[default]
    Unknown,
    /// They were fit for use when somebody last looked; so many bytes.
    Closed(u64),
    Open(Arc<Packed>, Instant),
    /// They must be made anew, if it is worth it; not before this moment.
    Useless(Option<Instant>),
}

impl Slot {
    pub fn open(&mut self, disk: &Disk, meta: &SegmentMeta) -> Option<Arc<Packed>> {
        if matches!(self, Slot::Unknown | Slot::Closed(_)) {
            *self = match Packed::open(disk, meta) {
                Ok(packed) => Slot::Open(Arc::new(packed), Instant::now()),
                Err(error) => {
                    tracing::debug!(?error, "no packed columns");
                    Slot::Useless(None)
                }
            };
        }
        self.give_up_damaged(meta);
        let Slot::Open(packed, used) = self else { return None };
        *used = Instant::now();
        (!packed.declined()).then(|| packed.clone())
    }

    fn give_up_damaged(&mut self, meta: &SegmentMeta) {
        if matches!(self, Slot::Open(packed, _) if packed.is_damaged()) {
            tracing::warn!(file = meta.packed(), "packed columns are damaged; they are made anew from the events");
            metrics::counter!("hoglet_events_packed_damage_total").increment(1);
            *self = Slot::Useless(None);
        }
    }

    pub fn is_lacking(&mut self, disk: &Disk, meta: &SegmentMeta) -> bool {
        if matches!(self, Slot::Unknown) {
            *self = Packed::open(disk, meta).map_or(Slot::Useless(None), |packed| Slot::Closed(packed.bytes()));
        }
        self.give_up_damaged(meta);
        matches!(self, Slot::Useless(until) if until.is_none_or(|until| until <= Instant::now()))
    }

    pub fn forget_unused(&mut self, since: Instant) {
        if let Slot::Open(packed, used) = self
            && *used < since
            && !packed.is_damaged()
        {
            *self = Slot::Closed(packed.bytes());
        }
    }

    pub fn bytes(&self) -> u64 {
        match self {
            Slot::Closed(bytes) => *bytes,
            Slot::Open(packed, _) => packed.bytes(),
            Slot::Unknown | Slot::Useless(_) => 0,
        }
    }
}

impl Shared {
    /// Makes the packed columns of one segment that lacks them; false when all have theirs.
    pub fn pack_once(&self) -> Result<bool> {
        let segments: Vec<Arc<Segment>> = self.state.read().all_segments().cloned().collect();
        let lacks = |segment: &&Arc<Segment>| segment.meta.rows >= self.limits.packed_rows && segment.lacks_packed();
        let Some(segment) = segments.iter().find(lacks) else { return Ok(false) };
        let made = self.pack(segment);
        segment.made_packed(if made.is_ok() { None } else { Some(Instant::now() + REST) });
        if let Err(error) = made {
            let _ = self.disk.remove(&segment.meta.packed());
            if self.signal.stopped() {
                return Ok(false);
            }
            tracing::warn!(?error, segment = segment.meta.id, "packed columns could not be made; queries use the Parquet file");
        } else {
            metrics::counter!("hoglet_events_repacked_total").increment(1);
        }
        Ok(true)
    }

    fn pack(&self, segment: &Segment) -> Result<()> {
        let opened = segment.open()?;
        let schema = opened.metadata.schema();
        let mut writer = PackedWriter::new(segment.meta.team, schema, &opened.census, self.keyring.clone());
        let rows = (OUTPUT_ROWS).min((16 << 20) / segment.meta.max_row_bytes.max(1) as usize).max(16);
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(opened.file.clone(), opened.metadata.clone())
            .with_batch_size(rows)
            .build()?;
        for batch in reader {
            if self.signal.stopped() {
                bail!("stopping");
            }
            writer.write(&batch?)?;
        }
        let name = segment.meta.packed();
        let temporary = format!("{name}.tmp");
        writer.finish(&self.disk, &temporary, segment.meta.id, opened.file.length())?;
        // Readers may have the old file mapped: it must not change under them.
        self.disk.rename(&temporary, &name)?;
        Ok(())
    }
}
