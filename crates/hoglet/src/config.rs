//! One typed configuration tree: defaults, then the file, then the environment, then flags. Unknown keys are errors.
//!
//! [`SETTINGS`] is the whole surface: a key in the file, the environment variables that set it (PostHog's own names are
//! accepted, so that an existing `.env` works), and what it means. Every variable may be given as `NAME_FILE`, which names
//! a file that holds the value.

use anyhow::{Context, Result, bail};
use model::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    pub roles: String,
    pub site_url: Option<String>,
    pub database_url: Option<String>,
    pub secret_key: Option<String>,
    pub geoip_db: Option<PathBuf>,
    pub fixed_now: Option<String>,
    pub multi_org: bool,
    pub admin: Admin,
    pub mail: Mail,
    pub proxy: Proxy,
    pub limits: Limits,
    pub log: Log,
}

/// The first administrator without a browser; applied once, on an empty database.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    pub email: Option<String>,
    pub password: Option<String>,
    pub project_token: Option<String>,
    pub personal_api_key: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    pub host: Option<String>,
    pub port: u16,
    pub user: Option<String>,
    pub password: Option<String>,
    pub use_tls: bool,
    pub use_ssl: bool,
    pub from: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Proxy {
    /// Addresses whose `X-Forwarded-*` headers are believed.
    pub trusted: Vec<String>,
    pub trust_all: bool,
    /// Origins that may call the admin API from another site; `*` stands for one label.
    pub cors_allowed_origins: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub queue_bytes: u64,
    pub event_bytes: usize,
    pub query_memory_bytes: usize,
    pub query_seconds: u64,
    /// Every core when unset.
    pub query_threads: Option<usize>,
    pub concurrent_queries: usize,
    pub drop_events_by_token_distinct_id: String,
    /// Requests for flags per second; 0 is no limit.
    pub flags_per_address: u32,
    pub flags_per_address_burst: u32,
    pub flags_per_project: u32,
    pub flags_per_project_burst: u32,
    pub flag_definitions_per_minute: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub level: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            data_dir: PathBuf::from("./hoglet-data"),
            roles: "all".to_owned(),
            site_url: None,
            database_url: None,
            secret_key: None,
            geoip_db: None,
            fixed_now: None,
            multi_org: false,
            admin: Admin::default(),
            mail: Mail::default(),
            proxy: Proxy::default(),
            limits: Limits::default(),
            log: Log::default(),
        }
    }
}

