use super::*;

const FEATURES: &str = "/api/projects/1/early_access_feature";

async fn feature(world: &World, body: Value) -> Value {
    let (status, reply) = world.post(FEATURES, body).await;
    assert_eq!(status, StatusCode::CREATED, "{}: {reply}", world.name);
    reply
}

async fn offered(world: &World, query: &str) -> Vec<String> {
    let list = world.get(&format!("/api/early_access_features?token=phc_test{query}")).await;
    list["earlyAccessFeatures"].as_array().unwrap().iter().map(|feature| feature["flagKey"].as_str().unwrap_or("-").to_owned()).collect()
}

#[tokio::test]
async fn a_feature_brings_a_flag_that_nobody_has_until_they_choose_to() {
    for world in worlds().await {
        let made =
            feature(&world, json!({"name": "New Check-out!", "stage": "beta", "description": "d", "payload": {"image": "x.png"}})).await;
        let flag = world.get(&format!("{FLAGS}/{}", made["feature_flag"]["id"])).await;
        assert_eq!((&flag["key"], &flag["filters"]["feature_enrollment"]), (&json!("new-check-out"), &json!(true)), "{}", world.name);
        assert_eq!((&flag["rollout_percentage"], &flag["features"][0]["id"]), (&json!(0), &made["id"]));
        let public = world.get("/api/early_access_features?token=phc_test").await;
        let expected = json!({"id": made["id"], "name": "New Check-out!", "description": "d", "stage": "beta", "documentationUrl": "",
            "payload": {"image": "x.png"}, "flagKey": "new-check-out"});
        assert_eq!(public["earlyAccessFeatures"], json!([expected]));
        assert_eq!(world.get(&format!("{FEATURES}/{}", made["id"].as_str().unwrap())).await, made);
        assert_eq!(world.get(FEATURES).await["count"], 1);
    }
}

#[tokio::test]
async fn sdks_are_offered_features_of_the_stages_they_ask_for() {
    for world in worlds().await {
        for (name, stage) in [("one", "beta"), ("two", "concept"), ("three", "draft"), ("four", "alpha")] {
            feature(&world, json!({"name": name, "stage": stage})).await;
        }
        assert_eq!(offered(&world, "").await, ["one"]);
        assert_eq!(offered(&world, "&stage=concept").await, ["two"]);
        let mut both = offered(&world, "&stage=alpha&stage=beta").await;
        both.sort_unstable();
        assert_eq!(both, ["four", "one"]);
        assert_eq!(offered(&world, "&stage=odd").await.len(), 0);
        for (query, code) in [("", "missing_api_key"), ("?token=phc_other", "invalid_api_key")] {
            let (status, reply) = world.call_as("phx_1", Method::GET, &format!("/api/early_access_features{query}"), None).await;
            assert_eq!((status.as_u16(), &reply["code"], &reply["type"]), (401, &json!(code), &json!("authentication_error")));
        }
    }
}

#[tokio::test]
async fn people_choose_while_the_feature_is_in_a_release_stage() {
    for world in worlds().await {
        let made = feature(&world, json!({"name": "beta", "stage": "concept"})).await;
        let feature_path = format!("{FEATURES}/{}", made["id"].as_str().unwrap());
        let flag_path = format!("{FLAGS}/{}", made["feature_flag"]["id"]);
        assert_eq!(world.get(&flag_path).await["filters"].get("feature_enrollment"), None);
        for (stage, chooses) in [("alpha", true), ("archived", false), ("general-availability", true), ("draft", false), ("beta", true)] {
            let (status, reply) = world.patch(&feature_path, json!({"stage": stage})).await;
            assert_eq!((status.as_u16(), &reply["stage"]), (200, &json!(stage)), "{}: {reply}", world.name);
            assert_eq!(world.get(&flag_path).await["filters"]["feature_enrollment"] == true, chooses, "{stage}");
        }
        assert_eq!(world.patch(&flag_path, json!({"deleted": true})).await.0, StatusCode::BAD_REQUEST, "a feature uses it");
        let (_, edited) = world.patch(&flag_path, json!({"filters": {"groups": [{"rollout_percentage": 7}]}})).await;
        assert_eq!(edited["filters"], json!({"groups": [{"rollout_percentage": 7}], "feature_enrollment": true}), "the choice stays");
        assert_eq!(world.status(Method::DELETE, &feature_path).await, StatusCode::NO_CONTENT);
        assert_eq!(world.status(Method::GET, &feature_path).await, StatusCode::NOT_FOUND);
        assert_eq!(world.get(&flag_path).await["filters"].get("feature_enrollment"), None);
        assert_eq!(world.patch(&flag_path, json!({"deleted": true})).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_feature_takes_only_a_flag_that_suits_it() {
    for world in worlds().await {
        let suits = world.create(json!({"key": "suits"})).await;
        let variants = world
            .create(
                json!({"key": "v", "filters": {"groups": [{}], "multivariate": {"variants": [{"key": "a", "rollout_percentage": 100}]}}}),
            )
            .await;
        let groups = world.create(json!({"key": "g", "filters": {"groups": [{}], "aggregation_group_type_index": 0}})).await;
        let mixed = world.create(json!({"key": "m", "filters": {"groups": [{}, {"aggregation_group_type_index": 1}]}})).await;
        feature(&world, json!({"name": "first", "stage": "beta", "feature_flag_id": suits["id"]})).await;
        for (id, expected) in [
            (&suits["id"], "Another early access feature"),
            (&variants["id"], "has variants"),
            (&groups["id"], "matches groups"),
            (&mixed["id"], "matches groups"),
            (&json!(999), "Not found"),
        ] {
            let (_, _, detail) = world.refused(FEATURES, json!({"name": "x", "stage": "beta", "feature_flag_id": id})).await;
            assert!(detail.contains(expected), "{detail:?} should say {expected:?}");
        }
        assert_eq!(world.get(&path(&variants)).await["filters"].get("feature_enrollment"), None);
        for (body, attr) in [
            (json!({"stage": "beta"}), "name"),
            (json!({"name": "x", "stage": "gamma"}), "stage"),
            (json!({"name": "x"}), "stage"),
            (json!({"name": "!!!", "stage": "beta"}), "name"),
            (json!({"name": "suits", "stage": "beta"}), "name"),
            (json!({"name": "x", "stage": "beta", "documentation_url": "javascript:alert(1)"}), "documentation_url"),
            (json!({"name": "x", "stage": "beta", "payload": [1]}), "payload"),
        ] {
            let (status, reply) = world.post(FEATURES, body).await;
            assert_eq!((status.as_u16(), &reply["attr"]), (400, &json!(attr)), "{reply}");
        }
        assert_eq!(world.get(FEATURES).await["count"], 1);
    }
}
