//! Texts. Positions count characters from 1.

use super::eval::entries;
use super::value::{Kind, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datafusion::common::{Result, exec_err};
use regex::Regex;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::HashMap;

/// Longest text that a function may make out of a short one.
const MAX_TEXT: usize = 1 << 20;

entries! {
    strict {
        "substring" => substring,
        "trim" => |args, _| Ok(Value::text(args[0].as_str().trim_matches(trimmed(args)))),
        "trimBoth" => |args, _| Ok(Value::text(args[0].as_str().trim_matches(trimmed(args)))),
        "trimLeft" => |args, _| Ok(Value::text(args[0].as_str().trim_start_matches(trimmed(args)))),
        "trimRight" => |args, _| Ok(Value::text(args[0].as_str().trim_end_matches(trimmed(args)))),
        "position" => |args, _| Ok(position(args[0].as_str(), args[1].as_str(), args.get(2))),
        "positionCaseInsensitive" => |args, _| Ok(position(&args[0].as_str().to_lowercase(), &args[1].as_str().to_lowercase(), args.get(2))),
        "countSubstrings" => |args, _| Ok(count(args[0].as_str(), args[1].as_str())),
        "countSubstringsCaseInsensitive" => |args, _| Ok(count(&args[0].as_str().to_lowercase(), &args[1].as_str().to_lowercase())),
        "replaceOne" => |args, _| Ok(Value::text(if args[1].as_str().is_empty() { args[0].as_str().to_owned() } else { args[0].as_str().replacen(args[1].as_str(), args[2].as_str(), 1) })),
        "replaceRegexpOne" => |args, _| with_regex(args[1].as_str(), |regex| Value::text(regex.replace(args[0].as_str(), replacement(args[2].as_str())))),
        "replaceRegexpAll" => |args, _| with_regex(args[1].as_str(), |regex| Value::text(regex.replace_all(args[0].as_str(), replacement(args[2].as_str())))),
        "extract" => |args, _| with_regex(args[1].as_str(), |regex| Value::text(regex.captures(args[0].as_str()).map_or("", |found| first_group(&found)))),
        "extractAll" => |args, _| with_regex(args[1].as_str(), |regex| Value::Array(regex.captures_iter(args[0].as_str()).map(|found| Value::text(first_group(&found))).collect())),
        "extractGroups" => |args, _| with_regex(args[1].as_str(), |regex| {
            let groups = regex.captures(args[0].as_str()).map(|found| found.iter().skip(1).map(|group| Value::text(group.map_or("", |group| group.as_str()))).collect());
            Value::Array(groups.unwrap_or_default())
        }),
        "multiSearchAny" => |args, _| Ok(Value::Bool(args[1].items().iter().any(|needle| args[0].as_str().contains(needle.as_str())))),
        "multiSearchAnyCaseInsensitive" => |args, _| {
            let text = args[0].as_str().to_lowercase();
            Ok(Value::Bool(args[1].items().iter().any(|needle| text.contains(&needle.as_str().to_lowercase()))))
        },
        "multiSearchFirstIndex" => |args, _| Ok(index(args[1].items().iter().position(|needle| args[0].as_str().contains(needle.as_str())))),
        "multiMatchAny" => |args, _| Ok(Value::Bool(first_match(args)?.is_some())),
        "multiMatchAnyIndex" => |args, _| Ok(index(first_match(args)?)),
        "splitByChar" => |args, _| Ok(split(args[0].as_str(), args[1].as_str(), args.get(2))),
        "splitByString" => |args, _| Ok(split(args[0].as_str(), args[1].as_str(), args.get(2))),
        "splitByRegexp" => |args, _| with_regex(args[0].as_str(), |regex| Value::Array(regex.split(args[1].as_str()).map(Value::text).collect())),
        "splitByWhitespace" => |args, _| Ok(Value::Array(args[0].as_str().split_whitespace().map(Value::text).collect())),
        "arrayStringConcat" => |args, _| {
            let items: Vec<String> = args[0].items().iter().filter_map(Value::to_text).collect();
            Ok(Value::text(items.join(args.get(1).map_or("", Value::as_str))))
        },
        "format" => format_pattern,
        "leftPad" => |args, _| pad(args, true),
        "rightPad" => |args, _| pad(args, false),
        "repeat" => repeat,
        "initcap" => |args, _| Ok(Value::text(initcap(args[0].as_str()))),
        "ascii" => |args, _| Ok(Value::Int(args[0].as_str().bytes().next().unwrap_or(0).into())),
        "base64Encode" => |args, _| Ok(Value::text(STANDARD.encode(args[0].as_str()))),
        "base64Decode" => |args, _| Ok(STANDARD.decode(args[0].as_str()).map_or(Value::Null, |bytes| Value::text(String::from_utf8_lossy(&bytes)))),
        "hex" => |args, _| Ok(Value::text(match &args[0] {
            Value::Int(value) => format!("{value:X}"),
            other => other.to_text().unwrap_or_default().bytes().map(|byte| format!("{byte:02X}")).collect(),
        })),
        "unhex" => |args, _| Ok(unhex(args[0].as_str()).map_or(Value::Null, |bytes| Value::text(String::from_utf8_lossy(&bytes)))),
        "SHA256" => |args, _| Ok(Value::text(Sha256::digest(args[0].as_str()).iter().map(|byte| format!("{byte:02x}")).collect::<String>())),
        "xxHash64" => |args, _| Ok(Value::Int(xxhash_rust::xxh64::xxh64(joined(args).as_bytes(), 0) as i64)),
        "sampleKey" => |args, _| Ok(Value::Float((xxhash_rust::xxh3::xxh3_64(args[0].as_str().as_bytes()) >> 11) as f64 / (1u64 << 53) as f64)),
        "editDistance" => edit_distance,
        "ngramDistance" => |args, _| Ok(Value::Float(ngram_distance(args[0].as_str(), args[1].as_str()))),
        "toValidUTF8" => |args, _| Ok(args[0].clone()),
        "sortableSemver" => |args, _| Ok(Value::Array(semver(args[0].as_str()))),
    }
}

thread_local! {
    static REGEXES: RefCell<HashMap<String, Regex>> = RefCell::default();
}

/// Compiled expressions are kept per thread; few, because each may take some memory.
fn with_regex(pattern: &str, run: impl FnOnce(&Regex) -> Value) -> Result<Value> {
    REGEXES.with_borrow_mut(|known| {
        if !known.contains_key(pattern) {
            if known.len() >= 64 {
                known.clear();
            }
            match regex::RegexBuilder::new(pattern).size_limit(1 << 21).build() {
                Ok(regex) => known.insert(pattern.to_owned(), regex),
                Err(problem) => return exec_err!("Invalid regular expression: {problem}"),
            };
        }
        Ok(run(&known[pattern]))
    })
}

/// ClickHouse writes groups as `\1`, the regex crate as `${1}`.
fn replacement(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                out.push_str("${");
                out.push(*digit);
                out.push('}');
                chars.next();
            }
            ('\\', Some('\\')) => {
                out.push('\\');
                chars.next();
            }
            ('$', _) => out.push_str("$$"),
            _ => out.push(c),
        }
    }
    out
}

