//! Retention by sets of periods.

use crate::choices::Choices;
use crate::periods::{by_period, periods};
use crate::{actors, answer, assert_close, check};
use behaviour::{Aggregation, Answer, Periods, Plan, RetentionAnswer, RetentionKind, RetentionMode, RetentionPlan, RetentionWant, Row};
use std::collections::{BTreeMap, BTreeSet};

/// Columns that an actor has in a cohort, and the rows that are summed up in them.
type Columns = BTreeMap<usize, f64>;

fn sum<'a>(rows: impl Iterator<Item = &'a Row>) -> f64 {
    rows.map(|row| row.number).filter(|number| !number.is_nan()).sum()
}

fn target(row: &Row) -> bool {
    row.mask & 1 != 0
}

fn returns(row: &Row) -> bool {
    row.mask & 2 != 0
}

/// Rows by period; in windows, periods are counted from the first event on.
fn placed(plan: &RetentionPlan, rows: &[Row], first: Option<i64>) -> Option<BTreeMap<usize, Vec<Row>>> {
    let calendar = by_period(&plan.periods, rows.iter());
    let RetentionMode::Windows { ticks, length } = &plan.mode else { return Some(calendar) };
    let in_range: Vec<Row> = calendar.into_values().flatten().collect();
    let first = first.or_else(|| in_range.iter().find(|row| target(row)).map(|row| row.at))?;
    let crossed = |from: i64, to: i64| ticks.bounds().iter().filter(|tick| from < **tick && **tick <= to).count();
    let row_number = crossed(plan.periods.bounds()[0], first) / length;
    let mut found: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
    for row in in_range.into_iter().filter(|row| row.at >= first) {
        found.entry(row_number + crossed(first, row.at) / length).or_default().push(row);
    }
    Some(found)
}

/// The cohorts of an actor, each with its columns.
fn cohorts(plan: &RetentionPlan, rows: &[Row]) -> BTreeMap<usize, Columns> {
    let earliest = |bit: u64| rows.iter().filter(|row| row.mask & bit != 0).map(|row| row.at).min();
    let first = match plan.kind {
        RetentionKind::Recurring => None,
        RetentionKind::FirstTime => earliest(1),
        RetentionKind::FirstEver => earliest(4).filter(|at| earliest(1) == Some(*at)),
    };
    let in_range = |at: i64| plan.periods.bounds()[0] <= at && at < *plan.periods.bounds().last().unwrap();
    if plan.kind != RetentionKind::Recurring && !first.is_some_and(in_range) {
        return BTreeMap::new();
    }
    let Some(placed) = placed(plan, rows, first) else { return BTreeMap::new() };
    let mut starts: BTreeSet<usize> = placed.iter().filter(|(_, rows)| rows.iter().any(target)).map(|(period, _)| *period).collect();
    if first.is_some() || matches!(plan.mode, RetentionMode::Windows { .. }) {
        let period = match (&plan.mode, first) {
            (RetentionMode::Calendar, Some(at)) => *placed.iter().find(|(_, rows)| rows.iter().any(|row| row.at == at)).unwrap().0,
            _ => *starts.first().unwrap(),
        };
        starts = BTreeSet::from([period]);
    }
    let back: BTreeSet<usize> = placed
        .iter()
        .filter(|(_, rows)| rows.iter().filter(|row| returns(row)).count() >= plan.minimum as usize)
        .map(|(period, _)| *period)
        .collect();
    let earliest_start = starts.first().copied();
    let mut found = BTreeMap::new();
    for start in starts.into_iter().filter(|start| *start < plan.periods.len()) {
        let own = &placed[&start];
        let first_at = own.iter().find(|row| target(row)).unwrap().at;
        let mut columns = Columns::from([(0, sum(own.iter().filter(|row| target(row))))]);
        if !plan.same_event {
            *columns.get_mut(&0).unwrap() += sum(own.iter().filter(|row| returns(row) && row.at > first_at));
        }
        for period in &back {
            let column = match &plan.brackets {
                None => (*period > start).then(|| period - start),
                Some(brackets) => (*period > earliest_start.unwrap()).then_some(()).and_then(|()| {
                    let distance = period - earliest_start.unwrap();
                    (0..brackets.len()).find(|k| distance <= brackets[..=*k].iter().sum()).map(|k| k + 1)
                }),
            };
            if let Some(column) = column.filter(|column| *column < plan.columns) {
                *columns.entry(column).or_default() += sum(placed[period].iter().filter(|row| returns(row)));
            }
        }
        if plan.cumulative {
            (0..*columns.keys().last().unwrap()).for_each(|column| _ = columns.entry(column).or_default());
        }
        found.insert(start, columns);
    }
    found
}

