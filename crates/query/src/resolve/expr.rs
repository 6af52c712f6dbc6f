use super::{Resolver, Result, error};
use crate::ast::*;
use crate::time::Unit;
use crate::typed::*;

impl Resolver<'_> {
    pub(super) fn expr(&mut self, expr: &Expr) -> Result<Typed> {
        self.deeper(expr.span, |resolver| resolver.expr_kind(expr))
    }

    fn expr_kind(&mut self, expr: &Expr) -> Result<Typed> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Constant(constant) => Ok(self.constant(constant)),
            ExprKind::Field(path) => self.path(path, span),
            ExprKind::Star(_) | ExprKind::Columns(_) => error(span, "* can only be selected, or counted"),
            ExprKind::Call(call) => self.call(call, span),
            ExprKind::And(_)
            | ExprKind::Or(_)
            | ExprKind::Not(_)
            | ExprKind::Compare(..)
            | ExprKind::Between { .. }
            | ExprKind::IsNull { .. } => self.condition_kind(expr, false),
            ExprKind::Negate(inner) => {
                let inner = self.expr(inner)?;
                let inner = self.to_number(inner);
                Ok(self.scalar("negate", vec![inner]))
            }
            ExprKind::Arithmetic(left, op, right) => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                self.arithmetic(left, *op, right, span)
            }
            ExprKind::Cast { expr: inner, to, .. } => {
                let inner = self.expr(inner)?;
                self.cast(inner, to, span)
            }
            ExprKind::Array(items) => self.array(items),
            ExprKind::Tuple(items) => {
                let items: Vec<Typed> = items.iter().map(|item| self.expr(item)).collect::<Result<_>>()?;
                Ok(tuple(items))
            }
            ExprKind::Dict(_) => error(span, "Dictionaries are not supported in SQL"),
            ExprKind::Index { of, index } => {
                let of = self.expr(of)?;
                self.index(of, index, span)
            }
            ExprKind::Slice { of, from, to } => self.slice(of, from.as_deref(), to.as_deref(), span),
            ExprKind::Access { of, name } => {
                let of = self.expr(of)?;
                self.member(of, std::slice::from_ref(name), span)
            }
            ExprKind::Lambda { .. } => error(span, "A lambda can only be the first argument of an array function"),
            ExprKind::Subquery(query) => self.scalar_subquery(query, span),
            ExprKind::Alias { expr, name } => {
                self.scope().expanding.push(name.clone());
                let resolved = self.expr(expr);
                self.scope().expanding.pop();
                resolved
            }
            ExprKind::Placeholder(path) => error(span, format!("Unresolved placeholder: {{{}}}", path.join("."))),
        }
    }

    pub(super) fn constant(&self, constant: &Constant) -> Typed {
        let kind = match constant {
            Constant::Null => Type::Null,
            Constant::Bool(_) => Type::Bool,
            Constant::Int(value) => Type::Int(smallest_int(*value)),
            Constant::Float(_) => Type::Float,
            Constant::String(_) => Type::String,
            Constant::Timestamp(_) => Type::DateTime,
        };
        Typed::constant(constant.clone(), kind)
    }

    fn array(&mut self, items: &[Expr]) -> Result<Typed> {
        let items: Vec<Typed> = items.iter().map(|item| self.expr(item)).collect::<Result<_>>()?;
        let item = items.iter().fold(Column::new(Type::Null), |column, item| column.common(&item.column()));
        let nullable = items.iter().any(|item| item.nullable);
        let items = items.into_iter().map(|one| self.convert(one, &item.kind)).collect();
        Ok(Typed::new(Node::Array(items), Type::array(Column { kind: item.kind, nullable }), false))
    }

    /// `of[index]`: an element of an array or tuple, or a value inside JSON text. A string key is a property.
    fn index(&mut self, of: Typed, index: &Expr, span: Span) -> Result<Typed> {
        match (&of.kind, &index.kind) {
            (Type::Tuple(_), ExprKind::Constant(Constant::Int(position))) => self.member(of, &[position.to_string()], span),
            (Type::Array(_), _) => {
                let index = self.expr(index)?;
                let index = self.to_int(index);
                Ok(self.scalar("arrayElement", vec![of, index]))
            }
            (Type::Map(key, _), _) => {
                let kind = key.kind.clone();
                let key = self.expr(index)?;
                let key = self.convert(key, &kind);
                Ok(self.scalar("mapElement", vec![of, key]))
            }
            (Type::String, _) => {
                let key = self.expr(index)?;
                let is_key = matches!(key.kind, Type::String | Type::Int(_));
                if !is_key {
                    return error(span, "A key is a text or a position");
                }
                Ok(self.scalar("JSONText", vec![of, key]))
            }
            (kind, _) => error(span, format!("A {kind} has no elements")),
        }
    }

    fn slice(&mut self, of: &Expr, from: Option<&Expr>, to: Option<&Expr>, span: Span) -> Result<Typed> {
        let of = self.expr(of)?;
        let of = self.to_array(of, span)?;
        let bound = |resolver: &mut Self, bound: Option<&Expr>| bound.map(|bound| resolver.expr(bound)).transpose();
        let from = bound(self, from)?.unwrap_or_else(|| Typed::int(1));
        let Some(to) = bound(self, to)? else { return Ok(self.scalar("arraySlice", vec![of, from])) };
        let (Some(first), Some(last)) = (from.as_int(), to.as_int()) else {
            return error(span, "The bounds of a slice are whole numbers");
        };
        Ok(self.scalar("arraySlice", vec![of, from, Typed::int((last - first + 1).max(0))]))
    }

    fn scalar_subquery(&mut self, query: &Query, span: Span) -> Result<Typed> {
        let query = self.query(query)?;
        let columns = query.columns();
        let [(_, column)] = columns.as_slice() else {
            return error(span, "A subquery used as a value must select exactly one column");
        };
        Ok(Typed::new(Node::Subquery(Box::new(query)), column.kind.clone(), true))
    }

    pub(super) fn arithmetic(&mut self, left: Typed, op: ArithmeticOp, right: Typed, span: Span) -> Result<Typed> {
        match (&left.kind, op, &right.kind) {
            (kind, ArithmeticOp::Add | ArithmeticOp::Subtract, Type::Interval(_)) if kind.is_time() || *kind == Type::String => {
                return self.add_interval(left, right, op == ArithmeticOp::Subtract, span);
            }
            (Type::Interval(_), ArithmeticOp::Add, kind) if kind.is_time() => return self.add_interval(right, left, false, span),
            (a, ArithmeticOp::Subtract, b) if a.is_time() && b.is_time() => {
                let unit = if *a == Type::Date && *b == Type::Date { "day" } else { "second" };
                let (left, right) = (self.to_date_time(left), self.to_date_time(right));
                let zone = self.zone();
                return Ok(self.scalar("dateDiff", vec![Typed::text(unit), right, left, zone]));
            }
            (kind, ArithmeticOp::Add | ArithmeticOp::Subtract, other) if kind.is_time() && other.is_number() => {
                let unit = if *kind == Type::Date { Unit::Day } else { Unit::Second };
                let count = self.to_int(right);
                return self.add_units(left, unit, count, op == ArithmeticOp::Subtract, span);
            }
            _ => {}
        }
        if [&left, &right].iter().any(|side| side.kind.is_compound() || matches!(side.kind, Type::Lambda | Type::Uuid)) {
            return error(span, format!("Illegal types {} and {} of arguments of an arithmetic operator", left.kind, right.kind));
        }
        let (left, right) = (self.to_number(left), self.to_number(right));
        let name = match op {
            ArithmeticOp::Add => "plus",
            ArithmeticOp::Subtract => "minus",
            ArithmeticOp::Multiply => "multiply",
            ArithmeticOp::Modulo => "modulo",
            ArithmeticOp::Divide => {
                let (left, right) = (self.to_float(left), self.to_float(right));
                return Ok(self.scalar("divide", vec![left, right]));
            }
        };
        let (left, right) =
            if left.kind == Type::Float || right.kind == Type::Float { (self.to_float(left), self.to_float(right)) } else { (left, right) };
        Ok(self.scalar(name, vec![left, right]))
    }
}

pub fn tuple(items: Vec<Typed>) -> Typed {
    let columns = items.iter().map(Typed::column).collect();
    Typed::new(Node::Tuple(items), Type::Tuple(columns), false)
}

/// The type that ClickHouse gives a literal.
fn smallest_int(value: i64) -> &'static str {
    match value {
        0..=255 => "UInt8",
        256..=65_535 => "UInt16",
        65_536..=4_294_967_295 => "UInt32",
        4_294_967_296.. => "UInt64",
        -128..=-1 => "Int8",
        -32_768..=-129 => "Int16",
        -2_147_483_648..=-32_769 => "Int32",
        _ => "Int64",
    }
}
