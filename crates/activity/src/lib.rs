//! The activity log: who changed what, from what to what.
//!
//! Values of secrets never get here: for a secret field the log says that it changed, not from what to what.

use anyhow::Result;
use db::{Db, Migration, Row, args};
use model::{Clock, OrganizationId, TeamId, Timestamp, UserId};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use uuid::Uuid;
use web::{Page, UserSource};

pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "activity log",
    sql: "CREATE TABLE IF NOT EXISTS activity_log (
            id TEXT PRIMARY KEY,
            organization_id TEXT NOT NULL,
            team_id BIGINT,
            user_id BIGINT,
            scope TEXT NOT NULL,
            activity TEXT NOT NULL,
            item_id TEXT NOT NULL,
            detail TEXT NOT NULL,
            created_at BIGINT NOT NULL
          );
          CREATE INDEX IF NOT EXISTS activity_log_organization ON activity_log (organization_id, created_at);
          CREATE INDEX IF NOT EXISTS activity_log_item ON activity_log (team_id, scope, item_id, created_at);",
}];

const SECRET_FIELDS: &[&str] = &["slack_incoming_webhook", "api_token", "secret_api_token", "secret_api_token_backup"];
/// A longer value is left out of the log.
pub const MAX_VALUE_BYTES: usize = 4_096;

/// What happened to which thing. `scope` is the kind of thing, in PostHog's words.
pub struct Entry<'a> {
    pub organization: OrganizationId,
    pub team: Option<TeamId>,
    pub user: Option<UserId>,
    pub scope: &'static str,
    pub activity: &'static str,
    pub item: String,
    pub name: &'a str,
    pub changes: Vec<Value>,
}

pub struct Logged {
    pub id: Uuid,
    pub organization: OrganizationId,
    pub user: Option<UserId>,
    pub scope: String,
    pub activity: String,
    pub item: String,
    pub detail: Value,
    pub created_at: Timestamp,
}

/// Writes the entry. What was done is done: a log that cannot be written is reported and does not undo it.
pub async fn record(db: &Db, clock: Clock, entry: Entry<'_>) {
    let (scope, activity) = (entry.scope, entry.activity);
    let detail = json!({"name": entry.name, "short_id": null, "type": null, "changes": entry.changes, "trigger": null});
    let sql = "INSERT INTO activity_log (id, organization_id, team_id, user_id, scope, activity, item_id, detail, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let now = clock.now();
    let args = args![Uuid::now_v7(), entry.organization, entry.team, entry.user, scope, activity, entry.item, detail, now];
    if let Err(error) = db.execute(sql, args).await {
        tracing::warn!(error = format!("{error:#}"), scope, activity, "activity was not logged");
    }
}

/// One entry per field that differs.
pub fn changes(scope: &str, before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Value> {
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let null = &Value::Null;
    let differing = names.filter_map(|name| {
        let (old, new) = (before.get(name).unwrap_or(null), after.get(name).unwrap_or(null));
        let action = match (old, new) {
            (old, new) if old == new => return None,
            (Value::Null, _) => "created",
            (_, Value::Null) => "deleted",
            _ => "changed",
        };
        Some(json!({"type": scope, "action": action, "field": name, "before": shown(name, old), "after": shown(name, new)}))
    });
    differing.collect()
}

fn shown(name: &str, value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        _ if SECRET_FIELDS.contains(&name) => json!("masked"),
        value if value.to_string().len() > MAX_VALUE_BYTES => Value::Null,
        value => value.clone(),
    }
}

/// Which entries to list; newest first.
#[derive(Default)]
pub struct Filter {
    pub scopes: Vec<String>,
    pub item: Option<String>,
    pub user: Option<UserId>,
}

/// What concerns the project: its own entries, and its organization's that belong to no project.
pub async fn of_project(
    db: &Db,
    organization: OrganizationId,
    team: TeamId,
    filter: &Filter,
    limit: usize,
    offset: usize,
) -> Result<(usize, Vec<Logged>)> {
    let mut values = args![organization, team].to_vec();
    let mut rule = "organization_id = $1 AND (team_id = $2 OR team_id IS NULL)".to_owned();
    if !filter.scopes.is_empty() {
        rule.push_str(&format!(" AND scope IN ({})", db::parameter_list(values.len() + 1, filter.scopes.len())));
        values.extend(filter.scopes.iter().map(db::Value::from));
    }
    if let Some(item) = &filter.item {
        values.push(item.into());
        rule.push_str(&format!(" AND item_id = ${}", values.len()));
    }
    if let Some(user) = filter.user {
        values.push(user.into());
        rule.push_str(&format!(" AND user_id = ${}", values.len()));
    }
    let count = db.fetch_one(&format!("SELECT COUNT(*) AS n FROM activity_log WHERE {rule}"), &values).await?.get("n")?;
    let sql = format!("SELECT * FROM activity_log WHERE {rule} ORDER BY created_at DESC, id DESC LIMIT {limit} OFFSET {offset}");
    let rows = db.fetch_all(&sql, &values).await?;
    Ok((count, rows.iter().map(read).collect::<Result<_>>()?))
}

/// One page of a project's log in PostHog's shape, with who did what. `uri` is the request's.
pub async fn page(
    db: &Db,
    users: &UserSource,
    (organization, team): (OrganizationId, TeamId),
    filter: &Filter,
    page: &Page,
    uri: &http::Uri,
) -> Result<Value> {
    let (count, entries) = of_project(db, organization, team, filter, page.limit, page.offset).await?;
    let mut people = HashMap::new();
    for user in entries.iter().filter_map(|entry| entry.user) {
        if !people.contains_key(&user) {
            people.insert(user, users(user).await?);
        }
    }
    let results = entries.iter().map(|entry| entry.shown(entry.user.and_then(|user| people.get(&user).cloned().flatten())));
    let mut shown = web::paginated(page, count, results.collect(), uri).0;
    shown["total_count"] = count.into();
    Ok(shown)
}

impl Logged {
    /// As PostHog's API shows it; `user` is who did it.
    pub fn shown(&self, user: Option<Value>) -> Value {
        json!({
            "id": self.id,
            "user": user,
            "unread": false,
            "organization_id": self.organization,
            "was_impersonated": false,
            "is_system": self.user.is_none(),
            "activity": self.activity,
            "scope": self.scope,
            "item_id": self.item,
            "detail": self.detail,
            "created_at": self.created_at,
        })
    }
}

fn read(row: &Row) -> Result<Logged> {
    Ok(Logged {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        user: row.get("user_id")?,
        scope: row.get("scope")?,
        activity: row.get("activity")?,
        item: row.get("item_id")?,
        detail: row.get("detail")?,
        created_at: row.get("created_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_differences_are_logged_and_secrets_are_masked() {
        let before = json!({"a": 1, "b": null, "slack_incoming_webhook": "https://hooks/old", "same": [1]});
        let after = json!({"a": 2, "b": true, "slack_incoming_webhook": "https://hooks/new", "same": [1]});
        let list = changes("Team", before.as_object().unwrap(), after.as_object().unwrap());
        assert_eq!(list.len(), 3);
        assert_eq!(list[0], json!({"type": "Team", "action": "changed", "field": "a", "before": 1, "after": 2}));
        assert_eq!(list[1], json!({"type": "Team", "action": "created", "field": "b", "before": null, "after": true}));
        assert_eq!((&list[2]["before"], &list[2]["after"]), (&json!("masked"), &json!("masked")));
    }
}
