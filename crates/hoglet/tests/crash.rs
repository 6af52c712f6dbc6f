//! SIGKILL at random moments under load, over and over: every event answered with 200 is queryable exactly once.
//!
//! `HOGLET_CRASH_ROUNDS` sets how often (`make test` uses 200); the seed is printed.

mod server;

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use server::{Server, TOKEN};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LOADERS: usize = 4;

type Ids = Arc<Mutex<Vec<String>>>;

/// Sends batches until the server is gone; remembers the ids of what was acknowledged, and of what was sent at all.
async fn load(base: String, round: usize, seed: u64, acknowledged: Ids, sent: Ids) {
    let http = reqwest::Client::new();
    let mut rng = StdRng::seed_from_u64(seed);
    loop {
        let count = rng.random_range(1..12);
        let ids: Vec<String> = (0..count).map(|_| uuid::Builder::from_random_bytes(rng.random()).into_uuid().to_string()).collect();
        let events: Vec<Value> = ids
            .iter()
            .map(|id| {
                json!({"event": "crash", "uuid": id, "distinct_id": format!("u{}", rng.random_range(0..50)),
                       "properties": {"round": round, "n": rng.random_range(0..1000), "$set": {"seen": round}}})
            })
            .collect();
        sent.lock().unwrap().extend(ids.iter().cloned());
        let body = json!({"api_key": TOKEN, "batch": events});
        match http.post(format!("{base}/batch/")).json(&body).send().await {
            Ok(answer) if answer.status() == 200 => acknowledged.lock().unwrap().extend(ids),
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_event_is_queryable_exactly_once_after_any_crash() -> Result<()> {
    let rounds: usize = std::env::var("HOGLET_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let seed: u64 = std::env::var("HOGLET_CRASH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| rand::rng().random());
    println!("{rounds} rounds, HOGLET_CRASH_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let dir = tempfile::tempdir()?;
    let http = reqwest::Client::new();
    let (mut all_acknowledged, mut all_stored) = (0, 0);
    for round in 0..rounds {
        let server = Server::start(dir.path(), &http).await?;
        let (acknowledged, sent): (Ids, Ids) = Default::default();
        let loaders: Vec<_> = (0..LOADERS)
            .map(|_| tokio::spawn(load(server.base.clone(), round, rng.random(), acknowledged.clone(), sent.clone())))
            .collect();
        tokio::time::sleep(Duration::from_millis(rng.random_range(5..400))).await;
        server.kill();
        for loader in loaders {
            loader.await?;
        }
        if rng.random_range(0..4) == 0 {
            // Some kills hit the start itself, while the last crash is being recovered from.
            let patience = Duration::from_millis(rng.random_range(5..150));
            let _ = tokio::time::timeout(patience, Server::start(dir.path(), &http)).await;
        }
        let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
        let sent: HashSet<String> = sent.lock().unwrap().drain(..).collect();
        let server = Server::start(dir.path(), &http).await?;
        server.settle(&http).await?;
        let stored = server.ids_of_round(&http, round).await?;
        let unique: HashSet<&String> = stored.iter().collect();
        ensure!(unique.len() == stored.len(), "round {round}: {} events are stored twice", stored.len() - unique.len());
        let lost: Vec<&String> = acknowledged.iter().filter(|id| !unique.contains(id)).collect();
        ensure!(
            lost.is_empty(),
            "round {round}: {} of {} acknowledged events are lost, such as {}",
            lost.len(),
            acknowledged.len(),
            lost[0]
        );
        ensure!(unique.iter().all(|id| sent.contains(*id)), "round {round}: events are stored that nobody sent");
        all_acknowledged += acknowledged.len();
        all_stored += stored.len();
        server.kill();
    }
    let server = Server::start(dir.path(), &http).await?;
    server.settle(&http).await?;
    let total = server.rows(&http, "select count(), count(distinct uuid) from events where event = 'crash'").await?;
    ensure!(
        total[0][0] == json!(all_stored) && total[0][1] == json!(all_stored),
        "in the end there are {} rows, of which {} distinct, but the rounds found {all_stored}",
        total[0][0],
        total[0][1]
    );
    ensure!(all_acknowledged > 0, "no event was ever acknowledged, so nothing was tested");
    println!("{all_acknowledged} acknowledged events, all there; {all_stored} stored");
    Ok(())
}
