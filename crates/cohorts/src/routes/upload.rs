//! Bodies of a cohort that is written: JSON, or a form with the same fields and a file `csv`.

use super::cohorts::Written;
use crate::csv::{self, Listed};
use axum::extract::{FromRequest, Multipart, Request};
use http::header;
use serde::Deserialize;
use serde_json::{Map, Value};
use web::{ApiError, ApiResult, Body};

pub struct Form {
    pub written: Written,
    pub listed: Option<Listed>,
}

/// Fields of a form whose texts are JSON.
const JSON_FIELDS: &[&str] = &["filters", "groups", "query", "is_static", "deleted", "_create_static_person_ids"];

pub async fn read(request: Request) -> ApiResult<Form> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/form-data") {
        let Body(written) = Body::<Written>::from_request(request, &()).await?;
        return Ok(Form { written, listed: None });
    }
    let unreadable = || ApiError::unreadable("The form could not be read.");
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| unreadable())?;
    let (mut fields, mut listed) = (Map::new(), None);
    while let Some(field) = form.next_field().await.map_err(|_| unreadable())? {
        let Some(name) = field.name().map(str::to_owned) else { continue };
        let bytes = field.bytes().await.map_err(|error| match error.status().as_u16() {
            413 => ApiError::too_large("The CSV file is too large."),
            _ => unreadable(),
        })?;
        if name == "csv" {
            let parsed =
                tokio::task::spawn_blocking(move || csv::parse(&bytes)).await.map_err(|error| ApiError::from(anyhow::anyhow!(error)))?;
            listed = Some(parsed.map_err(|message| ApiError::invalid(message).attr("csv"))?);
            continue;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let value = match JSON_FIELDS.contains(&name.as_str()) {
            true => serde_json::from_str(&text).map_err(|error| ApiError::invalid(format!("Not JSON: {error}")).attr(name.clone()))?,
            false => Value::String(text),
        };
        fields.insert(name, value);
    }
    let written = Written::deserialize(Value::Object(fields)).map_err(|error| ApiError::invalid(error.to_string()))?;
    Ok(Form { written, listed })
}
