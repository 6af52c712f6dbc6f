//! `hoglet serve`: start, run until told to stop, stop without losing anything.

use crate::config::{Config, LogFormat, Roles};
use crate::health::Health;
use crate::pipeline::Pipeline;
use crate::{app, demo, demo_flags, memory, net, secrets, serving};
use accounts::{AccountsState, FirstAdmin, NewProject};
use anyhow::{Context, Result};
use bytes::Bytes;
use events::EventStore;
use flags::Flags;
use live::LiveTokens;
use mail::{Encryption, Mailer, SmtpSettings};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use model::Clock;
use queue::{AppendError, Queue, Topic};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

const DEMO_VISITORS: usize = 1800;
const DEMO_SEED: u64 = 7;
const DEMO_BATCH: usize = 500;

pub async fn run(config: Config, demo: bool) -> Result<()> {
    let started = Instant::now();
    start_logging(&config);
    let roles = Roles::parse(&config.roles)?;
    let metrics = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &[0.001, 0.005, 0.02, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0])?
        .install_recorder()
        .context("starting metrics")?;
    tokio::spawn(keep_metrics_small(metrics.clone()));
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listening on {}; is another program using that port?", config.listen))?;
    let pipeline = Arc::new(Pipeline::open(&config).await?);
    if let Clock::Fixed(at) = pipeline.clock {
        tracing::warn!("the clock is fixed at {at}: for tests only");
    }
    let secret_key = secrets::secret_key(pipeline.data_dir.path(), config.secret_key.as_deref())?;
    let live_tokens = LiveTokens::new(secret_key.as_bytes(), pipeline.clock);
    let demo_wanted = Arc::new(Notify::new());
    let accounts = accounts(&config, &pipeline, &secret_key, demo_wanted.clone())?;
    bootstrap(&config, &accounts).await?;

    let health = Arc::new(Health {
        db: pipeline.db.clone(),
        queue: pipeline.queue.clone(),
        store: pipeline.store.clone(),
        ingest: pipeline.ingest.clone(),
        roles,
        clock: pipeline.clock,
        data_dir: pipeline.data_dir.path().to_owned(),
        metrics,
        started_at: Clock::System.now(),
        stopping: AtomicBool::new(false),
    });
    let flags = serving::flags(&config, &pipeline, &accounts, &secret_key)?;
    if roles.flags {
        tokio::spawn(flags::keep_continuity(flags.clone()));
    }
    if roles.web {
        tokio::spawn(flags::manage::keep_schedule(flags.clone()));
    }
    if roles.ingest {
        tokio::spawn(flags::manage::keep_calls(pipeline.flag_calls.clone(), pipeline.db.clone(), pipeline.clock));
    }
    let app = app::router(&config, roles, &pipeline, accounts.clone(), flags.clone(), live_tokens, health.clone())?;

    let (stop_serving, serving) = watch::channel(false);
    let (stop_ingesting, ingesting) = watch::channel(false);
    let server = tokio::spawn(net::serve(listener, app, serving));
    let behind_capture = ingest_threads()?;
    let worker = roles.ingest.then(|| {
        let ingest = pipeline.ingest.clone();
        behind_capture.spawn(memory::follow(ingest.clone()));
        behind_capture.spawn(async move { ingest.run(ingesting).await })
    });
    if demo {
        demo_wanted.notify_one();
        tokio::spawn(keep_demo(pipeline.clone(), accounts, flags, demo_wanted));
    }
    tracing::info!("ready at {} after {} ms", app::site_url(&config), started.elapsed().as_millis());

    stop_signal().await;
    tracing::info!("stopping: finishing requests, then what is in the queue");
    health.stopping.store(true, Ordering::Relaxed);
    pipeline.hub.close();
    let _ = stop_serving.send(true);
    let _ = server.await;
    let _ = stop_ingesting.send(true);
    if let Some(worker) = worker {
        let _ = worker.await;
    }
    behind_capture.shutdown_background();
    pipeline.store.flush().await.context("writing the newest events into segments")?;
    tracing::info!("stopped");
    Ok(())
}

/// Ingestion has threads of its own that give way to capture: what was acknowledged can wait in the queue, a client cannot.
fn ingest_threads() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("ingest")
        .on_thread_start(|| {
            // SAFETY: takes plain numbers; on Linux it concerns the calling thread only. A refusal changes nothing.
            unsafe {
                libc::setpriority(libc::PRIO_PROCESS, 0, 5);
            }
        })
        .enable_all()
        .build()
        .context("starting the ingestion threads")
}

