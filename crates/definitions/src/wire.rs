//! Definitions exactly as PostHog's clients read them.

use crate::store::{Definition, Of};
use serde_json::{Value, json};

pub(crate) fn definition(d: &Definition) -> Value {
    let mut answer = json!({
        "id": d.id,
        "name": d.name,
        "description": d.description.as_deref().unwrap_or_default(),
        "tags": d.tags,
        "verified": d.verified,
        "verified_at": d.verified_at,
        "verified_by": d.verified_by.map(|user| json!({"id": user.0})),
        "hidden": d.hidden,
        "updated_at": d.updated_at,
        "updated_by": d.updated_by.map(|user| json!({"id": user.0})),
        "is_calculating": false,
    });
    let more = match &d.of {
        Of::Event { last_seen_at, owner, default_columns } => json!({
            "owner": owner.map(|user| json!({"id": user.0})),
            "created_at": d.created_at,
            "last_seen_at": last_seen_at,
            "last_calculated_at": null,
            "created_by": null,
            "is_action": false,
            "action_id": null,
            "post_to_slack": false,
            "default_columns": default_columns.clone().unwrap_or_else(|| json!([])),
        }),
        Of::Property { property_type, is_numerical } => json!({
            "property_type": property_type,
            "is_numerical": is_numerical,
            "is_seen_on_filtered_events": null,
        }),
    };
    if let (Value::Object(answer), Value::Object(more)) = (&mut answer, more) {
        answer.extend(more);
    }
    answer
}
