//! Packed columns answer as the general path does: for any rows, merges and erasures, and whatever happens to their files.

use crate::testing::{Rig, at, row};
use crate::{behave, packed};
use behaviour::{
    Aggregation, Answer, Attribution, Exclusion, FunnelOrder, FunnelPlan, FunnelWant, LifecyclePlan, LifecycleWant, Periods, Plan,
    RetentionKind, RetentionMode, RetentionPlan, RetentionWant, StickinessPlan, StickinessWant,
};
use chrono_tz::Tz;
use events::{Behaved, Budget, Erase, EventBatch, EventRow, EventStore, PersonOverride};
use model::{Properties, TeamId, Timestamp, person_uuid};
use proptest::prelude::*;
use query::{Context, LimitRule, PropertyType};
use std::fs;
use std::sync::Arc;

const DAY_US: i64 = 86_400_000_000;

fn start() -> Timestamp {
    at("2025-02-03T00:00:00Z")
}

fn periods() -> Periods {
    Periods::new((0..=21).map(|day| start().0 + day * DAY_US).collect())
}

fn funnel(order: FunnelOrder, attribution: Attribution, want: FunnelWant) -> Plan {
    let exclusions = vec![Exclusion { from: 0, to: 1 }];
    Plan::Funnel(FunnelPlan { steps: 3, order, window_us: 3 * DAY_US, optional: 0, exclusions, attribution, want })
}

fn retention(breakdown: bool, aggregation: Option<Aggregation>, want: RetentionWant) -> Plan {
    Plan::Retention(RetentionPlan {
        kind: RetentionKind::Recurring,
        periods: periods(),
        columns: 7,
        mode: RetentionMode::Calendar,
        brackets: None,
        minimum: 1,
        cumulative: false,
        aggregation,
        same_event: false,
        breakdown,
        want,
    })
}

fn first_time() -> Plan {
    match retention(false, None, RetentionWant::Counts) {
        Plan::Retention(plan) => Plan::Retention(RetentionPlan { kind: RetentionKind::FirstTime, ..plan }),
        other => other,
    }
}

const STEPS: &str = "event = 'viewed' AS c0, event = 'clicked' AS c1, event = 'bought' AS c2, event = 'left' AS c32";
const IN_RANGE: &str = "timestamp >= toDateTime('2025-02-04 06:00:00') AND timestamp < toDateTime('2025-02-20 00:00:00')";

