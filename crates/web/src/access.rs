use crate::csrf::{check_csrf, cookie, is_safe};
use crate::{ApiError, ApiResult, Caller, SESSION_COOKIE, client_ip};
use axum::extract::{FromRequestParts, OptionalFromRequestParts, RawPathParams};
use http::header::AUTHORIZATION;
use http::request::Parts;
use model::{TeamId, Timestamp, UserId};
use std::net::IpAddr;
use std::sync::Arc;
use teams::Team;

/// What a request offers to prove who is calling.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// `phx_…` or `phs_…`, from the `Authorization` header or the `personal_api_key` parameter.
    Key(String),
    /// The value of the session cookie.
    Session { id: String, ip: Option<IpAddr> },
}

/// The project in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectRef {
    /// `@current`: the caller's current project.
    Current,
    Id(TeamId),
}

impl ProjectRef {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "@current" => Some(ProjectRef::Current),
            digits => digits.parse().ok().map(|id| ProjectRef::Id(TeamId(id))),
        }
    }
}

/// The lookups behind [`Access`] and [`SignedIn`]: `accounts` over its tables, and the fixed answer of [`crate::testing`].
#[async_trait::async_trait]
pub trait Lookup: Send + Sync {
    /// Fails with 401 when the credentials do not hold.
    async fn caller(&self, credentials: Credentials) -> ApiResult<Caller>;
    /// The project and the caller's level in its organization (1 member, 8 admin, 15 owner, 0 no person).
    /// Fails with 404 when the caller cannot see it.
    async fn project(&self, caller: &Caller, project: ProjectRef) -> ApiResult<(Arc<Team>, u8)>;
}

/// Request extension that makes the extractors work; the binary adds it once around all routes.
#[derive(Clone)]
pub struct Authenticator {
    lookup: Arc<dyn Lookup>,
    check_csrf: bool,
}

impl Authenticator {
    pub fn new(lookup: Arc<dyn Lookup>) -> Self {
        Authenticator { lookup, check_csrf: true }
    }

    /// For tests of features, whose requests are not a browser's.
    pub(crate) fn without_csrf(lookup: Arc<dyn Lookup>) -> Self {
        Authenticator { lookup, check_csrf: false }
    }

    /// For SDK endpoints that name the project by its token instead of in the path. Only keys count there, never a cookie.
    pub async fn access_by_key(&self, key: &str, project: ProjectRef) -> ApiResult<Access> {
        let caller = self.lookup.caller(Credentials::Key(key.to_owned())).await?;
        let (team, level) = self.lookup.project(&caller, project).await?;
        Ok(Access { caller, team, level })
    }

