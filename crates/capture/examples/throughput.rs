//! How fast capture is: decoding alone, and the whole server beside a minimal one that only writes and syncs the same bytes.
//!
//! `cargo run --release -p capture --example throughput [seconds] [capture|minimal]`; the load generator shares the machine's
//! cores. Naming one server measures only that one, for a profiler.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use capture::event::{Context, accept, request_token};
use capture::{Capture, CaptureConfig, DropList, Quota, payload, shape};
use model::{Clock, Timestamp};
use queue::{Log, LogConfig, Queue, Reader};
use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

const CONNECTIONS: usize = 64;

fn main() -> std::io::Result<()> {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3);
    let only = std::env::args().nth(2);
    if let Some(only) = only {
        let server = if only == "minimal" { Server::Minimal } else { Server::Capture };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let measured = runtime.block_on(measure(server, &batch(1), seconds))?;
        println!("{:.0} req/s, {:.1} µs of CPU each", measured.rate, measured.cpu_us);
        return Ok(());
    }
    for events in [1, 50] {
        let plain = batch(events);
        decode(&format!("{events} events, plain"), events, &plain, seconds);
        decode(&format!("{events} events, gzip"), events, &gzip(&plain), seconds);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for events in [1, 50] {
        let body = batch(events);
        for round in 1..=3 {
            let minimal = runtime.block_on(measure(Server::Minimal, &body, seconds))?;
            let capture = runtime.block_on(measure(Server::Capture, &body, seconds))?;
            println!(
                "round {round}, {events} events per request: minimal {:.0} req/s ({:.0} µs of CPU each), capture {:.0} req/s ({:.0} µs, {:.0} events/s): {:.0} %",
                minimal.rate,
                minimal.cpu_us,
                capture.rate,
                capture.cpu_us,
                capture.rate * events as f64,
                capture.rate / minimal.rate * 100.0
            );
        }
    }
    Ok(())
}

