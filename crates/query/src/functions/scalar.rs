use super::*;
use crate::typed::Column;

use Gives::*;
use Nulls::{Always, Never, Strict};
use Spelling::{Eval, Special};
use Want as W;

const MANY: usize = 1_000;

/// Logic, numbers, texts, URLs, JSON.
#[rustfmt::skip]
pub const SCALARS: &[Function] = &[
    // Rewritten into nodes of their own while resolving.
    scalar("and", (1, MANY), &[W::Truth], Condition, Strict, Special),
    scalar("or", (1, MANY), &[W::Truth], Condition, Strict, Special),
    scalar("not", (1, 1), &[W::Truth], Condition, Strict, Special),
    scalar("if", (3, 3), &[W::Any], Common(1), Strict, Special),
    scalar("multiIf", (3, MANY), &[W::Any], Common(1), Strict, Special),
    scalar("transform", (3, 4), &[W::Any], Common(1), Strict, Special),
    scalar("exists", (1, 1), &[W::Any], Condition, Never, Special),
    scalar("tuple", (0, MANY), &[W::Any], By(tuple_of), Never, Special),
    scalar("array", (0, MANY), &[W::Any], Common(0), Never, Special),
    scalar("isNull", (1, 1), &[W::Any], Condition, Never, Special),
    scalar("isNotNull", (1, 1), &[W::Any], Condition, Never, Special),
    scalar("toString", (1, 1), &[W::Any], Text, Strict, Special),
    scalar("toInt", (1, 2), &[W::Any], Int, Always, Special),
    // `toInt` of a float: NULL when it is not whole.
    scalar("wholeInt", (1, 1), &[W::Float], Int, Always, Spelling::Template("CASE WHEN trunc($0) = $0 THEN TRY_CAST($0 AS BIGINT) END")),
    scalar("toFloat", (1, 2), &[W::Any], Float, Always, Special),
    scalar("toBool", (1, 1), &[W::Any], Bool, Always, Special),
    scalar("toUUID", (1, 1), &[W::Text], Uuid, Always, Special),
    scalar("assumeNotNull", (1, 1), &[W::Any], Same(0), Never, Special),
    scalar("toNullable", (1, 1), &[W::Any], Same(0), Always, Special),
    scalar("toTypeName", (1, 1), &[W::Any], Text, Never, Special),
    scalar("arrayJoin", (1, 1), &[W::Array], Element(0), Strict, Special),
    scalar("identity", (1, 1), &[W::Any], Same(0), Strict, Spelling::Template("$0")),

    scalar("coalesce", (1, MANY), &[W::Any], By(first_present), Strict, Spelling::Call("coalesce")),
    scalar("ifNull", (2, 2), &[W::Any], By(first_present), Strict, Spelling::Call("coalesce")),
    scalar("nullIf", (2, 2), &[W::Any], Same(0), Always, Spelling::Call("nullif")),
    scalar("xor", (2, 2), &[W::Truth], Condition, Strict, Spelling::Template("($0 <> $1)")),

    scalar("plus", (2, 2), &[W::Number], By(sum_of), Strict, Spelling::Template("($0 + $1)")),
    scalar("minus", (2, 2), &[W::Number], By(difference_of), Strict, Spelling::Template("($0 - $1)")),
    scalar("multiply", (2, 2), &[W::Number], By(sum_of), Strict, Spelling::Template("($0 * $1)")),
    template("divide", (2, 2), &[W::Float], Float, "($0 / $1)"),
    scalar("modulo", (2, 2), &[W::Number], By(remainder_of), Strict, Spelling::Template("($0 % nullif($1, 0))")),
    scalar("intDiv", (2, 2), &[W::Int], Same(0), Strict, Spelling::Template("($0 / nullif($1, 0))")),
    scalar("intDivOrZero", (2, 2), &[W::Int], Same(0), Strict, Spelling::Template("coalesce($0 / nullif($1, 0), 0)")),
    scalar("negate", (1, 1), &[W::Number], Number, Strict, Spelling::Template("(- $0)")),
    template("abs", (1, 1), &[W::Number], Number, "abs($0)"),
    scalar("round", (1, 2), &[W::Number, W::Int], Number, Strict, Special),
    call("floor", (1, 1), &[W::Float], Float, "floor"),
    call("ceil", (1, 1), &[W::Float], Float, "ceil"),
    call("trunc", (1, 1), &[W::Float], Float, "trunc"),
    call("exp", (1, 1), &[W::Float], Float, "exp"),
    call("log", (1, 1), &[W::Float], Float, "ln"),
    call("log2", (1, 1), &[W::Float], Float, "log2"),
    call("log10", (1, 1), &[W::Float], Float, "log10"),
    // DataFusion fails where ClickHouse answers NaN or an infinity; JSON has neither.
    template("sqrt", (1, 1), &[W::Float], Float, "sqrt(CASE WHEN $0 >= 0 THEN $0 END)"),
    call("cbrt", (1, 1), &[W::Float], Float, "cbrt"),
    template("pow", (2, 2), &[W::Float], Float, "power(CASE WHEN $0 <> 0 OR $1 >= 0 THEN $0 END, $1)"),
    call("sin", (1, 1), &[W::Float], Float, "sin"),
    call("cos", (1, 1), &[W::Float], Float, "cos"),
    call("tan", (1, 1), &[W::Float], Float, "tan"),
    call("asin", (1, 1), &[W::Float], Float, "asin"),
    call("acos", (1, 1), &[W::Float], Float, "acos"),
    call("atan", (1, 1), &[W::Float], Float, "atan"),
    call("atan2", (2, 2), &[W::Float], Float, "atan2"),
    call("degrees", (1, 1), &[W::Float], Float, "degrees"),
    call("radians", (1, 1), &[W::Float], Float, "radians"),
    template("sign", (1, 1), &[W::Float], Int, "arrow_cast(signum($0), 'Int64')"),
    scalar("pi", (0, 0), &[], Float, Never, Spelling::Call("pi")),
    scalar("e", (0, 0), &[], Float, Never, Spelling::Template("exp(1.0)")),
    scalar("random", (0, 1), &[W::Any], Float, Never, Spelling::Template("random()")),
    call("gcd", (2, 2), &[W::Int], Int, "gcd"),
    call("lcm", (2, 2), &[W::Int], Int, "lcm"),
    scalar("least", (1, MANY), &[W::Any], Common(0), Strict, Spelling::Call("least")),
    scalar("greatest", (1, MANY), &[W::Any], Common(0), Strict, Spelling::Call("greatest")),
    template("isNaN", (1, 1), &[W::Float], Condition, "isnan($0)"),
    eval("isFinite", (1, 1), &[W::Float], Condition),
    eval("isInfinite", (1, 1), &[W::Float], Condition),
    template("bitAnd", (2, 2), &[W::Int], Int, "($0 & $1)"),
    template("bitOr", (2, 2), &[W::Int], Int, "($0 | $1)"),
    template("bitXor", (2, 2), &[W::Int], Int, "($0 ^ $1)"),
    template("bitNot", (1, 1), &[W::Int], Int, "(-1 - $0)"),
    template("bitShiftLeft", (2, 2), &[W::Int], Int, "($0 << $1)"),
    template("bitShiftRight", (2, 2), &[W::Int], Int, "($0 >> $1)"),
    template("bitTest", (2, 2), &[W::Int], UInt8, "(($0 >> $1) & 1)"),
    eval("bitCount", (1, 1), &[W::Int], UInt8),

    scalar("length", (1, 1), &[W::Any], UInt64, Strict, Special),
    scalar("empty", (1, 1), &[W::Any], Condition, Strict, Special),
    scalar("notEmpty", (1, 1), &[W::Any], Condition, Strict, Special),
    template("lengthUTF8", (1, 1), &[W::Text], UInt64, "arrow_cast(character_length($0), 'Int64')"),
    call("lower", (1, 1), &[W::Text], Text, "lower"),
    call("upper", (1, 1), &[W::Text], Text, "upper"),
    scalar("concat", (1, MANY), &[W::Text], Text, Never, Spelling::Call("concat")),
    scalar("concatWithSeparator", (2, MANY), &[W::Text], Text, Strict, Spelling::Call("concat_ws")),
    eval("substring", (2, 3), &[W::Text, W::Int], Text),
    call("left", (2, 2), &[W::Text, W::Int], Text, "left"),
    call("right", (2, 2), &[W::Text, W::Int], Text, "right"),
    eval("trim", (1, 2), &[W::Text], Text),
    eval("trimLeft", (1, 2), &[W::Text], Text),
    eval("trimRight", (1, 2), &[W::Text], Text),
    eval("trimBoth", (1, 2), &[W::Text], Text),
    call("startsWith", (2, 2), &[W::Text], Condition, "starts_with"),
    call("endsWith", (2, 2), &[W::Text], Condition, "ends_with"),
    eval("position", (2, 3), &[W::Text, W::Text, W::Int], UInt64),
    eval("positionCaseInsensitive", (2, 3), &[W::Text, W::Text, W::Int], UInt64),
    eval("countSubstrings", (2, 2), &[W::Text], UInt64),
    eval("countSubstringsCaseInsensitive", (2, 2), &[W::Text], UInt64),
    eval("replaceOne", (3, 3), &[W::Text], Text),
    call("replaceAll", (3, 3), &[W::Text], Text, "replace"),
    eval("replaceRegexpOne", (3, 3), &[W::Text], Text),
    eval("replaceRegexpAll", (3, 3), &[W::Text], Text),
    eval("extract", (2, 2), &[W::Text], Text),
    eval("extractAll", (2, 2), &[W::Text], Texts),
    eval("extractGroups", (2, 2), &[W::Text], Texts),
    template("match", (2, 2), &[W::Text], Condition, "($0 ~ $1)"),
    template("like", (2, 2), &[W::Text], Condition, "($0 LIKE $1)"),
    template("ilike", (2, 2), &[W::Text], Condition, "($0 ILIKE $1)"),
    template("notLike", (2, 2), &[W::Text], Condition, "($0 NOT LIKE $1)"),
    template("notILike", (2, 2), &[W::Text], Condition, "($0 NOT ILIKE $1)"),
    eval("multiSearchAny", (2, 2), &[W::Text, W::Array], Condition),
    eval("multiSearchAnyCaseInsensitive", (2, 2), &[W::Text, W::Array], Condition),
    eval("multiSearchFirstIndex", (2, 2), &[W::Text, W::Array], UInt64),
    eval("multiMatchAny", (2, 2), &[W::Text, W::Array], Condition),
    eval("multiMatchAnyIndex", (2, 2), &[W::Text, W::Array], UInt64),
    eval("splitByChar", (2, 3), &[W::Text, W::Text, W::Int], Texts),
    eval("splitByString", (2, 3), &[W::Text, W::Text, W::Int], Texts),
    eval("splitByRegexp", (2, 3), &[W::Text, W::Text, W::Int], Texts),
    eval("splitByWhitespace", (1, 1), &[W::Text], Texts),
    eval("arrayStringConcat", (1, 2), &[W::Array, W::Text], Text),
    eval("format", (1, MANY), &[W::Text], Text),
    eval("leftPad", (2, 3), &[W::Text, W::Int, W::Text], Text),
    eval("rightPad", (2, 3), &[W::Text, W::Int, W::Text], Text),
    eval("repeat", (2, 2), &[W::Text, W::Int], Text),
    scalar("reverse", (1, 1), &[W::Any], Text, Strict, Special),
    eval("initcap", (1, 1), &[W::Text], Text),
    eval("ascii", (1, 1), &[W::Text], Int),
    eval("base64Encode", (1, 1), &[W::Text], Text),
    eval_or_null("base64Decode", (1, 1), &[W::Text], Text),
    scalar("hex", (1, 1), &[W::Any], Text, Strict, Special),
    eval_or_null("unhex", (1, 1), &[W::Text], Text),
    call("MD5", (1, 1), &[W::Text], Text, "md5"),
    eval("SHA256", (1, 1), &[W::Text], Text),
    eval("xxHash64", (1, MANY), &[W::Text], UInt64),
    eval("sipHash64", (1, MANY), &[W::Text], UInt64),
    eval("editDistance", (2, 2), &[W::Text], UInt64),
    eval("ngramDistance", (2, 2), &[W::Text], Float),
    eval("toValidUTF8", (1, 1), &[W::Text], Text),
    eval("formatReadableSize", (1, 1), &[W::Float], Text),
    eval("formatReadableQuantity", (1, 1), &[W::Float], Text),
    eval("formatReadableTimeDelta", (1, 1), &[W::Float], Text),
    eval_or_null("sortableSemver", (1, 1), &[W::Text], By(semver_parts)),
    scalar("generateUUIDv4", (0, 0), &[], Uuid, Never, Spelling::Template("uuid()")),

    // Campaign, medium, source, referring domain, gclid, fbclid, gad_source.
    scalar("channelType", (7, 7), &[W::Text], Text, Never, Eval),
    eval_or_null("lookupDomainType", (1, 1), &[W::Text], Text),
    eval_or_null("lookupPaidSourceType", (1, 1), &[W::Text], Text),
    eval_or_null("lookupOrganicSourceType", (1, 1), &[W::Text], Text),
    eval_or_null("lookupPaidMediumType", (1, 1), &[W::Text], Text),
    eval_or_null("lookupOrganicMediumType", (1, 1), &[W::Text], Text),
    scalar("isLikelyBot", (1, 1), &[W::Text], Bool, Never, Eval),
    scalar("getTrafficType", (1, 1), &[W::Text], Text, Never, Eval),
    scalar("getTrafficCategory", (1, 1), &[W::Text], Text, Never, Eval),
    scalar("getBotName", (1, 1), &[W::Text], Text, Never, Eval),
    scalar("getBotType", (1, 1), &[W::Text], Text, Never, Eval),
    scalar("getBotOperator", (1, 1), &[W::Text], Text, Never, Eval),

    eval("domain", (1, 1), &[W::Text], Text),
    eval("domainWithoutWWW", (1, 1), &[W::Text], Text),
    eval("topLevelDomain", (1, 1), &[W::Text], Text),
    eval("firstSignificantSubdomain", (1, 1), &[W::Text], Text),
    eval("cutToFirstSignificantSubdomain", (1, 1), &[W::Text], Text),
    eval("path", (1, 1), &[W::Text], Text),
    eval("pathFull", (1, 1), &[W::Text], Text),
    eval("protocol", (1, 1), &[W::Text], Text),
    eval("port", (1, 2), &[W::Text, W::Int], UInt16),
    eval("queryString", (1, 1), &[W::Text], Text),
    eval("fragment", (1, 1), &[W::Text], Text),
    eval("queryStringAndFragment", (1, 1), &[W::Text], Text),
    eval("extractURLParameter", (2, 2), &[W::Text], Text),
    eval("extractURLParameters", (1, 1), &[W::Text], Texts),
    eval("extractURLParameterNames", (1, 1), &[W::Text], Texts),
    eval("cutQueryString", (1, 1), &[W::Text], Text),
    eval("cutFragment", (1, 1), &[W::Text], Text),
    eval("cutQueryStringAndFragment", (1, 1), &[W::Text], Text),
    eval("cutURLParameter", (2, 2), &[W::Text], Text),
    eval("cutWWW", (1, 1), &[W::Text], Text),
    eval("decodeURLComponent", (1, 1), &[W::Text], Text),
    eval("encodeURLComponent", (1, 1), &[W::Text], Text),

    scalar("JSONExtract", (2, MANY), &[W::Text, W::Any], Text, Always, Special),
    // Of a type that cannot be NULL.
    eval("JSONExtractOrDefault", (2, MANY), &[W::Text, W::Any], Text),
    eval("JSONExtractString", (1, MANY), &[W::Text, W::Any], Text),
    eval("JSONExtractInt", (1, MANY), &[W::Text, W::Any], Int),
    eval("JSONExtractFloat", (1, MANY), &[W::Text, W::Any], Float),
    eval("JSONExtractBool", (1, MANY), &[W::Text, W::Any], Bool),
    eval("JSONExtractRaw", (1, MANY), &[W::Text, W::Any], Text),
    eval("JSONExtractArrayRaw", (1, MANY), &[W::Text, W::Any], Texts),
    eval("JSONExtractKeys", (1, MANY), &[W::Text, W::Any], Texts),
    eval("JSONExtractKeysAndValuesRaw", (1, MANY), &[W::Text, W::Any], By(text_pairs)),
    scalar("JSONExtractKeysAndValues", (2, MANY), &[W::Text, W::Any], By(text_pairs), Strict, Eval),
    // As property access reads a value: NULL for a missing key and for JSON null, a string's own characters.
    eval_or_null("JSONText", (1, MANY), &[W::Text, W::Any], Text),
    eval("JSONHas", (1, MANY), &[W::Text, W::Any], Condition),
    eval("JSONLength", (1, MANY), &[W::Text, W::Any], UInt64),
    eval("JSONType", (1, MANY), &[W::Text, W::Any], Text),
    eval("isValidJSON", (1, 1), &[W::Text], Condition),
    scalar("toJSONString", (1, 1), &[W::Any], Text, Never, Eval),

    // A number in [0, 1) that is the same for the same text: which rows a sample keeps.
    eval("sampleKey", (1, 1), &[W::Text], Float),
];