    /// Whether this person may see the project now, for what was opened earlier and is still going on.
    pub async fn may_see(&self, user: UserId, project: TeamId) -> ApiResult<bool> {
        let caller = Caller::Session { user, signed_in_at: Timestamp::EPOCH };
        match self.lookup.project(&caller, ProjectRef::Id(project)).await {
            Ok(_) => Ok(true),
            Err(error) if error.status().is_server_error() => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Adds the extractors' source to every route of `router`.
    pub fn guard(self, router: axum::Router) -> axum::Router {
        router.layer(axum::Extension(self))
    }
}

/// The caller of this request, kept so that two extractors do not look it up twice.
#[derive(Clone)]
struct KnownCaller(Caller);

async fn authenticate(parts: &mut Parts) -> ApiResult<(Authenticator, Caller)> {
    let Some(authenticator) = parts.extensions.get::<Authenticator>().cloned() else {
        return Err(anyhow::anyhow!("the Authenticator extension is missing around {}", parts.uri.path()).into());
    };
    if let Some(KnownCaller(caller)) = parts.extensions.get::<KnownCaller>() {
        return Ok((authenticator, caller.clone()));
    }
    let Some(credentials) = credentials(parts)? else {
        return Err(ApiError::unauthenticated());
    };
    let caller = authenticator.lookup.caller(credentials).await?;
    if authenticator.check_csrf && matches!(caller, Caller::Session { .. }) && !is_safe(&parts.method) {
        check_csrf(parts)?;
    }
    parts.extensions.insert(KnownCaller(caller.clone()));
    Ok((authenticator, caller))
}

/// A key in the header wins over one in the query, and any key over the cookie.
fn credentials(parts: &Parts) -> ApiResult<Option<Credentials>> {
    if let Some(header) = parts.headers.get(AUTHORIZATION) {
        let text = header.to_str().unwrap_or_default();
        if let Some((kind, key)) = text.split_once(' ')
            && kind.eq_ignore_ascii_case("bearer")
        {
            return Ok(Some(Credentials::Key(key.trim().to_owned())));
        }
        if !text.get(..6).is_some_and(|kind| kind.eq_ignore_ascii_case("basic ")) {
            return Err(ApiError::authentication("authentication_failed", "The Authorization header must be 'Bearer <personal API key>'."));
        }
    }
    // Keys are letters, digits and underscores, so that no percent-decoding is needed.
    let query = parts.uri.query().unwrap_or_default();
    if let Some(key) = query.split('&').find_map(|pair| pair.strip_prefix("personal_api_key=")) {
        return Ok(Some(Credentials::Key(key.to_owned())));
    }
    let session = cookie(&parts.headers, SESSION_COOKIE);
    let ip = client_ip(&parts.extensions, &parts.headers);
    Ok(session.map(|id| Credentials::Session { id: id.to_owned(), ip }))
}

/// A caller and the project that the path names (`{project_id}`; without one, the current project).
#[derive(Clone, Debug)]
pub struct Access {
    pub caller: Caller,
    pub team: Arc<Team>,
    /// In the project's organization: 1 member, 8 admin, 15 owner; 0 for a project secret key.
    pub level: u8,
}

impl Access {
    /// Fails with 403, naming the scope, when the caller's key does not hold it. Every handler calls this first.
    pub fn require(&self, scope: &str) -> ApiResult<()> {
        self.caller.require(scope)
    }

    /// Fails with 403 below admin.
    pub fn require_admin(&self) -> ApiResult<()> {
        match self.level {
            8.. => Ok(()),
            _ => Err(ApiError::forbidden("Your organization access level is insufficient.")),
        }
    }

    pub fn user(&self) -> Option<UserId> {
        self.caller.user()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Access {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let (authenticator, caller) = authenticate(parts).await?;
        let project = project_of(parts, state).await?;
        let (team, level) = authenticator.lookup.project(&caller, project).await?;
        Ok(Access { caller, team, level })
    }
}

async fn project_of<S: Send + Sync>(parts: &mut Parts, state: &S) -> ApiResult<ProjectRef> {
    let Ok(params) = RawPathParams::from_request_parts(parts, state).await else {
        return Err(ApiError::not_found());
    };
    match params.iter().find(|(name, _)| *name == "project_id") {
        Some((_, text)) => ProjectRef::parse(text).ok_or_else(|| ApiError::not_found_as("Project not found.")),
        None => Ok(ProjectRef::Current),
    }
}

/// A caller who is a person, for routes without a project. `Option<SignedIn>` never fails.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub user: UserId,
    pub caller: Caller,
}

impl SignedIn {
    pub fn require(&self, scope: &str) -> ApiResult<()> {
        self.caller.require(scope)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        let (_, caller) = authenticate(parts).await?;
        match caller.user() {
            Some(user) => Ok(SignedIn { user, caller }),
            None => Err(ApiError::forbidden("This endpoint does not accept project secret keys.")),
        }
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Option<Self>> {
        let signed_in = <SignedIn as FromRequestParts<S>>::from_request_parts(parts, state).await;
        match signed_in {
            Err(error) if error.status().is_server_error() => Err(error),
            other => Ok(other.ok()),
        }
    }
}
