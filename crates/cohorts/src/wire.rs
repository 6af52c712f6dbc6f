//! Cohorts exactly as PostHog's clients read them.

use crate::Cohort;
use serde_json::{Map, Value, json};

/// `creator` is who made it, as users are shown to others.
pub fn cohort(cohort: &Cohort, creator: Option<Value>) -> Value {
    json!({
        "id": cohort.id,
        "name": cohort.name,
        "description": cohort.description,
        "groups": [],
        "deleted": cohort.deleted,
        "filters": cohort.filters,
        "query": cohort.query,
        "is_calculating": cohort.is_calculating,
        "created_by": creator,
        "created_at": cohort.created_at,
        "last_calculation": cohort.last_calculation,
        "errors_calculating": cohort.errors_calculating,
        "last_error_message": cohort.last_error_message,
        "count": cohort.count,
        "is_static": cohort.is_static,
        "cohort_type": kind(cohort),
        "version": cohort.version,
        "pending_version": cohort.pending_version,
        "experiment_set": [],
    })
}

pub fn kind(cohort: &Cohort) -> &'static str {
    match cohort {
        cohort if cohort.is_static => "static",
        cohort if cohort.is_analytical() => "analytical",
        cohort if cohort.is_behavioral() => "behavioral",
        _ => "person_property",
    }
}

/// What people edit, for the activity log.
pub fn logged(cohort: &Cohort) -> Map<String, Value> {
    let fields = json!({
        "name": cohort.name,
        "description": cohort.description,
        "filters": cohort.filters,
        "query": cohort.query,
        "is_static": cohort.is_static,
        "deleted": cohort.deleted,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
