//! SIGKILL at random moments under load, over and over: every event answered with 200 is queryable exactly once.
//!
//! `HOGLET_CRASH_ROUNDS` sets how often (`make test` uses 200); the seed is printed.

use anyhow::{Context, Result, bail, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const TOKEN: &str = "phc_crash";
const KEY: &str = "phx_crash_0123456789abcdefghijklmnop";
const LOADERS: usize = 6;

struct Server {
    child: Child,
    base: String,
}

impl Server {
    async fn start(dir: &Path, http: &reqwest::Client) -> Result<Server> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(env!("CARGO_BIN_EXE_hoglet"))
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"])
            .arg(dir)
            .env("HOGLET_ADMIN_EMAIL", "crash@mail.example")
            .env("HOGLET_ADMIN_PASSWORD", "a-long-crash-password-1")
            .env("HOGLET_PROJECT_TOKEN", TOKEN)
            .env("HOGLET_PERSONAL_API_KEY", KEY)
            .env("HOGLET_LOG", "warn")
            .stdin(Stdio::null())
            .spawn()
            .context("starting hoglet")?;
        let mut server = Server { child, base: format!("http://127.0.0.1:{port}") };
        let started = Instant::now();
        loop {
            if let Ok(answer) = http.get(format!("{}/_ready", server.base)).send().await
                && answer.status() == 200
            {
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("hoglet ended with {status} instead of starting");
            }
            ensure!(started.elapsed() < Duration::from_secs(60), "hoglet was not ready within a minute");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn settle(&self, http: &reqwest::Client) -> Result<()> {
        let started = Instant::now();
        loop {
            let lag: Value =
                http.get(format!("{}/api/projects/@current/ingestion/lag", self.base)).bearer_auth(KEY).send().await?.json().await?;
            if lag["pending_events"] == json!(0) {
                return Ok(());
            }
            ensure!(started.elapsed() < Duration::from_secs(60), "events are still pending after a minute: {lag}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn rows(&self, http: &reqwest::Client, query: &str) -> Result<Vec<Vec<Value>>> {
        let body = json!({"query": {"kind": "HogQLQuery", "query": query}, "refresh": "force_blocking"});
        let answer = http.post(format!("{}/api/projects/@current/query", self.base)).bearer_auth(KEY).json(&body).send().await?;
        let (status, answer) = (answer.status(), answer.json::<Value>().await?);
        ensure!(status == 200, "the query answered {status}: {answer}");
        Ok(serde_json::from_value(answer["results"].clone())?)
    }

    /// Ids of the events that a round stored, read in pages.
    async fn ids_of_round(&self, http: &reqwest::Client, round: usize) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        loop {
            let query = format!(
                "select toString(uuid) as id from events where event = 'crash' and properties.round = '{round}' order by id limit 50000 offset {}",
                ids.len()
            );
            let page = self.rows(http, &query).await?;
            let last = page.len() < 50_000;
            ids.extend(page.into_iter().filter_map(|row| row[0].as_str().map(str::to_owned)));
            if last {
                return Ok(ids);
            }
        }
    }

    /// SIGKILL: the process gets no chance to tidy up.
    fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Ids = Arc<Mutex<Vec<String>>>;

/// Sends batches until the server is gone; remembers the ids of what was acknowledged, and of what was sent at all.
async fn load(base: String, round: usize, seed: u64, acknowledged: Ids, sent: Ids) {
    let http = reqwest::Client::new();
    let mut rng = StdRng::seed_from_u64(seed);
    loop {
        let count = rng.random_range(1..40);
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
