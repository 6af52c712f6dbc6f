//! HogQL: text to tree, tree to resolved query, resolved query to an engine's SQL.
//!
//! ```text
//! parse ──► ast::Query ──► substitute ──► resolve ──► Resolved ──► print_datafusion ──► Printed
//! ```
//!
//! Invariants:
//! 1. Pure. Nothing here does I/O, reads a clock or knows which rows exist.
//! 2. Nothing a user writes reaches SQL as text: names are resolved against the schema, constants are quoted by the printer.
//! 3. Only functions and tables that are listed exist. There are none that touch files, hosts or settings.
//! 4. `team_id` cannot be named: stores add the project guard below the SQL.
//! 5. Every recursion is bounded; a hostile text is an error, never a crash.

pub mod ast;
pub mod bots;
pub mod channel;
mod context;
mod datafusion;
mod display;
mod functions;
mod lexer;
mod parser;
mod printed;
mod resolve;
mod schema;
pub mod time;
pub mod typed;

pub use context::{BounceMode, ChannelRule, Cohorts, Context, LimitRule, PersonsMode, PropertyType, PropertyTypes, SessionRules};
pub use datafusion::{interpreted_functions, print_datafusion};
pub use display::quoted;
pub use parser::{MAX_DEPTH, parse, parse_expr};
pub use printed::{ColumnKind, ColumnSource, ColumnUse, Printed, PropertyOwner, Table, TableUse};
pub use resolve::{ResolveError, Resolved, resolve};
pub use schema::{DescribedTable, FieldKind, described_tables, session_properties, visible_fields};

/// The text is not HogQL. Offsets are bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    pub message: String,
    pub start: usize,
    pub end: usize,
}

/// Name, fewest and most arguments of every function that a query may call, under its usual name.
pub fn callable_functions() -> Vec<(&'static str, usize, usize)> {
    functions::Function::callable().collect()
}

/// Trees are at most some hundred levels deep, but a level can take several kilobytes of stack and server threads have little.
fn on_enough_stack<T>(run: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(128 << 10, 2 << 20, run)
}
