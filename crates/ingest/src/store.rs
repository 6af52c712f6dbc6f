//! Ingestion's own tables: positions, the outbox, heatmaps.

use crate::heatmaps::SCALE_FACTOR;
use crate::writer::HeatmapRow;
use anyhow::Result;
use db::{Db, Transaction, Value, args};
use events::PersonOverride;
use model::TeamId;
use std::collections::HashMap;
use std::sync::Arc;

/// The queue offset up to which persons and groups are written.
pub async fn position(db: &Db) -> Result<Option<u64>> {
    let row = db.fetch_optional("SELECT position FROM ingest_position WHERE id = 1", &[]).await?;
    row.map(|row| row.get("position")).transpose()
}

pub async fn set_position(transaction: &mut Transaction, position: u64) -> Result<()> {
    let sql = "INSERT INTO ingest_position (id, position) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET position = excluded.position";
    transaction.execute(sql, args![position as i64]).await?;
    Ok(())
}

/// Overrides that the event store may not have.
pub async fn outbox(db: &Db) -> Result<Vec<PersonOverride>> {
    let rows = db.fetch_all("SELECT team_id, distinct_id, person_uuid, version FROM person_override_outbox", &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(PersonOverride {
                team: row.get("team_id")?,
                distinct_id: row.get("distinct_id")?,
                person_id: row.get("person_uuid")?,
                version: row.get("version")?,
            })
        })
        .collect()
}

/// Removes what the event store has by now and adds what the batch that ends at `position` decided.
pub async fn update_outbox(transaction: &mut Transaction, sent: Option<u64>, overrides: &[PersonOverride], position: u64) -> Result<()> {
    if let Some(sent) = sent {
        transaction.execute("DELETE FROM person_override_outbox WHERE position <= $1", args![sent as i64]).await?;
    }
    let mut newest: HashMap<(TeamId, &Arc<str>), &PersonOverride> = HashMap::new();
    for one in overrides {
        let known = newest.entry((one.team, &one.distinct_id)).or_insert(one);
        if known.version < one.version {
            *known = one;
        }
    }
    let rows = newest.into_values().map(|one| {
        vec![one.team.into(), Value::from(&*one.distinct_id), one.person_id.into(), one.version.into(), Value::Int(position as i64)]
    });
    let head = "INSERT INTO person_override_outbox (team_id, distinct_id, person_uuid, version, position) VALUES";
    let tail = "ON CONFLICT (team_id, distinct_id)
                DO UPDATE SET person_uuid = excluded.person_uuid, version = excluded.version, position = excluded.position";
    transaction.insert_many(head, tail, rows.collect()).await?;
    Ok(())
}

pub async fn insert_heatmaps(transaction: &mut Transaction, rows: &[HeatmapRow]) -> Result<()> {
    let rows = rows.iter().map(|row| {
        vec![
            row.team.into(),
            row.timestamp.into(),
            Value::from(&row.session_id),
            Value::from(&*row.distinct_id),
            Value::from(&row.point.kind),
            row.point.x.into(),
            row.point.y.into(),
            SCALE_FACTOR.into(),
            row.point.viewport_width.into(),
            row.point.viewport_height.into(),
            row.point.target_fixed.into(),
            Value::from(&row.point.current_url),
        ]
    });
    let head = "INSERT INTO heatmap (team_id, timestamp, session_id, distinct_id, type, x, y, scale_factor, viewport_width,
                viewport_height, pointer_target_fixed, current_url) VALUES";
    transaction.insert_many(head, "", rows.collect()).await?;
    Ok(())
}
