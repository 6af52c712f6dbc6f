//! Surveys in the metadata database.

use crate::survey::{Kind, Schedule, Survey};
use anyhow::{Context, Result};
use db::{Db, Row, Value as Sql, args};
use model::{TeamId, Timestamp};
use serde_json::Value;
use uuid::Uuid;

const COLUMNS: &str = "id, team_id, name, description, kind, schedule, questions, conditions, appearance, extra, linked_flag_id, \
                       linked_insight_id, targeting_flag_id, internal_targeting_flag_id, start_date, end_date, archived, \
                       responses_limit, iteration_count, iteration_frequency_days, iteration_start_dates, current_iteration, \
                       enable_partial_responses, created_by, created_at, updated_at";

/// Which surveys to list; newest first.
#[derive(Default)]
pub struct Filter {
    pub search: Option<String>,
    pub kind: Option<Kind>,
    pub archived: Option<bool>,
}

pub async fn list(db: &Db, team: TeamId, filter: &Filter, limit: usize, offset: usize) -> Result<(usize, Vec<Survey>)> {
    let mut values = args![team].to_vec();
    let mut rule = "team_id = $1".to_owned();
    if let Some(search) = &filter.search {
        values.push(format!("%{}%", search.to_lowercase().replace(['%', '_'], " ")).into());
        rule.push_str(&format!(" AND (LOWER(name) LIKE ${0} OR LOWER(description) LIKE ${0})", values.len()));
    }
    if let Some(kind) = filter.kind {
        values.push(kind.as_str().into());
        rule.push_str(&format!(" AND kind = ${}", values.len()));
    }
    if let Some(archived) = filter.archived {
        values.push(archived.into());
        rule.push_str(&format!(" AND archived = ${}", values.len()));
    }
    let count = db.fetch_one(&format!("SELECT COUNT(*) AS n FROM survey WHERE {rule}"), &values).await?.get("n")?;
    let sql = format!("SELECT {COLUMNS} FROM survey WHERE {rule} ORDER BY created_at DESC, id DESC LIMIT {limit} OFFSET {offset}");
    Ok((count, db.fetch_all(&sql, &values).await?.iter().map(read).collect::<Result<_>>()?))
}

pub async fn count(db: &Db, team: TeamId) -> Result<usize> {
    db.fetch_one("SELECT COUNT(*) AS n FROM survey WHERE team_id = $1", args![team]).await?.get("n")
}

pub async fn by_id(db: &Db, team: TeamId, id: Uuid) -> Result<Option<Survey>> {
    let sql = format!("SELECT {COLUMNS} FROM survey WHERE team_id = $1 AND id = $2");
    db.fetch_optional(&sql, args![team, id]).await?.as_ref().map(read).transpose()
}

/// For its hosted page, whose address names no project.
pub async fn anywhere(db: &Db, id: Uuid) -> Result<Option<Survey>> {
    let sql = format!("SELECT {COLUMNS} FROM survey WHERE id = $1");
    db.fetch_optional(&sql, args![id]).await?.as_ref().map(read).transpose()
}

pub async fn is_name_taken(db: &Db, team: TeamId, name: &str, except: Uuid) -> Result<bool> {
    let sql = "SELECT id FROM survey WHERE team_id = $1 AND name = $2 AND id <> $3";
    Ok(db.fetch_optional(sql, args![team, name, except]).await?.is_some())
}

/// Running ones of all projects that end or go on by themselves.
pub async fn timed(db: &Db) -> Result<Vec<Survey>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM survey WHERE start_date IS NOT NULL AND end_date IS NULL AND archived = $1
         AND (responses_limit IS NOT NULL OR iteration_count IS NOT NULL) ORDER BY team_id, id"
    );
    db.fetch_all(&sql, args![false]).await?.iter().map(read).collect()
}

