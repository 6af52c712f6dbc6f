//! Funnels by steps, written from the description of their state.

use crate::choices::Choices;
use crate::{Actors, actors, answer, assert_close, check};
use behaviour::{Answer, Attribution, Exclusion, FunnelAnswer, FunnelOrder, FunnelPlan, FunnelWant, Plan, Row};
use std::collections::{BTreeMap, BTreeSet};

/// What an actor did in a funnel.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// 0-based.
    pub reached: BTreeSet<usize>,
    /// Recorded steps in order.
    pub recorded: Vec<(usize, i64)>,
}

#[derive(Clone, Default)]
struct Attempt {
    t0: i64,
    excluded: bool,
    times: Vec<(usize, i64)>,
    ids: Vec<usize>,
    steps: BTreeSet<usize>,
}

/// The value that a run is for, and the 1-based step that checks it.
pub type Wanted = Option<(usize, u32)>;

/// Steps as positive numbers, guarded transitions as negative ones.
pub fn codes(plan: &FunnelPlan, row: &Row) -> Vec<i32> {
    let mut codes: Vec<i32> = (0..plan.steps).filter(|step| row.mask & 1 << step != 0).map(|step| step as i32 + 1).collect();
    let mut guards = BTreeSet::new();
    for (at, exclusion) in plan.exclusions.iter().enumerate() {
        if row.mask & 1 << (32 + at) != 0 {
            guards.extend((exclusion.from + 2..=exclusion.to + 1).map(|step| -(step as i32)));
        }
    }
    codes.extend(guards);
    codes
}

/// The rows that the funnel takes in at all, with their places.
pub fn taken(plan: &FunnelPlan, rows: &[Row]) -> Vec<(usize, Row)> {
    let takes = |row: &Row| plan.order == FunnelOrder::Strict || !codes(plan, row).is_empty();
    rows.iter().copied().enumerate().filter(|(_, row)| takes(row)).collect()
}

pub fn outcome(plan: &FunnelPlan, rows: &[Row], wanted: Wanted) -> Option<Outcome> {
    let rows = taken(plan, rows);
    if plan.order == FunnelOrder::Unordered { unordered(plan, &rows, wanted) } else { ordered(plan, &rows, wanted) }
}

struct State<'a> {
    plan: &'a FunnelPlan,
    entry: BTreeMap<usize, Attempt>,
    best: Option<(usize, Attempt)>,
}

fn ordered(plan: &FunnelPlan, rows: &[(usize, Row)], wanted: Wanted) -> Option<Outcome> {
    let mut state = State { plan, entry: BTreeMap::new(), best: None };
    let moments: BTreeSet<i64> = rows.iter().map(|(_, row)| row.at).collect();
    for ts in moments {
        let group: Vec<&(usize, Row)> = rows.iter().filter(|(_, row)| row.at == ts).collect();
        state.entry.insert(0, Attempt { t0: ts, ..Attempt::default() });
        let lists: BTreeSet<Vec<i32>> = group.iter().map(|(_, row)| codes(plan, row)).collect();
        if lists.len() == 1 {
            for (id, row) in &group {
                state.event(*id, row, &codes(plan, row), wanted, false);
            }
        } else {
            let mut split: Vec<(i32, usize, Row)> = Vec::new();
            for (id, row) in &group {
                split.extend(codes(plan, row).into_iter().filter(|code| *code > 0).map(|code| (code, *id, *row)));
            }
            split.sort_by_key(|(code, ..)| *code);
            for (code, id, row) in split {
                state.event(id, &row, &[code], wanted, true);
            }
        }
        if state.entry.contains_key(&plan.steps) {
            break;
        }
    }
    let (_, best) = state.best.filter(|(_, best)| !best.excluded)?;
    Some(Outcome { reached: best.steps, recorded: best.times })
}

