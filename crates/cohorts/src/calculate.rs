//! Computing who is in a cohort.
//!
//! A run takes the next `pending_version`, writes its members under that version, and makes it the version that counts, unless
//! somebody has taken another one meanwhile: then its rows are thrown away. Whoever takes a run moves `calculate_at` in the same
//! statement, so that of several processes one computes; if that one dies, the cohort is due again after [`PATIENCE_SECONDS`].

use crate::cohort::{is_circular, reachable};
use crate::criteria::Criteria;
use crate::{Cohort, CohortsState, Wanted, members, store};
use anyhow::{Context, Result};
use db::{Db, args};
use model::{TeamId, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;
use teams::Team;
use uuid::Uuid;

const HOUR_SECONDS: i64 = 3_600;
/// A run that takes longer is taken for dead.
const PATIENCE_SECONDS: i64 = 1_800;
/// Waiting doubles from here with every failure in a row, up to a day.
const BACKOFF_SECONDS: i64 = 300;
/// Rows in one transaction, so that others get to write in between.
const CHUNK: usize = 10_000;
/// Runs that are remembered of each cohort.
const HISTORY: i64 = 50;

/// Computes the cohort now, and the cohorts that it names before it.
pub async fn now(state: &CohortsState, team: TeamId, id: i64) -> Result<()> {
    let Some(project) = state.teams.by_id(team).await? else { return Ok(()) };
    let cohorts = store::of_team(&state.db, team).await?;
    for cohort in reachable(&cohorts, id) {
        // Those that are named were computed within the last hour, unless they are new or have changed.
        let is_fresh = cohort.id != id && cohort.last_calculation.is_some() && !cohort.is_calculating;
        if cohort.is_static || is_fresh {
            continue;
        }
        if let Some(claimed) = claim(state, cohort.id, None).await? {
            run(state, &project, &cohorts, claimed).await?;
        }
    }
    Ok(())
}

/// Computes cohorts whose time has come, the longest overdue first. Says how many.
pub async fn due(state: &CohortsState, most: usize) -> Result<usize> {
    let sql = "SELECT id, team_id FROM cohort WHERE calculate_at <= $1 AND deleted = FALSE ORDER BY calculate_at LIMIT $2";
    let rows = state.db.fetch_all(sql, args![state.clock.now(), most]).await?;
    let mut computed = 0;
    for row in rows {
        let (id, team): (i64, TeamId) = (row.get("id")?, row.get("team_id")?);
        let Some(project) = state.teams.by_id(team).await? else { continue };
        let cohorts = store::of_team(&state.db, team).await?;
        for cohort in reachable(&cohorts, id).into_iter().filter(|cohort| !cohort.is_static) {
            if let Some(claimed) = claim(state, cohort.id, Some(state.clock.now())).await? {
                run(state, &project, &cohorts, claimed).await?;
                computed += 1;
            }
        }
    }
    Ok(computed)
}

/// Takes a run of the cohort. `None`: another process has, or it is not due.
async fn claim(state: &CohortsState, id: i64, due: Option<Timestamp>) -> Result<Option<Cohort>> {
    let now = state.clock.now();
    let sql = format!(
        "UPDATE cohort SET pending_version = pending_version + 1, is_calculating = TRUE, calculate_at = $1
         WHERE id = $2 AND deleted = FALSE AND is_static = FALSE AND calculate_at <= $3 RETURNING {}",
        store::COLUMNS
    );
    let latest = due.unwrap_or(Timestamp(i64::MAX));
    let row = state.db.fetch_optional(&sql, args![now.plus_seconds(PATIENCE_SECONDS), id, latest]).await?;
    row.as_ref().map(store::read).transpose()
}

async fn run(state: &CohortsState, project: &Arc<Team>, cohorts: &[Cohort], cohort: Cohort) -> Result<()> {
    let started = state.clock.now();
    let found = find(state, project, cohorts, &cohort).await;
    let outcome = match found {
        Ok(persons) => match keep(&state.db, &cohort, persons, state.clock.now()).await.context("keeping a cohort's members") {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(cohort = cohort.id, error = format!("{error:#}"), "a cohort's members could not be kept");
                Outcome::Failed("A server error occurred.".to_owned())
            }
        },
        Err(message) => Outcome::Failed(message),
    };
    let (count, error) = match &outcome {
        Outcome::Superseded => return Ok(()),
        Outcome::Kept(count) => (Some(*count), None),
        Outcome::Failed(message) => (None, Some(message.clone())),
    };
    if let Some(message) = &error {
        failed(state, &cohort, message).await?;
    }
    remember(state, &cohort, started, count, error).await
}

enum Outcome {
    Kept(usize),
    /// Somebody has taken another run since.
    Superseded,
    Failed(String),
}

