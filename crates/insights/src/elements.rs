//! Conditions on the chain of page elements that an autocaptured event carries.
//!
//! A chain is `tag.class.class:attr="value"…` per element, joined by `;`, innermost first. Everything becomes a pattern
//! over that text.

use query::ast::{CompareOp, Expr};

pub fn condition(key: &str, operator: &str, values: &[String]) -> Result<Expr, String> {
    if values.is_empty() && !matches!(operator, "is_set" | "is_not_set") {
        return Ok(Expr::constant(true));
    }
    let negated = matches!(operator, "is_not" | "not_icontains" | "not_regex" | "is_not_set" | "not_in");
    let mut patterns = Vec::new();
    match (key, operator) {
        ("selector", "exact" | "is_not" | "in" | "not_in") => {
            for value in values {
                patterns.push(selector(value)?);
            }
        }
        ("tag_name", "exact" | "is_not" | "in" | "not_in") => {
            patterns.extend(values.iter().map(|tag| format!(r"(^|;){}(\.|$|;|:)", regex::escape(tag))));
        }
        ("href" | "text", "is_set" | "is_not_set") => patterns.push(attribute(key, ".+?")),
        ("href" | "text", "exact" | "is_not" | "in" | "not_in") => {
            patterns.extend(values.iter().map(|value| attribute(key, &regex::escape(value))));
        }
        ("href" | "text", "icontains" | "not_icontains") => {
            patterns.extend(values.iter().map(|value| format!("(?i){}", attribute(key, &format!("[^\"]*{}[^\"]*", regex::escape(value))))));
        }
        ("href" | "text", "regex" | "not_regex") => {
            for value in values {
                crate::conditions::check_regex(value)?;
                patterns.push(attribute(key, &format!("[^\"]*?(?:{value})[^\"]*?")));
            }
        }
        ("selector" | "tag_name" | "href" | "text", _) => return Err(format!("\"{operator}\" cannot be used on an element's {key}")),
        _ => return Err(format!("Elements have no \"{key}\"; use selector, tag_name, href or text")),
    }
    let chain = || Expr::field(["elements_chain"]);
    let any = Expr::or(patterns.into_iter().map(|pattern| Expr::compare(CompareOp::Regex, chain(), Expr::constant(pattern))));
    Ok(if negated { Expr::not(any) } else { any })
}

