//! `hoglet import` and `hoglet demo`: files and made-up data go through capture like everything else, over HTTP to a running
//! server or straight into a data directory that no server uses.

use crate::cli::{self, Common, ImportArgs, Target};
use crate::pipeline::Pipeline;
use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use indicatif::{ProgressBar, ProgressStyle};
use model::{CapturedEvent, Clock};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tower::ServiceExt;
use uuid::Uuid;

/// Ids of imported events that have none, so that a second import of the same file changes nothing.
const IMPORT_NAMESPACE: Uuid = Uuid::from_u128(0x6f1b0c1e_5a51_4a0e_9d55_3c1f2a7b9e10);
const BATCH_EVENTS: usize = 500;
const BATCH_BYTES: usize = 4 << 20;
const LONGEST_LINE: usize = 20 << 20;

/// Takes batches: a running server, or the capture routes of this process.
enum Destination {
    Server { http: reqwest::Client, host: String, token: String },
    Here { pipeline: Box<Pipeline>, capture: Router, token: String },
}

impl Destination {
    async fn open(target: &Target) -> Result<Destination> {
        let config = cli::load(&target.common, &[])?;
        if target.common.data_dir.is_some() {
            let pipeline = Pipeline::open(&config).await?;
            let token = pipeline.token_or_only(target.project_api_key.as_deref()).await?;
            let capture = pipeline.capture_routes();
            return Ok(Destination::Here { pipeline: Box::new(pipeline), capture, token });
        }
        let host = target.host.clone().unwrap_or_else(|| format!("http://{}", config.listen));
        let token = target
            .project_api_key
            .clone()
            .context("which project? Give --project-api-key phc_… (settings show it), or --data-dir while no server runs")?;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(120)).build()?;
        Ok(Destination::Server { http, host: host.trim_end_matches('/').to_owned(), token })
    }

    async fn send(&self, events: &[Value]) -> Result<()> {
        let token = match self {
            Destination::Server { token, .. } | Destination::Here { token, .. } => token,
        };
        let body = serde_json::to_vec(&json!({"api_key": token, "historical_migration": true, "batch": events}))?;
        let mut pause = Duration::from_millis(200);
        loop {
            let (status, text) = match self {
                Destination::Server { http, host, .. } => {
                    let request = http.post(format!("{host}/batch/")).header(header::CONTENT_TYPE, "application/json").body(body.clone());
                    let answer = request.send().await.with_context(|| format!("sending to {host}; is the server running?"))?;
                    (answer.status(), answer.text().await.unwrap_or_default())
                }
                Destination::Here { capture, .. } => {
                    let request =
                        Request::post("/batch/").header(header::CONTENT_TYPE, "application/json").body(Body::from(body.clone()))?;
                    let answer = capture.clone().oneshot(request).await?;
                    let status = answer.status();
                    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap_or_default();
                    (status, String::from_utf8_lossy(&bytes).into_owned())
                }
            };
            match status.as_u16() {
                200 => return Ok(()),
                // The queue is full: what is in it must be ingested first.
                503 => {
                    if let Destination::Here { pipeline, .. } = self {
                        pipeline.ingest_available().await?;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(10));
                }
                _ => bail!("refused with {status}: {text}"),
            }
        }
    }

    async fn finish(self) -> Result<()> {
        if let Destination::Here { pipeline, .. } = self {
            pipeline.ingest_available().await?;
            pipeline.close().await?;
        }
        Ok(())
    }
}

pub async fn events(args: &ImportArgs) -> Result<ExitCode> {
    import_lines(args, "events", event_from_line).await
}

pub async fn persons(args: &ImportArgs) -> Result<ExitCode> {
    import_lines(args, "persons", person_from_line).await
}

/// A line in capture form, given an id when it has none.
fn event_from_line(line: &str) -> Result<Value> {
    let mut event: Value = serde_json::from_str(line).context("not JSON")?;
    let object = event.as_object_mut().context("not a JSON object")?;
    ensure!(object.get("event").is_some_and(Value::is_string), "no \"event\"");
    if object.get("uuid").and_then(Value::as_str).is_none_or(str::is_empty) {
        object.insert("uuid".to_owned(), Uuid::new_v5(&IMPORT_NAMESPACE, line.as_bytes()).to_string().into());
    }
    Ok(event)
}

/// A person travels as an event that ingestion understands and does not store.
fn person_from_line(line: &str) -> Result<Value> {
    let person: Value = serde_json::from_str(line).context("not JSON")?;
    let ids = person.get("distinct_ids").and_then(Value::as_array).context("no \"distinct_ids\" array")?;
    let first = ids.first().and_then(Value::as_str).context("\"distinct_ids\" is empty or does not hold strings")?;
    Ok(json!({
        "event": "$$import_person",
        "uuid": Uuid::new_v5(&IMPORT_NAMESPACE, line.as_bytes()),
        "distinct_id": first,
        "properties": {
            "distinct_ids": ids,
            "created_at": person.get("created_at").cloned().unwrap_or(Value::Null),
            "is_identified": person.get("is_identified").cloned().unwrap_or(Value::Null),
            "$set": person.get("properties").cloned().unwrap_or_else(|| json!({})),
        },
    }))
}

