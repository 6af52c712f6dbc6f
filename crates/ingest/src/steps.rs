//! What happens to every event on its own, before its person is looked up. Pure but for the caches of names and places.

use crate::event::{Drop, Incoming, Kind, Profile};
use crate::geo::Geo;
use crate::names::{Names, Special};
use crate::outcomes::Reason;
use crate::restrictions::{Effect, Restrictions};
use crate::{bots, elements};
use model::{Properties, PropertyValue, Timestamp};
use people::editor::overlaid;
use serde_json::json;
use std::sync::Arc;

pub struct Step {
    pub name: &'static str,
    pub apply: fn(&mut Incoming, &mut Tools<'_>) -> Result<(), Drop>,
}

/// What steps may use.
pub struct Tools<'t> {
    pub names: &'t mut Names,
    pub geo: Option<&'t mut Geo>,
    pub restrictions: &'t Restrictions,
    /// The last `$sent_at`, which a whole batch shares.
    pub sent_at: &'t mut Option<(Timestamp, Arc<str>)>,
}

macro_rules! steps {
    ($($step:ident),* $(,)?) => { &[$(Step { name: stringify!($step), apply: $step }),*] };
}

/// In this order. Cookieless ids, persons, groups, heatmaps and definitions follow for the batch as a whole: see `batch`.
pub const STEPS: &[Step] = steps![
    check_distinct_id,
    divert_what_is_no_event,
    check_group_key,
    apply_restrictions,
    drop_too_old,
    drop_bots,
    choose_profile,
    find_address,
    find_place,
    read_person_properties,
    add_automatic_person_properties,
    convert_elements,
    remove_internal_properties,
    lower_session_id,
    store_address,
];

const MAX_ID_CHARS: usize = 400;

pub(crate) fn is_too_long(id: &str) -> bool {
    id.len() > MAX_ID_CHARS && id.chars().nth(MAX_ID_CHARS).is_some()
}

fn check_distinct_id(event: &mut Incoming, _: &mut Tools<'_>) -> Result<(), Drop> {
    match is_too_long(&event.distinct_id) {
        true => Err(Reason::InvalidDistinctId.into()),
        false => Ok(()),
    }
}

fn divert_what_is_no_event(event: &mut Incoming, _: &mut Tools<'_>) -> Result<(), Drop> {
    match event.kind {
        Kind::Obsolete => Err(Reason::NotAnEvent.into()),
        Kind::ClientWarning => {
            let message = event.properties.get("$$client_ingestion_warning_message").map(PropertyValue::to_json);
            Err(Drop { reason: Reason::ClientWarning, detail: json!({ "message": message }) })
        }
        _ => Ok(()),
    }
}

fn check_group_key(event: &mut Incoming, _: &mut Tools<'_>) -> Result<(), Drop> {
    if event.kind != Kind::GroupIdentify || !event.special.has(Special::GroupKey) {
        return Ok(());
    }
    let key = event.text_of("$group_key").unwrap_or_default();
    match is_too_long(&key) {
        true => Err(Drop { reason: Reason::GroupKeyTooLong, detail: json!({ "groupKeyLength": key.chars().count() }) }),
        false => Ok(()),
    }
}

fn apply_restrictions(event: &mut Incoming, tools: &mut Tools<'_>) -> Result<(), Drop> {
    match tools.restrictions.effect(event) {
        Some(Effect::Drop) => Err(Reason::Restricted.into()),
        Some(Effect::SkipPersonProcessing) => {
            event.no_person_processing = true;
            Ok(())
        }
        None => Ok(()),
    }
}

fn drop_too_old(event: &mut Incoming, _: &mut Tools<'_>) -> Result<(), Drop> {
    let Some(limit_seconds) = event.project.drop_older_than_seconds else { return Ok(()) };
    let age_seconds = event.now.since(event.timestamp) / 1_000_000;
    match age_seconds > limit_seconds {
        true => Err(Drop { reason: Reason::TooOld, detail: json!({ "ageInSeconds": age_seconds, "dropThresholdSeconds": limit_seconds }) }),
        false => Ok(()),
    }
}

