//! Changes that flags get by themselves at a time set before.
//!
//! Any number of processes may run [`keep_schedule`]: a change is made and marked as made in one transaction, which holds the lock of
//! the project's flags and looks again whether the change is still due.

use super::filters::invalid;
use crate::{Flag, Flags, store};
use anyhow::Result;
use chrono::{Datelike, Days, Months};
use db::{Db, Row, Transaction, args};
use model::{TeamId, Timestamp, UserId};
use serde_json::{Value, json};
use std::time::Duration;
use web::{ApiError, ApiResult};

const LOOK_EVERY: Duration = Duration::from_secs(2);
const MAX_AT_ONCE: usize = 100;

#[derive(Clone, Debug, PartialEq)]
pub struct Scheduled {
    pub id: i64,
    pub team: TeamId,
    pub flag: i64,
    /// `{"operation", "value"}`
    pub payload: Value,
    /// The next time, or the only one.
    pub scheduled_at: Timestamp,
    /// Where the series of a recurring change begins: the 31st stays the 31st after a shorter month.
    pub first_at: Timestamp,
    /// With an interval: `false` pauses.
    pub is_recurring: bool,
    pub interval: Option<Interval>,
    /// A recurring change ends here.
    pub end_date: Option<Timestamp>,
    /// Done; nothing more will happen.
    pub executed_at: Option<Timestamp>,
    pub failure_reason: Option<String>,
    pub last_executed_at: Option<Timestamp>,
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

impl Interval {
    pub fn as_str(self) -> &'static str {
        match self {
            Interval::Daily => "daily",
            Interval::Weekly => "weekly",
            Interval::Monthly => "monthly",
            Interval::Yearly => "yearly",
        }
    }

    pub fn parse(text: &str) -> Option<Interval> {
        [Interval::Daily, Interval::Weekly, Interval::Monthly, Interval::Yearly].into_iter().find(|interval| interval.as_str() == text)
    }

    /// The first time after `now` in the series that begins at `first`: what was missed while nothing ran is not made up for.
    /// Months keep the day of the first time where they have it.
    pub fn next(self, first: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let (from, until) = (first.to_utc()?, now.to_utc()?);
        let months = (until.year() - from.year()).max(0) as u32 * 12;
        let begin = match self {
            Interval::Daily | Interval::Weekly => 0,
            // Not before the year that now is in, not past it.
            Interval::Monthly => months.saturating_sub(12),
            Interval::Yearly => (months / 12).saturating_sub(1),
        };
        let days = match self {
            Interval::Daily => 1,
            _ => 7,
        };
        match self {
            Interval::Daily | Interval::Weekly => {
                let passed = (now.since(first) / 86_400_000_000).max(0) as u64 / days + 1;
                from.checked_add_days(Days::new(passed * days)).map(Timestamp::from_utc)
            }
            Interval::Monthly | Interval::Yearly => {
                let step = if self == Interval::Monthly { 1 } else { 12 };
                let mut times = (begin..begin + 40).filter_map(|count| from.checked_add_months(Months::new(count * step)));
                times.find(|at| *at > until && *at > from).map(Timestamp::from_utc)
            }
        }
    }
}

/// What a payload does to a flag. Fails with 400 when it is none of the known operations.
pub fn operation(payload: &Value) -> ApiResult<impl FnOnce(&mut Flag) -> ApiResult<()> + Send + use<>> {
    let refuse = |detail: &str| ApiError::invalid(detail.to_owned()).attr("payload");
    let value = payload["value"].clone();
    let operation = match payload["operation"].as_str() {
        Some("update_status") if value.is_boolean() => Operation::Status,
        Some("update_status") => return Err(refuse("update_status needs the value true or false.")),
        Some("add_release_condition") if value["groups"].is_array() => Operation::Conditions,
        Some("add_release_condition") => return Err(refuse("add_release_condition needs the value {\"groups\": [condition sets]}.")),
        Some("update_variants") if value["variants"].is_array() => Operation::Variants,
        Some("update_variants") => return Err(refuse("update_variants needs the value {\"variants\": [variants], \"payloads\": {}}.")),
        _ => return Err(refuse("The operation must be update_status, add_release_condition or update_variants.")),
    };
    Ok(move |flag: &mut Flag| operation.apply(flag, value))
}

