use crate::signup::{self, Applicant};
use crate::user::{Email, User};
use crate::{AccountsState, attempts, fields, invites, organization, password, sessions, user, wire};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;
use web::{ApiError, ApiResult, Body, SignedIn};

pub(super) fn routes() -> Router<AccountsState> {
    Router::new()
        .route("/api/signup", post(sign_up).layer(axum::middleware::from_fn(super::login::same_origin)))
        .route("/api/signup/precheck", post(precheck))
        .route("/api/signup/{invite_id}", get(show_invite).post(accept_invite).layer(axum::middleware::from_fn(super::login::same_origin)))
}

/// A user as sign-up answers it, signed in.
async fn welcome(state: &AccountsState, user: &User) -> ApiResult<Response> {
    let session = sessions::start(&state.db, user.id, state.clock.now()).await?;
    user::touch_login(&state.db, user.id, state.clock.now()).await?;
    let mut body = wire::user_basic(user);
    if let Some(object) = body.as_object_mut() {
        object.insert("redirect_url".to_owned(), json!("/"));
    }
    Ok((StatusCode::CREATED, sessions::cookies(&state.site, &session), Json(body)).into_response())
}

async fn sign_up(State(state): State<AccountsState>, Body(body): Body<Value>) -> ApiResult<Response> {
    let body = fields::object(body)?;
    if !signup::is_open(&state).await? {
        return Err(signup::closed());
    }
    let email = Email::parse(&fields::required_text(&body, "email", 254)?, "email")?;
    let organization_name = match fields::text(&body, "organization_name", 64)? {
        Some(name) if !name.trim().is_empty() => name.trim().to_owned(),
        _ => first_word_of(&body, &email),
    };
    if user::by_email(&state.db, email.as_str()).await?.is_some() {
        return Err(user::email_taken());
    }
    let applicant = applicant(&state, &body, email).await?;
    let founded = signup::found(&state, applicant, &organization_name, None).await?;
    if founded.is_first
        && let Some(after) = &state.after_first_sign_up
    {
        after(founded.organization.id, founded.user.id);
    }
    welcome(&state, &founded.user).await
}

/// An organization nobody named is called after its founder.
fn first_word_of(body: &Map<String, Value>, email: &Email) -> String {
    let name = body.get("first_name").and_then(Value::as_str).unwrap_or_else(|| email.as_str().split('@').next().unwrap_or_default());
    name.trim().chars().take(64).collect()
}

/// Reads and checks names and password; the password is hashed last, because that is slow.
async fn applicant(state: &AccountsState, body: &Map<String, Value>, email: Email) -> ApiResult<Applicant> {
    let first_name = fields::required_text(body, "first_name", 128)?;
    let last_name = fields::text(body, "last_name", 128)?.unwrap_or_default();
    let role_at_organization = fields::text(body, "role_at_organization", 128)?.filter(|role| !role.is_empty());
    let password = fields::required_text(body, "password", 4_096)?;
    password::check_strength(&password, email.as_str(), "password")?;
    let password_hash = state.passwords.hash(password).await?;
    Ok(Applicant { email, first_name, last_name, password_hash, role_at_organization })
}

/// Whether the address may be used, as the sign-up form asks before its second page.
async fn precheck(State(state): State<AccountsState>, Body(body): Body<Value>) -> ApiResult<Json<Value>> {
    let email = Email::parse(&fields::required_text(&fields::object(body)?, "email", 254)?, "email")?;
    if !signup::is_open(&state).await? {
        return Err(signup::closed());
    }
    if user::by_email(&state.db, email.as_str()).await?.is_some() {
        return Err(user::email_taken());
    }
    Ok(Json(json!({"email_exists": false})))
}

async fn find_invite(state: &AccountsState, id: &str) -> ApiResult<invites::Invite> {
    let id: Uuid = id.parse().map_err(|_| signup::unknown_invite())?;
    let invite = invites::by_id(&state.db, id).await?.ok_or_else(signup::unknown_invite)?;
    match invite.is_expired(state.clock.now()) {
        true => Err(ApiError::validation("expired", "This invite has expired. Please ask your admin for a new one.")),
        false => Ok(invite),
    }
}

fn wrong_person(invite: &invites::Invite, user: &User) -> ApiError {
    let detail = format!(
        "This invite is intended for another email address: {}. You tried to sign up with {}.",
        masked(&invite.target_email),
        user.email
    );
    ApiError::validation("invalid_recipient", detail)
}

async fn show_invite(State(state): State<AccountsState>, Path(id): Path<String>, signed_in: Option<SignedIn>) -> ApiResult<Json<Value>> {
    let invite = find_invite(&state, &id).await?;
    match signed_in {
        Some(signed_in) => {
            let user = user::load(&state.db, signed_in.user).await?;
            if !user.email.eq_ignore_ascii_case(&invite.target_email) {
                return Err(wrong_person(&invite, &user));
            }
        }
        None if user::by_email(&state.db, &invite.target_email).await?.is_some() => {
            let detail = "There already exists an account with the email address this invite is for. Please log in instead.";
            return Err(ApiError::validation("account_exists", detail).with("next", format!("/login?next=/signup/{}", invite.id)));
        }
        None => {}
    }
    let organization = organization::by_id(&state.db, invite.organization).await?.ok_or_else(signup::unknown_invite)?;
    Ok(Json(json!({
        "id": invite.id,
        "target_email": masked(&invite.target_email),
        "first_name": invite.first_name,
        "organization_name": organization.name,
    })))
}

/// With a session the invite is for that user; without, for a new one.
async fn accept_invite(
    State(state): State<AccountsState>,
    Path(id): Path<String>,
    signed_in: Option<SignedIn>,
    request: Request,
) -> ApiResult<Response> {
    let ip = web::client_ip(request.extensions(), request.headers());
    let attempt = attempts::begin(&state.db, "invite", None, ip, state.clock.now()).await?;
    let invite = find_invite(&state, &id).await?;
    attempts::succeed(&state.db, attempt).await?;
    if let Some(signed_in) = signed_in {
        let user = user::load(&state.db, signed_in.user).await?;
        if !user.email.eq_ignore_ascii_case(&invite.target_email) {
            return Err(wrong_person(&invite, &user));
        }
        signup::join_as_known(&state, &invite, &user).await?;
        let mut body = wire::user_basic(&user);
        body["redirect_url"] = json!("/");
        return Ok((StatusCode::CREATED, Json(body)).into_response());
    }
    let Body(body) = <Body<Value> as axum::extract::FromRequest<_>>::from_request(request, &()).await?;
    let mut body = fields::object(body)?;
    body.entry("first_name").or_insert_with(|| json!(invite.first_name));
    let email = Email::parse(&invite.target_email, "email")?;
    if user::by_email(&state.db, email.as_str()).await?.is_some() {
        return Err(user::email_taken());
    }
    let applicant = applicant(&state, &body, email).await?;
    let user = signup::join_as_new(&state, &invite, applicant).await?;
    welcome(&state, &user).await
}

/// `j*****e@example.com`.
fn masked(email: &str) -> String {
    let (local, domain) = email.split_once('@').unwrap_or((email, ""));
    let (first, last) = (local.chars().next(), local.chars().next_back());
    match (first, last) {
        (Some(first), Some(last)) => format!("{first}*****{last}@{domain}"),
        _ => format!("*****@{domain}"),
    }
}
