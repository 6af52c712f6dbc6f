//! The embedded log against its contract, and against restarts, full disks, failing disks, power cuts and damaged files.

use bytes::Bytes;
use model::{Clock, Timestamp};
use queue::contract::{self, read_exactly};
use queue::disk::{Disk, Faults, Op};
use queue::{AppendError, Log, LogConfig, Offset, Queue, Reader, Topic};
use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const KIB: u64 = 1 << 10;

fn config() -> LogConfig {
    LogConfig {
        max_bytes: 64 << 20,
        segment_bytes: 64 * KIB,
        keeping_interval: Duration::from_millis(2),
        clock: Clock::Fixed(Timestamp::from_seconds(1000)),
        ..LogConfig::default()
    }
}

fn faulty(faults: &Arc<Faults>) -> LogConfig {
    LogConfig { disk: Disk::with_faults(faults.clone()), ..config() }
}

fn record(text: impl Into<String>) -> Bytes {
    Bytes::from(text.into())
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("events")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|extension| extension == "log")).collect();
    files.sort();
    files
}

async fn append(log: &Log, text: impl Into<String>) -> Result<Offset, AppendError> {
    log.append(Topic::Events, vec![record(text)]).await
}

async fn everything(log: &Log) -> Vec<Bytes> {
    let status = log.status(Topic::Events);
    let (mut next, mut all) = (status.oldest, Vec::new());
    while next < status.end {
        let batch = tokio::time::timeout(Duration::from_secs(30), log.read(Topic::Events, next, 1 << 20)).await.unwrap().unwrap();
        next = batch.next();
        all.extend(batch.records);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_log_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    contract::check(Arc::new(Log::open(dir.path(), config()).unwrap())).await;
    let again = Log::open(dir.path(), config()).unwrap();
    assert!(again.end(Topic::Events).0 > 0);
    contract::check(Arc::new(again)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_without_a_memory_tail() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig { tail_bytes: 0, ..config() };
    contract::check(Arc::new(Log::open(dir.path(), config).unwrap())).await;
}

#[tokio::test]
async fn records_and_positions_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), config()).unwrap();
    for number in 0..200 {
        append(&log, format!("{number} {}", "x".repeat(1000))).await.unwrap();
    }
    log.commit(Reader::Ingest, Offset(150)).await.unwrap();
    drop(log);

    let log = Log::open(dir.path(), config()).unwrap();
    assert_eq!(log.end(Topic::Events), Offset(200));
    assert_eq!(log.committed(Reader::Ingest).await.unwrap(), Offset(150));
    let records = read_exactly(&log, Topic::Events, Offset(150), 50).await;
    assert!(records[0].starts_with(b"150 ") && records[49].starts_with(b"199 "));
    assert_eq!(append(&log, "next").await.unwrap(), Offset(200));
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _log = Log::open(dir.path(), config()).unwrap();
    let refused = Log::open(dir.path(), config()).err().unwrap();
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
}

#[tokio::test]
async fn a_tail_torn_at_any_byte_costs_only_the_torn_append() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), config()).unwrap();
    append(&log, "kept").await.unwrap();
    let kept = std::fs::metadata(&segments(dir.path())[0]).unwrap().len();
    log.append(Topic::Events, vec![record("torn"), record("away")]).await.unwrap();
    drop(log);
    std::fs::remove_file(dir.path().join("positions.json")).ok();
    let file = segments(dir.path()).remove(0);
    let bytes = std::fs::read(&file).unwrap();
    for length in kept as usize..bytes.len() {
        std::fs::write(&file, &bytes[..length]).unwrap();
        let log = Log::open(dir.path(), config()).unwrap();
        assert_eq!(log.end(Topic::Events), Offset(1), "{length} bytes left");
        assert_eq!(everything(&log).await, [record("kept")]);
        assert_eq!(log.status(Topic::Events).damaged_records, 0);
        drop(log);
        std::fs::remove_file(dir.path().join("positions.json")).ok();
    }
}

