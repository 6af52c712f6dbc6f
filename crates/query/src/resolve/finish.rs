//! Selects that need another select below or around them: array joins, sessions, LIMIT BY.

use super::scope::{Meaning, Scope};
use super::{Resolver, Result, error};
use crate::ast::{CompareOp, Constant, Expr, JoinKind, Select, Span};
use crate::functions::{Function, Role};
use crate::schema::{SESSION_FIELDS, SessionField, session_expr};
use crate::typed::*;
use model::Timestamp;

/// What is settled once all columns are known.
pub struct Clauses {
    /// The terms of WHERE.
    pub terms: Vec<Typed>,
    /// Limit, offset, keys.
    pub limit_by: Option<(u64, u64, Vec<Typed>)>,
    /// Rows that sort like the last one within the limit stay as well.
    pub with_ties: bool,
}

impl Resolver<'_> {
    pub(super) fn finish(&mut self, mut select: TypedSelect, clauses: Clauses) -> Result<TypedSelect> {
        select.from = self.joins(&clauses.terms)?;
        self.check_grouping(&select, clauses.limit_by.as_ref().map_or(&[], |(_, _, by)| by))?;
        let mut terms = clauses.terms.into_iter().flat_map(split_and).collect::<Vec<_>>();
        let mut limit_by = clauses.limit_by;
        if let Some(source) = self.scope().array_join_source.clone() {
            self.lay_out_arrays(&mut select, &mut terms, &mut limit_by, source)?;
        } else if !self.scope().array_joins.is_empty() {
            // An ARRAY JOIN whose items nobody reads still multiplies rows.
            self.array_item(0);
            let source = self.scope().array_join_source.clone().unwrap_or_default();
            self.lay_out_arrays(&mut select, &mut terms, &mut limit_by, source)?;
        }
        select.filter = all_of(terms);
        Ok(match limit_by {
            Some((limit, offset, by)) => self.limit_per_key(select, "row_number", limit, offset, by),
            None if clauses.with_ties => {
                // What the offset leaves out is counted by the limit around it.
                let limit = select.limit.take().map_or(u64::MAX, |limit| limit.saturating_add(select.offset));
                self.limit_per_key(select, "rank", limit, 0, Vec::new())
            }
            None => select,
        })
    }

    /// The sources in the order in which they join: each one followed by those that paths through it added.
    fn joins(&mut self, terms: &[Typed]) -> Result<Vec<TypedJoin>> {
        let mut joins = Vec::new();
        for at in 0..self.scope().sources.len() {
            if self.scope().sources[at].lazy.is_none() {
                self.join_with_dependants(at, terms, &mut joins)?;
            }
        }
        Ok(joins)
    }

    fn join_with_dependants(&mut self, at: usize, terms: &[Typed], joins: &mut Vec<TypedJoin>) -> Result<()> {
        let mut join = self.scope().sources[at].join.clone();
        if let Meaning::Sessions(fields) = &self.scope().sources[at].meaning {
            let fields = fields.clone();
            let range = self.session_range(at, terms);
            let ids = self.session_ids(at, terms);
            join.source = Source::Query(self.sessions(&fields, range, ids)?);
        }
        if join.kind == TypedJoinKind::LeftAny {
            self.keep_one_per_key(&mut join)?;
        }
        joins.push(join);
        for other in 0..self.scope().sources.len() {
            if self.scope().sources[other].lazy.is_some_and(|(owner, _)| owner == at) {
                self.join_with_dependants(other, terms, joins)?;
            }
        }
        Ok(())
    }

    /// `LEFT ANY JOIN`: of the right side's rows with equal keys only the first one stays.
    fn keep_one_per_key(&mut self, join: &mut TypedJoin) -> Result<()> {
        let keys = keys_of(join)?;
        let names: Vec<String> = match &join.source {
            Source::Query(query) => query.columns().into_iter().map(|(name, _)| name).collect(),
            Source::Values { columns, .. } => columns.clone(),
            Source::Numbers { .. } => vec!["number".to_owned()],
            _ => {
                let table = self.tables.iter().find(|table| table.name == join.name);
                table.map_or_else(Vec::new, |table| table.columns.iter().map(|column| column.name.clone()).collect())
            }
        };
        let columns = |source: &str| -> Vec<(String, Typed)> {
            let column = |name: &String| Typed::new(Node::Column { source: source.to_owned(), name: name.clone() }, Type::Null, true);
            names.iter().map(|name| (name.clone(), column(name))).collect()
        };
        let number = FunctionCall {
            name: "row_number",
            params: Vec::new(),
            args: Vec::new(),
            distinct: false,
            filter: None,
            order_by: Vec::new(),
            window: Some(Window { partition_by: keys, order_by: Vec::new(), frame: None }),
        };
        let number = Typed::new(Node::Call(Box::new(number)), UINT64, false);
        let plain = TypedJoin {
            kind: TypedJoinKind::Plain(JoinKind::Inner),
            source: std::mem::replace(&mut join.source, Source::Table),
            name: join.name.clone(),
            on: None,
        };
        let mut numbered = TypedSelect { columns: columns(&join.name), from: vec![plain], ..TypedSelect::default() };
        numbered.columns.push(("row number".to_owned(), number.clone()));
        let outer = self.source_name("numbered");
        let first = Node::Compare(Box::new(column_of(&outer, "row number", &number)), CompareOp::Eq, Box::new(Typed::int(1)));
        let kept = TypedSelect {
            columns: columns(&outer),
            from: vec![subquery(numbered, outer)],
            filter: Some(Typed::new(first, Type::Condition, false)),
            ..TypedSelect::default()
        };
        join.source = Source::Query(TypedQuery::Select(Box::new(kept)));
        join.kind = TypedJoinKind::Plain(JoinKind::Left);
        Ok(())
    }

    /// When events must have happened to belong to a session that can matter. A session is taken to last three days at most.
    fn session_range(&self, at: usize, terms: &[Typed]) -> Option<(Timestamp, Timestamp)> {
        let sources = &self.scope_ref().sources;
        let (source, time) = match sources[at].lazy {
            Some((owner, _)) => (&sources[owner].join.name, "timestamp"),
            None => (&sources[at].join.name, "$start_timestamp"),
        };
        let is_time = |expr: &Typed| {
            matches!(&expr.node, Node::Column { source: of, name } if of == source && name == time).then_some(3 * super::hints::DAY)
        };
        super::hints::bounds(terms, &is_time)
    }

    /// The only sessions that can matter, when the query names them.
    fn session_ids(&self, at: usize, terms: &[Typed]) -> Option<Vec<String>> {
        let sources = &self.scope_ref().sources;
        let (source, names): (_, &[&str]) = match sources[at].lazy {
            Some((owner, _)) => (&sources[owner].join.name, &["$session_id"]),
            None => (&sources[at].join.name, &["session_id", "id", "session_id_v7"]),
        };
        let is_id =
            |expr: &Typed| matches!(&expr.node, Node::Column { source: of, name } if of == source && names.contains(&name.as_str()));
        let texts = |list: &[Typed]| list.iter().map(|item| item.as_text().map(str::to_owned)).collect::<Option<Vec<_>>>();
        super::hints::conjuncts(terms).into_iter().find_map(|term| match &term.node {
            Node::Compare(left, CompareOp::Eq, right) if is_id(left) => texts(std::slice::from_ref(right)),
            Node::Compare(left, CompareOp::Eq, right) if is_id(right) => texts(std::slice::from_ref(left)),
            Node::InList { expr, list, negated: false } if is_id(expr) => texts(list),
            _ => None,
        })
    }

    /// One row per session with these fields, over all of its events.
    fn sessions(
        &mut self,
        fields: &[&'static SessionField],
        range: Option<(Timestamp, Timestamp)>,
        ids: Option<Vec<String>>,
    ) -> Result<TypedQuery> {
        let fields = if fields.is_empty() { vec![&SESSION_FIELDS[0]] } else { fields.to_vec() };
        let mut select = Select::from_table("events");
        for field in fields {
            let expr = session_expr(field, &self.context.sessions).map_err(|problem| super::failure(Span::default(), problem.message))?;
            select = select.column(expr.aliased(field.name));
        }
        let key = || Expr::field(["events", "$session_id"]);
        select = select.and_where(Expr::call("notEmpty", [key()])).group_by([key()]);
        if let Some(ids) = ids {
            select = select.and_where(Expr::is_in(key(), ids.into_iter().map(Expr::constant)));
        }
        if let Some((from, to)) = range {
            let timestamp = || Expr::field(["events", "timestamp"]);
            for (op, bound) in [(CompareOp::GtEq, from), (CompareOp::LtEq, to)] {
                if bound.0 != i64::MIN && bound.0 != i64::MAX {
                    select = select.and_where(Expr::compare(op, timestamp(), Expr::constant(bound)));
                }
            }
        }
        // The names of an outer WITH must not reach in here.
        let hidden = std::mem::take(&mut self.ctes);
        let outer = std::mem::replace(&mut self.reads_texts, true);
        let resolved = self.query(&select.into());
        self.reads_texts = outer;
        self.ctes = hidden;
        resolved
    }

    /// With GROUP BY or an aggregate, everything else must be made of keys.
    fn check_grouping(&self, select: &TypedSelect, limit_by: &[Typed]) -> Result<()> {
        let keys = select.group_by.keys();
        let exprs = || {
            select
                .columns
                .iter()
                .map(|(_, expr)| expr)
                .chain(&select.having)
                .chain(&select.qualify)
                .chain(limit_by)
                .chain(select.order_by.iter().map(|order| &order.expr))
        };
        if keys.is_empty() && !exprs().any(Typed::has_aggregate) {
            return Ok(());
        }
        match exprs().find_map(|expr| ungrouped(expr, &keys)) {
            Some(column) => error(Span::default(), format!("Column `{column}` is not under aggregate function and not in GROUP BY")),
            None => Ok(()),
        }
    }

    /// FROM and all conditions that need no array items move into a select whose arrays are laid out below their rows.
    fn lay_out_arrays(
        &mut self,
        select: &mut TypedSelect,
        terms: &mut Vec<Typed>,
        limit_by: &mut Option<(u64, u64, Vec<Typed>)>,
        source: String,
    ) -> Result<()> {
        let uses_items = |expr: &Typed| expr.any(&|expr| matches!(&expr.node, Node::Column { source: used, .. } if *used == source));
        let mut inner = TypedSelect { from: std::mem::take(&mut select.from), ..TypedSelect::default() };
        let (outer_terms, inner_terms): (Vec<Typed>, Vec<Typed>) = std::mem::take(terms).into_iter().partition(uses_items);
        inner.filter = all_of(inner_terms);
        let Scope { array_joins, keep_empty_arrays, .. } = self.scope();
        let keep_empty = *keep_empty_arrays;
        let mut arrays = Vec::with_capacity(array_joins.len());
        for joined in array_joins.drain(..) {
            if uses_items(&joined.array) {
                return error(Span::default(), "An ARRAY JOIN cannot depend on another one in the same select");
            }
            if joined.array.has_aggregate() {
                return error(Span::default(), "arrayJoin over an aggregate is not supported; use a subquery");
            }
            arrays.push(joined.name.clone());
            inner.columns.push((joined.name, joined.array));
        }
        *terms = outer_terms;
        let mut hoist = |expr: &mut Typed| hoist_columns(expr, &mut inner.columns, &source);
        select.each_expr_mut(&mut hoist);
        terms.iter_mut().for_each(&mut hoist);
        limit_by.iter_mut().flat_map(|(_, _, by)| by).for_each(&mut hoist);
        let join = Source::Unnest { inner: Box::new(inner), arrays, keep_empty };
        select.from = vec![TypedJoin { kind: TypedJoinKind::Plain(JoinKind::Inner), source: join, name: source, on: None }];
        Ok(())
    }

    /// `LIMIT n BY keys`, `LIMIT n WITH TIES`: the rows of the select, numbered within each key, cut by number.
    fn limit_per_key(&mut self, mut rows: TypedSelect, number: &'static str, limit: u64, offset: u64, by: Vec<Typed>) -> TypedSelect {
        let order_by = std::mem::take(&mut rows.order_by);
        let mut cut = TypedSelect {
            names: std::mem::take(&mut rows.names),
            limit: rows.limit.take(),
            offset: std::mem::take(&mut rows.offset),
            ..TypedSelect::default()
        };
        let width = rows.columns.len();
        let by: Vec<(String, Typed)> = by.into_iter().map(|key| (select_key(&mut rows, &key), key)).collect();
        let order_by: Vec<(String, TypedOrder)> = order_by.into_iter().map(|order| (select_key(&mut rows, &order.expr), order)).collect();

        let inner = self.source_name("rows");
        let from_rows = |name: &str, expr: &Typed| column_of(&inner, name, expr);
        let mut numbered = TypedSelect {
            columns: rows.columns.iter().map(|(name, expr)| (name.clone(), from_rows(name, expr))).collect(),
            ..TypedSelect::default()
        };
        let window = Window {
            partition_by: by.iter().map(|(name, key)| from_rows(name, key)).collect(),
            order_by: order_by.iter().map(|(name, order)| TypedOrder { expr: from_rows(name, &order.expr), ..order.clone() }).collect(),
            frame: None,
        };
        let call = FunctionCall {
            name: number,
            params: Vec::new(),
            args: Vec::new(),
            distinct: false,
            filter: None,
            order_by: Vec::new(),
            window: Some(window),
        };
        let number = Typed::new(Node::Call(Box::new(call)), UINT64, false);
        numbered.columns.push(("row number".to_owned(), number.clone()));
        numbered.from = vec![subquery(rows, inner.clone())];

        let outer = self.source_name("numbered");
        let from_numbered = |name: &str, expr: &Typed| column_of(&outer, name, expr);
        cut.columns = numbered.columns[..width].iter().map(|(name, expr)| (name.clone(), from_numbered(name, expr))).collect();
        cut.order_by = order_by.into_iter().map(|(name, order)| TypedOrder { expr: from_numbered(&name, &order.expr), ..order }).collect();
        let bound = |op, rows: u64| {
            let rows = Typed::constant(Constant::Int(i64::try_from(rows).unwrap_or(i64::MAX)), UINT64);
            Typed::new(Node::Compare(Box::new(from_numbered("row number", &number)), op, Box::new(rows)), Type::Condition, false)
        };
        let mut terms = vec![bound(CompareOp::LtEq, limit.saturating_add(offset))];
        if offset > 0 {
            terms.push(bound(CompareOp::Gt, offset));
        }
        cut.filter = all_of(terms);
        cut.from = vec![subquery(numbered, outer.clone())];
        cut
    }
}

