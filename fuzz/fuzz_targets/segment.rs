//! Segment files of the queue: opening, reading and appending go on whatever a file holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use queue::{Log, LogConfig, Queue, Topic};
use std::time::Duration;

fuzz_target!(|data: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("events")).unwrap();
    std::fs::write(dir.path().join("events/000000000001.log"), data).unwrap();
    let Ok(log) = Log::open(dir.path(), LogConfig::default()) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let from = log.status(Topic::Events).oldest;
        let _ = tokio::time::timeout(Duration::from_millis(5), log.read(Topic::Events, from, 1 << 20)).await;
        let offset = log.append(Topic::Events, vec!["new".into()]).await.unwrap();
        assert_eq!(log.read(Topic::Events, offset, 100).await.unwrap().records, ["new"]);
    });
});
