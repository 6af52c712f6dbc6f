use anyhow::{Context, Result};
use db::{Db, Row, Transaction, args};
use model::{OrganizationId, TeamId, Timestamp, UserId};
use serde_json::{Map, Value};
use uuid::Uuid;
use web::{ApiError, ApiResult};

/// A person who can sign in.
#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub uuid: Uuid,
    pub distinct_id: String,
    pub email: String,
    pub pending_email: Option<String>,
    pub email_verified: bool,
    pub password_hash: Option<String>,
    pub first_name: String,
    pub last_name: String,
    pub is_staff: bool,
    pub is_active: bool,
    pub created_at: Timestamp,
    pub last_login: Option<Timestamp>,
    pub current_organization: Option<OrganizationId>,
    pub current_team: Option<TeamId>,
    /// Preferences, under their API names.
    pub settings: Map<String, Value>,
}

pub(crate) struct NewUser {
    pub email: Email,
    pub first_name: String,
    pub last_name: String,
    pub password_hash: String,
    pub is_staff: bool,
    pub email_verified: bool,
    pub role_at_organization: Option<String>,
}

/// A mail address of plausible shape, as its owner writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    pub(crate) fn parse(text: &str, attr: &'static str) -> ApiResult<Email> {
        let text = text.trim();
        let plausible = text.len() <= 254
            && text.split_once('@').is_some_and(|(local, domain)| {
                let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
                let local_ok = !local.is_empty()
                    && local.len() <= 64
                    && local.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\\\"@".contains(c));
                local_ok && domain.split('.').all(label)
            });
        match plausible {
            true => Ok(Email(text.to_owned())),
            false => Err(ApiError::validation("invalid", "Enter a valid email address.").attr(attr)),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two spellings of one address share.
    pub(crate) fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

const COLUMNS: &str =
    "id, uuid, distinct_id, email, pending_email, email_verified, password_hash, first_name, last_name, is_staff, is_active,
    created_at, last_login, current_organization, current_team, settings";

fn read(row: &Row) -> Result<User> {
    Ok(User {
        id: row.get("id")?,
        uuid: row.get("uuid")?,
        distinct_id: row.get("distinct_id")?,
        email: row.get("email")?,
        pending_email: row.get("pending_email")?,
        email_verified: row.get("email_verified")?,
        password_hash: row.get("password_hash")?,
        first_name: row.get("first_name")?,
        last_name: row.get("last_name")?,
        is_staff: row.get("is_staff")?,
        is_active: row.get("is_active")?,
        created_at: row.get("created_at")?,
        last_login: row.get("last_login")?,
        current_organization: row.get("current_organization")?,
        current_team: row.get("current_team")?,
        settings: row.get("settings")?,
    })
}

pub(crate) async fn by_id(db: &Db, id: UserId) -> Result<Option<User>> {
    let row = db.fetch_optional(&format!("SELECT {COLUMNS} FROM account WHERE id = $1"), args![id]).await?;
    row.as_ref().map(read).transpose()
}

/// The caller, who was there a moment ago.
pub(crate) async fn load(db: &Db, id: UserId) -> ApiResult<User> {
    by_id(db, id).await?.ok_or_else(ApiError::unauthenticated)
}

pub(crate) async fn by_email(db: &Db, email: &str) -> Result<Option<User>> {
    let key = email.trim().to_lowercase();
    let row = db.fetch_optional(&format!("SELECT {COLUMNS} FROM account WHERE email_key = $1"), args![key]).await?;
    row.as_ref().map(read).transpose()
}

pub(crate) async fn by_uuid(db: &Db, uuid: Uuid) -> Result<Option<User>> {
    let row = db.fetch_optional(&format!("SELECT {COLUMNS} FROM account WHERE uuid = $1"), args![uuid]).await?;
    row.as_ref().map(read).transpose()
}

pub(crate) async fn all(db: &Db) -> Result<Vec<User>> {
    db.fetch_all(&format!("SELECT {COLUMNS} FROM account ORDER BY id"), &[]).await?.iter().map(read).collect()
}

pub(crate) async fn insert(transaction: &mut Transaction, new: NewUser, now: Timestamp) -> ApiResult<User> {
    let mut settings = Map::new();
    if let Some(role) = new.role_at_organization {
        settings.insert("role_at_organization".to_owned(), Value::String(role));
    }
    let sql = format!(
        "INSERT INTO account (uuid, distinct_id, email, email_key, email_verified, password_hash, first_name, last_name, is_staff, is_active,
            created_at, settings) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING {COLUMNS}"
    );
    let args = args![
        Uuid::now_v7(),
        teams::random_token(""),
        new.email.as_str(),
        new.email.key(),
        new.email_verified,
        new.password_hash,
        new.first_name,
        new.last_name,
        new.is_staff,
        true,
        now,
        &settings
    ];
    match transaction.fetch_one(&sql, args).await {
        Ok(row) => Ok(read(&row)?),
        Err(error) if db::is_unique_violation(&error) => Err(email_taken()),
        Err(error) => Err(error.context("creating a user").into()),
    }
}

