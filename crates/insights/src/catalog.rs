//! What queries call by id or name: the project's cohorts and actions.

use crate::Engine;
use actions::Action;
use anyhow::Result;
use model::TeamId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

#[derive(Debug, Default)]
pub struct Catalog {
    /// Those that exist.
    pub cohorts: Arc<query::Cohorts>,
    gone: HashSet<i64>,
    actions: HashMap<i64, Action>,
    /// Of cohorts, their members included, and of actions. Equal versions mean that nothing has changed.
    pub versions: (i64, i64),
}

/// What the id of a cohort in a filter leads to.
pub enum Named {
    Cohort,
    /// It was deleted: nobody is in it.
    Gone,
    Unknown,
}

impl Catalog {
    pub fn cohort(&self, id: i64) -> Named {
        match self.cohorts.name(id) {
            Some(_) => Named::Cohort,
            None if self.gone.contains(&id) => Named::Gone,
            None => Named::Unknown,
        }
    }

    /// One that exists.
    pub fn action(&self, id: i64) -> Option<&Action> {
        self.actions.get(&id)
    }

    pub fn actions_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Action> {
        self.actions.values().filter(move |action| action.name == name)
    }

    /// Pinned ones first, then the newest.
    pub fn actions(&self) -> Vec<&Action> {
        let mut all: Vec<&Action> = self.actions.values().collect();
        all.sort_by_key(|action| std::cmp::Reverse((action.pinned_at.is_some(), action.id)));
        all
    }
}

impl Engine {
    /// The project's catalog as it is now, read again only when it has changed.
    pub(crate) async fn catalog(&self, team: TeamId) -> Result<Arc<Catalog>> {
        let versions = (cohorts::store::version(&self.db, team).await?, actions::store::version(&self.db, team).await?);
        if let Some(known) = self.catalogs.get(&team).filter(|known| known.versions == versions) {
            return Ok(known);
        }
        let cohorts = cohorts::store::names(&self.db, team).await?;
        let gone = cohorts.iter().filter(|(.., exists)| !exists).map(|(id, ..)| *id).collect();
        let names = cohorts.into_iter().filter(|(.., exists)| *exists).map(|(id, name, _)| (id, name));
        let actions = actions::store::of_team(&self.db, team).await?.into_iter().map(|action| (action.id, action)).collect();
        let catalog = Arc::new(Catalog { cohorts: Arc::new(query::Cohorts::new(names)), gone, actions, versions });
        self.catalogs.insert(team, catalog.clone());
        Ok(catalog)
    }
}
