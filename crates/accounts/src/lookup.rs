//! Who is calling, and what they may see: the answers behind `web::Access` and `web::SignedIn`.

use crate::level::Level;
use crate::organization::{self, Organization};
use crate::{AccountsState, keys, sessions, user, wire};
use model::{OrganizationId, TeamId, UserId};
use std::sync::Arc;
use teams::Team;
use web::{ApiError, ApiResult, Caller, Credentials, KeyLimits, Lookup, ProjectRef};

#[async_trait::async_trait]
impl Lookup for AccountsState {
    async fn caller(&self, credentials: Credentials) -> ApiResult<Caller> {
        match credentials {
            Credentials::Key(key) => self.key_holder(&key).await,
            Credentials::Session { id, .. } => match sessions::find(&self.db, &id, self.clock.now()).await? {
                Some(session) => Ok(Caller::Session { user: session.user, signed_in_at: session.signed_in_at }),
                None => Err(ApiError::unauthenticated()),
            },
        }
    }

    async fn project(&self, caller: &Caller, project: ProjectRef) -> ApiResult<(Arc<Team>, u8)> {
        let missing = || ApiError::not_found_as("Project not found.");
        match caller {
            Caller::ProjectSecret { team: own } => match project {
                ProjectRef::Id(id) if id != *own => Err(missing()),
                _ => Ok((self.teams.by_id(*own).await?.ok_or_else(missing)?, 0)),
            },
            Caller::Session { user, .. } | Caller::PersonalKey { user, .. } => {
                let team = match project {
                    ProjectRef::Id(id) => self.teams.by_id(id).await?,
                    ProjectRef::Current => self.current_team(*user, caller).await?,
                };
                let team = team.ok_or_else(missing)?;
                let level = organization::level_of(&self.db, team.organization, *user).await?.ok_or_else(missing)?;
                self.check_key_limits(caller, &team, level).await?;
                Ok((team, level as u8))
            }
        }
    }
}

impl AccountsState {
    async fn key_holder(&self, key: &str) -> ApiResult<Caller> {
        let refused = || ApiError::authentication("authentication_failed", "Personal API key found in request is invalid.");
        if key.starts_with("phs_") {
            let team = self.teams.by_secret(key).await?;
            return team.map(|team| Caller::ProjectSecret { team: team.id }).ok_or_else(refused);
        }
        if !key.starts_with(keys::PREFIX) || key.len() > 200 {
            return Err(refused());
        }
        let key = keys::authenticate(&self.db, key, self.clock.now()).await?.ok_or_else(refused)?;
        let limits = KeyLimits { teams: non_empty(key.scoped_teams), organizations: non_empty(key.scoped_organizations) };
        Ok(Caller::PersonalKey { user: key.user, key: key.id, scopes: key.scopes, limits })
    }

    /// The chosen project if it is still there, else the first that the user can see.
    pub(crate) async fn current_team(&self, id: UserId, caller: &Caller) -> ApiResult<Option<Arc<Team>>> {
        let user = user::load(&self.db, id).await?;
        let organizations = organization::of_user(&self.db, id).await?;
        let is_member = |organization: OrganizationId| organizations.iter().any(|(known, _)| known.id == organization);
        if let Some(chosen) = user.current_team
            && let Some(team) = self.teams.by_id(chosen).await?
            && is_member(team.organization)
        {
            return Ok(Some(team));
        }
        let current_first = organizations.iter().filter(|(organization, _)| Some(organization.id) == user.current_organization);
        for (organization, _) in current_first.chain(&organizations) {
            let teams = self.teams.of_organization(organization.id).await?;
            if let Some(team) = teams.into_iter().find(|team| wire::key_reaches_team(caller, team)) {
                return Ok(Some(Arc::new(team)));
            }
        }
        Ok(None)
    }

    async fn check_key_limits(&self, caller: &Caller, team: &Team, level: Level) -> ApiResult<()> {
        let Caller::PersonalKey { limits, .. } = caller else {
            return Ok(());
        };
        if !wire::key_reaches_team(caller, team) {
            return Err(ApiError::forbidden(format!("API key does not have access to the requested project: ID {}.", team.id)));
        }
        if limits.organizations.as_ref().is_some_and(|ids| !ids.contains(&team.organization)) {
            return Err(outside_organizations(team.organization));
        }
        let Some(organization) = organization::by_id(&self.db, team.organization).await? else {
            return Err(ApiError::not_found_as("Project not found."));
        };
        check_keys_allowed(&organization, level)
    }

    /// The organization of a path (`uuid`, slug or `@current`) with the caller's level in it; 404 when it is not theirs.
    pub(crate) async fn organization(&self, caller: &Caller, user: UserId, text: &str) -> ApiResult<(Organization, Level)> {
        let missing = || ApiError::not_found_as("Organization not found.");
        let found = match text {
            "@current" => self.current_organization(user, caller).await?,
            text => match text.parse() {
                Ok(uuid) => organization::by_id(&self.db, OrganizationId(uuid)).await?,
                Err(_) => organization::by_slug(&self.db, text).await?,
            },
        };
        let organization = found.ok_or_else(missing)?;
        let level = organization::level_of(&self.db, organization.id, user).await?.ok_or_else(missing)?;
        if let Caller::PersonalKey { .. } = caller {
            if !wire::key_reaches_organization(caller, &organization) {
                return Err(outside_organizations(organization.id));
            }
            check_keys_allowed(&organization, level)?;
        }
        Ok((organization, level))
    }

    async fn current_organization(&self, id: UserId, caller: &Caller) -> ApiResult<Option<Organization>> {
        let user = user::load(&self.db, id).await?;
        let mut organizations = organization::of_user(&self.db, id).await?;
        organizations.retain(|(organization, _)| wire::key_reaches_organization(caller, organization));
        let current = organizations.iter().position(|(organization, _)| Some(organization.id) == user.current_organization);
        Ok(organizations.into_iter().nth(current.unwrap_or(0)).map(|(organization, _)| organization))
    }

    /// Whether this user may see this project at all.
    pub(crate) async fn may_see(&self, user: UserId, team: TeamId) -> ApiResult<Option<Arc<Team>>> {
        let Some(team) = self.teams.by_id(team).await? else {
            return Ok(None);
        };
        let level = organization::level_of(&self.db, team.organization, user).await?;
        Ok(level.map(|_| team))
    }
}

fn non_empty<T>(list: Option<Vec<T>>) -> Option<Vec<T>> {
    list.filter(|list| !list.is_empty())
}

fn outside_organizations(organization: OrganizationId) -> ApiError {
    ApiError::forbidden(format!("API key does not have access to the requested organization: ID {organization}."))
}

fn check_keys_allowed(organization: &Organization, level: Level) -> ApiResult<()> {
    match level >= Level::Admin || organization.setting_is_on("members_can_use_personal_api_keys", true) {
        true => Ok(()),
        false => Err(ApiError::forbidden(format!("Organization '{}' does not allow members to use personal API keys.", organization.name))),
    }
}
