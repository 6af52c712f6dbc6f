//! Funnels by the period of the entry.

use crate::funnel::{Wanted, codes, found, mask, plan, runs, taken};
use crate::periods::periods;
use crate::{Actors, actors, check};
use behaviour::{Attribution, FunnelOrder, FunnelPlan, FunnelWant, Periods, Row};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Excluded {
    Not,
    Partially,
    Fully,
}

/// What is known of one period's entries.
struct Period {
    /// By 1-based step: when the attempt there began and whether it is excluded.
    at: BTreeMap<usize, (i64, bool)>,
    deepest: usize,
    deepest_at: i64,
    excluded: Excluded,
    converted: bool,
}

/// Of each period that was entered: has it converted?
fn ordered(plan: &FunnelPlan, rows: &[Row], wanted: Wanted, from: usize, to: usize, periods: &Periods) -> BTreeMap<usize, bool> {
    let mut all: BTreeMap<usize, Period> = BTreeMap::new();
    for (_, row) in taken(plan, rows) {
        let codes: Vec<i32> = codes(plan, &row).into_iter().filter(|code| code.unsigned_abs() as usize <= to + 1).collect();
        for code in codes.iter().rev() {
            let s = code.unsigned_abs() as usize;
            if *code > 0 && wanted.is_some_and(|(step, key)| step == s && key != row.key) {
                continue;
            }
            if s == 1 {
                let Some(place) = periods.of(row.at) else { continue };
                let again = all.get(&place).is_none_or(|period| period.deepest == 1 && period.excluded != Excluded::Not);
                if all.get(&place).is_some_and(|period| period.converted) {
                    continue;
                }
                if again {
                    let fresh = Period { at: BTreeMap::new(), deepest: 1, deepest_at: row.at, excluded: Excluded::Not, converted: false };
                    all.insert(place, fresh);
                }
                all.get_mut(&place).unwrap().at.insert(1, (row.at, false));
                continue;
            }
            for period in all.values_mut().filter(|period| !period.converted) {
                let Some((began, excluded)) = period.at.get(&(s - 1)).copied() else { continue };
                if row.at - began > plan.window_us || period.at.get(&s).is_some_and(|there| there.0 == began) {
                    continue;
                }
                if *code < 0 {
                    if !excluded {
                        period.at.insert(s - 1, (began, true));
                        if period.deepest == s - 1 && row.at - period.deepest_at <= plan.window_us {
                            period.excluded = Excluded::Partially;
                        }
                    }
                    continue;
                }
                if !excluded {
                    period.at.insert(s, (began, false));
                    period.converted = s == to + 1;
                }
                if !period.converted && (s > period.deepest || (s == period.deepest && period.excluded == Excluded::Partially)) {
                    (period.deepest, period.deepest_at) = (s, row.at);
                    period.excluded = if excluded { Excluded::Fully } else { Excluded::Not };
                }
            }
        }
        if plan.order == FunnelOrder::Strict {
            all.values_mut().for_each(|period| period.at.retain(|step, _| codes.contains(&(*step as i32))));
        }
    }
    let suppressed = all.values().any(|period| !period.converted && period.excluded == Excluded::Fully);
    let counts = |period: &Period| period.converted || (!suppressed && period.deepest > from && period.excluded == Excluded::Not);
    all.into_iter().filter(|(_, period)| counts(period)).map(|(place, period)| (place, period.converted)).collect()
}

/// Every window counts for the period of its oldest row.
fn unordered(plan: &FunnelPlan, rows: &[Row], wanted: Wanted, from: usize, to: usize, periods: &Periods) -> BTreeMap<usize, bool> {
    let mut queues: Vec<Vec<i64>> = vec![Vec::new(); plan.steps];
    let mut deepest: BTreeMap<usize, usize> = BTreeMap::new();
    let full = |queues: &Vec<Vec<i64>>| queues.iter().filter(|queue| !queue.is_empty()).count();
    let mut pop = |queues: &mut Vec<Vec<i64>>, until: &dyn Fn(i64, usize) -> bool| {
        while let Some(at) = queues.iter().filter_map(|queue| queue.first()).min().copied() {
            let count = full(queues);
            if until(at, count) {
                break;
            }
            if let Some(period) = periods.of(at) {
                let best = deepest.entry(period).or_default();
                *best = count.max(*best);
            }
            queues.iter_mut().find(|queue| queue.first() == Some(&at)).unwrap().remove(0);
        }
    };
    for (_, row) in taken(plan, rows) {
        pop(&mut queues, &|at, count| at >= row.at - plan.window_us && count <= to);
        let steps: Vec<usize> = codes(plan, &row).into_iter().filter(|code| *code > 0).map(|code| code as usize - 1).collect();
        if steps.is_empty() {
            queues.iter_mut().for_each(Vec::clear);
        } else if full(&queues) > 0 || wanted.is_none_or(|(_, key)| key == row.key) {
            let step = *steps.iter().min_by_key(|step| queues[**step].last().copied().unwrap_or(i64::MIN)).unwrap();
            queues[step].push(row.at);
        }
    }
    pop(&mut queues, &|_, _| false);
    deepest.into_iter().filter(|(_, count)| *count > from).map(|(period, count)| (period, count > to)).collect()
}

