//! Results day by day: what a metric's answer was at the end of each day of the experiment.
//!
//! A day's answer is asked for like any other, with the end of the day as the end of time. Days that have been over for a while are
//! kept with a fingerprint of all that they depend on beside events; one that does not match is computed again.

use crate::ExperimentsState;
use anyhow::Result;
use chrono::{DateTime, Days, NaiveDate, TimeZone};
use chrono_tz::Tz;
use db::args;
use model::{TeamId, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use teams::Team;
use web::ApiResult;

/// Events may arrive late: until then a day is computed each time.
const SETTLED_AFTER_SECONDS: i64 = 86_400;
/// What one request may take; what is missing then is computed by the next.
const PATIENCE: Duration = Duration::from_secs(20);
/// The latest days of a longer experiment.
const MOST_DAYS: usize = 366;

pub struct Answered {
    pub by_day: Map<String, Value>,
    /// Days that are still to be computed.
    pub missing: usize,
}

/// Which results are asked for.
pub struct Wanted<'a> {
    pub experiment: i64,
    /// The metric, and the name that its results are kept under.
    pub metric: &'a Value,
    pub uuid: &'a str,
    pub start: Timestamp,
    pub end: Timestamp,
    pub fingerprint: String,
}

pub async fn by_day(state: &ExperimentsState, team: &Arc<Team>, wanted: &Wanted<'_>) -> ApiResult<Answered> {
    let began = Instant::now();
    let mut kept = kept(state, team.id, wanted).await?;
    let now = state.clock.now();
    let (mut by_day, mut missing) = (Map::new(), 0);
    for (day, end) in days(wanted, team.timezone) {
        let name = day.to_string();
        if let Some(result) = kept.remove(&name) {
            by_day.insert(name, result);
            continue;
        }
        if began.elapsed() > PATIENCE {
            missing += 1;
            continue;
        }
        let query =
            json!({"kind": "ExperimentQuery", "experiment_id": wanted.experiment, "metric": wanted.metric, "override_end_date": end});
        let result = shown((state.results)(team.clone(), query).await?);
        if end.plus_seconds(SETTLED_AFTER_SECONDS) < now {
            keep(state, team.id, wanted, &name, &result).await?;
        }
        by_day.insert(name, result);
    }
    Ok(Answered { by_day, missing })
}

/// The members of an answer that are the result.
fn shown(mut answer: Value) -> Value {
    json!({"baseline": answer["baseline"].take(), "variant_results": answer["variant_results"].take()})
}

/// The project's days, each with its last instant or the experiment's.
fn days(wanted: &Wanted<'_>, timezone: Tz) -> Vec<(NaiveDate, Timestamp)> {
    let day_of = |at: Timestamp| at.to_utc().unwrap_or_default().with_timezone(&timezone).date_naive();
    let (first, last) = (day_of(wanted.start), day_of(wanted.end));
    let earliest = last.checked_sub_days(Days::new(MOST_DAYS as u64 - 1)).unwrap_or(first);
    let days = std::iter::successors(Some(first.max(earliest)), |day| day.succ_opt()).take_while(|day| *day <= last);
    days.map(|day| (day, end_of(day, timezone).min(wanted.end))).collect()
}

fn end_of(day: NaiveDate, timezone: Tz) -> Timestamp {
    let next = day.succ_opt().unwrap_or(day).and_time(chrono::NaiveTime::MIN);
    // Where clocks skip midnight, the day ends an hour later.
    let start = timezone
        .from_local_datetime(&next)
        .earliest()
        .or_else(|| timezone.from_local_datetime(&(next + chrono::TimeDelta::hours(1))).earliest());
    let start: DateTime<Tz> = start.unwrap_or_else(|| timezone.from_utc_datetime(&next));
    Timestamp(start.timestamp_micros() - 1)
}

async fn kept(state: &ExperimentsState, team: TeamId, wanted: &Wanted<'_>) -> Result<HashMap<String, Value>> {
    let sql =
        "SELECT day, result FROM experiment_result WHERE team_id = $1 AND experiment_id = $2 AND metric_uuid = $3 AND fingerprint = $4";
    let rows = state.db.fetch_all(sql, args![team, wanted.experiment, wanted.uuid, &wanted.fingerprint]).await?;
    rows.iter().map(|row| Ok((row.get("day")?, row.get("result")?))).collect()
}

async fn keep(state: &ExperimentsState, team: TeamId, wanted: &Wanted<'_>, day: &str, result: &Value) -> Result<()> {
    let sql = "INSERT INTO experiment_result (team_id, experiment_id, metric_uuid, fingerprint, day, result, computed_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (team_id, experiment_id, metric_uuid, day)
               DO UPDATE SET fingerprint = excluded.fingerprint, result = excluded.result, computed_at = excluded.computed_at";
    let args = args![team, wanted.experiment, wanted.uuid, &wanted.fingerprint, day, result, state.clock.now()];
    state.db.execute(sql, args).await?;
    Ok(())
}

/// Lets every day be computed again.
pub async fn forget(state: &ExperimentsState, team: TeamId, experiment: i64, uuid: Option<&str>) -> Result<()> {
    match uuid {
        Some(uuid) => {
            let sql = "DELETE FROM experiment_result WHERE team_id = $1 AND experiment_id = $2 AND metric_uuid = $3";
            state.db.execute(sql, args![team, experiment, uuid]).await?
        }
        None => {
            state.db.execute("DELETE FROM experiment_result WHERE team_id = $1 AND experiment_id = $2", args![team, experiment]).await?
        }
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_the_projects_and_the_last_ends_with_the_experiment() {
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        let metric = json!({});
        let wanted = |start: &str, end: &str| {
            let wanted = Wanted { experiment: 1, metric: &metric, uuid: "", start: at(start), end: at(end), fingerprint: String::new() };
            days(&wanted, chrono_tz::America::New_York).iter().map(|(day, end)| format!("{day} {end}")).collect::<Vec<_>>()
        };
        assert_eq!(
            wanted("2025-03-08T12:00:00Z", "2025-03-10T12:00:00Z"),
            [
                "2025-03-08 2025-03-09T04:59:59.999999Z",
                // Clocks go forward.
                "2025-03-09 2025-03-10T03:59:59.999999Z",
                "2025-03-10 2025-03-10T12:00:00.000000Z"
            ]
        );
        assert_eq!(wanted("2020-01-01T12:00:00Z", "2025-03-10T12:00:00Z").len(), MOST_DAYS);
    }
}
