//! Counts attempts at secrets, per account and per address, so that they cannot be guessed by trying.

use anyhow::Result;
use db::{Db, args};
use model::Timestamp;
use std::net::IpAddr;
use uuid::Uuid;
use web::{ApiError, ApiResult};

const WINDOW_SECONDS: i64 = 600;
/// Guesses at one account, or from one address.
const MAX_FAILURES: i64 = 30;
/// Mails to one account: more would be a nuisance that someone else causes.
const MAX_MAILS: i64 = 5;

/// One attempt in progress. It counts as failed until [`succeed`] takes it back, so that parallel attempts cannot slip through.
pub(crate) struct Attempt {
    id: Uuid,
    account: Option<String>,
}

/// Fails with 403 `too_many_failed_attempts` when `account` or the address had too many failures in the last ten minutes.
pub(crate) async fn begin(db: &Db, purpose: &str, account: Option<&str>, ip: Option<IpAddr>, now: Timestamp) -> ApiResult<Attempt> {
    count(db, purpose, (account, MAX_FAILURES), ip, now).await
}

/// Like [`begin`], for requests that send a mail to the account's owner.
pub(crate) async fn begin_mail(db: &Db, purpose: &str, account: &str, ip: Option<IpAddr>, now: Timestamp) -> ApiResult<()> {
    count(db, purpose, (Some(account), MAX_MAILS), ip, now).await.map(|_| ())
}

async fn count(db: &Db, purpose: &str, (account, most): (Option<&str>, i64), ip: Option<IpAddr>, now: Timestamp) -> ApiResult<Attempt> {
    let id = Uuid::now_v7();
    // Hashed, because people type passwords into the mail field.
    let account = account.map(|account| format!("{purpose}:account:{}", teams::hash_secret(&account.trim().to_lowercase())));
    let address = ip.map(|ip| format!("{purpose}:ip:{}", network(ip)));
    let since = now.plus_seconds(-WINDOW_SECONDS);
    let mut transaction = db.begin().await?;
    transaction.execute("DELETE FROM attempt WHERE at <= $1", args![since]).await?;
    for (subject, most) in [(&account, most), (&address, MAX_FAILURES)] {
        let Some(subject) = subject else {
            continue;
        };
        let row = transaction.fetch_one("SELECT COUNT(*) AS n FROM attempt WHERE subject = $1", args![subject]).await?;
        if row.get::<i64>("n")? >= most {
            let detail = "Too many failed login attempts. Please try again in 10 minutes.";
            return Err(ApiError::forbidden_as("too_many_failed_attempts", detail));
        }
        let sql = "INSERT INTO attempt (id, subject, at) VALUES ($1, $2, $3)";
        transaction.execute(sql, args![id, subject, now]).await?;
    }
    transaction.commit().await?;
    Ok(Attempt { id, account })
}

/// Forgets this attempt and the account's earlier failures.
pub(crate) async fn succeed(db: &Db, attempt: Attempt) -> Result<()> {
    let sql = "DELETE FROM attempt WHERE id = $1 OR subject = $2";
    db.execute(sql, args![attempt.id, attempt.account.unwrap_or_default()]).await?;
    Ok(())
}

/// One IPv6 customer holds at least a /64.
fn network(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}
