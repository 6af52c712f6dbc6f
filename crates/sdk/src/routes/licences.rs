//! `/licenses`: the licences of the scripts that are handed out.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::header;
use web::{ApiError, ApiResult};

use crate::Sdk;

const PLAIN: [(http::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];

pub async fn list(State(sdk): State<Sdk>) -> Response {
    let mut text = format!("Licences of the browser scripts under /static (posthog-js {}, served unmodified):\n\n", sdk.scripts.version);
    for licence in sdk.scripts.licences() {
        text.push_str("/licenses/");
        text.push_str(&licence.name);
        text.push('\n');
    }
    (PLAIN, text).into_response()
}

pub async fn text(State(sdk): State<Sdk>, Path(file): Path<String>) -> ApiResult<Response> {
    let licence = sdk.scripts.licences().iter().find(|licence| licence.name == file).ok_or_else(ApiError::not_found)?;
    Ok((PLAIN, licence.text.clone()).into_response())
}
