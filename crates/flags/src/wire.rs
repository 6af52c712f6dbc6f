//! The reply shapes of `/flags` and `/decide`, by the version that the SDK asks for.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::evaluation::{Decision, Evaluation, Outcome};

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

/// Identifies one evaluation in a reply.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    pub request: Uuid,
    pub evaluated_at_ms: i64,
}

pub fn reply(shape: Shape, evaluation: &Evaluation, stamp: Stamp) -> Map<String, Value> {
    let decisions = &evaluation.decisions;
    let enabled = || decisions.iter().filter(|decision| decision.outcome.is_on());
    let mut reply = Map::new();
    match shape {
        Shape::EnabledKeys => {
            reply.insert("featureFlags".into(), enabled().map(|decision| decision.flag.key.clone()).collect());
            return reply;
        }
        Shape::EnabledValues => {
            reply.insert("featureFlags".into(), values(enabled()));
            return reply;
        }
        Shape::Legacy => {
            let known = decisions.iter().filter(|decision| decision.outcome != Outcome::Failed);
            reply.insert("featureFlags".into(), values(known));
        }
        Shape::Records => {
            reply.insert("flags".into(), records(decisions, record));
        }
        Shape::TypedRecords => {
            reply.insert("flags".into(), records(decisions, typed_record));
        }
    }
    // Version 2 has no payloads of its own, but posthog-js reads them here when it fetches the payload of a single flag.
    reply.insert("featureFlagPayloads".into(), payloads(enabled()));
    reply.insert("errorsWhileComputingFlags".into(), evaluation.has_errors.into());
    reply.insert("requestId".into(), stamp.request.to_string().into());
    reply.insert("evaluatedAt".into(), stamp.evaluated_at_ms.into());
    reply
}

fn values<'a>(decisions: impl Iterator<Item = &'a Decision<'a>>) -> Value {
    Value::Object(decisions.map(|decision| (decision.flag.key.clone(), decision.outcome.value())).collect())
}

fn payloads<'a>(decisions: impl Iterator<Item = &'a Decision<'a>>) -> Value {
    Value::Object(decisions.filter_map(|decision| Some((decision.flag.key.clone(), decision.payload?.text.clone().into()))).collect())
}

fn records(decisions: &[Decision], record: fn(&Decision) -> Value) -> Value {
    Value::Object(decisions.iter().map(|decision| (decision.flag.key.clone(), record(decision))).collect())
}

fn record(decision: &Decision) -> Value {
    let Decision { flag, outcome, reason, payload } = decision;
    let mut record = json!({
        "key": flag.key,
        "enabled": outcome.is_on(),
        "variant": outcome.variant(),
        "reason": {"code": reason.code.as_str(), "condition_index": reason.condition_index, "description": reason.description()},
        "metadata": {
            "id": flag.id,
            "version": flag.version,
            "description": Value::Null,
            "payload": payload.map(|payload| payload.text.as_str()),
            "has_experiment": flag.has_experiment,
        },
    });
    if *outcome == Outcome::Failed {
        record["failed"] = Value::Bool(true);
    }
    record
}

