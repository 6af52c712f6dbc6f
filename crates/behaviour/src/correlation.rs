//! What people who went through a funnel did more or less often than those who did not. Bits as in `funnel`, and
//! 61 the row is among the events of the funnel though it meets none of its conditions (only strict funnels ask),
//! 62 the row has the key whose actors are wanted, 63 the row's key is one to count (the funnel's own rows may be, too).

use crate::funnel::Steps;
use crate::{FunnelOrder, FunnelPlan, Row};

#[derive(Clone, Debug, PartialEq)]
pub struct CorrelationPlan {
    /// `want` is not looked at.
    pub funnel: FunnelPlan,
    /// Keys count wherever the rows lie (properties of people), not only between entering the funnel and leaving it.
    pub anywhere: bool,
    pub want: CorrelationWant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrelationWant {
    Counts,
    /// Who has a row of bit 62 there, among those who converted or did not.
    Actors {
        converted: bool,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CorrelationAnswer {
    pub success_total: u64,
    pub failure_total: u64,
    pub keys: Vec<KeyHits>,
    pub actors: Vec<u32>,
}

/// Actors with this key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyHits {
    pub key: u32,
    pub success: u64,
    pub failure: u64,
}

#[derive(Clone, Debug)]
pub struct Correlation {
    plan: CorrelationPlan,
    steps: Steps,
    success_total: u64,
    failure_total: u64,
    /// By key.
    hits: Vec<(u64, u64)>,
    actors: Vec<u32>,
    /// Reused from actor to actor.
    rows: Vec<Row>,
    keys: Vec<u32>,
}

const WANTED: u64 = 1 << 62;
const COUNTED: u64 = 1 << 63;

impl Correlation {
    pub fn new(plan: &CorrelationPlan) -> Correlation {
        Correlation {
            plan: plan.clone(),
            steps: Steps::new(&plan.funnel),
            success_total: 0,
            failure_total: 0,
            hits: Vec::new(),
            actors: Vec::new(),
            rows: Vec::new(),
            keys: Vec::new(),
        }
    }

    pub fn actor(&mut self, actor: u32, rows: &[Row]) {
        let reached = if self.plan.funnel.order == FunnelOrder::Strict {
            // Bit 61 is none of the funnel's, and brings a row into it.
            self.rows.clear();
            self.rows.extend(rows.iter().filter(|row| row.mask & !(WANTED | COUNTED) != 0));
            self.steps.reached(&self.rows)
        } else {
            self.steps.reached(rows)
        };
        let (Some((_, first)), Some((_, last))) = (self.steps.at().first(), self.steps.at().last()) else { return };
        if reached == 0 {
            return;
        }
        let converted = reached >> (self.plan.funnel.steps - 1) & 1 == 1;
        let end = if converted { *last } else { first.saturating_add(self.plan.funnel.window_us) };
        let (first, anywhere) = (*first, self.plan.anywhere);
        let between = move |row: &&Row| anywhere || (first < row.at && row.at < end);
        match self.plan.want {
            CorrelationWant::Counts => {
                self.keys.clear();
                self.keys.extend(rows.iter().filter(|row| row.mask & COUNTED != 0).filter(between).map(|row| row.key));
                self.count(converted);
            }
            CorrelationWant::Actors { converted: wanted } => {
                if wanted == converted && rows.iter().filter(|row| row.mask & WANTED != 0).any(|row| between(&row)) {
                    self.actors.push(actor);
                }
            }
        }
    }

    fn count(&mut self, converted: bool) {
        self.success_total += u64::from(converted);
        self.failure_total += u64::from(!converted);
        self.keys.sort_unstable();
        self.keys.dedup();
        let Some(most) = self.keys.last() else { return };
        if self.hits.len() <= *most as usize {
            self.hits.resize(*most as usize + 1, (0, 0));
        }
        for key in &self.keys {
            let (success, failure) = &mut self.hits[*key as usize];
            *(if converted { success } else { failure }) += 1;
        }
    }

    pub fn join(&mut self, other: Correlation) {
        self.success_total += other.success_total;
        self.failure_total += other.failure_total;
        self.hits.resize(self.hits.len().max(other.hits.len()), (0, 0));
        for (mine, hits) in self.hits.iter_mut().zip(other.hits) {
            mine.0 += hits.0;
            mine.1 += hits.1;
        }
        self.actors.extend(other.actors);
    }

    pub fn finish(mut self) -> CorrelationAnswer {
        self.actors.sort_unstable();
        let hits = self.hits.into_iter().enumerate().filter(|(_, hits)| *hits != (0, 0));
        CorrelationAnswer {
            success_total: self.success_total,
            failure_total: self.failure_total,
            keys: hits.map(|(key, (success, failure))| KeyHits { key: key as u32, success, failure }).collect(),
            actors: self.actors,
        }
    }

    pub fn bytes(&self) -> usize {
        self.hits.capacity() * size_of::<(u64, u64)>() + self.actors.capacity() * size_of::<u32>()
    }
}

impl KeyHits {
    /// How much likelier those who did it are to convert; one actor more on each side keeps it finite.
    pub fn odds(&self, answer: &CorrelationAnswer) -> f64 {
        let (success, failure) = (self.success as f64, self.failure as f64);
        let (all_success, all_failure) = (answer.success_total as f64, answer.failure_total as f64);
        ((success + 1.0) * (all_failure - failure + 1.0)) / ((all_success - success + 1.0) * (failure + 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{HOUR, rows};
    use crate::{Attribution, FunnelWant};

    fn answer(want: CorrelationWant, anywhere: bool, actors: &[&str]) -> CorrelationAnswer {
        let funnel = FunnelPlan {
            steps: 2,
            order: FunnelOrder::Ordered,
            window_us: HOUR,
            optional: 0,
            exclusions: Vec::new(),
            attribution: Attribution::None,
            want: FunnelWant::Steps,
        };
        let mut correlation = Correlation::new(&CorrelationPlan { funnel, anywhere, want });
        for (actor, text) in actors.iter().enumerate() {
            let mask = |name: &str| match name {
                "A" => 1,
                "B" => 2,
                "w" => WANTED | COUNTED,
                _ => COUNTED,
            };
            // Values tell names apart, as a feeder's codes do.
            correlation.actor(actor as u32 + 1, &rows(text, &["w", "h"], mask));
        }
        correlation.finish()
    }

    #[test]
    fn odds_tell_what_goes_with_success() {
        let totals = CorrelationAnswer { success_total: 10, failure_total: 10, ..CorrelationAnswer::default() };
        let odds = |success, failure| KeyHits { key: 1, success, failure }.odds(&totals);
        assert_eq!(odds(8, 2), 9.0);
        assert!((odds(1, 6) - 0.142857).abs() < 1e-6);
        assert_eq!(odds(5, 5), 1.0);
    }

    #[test]
    fn keys_count_between_the_first_step_and_the_last_or_the_windows_end() {
        let actors = [
            "A 10:00, w{w} 10:01, w{w} 10:02, B 10:05, h{h} 10:06",
            "w{w} 09:00, A 10:00, h{h} 10:00, h{h} 10:59, w{w} 11:00",
            "h{h} 10:00, B 10:01",
        ];
        let found = answer(CorrelationWant::Counts, false, &actors);
        assert_eq!((found.success_total, found.failure_total), (1, 1));
        let hits = |key, success, failure| KeyHits { key, success, failure };
        assert_eq!(found.keys, [hits(1, 1, 0), hits(2, 0, 1)]);
        assert_eq!(answer(CorrelationWant::Counts, true, &actors).keys, [hits(1, 1, 1), hits(2, 1, 1)]);
        assert_eq!(answer(CorrelationWant::Actors { converted: true }, false, &actors).actors, [1]);
        assert_eq!(answer(CorrelationWant::Actors { converted: false }, false, &actors).actors, []);
        assert_eq!(answer(CorrelationWant::Actors { converted: false }, true, &actors).actors, [2]);
    }
}
