//! `make bench`: what the server does, beside the least that any server could do, in one run on one machine.
//!
//! The floor is a server that takes the same requests and only writes and syncs their bytes. Figures of both are taken in
//! turns, so that a noisy machine disturbs both alike; ratios are what to look at.

mod asking;
mod client;
mod decide;
mod floor;
mod generate;
mod mixed;
mod payload;
mod server;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[derive(Parser)]
#[command(name = "hoglet-bench", args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Option<Options>,
}

#[derive(Subcommand)]
enum Command {
    /// Write made-up events to standard output, for the benchmark of queries
    Generate(generate::GenerateArgs),
    /// Ingest at a steady pace while people ask heavy questions
    Mixed(mixed::MixedArgs),
    /// Ask a server for flags
    Flags(asking::AskArgs),
    /// Evaluate flags, without a server
    Decide(decide::DecideArgs),
}

#[derive(clap::Args)]
struct Options {
    /// The hoglet binary
    #[arg(long)]
    hoglet: PathBuf,
    /// Where data directories are made; removed afterwards
    #[arg(long, default_value = "/tmp")]
    scratch: PathBuf,
    /// Seconds of each measured burst
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Bursts of each kind, taken in turns; the median is printed
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Events sent to measure request-to-queryable
    #[arg(long, default_value_t = 1_500_000)]
    events: u64,
    /// Events in the data directory whose start-up is timed
    #[arg(long, default_value_t = 10_000_000)]
    stored: u64,
    /// Only measure how fast events are accepted, or only what follows
    #[arg(long)]
    only: Option<Part>,
    /// Serve the floor on this address and nothing else (used by the benchmark itself)
    #[arg(long, hide = true)]
    floor: Option<String>,
    #[arg(long, hide = true)]
    floor_file: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Part {
    Accepted,
    Queryable,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    if let Some(Command::Flags(args)) = &cli.command {
        asking::keep_to(args.cores)?;
    }
    let runtime = tokio::runtime::Runtime::new()?;
    match &cli.command {
        Some(Command::Generate(args)) => return generate::run(args),
        Some(Command::Flags(args)) => return runtime.block_on(asking::run(args)),
        Some(Command::Decide(args)) => return decide::run(args),
        Some(Command::Mixed(args)) => return runtime.block_on(mixed::run(args)),
        None => {}
    }
    let options = cli.options.context("give --hoglet, the program to measure")?;
    if let Some(listen) = &options.floor {
        let file = options.floor_file.clone().context("--floor needs --floor-file")?;
        return runtime.block_on(floor::serve(listen, &file));
    }
    runtime.block_on(run(&options))
}

async fn run(options: &Options) -> Result<()> {
    let scratch = tempfile::Builder::new().prefix("hoglet-bench").tempdir_in(&options.scratch)?;
    println!(
        "machine: {} cores; {} connections; bursts of {} s, median of {} rounds taken in turns",
        cores(),
        options.connections,
        options.seconds,
        options.rounds
    );
    let mut targets = Vec::new();
    if options.only != Some(Part::Queryable) {
        targets.push(("accepted ≥ 60 % of the floor", accepted(options, scratch.path()).await?));
    }
    if options.only != Some(Part::Accepted) {
        targets.push(("request to queryable ≥ 60,000 events/s", request_to_queryable(options, scratch.path()).await?));
    }
    println!();
    for (target, met) in targets {
        println!("target: {target} {}", mark(met));
    }
    Ok(())
}

/// Durable accepted requests per second, beside the floor, for single events and for batches of 50.
async fn accepted(options: &Options, scratch: &std::path::Path) -> Result<bool> {
    let mut well = true;
    for (batch, label, unit) in [(1, "one event per request", "requests/s"), (50, "50 events per request", "events/s")] {
        let (mut ours, mut floors) = (Vec::new(), Vec::new());
        for round in 0..options.rounds {
            let dir = scratch.join(format!("accept-{batch}-{round}"));
            let hoglet = server::Server::hoglet(&options.hoglet, &dir).await?;
            ours.push(burst(options, &hoglet.address, batch).await? * batch as f64);
            hoglet.stop().await?;
            let floor = server::Server::floor(&dir.with_extension("floor")).await?;
            floors.push(burst(options, &floor.address, batch).await? * batch as f64);
            floor.stop().await?;
            let _ = std::fs::remove_dir_all(&dir);
            let _ = std::fs::remove_file(dir.with_extension("floor"));
        }
        let (our, floor) = (median(&mut ours), median(&mut floors));
        well &= our >= 0.6 * floor;
        println!(
            "durable accepted, {label}: {our:>9.0} {unit}   floor {floor:>9.0}   ratio {:.2}   (ours {:.0}–{:.0}, floor {:.0}–{:.0})",
            our / floor,
            ours[0],
            ours[ours.len() - 1],
            floors[0],
            floors[floors.len() - 1]
        );
    }
    Ok(well)
}

/// Requests per second that were answered 200.
async fn burst(options: &Options, address: &str, batch: usize) -> Result<f64> {
    let requests = payload::requests(batch, 256, 17);
    let until = Instant::now() + Duration::from_secs(options.seconds);
    let started = Instant::now();
    let answered = client::drive(address, options.connections, &requests, client::Until::Time(until)).await?;
    Ok(answered as f64 / started.elapsed().as_secs_f64())
}

/// Events per second from the first request until all are queryable, then start-up, memory and size of a full directory.
async fn request_to_queryable(options: &Options, scratch: &std::path::Path) -> Result<bool> {
    let dir = scratch.join("queryable");
    let hoglet = server::Server::hoglet(&options.hoglet, &dir).await?;
    let batch = 50;
    let cpu_before = [hoglet.cpu_seconds()?, server::own_cpu_seconds()?];
    let started = Instant::now();
    let stream = payload::Stream::new(batch, 23);
    client::drive(&hoglet.address, options.connections.min(16), &stream, client::Until::Requests(options.events / batch as u64)).await?;
    let answered = started.elapsed();
    hoglet.wait_until_ingested().await?;
    let queryable = started.elapsed();
    let cpu_seconds = [hoglet.cpu_seconds()? - cpu_before[0], server::own_cpu_seconds()? - cpu_before[1]];
    let sent = options.events / batch as u64 * batch as u64;
    let counted = hoglet.count_events().await?;
    if counted != sent {
        bail!("{sent} events were acknowledged but {counted} are queryable");
    }
    let rate = sent as f64 / queryable.as_secs_f64();
    println!(
        "request to queryable: {rate:>9.0} events/s   ({sent} events; all acknowledged after {:.1} s, all queryable after {:.1} s; CPU per event: server {:.1} µs, generator {:.1} µs)",
        answered.as_secs_f64(),
        queryable.as_secs_f64(),
        cpu_seconds[0] * 1e6 / sent as f64,
        cpu_seconds[1] * 1e6 / sent as f64
    );

    let rest = options.stored.saturating_sub(sent) / batch as u64;
    client::drive(&hoglet.address, options.connections.min(16), &stream, client::Until::Requests(rest)).await?;
    hoglet.wait_until_ingested().await?;
    let stored = hoglet.count_events().await?;
    // What it does in the background now is part of neither its size at rest nor its next start.
    hoglet.settle().await?;
    hoglet.stop().await?;
    let bytes = server::size_of(&dir.join("events"))?;
    println!(
        "on disk: {:.1} bytes per event in the event store ({stored} events of {} bytes of JSON each)",
        bytes as f64 / stored as f64,
        payload::bytes_per_event()
    );

    let mut starts = Vec::new();
    let mut idle = 0;
    for _ in 0..options.rounds {
        let hoglet = server::Server::hoglet(&options.hoglet, &dir).await?;
        starts.push(hoglet.start_ms);
        tokio::time::sleep(Duration::from_secs(2)).await;
        idle = hoglet.resident_mb()?;
        hoglet.stop().await?;
    }
    println!(
        "start-up with {stored} events: {:.0} ms to ready (median of {})   idle memory {idle} MB",
        median(&mut starts),
        options.rounds
    );
    Ok(rate >= 60_000.0)
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn mark(met: bool) -> &'static str {
    if met { "(met)" } else { "(NOT met)" }
}
