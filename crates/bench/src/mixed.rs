//! `make bench-mixed`: ingestion at a steady pace while people ask heavy questions.
//!
//! Every question is asked anew (nothing comes from the cache), by ten users at once and without a pause. What counts is how far
//! ingestion falls behind and how long a request to capture takes meanwhile.

use crate::client::Requests;
use crate::payload;
use crate::server::Server;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

#[derive(clap::Args)]
pub struct MixedArgs {
    /// The hoglet binary
    #[arg(long)]
    hoglet: PathBuf,
    /// Where the data directory is made; removed afterwards
    #[arg(long, default_value = "/tmp")]
    scratch: PathBuf,
    /// Events that are there before it begins
    #[arg(long, default_value_t = 2_000_000)]
    stored: u64,
    /// Events sent per second while questions are asked
    #[arg(long, default_value_t = 20_000)]
    pace: u64,
    /// Users who ask
    #[arg(long, default_value_t = 10)]
    users: usize,
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

const BATCH: usize = 50;
/// A steady client keeps a few requests under way.
const SENDERS: usize = 8;

pub async fn run(args: &MixedArgs) -> Result<()> {
    let scratch = tempfile::Builder::new().prefix("hoglet-bench").tempdir_in(&args.scratch)?;
    let server = Arc::new(Server::hoglet(&args.hoglet, scratch.path()).await?);
    let stream = payload::Stream::new(BATCH, 41);
    crate::client::drive(&server.address, 16, &stream, crate::client::Until::Requests(args.stored / BATCH as u64)).await?;
    server.wait_until_ingested().await?;
    println!("{} events stored; {} events/s for {} s, {} users asking", args.stored, args.pace, args.seconds, args.users);

    let alone = phase(&server, args, 0).await.context("ingestion alone")?;
    alone.print("ingestion alone");
    let beside = phase(&server, args, args.users).await.context("ingestion beside questions")?;
    beside.print(&format!("beside {} users' questions", args.users));
    server.wait_until_ingested().await?;
    let (sent, counted) = (args.stored / BATCH as u64 * BATCH as u64 + alone.sent + beside.sent, server.count_events().await?);
    if counted != sent {
        bail!("{sent} events were acknowledged but {counted} are queryable");
    }
    println!("all {counted} acknowledged events are queryable; peak memory {} MB", server.peak_mb()?);
    let server = Arc::into_inner(server).context("a task still holds the server")?;
    server.stop().await?;
    let kept = beside.sent as f64 >= 0.98 * (args.pace * args.seconds) as f64;
    println!(
        "targets: the pace is kept {}; lag under two seconds {}",
        crate::mark(kept),
        crate::mark(beside.lag_most < Duration::from_secs(2))
    );
    Ok(())
}

struct Phase {
    sent: u64,
    latencies: Vec<Duration>,
    lag_most: Duration,
    pending_most: u64,
    answered: u64,
    refused: u64,
    slowest: Duration,
}

impl Phase {
    fn print(&self, what: &str) {
        let at = |share: f64| self.latencies.get((self.latencies.len() as f64 * share) as usize).copied().unwrap_or_default();
        println!(
            "{what}: {} events sent; capture p50 {:.1} ms, p99 {:.1} ms; lag at most {:.2} s ({} events); {} questions answered, {} refused, slowest {:.2} s",
            self.sent,
            at(0.5).as_secs_f64() * 1e3,
            at(0.99).as_secs_f64() * 1e3,
            self.lag_most.as_secs_f64(),
            self.pending_most,
            self.answered,
            self.refused,
            self.slowest.as_secs_f64()
        );
    }
}

async fn phase(server: &Arc<Server>, args: &MixedArgs, users: usize) -> Result<Phase> {
    let until = Instant::now() + Duration::from_secs(args.seconds);
    let stop = Arc::new(AtomicBool::new(false));
    let (answered, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut asking = JoinSet::new();
    for user in 0..users {
        let (server, stop, answered, refused) = (server.clone(), stop.clone(), answered.clone(), refused.clone());
        asking.spawn(async move {
            let mut slowest = Duration::ZERO;
            for turn in user.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let (begun, questions) = (Instant::now(), questions());
                match server.query(&questions[turn % questions.len()]).await? {
                    (200, _) => answered.fetch_add(1, Ordering::Relaxed),
                    // Over its budget, as some are meant to be.
                    (504, _) => refused.fetch_add(1, Ordering::Relaxed),
                    (429 | 503, _) => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        refused.fetch_add(1, Ordering::Relaxed)
                    }
                    (status, body) => bail!("a question was answered {status}: {}", String::from_utf8_lossy(&body)),
                };
                slowest = slowest.max(begun.elapsed());
            }
            anyhow::Ok(slowest)
        });
    }
    let sending = tokio::spawn(send(server.address.clone(), args.pace, until));
    let (mut lag_most, mut pending_most) = (Duration::ZERO, 0);
    while Instant::now() < until {
        let (pending, oldest) = server.lag().await?;
        lag_most = lag_most.max(Duration::from_secs_f64(oldest));
        pending_most = pending_most.max(pending);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut latencies = sending.await??;
    stop.store(true, Ordering::Relaxed);
    let mut slowest = Duration::ZERO;
    while let Some(done) = asking.join_next().await {
        slowest = slowest.max(done??);
    }
    latencies.sort();
    Ok(Phase {
        sent: latencies.len() as u64 * BATCH as u64,
        latencies,
        lag_most,
        pending_most,
        answered: answered.load(Ordering::Relaxed),
        refused: refused.load(Ordering::Relaxed),
        slowest,
    })
}

/// Sends at a pace, late requests as soon as possible; returns how long each took from when it was due.
async fn send(address: String, pace: u64, until: Instant) -> Result<Vec<Duration>> {
    let started = Instant::now();
    let gap = Duration::from_secs_f64(BATCH as f64 / pace as f64);
    let next = Arc::new(AtomicU64::new(0));
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let (address, next) = (address.clone(), next.clone());
        let stream = payload::Stream::new(BATCH, 43);
        senders.spawn(async move {
            let mut connection = crate::client::Connection::open(&address).await?;
            let (mut request, mut latencies) = (Vec::new(), Vec::new());
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let due = started + gap.mul_f64(number as f64);
                if due >= until || Instant::now() >= until {
                    return anyhow::Ok(latencies);
                }
                tokio::time::sleep_until(due.into()).await;
                request.clear();
                stream.write(number, &mut request);
                connection.send(&request).await?;
                latencies.push(due.elapsed());
            }
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = senders.join_next().await {
        latencies.extend(done??);
    }
    Ok(latencies)
}

/// Such as a dashboard of a curious user would ask, each over everything there is.
fn questions() -> Vec<Value> {
    let event = |name: &str| json!({"kind": "EventsNode", "event": name});
    let range = json!({"date_from": "-30d"});
    vec![
        json!({"kind": "FunnelsQuery", "dateRange": range, "series": [event("$pageview"), event("$autocapture"), event("signed_up"), event("upgraded")],
            "breakdownFilter": {"breakdown": "$browser", "breakdown_type": "event"}}),
        json!({"kind": "RetentionQuery", "dateRange": range,
            "retentionFilter": {"period": "Day", "totalIntervals": 14, "targetEntity": {"id": "$pageview", "type": "events"}, "returningEntity": {"id": "$pageview", "type": "events"}}}),
        json!({"kind": "PathsQuery", "dateRange": range, "pathsFilter": {"includeEventTypes": ["$pageview"]}}),
        json!({"kind": "TrendsQuery", "dateRange": range, "series": [{"kind": "EventsNode", "event": null, "math": "monthly_active"}],
            "breakdownFilter": {"breakdown": "$current_url", "breakdown_type": "event"}}),
        json!({"kind": "HogQLQuery", "query": "select properties.$current_url as url, person_id, count(), quantile(0.9)(toFloat(properties.price)) from events group by url, person_id order by count() desc limit 100"}),
        json!({"kind": "HogQLQuery", "query": "select a.event, count() from events a join events b on a.distinct_id = b.distinct_id group by a.event"}),
    ]
}
