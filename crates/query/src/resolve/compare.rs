//! Conditions. A comparison never answers NULL: with a NULL side it is false, or true when negative.
//!
//! Where only truth matters (a WHERE, and the terms of its ANDs and ORs), NULL stays NULL, so that engines can prune by the plain
//! comparison. Join conditions are plain SQL.

use super::expr::tuple;
use super::{Resolver, Result, error};
use crate::ast::*;
use crate::typed::*;

impl Resolver<'_> {
    /// A truth value. `filter`: NULL may stand for false.
    pub(super) fn condition(&mut self, expr: &Expr, filter: bool) -> Result<Typed> {
        let typed = self.deeper(expr.span, |resolver| resolver.condition_kind(expr, filter))?;
        self.to_truth(typed, expr.span)
    }

    pub(super) fn condition_kind(&mut self, expr: &Expr, filter: bool) -> Result<Typed> {
        match &expr.kind {
            ExprKind::And(terms) => self.chain(terms, filter, true),
            ExprKind::Or(terms) => self.chain(terms, filter, false),
            ExprKind::Not(inner) => {
                let inner = self.condition(inner, false)?;
                let nullable = inner.nullable;
                Ok(Typed::new(Node::Not(Box::new(inner)), Type::Condition, nullable))
            }
            ExprKind::Compare(left, op @ (CompareOp::In | CompareOp::NotIn), right) => {
                self.membership(left, *op == CompareOp::NotIn, right, filter, expr.span)
            }
            ExprKind::Compare(person, op @ (CompareOp::InCohort | CompareOp::NotInCohort), cohort) => {
                let id = self.cohort(cohort)?;
                let person = self.expr(person)?;
                let person = if person.kind == Type::Uuid { person } else { self.to_text(person) };
                // A missing person is in no cohort.
                Ok(Typed::new(Node::Compare(Box::new(person), *op, Box::new(Typed::int(id))), Type::Condition, false))
            }
            ExprKind::Compare(left, op, right) => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                self.compare(left, *op, right, filter, expr.span)
            }
            ExprKind::Between { expr: subject, low, high, negated } => self.between(subject, low, high, *negated, filter, expr.span),
            ExprKind::IsNull { expr: inner, negated } => {
                let inner = self.expr(inner)?;
                Ok(is_null(inner, *negated))
            }
            ExprKind::Call(call) if matches!(call.name.as_str(), "and" | "or") && call.over.is_none() => {
                self.chain(&call.args, filter, call.name == "and")
            }
            ExprKind::Call(call) if call.over.is_none() && call.args.len() == 2 => match comparison_function(&call.name) {
                Some(op) => {
                    let comparison = Expr {
                        kind: ExprKind::Compare(Box::new(call.args[0].clone()), op, Box::new(call.args[1].clone())),
                        span: expr.span,
                    };
                    self.condition_kind(&comparison, filter)
                }
                None => self.expr(expr),
            },
            _ => self.expr(expr),
        }
    }

    /// The cohort that is named behind `IN COHORT`, by id or by name.
    fn cohort(&mut self, named: &Expr) -> Result<i64> {
        let id = match &named.kind {
            ExprKind::Constant(Constant::Int(id)) => match self.context.cohorts.name(*id) {
                Some(_) => *id,
                None => return error(named.span, format!("Could not find a cohort with the id {id}")),
            },
            ExprKind::Constant(Constant::String(name)) => match self.context.cohorts.named(name)[..] {
                [only] => only,
                [] => return error(named.span, format!("Could not find a cohort with the name '{name}'")),
                _ => return error(named.span, format!("Several cohorts have the name '{name}'; use the id of one")),
            },
            _ => return error(named.span, "IN COHORT takes the id or the name of a cohort"),
        };
        self.cohorts.insert(id);
        match self.cohorts.len() > super::MAX_COHORTS {
            true => error(named.span, format!("A query can ask for at most {} cohorts", super::MAX_COHORTS)),
            false => Ok(id),
        }
    }

    fn chain(&mut self, terms: &[Expr], filter: bool, and: bool) -> Result<Typed> {
        let mut typed = Vec::with_capacity(terms.len());
        for term in terms {
            typed.push(self.condition(term, filter)?);
        }
        if typed.len() == 1 {
            return Ok(typed.remove(0));
        }
        let nullable = typed.iter().any(|term| term.nullable);
        Ok(Typed::new(if and { Node::And(typed) } else { Node::Or(typed) }, Type::Condition, nullable))
    }

    pub(super) fn compare(&mut self, left: Typed, op: CompareOp, right: Typed, filter: bool, span: Span) -> Result<Typed> {
        if let (Type::Tuple(a), Type::Tuple(b)) = (&left.kind, &right.kind)
            && a.len() == b.len()
            && matches!(op, CompareOp::Eq | CompareOp::NotEq)
        {
            return self.compare_tuples(left, op, right, span);
        }
        if left.is_null() || right.is_null() {
            let negated = match op {
                CompareOp::Eq | CompareOp::NullSafeEq => false,
                CompareOp::NotEq | CompareOp::NullSafeNotEq => true,
                _ => return Ok(Typed::constant(Constant::Bool(is_negative(op)), Type::Condition)),
            };
            return Ok(is_null(if right.is_null() { left } else { right }, negated));
        }
        let (left, right) = match op {
            CompareOp::Like | CompareOp::NotLike | CompareOp::ILike | CompareOp::NotILike => (self.to_text(left), self.to_text(right)),
            CompareOp::Regex | CompareOp::NotRegex | CompareOp::IRegex | CompareOp::NotIRegex => {
                check_regex(&right, span)?;
                (self.to_text(left), self.to_text(right))
            }
            _ => self.align(left, right, span)?,
        };
        let (left_null, right_null) = (left.nullable, right.nullable);
        let plain =
            |op| Typed::new(Node::Compare(Box::new(left.clone()), op, Box::new(right.clone())), Type::Condition, left_null || right_null);
        if matches!(op, CompareOp::NullSafeEq | CompareOp::NullSafeNotEq) {
            return Ok(Typed { nullable: false, ..plain(op) });
        }
        if !(left_null || right_null) || self.scope().in_join {
            return Ok(plain(op));
        }
        if left_null && right_null && op == CompareOp::Eq {
            return Ok(Typed { nullable: false, ..plain(CompareOp::NullSafeEq) });
        }
        if op == CompareOp::NotEq {
            return Ok(Typed { nullable: false, ..plain(CompareOp::NullSafeNotEq) });
        }
        if is_negative(op) {
            return Ok(Typed::new(Node::OrTrue(Box::new(plain(op))), Type::Condition, false));
        }
        if filter {
            return Ok(plain(op));
        }
        Ok(Typed::new(Node::OrFalse(Box::new(plain(op))), Type::Condition, false))
    }

    fn compare_tuples(&mut self, left: Typed, op: CompareOp, right: Typed, span: Span) -> Result<Typed> {
        let (left, right) = (tuple_items(left), tuple_items(right));
        let mut terms = Vec::with_capacity(left.len());
        for (left, right) in left.into_iter().zip(right) {
            terms.push(self.compare(left, CompareOp::Eq, right, false, span)?);
        }
        let equal = Typed::new(Node::And(terms), Type::Condition, false);
        Ok(if op == CompareOp::Eq { equal } else { Typed::new(Node::Not(Box::new(equal)), Type::Condition, false) })
    }

    fn between(&mut self, subject: &Expr, low: &Expr, high: &Expr, negated: bool, filter: bool, span: Span) -> Result<Typed> {
        let subject = self.expr(subject)?;
        let (low, high) = (self.expr(low)?, self.expr(high)?);
        let filter = filter && !negated;
        let from = self.compare(subject.clone(), CompareOp::GtEq, low, filter, span)?;
        let to = self.compare(subject, CompareOp::LtEq, high, filter, span)?;
        let nullable = from.nullable || to.nullable;
        let inside = Typed::new(Node::And(vec![from, to]), Type::Condition, nullable);
        Ok(if negated { Typed::new(Node::Not(Box::new(inside)), Type::Condition, nullable) } else { inside })
    }

    /// `x [NOT] IN …`: a list, an array, a subquery, or one value. NULL in a list is a value like others.
    fn membership(&mut self, left: &Expr, negated: bool, right: &Expr, filter: bool, span: Span) -> Result<Typed> {
        let left = self.expr(left)?;
        let items = match &right.kind {
            ExprKind::Tuple(items) | ExprKind::Array(items) => items.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>>>()?,
            ExprKind::Subquery(query) => return self.in_query(left, query, negated, filter, span),
            ExprKind::Field(path) if path.len() == 1 && self.is_query_cte(&path[0]) => {
                let all = Select { columns: vec![Expr::star()], ..Select::from_table(&path[0]) };
                return self.in_query(left, &Query::from(all), negated, filter, span);
            }
            _ => {
                let right = self.expr(right)?;
                match (&right.kind, &right.node) {
                    (Type::Array(_), Node::Array(items)) | (Type::Tuple(_), Node::Tuple(items)) => items.clone(),
                    (Type::Array(_), _) => {
                        let found = self.scalar("has", vec![right, left]);
                        let found = if found.nullable { Typed::new(Node::OrFalse(Box::new(found)), Type::Condition, false) } else { found };
                        return Ok(if negated { Typed::new(Node::Not(Box::new(found)), Type::Condition, false) } else { found });
                    }
                    _ => vec![right],
                }
            }
        };
        self.in_list(left, items, negated, filter, span)
    }

    fn is_query_cte(&self, name: &str) -> bool {
        self.ctes.iter().any(|cte| matches!(cte, Cte::Query { name: known, .. } if known == name))
    }

    fn in_list(&mut self, left: Typed, items: Vec<Typed>, negated: bool, filter: bool, span: Span) -> Result<Typed> {
        if matches!(left.kind, Type::Tuple(_)) {
            return self.tuple_in_list(left, items, negated, span);
        }
        let count = items.len();
        let mut left = left;
        let mut list: Vec<Typed> = Vec::with_capacity(count);
        for item in items.into_iter().filter(|item| !item.is_null()) {
            let (aligned, item) = self.align(left.clone(), item, span)?;
            if aligned.kind != left.kind {
                // A later item decides the type for all: texts stay texts.
                let converted = list.drain(..).map(|earlier| self.convert(earlier, &aligned.kind)).collect();
                list = converted;
                left = aligned;
            }
            list.push(self.convert(item, &left.kind.clone()));
        }
        let has_null = list.len() < count;
        if list.is_empty() {
            return Ok(if has_null { is_null(left, negated) } else { Typed::constant(Constant::Bool(negated), Type::Condition) });
        }
        let nullable = left.nullable || list.iter().any(|item| item.nullable);
        let inner = Typed::new(Node::InList { expr: Box::new(left.clone()), list, negated }, Type::Condition, nullable);
        let settled = |node| Typed::new(node, Type::Condition, false);
        Ok(match (nullable, negated, has_null) {
            (false, _, _) => inner,
            (true, false, false) if filter => inner,
            (true, false, false) => settled(Node::OrFalse(Box::new(inner))),
            (true, true, false) => settled(Node::OrTrue(Box::new(inner))),
            (true, false, true) => settled(Node::Or(vec![settled(Node::OrFalse(Box::new(inner))), is_null(left, false)])),
            (true, true, true) => settled(Node::And(vec![settled(Node::OrTrue(Box::new(inner))), is_null(left, true)])),
        })
    }

    fn tuple_in_list(&mut self, left: Typed, items: Vec<Typed>, negated: bool, span: Span) -> Result<Typed> {
        // `(a, b) IN (1, 2)` is one tuple.
        let items = if items.iter().all(|item| matches!(item.kind, Type::Tuple(_))) { items } else { vec![tuple(items)] };
        let mut terms = Vec::with_capacity(items.len());
        for item in items {
            if !matches!((&left.kind, &item.kind), (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len()) {
                return error(span, "The tuples on both sides of IN must have the same number of elements");
            }
            terms.push(self.compare(left.clone(), CompareOp::Eq, item, false, span)?);
        }
        let found = match terms.len() {
            0 => Typed::constant(Constant::Bool(false), Type::Condition),
            1 => terms.remove(0),
            _ => Typed::new(Node::Or(terms), Type::Condition, false),
        };
        Ok(if negated { Typed::new(Node::Not(Box::new(found)), Type::Condition, false) } else { found })
    }

    fn in_query(&mut self, left: Typed, query: &Query, negated: bool, filter: bool, span: Span) -> Result<Typed> {
        let query = self.query(query)?;
        let columns = query.columns();
        let [(_, column)] = columns.as_slice() else {
            return error(span, "A subquery behind IN must select exactly one column");
        };
        let probe = Typed::new(Node::Constant(Constant::Null), column.kind.clone(), false);
        let left = if left.kind == column.kind { left } else { self.align(left, probe, span)?.0 };
        let left =
            if left.kind == column.kind || matches!((&left.kind, &column.kind), (Type::String | Type::Uuid, Type::String | Type::Uuid)) {
                left
            } else {
                self.convert(left, &column.kind)
            };
        let nullable = left.nullable || column.nullable;
        let inner = Typed::new(Node::InQuery { expr: Box::new(left), query: Box::new(query), negated }, Type::Condition, nullable);
        // Subqueries with NULL logic cannot become joins; in a filter the plain form answers the same, except for NOT IN.
        Ok(match (nullable, negated) {
            (false, _) => inner,
            (true, false) if filter => inner,
            (true, false) => Typed::new(Node::OrFalse(Box::new(inner)), Type::Condition, false),
            (true, true) => Typed::new(Node::OrTrue(Box::new(inner)), Type::Condition, false),
        })
    }

    /// Both sides as one type that compares as HogQL compares them.
    fn align(&mut self, left: Typed, right: Typed, span: Span) -> Result<(Typed, Typed)> {
        use Type::*;
        Ok(match (&left.kind, &right.kind) {
            (a, b) if a == b => (left, right),
            (Null, _) | (_, Null) => (left, right),
            (Int(_), Int(_)) => (left, right),
            (a, b) if a.is_truth() && b.is_truth() => (left, right),
            (a, Int(_) | Float) if a.is_truth() => self.align_truth(left, right),
            (Int(_) | Float, b) if b.is_truth() => {
                let (right, left) = self.align_truth(right, left);
                (left, right)
            }
            (Int(_) | Float, Int(_) | Float) => (self.to_float(left), self.to_float(right)),
            (String | Uuid, String | Uuid) => {
                let kinds = (left.kind.clone(), right.kind.clone());
                (lower_uuid(left, &kinds.1), lower_uuid(right, &kinds.0))
            }
            (String, Int(_) | Float) => self.align_text_with_number(left, right),
            (Int(_) | Float, String) => {
                let (right, left) = self.align_text_with_number(right, left);
                (left, right)
            }
            (String, b) if b.is_truth() => self.align_text_with_truth(left, right),
            (a, String) if a.is_truth() => {
                let (right, left) = self.align_text_with_truth(right, left);
                (left, right)
            }
            (Date, String) => self.align_date_with_text(left, right, span)?,
            (String, Date) => {
                let (right, left) = self.align_date_with_text(right, left, span)?;
                (left, right)
            }
            (DateTime, String) => (left, self.instant_of_text(right, span)?),
            (String, DateTime) => (self.instant_of_text(left, span)?, right),
            (a, b) if a.is_time() && (b.is_time() || b.is_number()) => (self.to_date_time(left), self.to_date_time(right)),
            (a, b) if a.is_number() && b.is_time() => (self.to_date_time(left), self.to_date_time(right)),
            (Array(_), Array(_)) => {
                let kind = left.kind.common(&right.kind);
                (self.convert(left, &kind), self.convert(right, &kind))
            }
            (a, b)
                if matches!(a, Array(_) | Tuple(_) | Lambda | Interval(_)) || matches!(b, Array(_) | Tuple(_) | Lambda | Interval(_)) =>
            {
                return error(span, format!("There is no supertype for types {a}, {b}"));
            }
            _ => (self.to_text(left), self.to_text(right)),
        })
    }

    fn align_truth(&mut self, truth: Typed, number: Typed) -> (Typed, Typed) {
        match number.as_int() {
            Some(flag @ (0 | 1)) => (truth, Typed::constant(Constant::Bool(flag == 1), Type::Condition)),
            _ => (self.to_int(truth), self.to_number(number)),
        }
    }

    /// A constant text that is a number compares as one, and so does a column of texts with a number.
    fn align_text_with_number(&mut self, text: Typed, number: Typed) -> (Typed, Typed) {
        match text.as_text() {
            Some(constant) => match constant.trim().parse::<f64>() {
                Ok(value) => (Typed::constant(Constant::Float(value), Type::Float), self.to_float(number)),
                Err(_) => (text, self.to_text(number)),
            },
            None => (self.to_float(text), self.to_float(number)),
        }
    }

    fn align_text_with_truth(&mut self, text: Typed, truth: Typed) -> (Typed, Typed) {
        let flag = match text.as_text() {
            Some("true" | "1" | "True") => Some(true),
            Some("false" | "0" | "False") => Some(false),
            _ => None,
        };
        match (flag, &truth.node) {
            (Some(flag), _) => (Typed::constant(Constant::Bool(flag), Type::Bool), truth),
            (None, Node::Constant(Constant::Bool(flag))) => (text, Typed::text(if *flag { "true" } else { "false" })),
            _ => (self.to_bool(text), truth),
        }
    }

    fn align_date_with_text(&mut self, date: Typed, text: Typed, span: Span) -> Result<(Typed, Typed)> {
        if let Some(constant) = text.as_text()
            && let Some(day) = crate::time::parse_date(constant)
        {
            return Ok((date, super::fold::date_constant(day)));
        }
        let text = self.instant_of_text(text, span)?;
        Ok((self.to_date_time(date), text))
    }

    /// A text that is compared with an instant. Constants must be readable.
    fn instant_of_text(&mut self, text: Typed, span: Span) -> Result<Typed> {
        let constant = text.as_text().map(str::to_owned);
        let parsed = self.to_date_time(text);
        match constant {
            Some(constant) if parsed.is_null() => error(span, format!("Cannot parse datetime: '{constant}'")),
            _ => Ok(parsed),
        }
    }
}

