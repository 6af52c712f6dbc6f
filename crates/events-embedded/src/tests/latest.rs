//! The latest rows of few persons are the same, whether packed columns tell which they are or not.

use super::packed::{large, merge, resolved_in, scene};
use crate::select;
use crate::testing::{Rig, texts};
use chrono_tz::Tz;
use events::Budget;
use model::{TeamId, person_uuid};
use proptest::prelude::*;
use std::sync::Arc;

/// Rows, and how many were looked at.
async fn ask(rig: &Rig, text: &str, packed: bool) -> (Vec<Vec<String>>, u64) {
    let (shared, team) = (rig.engine().shared.clone(), TeamId(1));
    let mut snapshot = shared.state.read().snapshot(team);
    snapshot.hashing = Some((team, shared.keyring.clone()));
    let printed = Arc::new(query::print_datafusion(&resolved_in(text, Tz::UTC)));
    let (dimensions, fast) = (shared.dimensions.clone(), packed.then(|| shared.clone()));
    let selected = tokio::spawn(select::run(printed, team, Arc::new(snapshot), dimensions, Budget::default(), fast));
    let selected = selected.await.unwrap().unwrap_or_else(|error| panic!("{text}: {error:?}"));
    (texts(&selected.batches), selected.rows_read)
}

fn of_person(user: u64, conditions: &str, page: &str) -> String {
    let person = person_uuid(TeamId(1), &format!("d{user}"));
    format!(
        "SELECT uuid, event, timestamp, distinct_id, person_id, properties FROM events WHERE person_id = '{person}' {conditions} ORDER BY timestamp DESC LIMIT {page}"
    )
}

async fn compare(rig: &Rig, users: u64) {
    let conditions =
        ["", "AND timestamp < toDateTime('2025-02-14 03:00:00')", "AND event != 'viewed'", "AND properties.browser = 'Chrome'"];
    for user in 0..users {
        for conditions in conditions {
            for page in ["3", "5 OFFSET 2", "1000"] {
                let text = of_person(user, conditions, page);
                let (general, _) = ask(rig, &text, false).await;
                let (fast, _) = ask(rig, &text, true).await;
                assert_eq!(fast, general, "{text}");
            }
        }
    }
}

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(8 << 20).enable_all().build().unwrap().block_on(work);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn the_latest_rows_of_a_person_are_found_whatever_was_merged_or_erased(seed in any::<u64>()) {
        run(async { compare(&scene(seed).await, 6).await });
    }
}

#[test]
fn only_the_latest_rows_are_read() {
    run(async {
        let rig = large().await;
        merge(&rig, 1, 5, 8).await;
        compare(&rig, 10).await;
        let text = of_person(8, "", "4");
        let ((_, all), (rows, few)) = (ask(&rig, &text, false).await, ask(&rig, &text, true).await);
        assert!(rows.len() == 4 && few < all, "{few} of {all} rows were read");
    });
}