/// Newer SDKs take `value` and `failed`; the older fields stay, because a reader of version 2 ignores what it does not know.
fn typed_record(decision: &Decision) -> Value {
    let mut record = record(decision);
    record["value"] = decision.outcome.value();
    record["failed"] = Value::Bool(decision.outcome == Outcome::Failed);
    record["metadata"]["config_version"] = json!(1);
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Code, Described, Payload, Reason};

    fn decision(key: &str, outcome: Outcome<'static>, payload: Option<&str>) -> Decision<'static> {
        let flag = Described { place: 0, id: 12, key: key.into(), version: 3, has_experiment: false };
        Decision {
            flag: Box::leak(Box::new(flag)),
            outcome,
            reason: Reason::of_condition(Code::ConditionMatch, 0),
            payload: payload.map(|text| &*Box::leak(Box::new(Payload::new(text.to_owned())))),
        }
    }

    fn shaped(shape: Shape) -> Value {
        let decisions = vec![
            decision("beta", Outcome::On, Some("{\"a\":1}")),
            decision("exp", Outcome::Variant("test"), None),
            decision("off", Outcome::Off, None),
        ];
        let stamp = Stamp { request: Uuid::from_u128(7), evaluated_at_ms: 1_767_225_600_000 };
        Value::Object(reply(shape, &Evaluation { decisions, has_errors: false }, stamp))
    }

    #[test]
    fn versions_choose_shapes() {
        assert_eq!(Shape::of_flags(None), Shape::Records);
        assert_eq!(Shape::of_flags(Some("2")), Shape::Records);
        assert_eq!(Shape::of_flags(Some("1")), Shape::Legacy);
        assert_eq!(Shape::of_flags(Some("0")), Shape::Legacy);
        assert_eq!(Shape::of_flags(Some("two")), Shape::Legacy);
        assert_eq!(Shape::of_flags(Some("4")), Shape::TypedRecords);
        assert_eq!(Shape::of_decide(None), Shape::EnabledKeys);
        assert_eq!(Shape::of_decide(Some("two")), Shape::EnabledKeys);
        assert_eq!(Shape::of_decide(Some("2")), Shape::EnabledValues);
        assert_eq!(Shape::of_decide(Some("3")), Shape::Legacy);
        assert_eq!(Shape::of_decide(Some("4")), Shape::Records);
    }

    #[test]
    fn decide_1_and_2_carry_flags_only() {
        assert_eq!(shaped(Shape::EnabledKeys), json!({"featureFlags": ["beta", "exp"]}));
        assert_eq!(shaped(Shape::EnabledValues), json!({"featureFlags": {"beta": true, "exp": "test"}}));
    }

    #[test]
    fn legacy_shape_includes_false_and_payloads() {
        let expected = json!({
            "featureFlags": {"beta": true, "exp": "test", "off": false}, "featureFlagPayloads": {"beta": "{\"a\":1}"},
            "errorsWhileComputingFlags": false, "requestId": Uuid::from_u128(7).to_string(), "evaluatedAt": 1_767_225_600_000_i64,
        });
        assert_eq!(shaped(Shape::Legacy), expected);
    }

    #[test]
    fn record_shows_reason_and_payload() {
        let reply = shaped(Shape::Records);
        let beta = json!({
            "key": "beta", "enabled": true, "variant": null,
            "reason": {"code": "condition_match", "condition_index": 0, "description": "Matched condition set 1"},
            "metadata": {"id": 12, "version": 3, "description": null, "payload": "{\"a\":1}", "has_experiment": false},
        });
        assert_eq!(reply["flags"]["beta"], beta);
        assert_eq!(reply["flags"]["exp"]["variant"], "test");
        assert_eq!(reply["flags"]["off"]["enabled"], false);
        assert_eq!(reply["flags"]["off"]["metadata"]["payload"], Value::Null);
        assert_eq!(reply["featureFlagPayloads"], json!({"beta": "{\"a\":1}"}));
    }

    #[test]
    fn failed_flag_is_marked_in_records_and_left_out_of_legacy_maps() {
        let evaluation = Evaluation { decisions: vec![decision("broken", Outcome::Failed, None)], has_errors: true };
        let stamp = Stamp { request: Uuid::nil(), evaluated_at_ms: 0 };
        let records = Value::Object(reply(Shape::Records, &evaluation, stamp));
        assert_eq!(records["flags"]["broken"]["failed"], true);
        assert_eq!(records["flags"]["broken"]["enabled"], false);
        assert_eq!(records["errorsWhileComputingFlags"], true);
        let legacy = Value::Object(reply(Shape::Legacy, &evaluation, stamp));
        assert_eq!(legacy["featureFlags"], json!({}));
    }

    #[test]
    fn typed_records_carry_the_value() {
        let reply = shaped(Shape::TypedRecords);
        assert_eq!(reply["flags"]["exp"]["value"], "test");
        assert_eq!(reply["flags"]["beta"]["value"], true);
        assert_eq!(reply["flags"]["off"]["value"], false);
        assert_eq!(reply["flags"]["off"]["failed"], false);
    }
}