impl Default for Mail {
    fn default() -> Self {
        Mail { host: None, port: 25, user: None, password: None, use_tls: false, use_ssl: false, from: "hoglet@localhost".to_owned() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            queue_bytes: 10 << 30,
            event_bytes: 20 << 20,
            query_memory_bytes: 1 << 30,
            query_seconds: 60,
            query_threads: None,
            concurrent_queries: 4,
            drop_events_by_token_distinct_id: String::new(),
            flags_per_address: 0,
            flags_per_address_burst: 1_000,
            flags_per_project: 0,
            flags_per_project_burst: 500,
            flag_definitions_per_minute: 0,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log { level: "info".to_owned(), format: LogFormat::Text }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Flag,
    /// Comma separated.
    List,
}

pub struct Setting {
    /// Path in the file: `limits.queue_bytes`.
    pub key: &'static str,
    pub env: &'static [&'static str],
    pub kind: Kind,
    pub secret: bool,
    pub help: &'static str,
}

const fn setting(key: &'static str, env: &'static [&'static str], kind: Kind, help: &'static str) -> Setting {
    Setting { key, env, kind, secret: false, help }
}

const fn secret(key: &'static str, env: &'static [&'static str], help: &'static str) -> Setting {
    Setting { key, env, kind: Kind::Text, secret: true, help }
}

pub const SETTINGS: &[Setting] = &[
    setting("listen", &["HOGLET_LISTEN"], Kind::Text, "address and port to serve on"),
    setting("data_dir", &["HOGLET_DATA_DIR"], Kind::Text, "the one folder that holds everything"),
    setting("roles", &["HOGLET_ROLES"], Kind::Text, "which parts to run: all, or a list of capture, ingest, web, flags, livestream"),
    setting("site_url", &["HOGLET_SITE_URL", "SITE_URL"], Kind::Text, "the address people use; for links in mails and secure cookies"),
    secret("database_url", &["HOGLET_DATABASE_URL", "DATABASE_URL"], "postgres://… for metadata; SQLite in the data directory when unset"),
    secret("secret_key", &["HOGLET_SECRET_KEY", "SECRET_KEY"], "signs sessions and tokens; generated on first start when unset"),
    setting("geoip_db", &["HOGLET_GEOIP_DB"], Kind::Text, "a city .mmdb file; /share/GeoLite2-City.mmdb is used when it exists"),
    setting("fixed_now", &["HOGLET_FIXED_NOW"], Kind::Text, "tests only: every 'now' is this RFC 3339 instant"),
    setting("multi_org", &["MULTI_ORG_ENABLED"], Kind::Flag, "people may found organisations besides the first"),
    setting("admin.email", &["HOGLET_ADMIN_EMAIL"], Kind::Text, "first administrator; applied once, on an empty database"),
    secret("admin.password", &["HOGLET_ADMIN_PASSWORD"], "first administrator's password"),
    setting("admin.project_token", &["HOGLET_PROJECT_TOKEN"], Kind::Text, "token of the first project (phc_…)"),
    secret("admin.personal_api_key", &["HOGLET_PERSONAL_API_KEY"], "personal API key of the first administrator (phx_…)"),
    setting("mail.host", &["EMAIL_HOST"], Kind::Text, "SMTP server; without one, mails are files under <data_dir>/mail"),
    setting("mail.port", &["EMAIL_PORT"], Kind::Number, "SMTP port"),
    setting("mail.user", &["EMAIL_HOST_USER"], Kind::Text, "SMTP user"),
    secret("mail.password", &["EMAIL_HOST_PASSWORD"], "SMTP password"),
    setting("mail.use_tls", &["EMAIL_USE_TLS"], Kind::Flag, "STARTTLS"),
    setting("mail.use_ssl", &["EMAIL_USE_SSL"], Kind::Flag, "TLS from the first byte"),
    setting("mail.from", &["EMAIL_DEFAULT_FROM"], Kind::Text, "sender of mails"),
    setting(
        "proxy.trusted",
        &["HOGLET_TRUSTED_PROXIES", "TRUSTED_PROXIES"],
        Kind::List,
        "proxies whose X-Forwarded-* headers are believed",
    ),
    setting("proxy.trust_all", &["TRUST_ALL_PROXIES", "IS_BEHIND_PROXY"], Kind::Flag, "believe X-Forwarded-* from anyone"),
    setting("proxy.cors_allowed_origins", &["CORS_ALLOWED_ORIGINS"], Kind::List, "origins that may call the admin API from another site"),
    setting("limits.queue_bytes", &["HOGLET_QUEUE_BYTES"], Kind::Number, "size of the durable log at which capture answers 503"),
    setting("limits.event_bytes", &["HOGLET_EVENT_BYTES"], Kind::Number, "largest single event"),
    setting("limits.query_memory_bytes", &["HOGLET_QUERY_MEMORY_BYTES"], Kind::Number, "memory of one query"),
    setting("limits.query_seconds", &["HOGLET_QUERY_SECONDS"], Kind::Number, "time limit of one query"),
    setting("limits.query_threads", &["HOGLET_QUERY_THREADS"], Kind::Number, "cores that queries may use; all of them when unset"),
    setting("limits.concurrent_queries", &["HOGLET_CONCURRENT_QUERIES"], Kind::Number, "queries that run at once"),
    setting(
        "limits.drop_events_by_token_distinct_id",
        &["DROP_EVENTS_BY_TOKEN_DISTINCT_ID"],
        Kind::Text,
        "token:id,id2;token2:* whose events are dropped",
    ),
    setting(
        "limits.flags_per_address",
        &["HOGLET_FLAGS_PER_ADDRESS"],
        Kind::Number,
        "flag requests per second of one address; 0 is no limit",
    ),
    setting("limits.flags_per_address_burst", &["HOGLET_FLAGS_PER_ADDRESS_BURST"], Kind::Number, "and at once"),
    setting(
        "limits.flags_per_project",
        &["HOGLET_FLAGS_PER_PROJECT"],
        Kind::Number,
        "flag requests per second of one project; 0 is no limit",
    ),
    setting("limits.flags_per_project_burst", &["HOGLET_FLAGS_PER_PROJECT_BURST"], Kind::Number, "and at once"),
    setting(
        "limits.flag_definitions_per_minute",
        &["HOGLET_FLAG_DEFINITIONS_PER_MINUTE"],
        Kind::Number,
        "how often server SDKs may fetch definitions, per project; 0 is no limit",
    ),
    setting("log.level", &["HOGLET_LOG", "RUST_LOG"], Kind::Text, "log filter: info, debug, hoglet=debug,warn …"),
    setting("log.format", &["HOGLET_LOG_FORMAT"], Kind::Text, "text or json"),
];

/// Variables of a PostHog installation that mean a service which this build does not use. Setting one must not be ignored.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("KAFKA_HOSTS", "the queue is the embedded log"),
    ("CLICKHOUSE_HOST", "events are stored in the embedded engine"),
    ("REDIS_URL", "caches live in memory"),
];

/// Reads the configuration. `flags` are dotted keys with values from the command line.
pub fn load(file: Option<&Path>, env: &BTreeMap<String, String>, flags: &[(&str, String)]) -> Result<Config> {
    let mut tree = match file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("reading the configuration file {}", path.display()))?
            .parse::<toml::Table>()
            .with_context(|| format!("{} is not valid TOML", path.display()))?,
        None => toml::Table::new(),
    };
    for setting in SETTINGS {
        if let Some((name, text)) = from_environment(setting, env)? {
            put(&mut tree, setting, &text).with_context(|| format!("the environment variable {name}"))?;
        }
    }
    for (key, text) in flags {
        let setting = SETTINGS.iter().find(|setting| setting.key == *key).expect("flags name known settings");
        put(&mut tree, setting, text).with_context(|| format!("the flag for {key}"))?;
    }
    for (name, instead) in UNSUPPORTED {
        if env.get(*name).is_some_and(|value| !value.is_empty()) {
            bail!("{name} is set, but this build cannot use it yet: {instead}. Unset it to go on");
        }
    }
    let config: Config = toml::Value::Table(tree).try_into().context("the configuration")?;
    check(&config)?;
    Ok(config)
}

