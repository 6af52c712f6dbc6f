use crate::one_time::{self, Purpose};
use crate::user::{self, User};
use crate::{AccountsState, attempts, fields, password, sessions};
use axum::extract::{Path, RawQuery, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;
use web::{ApiError, ApiResult, Body, ClientIp};

pub(super) fn routes() -> Router<AccountsState> {
    let guarded = axum::middleware::from_fn(super::login::same_origin);
    Router::new().route("/api/reset", post(ask).layer(guarded.clone())).route("/api/reset/{user_uuid}", get(check).post(set).layer(guarded))
}

/// Answers the same, and as fast, for addresses that nobody has.
async fn ask(State(state): State<AccountsState>, ClientIp(ip): ClientIp, Body(body): Body<Value>) -> ApiResult<StatusCode> {
    let email = fields::required_text(&fields::object(body)?, "email", 1_000)?;
    attempts::begin_mail(&state.db, "reset", &email, ip, state.clock.now()).await?;
    tokio::spawn(async move {
        if let Err(error) = send_link(&state, &email).await {
            tracing::warn!(error = format!("{error:#}"), "password reset mail was not sent");
        }
    });
    Ok(StatusCode::NO_CONTENT)
}

async fn send_link(state: &AccountsState, email: &str) -> anyhow::Result<()> {
    let Some(user) = user::by_email(&state.db, email).await?.filter(|user| user.is_active) else {
        return Ok(());
    };
    let now = state.clock.now();
    let token = one_time::issue(&state.db, Purpose::ResetPassword, user.id, now).await?;
    let link = format!("{}/reset/{}/{token}", state.site.url, user.uuid);
    state.mailer.send(&mail::reset_password(&user.email, &user.first_name, &link), now).await
}

fn invalid_token() -> ApiError {
    ApiError::validation("invalid_token", "This reset token is invalid or has expired.").attr("token")
}

async fn owner(state: &AccountsState, uuid: &str) -> ApiResult<User> {
    let uuid: Uuid = uuid.parse().map_err(|_| invalid_token())?;
    user::by_uuid(&state.db, uuid).await?.filter(|user| user.is_active).ok_or_else(invalid_token)
}

async fn check(State(state): State<AccountsState>, Path(uuid): Path<String>, RawQuery(query): RawQuery) -> ApiResult<Json<Value>> {
    let query = query.unwrap_or_default();
    let Some(token) = query.split('&').find_map(|pair| pair.strip_prefix("token=")).filter(|token| !token.is_empty()) else {
        return Err(ApiError::required("token"));
    };
    let user = owner(&state, &uuid).await?;
    match one_time::is_valid(&state.db, Purpose::ResetPassword, user.id, token, state.clock.now()).await? {
        true => Ok(Json(json!({"success": true, "token": token}))),
        false => Err(invalid_token()),
    }
}

/// Sets the new password and ends every session of the user.
async fn set(
    State(state): State<AccountsState>,
    Path(uuid): Path<String>,
    ClientIp(ip): ClientIp,
    Body(body): Body<Value>,
) -> ApiResult<StatusCode> {
    let body = fields::object(body)?;
    let token = fields::required_text(&body, "token", 200)?;
    let password = fields::required_text(&body, "password", 4_096)?;
    let now = state.clock.now();
    let attempt = attempts::begin(&state.db, "reset-token", Some(&uuid), ip, now).await?;
    let user = owner(&state, &uuid).await?;
    if !one_time::is_valid(&state.db, Purpose::ResetPassword, user.id, &token, now).await? {
        return Err(invalid_token());
    }
    // A weak password must not use the link up.
    password::check_strength(&password, &user.email, "password")?;
    let hash = state.passwords.hash(password).await?;
    if !one_time::redeem(&state.db, Purpose::ResetPassword, user.id, &token, now).await? {
        return Err(invalid_token());
    }
    user::set_password(&state.db, user.id, &hash).await?;
    sessions::end_others(&state.db, user.id, None).await?;
    if state.mailer.delivers() {
        user::mark_verified(&state.db, user.id).await?;
    }
    attempts::succeed(&state.db, attempt).await?;
    Ok(StatusCode::NO_CONTENT)
}
