use crate::invites::{self, Invite};
use crate::level::Level;
use crate::organization::{self, Organization};
use crate::user::{self, Email, User};
use crate::{AccountsState, fields, wire};
use activity::Entry;
use axum::extract::{OriginalUri, Path, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Map, Value};
use uuid::Uuid;
use web::{ApiError, ApiResult, Body, Page, SignedIn, paginated};

const MAX_AT_ONCE: usize = 20;
const MAX_PENDING: usize = 1_000;

pub(super) fn routes() -> Router<AccountsState> {
    Router::new()
        .route("/api/organizations/{organization_id}/invites", get(list).post(create))
        .route("/api/organizations/{organization_id}/invites/bulk", post(create_many))
        .route("/api/organizations/{organization_id}/invites/{invite_id}", delete(remove))
}

/// Invites above the caller's own level stay hidden: whoever knows the id can accept.
async fn list(
    State(state): State<AccountsState>,
    Path(id): Path<String>,
    me: SignedIn,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    me.require("organization_member:read")?;
    let (organization, level) = state.organization(&me.caller, me.user, &id).await?;
    let mut invites = invites::of_organization(&state.db, organization.id).await?;
    invites.retain(|invite| invite.level <= level);
    let count = invites.len();
    let mut results = Vec::new();
    for invite in invites.into_iter().skip(page.offset).take(page.limit) {
        let creator = match invite.created_by {
            Some(creator) => user::by_id(&state.db, creator).await?,
            None => None,
        };
        results.push(wire::invite(&invite, creator.as_ref(), state.clock.now()));
    }
    Ok(paginated(&page, count, results, &uri))
}

/// The caller and the organization, if the caller may invite there.
async fn inviter(state: &AccountsState, me: &SignedIn, id: &str) -> ApiResult<(User, Organization, Level)> {
    me.require("organization_member:write")?;
    let (organization, level) = state.organization(&me.caller, me.user, id).await?;
    if level < Level::Admin && !organization.setting_is_on("members_can_invite", true) {
        return Err(ApiError::forbidden("Your organization does not allow members to invite others."));
    }
    Ok((user::load(&state.db, me.user).await?, organization, level))
}

async fn create(
    State(state): State<AccountsState>,
    Path(id): Path<String>,
    me: SignedIn,
    Body(body): Body<Value>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let (user, organization, level) = inviter(&state, &me, &id).await?;
    let body = fields::object(body)?;
    let mut made = make(&state, &user, &organization, level, vec![body]).await?;
    let invite = made.pop().ok_or_else(|| anyhow::anyhow!("one invite was asked for and none made"))?;
    Ok((StatusCode::CREATED, Json(wire::invite(&invite, Some(&user), state.clock.now()))))
}

async fn create_many(
    State(state): State<AccountsState>,
    Path(id): Path<String>,
    me: SignedIn,
    Body(body): Body<Value>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let (user, organization, level) = inviter(&state, &me, &id).await?;
    let Value::Array(bodies) = body else {
        return Err(ApiError::invalid("This endpoint needs an array of data for bulk invite creation."));
    };
    if bodies.len() > MAX_AT_ONCE {
        return Err(ApiError::validation("max_length", format!("A maximum of {MAX_AT_ONCE} invites can be sent in a single request.")));
    }
    let bodies = bodies.into_iter().map(fields::object).collect::<ApiResult<Vec<_>>>()?;
    let made = make(&state, &user, &organization, level, bodies).await?;
    let now = state.clock.now();
    Ok((StatusCode::CREATED, Json(made.iter().map(|invite| wire::invite(invite, Some(&user), now)).collect())))
}

