//! A segment: an immutable Parquet file with the rows of one team and week, sorted by (event, person, time), and its side file.

use crate::columns::{self, Census};
use crate::disk::{Disk, DiskFile};
use crate::keys::{Key, KeySet, Keyring};
use crate::merge::Layout;
use crate::packed::{Packed, PackedWriter, Slot};
use crate::side::{self, CheckedFile, Keys, Summing};
use anyhow::{Context, Result, bail, ensure};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Float64Type, Int32Type, SchemaRef, TimestampMicrosecondType};
use model::{TeamId, Timestamp};
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, PageIndexPolicy};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::BufWriter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use uuid::Uuid;

const MAX_CONFIRMED: usize = 10_000;
const ROW_GROUP_ROWS: usize = 128 << 10;
/// 2000-01-01.
const FIRST_PLAUSIBLE_DAY: i64 = 10_957;
const CENSUS_KEY: &str = "hoglet.census";
const FORMAT_KEY: &str = "hoglet.format";
const FORMAT: &str = "1";

/// Which week of a team a segment holds: days from 1970-01-01 to the Monday, or `MIXED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Week(pub i32);

impl Week {
    /// Events whose timestamps are implausible, or in weeks with too few of them to be worth a file.
    pub const MIXED: Week = Week(i32::MAX);

    /// Weeks begin on Monday. Implausible times do not get files of their own.
    pub fn of(at: Timestamp, now: Timestamp) -> Self {
        let day = at.utc_day();
        let plausible = (FIRST_PLAUSIBLE_DAY..=now.utc_day() + 8).contains(&day);
        // 1970-01-01 was a Thursday.
        if plausible { Week((day - (day + 3).rem_euclid(7)) as i32) } else { Week::MIXED }
    }

    fn folder(self) -> String {
        if self == Week::MIXED {
            return "week=mixed".to_owned();
        }
        let monday = chrono::DateTime::from_timestamp(i64::from(self.0) * 86_400, 0).unwrap_or_default();
        monday.format("week=%G-W%V").to_string()
    }
}

/// What the manifest knows of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentMeta {
    pub id: u64,
    pub team: TeamId,
    pub week: Week,
    pub rows: u64,
    /// Both files.
    pub bytes: u64,
    pub first_us: i64,
    pub last_us: i64,
    pub max_row_bytes: u32,
    /// Person overrides up to this number are in its `person_id` column already.
    pub folded: u64,
    /// Erasures up to this number have removed their rows from it already.
    pub erased: u64,
}

impl SegmentMeta {
    pub fn parquet(&self) -> String {
        format!("segments/team={}/{}/{:010}.parquet", self.team, self.week.folder(), self.id)
    }

    pub fn side(&self) -> String {
        format!("segments/team={}/{}/{:010}.side", self.team, self.week.folder(), self.id)
    }

    /// Columns derived from the Parquet file, for speed; no manifest counts on them.
    pub fn packed(&self) -> String {
        format!("segments/team={}/{}/{:010}.packed", self.team, self.week.folder(), self.id)
    }

    /// Whether events of this day could be among its rows.
    pub fn covers_day(&self, day: i64) -> bool {
        Timestamp(self.first_us).utc_day() <= day && day <= Timestamp(self.last_us).utc_day()
    }

    pub fn overlaps(&self, range: Option<(Timestamp, Timestamp)>) -> bool {
        range.is_none_or(|(first, last)| self.first_us <= last.0 && self.last_us >= first.0)
    }
}

/// An opened segment file: its Parquet footer and what the property columns hold.
pub struct Opened {
    pub file: CheckedFile,
    pub metadata: ArrowReaderMetadata,
    pub census: Census,
}

pub struct Segment {
    pub meta: SegmentMeta,
    disk: Disk,
    opened: Mutex<Option<(Arc<Opened>, Instant)>>,
    keys: Mutex<Option<(Arc<Keys>, Instant)>>,
    /// Keys that were found in the rows themselves: who sends the same events again and again is not worth a look each time.
    confirmed: Mutex<KeySet>,
    packed: Mutex<Slot>,
    damaged: AtomicBool,
    /// No manifest names it any more: its files go when the last reader does.
    obsolete: AtomicBool,
}

