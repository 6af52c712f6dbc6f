use crate::one_time::{self, Purpose};
use crate::user::{self, Email, User};
use crate::wire::{self, USER_FIELDS};
use crate::{AccountsState, attempts, fields, organization, password, sessions};
use axum::extract::{Path, State};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use model::{OrganizationId, TeamId};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use web::{ApiError, ApiResult, Body, Caller, ClientIp, SESSION_COOKIE, SignedIn, cookie};

pub(super) fn routes() -> Router<AccountsState> {
    Router::new()
        .route("/api/users", get(list))
        .route("/api/users/{user_uuid}", get(show).patch(change).delete(remove))
        .route("/api/users/verify_email", post(verify_email))
        .route("/api/users/request_email_verification", post(request_verification))
        .route("/api/users/cancel_email_change_request", patch(cancel_email_change))
        .route("/api/users/{user_uuid}/hedgehog_config", get(hedgehog).patch(set_hedgehog))
        .route("/api/users/{user_uuid}/scene_personalisation", post(personalise_scene))
        .route("/api/users/{user_uuid}/two_factor_status", get(two_factor_status))
}

/// `@me`, or the caller's own uuid. Staff see others too, but change only themselves.
async fn own(state: &AccountsState, me: &SignedIn, text: &str, scope: &str) -> ApiResult<User> {
    me.require(scope)?;
    let user = user::load(&state.db, me.user).await?;
    match text == "@me" || text.parse() == Ok(user.uuid) {
        true => Ok(user),
        false => Err(ApiError::not_found()),
    }
}

async fn list(State(state): State<AccountsState>, me: SignedIn) -> ApiResult<Json<Value>> {
    me.require("user:read")?;
    let user = user::load(&state.db, me.user).await?;
    let one = wire::user(&state, &user, &me.caller).await?;
    Ok(Json(json!({"count": 1, "next": null, "previous": null, "results": [one]})))
}

async fn show(State(state): State<AccountsState>, Path(uuid): Path<String>, me: SignedIn) -> ApiResult<Json<Value>> {
    let user = own(&state, &me, &uuid, "user:read").await?;
    Ok(Json(wire::user(&state, &user, &me.caller).await?))
}

