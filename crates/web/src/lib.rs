//! The HTTP edge that features share: errors in PostHog's shape, who is calling, JSON bodies, pages, browser protections.
//!
//! Invariants:
//! - A handler that takes [`Access`] runs only for a caller who may see the project in the path; other projects are 404.
//! - A request authenticated by cookie changes nothing without a matching CSRF token from the same origin.
//! - Responses never echo an origin that the operator did not allow, except around SDK endpoints, which no cookie opens
//!   ([`any_origin`]).
//! - Nothing here knows SQL: the lookups come from `accounts` through [`Authenticator`].

mod access;
mod any_origin;
mod body;
mod caller;
mod client_ip;
mod cors;
mod csrf;
pub mod csv;
mod error;
mod headers;
mod page;
mod public_token;
mod site;
pub mod testing;
mod users;

pub use access::{Access, Authenticator, Credentials, Lookup, ProjectRef, SignedIn};
pub use any_origin::any_origin;
pub use body::Body;
pub use caller::{Caller, KeyLimits, missing_scope};
pub use client_ip::{ClientIp, Network, Proxies, client_ip, client_ip_behind};
pub use cors::{AllowedOrigins, cors};
pub use csrf::{CSRF_COOKIE, CSRF_HEADER, SESSION_COOKIE, cookie, require_same_origin};
pub use error::{ApiError, ApiResult};
pub use headers::{fallbacks, security_headers};
pub use page::{Page, paginated};
pub use public_token::project_of_token;
pub use site::{Site, request_origin};
pub use users::UserSource;

use axum::Router;

/// Registers the same routes under `/api/projects/{project_id}` and `/api/environments/{project_id}`.
pub fn both_prefixes(routes: impl Fn(&str) -> Router) -> Router {
    routes("/api/projects/{project_id}").merge(routes("/api/environments/{project_id}"))
}
