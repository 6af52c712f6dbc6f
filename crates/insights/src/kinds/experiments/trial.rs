//! An experiment settled for one question: who is exposed, from when to when.

use crate::conditions::Subject;
use crate::dates::parse_instant;
use crate::experiment::Experiment;
use crate::failure::Failure;
use crate::kinds::scan::{all_of, also, entity, group_key};
use crate::nodes::experiments::{ExperimentQuery, ExposureCriteria, Measured, MultipleVariants};
use crate::run::Run;
use model::Timestamp;
use query::ast::{ArithmeticOp, CompareOp, Expr, Join, JoinConstraint, JoinKind, Select, TableRef, TableSource};
use serde::Deserialize;
use serde_json::Value;

/// Entities that saw several variants, as clients read it.
pub const MULTIPLE: &str = "$multiple";

pub struct Trial {
    pub experiment: Experiment,
    pub criteria: ExposureCriteria,
    /// Exposures lie between these, both included.
    pub from: Timestamp,
    pub to: Timestamp,
    /// Nothing that happened later is looked at.
    pub as_of: Timestamp,
    /// How long after its last exposure what an entity does counts.
    pub window_seconds: Option<i64>,
    /// Entities that were exposed later than so long before now are left out, when the experiment says so.
    mature_after_seconds: i64,
    /// Aggregates over the exposures of an entity, and the value that each must have: part of a breakdown.
    pub within: Vec<(Expr, String)>,
}

impl Trial {
    pub async fn of_query(query: &ExperimentQuery, run: &Run) -> Result<Trial, Failure> {
        let experiment = stored(query.experiment_id, run).await?;
        let mut trial = Trial::settle(experiment, query.override_end_date.as_deref(), run)?;
        trial.window_seconds = query.metric.window_seconds;
        trial.mature_after_seconds = query.metric.window_seconds.unwrap_or(0);
        if let Measured::Retention(returning) = &query.metric.measure {
            trial.mature_after_seconds += returning.to * returning.unit.seconds();
        }
        Ok(trial)
    }

    pub fn settle(experiment: Experiment, as_of: Option<&str>, run: &Run) -> Result<Trial, Failure> {
        let criteria = match &experiment.exposure_criteria {
            Value::Null => ExposureCriteria::default(),
            criteria => ExposureCriteria::deserialize(criteria).map_err(|error| Failure::Invalid(format!("exposure_criteria: {error}")))?,
        };
        let Some(from) = experiment.start else {
            return Err(Failure::invalid("The experiment has not been launched, so that it has no results yet."));
        };
        let now = run.calendar.now;
        let as_of = match as_of {
            Some(text) => {
                let at = parse_instant(text, &run.calendar).ok_or_else(|| Failure::Invalid(format!("\"{text}\" is not a date")))?;
                Timestamp(at.timestamp_micros()).min(now)
            }
            None => now,
        };
        if experiment.variants.len() < 2 {
            return Err(Failure::invalid("The experiment's flag needs at least two variants to compare."));
        }
        let to = experiment.end.unwrap_or(now).min(as_of);
        Ok(Trial { experiment, criteria, from, to, as_of, window_seconds: None, mature_after_seconds: 0, within: Vec::new() })
    }

    /// The variant that others are compared with: `control`, or the first.
    pub fn baseline(&self) -> &str {
        let variants = &self.experiment.variants;
        let chosen = self.experiment.stats_config.get("baseline_variant_key").and_then(Value::as_str);
        let named = |key: &str| variants.iter().any(|variant| variant.key == key);
        match chosen.filter(|key| named(key)) {
            Some(key) => key,
            None if named("control") => "control",
            None => &variants[0].key,
        }
    }

    /// Whose events are counted: a person's, or a group's.
    pub fn entity(&self) -> Result<Expr, Failure> {
        match self.experiment.group_type_index {
            Some(index) => group_key(index),
            None => Ok(Expr::field(["person_id"])),
        }
    }

    /// The condition that an event is an exposure, and the variant that it tells.
    pub fn exposure(&self, run: &Run) -> Result<(Expr, Expr), Failure> {
        let key = &self.experiment.flag_key;
        let scope = run.scope(Subject::Events);
        let field = |name: &str| Expr::field(["properties", name]);
        let called = Expr::and([
            Expr::eq(Expr::field(["event"]), Expr::constant("$feature_flag_called")),
            Expr::eq(field("$feature_flag"), Expr::constant(key)),
        ]);
        let (happened, variant) = match &self.criteria.exposure_config {
            None => (called, field("$feature_flag_response")),
            Some(config) => {
                let filters = scope.properties(&config.series.common.properties)?;
                match config.series.label() == "$feature_flag_called" {
                    true => (all_of([called, filters]), field("$feature_flag_response")),
                    false => (all_of([entity(&config.series, run)?, filters]), field(&format!("$feature/{key}"))),
                }
            }
        };
        let known = self.experiment.variants.iter().map(|variant| &variant.key).chain(&self.experiment.holdout);
        let known = Expr::is_in(variant.clone(), known.map(Expr::constant));
        let real = match self.criteria.filter_test_accounts.unwrap_or(false) {
            true => scope.test_accounts()?,
            false => Expr::constant(true),
        };
        Ok((all_of([happened, known, real, self.has_entity()?]), variant))
    }

