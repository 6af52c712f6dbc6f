//! How questions arrive and what is refused.

use super::*;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use std::io::Write;
use std::sync::Arc;
use uuid::Uuid;
use web::testing;

async fn post(world: &World, path: &str, body: Value) -> (StatusCode, Value) {
    testing::post(&world.router, path, body).await
}

/// A body with its content type; the answer's status, JSON and text.
async fn post_raw(world: &World, path: &str, kind: &str, body: Vec<u8>) -> (StatusCode, Value, String) {
    let request = Request::post(path).header("content-type", kind).body(Body::from(body)).unwrap();
    let response = testing::send(&world.router, request).await;
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default(), String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn version_2_of_a_project_without_flags_is_an_empty_map() {
    let (status, reply) = post(&World::new().await, "/flags?v=2", asking()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(reply["flags"], json!({}));
    assert_eq!(reply["errorsWhileComputingFlags"], false);
    assert_eq!(reply["evaluatedAt"], crate::testing::NOW.millis());
    assert!(Uuid::parse_str(reply["requestId"].as_str().unwrap()).is_ok());
    assert_eq!(reply.get("token"), None);
}

#[tokio::test]
async fn config_comes_along_when_neither_version_nor_config_is_named() {
    let mut world = World::new().await;
    world.flags.remote_config = Arc::new(|served, _| {
        serde_json::Map::from_iter([("token".to_owned(), json!(served.team.api_token)), ("flags".to_owned(), json!("hidden"))])
    });
    world.router = crate::routes(world.flags.clone());
    let (_, reply) = post(&world, "/flags", asking()).await;
    assert_eq!(reply["token"], TOKEN);
    assert_eq!(reply["flags"], json!({}), "a config field must never hide the flags");
    for path in ["/flags?v=2&config=true", "/decide", "/decide?v=3", "/decide?v=4"] {
        assert_eq!(post(&world, path, asking()).await.1["token"], TOKEN, "{path}");
    }
    for path in ["/flags?config=false", "/flags?v=2", "/decide?v=3&config=false"] {
        assert_eq!(post(&world, path, asking()).await.1.get("token"), None, "{path}");
    }
}

#[tokio::test]
async fn bodies_of_browsers_old_and_new_are_read() {
    use base64::Engine;
    let world = World::new().await;
    world.add(flag("beta", everyone())).await;
    let json = asking().to_string();
    let base64 = base64::engine::general_purpose::STANDARD.encode(&json);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(json.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let form = format!("data={}", base64.replace('=', "%3D").replace('+', "%2B"));
    for (path, kind, body) in [
        ("/flags?v=2", "application/json", json.clone().into_bytes()),
        ("/flags?v=2", "text/plain", gzip.clone()),
        ("/flags?v=2&compression=gzip-js", "text/plain", gzip),
        ("/flags?v=2&compression=base64", "application/x-www-form-urlencoded", form.into_bytes()),
        ("/flags?v=2&compression=base64", "text/plain", base64.into_bytes()),
        ("/decide?v=4&ip=1&_=1767225600000&ver=1.20.0", "application/x-www-form-urlencoded; charset=utf-8", json.into_bytes()),
    ] {
        let (status, reply, text) = post_raw(&world, path, kind, body).await;
        assert_eq!((status, &reply["flags"]["beta"]["enabled"]), (StatusCode::OK, &json!(true)), "{path} as {kind}: {text}");
    }
}

#[tokio::test]
async fn refusals_are_plain_text_with_their_status() {
    let world = World::new().await;
    assert_eq!(post(&world, "/flags?v=2", json!({"distinct_id": "u"})).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&world, "/flags?v=2", json!({"token": "phc_other", "distinct_id": "u"})).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&world, "/flags?v=2", json!({"token": TOKEN})).await.0, StatusCode::BAD_REQUEST);
    let (status, reply, text) = post_raw(&world, "/flags?v=2", "application/json", b"{\"token\":".to_vec()).await;
    assert_eq!((status, reply), (StatusCode::BAD_REQUEST, Value::Null));
    assert!(text.starts_with("failed to parse request: EOF"), "{text}");
    let (status, _, text) = post_raw(&world, "/flags", "text/plain", b"\x1f\x8b\x08broken".to_vec()).await;
    assert_eq!((status, text.as_str()), (StatusCode::BAD_REQUEST, "failed to decode request: invalid GZIP data"));
    let (status, _, _) = post_raw(&world, "/flags", "application/json", vec![b' '; crate::decode::MAX_BODY_BYTES + 1]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn bomb_is_refused_before_it_is_unpacked() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&vec![b' '; 64 << 20]).unwrap();
    let (status, _, text) = post_raw(&World::new().await, "/flags", "text/plain", gzip.finish().unwrap()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("exceeds"), "{text}");
}

#[tokio::test]
async fn spellings_and_numbers_are_accepted() {
    let world = World::new().await;
    world.add(flag("number", matching(json!({"key": "distinct_id", "operator": "exact", "value": "12345"})))).await;
    let (status, reply) = post(&world, "/flags?v=2", json!({"api_key": TOKEN, "$distinct_id": 12345, "evaluation_runtime": "all"})).await;
    assert_eq!((status, &reply["flags"]["number"]["enabled"]), (StatusCode::OK, &json!(true)));
}

#[tokio::test]
async fn request_id_is_echoed_when_it_is_a_uuid() {
    let world = World::new().await;
    let id = "7f0a3c52-6d0e-4b8e-9b65-0c1f6e6d2a11";
    for (given, echoed) in [(id, true), ("not-a-uuid", false)] {
        let request = Request::post("/flags?v=2").header("x-request-id", given).body(Body::from(asking().to_string())).unwrap();
        let (_, reply) = testing::read(testing::send(&world.router, request).await).await;
        assert_eq!(reply["requestId"] == id, echoed);
    }
}

#[tokio::test]
async fn methods_answer_as_sdks_and_probes_expect() {
    let world = World::new().await;
    let send = async |method: Method, path: &str| {
        let request = Request::builder().method(method).uri(path).header("origin", "https://shop.example").body(Body::empty()).unwrap();
        testing::send(&world.router, request).await
    };
    let (status, reply) = testing::read(send(Method::GET, "/flags").await).await;
    assert_eq!((status, &reply["flags"], &reply["sessionRecording"]), (StatusCode::OK, &json!({}), &json!(false)));
    let (_, reply) = testing::read(send(Method::GET, "/decide").await).await;
    assert_eq!(reply["featureFlags"], json!({}));
    assert_eq!(reply["config"]["enable_collect_everything"], true);
    assert_eq!(send(Method::HEAD, "/flags").await.status(), StatusCode::OK);
    let preflight = send(Method::OPTIONS, "/flags").await;
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert!(preflight.headers().contains_key("allow"));
    let refused = send(Method::DELETE, "/flags").await;
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(refused.headers()["allow"], "GET, POST, OPTIONS, HEAD");
    assert_eq!(refused.headers()["access-control-allow-origin"], "https://shop.example");
    assert_eq!(send(Method::OPTIONS, "/flags/definitions").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(send(Method::POST, "/flags/definitions").await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn who_asks_too_often_is_told_so_in_json() {
    let mut world = World::new().await;
    let rate = crate::Rate { per_second: 0.001, burst: 2.0 };
    world.flags.memory = Arc::new(crate::Memory::with_rates(crate::Rates::new(Some(rate), Some(rate), Some(rate))));
    world.router = crate::routes(world.flags.clone());
    let ask = async |address: &str| {
        let request = Request::post("/flags?v=2").header("x-forwarded-for", address).body(Body::from(asking().to_string())).unwrap();
        let (status, reply) = testing::read(testing::send(&world.router, request).await).await;
        (status.as_u16(), reply["code"].clone())
    };
    assert_eq!(ask("1.2.3.4").await.0, 200);
    assert_eq!(ask("5.6.7.8").await.0, 200);
    assert_eq!(ask("9.9.9.9").await, (429, json!("rate_limit_exceeded")), "the project's burst is used up");
}
