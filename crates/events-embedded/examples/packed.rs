//! What packed columns weigh, and how fast behaviour is fed from them: `cargo run --release --example packed -- [events] [persons]`.

use behaviour::{Attribution, FunnelOrder, FunnelPlan, FunnelWant, LifecyclePlan, LifecycleWant, Periods, Plan};
use events::{Behave, Budget, EventBatch, EventRow, EventStore, NoDimensions};
use events_embedded::{Engine, EngineConfig};
use model::{Clock, PersonMode, Properties, TeamId, Timestamp, person_uuid};
use query::{Context, LimitRule};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

const TEAM: TeamId = TeamId(1);
const EVENTS: [&str; 8] = ["$pageview", "$pageview", "$pageview", "$autocapture", "$autocapture", "clicked", "signed up", "bought"];
const DAY_US: i64 = 86_400_000_000;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Most of what an event says follows from its person.
fn row(dice: &mut Dice, number: u64, persons: u64, start: Timestamp) -> EventRow {
    let person = dice.roll(persons) * dice.roll(persons) / persons;
    let (os, browser) = (person % 5, person % 7);
    let session = person * 1_000 + dice.roll(4);
    let properties = format!(
        r#"{{"$os":"OS {os}","$browser":"Browser {browser}","$browser_version":{},"$device_type":"{}","$current_url":"https://example.com/{}/{}",
        "$pathname":"/{}","$host":"example.com","$screen_height":{},"$screen_width":{},"$viewport_height":{},"$viewport_width":{},
        "$lib":"web","$lib_version":"1.{}","$referrer":"https://ref{}.example.com/","$referring_domain":"ref{}.example.com",
        "$session_id":"0190aaaa-0000-7000-8000-{session:012x}","$geoip_country_code":"C{}","$geoip_city_name":"City {}","$timezone":"Zone/{}",
        "$browser_language":"l{}","$is_identified":{},"price":{},"plan":"plan {}","$active_feature_flags":["a","b{}"],"$raw_user_agent":"Agent {}"}}"#,
        100 + browser,
        ["Desktop", "Mobile"][person as usize % 2],
        dice.roll(300),
        dice.roll(200) * dice.roll(200) / 200,
        dice.roll(300),
        600 + person % 9 * 100,
        800 + person % 9 * 100,
        500 + person % 30 * 10,
        700 + person % 30 * 10,
        number % 5,
        person % 40,
        person % 40,
        person % 60,
        person % 900,
        person % 60,
        person % 20,
        person % 3 == 0,
        dice.roll(500),
        person % 3,
        person % 4,
        person % 400,
    );
    let id = format!("0190ffff-1111-7000-8000-{person:012x}");
    let at = Timestamp(start.0 + dice.roll(7 * 86_400_000) as i64 * 1_000);
    EventRow {
        team: TEAM,
        uuid: Uuid::from_u128(u128::from(dice.roll(u64::MAX)) << 64 | u128::from(number)),
        event: EVENTS[dice.roll(8) as usize].into(),
        timestamp: at,
        created_at: at,
        person_id: person_uuid(TEAM, &id),
        distinct_id: id.into(),
        person_created_at: Timestamp(start.0 - person as i64 * 7_000_000),
        person_mode: PersonMode::Full,
        properties: Properties::from_json_text(&properties).expect("an object"),
        person_properties: Arc::new(Properties::from_json_text(r#"{"plan":"free"}"#).expect("an object")),
        elements_chain: "".into(),
        historical_migration: false,
    }
}

fn bytes_of(folder: &Path, ending: &str) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.path() {
            path if path.is_dir() => bytes_of(&path, ending),
            path if path.to_string_lossy().ends_with(ending) => entry.metadata().map_or(0, |meta| meta.len()),
            _ => 0,
        })
        .sum()
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (events, persons) = (arguments.next().unwrap_or(500_000), arguments.next().unwrap_or(60_000));
    let folder = tempfile::tempdir().expect("a folder");
    let now = Timestamp::parse_rfc3339("2025-07-01T00:00:00Z").expect("a time");
    let start = Timestamp::parse_rfc3339("2025-02-03T00:00:00Z").expect("a time");
    let mut config = EngineConfig::new(folder.path().to_owned(), Clock::Fixed(now), Arc::new(NoDimensions));
    config.background = false;
    let engine = Engine::open(config).expect("an engine");
    let mut dice = Dice(5);
    for from in (0..events).step_by(50_000) {
        let rows = (from..(from + 50_000).min(events)).map(|number| row(&mut dice, number, persons, start)).collect();
        engine.append(EventBatch { rows, ..EventBatch::default() }).await.expect("room");
        engine.flush().await.expect("room");
    }
    engine.compact().await.expect("room");
    for ending in [".packed", ".parquet", ".side"] {
        println!("{ending}: {:.1} bytes per event", bytes_of(folder.path(), ending) as f64 / events as f64);
    }
    let steps = "SELECT person_id AS actor, timestamp AS at, event = '$pageview' AS c0, event = 'clicked' AS c1, event = 'bought' AS c2";
    let funnel = |attribution| {
        let (order, want) = (FunnelOrder::Ordered, FunnelWant::Steps);
        Plan::Funnel(FunnelPlan { steps: 3, order, window_us: DAY_US, optional: 0, exclusions: Vec::new(), attribution, want })
    };
    let periods = Periods::new((0..=7).map(|day| start.0 + day * DAY_US).collect());
    let questions = [
        ("funnel", format!("{steps} FROM events WHERE event IN ('$pageview', 'clicked', 'bought')"), funnel(Attribution::None)),
        (
            "funnel, by browser, filtered",
            format!(
                "{steps}, properties.$browser AS k0 FROM events WHERE event IN ('$pageview', 'clicked', 'bought') AND properties.$current_url ILIKE '%1%'"
            ),
            funnel(Attribution::FirstTouch),
        ),
        (
            "lifecycle, all events",
            "SELECT person_id AS actor, timestamp AS at, person.created_at AS number FROM events".to_owned(),
            Plan::Lifecycle(LifecyclePlan { periods, want: LifecycleWant::Counts }),
        ),
    ];
    for (name, text, plan) in questions {
        let mut times: Vec<Duration> = Vec::new();
        let mut read = 0;
        for _ in 0..5 {
            let context = Context { limit: LimitRule::NONE, ..Context::new(TEAM, now) };
            let rows = query::resolve(query::parse(&text).expect("HogQL"), &context).expect("HogQL");
            let begun = Instant::now();
            let behaved =
                engine.behave(Behave { rows, plan: plan.clone(), budget: Budget::default(), cancel: None }).await.expect("an answer");
            times.push(begun.elapsed());
            read = behaved.rows_read;
        }
        let first = times[0];
        times.sort();
        println!("{name}: first {first:?}, then {:?}, {:.1} ns per row", times[0], times[0].as_nanos() as f64 / read as f64);
    }
}