impl Segment {
    pub fn new(meta: SegmentMeta, disk: Disk) -> Self {
        Segment {
            meta,
            disk,
            opened: Mutex::new(None),
            keys: Mutex::new(None),
            confirmed: Mutex::default(),
            packed: Mutex::default(),
            damaged: AtomicBool::new(false),
            obsolete: AtomicBool::new(false),
        }
    }

    pub fn open(&self) -> Result<Arc<Opened>> {
        let mut slot = self.opened.lock();
        if let Some((opened, used)) = &mut *slot {
            *used = Instant::now();
            return Ok(opened.clone());
        }
        let opened = Arc::new(self.noting_damage(open(&self.disk, &self.meta))?);
        *slot = Some((opened.clone(), Instant::now()));
        Ok(opened)
    }

    pub fn keys(&self, keyring: &Keyring) -> Result<Arc<Keys>> {
        let mut slot = self.keys.lock();
        if let Some((keys, used)) = &mut *slot {
            *used = Instant::now();
            return Ok(keys.clone());
        }
        let keys = Arc::new(self.noting_damage(self.open_keys(keyring))?);
        *slot = Some((keys.clone(), Instant::now()));
        Ok(keys)
    }

    fn open_keys(&self, keyring: &Keyring) -> Result<Keys> {
        let open = || Keys::open(&self.disk, &self.meta.side());
        if let Some(keys) = open()? {
            return Ok(keys);
        }
        rebuild_keys(&self.disk, &self.meta, keyring.clone())?;
        open()?.context("its keys are of an older version")
    }

    /// Which of some rows it has. They are told by their keys; the uuids are what is searched first.
    pub fn stored_among(&self, suspects: &[(Key, Uuid)], keyring: &Keyring) -> Result<KeySet> {
        let mut confirmed = self.confirmed.lock();
        let (mut found, unknown): (Vec<_>, Vec<_>) = suspects.iter().partition(|(key, _)| confirmed.contains(key));
        if !unknown.is_empty() {
            let uuids: HashSet<Uuid> = unknown.iter().map(|(_, uuid)| *uuid).collect();
            let stored = self.noting_damage(self.open().and_then(|opened| keys_of(&opened, self.meta.team, &uuids, keyring.clone())))?;
            found.extend(unknown.into_iter().filter(|(key, _)| stored.contains(key)));
            if confirmed.len() > MAX_CONFIRMED {
                confirmed.clear();
            }
        }
        let found: KeySet = found.into_iter().map(|(key, _)| key).collect();
        confirmed.extend(found.iter().copied());
        Ok(found)
    }

    fn noting_damage<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|_| self.damaged.store(true, Ordering::Relaxed)).with_context(|| format!("segment {}", self.meta.parquet()))
    }

    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed) || self.opened.lock().as_ref().is_some_and(|(opened, _)| opened.file.is_damaged())
    }

    /// Lets go of memory that nothing asked for since `since`.
    pub fn forget_unused(&self, since: Instant) {
        self.opened.lock().take_if(|(_, used)| *used < since);
        if self.keys.lock().take_if(|(_, used)| *used < since).is_some() {
            *self.confirmed.lock() = KeySet::default();
        }
        self.packed.lock().forget_unused(since);
    }

    /// Its packed columns, when there are any that are fit for use.
    pub fn packed(&self) -> Option<Arc<Packed>> {
        self.packed.lock().open(&self.disk, &self.meta)
    }

    /// Bytes of its packed columns, as far as they were looked at.
    pub fn packed_bytes(&self) -> u64 {
        self.packed.lock().bytes()
    }

    /// Whether packed columns should be made now.
    pub fn lacks_packed(&self) -> bool {
        self.packed.lock().is_lacking(&self.disk, &self.meta)
    }

    /// Tells that packed columns were made, or until when nobody needs to try again.
    pub fn made_packed(&self, rest: Option<Instant>) {
        *self.packed.lock() = rest.map_or(Slot::Unknown, |until| Slot::Useless(Some(until)));
    }

    pub fn retire(&self) {
        self.obsolete.store(true, Ordering::Relaxed);
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if self.obsolete.load(Ordering::Relaxed) {
            for name in [self.meta.parquet(), self.meta.side(), self.meta.packed()] {
                if let Err(error) = self.disk.remove(&name) {
                    // The next start removes what no manifest names.
                    tracing::warn!(%error, file = name, "could not remove a merged segment");
                }
            }
        }
    }
}

