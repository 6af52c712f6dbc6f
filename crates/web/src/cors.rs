use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use std::str::FromStr;
use std::sync::Arc;

/// Origins outside our own that may call the API from a browser. Empty by default.
///
/// An entry is an exact origin (`https://app.example.com`), all extensions of one kind (`chrome-extension://*`), or all
/// sub-domains (`https://*.example.com`). Only exact entries may send cookies.
#[derive(Clone, Debug, Default)]
pub struct AllowedOrigins(Arc<[Pattern]>);

#[derive(Debug)]
struct Pattern {
    before: String,
    /// What follows the `*`; `None` for an exact origin.
    after: Option<String>,
}

impl FromStr for AllowedOrigins {
    type Err = anyhow::Error;

    /// A comma-separated list.
    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(parse_pattern).collect::<Result<Vec<_>, _>>().map(|patterns| AllowedOrigins(patterns.into()))
    }
}

fn parse_pattern(entry: &str) -> anyhow::Result<Pattern> {
    let entry = entry.trim_end_matches('/').to_ascii_lowercase();
    let (scheme, rest) = entry.split_once("://").unwrap_or_default();
    anyhow::ensure!(
        !scheme.is_empty() && !scheme.contains('*') && !rest.is_empty(),
        "{entry:?} is not an origin such as https://app.example.com"
    );
    let web = matches!(scheme, "http" | "https");
    Ok(match rest.split_once('*') {
        None => Pattern { before: entry, after: None },
        Some(("", after)) if (web && after.starts_with('.') && after.len() > 2) || (!web && after.is_empty()) => {
            Pattern { before: format!("{scheme}://"), after: Some(after.to_owned()) }
        }
        Some(_) => anyhow::bail!("{entry:?}: a * may stand for a whole extension id or for sub-domains, as in https://*.example.com"),
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Allowed {
    No,
    WithoutCookies,
    Fully,
}

impl AllowedOrigins {
    fn check(&self, origin: &str) -> Allowed {
        let origin = origin.to_ascii_lowercase();
        if self.0.iter().any(|pattern| pattern.after.is_none() && pattern.before == origin) {
            return Allowed::Fully;
        }
        let matches = |pattern: &Pattern| {
            let after = pattern.after.as_deref()?;
            let middle = origin.strip_prefix(pattern.before.as_str())?.strip_suffix(after)?;
            let plain = !middle.is_empty() && middle.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
            plain.then_some(())
        };
        if self.0.iter().any(|pattern| matches(pattern).is_some()) { Allowed::WithoutCookies } else { Allowed::No }
    }
}

/// Answers preflights and marks answers for allowed origins. Others get no CORS headers at all, so that a browser refuses them.
/// For the admin API only: SDK endpoints set their own, open ones.
pub fn cors(router: Router, origins: AllowedOrigins) -> Router {
    router.layer(from_fn_with_state(origins, answer))
}

async fn answer(State(origins): State<AllowedOrigins>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(ORIGIN).cloned() else {
        return next.run(request).await;
    };
    let allowed = origins.check(origin.to_str().unwrap_or_default());
    let preflight = request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match preflight {
        true => StatusCode::NO_CONTENT.into_response(),
        false => next.run(request).await,
    };
    mark(response.headers_mut(), origin, allowed, preflight);
    response
}

fn mark(headers: &mut HeaderMap, origin: HeaderValue, allowed: Allowed, preflight: bool) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if allowed == Allowed::No {
        return;
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if allowed == Allowed::Fully {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    if preflight {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS"));
        headers
            .insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type, x-csrftoken, x-posthog-client"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
}
