//! What people answered: `survey sent` events, asked of the event store.
//!
//! One submission may send several events, each with all answers so far: the last one counts. Events without a submission's id
//! count alone. An answer stands under its question's id; old SDKs wrote it under the question's number.

pub mod ask;
pub mod range;
pub mod responses;
pub mod stats;
pub mod summary;

use crate::survey::Survey;
use query::ast::{CompareOp, Expr};
use range::Range;
use serde_json::Value;

/// The events that are responses, as a condition of HogQL; needs [`placeholders`].
pub const IS_RESPONSE: &str = "event = 'survey sent' AND properties.$survey_id = {survey} AND {in_range} AND {is_counted}";
/// What the events of one submission share.
pub const SUBMISSION: &str =
    "if(coalesce(toString(properties.$survey_submission_id), '') = '', toString(uuid), toString(properties.$survey_submission_id))";

/// One event per submission: the last.
pub fn is_last() -> String {
    format!("toString(uuid) IN (SELECT argMax(toString(uuid), timestamp) FROM events WHERE {IS_RESPONSE} GROUP BY {SUBMISSION})")
}

pub fn placeholders(survey: &Survey, range: &Range) -> Vec<(String, Expr)> {
    let values =
        [("survey", Expr::constant(survey.id)), ("in_range", range.condition()), ("is_counted", is_counted(survey.counts_partial))];
    values.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// Old SDKs say nothing of completion: what they send is complete.
pub fn is_counted(partial_too: bool) -> Expr {
    let completed = Expr::call("toString", [Expr::field(["properties", "$survey_completed"])]);
    match partial_too {
        true => Expr::constant(true),
        false => Expr::compare(CompareOp::NotEq, Expr::call("coalesce", [completed, Expr::constant("true")]), Expr::constant("false")),
    }
}

/// A question as results need it.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    pub index: usize,
    pub id: &'a str,
    pub json: &'a Value,
}

pub fn questions(survey: &Survey) -> Vec<Question<'_>> {
    survey.questions.iter().enumerate().map(|(index, json)| Question { index, id: json["id"].as_str().unwrap_or_default(), json }).collect()
}

/// The answer as text: numbers as digits, lists as JSON. NULL when there is none.
///
/// The question's number counts only where no question's id is: questions may have changed places since.
pub fn answer(question: &Question, all: &[Question]) -> Expr {
    let number = if question.index == 0 { "$survey_response".to_owned() } else { format!("$survey_response_{}", question.index) };
    let has_ids = Expr::call("coalesce", all.iter().map(|other| given(&format!("$survey_response_{}", other.id))));
    let by_number = Expr::call("if", [Expr::is_null(has_ids), given(&number), Expr::null()]);
    Expr::call("coalesce", [given(&format!("$survey_response_{}", question.id)), by_number])
}

fn given(property: &str) -> Expr {
    Expr::call("nullIf", [Expr::call("toString", [Expr::field(["properties", property])]), Expr::constant("")])
}
