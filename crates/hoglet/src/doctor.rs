//! `hoglet doctor`: looks at the installation and says what to fix. Never reports a part as working that it did not try.

use crate::cli::{self, DoctorArgs};
use crate::config::Config;
use crate::data_dir;
use crate::pipeline::Pipeline;
use anyhow::Result;
use queue::{Queue, Topic};
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const LITTLE_SPACE: u64 = 2 << 30;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Odd,
    Bad,
}

struct Finding {
    what: &'static str,
    verdict: Verdict,
    detail: String,
}

pub async fn run(args: &DoctorArgs) -> Result<ExitCode> {
    let mut findings = Vec::new();
    let mut find = |what, verdict, detail: String| findings.push(Finding { what, verdict, detail });
    let config = match cli::load(&args.common, &[]) {
        Ok(config) => {
            find("configuration", Verdict::Good, "every key is known".to_owned());
            Some(config)
        }
        Err(error) => {
            find("configuration", Verdict::Bad, format!("{error:#}"));
            None
        }
    };
    if let Some(config) = config {
        let host = args.host.clone().unwrap_or_else(|| format!("http://{}", config.listen));
        let served = look_at_server(&host, args.host.is_some(), &mut findings).await;
        look_at_disk(&config, &mut findings);
        look_at_geoip(&config, &mut findings);
        if !served {
            look_inside(&config, &mut findings).await?;
        }
    }
    report(&args.common, &findings);
    Ok(if findings.iter().any(|finding| finding.verdict == Verdict::Bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// True when a server answers.
async fn look_at_server(host: &str, asked_for: bool, findings: &mut Vec<Finding>) -> bool {
    let client = match reqwest::Client::builder().timeout(Duration::from_secs(5)).build() {
        Ok(client) => client,
        Err(error) => {
            findings.push(Finding { what: "server", verdict: Verdict::Bad, detail: error.to_string() });
            return false;
        }
    };
    let (verdict, detail, served) = match client.get(format!("{host}/_ready")).send().await {
        Ok(answer) if answer.status() == 200 => (Verdict::Good, format!("{host} is ready"), true),
        Ok(answer) => {
            let status = answer.status();
            let parts: Value = answer.json().await.unwrap_or(Value::Null);
            let broken: Vec<&String> = parts
                .as_object()
                .map(|parts| parts.iter().filter(|(_, works)| **works == json!(false)).map(|(name, _)| name).collect())
                .unwrap_or_default();
            (Verdict::Bad, format!("{host} answers {status}; not working: {broken:?}"), true)
        }
        Err(_) if asked_for => {
            (Verdict::Bad, format!("nothing answers at {host}; is the server running, and is a firewall in between?"), false)
        }
        Err(_) => (Verdict::Odd, format!("no server at {host}; looking at the data directory instead"), false),
    };
    findings.push(Finding { what: "server", verdict, detail });
    served
}

fn look_at_disk(config: &Config, findings: &mut Vec<Finding>) {
    let path = &config.data_dir;
    let shown = path.display();
    let at = path.ancestors().find(|path| path.exists()).unwrap_or(path);
    let (verdict, detail) = match data_dir::free_bytes(if at.as_os_str().is_empty() { std::path::Path::new(".") } else { at }) {
        None => (Verdict::Bad, format!("the disk of {shown} cannot be looked at")),
        Some(free) if free < LITTLE_SPACE => {
            (Verdict::Bad, format!("{shown} has {} MB left; capture answers 503 when it is full", free >> 20))
        }
        Some(free) => (Verdict::Good, format!("{shown} has {} GB left", free >> 30)),
    };
    findings.push(Finding { what: "disk space", verdict, detail });
    if path.exists() {
        let (verdict, detail) = match sync_time(path) {
            Ok(time) if time > Duration::from_millis(50) => (
                Verdict::Odd,
                format!("a synced write took {} ms: every acknowledged request waits for one; a faster disk helps", time.as_millis()),
            ),
            Ok(time) => (Verdict::Good, format!("a synced write took {:.1} ms", time.as_secs_f64() * 1000.0)),
            Err(error) => (Verdict::Bad, format!("{shown} cannot be written: {error}; check owner and permissions")),
        };
        findings.push(Finding { what: "disk writes", verdict, detail });
    }
}

fn sync_time(dir: &std::path::Path) -> std::io::Result<Duration> {
    let path = dir.join("doctor.tmp");
    let mut file = std::fs::File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    std::fs::remove_file(path)?;
    times.sort();
    Ok(times[times.len() / 2])
}

fn look_at_geoip(config: &Config, findings: &mut Vec<Finding>) {
    let (verdict, detail) = match &config.geoip_db {
        Some(path) if path.exists() => (Verdict::Good, format!("{} is there", path.display())),
        Some(path) => (Verdict::Bad, format!("HOGLET_GEOIP_DB names {}, which does not exist", path.display())),
        None => (Verdict::Odd, "no database: events get no country or city. Set HOGLET_GEOIP_DB to a city .mmdb file".to_owned()),
    };
    findings.push(Finding { what: "geoip", verdict, detail });
}

/// Opens everything as the server would. Only while no server runs: the data directory has one user at a time.
async fn look_inside(config: &Config, findings: &mut Vec<Finding>) -> Result<()> {
    if !config.data_dir.exists() {
        findings.push(Finding {
            what: "data directory",
            verdict: Verdict::Odd,
            detail: format!("{} does not exist yet; `hoglet serve` makes it", config.data_dir.display()),
        });
        return Ok(());
    }
    match Pipeline::open(config).await {
        Err(error) => findings.push(Finding { what: "data directory", verdict: Verdict::Bad, detail: format!("{error:#}") }),
        Ok(pipeline) => {
            use events::EventStore;
            let stats = pipeline.store.stats();
            let position = pipeline.store.position().await?.unwrap_or(0);
            let pending = pipeline.queue.end(Topic::Events).0.saturating_sub(position);
            findings.push(Finding {
                what: "data directory",
                verdict: Verdict::Good,
                detail: format!(
                    "{} events in {} segments, {} MB; {} events still to ingest",
                    stats.rows,
                    stats.segments,
                    stats.disk_bytes >> 20,
                    pending
                ),
            });
            for damage in pipeline.store.damage() {
                findings.push(Finding { what: "damage", verdict: Verdict::Bad, detail: damage });
            }
        }
    }
    Ok(())
}

fn report(common: &cli::Common, findings: &[Finding]) {
    let word = |verdict| match verdict {
        Verdict::Good => "ok",
        Verdict::Odd => "note",
        Verdict::Bad => "PROBLEM",
    };
    if common.json {
        let findings: Vec<Value> = findings
            .iter()
            .map(|finding| json!({"what": finding.what, "verdict": word(finding.verdict).to_lowercase(), "detail": finding.detail}))
            .collect();
        println!("{}", json!({"findings": findings}));
        return;
    }
    for finding in findings {
        println!("{:<8} {:<16} {}", word(finding.verdict), finding.what, finding.detail);
    }
}
