use std::{io::Write, sync::Arc};

use axum::{Router, body::Body};
use http::{Method, Request, StatusCode};
use model::{Clock, TeamId, Timestamp, UserId};
use serde_json::{Map, Value, json};
use teams::{Team, Teams};
use uuid::Uuid;
use web::{ApiError, ApiResult, Authenticator, Caller, Credentials, KeyLimits, Lookup, ProjectRef, testing};

use crate::Flags;

const NOW_MS: i64 = 1_767_225_600_000;

async fn state() -> Flags {
    let db = db::Db::in_memory().await;
    let teams = Teams::new(db.clone());
    let team = teams.create_for_tests("phc_test").await;
    Flags {
        db,
        users: Arc::new(|_| Box::pin(async { Ok(None) })),
        teams,
        authenticator: Authenticator::new(Arc::new(Keys(team))),
        clock: Clock::Fixed(Timestamp::from_millis(NOW_MS)),
        remote_config: Arc::new(|team, _| {
            Map::from_iter([("token".to_owned(), json!(team.api_token)), ("flags".to_owned(), json!("hidden"))])
        }),
        group_types: Arc::new(|_| Box::pin(async { Ok(Map::from_iter([("0".to_owned(), json!("company"))])) })),
    }
}

async fn router() -> Router {
    crate::routes(state().await)
}

async fn post(path: &str, body: Value) -> (StatusCode, Value) {
    testing::post(&router().await, path, body).await
}

fn asking() -> Value {
    json!({"token": "phc_test", "distinct_id": "u"})
}