/// All or none. An older invite to the same address is replaced.
async fn make(
    state: &AccountsState,
    inviter: &User,
    organization: &Organization,
    level: Level,
    bodies: Vec<Map<String, Value>>,
) -> ApiResult<Vec<Invite>> {
    let mut made = Vec::new();
    for body in &bodies {
        made.push(read(state, inviter, organization, level, body).await?);
    }
    if invites::of_organization(&state.db, organization.id).await?.len() + made.len() > MAX_PENDING {
        return Err(ApiError::invalid("There are too many pending invites. Delete some first."));
    }
    let mut transaction = state.db.begin().await?;
    for invite in &made {
        invites::take(&mut transaction, invite).await?;
        invites::insert(&mut transaction, invite).await?;
    }
    transaction.commit().await?;
    for invite in &made {
        log(state, inviter, invite, "created").await;
    }
    for invite in made.iter().filter(|invite| invite.mailed) {
        send(state, inviter, organization, invite);
    }
    Ok(made)
}

async fn read(
    state: &AccountsState,
    inviter: &User,
    organization: &Organization,
    level: Level,
    body: &Map<String, Value>,
) -> ApiResult<Invite> {
    let email = Email::parse(&fields::required_text(body, "target_email", 254)?, "target_email")?;
    let wanted = match body.get("level") {
        None | Some(Value::Null) => Level::Member,
        Some(value) => Level::parse(fields::integer(value, 0, 100).map_err(|error| error.attr("level"))?)?,
    };
    if wanted > level {
        return Err(ApiError::forbidden("You cannot invite to a higher permission level than your own."));
    }
    if let Some(known) = user::by_email(&state.db, email.as_str()).await?
        && organization::level_of(&state.db, organization.id, known.id).await?.is_some()
    {
        let detail = "A user with this email address already belongs to the organization.";
        return Err(ApiError::validation("invalid", detail).attr("target_email"));
    }
    let wants_mail = body.get("send_email").and_then(Value::as_bool).unwrap_or(true);
    Ok(Invite {
        id: Uuid::new_v4(),
        organization: organization.id,
        target_email: email.as_str().to_owned(),
        first_name: fields::text(body, "first_name", 30)?.unwrap_or_default(),
        level: wanted,
        message: fields::text(body, "message", 1_000)?,
        mailed: wants_mail,
        created_by: Some(inviter.id),
        created_at: state.clock.now(),
    })
}

async fn log(state: &AccountsState, user: &User, invite: &Invite, activity: &'static str) {
    let scope = "OrganizationInvite";
    // The id is the key to the invite; the log names the address instead.
    let (name, item) = (invite.target_email.as_str(), invite.target_email.clone());
    let (organization, user, changes) = (invite.organization, Some(user.id), Vec::new());
    activity::record(&state.db, state.clock, Entry { organization, team: None, user, scope, activity, item, name, changes }).await;
}

fn send(state: &AccountsState, inviter: &User, organization: &Organization, invite: &Invite) {
    let link = format!("{}/signup/{}", state.site.url, invite.id);
    let name = if inviter.first_name.is_empty() { &inviter.email } else { &inviter.first_name };
    let mail = mail::invite(&invite.target_email, name, &organization.name, invite.message.as_deref(), &link);
    let (mailer, now) = (state.mailer.clone(), state.clock.now());
    tokio::spawn(async move {
        if let Err(error) = mailer.send(&mail, now).await {
            tracing::warn!(error = format!("{error:#}"), "invite mail was not sent");
        }
    });
}

async fn remove(State(state): State<AccountsState>, Path((id, invite)): Path<(String, String)>, me: SignedIn) -> ApiResult<StatusCode> {
    let (user, organization, level) = inviter(&state, &me, &id).await?;
    let invite: Uuid = invite.parse().map_err(|_| ApiError::not_found())?;
    let found = invites::by_id(&state.db, invite).await?.filter(|found| found.organization == organization.id && found.level <= level);
    let found = found.ok_or_else(ApiError::not_found)?;
    if !invites::delete(&state.db, organization.id, invite).await? {
        return Err(ApiError::not_found());
    }
    log(&state, &user, &found, "deleted").await;
    Ok(StatusCode::NO_CONTENT)
}