fn open(disk: &Disk, meta: &SegmentMeta) -> Result<Opened> {
    let file = CheckedFile::open(disk, &meta.parquet(), &meta.side())?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional))
        .context("reading its footer")?;
    let pairs = metadata.metadata().file_metadata().key_value_metadata().context("its footer lacks our metadata")?;
    let census =
        pairs.iter().find(|pair| pair.key == CENSUS_KEY).and_then(|pair| pair.value.as_deref()).context("its footer lacks the census")?;
    Ok(Opened { census: serde_json::from_str(census).context("reading its census")?, metadata, file })
}

/// Writes one segment. Nothing counts until the manifest names it.
pub struct SegmentWriter {
    disk: Disk,
    meta: SegmentMeta,
    output: Output,
    schema: SchemaRef,
    zstd_level: i32,
    keyring: Keyring,
    keys: Vec<Key>,
    /// Lists the rest columns as planned; the property columns are counted while rows come.
    census: Census,
    counts: Vec<u64>,
    /// Given up after a failure.
    packed: Option<PackedWriter>,
}

type SummedFile = Summing<BufWriter<DiskFile>>;

/// How columns are encoded is settled when the first rows are seen.
enum Output {
    Waiting(SummedFile),
    Started(Box<ArrowWriter<SummedFile>>),
    Broken,
}

/// What a new segment is and how hard to compress it.
pub struct NewSegment {
    pub id: u64,
    pub team: TeamId,
    pub week: Week,
    pub folded: u64,
    pub erased: u64,
    pub max_row_bytes: u32,
    pub zstd_level: i32,
    /// Write packed columns as well.
    pub pack: bool,
}

impl SegmentWriter {
    pub fn create(disk: &Disk, new: NewSegment, layout: &Layout, keyring: Keyring) -> Result<Self> {
        let meta = SegmentMeta {
            id: new.id,
            team: new.team,
            week: new.week,
            rows: 0,
            bytes: 0,
            first_us: i64::MAX,
            last_us: i64::MIN,
            max_row_bytes: new.max_row_bytes,
            folded: new.folded,
            erased: new.erased,
        };
        let name = meta.parquet();
        let file = Summing::new(BufWriter::with_capacity(256 << 10, disk.create(&name).with_context(|| format!("creating {name}"))?));
        let packed = new.pack.then(|| PackedWriter::new(new.team, &layout.schema, &layout.census, keyring.clone()));
        Ok(SegmentWriter {
            packed,
            disk: disk.clone(),
            meta,
            output: Output::Waiting(file),
            schema: layout.schema.clone(),
            zstd_level: new.zstd_level,
            keyring,
            keys: Vec::new(),
            census: layout.census.clone(),
            counts: vec![0; layout.schema.fields().len()],
        })
    }

    /// The files that it writes.
    pub fn files(&self) -> [String; 3] {
        [self.meta.parquet(), self.meta.side(), self.meta.packed()]
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let times = add_keys(batch, self.meta.team, &mut self.keyring, &mut self.keys)?;
        for at in times.values() {
            self.meta.first_us = self.meta.first_us.min(*at);
            self.meta.last_us = self.meta.last_us.max(*at);
        }
        for (count, array) in self.counts.iter_mut().zip(batch.columns()) {
            *count += (array.len() - array.null_count()) as u64;
        }
        self.meta.rows += batch.num_rows() as u64;
        if let Some(Err(error)) = self.packed.as_mut().map(|packed| packed.write(batch)) {
            self.packed = None;
            tracing::warn!(?error, "packed columns are given up for this segment; they are made later");
        }
        self.started(batch)?.write(batch).context("writing rows")
    }

    fn started(&mut self, first: &RecordBatch) -> Result<&mut ArrowWriter<SummedFile>> {
        self.output = match std::mem::replace(&mut self.output, Output::Broken) {
            Output::Waiting(file) => {
                let properties = writer_properties(first, self.zstd_level)?;
                Output::Started(Box::new(ArrowWriter::try_new(file, self.schema.clone(), Some(properties))?))
            }
            other => other,
        };
        match &mut self.output {
            Output::Started(writer) => Ok(writer),
            _ => bail!("an earlier write failed"),
        }
    }

