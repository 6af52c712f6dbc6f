//! `sequenceMatch` and `sequenceCount`: patterns over the events of one group in the order of time.
//!
//! `(?1)` is an event for which the first condition holds, `.` any event, `.*` any number of them, `(?t<=3600)` says how many
//! seconds may lie between the events beside it. As in ClickHouse, events for which no condition holds do not count at all.

use super::value::Value;
use datafusion::common::{Result, exec_err};
use std::cmp::Ordering;

enum Part {
    Condition(usize),
    Any,
    AnyNumber,
    Within(TimeTest),
}

#[derive(Clone, Copy)]
struct TimeTest {
    less: bool,
    equal: bool,
    greater: bool,
    seconds: i64,
}

/// Steps that one answer may take: patterns with many `.*` try many ways.
const MAX_STEPS: usize = 5_000_000;

/// Matches that do not overlap; at most one if `first_only`.
pub fn count(pattern: &str, rows: &[Value], first_only: bool) -> Result<i64> {
    let parts = parse(pattern)?;
    let mut events: Vec<(i64, &[Value])> = Vec::with_capacity(rows.len());
    for row in rows {
        if let Value::Tuple(items) = row
            && let Some((Value::Int(at), conditions)) = items.split_first()
            && conditions.contains(&Value::Bool(true))
        {
            events.push((*at, conditions));
        }
    }
    events.sort_by_key(|(at, _)| *at);
    let mut steps = 0;
    let (mut found, mut from) = (0, 0);
    while from < events.len() {
        match matched(&parts, &events, from, &mut steps)? {
            Some(end) => {
                found += 1;
                from = end.max(from + 1);
                if first_only {
                    break;
                }
            }
            None => from += 1,
        }
    }
    Ok(found)
}

/// Where a match that begins at `from` ends. Depth first: a part takes as few events as it can.
fn matched(parts: &[Part], events: &[(i64, &[Value])], from: usize, steps: &mut usize) -> Result<Option<usize>> {
    let mut open = vec![(0, from, None::<TimeTest>)];
    while let Some((part, at, test)) = open.pop() {
        *steps += 1;
        if *steps > MAX_STEPS {
            return exec_err!("the pattern of this sequence is too expensive; name more conditions in it");
        }
        let Some(next) = parts.get(part) else { return Ok(Some(at)) };
        let in_time = |at: usize| match (test, at.checked_sub(1).and_then(|before| events.get(before)), events.get(at)) {
            (Some(test), Some(before), Some(event)) => test.passes((event.0 - before.0).div_euclid(1_000_000)),
            _ => true,
        };
        match next {
            Part::Within(test) => open.push((part + 1, at, Some(*test))),
            Part::Condition(number) => {
                let holds = events.get(at).is_some_and(|(_, conditions)| conditions.get(*number) == Some(&Value::Bool(true)));
                if holds && in_time(at) {
                    open.push((part + 1, at + 1, None));
                }
            }
            Part::Any if at < events.len() && in_time(at) => open.push((part + 1, at + 1, None)),
            Part::Any => {}
            Part::AnyNumber => {
                if at < events.len() {
                    open.push((part, at + 1, test));
                }
                open.push((part + 1, at, test));
            }
        }
    }
    Ok(None)
}

impl TimeTest {
    fn passes(self, seconds: i64) -> bool {
        match seconds.cmp(&self.seconds) {
            Ordering::Less => self.less,
            Ordering::Equal => self.equal,
            Ordering::Greater => self.greater,
        }
    }
}

fn parse(pattern: &str) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = pattern.trim();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(".*") {
            parts.push(Part::AnyNumber);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('.') {
            parts.push(Part::Any);
            rest = after;
        } else if let Some((inner, after)) = rest.strip_prefix("(?").and_then(|inside| inside.split_once(')')) {
            parts.push(match inner.strip_prefix('t') {
                Some(test) => Part::Within(time_test(test, pattern)?),
                None => match inner.parse::<usize>() {
                    Ok(number @ 1..=32) => Part::Condition(number - 1),
                    _ => return exec_err!("'{pattern}' is not a pattern of a sequence"),
                },
            });
            rest = after;
        } else {
            return exec_err!("'{pattern}' is not a pattern of a sequence");
        }
        rest = rest.trim_start();
    }
    if parts.len() > 100 { exec_err!("the pattern of a sequence has at most 100 parts") } else { Ok(parts) }
}

fn time_test(text: &str, pattern: &str) -> Result<TimeTest> {
    for (sign, less, equal, greater) in [
        ("<=", true, true, false),
        (">=", false, true, true),
        ("==", false, true, false),
        ("!=", true, false, true),
        ("<", true, false, false),
        (">", false, false, true),
        ("=", false, true, false),
    ] {
        if let Some(seconds) = text.strip_prefix(sign).and_then(|seconds| seconds.trim().parse().ok()) {
            return Ok(TimeTest { less, equal, greater, seconds });
        }
    }
    exec_err!("'{pattern}' is not a pattern of a sequence")
}
