//! What became of requests and events, for the people who wonder where theirs are.
//!
//! Counted per token and reason, with one example each. Tokens are the clients' choice, so everything is bounded; personal
//! keys are secrets and never kept.

use model::{Clock, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;

const MAX_TOKENS: usize = 1024;
const MAX_REFUSALS: usize = 4096;
const MAX_TEXT: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    Undecodable,
    Unparsable,
    Empty,
    NoEventName,
    EventNameTooLong,
    NoDistinctId,
    DistinctIdTooLong,
    InvalidField,
    InvalidTimestamp,
    InvalidUuid,
    InvalidReplay,
    InvalidReport,
    InvalidHeaders,
    NoToken,
    DifferentTokens,
    PersonalApiKey,
    InvalidToken,
    Stalled,
    TooLarge,
    Unavailable,
    /// Accepted and dropped on purpose:
    Quota,
    DropList,
    PerformanceEvent,
    NoAiEvent,
}

impl Reason {
    /// Metric label and API value.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Undecodable => "undecodable",
            Reason::Unparsable => "unparsable",
            Reason::Empty => "empty",
            Reason::NoEventName => "no_event_name",
            Reason::EventNameTooLong => "event_name_too_long",
            Reason::NoDistinctId => "no_distinct_id",
            Reason::DistinctIdTooLong => "distinct_id_too_long",
            Reason::InvalidField => "invalid_field",
            Reason::InvalidTimestamp => "invalid_timestamp",
            Reason::InvalidUuid => "invalid_uuid",
            Reason::InvalidReplay => "invalid_replay",
            Reason::InvalidReport => "invalid_report",
            Reason::InvalidHeaders => "invalid_headers",
            Reason::NoToken => "no_token",
            Reason::DifferentTokens => "different_tokens",
            Reason::PersonalApiKey => "personal_api_key",
            Reason::InvalidToken => "invalid_token",
            Reason::Stalled => "stalled",
            Reason::TooLarge => "too_large",
            Reason::Unavailable => "unavailable",
            Reason::Quota => "quota",
            Reason::DropList => "drop_list",
            Reason::PerformanceEvent => "performance_event",
            Reason::NoAiEvent => "no_ai_event",
        }
    }

    /// What whoever sends this should do.
    pub fn how_to_fix(self) -> &'static str {
        match self {
            Reason::Undecodable => {
                "The body could not be unpacked. Send JSON, or gzip it completely; a proxy may have cut it off or compressed it twice."
            }
            Reason::Unparsable => {
                "The body is not the JSON that is expected. The example says where it goes wrong; NaN and Infinity are no JSON."
            }
            Reason::Empty => "The request holds no event. Check that the body is sent, and that a proxy does not drop it.",
            Reason::NoEventName => "Give every event a non-empty `event`.",
            Reason::EventNameTooLong => "Shorten `event` to 200 bytes; put what varies into properties.",
            Reason::NoDistinctId => "Give every event a non-empty `distinct_id`.",
            Reason::DistinctIdTooLong => "Shorten `distinct_id` to 200 bytes.",
            Reason::InvalidField => "A field has the wrong type. The example names it.",
            Reason::InvalidTimestamp => "Send `timestamp` as RFC 3339 with a zone, such as 2025-01-01T12:00:00Z.",
            Reason::InvalidUuid => "Send `uuid` as a UUID, a different one for every event of a batch.",
            Reason::InvalidReplay => {
                "Replay data needs `$session_id` (letters, digits, hyphens; at most 70) and `$snapshot_data`. Update the SDK."
            }
            Reason::InvalidReport => "Send browser reports as application/csp-report or application/reports+json.",
            Reason::InvalidHeaders => "A required header is missing or unreadable. The example names it.",
            Reason::NoToken => "Send the project's token as `api_key`; see the project's settings.",
            Reason::DifferentTokens => "All events of one request must have the same token.",
            Reason::PersonalApiKey => {
                "A personal API key was sent where the project's token belongs. Revoke that key if it is in public code."
            }
            Reason::InvalidToken => "That cannot be a project token. Copy it from the project's settings.",
            Reason::Stalled => "The body stopped coming. The network is slow, or a proxy holds it back.",
            Reason::TooLarge => "Send smaller batches, or raise the limit for one event in the server's configuration.",
            Reason::Unavailable => {
                "The server could not store the event; clients try again by themselves. Check the disk and the ingestion lag."
            }
            Reason::Quota => "A quota of the project is used up.",
            Reason::DropList => "The operator's drop list names this token or distinct id.",
            Reason::PerformanceEvent => "`$performance_event` is no longer stored; update posthog-js.",
            Reason::NoAiEvent => "Only events whose name starts with `$ai_` belong on this endpoint.",
        }
    }

    /// True when the request was answered with success and the events were dropped on purpose.
    pub fn is_drop(self) -> bool {
        matches!(self, Reason::Quota | Reason::DropList | Reason::PerformanceEvent | Reason::NoAiEvent)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Empty for what came from more tokens than are counted one by one.
    pub token: String,
    pub events: u64,
    pub requests: u64,
    pub last_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Empty when the request had none that could be read.
    pub token: String,
    pub reason: Reason,
    /// Requests; events when the reason concerns single events.
    pub count: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub example: Example,
}

