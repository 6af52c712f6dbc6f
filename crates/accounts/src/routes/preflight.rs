use crate::{AccountsState, sessions, signup};
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use chrono::Offset;
use http::HeaderMap;
use model::Timestamp;
use serde_json::{Map, Value, json};
use web::{ApiResult, CSRF_COOKIE, SignedIn, cookie};

pub(super) fn routes() -> Router<AccountsState> {
    Router::new().route("/_preflight", get(preflight))
}

/// What the app must know before anyone has signed in. Also hands out the CSRF token.
async fn preflight(State(state): State<AccountsState>, signed_in: Option<SignedIn>, headers: HeaderMap) -> ApiResult<impl IntoResponse> {
    let db = state.db.ping().await.is_ok();
    let mut body = json!({
        "django": true,
        "redis": true,
        "plugins": true,
        "celery": true,
        "clickhouse": true,
        "kafka": true,
        "db": db,
        "initiated": db && signup::is_claimed(&state.db).await?,
        "cloud": false,
        "demo": false,
        "realm": "hosted-clickhouse",
        "region": null,
        "available_social_auth_providers": {"github": false, "gitlab": false, "google-oauth2": false, "saml": false},
        "can_create_org": db && signup::is_open(&state).await?,
        "email_service_available": state.mailer.delivers(),
        "slack_service": {"available": false, "client_id": null},
        "data_warehouse_integrations": {"hubspot": {"client_id": null}, "salesforce": {"client_id": null}},
        "object_storage": false,
        "public_egress_ip_addresses": [],
    });
    if let (Some(_), Some(object)) = (signed_in, body.as_object_mut()) {
        object.extend(for_members(&state));
    }
    let cookies = match cookie(&headers, CSRF_COOKIE) {
        Some(_) => sessions::no_cookies(),
        None => sessions::csrf_cookie(&state.site),
    };
    Ok((cookies, Json(body)))
}

fn for_members(state: &AccountsState) -> Map<String, Value> {
    let more = json!({
        "opt_out_capture": true,
        "licensed_users_available": null,
        "openai_available": false,
        "site_url": &*state.site.url,
        "instance_preferences": {"debug_queries": false, "disable_paid_fs": true},
        "buffer_conversion_seconds": 60,
        "available_timezones": timezones(state.clock.now()),
    });
    match more {
        Value::Object(more) => more,
        _ => Map::new(),
    }
}

/// Name → hours ahead of UTC at this moment.
fn timezones(now: Timestamp) -> Map<String, Value> {
    let Some(now) = now.to_utc() else {
        return Map::new();
    };
    let hours = |zone: &chrono_tz::Tz| f64::from(now.with_timezone(zone).offset().fix().local_minus_utc()) / 3600.0;
    chrono_tz::TZ_VARIANTS.iter().map(|zone| (zone.name().to_owned(), json!(hours(zone)))).collect()
}
