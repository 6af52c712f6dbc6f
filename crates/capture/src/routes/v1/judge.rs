//! What becomes of each event of a v1 request, and the record that it becomes.

use super::Lane;
use super::batch::{Options, V1Batch, V1Event, decode_batch, read_uuids};
use super::error::BatchError;
use super::headers::Envelope;
use crate::distinct_id::is_nobody;
use crate::event::{Encoder, PERFORMANCE_EVENT};
use crate::json::{Kind, Scanner, Value, write_string};
use crate::outcomes::Reason;
use crate::{Capture, Resource, dates};
use http::StatusCode;
use model::captured::CapturedFlags;
use model::{CapturedEvent, Timestamp};
use std::borrow::Cow;
use uuid::Uuid;

const MAX_NAME: usize = 200;
const MAX_DISTINCT_ID: usize = 200;

/// What the answer says about one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    NoPerson,
    Drop(&'static str, Reason),
}

pub struct Judged {
    pub verdicts: Vec<(Uuid, Verdict)>,
    pub records: Vec<bytes::Bytes>,
}

pub struct Judge<'a> {
    pub capture: &'a Capture,
    pub lane: Lane,
    pub envelope: &'a Envelope,
    pub now: Timestamp,
    pub ip: &'a str,
}

impl Judge<'_> {
    pub fn judge(&self, json: &str) -> Result<Judged, BatchError> {
        let batch = decode_batch(json, self.capture.config.max_events_per_request)?;
        if Timestamp::parse_rfc3339(&batch.created_at).is_none() {
            return Err(BatchError::bad("invalid_batch", "created_at is not RFC 3339", Reason::InvalidTimestamp));
        }
        if batch.events.is_empty() {
            return Err(BatchError::bad("empty_batch", "the batch holds no event", Reason::Empty));
        }
        metrics::counter!("capture_events_received_total").increment(batch.events.len() as u64);
        let uuids = read_uuids(&batch.events)?;
        let mut encoder = Encoder::new();
        let verdicts: Vec<(Uuid, Verdict)> =
            batch.events.iter().zip(uuids).map(|(event, uuid)| (uuid, self.judge_event(event, uuid, &batch, &mut encoder))).collect();
        let all_over_quota = verdicts.iter().all(|(_, verdict)| matches!(verdict, Verdict::Drop(_, Reason::Quota)));
        if all_over_quota && self.capture.config.quota.is_used_up(&self.envelope.token, Resource::Events) {
            return Err(BatchError::new(
                StatusCode::PAYMENT_REQUIRED,
                "billing_limit_exceeded",
                "the project's quota is used up",
                Reason::Quota,
            ));
        }
        Ok(Judged { verdicts, records: encoder.finish() })
    }

    fn judge_event(&self, event: &V1Event<'_>, uuid: Uuid, batch: &V1Batch<'_>, encoder: &mut Encoder) -> Verdict {
        match self.check(event, uuid, batch) {
            Err((details, reason)) => Verdict::Drop(details, reason),
            Ok(captured) if captured.encoded_len() > self.capture.config.max_event_bytes => {
                Verdict::Drop(if self.lane == Lane::Ai { "ai_event_too_big" } else { "event_too_big" }, Reason::TooLarge)
            }
            Ok(captured) => {
                encoder.push(&captured);
                if captured.flags.no_person_processing { Verdict::NoPerson } else { Verdict::Ok }
            }
        }
    }

    fn check<'e>(&'e self, event: &'e V1Event<'e>, uuid: Uuid, batch: &V1Batch<'_>) -> Result<CapturedEvent<'e>, (&'static str, Reason)> {
        let config = &self.capture.config;
        let distinct_id = event.distinct_id.trim();
        if event.name.is_empty() {
            return Err(("missing_event_name", Reason::NoEventName));
        }
        if event.name.len() > MAX_NAME {
            return Err(("event_name_too_long", Reason::EventNameTooLong));
        }
        if distinct_id.is_empty() {
            return Err(("missing_distinct_id", Reason::NoDistinctId));
        }
        if distinct_id.len() > MAX_DISTINCT_ID {
            return Err(("distinct_id_too_large", Reason::DistinctIdTooLong));
        }
        let timestamp = Timestamp::parse_rfc3339(&event.timestamp).ok_or(("invalid_event_timestamp", Reason::InvalidTimestamp))?;
        let properties = match event.properties {
            None => "{}",
            Some(Value { kind: Kind::Object, raw }) => raw,
            Some(_) => return Err(("malformed_event_properties", Reason::InvalidField)),
        };
        let options = Options::read(event.options).ok_or(("invalid_options", Reason::InvalidField))?;
        if event.name == PERFORMANCE_EVENT {
            return Err(("performance_event", Reason::PerformanceEvent));
        }
        if self.lane == Lane::Ai && !event.name.starts_with("$ai_") {
            return Err(("misrouted_event", Reason::NoAiEvent));
        }
        if config.quota.drops_event(&self.envelope.token, &event.name, options.product_tour_id.is_some()) {
            return Err(("billing_limit_exceeded", Reason::Quota));
        }
        if config.drop_list.drops(&self.envelope.token, distinct_id) {
            return Err(("event_restriction_drop", Reason::DropList));
        }
        let correct = options.disable_skew_correction != Some(true);
        Ok(CapturedEvent {
            token: Cow::Borrowed(&self.envelope.token),
            uuid,
            event: Cow::Borrowed(&event.name),
            distinct_id: if distinct_id.contains('\0') {
                Cow::Owned(distinct_id.replace('\0', "\u{fffd}"))
            } else {
                Cow::Borrowed(distinct_id)
            },
            timestamp: self.correct(timestamp, correct),
            now: self.now,
            sent_at: correct.then_some(self.envelope.sent_at),
            ip: Cow::Borrowed(if batch.capture_internal { "127.0.0.1" } else { self.ip }),
            properties: self.inject(properties, event, &options),
            set: Cow::Borrowed(""),
            set_once: Cow::Borrowed(""),
            flags: CapturedFlags {
                historical_migration: batch.historical_migration,
                cookieless: options.cookieless_mode == Some(true),
                no_person_processing: is_nobody(distinct_id),
            },
        })
    }

    fn correct(&self, timestamp: Timestamp, correct: bool) -> Timestamp {
        if !correct {
            return dates::within_reason(timestamp);
        }
        let skew = self.envelope.sent_at.since(self.now);
        let corrected = Timestamp(timestamp.0.saturating_sub(skew));
        dates::within_reason(if dates::is_far_ahead(corrected, self.now) { self.now } else { corrected })
    }

    /// The properties with what stands beside them in the protocol, which wins over what the client put inside.
    fn inject<'e>(&self, properties: &'e str, event: &V1Event<'_>, options: &Options) -> Cow<'e, str> {
        let flag = |flag: Option<bool>| flag.map(|flag| if flag { "true" } else { "false" }.to_owned());
        let string = |text: Option<&str>| {
            text.map(|text| {
                let mut out = String::new();
                write_string(&mut out, text);
                out
            })
        };
        let lib = self.envelope.lib.as_ref();
        let injected = [
            ("$session_id", string(event.session_id.as_deref())),
            ("$window_id", string(event.window_id.as_deref())),
            ("$cookieless_mode", flag(options.cookieless_mode)),
            ("$ignore_sent_at", flag(options.disable_skew_correction)),
            ("$product_tour_id", options.product_tour_id.clone()),
            ("$process_person_profile", flag(options.process_person_profile)),
            ("$lib", string(lib.map(|(name, _)| name.as_str()))),
            ("$lib_version", string(lib.map(|(_, version)| version.as_str()))),
        ];
        let injected: Vec<(&str, String)> = injected.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        overlay(properties, &injected)
    }
}

