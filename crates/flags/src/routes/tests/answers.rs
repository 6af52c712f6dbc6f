//! Which flags are answered, in which shape.

use super::*;
use crate::Flag;
use axum::body::Body;
use http::Request;
use web::testing;

/// `beta` is on with a payload, `exp` has variants, `off` is off.
async fn world() -> World {
    let world = World::new().await;
    let mut beta = everyone();
    beta["payloads"] = json!({"true": "{\"a\":1}"});
    world.add(flag("beta", beta)).await;
    let variants = json!([{"key": "control", "rollout_percentage": 0}, {"key": "test", "rollout_percentage": 100}]);
    let exp = json!({"groups": [{"rollout_percentage": 100}], "multivariate": {"variants": variants}});
    world.add(Flag { has_experiment: true, version: 3, ..flag("exp", exp) }).await;
    world.add(flag("off", nobody())).await;
    world
}

async fn post(world: &World, path: &str, body: Value) -> Value {
    testing::post(&world.router, path, body).await.1
}

fn keys(reply: &Value) -> Vec<&str> {
    reply["flags"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn every_version_gets_its_shape() {
    let world = world().await;
    let values = json!({"beta": true, "exp": "test", "off": false});
    for path in ["/flags?v=1", "/flags?v=0", "/flags?v=x", "/decide?v=3"] {
        let reply = post(&world, path, asking()).await;
        assert_eq!((&reply["featureFlags"], &reply["featureFlagPayloads"]), (&values, &json!({"beta": "{\"a\":1}"})), "{path}");
        assert_eq!((reply.get("flags"), &reply["errorsWhileComputingFlags"]), (None, &json!(false)), "{path}");
    }
    let reply = post(&world, "/decide", asking()).await;
    assert_eq!(reply["featureFlags"], json!(["beta", "exp"]));
    assert_eq!(reply.get("errorsWhileComputingFlags"), None);
    let reply = post(&world, "/decide?v=2", asking()).await;
    assert_eq!(reply["featureFlags"], json!({"beta": true, "exp": "test"}));
    assert_eq!(reply.get("featureFlagPayloads"), None);
    for path in ["/flags?v=2", "/decide?v=4", "/flags"] {
        let exp = &post(&world, path, asking()).await["flags"]["exp"];
        assert_eq!(
            (&exp["variant"], &exp["metadata"]["has_experiment"], &exp["metadata"]["version"]),
            (&json!("test"), &json!(true), &json!(3))
        );
        assert_eq!(exp.get("value"), None);
    }
    for path in ["/flags?v=3", "/flags?v=4"] {
        let reply = post(&world, path, asking()).await;
        assert_eq!(
            [&reply["flags"]["beta"]["value"], &reply["flags"]["exp"]["value"], &reply["flags"]["off"]["value"]],
            [&json!(true), &json!("test"), &json!(false)]
        );
    }
}

#[tokio::test]
async fn disabled_flags_and_a_used_up_quota_are_empty_answers() {
    let world = world().await;
    let reply = world.ask("u", json!({"disable_flags": true})).await;
    assert_eq!((&reply["flags"], reply.get("quotaLimited")), (&json!({}), None));
    let limit = json!({"quota_limited": ["feature_flags", "other"]});
    world
        .flags
        .teams
        .update(world.team.id, crate::testing::NOW, |team| {
            team.settings.insert("extra_settings".into(), limit);
        })
        .await
        .unwrap();
    world.flags.changed(world.team.id);
    let reply = world.ask("u", json!({})).await;
    assert_eq!((&reply["flags"], &reply["quotaLimited"]), (&json!({}), &json!(["feature_flags"])));
    let request = Request::get("/flags/definitions?token=phc_test").header("authorization", "Bearer phs_good").body(Body::empty()).unwrap();
    let (status, error) = testing::read(testing::send(&world.router, request).await).await;
    assert_eq!((status.as_u16(), &error["code"]), (402, &json!("payment_required")));
}

#[tokio::test]
async fn only_flags_that_are_asked_for_are_answered_and_their_dependencies_count() {
    let world = world().await;
    let beta = world.flags.served(world.team.id).await.unwrap().unwrap().project.flags[0].id;
    let on_beta = json!({"key": beta.to_string(), "type": "flag", "operator": "flag_evaluates_to", "value": true});
    world.add(flag("child", matching(on_beta))).await;
    let reply = world.ask("u", json!({"flag_keys": ["child"]})).await;
    assert_eq!(keys(&reply), ["child"]);
    assert_eq!(reply["flags"]["child"]["enabled"], true);
    assert_eq!(keys(&world.ask("u", json!({"flag_keys_to_evaluate": ["off", "unknown"]})).await), ["off"]);
}

#[tokio::test]
async fn inactive_and_deleted_flags_are_absent() {
    let world = world().await;
    world.add(Flag { active: false, ..flag("paused", everyone()) }).await;
    world.add(Flag { deleted: true, ..flag("gone", everyone()) }).await;
    assert_eq!(keys(&world.ask("u", json!({})).await), ["beta", "exp", "off"]);
}

#[tokio::test]
async fn flags_for_servers_are_told_to_servers() {
    let world = World::new().await;
    world.add(Flag { evaluation_runtime: "server".into(), ..flag("server", everyone()) }).await;
    world.add(Flag { evaluation_runtime: "client".into(), ..flag("client", everyone()) }).await;
    world.add(flag("both", everyone())).await;
    let asked = async |agent: &str, body: Value| {
        let request = Request::post("/flags?v=2").header("user-agent", agent).body(Body::from(body.to_string())).unwrap();
        let reply = testing::read(testing::send(&world.router, request).await).await.1;
        keys(&reply).join(" ")
    };
    assert_eq!(asked("Mozilla/5.0", asking()).await, "both client");
    assert_eq!(asked("posthog-python/6.7", asking()).await, "both server");
    assert_eq!(asked("unheard-of/1", asking()).await, "both");
    let all = json!({"token": TOKEN, "distinct_id": "u", "evaluation_runtime": "all"});
    assert_eq!(asked("Mozilla/5.0", all).await, "both client server");
}

#[tokio::test]
async fn contexts_filter_only_when_the_request_names_some() {
    let world = World::new().await;
    world.add(Flag { evaluation_contexts: vec!["app".into()], ..flag("app", everyone()) }).await;
    world.add(flag("any", everyone())).await;
    assert_eq!(keys(&world.ask("u", json!({"evaluation_contexts": ["web"]})).await), ["any"]);
    assert_eq!(keys(&world.ask("u", json!({})).await), ["any", "app"]);
    assert_eq!(keys(&world.ask("u", json!({"evaluation_environments": ["app", "x"]})).await), ["any", "app"]);
}

#[tokio::test]
async fn survey_sdks_may_ask_for_survey_flags_alone() {
    let world = world().await;
    world.add(flag("survey-targeting-1", everyone())).await;
    let reply = post(&world, "/flags?v=2&only_evaluate_survey_feature_flags=true", asking()).await;
    assert_eq!(keys(&reply), ["survey-targeting-1"]);
}

#[tokio::test]
async fn flag_of_an_unknown_cohort_fails_alone() {
    let world = world().await;
    world.add(flag("broken", matching(json!({"type": "cohort", "key": "id", "operator": "in", "value": 4711})))).await;
    let reply = world.ask("u", json!({})).await;
    assert_eq!((&reply["flags"]["broken"]["failed"], &reply["flags"]["beta"]["enabled"]), (&json!(true), &json!(true)));
    assert_eq!(reply["errorsWhileComputingFlags"], true);
}

#[tokio::test]
async fn conditions_are_told_to_who_asks_for_them_without_what_is_stored() {
    let world = World::new().await;
    world.add_person(&["u"], json!({"plan": "a secret plan"})).await;
    world.add(flag("f", matching(json!({"type": "person", "key": "plan", "operator": "is_set"})))).await;
    let reply = post(&world, "/flags?v=2&detailed_analysis=true", asking()).await;
    let condition = &reply["flags"]["f"]["conditions"][0];
    assert_eq!((&condition["matched"], &condition["properties"][0]["key"]), (&json!(true), &json!("plan")));
    assert!(!reply.to_string().contains("secret"));
    assert_eq!(world.ask("u", json!({})).await["flags"]["f"].get("conditions"), None);
}

#[tokio::test]
async fn encrypted_payload_is_redacted_in_answers() {
    let world = World::new().await;
    let encrypted = world.flags.payload_key.encrypt(world.team.id, "\"hidden\"").unwrap();
    let mut filters = everyone();
    filters["payloads"] = json!({"true": encrypted});
    world.add(Flag { is_remote_configuration: true, has_encrypted_payloads: true, ..flag("conf", filters) }).await;
    let reply = world.ask("u", json!({})).await;
    assert_eq!(reply["flags"]["conf"]["metadata"]["payload"], crate::payload::REDACTED);
    assert!(!reply.to_string().contains(&encrypted));
}

#[tokio::test]
async fn ten_thousand_flags_are_answered_in_reasonable_time() {
    let world = World::new().await;
    let mut transaction = world.flags.db.begin().await.unwrap();
    for number in 0..10_000 {
        let filters = matching(json!({"key": "plan", "operator": "regex", "value": "(a+)+$", "type": "person"}));
        crate::store::insert(&mut transaction, &flag(&format!("flag-{number}"), filters)).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let loaded = world.ask("u", json!({"person_properties": {"plan": "aaaa"}})).await;
    assert_eq!(loaded["flags"].as_object().unwrap().len(), 10_000);
    let started = std::time::Instant::now();
    let evil = format!("{}!", "a".repeat(30_000));
    let reply = world.ask("u", json!({"person_properties": {"plan": evil}})).await;
    assert_eq!(reply["flags"].as_object().unwrap().len(), 10_000);
    // A pattern that backtracks would take longer than the universe has.
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
}