/// Selects of every shape that packed columns take over, each with an operator.
fn questions() -> Vec<(String, Plan)> {
    use Attribution::*;
    let counted = |order, attribution| funnel(order, attribution, FunnelWant::Steps);
    let timed = funnel(FunnelOrder::Ordered, None, FunnelWant::Times { from: 0, to: 2 });
    let listed = funnel(FunnelOrder::Unordered, FirstTouch, FunnelWant::Actors { step: 1, dropped: false });
    let texts = [
        ("", STEPS.to_owned(), "event IN ('viewed', 'clicked', 'bought', 'left')".to_owned(), timed.clone()),
        ("", STEPS.to_owned(), "true".to_owned(), counted(FunnelOrder::Strict, None)),
        ("", STEPS.to_owned(), IN_RANGE.to_owned(), counted(FunnelOrder::Ordered, None)),
        ("properties.browser AS k0", STEPS.to_owned(), IN_RANGE.to_owned(), counted(FunnelOrder::Ordered, AllEvents)),
        ("properties.browser AS k0, toString(properties.price) AS k1", STEPS.to_owned(), "true".to_owned(), listed),
        ("coalesce(properties.browser, event) AS k0", STEPS.to_owned(), "event != 'left'".to_owned(), counted(FunnelOrder::Ordered, LastTouch)),
        (
            "",
            "event = 'viewed' AND properties.browser = 'Chrome' AS c0, event = 'clicked' AND (properties.price > 5 OR properties.paid = true) AS c1, \
             event = 'bought' AND NOT properties.url ILIKE '%/a%' AS c2"
                .to_owned(),
            "properties.browser != 'Safari'".to_owned(),
            timed.clone(),
        ),
        (
            "lower(person.properties.plan) AS k0",
            "properties.mixed IS NULL AS c0, properties.mixed = '5' AS c1, match(properties.url, 'a[0-3]') AS c2".to_owned(),
            format!("{IN_RANGE} OR properties.browser IN ('Chrome', 'Edge')"),
            counted(FunnelOrder::Unordered, AllEvents),
        ),
        (
            "properties.nowhere AS k0",
            "properties.browser = properties.mixed AS c0, length(properties.url) > properties.price AS c1, event = 'bought' AS c2".to_owned(),
            "toHour(timestamp) < 18".to_owned(),
            counted(FunnelOrder::Ordered, FirstTouch),
        ),
        ("properties.price AS number", "event = 'viewed' AS c0, event = 'bought' AS c1".to_owned(), "true".to_owned(), retention(false, Some(Aggregation::Sum), RetentionWant::Counts)),
        ("properties.measured AS number, properties.browser AS k0", "event = 'viewed' AS c0, properties.measured > 100 AS c1".to_owned(), "true".to_owned(), retention(true, Some(Aggregation::Average), RetentionWant::Counts)),
        ("", "event = 'viewed' AS c0, event = 'viewed' AS c1".to_owned(), "properties.paid".to_owned(), retention(false, Option::None, RetentionWant::Actors { cohort: 2 })),
        ("person.created_at AS number", "true AS c0".to_owned(), "event = 'viewed'".to_owned(), Plan::Lifecycle(LifecyclePlan { periods: periods(), want: LifecycleWant::Counts })),
        ("person.created_at AS number", "true AS c0".to_owned(), IN_RANGE.to_owned(), Plan::Lifecycle(LifecyclePlan { periods: periods(), want: LifecycleWant::Counts })),
        ("nullIf(person.created_at, toDateTime('2025-02-05 00:00:00')) AS number", "true AS c0".to_owned(), "properties.price > 3".to_owned(), Plan::Lifecycle(LifecyclePlan { periods: periods(), want: LifecycleWant::Counts })),
        ("", "event = 'bought' AS c0, properties.browser = 'Chrome' AS c1".to_owned(), "timestamp < toDateTime('2025-02-24 00:00:00')".to_owned(), first_time()),
        ("", "event = 'bought' AS c0, event = 'viewed' AS c1".to_owned(), format!("{IN_RANGE} OR event = 'bought'"), first_time()),
        ("", "true AS c0".to_owned(), "timestamp >= toDateTime('2025-02-04 06:00:07')".to_owned(), Plan::Stickiness(StickinessPlan { periods: periods(), criterion: Option::None, want: StickinessWant::Counts })),
        (
            "properties.city AS k0",
            "properties.city LIKE '%1%' AS c0, event = 'clicked' AS c1, properties.city = properties.mixed AS c2".to_owned(),
            "properties.city != 'City 7'".to_owned(),
            counted(FunnelOrder::Ordered, AllEvents),
        ),
        ("", "true AS c0".to_owned(), "event = 'clicked' AND properties.mixed != 'x'".to_owned(), Plan::Stickiness(StickinessPlan { periods: periods(), criterion: Option::None, want: StickinessWant::Counts })),
    ];
    let text = |(more, conditions, filter, plan): (&str, String, String, Plan)| {
        let more = if more.is_empty() { String::new() } else { format!(", {more}") };
        (format!("SELECT person_id AS actor, timestamp AS at, {conditions}{more} FROM events WHERE {filter}"), plan)
    };
    texts.into_iter().map(text).collect()
}

fn resolved(text: &str) -> query::Resolved {
    resolved_in(text, Tz::UTC)
}