fn check(config: &Config) -> Result<()> {
    if let Some(at) = &config.fixed_now {
        Timestamp::parse_rfc3339(at)
            .with_context(|| format!("HOGLET_FIXED_NOW is '{at}', which is not an RFC 3339 time such as 2025-07-09T12:00:00Z"))?;
    }
    if config.secret_key.as_deref().is_some_and(|key| key.len() < 16) {
        bail!("SECRET_KEY is shorter than 16 characters; use a random one, for example `openssl rand -hex 32`");
    }
    if config.limits.query_threads == Some(0) {
        bail!("HOGLET_QUERY_THREADS is 0, so no query could run; give a number of cores, or unset it to use all");
    }
    Roles::parse(&config.roles)?;
    Ok(())
}

fn from_environment(setting: &Setting, env: &BTreeMap<String, String>) -> Result<Option<(String, String)>> {
    for name in setting.env {
        if let Some(text) = env.get(*name).filter(|text| !text.is_empty()) {
            return Ok(Some(((*name).to_owned(), text.clone())));
        }
        let file = format!("{name}_FILE");
        if let Some(path) = env.get(&file).filter(|path| !path.is_empty()) {
            let text = std::fs::read_to_string(path).with_context(|| format!("{file} names {path}"))?;
            return Ok(Some((file, text.trim_end_matches(['\n', '\r']).to_owned())));
        }
    }
    Ok(None)
}

