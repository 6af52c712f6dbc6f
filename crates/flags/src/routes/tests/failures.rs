//! Other processes, and databases that are slow or away.

use super::*;
use db::Db;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Longer than anything that is known stays right.
const A_SECOND: Duration = Duration::from_millis(1_000);

#[tokio::test]
async fn change_of_another_process_is_seen_within_a_second() {
    for (name, db) in Db::test_databases().await {
        let here = World::on(db).await;
        let there = here.another_process().await;
        assert_eq!(here.value("beta", "u", json!({})).await, Value::Null);
        there.add(flag("beta", everyone())).await;
        let started = Instant::now();
        while here.value("beta", "u", json!({})).await != true {
            assert!(started.elapsed() < A_SECOND, "{name}: not seen after {:?}", started.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn change_in_this_process_is_in_the_next_answer() {
    let world = World::new().await;
    for number in 0..20 {
        let key = format!("flag-{number}");
        world.add(flag(&key, everyone())).await;
        assert_eq!(world.value(&key, "u", json!({})).await, true);
    }
}

#[tokio::test]
async fn project_that_is_renamed_or_gets_another_token_is_served_as_it_is_now() {
    let world = World::new().await;
    world.add(flag("beta", everyone())).await;
    assert_eq!(world.value("beta", "u", json!({})).await, true);
    let there = world.another_process().await;
    let team = there.flags.teams.reset_token(world.team.id, crate::testing::NOW).await.unwrap().unwrap();
    tokio::time::sleep(A_SECOND).await;
    let asked = async |token: &str| {
        let body = json!({"token": token, "distinct_id": "u"});
        web::testing::post(&world.router, "/flags?v=2", body).await.0.as_u16()
    };
    assert_eq!((asked(TOKEN).await, asked(&team.api_token).await), (401, 200));
}

#[tokio::test]
async fn without_a_database_the_last_known_flags_are_answered_and_the_answer_says_so() {
    for (name, db) in Db::test_databases().await {
        let world = World::on(db).await;
        world.add(flag("all", everyone())).await;
        world.add(flag("pro", matching(json!({"key": "plan", "type": "person", "operator": "exact", "value": "pro"})))).await;
        assert_eq!(world.ask("u", json!({})).await["errorsWhileComputingFlags"], false);
        world.flags.db.close().await;
        tokio::time::sleep(A_SECOND).await;
        let reply = world.ask("u", json!({})).await;
        assert_eq!(reply["errorsWhileComputingFlags"], true, "{name}");
        assert_eq!(reply["flags"]["all"]["enabled"], true, "{name}");
        assert_eq!(reply["flags"]["pro"]["failed"], true, "{name}: nobody knows the person");
        let told = world.ask("u", json!({"person_properties": {"plan": "pro"}})).await;
        assert_eq!(told["flags"]["pro"]["enabled"], true, "{name}: nothing has to be looked up");
        let stranger = web::testing::post(&world.router, "/flags?v=2", json!({"token": "phc_other", "distinct_id": "u"})).await;
        assert_eq!(stranger.0.as_u16(), 503, "{name}: nothing is known of this token");
    }
}

#[tokio::test]
async fn slow_database_holds_up_one_answer_and_not_the_next() {
    let mut world = World::new().await;
    let is_slow = Arc::new(AtomicBool::new(false));
    let slow = is_slow.clone();
    world.flags.has_surveys = Arc::new(move |_| {
        let slow = slow.clone();
        Box::pin(async move {
            while slow.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(false)
        })
    });
    world.router = crate::routes(world.flags.clone());
    world.add(flag("all", everyone())).await;
    assert_eq!(world.value("all", "u", json!({})).await, true);
    is_slow.store(true, Ordering::Relaxed);
    tokio::time::sleep(A_SECOND).await;
    assert_eq!(world.ask("u", json!({})).await["errorsWhileComputingFlags"], true);
    let started = Instant::now();
    let reply = world.ask("u", json!({})).await;
    assert!(started.elapsed() < Duration::from_millis(450), "it waited again: {:?}", started.elapsed());
    assert_eq!((&reply["flags"]["all"]["enabled"], &reply["errorsWhileComputingFlags"]), (&json!(true), &json!(true)));
    is_slow.store(false, Ordering::Relaxed);
    let started = Instant::now();
    while world.ask("u", json!({})).await["errorsWhileComputingFlags"] == true {
        assert!(started.elapsed() < Duration::from_secs(5), "it recovers");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_crowd_that_comes_to_a_cold_server_reads_the_flags_once() {
    let mut world = World::new().await;
    world.add(flag("all", everyone())).await;
    let reads = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = reads.clone();
    world.flags.has_surveys = Arc::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(false) })
    });
    let world = World { router: crate::routes(world.flags.clone()), ..world };
    let asked = (0..50).map(|_| world.value("all", "u", json!({})));
    assert!(futures::future::join_all(asked).await.into_iter().all(|value| value == true));
    assert!(reads.load(Ordering::Relaxed) <= 2, "{reads:?}");
}

#[tokio::test]
async fn server_that_never_knew_the_project_says_so_without_a_wait_for_everyone() {
    for (name, db) in Db::test_databases().await {
        let world = World::on(db).await;
        // The token is known, the flags are not.
        world.flags.teams.by_token(TOKEN).await.unwrap();
        world.flags.db.close().await;
        let started = Instant::now();
        for _ in 0..5 {
            let (status, _) = web::testing::post(&world.router, "/flags?v=2", asking()).await;
            assert_eq!(status.as_u16(), 503, "{name}");
        }
        assert!(started.elapsed() < Duration::from_secs(4), "{name}: {:?}", started.elapsed());
    }
}