impl State<'_> {
    fn usable(&self, step: usize, ts: i64) -> bool {
        self.entry.get(&step).is_some_and(|attempt| ts - attempt.t0 <= self.plan.window_us)
    }

    fn event(&mut self, id: usize, row: &Row, codes: &[i32], wanted: Wanted, tie: bool) {
        for code in codes.iter().rev() {
            let s = code.unsigned_abs() as usize;
            let optional = |step: usize| step > 1 && self.plan.optional & 1 << (step - 1) != 0;
            let mut p = s - 1;
            while p > 0 && optional(p) && !self.usable(p, row.at) {
                p -= 1;
            }
            if !self.usable(p, row.at) || self.entry.get(&s).is_some_and(|there| there.t0 == self.entry[&p].t0) {
                continue;
            }
            if *code < 0 {
                self.entry.get_mut(&p).unwrap().excluded = true;
                if let Some((k, best)) = &mut self.best
                    && *k == p
                    && row.at - best.t0 <= self.plan.window_us
                {
                    best.excluded = true;
                }
                continue;
            }
            let mismatch = wanted.is_some_and(|(step, key)| step == s && key != row.key);
            let from = &self.entry[&p];
            if mismatch || (tie && from.ids.contains(&id)) {
                continue;
            }
            let mut new = from.clone();
            if !optional(s) {
                new.times.push((s - 1, row.at));
                new.ids.push(id);
            }
            new.steps.insert(s - 1);
            if !new.excluded {
                self.entry.insert(s, new.clone());
            }
            let better = match &self.best {
                None => true,
                Some((k, best)) => s > *k || (s == *k && best.excluded),
            };
            if better {
                self.best = Some((s, new));
            }
        }
        if self.plan.order == FunnelOrder::Strict && !tie {
            self.entry.retain(|step, _| *step == 0 || codes.contains(&(*step as i32)));
        }
    }
}

fn unordered(plan: &FunnelPlan, rows: &[(usize, Row)], wanted: Wanted) -> Option<Outcome> {
    let mut queues: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
    let mut best: Vec<(usize, i64)> = Vec::new();
    let record = |queues: &BTreeMap<usize, Vec<i64>>, best: &mut Vec<(usize, i64)>| {
        if queues.len() > best.len() {
            *best = queues.iter().map(|(step, queue)| (*step, queue[0])).collect();
            best.sort_by_key(|(step, at)| (*at, *step));
        }
    };
    for (_, row) in rows {
        while let Some((step, at)) = queues.iter().map(|(step, queue)| (*step, queue[0])).min_by_key(|(step, at)| (*at, *step)) {
            if at >= row.at - plan.window_us && queues.len() < plan.steps {
                break;
            }
            record(&queues, &mut best);
            queues.get_mut(&step).unwrap().remove(0);
            queues.retain(|_, queue| !queue.is_empty());
        }
        let steps: Vec<usize> = codes(plan, row).into_iter().filter(|code| *code > 0).map(|code| code as usize - 1).collect();
        if steps.is_empty() {
            queues.clear();
        } else if !queues.is_empty() || wanted.is_none_or(|(_, key)| key == row.key) {
            let newest = |step: &usize| queues.get(step).map_or(i64::MIN, |queue| *queue.last().unwrap());
            let step = *steps.iter().min_by_key(|step| newest(step)).unwrap();
            queues.entry(step).or_default().push(row.at);
        }
    }
    record(&queues, &mut best);
    (!best.is_empty()).then(|| Outcome { reached: (0..best.len()).collect(), recorded: best })
}

/// Rows, value and check of every run that the attribution asks for.
pub fn runs(plan: &FunnelPlan, rows: &[Row]) -> Vec<(u32, Vec<Row>, Wanted)> {
    let taken: Vec<Row> = taken(plan, rows).into_iter().map(|(_, row)| row).collect();
    let values = |rows: &mut dyn Iterator<Item = &Row>| rows.map(|row| row.key).collect::<BTreeSet<u32>>();
    let touched = |key: Option<&Row>| vec![(key.map_or(0, |row| row.key), rows.to_vec(), None)];
    match plan.attribution {
        Attribution::None => vec![(0, rows.to_vec(), None)],
        Attribution::FirstTouch => touched(taken.iter().find(|row| row.key != 0)),
        Attribution::LastTouch => touched(taken.iter().rev().find(|row| row.key != 0)),
        Attribution::AllEvents => {
            let of = |key: u32| taken.iter().copied().filter(|row| row.key == key).collect();
            values(&mut taken.iter()).into_iter().map(|key| (key, of(key), None)).collect()
        }
        Attribution::Step(step) => {
            let any = plan.order == FunnelOrder::Unordered;
            let keys = values(&mut taken.iter().filter(|row| any || row.mask & 1 << step != 0));
            keys.into_iter().map(|key| (key, rows.to_vec(), Some((step + 1, key)))).collect()
        }
    }
}