fn drop_bots(event: &mut Incoming, _: &mut Tools<'_>) -> Result<(), Drop> {
    if !event.project.drop_bots {
        return Ok(());
    }
    let user_agent = event.properties.get_str("$raw_user_agent").or_else(|| event.properties.get_str("$user_agent"));
    match user_agent.is_some_and(bots::is_bot) {
        true => Err(Reason::Bot.into()),
        false => Ok(()),
    }
}

fn choose_profile(event: &mut Incoming, _: &mut Tools<'_>) -> Result<(), Drop> {
    if event.special.has(Special::ProcessPersonProfile) {
        match event.properties.get("$process_person_profile") {
            Some(PropertyValue::Bool(full)) => {
                event.explicit_profile = *full;
                event.profile = if *full { Profile::Full } else { Profile::Personless };
            }
            Some(other) => {
                let sent = other.to_json();
                let message = "Only a boolean value is valid for the $process_person_profile property";
                event.warn("invalid_process_person_profile", json!({ "$process_person_profile": sent, "message": message }));
            }
            None => {}
        }
    }
    if event.no_person_processing || event.project.person_processing_opt_out {
        event.profile = Profile::Personless;
    }
    match event.profile == Profile::Personless && event.kind.needs_person() {
        true => Err(Reason::PersonlessPersonEvent.into()),
        false => Ok(()),
    }
}

/// The address that the client sent, or else the one that it came from.
fn find_address(event: &mut Incoming, _: &mut Tools<'_>) -> Result<(), Drop> {
    if event.special.has(Special::Ip)
        && let Some(PropertyValue::String(sent)) = event.properties.get("$ip")
        && !sent.is_empty()
    {
        event.ip = sent.clone();
    }
    Ok(())
}

fn find_place(event: &mut Incoming, tools: &mut Tools<'_>) -> Result<(), Drop> {
    let Some(geo) = tools.geo.as_deref_mut() else { return Ok(()) };
    let disabled = event.special.has(Special::GeoipDisable) && event.properties.get("$geoip_disable").is_some_and(PropertyValue::is_truthy);
    if disabled || event.ip.is_empty() {
        return Ok(());
    }
    let Some(place) = geo.lookup(&event.ip) else { return Ok(()) };
    // Names are new or already there; either way the places of automatic properties stay.
    for (name, value) in &place.event {
        event.properties.set(name.clone(), value.clone());
    }
    if event.profile == Profile::Full && !event.kind.is_without_traits() {
        event.place = Some(place);
    }
    Ok(())
}

/// `$set`, `$set_once` and `$unset`, as the client sent them: beside the properties (which wins) or among them.
fn read_person_properties(event: &mut Incoming, tools: &mut Tools<'_>) -> Result<(), Drop> {
    if event.profile == Profile::Personless {
        return Ok(());
    }
    let root = std::mem::take(&mut event.root_set);
    let set = merge_sent(event, Special::Set, "$set", &root, tools.names);
    let root = std::mem::take(&mut event.root_set_once);
    let set_once = merge_sent(event, Special::SetOnce, "$set_once", &root, tools.names);
    if matches!(event.kind, Kind::GroupIdentify | Kind::Exception | Kind::Heatmap) {
        return Ok(());
    }
    event.update.set = set;
    event.update.set_once = set_once;
    if event.special.has(Special::Unset)
        && let Some(PropertyValue::Json(text)) = event.properties.get("$unset")
    {
        event.update.unset = unset_names(text);
    }
    Ok(())
}

type Pairs = Vec<(Arc<str>, PropertyValue)>;

