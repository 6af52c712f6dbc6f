//! Every writing step of a short script fails once, in every way; after a restart, everything that was acknowledged is there,
//! exactly once, and nothing else is.

use crate::disk::{Gate, Step};
use crate::testing::{Rig, field, row};
use events::{Erase, EventBatch, EventStore, PersonOverride, StoreError};
use model::TeamId;
use parking_lot::Mutex;
use query::ColumnKind;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Failure {
    /// The step fails, the next ones work.
    Once(io::ErrorKind),
    /// Nothing works any more from there on, until the process ends.
    FromThen(io::ErrorKind),
    /// As before, and afterwards everything that was not synced is gone.
    PowerCut,
}

#[derive(Default)]
struct Fault {
    at: usize,
    failure: Option<Failure>,
    steps: usize,
    /// How long each file was when it was last synced.
    synced: HashMap<PathBuf, u64>,
}

fn gate(fault: &Arc<Mutex<Fault>>) -> Gate {
    let fault = fault.clone();
    Arc::new(move |step, path: &Path| {
        let mut fault = fault.lock();
        fault.steps += 1;
        let fails = match fault.failure {
            None => None,
            Some(Failure::Once(kind)) => (fault.steps == fault.at).then_some(kind),
            Some(Failure::FromThen(kind)) => (fault.steps >= fault.at).then_some(kind),
            Some(Failure::PowerCut) => (fault.steps >= fault.at).then_some(io::ErrorKind::Other),
        };
        if let Some(kind) = fails {
            return Err(io::Error::new(kind, "injected"));
        }
        match step {
            Step::Sync => {
                let length = fs::metadata(path).map_or(0, |meta| meta.len());
                fault.synced.insert(path.to_owned(), length);
            }
            Step::Create => {
                fault.synced.insert(path.to_owned(), 0);
            }
            Step::Rename => {
                let temporary = path.with_file_name(format!("{}.tmp", path.file_name().unwrap().to_str().unwrap()));
                if let Some(length) = fault.synced.remove(&temporary) {
                    fault.synced.insert(path.to_owned(), length);
                }
            }
            Step::Remove => {
                fault.synced.remove(path);
            }
            Step::Write | Step::Truncate | Step::SyncFolder => {}
        }
        Ok(())
    })
}

/// What was acknowledged.
#[derive(Default)]
struct Acknowledged {
    rows: BTreeSet<String>,
    position: u64,
    merged: bool,
    erased: bool,
}