fn entered(plan: &FunnelPlan, rows: &[Row], wanted: Wanted) -> BTreeMap<usize, bool> {
    let (FunnelWant::Trends { from, to, periods } | FunnelWant::TrendActors { from, to, periods, .. }) = &plan.want else { unreachable!() };
    let of = if plan.order == FunnelOrder::Unordered { unordered } else { ordered };
    of(plan, rows, wanted, *from, *to, periods)
}

type Counted = BTreeMap<u32, Vec<(u64, u64)>>;

fn counted(plan: &FunnelPlan, actors: &Actors, choices: &mut crate::choices::Choices) -> Counted {
    let pairs =
        |group: behaviour::FunnelGroup| (group.key, group.periods.iter().map(|period| (period.entered, period.converted)).collect());
    found(plan, actors, choices).groups.into_iter().map(pairs).collect()
}

#[test]
fn periods_are_entered_and_converted_as_described() {
    check(|choices| {
        let periods = periods(choices);
        let mut plan = plan(choices, FunnelWant::Trends { from: 0, to: 1, periods: periods.clone() });
        let from = choices.below(plan.steps - 1);
        let to = from + 1 + choices.below(plan.steps - 1 - from);
        plan.want = FunnelWant::Trends { from, to, periods: periods.clone() };
        let actors = actors(choices, mask);
        let mut expected = Counted::new();
        if plan.attribution == Attribution::None {
            expected.insert(0, vec![(0, 0); periods.len()]);
        }
        for (key, rows, wanted) in actors.iter().flat_map(|rows| runs(&plan, rows)) {
            for (period, converted) in entered(&plan, &rows, wanted) {
                let counts = &mut expected.entry(key).or_insert_with(|| vec![(0, 0); periods.len()])[period];
                *counts = (counts.0 + 1, counts.1 + u64::from(converted));
            }
        }
        assert_eq!(counted(&plan, &actors, choices), expected, "{plan:?}\n{actors:?}");
        // Who stands behind a number.
        let (period, dropped) = (choices.below(periods.len()), choices.flag());
        plan.want = FunnelWant::TrendActors { from, to, periods, period, dropped };
        let mut who = Vec::new();
        for (actor, rows) in actors.iter().enumerate() {
            for (key, rows, wanted) in runs(&plan, rows) {
                who.extend(
                    entered(&plan, &rows, wanted).get(&period).filter(|converted| **converted != dropped).map(|_| (actor as u32, key)),
                );
            }
        }
        let found = found(&plan, &actors, choices).actors;
        assert_eq!(found.iter().map(|actor| (actor.actor, actor.key)).collect::<Vec<_>>(), who, "{plan:?}\n{actors:?}");
    });
}

/// Is there a chain of rows for the steps up to `last` that begins in the period?
fn chain(plan: &FunnelPlan, rows: &[Row], periods: &Periods, period: usize, last: usize) -> bool {
    fn go(plan: &FunnelPlan, rows: &[Row], began: i64, step: usize, last: usize) -> bool {
        let fits = |row: &Row| row.mask & 1 << step != 0 && row.at - began <= plan.window_us;
        step > last || (0..rows.len()).any(|at| fits(&rows[at]) && go(plan, &rows[at + 1..], began, step + 1, last))
    }
    let begins = |row: &Row| row.mask & 1 != 0 && periods.of(row.at) == Some(period);
    (0..rows.len()).any(|at| begins(&rows[at]) && go(plan, &rows[at + 1..], rows[at].at, 1, last))
}

#[test]
fn a_plain_trend_asks_whether_a_chain_begins_in_the_period() {
    check(|choices| {
        let periods = periods(choices);
        let mut plan = plan(choices, FunnelWant::Trends { from: 0, to: 1, periods: periods.clone() });
        (plan.order, plan.attribution) = (FunnelOrder::Ordered, Attribution::None);
        plan.exclusions.clear();
        let to = plan.steps - 1;
        let from = choices.below(to);
        plan.want = FunnelWant::Trends { from, to, periods: periods.clone() };
        let mut actors = actors(choices, |choices| 1 << choices.below(4));
        actors.iter_mut().for_each(|rows| rows.dedup_by_key(|row| row.at));
        let count = |period: usize, last: usize| actors.iter().filter(|rows| chain(&plan, rows, &periods, period, last)).count() as u64;
        let expected: Vec<_> = (0..periods.len()).map(|period| (count(period, from), count(period, to))).collect();
        assert_eq!(counted(&plan, &actors, choices)[&0], expected, "{plan:?}\n{actors:?}");
    });
}
