//! Cookies, and the proof that a change asked for by a cookie comes from our own pages.

use crate::site::is_own_origin;
use crate::{ApiError, ApiResult};
use http::header::{COOKIE, HeaderMap, ORIGIN, REFERER};
use http::request::Parts;
use http::{Extensions, Method};

pub const SESSION_COOKIE: &str = "sessionid";
/// Readable by scripts of the page, which send it back in [`CSRF_HEADER`].
pub const CSRF_COOKIE: &str = "csrftoken";
pub const CSRF_HEADER: &str = "x-csrftoken";

/// The value of the first cookie with this name.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value)
}

pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

pub(crate) fn check_csrf(parts: &Parts) -> ApiResult<()> {
    require_same_origin(&parts.extensions, &parts.headers)?;
    let sent = parts.headers.get(CSRF_HEADER).and_then(|header| header.to_str().ok()).unwrap_or_default();
    let Some(expected) = cookie(&parts.headers, CSRF_COOKIE) else {
        return Err(ApiError::forbidden("CSRF Failed: CSRF cookie not set."));
    };
    match sent {
        "" => Err(ApiError::forbidden("CSRF Failed: CSRF token missing.")),
        sent if equal(sent, expected) => Ok(()),
        _ => Err(ApiError::forbidden("CSRF Failed: CSRF token incorrect.")),
    }
}

/// Refuses a browser request that another site started. Callers that are no browser send neither header and pass.
/// Used alone where there is no session yet: signing in, signing up, resetting a password.
pub fn require_same_origin(extensions: &Extensions, headers: &HeaderMap) -> ApiResult<()> {
    let text = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap_or_default());
    let Some(origin) = text(ORIGIN).or_else(|| text(REFERER)) else {
        return Ok(());
    };
    match is_own_origin(extensions, headers, origin) {
        true => Ok(()),
        false => Err(ApiError::forbidden("CSRF Failed: Origin checking failed: the request comes from another site.")),
    }
}

/// Takes the same time wherever two texts of equal length differ.
fn equal(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}
