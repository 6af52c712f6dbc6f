use crate::level::{Level, may_change};
use crate::organization::{self, Membership};
use crate::{AccountsState, fields, keys, user, wire};
use activity::Entry;
use axum::extract::{OriginalUri, Path, State};
use axum::routing::{get, patch};
use axum::{Json, Router};
use db::Transaction;
use http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;
use web::{ApiError, ApiResult, Body, Page, SignedIn, paginated};

pub(super) fn routes() -> Router<AccountsState> {
    Router::new()
        .route("/api/organizations/{organization_id}/members", get(list))
        .route("/api/organizations/{organization_id}/members/{user_uuid}", patch(change).put(change).delete(remove))
        .route("/api/organizations/{organization_id}/members/{user_uuid}/scoped_api_keys", get(scoped_keys))
}

async fn list(
    State(state): State<AccountsState>,
    Path(id): Path<String>,
    me: SignedIn,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    me.require("organization_member:read")?;
    let (organization, _) = state.organization(&me.caller, me.user, &id).await?;
    let members = organization::members(&state.db, organization.id).await?;
    let count = members.len();
    let mut results = Vec::new();
    for membership in members.into_iter().skip(page.offset).take(page.limit) {
        if let Some(user) = user::by_id(&state.db, membership.user).await? {
            results.push(wire::member(&user, &membership));
        }
    }
    Ok(paginated(&page, count, results, &uri))
}

struct Pair {
    own: Membership,
    target: Membership,
    target_user: user::User,
    everyone: Vec<Membership>,
}

/// The caller's membership and the one in the path, with the organization held still until the transaction ends.
async fn hold(state: &AccountsState, me: &SignedIn, organization: &str, uuid: &str) -> ApiResult<(Transaction, Pair)> {
    let (organization, _) = state.organization(&me.caller, me.user, organization).await?;
    let uuid = if uuid == "@me" { None } else { Some(uuid.parse::<Uuid>().map_err(|_| ApiError::not_found())?) };
    let target_user = match uuid {
        None => user::load(&state.db, me.user).await?,
        Some(uuid) => user::by_uuid(&state.db, uuid).await?.ok_or_else(ApiError::not_found)?,
    };
    let mut transaction = state.db.begin().await?;
    organization::lock(&mut transaction, organization.id).await?;
    let everyone = organization::members_in(&mut transaction, organization.id).await?;
    let of = |id| everyone.iter().find(|member| member.user == id).cloned().ok_or_else(ApiError::not_found);
    let pair = Pair { own: of(me.user)?, target: of(target_user.id)?, target_user, everyone };
    Ok((transaction, pair))
}

async fn change(
    State(state): State<AccountsState>,
    Path((id, uuid)): Path<(String, String)>,
    me: SignedIn,
    Body(body): Body<Value>,
) -> ApiResult<Json<Value>> {
    me.require("organization_member:write")?;
    let body = fields::object(body)?;
    let now = state.clock.now();
    let (mut transaction, mut pair) = hold(&state, &me, &id, &uuid).await?;
    let old = pair.target.level;
    if let Some(value) = body.get("level") {
        let new = Level::parse(fields::integer(value, 0, 100).map_err(|error| error.attr("level"))?)?;
        if pair.own.user == pair.target.user {
            return Err(ApiError::forbidden("You can't change your own access level."));
        }
        if may_change(pair.own.level, pair.target.level, new)? {
            organization::set_level(&mut transaction, pair.own.id, Level::Admin, now).await?;
        }
        organization::set_level(&mut transaction, pair.target.id, new, now).await?;
        (pair.target.level, pair.target.updated_at) = (new, now);
    }
    transaction.commit().await?;
    log(&state, &me, &pair, "updated", level_change(old, pair.target.level)).await;
    Ok(Json(wire::member(&pair.target_user, &pair.target)))
}

fn level_change(old: Level, new: Level) -> Vec<Value> {
    let object = |level: Level| Map::from_iter([("level".to_owned(), json!(level as u8))]);
    activity::changes("OrganizationMembership", &object(old), &object(new))
}

async fn log(state: &AccountsState, me: &SignedIn, pair: &Pair, activity: &'static str, changes: Vec<Value>) {
    let (organization, item) = (pair.target.organization, pair.target.id.to_string());
    let (user, scope, name) = (Some(me.user), "OrganizationMembership", pair.target_user.email.as_str());
    activity::record(&state.db, state.clock, Entry { organization, team: None, user, scope, activity, item, name, changes }).await;
}

/// Admins remove members up to their own level; anyone may leave, except the last owner.
async fn remove(State(state): State<AccountsState>, Path((id, uuid)): Path<(String, String)>, me: SignedIn) -> ApiResult<StatusCode> {
    me.require("organization_member:write")?;
    let (mut transaction, pair) = hold(&state, &me, &id, &uuid).await?;
    if pair.own.user != pair.target.user {
        pair.own.level.require(Level::Admin)?;
        if pair.target.level > pair.own.level {
            return Err(ApiError::forbidden("You can only remove members with level lower or equal to you."));
        }
    }
    let owners = pair.everyone.iter().filter(|member| member.level == Level::Owner).count();
    if pair.target.level == Level::Owner && owners == 1 {
        return Err(ApiError::conflict("The last owner cannot leave. Make another member owner first."));
    }
    organization::leave(&mut transaction, &pair.target).await?;
    transaction.commit().await?;
    log(&state, &me, &pair, "deleted", Vec::new()).await;
    Ok(StatusCode::NO_CONTENT)
}

/// How a member's personal keys reach this organization, for admins who are about to remove them.
async fn scoped_keys(State(state): State<AccountsState>, Path((id, uuid)): Path<(String, String)>, me: SignedIn) -> ApiResult<Json<Value>> {
    me.require("organization_member:read")?;
    let (organization, level) = state.organization(&me.caller, me.user, &id).await?;
    let uuid: Uuid = uuid.parse().map_err(|_| ApiError::not_found())?;
    let user = user::by_uuid(&state.db, uuid).await?.ok_or_else(ApiError::not_found)?;
    organization::level_of(&state.db, organization.id, user.id).await?.ok_or_else(ApiError::not_found)?;
    if user.id != me.user {
        level.require(Level::Admin)?;
    }
    let keys = keys::of_user(&state.db, user.id).await?;
    let reaching = |key: &&keys::Key| key.scoped_organizations.as_ref().is_none_or(|ids| ids.is_empty() || ids.contains(&organization.id));
    let list: Vec<Value> = keys.iter().filter(reaching).map(|key| json!({"name": key.label, "last_used_at": key.last_used_at})).collect();
    let active = list.iter().any(|key| !key["last_used_at"].is_null());
    Ok(Json(json!({"has_keys": !list.is_empty(), "has_keys_active_last_week": active, "keys": list})))
}
