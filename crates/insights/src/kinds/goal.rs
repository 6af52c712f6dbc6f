//! `conversionGoal`: the event that insights count instead of their series' own.

use crate::failure::Failure;
use crate::nodes::series::Entity;
use serde_json::Value;

pub fn read(goal: &Value) -> Result<Entity, Failure> {
    let members = goal.as_object().ok_or_else(|| Failure::invalid("`conversionGoal` must be an object"))?;
    if let Some(unknown) = members.keys().find(|name| !matches!(name.as_str(), "customEventName" | "actionId")) {
        return Err(Failure::Invalid(format!("unknown field `{unknown}` in conversionGoal")));
    }
    match (members.get("customEventName"), members.get("actionId")) {
        (Some(Value::String(event)), None) if !event.is_empty() => Ok(Entity::Event(Some(event.clone()))),
        (None, Some(Value::Number(id))) => Ok(Entity::Action(id.as_i64().unwrap_or_default())),
        _ => Err(Failure::invalid("`conversionGoal` needs either customEventName or actionId")),
    }
}
