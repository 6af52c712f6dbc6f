//! The command line. Names and environment variables here are a contract: scripts and operators rely on them.

use crate::config::{self, Config};
use crate::{demo, doctor, flag_files, import, pipeline, serve};
use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "hoglet", version, about = "Product analytics on your own machine: works with PostHog SDKs, one program, one folder.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Bring the metadata database up to date, then exit
    Migrate(Common),
    /// Fill a project with believable data
    Demo(DemoArgs),
    /// Load events or persons from files
    #[command(subcommand)]
    Import(ImportCommand),
    /// Keep a project's feature flags in a file
    #[command(subcommand)]
    Flags(FlagsCommand),
    /// Check the installation and say what to fix
    Doctor(DoctorArgs),
    /// Show the configuration in effect, with secrets hidden
    Config(ConfigArgs),
}

#[derive(Args, Clone)]
pub struct Common {
    /// Configuration file (TOML)
    #[arg(long, env = "HOGLET_CONFIG")]
    pub config: Option<PathBuf>,
    /// The one folder that holds everything [default: ./hoglet-data]
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Machine-readable output
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
struct ServeArgs {
    #[command(flatten)]
    common: Common,
    /// Address and port [default: 127.0.0.1:8000]
    #[arg(long)]
    listen: Option<String>,
    /// all, or a list of capture, ingest, web, flags, livestream [default: all]
    #[arg(long)]
    roles: Option<String>,
    /// Put a demo project beside the first organisation's own
    #[arg(long)]
    demo: bool,
}

#[derive(Args, Clone)]
pub struct Target {
    #[command(flatten)]
    pub common: Common,
    /// A running server to send to
    #[arg(long, conflicts_with = "data_dir")]
    pub host: Option<String>,
    /// The project's token (phc_…)
    #[arg(long, env = "HOGLET_PROJECT_TOKEN")]
    pub project_api_key: Option<String>,
}

#[derive(Args)]
struct DemoArgs {
    #[command(flatten)]
    target: Target,
    /// How many visitors to invent
    #[arg(long, default_value_t = 1800)]
    visitors: usize,
    /// The same seed tells the same story
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[derive(Subcommand)]
enum ImportCommand {
    /// JSON lines as SDKs send them, or Parquet; `-` reads standard input
    Events(ImportArgs),
    /// JSON lines {"distinct_ids":[…],"properties":{…},"created_at":"…"}
    Persons(ImportArgs),
}

#[derive(Args, Clone)]
pub struct ImportArgs {
    #[command(flatten)]
    pub target: Target,
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// A personal API key (phx_…), needed to import persons over HTTP
    #[arg(long, env = "HOGLET_PERSONAL_API_KEY")]
    pub personal_api_key: Option<String>,
}

#[derive(Subcommand)]
enum FlagsCommand {
    /// Write all flags of a project to a file; without one, to standard output
    Export {
        #[command(flatten)]
        args: FlagsArgs,
        file: Option<PathBuf>,
    },
    /// Make the flags of a project as the file says; `-` reads standard input
    Import {
        #[command(flatten)]
        args: FlagsArgs,
        file: PathBuf,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Args, Clone)]
pub struct FlagsArgs {
    #[command(flatten)]
    pub common: Common,
    /// The running server
    #[arg(long)]
    pub host: Option<String>,
    /// The project's id [default: the key's current project]
    #[arg(long)]
    pub project: Option<String>,
    /// A personal API key (phx_…)
    #[arg(long, env = "HOGLET_PERSONAL_API_KEY", hide_env_values = true)]
    pub personal_api_key: Option<String>,
}

#[derive(Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub common: Common,
    /// A running server to look at
    #[arg(long)]
    pub host: Option<String>,
}

#[derive(Args)]
struct ConfigArgs {
    #[command(flatten)]
    common: Common,
}

/// Reads the configuration for a command that has nothing to override but the data directory.
pub fn load(common: &Common, more: &[(&str, String)]) -> Result<Config> {
    let mut flags = more.to_vec();
    if let Some(dir) = &common.data_dir {
        flags.push(("data_dir", dir.display().to_string()));
    }
    let env: BTreeMap<String, String> = std::env::vars().collect();
    config::load(common.config.as_deref(), &env, &flags)
}

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("hoglet: starting threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli.command)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hoglet: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve(args) => {
            let mut flags = Vec::new();
            if let Some(listen) = args.listen {
                flags.push(("listen", listen));
            }
            if let Some(roles) = args.roles {
                flags.push(("roles", roles));
            }
            let config = load(&args.common, &flags)?;
            serve::run(config, args.demo).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate(common) => {
            let config = load(&common, &[])?;
            let applied = pipeline::migrate(&config).await?;
            say(
                &common,
                &serde_json::json!({"migrated": true, "database": applied}),
                &format!("The metadata database ({applied}) is up to date."),
            );
            Ok(ExitCode::SUCCESS)
        }
        Command::Demo(args) => import::demo(&args.target, args.visitors, args.seed).await,
        Command::Import(ImportCommand::Events(args)) => import::events(&args).await,
        Command::Import(ImportCommand::Persons(args)) => import::persons(&args).await,
        Command::Flags(FlagsCommand::Export { args, file }) => flag_files::export(&args, file.as_deref()).await,
        Command::Flags(FlagsCommand::Import { args, file, dry_run }) => flag_files::import(&args, &file, dry_run).await,
        Command::Doctor(args) => doctor::run(&args).await,
        Command::Config(args) => show_config(&args.common),
    }
}

pub fn say(common: &Common, json: &serde_json::Value, text: &str) {
    if common.json {
        println!("{json}");
    } else {
        println!("{text}");
    }
}

fn show_config(common: &Common) -> Result<ExitCode> {
    load(common, &[])?;
    for setting in config::SETTINGS {
        let set = setting.env.iter().find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        let shown = match set {
            Some(_) if setting.secret => " = ••••".to_owned(),
            Some(name) => format!(" = {}", std::env::var(name).unwrap_or_default()),
            None => String::new(),
        };
        println!("{:<40} {:<52} {}{}", setting.key, setting.env.join(", "), setting.help, shown);
    }
    Ok(ExitCode::SUCCESS)
}

/// What `hoglet demo` prints before it begins.
pub fn demo_banner(events: &[model::CapturedEvent<'_>]) -> String {
    format!("Inventing {}", demo::describe(events))
}
