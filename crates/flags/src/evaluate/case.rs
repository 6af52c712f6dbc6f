//! One question being answered: comparisons already made, flags already decided, and how much work is left.

use super::{
    Definitions, Facts,
    explain::{Compared, Step, StepKind, Watch},
    hash,
    membership::{How, Node},
    rules::{Bucketing, Check, Condition, Expected, Filter, Rule, Told},
    values::{self, Found, Source},
};
use crate::{
    Question,
    evaluation::{Code, Outcome, Payload, Reason},
};
use chrono::{DateTime, Utc};

/// Units of work that one question may cost, each some nanoseconds: a fraction of a second in all.
const BUDGET: u64 = 20_000_000;

pub struct Case<'d, 'q> {
    definitions: &'d Definitions,
    question: &'q Question,
    facts: &'q Facts,
    now: DateTime<Utc>,
    pub values: Vec<Found<'q>>,
    /// By predicate.
    compared: Vec<Known>,
    /// By cohort.
    member: Vec<Known>,
    /// By flag.
    pub verdicts: Vec<Option<Verdict<'d>>>,
    budget: u64,
}

/// What a flag answers.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'d> {
    pub outcome: Outcome<'d>,
    pub reason: Reason,
    pub payload: Option<&'d Payload>,
}

#[derive(Clone, Copy, Debug)]
enum Known {
    Not,
    No,
    Yes,
    /// It cannot be told, and therefore not the flag either.
    Failed(Code),
}

impl Known {
    fn of(result: Result<bool, Code>) -> Self {
        match result {
            Ok(false) => Self::No,
            Ok(true) => Self::Yes,
            Err(code) => Self::Failed(code),
        }
    }

    fn get(self) -> Option<Result<bool, Code>> {
        match self {
            Self::Not => None,
            Self::No => Some(Ok(false)),
            Self::Yes => Some(Ok(true)),
            Self::Failed(code) => Some(Err(code)),
        }
    }
}

impl<'d, 'q> Case<'d, 'q> {
    pub fn new(definitions: &'d Definitions, question: &'q Question, facts: &'q Facts) -> Self {
        Self {
            definitions,
            question,
            facts,
            now: facts.now.to_utc().unwrap_or_default(),
            values: values::gather(&definitions.keys, question, facts),
            compared: vec![Known::Not; definitions.predicates.len()],
            member: vec![Known::Not; definitions.cohorts.len()],
            verdicts: vec![None; definitions.rules.len()],
            budget: BUDGET,
        }
    }

