//! Actions that show a survey. SDKs watch for them in the browser, so they get what the actions match.

use crate::check::conditions;
use crate::survey::Survey;
use anyhow::Result;
use db::Db;
use model::TeamId;
use serde_json::{Value, json};
use std::collections::HashMap;

/// What SDKs read of a step. With a selector they listen for it themselves, so the pattern for stored elements stays empty.
const FIELDS: &[&str] =
    &["event", "selector", "selector_regex", "text", "text_matching", "href", "href_matching", "url", "url_matching", "properties"];

/// Steps of the surveys' actions, by the actions' ids. Deleted actions have none.
pub async fn steps(db: &Db, team: TeamId, surveys: &[Survey]) -> Result<HashMap<i64, Value>> {
    if surveys.iter().all(|survey| conditions::actions(&survey.conditions).next().is_none()) {
        return Ok(HashMap::new());
    }
    let actions = actions::store::of_team(db, team).await?;
    let shown = |action: actions::Action| {
        let steps: Vec<Value> = action.steps.as_array().into_iter().flatten().map(step).collect();
        (action.id, Value::Array(steps))
    };
    Ok(actions.into_iter().map(shown).collect())
}

fn step(stored: &Value) -> Value {
    let mut shown: Value = FIELDS.iter().map(|name| ((*name).to_owned(), stored[*name].clone())).collect();
    if shown["url_matching"].is_null() {
        shown["url_matching"] = json!("contains");
    }
    shown
}