#[derive(Clone, Copy)]
enum Operation {
    Status,
    Conditions,
    Variants,
}

impl Operation {
    fn apply(self, flag: &mut Flag, value: Value) -> ApiResult<()> {
        if flag.deleted {
            return Err(invalid("The flag has been deleted."));
        }
        let filters = flag.filters.as_object_mut().ok_or_else(|| invalid("The flag's filters cannot be read."))?;
        match self {
            Operation::Status => flag.active = value == true,
            Operation::Conditions => {
                let groups = filters.entry("groups").or_insert_with(|| json!([])).as_array_mut();
                let groups = groups.ok_or_else(|| invalid("groups must be a list of condition sets."))?;
                groups.extend(value["groups"].as_array().into_iter().flatten().cloned());
            }
            Operation::Variants => {
                let multivariate = filters.entry("multivariate").or_insert(Value::Null);
                match multivariate.as_object_mut() {
                    Some(multivariate) => multivariate.insert("variants".to_owned(), value["variants"].clone()).map_or((), drop),
                    None => *multivariate = json!({"variants": value["variants"]}),
                }
                if let Some(payloads) = value.get("payloads").filter(|payloads| payloads.is_object()) {
                    filters.insert("payloads".to_owned(), payloads.clone());
                }
            }
        }
        Ok(())
    }
}

/// Makes due changes until the program ends.
pub async fn keep_schedule(flags: Flags) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Err(error) = run_due(&flags).await {
            tracing::warn!(error = format!("{error:#}"), "scheduled changes of flags were not looked up");
        }
    }
}

/// Makes every change that is due now. One that fails says why and keeps none of the others.
pub async fn run_due(flags: &Flags) -> Result<usize> {
    let now = flags.clock.now();
    let mut made = 0;
    for (team, id) in due(&flags.db, now).await? {
        match make(flags, team, id, now).await {
            Ok(true) => made += 1,
            Ok(false) => {}
            // The database was away or full: the change stays due.
            Err(error) if error.status().is_server_error() => {
                tracing::warn!(%error, team = team.0, id, "a scheduled change was not made yet")
            }
            Err(error) => fail(flags, team, id, now, error.detail()).await?,
        }
    }
    Ok(made)
}

/// `false` when another process was faster.
async fn make(flags: &Flags, team: TeamId, id: i64, now: Timestamp) -> ApiResult<bool> {
    let cohorts = cohorts::store::of_team(&flags.db, team).await?;
    let mut transaction = flags.db.begin().await?;
    store::bump(&mut transaction, team).await?;
    let Some(scheduled) = still_due(&mut transaction, team, id, now).await? else { return Ok(false) };
    let by = scheduled.created_by;
    let change = flags.change_in(&mut transaction, &cohorts, (team, by, scheduled.flag), operation(&scheduled.payload)?).await?;
    update(&mut transaction, &scheduled.after_run(now, None)).await?;
    transaction.commit().await?;
    flags.tell(&change, by).await;
    Ok(true)
}

async fn fail(flags: &Flags, team: TeamId, id: i64, now: Timestamp, reason: &str) -> Result<()> {
    let mut transaction = flags.db.begin().await?;
    store::bump(&mut transaction, team).await?;
    if let Some(scheduled) = still_due(&mut transaction, team, id, now).await? {
        let flag = scheduled.flag;
        update(&mut transaction, &scheduled.after_run(now, Some(reason.to_owned()))).await?;
        transaction.commit().await?;
        tracing::warn!(team = team.0, flag, reason, "a scheduled change of a flag failed");
    }
    Ok(())
}