async fn change(
    State(state): State<AccountsState>,
    Path(uuid): Path<String>,
    me: SignedIn,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> ApiResult<Json<Value>> {
    let mut user = own(&state, &me, &uuid, "user:write").await?;
    let body = fields::object(body)?;
    let settings = fields::read(USER_FIELDS, &body)?;
    if body.contains_key("first_name") {
        user.first_name = fields::required_text(&body, "first_name", 150)?;
    }
    if let Some(last_name) = fields::text(&body, "last_name", 150)? {
        user.last_name = last_name;
    }
    if let Some(pair) = chosen_place(&state, &user, &body).await? {
        (user.current_organization, user.current_team) = pair;
    }
    change_password(&state, &me, &user, &body, &headers).await?;
    let new_email = change_email(&state, &me, &user, &body).await?;
    user.settings.extend(settings);
    user::save(&state.db, &user).await?;
    if let Some(email) = new_email {
        apply_email(&state, &user, email).await?;
    }
    let user = user::load(&state.db, me.user).await?;
    Ok(Json(wire::user(&state, &user, &me.caller).await?))
}

type Place = (Option<OrganizationId>, Option<TeamId>);

/// `set_current_team` wins, because its organization follows from it.
async fn chosen_place(state: &AccountsState, user: &User, body: &Map<String, Value>) -> ApiResult<Option<Place>> {
    if let Some(value) = body.get("set_current_team").filter(|value| !value.is_null()) {
        let missing = || ApiError::validation("does_not_exist", format!("Object with id={value} does not exist.")).attr("set_current_team");
        let id = fields::integer(value, 1, i64::MAX).map_err(|error| error.attr("set_current_team"))?;
        let team = state.may_see(user.id, TeamId(id)).await?.ok_or_else(missing)?;
        return Ok(Some((Some(team.organization), Some(team.id))));
    }
    if let Some(value) = body.get("set_current_organization").filter(|value| !value.is_null()) {
        let missing =
            || ApiError::validation("does_not_exist", format!("Object with id={value} does not exist.")).attr("set_current_organization");
        let id = value.as_str().and_then(|text| text.parse::<Uuid>().ok()).map(OrganizationId).ok_or_else(missing)?;
        organization::level_of(&state.db, id, user.id).await?.ok_or_else(missing)?;
        let team = state.teams.of_organization(id).await?.first().map(|team| team.id);
        return Ok(Some((Some(id), team)));
    }
    Ok(None)
}

/// A new password needs the old one, ends the other sessions, and takes the reset links with it.
async fn change_password(
    state: &AccountsState,
    me: &SignedIn,
    user: &User,
    body: &Map<String, Value>,
    headers: &HeaderMap,
) -> ApiResult<()> {
    let Some(new) = fields::text(body, "password", 4_096)? else {
        return Ok(());
    };
    if !matches!(me.caller, Caller::Session { .. }) {
        return Err(ApiError::forbidden("This action does not support Personal API Key access"));
    }
    if user.password_hash.is_some() {
        let Some(current) = fields::text(body, "current_password", 4_096)? else {
            let detail = "This field is required when updating your password.";
            return Err(ApiError::validation("required", detail).attr("current_password"));
        };
        let now = state.clock.now();
        let attempt = attempts::begin(&state.db, "login", Some(&user.email), None, now).await?;
        if !state.passwords.verify(current, user.password_hash.clone()).await? {
            let detail = "Your current password is incorrect.";
            return Err(ApiError::validation("incorrect_password", detail).attr("current_password"));
        }
        attempts::succeed(&state.db, attempt).await?;
    }
    password::check_strength(&new, &user.email, "password")?;
    let hash = state.passwords.hash(new).await?;
    user::set_password(&state.db, user.id, &hash).await?;
    one_time::revoke(&state.db, Purpose::ResetPassword, user.id).await?;
    sessions::end_others(&state.db, user.id, cookie(headers, SESSION_COOKIE)).await?;
    Ok(())
}

/// The new address, checked, when the body holds a different one.
async fn change_email(state: &AccountsState, me: &SignedIn, user: &User, body: &Map<String, Value>) -> ApiResult<Option<Email>> {
    let Some(text) = fields::text(body, "email", 254)? else {
        return Ok(None);
    };
    let email = Email::parse(&text, "email")?;
    if email.as_str() == user.email {
        return Ok(None);
    }
    super::require_recent_session(&me.caller, state.clock.now())?;
    match user::by_email(&state.db, email.as_str()).await? {
        Some(other) if other.id != user.id => Err(user::email_taken()),
        _ => Ok(Some(email)),
    }
}

/// Where mail is delivered, the new address counts only once its owner has confirmed it.
async fn apply_email(state: &AccountsState, user: &User, email: Email) -> ApiResult<()> {
    if !state.mailer.delivers() {
        return user::set_email(&state.db, user.id, &email).await;
    }
    user::set_pending_email(&state.db, user.id, Some(email.as_str())).await?;
    send_verification(state, user, email.as_str().to_owned());
    Ok(())
}

fn send_verification(state: &AccountsState, user: &User, to: String) {
    let (state, user) = (state.clone(), user.clone());
    tokio::spawn(async move {
        let now = state.clock.now();
        let sent = async {
            let token = one_time::issue(&state.db, Purpose::VerifyEmail, user.id, now).await?;
            let link = format!("{}/verify_email/{}/{token}", state.site.url, user.uuid);
            state.mailer.send(&mail::verify_email(&to, &user.first_name, &link), now).await
        };
        if let Err(error) = sent.await {
            tracing::warn!(error = format!("{error:#}"), "verification mail was not sent");
        }
    });
}

async fn verify_email(State(state): State<AccountsState>, ClientIp(ip): ClientIp, Body(body): Body<Value>) -> ApiResult<Json<Value>> {
    let body = fields::object(body)?;
    let uuid = fields::required_text(&body, "uuid", 64)?;
    let token = fields::required_text(&body, "token", 200)?;
    let now = state.clock.now();
    let attempt = attempts::begin(&state.db, "verify", Some(&uuid), ip, now).await?;
    let invalid = || ApiError::validation("invalid_token", "This verification token is invalid or has expired.").attr("token");
    let uuid: Uuid = uuid.parse().map_err(|_| invalid())?;
    let user = user::by_uuid(&state.db, uuid).await?.filter(|user| user.is_active).ok_or_else(invalid)?;
    if !one_time::redeem(&state.db, Purpose::VerifyEmail, user.id, &token, now).await? {
        return Err(invalid());
    }
    match &user.pending_email {
        Some(pending) => user::set_email(&state.db, user.id, &Email::parse(pending, "email")?).await?,
        None => user::mark_verified(&state.db, user.id).await?,
    }
    attempts::succeed(&state.db, attempt).await?;
    Ok(Json(json!({"success": true})))
}

async fn request_verification(
    State(state): State<AccountsState>,
    ClientIp(ip): ClientIp,
    Body(body): Body<Value>,
) -> ApiResult<Json<Value>> {
    let uuid = fields::required_text(&fields::object(body)?, "uuid", 64)?;
    attempts::begin_mail(&state.db, "request-verify", &uuid, ip, state.clock.now()).await?;
    if !state.mailer.delivers() {
        return Err(ApiError::validation(
            "email_not_available",
            "Cannot verify email address because email is not configured for this instance.",
        ));
    }
    if let Ok(uuid) = uuid.parse()
        && let Some(user) = user::by_uuid(&state.db, uuid).await?
    {
        let to = user.pending_email.clone().unwrap_or_else(|| user.email.clone());
        send_verification(&state, &user, to);
    }
    Ok(Json(json!({"success": true})))
}

async fn cancel_email_change(State(state): State<AccountsState>, me: SignedIn) -> ApiResult<Json<Value>> {
    me.require("user:write")?;
    user::set_pending_email(&state.db, me.user, None).await?;
    one_time::revoke(&state.db, Purpose::VerifyEmail, me.user).await?;
    let user = user::load(&state.db, me.user).await?;
    Ok(Json(wire::user(&state, &user, &me.caller).await?))
}

/// Deletes the caller's own account, once it belongs to nothing that others might lose.
async fn remove(State(state): State<AccountsState>, Path(uuid): Path<String>, me: SignedIn) -> ApiResult<StatusCode> {
    let user = own(&state, &me, &uuid, "user:write").await?;
    super::require_recent_session(&me.caller, state.clock.now())?;
    if !organization::of_user(&state.db, user.id).await?.is_empty() {
        return Err(ApiError::conflict("You must leave or delete all your organizations before deleting your account."));
    }
    user::delete(&state.db, user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn hedgehog(State(state): State<AccountsState>, Path(uuid): Path<String>, me: SignedIn) -> ApiResult<Json<Value>> {
    let user = own(&state, &me, &uuid, "user:read").await?;
    Ok(Json(user.settings.get("hedgehog_config").cloned().filter(Value::is_object).unwrap_or_else(|| json!({}))))
}

async fn set_hedgehog(
    State(state): State<AccountsState>,
    Path(uuid): Path<String>,
    me: SignedIn,
    Body(body): Body<Value>,
) -> ApiResult<Json<Value>> {
    let mut user = own(&state, &me, &uuid, "user:write").await?;
    let config = Value::Object(fields::object(body)?);
    let mut change = Map::new();
    change.insert("hedgehog_config".to_owned(), config.clone());
    user.settings.extend(fields::read(USER_FIELDS, &change)?);
    user::save(&state.db, &user).await?;
    Ok(Json(config))
}

/// Which dashboard the caller sees on a page: `{scene, dashboard}`.
async fn personalise_scene(
    State(state): State<AccountsState>,
    Path(uuid): Path<String>,
    me: SignedIn,
    Body(body): Body<Value>,
) -> ApiResult<Json<Value>> {
    let mut user = own(&state, &me, &uuid, "user:write").await?;
    let body = fields::object(body)?;
    let scene = fields::required_text(&body, "scene", 200)?;
    let dashboard = fields::integer(body.get("dashboard").unwrap_or(&Value::Null), 1, i64::MAX).map_err(|error| error.attr("dashboard"))?;
    let mut list = user.settings.get("scene_personalisation").and_then(Value::as_array).cloned().unwrap_or_default();
    list.retain(|entry| entry["scene"] != scene.as_str());
    list.push(json!({"scene": scene, "dashboard": dashboard}));
    list.truncate(100);
    user.settings.insert("scene_personalisation".to_owned(), Value::Array(list));
    user::save(&state.db, &user).await?;
    Ok(Json(wire::user(&state, &user, &me.caller).await?))
}

async fn two_factor_status(State(state): State<AccountsState>, Path(uuid): Path<String>, me: SignedIn) -> ApiResult<Json<Value>> {
    own(&state, &me, &uuid, "user:read").await?;
    Ok(Json(json!({"is_enabled": false, "backup_codes": [], "method": null})))
}
