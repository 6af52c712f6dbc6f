//! The functions that exist, with what they take, what they give, and how DataFusion's SQL spells them.
//!
//! A name that is not here does not exist, and none that is here reads files, hosts or settings.

use crate::typed::{Column, INT64, Type, Typed, UINT8, UINT16, UINT64};
use std::collections::HashMap;
use std::sync::LazyLock;

mod aggregate;
mod scalar;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Scalar,
    Aggregate,
    /// Needs `OVER`.
    Window,
}

/// What an argument is turned into. The last one in a list holds for all further arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    Any,
    Text,
    Number,
    Int,
    Float,
    Time,
    Truth,
    Array,
    /// A constant text, in lower case: units of time.
    Unit,
}

/// The type of the result.
#[derive(Clone, Copy, Debug)]
pub enum Gives {
    Text,
    Float,
    Int,
    UInt8,
    UInt16,
    UInt64,
    Bool,
    Condition,
    Date,
    DateTime,
    Uuid,
    /// That of the argument at this position.
    Same(usize),
    /// That of the elements of the array at this position.
    Element(usize),
    /// An array of the type of the argument at this position.
    ArrayOf(usize),
    /// What can hold all arguments from this position on.
    Common(usize),
    /// An integer when all arguments are, otherwise a float.
    Number,
    Texts,
    Ints,
    By(fn(&[Typed]) -> Column),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// NULL when an argument is.
    Strict,
    Always,
    Never,
}

/// DataFusion's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    Call(&'static str),
    /// `$0`, `$1` … are the arguments, `$*` all of them, `$f` the FILTER and OVER of an aggregate (else they follow at the end).
    Template(&'static str),
    /// The function of this name in the engine's interpreter of plain values: `hog_eval('name', 'result type', …)`.
    Eval,
    /// The printer knows it by name.
    Special,
}

#[derive(Clone, Copy, Debug)]
pub struct Function {
    pub name: &'static str,
    pub role: Role,
    pub min: usize,
    pub max: usize,
    pub takes: &'static [Want],
    pub gives: Gives,
    pub nulls: Nulls,
    pub spelling: Spelling,
    /// The project's time zone becomes the last argument.
    pub zoned: bool,
}

impl Function {
    /// By its usual spelling or one of its other names. Names are case-sensitive, except those of SQL's own functions.
    pub fn find(name: &str) -> Option<&'static Function> {
        let by_name = |name: &str| INDEX.get(name).copied();
        if let Some(found) = by_name(name) {
            return Some(found);
        }
        if let Some((_, usual)) = ALIASES.iter().find(|(other, _)| *other == name) {
            return by_name(usual);
        }
        let lower = name.to_ascii_lowercase();
        CASE_INSENSITIVE.iter().find(|(other, _)| *other == lower).and_then(|(_, usual)| by_name(usual))
    }

    /// The same, for what a query calls: functions that only resolving may put in are left out.
    pub fn callable_by_name(name: &str) -> Option<&'static Function> {
        Function::find(name).filter(|function| !INTERNAL.contains(&function.name))
    }

    /// Name, fewest and most arguments of every function that a query may call.
    pub fn callable() -> impl Iterator<Item = (&'static str, usize, usize)> {
        Self::all().filter(|function| !INTERNAL.contains(&function.name)).map(|function| (function.name, function.min, function.max))
    }

    fn all() -> impl Iterator<Item = &'static Function> {
        scalar::SCALARS.iter().chain(scalar::DATES).chain(scalar::ARRAYS).chain(aggregate::AGGREGATES)
    }

    /// Those that the engine's interpreter of plain values must know.
    pub fn interpreted() -> impl Iterator<Item = &'static str> {
        Self::all().filter(|function| function.spelling == Spelling::Eval).map(|function| function.name)
    }

    pub fn want(&self, position: usize) -> Want {
        self.takes.get(position).or(self.takes.last()).copied().unwrap_or(Want::Any)
    }

    pub fn result(&self, args: &[Typed]) -> Column {
        let kind_of = |at: usize| args.get(at).map_or(Type::Null, |arg| arg.kind.clone());
        let kind = match self.gives {
            Gives::Text => Type::String,
            Gives::Float => Type::Float,
            Gives::Int => INT64,
            Gives::UInt8 => UINT8,
            Gives::UInt16 => UINT16,
            Gives::UInt64 => UINT64,
            Gives::Bool => Type::Bool,
            Gives::Condition => Type::Condition,
            Gives::Date => Type::Date,
            Gives::DateTime => Type::DateTime,
            Gives::Uuid => Type::Uuid,
            Gives::Same(at) => kind_of(at),
            Gives::Element(at) => match kind_of(at) {
                Type::Array(item) => return *item,
                other => other,
            },
            Gives::ArrayOf(at) => Type::array(args.get(at).map_or(Column::nullable(Type::Null), Typed::column)),
            Gives::Common(from) => args.iter().skip(from).fold(Type::Null, |kind, arg| kind.common(&arg.kind)),
            Gives::Number => {
                if args.iter().all(|arg| matches!(arg.kind, Type::Int(_) | Type::Condition | Type::Bool)) {
                    INT64
                } else {
                    Type::Float
                }
            }
            Gives::Texts => Type::array(Column::new(Type::String)),
            Gives::Ints => Type::array(Column::new(INT64)),
            Gives::By(decide) => return decide(args),
        };
        let nullable = match self.nulls {
            Nulls::Strict => args.iter().any(|arg| arg.nullable),
            Nulls::Always => true,
            Nulls::Never => false,
        };
        Column { kind, nullable }
    }
}

