use crate::Budget;
use behaviour::{Answer, Plan};
use std::collections::HashMap;
use tokio::sync::watch;

/// Rows for an operator of [`behaviour`], and what it shall find in them.
///
/// The query names its columns by what they are for, in any order:
///
/// | column | |
/// |---|---|
/// | `actor` | whose row it is: a person, a group's key, any text. Rows with NULL or an empty text are left out |
/// | `at` | when, a DateTime |
/// | `c0` … `c63` | conditions: bit `n` of the row's mask; NULL counts as false |
/// | `k0` … | texts that make up the row's key; NULL counts as an empty text |
/// | `number` | a number, or a DateTime as its microseconds; NaN when NULL |
///
/// Only `actor` and `at` are required.
#[derive(Clone, Debug)]
pub struct Behave {
    pub rows: query::Resolved,
    pub plan: Plan,
    pub budget: Budget,
    /// Becomes `true` when the caller wants the query to stop.
    pub cancel: Option<watch::Receiver<bool>>,
}

#[derive(Clone, Debug)]
pub struct Behaved {
    pub answer: Answer,
    /// The texts of every key of the answer, by its code.
    pub keys: Vec<Vec<String>>,
    /// Who stands behind the numbers that the answer lists.
    pub actors: HashMap<u32, String>,
    /// Events looked at.
    pub rows_read: u64,
    pub bytes_read: u64,
}
