//! `/static/…`: the browser SDK and the extensions it loads when a page needs them.

use axum::{
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use web::ApiResult;

use crate::{
    Sdk,
    negotiation::{Encoding, already_has},
    scripts::Script,
};

/// The page toolbar is not part of the npm package. Pages that ask for it get a function that says so instead of a failed load.
const TOOLBAR: &str = "window.ph_load_toolbar = window.ph_load_editor = function () {\n  \
    console.info('The toolbar is not available on this server.')\n  return true\n}\n";

pub async fn script(state: State<Sdk>, Path(file): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> ApiResult<Response> {
    let version = query.as_deref().and_then(asked_version);
    serve(&state, &file, version, &headers)
}

/// Every version gets the scripts of the one that is embedded: extensions stay compatible with the SDKs before them.
pub async fn versioned_script(state: State<Sdk>, Path((version, file)): Path<(String, String)>, headers: HeaderMap) -> ApiResult<Response> {
    serve(&state, &file, Some(&version), &headers)
}

fn asked_version(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("v="))
}

fn serve(sdk: &Sdk, file: &str, version: Option<&str>, headers: &HeaderMap) -> ApiResult<Response> {
    if file == "toolbar.js" {
        return Ok((
            [(header::CONTENT_TYPE, "application/javascript; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=300")],
            TOOLBAR,
        )
            .into_response());
    }
    let Some(script) = sdk.scripts.get(file) else { return Ok(missing(sdk, file)) };
    let encoding = Encoding::accepted(headers);
    let tag = encoding.tag(&script.etag);
    let caching = caching(&sdk.scripts.version, version);
    if already_has(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, describing(&tag, caching)).into_response());
    }
    let mut response = (describing(&tag, caching), body(script, encoding)?).into_response();
    let response_headers = response.headers_mut();
    response_headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/javascript; charset=utf-8"));
    response_headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(coding) = encoding.header() {
        response_headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    Ok(response)
}

fn describing(tag: &str, caching: &'static str) -> [(HeaderName, String); 3] {
    [(header::ETAG, tag.to_owned()), (header::CACHE_CONTROL, caching.to_owned()), (header::VARY, "Accept-Encoding".to_owned())]
}

fn body(script: &Script, encoding: Encoding) -> anyhow::Result<Bytes> {
    Ok(match encoding {
        Encoding::Brotli => script.brotli.clone(),
        Encoding::Gzip => script.gzip.clone(),
        Encoding::Plain => Bytes::from(script.plain()?),
    })
}

/// Only a URL that names the embedded version can never change its content; others change with the next upgrade of the server.
fn caching(embedded: &str, asked: Option<&str>) -> &'static str {
    match asked {
        Some(version) if version == embedded => "public, max-age=31536000, immutable",
        Some(_) => "public, max-age=86400",
        None => "public, max-age=3600",
    }
}

pub fn missing(sdk: &Sdk, file: &str) -> Response {
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    if sdk.scripts.is_empty() {
        let text = "This build has no browser scripts: run `npm ci && npm run pack` in crates/sdk/npm and build again.\n";
        return (StatusCode::SERVICE_UNAVAILABLE, plain, text).into_response();
    }
    // The name comes from the URL and is not echoed: the reply must hold nothing that a stranger chose.
    tracing::debug!(file, "no such browser script");
    (StatusCode::NOT_FOUND, plain, "There is no such script.\n").into_response()
}
