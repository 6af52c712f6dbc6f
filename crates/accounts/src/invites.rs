use crate::level::Level;
use anyhow::{Context, Result};
use db::{Db, Row, Transaction, args};
use model::{OrganizationId, Timestamp, UserId};
use uuid::Uuid;

const VALID_SECONDS: i64 = 3 * 86_400;

/// A place in an organization, kept for whoever owns a mail address. Its id is the secret in the link.
#[derive(Clone, Debug)]
pub(crate) struct Invite {
    pub id: Uuid,
    pub organization: OrganizationId,
    pub target_email: String,
    pub first_name: String,
    pub level: Level,
    pub message: Option<String>,
    pub mailed: bool,
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
}

impl Invite {
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.created_at.plus_seconds(VALID_SECONDS) <= now
    }
}

const COLUMNS: &str = "id, organization_id, target_email, first_name, level, message, mailed, created_by, created_at";

fn read(row: &Row) -> Result<Invite> {
    Ok(Invite {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        target_email: row.get("target_email")?,
        first_name: row.get("first_name")?,
        level: row.get("level")?,
        message: row.get("message")?,
        mailed: row.get("mailed")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
    })
}

pub(crate) async fn by_id(db: &Db, id: Uuid) -> Result<Option<Invite>> {
    let row = db.fetch_optional(&format!("SELECT {COLUMNS} FROM invite WHERE id = $1"), args![id]).await?;
    row.as_ref().map(read).transpose()
}

pub(crate) async fn of_organization(db: &Db, organization: OrganizationId) -> Result<Vec<Invite>> {
    let sql = format!("SELECT {COLUMNS} FROM invite WHERE organization_id = $1 ORDER BY created_at DESC, id DESC");
    db.fetch_all(&sql, args![organization]).await?.iter().map(read).collect()
}

pub(crate) async fn insert(transaction: &mut Transaction, invite: &Invite) -> Result<()> {
    let sql = format!("INSERT INTO invite ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    let args = args![
        invite.id,
        invite.organization,
        &invite.target_email,
        &invite.first_name,
        invite.level,
        invite.message.clone(),
        invite.mailed,
        invite.created_by,
        invite.created_at
    ];
    transaction.execute(&sql, args).await.context("creating an invite")?;
    Ok(())
}

/// Of two people who use one invite at once, one gets `true`.
pub(crate) async fn take(transaction: &mut Transaction, invite: &Invite) -> Result<bool> {
    let taken = transaction.execute("DELETE FROM invite WHERE id = $1", args![invite.id]).await? > 0;
    let sql = "DELETE FROM invite WHERE organization_id = $1 AND LOWER(target_email) = LOWER($2)";
    transaction.execute(sql, args![invite.organization, &invite.target_email]).await?;
    Ok(taken)
}

pub(crate) async fn delete(db: &Db, organization: OrganizationId, id: Uuid) -> Result<bool> {
    Ok(db.execute("DELETE FROM invite WHERE id = $1 AND organization_id = $2", args![id, organization]).await? > 0)
}