static INDEX: LazyLock<HashMap<&'static str, &'static Function>> =
    LazyLock::new(|| Function::all().map(|function| (function.name, function)).collect());

/// What calls become while they are resolved.
const INTERNAL: &[&str] = &[
    "addUnits",
    "addUnitsToDate",
    "startOf",
    "startDateOf",
    "wholeInt",
    "JSONText",
    "JSONExtractOrDefault",
    "sampleKey",
    "mostFrequent",
    "arraySortBy",
    "arrayReverseSortBy",
    "arrayFirstTrue",
    "arrayLastTrue",
    "arraySplitTrue",
    "arrayFillTrue",
    "lastIndexOf",
    "mapElement",
    "collectArray",
    "collectForEach",
    "collectMap",
];

/// Other names of the same function.
const ALIASES: &[(&str, &str)] = &[
    ("toInt64", "toInt"),
    ("toInt32", "toInt"),
    ("toInt16", "toInt"),
    ("toInt8", "toInt"),
    ("toUInt64", "toInt"),
    ("toUInt32", "toInt"),
    ("toUInt16", "toInt"),
    ("toUInt8", "toInt"),
    ("toInt64OrNull", "toInt"),
    ("toFloat64", "toFloat"),
    ("toFloat32", "toFloat"),
    ("toFloat64OrNull", "toFloat"),
    ("toDecimal", "toFloat"),
    ("toDateTime64", "toDateTime"),
    ("toDateTimeUS", "toDateTime"),
    ("parseDateTimeBestEffort", "toDateTime"),
    ("parseDateTimeBestEffortOrNull", "toDateTime"),
    ("parseDateTime64BestEffort", "toDateTime"),
    ("parseDateTime64BestEffortOrNull", "toDateTime"),
    ("toTimezone", "toTimeZone"),
    ("ltrim", "trimLeft"),
    ("rtrim", "trimRight"),
    ("date_diff", "dateDiff"),
    ("timestampDiff", "dateDiff"),
    ("TIMESTAMP_DIFF", "dateDiff"),
    ("date_add", "dateAdd"),
    ("date_sub", "dateSub"),
    ("timestampAdd", "dateAdd"),
    ("timestampSub", "dateSub"),
    ("date_trunc", "dateTrunc"),
    ("DATE_FORMAT", "formatDateTime"),
    ("dayOfMonth", "toDayOfMonth"),
    ("dayOfWeek", "toDayOfWeek"),
    ("dayOfYear", "toDayOfYear"),
    ("position", "position"),
    ("locate", "position"),
    ("strpos", "position"),
    ("char_length", "lengthUTF8"),
    ("character_length", "lengthUTF8"),
    ("CHAR_LENGTH", "lengthUTF8"),
    ("substr", "substring"),
    ("mid", "substring"),
    ("substringUTF8", "substring"),
    ("lowerUTF8", "lower"),
    ("upperUTF8", "upper"),
    ("reverseUTF8", "reverse"),
    ("lcase", "lower"),
    ("ucase", "upper"),
    ("replace", "replaceAll"),
    ("regexpExtract", "extract"),
    ("concat_ws", "concatWithSeparator"),
    ("lpad", "leftPad"),
    ("rpad", "rightPad"),
    ("base64_encode", "base64Encode"),
    ("to_base64", "base64Encode"),
    ("from_base64", "base64Decode"),
    ("tryBase64Decode", "base64Decode"),
    ("mod", "modulo"),
    ("pow", "pow"),
    ("power", "pow"),
    ("ceiling", "ceil"),
    ("truncate", "trunc"),
    ("ln", "log"),
    ("rand", "random"),
    ("positionUTF8", "position"),
    ("positionCaseInsensitiveUTF8", "positionCaseInsensitive"),
    ("REGEXP_MATCHES", "match"),
    ("levenshtein", "editDistance"),
    ("levenshteinDistance", "editDistance"),
    ("arrayMapped", "arrayMap"),
    ("flatten", "arrayFlatten"),
    ("decodeURLFormComponent", "decodeURLComponent"),
    ("JSONExtractUInt", "JSONExtractInt"),
    ("JSON_VALUE", "JSONExtractString"),
    ("groupUniqArrayArray", "groupUniqArray"),
    ("array_agg", "groupArray"),
    ("json_agg", "groupArray"),
    ("groupArraySample", "groupArray"),
    ("groupBitmap", "uniq"),
    ("mapContainsKey", "mapContains"),
    ("any_value", "any"),
    ("anyRespectNulls", "any"),
    ("first_value_respect_nulls", "first_value"),
    ("countDistinct", "uniq"),
    ("uniqExact", "uniq"),
    ("uniqHLL12", "uniq"),
    ("uniqTheta", "uniq"),
    ("uniqCombined", "uniq"),
    ("uniqCombined64", "uniq"),
    ("quantileExact", "quantile"),
    ("quantileTDigest", "quantile"),
    ("quantileTiming", "quantile"),
    ("quantileDeterministic", "quantile"),
    ("quantileBFloat16", "quantile"),
    ("quantileExactInclusive", "quantile"),
    ("quantilesExact", "quantiles"),
    ("quantilesTDigest", "quantiles"),
    ("quantilesTiming", "quantiles"),
    ("medianExact", "median"),
    ("medianTDigest", "median"),
    ("lagInFrame", "lag"),
    ("leadInFrame", "lead"),
    ("every", "every"),
    ("bool_and", "every"),
    ("bool_or", "some"),
    ("stddevPopStable", "stddevPop"),
    ("stddevSampStable", "stddevSamp"),
    ("varPopStable", "varPop"),
    ("varSampStable", "varSamp"),
    ("corrStable", "corr"),
    ("topKWeighted", "topK"),
    ("DATE", "toDate"),
    ("toStartOfFiveMinute", "toStartOfFiveMinutes"),
    ("addInterval", "dateAdd"),
    ("subtractInterval", "dateSub"),
    ("timestamp", "toDateTime"),
    ("fromUnixTimestamp64Milli", "fromUnixTimestamp64Milli"),
];

