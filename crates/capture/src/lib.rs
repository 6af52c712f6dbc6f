//! The HTTP edge for events: takes every form in which PostHog's SDKs send them, and answers once they are durable.
//!
//! Invariants:
//! 1. A success is sent only after the queue has the events on stable storage.
//! 2. Nothing is looked up: a well-shaped token is accepted whether or not a project has it, so that capture works while
//!    everything behind it is slow or down.
//! 3. The lenient endpoints store all events of a request or none; protocol v1 answers event by event.
//! 4. Whatever a client sends, memory is bounded, by the request's own limits and by one budget for all requests.
//! 5. Nothing disappears silently: each refusal and each deliberate drop is counted with its reason ([`Outcomes`]).
//!
//! Where to start: [`routes`] lists the endpoints. A lenient request goes through `payload` (to text), `shape` (to events)
//! and `event` (to records); `routes/v0.rs` puts them together.

pub mod body;
mod client_address;
pub mod dates;
pub mod decompress;
pub mod distinct_id;
pub mod event;
mod http_edge;
pub mod json;
pub mod lz_string;
pub mod outcomes;
pub mod payload;
mod protobuf;
mod quota;
pub mod refusal;
pub mod routes;
pub mod shape;

pub use outcomes::{Accepted, Example, Outcomes, Reason, Refused, Snapshot};
pub use quota::{DropList, Quota, Resource};
pub use routes::routes;

use body::Budget;
use model::Clock;
use queue::Queue;
use std::sync::Arc;
use std::time::Duration;
use web::Proxies;

#[derive(Clone, Debug)]
pub struct CaptureConfig {
    /// Whose word counts about where a request came from.
    pub trusted_proxies: Proxies,
    /// `DROP_EVENTS_BY_TOKEN_DISTINCT_ID`
    pub drop_list: DropList,
    pub quota: Quota,
    /// Of one event after unpacking.
    pub max_event_bytes: usize,
    /// On the wire; unpacked it may become five times as much.
    pub max_body_bytes: usize,
    pub max_replay_body_bytes: usize,
    pub max_events_per_request: usize,
    /// How long a body may pause.
    pub body_patience: Duration,
    /// For the bodies of all requests together, packed and unpacked.
    pub memory_bytes: usize,
}

impl Default for CaptureConfig {
    fn default() -> Self {
        CaptureConfig {
            trusted_proxies: Proxies::All,
            drop_list: DropList::default(),
            quota: Quota::default(),
            max_event_bytes: 20 << 20,
            max_body_bytes: 20 << 20,
            max_replay_body_bytes: 25 << 20,
            max_events_per_request: 100_000,
            body_patience: Duration::from_secs(30),
            memory_bytes: 1 << 30,
        }
    }
}

/// How much larger than its body a request may become when it is unpacked.
pub(crate) const MAX_EXPANSION: usize = 5;

pub struct Capture {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) clock: Clock,
    pub(crate) config: CaptureConfig,
    pub(crate) budget: Budget,
    /// What became of everything that came in.
    pub outcomes: Outcomes,
}

impl Capture {
    pub fn new(queue: Arc<dyn Queue>, clock: Clock, config: CaptureConfig) -> Arc<Self> {
        let budget = Budget::new(config.memory_bytes);
        Arc::new(Capture { queue, clock, config, budget, outcomes: Outcomes::new(clock) })
    }

    /// Bytes of request bodies in memory now.
    pub fn memory_in_use(&self) -> usize {
        self.budget.used()
    }
}
