use futures::future::BoxFuture;
use model::UserId;
use serde_json::Value;
use std::sync::Arc;

/// How a user is shown to others (`{id, uuid, first_name, email …}`). `None` when the user is gone.
pub type UserSource = Arc<dyn Fn(UserId) -> BoxFuture<'static, anyhow::Result<Option<Value>>> + Send + Sync>;