/// Instants and dates. `$1` and so on count the arguments as written; the time zone comes after the longest form.
#[rustfmt::skip]
pub const DATES: &[Function] = &[
    // Folded into constants while resolving.
    scalar("now", (0, 1), &[W::Any], DateTime, Never, Special),
    scalar("now64", (0, 2), &[W::Any], DateTime, Never, Special),
    scalar("today", (0, 0), &[], Date, Never, Special),
    scalar("yesterday", (0, 0), &[], Date, Never, Special),
    scalar("toDate", (1, 2), &[W::Any], Date, Strict, Special),
    scalar("toDateTime", (1, 3), &[W::Any], DateTime, Strict, Special),
    scalar("toTimeZone", (2, 2), &[W::Time, W::Text], DateTime, Strict, Spelling::Template("$0")),
    scalar("toIntervalSecond", (1, 1), &[W::Int], By(interval), Strict, Special),
    scalar("toIntervalMinute", (1, 1), &[W::Int], By(interval), Strict, Special),
    scalar("toIntervalHour", (1, 1), &[W::Int], By(interval), Strict, Special),
    scalar("toIntervalDay", (1, 1), &[W::Int], By(interval), Strict, Special),
    scalar("toIntervalWeek", (1, 1), &[W::Int], By(interval), Strict, Special),
    scalar("toIntervalMonth", (1, 1), &[W::Int], By(interval), Strict, Special),
    scalar("toIntervalQuarter", (1, 1), &[W::Int], By(interval), Strict, Special),
    scalar("toIntervalYear", (1, 1), &[W::Int], By(interval), Strict, Special),
    scalar("dateAdd", (2, 3), &[W::Any], DateTime, Strict, Special),
    scalar("dateSub", (2, 3), &[W::Any], DateTime, Strict, Special),
    scalar("toStartOfInterval", (2, 4), &[W::Time, W::Any], DateTime, Strict, Special),
    scalar("dateTrunc", (2, 3), &[W::Unit, W::Time], DateTime, Strict, Special),
    scalar("toStartOfWeek", (1, 2), &[W::Time, W::Int], Date, Strict, Special),
    // What those above become: unit, count, instant, zone (and whether weeks start on Monday).
    scalar("addUnits", (4, 4), &[W::Unit, W::Int, W::Time, W::Text], DateTime, Strict, Spelling::Call("hog_date_add")),
    scalar("addUnitsToDate", (4, 4), &[W::Unit, W::Int, W::Time, W::Text], Date, Strict, Spelling::Template("hog_to_date(hog_date_add($*), $3)")),
    scalar("startOf", (5, 5), &[W::Unit, W::Int, W::Time, W::Text, W::Truth], DateTime, Strict, Spelling::Call("hog_start_of")),
    scalar("startDateOf", (5, 5), &[W::Unit, W::Int, W::Time, W::Text, W::Truth], Date, Strict, Spelling::Template("hog_to_date(hog_start_of($*), $3)")),
    scalar("parseDateTime", (1, 3), &[W::Text], DateTime, Always, Special),

    zoned("toStartOfYear", (1, 1), &[W::Time], Date, "hog_to_date(hog_start_of('year', 1, $0, $1, false), $1)"),
    zoned("toStartOfQuarter", (1, 1), &[W::Time], Date, "hog_to_date(hog_start_of('quarter', 1, $0, $1, false), $1)"),
    zoned("toStartOfMonth", (1, 1), &[W::Time], Date, "hog_to_date(hog_start_of('month', 1, $0, $1, false), $1)"),
    zoned("toMonday", (1, 1), &[W::Time], Date, "hog_to_date(hog_start_of('week', 1, $0, $1, true), $1)"),
    zoned("toStartOfISOYear", (1, 1), &[W::Time], Date, "hog_to_date(hog_start_of('year', 1, $0, $1, true), $1)"),
    zoned("toLastDayOfMonth", (1, 1), &[W::Time], Date, "hog_to_date(hog_date_add('day', -1, hog_date_add('month', 1, hog_start_of('month', 1, $0, $1, false), $1), $1), $1)"),
    zoned("toStartOfDay", (1, 1), &[W::Time], DateTime, "hog_start_of('day', 1, $0, $1, false)"),
    zoned("toStartOfHour", (1, 1), &[W::Time], DateTime, "hog_start_of('hour', 1, $0, $1, false)"),
    zoned("toStartOfFifteenMinutes", (1, 1), &[W::Time], DateTime, "hog_start_of('minute', 15, $0, $1, false)"),
    zoned("toStartOfTenMinutes", (1, 1), &[W::Time], DateTime, "hog_start_of('minute', 10, $0, $1, false)"),
    zoned("toStartOfFiveMinutes", (1, 1), &[W::Time], DateTime, "hog_start_of('minute', 5, $0, $1, false)"),
    zoned("toStartOfMinute", (1, 1), &[W::Time], DateTime, "hog_start_of('minute', 1, $0, $1, false)"),
    zoned("toStartOfSecond", (1, 1), &[W::Time], DateTime, "hog_start_of('second', 1, $0, $1, false)"),
    zoned("toYear", (1, 1), &[W::Time], UInt16, "hog_date_part('year', $0, $1)"),
    zoned("toQuarter", (1, 1), &[W::Time], UInt8, "hog_date_part('quarter', $0, $1)"),
    zoned("toMonth", (1, 1), &[W::Time], UInt8, "hog_date_part('month', $0, $1)"),
    zoned("toISOWeek", (1, 1), &[W::Time], UInt8, "hog_date_part('iso_week', $0, $1)"),
    zoned("toISOYear", (1, 1), &[W::Time], UInt16, "hog_date_part('iso_year', $0, $1)"),
    zoned("toDayOfMonth", (1, 1), &[W::Time], UInt8, "hog_date_part('day', $0, $1)"),
    zoned("toDayOfWeek", (1, 1), &[W::Time], UInt8, "hog_date_part('weekday', $0, $1)"),
    zoned("toDayOfYear", (1, 1), &[W::Time], UInt16, "hog_date_part('day_of_year', $0, $1)"),
    zoned("toHour", (1, 1), &[W::Time], UInt8, "hog_date_part('hour', $0, $1)"),
    zoned("toMinute", (1, 1), &[W::Time], UInt8, "hog_date_part('minute', $0, $1)"),
    zoned("toSecond", (1, 1), &[W::Time], UInt8, "hog_date_part('second', $0, $1)"),
    zoned("toYYYYMM", (1, 1), &[W::Time], Int, "(hog_date_part('year', $0, $1) * 100 + hog_date_part('month', $0, $1))"),
    zoned("toYYYYMMDD", (1, 1), &[W::Time], Int, "(hog_date_part('year', $0, $1) * 10000 + hog_date_part('month', $0, $1) * 100 + hog_date_part('day', $0, $1))"),
    zoned("monthName", (1, 1), &[W::Time], Text, "hog_format_datetime($0, '%M', $1)"),
    zoned("dateName", (2, 2), &[W::Unit, W::Time], Text, "arrow_cast(hog_date_part($0, $1, $2), 'Utf8')"),
    zoned("dateDiff", (3, 3), &[W::Unit, W::Time, W::Time], Int, "hog_date_diff($0, $1, $2, $3)"),
    zoned("age", (3, 3), &[W::Unit, W::Time, W::Time], Int, "hog_age($0, $1, $2, $3)"),
    zoned("formatDateTime", (2, 2), &[W::Time, W::Text], Text, "hog_format_datetime($0, $1, $2)"),
    template("toUnixTimestamp", (1, 1), &[W::Time], UInt64, "hog_epoch($0, 1000000)"),
    template("toUnixTimestamp64Milli", (1, 1), &[W::Time], Int, "hog_epoch($0, 1000)"),
    template("toUnixTimestamp64Micro", (1, 1), &[W::Time], Int, "hog_epoch($0, 1)"),
    template("fromUnixTimestamp", (1, 1), &[W::Float], DateTime, "hog_from_epoch($0)"),
    template("fromUnixTimestamp64Milli", (1, 1), &[W::Float], DateTime, "hog_from_epoch($0 / 1000)"),
    template("UUIDv7ToDateTime", (1, 1), &[W::Text], DateTime, "hog_uuid_v7_time($0)"),
    eval_or_null("makeDate", (3, 3), &[W::Int], Date),
    // NULL when the second argument names no time zone.
    eval_or_null("timeZoneOffsetHours", (2, 2), &[W::Time, W::Text], Float),
];