/// Every time that is measured waits in memory until somebody asks for the metrics, which nobody may ever do.
async fn keep_metrics_small(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        metrics.run_upkeep();
    }
}

fn start_logging(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log.level).unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first subscriber.
    let _ = match config.log.format {
        LogFormat::Text => subscriber.with_target(false).try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
}

fn accounts(config: &Config, pipeline: &Pipeline, secret_key: &str, demo_wanted: Arc<Notify>) -> Result<AccountsState> {
    let mailer = match &config.mail.host {
        Some(host) => Mailer::smtp(&SmtpSettings {
            host: host.clone(),
            port: config.mail.port,
            user: config.mail.user.clone(),
            password: config.mail.password.clone(),
            encryption: match (config.mail.use_ssl, config.mail.use_tls) {
                (true, _) => Encryption::Tls,
                (false, true) => Encryption::StartTls,
                (false, false) => Encryption::None,
            },
            from: config.mail.from.clone(),
        })?,
        None => Mailer::file(pipeline.data_dir.join("mail"), &config.mail.from)?,
    };
    let site_url = app::site_url(config);
    let mut accounts =
        AccountsState::new(pipeline.db.clone(), pipeline.teams.clone(), mailer, pipeline.clock, &site_url, secret_key.as_bytes());
    accounts.multi_org = config.multi_org;
    accounts.after_first_sign_up = Some(Arc::new(move |_, _| demo_wanted.notify_one()));
    Ok(accounts)
}

async fn bootstrap(config: &Config, accounts: &AccountsState) -> Result<()> {
    let (email, password) = match (&config.admin.email, &config.admin.password) {
        (Some(email), Some(password)) => (email.clone(), password.clone()),
        (None, None) => return Ok(()),
        _ => anyhow::bail!("HOGLET_ADMIN_EMAIL and HOGLET_ADMIN_PASSWORD belong together; set both or neither"),
    };
    let admin = FirstAdmin {
        email,
        password,
        project_token: config.admin.project_token.clone(),
        personal_api_key: config.admin.personal_api_key.clone(),
    };
    if accounts::bootstrap_admin(accounts, admin).await?.is_some() {
        tracing::info!("the first administrator is set up");
    }
    Ok(())
}

/// Makes the demo project beside the first organisation's own, as soon as there is an organisation.
async fn keep_demo(pipeline: Arc<Pipeline>, accounts: AccountsState, flags: Flags, wanted: Arc<Notify>) {
    loop {
        wanted.notified().await;
        match make_demo(&pipeline, &accounts, &flags).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::error!("the demo project could not be made: {error:#}"),
        }
    }
}

async fn make_demo(pipeline: &Pipeline, accounts: &AccountsState, flags: &Flags) -> Result<bool> {
    let Some(organization) = accounts::first_organization(&pipeline.db).await? else { return Ok(false) };
    if pipeline.teams.of_organization(organization.id).await?.iter().any(|team| team.is_demo) {
        return Ok(true);
    }
    let new = NewProject { organization: organization.id, name: "Demo: Quillnote".to_owned(), is_demo: true, api_token: None };
    let team = accounts::create_project(accounts, new).await?;
    demo_flags::make_flags(flags, team.id).await?;
    demo_flags::make_experiment(flags, team.id).await?;
    let events = demo::events(&team.api_token, pipeline.clock.now(), DEMO_VISITORS, DEMO_SEED);
    for chunk in events.chunks(DEMO_BATCH) {
        let records: Vec<Bytes> = chunk
            .iter()
            .map(|event| {
                let mut bytes = Vec::with_capacity(event.encoded_len());
                event.encode(&mut bytes);
                bytes.into()
            })
            .collect();
        while let Err(error) = pipeline.queue.append(Topic::Events, records.clone()).await {
            match error {
                AppendError::Full(_) => tokio::time::sleep(Duration::from_millis(200)).await,
                other => return Err(other.into()),
            }
        }
    }
    tracing::info!("the demo project is filled with {}", demo::describe(&events));
    while pipeline.ingest.lag().pending_events > 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    demo_flags::make_cohorts(flags, team.id).await?;
    Ok(true)
}

async fn stop_signal() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(error) => {
            tracing::error!(%error, "SIGTERM cannot be watched");
            let _ = tokio::signal::ctrl_c().await;
            return;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
