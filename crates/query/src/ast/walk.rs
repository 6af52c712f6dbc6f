//! Replacing placeholders, and visiting every expression of a tree.

use super::*;
use std::collections::HashMap;

/// Replaces `{name}` and `{a.b}` by the expression under `name` or `a.b`. Placeholders without an entry stay.
pub fn substitute(query: &mut Query, values: &HashMap<String, Expr>) {
    query.visit_mut(&mut |expr| replace(expr, values));
}

pub fn substitute_expr(expr: &mut Expr, values: &HashMap<String, Expr>) {
    expr.visit_mut(&mut |expr| replace(expr, values));
}

fn replace(expr: &mut Expr, values: &HashMap<String, Expr>) {
    if let ExprKind::Placeholder(path) = &expr.kind
        && let Some(value) = values.get(&path.join("."))
    {
        expr.kind = value.kind.clone();
    }
}

/// The paths of all placeholders, in the order of the text, each once.
pub fn placeholders(query: &Query) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    // Visiting needs a mutable tree only because there is one visitor; the copy is thrown away.
    query.clone().visit_mut(&mut |expr| {
        if let ExprKind::Placeholder(path) = &expr.kind {
            let name = path.join(".");
            if !found.contains(&name) {
                found.push(name);
            }
        }
    });
    found
}

impl Query {
    /// The tables that the text names, each once, without those that a WITH defines.
    pub fn table_names(&self) -> Vec<String> {
        let mut names = Names::default();
        self.gather(&mut names);
        self.clone().visit_mut(&mut |expr| {
            if let ExprKind::Subquery(query) = &expr.kind {
                query.gather(&mut names);
            }
        });
        names.tables.retain(|table| !names.defined.contains(table));
        names.tables
    }

    /// Of this query and of the queries in its FROM and WITH, but not of those inside of expressions.
    fn gather(&self, names: &mut Names) {
        let select = match self {
            Query::Select(select) => select,
            Query::Set(set) => {
                set.first.gather(names);
                return set.rest.iter().for_each(|(_, query)| query.gather(names));
            }
        };
        for cte in &select.ctes {
            if let Cte::Query { name, query, .. } = cte {
                names.defined.push(name.clone());
                query.gather(names);
            }
        }
        let Some(from) = &select.from else { return };
        for table in std::iter::once(&from.first).chain(from.joins.iter().map(|join| &join.table)) {
            match &table.source {
                TableSource::Table(path) if !names.tables.contains(&path.join(".")) => names.tables.push(path.join(".")),
                TableSource::Query(query) => query.gather(names),
                _ => {}
            }
        }
    }
}

#[derive(Default)]
struct Names {
    tables: Vec<String>,
    defined: Vec<String>,
}

type Visit<'a> = &'a mut dyn FnMut(&mut Expr);

impl Query {
    /// Calls `visit` on every expression, parents before children; what `visit` puts in place is not visited again.
    pub fn visit_mut(&mut self, visit: Visit) {
        match self {
            Query::Select(select) => select.visit_mut(visit),
            Query::Set(set) => {
                set.first.visit_mut(visit);
                set.rest.iter_mut().for_each(|(_, query)| query.visit_mut(visit));
            }
        }
    }
}

impl Select {
    pub fn visit_mut(&mut self, visit: Visit) {
        for cte in &mut self.ctes {
            match cte {
                Cte::Query { query, .. } => query.visit_mut(visit),
                Cte::Expr { expr, .. } => expr.visit_mut(visit),
            }
        }
        each(&mut self.columns, visit);
        if let Some(from) = &mut self.from {
            from.first.visit_mut(visit);
            for join in &mut from.joins {
                join.table.visit_mut(visit);
                if let Some(JoinConstraint::On(condition)) = &mut join.constraint {
                    condition.visit_mut(visit);
                }
            }
        }
        if let Some(array_join) = &mut self.array_join {
            each(&mut array_join.arrays, visit);
        }
        for clause in [&mut self.prewhere, &mut self.filter, &mut self.having, &mut self.qualify] {
            each(clause, visit);
        }
        match &mut self.group_by {
            GroupBy::None | GroupBy::All => {}
            GroupBy::Exprs(keys) | GroupBy::Rollup(keys) | GroupBy::Cube(keys) => each(keys, visit),
            GroupBy::Sets(sets) => sets.iter_mut().for_each(|keys| each(keys, visit)),
        }
        self.windows.iter_mut().for_each(|(_, window)| window.visit_mut(visit));
        each_order(&mut self.order_by, visit);
        if let Some(limit_by) = &mut self.limit_by {
            limit_by.limit.visit_mut(visit);
            each(&mut limit_by.offset, visit);
            each(&mut limit_by.by, visit);
        }
        each(&mut self.limit, visit);
        each(&mut self.offset, visit);
        each(self.settings.iter_mut().map(|(_, value)| value), visit);
    }
}

