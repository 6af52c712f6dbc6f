//! From one type to another. Text that does not read as the wanted type is NULL.

use super::{Resolver, Result, error};
use crate::ast::{Constant, Span};
use crate::functions::Function;
use crate::time;
use crate::typed::*;

impl Resolver<'_> {
    /// A call whose arguments have the right types already.
    pub(super) fn scalar(&mut self, name: &'static str, args: Vec<Typed>) -> Typed {
        let column = Function::find(name).map_or(Column::nullable(Type::Null), |function| function.result(&args));
        let call = FunctionCall { name, params: Vec::new(), args, distinct: false, filter: None, order_by: Vec::new(), window: None };
        Typed::new(Node::Call(Box::new(call)), column.kind, column.nullable)
    }

    pub(super) fn zone(&self) -> Typed {
        Typed::text(self.context.timezone.name())
    }

    pub(super) fn convert(&mut self, expr: Typed, kind: &Type) -> Typed {
        if expr.kind == *kind {
            return expr;
        }
        if expr.is_null() {
            return Typed::new(expr.node, kind.clone(), true);
        }
        match kind {
            Type::Null | Type::Lambda | Type::Interval(_) => expr,
            Type::Bool | Type::Condition if expr.kind.is_truth() => Typed { kind: kind.clone(), ..expr },
            Type::Bool | Type::Condition => self.to_bool(expr),
            Type::Int(_) => Typed { kind: kind.clone(), ..self.to_int(expr) },
            Type::Float => self.to_float(expr),
            Type::String => self.to_text(expr),
            Type::Uuid => Typed { kind: Type::Uuid, ..self.to_text(expr) },
            Type::Date => self.to_date(expr),
            Type::DateTime => self.to_date_time(expr),
            Type::Array(item) => self.convert_array(expr, item),
            Type::Tuple(_) => self.convert_tuple(expr, kind),
            Type::Map(..) => {
                let nullable = expr.nullable;
                Typed::new(Node::Convert(Box::new(expr)), kind.clone(), nullable)
            }
        }
    }

    fn convert_array(&mut self, expr: Typed, item: &Column) -> Typed {
        match expr.node {
            Node::Array(items) => {
                let nullable = items.iter().any(|item| item.nullable);
                let items = items.into_iter().map(|one| self.convert(one, &item.kind)).collect();
                Typed::new(Node::Array(items), Type::array(Column { kind: item.kind.clone(), nullable }), false)
            }
            _ if expr.kind == Type::String => self.json_as(expr, Column::new(Type::array(item.clone()))),
            _ => {
                let nullable = expr.nullable;
                Typed::new(Node::Convert(Box::new(expr)), Type::array(item.clone()), nullable)
            }
        }
    }

    fn convert_tuple(&mut self, expr: Typed, kind: &Type) -> Typed {
        match (expr.node, kind) {
            (Node::Tuple(items), Type::Tuple(columns)) if items.len() == columns.len() => {
                let items = items.into_iter().zip(columns).map(|(item, column)| self.convert(item, &column.kind)).collect();
                Typed::new(Node::Tuple(items), kind.clone(), false)
            }
            (node, _) => Typed::new(Node::Convert(Box::new(Typed::new(node, expr.kind, expr.nullable))), kind.clone(), expr.nullable),
        }
    }

    pub(super) fn to_text(&mut self, expr: Typed) -> Typed {
        match (&expr.kind, &expr.node) {
            (Type::String, _) => expr,
            (Type::Null, _) => Typed { kind: Type::String, ..expr },
            (Type::Uuid, _) => Typed { kind: Type::String, ..expr },
            (_, Node::Constant(Constant::Int(value))) => Typed::text(&value.to_string()),
            (_, Node::Constant(Constant::Bool(flag))) => Typed::text(if *flag { "true" } else { "false" }),
            _ => {
                let zone = self.zone();
                self.scalar("toString", vec![expr, zone])
            }
        }
    }

    /// Integers and floats stay, truth values count as 0 and 1, texts are read.
    pub(super) fn to_number(&mut self, expr: Typed) -> Typed {
        match expr.kind {
            Type::Int(_) | Type::Float => expr,
            Type::Bool | Type::Condition => self.to_int(expr),
            _ => self.to_float(expr),
        }
    }

    pub(super) fn to_float(&mut self, expr: Typed) -> Typed {
        match (&expr.kind, &expr.node) {
            (Type::Float, _) => expr,
            (_, Node::Constant(Constant::Int(value))) => Typed::constant(Constant::Float(*value as f64), Type::Float),
            (_, Node::Constant(Constant::String(text))) => {
                let value = text.trim().parse::<f64>().map_or(Constant::Null, Constant::Float);
                Typed::constant(value, Type::Float)
            }
            (Type::Null, _) => Typed { kind: Type::Float, ..expr },
            (kind, _) if kind.is_number() => {
                let nullable = expr.nullable;
                Typed::new(Node::Convert(Box::new(expr)), Type::Float, nullable)
            }
            (Type::String, _) => match self.number_of_property(&expr) {
                Some(number) => number,
                None => self.scalar("toFloat", vec![expr]),
            },
            _ => self.scalar("toFloat", vec![expr]),
        }
    }

    pub(super) fn to_int(&mut self, expr: Typed) -> Typed {
        match (&expr.kind, &expr.node) {
            (Type::Int(_), _) => expr,
            (Type::Null, _) => Typed { kind: INT64, ..expr },
            (_, Node::Constant(Constant::Float(value))) if value.is_finite() => Typed::int(*value as i64),
            (_, Node::Constant(Constant::Bool(flag))) => Typed::int((*flag).into()),
            (kind, _) if kind.is_truth() => {
                let nullable = expr.nullable;
                Typed::new(Node::Convert(Box::new(expr)), INT64, nullable)
            }
            _ => self.scalar("toInt", vec![expr]),
        }
    }

    pub(super) fn to_bool(&mut self, expr: Typed) -> Typed {
        match (&expr.kind, &expr.node) {
            (kind, _) if kind.is_truth() => expr,
            (_, Node::Constant(Constant::Int(value))) => Typed::constant(Constant::Bool(*value != 0), Type::Bool),
            (Type::Null, _) => Typed { kind: Type::Bool, ..expr },
            _ => self.scalar("toBool", vec![expr]),
        }
    }

    /// What a condition may be: a truth value, or a number that is not 0.
    pub(super) fn to_truth(&mut self, expr: Typed, span: Span) -> Result<Typed> {
        match &expr.kind {
            kind if kind.is_truth() => Ok(expr),
            Type::Null => Ok(Typed::constant(Constant::Null, Type::Condition)),
            Type::Int(_) | Type::Float => {
                if let Some(value) = expr.as_int() {
                    return Ok(Typed::constant(Constant::Bool(value != 0), Type::Condition));
                }
                let nullable = expr.nullable;
                let zero = if expr.kind == Type::Float { Typed::constant(Constant::Float(0.0), Type::Float) } else { Typed::int(0) };
                Ok(Typed::new(Node::Compare(Box::new(expr), crate::ast::CompareOp::NotEq, Box::new(zero)), Type::Condition, nullable))
            }
            kind => error(span, format!("Illegal type {kind} of a condition. It must be a comparison or a number")),
        }
    }

    /// An array; text is read as a JSON array of texts.
    pub(super) fn to_array(&mut self, expr: Typed, span: Span) -> Result<Typed> {
        match &expr.kind {
            Type::Array(_) => Ok(expr),
            Type::String => Ok(self.json_as(expr, Column::new(Type::array(Column::new(Type::String))))),
            Type::Null => Ok(Typed::new(Node::Array(Vec::new()), Type::array(Column::nullable(Type::Null)), false)),
            kind => error(span, format!("Expected an array but found a {kind}")),
        }
    }

    /// JSON text read as values of a type.
    pub(super) fn json_as(&mut self, text: Typed, column: Column) -> Typed {
        let call = self.scalar("JSONExtract", vec![text]);
        Typed { kind: column.kind, nullable: column.nullable, ..call }
    }

    pub(super) fn to_date_time(&mut self, expr: Typed) -> Typed {
        match (&expr.kind, &expr.node) {
            (Type::DateTime, _) => expr,
            (Type::Null, _) => Typed { kind: Type::DateTime, ..expr },
            (Type::Date, Node::Constant(Constant::Timestamp(at))) => {
                let midnight = time::midnight(time::date_of(*at, chrono_tz::Tz::UTC), self.context.timezone);
                Typed::constant(Constant::Timestamp(midnight), Type::DateTime)
            }
            (Type::String, Node::Constant(Constant::String(text))) => {
                let parsed = time::parse(text, self.context.timezone).map_or(Constant::Null, Constant::Timestamp);
                Typed::constant(parsed, Type::DateTime)
            }
            (Type::String, _) => {
                let zone = self.zone();
                self.scalar("parseDateTime", vec![expr, zone])
            }
            (kind, _) if kind.is_number() => {
                let seconds = self.to_float(expr);
                self.scalar("fromUnixTimestamp", vec![seconds])
            }
            _ => {
                let zone = self.zone();
                self.scalar("toDateTime", vec![expr, zone])
            }
        }
    }

    pub(super) fn to_date(&mut self, expr: Typed) -> Typed {
        match (&expr.kind, &expr.node) {
            (Type::Date, _) => expr,
            (Type::Null, _) => Typed { kind: Type::Date, ..expr },
            (Type::DateTime, Node::Constant(Constant::Timestamp(at))) => {
                super::fold::date_constant(time::date_of(*at, self.context.timezone))
            }
            (Type::String, Node::Constant(Constant::String(text))) => match time::parse(text, self.context.timezone) {
                Some(at) => super::fold::date_constant(time::date_of(at, self.context.timezone)),
                None => Typed::constant(Constant::Null, Type::Date),
            },
            _ => {
                let zone = self.zone_of(&expr);
                let at = self.to_date_time(expr);
                self.scalar("toDate", vec![at, zone])
            }
        }
    }

    /// `CAST(x AS T)`
    pub(super) fn cast(&mut self, expr: Typed, to: &str, span: Span) -> Result<Typed> {
        let Some(column) = parse_type(to) else { return error(span, format!("Unknown type '{to}'")) };
        if expr.kind == Type::String && matches!(column.kind, Type::Array(_) | Type::Tuple(_) | Type::Map(..)) {
            return Ok(self.json_as(expr, column));
        }
        Ok(self.convert(expr, &column.kind))
    }
}

