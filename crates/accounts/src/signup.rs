//! Making accounts: the first one, those that found further organizations, and those that were invited.

use crate::level::Level;
use crate::user::{Email, NewUser, User};
use crate::{AccountsState, Organization, invites, organization, projects, user};
use anyhow::Result;
use db::{Db, Transaction, args};
use model::Timestamp;
use std::sync::Arc;
use teams::{NewTeam, Team};
use web::{ApiError, ApiResult};

/// Someone who wants an account, checked and with the password hashed.
pub(crate) struct Applicant {
    pub email: Email,
    pub first_name: String,
    pub last_name: String,
    pub password_hash: String,
    pub role_at_organization: Option<String>,
}

pub(crate) struct Founded {
    pub user: User,
    pub organization: Organization,
    pub team: Arc<Team>,
    /// The account claimed the instance: it is its administrator.
    pub is_first: bool,
}

/// Whether anyone has signed up here yet.
pub(crate) async fn is_claimed(db: &Db) -> Result<bool> {
    Ok(db.fetch_optional("SELECT only_row FROM instance_claim", &[]).await?.is_some())
}

/// Whether the next sign-up without an invite is let in.
pub(crate) async fn is_open(state: &AccountsState) -> Result<bool> {
    Ok(state.multi_org || !is_claimed(&state.db).await?)
}

pub(crate) fn closed() -> ApiError {
    ApiError::forbidden("New organizations cannot be created in this instance. Contact your administrator if you think this is a mistake.")
}

/// `true` for exactly one caller in the life of a database.
async fn claim(transaction: &mut Transaction, now: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO instance_claim (only_row, claimed_at) VALUES (1, $1) ON CONFLICT (only_row) DO NOTHING";
    Ok(transaction.execute(sql, args![now]).await? == 1)
}

/// A new person with an organization and an empty project of their own, all or nothing.
pub(crate) async fn found(
    state: &AccountsState,
    applicant: Applicant,
    organization_name: &str,
    token: Option<String>,
) -> ApiResult<Founded> {
    let now = state.clock.now();
    let mut transaction = state.db.begin().await?;
    let is_first = claim(&mut transaction, now).await?;
    if !is_first && !state.multi_org {
        return Err(closed());
    }
    let mut user = user::insert(&mut transaction, new_user(applicant, is_first, is_first), now).await?;
    let organization = organization::insert(&mut transaction, organization_name, now).await?;
    organization::join(&mut transaction, organization.id, user.id, Level::Owner, now).await?;
    let new = NewTeam { api_token: token, ..projects::first_settings(organization.id, "Default project") };
    let team = state.teams.create_in(&mut transaction, new, now).await?;
    user::set_current(&mut transaction, user.id, organization.id, Some(team.id)).await?;
    transaction.commit().await?;
    state.teams.invalidate(team.id);
    (user.current_organization, user.current_team) = (Some(organization.id), Some(team.id));
    Ok(Founded { user, organization, team: Arc::new(team), is_first })
}

/// A new person through an invite, whose link proves that the mail address is theirs.
pub(crate) async fn join_as_new(state: &AccountsState, invite: &invites::Invite, applicant: Applicant) -> ApiResult<User> {
    let now = state.clock.now();
    let team = state.teams.of_organization(invite.organization).await?.first().map(|team| team.id);
    let mut transaction = state.db.begin().await?;
    if !invites::take(&mut transaction, invite).await? {
        return Err(unknown_invite());
    }
    let verified = invite.mailed && state.mailer.delivers();
    let user = user::insert(&mut transaction, new_user(applicant, false, verified), now).await?;
    organization::join(&mut transaction, invite.organization, user.id, invite.level, now).await?;
    user::set_current(&mut transaction, user.id, invite.organization, team).await?;
    transaction.commit().await?;
    Ok(user)
}

/// Someone who has an account and was invited to another organization.
pub(crate) async fn join_as_known(state: &AccountsState, invite: &invites::Invite, user: &User) -> ApiResult<()> {
    let team = state.teams.of_organization(invite.organization).await?.first().map(|team| team.id);
    let mut transaction = state.db.begin().await?;
    if !invites::take(&mut transaction, invite).await? {
        return Err(unknown_invite());
    }
    organization::join(&mut transaction, invite.organization, user.id, invite.level, state.clock.now()).await?;
    user::set_current(&mut transaction, user.id, invite.organization, team).await?;
    transaction.commit().await?;
    Ok(())
}

pub(crate) fn unknown_invite() -> ApiError {
    ApiError::validation("invalid_input", "The provided invite ID is not valid.")
}

fn new_user(applicant: Applicant, is_staff: bool, email_verified: bool) -> NewUser {
    let Applicant { email, first_name, last_name, password_hash, role_at_organization } = applicant;
    NewUser { email, first_name, last_name, password_hash, is_staff, email_verified, role_at_organization }
}
