//! The day's salts and, for stateful projects, who visited; in the database, with what the current batches need in memory.

use crate::cookieless::{self, Hash, Salt, Sighting, VisitMap, Visitor, Visits};
use crate::event::{Drop, Incoming};
use anyhow::{Context, Result};
use chrono::NaiveDate;
use db::{Db, Transaction, Value, args, parameter_list};
use model::{TeamId, Timestamp};
use std::collections::HashMap;
use uuid::Uuid;

/// The distinct id that events of this visitor get now. `None` when the project does not want cookieless visitors.
pub async fn cookieless_id(db: &Db, random: fn() -> Salt, sighting: &Sighting<'_>) -> Result<Option<String>> {
    let Some(visitor) = Visitor::seen(sighting).filter(|_| matches!(sighting.mode, 1 | 2)) else { return Ok(None) };
    let salt = Cookieless::new(random).salt_of(db, visitor.day, sighting.now).await.context("the day's salt for cookieless visitors")?;
    let hash = visitor.hash(sighting.project, &salt, 0);
    if sighting.mode == 1 {
        return Ok(Some(cookieless::distinct_id(&hash)));
    }
    let sql = "SELECT COUNT(*) AS identifies FROM cookieless_identify WHERE team_id = $1 AND day = $2 AND hash = $3";
    let row = db.fetch_one(sql, args![sighting.project, visitor.day.to_string(), hex::encode(hash)]).await?;
    let identifies: i64 = row.get("identifies")?;
    Ok(Some(cookieless::distinct_id(&visitor.hash(sighting.project, &salt, identifies.max(0) as usize))))
}

/// Visitors kept in memory between batches.
const MAX_VISITS: usize = 100_000;

pub struct Cookieless {
    /// Sixteen random bytes.
    random: fn() -> Salt,
    salts: HashMap<NaiveDate, Salt>,
    visits: VisitMap,
}

impl Cookieless {
    pub fn new(random: fn() -> Salt) -> Self {
        Cookieless { random, salts: HashMap::new(), visits: HashMap::new() }
    }

    /// Rewrites the cookieless events of a batch, in order. The answer has a place for every event: why it is dropped, if it is.
    pub async fn rewrite(&mut self, db: &Db, events: &mut [Incoming]) -> Result<Vec<Option<Drop>>> {
        let mut drops: Vec<Option<Drop>> = Vec::new();
        if !events.iter().any(|event| event.cookieless) {
            return Ok(drops);
        }
        drops.resize_with(events.len(), || None);
        let mut visitors: Vec<Option<Visitor>> = vec![None; events.len()];
        for (at, event) in events.iter().enumerate().filter(|(_, event)| event.cookieless) {
            match cookieless::visitor(event) {
                Ok(visitor) => visitors[at] = Some(visitor),
                Err(drop) => drops[at] = Some(drop),
            }
        }
        self.load_salts(db, events, &visitors).await?;
        self.load_visits(db, events, &visitors).await?;
        for (event, visitor) in events.iter_mut().zip(&visitors) {
            let Some(visitor) = visitor else { continue };
            let salt = self.salts.get(&visitor.day).context("the day's salt was loaded")?;
            if event.project.cookieless_mode == 1 {
                cookieless::rewrite_stateless(event, visitor, salt);
                continue;
            }
            let key = (event.project.id, hex::encode(visitor.hash(event.project.id, salt, 0)));
            let (_, visits, changed) = self.visits.entry(key).or_insert((visitor.day, Visits::default(), false));
            cookieless::rewrite_stateful(event, visitor, salt, visits);
            *changed = true;
        }
        Ok(drops)
    }

    async fn load_salts(&mut self, db: &Db, events: &[Incoming], visitors: &[Option<Visitor>]) -> Result<()> {
        for (event, visitor) in events.iter().zip(visitors) {
            let Some(visitor) = visitor else { continue };
            if self.salts.contains_key(&visitor.day) {
                continue;
            }
            let salt = self.salt_of(db, visitor.day, event.now).await.context("the day's salt for cookieless visitors")?;
            self.salts.insert(visitor.day, salt);
        }
        Ok(())
    }

