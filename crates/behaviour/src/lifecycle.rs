//! Lifecycle. Every row counts. `Row::number` is when the actor came into being, in microseconds since 1970; the earliest counts.

use crate::{Active, Periods, Row};

#[derive(Clone, Debug, PartialEq)]
pub struct LifecyclePlan {
    /// The first one lies before the range: it only tells who returns. Who came into being before it is new in no period.
    pub periods: Periods,
    pub want: LifecycleWant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleWant {
    Counts,
    /// `period` counts in `LifecyclePlan::periods`.
    Actors {
        period: usize,
        status: Status,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    New,
    Returning,
    Resurrecting,
    Dormant,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LifecycleAnswer {
    /// Of each period but the first: new, returning, resurrecting and dormant actors, all as positive numbers.
    pub counts: Vec<[u64; 4]>,
    pub actors: Vec<u32>,
}

#[derive(Clone, Debug)]
pub struct Lifecycle {
    plan: LifecyclePlan,
    /// The period before the range is among them.
    counts: Vec<[u64; 4]>,
    actors: Vec<u32>,
}

impl Lifecycle {
    pub fn new(plan: &LifecyclePlan) -> Lifecycle {
        Lifecycle { plan: plan.clone(), counts: vec![[0; 4]; plan.periods.len()], actors: Vec::new() }
    }

    pub fn actor(&mut self, actor: u32, rows: &[Row]) {
        // NaN is never the smaller one.
        let created = rows.iter().map(|row| row.number).fold(f64::NAN, f64::min);
        let mut walk = self.plan.periods.walk();
        let periods = rows.iter().filter_map(|row| walk.of(row.at));
        count(&self.plan, &mut self.counts, &mut self.actors, actor, created, periods);
    }

    pub fn active(&mut self, actor: u32, active: Active) {
        let periods = active.periods(self.plan.periods.len());
        count(&self.plan, &mut self.counts, &mut self.actors, actor, active.number, periods);
    }

    pub fn join(&mut self, other: Lifecycle) {
        for (mine, counts) in self.counts.iter_mut().zip(other.counts) {
            mine.iter_mut().zip(counts).for_each(|(mine, count)| *mine += count);
        }
        self.actors.extend(other.actors);
    }

    pub fn finish(mut self) -> LifecycleAnswer {
        self.actors.sort_unstable();
        LifecycleAnswer { counts: self.counts.into_iter().skip(1).collect(), actors: self.actors }
    }

    pub fn bytes(&self) -> usize {
        self.counts.len() * size_of::<[u64; 4]>() + self.actors.capacity() * size_of::<u32>()
    }
}

/// `periods` are those that the actor was active in, ascending.
#[inline]
fn count(
    plan: &LifecyclePlan,
    counts: &mut [[u64; 4]],
    actors: &mut Vec<u32>,
    actor: u32,
    created: f64,
    periods: impl Iterator<Item = usize>,
) {
    let created = || if created.is_nan() { None } else { plan.periods.of(created as i64) };
    let mut count = |period: usize, status: Status| match plan.want {
        LifecycleWant::Counts => counts[period][status as usize] += 1,
        LifecycleWant::Actors { period: wanted, status: of } if (wanted, of) == (period, status) => actors.push(actor),
        LifecycleWant::Actors { .. } => {}
    };
    let mut before: Option<usize> = None;
    for period in periods {
        match before {
            Some(before) if before == period => continue,
            Some(before) if before + 1 == period => count(period, Status::Returning),
            Some(before) => {
                count(before + 1, Status::Dormant);
                count(period, Status::Resurrecting);
            }
            None if created() == Some(period) => count(period, Status::New),
            None => count(period, Status::Resurrecting),
        }
        before = Some(period);
    }
    if let Some(after) = before.map(|last| last + 1).filter(|after| *after < plan.periods.len()) {
        count(after, Status::Dormant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{DAY, day, days, every, rows};

    /// Actors as text: what they did, and when they came into being.
    fn answer(periods: &Periods, actors: &[(&str, i64)], want: LifecycleWant) -> LifecycleAnswer {
        let mut lifecycle = Lifecycle::new(&LifecyclePlan { periods: periods.clone(), want });
        for (actor, (text, created)) in actors.iter().enumerate() {
            let mut rows = rows(text, &[], |_| 0);
            rows.iter_mut().for_each(|row| row.number = *created as f64);
            lifecycle.actor(actor as u32 + 1, &rows);
        }
        lifecycle.finish()
    }

    #[track_caller]
    fn check(periods: &Periods, actors: &[(&str, i64)], expected: [&[u64]; 4]) {
        let counts = answer(periods, actors, LifecycleWant::Counts).counts;
        for (status, expected) in expected.iter().enumerate() {
            assert_eq!(&counts.iter().map(|counts| counts[status]).collect::<Vec<_>>(), expected, "{status}");
        }
    }

    const L1: &[(&str, i64)] = &[("A 10, A 11, A 13", 10), ("A 9, A 10", 9), ("A 12", 8), ("A 12T09:00, A 12T10:00", 12), ("A 13", 13)];

    fn created(actors: &[(&'static str, i64)]) -> Vec<(&'static str, i64)> {
        actors.iter().map(|(text, created)| (*text, day(*created) + DAY / 3)).collect()
    }

    #[test]
    fn periods_are_new_returning_resurrecting_or_dormant() {
        let expected: [&[u64]; 4] = [&[1, 0, 1, 1], &[1, 1, 0, 0], &[0, 0, 1, 1], &[0, 1, 1, 2]];
        check(&days(9, 13), &created(L1), expected);
        let dormant = LifecycleWant::Actors { period: 4, status: Status::Dormant };
        assert_eq!(answer(&days(9, 13), &created(L1), dormant).actors, [3, 4]);
    }

    #[test]
    fn who_acts_before_being_created_is_resurrecting() {
        check(&days(9, 13), &created(&[("A 10, A 11", 11)]), [&[0; 4], &[0, 1, 0, 0], &[1, 0, 0, 0], &[0, 0, 1, 0]]);
    }

    #[test]
    fn nobody_created_long_ago_is_new() {
        let actors = [("A 10", day(-50)), ("A 9, A 10", day(-50))];
        check(&days(9, 13), &actors, [&[0; 4], &[1, 0, 0, 0], &[1, 0, 0, 0], &[0, 2, 0, 0]]);
    }

    #[test]
    fn weeks_count_like_days() {
        // 24 and 25 February are days -4 and -3 of March.
        let actors = [("A -4, A 4, A 12", day(-4)), ("A 1, A 11", day(1))];
        check(&every(-5, 9, 7), &actors, [&[0, 0], &[1, 1], &[0, 1], &[1, 0]]);
    }
}