fn put(tree: &mut toml::Table, setting: &Setting, text: &str) -> Result<()> {
    let value = match setting.kind {
        Kind::Text => toml::Value::String(text.to_owned()),
        Kind::Number => toml::Value::Integer(text.trim().parse().with_context(|| format!("'{text}' is not a whole number"))?),
        Kind::Flag => toml::Value::Boolean(match text.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => true,
            "0" | "false" | "no" | "off" => false,
            _ => bail!("'{text}' is neither true nor false"),
        }),
        Kind::List => toml::Value::Array(
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(|item| toml::Value::String(item.to_owned())).collect(),
        ),
    };
    let mut table = tree;
    let mut parts = setting.key.split('.').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            table.insert(part.to_owned(), value);
            return Ok(());
        }
        table = table
            .entry(part)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()
            .with_context(|| format!("'{part}' in the configuration file must be a table"))?;
    }
    Ok(())
}

/// Which parts of the program this process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    pub capture: bool,
    pub ingest: bool,
    pub web: bool,
    pub flags: bool,
    pub livestream: bool,
}

impl Roles {
    pub const ALL: Roles = Roles { capture: true, ingest: true, web: true, flags: true, livestream: true };

    pub fn parse(text: &str) -> Result<Roles> {
        if text.trim() == "all" {
            return Ok(Roles::ALL);
        }
        let mut roles = Roles { capture: false, ingest: false, web: false, flags: false, livestream: false };
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                "capture" => roles.capture = true,
                "ingest" => roles.ingest = true,
                "web" => roles.web = true,
                "flags" => roles.flags = true,
                "livestream" => roles.livestream = true,
                other => bail!("unknown role '{other}'; known are all, capture, ingest, web, flags, livestream"),
            }
        }
        if roles == (Roles { capture: false, ingest: false, web: false, flags: false, livestream: false }) {
            bail!("no role is given; use 'all' or a list such as 'capture,ingest'");
        }
        Ok(roles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn flags_beat_the_environment_and_the_environment_beats_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hoglet.toml");
        std::fs::write(&file, "listen = \"1.1.1.1:1\"\nroles = \"capture\"\n[limits]\nquery_seconds = 5\n").unwrap();
        let config =
            load(Some(&file), &env(&[("HOGLET_LISTEN", "2.2.2.2:2"), ("HOGLET_ROLES", "web")]), &[("listen", "3.3.3.3:3".to_owned())])
                .unwrap();
        assert_eq!(config.listen.to_string(), "3.3.3.3:3");
        assert_eq!(config.roles, "web");
        assert_eq!(config.limits.query_seconds, 5);
    }

    #[test]
    fn an_unknown_key_in_the_file_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hoglet.toml");
        std::fs::write(&file, "lissten = \"1.1.1.1:1\"\n").unwrap();
        assert!(format!("{:#}", load(Some(&file), &env(&[]), &[]).unwrap_err()).contains("lissten"));
    }

    #[test]
    fn a_variable_may_name_a_file_that_holds_the_value() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        std::fs::write(&file, "0123456789abcdef\n").unwrap();
        let config = load(None, &env(&[("SECRET_KEY_FILE", file.to_str().unwrap())]), &[]).unwrap();
        assert_eq!(config.secret_key.as_deref(), Some("0123456789abcdef"));
    }

    #[test]
    fn a_service_that_would_be_ignored_is_refused() {
        assert!(load(None, &env(&[("KAFKA_HOSTS", "kafka:9092")]), &[]).unwrap_err().to_string().contains("KAFKA_HOSTS"));
    }

    #[test]
    fn queries_without_a_thread_are_refused() {
        assert!(load(None, &env(&[("HOGLET_QUERY_THREADS", "0")]), &[]).unwrap_err().to_string().contains("HOGLET_QUERY_THREADS"));
        assert_eq!(load(None, &env(&[("HOGLET_QUERY_THREADS", "3")]), &[]).unwrap().limits.query_threads, Some(3));
        assert_eq!(load(None, &env(&[]), &[]).unwrap().limits.query_threads, None);
    }

    #[test]
    fn an_unknown_role_is_an_error() {
        assert!(Roles::parse("capture,wbe").unwrap_err().to_string().contains("wbe"));
    }
}
