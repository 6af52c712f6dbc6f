//! Which flags are answered at all, and flags that ask for flags.

use super::*;
use crate::evaluate::dependency_cycle;

fn depends(id: i64, key: &str, on: &str, value: Value) -> Flag {
    asking_for(id, key, json!([{"key": on, "type": "flag", "operator": "flag_evaluates_to", "value": value}]))
}

fn for_all(id: i64, key: &str, fields: Value) -> Flag {
    let mut all = json!({"id": id, "key": key, "filters": {"groups": [{"rollout_percentage": 100}]}});
    all.as_object_mut().unwrap().extend(object(fields));
    flag(all)
}

#[test]
fn flags_are_for_runtimes_contexts_and_surveys() {
    let flags = [
        for_all(1, "all", json!({})),
        for_all(2, "client", json!({"evaluation_runtime": "client"})),
        for_all(3, "server", json!({"evaluation_runtime": "server"})),
        for_all(4, "app", json!({"evaluation_contexts": ["app"]})),
        for_all(5, "survey-targeting-1", json!({})),
        for_all(6, "off", json!({"active": false})),
    ];
    let definitions = compile(&flags, &[]);
    let keys = |change: fn(&mut Question)| {
        let mut question = having(json!({}));
        change(&mut question);
        let evaluation = definitions.evaluate(&question, &Facts::none(NOW));
        evaluation.decisions.iter().map(|decision| decision.flag.key.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(keys(|_| ()), ["all", "app", "client", "server", "survey-targeting-1"]);
    assert_eq!(keys(|question| question.evaluation_runtime = Runtime::Client), ["all", "app", "client", "survey-targeting-1"]);
    assert_eq!(keys(|question| question.evaluation_runtime = Runtime::Unknown), ["all", "app", "survey-targeting-1"]);
    assert_eq!(keys(|question| question.evaluation_contexts = Some(vec!["web".into()])), ["all", "client", "server", "survey-targeting-1"]);
    assert_eq!(keys(|question| question.evaluation_contexts = Some(vec!["app".into(), "x".into()])).len(), 5);
    assert_eq!(keys(|question| question.evaluation_contexts = Some(Vec::new())).len(), 5);
    assert_eq!(keys(|question| question.only_survey_flags = true), ["survey-targeting-1"]);
    assert_eq!(keys(|question| question.flag_keys = Some(vec!["server".into(), "off".into(), "none".into()])), ["server"]);
    assert_eq!(keys(|question| question.flag_keys = Some(Vec::new())), Vec::<&str>::new());
}

#[test]
fn what_a_flag_asks_for_is_evaluated_but_not_answered() {
    let flags = [
        depends(1, "child", "2", json!(true)),
        depends(2, "parent", "3", json!(true)),
        for_all(3, "root", json!({})),
        depends(4, "without-off", "5", json!(false)),
        for_all(5, "off", json!({"active": false})),
        depends(6, "without-server", "7", json!(false)),
        for_all(7, "server", json!({"evaluation_runtime": "server"})),
    ];
    let definitions = compile(&flags, &[]);
    let mut question = question(json!({"distinct_id": "u", "flag_keys": ["child", "without-off", "without-server"]}));
    question.evaluation_runtime = Runtime::Client;
    let answered = values(&definitions, &question, &Facts::none(NOW));
    assert_eq!(answered, json!({"child": true, "without-off": true, "without-server": true}));
}

#[test]
fn a_flag_that_asks_for_nothing_that_is_or_for_itself_is_off() {
    let flags = [
        depends(1, "a", "2", json!(true)),
        depends(2, "b", "3", json!(true)),
        depends(3, "c", "2", json!(false)),
        depends(4, "lost", "99", json!(false)),
        depends(5, "behind-lost", "4", json!(false)),
        depends(6, "wrong", "seven", json!(false)),
    ];
    assert_eq!(dependency_cycle(&flags), Some(vec!["b".to_owned(), "c".to_owned()]));
    assert_eq!(dependency_cycle(&flags[3..]), None);
    assert_eq!(dependency_cycle(&[depends(1, "self", "1", json!(true))]), Some(vec!["self".to_owned()]));
    let definitions = compile(&flags, &[]);
    let question = having(json!({}));
    let evaluation = definitions.evaluate(&question, &Facts::none(NOW));
    assert_eq!(evaluation.decisions.len(), flags.len());
    for decision in &evaluation.decisions {
        assert_eq!((decision.outcome.is_on(), decision.reason.code.as_str()), (false, "missing_dependency"), "{}", decision.flag.key);
    }
    assert!(!evaluation.has_errors);
}

#[test]
fn secret_payloads_do_not_leave() {
    let filters = json!({"groups": [{"rollout_percentage": 100}], "payloads": {"true": "gAAAA-ciphertext"}});
    let definitions = compile(&[flag(json!({"has_encrypted_payloads": true, "filters": filters}))], &[]);
    let question = having(json!({}));
    let payload = definitions.evaluate(&question, &Facts::none(NOW)).decisions[0].payload.unwrap();
    assert_eq!(payload.text, "\"********* (encrypted)\"");
    assert_eq!(serde_json::from_str::<String>(&payload.quoted).unwrap(), payload.text);
}

#[test]
fn without_a_device_only_what_needs_no_hash_is_answered() {
    let groups = json!([{"rollout_percentage": 50}, {"properties": [{"key": "plan", "value": "pro"}], "rollout_percentage": 100}]);
    let definitions = compile(&[flag(json!({"bucketing_identifier": "device_id", "filters": {"groups": groups}}))], &[]);
    let question = having(json!({"plan": "pro"}));
    let decision = definitions.evaluate(&question, &Facts::none(NOW)).decisions[0];
    assert_eq!((decision.outcome.is_on(), decision.reason.condition_index), (true, Some(1)));
}