pub(crate) fn email_taken() -> ApiError {
    ApiError::validation("unique", "There is already an account with this email address.").attr("email")
}

/// Writes names, preferences and the current organization and project.
pub(crate) async fn save(db: &Db, user: &User) -> Result<()> {
    let sql =
        "UPDATE account SET first_name = $2, last_name = $3, current_organization = $4, current_team = $5, settings = $6 WHERE id = $1";
    let args = args![user.id, &user.first_name, &user.last_name, user.current_organization, user.current_team, &user.settings];
    db.execute(sql, args).await.context("saving a user")?;
    Ok(())
}

pub(crate) async fn set_current(on: &mut Transaction, user: UserId, organization: OrganizationId, team: Option<TeamId>) -> Result<()> {
    let sql = "UPDATE account SET current_organization = $2, current_team = $3 WHERE id = $1";
    on.execute(sql, args![user, organization, team]).await?;
    Ok(())
}

pub(crate) async fn set_email(db: &Db, user: UserId, email: &Email) -> ApiResult<()> {
    let sql = "UPDATE account SET email = $2, email_key = $3, email_verified = $4, pending_email = NULL WHERE id = $1";
    match db.execute(sql, args![user, email.as_str(), email.key(), true]).await {
        Ok(_) => Ok(()),
        Err(error) if db::is_unique_violation(&error) => Err(email_taken()),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn set_pending_email(db: &Db, user: UserId, email: Option<&str>) -> Result<()> {
    db.execute("UPDATE account SET pending_email = $2 WHERE id = $1", args![user, email]).await?;
    Ok(())
}

pub(crate) async fn mark_verified(db: &Db, user: UserId) -> Result<()> {
    db.execute("UPDATE account SET email_verified = $2 WHERE id = $1", args![user, true]).await?;
    Ok(())
}

pub(crate) async fn set_password(db: &Db, user: UserId, hash: &str) -> Result<()> {
    db.execute("UPDATE account SET password_hash = $2 WHERE id = $1", args![user, hash]).await?;
    Ok(())
}

pub(crate) async fn touch_login(db: &Db, user: UserId, now: Timestamp) -> Result<()> {
    db.execute("UPDATE account SET last_login = $2 WHERE id = $1", args![user, now]).await?;
    Ok(())
}

pub(crate) async fn delete(db: &Db, user: UserId) -> Result<()> {
    db.execute("DELETE FROM account WHERE id = $1", args![user]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Email;

    #[test]
    fn addresses_are_checked_for_shape_only() {
        for good in ["a@b.co", "A.b+tag@sub.example.com", "ü@exämple.de", "root@localhost"] {
            assert!(Email::parse(good, "email").is_ok(), "{good}");
        }
        for bad in ["", "a", "@b.co", "a@", "a@b..co", "a b@c.de", "a@b.co\nBcc: x@y.z", "a@b@c.de", "<a>@b.co"] {
            assert!(Email::parse(bad, "email").is_err(), "{bad}");
        }
        assert_eq!(Email::parse(" A@B.co ", "email").unwrap().key(), "a@b.co");
    }
}
