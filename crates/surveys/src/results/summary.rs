//! What the answers to each question come to.

use super::range::Range;
use super::responses::{chosen, typed};
use super::{IS_RESPONSE, Question, answer, ask, is_last, placeholders, questions, responses};
use crate::SurveysState;
use crate::survey::Survey;
use model::Timestamp;
use query::ast::Expr;
use serde_json::{Value, json};
use std::collections::HashMap;
use web::ApiResult;

/// Different answers to one question that are looked at, the most frequent ones.
const MAX_DISTINCT: usize = 20_000;
/// Own words that are shown, of an open choice or an open question.
const MAX_SHOWN: usize = 50;

/// ```json
/// {"survey_id", "responses": 12, "questions": [
///   {"id", "index", "type", "question", "answered": 10,
///    "counts": [{"value", "count"}],              of ratings (every step) and choices
///    "others": [{"value", "count"}],              own words given for the open choice
///    "average": 7.2,                              of ratings
///    "nps": {"promoters", "passives", "detractors", "score"},   of ratings from 0 to 10
///    "answers": [{"value", "timestamp", "distinct_id", "person_id", "uuid"}]}]}   newest, of open questions
/// ```
pub async fn summary(state: &SurveysState, survey: &Survey, range: &Range) -> ApiResult<Value> {
    let asked = questions(survey);
    let mut shown = Vec::with_capacity(asked.len());
    for question in &asked {
        let mut about = json!({
            "id": question.id,
            "index": question.index,
            "type": question.json["type"],
            "question": question.json["question"],
        });
        let counted = counts(state, survey, question, &asked, range).await?;
        let found = match question.json["type"].as_str() {
            Some("rating") => of_ratings(question, &counted),
            Some("open") => of_open(newest(state, survey, question, &asked, range).await?, &counted),
            Some("link") => json!({"answered": total(&counted)}),
            _ => of_choices(question, &counted),
        };
        if let (Value::Object(about), Value::Object(found)) = (&mut about, found) {
            about.extend(found);
        }
        shown.push(about);
    }
    let responses = responses::count(state, survey, range).await?;
    Ok(json!({"survey_id": survey.id, "responses": responses, "questions": shown}))
}

/// Answers and how many gave them.
type Counted = Vec<(String, u64)>;

async fn counts(state: &SurveysState, survey: &Survey, question: &Question<'_>, all: &[Question<'_>], range: &Range) -> ApiResult<Counted> {
    // Own words are all different; how many there are is all that is asked.
    let answer_column = if question.json["type"] == "open" { "if({answer} IS NULL, NULL, 'given')" } else { "{answer}" };
    let last = is_last();
    let hogql = format!(
        "SELECT {answer_column} AS answer, toString(count()) FROM events WHERE {IS_RESPONSE} AND {last} AND {{answer}} IS NOT NULL
         GROUP BY answer ORDER BY count() DESC, answer LIMIT {MAX_DISTINCT}"
    );
    let rows = ask::rows(state, survey.team, &hogql, with_answer(survey, question, all, range)).await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.first()?.clone()?, ask::count(row.get(1)?)))).collect())
}

