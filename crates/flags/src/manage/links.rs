//! What else in the project uses a flag: experiments, surveys. They say so themselves, because they know flags and not the reverse.

use crate::Flags;
use anyhow::Result;
use db::{Row, args};
use model::TeamId;
use std::collections::HashMap;

/// One use of a flag. A flag in use cannot be deleted until the link is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// `experiment` or `survey`.
    pub kind: &'static str,
    /// The experiment's number, the survey's UUID.
    pub item: String,
    pub name: String,
}

const KINDS: &[&str] = &["experiment", "survey"];

impl Flags {
    /// Says that something uses the flag; saying it again renames the link.
    pub async fn link(&self, team: TeamId, flag: i64, link: &Link) -> Result<()> {
        let sql = "INSERT INTO feature_flag_link (team_id, flag_id, kind, item, name) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (team_id, flag_id, kind, item) DO UPDATE SET name = excluded.name";
        self.db.execute(sql, args![team, flag, link.kind, &link.item, &link.name]).await?;
        Ok(())
    }

    /// The opposite of [`link`](Self::link): the item was deleted, or uses another flag now.
    pub async fn unlink(&self, team: TeamId, flag: i64, kind: &'static str, item: &str) -> Result<()> {
        let sql = "DELETE FROM feature_flag_link WHERE team_id = $1 AND flag_id = $2 AND kind = $3 AND item = $4";
        self.db.execute(sql, args![team, flag, kind, item]).await?;
        Ok(())
    }

    /// Every link of the project, by flag.
    pub(crate) async fn links(&self, team: TeamId) -> Result<HashMap<i64, Vec<Link>>> {
        let sql = "SELECT flag_id, kind, item, name FROM feature_flag_link WHERE team_id = $1 ORDER BY kind, item";
        let mut links: HashMap<i64, Vec<Link>> = HashMap::new();
        for row in self.db.fetch_all(sql, args![team]).await? {
            links.entry(row.get("flag_id")?).or_default().extend(read(&row)?);
        }
        Ok(links)
    }

    pub(crate) async fn links_of(&self, team: TeamId, flag: i64) -> Result<Vec<Link>> {
        let sql = "SELECT kind, item, name FROM feature_flag_link WHERE team_id = $1 AND flag_id = $2 ORDER BY kind, item";
        let rows = self.db.fetch_all(sql, args![team, flag]).await?;
        Ok(rows.iter().map(read).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }
}

fn read(row: &Row) -> Result<Option<Link>> {
    let kind: String = row.get("kind")?;
    let Some(kind) = KINDS.iter().find(|known| **known == kind) else { return Ok(None) };
    Ok(Some(Link { kind, item: row.get("item")?, name: row.get("name")? }))
}
