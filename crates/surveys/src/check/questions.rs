//! What may be asked.

use serde_json::{Map, Value};
use std::collections::HashSet;
use uuid::Uuid;
use web::{ApiError, ApiResult};

const MAX_QUESTIONS: usize = 50;
const MAX_CHOICES: usize = 200;
const MAX_TEXT_CHARS: usize = 10_000;
const MAX_CHOICE_CHARS: usize = 1_000;
const MAX_BYTES: usize = 256 * 1024;
const TYPES: &[&str] = &["open", "link", "rating", "single_choice", "multiple_choice"];
const SCALES: &[i64] = &[2, 3, 5, 7, 10];

/// Checks the questions and gives an id to those without: the one that the question had `before`, so that a client which
/// writes questions without ids does not part them from their answers.
pub fn check(given: &Value, before: &[Value]) -> ApiResult<Vec<Value>> {
    if given.is_null() {
        return Ok(Vec::new());
    }
    let Some(list) = given.as_array().filter(|list| !list.is_empty()) else {
        return Err(refused("Must be a list with at least one question."));
    };
    if list.len() > MAX_QUESTIONS {
        return Err(refused(format!("At most {MAX_QUESTIONS} questions are allowed.")));
    }
    if given.to_string().len() > MAX_BYTES {
        return Err(refused(format!("All questions together may have at most {} kB.", MAX_BYTES / 1024)));
    }
    let mut ids = HashSet::new();
    let mut checked = Vec::with_capacity(list.len());
    for (index, question) in list.iter().enumerate() {
        let Value::Object(question) = question else { return Err(refused(format!("Question {} is not an object.", index + 1))) };
        check_one(question, list.len()).map_err(|problem| refused(format!("Question {}: {problem}", index + 1)))?;
        let mut question = question.clone();
        let id = id_of(&question, before.get(index)).map_err(|problem| refused(format!("Question {}: {problem}", index + 1)))?;
        if !ids.insert(id.clone()) {
            return Err(refused(format!("Question {}: another question has the id {id}.", index + 1)));
        }
        question.insert("id".to_owned(), id.into());
        checked.push(Value::Object(question));
    }
    Ok(checked)
}

fn refused(detail: impl Into<String>) -> ApiError {
    ApiError::invalid(detail.into()).attr("questions")
}

/// The id becomes part of a property's name, so it is short and plain.
fn id_of(question: &Map<String, Value>, before: Option<&Value>) -> Result<String, String> {
    match question.get("id") {
        None | Some(Value::Null) => {}
        Some(Value::String(id)) if id.is_empty() => {}
        Some(Value::String(id)) if id.len() <= 100 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) => {
            return Ok(id.clone());
        }
        Some(_) => return Err("an id may have at most 100 letters, digits, - and _.".to_owned()),
    }
    let same = before.filter(|before| before["type"] == question["type"] && before["question"] == question["question"]);
    Ok(same.and_then(|before| before["id"].as_str()).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned))
}

fn check_one(question: &Map<String, Value>, count: usize) -> Result<(), String> {
    let kind = question.get("type").and_then(Value::as_str).filter(|kind| TYPES.contains(kind));
    let Some(kind) = kind else { return Err(format!("type must be one of {}.", TYPES.join(", "))) };
    let text = question.get("question").and_then(Value::as_str).unwrap_or_default();
    if text.trim().is_empty() {
        return Err("question text cannot be empty.".to_owned());
    }
    for name in ["question", "description", "buttonText", "lowerBoundLabel", "upperBoundLabel"] {
        match question.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.chars().count() <= MAX_TEXT_CHARS => {}
            Some(_) => return Err(format!("{name} must be a text of at most {MAX_TEXT_CHARS} characters.")),
        }
    }
    if !matches!(question.get("descriptionContentType").map(Value::as_str), None | Some(None | Some("text" | "html"))) {
        return Err("descriptionContentType must be text or html.".to_owned());
    }
    match kind {
        "rating" => check_rating(question)?,
        "single_choice" | "multiple_choice" => check_choices(question)?,
        "link" => check_link(question)?,
        _ => {}
    }
    question.get("branching").map_or(Ok(()), |branching| check_branching(branching, count))
}

fn check_rating(question: &Map<String, Value>) -> Result<(), String> {
    let scale = question.get("scale").and_then(Value::as_i64);
    if !scale.is_some_and(|scale| SCALES.contains(&scale)) {
        return Err("scale must be 2, 3, 5, 7 or 10.".to_owned());
    }
    match question.get("display").and_then(Value::as_str) {
        Some("number" | "emoji") => Ok(()),
        _ => Err("display must be number or emoji.".to_owned()),
    }
}