    /// Makes both files durable.
    pub fn finish(mut self) -> Result<SegmentMeta> {
        for (field, count) in self.schema.fields().iter().zip(&self.counts) {
            self.census.columns.entry(field.name().clone()).and_modify(|planned| *planned = *count);
        }
        let census = KeyValue::new(CENSUS_KEY.to_owned(), serde_json::to_string(&self.census)?);
        self.started(&RecordBatch::new_empty(self.schema.clone()))?.append_key_value_metadata(census);
        let Output::Started(writer) = self.output else { bail!("an earlier write failed") };
        let (buffered, sums, length) = writer.into_inner().context("writing the footer")?.finish();
        let file = buffered.into_inner().map_err(|error| error.into_error()).context("writing the last bytes")?;
        file.sync().context("syncing the segment")?;
        let side = side::encode(length, &sums, &self.keys);
        self.meta.bytes = length + side.len() as u64;
        let name = self.meta.side();
        let mut file = self.disk.create(&name).with_context(|| format!("creating {name}"))?;
        std::io::Write::write_all(&mut file, &side).with_context(|| format!("writing {name}"))?;
        file.sync().with_context(|| format!("syncing {name}"))?;
        self.disk.sync_folder_of(&name)?;
        if let Some(packed) = self.packed.take() {
            write_packed(packed, &self.disk, &self.meta, length);
        }
        Ok(self.meta)
    }
}

/// Not even a full disk keeps the segment from being finished.
fn write_packed(packed: PackedWriter, disk: &Disk, meta: &SegmentMeta, parquet_bytes: u64) {
    if let Err(error) = packed.finish(disk, &meta.packed(), meta.id, parquet_bytes) {
        tracing::warn!(?error, "packed columns could not be written; they are made later");
        let _ = disk.remove(&meta.packed());
    }
}

/// Appends the keys of stored rows; returns their times.
fn add_keys(batch: &RecordBatch, team: TeamId, keyring: &mut Keyring, keys: &mut Vec<Key>) -> Result<TimestampMicrosecondArray> {
    let column = |name: &str| batch.column_by_name(name).with_context(|| format!("rows lack {name}"));
    let times = column(columns::TIMESTAMP)?.as_primitive::<TimestampMicrosecondType>();
    let uuids = column(columns::UUID)?.as_fixed_size_binary();
    let (events, distinct_ids) =
        (column(columns::EVENT)?.as_dictionary::<Int32Type>(), column(columns::DISTINCT_ID)?.as_dictionary::<Int32Type>());
    let (event_names, distinct_names) = (events.values().as_string::<i32>(), distinct_ids.values().as_string::<i32>());
    for row in 0..batch.num_rows() {
        let event = event_names.value(events.keys().value(row) as usize);
        let distinct_id = distinct_names.value(distinct_ids.keys().value(row) as usize);
        keys.push(keyring.key(team.0, Timestamp(times.value(row)).utc_day(), event, distinct_id, uuids.value(row)));
    }
    Ok(times.clone())
}

/// Reads some columns of all rows.
fn reader_of(opened: &Opened, names: &[&str]) -> Result<ParquetRecordBatchReaderBuilder<CheckedFile>> {
    let schema = opened.metadata.schema();
    let roots = names.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
    let mask = ProjectionMask::roots(opened.metadata.parquet_schema(), roots);
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(opened.file.clone(), opened.metadata.clone()).with_projection(mask))
}

/// What keys are made of.
const KEY_COLUMNS: &[&str] = &[columns::UUID, columns::EVENT, columns::TIMESTAMP, columns::DISTINCT_ID];

