//! Sends with posthog-rs what `../rust.test.mjs` looks for, and prints what flags it was told. The first argument is a suffix that makes
//! this run's ids its own, the third the key of a flag with variants, the fourth that of one for a plan of the same name.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    error::Error,
};

use chrono::{TimeZone, Utc};
use posthog_rs::{CaptureExceptionOptions, ClientOptionsBuilder, EvaluateFlagsOptions, Event, FeatureFlagEvaluations, FlagValue};
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [suffix, uuid, variants, plan] =
        env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "usage: hoglet-sdk-rust SUFFIX EVENT_UUID FLAG PLAN")?;
    let uuid = Uuid::parse_str(&uuid)?;
    let (url, token, key) = (env::var("HOGLET_URL")?, env::var("HOGLET_PROJECT_TOKEN")?, env::var("HOGLET_PERSONAL_API_KEY")?);
    let user = format!("user-{suffix}");
    let client = posthog_rs::client(ClientOptionsBuilder::default().api_key(token.clone()).host(url.clone()).build()?).await;

    let mut paid = Event::new("invoice paid", user.as_str());
    paid.insert_prop("total", 99.5)?;
    paid.insert_prop("lines", vec![BTreeMap::from([("sku", "ä")])])?;
    paid.set_uuid(uuid);
    paid.set_timestamp(Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).single().ok_or("no such time")?)?;
    client.capture(paid);

    let visitor = format!("visitor-{suffix}");
    client.capture(Event::new("before", visitor.as_str()));
    client.alias(visitor, user.as_str());

    let company = format!("company-{suffix}");
    client.group_identify("company", company.as_str(), BTreeMap::from([("name", "Acme")]))?;
    let mut grouped = Event::new("grouped", user.as_str());
    grouped.add_group("company", &company);
    client.capture(grouped);

    let failure = std::io::Error::other("no such thing");
    client.capture_exception_with(&failure, CaptureExceptionOptions::new().distinct_id(user.as_str())).await?;

    let ticks = (0..200).map(|number| {
        let mut tick = Event::new("tick", user.as_str());
        tick.insert_prop("number", number).map(|()| tick)
    });
    client.capture_batch(ticks.collect::<Result<_, _>>()?, false);

    let flags = client.evaluate_flags(user.as_str(), about(&plan, false)).await?;
    let remote = told(&flags, &variants, &plan);
    client.flush().await;
    client.shutdown().await;

    let local = ClientOptionsBuilder::default().api_key(token).host(url).secret_key(key).enable_local_evaluation(true).build()?;
    let local = posthog_rs::client(local).await;
    let flags = local.evaluate_flags(user.as_str(), about(&plan, true)).await?;
    println!("{}", json!({"remote": remote, "local": told(&flags, &variants, &plan)}));
    local.shutdown().await;
    Ok(())
}

/// Somebody on the plan; locally, without asking the server about them.
fn about(plan: &str, locally: bool) -> EvaluateFlagsOptions {
    let properties = HashMap::from([("plan".to_owned(), json!(plan))]);
    EvaluateFlagsOptions { person_properties: Some(properties), only_evaluate_locally: locally, ..EvaluateFlagsOptions::default() }
}

fn told(flags: &FeatureFlagEvaluations, variants: &str, plan: &str) -> Value {
    let variant = match flags.get_flag(variants) {
        Some(FlagValue::String(variant)) => json!(variant),
        Some(FlagValue::Boolean(on)) => json!(on),
        None => Value::Null,
    };
    json!({"variant": variant, "payload": flags.get_flag_payload(variants), "plan": flags.is_enabled(plan)})
}
