//! Lifecycle and stickiness.

use crate::choices::Choices;
use crate::{actors, answer, check};
use behaviour::{Answer, Criterion, LifecyclePlan, LifecycleWant, Periods, Plan, Row, Status, StickinessPlan, StickinessWant};
use std::collections::BTreeMap;

/// A few periods of uneven length among the times of rows.
pub fn periods(choices: &mut Choices) -> Periods {
    let mut at = choices.below(15) as i64;
    let bounds = (0..2 + choices.below(6)).map(|_| {
        at += 1 + choices.below(9) as i64;
        at
    });
    Periods::new(bounds.collect())
}

/// Rows of each period that has some, by a look at every bound.
pub fn by_period<'a>(periods: &Periods, rows: impl Iterator<Item = &'a Row>) -> BTreeMap<usize, Vec<Row>> {
    let mut found: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
    for row in rows {
        let holding = (0..periods.len()).find(|period| (periods.bounds()[*period]..periods.bounds()[period + 1]).contains(&row.at));
        if let Some(period) = holding {
            found.entry(period).or_default().push(*row);
        }
    }
    found
}

/// Every status that a period has for an actor.
fn statuses(periods: &Periods, rows: &[Row], period: usize) -> Vec<Status> {
    let active = by_period(periods, rows.iter());
    let is = |period: usize| active.contains_key(&period);
    let created = rows.iter().map(|row| row.number).filter(|number| !number.is_nan()).reduce(f64::min);
    let (from, to) = (periods.bounds()[period] as f64, periods.bounds()[period + 1] as f64);
    let born = created.is_some_and(|created| created >= from && created < to);
    let first = active.keys().next() == Some(&period);
    let before = period.checked_sub(1).is_some_and(is);
    match is(period) {
        true if first && born => vec![Status::New],
        true if before => vec![Status::Returning],
        true => vec![Status::Resurrecting],
        false if before => vec![Status::Dormant],
        false => vec![],
    }
}

#[test]
fn lifecycles_are_as_described() {
    check(|choices| {
        let periods = periods(choices);
        let actors = actors(choices, |_| 0);
        let all = [Status::New, Status::Returning, Status::Resurrecting, Status::Dormant];
        let who = |period: usize, status: Status| {
            let is = |rows: &Vec<Row>| statuses(&periods, rows, period).contains(&status);
            actors.iter().enumerate().filter(|(_, rows)| is(rows)).map(|(actor, _)| actor as u32).collect::<Vec<_>>()
        };
        let run = |want: LifecycleWant, choices: &mut Choices| match answer(
            &Plan::Lifecycle(LifecyclePlan { periods: periods.clone(), want }),
            &actors,
            choices,
        ) {
            Answer::Lifecycle(answer) => answer,
            other => panic!("a lifecycle answers {other:?}"),
        };
        let expected: Vec<[u64; 4]> = (1..periods.len()).map(|period| all.map(|status| who(period, status).len() as u64)).collect();
        assert_eq!(run(LifecycleWant::Counts, choices).counts, expected, "{periods:?}\n{actors:?}");
        let (period, status) = (choices.below(periods.len()), choices.one_of(&all));
        assert_eq!(run(LifecycleWant::Actors { period, status }, choices).actors, who(period, status), "{periods:?}\n{actors:?}");
    });
}

fn holds(criterion: Criterion, count: usize) -> bool {
    match criterion {
        Criterion::AtLeast(number) => count as u64 >= number,
        Criterion::AtMost(number) => count as u64 <= number,
        Criterion::Exactly(number) => count as u64 == number,
    }
}

fn criterion(choices: &mut Choices) -> Criterion {
    let number = choices.below(4) as u64;
    choices.one_of(&[Criterion::AtLeast(number), Criterion::AtMost(number), Criterion::Exactly(number)])
}

#[test]
fn stickiness_is_as_described() {
    check(|choices| {
        let periods = periods(choices);
        let of_a_period = choices.flag().then(|| criterion(choices));
        let actors = actors(choices, |_| 0);
        let active = |rows: &Vec<Row>| {
            let counts = by_period(&periods, rows.iter());
            counts.values().filter(|rows| of_a_period.is_none_or(|criterion| holds(criterion, rows.len()))).count()
        };
        let run = |want: StickinessWant, choices: &mut Choices| {
            let plan = StickinessPlan { periods: periods.clone(), criterion: of_a_period, want };
            match answer(&Plan::Stickiness(plan), &actors, choices) {
                Answer::Stickiness(answer) => answer,
                other => panic!("stickiness answers {other:?}"),
            }
        };
        let expected: Vec<u64> = (1..=periods.len()).map(|k| actors.iter().filter(|rows| active(rows) == k).count() as u64).collect();
        assert_eq!(run(StickinessWant::Counts, choices).counts, expected, "{periods:?}\n{actors:?}");
        let wanted = criterion(choices);
        let who = actors.iter().enumerate().filter(|(_, rows)| active(rows) > 0 && holds(wanted, active(rows)));
        let who: Vec<u32> = who.map(|(actor, _)| actor as u32).collect();
        assert_eq!(run(StickinessWant::Actors(wanted), choices).actors, who, "{periods:?}\n{actors:?}");
    });
}