fn check_choices(question: &Map<String, Value>) -> Result<(), String> {
    let Some(choices) = question.get("choices").and_then(Value::as_array).filter(|choices| !choices.is_empty()) else {
        return Err("choices must be a list with at least one text.".to_owned());
    };
    if choices.len() > MAX_CHOICES {
        return Err(format!("at most {MAX_CHOICES} choices are allowed."));
    }
    let fits = |choice: &Value| choice.as_str().is_some_and(|text| !text.trim().is_empty() && text.chars().count() <= MAX_CHOICE_CHARS);
    match choices.iter().all(fits) {
        true => Ok(()),
        false => Err(format!("each choice must be a text of 1 to {MAX_CHOICE_CHARS} characters.")),
    }
}

/// SDKs open the link as it is, so a scheme that runs code must not get through.
fn check_link(question: &Map<String, Value>) -> Result<(), String> {
    match question.get("link") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(link)) if link.is_empty() => Ok(()),
        Some(Value::String(link)) if link.starts_with("https://") || link.starts_with("mailto:") => Ok(()),
        Some(_) => Err("link must begin with https:// or mailto:.".to_owned()),
    }
}

fn check_branching(branching: &Value, count: usize) -> Result<(), String> {
    let is_index = |value: &Value| value.as_u64().is_some_and(|index| index < count as u64);
    match branching["type"].as_str() {
        None if branching.is_null() => Ok(()),
        Some("next_question" | "end") => Ok(()),
        Some("specific_question") if is_index(&branching["index"]) => Ok(()),
        Some("specific_question") => Err(format!("branching.index must be the number of a question, from 0 to {}.", count - 1)),
        Some("response_based") => {
            let targets = branching["responseValues"].as_object();
            let known = |target: &Value| is_index(target) || matches!(target.as_str(), Some("end" | "next_question"));
            match targets.is_some_and(|targets| targets.values().all(known)) {
                true => Ok(()),
                false => Err("branching.responseValues must lead to numbers of questions, \"end\" or \"next_question\".".to_owned()),
            }
        }
        _ => Err("branching.type must be next_question, end, specific_question or response_based.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(question: Value) -> String {
        check(&json!([question]), &[]).expect_err("it is refused").detail().to_owned()
    }

    #[test]
    fn what_is_wrong_with_a_question_is_said() {
        for (question, words) in [
            (json!({"type": "essay", "question": "q"}), "type must be one of"),
            (json!({"type": "open", "question": " "}), "cannot be empty"),
            (json!({"type": "rating", "question": "q", "scale": 4, "display": "number"}), "scale must be"),
            (json!({"type": "rating", "question": "q", "scale": 5}), "display must be"),
            (json!({"type": "single_choice", "question": "q", "choices": []}), "at least one"),
            (json!({"type": "single_choice", "question": "q", "choices": ["a", ""]}), "each choice"),
            (json!({"type": "link", "question": "q", "link": "javascript:alert(1)"}), "https://"),
            (json!({"type": "open", "question": "q", "branching": {"type": "specific_question", "index": 1}}), "branching.index"),
            (
                json!({"type": "open", "question": "q", "branching": {"type": "response_based", "responseValues": {"0": 9}}}),
                "responseValues",
            ),
            (json!({"type": "open", "question": "q", "id": "a'b"}), "an id may have"),
            (json!({"type": "open", "question": "x".repeat(10_001)}), "at most 10000 characters"),
            (json!("q"), "not an object"),
        ] {
            let said = refusal(question.clone());
            assert!(said.contains(words), "{question}: {said}");
        }
        assert!(check(&json!([]), &[]).is_err());
        assert!(check(&json!(vec![json!({"type": "open", "question": "q"}); 51]), &[]).is_err());
    }

    #[test]
    fn a_question_without_id_keeps_the_one_it_had() {
        let asked = json!([{"type": "open", "question": "Why?"}, {"type": "open", "question": "How?"}]);
        let first = check(&asked, &[]).unwrap();
        let again = check(&asked, &first).unwrap();
        assert_eq!(first, again);
        let changed = check(&json!([{"type": "open", "question": "When?"}]), &first).unwrap();
        assert_ne!(changed[0]["id"], first[0]["id"]);
    }
}