/// SQL's own functions may be written in any case.
const CASE_INSENSITIVE: &[(&str, &str)] = &[
    ("count", "count"),
    ("sum", "sum"),
    ("avg", "avg"),
    ("min", "min"),
    ("max", "max"),
    ("any", "any"),
    ("coalesce", "coalesce"),
    ("nullif", "nullIf"),
    ("ifnull", "ifNull"),
    ("if", "if"),
    ("now", "now"),
    ("today", "today"),
    ("date_diff", "dateDiff"),
    ("datediff", "dateDiff"),
    ("date_trunc", "dateTrunc"),
    ("datetrunc", "dateTrunc"),
    ("dateadd", "dateAdd"),
    ("datesub", "dateSub"),
    ("date_add", "dateAdd"),
    ("date_sub", "dateSub"),
    ("lower", "lower"),
    ("upper", "upper"),
    ("length", "length"),
    ("concat", "concat"),
    ("substring", "substring"),
    ("trim", "trim"),
    ("round", "round"),
    ("floor", "floor"),
    ("ceil", "ceil"),
    ("abs", "abs"),
    ("greatest", "greatest"),
    ("least", "least"),
    ("row_number", "row_number"),
    ("rank", "rank"),
    ("dense_rank", "dense_rank"),
    ("lag", "lag"),
    ("lead", "lead"),
    ("first_value", "first_value"),
    ("last_value", "last_value"),
    ("ntile", "ntile"),
    ("median", "median"),
    ("replace", "replaceAll"),
    ("exists", "exists"),
    ("sqrt", "sqrt"),
    ("exp", "exp"),
    ("log", "log"),
    ("log2", "log2"),
    ("log10", "log10"),
    ("year", "toYear"),
    ("quarter", "toQuarter"),
    ("month", "toMonth"),
    ("day", "toDayOfMonth"),
    ("hour", "toHour"),
    ("minute", "toMinute"),
    ("second", "toSecond"),
    ("md5", "MD5"),
    ("current_timestamp", "now"),
    ("current_date", "today"),
    ("array_agg", "groupArray"),
    ("string_agg", "string_agg"),
    ("left", "left"),
    ("right", "right"),
    ("repeat", "repeat"),
    ("reverse", "reverse"),
    ("not", "not"),
    ("and", "and"),
    ("or", "or"),
    ("date", "toDate"),
    ("mod", "modulo"),
    ("exp", "exp"),
];

