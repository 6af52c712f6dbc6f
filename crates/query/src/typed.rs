//! The tree after resolving: every name is a column of a known table, every expression has a type, every rule of HogQL that SQL
//! does not share (null-safe comparison, conversions, time zones) has become an explicit node. Printers only spell it out.

use crate::ast::{CompareOp, Constant, Frame, JoinKind, SetOperator};
use crate::time::Unit;
use chrono_tz::Tz;
use std::fmt;

mod walk;

/// What a value is. Nullability is kept beside it, in [`Typed`].
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Only NULL is known about it.
    Null,
    Bool,
    /// The result of a comparison: a truth value that ClickHouse reports as the number 0 or 1.
    Condition,
    /// `UInt8`, `Int64` … Engines may compute with any width; the name is what is reported.
    Int(&'static str),
    Float,
    String,
    Uuid,
    Date,
    DateTime,
    Interval(Unit),
    Array(Box<Column>),
    Tuple(Vec<Column>),
    /// Keys and values; the first of equal keys counts.
    Map(Box<Column>, Box<Column>),
    Lambda,
}

pub const UINT8: Type = Type::Int("UInt8");
pub const UINT16: Type = Type::Int("UInt16");
pub const UINT64: Type = Type::Int("UInt64");
pub const INT64: Type = Type::Int("Int64");

/// A type and whether NULL is possible.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub kind: Type,
    pub nullable: bool,
}

impl Column {
    pub fn new(kind: Type) -> Column {
        Column { kind, nullable: false }
    }

    pub fn nullable(kind: Type) -> Column {
        Column { kind, nullable: true }
    }

    /// ClickHouse's name for it.
    pub fn name(&self, zone: Tz) -> String {
        let plain = match &self.kind {
            Type::Null => return "Nullable(Nothing)".to_owned(),
            Type::Bool => "Bool".to_owned(),
            Type::Condition => "UInt8".to_owned(),
            Type::Int(name) => (*name).to_owned(),
            Type::Float => "Float64".to_owned(),
            Type::String | Type::Lambda => "String".to_owned(),
            Type::Uuid => "UUID".to_owned(),
            Type::Date => "Date".to_owned(),
            Type::DateTime => format!("DateTime64(6, '{zone}')"),
            Type::Interval(unit) => {
                let name = unit.name();
                format!("Interval{}{}", name[..1].to_ascii_uppercase(), &name[1..])
            }
            Type::Array(item) => return format!("Array({})", item.name(zone)),
            Type::Tuple(items) => {
                let names: Vec<String> = items.iter().map(|item| item.name(zone)).collect();
                return format!("Tuple({})", names.join(", "));
            }
            Type::Map(key, value) => return format!("Map({}, {})", key.name(zone), value.name(zone)),
        };
        if self.nullable { format!("Nullable({plain})") } else { plain }
    }
}

impl Type {
    pub fn array(item: Column) -> Type {
        Type::Array(Box::new(item))
    }

    pub fn is_number(&self) -> bool {
        matches!(self, Type::Int(_) | Type::Float | Type::Condition | Type::Bool)
    }

    pub fn is_truth(&self) -> bool {
        matches!(self, Type::Bool | Type::Condition)
    }

    pub fn is_time(&self) -> bool {
        matches!(self, Type::Date | Type::DateTime)
    }

