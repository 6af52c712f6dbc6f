//! Paths as lists of texts.

use crate::choices::Choices;
use crate::funnel::outcome;
use crate::{actors, answer, check};
use behaviour::{
    Answer, Attribution, Edge, FunnelOrder, FunnelWant, Item, PathEnd, PathFunnel, PathPart, PathsAnswer, PathsPlan, PathsWant, Plan, Row,
};
use std::collections::{BTreeMap, BTreeSet};

const IN_PATHS: u64 = 1 << 63;
const START: u32 = 1;
const END: u32 = 2;

/// An item's text and when it was left.
type Path = Vec<(String, i64)>;

fn text(item: Item) -> String {
    match item {
        Item::Key(0) => String::new(),
        Item::Key(key) => format!("/{key}"),
        Item::Ellipsis => "...".to_owned(),
    }
}

/// First and last moment of rows that a funnel leaves to paths.
fn window(funnel: &PathFunnel, rows: &[Row]) -> Option<(i64, i64)> {
    let of_funnel = |row: &Row| {
        let mask = (row.mask >> 8 & 0xffff_ffff) | ((row.mask >> 40 & 0x7f_ffff) << 32);
        (mask != 0 || row.mask & 16 != 0).then_some(Row { mask, ..*row })
    };
    let rows: Vec<Row> = rows.iter().filter_map(of_funnel).collect();
    let outcome = outcome(&funnel.plan, &rows, None)?;
    let reached = outcome.reached.contains(&funnel.step);
    let required = (0..funnel.step).rev().find(|step| *step == 0 || funnel.plan.optional & 1 << step == 0);
    let place = if funnel.dropped {
        if reached || !required.is_some_and(|step| outcome.reached.contains(&step)) {
            return None;
        }
        outcome.recorded.len() - 1
    } else {
        if !reached {
            return None;
        }
        match funnel.plan.order {
            FunnelOrder::Unordered => funnel.step,
            _ => outcome.recorded.iter().filter(|(step, _)| *step <= funnel.step).count() - 1,
        }
    };
    let at = outcome.recorded[place].1;
    match funnel.part {
        PathPart::BeforeStep => Some((i64::MIN, at)),
        PathPart::BetweenSteps => (place > 0).then(|| (outcome.recorded[place - 1].1, at)),
        PathPart::AfterStep => Some((if funnel.dropped { at + funnel.plan.window_us } else { at }, i64::MAX)),
    }
}

fn sessions(plan: &PathsPlan, rows: &[Row]) -> Vec<Path> {
    let Some((from, to)) = plan.funnel.as_ref().map_or(Some((i64::MIN, i64::MAX)), |funnel| window(funnel, rows)) else {
        return Vec::new();
    };
    let rows: Vec<&Row> = rows.iter().filter(|row| row.mask & IN_PATHS != 0 && row.at >= from && row.at <= to).collect();
    let mut sessions: Vec<Vec<&Row>> = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        if place == 0 || row.at - rows[place - 1].at >= plan.gap_us {
            sessions.push(Vec::new());
        }
        sessions.last_mut().unwrap().push(row);
    }
    sessions.iter().filter_map(|rows| shortened(plan, rows)).collect()
}

fn shortened(plan: &PathsPlan, rows: &[&Row]) -> Option<Path> {
    let last_of_its_kind = |place: usize| rows.get(place + 1).is_none_or(|next| next.key != rows[place].key);
    let kept = (0..rows.len()).filter(|place| last_of_its_kind(*place));
    let mut path: Path = kept.map(|place| (text(Item::Key(rows[place].key)), rows[place].at)).collect();
    if path.last().is_some_and(|(item, _)| item.is_empty()) {
        path.pop();
    }
    let place = |path: &Path, key: u32| path.iter().position(|(item, _)| *item == text(Item::Key(key)));
    if plan.from_start {
        path = path[place(&path, START)?..].to_vec();
    }
    if plan.to_end {
        path = path[..=place(&path, END)?].to_vec();
    }
    let (limit, half, length) = (plan.step_limit, plan.step_limit / 2, path.len());
    if length <= limit {
        return Some(path);
    }
    Some(match (plan.from_start, plan.to_end) {
        (true, true) => [&path[..half], &[("...".to_owned(), path[half].1)], &path[length - half..]].concat(),
        (false, true) => path[length - limit..].to_vec(),
        _ => path[..limit].to_vec(),
    })
}

fn plan(choices: &mut Choices) -> PathsPlan {
    let funnel = (choices.below(3) == 0).then(|| {
        let mut plan = crate::funnel::plan(choices, FunnelWant::Steps);
        plan.attribution = Attribution::None;
        let part = choices.one_of(&[PathPart::BeforeStep, PathPart::BetweenSteps, PathPart::AfterStep]);
        PathFunnel { step: choices.below(plan.steps), dropped: choices.flag(), plan, part }
    });
    PathsPlan {
        gap_us: [2, 3, 10, 100][choices.below(4)],
        from_start: choices.below(3) == 0,
        to_end: choices.below(3) == 0,
        step_limit: 2 + choices.below(4),
        funnel,
        want: PathsWant::Edges,
    }
}

