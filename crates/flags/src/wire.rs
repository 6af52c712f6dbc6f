//! The reply shapes of `/flags` and `/decide`, by the version that the SDK asks for.
//!
//! Replies of a hundred flags are written thousands of times per second, so everything about a flag that does not depend on the
//! question is printed once per change ([`Printed`]) and a reply is put together in one buffer.

use crate::evaluation::{Code, Decision, Described, Evaluation, Outcome, Reason};
use serde_json::{Map, Value};
use std::sync::LazyLock;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Keys of enabled flags as a list: `/decide` without a version, or version 1.
    EnabledKeys,
    /// Enabled flags only, with their values: `/decide` version 2.
    EnabledValues,
    /// All flags with values and payloads side by side: `/decide` version 3, `/flags` before version 2.
    Legacy,
    /// One record per flag.
    Records,
    /// Records that also carry the value itself, for `/flags` from version 3 on.
    TypedRecords,
}

impl Shape {
    /// A version that does not parse counts as 1; none at all means the newest that SDKs without a version can read.
    pub fn of_flags(version: Option<&str>) -> Self {
        match version.map(|version| version.trim().parse().unwrap_or(1)) {
            None | Some(2) => Self::Records,
            Some(..2) => Self::Legacy,
            Some(3i64..) => Self::TypedRecords,
        }
    }

    pub fn of_decide(version: Option<&str>) -> Self {
        match version.map_or(1, |version| version.trim().parse().unwrap_or(1)) {
            ..2i64 => Self::EnabledKeys,
            2 => Self::EnabledValues,
            3 => Self::Legacy,
            4.. => Self::Records,
        }
    }
}

/// What every reply says about a flag, whoever asks. By the flag's place in its definitions.
#[derive(Default)]
pub struct Printed(Vec<Fragments>);

struct Fragments {
    /// `"beta"`
    key: Box<str>,
    /// `"beta":{"key":"beta","enabled":`
    head: Box<str>,
    /// `,"metadata":{"id":12,"version":3,"description":null,"payload":`
    metadata: Box<str>,
    /// `,"has_experiment":false`
    experiment: Box<str>,
}

impl Printed {
    pub fn new(described: &[Described]) -> Self {
        let fragments = described.iter().map(|flag| {
            let Described { id, version, has_experiment, .. } = flag;
            let key = quoted(&flag.key);
            Fragments {
                head: format!("{key}:{{\"key\":{key},\"enabled\":").into(),
                metadata: format!(",\"metadata\":{{\"id\":{id},\"version\":{version},\"description\":null,\"payload\":").into(),
                experiment: format!(",\"has_experiment\":{has_experiment}").into(),
                key: key.into(),
            }
        });
        Self(fragments.collect())
    }

    fn of(&self, decision: &Decision) -> &Fragments {
        &self.0[decision.flag.place]
    }
}

/// Identifies one evaluation in a reply.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    pub request: Uuid,
    pub evaluated_at_ms: i64,
}

/// Everything that one reply is made of.
pub struct Reply<'a> {
    pub shape: Shape,
    pub printed: &'a Printed,
    pub evaluation: &'a Evaluation<'a>,
    pub stamp: Stamp,
    /// Products that the project may not use any more.
    pub quota_limited: &'a [&'static str],
    pub config: Option<&'a Map<String, Value>>,
    /// What came of each condition, for the first flags; when somebody asks for it.
    pub traces: &'a [Value],
}

/// Members of a reply that no config field may hide or repeat.
const OWN: [&str; 7] =
    ["flags", "featureFlags", "featureFlagPayloads", "errorsWhileComputingFlags", "requestId", "evaluatedAt", "quotaLimited"];

/// A record of a flag is about this long.
const BYTES_PER_FLAG: usize = 320;