    /// The type that can hold values of both; text when nothing else can.
    pub fn common(&self, other: &Type) -> Type {
        match (self, other) {
            (a, b) if a == b => a.clone(),
            (Type::Null, one) | (one, Type::Null) => one.clone(),
            (a, b) if a.is_truth() && b.is_truth() => Type::Bool,
            (Type::Float, b) | (b, Type::Float) if b.is_number() => Type::Float,
            (a, b) if a.is_number() && b.is_number() => wider_int(a, b),
            (a, b) if a.is_time() && b.is_time() => Type::DateTime,
            (Type::Array(a), Type::Array(b)) => Type::array(a.common(b)),
            (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => Type::Tuple(a.iter().zip(b).map(|(a, b)| a.common(b)).collect()),
            (Type::Map(a, b), Type::Map(c, d)) => Type::Map(Box::new(a.common(c)), Box::new(b.common(d))),
            _ => Type::String,
        }
    }

    /// Made of other values: no number, text or instant can be made of it.
    pub fn is_compound(&self) -> bool {
        matches!(self, Type::Array(_) | Type::Tuple(_) | Type::Map(..) | Type::Interval(_))
    }
}

fn wider_int(a: &Type, b: &Type) -> Type {
    let bits = |kind: &Type| match kind {
        Type::Int(name) => name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(64),
        _ => 8u32,
    };
    let signed = |kind: &Type| matches!(kind, Type::Int(name) if name.starts_with('I'));
    let widest = bits(a).max(bits(b));
    Type::Int(match (signed(a) || signed(b), widest) {
        (false, 8) => "UInt8",
        (false, 16) => "UInt16",
        (false, 32) => "UInt32",
        (false, _) => "UInt64",
        (true, 8) => "Int16",
        (true, 16) => "Int32",
        (true, _) => "Int64",
    })
}

impl Column {
    pub fn common(&self, other: &Column) -> Column {
        let nullable = self.nullable || other.nullable || self.kind == Type::Null || other.kind == Type::Null;
        Column { kind: self.kind.common(&other.kind), nullable }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Typed {
    pub node: Node,
    pub kind: Type,
    pub nullable: bool,
}

impl Typed {
    pub fn new(node: Node, kind: Type, nullable: bool) -> Typed {
        Typed { node, kind, nullable }
    }

    pub fn constant(value: Constant, kind: Type) -> Typed {
        let nullable = value == Constant::Null;
        Typed { node: Node::Constant(value), kind, nullable }
    }

    pub fn text(value: &str) -> Typed {
        Typed::constant(Constant::String(value.to_owned()), Type::String)
    }

    pub fn int(value: i64) -> Typed {
        Typed::constant(Constant::Int(value), INT64)
    }

    pub fn column(&self) -> Column {
        Column { kind: self.kind.clone(), nullable: self.nullable }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.node, Node::Constant(Constant::Null))
    }

    pub fn as_text(&self) -> Option<&str> {
        match &self.node {
            Node::Constant(Constant::String(text)) => Some(text),
            _ => None,
        }
    }

    pub fn as_int(&self) -> Option<i64> {
        match &self.node {
            Node::Constant(Constant::Int(value)) => Some(*value),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A `Timestamp` constant of type `Date` is the midnight (UTC) that begins it.
    Constant(Constant),
    /// `source` is a table use, a subquery or an array join of the same select, by its generated name.
    Column {
        source: String,
        name: String,
    },
    /// A parameter of the lambda around it.
    Param(String),
    Call(Box<FunctionCall>),
    And(Vec<Typed>),
    Or(Vec<Typed>),
    Not(Box<Typed>),
    /// Sides have comparable types. NULL when a side is NULL, except for the null-safe operators.
    Compare(Box<Typed>, CompareOp, Box<Typed>),
    /// NULL counts as false.
    OrFalse(Box<Typed>),
    /// NULL counts as true.
    OrTrue(Box<Typed>),
    IsNull {
        expr: Box<Typed>,
        negated: bool,
    },
    /// Never a NULL in the list.
    InList {
        expr: Box<Typed>,
        list: Vec<Typed>,
        negated: bool,
    },
    InQuery {
        expr: Box<Typed>,
        query: Box<TypedQuery>,
        negated: bool,
    },
    Exists(Box<TypedQuery>),
    Subquery(Box<TypedQuery>),
    /// To the type of this node, which any value of the inner type has; text of a number, a float of an integer.
    Convert(Box<Typed>),
    /// Pairs of condition and value, then the rest.
    Case {
        branches: Vec<(Typed, Typed)>,
        otherwise: Box<Typed>,
    },
    Array(Vec<Typed>),
    Tuple(Vec<Typed>),
    /// 1-based.
    TupleItem {
        of: Box<Typed>,
        index: usize,
    },
    Lambda {
        params: Vec<String>,
        body: Box<Typed>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct FunctionCall {
    /// HogQL's (and ClickHouse's) name, in its usual spelling.
    pub name: &'static str,
    pub params: Vec<Typed>,
    pub args: Vec<Typed>,
    pub distinct: bool,
    /// Of aggregates: only rows for which it is true. Combines `FILTER (WHERE …)` and the suffix `If`.
    pub filter: Option<Typed>,
    pub order_by: Vec<TypedOrder>,
    pub window: Option<Window>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub partition_by: Vec<Typed>,
    pub order_by: Vec<TypedOrder>,
    /// Bounds are integer constants.
    pub frame: Option<Frame>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TypedOrder {
    pub expr: Typed,
    pub descending: bool,
    pub nulls_first: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TypedQuery {
    Select(Box<TypedSelect>),
    Set { first: Box<TypedQuery>, rest: Vec<(SetOperator, TypedQuery)> },
}

impl TypedQuery {
    /// What the query calls the columns of its answer; empty for selects that resolving made.
    pub fn names(&self) -> &[String] {
        match self {
            TypedQuery::Select(select) => &select.names,
            TypedQuery::Set { first, .. } => first.names(),
        }
    }

    /// The columns of the answer; in a set operation, of types that hold every branch.
    pub fn columns(&self) -> Vec<(String, Column)> {
        match self {
            TypedQuery::Select(select) => select.columns.iter().map(|(name, expr)| (name.clone(), expr.column())).collect(),
            TypedQuery::Set { first, rest } => {
                let mut columns = first.columns();
                for (_, query) in rest {
                    for (mine, (_, other)) in columns.iter_mut().zip(query.columns()) {
                        mine.1 = mine.1.common(&other);
                    }
                }
                columns
            }
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TypedSelect {
    /// Names are unique within the select.
    pub columns: Vec<(String, Typed)>,
    /// The names that the query gave them.
    pub names: Vec<String>,
    pub distinct: bool,
    pub from: Vec<TypedJoin>,
    pub filter: Option<Typed>,
    pub group_by: TypedGroupBy,
    pub having: Option<Typed>,
    pub qualify: Option<Typed>,
    pub order_by: Vec<TypedOrder>,
    pub limit: Option<u64>,
    pub offset: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum TypedGroupBy {
    #[default]
    None,
    Keys(Vec<Typed>),
    Rollup(Vec<Typed>),
    Cube(Vec<Typed>),
    Sets(Vec<Vec<Typed>>),
}

impl TypedGroupBy {
    pub fn keys(&self) -> Vec<&Typed> {
        match self {
            TypedGroupBy::None => Vec::new(),
            TypedGroupBy::Keys(keys) | TypedGroupBy::Rollup(keys) | TypedGroupBy::Cube(keys) => keys.iter().collect(),
            TypedGroupBy::Sets(sets) => sets.iter().flatten().collect(),
        }
    }
}

/// A source and how it joins those before it. The first one has no condition.
#[derive(Clone, Debug, PartialEq)]
pub struct TypedJoin {
    pub kind: TypedJoinKind,
    pub source: Source,
    /// Generated; unique in the whole query.
    pub name: String,
    pub on: Option<Typed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypedJoinKind {
    Plain(JoinKind),
    /// Rows of the left side with a match, or without one.
    Semi,
    Anti,
    /// Any one of the matching rows; resolving makes a plain join of it.
    LeftAny,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The table use of the join's name.
    Table,
    Query(TypedQuery),
    /// One row per integer, in the column `number`.
    Numbers {
        from: i64,
        count: i64,
    },
    Values {
        columns: Vec<String>,
        rows: Vec<Vec<Typed>>,
    },
    /// The arrays of `arrays` laid out below each other, as columns beside `keep`. Behind it, `inner` is out of reach.
    Unnest {
        inner: Box<TypedSelect>,
        arrays: Vec<String>,
        keep_empty: bool,
    },
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Column::new(self.clone()).name(Tz::UTC))
    }
}