#[tokio::test]
async fn any_flipped_byte_is_noticed_and_costs_at_most_its_own_append() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), config()).unwrap();
    for text in ["one", "two", "three"] {
        append(&log, text).await.unwrap();
    }
    drop(log);
    let file = segments(dir.path()).remove(0);
    let bytes = std::fs::read(&file).unwrap();
    let positions = std::fs::read(dir.path().join("positions.json")).unwrap();
    let originals = [record("one"), record("two"), record("three")];
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&file, &damaged).unwrap();
        std::fs::write(dir.path().join("positions.json"), &positions).unwrap();
        std::fs::remove_dir_all(dir.path().join("events/quarantine")).ok();
        let Ok(log) = Log::open(dir.path(), config()) else {
            assert!((6..8).contains(&at), "only a changed version number may stop the start, not byte {at}");
            continue;
        };
        assert_eq!(log.end(Topic::Events), Offset(3), "byte {at}: offsets that were handed out are not used again");
        let left = read_what_is_left(&log).await;
        let lost = log.status(Topic::Events).damaged_records;
        assert!(left.iter().all(|record| originals.contains(record)), "byte {at}: {left:?}");
        assert_eq!(left.len() as u64 + lost, 3, "byte {at}: every missing record is reported");
        assert!(lost <= 1, "byte {at} cost {lost} records");
        assert_eq!(append(&log, "more").await.unwrap(), Offset(3));
        drop(log);
        for path in segments(dir.path()) {
            std::fs::remove_file(path).unwrap();
        }
    }
}

/// Like [`everything`], but where the newest records are damaged no read will ever return them.
async fn read_what_is_left(log: &Log) -> Vec<Bytes> {
    let (mut next, mut all) = (Offset(0), Vec::new());
    for _ in 0..500 {
        let status = log.status(Topic::Events);
        if all.len() as u64 + status.damaged_records >= status.end.0 {
            break;
        }
        let read = tokio::time::timeout(Duration::from_millis(20), log.read(Topic::Events, next, 1 << 20)).await;
        if let Ok(batch) = read {
            let batch = batch.unwrap();
            next = batch.next();
            all.extend(batch.records);
        }
    }
    all
}

#[tokio::test]
async fn a_damaged_old_segment_is_kept_aside_and_the_rest_stays_readable() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), config()).unwrap();
    for number in 0..300 {
        append(&log, format!("{number:03}{}", "x".repeat(1000))).await.unwrap();
    }
    drop(log);
    let file = segments(dir.path()).remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();

    let log = Log::open(dir.path(), config()).unwrap();
    assert_eq!(everything(&log).await.len(), 299);
    assert_eq!(log.status(Topic::Events).damaged_records, 1);
    let aside = log.quarantined(Topic::Events);
    assert_eq!(aside.len(), 1);
    log.commit(Reader::Ingest, Offset(300)).await.unwrap();
    drop(log);
    assert!(!file.exists(), "the segment itself goes once it is read");
    assert!(aside[0].exists(), "its damaged copy stays");
}

#[tokio::test]
async fn disk_use_is_bounded_and_committing_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig { max_bytes: 400 * KIB, ..config() };
    let log = Log::open(dir.path(), config).unwrap();
    let mut accepted = 0;
    let refused = loop {
        match append(&log, "x".repeat(10_000)).await {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AppendError::Full(_)), "{refused}");
    assert!(log.size_bytes(Topic::Events) <= 400 * KIB);
    assert!(log.status(Topic::Events).trouble.is_some());
    assert_eq!(everything(&log).await.len(), accepted, "a full log can still be read");

    log.commit(Reader::Ingest, log.end(Topic::Events)).await.unwrap();
    for _ in 0..accepted / 2 {
        append_when_there_is_room(&log, "x".repeat(10_000)).await;
    }
    assert!(log.status(Topic::Events).trouble.is_none());
    assert!(log.status(Topic::Events).oldest > Offset(0));
    assert!(log.size_bytes(Topic::Events) <= 400 * KIB);
}

async fn append_when_there_is_room(log: &Log, text: String) {
    for _ in 0..1000 {
        if append(log, text.as_str()).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the log stayed full although everything was committed");
}

#[tokio::test]
async fn an_uncommitted_topic_is_never_trimmed() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), config()).unwrap();
    for _ in 0..100 {
        log.append(Topic::Replay, vec![record("r".repeat(5000))]).await.unwrap();
        append(&log, "event").await.unwrap();
    }
    log.commit(Reader::Ingest, log.end(Topic::Events)).await.unwrap();
    drop(log);
    let log = Log::open(dir.path(), config()).unwrap();
    assert_eq!(read_exactly(&log, Topic::Replay, Offset(0), 100).await.len(), 100);
}