async fn find(state: &CohortsState, project: &Arc<Team>, cohorts: &[Cohort], cohort: &Cohort) -> Result<Vec<Uuid>, String> {
    let criteria = Criteria::parse(&cohort.filters)?;
    if is_circular(cohorts, cohort.id, &criteria.cohorts()) {
        return Err("The cohort depends on itself through other cohorts.".to_owned());
    }
    let wanted = match cohort.query.as_ref().filter(|_| cohort.is_analytical()) {
        Some(query) => Wanted::Query(query.clone()),
        None => Wanted::Criteria(criteria),
    };
    (state.find)(project.clone(), wanted).await.map_err(|error| {
        if error.status().is_server_error() {
            tracing::error!(cohort = cohort.id, %error, "a cohort could not be computed");
        }
        error.detail().to_owned()
    })
}

/// Writes the members under the run's version and makes it the one that counts.
async fn keep(db: &Db, cohort: &Cohort, persons: Vec<Uuid>, now: Timestamp) -> Result<Outcome> {
    let version = cohort.pending_version;
    let before: HashSet<Uuid> = members::all(db, cohort.team, cohort.id).await?.into_iter().collect();
    let after: HashSet<Uuid> = persons.into_iter().collect();
    let changed = before != after;
    if changed {
        let persons: Vec<Uuid> = after.iter().copied().collect();
        for chunk in persons.chunks(CHUNK) {
            let mut transaction = db.begin().await?;
            let rows = chunk.iter().map(|person| members::row_of(cohort, version, *person)).collect();
            transaction.insert_many(members::INSERT, "ON CONFLICT DO NOTHING", rows).await?;
            transaction.commit().await?;
        }
    }
    let mut transaction = db.begin().await?;
    let sql = "UPDATE cohort SET version = $1, count = $2, is_calculating = FALSE, errors_calculating = 0, last_error_message = NULL,
               last_calculation = $3, calculate_at = $4 WHERE id = $5 AND pending_version = $6";
    let kept = if changed { version } else { cohort.version };
    let next = now.plus_seconds(HOUR_SECONDS);
    let won = transaction.execute(sql, args![kept, after.len(), now, next, cohort.id, version]).await? > 0;
    if won && (changed || cohort.last_calculation.is_none()) {
        store::bump(&mut transaction, cohort.team).await?;
    }
    transaction.commit().await?;
    if changed {
        forget_others(db, cohort.id).await?;
    }
    Ok(if won { Outcome::Kept(after.len()) } else { Outcome::Superseded })
}

/// Deletes what belongs to no version that counts or is being written.
async fn forget_others(db: &Db, cohort: i64) -> Result<()> {
    let sql = "SELECT DISTINCT m.version FROM cohort_member m JOIN cohort c ON c.id = m.cohort_id
               WHERE m.cohort_id = $1 AND m.version <> c.version AND m.version < c.pending_version";
    let versions: Vec<i64> = db.fetch_all(sql, args![cohort]).await?.iter().map(|row| row.get("version")).collect::<Result<_>>()?;
    let some = format!(
        "DELETE FROM cohort_member WHERE cohort_id = $1 AND version = $2 AND person_uuid IN
         (SELECT person_uuid FROM cohort_member WHERE cohort_id = $1 AND version = $2 LIMIT {CHUNK})"
    );
    for version in versions {
        while db.execute(&some, args![cohort, version]).await? > 0 {}
    }
    Ok(())
}

async fn failed(state: &CohortsState, cohort: &Cohort, message: &str) -> Result<()> {
    const DAY_SECONDS: i64 = 86_400;
    let wait = BACKOFF_SECONDS.saturating_mul(1 << cohort.errors_calculating.clamp(0, 20)).min(DAY_SECONDS);
    let sql = "UPDATE cohort SET is_calculating = FALSE, errors_calculating = errors_calculating + 1, last_error_message = $1,
               calculate_at = $2 WHERE id = $3 AND pending_version = $4";
    let next = state.clock.now().plus_seconds(wait);
    state.db.execute(sql, args![message, next, cohort.id, cohort.pending_version]).await?;
    Ok(())
}

async fn remember(state: &CohortsState, cohort: &Cohort, started: Timestamp, count: Option<usize>, error: Option<String>) -> Result<()> {
    let mut transaction = state.db.begin().await?;
    let sql = "INSERT INTO cohort_calculation (cohort_id, version, started_at, finished_at, count, error) VALUES ($1, $2, $3, $4, $5, $6)";
    transaction.execute(sql, args![cohort.id, cohort.pending_version, started, state.clock.now(), count, error]).await?;
    let sql = "DELETE FROM cohort_calculation WHERE cohort_id = $1 AND id <=
               (SELECT id FROM cohort_calculation WHERE cohort_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
    transaction.execute(sql, args![cohort.id, HISTORY]).await?;
    transaction.commit().await
}