fn found(plan: &PathsPlan, actors: &crate::Actors, choices: &mut Choices) -> PathsAnswer {
    match answer(&Plan::Paths(plan.clone()), actors, choices) {
        Answer::Paths(answer) => answer,
        other => panic!("paths answer {other:?}"),
    }
}

fn shown(edge: &Edge) -> (String, String, u64, i64) {
    let ends = (format!("{}_{}", edge.position, text(edge.from)), format!("{}_{}", edge.position + 1, text(edge.to)));
    (ends.0, ends.1, edge.count, (edge.average_ms * 1e6).round() as i64)
}

/// Edges that a client sees, most frequent first.
fn strongest(edges: &[(String, String, u64, i64)], least: u64, most: u64, limit: usize) -> Vec<(String, String, u64, i64)> {
    let mut kept: Vec<_> = edges.iter().filter(|edge| edge.2 >= least && edge.2 <= most).cloned().collect();
    kept.sort_by_key(|edge| (std::cmp::Reverse(edge.2), edge.0.clone(), edge.1.clone()));
    kept.truncate(limit);
    let mut reached: BTreeSet<String> = kept.iter().map(|edge| edge.0.clone()).filter(|from| from.starts_with("1_")).collect();
    loop {
        let more: BTreeSet<String> = kept.iter().filter(|edge| reached.contains(&edge.0)).map(|edge| edge.1.clone()).collect();
        if more.is_subset(&reached) {
            break;
        }
        reached.extend(more);
    }
    kept.into_iter().filter(|edge| reached.contains(&edge.0)).collect()
}

fn mask(choices: &mut Choices) -> u64 {
    let step = 1 << (8 + choices.below(4));
    match choices.below(8) {
        0 => step,
        1 => step | IN_PATHS,
        2 => 16 | IN_PATHS,
        3 => IN_PATHS | 1 << (40 + choices.below(2)),
        _ => IN_PATHS,
    }
}

#[test]
fn paths_are_as_described() {
    check(|choices| {
        let mut plan = plan(choices);
        let mut actors = actors(choices, mask);
        let (from, to) = (choices.below(4) as u32, choices.below(4) as u32);
        // The bits of items go by the item.
        for row in actors.iter_mut().flatten() {
            row.mask |= u64::from(row.key == START) | u64::from(row.key == END) << 1;
            row.mask |= u64::from(row.key == from) << 2 | u64::from(row.key == to) << 3;
        }
        let mut expected: BTreeMap<(String, String), (u64, i64)> = BTreeMap::new();
        for path in actors.iter().flat_map(|rows| sessions(&plan, rows)) {
            for (place, pair) in path.windows(2).enumerate() {
                let ends = (format!("{}_{}", place + 1, pair[0].0), format!("{}_{}", place + 2, pair[1].0));
                let edge = expected.entry(ends).or_default();
                *edge = (edge.0 + 1, edge.1 + pair[1].1 - pair[0].1);
            }
        }
        let average = |count: u64, micros: i64| (micros as f64 / count as f64 / 1000.0 * 1e6).round() as i64;
        let expected: Vec<_> =
            expected.into_iter().map(|((from, to), (count, micros))| (from, to, count, average(count, micros))).collect();
        let answer = found(&plan, &actors, choices);
        let mut edges: Vec<_> = answer.edges.iter().map(shown).collect();
        edges.sort();
        assert_eq!(edges, expected, "{plan:?}\n{actors:?}");
        let (least, most, limit) = (choices.below(3) as u64, 1 + choices.below(4) as u64, choices.below(8));
        let seen: Vec<_> = answer.strongest((Some(least), Some(most)), limit, &text).iter().map(shown).collect();
        assert_eq!(seen, strongest(&expected, least, most, limit), "{plan:?}\n{actors:?}");

        let end = |choices: &mut Choices| PathEnd { position: 1 + choices.below(3), ellipsis: choices.below(5) == 0 };
        let (start, finish) = (choices.flag().then(|| end(choices)), choices.flag().then(|| end(choices)));
        let dropped = start.is_some() && choices.below(3) == 0;
        let holds = |path: &Path, end: PathEnd, key: u32| {
            let wanted = if end.ellipsis { "...".to_owned() } else { text(Item::Key(key)) };
            path.get(end.position - 1).is_some_and(|(item, _)| *item == wanted)
        };
        let went = |path: &Path| match (start, finish) {
            (Some(start), _) if dropped => holds(path, start, from) && path.len() == start.position,
            (None, None) => !path.is_empty(),
            _ => {
                let leaves = start.is_none_or(|start| holds(path, start, from) && path.len() > start.position);
                leaves && finish.is_none_or(|finish| holds(path, finish, to))
            }
        };
        let who = actors.iter().enumerate().filter(|(_, rows)| sessions(&plan, rows).iter().any(went));
        let who: Vec<u32> = who.map(|(actor, _)| actor as u32).collect();
        plan.want = PathsWant::Actors { from: start, to: finish, dropped };
        let listed: Vec<u32> = found(&plan, &actors, choices).actors.iter().map(|actor| actor.actor).collect();
        assert_eq!(listed, who, "{plan:?}\n{actors:?}");
    });
}
