use super::*;
use crate::evaluation::Payload;
use serde_json::json;

/// Flags `beta` (on, with a payload), `exp` (variant), `off`, and `q"é` whose key and variant must be escaped.
fn shaped_with(shape: Shape, outcomes: &[(&str, Outcome, Option<&str>)], has_errors: bool, config: Option<Value>) -> Value {
    let described: Vec<Described> = outcomes
        .iter()
        .enumerate()
        .map(|(place, (key, ..))| Described { place, id: 12, key: (*key).into(), version: 3, has_experiment: false })
        .collect();
    let payloads: Vec<Option<Payload>> = outcomes.iter().map(|(_, _, payload)| payload.map(|text| Payload::new(text.into()))).collect();
    let decisions = described
        .iter()
        .zip(outcomes)
        .zip(&payloads)
        .map(|((flag, (_, outcome, _)), payload)| Decision {
            flag,
            outcome: *outcome,
            reason: Reason::of_condition(Code::ConditionMatch, 0),
            payload: payload.as_ref(),
        })
        .collect();
    let evaluation = Evaluation { decisions, has_errors };
    let config = config.map(|config| config.as_object().unwrap().clone());
    let reply = Reply {
        shape,
        printed: &Printed::new(&described),
        evaluation: &evaluation,
        stamp: Stamp { request: Uuid::from_u128(7), evaluated_at_ms: 1_767_225_600_000 },
        quota_limited: &[],
        config: config.as_ref(),
        traces: &[],
    };
    serde_json::from_slice(&reply.print()).unwrap()
}

fn shaped(shape: Shape) -> Value {
    let outcomes = [
        ("beta", Outcome::On, Some("{\"a\":1}")),
        ("exp", Outcome::Variant("test"), None),
        ("off", Outcome::Off, None),
        ("q\"é", Outcome::Variant("\\\n"), None),
    ];
    shaped_with(shape, &outcomes, false, None)
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
    assert_eq!(shaped(Shape::EnabledKeys), json!({"featureFlags": ["beta", "exp", "q\"é"]}));
    assert_eq!(shaped(Shape::EnabledValues), json!({"featureFlags": {"beta": true, "exp": "test", "q\"é": "\\\n"}}));
}

#[test]
fn legacy_shape_includes_false_and_payloads() {
    let expected = json!({
        "featureFlags": {"beta": true, "exp": "test", "off": false, "q\"é": "\\\n"}, "featureFlagPayloads": {"beta": "{\"a\":1}"},
        "errorsWhileComputingFlags": false, "requestId": Uuid::from_u128(7).to_string(), "evaluatedAt": 1_767_225_600_000_i64,
    });
    assert_eq!(shaped(Shape::Legacy), expected);
}

#[test]
fn record_shows_reason_and_metadata() {
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
    assert_eq!(reply["flags"]["q\"é"]["variant"], "\\\n");
    assert_eq!(reply["featureFlagPayloads"], json!({"beta": "{\"a\":1}"}));
}

#[test]
fn failed_flag_is_marked_in_records_and_left_out_of_legacy_maps() {
    let failed = [("broken", Outcome::Failed, None)];
    let records = shaped_with(Shape::Records, &failed, true, None);
    assert_eq!(records["flags"]["broken"]["failed"], true);
    assert_eq!(records["flags"]["broken"]["enabled"], false);
    assert_eq!(records["errorsWhileComputingFlags"], true);
    assert_eq!(shaped_with(Shape::Legacy, &failed, true, None)["featureFlags"], json!({}));
    let typed = shaped_with(Shape::TypedRecords, &failed, true, None);
    assert_eq!((&typed["flags"]["broken"]["value"], &typed["flags"]["broken"]["failed"]), (&Value::Null, &json!(true)));
}

#[test]
fn typed_records_carry_the_value() {
    let reply = shaped(Shape::TypedRecords);
    assert_eq!(reply["flags"]["exp"]["value"], "test");
    assert_eq!(reply["flags"]["beta"]["value"], true);
    assert_eq!(reply["flags"]["off"]["value"], false);
    assert_eq!(reply["flags"]["off"]["failed"], false);
    assert_eq!(reply["flags"]["off"]["metadata"]["config_version"], 1);
}

#[test]
fn config_is_flattened_in_and_hides_nothing() {
    let config = json!({"flags": "hidden", "requestId": "other", "surveys": true, "nested": {"a": [1, "b"]}});
    let reply = shaped_with(Shape::Records, &[("beta", Outcome::On, None)], false, Some(config));
    assert_eq!(reply["flags"]["beta"]["enabled"], true);
    assert_eq!(reply["requestId"], Uuid::from_u128(7).to_string());
    assert_eq!((&reply["surveys"], &reply["nested"]), (&json!(true), &json!({"a": [1, "b"]})));
}

#[test]
fn every_reason_is_told_whether_prepared_or_not() {
    for reason in [
        Reason::of_condition(Code::ConditionMatch, 3),
        Reason::of_condition(Code::ConditionMatch, PREPARED + 3),
        Reason::of_flag(Code::NoGroupType),
        Reason { groups_skipped: true, ..Reason::of_condition(Code::NoConditionMatch, 1) },
        Reason::of_flag(Code::Holdout),
    ] {
        let mut out = Vec::new();
        put_reason(&mut out, reason);
        let told: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            told,
            json!({"code": reason.code.as_str(), "condition_index": reason.condition_index, "description": reason.description()})
        );
    }
}
