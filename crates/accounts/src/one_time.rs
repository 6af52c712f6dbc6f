//! Links that work once: password reset and mail confirmation. Only hashes are stored.

use anyhow::Result;
use db::{Db, args};
use model::{Timestamp, UserId};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    ResetPassword,
    VerifyEmail,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Purpose::ResetPassword => "reset_password",
            Purpose::VerifyEmail => "verify_email",
        }
    }

    fn lifetime_seconds(self) -> i64 {
        match self {
            Purpose::ResetPassword => 3_600,
            Purpose::VerifyEmail => 86_400,
        }
    }
}

/// Makes a token; earlier ones for the same purpose stop working.
pub(crate) async fn issue(db: &Db, purpose: Purpose, user: UserId, now: Timestamp) -> Result<String> {
    let token = teams::random_token("");
    let mut transaction = db.begin().await?;
    let sql = "DELETE FROM one_time_token WHERE expires_at <= $1 OR (purpose = $2 AND user_id = $3)";
    transaction.execute(sql, args![now, purpose.name(), user]).await?;
    let sql = "INSERT INTO one_time_token (hash, purpose, user_id, expires_at) VALUES ($1, $2, $3, $4)";
    let expires_at = now.plus_seconds(purpose.lifetime_seconds());
    transaction.execute(sql, args![teams::hash_secret(&token), purpose.name(), user, expires_at]).await?;
    transaction.commit().await?;
    Ok(token)
}

/// Whether the token would work, without using it up.
pub(crate) async fn is_valid(db: &Db, purpose: Purpose, user: UserId, token: &str, now: Timestamp) -> Result<bool> {
    let sql = "SELECT user_id FROM one_time_token WHERE hash = $1 AND purpose = $2 AND user_id = $3 AND expires_at > $4";
    Ok(db.fetch_optional(sql, args![teams::hash_secret(token), purpose.name(), user, now]).await?.is_some())
}

/// Uses the token up. `false` when it was not valid; of two callers at once, one gets `true`.
pub(crate) async fn redeem(db: &Db, purpose: Purpose, user: UserId, token: &str, now: Timestamp) -> Result<bool> {
    let sql = "DELETE FROM one_time_token WHERE hash = $1 AND purpose = $2 AND user_id = $3 AND expires_at > $4";
    Ok(db.execute(sql, args![teams::hash_secret(token), purpose.name(), user, now]).await? > 0)
}

/// Forgets every token of this purpose.
pub(crate) async fn revoke(db: &Db, purpose: Purpose, user: UserId) -> Result<()> {
    db.execute("DELETE FROM one_time_token WHERE purpose = $1 AND user_id = $2", args![purpose.name(), user]).await?;
    Ok(())
}