const fn scalar(
    name: &'static str,
    arity: (usize, usize),
    takes: &'static [Want],
    gives: Gives,
    nulls: Nulls,
    spelling: Spelling,
) -> Function {
    Function { name, role: Role::Scalar, min: arity.0, max: arity.1, takes, gives, nulls, spelling, zoned: false }
}

/// Evaluated by the engine's interpreter; NULL when an argument is.
const fn eval(name: &'static str, arity: (usize, usize), takes: &'static [Want], gives: Gives) -> Function {
    scalar(name, arity, takes, gives, Nulls::Strict, Spelling::Eval)
}

/// The same, and may give NULL by itself.
const fn eval_or_null(name: &'static str, arity: (usize, usize), takes: &'static [Want], gives: Gives) -> Function {
    scalar(name, arity, takes, gives, Nulls::Always, Spelling::Eval)
}

const fn call(name: &'static str, arity: (usize, usize), takes: &'static [Want], gives: Gives, spelling: &'static str) -> Function {
    scalar(name, arity, takes, gives, Nulls::Strict, Spelling::Call(spelling))
}

const fn template(name: &'static str, arity: (usize, usize), takes: &'static [Want], gives: Gives, spelling: &'static str) -> Function {
    scalar(name, arity, takes, gives, Nulls::Strict, Spelling::Template(spelling))
}

/// Calendar arithmetic: the time zone is the last argument.
const fn zoned(name: &'static str, arity: (usize, usize), takes: &'static [Want], gives: Gives, spelling: &'static str) -> Function {
    Function { zoned: true, ..template(name, arity, takes, gives, spelling) }
}

const fn aggregate(
    name: &'static str,
    arity: (usize, usize),
    takes: &'static [Want],
    gives: Gives,
    nulls: Nulls,
    spelling: Spelling,
) -> Function {
    Function { role: Role::Aggregate, ..scalar(name, arity, takes, gives, nulls, spelling) }
}

const fn window(
    name: &'static str,
    arity: (usize, usize),
    takes: &'static [Want],
    gives: Gives,
    nulls: Nulls,
    spelling: &'static str,
) -> Function {
    Function { role: Role::Window, ..scalar(name, arity, takes, gives, nulls, Spelling::Call(spelling)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_name_leads_to_a_function() {
        for (other, usual) in ALIASES.iter().chain(CASE_INSENSITIVE) {
            assert!(Function::find(usual).is_some(), "{other} means {usual}, which does not exist");
        }
    }

    #[test]
    fn no_function_is_listed_twice() {
        let mut names: Vec<&str> = Function::all().map(|function| function.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
