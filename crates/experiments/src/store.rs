//! Experiments in the metadata database.

use crate::experiment::{Experiment, Kind};
use anyhow::{Context, Result};
use db::{Db, Row, Value as Sql, args};
use model::TeamId;

const COLUMNS: &str = "id, team_id, flag_id, name, description, kind, holdout_id, exposure_cohort_id, start_date, end_date, archived, deleted, \
                       only_count_matured_users, conclusion, conclusion_comment, parameters, exposure_criteria, metrics, \
                       metrics_secondary, primary_order, secondary_order, saved_metrics, stats_config, scheduling_config, variants, \
                       created_by, created_at, updated_at";

fn names() -> Vec<&'static str> {
    COLUMNS.split(", ").skip(1).map(str::trim).collect()
}

/// Every experiment that is not deleted, the latest first.
pub async fn of_team(db: &Db, team: TeamId) -> Result<Vec<Experiment>> {
    let sql = format!("SELECT {COLUMNS} FROM experiment WHERE team_id = $1 AND deleted = FALSE ORDER BY id DESC");
    db.fetch_all(&sql, args![team]).await.with_context(|| format!("listing experiments of project {team}"))?.iter().map(read).collect()
}

/// Deleted ones too.
pub async fn by_id(db: &Db, team: TeamId, id: i64) -> Result<Option<Experiment>> {
    let sql = format!("SELECT {COLUMNS} FROM experiment WHERE team_id = $1 AND id = $2");
    let row = db.fetch_optional(&sql, args![team, id]).await.with_context(|| format!("loading experiment {id} of project {team}"))?;
    row.as_ref().map(read).transpose()
}

/// Stores a new experiment; its `id` is filled in.
pub async fn insert(db: &Db, experiment: Experiment) -> Result<Experiment> {
    let names = names();
    let sql = format!("INSERT INTO experiment ({}) VALUES ({}) RETURNING id", names.join(", "), db::parameter_list(1, names.len()));
    let row = db.fetch_one(&sql, &values(&experiment)).await.context("creating an experiment")?;
    Ok(Experiment { id: row.get("id")?, ..experiment })
}

/// Fails to change anything when somebody else did since `before` was read; then it answers `false`.
pub async fn update(db: &Db, before: &Experiment, after: &Experiment) -> Result<bool> {
    let set: Vec<String> = names().iter().enumerate().map(|(at, name)| format!("{name} = ${}", at + 1)).collect();
    let mut args = values(after);
    args.extend([Sql::from(after.id), Sql::from(before.updated_at)]);
    let (id, seen) = (args.len() - 1, args.len());
    let sql = format!("UPDATE experiment SET {} WHERE team_id = $1 AND id = ${id} AND updated_at = ${seen}", set.join(", "));
    Ok(db.execute(&sql, &args).await.with_context(|| format!("changing experiment {}", after.id))? > 0)
}

fn values(experiment: &Experiment) -> Vec<Sql> {
    args![
        experiment.team,
        experiment.flag,
        experiment.name.as_str(),
        experiment.description.as_str(),
        experiment.kind.as_str(),
        experiment.holdout,
        experiment.exposure_cohort,
        experiment.start,
        experiment.end,
        experiment.archived,
        experiment.deleted,
        experiment.only_count_matured_users,
        experiment.conclusion.clone(),
        experiment.conclusion_comment.clone(),
        &experiment.parameters,
        &experiment.exposure_criteria,
        &experiment.metrics,
        &experiment.metrics_secondary,
        &experiment.primary_order,
        &experiment.secondary_order,
        &experiment.saved_metrics,
        &experiment.stats_config,
        &experiment.scheduling_config,
        &experiment.variants,
        experiment.created_by,
        experiment.created_at,
        experiment.updated_at
    ]
    .to_vec()
}

fn read(row: &Row) -> Result<Experiment> {
    let kind: String = row.get("kind")?;
    Ok(Experiment {
        id: row.get("id")?,
        team: row.get("team_id")?,
        flag: row.get("flag_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        kind: Kind::parse(&kind).unwrap_or_default(),
        holdout: row.get("holdout_id")?,
        exposure_cohort: row.get("exposure_cohort_id")?,
        start: row.get("start_date")?,
        end: row.get("end_date")?,
        archived: row.get("archived")?,
        deleted: row.get("deleted")?,
        only_count_matured_users: row.get("only_count_matured_users")?,
        conclusion: row.get("conclusion")?,
        conclusion_comment: row.get("conclusion_comment")?,
        parameters: row.get("parameters")?,
        exposure_criteria: row.get("exposure_criteria")?,
        metrics: row.get("metrics")?,
        metrics_secondary: row.get("metrics_secondary")?,
        primary_order: row.get("primary_order")?,
        secondary_order: row.get("secondary_order")?,
        saved_metrics: row.get("saved_metrics")?,
        stats_config: row.get("stats_config")?,
        scheduling_config: row.get("scheduling_config")?,
        variants: row.get("variants")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
