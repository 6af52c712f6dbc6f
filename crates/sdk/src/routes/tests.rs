use std::sync::Arc;

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use model::Timestamp;
use serde_json::{Value, json};
use teams::Teams;
use web::testing;

use crate::{Contents, ContentsOf, Scripts, Sdk, scripts::testing::pack};

const ARRAY: &str = "window.posthog=1;";

async fn router_with(scripts: Scripts) -> Router {
    let teams = Teams::new(db::Db::in_memory().await);
    teams.create_for_tests("phc_test").await;
    crate::routes(Sdk { teams, scripts: Arc::new(scripts), contents_of: contents_of() })
}

fn contents_of() -> ContentsOf {
    Arc::new(|_| Box::pin(async { Ok(Contents { has_active_flags: true, ..Contents::default() }) }))
}

async fn router() -> Router {
    router_with(Scripts::parse(pack("1.2.3", &[("array.js", ARRAY), ("surveys.js", "surveys()")])).unwrap()).await
}

async fn get(path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    testing::send(&router().await, request.body(Body::empty()).unwrap()).await
}

async fn body(response: Response<Body>) -> Bytes {
    axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(body(response).await.to_vec()).unwrap()
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn config_is_the_object_itself() {
    let response = get("/array/phc_test/config", &[("origin", "https://shop.example")]).await;
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    assert_eq!(header(&response, "cache-control"), Some("public, max-age=300"));
    assert_eq!(header(&response, "access-control-allow-origin"), Some("https://shop.example"));
    let (status, config) = testing::read(response).await;
    assert_eq!((status, &config["token"], &config["siteApps"]), (StatusCode::OK, &json!("phc_test"), &json!([])));
}

#[tokio::test]
async fn config_script_assigns_the_config_under_the_token() {
    let response = get("/array/phc_test/config.js", &[]).await;
    assert_eq!(header(&response, "content-type"), Some("application/javascript; charset=utf-8"));
    let script = text(response).await;
    let json = script.split("config: ").nth(1).unwrap().split(",\n    siteApps").next().unwrap();
    assert_eq!(serde_json::from_str::<Value>(json).unwrap()["token"], "phc_test");
    assert!(script.contains("window._POSTHOG_REMOTE_CONFIG[\"phc_test\"] = {"));
}

#[tokio::test]
async fn unknown_token_is_404_in_every_form_and_readable_by_the_page() {
    for path in ["/array/bad/config", "/array/bad/config.js", "/array/bad/array.js"] {
        let response = get(path, &[("origin", "https://shop.example")]).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(header(&response, "access-control-allow-origin"), Some("https://shop.example"));
    }
}

#[tokio::test]
async fn unchanged_config_is_not_sent_again() {
    let first = get("/array/phc_test/config", &[]).await;
    let tag = header(&first, "etag").unwrap().to_owned();
    assert_eq!(get("/array/phc_test/config", &[("if-none-match", &tag)]).await.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn preloaded_sdk_is_the_config_followed_by_the_unmodified_script() {
    let plain = text(get("/array/phc_test/array.js", &[]).await).await;
    assert!(plain.starts_with("(function() {"));
    assert!(plain.ends_with(ARRAY));
    let packed = get("/array/phc_test/array.js", &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(header(&packed, "content-encoding"), Some("gzip"));
    let mut unpacked = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&body(packed).await[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
}

#[tokio::test]
async fn changed_setting_reaches_the_config_of_the_asking_page_only_where_it_may_record() {
    let teams = Teams::new(db::Db::in_memory().await);
    let team = teams.create_for_tests("phc_test").await;
    let change = |team: &mut teams::Team| {
        team.settings.insert("session_recording_opt_in".into(), json!(true));
        team.settings.insert("recording_domains".into(), json!(["https://*.shop.example"]));
    };
    teams.update(team.id, Timestamp::from_seconds(1), change).await.unwrap();
    let router = crate::routes(Sdk { teams, scripts: Arc::default(), contents_of: contents_of() });
    let recording = async |origin: &str| {
        let request = Request::get("/array/phc_test/config").header("origin", origin).body(Body::empty()).unwrap();
        let response = testing::send(&router, request).await;
        assert!(response.headers().get_all("vary").iter().any(|vary| vary.to_str().unwrap().contains("Referer")));
        testing::read(response).await.1["sessionRecording"].clone()
    };
    assert_eq!(recording("https://eu.shop.example").await["endpoint"], "/s/");
    assert_eq!(recording("https://evil.example").await, json!(false));
}

#[tokio::test]
async fn script_is_served_in_the_encoding_that_the_browser_takes() {
    let plain = get("/static/array.js", &[]).await;
    assert_eq!(header(&plain, "content-encoding"), None);
    assert_eq!(header(&plain, "access-control-allow-origin"), Some("*"));
    assert_eq!(header(&plain, "content-type"), Some("application/javascript; charset=utf-8"));
    assert_eq!(text(plain).await, ARRAY);
    let brotli = get("/static/array.js", &[("accept-encoding", "gzip, deflate, br")]).await;
    assert_eq!(header(&brotli, "content-encoding"), Some("br"));
    assert_eq!(body(brotli).await.as_ref(), b"br:array.js");
    let gzip = get("/static/array.js", &[("accept-encoding", "gzip")]).await;
    assert_eq!((header(&gzip, "content-encoding"), header(&gzip, "vary")), (Some("gzip"), Some("Accept-Encoding")));
}

#[tokio::test]
async fn script_that_the_browser_has_is_not_sent_again() {
    let first = get("/static/array.js", &[("accept-encoding", "br")]).await;
    let tag = header(&first, "etag").unwrap().to_owned();
    let again = get("/static/array.js", &[("accept-encoding", "br"), ("if-none-match", &tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert!(body(again).await.is_empty());
    let other = get("/static/array.js", &[("accept-encoding", "gzip"), ("if-none-match", &tag)]).await;
    assert_eq!(other.status(), StatusCode::OK, "another encoding is another body");
}

#[tokio::test]
async fn only_a_url_with_the_embedded_version_is_cached_for_good() {
    let caching = async |path: &str| header(&get(path, &[]).await, "cache-control").unwrap().to_owned();
    assert_eq!(caching("/static/surveys.js?v=1.2.3").await, "public, max-age=31536000, immutable");
    assert_eq!(caching("/static/1.2.3/surveys.js").await, "public, max-age=31536000, immutable");
    assert_eq!(caching("/static/surveys.js?v=1.100.0").await, "public, max-age=86400");
    assert_eq!(caching("/static/array.js").await, "public, max-age=3600");
}

#[tokio::test]
async fn names_outside_the_index_are_404() {
    for path in [
        "/static/..%2f..%2fetc%2fpasswd",
        "/static/%2e%2e/array.js%00",
        "/static/array.js.map",
        "/static/1.2.3/..%2farray.js",
        "/static/ARRAY.js",
    ] {
        let response = get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn toolbar_is_a_function_that_says_it_is_not_there() {
    let response = get("/static/toolbar.js?v=1.2.3&t=1767225600000", &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(text(response).await.contains("ph_load_toolbar"));
}

#[tokio::test]
async fn build_without_scripts_answers_503_with_the_way_out() {
    let router = router_with(Scripts::default()).await;
    for path in ["/static/array.js", "/array/phc_test/array.js"] {
        let response = testing::send(&router, Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(text(response).await.contains("npm ci"));
    }
}

#[tokio::test]
async fn licences_are_listed_and_readable() {
    let list = text(get("/licenses", &[]).await).await;
    assert!(list.contains("posthog-js 1.2.3") && list.contains("/licenses/posthog-js.txt"), "{list}");
    assert!(text(get("/licenses/posthog-js.txt", &[]).await).await.starts_with("Copyright 2020 Posthog"));
    assert_eq!(get("/licenses/..%2fsecret", &[]).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn public_lists_are_empty_in_their_own_shapes() {
    let list = async |path: &str| testing::read(get(path, &[]).await).await;
    assert_eq!(list("/api/product_tours?token=phc_test").await.1, json!({"product_tours": []}));
    assert_eq!(list("/api/conversations/v1/widget/messages/1").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn public_lists_refuse_missing_and_unknown_tokens_in_json() {
    for path in ["/api/product_tours"] {
        let (status, error) = testing::read(get(path, &[]).await).await;
        assert_eq!(
            (status, &error["type"], &error["code"]),
            (StatusCode::UNAUTHORIZED, &json!("authentication_error"), &json!("missing_api_key"))
        );
        let (status, error) = testing::read(get(&format!("{path}?token=phc_nobody"), &[]).await).await;
        assert_eq!((status, &error["code"]), (StatusCode::UNAUTHORIZED, &json!("invalid_api_key")));
    }
}
