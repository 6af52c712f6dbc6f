//! Reading request bodies: how much, how long, and out of how much memory.

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Memory is counted in steps, so that small requests touch the shared counter once.
const STEP: usize = 256 << 10;
const DISCARD_FOR: Duration = Duration::from_secs(5);

/// Memory that all requests together may use for bodies and what is unpacked from them.
#[derive(Clone)]
pub struct Budget(Arc<BudgetState>);

struct BudgetState {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    pub fn new(limit: usize) -> Self {
        Budget(Arc::new(BudgetState { limit, used: AtomicUsize::new(0) }))
    }

    pub fn grant(&self) -> Grant {
        Grant { budget: self.clone(), held: 0 }
    }

    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }
}

/// One request's share, given back when dropped.
pub struct Grant {
    budget: Budget,
    held: usize,
}

impl Grant {
    /// Makes the share at least `total` bytes. `false` (and unchanged) when there is not enough left.
    pub fn reach(&mut self, total: usize) -> bool {
        if total <= self.held {
            return true;
        }
        let more = (total - self.held).next_multiple_of(STEP);
        let state = &self.budget.0;
        let used = state.used.fetch_add(more, Ordering::Relaxed);
        // What was asked for must fit; the rounding need not.
        if used + (total - self.held) > state.limit {
            state.used.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.held += more;
        true
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.budget.0.used.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub enum BodyError {
    /// Larger than the limit. What could be read was read, so that the client gets to see the answer.
    TooLarge {
        limit: usize,
    },
    /// No bytes for too long.
    Stalled,
    Busy,
    Broken(String),
}

/// Reads all of `body`, at most `limit` bytes.
pub async fn read(headers: &HeaderMap, mut body: Body, limit: usize, patience: Duration, grant: &mut Grant) -> Result<Vec<u8>, BodyError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        discard(body, limit).await;
        return Err(BodyError::TooLarge { limit });
    }
    let expected = announced.or(body.size_hint().exact().map(|size| size as usize)).unwrap_or_default();
    // An announced length is only believed as far as bytes really come.
    let mut out = Vec::with_capacity(expected.min(STEP));
    loop {
        let frame = match tokio::time::timeout(patience, body.frame()).await {
            Err(_) => return Err(BodyError::Stalled),
            Ok(None) => return Ok(out),
            Ok(Some(Err(error))) => return Err(BodyError::Broken(error.to_string())),
            Ok(Some(Ok(frame))) => frame,
        };
        let data = frame.into_data().unwrap_or_default();
        if out.len() + data.len() > limit {
            drop(std::mem::take(&mut out));
            discard(body, limit).await;
            return Err(BodyError::TooLarge { limit });
        }
        if !grant.reach(out.len() + data.len()) {
            discard(body, limit).await;
            return Err(BodyError::Busy);
        }
        out.extend_from_slice(&data);
    }
}

/// Reads on for a while without keeping anything: a refusal sent while the client still sends is lost in a reset.
async fn discard(mut body: Body, limit: usize) {
    let reading = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.into_data().unwrap_or(Bytes::new()).len();
            if seen > 2 * limit {
                break;
            }
        }
    };
    drop(tokio::time::timeout(DISCARD_FOR, reading).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shared_and_given_back() {
        let budget = Budget::new(4 * STEP);
        let mut first = budget.grant();
        assert!(first.reach(3 * STEP));
        let mut second = budget.grant();
        assert!(!second.reach(2 * STEP));
        assert!(second.reach(STEP));
        drop(first);
        assert!(second.reach(4 * STEP));
        drop(second);
        assert_eq!(budget.used(), 0);
    }
}
