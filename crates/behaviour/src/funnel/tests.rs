//! Worked examples; what a name is in the plan is told by its letter: steps are letters, exclusions are X.

use super::*;
use crate::fixture::{DAY, HOUR, MINUTE, days, rows};

const VALUES: &[&str] = &["red", "blue", "green"];

struct Case {
    steps: &'static [&'static str],
    plan: FunnelPlan,
}

fn funnel(steps: &'static [&'static str]) -> Case {
    let plan = FunnelPlan {
        steps: steps.len(),
        order: FunnelOrder::Ordered,
        window_us: 14 * DAY,
        optional: 0,
        exclusions: Vec::new(),
        attribution: Attribution::None,
        want: FunnelWant::Steps,
    };
    Case { steps, plan }
}

impl Case {
    fn with(mut self, change: impl FnOnce(&mut FunnelPlan)) -> Case {
        change(&mut self.plan);
        self
    }

    /// A step called "*" is any event.
    fn answer(&self, actors: &[&str]) -> FunnelAnswer {
        let mask = |name: &str| {
            let steps = (0..self.steps.len()).filter(|step| [name, "*"].contains(&self.steps[*step])).map(|step| 1 << step);
            steps.sum::<u64>() | if name == "X" && !self.plan.exclusions.is_empty() { 1 << 32 } else { 0 }
        };
        let (mut even, mut odd) = (Funnel::new(&self.plan), Funnel::new(&self.plan));
        for (actor, text) in actors.iter().enumerate() {
            let operator = if actor % 2 == 0 { &mut even } else { &mut odd };
            operator.actor(actor as u32 + 1, &rows(text, VALUES, mask));
        }
        even.join(odd);
        even.finish()
    }

    #[track_caller]
    fn counts(&self, actors: &[&str], counts: &[u64]) -> FunnelGroup {
        let answer = self.answer(actors);
        assert_eq!(answer.groups[0].counts, counts);
        answer.groups[0].clone()
    }
}

const F1: &[&str] = &["A 10:00, A 10:10, B 10:20, C 11:00", "A 10:00, B 10:30", "B 10:00, A 10:05", "A 10:00, C 10:01, B 10:02"];

#[test]
fn conversion_is_timed_from_the_latest_entry() {
    let group = funnel(&["A", "B", "C"]).counts(F1, &[4, 3, 1]);
    assert_eq!(group.averages(), [None, Some(840.0), Some(2400.0)]);
    assert_eq!(group.medians(), [None, Some(600.0), Some(2400.0)]);
}

#[test]
fn the_window_is_inclusive_and_measured_from_the_first_step() {
    let actors = ["A 10:00:00, B 10:30:00", "A 10:00:00, B 10:30:01", "A 10:00, B 10:20, A 10:25, C 10:30", "A 10:00, B 10:10, C 10:31"];
    let group = funnel(&["A", "B", "C"]).with(|plan| plan.window_us = 30 * MINUTE).counts(&actors, &[4, 3, 1]);
    assert_eq!(group.averages(), [None, Some(1200.0), Some(600.0)]);
}

#[test]
fn repeated_steps_take_an_event_each() {
    let actors = ["A 10:00", "A 10:00, A 10:05", "A 10:00, A 10:05, A 10:10, B 10:15", "A 10:00, B 10:15"];
    let group = funnel(&["A", "A", "B"]).counts(&actors, &[4, 2, 1]);
    assert_eq!(group.averages(), [None, Some(300.0), Some(300.0)]);
}

#[test]
fn events_of_one_moment_may_have_happened_in_any_order() {
    let actors = ["B 10:00, A 10:00", "A 10:00, B 10:00, C 10:00", "A 10:00, A 10:00", "A 10:00, B 10:00, C 10:01"];
    let group = funnel(&["A", "B", "C"]).counts(&actors, &[4, 3, 2]);
    assert_eq!(group.averages(), [None, None, Some(60.0)]);
    funnel(&["A", "A"]).counts(&actors, &[4, 1]);
}

