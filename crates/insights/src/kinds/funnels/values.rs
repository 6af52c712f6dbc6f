//! The values of a breakdown: the columns they are read from, their ranking, and those that become "Other".

use super::plan::Funnel;
use crate::failure::Failure;
use crate::kinds::trends::breakdown::value;
use crate::nodes::series::Breakdown;
use crate::run::Run;
use behaviour::FunnelGroup;
use query::PropertyType;
use query::ast::{Expr, Select};
use serde_json::Value;

pub const OTHER: &str = "Other";

/// The actors that share a value.
pub struct Valued {
    /// One text per breakdown; empty where there is no value.
    pub texts: Vec<String>,
    pub group: FunnelGroup,
}

/// The columns `k…`. A missing value needs no care: operators take it for an empty text.
pub fn onto(select: Select, breakdowns: &[Breakdown], run: &Run) -> Result<Select, Failure> {
    let mut select = select;
    for (index, breakdown) in breakdowns.iter().enumerate() {
        select = select.column(text(breakdown, run)?.aliased(&format!("k{index}")));
    }
    Ok(select)
}

/// Of events; NULL when there is none.
pub fn text(breakdown: &Breakdown, run: &Run) -> Result<Expr, Failure> {
    let (value, kind) = value(breakdown, run)?;
    let text = if kind == PropertyType::String { value } else { Expr::call("toString", [value]) };
    if !breakdown.normalize_url.unwrap_or(false) {
        return Ok(text);
    }
    let trimmed = || Expr::call("trimRight", [text.clone(), Expr::constant("/?#")]);
    let rooted = Expr::call("if", [Expr::eq(trimmed(), Expr::constant("")), Expr::constant("/"), trimmed()]);
    Ok(Expr::call("if", [Expr::is_null(text.clone()), Expr::null(), rooted]))
}

/// The values with a place of their own, best conversion first, and what the rest of them comes to.
pub fn ranked(groups: Vec<FunnelGroup>, keys: &[Vec<String>], funnel: &Funnel) -> (Vec<Valued>, Option<FunnelGroup>) {
    let texts = |group: &FunnelGroup| keys.get(group.key as usize).cloned().unwrap_or_default();
    let mut valued: Vec<Valued> = groups.into_iter().map(|group| Valued { texts: texts(&group), group }).collect();
    valued.sort_by(|a, b| weight(&b.group).cmp(&weight(&a.group)).then_with(|| a.texts.cmp(&b.texts)));
    let rest = valued.split_off(funnel.limit.min(valued.len()));
    let other = rest.into_iter().map(|valued| valued.group).reduce(|mut sum, group| {
        sum.add(group);
        sum
    });
    (valued, other)
}

/// The last step decides, then the one before it …
fn weight(group: &FunnelGroup) -> Vec<u64> {
    if group.periods.is_empty() {
        return group.counts.iter().rev().copied().collect();
    }
    let sum = |number: fn(&behaviour::FunnelPeriod) -> u64| group.periods.iter().map(number).sum();
    vec![sum(|period| period.converted), sum(|period| period.entered)]
}

/// What a choice calls a value.
pub fn label(texts: &[String]) -> String {
    let text = |text: &String| if text.is_empty() { "None (i.e. no value)".to_owned() } else { text.clone() };
    texts.iter().map(text).collect::<Vec<_>>().join("::")
}

/// The texts that a client means by a breakdown's value.
pub fn read(value: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        // Clients send what looks like a number as one.
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    };
    match value {
        Value::Array(list) => list.iter().map(text).collect(),
        one => vec![text(one)],
    }
}