pub fn resolved_in(text: &str, timezone: Tz) -> query::Resolved {
    let mut context = Context { timezone, limit: LimitRule::NONE, ..Context::new(TeamId(1), at("2025-07-01T00:00:00Z")) };
    let mut types = query::PropertyTypes::default();
    types.set_event("price", PropertyType::Numeric);
    types.set_event("measured", PropertyType::Numeric);
    types.set_event("paid", PropertyType::Boolean);
    context.property_types = Arc::new(types);
    query::resolve(query::parse(text).unwrap(), &context).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// The same thing in the same words, whatever the order in which it was found.
fn told(behaved: &Behaved) -> String {
    let key = |code: u32| behaved.keys[code as usize].iter().map(String::as_str).collect::<Vec<_>>().join("|");
    let actor = |number: u32| behaved.actors[&number].clone();
    let rounded = |numbers: &[f64]| {
        let mut numbers: Vec<i64> = numbers.iter().map(|number| (number * 1e3).round() as i64).collect();
        numbers.sort_unstable();
        numbers
    };
    let mut lines = Vec::new();
    match &behaved.answer {
        Answer::Funnel(answer) => {
            for group in &answer.groups {
                let gaps: Vec<_> = group.gaps.iter().map(|gaps| rounded(gaps)).collect();
                lines.push(format!("{}: {:?} {gaps:?} {:?} {:?}", key(group.key), group.counts, rounded(&group.times), group.periods));
            }
            lines.extend(answer.actors.iter().map(|one| format!("{} {} {} {:?}", actor(one.actor), key(one.key), one.reached, one.at)));
        }
        Answer::Retention(answer) => {
            for group in &answer.groups {
                let values: Vec<_> =
                    group.values.iter().map(|values| values.iter().map(|value| (value * 1e3).round()).collect::<Vec<_>>()).collect();
                lines.push(format!("{}: {:?} {values:?}", key(group.key), group.counts));
            }
            lines.extend(answer.actors.iter().map(|one| format!("{} {} {:?}", actor(one.actor), key(one.key), one.appearances)));
        }
        Answer::Lifecycle(answer) => lines.push(format!("{:?}", answer.counts)),
        Answer::Stickiness(answer) => lines.push(format!("{:?}", answer.counts)),
        other => panic!("no words for {other:?}"),
    }
    lines.sort();
    lines.join("\n")
}

/// What the general path answers, and packed columns, if they do.
async fn both(rig: &Rig, text: &str, plan: &Plan) -> (String, Option<String>) {
    let printed = Arc::new(query::print_datafusion(&resolved(text)));
    let (plan, team, shared) = (Arc::new(plan.clone()), TeamId(1), rig.engine().shared.clone());
    let snapshot = Arc::new(shared.state.read().snapshot(team));
    let (printed_again, again, same) = (printed.clone(), plan.clone(), snapshot.clone());
    let general = tokio::spawn(behave::run(printed_again, again, team, same, shared.dimensions.clone(), Budget::default()));
    let general = general.await.unwrap().unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let fast = packed::behave(shared, printed, plan, team, snapshot, Budget::default()).await.unwrap();
    (told(&general), fast.as_ref().map(told))
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % sides
    }
}