#[test]
fn exclusions_remove_whoever_cannot_start_again() {
    let actors = [
        "A 10:00, X 10:01, B 10:02",
        "A 10:00, X 10:01, A 10:02, B 10:03",
        "A 10:00, X 10:01, B 10:02, A 10:03",
        "A 10:00, B 10:01, X 10:02",
        "A 10:00, X 10:01",
        "X 09:00, A 10:00, B 10:05",
        "A 10:00, X 10:01, A 10:02",
    ];
    let case = funnel(&["A", "B"]).with(|plan| plan.exclusions = vec![Exclusion { from: 0, to: 1 }]);
    let group = case.counts(&actors, &[4, 3]);
    assert_eq!(group.averages(), [None, Some(140.0)]);
}

#[test]
fn exclusions_after_the_window_or_in_a_mixed_moment_do_not_count() {
    let case = funnel(&["A", "B"]).with(|plan| {
        plan.exclusions = vec![Exclusion { from: 0, to: 1 }];
        plan.window_us = 30 * MINUTE;
    });
    case.counts(&["A 10:00, X 11:00, B 11:01", "A 10:00, X 10:00, B 10:10"], &[2, 1]);
}

#[test]
fn strict_funnels_bear_repeats_and_nothing_else() {
    let actors = [
        "A 10:00, B 10:01, C 10:02",
        "A 10:00, Z 10:01, B 10:02, C 10:03",
        "A 10:00, A 10:01, B 10:02, C 10:03",
        "A 10:00, B 10:01, B 10:02, C 10:03",
        "A 10:00, B 10:01, A 10:02, C 10:03",
    ];
    funnel(&["A", "B", "C"]).with(|plan| plan.order = FunnelOrder::Strict).counts(&actors, &[5, 4, 3]);
    funnel(&["A", "B", "C"]).counts(&actors, &[5, 5, 5]);
}

#[test]
fn unordered_funnels_count_different_steps_within_the_window() {
    let actors = ["C 10:00, A 10:05, B 10:10", "B 10:00, B 10:01, A 10:30", "A 10:00, B 12:00, C 12:30", "Z 10:00"];
    let case = funnel(&["A", "B", "C"]).with(|plan| {
        plan.order = FunnelOrder::Unordered;
        plan.window_us = HOUR;
    });
    let group = case.counts(&actors, &[3, 3, 1]);
    assert_eq!(group.averages(), [None, Some(1300.0), Some(300.0)]);
    assert_eq!(group.medians(), [None, Some(1800.0), Some(300.0)]);
}

#[test]
fn exclusions_make_unordered_funnels_forget_what_is_incomplete() {
    let actors = ["A 10:00, X 10:01, B 10:02", "A 10:00, B 10:01, X 10:02", "A 10:00, X 10:01", "A 10:00, X 10:01, B 10:02, A 10:03"];
    let case = funnel(&["A", "B"]).with(|plan| {
        plan.order = FunnelOrder::Unordered;
        plan.exclusions = vec![Exclusion { from: 0, to: 1 }];
    });
    case.counts(&actors, &[3, 2]);
}

#[test]
fn breakdowns_attribute_actors_to_values() {
    let actors =
        ["A{red} 10:00, B{blue} 10:10", "A 10:00, B{blue} 10:10", "A{red} 10:00, A{green} 10:20, B{green} 10:30", "A 10:00, B 10:01"];
    let cases: [(Attribution, &[(&str, [u64; 2])]); 5] = [
        (Attribution::FirstTouch, &[("", [1, 1]), ("red", [2, 2]), ("blue", [1, 1])]),
        (Attribution::LastTouch, &[("", [1, 1]), ("blue", [2, 2]), ("green", [1, 1])]),
        (Attribution::AllEvents, &[("", [2, 1]), ("red", [2, 0]), ("green", [1, 1])]),
        (Attribution::Step(0), &[("", [2, 2]), ("red", [2, 2]), ("green", [1, 1])]),
        (Attribution::Step(1), &[("", [1, 1]), ("blue", [2, 2]), ("green", [1, 1])]),
    ];
    for (attribution, groups) in cases {
        let answer = funnel(&["A", "B"]).with(|plan| plan.attribution = attribution).answer(&actors);
        let value = |key: u32| if key == EMPTY_KEY { "" } else { VALUES[key as usize - 1] };
        let found: Vec<_> = answer.groups.iter().map(|group| (value(group.key), [group.counts[0], group.counts[1]])).collect();
        assert_eq!(found, groups, "{attribution:?}");
        if attribution == Attribution::Step(0) {
            assert_eq!(answer.groups[1].gaps[1], [1800.0, 600.0].map(f64::from).iter().rev().copied().collect::<Vec<_>>());
        }
    }
}