/// The newest case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example {
    pub path: String,
    /// The answer's text, or what it was about the event.
    pub detail: String,
    pub user_agent: String,
    pub event: String,
}

#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When counting began: the start of the process.
    pub since: Timestamp,
    pub accepted: Vec<Accepted>,
    pub refused: Vec<Refused>,
}

impl Snapshot {
    /// What concerns one project: its token, and requests without a readable one.
    pub fn of_token(mut self, token: &str) -> Self {
        self.accepted.retain(|accepted| accepted.token == token);
        self.refused.retain(|refused| refused.token == token || refused.token.is_empty());
        self
    }
}

pub struct Outcomes {
    clock: Clock,
    since: Timestamp,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accepted: HashMap<String, Accepted>,
    refused: HashMap<(String, Reason), Refused>,
}

impl Outcomes {
    pub fn new(clock: Clock) -> Self {
        Outcomes { clock, since: clock.now(), state: Mutex::default() }
    }

    pub fn accepted(&self, token: &str, events: u64) {
        metrics::counter!("capture_events_accepted_total").increment(events);
        let now = self.clock.now();
        let mut state = self.state.lock();
        let known = state.accepted.contains_key(token);
        let token = if known || state.accepted.len() < MAX_TOKENS { token } else { "" };
        match state.accepted.get_mut(token) {
            Some(accepted) => {
                accepted.events += events;
                accepted.requests += 1;
                accepted.last_at = now;
            }
            None => {
                state.accepted.insert(token.to_owned(), Accepted { token: token.to_owned(), events, requests: 1, last_at: now });
            }
        }
    }

    /// `count` requests, or events, were refused or dropped.
    pub fn refused(&self, token: &str, reason: Reason, count: u64, example: Example) {
        metrics::counter!("capture_refused_total", "reason" => reason.as_str()).increment(count);
        let now = self.clock.now();
        let example = example.shortened();
        // Whatever was sent as a token is shown again only if it can be one.
        let token = crate::refusal::check_token(token).unwrap_or("");
        let mut state = self.state.lock();
        let key = (token.to_owned(), reason);
        let key = if state.refused.contains_key(&key) || state.refused.len() < MAX_REFUSALS { key } else { (String::new(), reason) };
        let refused = state.refused.entry(key.clone()).or_insert_with(|| Refused {
            token: key.0,
            reason,
            count: 0,
            first_at: now,
            last_at: now,
            example: Example::default(),
        });
        refused.count += count;
        refused.last_at = now;
        refused.example = example;
    }

    pub fn snapshot(&self) -> Snapshot {
        let state = self.state.lock();
        let mut accepted: Vec<Accepted> = state.accepted.values().cloned().collect();
        let mut refused: Vec<Refused> = state.refused.values().cloned().collect();
        drop(state);
        accepted.sort_by(|a, b| b.last_at.cmp(&a.last_at).then_with(|| a.token.cmp(&b.token)));
        refused.sort_by(|a, b| b.last_at.cmp(&a.last_at).then_with(|| b.count.cmp(&a.count)));
        Snapshot { since: self.since, accepted, refused }
    }
}

impl Example {
    fn shortened(mut self) -> Self {
        for text in [&mut self.path, &mut self.detail, &mut self.user_agent, &mut self.event] {
            if let Some((at, _)) = text.char_indices().nth(MAX_TEXT) {
                text.truncate(at);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes() -> Outcomes {
        Outcomes::new(Clock::Fixed(Timestamp::from_seconds(5)))
    }

    #[test]
    fn memory_stays_bounded_whatever_tokens_come() {
        let outcomes = outcomes();
        for number in 0..10_000 {
            outcomes.accepted(&format!("t{number}"), 1);
            outcomes.refused(&format!("t{number}"), Reason::TooLarge, 1, Example { detail: "é".repeat(5000), ..Example::default() });
        }
        let snapshot = outcomes.snapshot();
        assert!(snapshot.accepted.len() <= MAX_TOKENS + 1 && snapshot.refused.len() <= MAX_REFUSALS + 1);
        assert_eq!(snapshot.accepted.iter().map(|accepted| accepted.events).sum::<u64>(), 10_000, "nothing goes uncounted");
        assert_eq!(snapshot.refused.iter().map(|refused| refused.count).sum::<u64>(), 10_000);
        assert_eq!(snapshot.refused[0].example.detail.chars().count(), MAX_TEXT);
    }

    #[test]
    fn a_personal_key_is_never_kept() {
        let outcomes = outcomes();
        outcomes.refused("phx_secret", Reason::PersonalApiKey, 1, Example::default());
        assert!(!format!("{:?}", outcomes.snapshot()).contains("phx_secret"));
    }
}