pub fn plan(choices: &mut Choices, want: FunnelWant) -> FunnelPlan {
    let order = choices.one_of(&[FunnelOrder::Ordered, FunnelOrder::Strict, FunnelOrder::Unordered]);
    let steps = 2 + choices.below(3);
    let exclusions = (0..[0, 0, 1, 1, 2][choices.below(5)])
        .map(|_| {
            let from = choices.below(steps - 1);
            Exclusion { from, to: from + 1 + choices.below(steps - 1 - from) }
        })
        .collect();
    let by_steps = !matches!(want, FunnelWant::Trends { .. } | FunnelWant::TrendActors { .. });
    let optional = if by_steps && order != FunnelOrder::Unordered && choices.below(3) == 0 { choices.below(16) as u32 & !1 } else { 0 };
    let step = if order == FunnelOrder::Unordered { 0 } else { choices.below(steps) };
    let attribution = choices.one_of(&[
        Attribution::None,
        Attribution::FirstTouch,
        Attribution::LastTouch,
        Attribution::AllEvents,
        Attribution::Step(step),
    ]);
    FunnelPlan { steps, order, window_us: [3, 5, 8, 30, 1000][choices.below(5)], optional, exclusions, attribution, want }
}

/// Mostly one step, sometimes none, several or an exclusion.
pub fn mask(choices: &mut Choices) -> u64 {
    match choices.below(10) {
        0..=5 => 1 << choices.below(4),
        6 => 0,
        7 => choices.below(16) as u64,
        8 => 1 << (32 + choices.below(2)),
        _ => choices.below(16) as u64 | (choices.below(4) as u64) << 32,
    }
}