/// Arrays are 1-based. A lambda, where one is taken, comes first.
#[rustfmt::skip]
pub const ARRAYS: &[Function] = &[
    scalar("arrayMap", (2, 8), &[W::Any, W::Array], Same(0), Strict, Special),
    scalar("arrayFilter", (2, 8), &[W::Any, W::Array], Same(1), Strict, Special),
    scalar("arrayExists", (1, 8), &[W::Any, W::Array], Condition, Strict, Special),
    scalar("arrayAll", (1, 8), &[W::Any, W::Array], Condition, Strict, Special),
    scalar("arrayCount", (1, 8), &[W::Any, W::Array], UInt64, Strict, Special),
    scalar("arrayFirst", (2, 8), &[W::Any, W::Array], Element(1), Always, Special),
    scalar("arrayLast", (2, 8), &[W::Any, W::Array], Element(1), Always, Special),
    scalar("arrayFirstIndex", (2, 8), &[W::Any, W::Array], UInt64, Strict, Special),
    scalar("arraySum", (1, 8), &[W::Array], By(number_element), Strict, Special),
    scalar("arrayAvg", (1, 8), &[W::Array], Float, Always, Special),
    scalar("arrayMin", (1, 8), &[W::Array], Element(0), Always, Special),
    scalar("arrayMax", (1, 8), &[W::Array], Element(0), Always, Special),
    scalar("arraySort", (1, 8), &[W::Array], Same(0), Strict, Special),
    scalar("arrayReverseSort", (1, 8), &[W::Array], Same(0), Strict, Special),
    scalar("arraySortBy", (2, 2), &[W::Array], Same(0), Strict, Eval),
    scalar("arrayReverseSortBy", (2, 2), &[W::Array], Same(0), Strict, Eval),
    eval_or_null("arrayLastTrue", (2, 2), &[W::Array], Element(0)),
    eval_or_null("arrayFirstTrue", (2, 2), &[W::Array], Element(0)),
    eval("arrayReverse", (1, 1), &[W::Array], Same(0)),
    eval("arrayDistinct", (1, 1), &[W::Array], Same(0)),
    eval("arrayUniq", (1, 1), &[W::Array], UInt64),
    eval("arrayConcat", (1, MANY), &[W::Array], Common(0)),
    eval("arraySlice", (2, 3), &[W::Array, W::Int], Same(0)),
    eval("arrayResize", (2, 3), &[W::Array, W::Int, W::Any], Same(0)),
    eval_or_null("arrayElement", (2, 2), &[W::Array, W::Int], By(element)),
    eval("has", (2, 2), &[W::Array, W::Any], Condition),
    eval("hasAny", (2, 2), &[W::Array], Condition),
    eval("hasAll", (2, 2), &[W::Array], Condition),
    scalar("indexOf", (2, 2), &[W::Array, W::Any], UInt64, Strict, Eval),
    eval("countEqual", (2, 2), &[W::Array, W::Any], UInt64),
    eval("arrayEnumerate", (1, 1), &[W::Array], Ints),
    scalar("arrayZip", (2, 8), &[W::Array], By(zipped), Strict, Eval),
    eval("arrayFlatten", (1, 1), &[W::Array], By(flattened)),
    eval("arrayCompact", (1, 1), &[W::Array], Same(0)),
    eval("arrayDifference", (1, 1), &[W::Array], Same(0)),
    eval("arrayCumSum", (1, 1), &[W::Array], Same(0)),
    eval("arrayProduct", (1, 1), &[W::Array], Float),
    scalar("arrayPushBack", (2, 2), &[W::Array, W::Any], By(pushed), Strict, Eval),
    scalar("arrayPushFront", (2, 2), &[W::Array, W::Any], By(pushed), Strict, Eval),
    eval("arrayPopBack", (1, 1), &[W::Array], Same(0)),
    eval("arrayPopFront", (1, 1), &[W::Array], Same(0)),
    eval("arrayIntersect", (1, MANY), &[W::Array], Common(0)),
    eval("arrayWithConstant", (2, 2), &[W::Int, W::Any], ArrayOf(1)),
    eval("arrayRotateLeft", (2, 2), &[W::Array, W::Int], Same(0)),
    eval("arrayRotateRight", (2, 2), &[W::Array, W::Int], Same(0)),
    eval("range", (1, 3), &[W::Int], Ints),
    eval("emptyArrayString", (0, 0), &[], Texts),
    eval("emptyArrayInt64", (0, 0), &[], Ints),
    scalar("arrayFold", (3, 8), &[W::Any, W::Array], Same(2), Strict, Special),
    scalar("arraySplit", (2, 8), &[W::Any, W::Array], ArrayOf(1), Strict, Special),
    scalar("arrayFill", (2, 8), &[W::Any, W::Array], Same(1), Strict, Special),
    scalar("arrayLastIndex", (2, 8), &[W::Any, W::Array], UInt64, Strict, Special),
    eval("arraySplitTrue", (2, 2), &[W::Array], ArrayOf(0)),
    eval("arrayFillTrue", (2, 2), &[W::Array], Same(0)),
    eval("lastIndexOf", (2, 2), &[W::Array, W::Any], UInt64),

    // Key, value, key, value …
    scalar("map", (0, MANY), &[W::Any], By(map_of), Never, Eval),
    eval("mapFromArrays", (2, 2), &[W::Array], By(map_of_arrays)),
    eval("mapKeys", (1, 1), &[W::Any], By(map_keys)),
    eval("mapValues", (1, 1), &[W::Any], By(map_values)),
    eval("mapContains", (2, 2), &[W::Any], Condition),
    scalar("mapElement", (2, 2), &[W::Any], By(map_value), Never, Eval),
    scalar("tupleElement", (2, 2), &[W::Any], Same(0), Strict, Special),
    // `topK(n)(x)` over all values; the count comes first.
    scalar("mostFrequent", (2, 2), &[W::Int, W::Array], Same(1), Never, Eval),
];

