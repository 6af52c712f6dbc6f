//! For tests of feature crates: a signed-in caller without accounts, and requests without a server.

use crate::{ApiError, ApiResult, Authenticator, Caller, Credentials, Lookup, ProjectRef};
use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Method, Request, Response, StatusCode};
use model::{Timestamp, UserId};
use serde_json::Value;
use std::sync::Arc;
use teams::Team;
use tower::ServiceExt;

struct Fixed {
    caller: Caller,
    team: Arc<Team>,
    level: u8,
}

#[async_trait::async_trait]
impl Lookup for Fixed {
    async fn caller(&self, _: Credentials) -> ApiResult<Caller> {
        Ok(self.caller.clone())
    }

    async fn project(&self, _: &Caller, project: ProjectRef) -> ApiResult<(Arc<Team>, u8)> {
        match project {
            ProjectRef::Id(id) if id != self.team.id => Err(ApiError::not_found_as("Project not found.")),
            _ => Ok((self.team.clone(), self.level)),
        }
    }
}

struct Keys {
    team: Arc<Team>,
    keys: Vec<(&'static str, Caller)>,
}

#[async_trait::async_trait]
impl Lookup for Keys {
    async fn caller(&self, credentials: Credentials) -> ApiResult<Caller> {
        let (Credentials::Key(given) | Credentials::Session { id: given, .. }) = &credentials;
        let found = self.keys.iter().find(|(known, _)| known == given);
        let refused = || ApiError::authentication("authentication_failed", "Personal API key found in request is invalid.");
        found.map(|(_, caller)| caller.clone()).ok_or_else(refused)
    }

    async fn project(&self, _: &Caller, project: ProjectRef) -> ApiResult<(Arc<Team>, u8)> {
        match project {
            ProjectRef::Id(id) if id != self.team.id => Err(ApiError::not_found_as("Project not found.")),
            _ => Ok((self.team.clone(), 1)),
        }
    }
}

/// These keys and session ids open `team`; everything else is refused.
pub fn keys(team: Arc<Team>, keys: Vec<(&'static str, Caller)>) -> Authenticator {
    Authenticator::without_csrf(Arc::new(Keys { team, keys }))
}

/// Every request comes from user 1, an owner in `team`'s organization, signed in with a browser; other projects are 404.
pub fn signed_in(router: Router, team: Arc<Team>) -> Router {
    calling(router, team, Caller::Session { user: UserId(1), signed_in_at: Timestamp::EPOCH }, 15)
}

/// Every request comes from this caller with this level.
pub fn calling(router: Router, team: Arc<Team>, caller: Caller, level: u8) -> Router {
    let authenticator = Authenticator::without_csrf(Arc::new(Fixed { caller, team, level }));
    let router = router.layer(axum::middleware::from_fn(|mut request: axum::extract::Request, next: axum::middleware::Next| async {
        // Something for the extractors to find; the answer is fixed whatever it is.
        request.headers_mut().entry(http::header::COOKIE).or_insert(http::HeaderValue::from_static("sessionid=fixed"));
        next.run(request).await
    }));
    authenticator.guard(router)
}

/// Every request comes from a personal API key with these scopes.
pub fn with_scopes(router: Router, team: Arc<Team>, scopes: &[&str]) -> Router {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let caller = Caller::PersonalKey { user: UserId(1), key: "test".to_owned(), scopes, limits: crate::KeyLimits::default() };
    calling(router, team, caller, 15)
}

/// One request through the router.
pub async fn send(router: &Router, request: Request<Body>) -> Response<Body> {
    router.clone().oneshot(request).await.expect("a router cannot fail")
}

/// One request with an optional JSON body; the answer's status and JSON (`null` when it is not JSON).
pub async fn call(router: &Router, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json").header("host", "localhost");
    let body = body.map_or_else(Body::empty, |json| Body::from(json.to_string()));
    read(send(router, request.body(body).expect("the path is valid")).await).await
}

pub async fn get(router: &Router, path: &str) -> (StatusCode, Value) {
    call(router, Method::GET, path, None).await
}

pub async fn post(router: &Router, path: &str, body: Value) -> (StatusCode, Value) {
    call(router, Method::POST, path, Some(body)).await
}

pub async fn patch(router: &Router, path: &str, body: Value) -> (StatusCode, Value) {
    call(router, Method::PATCH, path, Some(body)).await
}

pub async fn delete(router: &Router, path: &str) -> (StatusCode, Value) {
    call(router, Method::DELETE, path, None).await
}

/// Status and JSON of an answer.
pub async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 64 << 20).await.expect("the answer is complete");
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}
