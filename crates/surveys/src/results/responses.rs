//! Responses one by one: a page of them as JSON, all of them as CSV.

use super::ask;
use super::range::Range;
use super::{IS_RESPONSE, Question, SUBMISSION, answer, is_last, placeholders, questions};
use crate::SurveysState;
use crate::survey::Survey;
use model::Timestamp;
use query::ast::Expr;
use serde_json::{Map, Value, json};
use web::ApiResult;

/// Responses of one CSV file.
pub const MAX_EXPORTED: usize = 50_000;
/// Columns before the answers.
const FIXED: &str = "toString(uuid), toString(toUnixTimestamp64Micro(timestamp)), distinct_id, toString(person_id), \
                     toString(properties.$survey_completed), toString(properties.$survey_iteration), \
                     toString(properties.$survey_language), toString(properties.$current_url), toString(properties.$session_id)";
const FIXED_COUNT: usize = 9;

/// Newest first.
pub async fn list(state: &SurveysState, survey: &Survey, range: &Range, limit: usize, offset: usize) -> ApiResult<Vec<Value>> {
    let asked = questions(survey);
    let rows = rows(state, survey, &asked, range, limit, offset).await?;
    Ok(rows.iter().map(|row| shown(row, &asked)).collect())
}

pub async fn count(state: &SurveysState, survey: &Survey, range: &Range) -> ApiResult<usize> {
    let hogql = format!("SELECT toString(uniq({SUBMISSION})) FROM events WHERE {IS_RESPONSE}");
    let rows = ask::rows(state, survey.team, &hogql, placeholders(survey, range)).await?;
    Ok(rows.first().and_then(|row| row.first()).map(ask::count).unwrap_or_default() as usize)
}

/// Columns and rows of a CSV file.
pub async fn table(state: &SurveysState, survey: &Survey, range: &Range) -> ApiResult<(Vec<String>, Vec<Vec<Value>>)> {
    let asked = questions(survey);
    let fixed = ["timestamp", "distinct_id", "person_id", "completed", "iteration", "language", "url"];
    let texts = asked.iter().map(|question| question.json["question"].as_str().unwrap_or_default().to_owned());
    let columns = fixed.iter().map(|name| (*name).to_owned()).chain(texts).collect();
    let rows = rows(state, survey, &asked, range, MAX_EXPORTED, 0).await?;
    let cells = |row: Vec<Option<String>>| {
        let response = shown(&row, &asked);
        let answers = asked.iter().map(|question| flat(&response["answers"][question.id])).collect::<Vec<_>>();
        fixed.iter().map(|name| response[*name].clone()).chain(answers).collect()
    };
    Ok((columns, rows.into_iter().map(cells).collect()))
}

/// Several choices become one text.
fn flat(answer: &Value) -> Value {
    match answer {
        Value::Array(chosen) => chosen.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ").into(),
        other => other.clone(),
    }
}

async fn rows(
    state: &SurveysState,
    survey: &Survey,
    asked: &[Question<'_>],
    range: &Range,
    limit: usize,
    offset: usize,
) -> ApiResult<Vec<Vec<Option<String>>>> {
    let names: Vec<String> = (0..asked.len()).map(|index| format!("{{answer_{index}}}")).collect();
    let columns = std::iter::once(FIXED).chain(names.iter().map(String::as_str)).collect::<Vec<_>>().join(", ");
    let last = is_last();
    let hogql =
        format!("SELECT {columns} FROM events WHERE {IS_RESPONSE} AND {last} ORDER BY timestamp DESC, uuid LIMIT {limit} OFFSET {offset}");
    let mut values = placeholders(survey, range);
    let answers: Vec<Expr> = asked.iter().map(|question| answer(question, asked)).collect();
    values.extend(answers.into_iter().enumerate().map(|(index, answer)| (format!("answer_{index}"), answer)));
    ask::rows(state, survey.team, &hogql, values).await
}

fn shown(row: &[Option<String>], asked: &[Question]) -> Value {
    let cell = |index: usize| row.get(index).cloned().flatten();
    let at = cell(1).and_then(|micros| micros.parse().ok()).map(Timestamp);
    let answers: Map<String, Value> =
        asked.iter().enumerate().map(|(index, question)| (question.id.to_owned(), typed(question, cell(FIXED_COUNT + index)))).collect();
    json!({
        "uuid": cell(0),
        "timestamp": at,
        "distinct_id": cell(2),
        "person_id": cell(3),
        "completed": cell(4).as_deref() != Some("false"),
        "iteration": cell(5).and_then(|number| number.parse::<i64>().ok()),
        "language": cell(6),
        "url": cell(7),
        "session_id": cell(8),
        "answers": answers,
    })
}

/// As SDKs sent it: ratings are numbers, several choices a list.
pub fn typed(question: &Question, answer: Option<String>) -> Value {
    let Some(answer) = answer else { return Value::Null };
    match question.json["type"].as_str() {
        Some("rating") => answer.parse::<f64>().ok().map_or(Value::String(answer), number),
        Some("multiple_choice") => chosen(&answer).into(),
        _ => answer.into(),
    }
}

fn number(rating: f64) -> Value {
    if rating.fract() == 0.0 && rating.abs() < 1e9 { json!(rating as i64) } else { json!(rating) }
}

/// Old and mobile SDKs may send one choice as a plain text.
pub fn chosen(answer: &str) -> Vec<String> {
    serde_json::from_str(answer).unwrap_or_else(|_| vec![answer.to_owned()])
}
