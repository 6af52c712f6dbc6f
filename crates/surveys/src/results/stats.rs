//! How often surveys were shown, dismissed and answered.

use super::ask;
use super::range::Range;
use super::{IS_RESPONSE, SUBMISSION, is_counted};
use crate::SurveysState;
use crate::survey::Survey;
use model::TeamId;
use query::ast::{CompareOp, Expr};
use serde_json::{Map, Value, json};
use web::ApiResult;

/// Persons with what they did, then the persons counted. A person who answered is not one who dismissed, though they may have done
/// that before; dismissing after an answer that counts is not dismissing.
const COUNTS: &str = "
    SELECT
        toString(sum(shown)), toString(countIf(shown > 0)), toString(countIf(shown > 0 AND dismissed = 0 AND sent = 0)),
        toString(min(first_shown)), toString(max(last_shown)),
        toString(sum(dismissed)), toString(countIf(dismissed > 0 AND sent = 0)), toString(min(first_dismissed)), toString(max(last_dismissed)),
        toString(sum(sent)), toString(countIf(sent > 0)), toString(min(first_sent)), toString(max(last_sent))
    FROM (
        SELECT
            person_id,
            countIf(event = 'survey shown') AS shown,
            minIf(toUnixTimestamp64Micro(timestamp), event = 'survey shown') AS first_shown,
            maxIf(toUnixTimestamp64Micro(timestamp), event = 'survey shown') AS last_shown,
            countIf({is_dismissal}) AS dismissed,
            minIf(toUnixTimestamp64Micro(timestamp), {is_dismissal}) AS first_dismissed,
            maxIf(toUnixTimestamp64Micro(timestamp), {is_dismissal}) AS last_dismissed,
            uniqIf({submission}, {is_sent}) AS sent,
            minIf(toUnixTimestamp64Micro(timestamp), {is_sent}) AS first_sent,
            maxIf(toUnixTimestamp64Micro(timestamp), {is_sent}) AS last_sent
        FROM events
        WHERE event IN ('survey shown', 'survey dismissed', 'survey sent') AND {is_survey} AND {in_range}
        GROUP BY person_id
    )";

/// Of one survey, or of all.
pub async fn stats(state: &SurveysState, team: TeamId, survey: Option<&Survey>, range: &Range) -> ApiResult<Value> {
    let hogql = COUNTS.replace("{submission}", SUBMISSION);
    let partial_too = survey.is_some_and(|survey| survey.counts_partial);
    let id = || Expr::field(["properties", "$survey_id"]);
    let event = |name: &str| Expr::eq(Expr::field(["event"]), Expr::constant(name));
    let is_survey = match survey {
        Some(survey) => Expr::eq(id(), Expr::constant(survey.id)),
        None => Expr::is_not_null(id()),
    };
    let values = vec![
        ("is_survey".to_owned(), is_survey),
        ("in_range".to_owned(), range.condition()),
        ("is_sent".to_owned(), Expr::and([event("survey sent"), is_counted(partial_too)])),
        ("is_dismissal".to_owned(), Expr::and([event("survey dismissed"), is_plain_dismissal(partial_too)])),
    ];
    let rows = ask::rows(state, team, &hogql, values).await?;
    let row = rows.into_iter().next().unwrap_or_default();
    Ok(shown(&row))
}

/// Where partial answers count, a dismissal after some of them is a response.
fn is_plain_dismissal(partial_too: bool) -> Expr {
    let partial = Expr::call("toString", [Expr::field(["properties", "$survey_partially_completed"])]);
    match partial_too {
        true => Expr::compare(CompareOp::NotEq, Expr::call("coalesce", [partial, Expr::constant("false")]), Expr::constant("true")),
        false => Expr::constant(true),
    }
}

fn shown(row: &[Option<String>]) -> Value {
    let count = |index: usize| row.get(index).map(ask::count).unwrap_or_default();
    let instant =
        |index: usize| row.get(index).and_then(|cell| cell.as_deref()?.parse().ok()).filter(|micros| *micros > 0).map(model::Timestamp);
    let entry = |total: u64, only: u64, persons: u64, persons_only: u64, first: usize| {
        json!({
            "total_count": total,
            "total_count_only_seen": only,
            "unique_persons": persons,
            "unique_persons_only_seen": persons_only,
            "first_seen": instant(first),
            "last_seen": instant(first + 1),
        })
    };
    let (seen, dismissed, sent) = (count(0), count(5), count(9));
    let only_seen = seen.saturating_sub(dismissed + sent);
    json!({
        "stats": {
            "survey shown": entry(seen, only_seen, count(1), count(2), 3),
            "survey dismissed": entry(dismissed, 0, count(6), 0, 7),
            "survey sent": entry(sent, 0, count(10), 0, 11),
        },
        "rates": {
            "response_rate": percent(sent, seen),
            "dismissal_rate": percent(dismissed, seen),
            "unique_users_response_rate": percent(count(10), count(1)),
            "unique_users_dismissal_rate": percent(count(6), count(1)),
        },
    })
}

/// With two decimals; 0 of 0 is 0.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 10_000.0).round() / 100.0 }
}

/// Responses by survey; those without any are left out.
pub async fn response_counts(state: &SurveysState, team: TeamId, surveys: &[&Survey]) -> ApiResult<Map<String, Value>> {
    let mut counts = Map::new();
    // Those that count partial responses differ in what a response is.
    for partial_too in [false, true] {
        let ids: Vec<Expr> = surveys.iter().filter(|one| one.counts_partial == partial_too).map(|one| Expr::constant(one.id)).collect();
        if ids.is_empty() {
            continue;
        }
        let hogql = format!(
            "SELECT toString(properties.$survey_id) AS survey, toString(uniq({SUBMISSION})) FROM events
             WHERE event = 'survey sent' AND {{is_survey}} AND {{is_counted}} GROUP BY survey LIMIT 10000"
        );
        let is_survey = Expr::is_in(Expr::field(["properties", "$survey_id"]), ids);
        let values = vec![("is_survey".to_owned(), is_survey), ("is_counted".to_owned(), is_counted(partial_too))];
        for row in ask::rows(state, team, &hogql, values).await? {
            if let [Some(survey), count] = row.as_slice() {
                counts.insert(survey.clone(), ask::count(count).into());
            }
        }
    }
    Ok(counts)
}

/// Responses since the survey started.
pub async fn responses_since_start(state: &SurveysState, survey: &Survey) -> ApiResult<u64> {
    let hogql = format!("SELECT toString(uniq({SUBMISSION})) FROM events WHERE {IS_RESPONSE}");
    let values = super::placeholders(survey, &Range { from: survey.start, to: None });
    let rows = ask::rows(state, survey.team, &hogql, values).await?;
    Ok(rows.first().and_then(|row| row.first()).map(ask::count).unwrap_or_default())
}