#[tokio::test]
async fn a_reused_file_shows_nothing_of_its_earlier_life() {
    let dir = tempfile::tempdir().unwrap();
    let (mut next, mut files_of_a_life) = (0, Vec::new());
    for _ in 0..5 {
        let log = Log::open(dir.path(), config()).unwrap();
        let mut seen = HashMap::new();
        for _ in 0..400 {
            assert_eq!(append(&log, format!("{next} {}", "x".repeat(500))).await.unwrap(), Offset(next));
            next += 1;
            if next % 50 == 0 {
                log.commit(Reader::Ingest, Offset(next - 10)).await.unwrap();
            }
            for path in segments(dir.path()) {
                // A file keeps its inode and its birth when it becomes the next segment.
                if let Ok(metadata) = std::fs::metadata(&path) {
                    seen.entry((metadata.ino(), metadata.created().ok())).or_insert_with(HashSet::new).insert(path);
                }
            }
        }
        files_of_a_life.push(seen.values().map(HashSet::len).max().unwrap());
        let oldest = log.status(Topic::Events).oldest.0;
        let records = everything(&log).await;
        // The keeper may give up a file between the two lines above, so the first record says where it starts.
        let number = |record: &[u8]| std::str::from_utf8(record).unwrap().split(' ').next().unwrap().parse::<u64>().unwrap();
        let first = number(&records[0]);
        assert!((oldest..next).contains(&first), "{first} is not in {oldest}..{next}");
        for (index, record) in records.iter().enumerate() {
            assert_eq!(number(record), first + index as u64);
        }
        assert_eq!(log.status(Topic::Events).damaged_records, 0);
    }
    assert!(files_of_a_life.iter().any(|lives| *lives > 1), "no file was ever reused");
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::none();
    let log = Log::open(dir.path(), faulty(&faults)).unwrap();
    append(&log, "before").await.unwrap();
    faults.fail_every(Op::Write, libc::ENOSPC);
    for _ in 0..3 {
        let refused = append(&log, "while full").await.unwrap_err();
        assert!(matches!(refused, AppendError::Full(_)), "{refused}");
    }
    assert_eq!(read_exactly(&log, Topic::Events, Offset(0), 1).await, [record("before")]);
    faults.heal();
    assert_eq!(append(&log, "after").await.unwrap(), Offset(1));
    drop(log);
    let log = Log::open(dir.path(), config()).unwrap();
    assert_eq!(everything(&log).await, [record("before"), record("after")]);
}

#[tokio::test]
async fn after_a_failed_sync_nothing_counts_and_the_file_is_not_trusted_again() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::none();
    let log = Log::open(dir.path(), faulty(&faults)).unwrap();
    append(&log, "before").await.unwrap();
    let old = segments(dir.path()).remove(0);
    let length = std::fs::metadata(&old).unwrap().len();
    faults.fail_every(Op::SyncData, libc::EIO);
    let failed = append(&log, "lost").await.unwrap_err();
    assert!(matches!(failed, AppendError::Failed(_)), "{failed}");
    assert_eq!(log.end(Topic::Events), Offset(1));
    faults.heal();
    assert_eq!(append(&log, "after").await.unwrap(), Offset(1));
    assert_eq!(std::fs::metadata(&old).unwrap().len(), length, "nothing was added to the suspect file");
    assert_eq!(segments(dir.path()).len(), 2);
    drop(log);
    let log = Log::open(dir.path(), config()).unwrap();
    assert_eq!(everything(&log).await, [record("before"), record("after")]);
}

/// A short life with every kind of file operation: appends over several segments, commits, trimming.
/// Returns what was acknowledged.
async fn short_life(log: &Log) -> Vec<(Offset, Bytes)> {
    let mut acknowledged = Vec::new();
    for number in 0..14 {
        let bytes = record(format!("{number} {}", "x".repeat(20_000)));
        if let Ok(offset) = log.append(Topic::Events, vec![bytes.clone()]).await {
            acknowledged.push((offset, bytes));
        }
        if number % 5 == 4 {
            let end = log.end(Topic::Events);
            log.commit(Reader::Ingest, Offset(end.0.saturating_sub(2))).await.unwrap();
            // Time for files to be given up, so that the next ones reuse them.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    acknowledged
}

async fn all_are_readable(log: &Log, acknowledged: &[(Offset, Bytes)], after: &str) {
    let committed = log.committed(Reader::Ingest).await.unwrap();
    for (offset, bytes) in acknowledged.iter().filter(|(offset, _)| *offset >= committed) {
        let read = read_exactly(log, Topic::Events, *offset, 1).await;
        assert_eq!(&read[0][..], &bytes[..], "record {} {after}", offset.0);
    }
    assert_eq!(log.status(Topic::Events).damaged_records, 0, "{after}");
}

#[tokio::test]
async fn any_single_failing_operation_loses_nothing_that_was_acknowledged() {
    let operations = {
        let dir = tempfile::tempdir().unwrap();
        let faults = Faults::none();
        let log = Log::open(dir.path(), faulty(&faults)).unwrap();
        short_life(&log).await;
        drop(log);
        faults.operations()
    };
    assert!(operations > 30, "the script is worth failing: {operations}");
    for errno in [libc::EIO, libc::ENOSPC] {
        for nth in 0..operations {
            let dir = tempfile::tempdir().unwrap();
            let faults = Faults::none();
            faults.fail_operation(nth, errno);
            let log = Log::open(dir.path(), faulty(&faults)).unwrap();
            let acknowledged = short_life(&log).await;
            assert!(acknowledged.len() >= 13, "one failing operation refuses at most one append");
            all_are_readable(&log, &acknowledged, &format!("with operation {nth} failing")).await;
            drop(log);
            let log = Log::open(dir.path(), config()).unwrap();
            all_are_readable(&log, &acknowledged, &format!("after a restart, operation {nth} had failed")).await;
        }
    }
}

#[tokio::test]
async fn a_power_cut_at_any_operation_loses_nothing_that_was_acknowledged() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut coin = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed & 1 == 0
    };
    for round in 0..30 {
        let dir = tempfile::tempdir().unwrap();
        let mut acknowledged = Vec::new();
        for life in 0..3 {
            let faults = Faults::none();
            let log = Log::open(dir.path(), faulty(&faults)).unwrap();
            all_are_readable(&log, &acknowledged, &format!("round {round}, life {life}")).await;
            acknowledged.extend(short_life(&log).await);
            // The lights go out while an append is under way.
            let cut = faults.clone();
            let racing = append(&log, "racing".repeat(2000));
            let (raced, ()) = tokio::join!(racing, async move {
                tokio::task::yield_now().await;
                cut.kill();
            });
            if let Ok(offset) = raced {
                acknowledged.push((offset, record("racing".repeat(2000))));
            }
            drop(log);
            faults.power_cut(&mut coin).unwrap();
        }
        let log = Log::open(dir.path(), config()).unwrap();
        all_are_readable(&log, &acknowledged, &format!("round {round}")).await;
    }
}

