//! Every feature of the product, on one screen.

use crate::config::{Config, Roles};
use crate::health::{self, Health};
use crate::ingestion::{self, Ingestion};
use crate::pipeline::Pipeline;
use crate::serving;
use crate::ui;
use accounts::AccountsState;
use actions::ActionsState;
use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use cohorts::CohortsState;
use definitions::DefinitionsState;
use events::Budget;
use experiments::ExperimentsState;
use flags::Flags;
use insights::InsightsState;
use live::{Live, LiveTokens};
use metrics::{counter, histogram};
use model::TeamId;
use parking_lot::Mutex;
use people::PeopleState;
use query::PropertyTypes;
use sdk::Sdk;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use surveys::SurveysState;
use tower::Layer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::normalize_path::NormalizePathLayer;
use web::{AllowedOrigins, Site, UserSource};

/// Property types are read at most this often per project.
const TYPES_FOR: Duration = Duration::from_secs(2);

pub fn router(
    config: &Config,
    roles: Roles,
    pipeline: &Pipeline,
    accounts: AccountsState,
    flags: Flags,
    live_tokens: LiveTokens,
    health: Arc<Health>,
) -> Result<Router> {
    let mut app = health::routes(health).route("/robots.txt", get(|| async { "User-agent: *\nDisallow: /\n" }));
    let surveys = SurveysState::new(flags.clone(), pipeline.store.clone());
    if roles.flags {
        app = app
            .merge(flags::routes(flags.clone()))
            .merge(surveys::public(surveys.clone()))
            .merge(experiments::public(flags.clone()))
            .merge(sdk::routes(Sdk::new(pipeline.teams.clone(), serving::contents_of(&flags)).context("the browser SDK's scripts")?));
    }
    if roles.livestream {
        let is_valid = live::token_still_holds(pipeline.teams.clone(), accounts.authenticator());
        app = app.merge(live::routes(Live { hub: pipeline.hub.clone(), tokens: live_tokens, is_valid, limits: live::Limits::default() }));
    }
    if roles.web {
        app = app
            .merge(admin(config, pipeline, accounts, flags, surveys)?)
            .fallback_service(web::security_headers(Router::new().fallback(ui::serve)));
    }
    let (site, proxies) = (Site::new(&site_url(config)), pipeline.proxies.clone());
    let app = app.layer(from_fn(measure)).layer(from_fn(move |mut request: Request, next: Next| {
        request.extensions_mut().insert(site.clone());
        request.extensions_mut().insert(proxies.clone());
        next.run(request)
    }));
    // Clients add and leave out the last slash as they like; routes are written without.
    let app = NormalizePathLayer::trim_trailing_slash().layer(app);
    // Capture stands in front: it is asked most, counts for itself, and takes both forms of its paths.
    let capture = if roles.capture { capture::routes(pipeline.capture.clone()) } else { Router::new() };
    Ok(capture.fallback_service(app).layer(CatchPanicLayer::new()))
}

/// What people who sign in, and their keys, may use.
fn admin(config: &Config, pipeline: &Pipeline, accounts: AccountsState, flags: Flags, surveys: SurveysState) -> Result<Router> {
    let authenticator = accounts.authenticator();
    let insights = insights(config, pipeline, &accounts);
    let cohorts = CohortsState {
        db: pipeline.db.clone(),
        clock: pipeline.clock,
        users: users(&accounts),
        teams: pipeline.teams.clone(),
        find: insights.finder(),
    };
    tokio::spawn(cohorts::keep_up(cohorts.clone()));
    tokio::spawn(surveys::jobs::run(surveys.clone()));
    let check = insights.action_check();
    let experiments = experiments(pipeline, &accounts, &flags, &cohorts, &insights);
    let api = accounts::routes(accounts.clone())
        .merge(people::routes(PeopleState {
            db: pipeline.db.clone(),
            store: pipeline.store.clone(),
            clock: pipeline.clock,
            dimensions: pipeline.people.clone(),
        }))
        .merge(definitions::routes(DefinitionsState {
            db: pipeline.db.clone(),
            definitions: pipeline.definitions.clone(),
            clock: pipeline.clock,
        }))
        .merge(insights::routes(insights))
        .merge(cohorts::routes(cohorts))
        .merge(actions::routes(ActionsState { db: pipeline.db.clone(), clock: pipeline.clock, users: users(&accounts), check }))
        .merge(flags::manage::routes(flags.clone()))
        .merge(experiments::routes(experiments))
        .merge(surveys::routes(surveys))
        .merge(ingestion::routes(Ingestion::new(pipeline)));
    let origins = config.proxy.cors_allowed_origins.join(",").parse::<AllowedOrigins>().context("CORS_ALLOWED_ORIGINS")?;
    Ok(web::security_headers(web::cors(authenticator.guard(web::fallbacks(api)), origins)))
}

