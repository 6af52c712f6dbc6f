//! Texts that SDKs show as HTML. They reach visitors of other people's sites, so nothing in them may run.

use crate::survey::Survey;
use serde_json::{Map, Value};

/// Texts that SDKs take for HTML unless the field beside them, `…ContentType`, says `text`.
const FIELDS: &[&str] = &["description", "thankYouMessageDescription", "introScreenDescription"];

/// Sanitises every such text of the survey, with its translations.
pub fn sanitise(survey: &mut Survey) {
    for question in survey.questions.iter_mut().filter_map(Value::as_object_mut) {
        of_object(question);
    }
    let appearance = survey.appearance.as_object().cloned().unwrap_or_default();
    if let Value::Object(appearance) = &mut survey.appearance {
        of_object(appearance);
    }
    // The survey's own translations are of texts that the appearance holds.
    if let Some(Value::Object(languages)) = survey.extra.get_mut("translations") {
        of_translations(languages, &appearance);
    }
}

fn of_object(object: &mut Map<String, Value>) {
    let settings = object.clone();
    clean(object, &settings);
    if let Some(Value::Object(languages)) = object.get_mut("translations") {
        of_translations(languages, &settings);
    }
}

fn of_translations(languages: &mut Map<String, Value>, settings: &Map<String, Value>) {
    for language in languages.values_mut().filter_map(Value::as_object_mut) {
        clean(language, settings);
    }
}

fn clean(object: &mut Map<String, Value>, settings: &Map<String, Value>) {
    for name in FIELDS {
        let kind = format!("{name}ContentType");
        let is_text = [&*object, settings].into_iter().any(|from| from.get(&kind).is_some_and(|kind| kind == "text"));
        if let Some(Value::String(text)) = object.get_mut(*name)
            && !is_text
        {
            *text = inert(text);
        }
    }
}

/// Text without a tag stays as it was written; in all else only what ammonia knows to be harmless is left.
fn inert(text: &str) -> String {
    match text.contains('<') {
        true => ammonia::clean(text),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_handlers_and_dangerous_links_are_gone_and_formatting_stays() {
        for (given, kept) in [
            ("<b>Hi</b><script>alert(1)</script>", "<b>Hi</b>"),
            ("<img src=x onerror=alert(1)>", "<img src=\"x\">"),
            ("<a href=\"javascript:alert(1)\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
            ("<svg><g onload=alert(1)></svg>", ""),
            ("1 & 2 \"quoted\"", "1 & 2 \"quoted\""),
        ] {
            assert_eq!(inert(given), kept);
        }
    }
}