/// Whether SDKs have anything to ask for. Hosted pages load their survey whatever the answer.
pub async fn has_running(db: &Db, team: TeamId) -> Result<bool> {
    let sql = "SELECT id FROM survey WHERE team_id = $1 AND archived = $2 AND start_date IS NOT NULL AND end_date IS NULL AND kind <> $3";
    Ok(db.fetch_optional(&format!("{sql} LIMIT 1"), args![team, false, Kind::External.as_str()]).await?.is_some())
}

pub async fn insert(db: &Db, survey: &Survey) -> Result<()> {
    let values = values(survey);
    let sql = format!("INSERT INTO survey ({COLUMNS}) VALUES ({})", db::parameter_list(1, values.len()));
    db.execute(&sql, &values).await?;
    Ok(())
}

/// False when somebody else changed it since `survey` was read at `as_of`.
pub async fn update(db: &Db, survey: &Survey, as_of: Timestamp) -> Result<bool> {
    let set: Vec<String> = COLUMNS.split(", ").enumerate().skip(2).map(|(at, name)| format!("{name} = ${}", at + 1)).collect();
    let mut values = values(survey);
    values.push(as_of.into());
    let sql = format!("UPDATE survey SET {} WHERE id = $1 AND team_id = $2 AND updated_at = ${}", set.join(", "), values.len());
    Ok(db.execute(&sql, &values).await? > 0)
}

pub async fn delete(db: &Db, team: TeamId, id: Uuid) -> Result<()> {
    db.execute("DELETE FROM survey WHERE team_id = $1 AND id = $2", args![team, id]).await?;
    Ok(())
}

fn values(survey: &Survey) -> Vec<Sql> {
    let starts: Vec<i64> = survey.iteration_starts.iter().map(|at| at.0).collect();
    args![
        survey.id,
        survey.team,
        &survey.name,
        &survey.description,
        survey.kind.as_str(),
        survey.schedule.as_str(),
        Value::from(survey.questions.clone()),
        &survey.conditions,
        &survey.appearance,
        &survey.extra,
        survey.linked_flag,
        survey.linked_insight,
        survey.targeting_flag,
        survey.internal_flag,
        survey.start,
        survey.end,
        survey.archived,
        survey.responses_limit,
        survey.iteration_count,
        survey.iteration_frequency_days,
        Value::from(starts),
        survey.current_iteration,
        survey.counts_partial,
        survey.created_by,
        survey.created_at,
        survey.updated_at
    ]
    .to_vec()
}

fn read(row: &Row) -> Result<Survey> {
    let (kind, schedule): (String, String) = (row.get("kind")?, row.get("schedule")?);
    let questions: Value = row.get("questions")?;
    let starts: Value = row.get("iteration_start_dates")?;
    Ok(Survey {
        id: row.get("id")?,
        team: row.get("team_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        kind: Kind::parse(&kind).with_context(|| format!("unknown type of survey {kind:?}"))?,
        schedule: Schedule::parse(&schedule).with_context(|| format!("unknown schedule {schedule:?}"))?,
        questions: serde_json::from_value(questions)?,
        conditions: row.get("conditions")?,
        appearance: row.get("appearance")?,
        extra: row.get("extra")?,
        linked_flag: row.get("linked_flag_id")?,
        linked_insight: row.get("linked_insight_id")?,
        targeting_flag: row.get("targeting_flag_id")?,
        internal_flag: row.get("internal_targeting_flag_id")?,
        start: row.get("start_date")?,
        end: row.get("end_date")?,
        archived: row.get("archived")?,
        responses_limit: row.get("responses_limit")?,
        iteration_count: row.get("iteration_count")?,
        iteration_frequency_days: row.get("iteration_frequency_days")?,
        iteration_starts: serde_json::from_value::<Vec<i64>>(starts)?.into_iter().map(Timestamp).collect(),
        current_iteration: row.get("current_iteration")?,
        counts_partial: row.get("enable_partial_responses")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