pub fn is_null(expr: Typed, negated: bool) -> Typed {
    if !expr.nullable && !matches!(expr.node, Node::Column { .. }) {
        return Typed::constant(Constant::Bool(negated), Type::Condition);
    }
    Typed::new(Node::IsNull { expr: Box::new(expr), negated }, Type::Condition, false)
}

fn is_negative(op: CompareOp) -> bool {
    matches!(
        op,
        CompareOp::NotEq
            | CompareOp::NotLike
            | CompareOp::NotILike
            | CompareOp::NotIn
            | CompareOp::NotRegex
            | CompareOp::NotIRegex
            | CompareOp::NullSafeNotEq
    )
}

fn comparison_function(name: &str) -> Option<CompareOp> {
    Some(match name {
        "equals" => CompareOp::Eq,
        "notEquals" => CompareOp::NotEq,
        "less" => CompareOp::Lt,
        "lessOrEquals" => CompareOp::LtEq,
        "greater" => CompareOp::Gt,
        "greaterOrEquals" => CompareOp::GtEq,
        "like" => CompareOp::Like,
        "ilike" => CompareOp::ILike,
        "notLike" => CompareOp::NotLike,
        "notILike" => CompareOp::NotILike,
        "match" => CompareOp::Regex,
        "in" | "globalIn" => CompareOp::In,
        "notIn" | "globalNotIn" => CompareOp::NotIn,
        _ => return None,
    })
}

fn tuple_items(tuple: Typed) -> Vec<Typed> {
    match (tuple.node, tuple.kind) {
        (Node::Tuple(items), _) => items,
        (node, kind) => {
            let columns = if let Type::Tuple(columns) = &kind { columns.clone() } else { Vec::new() };
            let whole = Typed::new(node, kind, tuple.nullable);
            let item = |(at, column): (usize, Column)| {
                Typed::new(Node::TupleItem { of: Box::new(whole.clone()), index: at + 1 }, column.kind, column.nullable)
            };
            columns.into_iter().enumerate().map(item).collect()
        }
    }
}

/// Stored uuids are lower-case.
fn lower_uuid(side: Typed, other: &Type) -> Typed {
    match (&side.node, other) {
        (Node::Constant(Constant::String(text)), Type::Uuid) => Typed::text(&text.to_ascii_lowercase()),
        _ => side,
    }
}

/// Linear-time expressions only, of a bounded size.
pub fn check_regex(pattern: &Typed, span: Span) -> Result<()> {
    match pattern.as_text().map(|text| regex::RegexBuilder::new(text).size_limit(1 << 21).build()) {
        Some(Err(problem)) => error(span, format!("Invalid regular expression: {problem}")),
        _ => Ok(()),
    }
}
