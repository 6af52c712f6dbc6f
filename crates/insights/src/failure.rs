use events::QueryError;
use query::{ResolveError, SyntaxError};
use web::ApiError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The client asked for something that cannot be; the text says what to change.
    #[error("{0}")]
    Invalid(String),
    /// Too many queries are running.
    #[error("Too many queries are running. Try again in a few seconds.")]
    Busy,
    #[error("The server is at capacity. Try again in a few seconds.")]
    Capacity,
    /// Time or memory ran out.
    #[error("{0}")]
    Exceeded(String),
    #[error("The query was cancelled.")]
    Cancelled,
    #[error("error while executing query")]
    Failed(anyhow::Error),
}

impl Failure {
    pub fn invalid(text: impl Into<String>) -> Failure {
        Failure::Invalid(text.into())
    }

    /// Is it for the client to act on?
    pub fn is_actionable(&self) -> bool {
        !matches!(self, Failure::Failed(_))
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Failure::Invalid(text)
    }
}

impl From<SyntaxError> for Failure {
    fn from(error: SyntaxError) -> Self {
        Failure::Invalid(format!("{} (at position {})", error.message, error.start))
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        Failure::Invalid(error.message)
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Invalid(text) => Failure::Invalid(text),
            QueryError::Deadline(_) | QueryError::Memory(_) => Failure::Exceeded(error.to_string()),
            QueryError::Cancelled => Failure::Cancelled,
            QueryError::Failed(cause) => Failure::Failed(cause),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Failed(error)
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Invalid(text) => ApiError::invalid(text),
            Failure::Busy => ApiError::throttled(failure.to_string()).retry_after(5),
            Failure::Capacity => ApiError::unavailable(failure.to_string()).retry_after(5),
            Failure::Exceeded(text) => ApiError::timeout(text),
            Failure::Cancelled => ApiError::validation("cancelled", failure.to_string()),
            Failure::Failed(cause) => ApiError::from(cause.context("running a query")),
        }
    }
}
