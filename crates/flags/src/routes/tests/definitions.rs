//! Definitions for SDKs that evaluate by themselves, and remote config flags.

use super::*;
use crate::Flag;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use web::testing;

async fn get(world: &World, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    testing::send(&world.router, request.body(Body::empty()).unwrap()).await
}

const PATHS: [&str; 4] = [
    "/flags/definitions?token=phc_test&send_cohorts",
    "/api/feature_flag/local_evaluation?token=phc_test",
    "/api/feature_flag/local_evaluation",
    "/api/projects/1/feature_flags/local_evaluation",
];

#[tokio::test]
async fn definitions_are_opened_by_either_server_key() {
    let world = World::new().await;
    world.add(flag("zeta", nobody())).await;
    world.add(Flag { active: false, ..flag("beta", everyone()) }).await;
    world.add_group(0, "company", "acme", json!({})).await;
    for path in PATHS {
        for key in ["Bearer phs_good", "bearer phx_good"] {
            let response = get(&world, path, &[("authorization", key)]).await;
            assert_eq!(response.headers()["cache-control"], "private, must-revalidate");
            let (status, reply) = testing::read(response).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            let keys: Vec<&Value> = reply["flags"].as_array().unwrap().iter().map(|flag| &flag["key"]).collect();
            assert_eq!(keys, ["beta", "zeta"]);
            assert_eq!((&reply["flags"][0]["active"], &reply["flags"][0]["filters"]), (&json!(false), &everyone()));
            assert_eq!((&reply["group_type_mapping"], &reply["cohorts"]), (&json!({"0": "company"}), &json!({})));
        }
    }
}

#[tokio::test]
async fn unchanged_definitions_are_not_sent_again() {
    let world = World::new().await;
    let authorization = ("authorization", "Bearer phs_good");
    let first = get(&world, PATHS[0], &[authorization]).await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with("W/\""));
    let bare = tag.trim_start_matches("W/").trim_matches('"').to_owned();
    for given in [tag.clone(), format!("\"{bare}\""), bare] {
        let again = get(&world, PATHS[0], &[authorization, ("if-none-match", &given)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()["etag"], tag.as_str());
        let body = axum::body::to_bytes(again.into_body(), 100).await.unwrap();
        assert!(body.is_empty());
    }
    world.add(flag("new", everyone())).await;
    let changed = get(&world, PATHS[0], &[authorization, ("if-none-match", &tag)]).await;
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(changed.headers()["etag"], tag.as_str());
}

#[tokio::test]
async fn definitions_refuse_wrong_keys_and_say_why() {
    let world = World::new().await;
    let refused = async |path: &str, headers: &[(&str, &str)]| {
        let (status, reply) = testing::read(get(&world, path, headers).await).await;
        (status.as_u16(), reply["code"].as_str().unwrap_or_default().to_owned())
    };
    let path = "/flags/definitions?token=phc_test";
    assert_eq!(refused(path, &[]).await, (401, "not_authenticated".into()));
    assert_eq!(refused(path, &[("cookie", "sessionid=x")]).await, (401, "not_authenticated".into()));
    assert_eq!(refused(path, &[("authorization", "Bearer phx_wrong")]).await, (401, "authentication_failed".into()));
    assert_eq!(refused(path, &[("authorization", "Bearer phx_other")]).await, (403, "permission_denied".into()));
    assert_eq!(
        refused("/flags/definitions?token=phc_nobody", &[("authorization", "Bearer phs_good")]).await,
        (401, "invalid_api_key".into())
    );
    assert_eq!(get(&world, path, &[]).await.headers().get("access-control-allow-origin"), None);
}

#[tokio::test]
async fn refusal_names_the_kind_of_key() {
    let world = World::new().await;
    for (key, detail) in [("phs_wrong", "Secret API token is invalid."), ("phx_wrong", "Personal API key found in request is invalid.")] {
        let bearer = format!("Bearer {key}");
        let (_, error) = testing::read(get(&world, PATHS[0], &[("authorization", &bearer)]).await).await;
        assert_eq!(error["detail"], detail);
    }
}

#[tokio::test]
async fn definitions_limit_how_often_they_are_fetched_when_the_operator_wants_it() {
    let mut world = World::new().await;
    let rate = crate::Rate { per_second: 0.001, burst: 1.0 };
    world.flags.memory = std::sync::Arc::new(crate::Memory::with_rates(crate::Rates::new(None, None, Some(rate))));
    world.router = crate::routes(world.flags.clone());
    let fetch = async || get(&world, PATHS[0], &[("authorization", "Bearer phs_good")]).await.status().as_u16();
    assert_eq!((fetch().await, fetch().await), (200, 429));
}

#[tokio::test]
async fn remote_config_is_the_payload_as_json_text() {
    let world = World::new().await;
    let remote = |key: &str, payload: Option<&str>| {
        let mut filters = everyone();
        filters["payloads"] = payload.map_or_else(|| json!({}), |payload| json!({"true": payload}));
        Flag { is_remote_configuration: true, ..flag(key, filters) }
    };
    let id = world.add(remote("settings", Some("{\"a\":1}"))).await;
    world.add(remote("bare", None)).await;
    world.add(flag("normal", everyone())).await;
    let encrypted = world.flags.payload_key.encrypt(world.team.id, "\"hidden\"").unwrap();
    world.add(Flag { has_encrypted_payloads: true, ..remote("secret", Some(&encrypted)) }).await;
    let fetch = async |key: &str| {
        let path = format!("/api/projects/@current/feature_flags/{key}/remote_config?token=phc_test");
        let (status, payload) = testing::read(get(&world, &path, &[("authorization", "Bearer phs_good")]).await).await;
        (status.as_u16(), payload)
    };
    assert_eq!(fetch("settings").await, (200, json!("{\"a\":1}")));
    assert_eq!(fetch(&id.to_string()).await, (200, json!("{\"a\":1}")));
    assert_eq!(fetch("bare").await, (200, Value::Null));
    assert_eq!(fetch("secret").await, (200, json!("\"hidden\"")));
    assert_eq!(fetch("normal").await.0, 404);
    assert_eq!(fetch("unknown").await.0, 404);
    let path = "/api/projects/1/feature_flags/secret/remote_config";
    let (_, seen) = testing::read(get(&world, path, &[("cookie", "sessionid=browser")]).await).await;
    assert_eq!(seen, crate::payload::REDACTED);
}