fn attribute(name: &str, value: &str) -> String {
    format!(r#"(:|")(attr__)?{name}="{value}""#)
}

/// One step of a CSS selector.
#[derive(Debug, Default, PartialEq)]
struct Step {
    tag: Option<String>,
    classes: Vec<String>,
    attributes: Vec<(String, String)>,
    /// The step to the left must be the direct parent.
    child: bool,
}

/// A pattern that matches chains in which an element matches the selector's last step inside elements matching the others.
pub fn selector(text: &str) -> Result<String, String> {
    let mut steps = steps(text)?;
    steps.reverse();
    let mut pattern = String::from("(^|;)");
    for (index, step) in steps.iter().enumerate() {
        pattern.push_str(&step_pattern(step));
        if index + 1 < steps.len() {
            pattern.push_str(if step.child { ";" } else { ";([^;]*;)*?" });
        }
    }
    pattern.push_str("(;|$)");
    Ok(pattern)
}

fn step_pattern(step: &Step) -> String {
    let mut pattern = step.tag.as_deref().map_or_else(|| "[^;.:\"]+".to_owned(), regex::escape);
    let mut classes = step.classes.clone();
    classes.sort();
    for class in classes {
        pattern.push_str(&format!(r"(\.[^;:]*?)?\.{}", regex::escape(&class)));
    }
    pattern.push_str(r"(\.[^;:]*)?");
    let mut attributes = step.attributes.clone();
    attributes.sort();
    if attributes.is_empty() {
        pattern.push_str("(:[^;]*)?");
    } else {
        pattern.push(':');
        for (name, value) in attributes {
            pattern.push_str(&format!("[^;]*?{}=\"{}\"", regex::escape(&name), regex::escape(&value)));
        }
        pattern.push_str("[^;]*");
    }
    pattern
}

fn steps(text: &str) -> Result<Vec<Step>, String> {
    let wrong = || format!("\"{text}\" is not a selector that can be searched for");
    if text.len() > 1_000 {
        return Err("A selector can have at most 1000 characters".to_owned());
    }
    let (mut steps, mut child) = (Vec::new(), false);
    for word in split_outside_brackets(text) {
        if word == ">" {
            child = true;
            continue;
        }
        steps.push(Step { child, ..step(&word).ok_or_else(wrong)? });
        child = false;
    }
    // `child` so far says "I am a child of the step to my left", which is what the pattern asks of the inner step.
    if steps.is_empty() || child { Err(wrong()) } else { Ok(steps) }
}

fn split_outside_brackets(text: &str) -> Vec<String> {
    let (mut words, mut word, mut inside) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            _ => {}
        }
        if !inside && (c.is_whitespace() || c == '>') {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            if c == '>' {
                words.push(">".to_owned());
            }
        } else {
            word.push(c);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn step(word: &str) -> Option<Step> {
    let mut step = Step::default();
    let name_end = |text: &str| text.find(['.', '#', '[', ':']).unwrap_or(text.len());
    let (tag, mut rest) = word.split_at(name_end(word));
    if !tag.is_empty() && tag != "*" {
        step.tag = Some(tag.to_owned());
    }
    while let Some(first) = rest.chars().next() {
        if first == '[' {
            let (inside, after) = rest[1..].split_once(']')?;
            let (name, value) = inside.split_once('=')?;
            let value = value.trim_matches(['"', '\'']);
            let name = if name == "id" { "attr_id" } else { name };
            step.attributes.push((name.to_owned(), value.to_owned()));
            rest = after;
            continue;
        }
        if first == ':' {
            let (number, after) = rest.strip_prefix(":nth-child(").or_else(|| rest.strip_prefix(":nth-of-type("))?.split_once(')')?;
            let name = if rest.starts_with(":nth-child") { "nth-child" } else { "nth-of-type" };
            step.attributes.push((name.to_owned(), number.trim().to_owned()));
            rest = after;
            continue;
        }
        let (name, after) = rest[1..].split_at(name_end(&rest[1..]));
        if name.is_empty() {
            return None;
        }
        match first {
            '.' => step.classes.push(name.to_owned()),
            _ => step.attributes.push(("attr_id".to_owned(), name.to_owned())),
        }
        rest = after;
    }
    Some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: &str = r#"a.btn.primary:attr_id="go"href="/x"nth-child="2"nth-of-type="1"text="Sign up";div.card:nth-child="1"nth-of-type="1";body:nth-child="1""#;

    fn matches(text: &str) -> bool {
        regex::Regex::new(&selector(text).unwrap()).unwrap().is_match(CHAIN)
    }

    #[test]
    fn selectors_match_the_chain_they_describe() {
        for text in
            ["a", ".btn", "a.primary.btn", "#go", "div a", "div > a", "body a", "body > div > a", "*", "[href=\"/x\"]", "a:nth-child(2)"]
        {
            assert!(matches(text), "{text}");
        }
    }

    #[test]
    fn selectors_do_not_match_other_chains() {
        for text in ["b", ".bt", "a.secondary", "#g", "a div", "body > a", "a:nth-child(3)", "section a"] {
            assert!(!matches(text), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", ">", "a >", "a..b", "[x"] {
            assert!(selector(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_accepted_selector_is_a_valid_pattern(text in "[a-z.#>* \\[\\]=\":()-]{0,40}|\\PC{0,30}") {
            if let Ok(pattern) = selector(&text) {
                assert!(regex::Regex::new(&pattern).is_ok(), "{text}: {pattern}");
            }
        }
    }
}
