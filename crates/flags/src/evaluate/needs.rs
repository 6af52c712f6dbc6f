//! Which flags a question is about, and what has to be looked up to answer it.

use super::{
    Definitions,
    membership::How,
    rules::{Audience, Bucketing},
    values::Owner,
};
use crate::{Question, request::Runtime};

/// Which facts a question's answer may depend on; what is not needed is not looked up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// The stored person's properties.
    pub person: bool,
    /// Membership in these cohorts, which cannot be decided from properties.
    pub cohorts: Vec<i64>,
    /// Stored properties of these groups: type index and key.
    pub groups: Vec<(u8, String)>,
    /// Stored hash keys, for experience continuity.
    pub hash_keys: bool,
}

/// By flag.
pub(super) struct Wanted {
    /// Those in the answer.
    pub answered: Vec<bool>,
    /// Those in the answer, and what they ask for.
    pub evaluated: Vec<bool>,
}

impl Definitions {
    pub fn needs(&self, question: &Question) -> Needs {
        let wanted = self.wanted(question);
        self.needs_of(&wanted.evaluated, question)
    }

    /// What [`explain`](Self::explain) needs.
    pub fn needs_to_explain(&self, flag_key: &str, question: &Question) -> Needs {
        self.places.get(flag_key).map_or_else(Needs::default, |&place| self.needs_of(&self.with_dependencies(place), question))
    }

    /// The keys of active flags whose answers stay what they were before somebody was identified.
    pub fn continuous(&self) -> impl Iterator<Item = &str> {
        let continuous = self.rules.iter().zip(&self.described);
        continuous.filter(|(rule, _)| rule.active && rule.bucketing == Bucketing::Continuous).map(|(_, flag)| flag.key.as_str())
    }

    fn needs_of(&self, evaluated: &[bool], question: &Question) -> Needs {
        let mut needs = Needs::default();
        let mut slots = Seen::new(self.keys.list.len());
        let mut cohorts = Seen::new(self.cohorts.len());
        for (rule, _) in self.rules.iter().zip(evaluated).filter(|(_, evaluated)| **evaluated) {
            needs.hash_keys |= rule.bucketing == Bucketing::Continuous && rule.needs.hash;
            rule.needs.slots.iter().for_each(|&slot| slots.add(slot as usize));
            rule.needs.cohorts.iter().for_each(|&cohort| cohorts.add(cohort as usize));
        }
        while let Some(place) = cohorts.next() {
            let rule = &self.cohorts[place];
            rule.asks.iter().for_each(|&asked| cohorts.add(asked));
            match &rule.how {
                How::LookedUp => needs.cohorts.push(rule.id),
                How::Decided(node) => {
                    let mut predicates = Vec::new();
                    node.predicates(&mut predicates);
                    predicates.iter().for_each(|&predicate| slots.add(self.predicates[predicate as usize].slot as usize));
                }
                How::Circular => {}
            }
        }
        while let Some(slot) = slots.next() {
            self.need_slot(slot, question, &mut needs);
        }
        needs
    }

    /// What the request itself tells is not looked up.
    fn need_slot(&self, slot: usize, question: &Question, needs: &mut Needs) {
        let key = &self.keys.list[slot];
        match key.owner {
            Owner::PersonRow => needs.person = true,
            Owner::Person if needs.person || &*key.name == "distinct_id" => {}
            Owner::Person => needs.person = !question.person_properties.contains_key(&*key.name),
            Owner::Group(index) => {
                let is_known = needs.groups.iter().any(|(known, _)| *known == index) || &*key.name == "$group_key";
                let kind = self.keys.group_types.iter().find(|(of, _)| *of == index).map(|(_, kind)| kind);
                let Some((kind, group)) = kind.zip(self.keys.group_key(question, index)).filter(|_| !is_known) else { return };
                if question.group_properties.get(kind).is_none_or(|sent| sent.get(&*key.name).is_none()) {
                    needs.groups.push((index, group.to_owned()));
                }
            }
        }
    }

    pub(super) fn wanted(&self, question: &Question) -> Wanted {
        let visible = |place: usize| self.rules[place].active && self.rules[place].audience.includes(question);
        let mut answered = vec![false; self.rules.len()];
        match &question.flag_keys {
            None => (0..answered.len()).for_each(|place| answered[place] = visible(place)),
            Some(keys) => {
                for &place in keys.iter().filter_map(|key| self.places.get(key)) {
                    answered[place] = visible(place);
                }
            }
        }
        let mut evaluated = answered.clone();
        self.add_dependencies(&mut evaluated, visible);
        Wanted { answered, evaluated }
    }

    pub(super) fn with_dependencies(&self, place: usize) -> Vec<bool> {
        let mut asked = vec![false; self.rules.len()];
        asked[place] = true;
        self.add_dependencies(&mut asked, |place| self.rules[place].active);
        asked
    }

    /// Dependants come before what they ask for, so one pass is enough.
    fn add_dependencies(&self, asked: &mut [bool], visible: impl Fn(usize) -> bool) {
        for &place in self.order.iter().rev() {
            if asked[place] {
                for &dependency in &self.rules[place].dependencies {
                    asked[dependency] |= visible(dependency);
                }
            }
        }
    }
}

impl Audience {
    fn includes(&self, question: &Question) -> bool {
        let runs_there = match question.evaluation_runtime {
            Runtime::All => true,
            asked => self.runtime.is_none_or(|runtime| runtime == asked),
        };
        let contexts = question.evaluation_contexts.as_deref().unwrap_or_default();
        let fits = contexts.is_empty() || self.contexts.is_empty() || self.contexts.iter().any(|context| contexts.contains(context));
        runs_there && fits && (!question.only_survey_flags || self.is_survey)
    }
}

/// Places, each once, that are still to be looked at.
struct Seen {
    seen: Vec<bool>,
    open: Vec<usize>,
}

impl Seen {
    fn new(len: usize) -> Self {
        Self { seen: vec![false; len], open: Vec::new() }
    }

    fn add(&mut self, place: usize) {
        if !std::mem::replace(&mut self.seen[place], true) {
            self.open.push(place);
        }
    }

    fn next(&mut self) -> Option<usize> {
        self.open.pop()
    }
}
