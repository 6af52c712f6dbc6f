//! Definitions and questions that are made to take long.

use super::*;
use std::time::{Duration, Instant};

/// Generous: these run unoptimised, and beside other tests.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn ten_thousand_flags_in_a_chain_and_in_a_circle_are_answered() {
    let on = |id: i64, asked: i64| {
        asking_for(
            id,
            &format!("f{id:05}"),
            json!([{"key": asked.to_string(), "type": "flag", "operator": "flag_evaluates_to", "value": true}]),
        )
    };
    let mut chain: Vec<Flag> = (1..10_000).map(|id| on(id, id + 1)).collect();
    chain.push(flag(json!({"id": 10_000, "key": "f10000", "filters": {"groups": [{"rollout_percentage": 100}]}})));
    let started = Instant::now();
    let definitions = compile(&chain, &[]);
    let question = having(json!({}));
    let evaluation = definitions.evaluate(&question, &Facts::none(NOW));
    assert!(evaluation.decisions.len() == 10_000 && evaluation.decisions.iter().all(|decision| decision.outcome.is_on()));
    let last = chain.len() - 1;
    chain[last] = on(10_000, 1);
    let definitions = compile(&chain, &[]);
    assert!(definitions.evaluate(&question, &Facts::none(NOW)).decisions.iter().all(|decision| !decision.outcome.is_on()));
    assert_eq!(super::super::dependency_cycle(&chain).map(|cycle| cycle.len()), Some(10_000));
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[test]
fn cohorts_nested_ten_thousand_deep_are_decided() {
    let inner = |id: i64| json!({"type": "AND", "values": [{"type": "cohort", "key": "id", "value": id}]});
    let mut cohorts: Vec<Cohort> = (1..10_000).map(|id| cohort(id, Some(inner(id + 1)))).collect();
    cohorts.push(cohort(10_000, None));
    let definitions = compile(&[asking_for(1, "deep", json!([{"key": "id", "type": "cohort", "value": 1}]))], &cohorts);
    let question = having(json!({}));
    assert_eq!(definitions.needs(&question).cohorts, [10_000]);
    let member = Facts { member_of: [10_000].into(), ..Facts::none(NOW) };
    assert_eq!(values(&definitions, &question, &member)["deep"], true);
    assert_eq!(values(&definitions, &question, &Facts::none(NOW))["deep"], false);
}

#[test]
fn patterns_that_explode_and_texts_of_a_megabyte_cost_a_bounded_time() {
    let patterns = [
        "(a+)+$",
        "(?=(a+)+$)b",
        "(a|aa)+$",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(.*)*\\1x",
        "(\\w+\\s?)*!$",
        "(?:(?:a{1,500}){1,500}){1,500}",
    ];
    let flags: Vec<Flag> = (0..2_000)
        .map(|n| {
            let pattern = format!("{}|{n}x", patterns[n as usize % patterns.len()]);
            asking_for(n, &format!("f{n}"), json!([{"key": "text", "operator": "regex", "value": pattern}]))
        })
        .collect();
    let definitions = compile(&flags, &[]);
    for length in [4_000, 1_000_000] {
        let question = having(json!({"text": "a".repeat(length) + "!"}));
        let started = Instant::now();
        let evaluation = definitions.evaluate(&question, &Facts::none(NOW));
        assert!(evaluation.has_errors);
        assert!(evaluation.decisions.iter().any(|decision| decision.reason.code.as_str() == "timeout"));
        assert!(started.elapsed() < SOON, "{length}: {:?}", started.elapsed());
    }
}
