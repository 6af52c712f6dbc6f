//! What every feature relies on, through a small router.

use axum::Router;
use axum::routing::{get, post};
use db::Db;
use http::{Request, StatusCode};
use serde_json::json;
use std::sync::Arc;
use teams::{Team, Teams};
use web::testing::{self, send};
use web::{Access, ApiError, Body, SignedIn, both_prefixes};

async fn team() -> Arc<Team> {
    Teams::new(Db::in_memory().await).create_for_tests("phc_test").await
}

fn routes() -> Router {
    let project = |prefix: &str| {
        Router::new().route(
            &format!("{prefix}/things/{{id}}"),
            get(|access: Access| async move {
                access.require("thing:read")?;
                Ok::<_, ApiError>(access.team.id.to_string())
            }),
        )
    };
    both_prefixes(project)
        .route("/api/me", get(|me: SignedIn| async move { me.user.to_string() }))
        .route("/api/maybe", get(|me: Option<SignedIn>| async move { me.is_some().to_string() }))
        .route("/api/fail", get(|| async { Err::<(), ApiError>(anyhow::anyhow!("secret cause").into()) }))
        .route("/api/echo", post(|Body(json): Body<serde_json::Value>| async move { axum::Json(json) }))
}

#[tokio::test]
async fn a_project_is_reached_by_both_prefixes_and_by_current() {
    let app = testing::signed_in(routes(), team().await);
    for path in ["/api/projects/1/things/x", "/api/environments/1/things/x", "/api/projects/@current/things/x"] {
        assert_eq!(testing::get(&app, path).await, (StatusCode::OK, json!(1)), "{path}");
    }
}

#[tokio::test]
async fn another_project_does_not_exist() {
    let app = testing::signed_in(routes(), team().await);
    for path in ["/api/projects/2/things/x", "/api/projects/abc/things/x", "/api/projects/-1/things/x"] {
        let (status, body) = testing::get(&app, path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(body, json!({"type": "invalid_request", "code": "not_found", "detail": "Project not found.", "attr": null}));
    }
}

#[tokio::test]
async fn a_key_without_the_scope_is_told_which_one() {
    let app = testing::with_scopes(routes(), team().await, &["other:read"]);
    let (status, body) = testing::get(&app, "/api/projects/1/things/x").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(body["code"], "permission_denied");
    assert_eq!(body["detail"], "API key missing required scope 'thing:read'");
    let app = testing::with_scopes(routes(), team().await, &["thing:write"]);
    assert_eq!(testing::get(&app, "/api/projects/1/things/x").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_server_fault_does_not_show_its_cause() {
    let (status, body) = testing::get(&routes(), "/api/fail").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body, json!({"type": "server_error", "code": "error", "detail": "A server error occurred.", "attr": null}));
}

#[tokio::test]
async fn unknown_paths_and_methods_answer_json() {
    let app = web::fallbacks(routes()).fallback(|| async { "the page" });
    for path in ["/api", "/api/nothing", "/api/projects/1/nothing", "/api/projects/1/things/x/y"] {
        let (status, body) = testing::get(&app, path).await;
        assert_eq!((status, &body["detail"]), (StatusCode::NOT_FOUND, &json!("API endpoint not found.")), "{path}");
    }
    assert_eq!(testing::get(&app, "/login").await.0, StatusCode::OK);
    let (status, body) = testing::delete(&app, "/api/echo").await;
    assert_eq!((status, &body["code"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("method_not_allowed")));
}

#[tokio::test]
async fn cors_marks_only_allowed_origins() {
    let app = web::cors(routes(), "https://app.example.com, chrome-extension://*, https://*.corp.example".parse().unwrap());
    for (origin, allowed, cookies) in [
        ("https://app.example.com", true, true),
        ("chrome-extension://abcdef", true, false),
        ("https://a.corp.example", true, false),
        ("https://evil.example", false, false),
        ("https://app.example.com.evil.example", false, false),
        ("https://evilcorp.example", false, false),
        ("https://x/y.corp.example", false, false),
        ("null", false, false),
    ] {
        for method in ["POST", "OPTIONS"] {
            let request = Request::builder().method(method).uri("/api/echo").header("origin", origin);
            let request = request.header("access-control-request-method", "POST").body(axum::body::Body::empty()).unwrap();
            let response = send(&app, request).await;
            let named = response.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap());
            assert_eq!(named, allowed.then_some(origin), "{method} from {origin}");
            assert_eq!(response.headers().contains_key("access-control-allow-credentials"), cookies, "{origin}");
        }
    }
    assert!("*".parse::<web::AllowedOrigins>().is_err());
    assert!("https://*".parse::<web::AllowedOrigins>().is_err());
}

#[tokio::test]
async fn pages_carry_browser_protections() {
    let html = || async { axum::response::Html("<p>") };
    let app = web::security_headers(routes().route("/", get(html)));
    let response = send(&app, Request::get("/").body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["x-frame-options"], "SAMEORIGIN");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(response.headers()["content-security-policy"].to_str().unwrap().contains("script-src 'self';"));
}
