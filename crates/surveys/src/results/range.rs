//! `?date_from=&date_to=`.

use crate::check;
use model::Timestamp;
use query::ast::{CompareOp, Expr};
use std::collections::HashMap;
use web::{ApiError, ApiResult};

#[derive(Clone, Copy, Debug, Default)]
pub struct Range {
    pub from: Option<Timestamp>,
    /// Until then, without it.
    pub to: Option<Timestamp>,
}

impl Range {
    pub fn read(params: &HashMap<String, String>, now: Timestamp) -> ApiResult<Range> {
        let instant = |name: &'static str| {
            let given = params.get(name).map(String::as_str).filter(|text| !text.is_empty() && *text != "all");
            given.map(|text| parse(text, now).ok_or_else(|| refused(name))).transpose()
        };
        let to_is_day = params.get("date_to").is_some_and(|text| text.len() == "2026-01-31".len());
        let to = instant("date_to")?.map(|to| if to_is_day { to.plus_seconds(86_400) } else { to });
        Ok(Range { from: instant("date_from")?, to })
    }

    pub fn condition(&self) -> Expr {
        let timestamp = || Expr::field(["timestamp"]);
        let from = self.from.map(|from| Expr::compare(CompareOp::GtEq, timestamp(), Expr::constant(from)));
        let to = self.to.map(|to| Expr::compare(CompareOp::Lt, timestamp(), Expr::constant(to)));
        Expr::and(from.into_iter().chain(to))
    }
}

fn refused(name: &'static str) -> ApiError {
    ApiError::invalid("Use a date such as 2026-01-31 or 2026-01-31T12:00:00Z, or a time before now such as -7d or -24h.").attr(name)
}

fn parse(text: &str, now: Timestamp) -> Option<Timestamp> {
    let Some(relative) = text.strip_prefix('-') else { return check::instant(text) };
    let unit = match relative.chars().last()? {
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let number: i64 = relative[..relative.len() - 1].parse().ok().filter(|number| (0..=10_000).contains(number))?;
    Some(now.plus_seconds(-number * unit))
}
