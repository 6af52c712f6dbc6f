use super::*;
use crate::evaluate::{Source, StepKind};

#[test]
fn every_compared_value_is_told_with_its_source() {
    let properties_asked = json!([
        {"key": "id", "type": "cohort", "value": 9, "operator": "in"},
        {"key": "plan", "type": "person", "value": "pro", "operator": "exact"},
        {"key": "age", "type": "person", "value": 18, "operator": "gte"},
        {"key": "2", "type": "flag", "value": true, "operator": "flag_evaluates_to"},
    ]);
    let variants = json!({"variants": [{"key": "a", "rollout_percentage": 50}, {"key": "b", "rollout_percentage": 50}]});
    let groups = json!([{"properties": properties_asked, "rollout_percentage": 100}, {"rollout_percentage": 100, "variant": "b"}]);
    let filters =
        json!({"groups": groups, "multivariate": variants, "holdout": {"id": 1, "exclusion_percentage": 10}, "feature_enrollment": true});
    let other = flag(json!({"id": 2, "key": "other", "filters": {"groups": [{"rollout_percentage": 100}]}}));
    let definitions = compile(&[flag(json!({"id": 1, "key": "beta-feature", "filters": filters})), other], &[cohort(9, None)]);
    let facts = Facts { person: Some(super::facts::stored(properties(json!({"plan": "free"})))), ..Facts::none(NOW) };
    let question = question(json!({"distinct_id": "user-1", "person_properties": {"age": 20}}));

    let explanation = definitions.explain("beta-feature", &question, &facts).unwrap();
    assert_eq!((explanation.enabled, explanation.variant.as_deref()), (true, Some("b")));
    let kinds: Vec<(StepKind, bool)> = explanation.steps.iter().map(|step| (step.kind, step.matched)).collect();
    let expected = [(StepKind::Enrollment, false), (StepKind::Holdout, false), (StepKind::Condition, false), (StepKind::Condition, true)];
    assert_eq!(kinds, expected);
    assert!(explanation.steps[1].hash.is_some_and(|hash| (hash - 0.178).abs() < 0.001));
    let compared: Vec<_> = explanation.steps[2]
        .properties
        .iter()
        .map(|compared| (compared.key.as_str(), compared.found.clone(), compared.source, compared.matched))
        .collect();
    let expected = [
        ("plan", Some(json!("free")), Some(Source::Stored), false),
        ("age", Some(json!(20)), Some(Source::Request), true),
        ("2", Some(json!(true)), Some(Source::Flag), true),
        ("id", Some(json!(false)), Some(Source::Cohort), false),
    ];
    assert_eq!(compared, expected);
    assert_eq!(explanation.steps[3].variant.as_deref(), Some("b"));
    assert!(definitions.explain("missing", &question, &facts).is_none());
}

#[test]
fn a_disabled_flag_is_explained_without_steps() {
    let definitions = compile(&[flag(json!({"active": false, "filters": {"groups": [{"rollout_percentage": 100}]}}))], &[]);
    let explanation = definitions.explain("flag", &having(json!({})), &Facts::none(NOW)).unwrap();
    assert_eq!((explanation.enabled, explanation.reason.code.as_str(), explanation.steps.len()), (false, "flag_disabled", 0));
}