fn merge_sent(event: &mut Incoming, special: Special, name: &'static str, root: &str, names: &mut Names) -> Pairs {
    let mut sent = Properties::new();
    if event.special.has(special) {
        match event.properties.get(name) {
            Some(PropertyValue::Json(text)) => sent = object(text, names).unwrap_or_default(),
            Some(_) => event.properties.set(name, PropertyValue::Json(Arc::from("{}"))),
            None => {}
        }
    }
    if let Some(root) = (!root.is_empty()).then(|| object(root, names)).flatten() {
        let pairs: Vec<_> = root.iter().collect();
        sent = overlaid(&sent, pairs.into_iter());
        event.special.insert(special);
        event.properties.set(name, PropertyValue::Json(sent.to_json_text().into()));
    }
    sent.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn object(text: &str, names: &mut Names) -> Option<Properties> {
    crate::parse::parse(text, names).ok().map(|parsed| parsed.properties)
}

/// An array of names, or an object whose keys are the names.
fn unset_names(text: &str) -> Vec<Arc<str>> {
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Array(list)) => list.iter().filter_map(|name| name.as_str().map(Arc::from)).collect(),
        Ok(serde_json::Value::Object(object)) => object.keys().map(|name| Arc::from(name.as_str())).collect(),
        _ => Vec::new(),
    }
}

const SERVER_LIBRARIES: &[&str] = &[
    "posthog-python",
    "posthog-node",
    "posthog-edge",
    "posthog-server",
    "posthog-go",
    "posthog-ruby",
    "posthog-php",
    "posthog-java",
    "posthog-dotnet",
    "posthog-elixir",
    "posthog-rs",
];

/// What the event says about itself is also news about its person. These are kept in memory only: the stored event shows what
/// the client sent.
fn add_automatic_person_properties(event: &mut Incoming, tools: &mut Tools<'_>) -> Result<(), Drop> {
    if event.profile == Profile::Personless || event.kind.is_without_traits() {
        event.automatic.clear();
        return Ok(());
    }
    let is_server = event.automatic.iter().any(|(automatic, _)| automatic.is_os()) && is_server(event);
    // Mostly nothing can clash with them, and they stay where they are.
    let clash = !event.update.is_empty() || event.automatic.iter().any(|(automatic, _)| automatic.is_os_name());
    if is_server || clash || event.kind == Kind::SurveyShown || event.cookieless {
        write_out_traits(event, tools, is_server);
    }
    Ok(())
}

/// Moves the traits into the update, behind what the client said itself.
fn write_out_traits(event: &mut Incoming, tools: &mut Tools<'_>, is_server: bool) {
    let explicit = (event.update.set.len(), event.update.set_once.len());
    let mut os_name = None;
    event.update.set.reserve(event.automatic.len());
    event.update.set_once.reserve(event.automatic.len());
    // Places ascend, so one walk over the properties finds them all.
    let mut values = event.properties.iter().map(|(_, value)| value);
    let mut walked = 0;
    for &(automatic, at) in &event.automatic {
        let Some(value) = values.nth(at - walked) else { break };
        walked = at + 1;
        let (name, initial) = tools.names.automatic(automatic);
        if is_server && automatic.is_os() {
            continue;
        }
        if automatic.is_os_name() {
            os_name = Some(value.clone());
            continue;
        }
        add_missing(&mut event.update.set, explicit.0, name, value);
        add_missing(&mut event.update.set_once, explicit.1, initial, value);
    }
    drop(values);
    if let Some(value) = os_name {
        add_missing_os(event, tools.names, value);
    }
    if event.kind == Kind::SurveyShown {
        let seen: Arc<str> = event.timestamp.to_string().into();
        event.update.set.push((tools.names.name("$survey_last_seen_date"), PropertyValue::String(seen)));
    }
    event.automatic.clear();
}

/// Automatic names are distinct, so only the explicit ones before them can clash.
fn add_missing(pairs: &mut Pairs, explicit: usize, name: &Arc<str>, value: &PropertyValue) {
    if !pairs[..explicit].iter().any(|(known, _)| known == name) {
        pairs.push((name.clone(), value.clone()));
    }
}

