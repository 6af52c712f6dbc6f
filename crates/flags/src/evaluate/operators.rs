//! What the operators of conditions mean. A condition is read once, into a [`Test`]; comparing parses nothing of it again.

use super::{
    dates::When,
    patterns::Pattern,
    values::{self, Held},
    versions,
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use semver::{Comparator, Version};
use serde_json::Value;
use std::cmp::Ordering;

/// Longer lists are searched in order.
const SHORT_LIST: usize = 8;
/// Operators whose opposite is spelled with `not_`.
const HAVE_OPPOSITES: [&str; 6] = ["icontains", "icontains_multi", "starts_with", "ends_with", "regex", "between"];

#[derive(Debug)]
pub struct Operator {
    test: Test,
    /// The opposite is asked, which a missing property satisfies.
    negated: bool,
}

#[derive(Debug)]
enum Test {
    /// Matches nothing, not even the absence: the operator or the value to compare with makes no sense.
    Never,
    Present,
    Truth(bool),
    Equals(Folded),
    Among(Vec<Folded>),
    /// By fingerprint.
    AmongSorted(Vec<Folded>),
    Contains(Vec<Box<str>>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Pattern(Box<Pattern>),
    Number(Comparison, f64),
    Between(f64, f64),
    Version(Comparison, Box<Version>),
    VersionRange(Box<Comparator>),
    Date(Comparison, When),
}

/// A text in lower case; one that is not it is mostly told by its fingerprint.
#[derive(Debug)]
struct Folded {
    fingerprint: u64,
    text: Box<str>,
}

impl Folded {
    fn is(&self, held: &Held) -> bool {
        self.fingerprint == held.fingerprint() && *self.text == *held.folded()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Greater => ordering.is_gt(),
        }
    }
}

impl Operator {
    /// An unknown operator, or a value that does not fit it, matches nothing.
    pub fn compile(name: &str, value: Option<&Value>, timezone: Tz) -> Self {
        let value = value.filter(|value| !value.is_null());
        let (positive, negated) = match name {
            "is_not" => ("exact", true),
            "is_not_set" => ("is_set", true),
            _ => match name.strip_prefix("not_").filter(|positive| HAVE_OPPOSITES.contains(positive)) {
                Some(positive) => (positive, true),
                None => (name, false),
            },
        };
        let test = match (positive, value) {
            ("is_set", _) => Some(Test::Present),
            (_, None) => None,
            (_, Some(value)) => text_test(positive, value).or_else(|| ordered_test(positive, value, timezone)),
        };
        Self { test: test.unwrap_or(Test::Never), negated }
    }

    /// The operator exists and the value fits it: something can match. For checks before writing.
    pub fn can_match(&self) -> bool {
        match &self.test {
            Test::Never => false,
            Test::Pattern(pattern) => pattern.warm(),
            _ => true,
        }
    }

    /// Compiles its pattern now; `false` when it has none.
    pub fn warm(&self) -> bool {
        matches!(&self.test, Test::Pattern(pattern) if pattern.warm())
    }

    /// `None`: the property is not there.
    pub fn matches(&self, held: Option<&Held>, now: DateTime<Utc>, timezone: Tz) -> bool {
        match held {
            None => self.negated && !matches!(self.test, Test::Never),
            Some(held) => self.test.of(held, now, timezone).is_some_and(|matched| matched != self.negated),
        }
    }

    /// How long a comparison may take, in units of some nanoseconds.
    pub fn cost(&self, held: &Held) -> u64 {
        match &self.test {
            Test::Contains(needles) => needles.len() as u64 * (1 + held.text().len() as u64 / 16),
            Test::Pattern(pattern) => pattern.cost(held.text()),
            _ => 1,
        }
    }
}

impl Test {
    /// `None` when the two cannot be compared: then neither the operator nor its opposite matches.
    fn of(&self, held: &Held, now: DateTime<Utc>, timezone: Tz) -> Option<bool> {
        match self {
            Self::Never => None,
            Self::Present => Some(true),
            Self::Truth(wanted) => Some(held.is_true() == *wanted),
            Self::Equals(text) => Some(text.is(held)),
            Self::Among(texts) => Some(texts.iter().any(|text| text.is(held))),
            Self::AmongSorted(texts) => {
                let from = texts.partition_point(|text| text.fingerprint < held.fingerprint());
                Some(texts[from..].iter().take_while(|text| text.fingerprint == held.fingerprint()).any(|text| text.is(held)))
            }
            Self::Contains(needles) => Some(needles.iter().any(|needle| held.ascii_folded().contains(&**needle))),
            Self::StartsWith(text) => Some(held.ascii_folded().starts_with(&**text)),
            Self::EndsWith(text) => Some(held.ascii_folded().ends_with(&**text)),
            Self::Pattern(pattern) => pattern.is_match(held.text()),
            Self::Number(comparison, bound) => Some(comparison.holds(held.number()?.partial_cmp(bound)?)),
            Self::Between(min, max) => Some(held.number().is_some_and(|number| (*min..=*max).contains(&number))),
            Self::Version(comparison, bound) => Some(comparison.holds(held.version()?.cmp(bound.as_ref()))),
            Self::VersionRange(range) => Some(range.matches(held.version()?)),
            Self::Date(comparison, when) => Some(comparison.holds(held.instant(timezone)?.cmp(&when.from(now)?))),
        }
    }
}

fn text_test(operator: &str, value: &Value) -> Option<Test> {
    let ascii_folded = |value: &Value| Held::sent(value).ascii_folded().into();
    Some(match operator {
        "exact" => equality(value),
        "icontains" => Test::Contains(vec![ascii_folded(value)]),
        "icontains_multi" => Test::Contains(items(value).iter().map(ascii_folded).collect()),
        "starts_with" => Test::StartsWith(ascii_folded(value)),
        "ends_with" => Test::EndsWith(ascii_folded(value)),
        "regex" => Test::Pattern(Box::new(Pattern::new(Held::sent(value).text()))),
        _ => return None,
    })
}

fn ordered_test(operator: &str, value: &Value, timezone: Tz) -> Option<Test> {
    let text = || Held::sent(value).text().to_owned();
    if let Some(comparison) = comparison(operator) {
        return values::number_of(value).map(|bound| Test::Number(comparison, bound));
    }
    match operator {
        "between" => bounds(value).map(|(min, max)| Test::Between(min, max)),
        "semver_tilde" => versions::tilde(&text()).map(Box::new).map(Test::VersionRange),
        "semver_caret" => versions::caret(&text()).map(Box::new).map(Test::VersionRange),
        "semver_wildcard" => versions::wildcard(&text()).map(Box::new).map(Test::VersionRange),
        "is_date_before" => date(Comparison::Less, value, timezone),
        "is_date_after" => date(Comparison::Greater, value, timezone),
        "is_date_exact" => date(Comparison::Equal, value, timezone),
        _ => {
            let comparison = match operator.strip_prefix("semver_")? {
                "eq" => Comparison::Equal,
                "neq" => Comparison::NotEqual,
                other => comparison(other)?,
            };
            versions::parse(&text()).map(|bound| Test::Version(comparison, Box::new(bound)))
        }
    }
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "lt" => Comparison::Less,
        "lte" => Comparison::LessOrEqual,
        "gt" => Comparison::Greater,
        "gte" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// Whoever compares with truth values compares truth: then everything that is not true is false. An empty list is one of those, and true.
fn equality(value: &Value) -> Test {
    if is_truth_value(value) {
        return Test::Truth(values::is_true(value));
    }
    let folded = |value: &Value| {
        let held = Held::sent(value);
        Folded { fingerprint: held.fingerprint(), text: held.folded().into() }
    };
    match value {
        Value::Array(items) if items.len() == 1 => Test::Equals(folded(&items[0])),
        Value::Array(items) => {
            let mut texts: Vec<Folded> = items.iter().map(folded).collect();
            if texts.len() <= SHORT_LIST {
                return Test::Among(texts);
            }
            texts.sort_unstable_by_key(|text| text.fingerprint);
            Test::AmongSorted(texts)
        }
        value => Test::Equals(folded(value)),
    }
}

fn is_truth_value(value: &Value) -> bool {
    match value {
        Value::Bool(_) => true,
        Value::String(text) => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
        Value::Array(items) => items.iter().all(is_truth_value),
        _ => false,
    }
}

/// A bare value counts as a list of one.
fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        value => std::slice::from_ref(value),
    }
}

fn bounds(value: &Value) -> Option<(f64, f64)> {
    let [min, max] = value.as_array()?.as_slice() else { return None };
    let (min, max) = (values::number_of(min)?, values::number_of(max)?);
    (min <= max).then_some((min, max))
}

fn date(comparison: Comparison, value: &Value, timezone: Tz) -> Option<Test> {
    When::parse(value.as_str()?, timezone).map(|when| Test::Date(comparison, when))
}