#[tokio::test]
async fn offsets_that_a_reader_knows_are_not_handed_out_again() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), config()).unwrap();
    append(&log, "old").await.unwrap();
    log.begin_at(Topic::Events, Offset(1));
    assert_eq!(append(&log, "next").await.unwrap(), Offset(1), "what is there already changes nothing");
    drop(log);
    for (life, expected) in [(1, 1000), (2, 1001)] {
        let log = Log::open(dir.path(), config()).unwrap();
        log.begin_at(Topic::Events, Offset(1000));
        assert_eq!(log.end(Topic::Events), Offset(expected));
        log.commit(Reader::Ingest, Offset(1)).await.unwrap();
        assert_eq!(append(&log, "new").await.unwrap(), Offset(expected), "life {life}");
        assert_eq!(read_exactly(&log, Topic::Events, Offset(0), 2).await, [record("old"), record("next")]);
        let batch = log.read(Topic::Events, Offset(2), 1000).await.unwrap();
        assert_eq!((batch.first, &batch.records[0]), (Offset(1000), &record("new")), "life {life}");
        assert_eq!(log.status(Topic::Events).damaged_records, 0, "a skip is no damage");
    }
}

#[tokio::test]
async fn the_status_tells_how_far_a_reader_is_behind() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), config()).unwrap();
    assert_eq!(log.status(Topic::Events).last_durable_at, None);
    append(&log, "one").await.unwrap();
    append(&log, "two").await.unwrap();
    log.commit(Reader::Ingest, Offset(1)).await.unwrap();
    let status = log.status(Topic::Events);
    assert_eq!(status.last_durable_at, Some(Timestamp::from_seconds(1000)));
    assert_eq!(status.readers[0].unread_records, 1);
    assert_eq!(status.readers[0].oldest_unread_at, Some(Timestamp::from_seconds(1000)));
    log.commit(Reader::Ingest, Offset(2)).await.unwrap();
    assert_eq!(log.status(Topic::Events).readers[0].oldest_unread_at, None);
}

#[tokio::test]
async fn oversize_records_are_named_in_the_refusal() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), LogConfig { max_record_bytes: 100, ..config() }).unwrap();
    let refused = append(&log, "x".repeat(101)).await.unwrap_err();
    assert!(matches!(refused, AppendError::TooLarge { got: 101, limit: 100 }), "{refused}");
    assert_eq!(append(&log, "x".repeat(100)).await.unwrap(), Offset(0));
}

#[tokio::test]
async fn closing_finishes_what_was_handed_over() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(Log::open(dir.path(), config()).unwrap());
    let appends: Vec<_> = (0..50)
        .map(|number| {
            let log = log.clone();
            tokio::spawn(async move { append(&log, format!("{number}")).await })
        })
        .collect();
    for append in appends {
        append.await.unwrap().unwrap();
    }
    drop(Arc::into_inner(log).unwrap());
    assert_eq!(Log::open(dir.path(), config()).unwrap().end(Topic::Events), Offset(50));
}
