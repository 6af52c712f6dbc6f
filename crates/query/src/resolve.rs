//! From names to columns: scopes, aliases, lazy joins, types, and the rules of HogQL that SQL does not share.
//!
//! | file | rule |
//! |---|---|
//! | `scope` | what a name means, table by table, and the joins that paths cause |
//! | `select` | the clauses of one select, in the order in which they may see each other |
//! | `expr`, `compare`, `call`, `combine` | types, null-safe comparison, functions, suffixes of aggregates |
//! | `convert` | from one type to another |
//! | `fold` | instants that are known before any row is read |
//! | `finish` | array joins, LIMIT BY, session subqueries: selects that need a select around or below them |
//! | `hints` | which days and events can matter, for pruning |

use crate::ast::{Cte, Query, Span};
use crate::context::Context;
use crate::printed::TableUse;
use crate::typed::{Node, Type, Typed, TypedQuery};
use model::TeamId;
use std::collections::BTreeSet;

mod call;
mod combine;
mod compare;
mod convert;
mod expr;
mod finish;
mod fold;
mod hints;
mod scope;
mod select;

use scope::Scope;

/// The query is HogQL but asks for something that does not exist or is not allowed. Offsets are bytes of the text it was parsed from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ResolveError {
    pub message: String,
    pub start: Option<usize>,
    pub end: Option<usize>,
}

type Result<T> = std::result::Result<T, ResolveError>;

fn error<T>(span: Span, message: impl Into<String>) -> Result<T> {
    Err(failure(span, message))
}

fn failure(span: Span, message: impl Into<String>) -> ResolveError {
    let known = span.end > span.start;
    ResolveError { message: message.into(), start: known.then_some(span.start as usize), end: known.then_some(span.end as usize) }
}

/// A query whose names, types and project rules are settled; ready for a store to print and run.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub team: TeamId,
    /// The limit in force on the outermost select, without the row that looks ahead.
    pub limit: Option<u64>,
    pub offset: u64,
    /// Name and ClickHouse type name of every column of the answer.
    pub columns: Vec<(String, String)>,
    pub tables: Vec<TableUse>,
    /// Cohorts that the query asks membership of.
    pub cohorts: Vec<i64>,
    pub query: TypedQuery,
}

/// Tables of one query, lazy joins and expanded CTEs included.
const MAX_TABLES: usize = 64;
/// Nested selects and expressions, aliases expanded.
const MAX_DEPTH: usize = 160;
/// Expressions of one query, aliases and CTEs expanded: what a short text can blow up to.
const MAX_NODES: usize = 120_000;
const MAX_COLUMNS: usize = 2_000;
/// Cohorts of one query: each is a set of persons in memory.
const MAX_COHORTS: usize = 50;

pub fn resolve(query: Query, context: &Context) -> Result<Resolved> {
    let mut resolver = Resolver {
        context,
        tables: Vec::new(),
        cohorts: BTreeSet::new(),
        sources: 0,
        scopes: Vec::new(),
        ctes: Vec::new(),
        depth: 0,
        nodes: 0,
        reads_texts: false,
    };
    let mut typed = resolver.query(&query)?;
    let (limit, offset) = resolver.limit_outermost(&mut typed);
    report_conditions_as_numbers(&mut typed);
    let columns =
        typed.columns().into_iter().zip(typed.names()).map(|((_, column), name)| (name.clone(), column.name(context.timezone))).collect();
    hints::set(&typed, &mut resolver.tables);
    let cohorts = resolver.cohorts.into_iter().collect();
    Ok(Resolved { team: context.team, limit, offset, columns, tables: resolver.tables, cohorts, query: typed })
}

struct Resolver<'a> {
    context: &'a Context,
    tables: Vec<TableUse>,
    cohorts: BTreeSet<i64>,
    /// Sources named so far.
    sources: usize,
    scopes: Vec<Scope>,
    /// Innermost last; a definition sees those before it.
    ctes: Vec<Cte>,
    depth: usize,
    nodes: usize,
    /// Properties are texts whatever their definition says: what sessions are made of.
    reads_texts: bool,
}

impl Resolver<'_> {
    /// Runs `resolve` one level deeper.
    fn deeper<T>(&mut self, span: Span, resolve: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.nodes += 1;
        if self.depth >= MAX_DEPTH {
            return error(span, "The query is nested too deeply");
        }
        if self.nodes > MAX_NODES {
            return error(span, "The query is too large once its aliases and WITH clauses are expanded");
        }
        self.depth += 1;
        let resolved = crate::on_enough_stack(|| resolve(self));
        self.depth -= 1;
        resolved
    }

    fn source_name(&mut self, stem: &str) -> String {
        self.sources += 1;
        format!("{stem}_{}", self.sources - 1)
    }

    fn limit_outermost(&self, query: &mut TypedQuery) -> (Option<u64>, u64) {
        let rule = self.context.limit;
        match query {
            TypedQuery::Select(select) => {
                let wanted = select.limit.or(rule.default);
                let limit = match (wanted, rule.max) {
                    (Some(wanted), Some(max)) => Some(wanted.min(max)),
                    (wanted, max) => wanted.or(max),
                };
                select.limit = limit.map(|limit| limit + u64::from(rule.look_ahead));
                (limit, select.offset)
            }
            TypedQuery::Set { first, rest } => {
                let (limit, _) = self.limit_outermost(first);
                for (_, query) in rest {
                    self.limit_outermost(query);
                }
                (limit, 0)
            }
        }
    }
}

/// ClickHouse answers comparisons with 0 and 1.
fn report_conditions_as_numbers(query: &mut TypedQuery) {
    match query {
        TypedQuery::Select(select) => {
            for (_, expr) in &mut select.columns {
                if expr.kind == Type::Condition {
                    let inner = std::mem::replace(expr, Typed::int(0));
                    *expr = Typed { nullable: inner.nullable, node: Node::Convert(Box::new(inner)), kind: crate::typed::UINT8 };
                }
            }
        }
        TypedQuery::Set { first, rest } => {
            report_conditions_as_numbers(first);
            rest.iter_mut().for_each(|(_, query)| report_conditions_as_numbers(query));
        }
    }
}
