//! `/external_surveys/{id}`: a survey on a page of its own, for people who follow a link. Everything on it comes from here.

use crate::survey::{Kind, Survey};
use crate::{SurveysState, store};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderValue, StatusCode};
use teams::Team;
use uuid::Uuid;
use web::ApiResult;

/// The SDK styles what it shows; pictures in a survey's texts may be anywhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; \
                      img-src 'self' https: data:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors ";

/// 404 unless the survey is meant for this and runs; drafts and finished ones say the same as unknown ones.
pub async fn page(State(state): State<SurveysState>, Path(id): Path<String>) -> ApiResult<Response> {
    let survey = match Uuid::parse_str(&id) {
        Ok(id) => store::anywhere(&state.db, id).await?,
        Err(_) => None,
    };
    let Some(survey) = survey.filter(|survey| survey.kind == Kind::External && survey.is_running()) else { return Ok(missing()) };
    let Some(team) = state.teams.by_id(survey.team).await? else { return Ok(missing()) };
    let html = html(&survey, &team);
    Ok(respond(StatusCode::OK, html, survey.may_be_framed()))
}

pub async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../page/page.js"))
}

pub async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../page/page.css"))
}

fn html(survey: &Survey, team: &Team) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{name}</title>\n<link rel=\"stylesheet\" href=\"/external_surveys/page.css\">\n</head>\n\
         <body data-survey=\"{id}\" data-token=\"{token}\">\n<p id=\"status\" role=\"status\">Loading…</p>\n\
         <noscript>This survey needs JavaScript.</noscript>\n<script src=\"/external_surveys/page.js\"></script>\n\
         <script src=\"/static/array.js\"></script>\n</body>\n</html>\n",
        name = escaped(&survey.name),
        id = survey.id,
        token = escaped(&team.api_token),
    )
}

fn missing() -> Response {
    let html = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n\
                <title>No survey here</title>\n<link rel=\"stylesheet\" href=\"/external_surveys/page.css\">\n</head>\n\
                <body><p>This survey is not available: it has ended, has not begun, or the link is wrong.</p></body>\n</html>\n";
    respond(StatusCode::NOT_FOUND, html.to_owned(), false)
}

fn respond(status: StatusCode, html: String, may_be_framed: bool) -> Response {
    let policy = format!("{POLICY}{}", if may_be_framed { "*" } else { "'none'" });
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The address may hold a respondent's id.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !may_be_framed {
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=300"), (X_CONTENT_TYPE_OPTIONS, "nosniff")], text).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
