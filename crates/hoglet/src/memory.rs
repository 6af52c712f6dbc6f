//! When freed memory goes back to the system.
//!
//! Giving it back costs ingestion a tenth of its time: the kernel clears every page again when it is needed a moment later.
//! So it stays while events arrive, and goes back as soon as nothing is left to ingest.

use ingest::Ingest;
use mimalloc as _;
use std::ffi::{c_int, c_long};
use std::sync::Arc;
use std::time::Duration;

/// `mi_option_purge_delay`, in milliseconds.
const PURGE_DELAY: c_int = 15;
const IDLE_DELAY_MS: c_long = 1_000;
const BUSY_DELAY_MS: c_long = 60_000;
const LOOK_EVERY: Duration = Duration::from_secs(1);

unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
    fn mi_collect(force: bool);
}

/// Runs until it is dropped.
pub async fn follow(ingest: Arc<Ingest>) {
    let (mut busy, mut position) = (false, ingest.position());
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let before = std::mem::replace(&mut position, ingest.position());
        let was_busy = std::mem::replace(&mut busy, position != before);
        if busy == was_busy {
            continue;
        }
        // SAFETY: both may be called at any time from any thread; the option has been number 15 in all releases of version 3.
        unsafe {
            mi_option_set(PURGE_DELAY, if busy { BUSY_DELAY_MS } else { IDLE_DELAY_MS });
            if !busy {
                mi_collect(true);
            }
        }
    }
}
