//! What insights know of sessions: the types of their properties, and the project's rules about them.

use crate::conditions::Scope;
use query::ast::{Expr, ExprKind};
use query::{BounceMode, ChannelRule, PropertyType, SessionRules};
use serde_json::{Map, Value};
use std::sync::Arc;

pub fn kind_of(name: &str) -> PropertyType {
    let name = if name == "duration" { "$session_duration" } else { name };
    query::session_properties().find(|(known, _)| *known == name).map_or(PropertyType::String, |(_, kind)| kind)
}

/// What a rule may ask of a session: its first values.
const CHANNEL_INPUTS: &[&str] = &["utm_source", "utm_medium", "utm_campaign", "referring_domain", "url", "pathname", "hostname"];

/// More rules than an editor shows; each is asked for every session.
const MAX_RULES: usize = 100;

/// The rules of a query's `modifiers`; what it leaves out is as the project's settings say.
pub fn rules(modifiers: &Map<String, Value>, scope: &Scope<'_>) -> Result<SessionRules, String> {
    let project = scope.settings.get("modifiers").and_then(Value::as_object);
    let get = |name: &str| {
        let of_query = modifiers.get(name).filter(|value| !value.is_null());
        of_query.or_else(|| project?.get(name)).filter(|value| !value.is_null())
    };
    let usual = SessionRules::default();
    let channels = match get("customChannelTypeRules") {
        None => Vec::new(),
        Some(Value::Array(list)) if list.len() > MAX_RULES => {
            return Err(format!("at most {MAX_RULES} customChannelTypeRules are possible"));
        }
        Some(Value::Array(list)) => list.iter().map(|rule| channel_rule(rule, scope)).collect::<Result<_, _>>()?,
        Some(_) => return Err("customChannelTypeRules must be a list".to_owned()),
    };
    Ok(SessionRules {
        bounce: BounceMode::from_modifier(get("bounceRatePageViewMode").and_then(Value::as_str).unwrap_or_default()),
        bounce_seconds: get("bounceRateDurationSeconds").and_then(Value::as_f64).unwrap_or(usual.bounce_seconds),
        channels: Arc::new(channels),
    })
}

/// `{"channel_type": "…", "combiner": "AND", "items": [{"key": "utm_source", "op": "exact", "value": "x"}]}`
fn channel_rule(rule: &Value, scope: &Scope<'_>) -> Result<ChannelRule, String> {
    let channel = rule.get("channel_type").and_then(Value::as_str).ok_or("a customChannelTypeRule needs a channel_type")?;
    let items = rule.get("items").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
    let mut terms = Vec::new();
    for item in items {
        let key = item.get("key").and_then(Value::as_str).unwrap_or_default();
        if !CHANNEL_INPUTS.contains(&key) {
            return Err(format!("customChannelTypeRules know nothing of \"{key}\""));
        }
        let operator = item.get("op").and_then(Value::as_str).unwrap_or("exact");
        let input = Expr::new(ExprKind::Placeholder(vec![key.to_owned()]));
        terms.push(scope.operate(input, PropertyType::String, operator, item.get("value"))?);
    }
    let any = rule.get("combiner").and_then(Value::as_str) == Some("OR");
    // A rule that says nothing would catch everything.
    let condition = match terms.is_empty() {
        true => Expr::constant(false),
        false if any => Expr::or(terms),
        false => Expr::and(terms),
    };
    Ok(ChannelRule { channel: channel.to_owned(), condition })
}