fn tuple_of(args: &[Typed]) -> Column {
    Column::new(Type::Tuple(args.iter().map(Typed::column).collect()))
}

/// NULL only when every argument may be.
fn first_present(args: &[Typed]) -> Column {
    let kind = args.iter().fold(Type::Null, |kind, arg| kind.common(&arg.kind));
    Column { kind, nullable: args.iter().all(|arg| arg.nullable) }
}

fn semver_parts(_: &[Typed]) -> Column {
    Column::new(Type::array(Column::nullable(INT64)))
}

fn text_pairs(_: &[Typed]) -> Column {
    Column::new(Type::array(Column::new(Type::Tuple(vec![Column::new(Type::String), Column::new(Type::String)]))))
}

fn interval(_: &[Typed]) -> Column {
    Column::new(Type::Interval(crate::time::Unit::Day))
}

fn item(args: &[Typed]) -> Column {
    match args.first().map(|arg| &arg.kind) {
        Some(Type::Array(item)) => (**item).clone(),
        _ => Column::nullable(Type::Null),
    }
}

/// A position outside of the array gives NULL, or the type's default where elements cannot be NULL.
fn element(args: &[Typed]) -> Column {
    let item = item(args);
    let has_default = matches!(item.kind, Type::Int(_) | Type::Float | Type::String | Type::Bool | Type::Condition);
    let nullable = item.nullable || !has_default || args.iter().any(|arg| arg.nullable);
    Column { kind: item.kind, nullable }
}

