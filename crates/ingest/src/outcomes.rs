//! What became of events, for the operator: how many were stored, how many not, why, with an example of each reason and what to
//! do about it.

use definitions::warnings::Warning;
use model::{TeamId, Timestamp};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;

macro_rules! reasons {
    ($($variant:ident, $name:literal, $fix:literal;)*) => {
        /// Why an event is not stored.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason { $($variant),* }

        impl Reason {
            pub const ALL: &[Reason] = &[$(Reason::$variant),*];

            /// Metric label, and the name of the ingestion warning where PostHog has one.
            pub fn as_str(self) -> &'static str {
                match self { $(Reason::$variant => $name),* }
            }

            /// How to fix it.
            pub fn advice(self) -> &'static str {
                match self { $(Reason::$variant => $fix),* }
            }
        }
    };
}

reasons! {
    UnknownToken, "unknown_token", "No project has this token. Copy the project API key from the project settings into the SDK.";
    UnreadableRecord, "unreadable_record", "A record of the queue is damaged. Check the disk; run `hoglet doctor`.";
    MalformedProperties, "malformed_event_properties", "The properties are not a JSON object. Send an object.";
    TooManyProperties, "too_many_properties", "An event may have 10,000 properties. Put variable data into values, not into names.";
    InvalidDistinctId, "skipping_event_invalid_distinct_id", "Distinct ids may have 400 characters.";
    GroupKeyTooLong, "group_key_too_long", "Group keys may have 400 characters.";
    Restricted, "event_restriction", "An event restriction of this server drops it. Change the restriction if that is not intended.";
    TooOld, "event_dropped_too_old", "The project drops events older than its limit. Raise the limit in the project settings, or fix the sender's clock.";
    Bot, "bot", "The user agent is a robot's, and the project drops those. Turn the setting off to keep them.";
    NotAnEvent, "not_an_event", "Session replay and performance data are not stored as events. Update the SDK.";
    ClientWarning, "client_ingestion_warning", "An SDK reported a problem of its own; its message is among the ingestion warnings.";
    HeatmapOnly, "heatmap_only", "Nothing to fix: heatmap data is kept as such and not as an event.";
    PersonImported, "person_imported", "Nothing to fix: the person was imported; there is no event to store.";
    PersonlessPersonEvent, "invalid_event_when_process_person_profile_is_false", "Identify, alias and group calls need a person profile. Do not send them with $process_person_profile set to false.";
    CookielessDisabled, "cookieless_disabled", "The event asks for cookieless tracking, which the project has turned off. Turn it on in the project settings.";
    CookielessUnsupported, "cookieless_unsupported_event", "Cookieless events cannot be aliased, nor identified in stateless mode.";
    CookielessMissingUserAgent, "cookieless_missing_user_agent", "Cookieless events need $raw_user_agent. Update posthog-js.";
    CookielessMissingIp, "cookieless_missing_ip", "Cookieless events need the client's address. Let the proxy pass X-Forwarded-For.";
    CookielessMissingHost, "cookieless_missing_host", "Cookieless events need $host. Update posthog-js.";
    CookielessOutOfRange, "cookieless_timestamp_out_of_range", "Cookieless events must arrive within three days. Check the sender's clock.";
}

impl Reason {
    /// PostHog shows a warning of the same name to the project for these.
    pub fn is_warning(self) -> bool {
        matches!(
            self,
            Reason::InvalidDistinctId
                | Reason::GroupKeyTooLong
                | Reason::TooOld
                | Reason::ClientWarning
                | Reason::MalformedProperties
                | Reason::PersonlessPersonEvent
                | Reason::CookielessMissingUserAgent
                | Reason::CookielessMissingIp
                | Reason::CookielessMissingHost
                | Reason::CookielessOutOfRange
        )
    }

    /// Used elsewhere or unwanted, and so nothing to worry about.
    fn is_expected(self) -> bool {
        matches!(
            self,
            Reason::HeatmapOnly | Reason::PersonImported | Reason::NotAnEvent | Reason::ClientWarning | Reason::Bot | Reason::Restricted
        )
    }
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Snapshot {
    pub accepted: u64,
    pub dropped: Vec<Dropped>,
    pub warnings: Vec<Warned>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Dropped {
    pub reason: &'static str,
    pub count: u64,
    pub last_at: Timestamp,
    pub example: Value,
    pub how_to_fix: &'static str,
    /// False when somebody should do something about it.
    pub expected: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Warned {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub severity: &'static str,
    pub category: &'static str,
    pub count: u64,
    pub last_at: Timestamp,
    pub example: Value,
}

struct Tally {
    count: u64,
    last_at: Timestamp,
    example: Value,
}

#[derive(Default)]
struct Counts {
    accepted: HashMap<TeamId, u64>,
    dropped: HashMap<(Option<TeamId>, Reason), Tally>,
    warned: HashMap<(TeamId, &'static str), Tally>,
}

/// Since the process started.
#[derive(Default)]
pub struct Outcomes {
    counts: Mutex<Counts>,
}

impl Outcomes {
    pub fn accepted(&self, team: TeamId, events: u64) {
        *self.counts.lock().accepted.entry(team).or_default() += events;
        metrics::counter!("hoglet_ingest_events_total").increment(events);
    }

    /// `team` is absent when the token belongs to no project.
    pub fn dropped(&self, team: Option<TeamId>, reason: Reason, example: Value, at: Timestamp) {
        let mut counts = self.counts.lock();
        let tally = counts.dropped.entry((team, reason)).or_insert(Tally { count: 0, last_at: at, example: Value::Null });
        (tally.count, tally.last_at, tally.example) = (tally.count + 1, at, example);
        metrics::counter!("hoglet_ingest_dropped_total", "reason" => reason.as_str()).increment(1);
    }

    pub fn warned(&self, warning: &Warning) {
        let mut counts = self.counts.lock();
        let tally = counts.warned.entry((warning.team, warning.kind)).or_insert(Tally {
            count: 0,
            last_at: warning.timestamp,
            example: Value::Null,
        });
        (tally.count, tally.last_at, tally.example) = (tally.count + 1, warning.timestamp, warning.details.clone());
    }

    /// Of one project; events with an unknown token, which could be anybody's, are counted with `None` only.
    pub fn snapshot(&self, team: Option<TeamId>) -> Snapshot {
        let counts = self.counts.lock();
        let dropped = counts.dropped.iter().filter(|((of, _), _)| *of == team).map(|((_, reason), tally)| Dropped {
            reason: reason.as_str(),
            count: tally.count,
            last_at: tally.last_at,
            example: tally.example.clone(),
            how_to_fix: reason.advice(),
            expected: reason.is_expected(),
        });
        let warnings = counts.warned.iter().filter(|((of, _), _)| Some(*of) == team).map(|((_, kind), tally)| Warned {
            kind,
            severity: definitions::warnings::severity(kind).as_str(),
            category: definitions::warnings::category(kind),
            count: tally.count,
            last_at: tally.last_at,
            example: tally.example.clone(),
        });
        let mut snapshot = Snapshot {
            accepted: team.map_or_else(|| counts.accepted.values().sum(), |team| counts.accepted.get(&team).copied().unwrap_or(0)),
            dropped: dropped.collect(),
            warnings: warnings.collect(),
        };
        snapshot.dropped.sort_by(|a, b| b.count.cmp(&a.count).then(a.reason.cmp(b.reason)));
        snapshot.warnings.sort_by(|a, b| b.count.cmp(&a.count).then(a.kind.cmp(b.kind)));
        snapshot
    }
}
