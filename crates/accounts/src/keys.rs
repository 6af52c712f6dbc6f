//! Personal API keys (`phx_…`): stored hashed, shown once, limited to scopes and perhaps to some projects or organizations.

use anyhow::{Context, Result};
use db::{Db, Row, Transaction, args};
use model::{OrganizationId, TeamId, Timestamp, UserId};
use serde_json::Value;
use uuid::Uuid;
use web::{ApiError, ApiResult};

pub(crate) const PREFIX: &str = "phx_";
pub(crate) const MAX_PER_USER: usize = 10;
/// Writing the time of use at every request would make reads as dear as writes.
const USE_NOTED_SECONDS: i64 = 3_600;

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub id: String,
    pub user: UserId,
    pub label: String,
    pub mask: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub last_rolled_at: Option<Timestamp>,
    pub scopes: Vec<String>,
    pub scoped_teams: Option<Vec<TeamId>>,
    pub scoped_organizations: Option<Vec<OrganizationId>>,
}

/// What a user chooses about a key.
#[derive(Clone, Debug)]
pub(crate) struct KeyChoice {
    pub label: String,
    pub scopes: Vec<String>,
    pub scoped_teams: Option<Vec<TeamId>>,
    pub scoped_organizations: Option<Vec<OrganizationId>>,
}

const COLUMNS: &str = "id, user_id, label, mask, created_at, last_used_at, last_rolled_at, scopes, scoped_teams, scoped_organizations";

fn read(row: &Row) -> Result<Key> {
    let list = |name| row.get::<Option<Value>>(name);
    Ok(Key {
        id: row.get("id")?,
        user: row.get("user_id")?,
        label: row.get("label")?,
        mask: row.get("mask")?,
        created_at: row.get("created_at")?,
        last_used_at: row.get("last_used_at")?,
        last_rolled_at: row.get("last_rolled_at")?,
        scopes: serde_json::from_value(row.get("scopes")?).context("reading a key's scopes")?,
        scoped_teams: list("scoped_teams")?.map(serde_json::from_value).transpose().context("reading a key's projects")?,
        scoped_organizations: list("scoped_organizations")?
            .map(serde_json::from_value)
            .transpose()
            .context("reading a key's organizations")?,
    })
}

pub(crate) async fn of_user(db: &Db, user: UserId) -> Result<Vec<Key>> {
    let sql = format!("SELECT {COLUMNS} FROM personal_api_key WHERE user_id = $1 ORDER BY created_at DESC, id DESC");
    db.fetch_all(&sql, args![user]).await?.iter().map(read).collect()
}

pub(crate) async fn by_id(db: &Db, user: UserId, id: &str) -> Result<Option<Key>> {
    let sql = format!("SELECT {COLUMNS} FROM personal_api_key WHERE id = $1 AND user_id = $2");
    db.fetch_optional(&sql, args![id, user]).await?.as_ref().map(read).transpose()
}

/// The key with this secret value, if its user may still sign in. Notes the use, at most once an hour.
pub(crate) async fn authenticate(db: &Db, value: &str, now: Timestamp) -> Result<Option<Key>> {
    let columns = COLUMNS.split(", ").map(|column| format!("k.{column}")).collect::<Vec<_>>().join(", ");
    let sql =
        format!("SELECT {columns} FROM personal_api_key k JOIN account a ON a.id = k.user_id WHERE k.value_hash = $1 AND a.is_active = $2");
    let row = db.fetch_optional(&sql, args![teams::hash_secret(value), true]).await?;
    let Some(key) = row.as_ref().map(read).transpose()? else {
        return Ok(None);
    };
    if key.last_used_at.is_none_or(|at| now.since(at) > USE_NOTED_SECONDS * 1_000_000) {
        db.execute("UPDATE personal_api_key SET last_used_at = $2 WHERE id = $1", args![&key.id, now]).await?;
    }
    Ok(Some(key))
}

