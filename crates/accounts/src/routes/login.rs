use crate::{AccountsState, attempts, fields, sessions, user};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use web::{ApiError, ApiResult, Body, ClientIp, SESSION_COOKIE, cookie, require_same_origin};

pub(super) fn routes() -> Router<AccountsState> {
    let guarded = axum::middleware::from_fn(same_origin);
    Router::new()
        .route("/api/login", post(login).layer(guarded.clone()))
        .route("/api/login/precheck", post(precheck))
        .route("/logout", get(logout).post(logout).layer(guarded))
}

/// Another site must not sign its visitors in or out here.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    // Following a link to /logout or to an invite is fine.
    if !request.method().is_safe()
        && let Err(error) = require_same_origin(request.extensions(), request.headers())
    {
        return error.into_response();
    }
    next.run(request).await
}

async fn login(
    State(state): State<AccountsState>,
    ClientIp(ip): ClientIp,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> ApiResult<impl IntoResponse> {
    let body = fields::object(body)?;
    let email = fields::required_text(&body, "email", 1_000)?;
    let password = fields::required_text(&body, "password", 4_096)?;
    let now = state.clock.now();
    let attempt = attempts::begin(&state.db, "login", Some(&email), ip, now).await?;
    let user = user::by_email(&state.db, &email).await?.filter(|user| user.is_active);
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let correct = state.passwords.verify(password, hash).await?;
    let Some(user) = user.filter(|_| correct) else {
        return Err(ApiError::validation("invalid_credentials", "Invalid email or password."));
    };
    attempts::succeed(&state.db, attempt).await?;
    // The old session, if any, ends, so that a planted one is worth nothing.
    if let Some(old) = cookie(&headers, SESSION_COOKIE) {
        sessions::end(&state.db, old).await?;
    }
    let session = sessions::start(&state.db, user.id, now).await?;
    user::touch_login(&state.db, user.id, now).await?;
    Ok((sessions::cookies(&state.site, &session), Json(json!({"success": true}))))
}

/// Which way of signing in the address needs. The same for unknown addresses.
async fn precheck(Body(body): Body<Value>) -> ApiResult<Json<Value>> {
    fields::required_text(&fields::object(body)?, "email", 1_000)?;
    Ok(Json(json!({"sso_enforcement": null, "saml_available": false, "webauthn_credentials": []})))
}

async fn logout(State(state): State<AccountsState>, headers: HeaderMap) -> ApiResult<impl IntoResponse> {
    if let Some(session) = cookie(&headers, SESSION_COOKIE) {
        sessions::end(&state.db, session).await?;
    }
    Ok((StatusCode::FOUND, [(LOCATION, "/login")], sessions::removed(&state.site)))
}
