//! What a flag answers: a pure, synchronous function of a project's definitions, a question and facts.
//!
//! No clock, no database, no randomness: everything that an answer depends on is in [`Facts`] and [`Question`].

use crate::{Evaluation, Question, flag::Flag};
use cohorts::Cohort;
use model::{Properties, Timestamp};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// A project's flags, read once and made ready: conditions parsed, values folded, regular expressions compiled, dependencies ordered.
#[derive(Debug, Default)]
pub struct Definitions {}

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

impl Definitions {
    /// `group_types` by index. `timezone` is the project's, for dates without one.
    pub fn compile(_flags: &[Flag], _cohorts: &[Cohort], _group_types: &[(u8, String)], _timezone: chrono_tz::Tz) -> Definitions {
        Definitions::default()
    }

    pub fn needs(&self, _question: &Question) -> Needs {
        Needs::default()
    }

    pub fn evaluate(&self, _question: &Question, _facts: &Facts) -> Evaluation {
        Evaluation::default()
    }
}