/// A type by ClickHouse's name, or one of SQL's.
pub fn parse_type(name: &str) -> Option<Column> {
    let name = name.trim();
    // Each level of nesting takes several letters, so this bounds the recursion.
    if name.len() > 400 {
        return None;
    }
    let (outer, inner) = match name.split_once('(') {
        Some((outer, rest)) => (outer.trim(), Some(rest.strip_suffix(')')?)),
        None => (name, None),
    };
    let lower = outer.to_ascii_lowercase();
    let kind = match (lower.as_str(), inner) {
        ("nullable", Some(inner)) => return parse_type(inner).map(|column| Column { nullable: true, ..column }),
        ("lowcardinality", Some(inner)) => return parse_type(inner),
        ("array", Some(inner)) => Type::array(parse_type(inner)?),
        ("tuple", Some(inner)) => Type::Tuple(split_types(inner).iter().map(|item| parse_type(item)).collect::<Option<_>>()?),
        ("map", Some(inner)) => match split_types(inner).as_slice() {
            [key, value] => Type::Map(Box::new(parse_type(key)?), Box::new(parse_type(value)?)),
            _ => return None,
        },
        ("string" | "text" | "varchar" | "char" | "fixedstring", _) => Type::String,
        (
            "float" | "float32" | "float64" | "double" | "double precision" | "real" | "decimal" | "numeric" | "decimal32" | "decimal64"
            | "decimal128",
            _,
        ) => Type::Float,
        ("bool" | "boolean", _) => Type::Bool,
        ("date" | "date32", _) => Type::Date,
        ("datetime" | "datetime64" | "datetime32" | "timestamp" | "timestamptz", _) => Type::DateTime,
        ("uuid", _) => Type::Uuid,
        ("int8" | "tinyint", _) => Type::Int("Int8"),
        ("int16" | "smallint", _) => Type::Int("Int16"),
        ("int32" | "int" | "integer", _) => Type::Int("Int32"),
        ("int64" | "bigint" | "int128" | "int256", _) => INT64,
        ("uint8", _) => UINT8,
        ("uint16", _) => UINT16,
        ("uint32", _) => Type::Int("UInt32"),
        ("uint64" | "uint128" | "uint256", _) => UINT64,
        _ => return None,
    };
    Some(Column::new(kind))
}

/// At commas outside of parentheses.
fn split_types(list: &str) -> Vec<&str> {
    let (mut items, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, c) in list.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                items.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&list[start..]);
    items
}
