//! Worked examples. Event A is target and return, unless a case says otherwise.

use super::*;
use crate::fixture::{HOUR, days, every, rows};

fn plan(periods: Periods, columns: usize) -> RetentionPlan {
    RetentionPlan {
        kind: RetentionKind::Recurring,
        periods,
        columns,
        mode: RetentionMode::Calendar,
        brackets: None,
        minimum: 1,
        cumulative: false,
        aggregation: None,
        same_event: true,
        breakdown: false,
        want: RetentionWant::Counts,
    }
}

fn answer(plan: &RetentionPlan, mask: impl Fn(&str) -> u64, actors: &[&str]) -> RetentionAnswer {
    let (mut one, mut other) = (Retention::new(plan), Retention::new(plan));
    for (actor, text) in actors.iter().enumerate() {
        let operator = if actor == 0 { &mut one } else { &mut other };
        // Numbers are values, so that sums can be told.
        let mut rows = rows(text, &["1", "2", "3", "4", "5", "6", "7", "8"], &mask);
        rows.iter_mut().for_each(|row| row.number = if row.key == EMPTY_KEY { f64::NAN } else { f64::from(row.key) });
        operator.actor(actor as u32 + 1, &rows);
    }
    one.join(other);
    one.finish()
}

fn same(_: &str) -> u64 {
    TARGET | RETURN | TARGET_UNFILTERED
}

#[track_caller]
fn check(plan: &RetentionPlan, actors: &[&str], expected: &[&[u64]]) {
    assert_eq!(answer(plan, same, actors).groups[0].counts, expected);
}

const R1: &[&str] = &["A 10, A 11, A 13", "A 10, A 12", "A 11T12:00, A 11T23:00, A 14T01:00", "A 1, A 12, A 13"];

#[test]
fn cohorts_are_of_every_period_or_of_the_first_one() {
    let mut plan = plan(days(10, 14), 5);
    check(&plan, R1, &[&[2, 1, 1, 1, 0], &[2, 0, 1, 1, 0], &[2, 1, 0, 0, 0], &[2, 0, 0, 0, 0], &[1, 0, 0, 0, 0]]);
    plan.want = RetentionWant::Actors { cohort: 0 };
    let actors = answer(&plan, same, R1).actors;
    assert_eq!(actors.iter().map(|actor| (actor.actor, &actor.appearances[..])).collect::<Vec<_>>(), [(1, &[0, 1, 3][..]), (2, &[0, 2])]);
    plan.want = RetentionWant::Counts;
    plan.kind = RetentionKind::FirstTime;
    check(&plan, R1, &[&[2, 1, 1, 1, 0], &[1, 0, 0, 1, 0], &[0; 5], &[0; 5], &[0; 5]]);
}

#[test]
fn the_first_event_ever_has_to_pass_the_filters() {
    // F is A that does not pass them.
    let actors = ["F 10, A 11, B 12", "A 11T10:00, B 11T11:00, B 13", "F 11, B 12"];
    let mask = |name: &str| match name {
        "A" => TARGET | TARGET_UNFILTERED,
        "F" => TARGET_UNFILTERED,
        _ => RETURN,
    };
    let mut plan = plan(days(10, 14), 5);
    plan.same_event = false;
    for (kind, row) in [
        (RetentionKind::Recurring, [2, 1, 1, 0, 0]),
        (RetentionKind::FirstTime, [2, 1, 1, 0, 0]),
        (RetentionKind::FirstEver, [1, 0, 1, 0, 0]),
    ] {
        plan.kind = kind;
        let zeros = vec![0; 5];
        let expected = [zeros.clone(), row.to_vec(), zeros.clone(), zeros.clone(), zeros];
        assert_eq!(answer(&plan, mask, &actors).groups[0].counts, expected, "{kind:?}");
    }
}