/// A JSON object with some members replaced or added.
fn overlay<'a>(object: &'a str, members: &[(&str, String)]) -> Cow<'a, str> {
    if members.is_empty() {
        return Cow::Borrowed(object);
    }
    let mut out = String::with_capacity(object.len() + 64 * members.len());
    // The object was checked before, so reading it again cannot fail.
    let kept = Scanner::new(object).object(|scanner, name| {
        let value = scanner.value()?;
        if !members.iter().any(|(replaced, _)| *replaced == name) {
            push_member(&mut out, name, value.raw);
        }
        Ok(())
    });
    debug_assert!(kept.is_ok());
    for (name, value) in members {
        push_member(&mut out, name, value);
    }
    out.push('}');
    Cow::Owned(out)
}

fn push_member(out: &mut String, name: &str, value: &str) {
    out.push(if out.is_empty() { '{' } else { ',' });
    write_string(out, name);
    out.push(':');
    out.push_str(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn injected_members_replace_those_of_the_client() {
        let overlaid = overlay(r#"{ "$lib" : "x", "a": [1, 2], "$lib": "y" }"#, &[("$lib", "\"node\"".to_owned())]);
        assert_eq!(overlaid, r#"{"a":[1, 2],"$lib":"node"}"#);
        assert_eq!(overlay("{}", &[("a", "1".to_owned())]), r#"{"a":1}"#);
        assert_eq!(overlay("{}", &[]), "{}");
    }
}
