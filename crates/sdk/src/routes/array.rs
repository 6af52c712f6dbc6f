//! `/array/{token}/…`: the remote config as JSON, as a script, and in front of the SDK itself.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
};

use anyhow::Context;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use web::{ApiError, ApiResult};

use crate::{
    Sdk,
    negotiation::{Encoding, already_has},
    remote_config,
    routes::statics,
};

const SCRIPT: &str = "application/javascript; charset=utf-8";
const JSON: &str = "application/json";

pub async fn config(State(sdk): State<Sdk>, Path(token): Path<String>, headers: HeaderMap) -> ApiResult<Response> {
    let config = load(&sdk, &token, &headers).await?;
    Ok(cacheable(JSON, config.to_string().into_bytes(), &headers))
}

pub async fn config_script(State(sdk): State<Sdk>, Path(token): Path<String>, headers: HeaderMap) -> ApiResult<Response> {
    let config = load(&sdk, &token, &headers).await?;
    Ok(cacheable(SCRIPT, assignment(&token, &config).into_bytes(), &headers))
}

/// The SDK with the config in front, so that a page needs one request instead of two.
pub async fn preloaded_sdk(State(sdk): State<Sdk>, Path(token): Path<String>, headers: HeaderMap) -> ApiResult<Response> {
    let config = load(&sdk, &token, &headers).await?;
    let Some(script) = sdk.scripts.get("array.js").cloned() else { return Ok(statics::missing(&sdk, "array.js")) };
    let mut body = assignment(&token, &config).into_bytes();
    let gzipped = Encoding::accepted(&headers) != Encoding::Plain;
    // Some 300 kB: unpacking and packing them would hold up other requests of this worker.
    let packed = tokio::task::spawn_blocking(move || -> anyhow::Result<(Vec<u8>, bool)> {
        body.extend_from_slice(&script.plain()?);
        if !gzipped {
            return Ok((body, false));
        }
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&body)?;
        Ok((encoder.finish()?, true))
    });
    let (body, gzipped) = packed.await.context("packing array.js")??;
    let mut response = cacheable(SCRIPT, body, &headers);
    if gzipped && response.status() == StatusCode::OK {
        response.headers_mut().insert(header::CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
    }
    response.headers_mut().append(header::VARY, http::HeaderValue::from_static("Accept-Encoding"));
    Ok(response)
}

async fn load(sdk: &Sdk, token: &str, headers: &HeaderMap) -> ApiResult<Value> {
    let team = sdk.teams.by_token(token).await?.ok_or_else(ApiError::not_found)?;
    let contents = (sdk.contents_of)(team.clone()).await?;
    Ok(Value::Object(remote_config(&team, contents, headers)))
}

/// `siteApps` of the script form are pieces of code rather than JSON; there are none to serve.
fn assignment(token: &str, config: &Value) -> String {
    let token = script_literal(&Value::from(token));
    let config = script_literal(config);
    format!(
        "(function() {{\n  window._POSTHOG_REMOTE_CONFIG = window._POSTHOG_REMOTE_CONFIG || {{}};\n  \
         window._POSTHOG_REMOTE_CONFIG[{token}] = {{\n    config: {config},\n    siteApps: []\n  }}\n}})();\n"
    )
}

/// JSON that is also safe inside an inline script and in engines that end strings at U+2028.
fn script_literal(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

fn cacheable(kind: &'static str, body: Vec<u8>, headers: &HeaderMap) -> Response {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let tag = format!("W/\"{:016x}\"", hasher.finish());
    // Recording depends on the asking page, so a shared cache must not hand one page's config to another.
    let common = [
        (header::CACHE_CONTROL, "public, max-age=300".to_owned()),
        (header::ETAG, tag.clone()),
        (header::VARY, "Origin, Referer".to_owned()),
    ];
    if already_has(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(header::CONTENT_TYPE, kind)], body).into_response()
}
