//! What a HogQL text says, before any name is looked up.
//!
//! Spellings that mean the same are one node: `a ? b : c` is the call `if(a, b, c)`, `a ?? b` is `ifNull(a, b)`, `a || b`
//! is `concat(a, b)`, a searched `CASE` is `multiIf`, `INTERVAL 1 DAY` is `toIntervalDay(1)`. Trees are built by [`crate::parse`]
//! or, by features, with the constructors in `build`; both give the same nodes.

use model::Timestamp;

mod build;
mod walk;

pub use walk::{placeholders, substitute, substitute_expr};

/// Byte offsets into the text. Trees that differ only in where their nodes stood are equal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl PartialEq for Span {
    fn eq(&self, _: &Span) -> bool {
        true
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    Select(Box<Select>),
    Set(Box<SetQuery>),
}

/// `first op query op query …`, evaluated from left to right.
#[derive(Clone, Debug, PartialEq)]
pub struct SetQuery {
    pub first: Query,
    pub rest: Vec<(SetOperator, Query)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOperator {
    UnionAll,
    UnionDistinct,
    Intersect,
    IntersectDistinct,
    Except,
    ExceptDistinct,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Select {
    pub ctes: Vec<Cte>,
    pub distinct: bool,
    /// Empty only for `VALUES`-like trees that the resolver rejects. An alias is an [`ExprKind::Alias`].
    pub columns: Vec<Expr>,
    pub from: Option<From>,
    pub array_join: Option<ArrayJoin>,
    pub prewhere: Option<Expr>,
    pub filter: Option<Expr>,
    pub group_by: GroupBy,
    /// Kept so that it can be refused where it stands.
    pub totals: Option<Span>,
    pub having: Option<Expr>,
    pub qualify: Option<Expr>,
    pub windows: Vec<(String, WindowSpec)>,
    pub order_by: Vec<Order>,
    pub limit_by: Option<LimitBy>,
    pub limit: Option<Expr>,
    pub offset: Option<Expr>,
    pub with_ties: bool,
    /// Kept so that it can be refused by name.
    pub settings: Vec<(String, Expr)>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Cte {
    /// `WITH name AS (select)`
    Query { name: String, columns: Vec<String>, recursive: bool, query: Query },
    /// `WITH expr AS name`
    Expr { name: String, expr: Expr },
}

#[derive(Clone, Debug, PartialEq)]
pub struct From {
    pub first: TableRef,
    pub joins: Vec<Join>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TableRef {
    pub source: TableSource,
    pub alias: Option<String>,
    pub column_aliases: Vec<String>,
    /// `FINAL`; has no effect, every table is already final.
    pub is_final: bool,
    pub sample: Option<Sample>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TableSource {
    Table(Vec<String>),
    Function { name: String, args: Vec<Expr> },
    Query(Box<Query>),
    Values(Vec<Vec<Expr>>),
    Placeholder(Vec<String>),
}

/// `SAMPLE ratio [OFFSET offset]`; a ratio written `1/10` is 0.1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub ratio: f64,
    pub offset: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    pub kind: JoinKind,
    pub strictness: Option<JoinStrictness>,
    pub table: TableRef,
    pub constraint: Option<JoinConstraint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Cross,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinStrictness {
    Any,
    All,
    Asof,
    Semi,
    Anti,
}

#[derive(Clone, Debug, PartialEq)]
pub enum JoinConstraint {
    On(Expr),
    Using(Vec<String>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct ArrayJoin {
    /// `LEFT ARRAY JOIN` keeps rows whose array is empty.
    pub left: bool,
    pub arrays: Vec<Expr>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum GroupBy {
    #[default]
    None,
    All,
    Exprs(Vec<Expr>),
    Rollup(Vec<Expr>),
    Cube(Vec<Expr>),
    Sets(Vec<Vec<Expr>>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub expr: Expr,
    pub descending: bool,
    /// `None` means NULLS LAST, as in ClickHouse.
    pub nulls_first: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LimitBy {
    pub limit: Expr,
    pub offset: Option<Expr>,
    pub by: Vec<Expr>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowSpec {
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<Order>,
    pub frame: Option<Frame>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub unit: FrameUnit,
    pub start: FrameBound,
    pub end: Option<FrameBound>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameUnit {
    Rows,
    Range,
    Groups,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FrameBound {
    UnboundedPreceding,
    Preceding(Box<Expr>),
    CurrentRow,
    Following(Box<Expr>),
    UnboundedFollowing,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    Constant(Constant),
    /// `a.b.c`: a column, an alias, or a path through tables and properties. Array positions are kept as digits.
    Field(Vec<String>),
    /// `*`, `t.*`, `* EXCLUDE(a)`, `* REPLACE(expr AS a)`
    Star(Star),
    /// `COLUMNS('regex')`
    Columns(String),
    Call(Box<Call>),
    /// Two or more terms.
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Arithmetic(Box<Expr>, ArithmeticOp, Box<Expr>),
    Compare(Box<Expr>, CompareOp, Box<Expr>),
    Between {
        expr: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
    },
    IsNull {
        expr: Box<Expr>,
        negated: bool,
    },
    Cast {
        expr: Box<Expr>,
        to: String,
        or_null: bool,
    },
    Array(Vec<Expr>),
    Tuple(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    /// `of[index]`, `of?.[index]`
    Index {
        of: Box<Expr>,
        index: Box<Expr>,
    },
    /// `of[from:to]`
    Slice {
        of: Box<Expr>,
        from: Option<Box<Expr>>,
        to: Option<Box<Expr>>,
    },
    /// `of.name`, `of?.name`, `of.1` where `of` is not a plain path.
    Access {
        of: Box<Expr>,
        name: String,
    },
    Lambda {
        params: Vec<String>,
        body: Box<Expr>,
    },
    Subquery(Box<Query>),
    Alias {
        expr: Box<Expr>,
        name: String,
    },
    /// `{a.b}`; must be substituted before resolving.
    Placeholder(Vec<String>),
}

#[derive(Clone, Debug)]
pub enum Constant {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    /// Only made by features; written as `toDateTime64('…', 6, 'UTC')`.
    Timestamp(Timestamp),
}

impl PartialEq for Constant {
    /// As written: NaN equals NaN.
    fn eq(&self, other: &Constant) -> bool {
        match (self, other) {
            (Constant::Null, Constant::Null) => true,
            (Constant::Bool(a), Constant::Bool(b)) => a == b,
            (Constant::Int(a), Constant::Int(b)) => a == b,
            (Constant::Float(a), Constant::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Constant::String(a), Constant::String(b)) => a == b,
            (Constant::Timestamp(a), Constant::Timestamp(b)) => a == b,
            _ => false,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Star {
    pub table: Vec<String>,
    pub exclude: Vec<String>,
    pub replace: Vec<(Expr, String)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    pub name: String,
    /// `quantile(0.9)(x)`: the first pair of parentheses.
    pub params: Vec<Expr>,
    pub args: Vec<Expr>,
    pub distinct: bool,
    /// `FILTER (WHERE …)`
    pub filter: Option<Expr>,
    /// `WITHIN GROUP (ORDER BY …)` or `f(x ORDER BY …)`
    pub order_by: Vec<Order>,
    pub over: Option<Over>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Over {
    Named(String),
    Spec(WindowSpec),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompareOp {
    Eq,
    NotEq,
    Lt,
    LtEq,
    Gt,
    GtEq,
    Like,
    NotLike,
    ILike,
    NotILike,
    In,
    NotIn,
    InCohort,
    NotInCohort,
    Regex,
    NotRegex,
    IRegex,
    NotIRegex,
    /// `<=>`, `IS NOT DISTINCT FROM`
    NullSafeEq,
    /// `IS DISTINCT FROM`
    NullSafeNotEq,
}
