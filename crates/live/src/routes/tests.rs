use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use futures::StreamExt;
use http::{Request, Response, StatusCode};
use model::{Clock, TeamId, Timestamp, UserId};
use serde_json::{Value, json};
use teams::{Team, Teams};
use uuid::Uuid;
use web::{ApiError, ApiResult, Authenticator, Caller, Credentials, Lookup, ProjectRef, testing};

use crate::{Hub, Limits, Live, LiveEvent, LiveTokens, token_still_holds};

struct Server {
    router: Router,
    hub: Hub,
    teams: Teams,
    team: Arc<Team>,
    token: String,
    is_member: Arc<AtomicBool>,
}

/// One person, who belongs to the project's organization until that changes.
struct Members {
    team: Arc<Team>,
    is_member: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl Lookup for Members {
    async fn caller(&self, _: Credentials) -> ApiResult<Caller> {
        Err(ApiError::unauthenticated())
    }

    async fn project(&self, _: &Caller, _: ProjectRef) -> ApiResult<(Arc<Team>, u8)> {
        match self.is_member.load(Ordering::SeqCst) {
            true => Ok((self.team.clone(), 1)),
            false => Err(ApiError::not_found_as("Project not found.")),
        }
    }
}

async fn server_with(limits: Limits) -> Server {
    let clock = Clock::Fixed(Timestamp::from_seconds(1_788_256_800));
    let teams = Teams::new(db::Db::in_memory().await);
    let team = teams.create_for_tests("phc_test").await;
    let (hub, tokens) = (Hub::new(clock), LiveTokens::new(b"secret", clock));
    let token = tokens.issue(&team, Some(UserId(1))).unwrap();
    let is_member = Arc::new(AtomicBool::new(true));
    let members = Members { team: team.clone(), is_member: is_member.clone() };
    let is_valid = token_still_holds(teams.clone(), Authenticator::new(Arc::new(members)));
    let router = crate::routes(Live { hub: hub.clone(), tokens, is_valid, limits });
    Server { router, hub, teams, team, token, is_member }
}

async fn server() -> Server {
    server_with(Limits::default()).await
}

fn event(name: &str, properties: Value) -> LiveEvent {
    LiveEvent {
        team: TeamId(1),
        uuid: Uuid::from_u128(1),
        timestamp: Timestamp::from_seconds(1_788_256_800),
        distinct_id: "u1".into(),
        person_id: Uuid::from_u128(2),
        event: name.into(),
        properties: properties.to_string().into(),
    }
}

impl Server {
    async fn get(&self, path: &str, token: Option<&str>) -> Response<Body> {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        testing::send(&self.router, request.body(Body::empty()).unwrap()).await
    }

