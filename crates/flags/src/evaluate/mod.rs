//! What a flag answers: a pure, synchronous function of a project's definitions, a question and facts.
//!
//! No clock, no database, no randomness: everything that an answer depends on is in [`Facts`] and [`Question`].
//!
//! [`Definitions::compile`] reads flags and cohorts once (`compile`, `membership`, `operators`, `dependencies`), [`Definitions::needs`] says
//! what to look up for a question (`needs`), and [`Definitions::evaluate`] answers it: `values` gathers what is known of the one who asks,
//! `case` decides flag by flag. [`Definitions::explain`] takes the same way and tells of every step.
//!
//! Invariants:
//! 1. Comparing parses nothing of a definition, and makes each comparison once per question.
//! 2. A question costs a bounded amount of work: then the flags that are left fail.
//! 3. A flag fails only when a fact is missing that it asks for.

mod case;
mod compile;
mod dates;
mod dependencies;
mod explain;
pub mod hash;
mod keys;
mod membership;
mod needs;
mod operators;
mod patterns;
mod rules;
mod values;
mod versions;

#[cfg(test)]
mod tests;

use crate::{
    Question,
    evaluation::{Code, Decision, Described, Evaluation, Outcome, Reason},
    flag::Flag,
};
use case::Case;
use chrono_tz::Tz;
use cohorts::Cohort;
use compile::Compiler;
use explain::{Steps, Unwatched};
use keys::Keys;
use membership::CohortRule;
use model::{Properties, Timestamp};
use rules::{Predicate, Rule, Told};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

pub use dependencies::dependency_cycle;
pub use explain::{Compared, Explanation, Step, StepKind};
pub use needs::Needs;
pub(crate) use operators::Operator;
pub use values::Source;

/// Patterns that are compiled with the definitions; more wait until a question needs them.
const MAX_WARMED: usize = 1_000;

/// A project's flags, read once and made ready: conditions parsed, values folded, regular expressions compiled, dependencies ordered.
#[derive(Debug, Default)]
pub struct Definitions {
    /// In the order of keys, like `rules`.
    described: Vec<Described>,
    rules: Vec<Rule>,
    /// Flags after those that they ask for.
    order: Vec<usize>,
    places: HashMap<String, usize>,
    keys: Keys,
    predicates: Vec<Predicate>,
    told: Vec<Told>,
    cohorts: Vec<CohortRule>,
    timezone: Tz,
}

/// What was looked up, for one question.
#[derive(Clone, Debug)]
pub struct Facts {
    pub now: Timestamp,
    pub person: Option<StoredPerson>,
    /// By group type index.
    pub groups: HashMap<u8, Arc<Properties>>,
    /// Cohorts among [`Needs::cohorts`] that the person is a member of.
    pub member_of: HashSet<i64>,
    /// Flag key to hash key.
    pub hash_keys: HashMap<String, String>,
    pub geoip: Map<String, Value>,
    /// Something could not be looked up: flags that need it fail, others do not.
    pub failed: bool,
}

#[derive(Clone, Debug)]
pub struct StoredPerson {
    pub uuid: Uuid,
    pub created_at: Timestamp,
    pub properties: Arc<Properties>,
}

impl Facts {
    /// Nothing is known but the time.
    pub fn none(now: Timestamp) -> Self {
        let (groups, member_of, hash_keys, geoip) = Default::default();
        Self { now, person: None, groups, member_of, hash_keys, geoip, failed: false }
    }
}

impl Definitions {
    /// `group_types` by index. `timezone` is the project's, for dates without one.
    pub fn compile(flags: &[Flag], cohorts: &[Cohort], group_types: &[(u8, String)], timezone: Tz) -> Definitions {
        let mut flags: Vec<&Flag> = flags.iter().collect();
        flags.sort_by(|one, other| one.key.cmp(&other.key));
        let mut compiler = Compiler::new(group_types, timezone);
        let cohorts = membership::compile(&mut compiler, cohorts);
        compiler.flags = flags.iter().enumerate().map(|(place, flag)| (flag.id, place)).collect();
        let mut rules: Vec<Rule> = flags.iter().map(|flag| compiler.rule(flag)).collect();
        let asked: Vec<&[usize]> = rules.iter().map(|rule| &*rule.dependencies).collect();
        let mut order = dependencies::order(&asked);
        let mut is_circular = vec![true; rules.len()];
        order.iter().for_each(|&place| is_circular[place] = false);
        for (place, _) in is_circular.iter().enumerate().filter(|(_, circular)| **circular) {
            rules[place].is_broken = true;
            order.push(place);
        }
        compiler.predicates.iter().filter(|predicate| predicate.operator.warm()).take(MAX_WARMED).for_each(drop);
        let described = flags.iter().enumerate().map(|(place, flag)| described(place, flag));
        Definitions {
            described: described.collect(),
            places: flags.iter().enumerate().map(|(place, flag)| (flag.key.clone(), place)).collect(),
            rules,
            order,
            keys: compiler.keys,
            predicates: compiler.predicates,
            told: compiler.told,
            cohorts,
            timezone,
        }
    }

    /// All flags, in the order of their keys.
    pub fn described(&self) -> &[Described] {
        &self.described
    }

    pub fn evaluate(&self, question: &Question, facts: &Facts) -> Evaluation<'_> {
        let wanted = self.wanted(question);
        let mut case = Case::new(self, question, facts);
        for &place in self.order.iter().filter(|&&place| wanted.evaluated[place]) {
            case.decide(place, &mut Unwatched);
        }
        let mut evaluation = Evaluation::default();
        for (place, verdict) in case.verdicts.iter().enumerate() {
            let Some(verdict) = verdict.filter(|_| wanted.answered[place]) else { continue };
            evaluation.has_errors |= verdict.outcome == Outcome::Failed;
            evaluation.decisions.push(verdict.decision(&self.described[place]));
        }
        evaluation
    }

    /// Every step to the answer of one flag; what the question says of runtimes and contexts makes no difference. `None`: no such flag.
    pub fn explain(&self, flag_key: &str, question: &Question, facts: &Facts) -> Option<Explanation> {
        let place = *self.places.get(flag_key)?;
        let mut steps = Steps::default();
        if !self.rules[place].active {
            let reason = Reason::of_flag(Code::Disabled);
            return Some(Explanation { enabled: false, variant: None, payload: None, reason, steps: Vec::new() });
        }
        let asked = self.with_dependencies(place);
        let mut case = Case::new(self, question, facts);
        for &other in self.order.iter().filter(|&&other| asked[other] && other != place && self.rules[other].active) {
            case.decide(other, &mut Unwatched);
        }
        let verdict = case.decide(place, &mut steps);
        Some(Explanation {
            enabled: verdict.outcome.is_on(),
            variant: verdict.outcome.variant().map(str::to_owned),
            payload: verdict.payload.map(|payload| payload.text.clone()),
            reason: verdict.reason,
            steps: steps.taken,
        })
    }
}

impl<'d> case::Verdict<'d> {
    fn decision(self, flag: &'d Described) -> Decision<'d> {
        Decision { flag, outcome: self.outcome, reason: self.reason, payload: self.payload }
    }
}

fn described(place: usize, flag: &Flag) -> Described {
    Described { place, id: flag.id, key: flag.key.clone(), version: flag.version, has_experiment: flag.has_experiment }
}
