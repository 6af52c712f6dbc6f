//! `$1` for SQLite. It knows such parameters by name and searches its list of names for each one, so that a statement with
//! thousands of them takes seconds; a bare `?` is known by its place and costs nothing.

use crate::Value;
use std::borrow::Cow;

/// With fewer parameters the search does not matter, and a repeated one may stay a single value (`GROUP BY` an expression of it).
const FEW: usize = 32;

/// The statement with bare `?` and the values in their order, or both as they were.
pub(crate) fn positional<'a>(sql: &'a str, values: &'a [Value]) -> (Cow<'a, str>, Cow<'a, [Value]>) {
    if values.len() <= FEW {
        return (Cow::Borrowed(sql), Cow::Borrowed(values));
    }
    let (text, order) = replace(sql);
    let in_order = order.len() == values.len() && order.iter().enumerate().all(|(at, number)| at + 1 == *number);
    if in_order {
        return (Cow::Owned(text), Cow::Borrowed(values));
    }
    let repeated: Option<Vec<Value>> = order.iter().map(|number| values.get(number.wrapping_sub(1)).cloned()).collect();
    match repeated.filter(|values| values.len() <= crate::MAX_PARAMETERS) {
        Some(values) => (Cow::Owned(text), Cow::Owned(values)),
        None => (Cow::Borrowed(sql), Cow::Borrowed(values)),
    }
}

/// Replaces each `$n` outside quotes and comments, and returns the numbers in order.
fn replace(sql: &str) -> (String, Vec<usize>) {
    let bytes = sql.as_bytes();
    let (mut text, mut order) = (String::with_capacity(sql.len()), Vec::new());
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"') => at = end_of_quoted(bytes, at, quote),
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| at + end)
            }
            b'$' => {
                let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                if let Ok(number) = sql[at + 1..at + 1 + digits].parse() {
                    text.push_str(&sql[copied..at]);
                    text.push('?');
                    order.push(number);
                    copied = at + 1 + digits;
                }
                at += 1 + digits;
            }
            _ => at += 1,
        }
    }
    text.push_str(&sql[copied..]);
    (text, order)
}

fn end_of_quoted(bytes: &[u8], start: usize, quote: u8) -> usize {
    // A doubled quote ends one text and begins the next, which comes to the same.
    bytes[start + 1..].iter().position(|byte| *byte == quote).map_or(bytes.len(), |length| start + length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many() -> Vec<Value> {
        (1..=40).map(Value::Int).collect()
    }

    #[test]
    fn parameters_in_order_lose_their_names() {
        let values = many();
        let sql = format!("INSERT INTO t VALUES {}", crate::placeholders(20, 2));
        let (text, same) = positional(&sql, &values);
        assert!(text.starts_with("INSERT INTO t VALUES (?,?),(?,?)") && !text.contains('$'));
        assert!(matches!(same, Cow::Borrowed(_)));
    }

    #[test]
    fn repeated_parameters_repeat_their_values() {
        let values = many();
        let sql = format!("SELECT $2, '$1 isn''t one', \"$3\" -- $4\n, $1 WHERE x IN ({})", crate::parameter_list(1, 40));
        let (text, values) = positional(&sql, &values);
        assert!(text.starts_with("SELECT ?, '$1 isn''t one', \"$3\" -- $4\n, ? WHERE"), "{text}");
        assert_eq!(values[..3], [Value::Int(2), Value::Int(1), Value::Int(1)]);
        assert_eq!(values.len(), 42);
    }

    #[test]
    fn a_few_parameters_stay_as_they_are() {
        let (text, _) = positional("SELECT $1", &[Value::Null]);
        assert_eq!(text, "SELECT $1");
    }
}