impl Scheduled {
    fn after_run(mut self, now: Timestamp, failure: Option<String>) -> Scheduled {
        let next = self.interval.filter(|_| self.is_recurring).and_then(|interval| interval.next(self.first_at, now));
        let next = next.filter(|next| self.end_date.is_none_or(|end| *next <= end));
        self.failure_reason = failure;
        self.last_executed_at = Some(now);
        match next {
            Some(next) => self.scheduled_at = next,
            None => self.executed_at = Some(now),
        }
        self.updated_at = now;
        self
    }
}

const COLUMNS: &str = "id, team_id, flag_id, payload, scheduled_at, first_at, is_recurring, recurrence_interval, end_date, executed_at, \
                       failure_reason, last_executed_at, created_by, created_at, updated_at";
/// A recurring change that is paused is never due.
const DUE: &str = "executed_at IS NULL AND scheduled_at <= $1 AND (recurrence_interval IS NULL OR is_recurring = TRUE)";

async fn due(db: &Db, now: Timestamp) -> Result<Vec<(TeamId, i64)>> {
    let sql = format!("SELECT team_id, id FROM feature_flag_scheduled_change WHERE {DUE} ORDER BY scheduled_at, id LIMIT {MAX_AT_ONCE}");
    let rows = db.fetch_all(&sql, args![now]).await?;
    rows.iter().map(|row| Ok((TeamId(row.get("team_id")?), row.get("id")?))).collect()
}

async fn still_due(transaction: &mut Transaction, team: TeamId, id: i64, now: Timestamp) -> Result<Option<Scheduled>> {
    let sql = format!("SELECT {COLUMNS} FROM feature_flag_scheduled_change WHERE {DUE} AND team_id = $2 AND id = $3");
    transaction.fetch_optional(&sql, args![now, team, id]).await?.as_ref().map(read).transpose()
}

/// How many there are, of one flag if one is given, and a page of them, latest first.
pub async fn of_team(db: &Db, team: TeamId, flag: Option<i64>, limit: usize, offset: usize) -> Result<(usize, Vec<Scheduled>)> {
    let rule = if flag.is_some() { "team_id = $1 AND flag_id = $2" } else { "team_id = $1" };
    let args: Vec<db::Value> = std::iter::once(team.into()).chain(flag.map(db::Value::from)).collect();
    let sql = format!("SELECT COUNT(*) AS n FROM feature_flag_scheduled_change WHERE {rule}");
    let count = db.fetch_one(&sql, &args).await?.get("n")?;
    let sql = format!(
        "SELECT {COLUMNS} FROM feature_flag_scheduled_change WHERE {rule} ORDER BY scheduled_at DESC, id DESC LIMIT {limit} OFFSET {offset}"
    );
    let rows = db.fetch_all(&sql, &args).await?;
    Ok((count, rows.iter().map(read).collect::<Result<_>>()?))
}

pub async fn by_id(db: &Db, team: TeamId, id: i64) -> Result<Option<Scheduled>> {
    let sql = format!("SELECT {COLUMNS} FROM feature_flag_scheduled_change WHERE team_id = $1 AND id = $2");
    db.fetch_optional(&sql, args![team, id]).await?.as_ref().map(read).transpose()
}

/// As the transaction, which holds the lock of the project's flags, sees it.
pub async fn in_transaction(transaction: &mut Transaction, team: TeamId, id: i64) -> Result<Option<Scheduled>> {
    let sql = format!("SELECT {COLUMNS} FROM feature_flag_scheduled_change WHERE team_id = $1 AND id = $2");
    transaction.fetch_optional(&sql, args![team, id]).await?.as_ref().map(read).transpose()
}

pub async fn waiting(db: &Db, team: TeamId) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM feature_flag_scheduled_change WHERE team_id = $1 AND executed_at IS NULL";
    db.fetch_one(sql, args![team]).await?.get("n")
}

