use crate::{ApiError, ApiResult};
use std::sync::Arc;
use teams::{Team, Teams};

/// The project of a public token (`phc_…`) in a request of an SDK. Fails with 401 in the words that SDKs know.
pub async fn project_of_token(teams: &Teams, token: &str) -> ApiResult<Arc<Team>> {
    let token = token.trim();
    if token.is_empty() {
        let detail = "API key not provided. You can find your project API key in your project settings.";
        return Err(ApiError::authentication("missing_api_key", detail));
    }
    let known = teams.by_token(token).await?;
    known.ok_or_else(|| {
        ApiError::authentication("invalid_api_key", "Project API key invalid. You can find your project API key in your project settings.")
    })
}