/// No two rows have the same time, since the order of such rows is nobody's business.
fn an_event(dice: &mut Dice, number: i64, users: u64) -> EventRow {
    let event = ["viewed", "viewed", "clicked", "bought", "left", "other"][dice.roll(6) as usize];
    let mut properties = vec![format!(r#""url":"https://x.test/a{}""#, dice.roll(9))];
    let user = dice.roll(users);
    let city = if dice.roll(25) == 0 { dice.roll(90) } else { user / 2 * 37 % 90 };
    properties.push(format!(r#""city":"City {city}""#));
    let browser = ["Chrome", "Safari", "Edge", "viewed", ""][dice.roll(5) as usize];
    let mixed = [r#""x""#, "5", r#""5""#, "true", "null", r#"{"a":1}"#, r#""Chrome""#, "5.5"][dice.roll(8) as usize];
    let optional = [
        format!(r#""browser":"{browser}""#),
        format!(r#""price":{}"#, dice.roll(12)),
        // Quarters add up to the same in any order.
        format!(r#""measured":{}"#, dice.roll(4_000) as f64 / 4.0),
        format!(r#""paid":{}"#, dice.roll(2) == 0),
        format!(r#""mixed":{mixed}"#),
    ];
    properties.extend(optional.into_iter().filter(|_| dice.roll(4) > 0));
    let mut row = row(1, number, event, &format!("{{{}}}", properties.join(",")));
    let hostile = [i64::MIN / 4, 0, -5_000_001, 4_102_444_800_000_000, i64::MAX / 4];
    let plausible = start().0 + dice.roll(24 * 86_400) as i64 * 1_000_000;
    let base = if dice.roll(40) == 0 { hostile[dice.roll(5) as usize] } else { plausible };
    row.timestamp = Timestamp(base + if dice.roll(2) == 0 { number * 1_000 } else { number });
    row.distinct_id = format!("d{user}").into();
    row.person_id = person_uuid(TeamId(1), &format!("d{}", user / 2));
    row.person_created_at = Timestamp(start().0 + (user as i64 / 2) * DAY_US + i64::from(dice.roll(9) == 0));
    row.person_properties = Arc::new(Properties::from_json_text(&format!(r#"{{"plan":"Plan {}"}}"#, user % 3)).unwrap());
    row
}

pub async fn merge(rig: &Rig, version: i64, from: u64, into: u64) {
    let person_id = person_uuid(TeamId(1), &format!("d{into}"));
    let change = PersonOverride { team: TeamId(1), distinct_id: format!("d{from}").into(), person_id, version };
    rig.engine().append(EventBatch { overrides: vec![change], ..EventBatch::default() }).await.unwrap();
}

fn packed_rig(rows: u64) -> Rig {
    let mut rig = Rig::new();
    rig.packed_rows = rows;
    rig.reopen();
    rig
}

/// Rows in several packed segments, in unpacked ones and in memory; some persons merged, some erased.
pub async fn scene(seed: u64) -> Rig {
    let mut dice = Dice(seed);
    let users = [3, 12, 60][dice.roll(3) as usize];
    let rig = packed_rig(1 + dice.roll(60));
    let (mut number, mut version) = (0, 0);
    for _ in 0..2 + dice.roll(5) {
        let rows = (0..20 + dice.roll(250)).map(|_| {
            number += 1;
            an_event(&mut dice, number, users)
        });
        let rows: Vec<_> = rows.collect();
        rig.append(rows).await;
        if dice.roll(3) > 0 {
            rig.engine().flush().await.unwrap();
        }
        for _ in 0..dice.roll(users.min(10)) {
            version += 1;
            merge(&rig, version, dice.roll(users), dice.roll(users + 3)).await;
        }
        match dice.roll(9) {
            0 => rig.engine().compact().await.unwrap(),
            1 => rig
                .engine()
                .erase(Erase::Persons(TeamId(1), vec![person_uuid(TeamId(1), &format!("d{}", dice.roll(users)))]))
                .await
                .unwrap(),
            _ => {}
        }
    }
    rig
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn packed_columns_answer_every_question_as_the_rows_do(seed in any::<u64>()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(8 << 20).enable_all().build().unwrap();
        runtime.block_on(async {
            let rig = scene(seed).await;
            let packed = rig.engine().shared.state.read().all_segments().any(|segment| segment.meta.rows >= rig.packed_rows && segment.packed().is_some());
            for (text, plan) in questions() {
                let (general, fast) = both(&rig, &text, &plan).await;
                assert_eq!(fast.is_some(), packed, "{text}");
                if let Some(fast) = fast {
                    assert_eq!(fast, general, "{text}");
                }
            }
        });
    }
}

/// Enough rows for several blocks, chunks and persons.
pub async fn large() -> Rig {
    let rig = packed_rig(100);
    let mut dice = Dice(7);
    for part in 0..3 {
        rig.append((0..3_000).map(|i| an_event(&mut dice, part * 3_000 + i, 900)).collect()).await;
        rig.engine().flush().await.unwrap();
    }
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_of_all_persons_can_be_merged() {
    let rig = large().await;
    let mut dice = Dice(8);
    for version in 0..300 {
        merge(&rig, version + 1, dice.roll(900), dice.roll(900)).await;
    }
    for (text, plan) in questions() {
        let (general, fast) = both(&rig, &text, &plan).await;
        assert_eq!(fast.unwrap(), general, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn few_values_of_an_unusual_kind_hide_no_property_and_columns_can_follow_the_person() {
    let rig = packed_rig(100);
    let mut dice = Dice(13);
    let unusual = [(100, r#""9""#), (2_000, "null"), (3_000, r#"{"a":1}"#), (4_000, "true")];
    let rows = (0..6_000).map(|i| {
        let mut row = an_event(&mut dice, i, 50);
        row.timestamp = Timestamp(start().0 + i * 60_000_000);
        let value = unusual.iter().find(|(at, _)| *at == i).map_or_else(|| (i % 50).to_string(), |(_, value)| (*value).to_owned());
        let once = if i == 500 { r#","once":"here""# } else { "" };
        row.properties =
            Properties::from_json_text(&format!(r#"{{"mostly":{value},"city":"{}"{once}}}"#, row.person_id.as_u128() % 13)).unwrap();
        row
    });
    rig.append(rows.collect()).await;
    rig.engine().flush().await.unwrap();
    let packed = fs::read(rig.path().join(packed_files(&rig).remove(0))).unwrap();
    assert!(String::from_utf8_lossy(&packed).contains(r#""follows":{"#), "the city follows the person");
    let steps =
        "properties.mostly = '9' AS c0, properties.mostly IS NULL AS c1, properties.once = 'here' OR properties.mostly LIKE '{%' AS c2";
    for (more, filter) in [
        ("", "true"),
        (", properties.mostly AS k0", "properties.mostly != '3'"),
        (", properties.once AS k0", "true"),
        (", properties.city AS k0", "properties.city LIKE '%1%'"),
    ] {
        let text = format!("SELECT person_id AS actor, timestamp AS at, {steps}{more} FROM events WHERE {filter}");
        let attribution = if more.is_empty() { Attribution::None } else { Attribution::AllEvents };
        let (general, fast) = both(&rig, &text, &funnel(FunnelOrder::Ordered, attribution, FunnelWant::Steps)).await;
        assert_eq!(fast.expect("packed columns know"), general, "{text}");
    }
}

async fn selected(rig: &Rig, text: &str) -> (Vec<Vec<String>>, u64) {
    let select = events::Select { query: resolved(text), budget: Budget::default(), cancel: None };
    let selected = rig.engine().select(select).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    (crate::testing::texts(&selected.batches), selected.rows_read)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_person_are_found_without_reading_those_of_others() {
    let mut rig = large().await;
    let mut dice = Dice(12);
    for version in 0..200 {
        merge(&rig, version + 1, dice.roll(900), dice.roll(900)).await;
    }
    rig.append((9_000..9_100).map(|i| an_event(&mut dice, i, 900)).collect()).await;
    let erased = vec![person_uuid(TeamId(1), "d77")];
    rig.engine().erase(Erase::Persons(TeamId(1), erased)).await.unwrap();
    let person = |user: u64| person_uuid(TeamId(1), &format!("d{user}"));
    let mut texts = vec![
        format!("SELECT uuid, event, properties.url FROM events WHERE person_id IN ('{}', '{}') ORDER BY uuid", person(3), person(400)),
        "SELECT uuid, person_id FROM events WHERE distinct_id IN ('d5', 'd6', 'nobody') ORDER BY uuid".to_owned(),
        format!("SELECT uuid FROM events WHERE person_id = '{}' AND event = 'viewed' ORDER BY uuid", person(77)),
    ];
    texts.extend((0..30).map(|user| {
        format!(
            "SELECT uuid, timestamp, properties FROM events WHERE person_id = '{}' ORDER BY timestamp DESC, uuid LIMIT 5",
            person(user * 29)
        )
    }));
    let mut fast = Vec::new();
    for text in &texts {
        let (rows, read) = selected(&rig, text).await;
        assert!(read < 600, "{read} rows were read for {text}");
        fast.push(rows);
    }
    assert!(fast.iter().filter(|rows| !rows.is_empty()).count() > 20);
    rig.close();
    packed_files(&rig).iter().for_each(|name| fs::remove_file(rig.path().join(name)).unwrap());
    rig.reopen();
    for (text, fast) in texts.iter().zip(fast) {
        let (rows, read) = selected(&rig, text).await;
        assert_eq!(rows, fast, "{text}");
        assert!(read > 600, "nothing is packed any more");
    }
}

fn packed_files(rig: &Rig) -> Vec<String> {
    rig.files().into_iter().filter(|name| name.ends_with(".packed")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_of_any_kind_never_changes_an_answer_and_is_repaired() {
    let mut rig = packed_rig(100);
    let mut dice = Dice(9);
    rig.append((0..1_500).map(|i| an_event(&mut dice, i, 40)).collect()).await;
    rig.engine().flush().await.unwrap();
    rig.engine().compact().await.unwrap();
    let questions = questions();
    let mut expected = Vec::new();
    for (text, plan) in &questions {
        expected.push(both(&rig, text, plan).await.0);
    }
    let name = packed_files(&rig).pop().unwrap();
    let path = rig.path().join(&name);
    let pristine = fs::read(&path).unwrap();
    let mut damages: Vec<Option<Vec<u8>>> = vec![None, Some(Vec::new()), Some(pristine[..pristine.len() - 1].to_vec())];
    damages.extend([8, 31, 100, pristine.len() / 2].map(|length| Some(pristine[..length].to_vec())));
    for at in (0..pristine.len()).step_by(pristine.len() / 60) {
        let mut flipped = pristine.clone();
        flipped[at] ^= 1 << (at % 8);
        damages.push(Some(flipped));
    }
    let mut noticed = 0;
    for damage in damages {
        rig.close();
        match &damage {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        rig.reopen();
        for ((text, plan), expected) in questions.iter().zip(&expected) {
            let (general, fast) = both(&rig, text, plan).await;
            assert_eq!(general, *expected, "{text}");
            assert!(fast.is_none_or(|fast| fast == *expected), "{text}");
        }
        let lacking = rig.engine().shared.state.read().all_segments().any(|segment| segment.meta.rows >= 100 && segment.packed().is_none());
        noticed += usize::from(lacking);
        rig.engine().compact().await.unwrap();
        if lacking {
            assert_eq!(fs::read(&path).unwrap(), pristine, "made anew");
            let (text, plan) = &questions[0];
            assert_eq!(both(&rig, text, plan).await.1.as_ref(), Some(&expected[0]));
        } else {
            fs::write(&path, &pristine).unwrap();
        }
        assert!(rig.engine().damage().is_empty(), "nothing is lost: {:?}", rig.engine().damage());
    }
    assert!(noticed > 40, "{noticed} damages were noticed");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_packed_columns_are_made_in_the_background_while_queries_go_on() {
    let mut rig = packed_rig(50);
    let mut dice = Dice(14);
    rig.append((0..600).map(|i| an_event(&mut dice, i, 20)).collect()).await;
    rig.engine().flush().await.unwrap();
    let files = packed_files(&rig);
    let before: Vec<Vec<u8>> = files.iter().map(|name| fs::read(rig.path().join(name)).unwrap()).collect();
    rig.close();
    files.iter().for_each(|name| fs::remove_file(rig.path().join(name)).unwrap());
    let clock = model::Clock::Fixed(at("2025-07-01T00:00:00Z"));
    let mut config = crate::EngineConfig::new(rig.path().to_owned(), clock, Arc::new(events::NoDimensions));
    config.packed_rows = 50;
    let engine = crate::Engine::open(config).unwrap();
    let (text, plan) = questions().swap_remove(0);
    let behave = || events::Behave { rows: resolved(&text), plan: plan.clone(), budget: Budget::default(), cancel: None };
    let expected = told(&engine.behave(behave()).await.unwrap());
    for _ in 0..600 {
        assert_eq!(told(&engine.behave(behave()).await.unwrap()), expected);
        if packed_files(&rig) == files {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let after: Vec<Vec<u8>> = files.iter().map(|name| fs::read(rig.path().join(name)).unwrap()).collect();
    assert!(before == after, "the same bytes as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_refuses_packed_files_stops_neither_seals_nor_answers() {
    use crate::disk::Step;
    use std::io;
    use std::sync::atomic::{AtomicBool, Ordering};
    for refused in [Step::Create, Step::Write] {
        let full = Arc::new(AtomicBool::new(true));
        let is_full = full.clone();
        let mut rig = Rig::with_gate(Arc::new(move |step, path| {
            let packed = path.to_string_lossy().contains(".packed");
            if packed && step == refused && is_full.load(Ordering::Relaxed) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }));
        rig.packed_rows = 1;
        rig.reopen();
        let mut dice = Dice(10);
        rig.append((0..500).map(|i| an_event(&mut dice, i, 20)).collect()).await;
        rig.engine().flush().await.unwrap();
        assert_eq!((rig.count(1).await, packed_files(&rig).len()), (500, 0));
        assert!(rig.engine().damage().is_empty());
        full.store(false, Ordering::Relaxed);
        rig.engine().compact().await.unwrap();
        assert!(!packed_files(&rig).is_empty(), "made once there is room");
        let (text, plan) = &questions()[3];
        let (general, fast) = both(&rig, text, plan).await;
        assert_eq!(fast.unwrap(), general);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_files_go_with_their_segments_and_survive_a_restart() {
    let mut rig = packed_rig(10);
    let mut dice = Dice(11);
    for part in 0..6 {
        let rows = (0..200).map(|i| {
            let mut row = an_event(&mut dice, part * 200 + i, 20);
            row.timestamp = Timestamp(start().0 + (part * 200 + i) * 1_000_000);
            row
        });
        rig.append(rows.collect()).await;
        rig.engine().flush().await.unwrap();
    }
    assert_eq!(packed_files(&rig).len(), 6);
    rig.engine().compact().await.unwrap();
    let segments = rig.engine().stats().segments as usize;
    assert_eq!(packed_files(&rig).len(), segments);
    rig.reopen();
    assert_eq!(packed_files(&rig).len(), segments);
    let (text, plan) = &questions()[0];
    let (general, fast) = both(&rig, text, plan).await;
    assert_eq!(fast.unwrap(), general);
    rig.engine().erase(Erase::Team(TeamId(1))).await.unwrap();
    assert!(packed_files(&rig).is_empty(), "{:?}", rig.files());
}