async fn newest(
    state: &SurveysState,
    survey: &Survey,
    question: &Question<'_>,
    all: &[Question<'_>],
    range: &Range,
) -> ApiResult<Vec<Value>> {
    let last = is_last();
    let hogql = format!(
        "SELECT {{answer}}, toString(toUnixTimestamp64Micro(timestamp)), distinct_id, toString(person_id), toString(uuid) FROM events
         WHERE {IS_RESPONSE} AND {last} AND {{answer}} IS NOT NULL ORDER BY timestamp DESC, uuid LIMIT {MAX_SHOWN}"
    );
    let rows = ask::rows(state, survey.team, &hogql, with_answer(survey, question, all, range)).await?;
    let shown = |row: Vec<Option<String>>| {
        let cell = |index: usize| row.get(index).cloned().flatten();
        let at = cell(1).and_then(|micros| micros.parse().ok()).map(Timestamp);
        json!({"value": cell(0), "timestamp": at, "distinct_id": cell(2), "person_id": cell(3), "uuid": cell(4)})
    };
    Ok(rows.into_iter().map(shown).collect())
}

fn with_answer(survey: &Survey, question: &Question, all: &[Question], range: &Range) -> Vec<(String, Expr)> {
    let mut values = placeholders(survey, range);
    values.push(("answer".to_owned(), answer(question, all)));
    values
}

fn total(counted: &Counted) -> u64 {
    counted.iter().map(|(_, count)| count).sum()
}

fn of_open(answers: Vec<Value>, counted: &Counted) -> Value {
    json!({"answered": total(counted), "answers": answers})
}

fn of_ratings(question: &Question, counted: &Counted) -> Value {
    let scale = question.json["scale"].as_i64().unwrap_or(5);
    let first = if scale == 10 { 0 } else { 1 };
    let mut steps: HashMap<i64, u64> = HashMap::new();
    for (answer, count) in counted {
        if let Some(rating) = typed(question, Some(answer.clone())).as_i64().filter(|rating| (first..=scale).contains(rating)) {
            *steps.entry(rating).or_default() += count;
        }
    }
    let of = |rating: i64| steps.get(&rating).copied().unwrap_or_default();
    let answered: u64 = steps.values().sum();
    let sum: i64 = steps.iter().map(|(rating, count)| rating * *count as i64).sum();
    let histogram: Vec<Value> = (first..=scale).map(|rating| json!({"value": rating, "count": of(rating)})).collect();
    let average = (answered > 0).then(|| rounded(sum as f64 / answered as f64));
    let mut found = json!({"answered": answered, "scale": scale, "counts": histogram, "average": average});
    if scale == 10 {
        found["nps"] = nps(of);
    }
    found
}

/// Promoters give 9 or 10, detractors at most 6; the score is the difference of their shares in percent.
fn nps(of: impl Fn(i64) -> u64) -> Value {
    let (promoters, passives): (u64, u64) = ((9..=10).map(&of).sum(), (7..=8).map(&of).sum());
    let detractors: u64 = (0..=6).map(&of).sum();
    let all = promoters + passives + detractors;
    let score = (all > 0).then(|| rounded((promoters as f64 - detractors as f64) / all as f64 * 100.0));
    json!({"promoters": promoters, "passives": passives, "detractors": detractors, "score": score})
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn of_choices(question: &Question, counted: &Counted) -> Value {
    let several = question.json["type"] == "multiple_choice";
    let has_open = question.json["hasOpenChoice"] == true;
    let offered: Vec<&str> = question.json["choices"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    // The last choice is the field for own words; nobody answers with its label.
    let (fixed, open) = offered.split_at(offered.len().saturating_sub(usize::from(has_open)));
    let mut by_choice: HashMap<&str, u64> = fixed.iter().map(|choice| (*choice, 0)).collect();
    let mut others: HashMap<String, u64> = HashMap::new();
    for (answer, count) in counted {
        for choice in if several { chosen(answer) } else { vec![answer.clone()] } {
            match by_choice.get_mut(choice.as_str()) {
                Some(known) => *known += count,
                None => *others.entry(choice).or_default() += count,
            }
        }
    }
    let mut counts: Vec<Value> = fixed.iter().map(|choice| json!({"value": choice, "count": by_choice[choice]})).collect();
    if let Some(label) = open.first() {
        counts.push(json!({"value": label, "count": others.values().sum::<u64>(), "is_open": true}));
    }
    let mut others: Vec<(String, u64)> = others.into_iter().collect();
    others.sort_by(|(left, more), (right, less)| less.cmp(more).then_with(|| left.cmp(right)));
    others.truncate(MAX_SHOWN);
    let others: Vec<Value> = others.into_iter().map(|(value, count)| json!({"value": value, "count": count})).collect();
    json!({"answered": total(counted), "counts": counts, "others": others})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(json: &Value) -> Question<'_> {
        Question { index: 0, id: "q", json }
    }

    fn counted(answers: &[(&str, u64)]) -> Counted {
        answers.iter().map(|(answer, count)| ((*answer).to_owned(), *count)).collect()
    }

    #[test]
    fn net_promoter_score_is_promoters_less_detractors_in_percent() {
        let json = json!({"type": "rating", "scale": 10});
        let found = of_ratings(&question(&json), &counted(&[("10", 3), ("9", 2), ("8", 2), ("6", 1), ("0", 1), ("11", 9), ("x", 9)]));
        assert_eq!(found["nps"], json!({"promoters": 5, "passives": 2, "detractors": 2, "score": 33.33}));
        assert_eq!(
            (&found["answered"], &found["average"], &found["counts"][0]),
            (&json!(9), &json!(7.78), &json!({"value": 0, "count": 1}))
        );
        let none = of_ratings(&question(&json), &Vec::new());
        assert_eq!((&none["nps"]["score"], &none["average"]), (&Value::Null, &Value::Null));
    }

    #[test]
    fn own_words_are_counted_under_the_open_choice() {
        let json = json!({"type": "multiple_choice", "choices": ["A", "B", "Other"], "hasOpenChoice": true});
        let found = of_choices(&question(&json), &counted(&[("[\"A\",\"B\"]", 2), ("[\"A\",\"none of it\"]", 1), ("B", 1)]));
        let counts = json!([{"value": "A", "count": 3}, {"value": "B", "count": 3}, {"value": "Other", "count": 1, "is_open": true}]);
        assert_eq!(found, json!({"answered": 4, "counts": counts, "others": [{"value": "none of it", "count": 1}]}));
    }
}