/// As wide as ClickHouse computes with: one step wider than the wider side.
fn sum_of(args: &[Typed]) -> Column {
    arithmetic(args, false)
}

/// Of the type of the divisor.
fn remainder_of(args: &[Typed]) -> Column {
    let nullable = args.iter().any(|arg| arg.nullable);
    let whole = args.iter().all(|arg| matches!(arg.kind, Type::Int(_) | Type::Bool | Type::Condition));
    Column { kind: if whole { args[1].kind.clone() } else { Type::Float }, nullable }
}

/// The same, and always signed.
fn difference_of(args: &[Typed]) -> Column {
    arithmetic(args, true)
}

fn arithmetic(args: &[Typed], signed: bool) -> Column {
    let nullable = args.iter().any(|arg| arg.nullable);
    let mut widest = 8;
    let mut signed = signed;
    for arg in args {
        match &arg.kind {
            Type::Int(name) => {
                signed |= name.starts_with('I');
                widest = widest.max(name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(64));
            }
            Type::Bool | Type::Condition => {}
            _ => return Column { kind: Type::Float, nullable },
        }
    }
    let name = match (signed, widest) {
        (false, 8) => "UInt16",
        (false, 16) => "UInt32",
        (false, _) => "UInt64",
        (true, 8) => "Int16",
        (true, 16) => "Int32",
        (true, _) => "Int64",
    };
    Column { kind: Type::Int(name), nullable }
}

