//! Projects ("teams" in PostHog's words) as every other crate sees them: found by id or by token, cached briefly.
//!
//! Invariants:
//! - A token, once handed out, belongs to at most one project; two projects never share one.
//! - A lookup is at most [`CACHE_SECONDS`] behind the database, also for "no such token"; in the process that made the change it is
//!   never behind, because every change here invalidates.
//! - Secret tokens are kept as hashes only.

mod cache;
mod store;
mod token;

pub use cache::CACHE_SECONDS;
pub use store::{MIGRATIONS, NewTeam};
pub use token::{hash_secret, mask, random_token};

use anyhow::{Context, Result};
use cache::Cache;
use db::{Db, Transaction};
use model::{OrganizationId, TeamId, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

/// One project with the settings that ingestion, queries and SDK endpoints read.
#[derive(Clone, Debug)]
pub struct Team {
    pub id: TeamId,
    pub uuid: Uuid,
    pub organization: OrganizationId,
    pub name: String,
    /// `phc_…`, public.
    pub api_token: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub timezone: chrono_tz::Tz,
    /// 0 = Sunday, 1 = Monday.
    pub week_start_day: u8,
    pub anonymize_ips: bool,
    /// 0 off, 1 stateless, 2 stateful.
    pub cookieless_mode: u8,
    pub ingested_event: bool,
    /// Filled with made-up data.
    pub is_demo: bool,
    /// How the secret keys look without giving them away: `phs_…abcd`.
    pub secret_token_mask: Option<String>,
    pub secret_token_backup_mask: Option<String>,
    /// Every other field of the project object that PATCH accepts, under its API name.
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// The directory of projects. Cheap to clone; clones share one cache.
#[derive(Clone)]
pub struct Teams {
    db: Db,
    cache: Arc<Cache>,
}

impl Teams {
    pub fn new(db: Db) -> Self {
        Teams { db, cache: Arc::new(Cache::default()) }
    }

    pub async fn by_id(&self, id: TeamId) -> Result<Option<Arc<Team>>> {
        match self.cache.by_id(id) {
            Some(known) => Ok(known),
            None => self.read_by_id(id).await,
        }
    }

    /// Asks the database whatever is known, for callers that keep the answer themselves for a while.
    pub async fn read_by_id(&self, id: TeamId) -> Result<Option<Arc<Team>>> {
        let generation = self.cache.generation();
        let team = store::by_id(&self.db, id).await.with_context(|| format!("loading project {id}"))?.map(Arc::new);
        self.cache.put_id(generation, id, team.clone());
        Ok(team)
    }

    /// By the public `phc_…` token.
    pub async fn by_token(&self, token: &str) -> Result<Option<Arc<Team>>> {
        if token.is_empty() || token.len() > token::MAX_LENGTH {
            return Ok(None);
        }
        if let Some(known) = self.cache.by_token(token) {
            return Ok(known);
        }
        let generation = self.cache.generation();
        let team = store::by_token(&self.db, token).await.context("looking up a project token")?.map(Arc::new);
        self.cache.put_token(generation, token, team.clone());
        Ok(team)
    }

    /// By a secret `phs_…` token, current or backup.
    pub async fn by_secret(&self, secret: &str) -> Result<Option<Arc<Team>>> {
        if !secret.starts_with(token::SECRET_PREFIX) || secret.len() > token::MAX_LENGTH {
            return Ok(None);
        }
        let id = store::id_by_secret_hash(&self.db, &hash_secret(secret)).await.context("looking up a project secret key")?;
        match id {
            Some(id) => self.by_id(id).await,
            None => Ok(None),
        }
    }

    pub async fn of_organization(&self, organization: OrganizationId) -> Result<Vec<Team>> {
        store::of_organization(&self.db, organization).await.with_context(|| format!("listing the projects of {organization}"))
    }

    pub async fn all(&self) -> Result<Vec<Team>> {
        store::all(&self.db).await.context("listing all projects")
    }

    pub async fn create(&self, new: NewTeam, now: Timestamp) -> Result<Arc<Team>> {
        let mut transaction = self.db.begin().await?;
        let team = self.create_in(&mut transaction, new, now).await?;
        transaction.commit().await?;
        self.cache.forget(team.id);
        Ok(Arc::new(team))
    }

    /// As part of a larger change. The caller calls [`invalidate`](Self::invalidate) after its commit.
    pub async fn create_in(&self, transaction: &mut Transaction, new: NewTeam, now: Timestamp) -> Result<Team> {
        store::insert(transaction, new, now).await.context("creating a project")
    }

    /// Reads the project, lets `change` edit it and writes it back, with no other change in between. `None` when it does not exist.
    /// Ids, tokens and secret masks are not written.
    pub async fn update(&self, id: TeamId, now: Timestamp, change: impl FnOnce(&mut Team)) -> Result<Option<Arc<Team>>> {
        let mut transaction = self.db.begin().await?;
        let Some(mut team) = store::lock(&mut transaction, id, now).await? else {
            return Ok(None);
        };
        change(&mut team);
        store::write(&mut transaction, &team).await.with_context(|| format!("saving project {id}"))?;
        transaction.commit().await?;
        self.cache.forget(id);
        Ok(Some(Arc::new(team)))
    }

    /// Remembers that the project's first event arrived. Cheap when it already had.
    pub async fn mark_ingested(&self, id: TeamId) -> Result<()> {
        let changed = store::mark_ingested(&self.db, id).await.with_context(|| format!("marking project {id} as used"))?;
        if changed {
            self.cache.forget(id);
        }
        Ok(())
    }

    /// Gives the project a new public token; the old one stops working at once.
    pub async fn reset_token(&self, id: TeamId, now: Timestamp) -> Result<Option<Arc<Team>>> {
        store::set_token(&self.db, id, &random_token(token::PUBLIC_PREFIX), now).await.context("resetting a project token")?;
        self.cache.forget(id);
        self.by_id(id).await
    }

    /// Makes a new secret token and keeps the old one valid as backup. The secret is returned here and never again.
    pub async fn rotate_secret(&self, id: TeamId, now: Timestamp) -> Result<Option<(Arc<Team>, String)>> {
        let secret = random_token(token::SECRET_PREFIX);
        store::rotate_secret(&self.db, id, &secret, now).await.context("rotating a project secret key")?;
        self.cache.forget(id);
        Ok(self.by_id(id).await?.map(|team| (team, secret)))
    }

    pub async fn delete_secret_backup(&self, id: TeamId, now: Timestamp) -> Result<Option<Arc<Team>>> {
        store::delete_secret_backup(&self.db, id, now).await.context("deleting a project's backup secret key")?;
        self.cache.forget(id);
        self.by_id(id).await
    }

    /// Deletes the project row. What other crates keep about the project is theirs to delete.
    pub async fn delete(&self, id: TeamId) -> Result<bool> {
        let deleted = store::delete(&self.db, id).await.with_context(|| format!("deleting project {id}"))?;
        self.cache.forget(id);
        Ok(deleted)
    }

    /// Makes the next lookup of this project, by id or token, read the database.
    pub fn invalidate(&self, id: TeamId) {
        self.cache.forget(id);
    }

    /// A project with default settings, for tests of other crates; the first has id 1. Runs this crate's migrations.
    pub async fn create_for_tests(&self, token: &str) -> Arc<Team> {
        self.db.migrate(&[("teams", MIGRATIONS)]).await.expect("the team table can be created");
        let new = NewTeam { api_token: Some(token.to_owned()), ..NewTeam::named(OrganizationId(Uuid::from_u128(1)), "Test project") };
        self.create(new, Timestamp::from_seconds(1_700_000_000)).await.expect("the test project can be created")
    }
}