pub fn found(plan: &FunnelPlan, actors: &Actors, choices: &mut Choices) -> FunnelAnswer {
    match answer(&Plan::Funnel(plan.clone()), actors, choices) {
        Answer::Funnel(answer) => answer,
        other => panic!("a funnel answers {other:?}"),
    }
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn seconds(from: i64, to: i64) -> f64 {
    (to - from) as f64 / 1_000_000.0
}

#[test]
fn steps_are_counted_as_described() {
    check(|choices| {
        let plan = plan(choices, FunnelWant::Steps);
        let actors = actors(choices, mask);
        let mut groups: BTreeMap<u32, (Vec<u64>, Vec<Vec<f64>>)> = BTreeMap::new();
        let empty = || (vec![0; plan.steps], vec![Vec::new(); plan.steps]);
        if plan.attribution == Attribution::None {
            groups.insert(0, empty());
        }
        for (key, rows, wanted) in actors.iter().flat_map(|rows| runs(&plan, rows)) {
            let Some(outcome) = outcome(&plan, &rows, wanted) else { continue };
            let (counts, gaps) = groups.entry(key).or_insert_with(empty);
            outcome.reached.iter().for_each(|step| counts[*step] += 1);
            for (place, pair) in outcome.recorded.windows(2).enumerate() {
                if pair[0].1 != pair[1].1 {
                    gaps[place + 1].push(seconds(pair[0].1, pair[1].1));
                }
            }
        }
        let found = found(&plan, &actors, choices);
        assert_eq!(
            found.groups.iter().map(|group| group.key).collect::<Vec<_>>(),
            groups.keys().copied().collect::<Vec<_>>(),
            "{plan:?}\n{actors:?}"
        );
        for (group, (counts, gaps)) in found.groups.into_iter().zip(groups.into_values()) {
            assert_eq!(group.counts, counts, "{plan:?}\n{actors:?}");
            for (found, expected) in group.gaps.into_iter().zip(gaps) {
                assert_close(&sorted(found), &sorted(expected));
            }
        }
    });
}

#[test]
fn actors_of_a_step_are_who_reached_it_or_dropped_out_before() {
    check(|choices| {
        let (step, dropped) = (choices.below(2), choices.flag());
        let plan = plan(choices, FunnelWant::Actors { step, dropped });
        let actors = actors(choices, mask);
        let mut expected = Vec::new();
        for (actor, rows) in actors.iter().enumerate() {
            for (key, rows, wanted) in runs(&plan, rows) {
                let Some(outcome) = outcome(&plan, &rows, wanted) else { continue };
                let required = (0..step).rev().find(|before| *before == 0 || plan.optional & 1 << before == 0);
                let came = required.is_some_and(|before| outcome.reached.contains(&before));
                if if dropped { came && !outcome.reached.contains(&step) } else { outcome.reached.contains(&step) } {
                    let reached: u32 = outcome.reached.iter().map(|step| 1 << step).sum();
                    expected.push((actor as u32, key, reached, outcome.recorded));
                }
            }
        }
        let found = found(&plan, &actors, choices).actors;
        assert_eq!(
            found.into_iter().map(|found| (found.actor, found.key, found.reached, found.at)).collect::<Vec<_>>(),
            expected,
            "{plan:?}\n{actors:?}"
        );
    });
}

#[test]
fn times_to_convert_and_their_bins_are_as_described() {
    check(|choices| {
        let mut plan = plan(choices, FunnelWant::Steps);
        plan.optional = 0;
        let from = choices.below(plan.steps - 1);
        let to = from + 1 + choices.below(plan.steps - 1 - from);
        plan.want = FunnelWant::Times { from, to };
        plan.attribution = Attribution::None;
        let actors = actors(choices, mask);
        let outcomes = actors.iter().filter_map(|rows| outcome(&plan, rows, None)).filter(|outcome| outcome.reached.contains(&to));
        let times: Vec<f64> = outcomes.map(|outcome| seconds(outcome.recorded[from].1, outcome.recorded[to].1)).collect();
        let mut group = found(&plan, &actors, choices).groups.remove(0);
        assert_close(&sorted(group.times.clone()), &sorted(times));
        // Larger numbers than these rows give.
        group.times = (0..choices.below(30)).map(|_| choices.below(400) as f64 + choices.below(2) as f64 / 2.0).collect();
        let wanted = choices.flag().then(|| choices.below(100));
        let histogram = group.histogram(wanted);
        if group.times.is_empty() {
            return assert_eq!((histogram.average, histogram.bins), (None, Vec::new()));
        }
        let sorted = sorted(group.times.clone());
        let n = sorted.len();
        let bins = wanted.map_or_else(|| ((n as f64).cbrt().ceil() as usize).clamp(1, 60), |bins| bins.clamp(1, 90));
        let (low, high) = (sorted[0].floor(), sorted[n - 1].ceil());
        let width = ((high - low) / bins as f64).ceil();
        let width = if width == 0.0 { 60.0 } else { width };
        let expected: Vec<(i64, u64)> = (0..=bins)
            .map(|k| ((low + k as f64 * width) as i64, sorted.iter().filter(|x| ((**x - low) / width).floor() == k as f64).count() as u64))
            .collect();
        assert_eq!(histogram.bins, expected, "{:?}", group.times);
        assert_close(&[histogram.average.unwrap()], &[sorted.iter().sum::<f64>() / n as f64]);
        assert_close(&[histogram.median.unwrap()], &[(sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0]);
    });
}

/// The longest chain of rows, one for each step in order, that begins at one of the rows and lies within the window.
fn longest_chain(plan: &FunnelPlan, rows: &[Row]) -> usize {
    fn go(plan: &FunnelPlan, rows: &[Row], began: i64, step: usize) -> usize {
        let fits = |row: &Row| row.mask & 1 << step != 0 && row.at - began <= plan.window_us;
        if step == plan.steps {
            return step;
        }
        let next = rows.iter().enumerate().filter(|(_, row)| fits(row));
        next.map(|(at, _)| go(plan, &rows[at + 1..], began, step + 1)).max().unwrap_or(step)
    }
    (0..rows.len()).filter(|at| rows[*at].mask & 1 != 0).map(|at| go(plan, &rows[at + 1..], rows[at].at, 1)).max().unwrap_or(0)
}

#[test]
fn a_plain_funnel_asks_whether_there_is_a_chain_within_the_window() {
    check(|choices| {
        let mut plan = plan(choices, FunnelWant::Steps);
        (plan.order, plan.optional, plan.attribution) = (FunnelOrder::Ordered, 0, Attribution::None);
        plan.exclusions.clear();
        let mut actors = actors(choices, mask);
        // No two at once: those may be put in any order.
        actors.iter_mut().for_each(|rows| rows.dedup_by_key(|row| row.at));
        let mut counts = vec![0; plan.steps];
        for rows in &actors {
            counts[..longest_chain(&plan, rows)].iter_mut().for_each(|count| *count += 1);
        }
        assert_eq!(found(&plan, &actors, choices).groups[0].counts, counts, "{plan:?}\n{actors:?}");
    });
}

#[test]
fn a_plain_unordered_funnel_asks_for_the_fullest_window() {
    check(|choices| {
        let mut plan = plan(choices, FunnelWant::Steps);
        (plan.order, plan.optional, plan.attribution) = (FunnelOrder::Unordered, 0, Attribution::None);
        plan.exclusions.clear();
        let actors = actors(choices, |choices| 1 << choices.below(4));
        let mut counts = vec![0; plan.steps];
        for rows in &actors {
            let rows: Vec<&Row> = rows.iter().filter(|row| row.mask < 1 << plan.steps).collect();
            let full = |from: &Row| {
                let within = rows.iter().filter(|row| row.at >= from.at && row.at - from.at <= plan.window_us);
                within.map(|row| row.mask).collect::<BTreeSet<u64>>().len()
            };
            let best = rows.iter().map(|row| full(row)).max().unwrap_or(0);
            counts[..best].iter_mut().for_each(|count| *count += 1);
        }
        assert_eq!(found(&plan, &actors, choices).groups[0].counts, counts, "{plan:?}\n{actors:?}");
    });
}