pub async fn insert(db: &Db, scheduled: &Scheduled) -> Result<i64> {
    let names: Vec<&str> = COLUMNS.split(", ").skip(1).map(str::trim).collect();
    let places = db::parameter_list(1, names.len());
    let sql = format!("INSERT INTO feature_flag_scheduled_change ({}) VALUES ({places}) RETURNING id", names.join(", "));
    db.fetch_one(&sql, &values(scheduled)).await?.get("id")
}

pub async fn update(transaction: &mut Transaction, scheduled: &Scheduled) -> Result<()> {
    let names = COLUMNS.split(", ").skip(1).map(str::trim).enumerate();
    let set: Vec<String> = names.map(|(at, name)| format!("{name} = ${}", at + 1)).collect();
    let mut args = values(scheduled);
    args.push(scheduled.id.into());
    let sql = format!("UPDATE feature_flag_scheduled_change SET {} WHERE team_id = $1 AND id = ${}", set.join(", "), args.len());
    transaction.execute(&sql, &args).await?;
    Ok(())
}

pub async fn delete(db: &Db, team: TeamId, id: i64) -> Result<bool> {
    let sql = "DELETE FROM feature_flag_scheduled_change WHERE team_id = $1 AND id = $2";
    Ok(db.execute(sql, args![team, id]).await? > 0)
}

fn values(scheduled: &Scheduled) -> Vec<db::Value> {
    args![
        scheduled.team,
        scheduled.flag,
        &scheduled.payload,
        scheduled.scheduled_at,
        scheduled.first_at,
        scheduled.is_recurring,
        scheduled.interval.map(Interval::as_str),
        scheduled.end_date,
        scheduled.executed_at,
        scheduled.failure_reason.clone(),
        scheduled.last_executed_at,
        scheduled.created_by,
        scheduled.created_at,
        scheduled.updated_at
    ]
    .to_vec()
}

fn read(row: &Row) -> Result<Scheduled> {
    let interval: Option<String> = row.get("recurrence_interval")?;
    Ok(Scheduled {
        id: row.get("id")?,
        team: row.get("team_id")?,
        flag: row.get("flag_id")?,
        payload: row.get("payload")?,
        scheduled_at: row.get("scheduled_at")?,
        first_at: row.get("first_at")?,
        is_recurring: row.get("is_recurring")?,
        interval: interval.as_deref().and_then(Interval::parse),
        end_date: row.get("end_date")?,
        executed_at: row.get("executed_at")?,
        failure_reason: row.get("failure_reason")?,
        last_executed_at: row.get("last_executed_at")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_keeps_its_time_and_the_day_of_its_first_month() {
        let at = |text: &str| Timestamp::parse_rfc3339(&format!("{text}:00Z")).unwrap();
        for (interval, first, now, next) in [
            (Interval::Daily, "2026-01-31T09:30", "2026-01-31T09:30", "2026-02-01T09:30"),
            (Interval::Daily, "2026-01-31T09:30", "2026-03-15T10:00", "2026-03-16T09:30"),
            (Interval::Weekly, "2026-01-05T09:30", "2026-01-12T09:29", "2026-01-12T09:30"),
            (Interval::Weekly, "2026-01-05T09:30", "2026-01-12T09:30", "2026-01-19T09:30"),
            (Interval::Monthly, "2026-01-31T09:30", "2026-01-31T09:31", "2026-02-28T09:30"),
            (Interval::Monthly, "2026-01-31T09:30", "2026-02-28T09:30", "2026-03-31T09:30"),
            (Interval::Monthly, "2020-12-31T09:30", "2026-12-31T09:30", "2027-01-31T09:30"),
            (Interval::Yearly, "2024-02-29T09:30", "2024-02-29T09:30", "2025-02-28T09:30"),
            (Interval::Yearly, "2024-02-29T09:30", "2027-05-01T00:00", "2028-02-29T09:30"),
        ] {
            assert_eq!(interval.next(at(first), at(now)), Some(at(next)), "{interval:?} after {now}");
        }
    }
}