impl TableRef {
    fn visit_mut(&mut self, visit: Visit) {
        match &mut self.source {
            TableSource::Table(_) | TableSource::Placeholder(_) => {}
            TableSource::Function { args, .. } => each(args, visit),
            TableSource::Query(query) => query.visit_mut(visit),
            TableSource::Values(rows) => rows.iter_mut().for_each(|row| each(row, visit)),
        }
    }
}

impl WindowSpec {
    fn visit_mut(&mut self, visit: Visit) {
        each(&mut self.partition_by, visit);
        each_order(&mut self.order_by, visit);
        let Some(frame) = &mut self.frame else { return };
        for bound in [Some(&mut frame.start), frame.end.as_mut()].into_iter().flatten() {
            if let FrameBound::Preceding(rows) | FrameBound::Following(rows) = bound {
                rows.visit_mut(visit);
            }
        }
    }
}

impl Call {
    fn visit_mut(&mut self, visit: Visit) {
        each(&mut self.params, visit);
        each(&mut self.args, visit);
        each(&mut self.filter, visit);
        each_order(&mut self.order_by, visit);
        if let Some(Over::Spec(spec)) = &mut self.over {
            spec.visit_mut(visit);
        }
    }
}

impl Expr {
    pub fn visit_mut(&mut self, visit: Visit) {
        let before = std::mem::discriminant(&self.kind);
        visit(self);
        if std::mem::discriminant(&self.kind) != before {
            return;
        }
        match &mut self.kind {
            ExprKind::Constant(_) | ExprKind::Field(_) | ExprKind::Columns(_) | ExprKind::Placeholder(_) => {}
            ExprKind::Star(star) => star.replace.iter_mut().for_each(|(expr, _)| expr.visit_mut(visit)),
            ExprKind::Call(call) => call.visit_mut(visit),
            ExprKind::And(items) | ExprKind::Or(items) | ExprKind::Array(items) | ExprKind::Tuple(items) => each(items, visit),
            ExprKind::Not(one) | ExprKind::Negate(one) => one.visit_mut(visit),
            ExprKind::IsNull { expr: one, .. }
            | ExprKind::Cast { expr: one, .. }
            | ExprKind::Access { of: one, .. }
            | ExprKind::Lambda { body: one, .. }
            | ExprKind::Alias { expr: one, .. } => one.visit_mut(visit),
            ExprKind::Arithmetic(left, _, right) | ExprKind::Compare(left, _, right) | ExprKind::Index { of: left, index: right } => {
                left.visit_mut(visit);
                right.visit_mut(visit);
            }
            ExprKind::Between { expr, low, high, .. } => {
                expr.visit_mut(visit);
                low.visit_mut(visit);
                high.visit_mut(visit);
            }
            ExprKind::Dict(pairs) => pairs.iter_mut().for_each(|(key, value)| {
                key.visit_mut(visit);
                value.visit_mut(visit);
            }),
            ExprKind::Slice { of, from, to } => {
                of.visit_mut(visit);
                for bound in [from, to].into_iter().flatten() {
                    bound.visit_mut(visit);
                }
            }
            ExprKind::Subquery(query) => query.visit_mut(visit),
        }
    }
}

fn each<'a>(exprs: impl IntoIterator<Item = &'a mut Expr>, visit: Visit) {
    for expr in exprs {
        expr.visit_mut(visit);
    }
}

fn each_order(order: &mut [Order], visit: Visit) {
    each(order.iter_mut().map(|order| &mut order.expr), visit);
}

impl Expr {
    /// Calls `visit` on this expression and those inside of it, but not on those of subqueries.
    pub fn visit_shallow(&mut self, visit: &mut dyn FnMut(&Expr)) {
        // Aliases inside a subquery belong to the subquery.
        self.visit_mut(&mut |expr| {
            if let ExprKind::Subquery(_) = &expr.kind {
                expr.kind = ExprKind::Placeholder(Vec::new());
            } else {
                visit(expr);
            }
        });
    }
}