#[test]
fn optional_steps_record_no_time() {
    let actors = ["A 10:00, B 10:01, C 10:02", "A 10:00, C 10:05", "A 10:00, B 10:01", "A 10:00, C 10:01"];
    let group = funnel(&["A", "B", "C"]).with(|plan| plan.optional = 0b10).counts(&actors, &[4, 2, 3]);
    assert_eq!(group.averages(), [None, Some(160.0), None]);
}

#[test]
fn times_to_convert_fall_into_bins() {
    let gaps = [10, 20, 30, 95, 100, 200, 301, 302];
    let actors: Vec<String> = gaps.iter().map(|gap| format!("A 10:00, B 10:{}:{}", gap / 60, gap % 60)).collect();
    let actors: Vec<&str> = actors.iter().map(String::as_str).collect();
    let case = funnel(&["A", "B"]).with(|plan| plan.want = FunnelWant::Times { from: 0, to: 1 });
    let group = &case.answer(&actors).groups[0];
    let histogram = group.histogram(None);
    assert_eq!((histogram.average, histogram.median), (Some(132.25), Some(97.5)));
    assert_eq!(histogram.bins, [(10, 5), (156, 2), (302, 1)]);
    assert_eq!(group.histogram(Some(3)).bins, [(10, 5), (108, 1), (206, 2), (304, 0)]);
    assert_eq!(case.answer(&["A 10:00, B 10:00:45"]).groups[0].histogram(None).bins, [(45, 1), (105, 0)]);
}

#[test]
fn trends_count_each_period_that_was_entered() {
    let actors = ["A 10T10:00, B 10T11:00, A 11T10:00", "A 10T10:00, B 12T10:00", "A 11T10:00, A 12T09:00, B 12T10:00", "B 10T10:00"];
    let trends = |want: FunnelWant| {
        funnel(&["A", "B"]).with(|plan| {
            plan.window_us = DAY;
            plan.want = want;
        })
    };
    let periods = days(10, 12);
    let answer = trends(FunnelWant::Trends { from: 0, to: 1, periods: periods.clone() }).answer(&actors);
    let found: Vec<_> = answer.groups[0].periods.iter().map(|period| (period.entered, period.converted)).collect();
    assert_eq!(found, [(2, 1), (2, 1), (1, 1)]);
    for (period, dropped, who) in [(0, false, 1), (0, true, 2), (1, false, 3), (1, true, 1), (2, false, 3)] {
        let want = FunnelWant::TrendActors { from: 0, to: 1, periods: periods.clone(), period, dropped };
        let found: Vec<u32> = trends(want).answer(&actors).actors.iter().map(|actor| actor.actor).collect();
        assert_eq!(found, [who]);
    }
}

#[test]
fn a_single_event_cannot_be_two_steps() {
    funnel(&["A", "*"]).counts(&["A 10:00, Z 10:01", "A 10:00", "Z 10:00, A 10:01, A 10:02"], &[3, 2]);
}

#[test]
fn steps_list_who_reached_them_and_who_did_not() {
    let actors = |step, dropped| {
        let case = funnel(&["A", "B", "C"]).with(|plan| plan.want = FunnelWant::Actors { step, dropped });
        case.answer(F1).actors.iter().map(|actor| actor.actor).collect::<Vec<_>>()
    };
    assert_eq!(actors(0, false), [1, 2, 3, 4]);
    assert_eq!(actors(1, true), [3]);
    assert_eq!(actors(2, true), [2, 4]);
    assert_eq!(actors(2, false), [1]);
}

#[test]
fn an_excluded_period_counts_again_once_the_same_step_is_reached_anew() {
    let want = FunnelWant::Trends { from: 0, to: 2, periods: days(10, 10) };
    let case = funnel(&["A", "B", "C"]).with(|plan| {
        plan.exclusions = vec![Exclusion { from: 1, to: 2 }];
        plan.want = want;
    });
    let entered = |text: &str| case.answer(&[text]).groups[0].periods[0].entered;
    assert_eq!(entered("A 10:00, B 10:01, X 10:02"), 0);
    assert_eq!(entered("A 10:00, B 10:01, X 10:02, A 10:03"), 0);
    assert_eq!(entered("A 10:00, B 10:01, X 10:02, A 10:03, B 10:04"), 1);
}