async fn import_lines(args: &ImportArgs, noun: &str, read: fn(&str) -> Result<Value>) -> Result<ExitCode> {
    let destination = Destination::open(&args.target).await?;
    let progress = progress(&args.target.common, noun);
    let (mut sent, mut bad) = (0_u64, Vec::new());
    for file in &args.files {
        let mut batch = Batch::default();
        let mut source = open(file)?;
        let (mut number, mut line) = (0_u64, String::new());
        loop {
            line.clear();
            if read_line(&mut source, &mut line).with_context(|| format!("reading {}", file.display()))? == 0 {
                break;
            }
            number += 1;
            if line.trim().is_empty() {
                continue;
            }
            match read(line.trim()) {
                Ok(event) => batch.push(event, line.len()),
                Err(error) => bad.push(format!("{}:{number}: {error:#}", file.display())),
            }
            if batch.is_full() {
                sent += batch.send(&destination).await?;
                progress.set_position(sent);
            }
        }
        sent += batch.send(&destination).await?;
        progress.set_position(sent);
    }
    progress.finish_and_clear();
    destination.finish().await?;
    for problem in bad.iter().take(20) {
        eprintln!("skipped {problem}");
    }
    cli::say(
        &args.target.common,
        &json!({"imported": sent, "skipped": bad.len()}),
        &format!("{sent} {noun} imported, {} lines skipped.", bad.len()),
    );
    Ok(if bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

#[derive(Default)]
struct Batch {
    events: Vec<Value>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, event: Value, bytes: usize) {
        self.events.push(event);
        self.bytes += bytes;
    }

    fn is_full(&self) -> bool {
        self.events.len() >= BATCH_EVENTS || self.bytes >= BATCH_BYTES
    }

    async fn send(&mut self, destination: &Destination) -> Result<u64> {
        if self.events.is_empty() {
            return Ok(0);
        }
        destination.send(&self.events).await?;
        let sent = self.events.len() as u64;
        *self = Batch::default();
        Ok(sent)
    }
}

fn open(file: &Path) -> Result<Box<dyn BufRead + Send>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let mut opened = std::fs::File::open(file).with_context(|| format!("opening {}", file.display()))?;
    let mut magic = [0; 4];
    let read = std::io::Read::read(&mut opened, &mut magic)?;
    std::io::Seek::rewind(&mut opened)?;
    if read == 4 && &magic == b"PAR1" {
        let lines = events_embedded::parquet_json_lines(file).with_context(|| format!("reading {} as Parquet", file.display()))?;
        return Ok(Box::new(BufReader::new(lines)));
    }
    if read >= 2 && magic[..2] == [0x1f, 0x8b] {
        return Ok(Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(opened))));
    }
    Ok(Box::new(BufReader::with_capacity(1 << 20, opened)))
}

/// Like `read_line`, but refuses a line that would fill the memory.
fn read_line(source: &mut Box<dyn BufRead + Send>, line: &mut String) -> Result<usize> {
    let mut bytes = Vec::new();
    let read = std::io::Read::take(source, LONGEST_LINE as u64 + 1).read_until(b'\n', &mut bytes)?;
    ensure!(read <= LONGEST_LINE, "a line is longer than {} MB; is this a file of JSON lines?", LONGEST_LINE >> 20);
    line.push_str(&String::from_utf8_lossy(&bytes));
    Ok(read)
}

fn progress(common: &Common, noun: &str) -> ProgressBar {
    if common.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} {msg}  {per_sec}  {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(noun.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

pub async fn demo(target: &Target, visitors: usize, seed: u64) -> Result<ExitCode> {
    let destination = Destination::open(target).await?;
    let events = crate::demo::events("", Clock::System.now(), visitors.min(200_000), seed);
    if !target.common.json {
        println!("{}", cli::demo_banner(&events));
    }
    let progress = progress(&target.common, "events");
    let mut sent = 0;
    for chunk in events.chunks(BATCH_EVENTS) {
        destination.send(&chunk.iter().map(to_json).collect::<Vec<_>>()).await?;
        sent += chunk.len() as u64;
        progress.set_position(sent);
    }
    progress.finish_and_clear();
    destination.finish().await?;
    cli::say(&target.common, &json!({"events": sent}), &format!("{sent} events sent."));
    Ok(ExitCode::SUCCESS)
}

/// A captured event in the form in which SDKs send it.
fn to_json(event: &CapturedEvent<'_>) -> Value {
    json!({
        "uuid": event.uuid,
        "event": event.event,
        "distinct_id": event.distinct_id,
        "timestamp": event.timestamp,
        "properties": serde_json::from_str::<Value>(&event.properties).unwrap_or_else(|_| json!({})),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_without_an_id_gets_the_same_one_each_time() {
        let line = r#"{"event":"a","distinct_id":"u"}"#;
        let first = event_from_line(line).unwrap();
        assert_eq!(first, event_from_line(line).unwrap());
        assert!(first["uuid"].is_string());
    }

    #[test]
    fn an_id_that_is_there_is_kept() {
        let event = event_from_line(r#"{"event":"a","uuid":"0198e5f0-0000-7000-8000-000000000001"}"#).unwrap();
        assert_eq!(event["uuid"], "0198e5f0-0000-7000-8000-000000000001");
    }

    #[test]
    fn a_person_without_ids_is_refused_with_a_reason() {
        assert!(person_from_line(r#"{"properties":{}}"#).unwrap_err().to_string().contains("distinct_ids"));
    }
}