    /// Flags that this one asks for must have been decided.
    pub fn decide<W: Watch>(&mut self, flag: usize, watch: &mut W) -> Verdict<'d> {
        let rule = &self.definitions.rules[flag];
        let key = &self.definitions.described[flag].key;
        let verdict = match self.dependency_failed(rule) {
            true => {
                watch.step(Step::new(StepKind::Dependency, false, Code::MissingDependency));
                Verdict::off(Reason::of_flag(Code::MissingDependency))
            }
            false => self.matched(key, rule, watch).unwrap_or_else(Verdict::failed),
        };
        self.verdicts[flag] = Some(verdict);
        verdict
    }

    fn dependency_failed(&self, rule: &Rule) -> bool {
        let fails = |verdict: &Verdict| verdict.outcome == Outcome::Failed || verdict.reason.code == Code::MissingDependency;
        rule.is_broken || rule.dependencies.iter().any(|&asked| self.verdicts[asked].as_ref().is_some_and(fails))
    }

    fn matched<W: Watch>(&mut self, key: &'d str, rule: &'d Rule, watch: &mut W) -> Result<Verdict<'d>, Code> {
        if let Some(verdict) = self.enrollment(rule, watch)? {
            return Ok(verdict);
        }
        if let Some(verdict) = self.holdout(key, rule, watch)? {
            return Ok(verdict);
        }
        let mut best = Reason::of_flag(Code::NoGroupType);
        let mut skipped = false;
        let mut hashes = Hashes { key, rollout: None };
        for (index, condition) in rule.conditions.iter().enumerate() {
            let tried = self.condition(rule, condition, &mut hashes, watch);
            if W::THOROUGH {
                watch.step(self.condition_step(rule, index, &tried, &hashes));
            }
            let tried = tried?;
            if let Tried::Matched(variant) = tried {
                let reason = Reason::of_condition(Code::ConditionMatch, index);
                return Ok(match variant.map(|variant| &rule.variants[variant]) {
                    Some(variant) => Verdict { outcome: Outcome::Variant(&variant.key), reason, payload: variant.payload.as_ref() },
                    None => Verdict { outcome: Outcome::On, reason, payload: rule.payload.as_ref() },
                });
            }
            skipped |= matches!(tried, Tried::NoGroup);
            let code = tried.code();
            if code.rank() >= best.code.rank() {
                best = Reason::of_condition(code, index);
            }
            if rule.early_exit && matches!(tried, Tried::OutOfRollout) {
                break;
            }
        }
        best.groups_skipped = skipped && best.code == Code::NoConditionMatch;
        Ok(Verdict::off(best))
    }

    /// An early access feature: who chose has what they chose.
    fn enrollment<W: Watch>(&mut self, rule: &'d Rule, watch: &mut W) -> Result<Option<Verdict<'d>>, Code> {
        let Some(slot) = rule.enrollment else { return Ok(None) };
        let chosen = match &self.values[slot as usize] {
            Found::Absent => None,
            Found::Unknown => return Err(Code::LookupFailed),
            Found::Here(held, _) => Some(held.is_chosen()),
        };
        if W::THOROUGH {
            watch.compared(self.enrollment_compared(slot, chosen));
            watch.step(Step::new(StepKind::Enrollment, chosen.is_some(), Code::Enrollment));
        }
        let outcome = |chosen| if chosen { Outcome::On } else { Outcome::Off };
        let reason = Reason::of_condition(Code::Enrollment, 0);
        Ok(chosen.map(|chosen| Verdict { outcome: outcome(chosen), reason, payload: rule.payload.as_ref() }))
    }

    fn holdout<W: Watch>(&mut self, key: &str, rule: &'d Rule, watch: &mut W) -> Result<Option<Verdict<'d>>, Code> {
        let Some(holdout) = &rule.holdout else { return Ok(None) };
        // Also those without a device are held out: by their distinct id.
        let Some(identifier) = self.identifier(key, rule, rule.group)?.or_else(|| self.without_device(rule)) else { return Ok(None) };
        let hash = hash::holdout(identifier);
        let is_held_out = holdout.share >= 1.0 || hash <= holdout.share;
        if W::THOROUGH {
            let mut step = Step::new(StepKind::Holdout, is_held_out, Code::Holdout);
            step.rollout_percentage = Some(holdout.share * 100.0);
            step.hash = Some(hash);
            step.variant = is_held_out.then(|| holdout.variant.to_string());
            watch.step(step);
        }
        let outcome = Outcome::Variant(&holdout.variant);
        let reason = Reason::of_flag(Code::Holdout);
        Ok(is_held_out.then_some(Verdict { outcome, reason, payload: holdout.payload.as_ref() }))
    }

    fn without_device(&self, rule: &Rule) -> Option<&'q str> {
        (rule.group.is_none() && rule.bucketing == Bucketing::DeviceId).then_some(self.question.distinct_id.as_str())
    }

    fn condition<W: Watch>(
        &mut self,
        rule: &'d Rule,
        condition: &'d Condition,
        hashes: &mut Hashes<'d>,
        watch: &mut W,
    ) -> Result<Tried, Code> {
        if condition.group.is_some_and(|group| self.group_key(group).is_none()) {
            return Ok(Tried::NoGroup);
        }
        let needs_hash = condition.rollout.is_some() || (condition.variant.is_none() && !rule.variants.is_empty());
        if needs_hash && self.lacks_device(rule, condition) {
            return Ok(Tried::NoDevice);
        }
        if !self.filters(&condition.filters, watch)? {
            return Ok(Tried::NoMatch);
        }
        let identifier = match needs_hash {
            true => self.identifier(hashes.key, rule, condition.group)?.unwrap_or_default(),
            false => return Ok(Tried::Matched(condition.variant)),
        };
        if condition.rollout.is_some_and(|share| hashes.rollout(condition.group, identifier) > share) {
            return Ok(Tried::OutOfRollout);
        }
        Ok(Tried::Matched(condition.variant.or_else(|| {
            let hash = if rule.variants.is_empty() { return None } else { hash::variant(hashes.key, identifier) };
            rule.variants.iter().position(|variant| hash < variant.up_to)
        })))
    }

    /// Without a device nobody can be put into a share of devices, whatever their properties.
    fn lacks_device(&self, rule: &Rule, condition: &Condition) -> bool {
        rule.bucketing == Bucketing::DeviceId && condition.group.is_none() && self.device().is_none()
    }

    fn device(&self) -> Option<&'q str> {
        self.question.device_id.as_deref().filter(|device| !device.is_empty())
    }

    /// Whether all of them match. Nobody watching, the first that does not ends it.
    fn filters<W: Watch>(&mut self, filters: &'d [Filter], watch: &mut W) -> Result<bool, Code> {
        let mut all = true;
        for filter in filters {
            let matched = self.check(&filter.check);
            if W::THOROUGH {
                watch.compared(self.compared(filter, matched == Ok(true)));
            }
            if !matched? {
                all = false;
                if !W::THOROUGH {
                    break;
                }
            }
        }
        Ok(all)
    }

    fn condition_step(&self, rule: &Rule, index: usize, tried: &Result<Tried, Code>, hashes: &Hashes) -> Step {
        let condition = &rule.conditions[index];
        let mut step = Step::new(StepKind::Condition, false, tried.as_ref().map_or_else(|code| *code, Tried::code));
        step.condition_index = Some(index);
        step.rollout_percentage = Some(condition.rollout.map_or(100.0, |share| share * 100.0));
        if let Ok(Tried::Matched(_) | Tried::OutOfRollout) = tried {
            step.hash = hashes.rollout.filter(|_| condition.rollout.is_some()).map(|(_, hash)| hash);
        }
        if let Ok(Tried::Matched(variant)) = tried {
            step.matched = true;
            step.variant = variant.map(|variant| rule.variants[variant].key.to_string());
        }
        step
    }

    fn compared(&self, filter: &Filter, matched: bool) -> Compared {
        let told = &self.definitions.told[filter.told as usize];
        let (found, source) = match &filter.check {
            Check::Property(predicate) => self.found(self.definitions.predicates[*predicate as usize].slot),
            Check::Cohort { cohort, .. } => {
                let is_member = cohort.and_then(|place| self.member[place as usize].get()).and_then(Result::ok);
                (is_member.map(Into::into), Some(Source::Cohort))
            }
            Check::Flag { flag, .. } => (Some(self.outcome_of(*flag).value()), Some(Source::Flag)),
            Check::Never => (None, None),
        };
        Compared::new(told, found, source, matched)
    }

    fn found(&self, slot: u32) -> (Option<serde_json::Value>, Option<Source>) {
        match &self.values[slot as usize] {
            Found::Here(held, source) => (Some(held.json()), Some(*source)),
            Found::Absent | Found::Unknown => (None, None),
        }
    }

    fn enrollment_compared(&self, slot: u32, chosen: Option<bool>) -> Compared {
        let (found, source) = self.found(slot);
        let key = self.definitions.keys.list[slot as usize].name.clone();
        let told = Told { key, kind: "person".into(), operator: "is_set".into(), value: serde_json::Value::Null };
        Compared::new(&told, found, source, chosen.is_some())
    }

    fn check(&mut self, check: &'d Check) -> Result<bool, Code> {
        match check {
            Check::Property(predicate) => self.predicate(*predicate),
            Check::Cohort { cohort, negated } => Ok(self.cohort(*cohort)? != *negated),
            Check::Flag { flag, expected } => Ok(self.flag_is(*flag, expected)),
            Check::Never => Ok(false),
        }
    }

    fn predicate(&mut self, place: u32) -> Result<bool, Code> {
        let predicate = &self.definitions.predicates[place as usize];
        if predicate.is_shared
            && let Some(known) = self.compared[place as usize].get()
        {
            return known;
        }
        let held = match &self.values[predicate.slot as usize] {
            Found::Unknown => return Err(Code::LookupFailed),
            Found::Absent => None,
            Found::Here(held, _) => Some(held),
        };
        let cost = held.map_or(1, |held| predicate.operator.cost(held));
        self.budget = self.budget.checked_sub(cost).ok_or(Code::OverBudget)?;
        let matched = predicate.operator.matches(held, self.now, self.definitions.timezone);
        if predicate.is_shared {
            self.compared[place as usize] = Known::of(Ok(matched));
        }
        Ok(matched)
    }

    /// What a flag that was not decided answers: it is inactive, or not for the one who asks.
    fn flag_is(&self, flag: usize, expected: &Expected) -> bool {
        let outcome = self.outcome_of(flag);
        match expected {
            Expected::On => outcome.is_on(),
            Expected::Off => outcome == Outcome::Off,
            Expected::Variant(variant) => outcome.variant() == Some(variant),
        }
    }

    pub fn outcome_of(&self, flag: usize) -> Outcome<'d> {
        self.verdicts[flag].map_or(Outcome::Off, |verdict| verdict.outcome)
    }

    /// Asked-for cohorts come first, without recursion: they may be nested deeply.
    pub fn cohort(&mut self, cohort: Option<u32>) -> Result<bool, Code> {
        let wanted = cohort.ok_or(Code::CohortMissing)? as usize;
        if let Some(known) = self.member[wanted].get() {
            return known;
        }
        let mut open = vec![wanted];
        while let Some(&place) = open.last() {
            if self.member[place].get().is_some() {
                open.pop();
                continue;
            }
            let rule = &self.definitions.cohorts[place];
            let asked = rule.asks.iter().copied().filter(|&asked| self.member[asked].get().is_none());
            let before = open.len();
            open.extend(asked);
            if open.len() == before {
                let known = self.member_of(rule.id, &rule.how);
                self.member[place] = Known::of(known);
            }
        }
        self.member[wanted].get().unwrap_or(Err(Code::CohortMissing))
    }

    fn member_of(&mut self, id: i64, how: &'d How) -> Result<bool, Code> {
        match how {
            How::LookedUp if self.facts.failed && !self.facts.member_of.contains(&id) => Err(Code::LookupFailed),
            How::LookedUp => Ok(self.facts.member_of.contains(&id)),
            How::Decided(node) => self.node(node),
            How::Circular => Err(Code::CohortMissing),
        }
    }

    fn node(&mut self, node: &'d Node) -> Result<bool, Code> {
        match node {
            Node::Everyone => Ok(true),
            Node::Nobody => Ok(false),
            Node::Property { predicate, negated } => Ok(self.predicate(*predicate)? != *negated),
            Node::Cohort { cohort, negated } => {
                let known = cohort.and_then(|place| self.member[place as usize].get());
                Ok(known.unwrap_or(Err(Code::CohortMissing))? != *negated)
            }
            Node::All(nodes) => self.until(nodes, false),
            Node::Any(nodes) => self.until(nodes, true),
        }
    }

    /// The first node that is `decisive` decides.
    fn until(&mut self, nodes: &'d [Node], decisive: bool) -> Result<bool, Code> {
        for node in nodes {
            if self.node(node)? == decisive {
                return Ok(decisive);
            }
        }
        Ok(!decisive)
    }

    fn group_key(&self, group: u8) -> Option<&'q str> {
        self.definitions.keys.group_key(self.question, group)
    }

    /// What is hashed. `None`: there is no such group, or no device.
    fn identifier(&self, key: &str, rule: &Rule, group: Option<u8>) -> Result<Option<&'q str>, Code> {
        if let Some(group) = group {
            return Ok(self.group_key(group));
        }
        Ok(match rule.bucketing {
            Bucketing::DistinctId => Some(&self.question.distinct_id),
            Bucketing::DeviceId => self.device(),
            Bucketing::Continuous => {
                let kept = self.facts.hash_keys.get(key);
                if kept.is_none() && self.facts.failed {
                    return Err(Code::LookupFailed);
                }
                Some(kept.or(self.question.anon_distinct_id.as_ref()).unwrap_or(&self.question.distinct_id))
            }
        })
    }
}

