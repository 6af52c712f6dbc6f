//! `make bench-flags`: a real server asked for all flags of one person after the other, with the load generator on the same two cores.

use crate::client::{self, Connection, Requests, Until};
use crate::server::Server;
use crate::{decide, payload};
use anyhow::{Context, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

#[derive(clap::Args)]
pub struct AskArgs {
    /// The hoglet binary
    #[arg(long)]
    hoglet: PathBuf,
    /// Where the data directory is made; removed afterwards
    #[arg(long, default_value = "/tmp")]
    scratch: PathBuf,
    /// Persons in the database, asked about at random
    #[arg(long, default_value_t = 100_000)]
    persons: u64,
    #[arg(long, default_value_t = 100)]
    flags: usize,
    /// Of each flag
    #[arg(long, default_value_t = 20)]
    conditions: usize,
    /// Requests under way at once
    #[arg(long, default_value_t = 32)]
    connections: usize,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Cores that the server and the load generator share
    #[arg(long, default_value_t = 2)]
    pub cores: usize,
}

const BATCH: u64 = 50;
const WANTED_PER_SECOND: f64 = 10_000.0;
const WANTED_P99: Duration = Duration::from_millis(10);
const WANTED_UNCHANGED: Duration = Duration::from_millis(1);

pub async fn run(args: &AskArgs) -> Result<()> {
    let scratch = tempfile::Builder::new().prefix("hoglet-bench").tempdir_in(&args.scratch)?;
    println!("machine: {}, {} of its cores for server and load generator together", processor()?, args.cores);
    let per_second = decide::decisions_per_second(args.flags, args.conditions, Duration::from_secs(args.seconds))?;
    println!("evaluation alone: {per_second:.0} flag decisions/s on one core");
    let server = Server::hoglet(&args.hoglet, scratch.path()).await?;
    client::drive(&server.address, 8, &Persons, Until::Requests(args.persons.div_ceil(BATCH))).await?;
    server.wait_until_ingested().await?;
    for number in 0..args.flags {
        add_flag(&server, number, args.conditions).await?;
    }
    check(&server, args).await?;
    // The first burst warms caches up.
    let (mut rates, mut slowest) = (Vec::new(), Vec::new());
    burst(&server, args, 0).await?;
    for round in 1..=args.rounds {
        let cpu = server.cpu_seconds()?;
        let (rate, latencies) = burst(&server, args, round as u64).await?;
        let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
        println!(
            "/flags: {rate:>7.0} requests/s   p50 {:.2} ms, p99 {:.2} ms, slowest {:.2} ms   server CPU {:.0} µs per request",
            millis(at(0.5)),
            millis(at(0.99)),
            millis(at(1.0)),
            (server.cpu_seconds()? - cpu) * 1e6 / latencies.len() as f64
        );
        rates.push(rate);
        slowest.push(at(0.99));
    }
    let unchanged = unchanged_definitions(&server).await?;
    println!("/flags/definitions, unchanged (304): {:.2} ms (median, one client)", millis(unchanged));
    println!("peak memory {} MB", server.peak_mb()?);
    server.stop().await?;
    let (rate, p99) = (super::median(&mut rates), slowest.into_iter().min().context("at least one round")?);
    println!("\ntarget: at least {WANTED_PER_SECOND:.0} requests/s {}", super::mark(rate >= WANTED_PER_SECOND));
    println!("target: p99 under {} ms {}", WANTED_P99.as_millis(), super::mark(p99 < WANTED_P99));
    println!("target: 304 under {} ms {}", WANTED_UNCHANGED.as_millis(), super::mark(unchanged < WANTED_UNCHANGED));
    println!("target: at least 1000000 decisions/s per core {}", super::mark(per_second >= 1e6));
    Ok(())
}

/// For this process and those that it starts. Must come before any thread is.
pub fn keep_to(cores: usize) -> Result<()> {
    // SAFETY: a zeroed set is an empty one, and the calls only read what they are given.
    let kept = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        (0..cores).for_each(|core| libc::CPU_SET(core, &mut set));
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    ensure!(kept == 0, "this machine does not have {cores} cores: {}", std::io::Error::last_os_error());
    Ok(())
}

fn processor() -> Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("unknown", |(_, name)| name);
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    Ok(format!("{model}, {cores} cores"))
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Makes every person by an event of its own.
#[derive(Clone)]
struct Persons;

impl Requests for Persons {
    fn write(&self, number: u64, out: &mut Vec<u8>) {
        let event = |person: u64| json!({"event": "$set", "distinct_id": format!("person-{person}"), "properties": {"$set": decide::person(person), "$geoip_disable": true}});
        let events: Vec<Value> = (number * BATCH..(number + 1) * BATCH).map(event).collect();
        post(out, "/batch/", &json!({"api_key": payload::TOKEN, "batch": events}).to_string());
    }
}

fn post(out: &mut Vec<u8>, path: &str, body: &str) {
    write!(
        out,
        "POST {path} HTTP/1.1\r\nhost: bench\r\nuser-agent: posthog-node/5.70.0\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("writing to memory");
}

fn ask(out: &mut Vec<u8>, person: u64) {
    let token = payload::TOKEN;
    post(
        out,
        "/flags/?v=2",
        &format!(
            r#"{{"token":"{token}","distinct_id":"person-{person}","groups":{{}},"person_properties":{{}},"group_properties":{{}},"geoip_disable":true}}"#
        ),
    );
}

async fn add_flag(server: &Server, number: usize, conditions: usize) -> Result<()> {
    let flag = json!({"key": format!("flag-{number}"), "name": "", "active": true, "filters": decide::filters(number, conditions)});
    let (status, body) = server.post("/api/projects/@current/feature_flags/", &flag).await?;
    ensure!(status == 201, "making a flag was answered {status}: {}", String::from_utf8_lossy(&body));
    Ok(())
}

/// What is measured must be the whole thing: every flag, none failed, some on and some off, properties from the database.
async fn check(server: &Server, args: &AskArgs) -> Result<()> {
    let question = json!({"token": payload::TOKEN, "distinct_id": "person-7", "evaluation_runtime": "all"});
    let (_, body) = server.post("/flags/?v=2", &question).await?;
    let answer: Value = serde_json::from_slice(&body)?;
    let flags = answer["flags"].as_object().context("an answer has flags")?;
    let on = flags.values().filter(|flag| flag["enabled"] == true).count();
    ensure!(
        flags.len() == args.flags && answer["errorsWhileComputingFlags"] == false,
        "{} of {} flags were answered",
        flags.len(),
        args.flags
    );
    ensure!(on > 0 && on < flags.len(), "{on} of {} flags are on", flags.len());
    let stored = json!({"groups": [{"rollout_percentage": 100, "properties": [
        {"key": "property_1", "type": "person", "operator": "exact", "value": decide::person(7)["property_1"].to_string()}
    ]}]});
    let probe = json!({"key": "probe", "name": "", "active": true, "filters": stored});
    let (_, made) = server.post("/api/projects/@current/feature_flags/", &probe).await?;
    let (_, body) = server.post("/flags/?v=2", &question).await?;
    let answer: Value = serde_json::from_slice(&body)?;
    ensure!(answer["flags"]["probe"]["enabled"] == true, "stored properties do not count: {}", answer["flags"]["probe"]);
    let made: Value = serde_json::from_slice(&made)?;
    let path = format!("/api/projects/@current/feature_flags/{}/", made["id"]);
    let (status, _) = server.patch(&path, &json!({"deleted": true})).await?;
    ensure!(status == 200, "deleting the probe was answered {status}");
    Ok(())
}

/// Requests per second, and how long each took, the fastest first.
async fn burst(server: &Server, args: &AskArgs, seed: u64) -> Result<(f64, Vec<Duration>)> {
    let started = Instant::now();
    let until = started + Duration::from_secs(args.seconds);
    let mut asking = JoinSet::new();
    for connection in 0..args.connections {
        let (address, persons) = (server.address.clone(), args.persons);
        asking.spawn(async move {
            let mut rng = StdRng::seed_from_u64(seed * 1_000 + connection as u64);
            let mut connection = Connection::open(&address).await?;
            let (mut request, mut latencies) = (Vec::new(), Vec::new());
            while Instant::now() < until {
                request.clear();
                ask(&mut request, rng.random_range(0..persons));
                let sent = Instant::now();
                connection.send(&request).await?;
                latencies.push(sent.elapsed());
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = asking.join_next().await {
        latencies.extend(done??);
    }
    let elapsed = started.elapsed();
    latencies.sort();
    Ok((latencies.len() as f64 / elapsed.as_secs_f64(), latencies))
}

/// How long a server SDK waits that has the definitions already.
async fn unchanged_definitions(server: &Server) -> Result<Duration> {
    let path = format!("/flags/definitions?token={}&send_cohorts", payload::TOKEN);
    let tag = server.tag_of(&path).await?;
    let request = server.signed_get(&path, &[("if-none-match", &tag)]);
    let mut connection = Connection::open(&server.address).await?;
    let mut latencies = Vec::new();
    for _ in 0..1_000 {
        let sent = Instant::now();
        let status = connection.exchange(request.as_bytes()).await?;
        latencies.push(sent.elapsed());
        ensure!(status == 304, "unchanged definitions were answered {status}");
    }
    latencies.sort();
    Ok(latencies[latencies.len() / 2])
}
