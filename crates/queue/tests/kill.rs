//! A process that is killed while it appends: everything that it was told is durable is there afterwards, once.

use bytes::Bytes;
use queue::{Log, LogConfig, Offset, Queue, Reader, Topic};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const VICTIM: &str = "QUEUE_TEST_VICTIM";
const ROUNDS: u64 = 25;
const APPENDERS: u64 = 8;

fn config() -> LogConfig {
    LogConfig { max_bytes: 1 << 30, segment_bytes: 256 << 10, keeping_interval: Duration::from_millis(5), ..LogConfig::default() }
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    if let Ok(dir) = std::env::var(VICTIM) {
        be_the_victim(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<String, u64> = HashMap::new();
    for round in 0..ROUNDS {
        acknowledged.extend(run_and_kill(dir.path(), round, Duration::from_millis(30 + round * 37 % 170)));
        check(dir.path(), &acknowledged, round);
    }
    assert!(acknowledged.len() as u64 > ROUNDS, "the victims got something done: {}", acknowledged.len());
}

/// Starts this test again as a victim and returns what it said was durable: record and offset.
fn run_and_kill(dir: &Path, round: u64, life: Duration) -> HashMap<String, u64> {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_process_loses_nothing_that_it_acknowledged", "--nocapture"])
        .env(VICTIM, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(victim.stdout.take().unwrap());
    let reading = std::thread::spawn(move || {
        let lines = output.lines().map_while(Result::ok);
        let pairs = lines.filter_map(|line| {
            line.strip_prefix("ACK ")
                .and_then(|rest| rest.split_once(' '))
                .map(|(record, offset)| (record.to_owned(), offset.parse().unwrap()))
        });
        pairs.map(move |(record, offset): (String, u64)| (format!("{round}:{record}"), offset)).collect()
    });
    std::thread::sleep(life);
    victim.kill().unwrap();
    victim.wait().unwrap();
    reading.join().unwrap()
}

fn be_the_victim(dir: &Path) -> ! {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let log = Arc::new(Log::open(dir, config()).unwrap());
        for appender in 0..APPENDERS {
            let log = log.clone();
            tokio::spawn(async move {
                for number in 0.. {
                    let name = format!("{appender}-{number}");
                    let record = Bytes::from(format!("{name} {}", "x".repeat((number % 7) * 900)));
                    let offset = log.append(Topic::Events, vec![record, Bytes::from_static(b"neighbour")]).await.unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "ACK {name} {}", offset.0).unwrap();
                    out.flush().unwrap();
                }
            });
        }
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            // Half of it is read, so that files are given up and reused while the process dies.
            let half = Offset(log.end(Topic::Events).0 / 2);
            log.commit(Reader::Ingest, half).await.unwrap();
        }
    })
}

fn check(dir: &Path, acknowledged: &HashMap<String, u64>, round: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let log = Log::open(dir, config()).unwrap();
        let status = log.status(Topic::Events);
        assert_eq!(status.damaged_records, 0, "round {round}");
        let (mut next, mut found) = (status.oldest, HashMap::new());
        while next < status.end {
            let batch = log.read(Topic::Events, next, 1 << 20).await.unwrap();
            assert_eq!(batch.first, next, "round {round}: a gap");
            for (index, record) in batch.records.iter().enumerate() {
                found.insert(next.0 + index as u64, record.clone());
            }
            next = batch.next();
        }
        for (name, offset) in acknowledged.iter().filter(|(_, offset)| **offset >= status.oldest.0) {
            let record = found.get(offset).unwrap_or_else(|| panic!("round {round}: {name} at {offset} is gone"));
            let expected = name.split_once(':').unwrap().1;
            assert!(record.starts_with(format!("{expected} ").as_bytes()), "round {round}: {name} at {offset} is {record:?}");
            assert_eq!(found.get(&(offset + 1)).map(|record| &record[..]), Some(&b"neighbour"[..]), "round {round}: appends stay whole");
        }
    });
}