/// The right side's expressions that a join compares with the left side's.
fn keys_of(join: &TypedJoin) -> Result<Vec<Typed>> {
    let uses =
        |expr: &Typed, right: bool| expr.any(&|expr| matches!(&expr.node, Node::Column { source, .. } if (*source == join.name) == right));
    let is_key = |expr: &Typed| uses(expr, true) && !uses(expr, false);
    let mut open: Vec<&Typed> = join.on.iter().collect();
    let mut keys = Vec::new();
    while let Some(term) = open.pop() {
        match &term.node {
            Node::And(terms) => open.extend(terms),
            Node::OrFalse(inner) => open.push(inner),
            Node::Compare(left, CompareOp::Eq, right) if is_key(left) && !uses(right, true) => keys.push((**left).clone()),
            Node::Compare(left, CompareOp::Eq, right) if is_key(right) && !uses(left, true) => keys.push((**right).clone()),
            _ => return error(Span::default(), "LEFT ANY JOIN needs equalities between both sides, joined by AND"),
        }
    }
    Ok(keys)
}

/// The name under which `rows` selects `key`; added when it does not yet.
fn select_key(rows: &mut TypedSelect, key: &Typed) -> String {
    if let Some((name, _)) = rows.columns.iter().find(|(_, expr)| expr == key) {
        return name.clone();
    }
    let name = format!("key {}", rows.columns.len());
    rows.columns.push((name.clone(), key.clone()));
    name
}

