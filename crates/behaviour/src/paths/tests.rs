//! Worked examples. Names of events are items; who feeds the operator has cleaned them.

use super::*;
use crate::fixture::{DAY, MINUTE, events};
use crate::{Attribution, FunnelWant};

fn plan() -> PathsPlan {
    PathsPlan { gap_us: 30 * MINUTE, from_start: false, to_end: false, step_limit: 5, funnel: None, want: PathsWant::Edges }
}

struct Found {
    items: Vec<String>,
    answer: PathsAnswer,
}

fn run(plan: &PathsPlan, actors: &[&str], mask: impl Fn(&str) -> u64) -> Found {
    let mut items = vec![String::new()];
    let mut paths = Paths::new(plan);
    for (actor, text) in actors.iter().enumerate() {
        let rows: Vec<Row> = events(text)
            .iter()
            .map(|event| {
                let key = items.iter().position(|item| item == event.name).unwrap_or_else(|| {
                    items.push(event.name.to_owned());
                    items.len() - 1
                });
                Row { at: event.at, mask: mask(event.name) | IN_PATHS, key: key as u32, number: f64::NAN }
            })
            .collect();
        let mut one = Paths::new(plan);
        one.actor(actor as u32 + 1, &rows);
        paths.join(one);
    }
    Found { items, answer: paths.finish() }
}

impl Found {
    fn edges(self, weights: (Option<u64>, Option<u64>)) -> Vec<String> {
        let text = |item: Item| match item {
            Item::Key(key) => self.items[key as usize].clone(),
            Item::Ellipsis => "...".to_owned(),
        };
        let edges = self.answer.strongest(weights, 50, &text);
        let shown = |edge: &Edge| {
            format!("{}_{} {}_{} {} {}", edge.position, text(edge.from), edge.position + 1, text(edge.to), edge.count, edge.average_ms)
        };
        edges.iter().map(shown).collect()
    }
}

const P: &[&str] = &[
    "/ 10:00, /about 10:05, /about 10:06, /pricing 10:20",
    "/ 10:00, signup 10:10, /welcome 10:39:59, / 11:09:59, /pricing 11:10:00",
    "Home 10:00, / 10:01",
];

#[test]
fn a_gap_of_half_an_hour_begins_a_new_session() {
    let expected = [
        "1_/ 2_/about 1 360000",
        "1_/ 2_/pricing 1 1000",
        "1_/ 2_signup 1 600000",
        "1_Home 2_/ 1 60000",
        "2_/about 3_/pricing 1 840000",
        "2_signup 3_/welcome 1 1799000",
    ];
    assert_eq!(run(&plan(), P, |_| 0).edges((None, None)), expected);
    let pages = [P[0], "/ 10:00, /welcome 10:39:59, / 11:09:59, /pricing 11:10:00"];
    let expected = ["1_/ 2_/about 1 360000", "1_/ 2_/pricing 1 1000", "2_/about 3_/pricing 1 840000"];
    assert_eq!(run(&plan(), &pages, |_| 0).edges((None, None)), expected);
}

#[test]
fn paths_are_cut_at_their_points() {
    let pages = [P[0], "/ 10:00, /welcome 10:39:59, / 11:09:59, /pricing 11:10:00"];
    let start = PathsPlan { from_start: true, ..plan() };
    assert_eq!(run(&start, &pages, |name| u64::from(name == "/about")).edges((None, None)), ["1_/about 2_/pricing 1 840000"]);
    let end = PathsPlan { to_end: true, step_limit: 2, ..plan() };
    let found = run(&end, &pages, |name| if name == "/pricing" { END } else { 0 });
    assert_eq!(found.edges((None, None)), ["1_/ 2_/pricing 1 1000", "1_/about 2_/pricing 1 840000"]);
}