    async fn watch(&self, query: &str) -> Frames {
        let response = self.get(&format!("/livestream/events{query}"), Some(&self.token)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut frames = Frames { body: response.into_body().into_data_stream().boxed(), pending: String::new() };
        assert_eq!(frames.next_line().await.as_deref(), Some(": watching"));
        frames
    }
}

struct Frames {
    body: futures::stream::BoxStream<'static, Result<axum::body::Bytes, axum::Error>>,
    pending: String,
}

impl Frames {
    /// The next line that is not empty; `None` when the stream has ended.
    async fn next_line(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.pending.split_once('\n') {
                let line = line.to_owned();
                self.pending = rest.to_owned();
                if !line.is_empty() {
                    return Some(line);
                }
                continue;
            }
            let chunk = self.body.next().await?.unwrap();
            self.pending.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn next(&mut self) -> Option<Value> {
        let line = self.next_line().await?;
        Some(serde_json::from_str(line.strip_prefix("data: ").unwrap()).unwrap())
    }
}

#[tokio::test]
async fn watcher_receives_what_is_published_after_it_came() {
    let server = server().await;
    server.hub.publish(&[event("before", json!({}))]);
    let mut frames = server.watch("").await;
    server.hub.publish(&[event("$pageview", json!({"$current_url": "https://shop.example/"}))]);
    let frame = frames.next().await.unwrap();
    assert_eq!((&frame["event"], &frame["distinct_id"]), (&json!("$pageview"), &json!("u1")));
    assert_eq!(frame["properties"]["$current_url"], "https://shop.example/");
}

#[tokio::test]
async fn query_narrows_the_stream() {
    let server = server().await;
    let filters = r#"[{"key":"plan","operator":"exact","value":["pro"]}]"#;
    let filters: String = filters.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let mut frames = server.watch(&format!("?eventType=signup,order&columns=plan&properties={filters}")).await;
    server.hub.publish(&[
        event("$pageview", json!({"plan": "pro"})),
        event("order", json!({"plan": "free"})),
        event("signup", json!({"plan": "pro", "email": "a@b.c"})),
    ]);
    let frame = frames.next().await.unwrap();
    assert_eq!((&frame["event"], &frame["properties"]), (&json!("signup"), &json!({"plan": "pro"})));
}

#[tokio::test]
async fn token_may_come_in_the_query() {
    let server = server().await;
    let response = server.get(&format!("/livestream/events?token={}", server.token), None).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn missing_and_wrong_tokens_are_401() {
    let server = server().await;
    for token in [None, Some("nonsense"), Some("phc_test")] {
        let (status, body) = testing::read(server.get("/livestream/events", token).await).await;
        assert_eq!((status, body), (StatusCode::UNAUTHORIZED, json!({"message": "wrong token"})));
        let (status, body) = testing::read(server.get("/livestream/stats", token).await).await;
        assert_eq!((status, body), (StatusCode::UNAUTHORIZED, json!({"error": "wrong token claims"})));
    }
}

#[tokio::test]
async fn unusable_filter_is_400() {
    let server = server().await;
    let (status, error) = testing::read(server.get("/livestream/events?properties=%7B", Some(&server.token)).await).await;
    assert_eq!((status, &error["attr"]), (StatusCode::BAD_REQUEST, &json!("properties")));
}

#[tokio::test]
async fn resetting_the_project_token_ends_open_streams_and_refuses_new_ones() {
    let limits = Limits { recheck_every: Duration::from_millis(10), ..Limits::default() };
    let server = server_with(limits).await;
    let mut frames = server.watch("").await;
    server.teams.reset_token(server.team.id, Timestamp::from_seconds(1)).await.unwrap();
    assert_eq!(frames.next().await, None);
    assert_eq!(server.get("/livestream/events", Some(&server.token)).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn removing_a_member_ends_the_streams_of_that_person() {
    let server = server_with(Limits { recheck_every: Duration::from_millis(10), ..Limits::default() }).await;
    let mut frames = server.watch("").await;
    server.is_member.store(false, Ordering::SeqCst);
    assert_eq!(frames.next().await, None);
    assert_eq!(server.get("/livestream/stats", Some(&server.token)).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn busy_stream_still_notices_that_its_token_was_revoked() {
    let server = server_with(Limits { recheck_every: Duration::from_millis(5), ..Limits::default() }).await;
    let mut frames = server.watch("").await;
    server.is_member.store(false, Ordering::SeqCst);
    // Every frame that is read makes room for another: without the check first, this loop would not end.
    loop {
        server.hub.publish(&[event("flood", json!({}))]);
        if frames.next().await.is_none() {
            break;
        }
    }
}

#[tokio::test]
async fn stream_ends_when_its_time_is_over() {
    let server = server_with(Limits { lifetime: Duration::from_millis(20), ..Limits::default() }).await;
    assert_eq!(server.watch("").await.next().await, None);
}

#[tokio::test]
async fn shutdown_ends_streams() {
    let server = server().await;
    let mut frames = server.watch("").await;
    server.hub.close();
    assert_eq!(frames.next().await, None);
}

#[tokio::test]
async fn streams_of_a_project_are_limited() {
    let server = server_with(Limits { streams_per_team: 1, ..Limits::default() }).await;
    let first = server.watch("").await;
    let refused = server.get("/livestream/events", Some(&server.token)).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    drop(first);
    server.watch("").await;
}

#[tokio::test]
async fn stats_count_people_and_seconds() {
    let server = server().await;
    let stats = async || testing::read(server.get("/livestream/stats", Some(&server.token)).await).await;
    assert_eq!(stats().await, (StatusCode::OK, json!({"error": "no stats"})));
    server.hub.publish(&[event("a", json!({})), event("b", json!({}))]);
    server.hub.publish_snapshot(TeamId(1), "session");
    let (_, stats) = stats().await;
    assert_eq!((&stats["users_on_product"], &stats["active_recordings"]), (&json!(1), &json!(1)));
    assert_eq!(stats["events_per_second"].as_array().unwrap().last(), Some(&json!(2)));
}

#[tokio::test]
async fn greeting_needs_no_token() {
    assert_eq!(server().await.get("/livestream", None).await.status(), StatusCode::OK);
}