/// Stores a key with this secret value.
pub(crate) async fn insert(on: &mut Transaction, user: UserId, choice: &KeyChoice, value: &str, now: Timestamp) -> ApiResult<Key> {
    // Touching the user makes two parallel creations count each other.
    on.execute("UPDATE account SET is_active = is_active WHERE id = $1", args![user]).await?;
    let count = on.fetch_one("SELECT COUNT(*) AS n FROM personal_api_key WHERE user_id = $1", args![user]).await?;
    if count.get::<usize>("n")? >= MAX_PER_USER {
        let detail = format!("You can only have {MAX_PER_USER} personal API keys. Remove an existing key before creating a new one.");
        return Err(ApiError::invalid(detail));
    }
    let sql = format!(
        "INSERT INTO personal_api_key (id, user_id, label, value_hash, mask, created_at, scopes, scoped_teams, scoped_organizations)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING {COLUMNS}"
    );
    let id = Uuid::new_v4().simple().to_string();
    let [scopes, teams, organizations] = lists(choice);
    let args = args![id, user, &choice.label, teams::hash_secret(value), teams::mask(value), now, scopes, teams, organizations];
    Ok(read(&on.fetch_one(&sql, args).await.context("creating a personal API key")?)?)
}

pub(crate) async fn update(db: &Db, user: UserId, id: &str, choice: &KeyChoice) -> Result<()> {
    let sql =
        "UPDATE personal_api_key SET label = $3, scopes = $4, scoped_teams = $5, scoped_organizations = $6 WHERE id = $1 AND user_id = $2";
    let [scopes, teams, organizations] = lists(choice);
    db.execute(sql, args![id, user, &choice.label, scopes, teams, organizations]).await?;
    Ok(())
}

fn lists(choice: &KeyChoice) -> [db::Value; 3] {
    let json = |list: Option<Value>| db::Value::from(list);
    let text = |list: serde_json::Result<Value>| list.ok();
    [
        json(text(serde_json::to_value(&choice.scopes))),
        json(choice.scoped_teams.as_ref().and_then(|list| text(serde_json::to_value(list)))),
        json(choice.scoped_organizations.as_ref().and_then(|list| text(serde_json::to_value(list)))),
    ]
}

/// Gives the key a new secret value; the old one stops working at once.
pub(crate) async fn roll(db: &Db, user: UserId, id: &str, value: &str, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE personal_api_key SET value_hash = $3, mask = $4, last_rolled_at = $5 WHERE id = $1 AND user_id = $2";
    Ok(db.execute(sql, args![id, user, teams::hash_secret(value), teams::mask(value), now]).await? > 0)
}

pub(crate) async fn delete(db: &Db, user: UserId, id: &str) -> Result<bool> {
    Ok(db.execute("DELETE FROM personal_api_key WHERE id = $1 AND user_id = $2", args![id, user]).await? > 0)
}

/// Refuses scopes that nothing asks for, so that a typing error does not become a useless key.
pub(crate) fn check_scopes(scopes: &[String]) -> ApiResult<()> {
    if scopes.is_empty() {
        return Err(ApiError::validation("required", "A key needs at least one scope.").attr("scopes"));
    }
    for scope in scopes {
        let known = scope == "*"
            || scope.split_once(':').is_some_and(|(object, action)| OBJECTS.contains(&object) && matches!(action, "read" | "write"));
        if !known {
            return Err(ApiError::invalid(format!("Invalid scope: {scope}")).attr("scopes"));
        }
    }
    Ok(())
}

#[rustfmt::skip]
const OBJECTS: &[&str] = &[
    "access_control", "account", "action", "activity_log", "alert", "annotation", "batch_export", "batch_import", "billing", "cohort", "comment",
    "conversation", "customer_journey", "customer_profile_config", "dashboard", "dashboard_template", "dataset", "early_access_feature", "element",
    "endpoint", "error_tracking", "evaluation", "event_definition", "experiment", "experiment_holdout", "experiment_saved_metric", "export",
    "external_data_schema", "external_data_source", "feature_flag", "file_system", "file_system_shortcut", "group", "health_issue", "heatmap",
    "hog_flow", "hog_function", "ingestion_warning", "insight", "insight_variable", "integration", "link", "live_debugger", "llm_analytics",
    "llm_gateway", "llm_prompt", "logs", "loop", "marketing_analytics", "metrics", "notebook", "organization", "organization_integration",
    "organization_member", "person", "plugin", "product_enablement", "product_tour", "project", "property_definition", "query",
    "revenue_analytics", "session_recording", "session_recording_playlist", "sharing_configuration", "subscription", "survey", "tagger", "task",
    "ticket", "toolbar", "tracing", "uploaded_media", "usage_metric", "user", "user_interview", "warehouse_objects", "warehouse_table",
    "warehouse_view", "web_analytics", "webhook", "wizard_session",
];
