//! A POST or PATCH body applied to a survey.

use crate::check::{Fields, conditions, questions};
use crate::survey::{EXTRA, Kind, Schedule, Survey};
use crate::{html, iterations};
use model::{TeamId, Timestamp, UserId};
use serde_json::{Map, Value};
use uuid::Uuid;
use web::{ApiError, ApiResult};

const MAX_NAME_CHARS: usize = 400;
const MAX_DESCRIPTION_CHARS: usize = 10_000;
const MAX_OBJECT_BYTES: usize = 64 * 1024;
/// As PostHog bounds them.
const MAX_ITERATIONS: i64 = 500;
const MAX_DAYS: i64 = 3_650;
const MAX_RESPONSES: i64 = 1_000_000_000;

/// What a body says about whom the survey is shown to.
#[derive(Debug, PartialEq)]
pub enum Targeting {
    Keep,
    Remove,
    /// Conditions for a flag that is made for the survey.
    Filters(Value),
    /// A flag that exists.
    Flag(i64),
}

/// What a new survey begins with.
pub fn draft(team: TeamId, by: Option<UserId>, now: Timestamp) -> Survey {
    Survey {
        id: Uuid::now_v7(),
        team,
        name: String::new(),
        description: String::new(),
        kind: Kind::Popover,
        schedule: Schedule::Once,
        questions: Vec::new(),
        conditions: Value::Null,
        appearance: Value::Null,
        extra: Map::new(),
        linked_flag: None,
        linked_insight: None,
        targeting_flag: None,
        internal_flag: None,
        start: None,
        end: None,
        archived: false,
        responses_limit: None,
        iteration_count: None,
        iteration_frequency_days: None,
        iteration_starts: Vec::new(),
        current_iteration: None,
        counts_partial: false,
        created_by: by,
        created_at: now,
        updated_at: now,
    }
}

/// Applies what the body names; fields that it leaves out stay, null clears.
pub fn apply(body: &Map<String, Value>, survey: &mut Survey, now: Timestamp) -> ApiResult<Targeting> {
    let fields = Fields(body);
    apply_texts(&fields, survey)?;
    apply_shape(&fields, survey)?;
    apply_times(&fields, survey)?;
    let targeting = targeting(&fields)?;
    check_whole(survey)?;
    html::sanitise(survey);
    iterations::plan(survey, now);
    Ok(targeting)
}

fn apply_texts(fields: &Fields, survey: &mut Survey) -> ApiResult<()> {
    if let Some(name) = fields.text("name", MAX_NAME_CHARS)? {
        survey.name = name.trim().to_owned();
    }
    if survey.name.is_empty() {
        return match fields.given("name") {
            None => Err(ApiError::required("name")),
            Some(_) => Err(ApiError::validation("blank", "This field may not be blank.").attr("name")),
        };
    }
    if let Some(description) = fields.text("description", MAX_DESCRIPTION_CHARS)? {
        survey.description = description;
    }
    Ok(())
}

fn apply_shape(fields: &Fields, survey: &mut Survey) -> ApiResult<()> {
    if let Some(kind) = fields.word("type", Kind::WORDS, Kind::parse)? {
        survey.kind = kind;
    }
    if let Some(value) = fields.given("schedule") {
        let schedule = if value.is_null() { Some(Schedule::Once) } else { fields.word("schedule", Schedule::WORDS, Schedule::parse)? };
        survey.schedule = schedule.unwrap_or(survey.schedule);
    }
    if let Some(given) = fields.given("questions") {
        survey.questions = questions::check(given, &survey.questions)?;
    }
    if let Some(given) = fields.object("conditions", MAX_OBJECT_BYTES)? {
        conditions::check(&given)?;
        survey.conditions = given;
    }
    if let Some(given) = fields.object("appearance", MAX_OBJECT_BYTES)? {
        survey.appearance = given;
    }
    for name in EXTRA {
        if let Some(value) = fields.any(name, MAX_OBJECT_BYTES)? {
            survey.extra.insert((*name).to_owned(), value);
        }
    }
    if let Some(flag) = fields.number("linked_flag_id", 1, i64::MAX)? {
        survey.linked_flag = flag;
    }
    if let Some(insight) = fields.number("linked_insight_id", 1, i64::MAX)? {
        survey.linked_insight = insight;
    }
    if let Some(counts) = fields.flag("enable_partial_responses")? {
        survey.counts_partial = counts;
    }
    Ok(())
}

fn apply_times(fields: &Fields, survey: &mut Survey) -> ApiResult<()> {
    if let Some(start) = fields.instant("start_date")? {
        survey.start = start;
    }
    if let Some(end) = fields.instant("end_date")? {
        survey.end = end;
    }
    if let Some(archived) = fields.flag("archived")? {
        survey.archived = archived;
    }
    if let Some(limit) = fields.number("responses_limit", 1, MAX_RESPONSES)? {
        survey.responses_limit = limit;
    }
    if let Some(count) = fields.number("iteration_count", 1, MAX_ITERATIONS)? {
        if survey.current_iteration > Some(count.unwrap_or_default()) && survey.is_running() && count.is_some() {
            let begun = survey.current_iteration.unwrap_or_default();
            return Err(ApiError::invalid(format!("Iteration {begun} has begun; there cannot be fewer.")).attr("iteration_count"));
        }
        survey.iteration_count = count;
    }
    if let Some(days) = fields.number("iteration_frequency_days", 1, MAX_DAYS)? {
        survey.iteration_frequency_days = days;
    }
    Ok(())
}

fn targeting(fields: &Fields) -> ApiResult<Targeting> {
    if fields.flag("remove_targeting_flag")? == Some(true) {
        return Ok(Targeting::Remove);
    }
    if let Some(filters @ Value::Object(_)) = fields.object("targeting_flag_filters", 512 * 1024)? {
        return Ok(Targeting::Filters(filters));
    }
    Ok(match fields.number("targeting_flag_id", 1, i64::MAX)? {
        None => Targeting::Keep,
        Some(None) => Targeting::Remove,
        Some(Some(flag)) => Targeting::Flag(flag),
    })
}

/// What no single field can tell.
fn check_whole(survey: &Survey) -> ApiResult<()> {
    if let (Some(start), Some(end)) = (survey.start, survey.end)
        && end < start
    {
        return Err(ApiError::invalid("The survey cannot end before it starts.").attr("end_date"));
    }
    if survey.end.is_some() && survey.start.is_none() {
        return Err(ApiError::invalid("A survey that has not started cannot end.").attr("end_date"));
    }
    if survey.is_running() && survey.questions.is_empty() {
        return Err(ApiError::invalid("A survey needs at least one question before it starts.").attr("questions"));
    }
    if survey.conditions["linkedFlagVariant"].is_string() && survey.linked_flag.is_none() {
        return Err(ApiError::invalid("linkedFlagVariant needs a linked flag.").attr("conditions"));
    }
    Ok(())
}