#[test]
fn the_middle_of_a_long_path_is_left_out() {
    let both = PathsPlan { from_start: true, to_end: true, step_limit: 4, ..plan() };
    let actors = ["s1 10:01, s2 10:02, s3 10:03, s4 10:04, s5 10:05, s6 10:06, s7 10:07, s8 10:08"];
    let mask = |name: &str| match name {
        "s2" => START,
        "s8" => END,
        _ => 0,
    };
    let expected = ["1_s2 2_s3 1 60000", "2_s3 3_... 1 60000", "3_... 4_s7 1 180000", "4_s7 5_s8 1 60000"];
    assert_eq!(run(&both, &actors, mask).edges((None, None)), expected);
    let end = |position, ellipsis| Some(PathEnd { position, ellipsis });
    let want = PathsWant::Actors { from: end(3, true), to: None, dropped: false };
    assert_eq!(run(&PathsPlan { want, ..both }, &actors, mask).answer.actors.len(), 1);
}

#[test]
fn only_what_the_first_position_leads_to_is_kept() {
    let actors = ["a 10:00, b 10:01, c 10:02", "b 10:00, a 10:01, c 10:02", "d 10:00, b 10:01, c 10:02"];
    assert_eq!(run(&plan(), &actors, |_| 0).edges((Some(2), None)), [""; 0]);
    assert_eq!(run(&plan(), &actors, |_| 0).edges((None, None)).len(), 5);
}

#[test]
fn edges_count_sessions() {
    let actors =
        ["/user/<id>/home 10:00, /user/<id>/home 10:01, /blog/* 10:02", "/user/<id>/home 10:00, /blog/* 10:03", "/blog/* 10:00, /x 10:01"];
    assert_eq!(run(&plan(), &actors, |_| 0).edges((None, None)), ["1_/user/<id>/home 2_/blog/* 2 120000", "1_/blog/* 2_/x 1 60000"]);
}

#[test]
fn edges_and_ends_list_their_actors() {
    let end = |position| Some(PathEnd { position, ellipsis: false });
    let went = |from, to, dropped, names: (&'static str, &'static str)| {
        let plan = PathsPlan { want: PathsWant::Actors { from, to, dropped }, ..plan() };
        let mask = move |name: &str| if name == names.0 { FROM } else { 0 } | if name == names.1 { TO } else { 0 };
        run(&plan, P, mask).answer.actors.iter().map(|actor| actor.actor).collect::<Vec<_>>()
    };
    assert_eq!(went(end(1), end(2), false, ("/", "signup")), [2]);
    assert_eq!(went(end(3), None, true, ("/pricing", "")), [1]);
    assert_eq!(went(end(1), None, false, ("/", "")), [1, 2]);
    assert_eq!(went(None, end(2), false, ("", "/")), [3]);
}

#[test]
fn paths_lie_before_between_or_after_the_steps_of_a_funnel() {
    let funnel = FunnelPlan {
        steps: 2,
        order: FunnelOrder::Ordered,
        window_us: DAY,
        optional: 0,
        exclusions: Vec::new(),
        attribution: Attribution::None,
        want: FunnelWant::Steps,
    };
    let actors = ["w 09:00, A 10:00, x 10:01, B 10:02, y 10:03", "A 10:00, z 10:01, q 11T10:30, r 11T10:31"];
    let mask = |name: &str| match name {
        "A" => 1 << 8,
        "B" => 2 << 8,
        _ => 0,
    };
    let edges = |step, dropped, part| {
        let funnel = Some(PathFunnel { plan: funnel.clone(), step, dropped, part });
        let mut edges = run(&PathsPlan { funnel, gap_us: DAY, ..plan() }, &actors, mask).edges((None, None));
        edges.iter_mut().for_each(|edge| edge.truncate(edge.rfind(' ').expect("the time comes last")));
        edges
    };
    assert_eq!(edges(0, false, PathPart::BeforeStep), ["1_w 2_A 1"]);
    assert_eq!(edges(1, false, PathPart::BetweenSteps), ["1_A 2_x 1", "2_x 3_B 1"]);
    assert_eq!(edges(1, false, PathPart::AfterStep), ["1_B 2_y 1"]);
    assert_eq!(edges(1, true, PathPart::AfterStep), ["1_q 2_r 1"]);
    assert_eq!(edges(1, true, PathPart::BeforeStep), [""; 0]);
}
