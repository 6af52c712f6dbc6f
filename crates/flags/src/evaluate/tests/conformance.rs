//! Cases that every evaluator of these flags must agree on, in `conformance/`.

use super::*;
use crate::evaluate::{hash, operators::Operator};
use serde::Deserialize;

#[derive(Deserialize)]
struct Hashed {
    prefix: String,
    identifier: String,
    salt: String,
    hash: f64,
}

#[test]
fn identifiers_hash_to_the_known_numbers() {
    let rows: Vec<Hashed> = serde_json::from_str(include_str!("../../../conformance/hashes.json")).unwrap();
    assert_eq!(rows.len(), 30);
    for row in rows {
        assert_eq!(hash::hash(&[&row.prefix], &row.identifier, &row.salt), row.hash, "{}{}{}", row.prefix, row.identifier, row.salt);
    }
    assert_eq!(hash::rollout("flag", ""), 0.0);
}

#[derive(Deserialize)]
struct FlagCase {
    case: u32,
    note: String,
    flag: Value,
    /// A flag that the first one asks for.
    other: Option<Value>,
    /// A static cohort.
    cohort: Option<i64>,
    #[serde(default)]
    member_of: Vec<i64>,
    #[serde(default)]
    hash_keys: std::collections::HashMap<String, String>,
    ask: Value,
    expect: Expected,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Expected {
    enabled: bool,
    variant: Option<String>,
    reason: String,
    condition_index: Option<usize>,
    payload: Option<String>,
}

#[test]
fn flags_answer_the_known_cases() {
    let cases: Vec<FlagCase> = serde_json::from_str(include_str!("../../../conformance/flags.json")).unwrap();
    assert_eq!(cases.len(), 40);
    for case in cases {
        let key = case.flag["key"].as_str().unwrap();
        let flags: Vec<Flag> = std::iter::once(case.flag.clone()).chain(case.other).map(flag).collect();
        let cohorts: Vec<Cohort> = case.cohort.iter().map(|&id| cohort(id, None)).collect();
        let definitions = compile(&flags, &cohorts);
        let facts = Facts { member_of: case.member_of.into_iter().collect(), hash_keys: case.hash_keys, ..Facts::none(NOW) };
        let question = question(case.ask);
        let evaluation = definitions.evaluate(&question, &facts);
        let decision = evaluation.decisions.iter().find(|decision| decision.flag.key == key).unwrap();
        let answered = Expected {
            enabled: decision.outcome.is_on(),
            variant: decision.outcome.variant().map(str::to_owned),
            reason: decision.reason.code.as_str().to_owned(),
            condition_index: decision.reason.condition_index,
            payload: decision.payload.map(|payload| payload.text.clone()),
        };
        assert_eq!(answered, case.expect, "case {} ({})", case.case, case.note);
        let explanation = definitions.explain(key, &question, &facts).unwrap();
        assert_eq!(explanation.reason, decision.reason, "case {} explained", case.case);
    }
}

#[test]
fn reasons_are_described() {
    let groups = json!([{"properties": [{"key": "plan", "value": "pro"}]}, {"aggregation_group_type_index": 0}]);
    let definitions = compile(&[flag(json!({"filters": {"groups": groups}}))], &[]);
    let described = |person_properties: Value| {
        let question = having(person_properties);
        definitions.evaluate(&question, &Facts::none(NOW)).decisions[0].reason.description().into_owned()
    };
    assert_eq!(described(json!({"plan": "pro"})), "Matched condition set 1");
    let skipped = "No matching condition set (group conditions were not evaluated because no group type was provided)";
    assert_eq!(described(json!({"plan": "free"})), skipped);
}

#[derive(Deserialize)]
struct OperatorCase {
    case: u32,
    operator: String,
    value: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    property: Option<Value>,
    matches: bool,
    #[serde(default)]
    note: String,
}

/// Tells `null` from absence.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[test]
fn operators_answer_the_known_cases() {
    let cases: Vec<OperatorCase> = serde_json::from_str(include_str!("../../../conformance/operators.json")).unwrap();
    assert_eq!(cases.len(), 62);
    for case in cases {
        let mut filter = json!({"key": "k", "type": "person", "operator": case.operator});
        if let Some(value) = &case.value {
            filter["value"] = value.clone();
        }
        let definitions = compile(&[asking_for(1, "flag", json!([filter]))], &[]);
        let sent: Value = case.property.iter().map(|property| ("k".to_owned(), property.clone())).collect();
        let note = format!("case {} {:?}: {} {:?} ({})", case.case, case.property, case.operator, case.value, case.note);
        assert_eq!(values(&definitions, &having(sent.clone()), &Facts::none(NOW))["flag"], case.matches, "{note}, sent");
        let person = super::facts::stored(properties(sent));
        let facts = Facts { person: Some(person), ..Facts::none(NOW) };
        assert_eq!(values(&definitions, &having(json!({})), &facts)["flag"], case.matches, "{note}, stored");
    }
}

/// The inputs of the consistency arrays that SDKs ship, with how many of them are in by each SDK's own arithmetic.
#[test]
fn a_thousand_people_are_split_as_sdks_split_them() {
    let variants = [("first-variant", 50), ("second-variant", 20), ("third-variant", 20), ("fourth-variant", 5), ("fifth-variant", 5)];
    let variants: Vec<Value> = variants.iter().map(|(key, share)| json!({"key": key, "rollout_percentage": share})).collect();
    let simple = flag(json!({"id": 1, "key": "simple-flag", "filters": {"groups": [{"rollout_percentage": 45}]}}));
    let groups = json!([{"rollout_percentage": 55}]);
    let many = flag(json!({"id": 2, "key": "multivariate-flag", "filters": {"groups": groups, "multivariate": {"variants": variants}}}));
    let definitions = compile(&[simple, many], &[]);
    let known: Vec<Value> = serde_json::from_str(include_str!("../../../conformance/consistency.json")).unwrap();
    assert_eq!(known.len(), 1_000);
    for (n, known) in known.iter().enumerate() {
        let question = question(json!({"distinct_id": format!("distinct_id_{n}")}));
        let answered = values(&definitions, &question, &Facts::none(NOW));
        assert_eq!(json!([answered["simple-flag"], answered["multivariate-flag"]]), *known, "distinct_id_{n}");
    }
}

#[test]
fn what_makes_no_sense_matches_nothing() {
    for (operator, value) in
        [("gt", json!(true)), ("not_gt", json!(1)), ("between", json!([1])), ("semver_gt", json!("x")), ("like", json!("a"))]
    {
        let operator = Operator::compile(operator, Some(&value), Tz::UTC);
        assert!(!operator.matches(None, Default::default(), Tz::UTC), "{operator:?}");
    }
}
