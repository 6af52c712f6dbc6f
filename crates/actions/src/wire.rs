//! Actions exactly as PostHog's clients read them. Steps go back as they came.

use crate::Action;
use serde_json::{Map, Value, json};

/// `creator` is who made it, as users are shown to others.
pub fn action(action: &Action, creator: Option<Value>) -> Value {
    json!({
        "id": action.id,
        "name": action.name,
        "description": action.description,
        "tags": action.tags,
        "post_to_slack": action.post_to_slack,
        "slack_message_format": action.slack_message_format,
        "steps": action.steps,
        "created_at": action.created_at,
        "created_by": creator,
        "deleted": action.deleted,
        "is_calculating": false,
        "last_calculated_at": action.updated_at,
        "team_id": action.team.0,
        "is_action": true,
        "bytecode_error": null,
        "pinned_at": action.pinned_at,
        "creation_context": null,
        "user_access_level": "editor",
    })
}

/// What people edit, for the activity log.
pub fn logged(action: &Action) -> Map<String, Value> {
    let fields = json!({
        "name": action.name,
        "description": action.description,
        "tags": action.tags,
        "steps": action.steps,
        "post_to_slack": action.post_to_slack,
        "slack_message_format": action.slack_message_format,
        "pinned_at": action.pinned_at,
        "deleted": action.deleted,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