fn insights(config: &Config, pipeline: &Pipeline, accounts: &AccountsState) -> InsightsState {
    let deadline = Duration::from_secs(config.limits.query_seconds);
    InsightsState::new(insights::Parts {
        events: pipeline.store.clone(),
        dimensions: pipeline.people.clone(),
        property_types: property_types(pipeline.db.clone()),
        experiments: experiment_source(pipeline.db.clone()),
        users: users(accounts),
        db: pipeline.db.clone(),
        clock: pipeline.clock,
        limits: insights::Limits {
            concurrent: config.limits.concurrent_queries,
            interactive_deadline: deadline,
            budget: Budget { deadline, memory_bytes: config.limits.query_memory_bytes, ..Budget::default() },
            ..insights::Limits::default()
        },
    })
}

pub fn users(accounts: &AccountsState) -> UserSource {
    let accounts = accounts.clone();
    Arc::new(move |user| {
        let accounts = accounts.clone();
        Box::pin(async move { accounts::user_basic(&accounts.db, user).await })
    })
}

fn experiments(
    pipeline: &Pipeline,
    accounts: &AccountsState,
    flags: &Flags,
    cohorts: &CohortsState,
    insights: &InsightsState,
) -> ExperimentsState {
    let insights = insights.clone();
    ExperimentsState {
        db: pipeline.db.clone(),
        clock: pipeline.clock,
        users: users(accounts),
        flags: flags.clone(),
        cohorts: cohorts.clone(),
        results: Arc::new(move |team, query| {
            let insights = insights.clone();
            Box::pin(async move { insights.answer(team, query).await })
        }),
        checks: experiments::Checks {
            metric: insights::experiment::check_metric,
            exposure_criteria: insights::experiment::check_exposure_criteria,
            stats_config: insights::experiment::check_stats_config,
        },
    }
}

fn experiment_source(db: db::Db) -> insights::experiment::ExperimentSource {
    Arc::new(move |team, id| {
        let db = db.clone();
        Box::pin(async move {
            let found = experiments::for_queries(&db, team, id).await?;
            Ok(found.map(serde_json::from_value).transpose()?)
        })
    })
}

fn property_types(db: db::Db) -> insights::PropertyTypesSource {
    type Known = HashMap<TeamId, (Instant, Arc<PropertyTypes>)>;
    let known: Arc<Mutex<Known>> = Arc::default();
    Arc::new(move |team| {
        let (db, known) = (db.clone(), known.clone());
        Box::pin(async move {
            if let Some((read_at, types)) = known.lock().get(&team)
                && read_at.elapsed() < TYPES_FOR
            {
                return Ok(types.clone());
            }
            let types = Arc::new(definitions::property_types(&db, team).await?);
            known.lock().insert(team, (Instant::now(), types.clone()));
            Ok(types)
        })
    })
}

pub fn site_url(config: &Config) -> String {
    config.site_url.clone().unwrap_or_else(|| format!("http://{}", config.listen))
}

/// Counts requests and times them, by route and not by path: paths are the clients' choice.
async fn measure(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().as_str().to_owned();
    let started = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    histogram!("posthog_api_latency_seconds", "route" => route.clone(), "method" => method.clone()).record(started.elapsed().as_secs_f64());
    counter!("hoglet_http_requests_total", "route" => route, "method" => method, "status" => status).increment(1);
    response
}