fn column_of(source: &str, name: &str, expr: &Typed) -> Typed {
    Typed::new(Node::Column { source: source.to_owned(), name: name.to_owned() }, expr.kind.clone(), expr.nullable)
}

fn subquery(select: TypedSelect, name: String) -> TypedJoin {
    TypedJoin { kind: TypedJoinKind::Plain(JoinKind::Inner), source: Source::Query(TypedQuery::Select(Box::new(select))), name, on: None }
}

/// A column of `expr` that is neither in a key nor in an aggregate.
fn ungrouped<'a>(expr: &'a Typed, keys: &[&Typed]) -> Option<&'a str> {
    if keys.contains(&expr) || is_aggregate(expr) {
        return None;
    }
    if let Node::Column { name, .. } = &expr.node {
        return Some(name);
    }
    let mut found = None;
    expr.each_child(&mut |child| found = found.or_else(|| ungrouped(child, keys)));
    found
}

fn is_aggregate(expr: &Typed) -> bool {
    matches!(&expr.node, Node::Call(call) if call.window.is_none() && Function::find(call.name).is_some_and(|function| function.role == Role::Aggregate))
}

fn split_and(term: Typed) -> Vec<Typed> {
    match term.node {
        Node::And(terms) => terms,
        node => vec![Typed { node, ..term }],
    }
}

fn all_of(mut terms: Vec<Typed>) -> Option<Typed> {
    match terms.len() {
        0 | 1 => terms.pop(),
        _ => {
            let nullable = terms.iter().any(|term| term.nullable);
            Some(Typed::new(Node::And(terms), Type::Condition, nullable))
        }
    }
}

/// Columns of the sources that moved inside become columns of `source`, selected inside.
fn hoist_columns(expr: &mut Typed, inner: &mut Vec<(String, Typed)>, outer: &str) {
    if let Node::Column { source, name } = &expr.node {
        if source == outer {
            return;
        }
        let hoisted = format!("{source}.{name}");
        if !inner.iter().any(|(known, _)| *known == hoisted) {
            inner.push((hoisted.clone(), expr.clone()));
        }
        expr.node = Node::Column { source: outer.to_owned(), name: hoisted };
        return;
    }
    expr.each_child_mut(&mut |child| hoist_columns(child, inner, outer));
}