    fn has_entity(&self) -> Result<Expr, Failure> {
        if self.experiment.group_type_index.is_none() {
            return Ok(Expr::constant(true));
        }
        let key = self.entity()?;
        Ok(Expr::and([Expr::is_not_null(key.clone()), Expr::compare(CompareOp::NotEq, key, Expr::constant(""))]))
    }

    /// One row per exposed entity: `entity`, `variant`, `first_exposure`, `last_exposure`.
    pub fn exposed(&self, run: &Run) -> Result<Select, Failure> {
        let (condition, variant) = self.exposure(run)?;
        let at = || Expr::field(["timestamp"]);
        let of = |name: &str| Expr::call(name, [variant.clone()]);
        let first = || Expr::call("min", [at()]);
        let variant = match self.criteria.multiple_variant_handling.unwrap_or_default() {
            MultipleVariants::FirstSeen => Expr::call("argMin", [variant.clone(), at()]),
            MultipleVariants::Exclude => Expr::call("if", [Expr::eq(of("min"), of("max")), of("min"), Expr::constant(MULTIPLE)]),
        };
        let mut select = also(between(self.from, self.to), condition)
            .column(self.entity()?.aliased("entity"))
            .column(variant.aliased("variant"))
            .column(first().aliased("first_exposure"))
            .column(Expr::call("max", [at()]).aliased("last_exposure"))
            .group_by([self.entity()?]);
        let mut chosen: Vec<Expr> = self.within.iter().map(|(value, text)| Expr::eq(value.clone(), Expr::constant(text))).collect();
        if self.experiment.only_count_matured_users && self.mature_after_seconds > 0 {
            let latest = self.as_of.plus_seconds(-self.mature_after_seconds);
            chosen.push(Expr::compare(CompareOp::LtEq, first(), Expr::constant(latest)));
        }
        select.having = (!chosen.is_empty()).then(|| Expr::and(chosen));
        Ok(select)
    }

    /// Events of exposed entities in one of the variants, each beside the row of its entity (`exposed`), from as many seconds before the
    /// experiment as `lookback_seconds` says.
    pub fn events(&self, lookback_seconds: i64, run: &Run) -> Result<Select, Failure> {
        self.events_beside(self.exposed(run)?, lookback_seconds)
    }

    /// The same, beside a select of one's own with the columns of [`Trial::exposed`].
    pub fn events_beside(&self, exposed: Select, lookback_seconds: i64) -> Result<Select, Failure> {
        let last = self.window_seconds.map_or(self.to, |seconds| self.to.plus_seconds(seconds).min(self.as_of));
        self.events_until(exposed, lookback_seconds, last)
    }

    pub fn events_until(&self, exposed: Select, lookback_seconds: i64, last: Timestamp) -> Result<Select, Failure> {
        let mut select = between(self.from.plus_seconds(-lookback_seconds), last);
        let entity = match self.experiment.group_type_index {
            Some(index) => Expr::field(["events".to_owned(), format!("$group_{index}")]),
            None => Expr::field(["events", "person_id"]),
        };
        if let Some(from) = select.from.as_mut() {
            let source = TableSource::Query(Box::new(exposed.into()));
            let table = TableRef { alias: Some("exposed".to_owned()), ..TableRef::new(source) };
            let constraint = Some(JoinConstraint::On(Expr::eq(entity, of_exposed("entity"))));
            from.joins.push(Join { kind: JoinKind::Inner, strictness: None, table, constraint });
        }
        let known = self.experiment.variants.iter().map(|variant| Expr::constant(&variant.key));
        Ok(select.and_where(Expr::is_in(of_exposed("variant"), known)))
    }

    /// The event counts: it is no earlier than its entity's first exposure, and within the window after its last.
    pub fn counts(&self) -> Expr {
        let at = || Expr::field(["timestamp"]);
        let since = Expr::compare(CompareOp::GtEq, at(), of_exposed("first_exposure"));
        match self.window_seconds {
            Some(seconds) => {
                let end = Expr::arithmetic(ArithmeticOp::Add, of_exposed("last_exposure"), interval(seconds));
                Expr::and([since, Expr::compare(CompareOp::Lt, at(), end)])
            }
            None => since,
        }
    }

    /// The event lies within so many seconds before its entity's first exposure.
    pub fn came_before(&self, lookback_seconds: i64) -> Expr {
        let at = || Expr::field(["timestamp"]);
        let earliest = Expr::arithmetic(ArithmeticOp::Subtract, of_exposed("first_exposure"), interval(lookback_seconds));
        Expr::and([Expr::compare(CompareOp::GtEq, at(), earliest), Expr::compare(CompareOp::Lt, at(), of_exposed("first_exposure"))])
    }
}

pub async fn stored(id: i64, run: &Run) -> Result<Experiment, Failure> {
    let found = (run.engine.experiments)(run.team.id, id).await?;
    found.ok_or_else(|| Failure::Invalid(format!("Experiment {id} does not exist in this project.")))
}

/// A column of the exposed entity's row.
pub fn of_exposed(name: &str) -> Expr {
    Expr::field(["exposed", name])
}

pub fn interval(seconds: i64) -> Expr {
    Expr::call("toIntervalSecond", [Expr::constant(seconds)])
}

/// Events between two instants, both included.
fn between(from: Timestamp, to: Timestamp) -> Select {
    let at = || Expr::field(["timestamp"]);
    Select::from_table("events").and_where(Expr::compare(CompareOp::GtEq, at(), Expr::constant(from))).and_where(Expr::compare(
        CompareOp::LtEq,
        at(),
        Expr::constant(to),
    ))
}