/// The keys of the rows that have one of these uuids.
fn keys_of(opened: &Opened, team: TeamId, uuids: &HashSet<Uuid>, mut keyring: Keyring) -> Result<KeySet> {
    let (mut places, mut rows) = (Vec::new(), 0);
    for batch in reader_of(opened, &[columns::UUID])?.with_batch_size(8 << 10).build()? {
        let batch = batch?;
        let column = batch.column(0).as_fixed_size_binary();
        let has = |row: usize| Uuid::from_slice(column.value(row)).is_ok_and(|uuid| uuids.contains(&uuid));
        places.extend((0..batch.num_rows()).filter(|row| has(*row)).map(|row| rows + row..rows + row + 1));
        rows += batch.num_rows();
    }
    let mut keys = Vec::with_capacity(places.len());
    if !places.is_empty() {
        let selection = RowSelection::from_consecutive_ranges(places.into_iter(), rows);
        for batch in reader_of(opened, KEY_COLUMNS)?.with_row_selection(selection).build()? {
            add_keys(&batch?, team, &mut keyring, &mut keys)?;
        }
    }
    Ok(keys.into_iter().collect())
}

/// Makes the keys of a segment anew from its rows, which are compared with their checksums on the way.
pub fn rebuild_keys(disk: &Disk, meta: &SegmentMeta, mut keyring: Keyring) -> Result<()> {
    let opened = open(disk, meta)?;
    let mut keys = Vec::with_capacity(meta.rows as usize);
    for batch in reader_of(&opened, KEY_COLUMNS)?.build()? {
        add_keys(&batch?, meta.team, &mut keyring, &mut keys)?;
    }
    ensure!(keys.len() as u64 == meta.rows, "it has {} rows instead of {}", keys.len(), meta.rows);
    disk.replace(&meta.side(), &side::encode(opened.file.length(), opened.file.sums(), &keys)).context("replacing the side file")
}

fn writer_properties(first: &RecordBatch, zstd_level: i32) -> Result<WriterProperties> {
    let path = |name: &str| ColumnPath::new(vec![name.to_owned()]);
    let metadata = vec![KeyValue::new(FORMAT_KEY.to_owned(), FORMAT.to_owned())];
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(zstd_level)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_key_value_metadata(Some(metadata))
        .set_dictionary_page_size_limit(4 << 20)
        .set_column_dictionary_enabled(path(columns::UUID), false)
        .set_column_encoding(path(columns::UUID), Encoding::BYTE_STREAM_SPLIT)
        .set_column_dictionary_enabled(path(columns::TIMESTAMP), false)
        .set_column_dictionary_page_size_limit(path(columns::CREATED_AT), 64 << 10);
    for name in [columns::EVENT, columns::TIMESTAMP] {
        builder = builder.set_column_statistics_enabled(path(name), EnabledStatistics::Page);
    }
    for (field, array) in first.schema_ref().fields().iter().zip(first.columns()) {
        let path = path(field.name());
        builder = match array.data_type() {
            // Prices repeat, measurements do not.
            DataType::Float64 => builder
                .set_column_dictionary_enabled(path.clone(), !numbers_differ(array))
                .set_column_dictionary_page_size_limit(path.clone(), 256 << 10)
                .set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT),
            // Rows of one person are neighbours, and what only they have, sessions above all, begins alike.
            DataType::Dictionary(..) if mostly_different(array) => {
                builder.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, Encoding::DELTA_BYTE_ARRAY)
            }
            // Long texts that differ from row to row only make a dictionary overflow.
            DataType::Utf8 => builder.set_column_dictionary_page_size_limit(path, 128 << 10),
            _ => builder,
        };
    }
    Ok(builder.build())
}

/// Whether nearly every row has a value of its own, so that a dictionary would only add to it.
fn mostly_different(array: &ArrayRef) -> bool {
    let keys = array.as_dictionary::<Int32Type>().keys();
    let mut seen = vec![false; array.as_dictionary::<Int32Type>().values().len()];
    let (mut values, mut different) = (0, 0);
    for key in keys.iter().flatten() {
        values += 1;
        different += usize::from(!std::mem::replace(&mut seen[key as usize], true));
    }
    values >= 256 && different * 10 > values * 8
}

/// The same for numbers.
fn numbers_differ(array: &ArrayRef) -> bool {
    let mut seen: Vec<u64> = array.as_primitive::<Float64Type>().iter().flatten().map(f64::to_bits).collect();
    let values = seen.len();
    seen.sort_unstable();
    seen.dedup();
    values >= 256 && seen.len() * 10 > values * 8
}
