//! What goes along with converting.

use crate::funnel::{mask, outcome, plan};
use crate::{actors, answer, check};
use behaviour::{Answer, Attribution, CorrelationAnswer, CorrelationPlan, CorrelationWant, FunnelOrder, FunnelWant, Plan, Row};
use std::collections::{BTreeMap, BTreeSet};

const WANTED: u64 = 1 << 62;
const COUNTED: u64 = 1 << 63;

/// Did an actor of the funnel convert, and between which moments do their rows count?
fn bounds(plan: &CorrelationPlan, rows: &[Row]) -> Option<(bool, i64, i64)> {
    let strict = plan.funnel.order == FunnelOrder::Strict;
    let rows: Vec<Row> = rows.iter().copied().filter(|row| !strict || row.mask & !(WANTED | COUNTED) != 0).collect();
    let outcome = outcome(&plan.funnel, &rows, None)?;
    let (first, last) = (outcome.recorded[0].1, outcome.recorded.last().unwrap().1);
    let converted = outcome.reached.contains(&(plan.funnel.steps - 1));
    Some((converted, first, if converted { last } else { first + plan.funnel.window_us }))
}

#[test]
fn keys_are_counted_among_converted_and_others() {
    check(|choices| {
        let mut funnel = plan(choices, FunnelWant::Steps);
        funnel.attribution = Attribution::None;
        let mut plan = CorrelationPlan { funnel, anywhere: choices.below(3) == 0, want: CorrelationWant::Counts };
        let actors = actors(choices, |choices| {
            let other = [0, COUNTED, COUNTED, WANTED, WANTED | COUNTED, 1 << 61][choices.below(6)];
            other | if choices.flag() { mask(choices) } else { 0 }
        });
        let run = |plan: &CorrelationPlan, choices: &mut crate::choices::Choices| -> CorrelationAnswer {
            match answer(&Plan::Correlation(plan.clone()), &actors, choices) {
                Answer::Correlation(answer) => answer,
                other => panic!("a correlation answers {other:?}"),
            }
        };
        let counts = |rows: &[Row], bit: u64, (first, end): (i64, i64)| -> BTreeSet<u32> {
            let here = rows.iter().filter(|row| row.mask & bit != 0 && (plan.anywhere || (row.at > first && row.at < end)));
            here.map(|row| row.key).collect()
        };
        let mut totals = (0, 0);
        let mut expected: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        let mut who = [Vec::new(), Vec::new()];
        for (actor, rows) in actors.iter().enumerate() {
            let Some((converted, first, end)) = bounds(&plan, rows) else { continue };
            *(if converted { &mut totals.0 } else { &mut totals.1 }) += 1;
            for key in counts(rows, COUNTED, (first, end)) {
                let (success, failure) = expected.entry(key).or_default();
                *(if converted { success } else { failure }) += 1;
            }
            if !counts(rows, WANTED, (first, end)).is_empty() {
                who[usize::from(converted)].push(actor as u32);
            }
        }
        let found = run(&plan, choices);
        let hits: Vec<_> = found.keys.iter().map(|hits| (hits.key, (hits.success, hits.failure))).collect();
        assert_eq!(hits, expected.into_iter().collect::<Vec<_>>(), "{plan:?}\n{actors:?}");
        assert_eq!((found.success_total, found.failure_total), totals, "{plan:?}\n{actors:?}");
        let converted = choices.flag();
        plan.want = CorrelationWant::Actors { converted };
        assert_eq!(run(&plan, choices).actors, who[usize::from(converted)], "{plan:?}\n{actors:?}");
    });
}
