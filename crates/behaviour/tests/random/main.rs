//! Operators against definitions: random rows and plans go through both, and answers have to be equal. The definitions are written from
//! the semantics alone, with sets and enumeration, and share no code with the operators.
//!
//! A case is a list of bytes, each a choice; failing ones are made shorter before they are shown. `BEHAVIOUR_CASES` sets how many cases
//! each property runs.

mod choices;
mod correlation;
mod funnel;
mod funnel_trends;
mod paths;
mod periods;
mod retention;

use behaviour::{Active, Answer, Calendar, Operator, Plan, Row};
use choices::Choices;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

const CASES: u32 = 15_000;

/// Runs a property on random choices.
fn check(property: impl Fn(&mut Choices)) {
    let cases = std::env::var("BEHAVIOUR_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() });
    let bytes = proptest::collection::vec(proptest::num::u8::ANY, 0..300);
    let run = runner.run(&bytes, |bytes| {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| property(&mut Choices::new(&bytes))));
        caught.map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            TestCaseError::fail(text.unwrap_or_default())
        })
    });
    if let Err(error) = run {
        panic!("{error}");
    }
}

/// Actors' rows, by number.
type Actors = Vec<Vec<Row>>;

/// The answer of two operators that share the actors.
fn answer(plan: &Plan, actors: &Actors, choices: &mut Choices) -> Answer {
    let (mut one, mut other) = (Operator::new(plan), Operator::new(plan));
    for (actor, rows) in actors.iter().enumerate() {
        let operator = if choices.flag() { &mut one } else { &mut other };
        match plan.calendar().filter(|_| choices.flag()) {
            Some(calendar) => by_period(operator, actor as u32, rows, &calendar, choices.below(2)),
            None => operator.actor(actor as u32, rows),
        }
    }
    one.join(other);
    one.finish()
}

/// Feeds an actor's periods, in as many words as needed and some more.
fn by_period(operator: &mut Operator, actor: u32, rows: &[Row], calendar: &Calendar, surplus: usize) {
    let bounds = calendar.periods.bounds();
    let words = (bounds.len() + 1).div_ceil(64) + surplus;
    let mut all = vec![0u64; words * calendar.tracks.len()];
    for (track, bit) in calendar.tracks.iter().enumerate() {
        for row in rows.iter().filter(|row| bit.is_none_or(|bit| row.mask >> bit & 1 == 1)) {
            let place = bounds.iter().filter(|bound| **bound <= row.at).count();
            all[track * words + place / 64] |= 1 << (place % 64);
        }
    }
    let number = rows.iter().map(|row| row.number).fold(f64::NAN, f64::min);
    operator.active(actor, Active { words: &all, number });
}

/// A few actors, each with a few rows in order; times are small numbers, so that they coincide.
fn actors(choices: &mut Choices, mask: impl Fn(&mut Choices) -> u64) -> Actors {
    (0..1 + choices.below(3))
        .map(|_| {
            let mut at = choices.below(30) as i64;
            (0..choices.below(14))
                .map(|_| {
                    at += [0, 0, 1, 1, 2, 3, 5, 9][choices.below(8)];
                    let number = if choices.below(4) == 0 { f64::NAN } else { choices.below(50) as f64 };
                    Row { at, mask: mask(choices), key: choices.below(4) as u32, number }
                })
                .collect()
        })
        .collect()
}

/// Numbers that may have been added in any order.
#[track_caller]
fn assert_close(found: &[f64], expected: &[f64]) {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()));
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(close), "{found:?} is not {expected:?}");
}