impl Reply<'_> {
    pub fn print(&self) -> Vec<u8> {
        let decisions = &self.evaluation.decisions;
        let mut out = Vec::with_capacity(1_024 + decisions.len() * BYTES_PER_FLAG);
        match self.shape {
            Shape::EnabledKeys => self.list(&mut out),
            Shape::EnabledValues => self.values(&mut out, |outcome| outcome.is_on()),
            Shape::Legacy => {
                self.values(&mut out, |outcome| *outcome != Outcome::Failed);
                self.payloads(&mut out);
            }
            Shape::Records => {
                self.records(&mut out, false);
                // Version 2 has no payloads of its own, but posthog-js reads them here when it fetches the payload of a single flag.
                self.payloads(&mut out);
            }
            Shape::TypedRecords => self.records(&mut out, true),
        }
        if !matches!(self.shape, Shape::EnabledKeys | Shape::EnabledValues) {
            self.about(&mut out);
        }
        if let Some(config) = self.config {
            append_config(&mut out, config);
        }
        out.push(b'}');
        out
    }

    fn list(&self, out: &mut Vec<u8>) {
        put(out, "{\"featureFlags\":[");
        let enabled = self.evaluation.decisions.iter().filter(|decision| decision.outcome.is_on());
        separated(out, enabled, |out, decision| put(out, &self.printed.of(decision).key));
        out.push(b']');
    }

    fn values(&self, out: &mut Vec<u8>, shows: fn(&Outcome) -> bool) {
        put(out, "{\"featureFlags\":{");
        let shown = self.evaluation.decisions.iter().filter(|decision| shows(&decision.outcome));
        separated(out, shown, |out, decision| {
            put(out, &self.printed.of(decision).key);
            out.push(b':');
            put_value(out, decision.outcome);
        });
        out.push(b'}');
    }

    fn payloads(&self, out: &mut Vec<u8>) {
        put(out, ",\"featureFlagPayloads\":{");
        let with_payload = self.evaluation.decisions.iter().filter_map(|decision| Some((decision, decision.payload?)));
        separated(out, with_payload, |out, (decision, payload)| {
            put(out, &self.printed.of(decision).key);
            out.push(b':');
            put(out, &payload.quoted);
        });
        out.push(b'}');
    }

    fn records(&self, out: &mut Vec<u8>, typed: bool) {
        put(out, "{\"flags\":{");
        separated(out, self.evaluation.decisions.iter().enumerate(), |out, (at, decision)| {
            self.record(out, decision, typed);
            if let Some(trace) = self.traces.get(at) {
                put(out, ",\"conditions\":");
                put(out, &trace.to_string());
            }
            out.push(b'}');
        });
        out.push(b'}');
    }

    /// Without the brace that ends it.
    fn record(&self, out: &mut Vec<u8>, decision: &Decision, typed: bool) {
        let fragments = self.printed.of(decision);
        put(out, &fragments.head);
        put(out, if decision.outcome.is_on() { "true,\"variant\":" } else { "false,\"variant\":" });
        match decision.outcome.variant() {
            Some(variant) => put_quoted(out, variant),
            None => put(out, "null"),
        }
        put(out, ",\"reason\":");
        put_reason(out, decision.reason);
        put(out, &fragments.metadata);
        put(out, decision.payload.map_or("null", |payload| &payload.quoted));
        put(out, &fragments.experiment);
        let failed = decision.outcome == Outcome::Failed;
        match typed {
            // The older fields stay beside the value: a reader of version 2 ignores what it does not know.
            true => {
                put(out, ",\"config_version\":1},\"value\":");
                put_value(out, decision.outcome);
                put(out, if failed { ",\"failed\":true" } else { ",\"failed\":false" });
            }
            false => put(out, if failed { "},\"failed\":true" } else { "}" }),
        }
    }

    fn about(&self, out: &mut Vec<u8>) {
        put(out, if self.evaluation.has_errors { ",\"errorsWhileComputingFlags\":true" } else { ",\"errorsWhileComputingFlags\":false" });
        if !self.quota_limited.is_empty() {
            put(out, ",\"quotaLimited\":[");
            separated(out, self.quota_limited.iter(), |out, product| put_quoted(out, product));
            out.push(b']');
        }
        put(out, ",\"requestId\":\"");
        put(out, self.stamp.request.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        put(out, "\",\"evaluatedAt\":");
        put(out, &self.stamp.evaluated_at_ms.to_string());
    }
}

fn append_config(out: &mut Vec<u8>, config: &Map<String, Value>) {
    for (name, value) in config.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
        out.push(b',');
        put_quoted(out, name);
        out.push(b':');
        put(out, &value.to_string());
    }
}

fn separated<T>(out: &mut Vec<u8>, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut Vec<u8>, T)) {
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item);
    }
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Keys of variants are plain words, mostly.
fn put_quoted(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        put(out, text);
        out.push(b'"');
    } else {
        put(out, &quoted(text));
    }
}

/// What an SDK's `getFeatureFlag` returns.
fn put_value(out: &mut Vec<u8>, outcome: Outcome) {
    match outcome {
        Outcome::Off => put(out, "false"),
        Outcome::On => put(out, "true"),
        Outcome::Variant(variant) => put_quoted(out, variant),
        Outcome::Failed => put(out, "null"),
    }
}

const PREPARED: usize = 64;

/// The reasons that nearly every record has, for the first condition sets.
static REASONS: LazyLock<[Vec<String>; 4]> = LazyLock::new(|| {
    [Code::ConditionMatch, Code::OutOfRollout, Code::NoConditionMatch, Code::NoGroupType]
        .map(|code| (0..PREPARED).map(|index| reason(Reason::of_condition(code, index))).collect())
});

fn put_reason(out: &mut Vec<u8>, wanted: Reason) {
    let prepared = match wanted.code {
        _ if wanted.groups_skipped => None,
        Code::ConditionMatch => Some(0),
        Code::OutOfRollout => Some(1),
        Code::NoConditionMatch => Some(2),
        Code::NoGroupType => Some(3),
        _ => None,
    };
    match prepared.and_then(|code| REASONS[code].get(wanted.condition_index?)) {
        Some(text) => put(out, text),
        None => put(out, &reason(wanted)),
    }
}

fn reason(reason: Reason) -> String {
    let index = reason.condition_index.map_or_else(|| "null".to_owned(), |index| index.to_string());
    let (code, description) = (reason.code.as_str(), reason.description());
    format!("{{\"code\":\"{code}\",\"condition_index\":{index},\"description\":\"{description}\"}}")
}

#[cfg(test)]
mod tests;
