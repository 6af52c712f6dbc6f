//! Measures the engine alone: `cargo run --release -p events-embedded --example measure -- [events] [folder]`.
//!
//! Appends events of 25 properties in batches of a thousand, seals, merges, and starts again. Prints events per second,
//! bytes per event, the time of a start, memory, and a few selects.

use anyhow::Result;
use events::{Budget, EventBatch, EventRow, EventStore, NoDimensions, Select};
use events_embedded::{Engine, EngineConfig};
use model::{Clock, PersonMode, Properties, PropertyValue, TeamId, Timestamp, person_uuid};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

const BATCH: u64 = 1_000;
const DAYS: u64 = 28;
const QUERIES: [&str; 6] = [
    "SELECT count() FROM events",
    "SELECT toStartOfDay(timestamp) AS day, count() FROM events WHERE event = '$pageview' GROUP BY day ORDER BY day",
    "SELECT count(DISTINCT person_id) FROM events WHERE event = '$pageview' AND timestamp > toDateTime('2025-06-20 00:00:00')",
    "SELECT properties.$browser, count() FROM events WHERE properties.$os = 'Windows' GROUP BY properties.$browser ORDER BY count() DESC",
    "SELECT avg(toFloat(properties.price)) FROM events WHERE event = 'bought'",
    "SELECT uuid, event, properties, timestamp FROM events ORDER BY timestamp DESC LIMIT 100",
];

/// A small generator with a fixed seed; quality does not matter here.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// Small numbers are more frequent.
    fn skewed(&mut self, sides: u64) -> u64 {
        let sides = self.roll(sides) + 1;
        self.roll(sides)
    }
}

/// Visitors come, look at some pages, and go; a few hundred are there at a time.
struct Visits {
    persons: u64,
    open: Vec<(u64, u64)>,
}

impl Visits {
    /// A person and the number of the visit.
    fn next(&mut self, number: u64, dice: &mut Dice) -> (u64, u64) {
        if self.open.len() < 400 || dice.roll(10) == 0 {
            let place = dice.roll(400) as usize;
            let visit = (dice.skewed(self.persons), number);
            if place < self.open.len() {
                self.open[place] = visit;
            } else {
                self.open.push(visit);
            }
            return visit;
        }
        self.open[dice.roll(400) as usize]
    }
}