#[test]
fn windows_count_from_the_hour_of_the_first_event() {
    let actors = ["A 10T22:00, A 11T01:00, A 12T21:30", "A 11T12:00, A 12T11:59, A 12T12:00"];
    let mut plan = plan(days(10, 14), 5);
    check(&plan, &actors, &[&[1, 1, 1, 0, 0], &[2, 2, 0, 0, 0], &[2, 0, 0, 0, 0], &[0; 5], &[0; 5]]);
    let (from, end) = (plan.periods.bounds()[0], plan.periods.bounds()[5]);
    let ticks = Periods::new((0..=(end - from) / HOUR).map(|hour| from + hour * HOUR).collect());
    plan.mode = RetentionMode::Windows { ticks, length: 24 };
    check(&plan, &actors, &[&[1, 1, 0, 0, 0], &[1, 1, 0, 0, 0], &[0; 5], &[0; 5], &[0; 5]]);
}

#[test]
fn brackets_lie_after_the_first_period() {
    let actors = ["A 10, A 11, A 14", "A 10, A 12", "A 10, A 17"];
    let mut brackets = plan(days(10, 18), 4);
    brackets.kind = RetentionKind::FirstTime;
    brackets.brackets = Some(vec![1, 3, 5]);
    assert_eq!(answer(&brackets, same, &actors).groups[0].counts[0], [3, 1, 2, 1]);
    let mut cumulative = plan(days(10, 12), 3);
    cumulative.cumulative = true;
    check(&cumulative, &actors, &[&[3, 2, 1], &[1, 0, 0], &[1, 0, 0]]);
}

#[test]
fn periods_can_need_more_than_one_return() {
    let mut plan = plan(days(10, 12), 3);
    plan.minimum = 2;
    check(&plan, &["A 10, A 11T10:00, A 11T11:00, A 12", "A 10, A 12T10:00, A 12T11:00"], &[&[2, 1, 1], &[1, 0, 0], &[2, 0, 0]]);
}

#[test]
fn weeks_begin_where_the_caller_says() {
    let actors = ["A 8, A 9", "A 10, A 16"];
    check(&plan(every(2, 16, 7), 3), &actors, &[&[1, 1, 0], &[2, 1, 0], &[1, 0, 0]]);
    check(&plan(every(3, 17, 7), 3), &actors, &[&[1, 0, 0], &[1, 0, 0], &[0, 0, 0]]);
}

#[test]
fn columns_may_reach_beyond_the_periods() {
    let actors = ["A 1, A 2, A 3, A 5, A 6", "A 1, A 2, A 3, A 6, A 7"];
    assert_eq!(answer(&plan(days(1, 7), 7), same, &actors).groups[0].counts[0], [2, 2, 2, 0, 1, 2, 1]);
}

#[test]
fn values_are_summed_by_cohort_and_column() {
    let mut plan = plan(days(10, 12), 3);
    plan.aggregation = Some(Aggregation::Sum);
    let actors = ["A{1} 10, A{2} 10T13:00, A{4} 11", "A{3} 10, A 11"];
    assert_eq!(answer(&plan, same, &actors).groups[0].values, [[6.0, 4.0, 0.0], [4.0, 0.0, 0.0], [0.0; 3]]);
    plan.aggregation = Some(Aggregation::Average);
    assert_eq!(answer(&plan, same, &actors).groups[0].values, [[3.0, 2.0, 0.0], [2.0, 0.0, 0.0], [0.0; 3]]);
    // What comes back in the cohort's own period counts after the first target event.
    plan.aggregation = Some(Aggregation::Sum);
    plan.same_event = false;
    let mask = |name: &str| if name == "A" { TARGET } else { RETURN };
    let actors = ["B{1} 10T09:00, A{2} 10T10:00, B{4} 10T10:00, B{8} 10T11:00, B{5} 12"];
    assert_eq!(answer(&plan, mask, &actors).groups[0].values, [[10.0, 0.0, 5.0], [0.0; 3], [0.0; 3]]);
}

#[test]
fn a_breakdown_splits_what_one_actor_did() {
    let mut plan = plan(days(10, 12), 3);
    plan.breakdown = true;
    let groups = answer(&plan, same, &["A{1} 10, A{2} 11, A{1} 12"]).groups;
    assert_eq!(groups.iter().map(|group| group.key).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(groups[0].counts, [[1, 0, 1], [0; 3], [1, 0, 0]]);
    assert_eq!(groups[1].counts, [[0; 3], [1, 0, 0], [0; 3]]);
}
