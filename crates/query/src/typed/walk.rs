//! Visiting a typed expression. Subqueries are not entered: they see no columns from outside.

use super::*;

impl Typed {
    pub fn each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Typed)) {
        match &self.node {
            Node::Constant(_) | Node::Column { .. } | Node::Param(_) | Node::Exists(_) | Node::Subquery(_) => {}
            Node::Call(call) => {
                call.params.iter().chain(&call.args).chain(&call.filter).for_each(&mut *visit);
                call.order_by.iter().for_each(|order| visit(&order.expr));
                if let Some(window) = &call.window {
                    window.partition_by.iter().for_each(&mut *visit);
                    window.order_by.iter().for_each(|order| visit(&order.expr));
                }
            }
            Node::And(items) | Node::Or(items) | Node::Array(items) | Node::Tuple(items) => items.iter().for_each(visit),
            Node::Not(one) | Node::OrFalse(one) | Node::OrTrue(one) | Node::Convert(one) => visit(one),
            Node::IsNull { expr, .. } | Node::InQuery { expr, .. } | Node::TupleItem { of: expr, .. } | Node::Lambda { body: expr, .. } => {
                visit(expr)
            }
            Node::Compare(left, _, right) => {
                visit(left);
                visit(right);
            }
            Node::InList { expr, list, .. } => {
                visit(expr);
                list.iter().for_each(visit);
            }
            Node::Case { branches, otherwise } => {
                for (when, then) in branches {
                    visit(when);
                    visit(then);
                }
                visit(otherwise);
            }
        }
    }

    pub fn each_child_mut(&mut self, visit: &mut dyn FnMut(&mut Typed)) {
        match &mut self.node {
            Node::Constant(_) | Node::Column { .. } | Node::Param(_) | Node::Exists(_) | Node::Subquery(_) => {}
            Node::Call(call) => {
                call.params.iter_mut().chain(&mut call.args).chain(&mut call.filter).for_each(&mut *visit);
                call.order_by.iter_mut().for_each(|order| visit(&mut order.expr));
                if let Some(window) = &mut call.window {
                    window.partition_by.iter_mut().for_each(&mut *visit);
                    window.order_by.iter_mut().for_each(|order| visit(&mut order.expr));
                }
            }
            Node::And(items) | Node::Or(items) | Node::Array(items) | Node::Tuple(items) => items.iter_mut().for_each(visit),
            Node::Not(one) | Node::OrFalse(one) | Node::OrTrue(one) | Node::Convert(one) => visit(one),
            Node::IsNull { expr, .. } | Node::InQuery { expr, .. } | Node::TupleItem { of: expr, .. } | Node::Lambda { body: expr, .. } => {
                visit(expr)
            }
            Node::Compare(left, _, right) => {
                visit(left);
                visit(right);
            }
            Node::InList { expr, list, .. } => {
                visit(expr);
                list.iter_mut().for_each(visit);
            }
            Node::Case { branches, otherwise } => {
                for (when, then) in branches {
                    visit(when);
                    visit(then);
                }
                visit(otherwise);
            }
        }
    }

    /// Whether `is` holds for this expression or one inside of it.
    pub fn any(&self, is: &dyn Fn(&Typed) -> bool) -> bool {
        let mut found = is(self);
        if !found {
            self.each_child(&mut |child| found = found || child.any(is));
        }
        found
    }

    /// An aggregate that collapses rows; one with `OVER` does not.
    pub fn has_aggregate(&self) -> bool {
        self.any(&|expr| match &expr.node {
            Node::Call(call) => {
                call.window.is_none()
                    && crate::functions::Function::find(call.name)
                        .is_some_and(|function| function.role == crate::functions::Role::Aggregate)
            }
            _ => false,
        })
    }
}

impl TypedSelect {
    /// Every expression that is evaluated over the rows of FROM.
    pub fn each_expr_mut(&mut self, visit: &mut dyn FnMut(&mut Typed)) {
        self.columns.iter_mut().for_each(|(_, expr)| visit(expr));
        for clause in [&mut self.filter, &mut self.having, &mut self.qualify] {
            clause.iter_mut().for_each(&mut *visit);
        }
        match &mut self.group_by {
            TypedGroupBy::None => {}
            TypedGroupBy::Keys(keys) | TypedGroupBy::Rollup(keys) | TypedGroupBy::Cube(keys) => keys.iter_mut().for_each(&mut *visit),
            TypedGroupBy::Sets(sets) => sets.iter_mut().flatten().for_each(&mut *visit),
        }
        self.order_by.iter_mut().for_each(|order| visit(&mut order.expr));
    }
}
