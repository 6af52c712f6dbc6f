use crate::level::Level;
use anyhow::{Context, Result};
use db::{Db, Row, Transaction, args};
use model::{OrganizationId, Timestamp, UserId};
use serde_json::{Map, Value};
use uuid::Uuid;
use web::{ApiError, ApiResult};

#[derive(Clone, Debug)]
pub struct Organization {
    pub id: OrganizationId,
    pub name: String,
    pub slug: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Under their API names.
    pub settings: Map<String, Value>,
}

/// A person's place in an organization.
#[derive(Clone, Debug)]
pub struct Membership {
    pub id: Uuid,
    pub organization: OrganizationId,
    pub user: UserId,
    pub level: Level,
    pub joined_at: Timestamp,
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "id, name, slug, created_at, updated_at, settings";

fn read(row: &Row) -> Result<Organization> {
    Ok(Organization {
        id: row.get("id")?,
        name: row.get("name")?,
        slug: row.get("slug")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        settings: row.get("settings")?,
    })
}

impl Organization {
    pub(crate) fn setting_is_on(&self, name: &str, default: bool) -> bool {
        self.settings.get(name).and_then(Value::as_bool).unwrap_or(default)
    }
}

pub(crate) async fn by_id(db: &Db, id: OrganizationId) -> Result<Option<Organization>> {
    let row = db.fetch_optional(&format!("SELECT {COLUMNS} FROM organization WHERE id = $1"), args![id]).await?;
    row.as_ref().map(read).transpose()
}

pub(crate) async fn by_slug(db: &Db, slug: &str) -> Result<Option<Organization>> {
    let row = db.fetch_optional(&format!("SELECT {COLUMNS} FROM organization WHERE slug = $1"), args![slug]).await?;
    row.as_ref().map(read).transpose()
}

/// The oldest organization.
pub(crate) async fn first(db: &Db) -> Result<Option<Organization>> {
    let row = db.fetch_optional(&format!("SELECT {COLUMNS} FROM organization ORDER BY created_at, id LIMIT 1"), &[]).await?;
    row.as_ref().map(read).transpose()
}

/// With the user's level in each, oldest membership first.
pub(crate) async fn of_user(db: &Db, user: UserId) -> Result<Vec<(Organization, Level)>> {
    let sql = "SELECT o.id, o.name, o.slug, o.created_at, o.updated_at, o.settings, m.level FROM membership m
        JOIN organization o ON o.id = m.organization_id WHERE m.user_id = $1 ORDER BY m.joined_at, o.id";
    db.fetch_all(sql, args![user]).await?.iter().map(|row| Ok((read(row)?, row.get("level")?))).collect()
}

pub(crate) async fn insert(transaction: &mut Transaction, name: &str, now: Timestamp) -> Result<Organization> {
    let id = OrganizationId(Uuid::now_v7());
    let slug = free_slug(transaction, name).await?;
    let sql = format!(
        "INSERT INTO organization (id, name, slug, created_at, updated_at, settings) VALUES ($1, $2, $3, $4, $4, '{{}}') RETURNING {COLUMNS}"
    );
    read(&transaction.fetch_one(&sql, args![id, name, slug, now]).await.context("creating an organization")?)
}

async fn free_slug(transaction: &mut Transaction, name: &str) -> Result<String> {
    let words: Vec<String> =
        name.to_lowercase().split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let mut slug: String = words.join("-").chars().take(40).collect();
    if slug.is_empty() || slug.starts_with('@') {
        slug = "organization".to_owned();
    }
    let taken = transaction.fetch_optional("SELECT id FROM organization WHERE slug = $1", args![&slug]).await?.is_some();
    Ok(if taken { format!("{slug}-{}", teams::random_token("")[..6].to_lowercase()) } else { slug })
}

pub(crate) async fn save(db: &Db, organization: &Organization, now: Timestamp) -> Result<()> {
    let sql = "UPDATE organization SET name = $2, settings = $3, updated_at = $4 WHERE id = $1";
    db.execute(sql, args![organization.id, &organization.name, &organization.settings, now]).await.context("saving an organization")?;
    Ok(())
}

pub(crate) async fn delete(db: &Db, id: OrganizationId) -> Result<()> {
    db.execute("DELETE FROM organization WHERE id = $1", args![id]).await.context("deleting an organization")?;
    Ok(())
}

const MEMBER_COLUMNS: &str = "id, organization_id, user_id, level, joined_at, updated_at";

fn read_member(row: &Row) -> Result<Membership> {
    Ok(Membership {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        user: row.get("user_id")?,
        level: row.get("level")?,
        joined_at: row.get("joined_at")?,
        updated_at: row.get("updated_at")?,
    })
}

pub(crate) async fn level_of(db: &Db, organization: OrganizationId, user: UserId) -> Result<Option<Level>> {
    let sql = "SELECT level FROM membership WHERE organization_id = $1 AND user_id = $2";
    db.fetch_optional(sql, args![organization, user]).await?.map(|row| row.get("level")).transpose()
}

pub(crate) async fn members(db: &Db, organization: OrganizationId) -> Result<Vec<Membership>> {
    let sql = format!("SELECT {MEMBER_COLUMNS} FROM membership WHERE organization_id = $1 ORDER BY joined_at DESC, user_id DESC");
    db.fetch_all(&sql, args![organization]).await?.iter().map(read_member).collect()
}

pub(crate) async fn member_count(db: &Db, organization: OrganizationId) -> Result<i64> {
    db.fetch_one("SELECT COUNT(*) AS n FROM membership WHERE organization_id = $1", args![organization]).await?.get("n")
}

/// Inside a transaction that holds the organization (see [`lock`]).
pub(crate) async fn members_in(transaction: &mut Transaction, organization: OrganizationId) -> Result<Vec<Membership>> {
    let sql = format!("SELECT {MEMBER_COLUMNS} FROM membership WHERE organization_id = $1");
    transaction.fetch_all(&sql, args![organization]).await?.iter().map(read_member).collect()
}

/// Makes other transactions that change this organization's members wait, so that two of them cannot both remove "the other" owner.
pub(crate) async fn lock(transaction: &mut Transaction, organization: OrganizationId) -> ApiResult<()> {
    match transaction.execute("UPDATE organization SET updated_at = updated_at WHERE id = $1", args![organization]).await? {
        0 => Err(ApiError::not_found()),
        _ => Ok(()),
    }
}

pub(crate) async fn join(
    transaction: &mut Transaction,
    organization: OrganizationId,
    user: UserId,
    level: Level,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO membership (id, organization_id, user_id, level, joined_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)
        ON CONFLICT (user_id, organization_id) DO NOTHING";
    transaction.execute(sql, args![Uuid::now_v7(), organization, user, level, now]).await.context("joining an organization")?;
    Ok(())
}

pub(crate) async fn set_level(transaction: &mut Transaction, membership: Uuid, level: Level, now: Timestamp) -> Result<()> {
    let sql = "UPDATE membership SET level = $2, updated_at = $3 WHERE id = $1";
    transaction.execute(sql, args![membership, level, now]).await?;
    Ok(())
}

pub(crate) async fn leave(transaction: &mut Transaction, membership: &Membership) -> Result<()> {
    transaction.execute("DELETE FROM membership WHERE id = $1", args![membership.id]).await?;
    let sql = "UPDATE account SET current_organization = NULL, current_team = NULL WHERE id = $1 AND current_organization = $2";
    transaction.execute(sql, args![membership.user, membership.organization]).await?;
    Ok(())
}