    /// The stored salt, or a new one. Whatever can no longer be valid is deleted on the way.
    async fn salt_of(&mut self, db: &Db, day: NaiveDate, now: Timestamp) -> Result<Salt> {
        let oldest = cookieless::oldest_day(now);
        self.salts.retain(|day, _| oldest.is_none_or(|oldest| *day >= oldest));
        let stored = async || db.fetch_optional("SELECT salt FROM cookieless_salt WHERE day = $1", args![day.to_string()]).await;
        let unreadable = |_| anyhow::anyhow!("the stored salt is not 16 bytes long");
        if let Some(row) = stored().await? {
            return row.get::<Vec<u8>>("salt")?.try_into().map_err(unreadable);
        }
        let insert = "INSERT INTO cookieless_salt (day, salt) VALUES ($1, $2) ON CONFLICT (day) DO NOTHING";
        db.execute(insert, args![day.to_string(), (self.random)().to_vec()]).await?;
        let row = stored().await?.context("the salt was just stored")?;
        let salt: Vec<u8> = row.get("salt")?;
        if let Some(oldest) = oldest {
            for table in ["cookieless_salt", "cookieless_identify", "cookieless_session"] {
                db.execute(&format!("DELETE FROM {table} WHERE day < $1"), args![oldest.to_string()]).await?;
            }
        }
        salt.try_into().map_err(unreadable)
    }

    async fn load_visits(&mut self, db: &Db, events: &[Incoming], visitors: &[Option<Visitor>]) -> Result<()> {
        if self.visits.len() > MAX_VISITS {
            self.visits.clear();
        }
        let mut missing: HashMap<(TeamId, NaiveDate), Vec<String>> = HashMap::new();
        for (event, visitor) in events.iter().zip(visitors) {
            let Some(visitor) = visitor.as_ref().filter(|_| event.project.cookieless_mode == 2) else { continue };
            let hash: Hash = visitor.hash(event.project.id, self.salts.get(&visitor.day).context("the day's salt was loaded")?, 0);
            let key = (event.project.id, hex::encode(hash));
            if let std::collections::hash_map::Entry::Vacant(place) = self.visits.entry(key) {
                missing.entry((event.project.id, visitor.day)).or_default().push(place.key().1.clone());
                place.insert((visitor.day, Visits::default(), false));
            }
        }
        for ((team, day), hashes) in missing {
            for list in hashes.chunks(500) {
                self.load_list(db, team, day, list).await?;
            }
        }
        Ok(())
    }

    async fn load_list(&mut self, db: &Db, team: TeamId, day: NaiveDate, hashes: &[String]) -> Result<()> {
        let list = parameter_list(3, hashes.len());
        let mut args = vec![Value::from(team), Value::from(day.to_string())];
        args.extend(hashes.iter().map(Value::from));
        let sql = format!("SELECT hash, event_uuid FROM cookieless_identify WHERE team_id = $1 AND day = $2 AND hash IN ({list})");
        for row in db.fetch_all(&sql, &args).await? {
            if let Some((_, visits, _)) = self.visits.get_mut(&(team, row.get("hash")?)) {
                visits.identifies.push(row.get("event_uuid")?);
            }
        }
        let sql =
            format!("SELECT hash, session_id, last_activity FROM cookieless_session WHERE team_id = $1 AND day = $2 AND hash IN ({list})");
        for row in db.fetch_all(&sql, &args).await? {
            if let Some((_, visits, _)) = self.visits.get_mut(&(team, row.get("hash")?)) {
                let session: Uuid = row.get("session_id")?;
                visits.session = Some((session, row.get("last_activity")?));
            }
        }
        Ok(())
    }

    pub fn has_changes(&self) -> bool {
        self.visits.values().any(|(_, _, changed)| *changed)
    }

    pub async fn write(&mut self, transaction: &mut Transaction) -> Result<()> {
        let (mut identifies, mut sessions) = (Vec::new(), Vec::new());
        for ((team, hash), (day, visits, changed)) in self.visits.iter_mut().filter(|(_, (_, _, changed))| *changed) {
            *changed = false;
            let key = || vec![Value::from(*team), Value::from(day.to_string()), Value::from(hash)];
            identifies.extend(visits.identifies.iter().map(|&uuid| [key(), vec![uuid.into()]].concat()));
            sessions.extend(visits.session.map(|(session, last)| [key(), vec![session.into(), last.into()]].concat()));
        }
        let head = "INSERT INTO cookieless_identify (team_id, day, hash, event_uuid) VALUES";
        transaction.insert_many(head, "ON CONFLICT (team_id, day, hash, event_uuid) DO NOTHING", identifies).await?;
        let head = "INSERT INTO cookieless_session (team_id, day, hash, session_id, last_activity) VALUES";
        let tail =
            "ON CONFLICT (team_id, day, hash) DO UPDATE SET session_id = excluded.session_id, last_activity = excluded.last_activity";
        transaction.insert_many(head, tail, sessions).await?;
        Ok(())
    }
}
