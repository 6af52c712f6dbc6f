//! Aggregates out of packed columns are those of the rows.

use super::packed::{large, resolved_in, scene};
use crate::select;
use crate::testing::{Rig, texts};
use chrono_tz::Tz;
use events::{Budget, QueryError};
use model::TeamId;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// Answered from packed columns.
const REPLACED: &[&str] = &[
    "SELECT count() FROM events",
    "SELECT event, count() FROM events GROUP BY event",
    "SELECT toStartOfDay(timestamp) AS day, count(DISTINCT person_id) FROM events GROUP BY day",
    "SELECT toStartOfHour(timestamp) AS hour, properties.browser AS browser, count(), uniq(person_id) FROM events WHERE event != 'left' GROUP BY hour, browser",
    "SELECT toStartOfMinute(timestamp) AS minute, count(), count(DISTINCT properties.url) FROM events GROUP BY minute",
    "SELECT toStartOfWeek(timestamp) AS week, toHour(timestamp) AS hour, toDate(timestamp) AS day, count() FROM events GROUP BY week, hour, day",
    "SELECT toYYYYMM(timestamp) AS month, if(toDayOfWeek(timestamp) > 5, 'weekend', event) AS kind, count() FROM events GROUP BY month, kind",
    "SELECT countIf(event = 'viewed'), countIf(properties.price > 5), uniqIf(person_id, properties.paid), count(properties.browser) FROM events",
    "SELECT event, sum(properties.price), avg(properties.measured), min(properties.price), max(properties.measured), sumIf(properties.price, properties.paid) FROM events GROUP BY event",
    "SELECT median(properties.price), quantile(0.9)(properties.measured) FROM events WHERE properties.browser IN ('Chrome', 'Edge')",
    "SELECT min(timestamp), max(timestamp), max(event), min(properties.mixed) FROM events",
    "SELECT count(DISTINCT properties.browser), uniq(properties.mixed), uniq(lower(properties.url)), count(DISTINCT properties.nowhere) FROM events",
    "SELECT properties.price AS price, properties.paid AS paid, properties.mixed AS mixed, count(), uniq(person_id) FROM events GROUP BY price, paid, mixed",
    "SELECT lower(person.properties.plan) AS plan, uniq(person_id) AS persons FROM events WHERE properties.url ILIKE '%a_' GROUP BY plan HAVING persons > 1 ORDER BY persons DESC, plan LIMIT 2",
    "SELECT DISTINCT event, properties.browser FROM events",
    "SELECT max(number), sum(number) FROM (SELECT toStartOfDay(timestamp) AS day, count() AS number FROM events GROUP BY day)",
    "SELECT count(), uniq(person_id), sum(properties.price), uniq(properties.mixed) FROM events WHERE event = 'nothing'",
    "SELECT event, count() FROM events WHERE timestamp >= toDateTime('2025-02-04 06:00:00') AND timestamp < toDateTime('2025-02-20 00:00:00') GROUP BY event \
     UNION ALL SELECT 'all', count() FROM events",
    "SELECT person_id, count() FROM events GROUP BY person_id",
    "SELECT day, avg(number), max(first) FROM (SELECT toStartOfDay(timestamp) AS day, person_id AS who, count() AS number, min(timestamp) AS first \
     FROM events WHERE event IN ('viewed', 'clicked') GROUP BY day, who) GROUP BY day",
    "SELECT coalesce(properties.browser, event) AS what, countIf(properties.browser = properties.mixed) FROM events GROUP BY what",
];

/// Left to the general path.
const LEFT: &[&str] = &[
    "SELECT event, timestamp FROM events ORDER BY timestamp, event LIMIT 5",
    "SELECT count(DISTINCT distinct_id) FROM events",
    "SELECT event, argMax(properties.url, timestamp) FROM events GROUP BY event",
];

async fn ask(rig: &Rig, text: &str, zone: Tz, packed: bool, budget: Budget) -> Result<(Vec<Vec<String>>, bool), QueryError> {
    let (shared, team) = (rig.engine().shared.clone(), TeamId(1));
    let snapshot = Arc::new(shared.state.read().snapshot(team));
    let printed = Arc::new(query::print_datafusion(&resolved_in(text, zone)));
    let fast = packed.then(|| shared.clone());
    let again = (printed.clone(), snapshot.clone(), shared.dimensions.clone(), fast.clone());
    tokio::spawn(async move {
        let (printed, snapshot, dimensions, fast) = again;
        let (frame, _) = select::frame(&printed, team, snapshot.clone(), dimensions.clone(), budget, fast.clone()).await?;
        let replaced = frame.logical_plan().display_indent().to_string().contains("aggregated");
        let selected = select::run(printed, team, snapshot, dimensions, budget, fast).await?;
        Ok((texts(&selected.batches), replaced))
    })
    .await
    .unwrap()
}

/// Sums depend on the order in their last digits.
#[track_caller]
fn assert_close(mut found: Vec<Vec<String>>, mut expected: Vec<Vec<String>>, text: &str) {
    // Keys come first and are exact.
    found.sort();
    expected.sort();
    let close = |a: &String, b: &String| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 1e-9 * (1.0 + a.abs()),
        _ => a == b,
    };
    let same = |a: &Vec<String>, b: &Vec<String>| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b));
    let same = found.len() == expected.len() && found.iter().zip(&expected).all(|(a, b)| same(a, b));
    assert!(same, "{text}\n{found:?}\nis not\n{expected:?}");
}

/// Few values of many kinds can make a column that packed columns leave to the rows; `all` says that there is none.
async fn compare(rig: &Rig, zone: Tz, all: bool) {
    for (text, replaces) in REPLACED.iter().map(|text| (text, true)).chain(LEFT.iter().map(|text| (text, false))) {
        let general = ask(rig, text, zone, false, Budget::default()).await;
        let fast = ask(rig, text, zone, true, Budget::default()).await;
        match (general, fast) {
            (Ok((general, false)), Ok((fast, replaced))) => {
                assert_close(fast, general, &format!("{zone}: {text}"));
                assert!(if all { replaced == replaces } else { !replaced || replaces }, "{text}");
            }
            (general, fast) => panic!("{text}: {general:?}, {fast:?}"),
        }
    }
}

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(8 << 20).enable_all().build().unwrap().block_on(work);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn packed_columns_aggregate_as_the_rows_do(seed in any::<u64>()) {
        let zones = [Tz::UTC, Tz::America__New_York, Tz::Asia__Kathmandu, Tz::America__St_Johns];
        run(async { compare(&scene(seed).await, zones[seed as usize % 4], false).await });
    }
}

#[test]
fn many_rows_aggregate_as_few() {
    run(async { compare(&large().await, Tz::Europe__Berlin, true).await });
}

#[test]
fn aggregates_keep_to_their_memory_and_time() {
    run(async {
        let rig = large().await;
        let text = "SELECT concat(properties.url, toString(properties.measured), toString(timestamp)) AS what, uniq(person_id) FROM events GROUP BY what";
        let small = Budget { memory_bytes: 100_000, ..Budget::default() };
        assert!(matches!(ask(&rig, text, Tz::UTC, true, small).await, Err(QueryError::Memory(100_000))));
        let short = Budget { deadline: Duration::ZERO, ..Budget::default() };
        assert!(matches!(ask(&rig, text, Tz::UTC, true, short).await, Err(QueryError::Deadline(_))));
    });
}