/// What posthog-js sends, about 800 bytes per event.
fn batch(events: usize) -> Vec<u8> {
    let event = |number: usize| {
        format!(
            r#"{{"uuid":"0198c0de-0000-7000-8000-{number:012x}","event":"$pageview","offset":1312,"properties":{{"$os":"Mac OS X","$os_version":"10.15.7","$browser":"Chrome","$device_type":"Desktop","$current_url":"https://shop.example/products/{number}?utm_source=news","$host":"shop.example","$pathname":"/products/{number}","$raw_user_agent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36","$browser_version":126,"$screen_height":1080,"$screen_width":1920,"$viewport_height":900,"$viewport_width":1700,"$lib":"web","$lib_version":"1.418.10","$insert_id":"abc{number}","$time":1735732800.123,"distinct_id":"0198c0de-1111-7000-8000-{number:012x}","$session_id":"0198c0de-2222-7000-8000-{number:012x}","$window_id":"0198c0de-3333-7000-8000-{number:012x}","token":"phc_test","$process_person_profile":false,"$is_identified":false}}}}"#
        )
    };
    let events: Vec<String> = (0..events).map(event).collect();
    format!(r#"{{"api_key":"phc_test","batch":[{}],"sent_at":"2026-08-22T07:04:24.123Z"}}"#, events.join(",")).into_bytes()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

fn decode(name: &str, events: usize, body: &[u8], seconds: u64) {
    let (quota, drop_list) = (Quota::default(), DropList::default());
    let context = Context {
        now: Timestamp::from_seconds(1_735_732_800),
        sent_at: None,
        ip: "1.2.3.4",
        quota: &quota,
        drop_list: &drop_list,
        max_event_bytes: 20 << 20,
    };
    let (started, mut rounds, mut bytes) = (Instant::now(), 0, 0);
    while started.elapsed() < Duration::from_secs(seconds) {
        for _ in 0..50 {
            let text = payload::unpack_for_test("", Some("text/plain"), None, body, 100 << 20).expect("the body is valid");
            let request = shape::read(&text, false, 1000).expect("the body is valid");
            let token = request_token(&request).expect("the body is valid");
            bytes += accept(&request, &token, &context).expect("the body is valid").records.iter().map(Bytes::len).sum::<usize>();
            rounds += 1;
        }
    }
    let rate = (rounds * events) as f64 / started.elapsed().as_secs_f64();
    println!("decode {name}: {rate:.0} events/s on one core ({} bytes per record)", bytes / (rounds * events));
}

#[derive(Clone, Copy)]
enum Server {
    Minimal,
    Capture,
}

struct Measured {
    /// Requests per second that were acknowledged.
    rate: f64,
    /// Processor time per request, load generator included: steadier than the rate on a busy machine.
    cpu_us: f64,
}

/// User and system time of this process so far, in microseconds.
fn cpu_us() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.rsplit(") ").next().unwrap_or_default().split(' ').map(|field| field.parse().unwrap_or(0.0)).collect();
    (fields.get(11).unwrap_or(&0.0) + fields.get(12).unwrap_or(&0.0)) / TICKS_PER_SECOND * 1e6
}

async fn measure(server: Server, body: &[u8], seconds: u64) -> std::io::Result<Measured> {
    let dir = tempfile::tempdir_in(".")?;
    let router = match server {
        Server::Minimal => minimal(dir.path())?,
        Server::Capture => {
            let log = Arc::new(Log::open(dir.path(), LogConfig::default()).map_err(std::io::Error::other)?);
            tokio::spawn(consume(Arc::downgrade(&(log.clone() as Arc<dyn Queue>))));
            capture::routes(Capture::new(log, Clock::System, CaptureConfig::default()))
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let request = [
        format!("POST /batch/ HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len())
            .into_bytes(),
        body.to_vec(),
    ]
    .concat();
    let request: Arc<[u8]> = request.into();
    let done = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..CONNECTIONS).map(|_| tokio::spawn(client(address, request.clone(), done.clone()))).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (before, cpu_before, started) = (done.load(Ordering::Relaxed), cpu_us(), Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let requests = (done.load(Ordering::Relaxed) - before) as f64;
    let measured = Measured { rate: requests / started.elapsed().as_secs_f64(), cpu_us: (cpu_us() - cpu_before) / requests };
    clients.into_iter().for_each(|client| client.abort());
    serving.abort();
    Ok(measured)
}

async fn client(address: std::net::SocketAddr, request: Arc<[u8]>, done: Arc<AtomicU64>) -> std::io::Result<()> {
    let mut connection = TcpStream::connect(address).await?;
    connection.set_nodelay(true)?;
    let mut buffer = [0; 2048];
    loop {
        connection.write_all(&request).await?;
        let read = connection.read(&mut buffer).await?;
        if !buffer[..read].starts_with(b"HTTP/1.1 200") {
            return Err(std::io::Error::other(String::from_utf8_lossy(&buffer[..read]).into_owned()));
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Commits everything, as ingestion does when it keeps up, without reading it.
async fn consume(log: std::sync::Weak<dyn Queue>) {
    while let Some(log) = log.upgrade() {
        drop(log.commit(Reader::Ingest, log.end(queue::Topic::Events)).await);
        drop(log);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

type Waiting = (Bytes, oneshot::Sender<()>);

/// The least that a durable server must do: read the body, write it with its neighbours, sync, answer.
fn minimal(dir: &std::path::Path) -> std::io::Result<Router> {
    let mut file = File::create(dir.join("log"))?;
    let (sender, mut receiver) = mpsc::unbounded_channel::<Waiting>();
    std::thread::spawn(move || {
        while let Some(first) = receiver.blocking_recv() {
            let mut group = vec![first];
            while let Ok(next) = receiver.try_recv() {
                group.push(next);
            }
            let bytes = group.iter().map(|(body, _)| &body[..]).collect::<Vec<_>>().concat();
            file.write_all(&bytes).and_then(|()| file.sync_data()).expect("the disk works");
            for (_, ack) in group {
                let _ = ack.send(());
            }
        }
    });
    let handler = async |State(sender): State<mpsc::UnboundedSender<Waiting>>, body: Bytes| {
        let (ack, acknowledged) = oneshot::channel();
        drop(sender.send((body, ack)));
        drop(acknowledged.await);
        ([("content-type", "application/json")], r#"{"status":"Ok"}"#)
    };
    Ok(Router::new().route("/batch/", post(handler)).with_state(sender))
}
