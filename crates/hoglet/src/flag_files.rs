//! `hoglet flags`: the flags of a project as a file, out of a running server and into one.

use crate::cli::{self, FlagsArgs};
use anyhow::{Context, Result, bail};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

struct Server {
    http: Client,
    /// `…/api/projects/1/feature_flags`
    flags: String,
    key: String,
}

impl Server {
    fn of(args: &FlagsArgs) -> Result<Server> {
        let config = cli::load(&args.common, &[])?;
        let host = args.host.clone().unwrap_or_else(|| format!("http://{}", config.listen));
        let key = args.personal_api_key.clone().context("whose flags? Give --personal-api-key phx_… (your settings make one)")?;
        let project = args.project.as_deref().unwrap_or("@current");
        let flags = format!("{}/api/projects/{project}/feature_flags", host.trim_end_matches('/'));
        Ok(Server { http: Client::builder().timeout(Duration::from_secs(120)).build()?, flags, key })
    }

    /// The answer whatever its status, with whether it is good.
    async fn ask(&self, request: RequestBuilder) -> Result<(bool, Value)> {
        let answer =
            request.bearer_auth(&self.key).send().await.with_context(|| format!("asking {}; is the server running?", self.flags))?;
        let (status, text) = (answer.status(), answer.text().await?);
        match serde_json::from_str(&text) {
            Ok(json) => Ok((status.is_success(), json)),
            Err(_) => bail!("{} answered {status} and no JSON; is it a Hoglet server?", self.flags),
        }
    }
}

/// Writes to the file, or to standard output without one.
pub async fn export(args: &FlagsArgs, file: Option<&Path>) -> Result<ExitCode> {
    let server = Server::of(args)?;
    let (good, flags) = server.ask(server.http.get(format!("{}/export", server.flags))).await?;
    if !good {
        bail!("the flags were not exported: {}", flags["detail"].as_str().unwrap_or("no reason given"));
    }
    let text = serde_json::to_string_pretty(&flags)? + "\n";
    let count = flags["flags"].as_array().map_or(0, Vec::len);
    match file.filter(|file| *file != Path::new("-")) {
        Some(file) => {
            std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
            cli::say(&args.common, &serde_json::json!({"exported": count}), &format!("{count} flags are in {}.", file.display()));
        }
        None => print!("{text}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what changes, flag by flag. Fails when a flag cannot be imported; then nothing was changed.
pub async fn import(args: &FlagsArgs, file: &Path, dry_run: bool) -> Result<ExitCode> {
    let server = Server::of(args)?;
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("reading standard input")?
    } else {
        std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?
    };
    let body: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
    let request = server.http.post(format!("{}/import?dry_run={dry_run}", server.flags)).json(&body);
    let (good, answer) = server.ask(request).await?;
    let steps = answer["flags"].as_array().map(Vec::as_slice).unwrap_or_default();
    if args.common.json {
        println!("{answer}");
    } else {
        steps.iter().filter_map(told).for_each(|line| println!("{line}"));
    }
    let failed = steps.iter().any(|step| step["action"] == "error");
    if !good {
        bail!("{}", answer["detail"].as_str().unwrap_or("the flags were not imported"));
    }
    if !args.common.json {
        let of = |name: &str| answer[name].as_u64().unwrap_or(0);
        let would = if dry_run { "would be " } else { "" };
        println!("{} {would}created, {} {would}changed, {} stay as they are.", of("created"), of("updated"), of("unchanged"));
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// One line for a flag that does not stay as it is.
fn told(step: &Value) -> Option<String> {
    let key = step["key"].as_str().unwrap_or_default();
    let fields =
        || -> Vec<&str> { step["changes"].as_array().into_iter().flatten().filter_map(|change| change["field"].as_str()).collect() };
    match step["action"].as_str()? {
        "create" => Some(format!("+ {key}")),
        "update" => Some(format!("~ {key}: {}", fields().join(", "))),
        "error" => Some(format!("! {key}: {}", step["detail"].as_str().unwrap_or_default())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_changes_is_told() {
        assert_eq!(told(&json!({"key": "a", "action": "create", "changes": []})).as_deref(), Some("+ a"));
        let changes = json!([{"field": "name"}, {"field": "filters"}]);
        assert_eq!(told(&json!({"key": "b", "action": "update", "changes": changes})).as_deref(), Some("~ b: name, filters"));
        assert_eq!(told(&json!({"key": "c", "action": "error", "detail": "no"})).as_deref(), Some("! c: no"));
        assert_eq!(told(&json!({"key": "d", "action": "unchanged", "changes": []})), None);
    }
}