fn first_group<'a>(found: &regex::Captures<'a>) -> &'a str {
    found.get(1).or_else(|| if found.len() > 1 { None } else { found.get(0) }).map_or("", |group| group.as_str())
}

fn first_match(args: &[Value]) -> Result<Option<usize>> {
    for (at, pattern) in args[1].items().iter().enumerate() {
        if with_regex(pattern.as_str(), |regex| Value::Bool(regex.is_match(args[0].as_str())))? == Value::Bool(true) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn index(at: Option<usize>) -> Value {
    Value::Int(at.map_or(0, |at| at as i64 + 1))
}

fn substring(args: &[Value], _: &Kind) -> Result<Value> {
    let text = args[0].as_str();
    let (offset, length) = (args[1].as_int(), args.get(2).map(Value::as_int));
    let count = if offset < 0 { text.chars().count() } else { 0 };
    let start = match offset {
        0 => return Ok(Value::text("")),
        1.. => offset as usize - 1,
        _ => count.saturating_sub(offset.unsigned_abs() as usize),
    };
    let from = text.char_indices().nth(start).map_or(text.len(), |(at, _)| at);
    let rest = &text[from..];
    Ok(Value::text(match length {
        None => rest,
        Some(length @ 0..) => &rest[..rest.char_indices().nth(length as usize).map_or(rest.len(), |(at, _)| at)],
        // A negative length leaves out that many characters at the end.
        Some(length) => {
            let keep = rest.chars().count().saturating_sub(length.unsigned_abs() as usize);
            &rest[..rest.char_indices().nth(keep).map_or(rest.len(), |(at, _)| at)]
        }
    }))
}

fn trimmed(args: &[Value]) -> impl Fn(char) -> bool + Copy {
    let characters = args.get(1).map_or(" ", Value::as_str);
    move |c| characters.contains(c)
}

fn position(text: &str, needle: &str, from: Option<&Value>) -> Value {
    let skip = from.map_or(0, |from| (from.as_int() - 1).max(0) as usize);
    let start = text.char_indices().nth(skip).map_or(text.len(), |(at, _)| at);
    Value::Int(text[start..].find(needle).map_or(0, |at| (skip + text[start..start + at].chars().count()) as i64 + 1))
}

fn count(text: &str, needle: &str) -> Value {
    Value::Int(if needle.is_empty() { 0 } else { text.matches(needle).count() as i64 })
}

fn split(separator: &str, text: &str, limit: Option<&Value>) -> Value {
    let limit = limit.map_or(usize::MAX, |limit| if limit.as_int() > 0 { limit.as_int() as usize } else { usize::MAX });
    if separator.is_empty() {
        return Value::Array(text.chars().take(limit).map(|c| Value::text(c.to_string())).collect());
    }
    Value::Array(text.split(separator).take(limit).map(Value::text).collect())
}

/// `{}` takes the next argument, `{0}` that at a position, `{{` is a brace.
fn format_pattern(args: &[Value], _: &Kind) -> Result<Value> {
    let mut out = String::new();
    let mut rest = args[0].as_str();
    let mut next = 1;
    while let Some(at) = rest.find(['{', '}']) {
        out += &rest[..at];
        let brace = &rest[at..=at];
        if rest[at + 1..].starts_with(brace) {
            out += brace;
            rest = &rest[at + 2..];
            continue;
        }
        let Some(end) = rest[at..].find('}').filter(|_| brace == "{") else {
            return exec_err!("a brace in the pattern of format is never closed");
        };
        let name = &rest[at + 1..at + end];
        let position = if name.is_empty() { next } else { name.parse::<usize>().map_or(usize::MAX, |position| position.saturating_add(1)) };
        let Some(value) = args.get(position) else { return exec_err!("the pattern of format asks for an argument that is not there") };
        out += &value.to_text().unwrap_or_default();
        next += 1;
        rest = &rest[at + end + 1..];
    }
    out += rest;
    Ok(Value::text(out))
}

fn pad(args: &[Value], left: bool) -> Result<Value> {
    let text = args[0].as_str();
    let length = usize::try_from(args[1].as_int()).unwrap_or(0);
    let filler = args.get(2).map_or(" ", Value::as_str);
    if length > MAX_TEXT {
        return exec_err!("a text may be padded to {MAX_TEXT} characters at most");
    }
    let count = text.chars().count();
    if length <= count || filler.is_empty() {
        return Ok(Value::text(text.chars().take(length).collect::<String>()));
    }
    let padding: String = filler.chars().cycle().take(length - count).collect();
    Ok(Value::text(if left { padding + text } else { text.to_owned() + &padding }))
}

fn repeat(args: &[Value], _: &Kind) -> Result<Value> {
    let count = usize::try_from(args[1].as_int()).unwrap_or(0);
    if args[0].as_str().len().saturating_mul(count) > MAX_TEXT {
        return exec_err!("repeat may make {MAX_TEXT} bytes at most");
    }
    Ok(Value::text(args[0].as_str().repeat(count)))
}

fn initcap(text: &str) -> String {
    let mut in_word = false;
    text.chars()
        .map(|c| {
            let first = c.is_alphanumeric() && !in_word;
            in_word = c.is_alphanumeric();
            if first { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
        })
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if bytes.len() % 2 != 0 {
        return None;
    }
    bytes.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn joined(args: &[Value]) -> String {
    args.iter().filter_map(Value::to_text).collect()
}

fn edit_distance(args: &[Value], _: &Kind) -> Result<Value> {
    let (a, b): (Vec<char>, Vec<char>) = (args[0].as_str().chars().collect(), args[1].as_str().chars().collect());
    if a.len().saturating_mul(b.len()) > MAX_TEXT {
        return exec_err!("the texts are too long for an edit distance");
    }
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (row, x) in a.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, y) in b.iter().enumerate() {
            let cost = previous[column] + usize::from(x != y);
            current.push(cost.min(previous[column + 1] + 1).min(current[column] + 1));
        }
        previous = current;
    }
    Ok(Value::Int(previous[b.len()] as i64))
}

/// 0 for equal sets of 4-grams, 1 for disjoint ones.
fn ngram_distance(a: &str, b: &str) -> f64 {
    let grams = |text: &str| {
        let mut grams: Vec<Vec<u8>> = text.as_bytes().windows(4).map(<[u8]>::to_vec).collect();
        grams.sort_unstable();
        grams
    };
    let (a, b) = (grams(a), grams(b));
    if a.is_empty() && b.is_empty() {
        return 0.0;
    }
    let (mut i, mut j, mut shared) = (0, 0, 0usize);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => (i, j, shared) = (i + 1, j + 1, shared + 1),
        }
    }
    (a.len() + b.len() - 2 * shared) as f64 / (a.len() + b.len()) as f64
}

/// `v1.2.3-beta` → `[1, 2, 3]`; a single NULL when it is no version.
fn semver(text: &str) -> Vec<Value> {
    let core = text.trim().trim_start_matches(['v', 'V']);
    let core = core.split(['-', '+']).next().unwrap_or("");
    let parts: Option<Vec<Value>> = core.split('.').map(|part| part.parse().ok().map(Value::Int)).collect();
    parts.unwrap_or_else(|| vec![Value::Null])
}