fn plan(choices: &mut Choices) -> RetentionPlan {
    let periods = periods(choices);
    let brackets = (choices.below(3) == 0).then(|| (0..1 + choices.below(3)).map(|_| 1 + choices.below(3)).collect::<Vec<_>>());
    let mode = if choices.below(3) == 0 {
        let (from, end) = (periods.bounds()[0], *periods.bounds().last().unwrap());
        let step = 1 + choices.below(3) as i64;
        let ticks = (0..=(end - from) / step + 1).map(|tick| from + tick * step);
        RetentionMode::Windows { ticks: Periods::new(ticks.collect()), length: 1 + choices.below(3) }
    } else {
        RetentionMode::Calendar
    };
    RetentionPlan {
        kind: choices.one_of(&[RetentionKind::Recurring, RetentionKind::FirstTime, RetentionKind::FirstEver]),
        columns: brackets.as_ref().map_or_else(|| 1 + choices.below(6), |brackets| brackets.len() + 1),
        periods,
        mode,
        brackets,
        minimum: 1 + [0, 0, 1, 2][choices.below(4)],
        cumulative: choices.below(3) == 0,
        aggregation: choices.one_of(&[None, Some(Aggregation::Sum), Some(Aggregation::Average)]),
        same_event: choices.flag(),
        breakdown: choices.below(3) == 0,
        want: RetentionWant::Counts,
    }
}

fn found(plan: &RetentionPlan, actors: &crate::Actors, choices: &mut Choices) -> RetentionAnswer {
    match answer(&Plan::Retention(plan.clone()), actors, choices) {
        Answer::Retention(answer) => answer,
        other => panic!("retention answers {other:?}"),
    }
}

#[test]
fn cohorts_come_back_as_described() {
    check(|choices| {
        let mut plan = plan(choices);
        let same = plan.same_event;
        let actors = actors(choices, |choices| match choices.below(6) {
            0 => 0,
            1 => 4,
            2 | 3 => 5 | if same { 2 } else { 0 },
            4 => 2,
            _ => 7,
        });
        let values = |rows: &Vec<Row>| if plan.breakdown { rows.iter().map(|row| row.key).collect() } else { BTreeSet::from([0]) };
        let of = |rows: &Vec<Row>, key: u32| rows.iter().copied().filter(|row| !plan.breakdown || row.key == key).collect::<Vec<_>>();
        let mut expected: BTreeMap<u32, BTreeMap<(usize, usize), (u64, f64)>> = BTreeMap::new();
        let mut listed = Vec::new();
        let cohort = choices.below(plan.periods.len());
        for (actor, rows) in actors.iter().enumerate() {
            for key in values(rows) {
                for (start, columns) in cohorts(&plan, &of(rows, key)) {
                    for (column, sum) in &columns {
                        let cell = expected.entry(key).or_default().entry((start, *column)).or_default();
                        *cell = (cell.0 + 1, cell.1 + sum);
                    }
                    if start == cohort {
                        listed.push((actor as u32, key, columns.into_keys().collect::<Vec<_>>()));
                    }
                }
            }
        }
        let answer = found(&plan, &actors, choices);
        let keys: Vec<u32> = if plan.breakdown { expected.keys().copied().collect() } else { vec![0] };
        assert_eq!(answer.groups.iter().map(|group| group.key).collect::<Vec<_>>(), keys, "{plan:?}\n{actors:?}");
        for group in answer.groups {
            let cells = expected.remove(&group.key).unwrap_or_default();
            let cell = |start: usize, column: usize| cells.get(&(start, column)).copied().unwrap_or_default();
            for start in 0..plan.periods.len() {
                let counts: Vec<u64> = (0..plan.columns).map(|column| cell(start, column).0).collect();
                assert_eq!(group.counts[start], counts, "{plan:?}\n{actors:?}");
                let value = |(count, sum): (u64, f64)| {
                    if plan.aggregation == Some(Aggregation::Average) && count > 0 { sum / count as f64 } else { sum }
                };
                if plan.aggregation.is_some() {
                    assert_close(&group.values[start], &(0..plan.columns).map(|column| value(cell(start, column))).collect::<Vec<_>>());
                }
            }
        }
        plan.want = RetentionWant::Actors { cohort };
        let answer = found(&plan, &actors, choices);
        let found: Vec<_> = answer.actors.into_iter().map(|found| (found.actor, found.key, found.appearances)).collect();
        assert_eq!(found, listed, "{plan:?}\n{actors:?}");
    });
}
