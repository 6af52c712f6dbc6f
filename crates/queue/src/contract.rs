//! What every [`Queue`] must do. Implementations run [`check`] in their own tests; it panics with what is wrong.
//!
//! The queue may already hold records: every check works from the current end on.

use crate::{Offset, Queue, Reader, Topic};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// Runs every check, on every topic where that makes sense.
pub async fn check(queue: Arc<dyn Queue>) {
    for topic in Topic::ALL {
        records_come_back_in_order(&*queue, topic).await;
        reading_is_bounded_but_never_empty(&*queue, topic).await;
        reading_waits_for_records(queue.clone(), topic).await;
        nothing_appended_changes_nothing(&*queue, topic).await;
    }
    concurrent_appends_stay_whole(queue.clone(), Topic::Events).await;
    topics_are_independent(&*queue).await;
    for reader in Reader::ALL {
        commits_only_move_forward(&*queue, reader).await;
    }
}

fn record(text: impl Into<String>) -> Bytes {
    Bytes::from(text.into())
}

async fn append(queue: &dyn Queue, topic: Topic, records: Vec<Bytes>) -> Offset {
    queue.append(topic, records).await.expect("the queue accepts records")
}

/// Reads exactly `count` records from `from` on, in as many batches as it takes.
pub async fn read_exactly(queue: &dyn Queue, topic: Topic, from: Offset, count: usize) -> Vec<Bytes> {
    let (mut next, mut records) = (from, Vec::new());
    while records.len() < count {
        let read = tokio::time::timeout(PATIENCE, queue.read(topic, next, 64 << 10)).await;
        let batch = read.expect("records that are durable can be read").expect("reading works");
        assert_eq!(batch.first, next, "a batch starts where it was asked to");
        assert!(!batch.records.is_empty(), "a batch holds at least one record");
        next = batch.next();
        records.extend(batch.records);
    }
    records.truncate(count);
    records
}

async fn records_come_back_in_order(queue: &dyn Queue, topic: Topic) {
    let start = queue.end(topic);
    let sent: Vec<Bytes> = vec![record("first"), record(""), Bytes::from_static(&[0, 255, 10, 13]), record("x".repeat(100_000))];
    assert_eq!(append(queue, topic, sent.clone()).await, start, "the first record gets the end's offset");
    assert_eq!(append(queue, topic, vec![record("last")]).await, Offset(start.0 + 4), "offsets have no gaps");
    assert_eq!(queue.end(topic), Offset(start.0 + 5), "the end moved past what was acknowledged");
    let expected: Vec<Bytes> = sent.into_iter().chain([record("last")]).collect();
    assert_eq!(read_exactly(queue, topic, start, 5).await, expected, "records come back unchanged and in order");
    let middle = read_exactly(queue, topic, Offset(start.0 + 1), 4).await;
    assert_eq!(middle, expected[1..], "reading may start inside an append");
}

async fn reading_is_bounded_but_never_empty(queue: &dyn Queue, topic: Topic) {
    let start = queue.end(topic);
    append(queue, topic, vec![record("a".repeat(1000)), record("b".repeat(1000)), record("c".repeat(1000))]).await;
    let batch = queue.read(topic, start, 2000).await.expect("reading works");
    assert_eq!(batch.records.len(), 2, "a batch stays within its limit");
    let batch = queue.read(topic, start, 1).await.expect("reading works");
    assert_eq!(batch.records.len(), 1, "a record larger than the limit is still returned");
}

async fn reading_waits_for_records(queue: Arc<dyn Queue>, topic: Topic) {
    let start = queue.end(topic);
    let reader = queue.clone();
    let mut waiting = tokio::spawn(async move { reader.read(topic, start, 1000).await });
    let early = tokio::time::timeout(Duration::from_millis(50), &mut waiting).await;
    assert!(early.is_err(), "reading at the end waits");
    append(&*queue, topic, vec![record("wake up")]).await;
    let woken = tokio::time::timeout(PATIENCE, waiting).await.expect("a new record wakes the reader");
    let batch = woken.expect("the reader did not panic").expect("reading works");
    assert_eq!((batch.first, batch.records), (start, vec![record("wake up")]));
}

async fn nothing_appended_changes_nothing(queue: &dyn Queue, topic: Topic) {
    let start = queue.end(topic);
    assert_eq!(append(queue, topic, Vec::new()).await, start);
    assert_eq!(queue.end(topic), start);
}

async fn concurrent_appends_stay_whole(queue: Arc<dyn Queue>, topic: Topic) {
    const APPENDERS: usize = 32;
    let start = queue.end(topic);
    let appends = (0..APPENDERS).map(|number| {
        let queue = queue.clone();
        tokio::spawn(async move {
            let records = (0..3).map(|part| record(format!("{number}:{part}"))).collect();
            (number, queue.append(topic, records).await.expect("the queue accepts records"))
        })
    });
    let mut offsets = BTreeSet::new();
    for append in appends.collect::<Vec<_>>() {
        offsets.insert(append.await.expect("the appender did not panic"));
    }
    let all = read_exactly(&*queue, topic, start, APPENDERS * 3).await;
    let taken: BTreeSet<u64> = offsets.iter().map(|(_, offset)| offset.0).collect();
    assert_eq!(taken.len(), APPENDERS, "no two appends got the same offset");
    for (number, offset) in offsets {
        let at = (offset.0 - start.0) as usize;
        let expected: Vec<Bytes> = (0..3).map(|part| record(format!("{number}:{part}"))).collect();
        assert_eq!(all[at..at + 3], expected, "an append stays together at the offset that it was given");
    }
}

async fn topics_are_independent(queue: &dyn Queue) {
    let replay = queue.end(Topic::Replay);
    append(queue, Topic::Events, vec![record("event")]).await;
    assert_eq!(queue.end(Topic::Replay), replay, "an event is no replay record");
}

async fn commits_only_move_forward(queue: &dyn Queue, reader: Reader) {
    let topic = reader.topic();
    let first = append(queue, topic, vec![record("one"), record("two"), record("three")]).await;
    let (one, two) = (Offset(first.0 + 1), Offset(first.0 + 2));
    queue.commit(reader, two).await.expect("committing works");
    assert_eq!(queue.committed(reader).await.expect("positions can be read"), two);
    queue.commit(reader, one).await.expect("committing less again is harmless");
    assert_eq!(queue.committed(reader).await.expect("positions can be read"), two, "a commit never moves back");
    assert!(queue.commit(reader, Offset(queue.end(topic).0 + 1)).await.is_err(), "the future cannot be committed");
    assert_eq!(read_exactly(queue, topic, two, 1).await, vec![record("three")], "uncommitted records stay readable");
    let status = queue.status(topic);
    let reading = status.readers.iter().find(|status| status.reader == reader).expect("the status names every reader");
    assert_eq!((reading.committed, reading.unread_records), (two, status.end.0 - two.0));
}
