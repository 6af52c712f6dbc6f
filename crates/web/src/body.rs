use crate::{ApiError, ApiResult};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use serde::de::DeserializeOwned;

/// A JSON body. An empty one reads as `{}`; what is wrong with a bad one is said in PostHog's shape, naming the field.
#[derive(Clone, Copy, Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status().as_u16() {
            413 => ApiError::too_large("The request body is too large."),
            _ => ApiError::unreadable("The request body could not be read."),
        })?;
        parse(&bytes).map(Body)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    let text = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| describe(error.path().to_string(), error.inner()))?;
    deserializer.end().map_err(|error| ApiError::unreadable(format!("JSON parse error - {error}")))?;
    Ok(value)
}

fn describe(path: String, error: &serde_json::Error) -> ApiError {
    if !error.is_data() {
        return ApiError::unreadable(format!("JSON parse error - {error}"));
    }
    let message = error.to_string();
    // serde_json appends the position, which means nothing to the reader of one field's message.
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    let inside = if path == "." { String::new() } else { format!("{path}.") };
    if let Some(field) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return ApiError::validation("required", "This field is required.").attr(format!("{inside}{field}"));
    }
    let error = ApiError::invalid(message);
    if path == "." { error } else { error.attr(path) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Form {
        email: String,
        #[serde(default)]
        age: u8,
    }

    fn refused(text: &str) -> String {
        parse::<Form>(text.as_bytes()).map(|form| format!("{} {}", form.email, form.age)).unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_body_is_described() {
        assert_eq!(refused(""), "400 required: This field is required.");
        assert_eq!(refused(r#"{"email":"a","age":"x"}"#), "400 invalid_input: invalid type: string \"x\", expected u8");
        assert!(refused("{").starts_with("400 parse_error: JSON parse error - EOF"));
        assert!(refused(r#"{"email":"a"} x"#).starts_with("400 parse_error"));
    }
}
