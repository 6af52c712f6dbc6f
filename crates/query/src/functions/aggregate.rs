use super::*;

use Gives::*;
use Nulls::{Always, Never, Strict};
use Spelling::{Special, Template};
use Want as W;

/// With the suffix `If`, the last argument becomes the filter before this table is asked.
#[rustfmt::skip]
pub const AGGREGATES: &[Function] = &[
    aggregate("count", (0, 1), &[W::Any], UInt64, Never, Special),
    aggregate("uniq", (1, 8), &[W::Any], UInt64, Never, Special),
    aggregate("sum", (1, 1), &[W::Number], By(total), Never, Special),
    aggregate("avg", (1, 1), &[W::Float], Float, Strict, Template("avg($0)")),
    aggregate("min", (1, 1), &[W::Any], Same(0), Strict, Special),
    aggregate("max", (1, 1), &[W::Any], Same(0), Strict, Special),
    aggregate("any", (1, 1), &[W::Any], Same(0), Strict, Special),
    aggregate("anyHeavy", (1, 1), &[W::Any], Same(0), Strict, Special),
    aggregate("anyLast", (1, 1), &[W::Any], Same(0), Strict, Special),
    aggregate("argMin", (2, 2), &[W::Any], Same(0), Strict, Special),
    aggregate("argMax", (2, 2), &[W::Any], Same(0), Strict, Special),
    aggregate("median", (1, 1), &[W::Float], Float, Strict, Special),
    aggregate("quantile", (1, 1), &[W::Float], Float, Strict, Special),
    aggregate("quantiles", (1, 1), &[W::Float], By(floats), Never, Special),
    aggregate("stddevPop", (1, 1), &[W::Float], Float, Strict, Template("stddev_pop($0)")),
    aggregate("stddevSamp", (1, 1), &[W::Float], Float, Strict, Template("stddev($0)")),
    aggregate("varPop", (1, 1), &[W::Float], Float, Strict, Template("var_pop($0)")),
    aggregate("varSamp", (1, 1), &[W::Float], Float, Strict, Template("var_samp($0)")),
    aggregate("covarPop", (2, 2), &[W::Float], Float, Strict, Template("covar_pop($0, $1)")),
    aggregate("covarSamp", (2, 2), &[W::Float], Float, Strict, Template("covar_samp($0, $1)")),
    aggregate("corr", (2, 2), &[W::Float], Float, Strict, Template("corr($0, $1)")),
    aggregate("groupArray", (1, 1), &[W::Any], By(array_of_values), Never, Special),
    aggregate("groupUniqArray", (1, 1), &[W::Any], By(array_of_values), Never, Special),
    aggregate("topK", (1, 1), &[W::Any], By(array_of_values), Never, Special),
    aggregate("windowFunnel", (2, 33), &[W::Int, W::Truth], UInt8, Never, Special),
    // A pattern, such as '(?1)(?t<=3600).*(?2)', and the conditions that it counts.
    aggregate("sequenceMatch", (2, 33), &[W::Time, W::Truth], UInt8, Never, Special),
    aggregate("sequenceCount", (2, 33), &[W::Time, W::Truth], UInt64, Never, Special),
    // What the suffixes -Array, -ForEach, -Map and -Merge become: an aggregate over what is inside of arrays and maps.
    aggregate("collectArray", (1, 1), &[W::Any], Same(0), Never, Special),
    aggregate("collectForEach", (1, 1), &[W::Any], Same(0), Never, Special),
    aggregate("collectMap", (1, 1), &[W::Any], Same(0), Never, Special),
    aggregate("retention", (1, 32), &[W::Truth], By(flags), Never, Special),
    aggregate("entropy", (1, 1), &[W::Any], Float, Never, Special),
    aggregate("deltaSum", (1, 1), &[W::Number], Same(0), Never, Special),
    aggregate("skewPop", (1, 1), &[W::Float], Float, Never, Special),
    aggregate("skewSamp", (1, 1), &[W::Float], Float, Never, Special),
    aggregate("kurtPop", (1, 1), &[W::Float], Float, Never, Special),
    aggregate("kurtSamp", (1, 1), &[W::Float], Float, Never, Special),
    aggregate("groupArrayMovingSum", (1, 1), &[W::Number], By(array_of_totals), Never, Special),
    aggregate("groupArrayMovingAvg", (1, 1), &[W::Float], By(array_of_values), Never, Special),
    aggregate("groupBitAnd", (1, 1), &[W::Int], Int, Always, Template("bit_and($0)")),
    aggregate("groupBitOr", (1, 1), &[W::Int], Int, Always, Template("bit_or($0)")),
    aggregate("groupBitXor", (1, 1), &[W::Int], Int, Always, Template("bit_xor($0)")),
    aggregate("every", (1, 1), &[W::Truth], Condition, Always, Template("bool_and($0)")),
    aggregate("some", (1, 1), &[W::Truth], Condition, Always, Template("bool_or($0)")),
    aggregate("string_agg", (2, 2), &[W::Text], Text, Always, Template("arrow_cast(string_agg($0, $1)$f, 'Utf8')")),
    aggregate("avgWeighted", (2, 2), &[W::Float], Float, Strict, Template("(sum($0 * $1)$f / sum(CASE WHEN $0 IS NOT NULL THEN $1 END)$f)")),

    window("row_number", (0, 0), &[], UInt64, Never, "row_number"),
    window("rank", (0, 0), &[], UInt64, Never, "rank"),
    window("dense_rank", (0, 0), &[], UInt64, Never, "dense_rank"),
    window("percent_rank", (0, 0), &[], Float, Never, "percent_rank"),
    window("cume_dist", (0, 0), &[], Float, Never, "cume_dist"),
    window("ntile", (1, 1), &[W::Int], UInt64, Never, "ntile"),
    window("lag", (1, 3), &[W::Any, W::Int, W::Any], Same(0), Always, "lag"),
    window("lead", (1, 3), &[W::Any, W::Int, W::Any], Same(0), Always, "lead"),
    window("first_value", (1, 1), &[W::Any], Same(0), Always, "first_value"),
    window("last_value", (1, 1), &[W::Any], Same(0), Always, "last_value"),
    window("nth_value", (2, 2), &[W::Any, W::Int], Same(0), Always, "nth_value"),
];

fn total(args: &[Typed]) -> crate::typed::Column {
    crate::typed::Column::new(match args.first().map(|arg| &arg.kind) {
        Some(Type::Int(name)) if name.starts_with('U') => UINT64,
        Some(Type::Int(_)) => INT64,
        Some(Type::Bool | Type::Condition) => UINT64,
        _ => Type::Float,
    })
}

fn floats(_: &[Typed]) -> crate::typed::Column {
    crate::typed::Column::new(Type::array(crate::typed::Column::nullable(Type::Float)))
}

/// NULLs are not collected.
fn array_of_values(args: &[Typed]) -> crate::typed::Column {
    let kind = args.first().map_or(Type::Null, |arg| arg.kind.clone());
    crate::typed::Column::new(Type::array(crate::typed::Column::new(kind)))
}

fn array_of_totals(args: &[Typed]) -> crate::typed::Column {
    crate::typed::Column::new(Type::array(total(args)))
}

fn flags(_: &[Typed]) -> crate::typed::Column {
    crate::typed::Column::new(Type::array(crate::typed::Column::new(UINT8)))
}