fn number_element(args: &[Typed]) -> Column {
    Column::new(if matches!(item(args).kind, Type::Int(_) | Type::Condition | Type::Bool) { INT64 } else { Type::Float })
}

fn zipped(args: &[Typed]) -> Column {
    let items = args.iter().map(|arg| item(std::slice::from_ref(arg))).collect();
    Column::new(Type::array(Column::new(Type::Tuple(items))))
}

fn sides(args: &[Typed], at: usize) -> Column {
    args.iter().skip(at).step_by(2).fold(Column::new(Type::Null), |column, arg| column.common(&arg.column()))
}

fn map_of(args: &[Typed]) -> Column {
    let key = Column::new(sides(args, 0).kind);
    let value = Column { nullable: args.iter().skip(1).step_by(2).any(|arg| arg.nullable), kind: sides(args, 1).kind };
    Column::new(Type::Map(Box::new(key), Box::new(value)))
}

fn map_of_arrays(args: &[Typed]) -> Column {
    let item = |at: usize| args.get(at).map_or(Column::nullable(Type::Null), |arg| item(std::slice::from_ref(arg)));
    Column::new(Type::Map(Box::new(Column::new(item(0).kind)), Box::new(item(1))))
}

fn map_parts(args: &[Typed]) -> (Column, Column) {
    match args.first().map(|arg| &arg.kind) {
        Some(Type::Map(key, value)) => ((**key).clone(), (**value).clone()),
        _ => (Column::nullable(Type::Null), Column::nullable(Type::Null)),
    }
}

fn map_keys(args: &[Typed]) -> Column {
    Column::new(Type::array(map_parts(args).0))
}

fn map_values(args: &[Typed]) -> Column {
    Column::new(Type::array(map_parts(args).1))
}

/// A key that is not there has the default value of the type.
fn map_value(args: &[Typed]) -> Column {
    let (_, value) = map_parts(args);
    let has_default = matches!(value.kind, Type::Int(_) | Type::Float | Type::String | Type::Bool | Type::Condition | Type::Array(_));
    Column { nullable: value.nullable || !has_default, kind: value.kind }
}

fn flattened(args: &[Typed]) -> Column {
    let mut inner = item(args);
    while let Type::Array(next) = inner.kind {
        inner = *next;
    }
    Column::new(Type::array(inner))
}

fn pushed(args: &[Typed]) -> Column {
    let added = args.get(1).map_or(Column::nullable(Type::Null), Typed::column);
    Column::new(Type::array(item(args).common(&added)))
}
