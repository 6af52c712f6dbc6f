//! Browser sessions: a random id in a cookie, its hash in the database.

use anyhow::{Context, Result};
use axum::response::AppendHeaders;
use db::{Db, args};
use http::HeaderName;
use http::header::SET_COOKIE;
use model::{Timestamp, UserId};
use web::{CSRF_COOKIE, SESSION_COOKIE, Site};

const LIFETIME_SECONDS: i64 = 14 * 86_400;
const CSRF_LIFETIME_SECONDS: i64 = 365 * 86_400;
/// How long after signing in a session may change keys and delete organizations.
pub(crate) const SENSITIVE_SECONDS: i64 = 6 * 3_600;

pub(crate) type Cookies = AppendHeaders<Vec<(HeaderName, String)>>;

pub(crate) struct Session {
    pub user: UserId,
    pub signed_in_at: Timestamp,
}

/// Starts a session and returns the secret id for the cookie. Expired sessions of the user are cleared away.
pub(crate) async fn start(db: &Db, user: UserId, now: Timestamp) -> Result<String> {
    let id = teams::random_token("");
    db.execute("DELETE FROM user_session WHERE user_id = $1 AND expires_at <= $2", args![user, now]).await?;
    let sql = "INSERT INTO user_session (id_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";
    let args = args![teams::hash_secret(&id), user, now, now.plus_seconds(LIFETIME_SECONDS)];
    db.execute(sql, args).await.context("starting a session")?;
    Ok(id)
}

pub(crate) async fn find(db: &Db, id: &str, now: Timestamp) -> Result<Option<Session>> {
    let sql = "SELECT s.user_id, s.created_at FROM user_session s JOIN account a ON a.id = s.user_id
        WHERE s.id_hash = $1 AND s.expires_at > $2 AND a.is_active = $3";
    let row = db.fetch_optional(sql, args![teams::hash_secret(id), now, true]).await?;
    row.map(|row| Ok(Session { user: row.get("user_id")?, signed_in_at: row.get("created_at")? })).transpose()
}

pub(crate) async fn end(db: &Db, id: &str) -> Result<()> {
    db.execute("DELETE FROM user_session WHERE id_hash = $1", args![teams::hash_secret(id)]).await?;
    Ok(())
}

/// Ends every session of the user, except the one with this id.
pub(crate) async fn end_others(db: &Db, user: UserId, keep: Option<&str>) -> Result<()> {
    let keep = keep.map(teams::hash_secret).unwrap_or_default();
    db.execute("DELETE FROM user_session WHERE user_id = $1 AND id_hash <> $2", args![user, keep]).await?;
    Ok(())
}

/// The session cookie and a fresh CSRF token.
pub(crate) fn cookies(site: &Site, session: &str) -> Cookies {
    let session = cookie(site, SESSION_COOKIE, session, LIFETIME_SECONDS, true);
    AppendHeaders(vec![session, csrf(site)])
}

pub(crate) fn csrf_cookie(site: &Site) -> Cookies {
    AppendHeaders(vec![csrf(site)])
}

pub(crate) fn no_cookies() -> Cookies {
    AppendHeaders(Vec::new())
}

pub(crate) fn removed(site: &Site) -> Cookies {
    AppendHeaders(vec![cookie(site, SESSION_COOKIE, "", 0, true), cookie(site, CSRF_COOKIE, "", 0, false)])
}

fn csrf(site: &Site) -> (HeaderName, String) {
    cookie(site, CSRF_COOKIE, &teams::random_token(""), CSRF_LIFETIME_SECONDS, false)
}

fn cookie(site: &Site, name: &str, value: &str, max_age_seconds: i64, http_only: bool) -> (HeaderName, String) {
    let http_only = if http_only { "; HttpOnly" } else { "" };
    let secure = if site.is_https() { "; Secure" } else { "" };
    (SET_COOKIE, format!("{name}={value}; Path=/; Max-Age={max_age_seconds}; SameSite=Lax{http_only}{secure}"))
}
