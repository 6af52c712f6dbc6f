//! What every thread of a query looks at from time to time: whether to go on.

use super::gather::Stop;
use events::{Budget, QueryError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

pub struct Watch {
    pub budget: Budget,
    pub until: Instant,
    /// Nobody waits for the query any more.
    pub stop: Arc<AtomicBool>,
    /// Bytes that the threads hold together.
    held: AtomicUsize,
}

impl Watch {
    pub fn new(budget: Budget, until: Instant, stop: Arc<AtomicBool>) -> Watch {
        Watch { budget, until, stop, held: AtomicUsize::new(0) }
    }

    /// One thread held `before` bytes, and now holds others.
    pub fn note(&self, before: &mut usize, now: usize) {
        self.held.fetch_add(now, Ordering::Relaxed);
        self.held.fetch_sub(*before, Ordering::Relaxed);
        *before = now;
    }

    /// `more` is held outside of the threads.
    pub fn check(&self, more: usize) -> Result<(), Stop> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Stop::Query(QueryError::Cancelled));
        }
        if Instant::now() >= self.until {
            return Err(Stop::Query(QueryError::Deadline(self.budget.deadline)));
        }
        if self.held.load(Ordering::Relaxed) + more > self.budget.memory_bytes {
            return Err(Stop::Query(QueryError::Memory(self.budget.memory_bytes)));
        }
        Ok(())
    }
}

/// Tells the threads of a query that nobody waits for it any more.
pub struct StopOnDrop(pub Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