impl Verdict<'_> {
    fn off(reason: Reason) -> Self {
        Self { outcome: Outcome::Off, reason, payload: None }
    }

    fn failed(code: Code) -> Self {
        Self { outcome: Outcome::Failed, ..Self::off(Reason::of_flag(code)) }
    }
}

enum Tried {
    /// With the place of the variant.
    Matched(Option<usize>),
    NoMatch,
    OutOfRollout,
    NoDevice,
    NoGroup,
}

impl Tried {
    fn code(&self) -> Code {
        match self {
            Self::Matched(_) => Code::ConditionMatch,
            Self::NoMatch => Code::NoConditionMatch,
            Self::OutOfRollout | Self::NoDevice => Code::OutOfRollout,
            Self::NoGroup => Code::NoGroupType,
        }
    }
}

/// The hash of the last identifier, which conditions of one flag mostly share.
struct Hashes<'d> {
    /// Of the flag.
    key: &'d str,
    rollout: Option<(Option<u8>, f64)>,
}

impl Hashes<'_> {
    fn rollout(&mut self, group: Option<u8>, identifier: &str) -> f64 {
        match self.rollout {
            Some((of, hash)) if of == group => hash,
            _ => self.rollout.insert((group, hash::rollout(self.key, identifier))).1,
        }
    }
}
