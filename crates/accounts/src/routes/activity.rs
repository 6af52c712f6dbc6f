use crate::{AccountsState, user, wire};
use ::activity::{Filter, Logged};
use axum::extract::{OriginalUri, RawQuery, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use std::collections::HashMap;
use web::{Access, ApiResult, Page, paginated};

pub(super) fn routes() -> Router<AccountsState> {
    let mut router = Router::new();
    for prefix in ["/api/projects/{project_id}", "/api/environments/{project_id}"] {
        for name in ["activity_log", "advanced_activity_logs"] {
            router = router.route(&format!("{prefix}/{name}"), get(list));
        }
    }
    router
}

async fn list(
    State(state): State<AccountsState>,
    access: Access,
    page: Page,
    RawQuery(query): RawQuery,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("activity_log:read")?;
    let filter = read_filter(&state, &query.unwrap_or_default()).await?;
    let (count, results) = page_of(&state, &access, &filter, &page).await?;
    Ok(paginated(&page, count, results, &uri))
}

pub(super) async fn page_of(state: &AccountsState, access: &Access, filter: &Filter, page: &Page) -> ApiResult<(usize, Vec<Value>)> {
    let team = &access.team;
    let (count, entries) = ::activity::of_project(&state.db, team.organization, team.id, filter, page.limit, page.offset).await?;
    let mut people = HashMap::new();
    for id in entries.iter().filter_map(|entry| entry.user) {
        if let std::collections::hash_map::Entry::Vacant(free) = people.entry(id) {
            free.insert(user::by_id(&state.db, id).await?.map(|user| wire::user_basic(&user)));
        }
    }
    let shown = |entry: &Logged| entry.shown(entry.user.and_then(|id| people.get(&id).cloned().flatten()));
    Ok((count, entries.iter().map(shown).collect()))
}

/// `?scope=Team&scopes=Team,Organization&item_id=&user=<uuid>`; names are plain words, so that nothing needs decoding but the comma.
async fn read_filter(state: &AccountsState, query: &str) -> ApiResult<Filter> {
    let mut filter = Filter::default();
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(_, value)| !value.is_empty()) {
        match name {
            "scope" | "scopes" => filter.scopes.extend(value.replace("%2C", ",").split(',').take(50).map(str::to_owned)),
            "item_id" => filter.item = Some(value.to_owned()),
            "user" => {
                let found = match value.parse() {
                    Ok(uuid) => user::by_uuid(&state.db, uuid).await?,
                    Err(_) => None,
                };
                // Nobody has this id: an unknown person did nothing.
                filter.user = Some(found.map_or(model::UserId(-1), |user| user.id));
            }
            _ => {}
        }
    }
    filter.scopes.truncate(100);
    Ok(filter)
}
