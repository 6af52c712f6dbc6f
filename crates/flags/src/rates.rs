//! How often one address or one project may ask, when the operator limits it.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

/// Addresses come from the internet, so their number is bounded. When there are more, all begin anew.
const MAX_BUCKETS: usize = 100_000;

/// A bucket that holds `burst` requests and gains `per_second`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub per_second: f64,
    pub burst: f64,
}

/// Without a limit where there is no rate.
#[derive(Default)]
pub struct Rates {
    pub per_address: Option<Rate>,
    pub per_token: Option<Rate>,
    pub definitions: Option<Rate>,
    buckets: Mutex<HashMap<Asker, Bucket>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Asker {
    Address(IpAddr),
    Token(String),
    Definitions(i64),
}

struct Bucket {
    left: f64,
    at: Instant,
}

impl Rates {
    pub fn new(per_address: Option<Rate>, per_token: Option<Rate>, definitions: Option<Rate>) -> Self {
        Self { per_address, per_token, definitions, buckets: Mutex::default() }
    }

    pub fn allow_address(&self, address: Option<IpAddr>) -> bool {
        let (Some(rate), Some(address)) = (self.per_address, address) else { return true };
        self.take(rate, Asker::Address(address), Instant::now())
    }

    pub fn allow_token(&self, token: &str) -> bool {
        self.per_token.is_none_or(|rate| self.take(rate, Asker::Token(token.to_owned()), Instant::now()))
    }

    pub fn allow_definitions(&self, team: model::TeamId) -> bool {
        self.definitions.is_none_or(|rate| self.take(rate, Asker::Definitions(team.0), Instant::now()))
    }

    fn take(&self, rate: Rate, asker: Asker, now: Instant) -> bool {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(&asker) {
            buckets.clear();
        }
        let bucket = buckets.entry(asker).or_insert(Bucket { left: rate.burst, at: now });
        let gained = now.duration_since(bucket.at).as_secs_f64() * rate.per_second;
        *bucket = Bucket { left: (bucket.left + gained).min(rate.burst), at: now };
        let allowed = bucket.left >= 1.0;
        if allowed {
            bucket.left -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let rate = Rate { per_second: 2.0, burst: 3.0 };
        let (rates, start) = (Rates::default(), Instant::now());
        let take = |token: &str, after_ms| rates.take(rate, Asker::Token(token.into()), start + Duration::from_millis(after_ms));
        assert_eq!([take("a", 0), take("a", 0), take("a", 0), take("a", 0)], [true, true, true, false]);
        assert!(take("b", 0), "each has a bucket of its own");
        assert_eq!([take("a", 400), take("a", 600), take("a", 700)], [false, true, false]);
    }

    #[test]
    fn nothing_is_limited_unless_somebody_wants_it() {
        let rates = Rates::default();
        assert!((0..10_000).all(|_| rates.allow_token("a") && rates.allow_address(Some(IpAddr::from([1, 2, 3, 4])))));
        assert!(rates.buckets.lock().is_empty());
    }
}
