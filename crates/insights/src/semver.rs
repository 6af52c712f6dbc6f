//! Version comparisons: strict `X.Y.Z`, an optional leading `v`, anything after the numbers ignored.

use query::ast::{CompareOp, Expr};

type Version = [i64; 3];

pub fn condition(x: Expr, operator: &str, text: &str) -> Result<Expr, String> {
    let wrong = || format!("\"{text}\" is not a version that {operator} can be used with");
    let parts = read(text, operator == "semver_wildcard").ok_or_else(wrong)?;
    let exact = || <Version>::try_from(parts.as_slice()).map_err(|_| wrong());
    Ok(match operator {
        "semver_eq" => Expr::and([is_version(&x), order(&x, CompareOp::GtEq, exact()?), Expr::not(order(&x, CompareOp::Gt, exact()?))]),
        "semver_neq" => Expr::and([is_version(&x), Expr::or([order(&x, CompareOp::Lt, exact()?), order(&x, CompareOp::Gt, exact()?)])]),
        "semver_gt" => order(&x, CompareOp::Gt, exact()?),
        "semver_gte" => order(&x, CompareOp::GtEq, exact()?),
        "semver_lt" => order(&x, CompareOp::Lt, exact()?),
        "semver_lte" => order(&x, CompareOp::LtEq, exact()?),
        "semver_tilde" => between(&x, &parts, parts.len().min(2) - 1),
        "semver_caret" => between(&x, &parts, parts.iter().position(|part| *part != 0).unwrap_or(parts.len() - 1)),
        "semver_wildcard" => between(&x, &parts, parts.len() - 1),
        _ => return Err(format!("\"{operator}\" is not a known operator")),
    })
}

/// From the version itself up to, not including, the one whose part at `raise` is one higher.
fn between(x: &Expr, parts: &[i64], raise: usize) -> Expr {
    let mut low = [0; 3];
    low[..parts.len()].copy_from_slice(parts);
    let mut high = [0; 3];
    high[..=raise].copy_from_slice(&low[..=raise]);
    high[raise] += 1;
    Expr::and([order(x, CompareOp::GtEq, low), order(x, CompareOp::Lt, high)])
}

/// One to three numbers; `1.2.*` ends at the star.
fn read(text: &str, wildcard: bool) -> Option<Vec<i64>> {
    let text = text.trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let text = text.split(['-', '+', ' ']).next()?;
    let mut parts = Vec::new();
    for part in text.split('.') {
        if wildcard && matches!(part, "*" | "x" | "X") {
            break;
        }
        parts.push(part.parse().ok().filter(|part| (0..=1_000_000_000_000).contains(part))?);
    }
    (1..=3).contains(&parts.len()).then_some(parts)
}

const PATTERN: &str = r"^[vV]?[0-9]+\.[0-9]+\.[0-9]+";

fn is_version(x: &Expr) -> Expr {
    Expr::compare(CompareOp::Regex, x.clone(), Expr::constant(PATTERN))
}

/// Compares the three numbers in turn; texts that are no version compare as missing, that is, never hold.
fn order(x: &Expr, op: CompareOp, version: Version) -> Expr {
    let part = |index: usize| {
        let pattern = [r"^[vV]?([0-9]+)\.[0-9]+\.[0-9]+", r"^[vV]?[0-9]+\.([0-9]+)\.[0-9]+", r"^[vV]?[0-9]+\.[0-9]+\.([0-9]+)"][index];
        Expr::call("toInt", [Expr::call("extract", [x.clone(), Expr::constant(pattern)])])
    };
    let strict = if matches!(op, CompareOp::Gt | CompareOp::GtEq) { CompareOp::Gt } else { CompareOp::Lt };
    let compare = |index: usize, op: CompareOp| Expr::compare(op, part(index), Expr::constant(version[index]));
    Expr::or([
        compare(0, strict),
        Expr::and([compare(0, CompareOp::Eq), Expr::or([compare(1, strict), Expr::and([compare(1, CompareOp::Eq), compare(2, op)])])]),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_wildcards_are_read() {
        assert_eq!(read("v1.2.3-beta", false), Some(vec![1, 2, 3]));
        assert_eq!(read("1.2.*", true), Some(vec![1, 2]));
        assert_eq!(read("1.2.*", false), None);
        assert_eq!(read("one", false), None);
        assert_eq!(read("1.2.3.4", false), None);
    }

    #[test]
    fn an_incomplete_version_is_refused_where_three_numbers_are_needed() {
        assert!(condition(Expr::field(["x"]), "semver_gt", "1.2").is_err());
        assert!(condition(Expr::field(["x"]), "semver_tilde", "1").is_ok());
        assert!(condition(Expr::field(["x"]), "semver_wildcard", "*").is_err());
    }
}
