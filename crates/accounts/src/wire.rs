//! JSON as clients see it.

use crate::AccountsState;
use crate::fields::{self, Field, Kind};
use crate::invites::Invite;
use crate::keys::Key;
use crate::level::Level;
use crate::organization::{self, Membership, Organization};
use crate::project_fields;
use crate::sessions::SENSITIVE_SECONDS;
use crate::user::User;
use anyhow::Result;
use model::{Timestamp, UserId};
use serde_json::{Map, Value, json};
use teams::Team;
use web::Caller;

pub(crate) const USER_FIELDS: &[Field] = &[
    Field::nullable("notification_settings", Kind::Object, r#"{"plugin_disabled": true}"#),
    Field::nullable("anonymize_data", Kind::Bool, "false"),
    Field::nullable("toolbar_mode", Kind::Choice(&["disabled", "toolbar"]), "\"toolbar\""),
    Field::nullable("events_column_config", Kind::Any, r#"{"active": "DEFAULT"}"#),
    Field::nullable("has_seen_product_intro_for", Kind::Object, "null"),
    Field::new("scene_personalisation", Kind::List, "[]"),
    Field::nullable("theme_mode", Kind::Choice(&["light", "dark", "system"]), "null"),
    Field::nullable("hedgehog_config", Kind::Object, "null"),
    Field::nullable("role_at_organization", Kind::Text { most: 64 }, "null"),
];

pub(crate) const ORGANIZATION_FIELDS: &[Field] = &[
    Field::nullable("logo_media_id", Kind::Text { most: 64 }, "null"),
    Field::new("is_member_join_email_enabled", Kind::Bool, "true"),
    Field::nullable("enforce_2fa", Kind::Bool, "null"),
    Field::nullable("members_can_invite", Kind::Bool, "true"),
    Field::new("members_can_use_personal_api_keys", Kind::Bool, "true"),
    Field::new("allow_publicly_shared_resources", Kind::Bool, "true"),
    Field::nullable("is_ai_data_processing_approved", Kind::Bool, "false"),
    Field::nullable("default_experiment_stats_method", Kind::Choice(&["bayesian", "frequentist"]), "null"),
    Field::nullable("default_role_id", Kind::Text { most: 64 }, "null"),
];

pub(crate) fn user_basic(user: &User) -> Value {
    json!({
        "id": user.id,
        "uuid": user.uuid,
        "distinct_id": user.distinct_id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "is_email_verified": user.email_verified,
        "hedgehog_config": user.settings.get("hedgehog_config"),
        "role_at_organization": user.settings.get("role_at_organization"),
    })
}

/// The signed-in user with everything that the app shows before it asks for more.
pub(crate) async fn user(state: &AccountsState, user: &User, caller: &Caller) -> Result<Value> {
    let organizations = organization::of_user(&state.db, user.id).await?;
    let allowed = |organization: &Organization| key_reaches_organization(caller, organization);
    let reachable: Vec<&(Organization, Level)> = organizations.iter().filter(|(organization, _)| allowed(organization)).collect();
    let current = reachable.iter().find(|(organization, _)| Some(organization.id) == user.current_organization).or(reachable.first());
    let (mut team, mut whole) = (Value::Null, Value::Null);
    if let Some((organization, level)) = current {
        let teams = state.teams.of_organization(organization.id).await?;
        let teams: Vec<Team> = teams.into_iter().filter(|team| key_reaches_team(caller, team)).collect();
        let chosen = teams.iter().find(|team| Some(team.id) == user.current_team).or(teams.first());
        team = chosen.map_or(Value::Null, project_basic);
        whole = organization_with(state, organization, *level, &teams).await?;
    }
    let mut object = Map::new();
    fields::fill(USER_FIELDS, &user.settings, &mut object);
    let signed_in_at = match caller {
        Caller::Session { signed_in_at, .. } => Some(*signed_in_at),
        _ => None,
    };
    let rest = json!({
        "id": user.id,
        "uuid": user.uuid,
        "distinct_id": user.distinct_id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "pending_email": user.pending_email,
        "is_email_verified": user.email_verified,
        "date_joined": user.created_at,
        "has_password": user.password_hash.is_some(),
        "is_staff": user.is_staff,
        "is_impersonated": false,
        "is_impersonated_until": null,
        "sensitive_session_expires_at": signed_in_at.map(|at| at.plus_seconds(SENSITIVE_SECONDS)),
        "is_2fa_enabled": false,
        "has_social_auth": false,
        "has_sso_enforcement": false,
        "team": team,
        "organization": whole,
        "organizations": reachable.iter().map(|(organization, level)| organization_basic(organization, *level)).collect::<Vec<_>>(),
    });
    extend(&mut object, rest);
    Ok(Value::Object(object))
}

pub(crate) fn key_reaches_organization(caller: &Caller, organization: &Organization) -> bool {
    match caller {
        Caller::PersonalKey { limits, .. } => limits.organizations.as_ref().is_none_or(|ids| ids.contains(&organization.id)),
        _ => true,
    }
}

pub(crate) fn key_reaches_team(caller: &Caller, team: &Team) -> bool {
    match caller {
        Caller::PersonalKey { limits, .. } => limits.teams.as_ref().is_none_or(|ids| ids.contains(&team.id)),
        _ => true,
    }
}

pub(crate) fn organization_basic(organization: &Organization, level: Level) -> Value {
    json!({
        "id": organization.id,
        "name": organization.name,
        "slug": organization.slug,
        "logo_media_id": organization.settings.get("logo_media_id"),
        "membership_level": level as u8,
        "members_can_use_personal_api_keys": organization.setting_is_on("members_can_use_personal_api_keys", true),
    })
}

pub(crate) async fn organization(state: &AccountsState, organization: &Organization, level: Level, caller: &Caller) -> Result<Value> {
    let teams = state.teams.of_organization(organization.id).await?;
    let teams: Vec<Team> = teams.into_iter().filter(|team| key_reaches_team(caller, team)).collect();
    organization_with(state, organization, level, &teams).await
}

async fn organization_with(state: &AccountsState, organization: &Organization, level: Level, teams: &[Team]) -> Result<Value> {
    let mut object = Map::new();
    fields::fill(ORGANIZATION_FIELDS, &organization.settings, &mut object);
    let teams: Vec<Value> = teams.iter().map(project_basic).collect();
    let rest = json!({
        "id": organization.id,
        "name": organization.name,
        "slug": organization.slug,
        "created_at": organization.created_at,
        "updated_at": organization.updated_at,
        "membership_level": level as u8,
        "plugins_access_level": 9,
        "teams": teams,
        "projects": teams,
        "available_product_features": [],
        "metadata": {},
        "customer_id": null,
        "member_count": organization::member_count(&state.db, organization.id).await?,
    });
    extend(&mut object, rest);
    Ok(Value::Object(object))
}

/// A project in lists.
pub(crate) fn project_basic(team: &Team) -> Value {
    json!({
        "id": team.id,
        "uuid": team.uuid,
        "project_id": team.id,
        "organization": team.organization,
        "api_token": team.api_token,
        "name": team.name,
        "completed_snippet_onboarding": team.settings.get("completed_snippet_onboarding").and_then(Value::as_bool).unwrap_or(false),
        "has_completed_onboarding_for": team.settings.get("has_completed_onboarding_for"),
        "ingested_event": team.ingested_event,
        "is_demo": team.is_demo,
        "timezone": team.timezone.name(),
        "access_control": team.settings.get("access_control").and_then(Value::as_bool).unwrap_or(false),
    })
}

/// A project with all its settings. `level` is the caller's; `user` is in the token for live events.
pub(crate) async fn project(state: &AccountsState, team: &Team, level: u8, user: Option<UserId>) -> Result<Value> {
    let group_types = people::store::group_types(&state.db, team.id).await?;
    let group_types: Vec<Value> = group_types.iter().map(group_type).collect();
    let mut object = Map::new();
    fields::fill(project_fields::FIELDS, &team.settings, &mut object);
    let rest = json!({
        "id": team.id,
        "uuid": team.uuid,
        "organization": team.organization,
        "project_id": team.id,
        "api_token": team.api_token,
        "secret_api_token": team.secret_token_mask,
        "secret_api_token_backup": team.secret_token_backup_mask,
        "name": team.name,
        "created_at": team.created_at,
        "updated_at": team.updated_at,
        "ingested_event": team.ingested_event,
        "timezone": team.timezone.name(),
        "week_start_day": team.week_start_day,
        "anonymize_ips": team.anonymize_ips,
        "cookieless_server_hash_mode": team.cookieless_mode,
        "is_demo": team.is_demo,
        "default_modifiers": {},
        "effective_membership_level": level,
        "user_access_level": if level >= Level::Admin as u8 { "admin" } else { "member" },
        "person_on_events_querying_enabled": true,
        "has_group_types": !group_types.is_empty(),
        "group_types": group_types,
        "product_intents": team.settings.get("product_intents").cloned().unwrap_or_else(|| json!([])),
        "live_events_token": state.live_tokens.issue(team, user)?,
    });
    extend(&mut object, rest);
    Ok(Value::Object(object))
}

fn group_type(group_type: &people::GroupType) -> Value {
    json!({
        "group_type": group_type.name,
        "group_type_index": group_type.index,
        "name_singular": group_type.name_singular,
        "name_plural": group_type.name_plural,
    })
}

pub(crate) fn member(user: &User, membership: &Membership) -> Value {
    json!({
        "id": membership.id,
        "user": user_basic(user),
        "level": membership.level as u8,
        "joined_at": membership.joined_at,
        "updated_at": membership.updated_at,
        "is_2fa_enabled": false,
        "has_social_auth": false,
        "last_login": user.last_login,
    })
}

pub(crate) fn invite(invite: &Invite, creator: Option<&User>, now: Timestamp) -> Value {
    json!({
        "id": invite.id,
        "target_email": invite.target_email,
        "first_name": invite.first_name,
        "emailing_attempt_made": invite.mailed,
        "level": invite.level as u8,
        "is_expired": invite.is_expired(now),
        "created_by": creator.map(user_basic),
        "created_at": invite.created_at,
        "updated_at": invite.created_at,
        "message": invite.message,
        "private_project_access": [],
    })
}

/// `value` is the secret, known only when the key was just made.
pub(crate) fn key(key: &Key, value: Option<&str>) -> Value {
    json!({
        "id": key.id,
        "label": key.label,
        "value": value,
        "mask_value": key.mask,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "last_rolled_at": key.last_rolled_at,
        "user_id": key.user,
        "scopes": key.scopes,
        "scoped_teams": key.scoped_teams,
        "scoped_organizations": key.scoped_organizations,
    })
}

fn extend(object: &mut Map<String, Value>, rest: Value) {
    if let Value::Object(rest) = rest {
        object.extend(rest);
    }
}