/// Appends, merges, seals, compacts and erases; notes what the engine promised.
async fn script(rig: &Rig) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    let engine = rig.engine();
    let mut number = 0;
    for round in 0..6u64 {
        for _ in 0..2 {
            number += 5;
            let rows: Vec<_> = (number..number + 5).map(|i| row(1, i, "e", r#"{"a":"b"}"#)).collect();
            let uuids: Vec<String> = rows.iter().map(|row| row.uuid.to_string()).collect();
            for _attempt in 0..2 {
                let batch = EventBatch { rows: rows.clone(), position: Some(number as u64), ..EventBatch::default() };
                if engine.append(batch).await.is_ok() {
                    acknowledged.rows.extend(uuids.iter().cloned());
                    acknowledged.position = number as u64;
                    break;
                }
            }
        }
        if round == 1 {
            let merge = PersonOverride { team: TeamId(1), distinct_id: "user-1".into(), person_id: Uuid::from_u128(9), version: 1 };
            acknowledged.merged = engine.append(EventBatch { overrides: vec![merge], ..EventBatch::default() }).await.is_ok();
        }
        let _ = engine.flush().await;
        if round == 4 {
            let _ = engine.compact().await;
        }
        if round == 3 {
            acknowledged.erased = engine.erase(Erase::Team(TeamId(2))).await.is_ok();
        }
    }
    acknowledged
}

fn lose_unsynced(rig: &Rig, fault: &Fault) {
    for (path, length) in &fault.synced {
        if let Ok(meta) = fs::metadata(path)
            && meta.is_file()
            && meta.len() > *length
        {
            fs::File::options().write(true).open(path).unwrap().set_len(*length).unwrap();
        }
    }
    assert!(rig.path().is_dir());
}

async fn uuids(rig: &Rig) -> Vec<String> {
    let mut uuids: Vec<String> =
        rig.sql(1, "SELECT uuid FROM events", &[field("uuid", ColumnKind::Uuid)]).await.into_iter().map(|row| row[0].clone()).collect();
    uuids.sort();
    uuids
}

async fn run(at: usize, failure: Failure) -> bool {
    let fault = Arc::new(Mutex::new(Fault::default()));
    let mut rig = Rig::with_gate(gate(&fault));
    rig.reopen();
    {
        let mut fault = fault.lock();
        (fault.at, fault.failure) = (fault.steps + at, Some(failure));
    }
    let acknowledged = script(&rig).await;
    let reached = {
        let fault = fault.lock();
        fault.steps >= fault.at
    };
    if matches!(failure, Failure::Once(_)) {
        let before: BTreeSet<String> = uuids(&rig).await.into_iter().collect();
        assert!(acknowledged.rows.is_subset(&before), "{failure:?} at step {at}: missing before the restart");
    }
    rig.close();
    {
        let mut fault = fault.lock();
        if failure == Failure::PowerCut {
            lose_unsynced(&rig, &fault);
        }
        fault.failure = None;
    }
    rig.reopen();
    assert_eq!(rig.engine().damage(), Vec::<String>::new(), "{failure:?} at step {at}");
    let found = uuids(&rig).await;
    let distinct: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(distinct.len(), found.len(), "{failure:?} at step {at}: something is there twice");
    assert!(acknowledged.rows.is_subset(&distinct), "{failure:?} at step {at}: acknowledged rows are missing");
    assert!(rig.engine().position().await.unwrap().unwrap_or(0) >= acknowledged.position, "{failure:?} at step {at}");
    if acknowledged.merged {
        let sql = "SELECT count(*) FROM events WHERE distinct_id = 'user-1' AND person_id <> '00000000-0000-0000-0000-000000000009'";
        let columns = [field("distinct_id", ColumnKind::Text), field("person_id", ColumnKind::Uuid)];
        assert_eq!(rig.sql(1, sql, &columns).await, [["0"]], "{failure:?} at step {at}: the merge is gone");
    }
    // The queue sends again what was not acknowledged.
    let all: Vec<_> = (5..65).map(|i| row(1, i, "e", r#"{"a":"b"}"#)).collect();
    rig.append(all.clone()).await;
    rig.engine().flush().await.unwrap();
    rig.engine().compact().await.unwrap();
    assert_eq!(uuids(&rig).await.len(), all.len(), "{failure:?} at step {at}");
    reached
}

async fn every_step(failure: Failure) {
    let mut at = 1;
    while run(at, failure).await {
        at += 1;
    }
    assert!(at > 100, "the script takes more steps than {at}");
}

#[tokio::test]
async fn any_one_failing_step_loses_nothing_and_stops_nothing() {
    every_step(Failure::Once(io::ErrorKind::Other)).await;
}

#[tokio::test]
async fn a_disk_that_stops_working_at_any_step_loses_nothing_acknowledged() {
    every_step(Failure::FromThen(io::ErrorKind::Other)).await;
}

#[tokio::test]
async fn a_power_cut_at_any_step_loses_nothing_acknowledged() {
    every_step(Failure::PowerCut).await;
}

#[tokio::test]
async fn a_full_disk_is_named_reads_go_on_and_writing_recovers_without_a_restart() {
    let fault = Arc::new(Mutex::new(Fault::default()));
    let mut rig = Rig::with_gate(gate(&fault));
    rig.reopen();
    rig.append((0..10).map(|i| row(1, i, "e", "{}")).collect()).await;
    {
        let mut fault = fault.lock();
        (fault.at, fault.failure) = (0, Some(Failure::FromThen(io::ErrorKind::StorageFull)));
    }
    let batch = || EventBatch { rows: (10..20).map(|i| row(1, i, "e", "{}")).collect(), ..EventBatch::default() };
    assert!(matches!(rig.engine().append(batch()).await, Err(StoreError::Full)));
    assert!(rig.engine().flush().await.is_err());
    assert_eq!(rig.count(1).await, 10);
    fault.lock().failure = None;
    rig.engine().append(batch()).await.unwrap();
    rig.engine().flush().await.unwrap();
    assert_eq!(rig.count(1).await, 20);
    rig.reopen();
    assert_eq!(rig.count(1).await, 20);
    let segments: Vec<String> = rig.files().into_iter().filter(|name| name.ends_with(".parquet")).collect();
    assert_eq!(segments.len() as u64, rig.engine().stats().segments, "half-written files are gone");
}

#[tokio::test]
async fn rows_of_a_batch_whose_sync_failed_are_not_visible_and_not_stored() {
    let fault = Arc::new(Mutex::new(Fault::default()));
    let inner = gate(&fault);
    let failing = Arc::new(Mutex::new(false));
    let switch = failing.clone();
    let mut rig = Rig::with_gate(Arc::new(move |step, path: &Path| {
        if step == Step::Sync && *switch.lock() && path.extension().is_some_and(|end| end == "log") {
            return Err(io::Error::other("injected"));
        }
        inner(step, path)
    }));
    rig.reopen();
    rig.append(vec![row(1, 1, "e", "{}")]).await;
    *failing.lock() = true;
    assert!(matches!(
        rig.engine().append(EventBatch { rows: vec![row(1, 2, "e", "{}")], ..EventBatch::default() }).await,
        Err(StoreError::Failed(_))
    ));
    *failing.lock() = false;
    assert_eq!(rig.count(1).await, 1);
    rig.append(vec![row(1, 3, "e", "{}")]).await;
    rig.reopen();
    assert_eq!(uuids(&rig).await, [row(1, 1, "e", "{}").uuid.to_string(), row(1, 3, "e", "{}").uuid.to_string()]);
}