/// Some mobile SDKs say `$os_name` where others say `$os`.
fn add_missing_os(event: &mut Incoming, names: &mut Names, value: PropertyValue) {
    let (os, initial) = (names.name("$os"), names.name("$initial_os"));
    if !event.properties.contains("$os") {
        event.properties.set(os.clone(), value.clone());
    }
    let all = (event.update.set.len(), event.update.set_once.len());
    add_missing(&mut event.update.set, all.0, &os, &value);
    add_missing(&mut event.update.set_once, all.1, &initial, &value);
}

/// A server's operating system says nothing about the person.
fn is_server(event: &Incoming) -> bool {
    event.properties.get("$is_server") == Some(&PropertyValue::Bool(true))
        || event.properties.get_str("$lib").is_some_and(|library| SERVER_LIBRARIES.contains(&library))
}

fn convert_elements(event: &mut Incoming, tools: &mut Tools<'_>) -> Result<(), Drop> {
    if event.special.has(Special::ElementsChain)
        && let Some(PropertyValue::String(chain)) = event.properties.remove("$elements_chain")
        && !chain.is_empty()
    {
        event.elements_chain = chain;
    }
    if event.special.has(Special::Elements)
        && let Some(sent) = event.properties.remove("$elements")
        && event.elements_chain.is_empty()
    {
        event.elements_chain = elements::chain(&sent).map_or_else(|| tools.names.value(""), Arc::from);
    }
    Ok(())
}

/// Configuration that old SDKs send along, and what other columns hold.
fn remove_internal_properties(event: &mut Incoming, _: &mut Tools<'_>) -> Result<(), Drop> {
    const REMOVED: &[(Special, &str)] = &[
        (Special::ProductTours, "ph_product_tours"),
        (Special::RecordingConfig, "$session_recording_remote_config"),
        (Special::ToursActivated, "$product_tours_activated"),
        (Special::ToursEnabled, "$product_tours_enabled_server_side"),
        (Special::SurveysActivated, "$surveys_activated"),
        (Special::FlagPayloads, "$feature_flag_payloads"),
        (Special::OverrideFlagPayloads, "$override_feature_flag_payloads"),
    ];
    for (special, name) in REMOVED {
        if event.special.has(*special) {
            event.properties.remove(name);
        }
    }
    if event.profile == Profile::Personless {
        event.strip_person();
    } else if event.special.has(Special::ProcessPersonProfile) {
        event.properties.remove("$process_person_profile");
    }
    Ok(())
}

/// Mobile SDKs send upper case.
fn lower_session_id(event: &mut Incoming, _: &mut Tools<'_>) -> Result<(), Drop> {
    if event.special.has(Special::SessionId)
        && let Some(id) = event.properties.get_str("$session_id")
        && id.len() == 36
        && id.bytes().any(|byte| byte.is_ascii_uppercase())
        && uuid::Uuid::try_parse(id).is_ok()
    {
        let lower = id.to_ascii_lowercase();
        event.properties.set("$session_id", lower.as_str());
    }
    Ok(())
}

/// After the place was found. Cookieless events still need their address for a moment.
fn store_address(event: &mut Incoming, tools: &mut Tools<'_>) -> Result<(), Drop> {
    if event.project.anonymize_ips && !event.cookieless {
        if event.special.has(Special::Ip) {
            event.properties.remove("$ip");
        }
    } else if !event.ip.is_empty() {
        event.properties.set(tools.names.name("$ip"), PropertyValue::String(event.ip.clone()));
    }
    if let Some(sent_at) = event.sent_at {
        let text = match tools.sent_at {
            Some((at, text)) if *at == sent_at => text.clone(),
            _ => tools.sent_at.insert((sent_at, millis_text(sent_at))).1.clone(),
        };
        event.properties.set(tools.names.name("$sent_at"), PropertyValue::String(text));
    }
    Ok(())
}

fn millis_text(at: Timestamp) -> Arc<str> {
    let text = at.to_utc().map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
    text.unwrap_or_else(|| at.to_string()).into()
}
