//! Flags that ask for other flags: in which order they can be evaluated, and which never can.

use super::compile;
use crate::flag::Flag;
use ahash::AHashMap;
use serde_json::Value;

/// An order in which every flag comes after those that it asks for. Flags in or behind a cycle are left out.
pub fn order(asked: &[&[usize]]) -> Vec<usize> {
    let mut waits_for: Vec<usize> = asked.iter().map(|asked| asked.len()).collect();
    let mut asked_by: Vec<Vec<usize>> = vec![Vec::new(); asked.len()];
    for (flag, asked) in asked.iter().enumerate() {
        for &dependency in *asked {
            asked_by[dependency].push(flag);
        }
    }
    let mut order: Vec<usize> = (0..asked.len()).filter(|&flag| waits_for[flag] == 0).collect();
    let mut next = 0;
    while let Some(&flag) = order.get(next) {
        next += 1;
        for &waiting in &asked_by[flag] {
            waits_for[waiting] -= 1;
            if waits_for[waiting] == 0 {
                order.push(waiting);
            }
        }
    }
    order
}

/// The keys of flags that ask for each other in a circle, each asking for the next and the last for the first. For checks before writing.
pub fn dependency_cycle(flags: &[Flag]) -> Option<Vec<String>> {
    let places: AHashMap<i64, usize> = flags.iter().enumerate().map(|(place, flag)| (flag.id, place)).collect();
    let asked: Vec<Vec<usize>> = flags.iter().map(|flag| asked_places(flag, &places)).collect();
    let slices: Vec<&[usize]> = asked.iter().map(Vec::as_slice).collect();
    let mut is_free = vec![false; flags.len()];
    for place in order(&slices) {
        is_free[place] = true;
    }
    // Whoever is not free asks for somebody who is not free either, so this walk must come back to where it was.
    let mut path = vec![is_free.iter().position(|free| !free)?];
    loop {
        let next = *asked[*path.last()?].iter().find(|&&next| !is_free[next])?;
        if let Some(start) = path.iter().position(|&place| place == next) {
            return Some(path[start..].iter().map(|&place| flags[place].key.clone()).collect());
        }
        path.push(next);
    }
}

/// Each once.
fn asked_places(flag: &Flag, places: &AHashMap<i64, usize>) -> Vec<usize> {
    let conditions = flag.filters["groups"].as_array().map_or(&[][..], |groups: &Vec<Value>| groups.as_slice());
    let mut asked: Vec<usize> = compile::asked_flags(conditions).filter_map(|id| places.get(&id?).copied()).collect();
    asked.sort_unstable();
    asked.dedup();
    asked
}