/// A body with its content type; the answer's status, JSON and text.
async fn post_raw(path: &str, kind: &str, body: Vec<u8>) -> (StatusCode, Value, String) {
    let request = Request::post(path).header("content-type", kind).body(Body::from(body)).unwrap();
    let response = testing::send(&router().await, request).await;
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default(), String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn version_2_answers_an_empty_map_of_records() {
    let (status, reply) = post("/flags?v=2", asking()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(reply["flags"], json!({}));
    assert_eq!(reply["errorsWhileComputingFlags"], false);
    assert_eq!(reply["evaluatedAt"], NOW_MS);
    assert!(Uuid::parse_str(reply["requestId"].as_str().unwrap()).is_ok());
    assert_eq!(reply.get("token"), None);
}

#[tokio::test]
async fn config_comes_along_when_neither_version_nor_config_is_named() {
    let (_, reply) = post("/flags", asking()).await;
    assert_eq!(reply["token"], "phc_test");
    assert_eq!(reply["flags"], json!({}), "a config field must never hide the flags");
    let (_, reply) = post("/flags?v=2&config=true", asking()).await;
    assert_eq!(reply["token"], "phc_test");
    let (_, reply) = post("/flags?config=false", asking()).await;
    assert_eq!(reply.get("token"), None);
}

#[tokio::test]
async fn older_versions_get_their_shapes() {
    let (_, reply) = post("/flags?v=1", asking()).await;
    assert_eq!((&reply["featureFlags"], &reply["featureFlagPayloads"]), (&json!({}), &json!({})));
    assert_eq!(reply.get("flags"), None);
    let (_, reply) = post("/decide", asking()).await;
    assert_eq!(reply["featureFlags"], json!([]));
    assert_eq!(reply["token"], "phc_test");
    assert_eq!(reply.get("errorsWhileComputingFlags"), None);
    let (_, reply) = post("/decide?v=2", asking()).await;
    assert_eq!(reply["featureFlags"], json!({}));
    assert_eq!(reply.get("featureFlagPayloads"), None);
    let (_, reply) = post("/decide?v=3", asking()).await;
    assert_eq!(reply["featureFlagPayloads"], json!({}));
    let (_, reply) = post("/decide?v=4", asking()).await;
    assert_eq!(reply["flags"], json!({}));
    let (_, reply) = post("/decide?v=3&config=false", asking()).await;
    assert_eq!(reply.get("token"), None);
}

#[tokio::test]
async fn bodies_of_browsers_old_and_new_are_read() {
    use base64::Engine;
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
        let (status, reply, text) = post_raw(path, kind, body).await;
        assert_eq!((status, &reply["flags"]), (StatusCode::OK, &json!({})), "{path} as {kind}: {text}");
    }
}

#[tokio::test]
async fn refusals_are_plain_text_with_their_status() {
    assert_eq!(post("/flags?v=2", json!({"distinct_id": "u"})).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(post("/flags?v=2", json!({"token": "phc_other", "distinct_id": "u"})).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(post("/flags?v=2", json!({"token": "phc_test"})).await.0, StatusCode::BAD_REQUEST);
    let (status, reply, text) = post_raw("/flags?v=2", "application/json", b"{\"token\":".to_vec()).await;
    assert_eq!((status, reply), (StatusCode::BAD_REQUEST, Value::Null));
    assert!(text.starts_with("failed to parse request: EOF"), "{text}");
    let (status, _, text) = post_raw("/flags", "text/plain", b"\x1f\x8b\x08broken".to_vec()).await;
    assert_eq!((status, text.as_str()), (StatusCode::BAD_REQUEST, "failed to decode request: invalid GZIP data"));
    let (status, _, _) = post_raw("/flags", "application/json", vec![b' '; crate::decode::MAX_BODY_BYTES + 1]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn spellings_and_numbers_are_accepted() {
    let (status, reply) = post("/flags?v=2", json!({"api_key": "phc_test", "$distinct_id": 12345})).await;
    assert_eq!((status, &reply["flags"]), (StatusCode::OK, &json!({})));
}

#[tokio::test]
async fn disabled_flags_are_an_empty_answer_with_config() {
    let (status, reply) = post("/flags?v=2&config=true", json!({"token": "phc_test", "distinct_id": "u", "disable_flags": true})).await;
    assert_eq!((status, &reply["flags"], &reply["token"]), (StatusCode::OK, &json!({}), &json!("phc_test")));
}

#[tokio::test]
async fn request_id_is_echoed_when_it_is_a_uuid() {
    let id = "7f0a3c52-6d0e-4b8e-9b65-0c1f6e6d2a11";
    for (given, echoed) in [(id, true), ("not-a-uuid", false)] {
        let request = Request::post("/flags?v=2").header("x-request-id", given).body(Body::from(asking().to_string())).unwrap();
        let (_, reply) = testing::read(testing::send(&router().await, request).await).await;
        assert_eq!(reply["requestId"] == id, echoed);
    }
}

#[tokio::test]
async fn methods_answer_as_sdks_and_probes_expect() {
    let router = router().await;
    let send = async |method: Method, path: &str| {
        let request = Request::builder().method(method).uri(path).header("origin", "https://shop.example").body(Body::empty()).unwrap();
        testing::send(&router, request).await
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
}

/// Two keys of project 1, one of them without the scope.
struct Keys(Arc<Team>);

#[async_trait::async_trait]
impl Lookup for Keys {
    async fn caller(&self, credentials: Credentials) -> ApiResult<Caller> {
        let personal = |scope: &str| Caller::PersonalKey {
            user: UserId(1),
            key: "k".into(),
            scopes: vec![scope.into()],
            limits: KeyLimits::default(),
        };
        match credentials {
            Credentials::Key(key) if key == "phs_good" => Ok(Caller::ProjectSecret { team: TeamId(1) }),
            Credentials::Key(key) if key == "phx_good" => Ok(personal("feature_flag:write")),
            Credentials::Key(key) if key == "phx_other" => Ok(personal("insight:read")),
            _ => {
                Err(ApiError::authentication("authentication_failed", "Personal API key found in request Authorization header is invalid."))
            }
        }
    }

    async fn project(&self, _: &Caller, project: ProjectRef) -> ApiResult<(Arc<Team>, u8)> {
        match project {
            ProjectRef::Id(id) if id != self.0.id => Err(ApiError::not_found_as("Project not found.")),
            _ => Ok((self.0.clone(), 1)),
        }
    }
}

async fn definitions(path: &str, headers: &[(&str, &str)]) -> http::Response<Body> {
    let router = router().await;
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    testing::send(&router, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn definitions_are_opened_by_either_server_key() {
    for path in [
        "/flags/definitions?token=phc_test&send_cohorts",
        "/api/feature_flag/local_evaluation?token=phc_test",
        "/api/feature_flag/local_evaluation",
        "/api/projects/1/feature_flags/local_evaluation",
    ] {
        for key in ["Bearer phs_good", "bearer phx_good"] {
            let response = definitions(path, &[("authorization", key)]).await;
            assert_eq!(response.headers()["cache-control"], "private, must-revalidate");
            let (status, reply) = testing::read(response).await;
            assert_eq!(
                (status, reply),
                (StatusCode::OK, json!({"flags": [], "group_type_mapping": {"0": "company"}, "cohorts": {}})),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn unchanged_definitions_are_not_sent_again() {
    let first = definitions("/flags/definitions?token=phc_test", &[("authorization", "Bearer phs_good")]).await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with("W/\""));
    let bare = tag.trim_start_matches("W/").trim_matches('"').to_owned();
    for given in [tag.clone(), format!("\"{bare}\""), bare] {
        let again =
            definitions("/flags/definitions?token=phc_test", &[("authorization", "Bearer phs_good"), ("if-none-match", &given)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()["etag"], tag.as_str());
        let body = axum::body::to_bytes(again.into_body(), 100).await.unwrap();
        assert!(body.is_empty());
    }
}

#[tokio::test]
async fn definitions_refuse_wrong_keys_and_say_why() {
    let refused = async |path: &str, headers: &[(&str, &str)]| {
        let (status, reply) = testing::read(definitions(path, headers).await).await;
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
    assert_eq!(definitions(path, &[]).await.headers().get("access-control-allow-origin"), None);
}

#[tokio::test]
async fn refusal_names_the_kind_of_key() {
    for (key, detail) in
        [("phs_wrong", "Secret API token is invalid."), ("phx_wrong", "Personal API key found in request Authorization header is invalid.")]
    {
        let bearer = format!("Bearer {key}");
        let (_, error) = testing::read(definitions("/flags/definitions?token=phc_test", &[("authorization", &bearer)]).await).await;
        assert_eq!(error["detail"], detail);
    }
}

#[tokio::test]
async fn unknown_remote_config_flag_is_404() {
    let response =
        definitions("/api/projects/@current/feature_flags/settings/remote_config?token=phc_test", &[("authorization", "Bearer phs_good")])
            .await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}