fn event(number: u64, total: u64, names: &[Arc<str>], visits: &mut Visits, dice: &mut Dice) -> EventRow {
    let (person, session) = visits.next(number, dice);
    let distinct_id: Arc<str> = Arc::from(Uuid::new_v5(&Uuid::NAMESPACE_OID, &person.to_le_bytes()).to_string());
    let start = Timestamp::parse_rfc3339("2025-06-01T00:00:00Z").expect("a constant").0 as u64;
    let at = start + number * (DAYS * 86_400_000_000 / total) + dice.roll(1_000_000);
    let mut of_person = Dice(person.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let browser = ["Chrome", "Safari", "Firefox", "Edge"][of_person.skewed(4) as usize];
    let event = ["$pageview", "$autocapture", "$pageleave", "viewed", "bought", "$identify"][dice.skewed(6) as usize];
    let path = dice.skewed(20_000);
    let text = |value: String| PropertyValue::string(value);
    let values = [
        text(format!("https://app.example.com/section/{}/page/{path}?ref={}", path % 30, path % 7)),
        text(format!("/section/{}/page/{path}", path % 30)),
        text("app.example.com".to_owned()),
        text(browser.to_owned()),
        PropertyValue::Int(100 + of_person.roll(40) as i64),
        text(["Windows", "Mac OS X", "Linux", "iOS", "Android"][of_person.skewed(5) as usize].to_owned()),
        text(format!("10.{}", of_person.roll(20))),
        text(["Desktop", "Mobile", "Tablet"][of_person.skewed(3) as usize].to_owned()),
        PropertyValue::Int(1_920),
        PropertyValue::Int(1_080),
        PropertyValue::Int(1_200 + of_person.roll(500) as i64),
        PropertyValue::Int(700 + of_person.roll(300) as i64),
        text("$direct".to_owned()),
        text("$direct".to_owned()),
        text("web".to_owned()),
        text(format!("1.{}.0", 200 + number * 50 / total)),
        text(Uuid::new_v5(&Uuid::NAMESPACE_OID, &(person << 32).to_le_bytes()).to_string()),
        text(uuid_v7(start + session * (DAYS * 86_400_000_000 / total), &mut Dice(session | 1 << 40)).to_string()),
        text(format!("{:016x}", dice.roll(u64::MAX))),
        text(["US", "DE", "IN", "BR", "GB", "FR"][of_person.skewed(6) as usize].to_owned()),
        text(format!("City {}", of_person.skewed(2_000))),
        text(format!("81.2.{}.{}", person % 250, person / 250 % 250)),
        PropertyValue::Float(dice.roll(100_000) as f64 / 100.0),
        PropertyValue::Bool(of_person.roll(2) == 0),
        PropertyValue::Float(at as f64 / 1e6),
    ];
    let mut properties = Properties::with_capacity(values.len());
    names.iter().zip(values).for_each(|(name, value)| properties.push_new(name.clone(), value));
    EventRow {
        team: TeamId(1),
        uuid: uuid_v7(at, dice),
        event: Arc::from(event),
        timestamp: Timestamp(at as i64),
        created_at: Timestamp(start as i64 + (number / BATCH * BATCH * (DAYS * 86_400_000_000 / total)) as i64),
        person_id: person_uuid(TeamId(1), &distinct_id),
        distinct_id,
        person_created_at: Timestamp(start as i64),
        person_mode: PersonMode::Full,
        properties,
        person_properties: Arc::default(),
        elements_chain: Arc::from(""),
        historical_migration: false,
    }
}

fn uuid_v7(at: u64, dice: &mut Dice) -> Uuid {
    let random = u128::from(dice.roll(u64::MAX)) << 12 ^ u128::from(dice.roll(1 << 12));
    Uuid::from_u128(u128::from(at / 1_000) << 80 | 0x7 << 76 | random & 0x0fff_3fff_ffff_ffff_ffff)
}

fn open(folder: &Path) -> Result<Arc<Engine>> {
    let clock = Clock::Fixed(Timestamp::parse_rfc3339("2025-07-01T00:00:00Z").expect("a constant"));
    Engine::open(EngineConfig::new(folder.to_owned(), clock, Arc::new(NoDimensions)))
}

fn resident_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

#[tokio::main]
async fn main() -> Result<()> {
    let total: u64 = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let folder = std::env::args().nth(2).map_or_else(|| std::env::temp_dir().join("hoglet-measure"), PathBuf::from);
    if !folder.exists() {
        fill(&folder, total).await?;
    }
    let started = Instant::now();
    let engine = open(&folder)?;
    println!("start: {:.0} ms, {} MB resident", started.elapsed().as_secs_f64() * 1e3, resident_megabytes());
    for hogql in QUERIES.iter().chain(&QUERIES) {
        ask(&engine, hogql).await?;
    }
    println!("{} MB resident after the selects", resident_megabytes());
    columns_of_largest(&folder)?;
    Ok(())
}

async fn fill(folder: &Path, total: u64) -> Result<()> {
    let engine = open(folder)?;
    let names = [
        "$current_url",
        "$pathname",
        "$host",
        "$browser",
        "$browser_version",
        "$os",
        "$os_version",
        "$device_type",
        "$screen_width",
        "$screen_height",
        "$viewport_width",
        "$viewport_height",
        "$referrer",
        "$referring_domain",
        "$lib",
        "$lib_version",
        "$device_id",
        "$session_id",
        "$insert_id",
        "$geoip_country_code",
        "$geoip_city_name",
        "$ip",
        "price",
        "is_trial",
        "$time",
    ]
    .map(Arc::<str>::from);
    let mut dice = Dice(42);
    let mut visits = Visits { persons: total / 20 + 1, open: Vec::new() };
    let mut appending = Duration::ZERO;
    let started = Instant::now();
    for batch in 0..total / BATCH {
        let rows = (0..BATCH).map(|i| event(batch * BATCH + i, total, &names, &mut visits, &mut dice)).collect();
        let began = Instant::now();
        engine.append(EventBatch { rows, position: Some(batch), ..EventBatch::default() }).await?;
        appending += began.elapsed();
    }
    println!(
        "append: {:.0} events/s ({:.0} with making them), {} MB resident",
        total as f64 / appending.as_secs_f64(),
        total as f64 / started.elapsed().as_secs_f64(),
        resident_megabytes()
    );
    let began = Instant::now();
    engine.flush().await?;
    println!("flush: {:.1} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    engine.compact().await?;
    let stats = engine.stats();
    println!(
        "compact: {:.1} s, {} segments, {:.1} bytes per event",
        began.elapsed().as_secs_f64(),
        stats.segments,
        stats.disk_bytes as f64 / stats.rows as f64
    );
    Ok(())
}

async fn ask(engine: &Engine, hogql: &str) -> Result<()> {
    let mut context = query::Context::new(TeamId(1), Timestamp::parse_rfc3339("2025-07-01T00:00:00Z").expect("a constant"));
    context.limit = query::LimitRule::NONE;
    let query = query::resolve(query::parse(hogql)?, &context)?;
    let began = Instant::now();
    let selected = engine.select(Select { query, budget: Budget::default(), cancel: None }).await?;
    let rows: usize = selected.batches.iter().map(|batch| batch.num_rows()).sum();
    println!(
        "{:7.0} ms  {rows:5} rows of {} read, {:.1} MB  {hogql}",
        began.elapsed().as_secs_f64() * 1e3,
        selected.rows_read,
        selected.bytes_read as f64 / 1e6
    );
    Ok(())
}

/// Compressed bytes per row of each column of the largest segment.
fn columns_of_largest(folder: &Path) -> Result<()> {
    let mut pending = vec![folder.join("segments")];
    let mut largest: Option<(u64, PathBuf)> = None;
    while let Some(path) = pending.pop() {
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let (path, size) = (entry.path(), entry.metadata()?.len());
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|end| end == "parquet") && largest.as_ref().is_none_or(|(most, _)| size > *most) {
                largest = Some((size, path));
            }
        }
    }
    let Some((_, path)) = largest else { return Ok(()) };
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&path)?)?;
    let metadata = reader.metadata();
    let rows = metadata.file_metadata().num_rows() as f64;
    let mut sizes: std::collections::BTreeMap<String, (i64, Vec<String>)> = std::collections::BTreeMap::new();
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let entry = sizes.entry(column.column_path().string()).or_default();
        entry.0 += column.compressed_size();
        entry.1 = column.encodings().map(|encoding| format!("{encoding:?}")).collect();
    }
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, (size, _))| std::cmp::Reverse(*size));
    println!("{} with {rows} rows", path.display());
    for (name, (size, encodings)) in sizes {
        println!("{:7.2} bytes  {name}  {}", size as f64 / rows, encodings.join(" "));
    }
    Ok(())
}
