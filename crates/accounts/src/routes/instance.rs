//! What staff can learn about the instance itself.

use crate::{AccountsState, user};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use web::{ApiError, ApiResult, Caller, SignedIn};

pub(super) fn routes() -> Router<AccountsState> {
    Router::new().route("/api/instance_status", get(status)).route("/api/instance_settings", get(settings))
}

async fn require_staff(state: &AccountsState, me: &SignedIn) -> ApiResult<()> {
    if !matches!(me.caller, Caller::Session { .. }) {
        return Err(ApiError::forbidden("This action does not support Personal API Key access"));
    }
    match user::load(&state.db, me.user).await?.is_staff {
        true => Ok(()),
        false => Err(ApiError::forbidden("You are not a staff user, contact your instance admin.")),
    }
}

async fn status(State(state): State<AccountsState>, me: SignedIn) -> ApiResult<Json<Value>> {
    require_staff(&state, &me).await?;
    let db = state.db.ping().await.is_ok();
    let users = user::all(&state.db).await?.len();
    let projects = state.teams.all().await?.len();
    let entry = |key: &str, metric: &str, value: Value| json!({"key": key, "metric": metric, "value": value});
    Ok(Json(json!({"results": {"overview": [
        entry("hoglet_version", "Hoglet version", json!(env!("CARGO_PKG_VERSION"))),
        entry("db_alive", "Metadata database alive", json!(db)),
        entry("db_kind", "Metadata database", json!(if state.db.is_postgres() { "PostgreSQL" } else { "SQLite" })),
        entry("users", "Users", json!(users)),
        entry("projects", "Projects", json!(projects)),
    ]}})))
}

/// What an operator can read here; it is changed in the server's configuration.
async fn settings(State(state): State<AccountsState>, me: SignedIn) -> ApiResult<Json<Value>> {
    require_staff(&state, &me).await?;
    let entry = |key: &str, value: Value, kind: &str, description: &str| json!({"key": key, "value": value, "value_type": kind, "description": description, "editable": false, "is_secret": false});
    let results = [
        entry("SITE_URL", json!(&*state.site.url), "str", "Where people reach this server. Links in mails begin with it."),
        entry("MULTI_ORG_ENABLED", json!(state.multi_org), "bool", "Whether people may found organizations besides the first."),
        entry("EMAIL_ENABLED", json!(state.mailer.delivers()), "bool", "Whether mail is delivered by SMTP; otherwise it is kept as files."),
    ];
    Ok(Json(json!({"count": results.len(), "next": null, "previous": null, "results": results})))
}
