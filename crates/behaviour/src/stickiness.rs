//! Stickiness: in how many periods an actor was active. Every row counts.

use crate::{Active, Periods, Row};

#[derive(Clone, Debug, PartialEq)]
pub struct StickinessPlan {
    pub periods: Periods,
    /// What makes a period count; one row does without it.
    pub criterion: Option<Criterion>,
    pub want: StickinessWant,
}

/// On the number of rows in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    AtLeast(u64),
    AtMost(u64),
    Exactly(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StickinessWant {
    Counts,
    /// Who was active in a number of periods.
    Actors(Criterion),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StickinessAnswer {
    /// At `k - 1`: actors active in exactly `k` periods.
    pub counts: Vec<u64>,
    pub actors: Vec<u32>,
}

#[derive(Clone, Debug)]
pub struct Stickiness {
    plan: StickinessPlan,
    counts: Vec<u64>,
    actors: Vec<u32>,
}

impl Stickiness {
    pub fn new(plan: &StickinessPlan) -> Stickiness {
        Stickiness { plan: plan.clone(), counts: vec![0; plan.periods.len()], actors: Vec::new() }
    }

    pub fn actor(&mut self, actor: u32, rows: &[Row]) {
        let criterion = self.plan.criterion.unwrap_or(Criterion::AtLeast(1));
        let mut periods = self.plan.periods.walk();
        let (mut active, mut current, mut count) = (0, None, 0);
        for period in rows.iter().filter_map(|row| periods.of(row.at)) {
            if current != Some(period) {
                // The period before has ended; there is none before the first.
                active += usize::from(current.is_some() && criterion.holds(count));
                (current, count) = (Some(period), 0);
            }
            count += 1;
        }
        active += usize::from(current.is_some() && criterion.holds(count));
        self.count(actor, active);
    }

    pub fn active(&mut self, actor: u32, active: Active) {
        self.count(actor, active.periods(self.plan.periods.len()).count());
    }

    /// An actor that was active in so many periods.
    fn count(&mut self, actor: u32, active: usize) {
        if active == 0 {
            return;
        }
        match self.plan.want {
            StickinessWant::Counts => self.counts[active - 1] += 1,
            StickinessWant::Actors(wanted) if wanted.holds(active as u64) => self.actors.push(actor),
            StickinessWant::Actors(_) => {}
        }
    }

    pub fn join(&mut self, other: Stickiness) {
        self.counts.iter_mut().zip(other.counts).for_each(|(mine, count)| *mine += count);
        self.actors.extend(other.actors);
    }

    pub fn finish(mut self) -> StickinessAnswer {
        self.actors.sort_unstable();
        StickinessAnswer { counts: self.counts, actors: self.actors }
    }

    pub fn bytes(&self) -> usize {
        self.counts.len() * size_of::<u64>() + self.actors.capacity() * size_of::<u32>()
    }
}

impl Criterion {
    fn holds(self, count: u64) -> bool {
        match self {
            Criterion::AtLeast(least) => count >= least,
            Criterion::AtMost(most) => count <= most,
            Criterion::Exactly(exact) => count == exact,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{days, every, rows};

    fn answer(periods: Periods, criterion: Option<Criterion>, want: StickinessWant, actors: &[&str]) -> StickinessAnswer {
        let mut stickiness = Stickiness::new(&StickinessPlan { periods, criterion, want });
        for (actor, text) in actors.iter().enumerate() {
            stickiness.actor(actor as u32 + 1, &rows(text, &[], |_| 0));
        }
        stickiness.finish()
    }

    const S1: &[&str] = &["A 10T10:00, A 10T11:00, A 11", "A 11", "A 10, A 11, A 12", ""];

    #[test]
    fn actors_count_by_the_periods_they_were_active_in() {
        assert_eq!(answer(days(10, 12), None, StickinessWant::Counts, S1).counts, [1, 1, 1]);
        assert_eq!(answer(days(10, 12), Some(Criterion::AtLeast(2)), StickinessWant::Counts, S1).counts, [1, 0, 0]);
        let weeks = ["A 8, A 9", "A 9, A 15", "A 3, A 16"];
        assert_eq!(answer(every(2, 16, 7), None, StickinessWant::Counts, &weeks).counts, [1, 2, 0]);
    }

    #[test]
    fn actors_are_listed_by_the_number_of_periods() {
        let of = |criterion| answer(days(10, 12), None, StickinessWant::Actors(criterion), S1).actors;
        assert_eq!(of(Criterion::Exactly(2)), [1]);
        assert_eq!(of(Criterion::AtLeast(2)), [1, 3]);
        assert_eq!(of(Criterion::AtMost(2)), [1, 2]);
    }
}
