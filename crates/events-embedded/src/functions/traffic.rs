//! Where visits come from, and which of them are no person's.

use super::eval::entries;
use super::value::{Kind, Value};
use datafusion::common::Result;
use query::bots::{self, Bot, REGULAR};
use query::channel::{self, Entry};

entries! {
    strict {
        "lookupDomainType" => |args, _| Ok(domain_type(args[0].as_str())),
        "lookupPaidSourceType" => |args, _| Ok(named(source(args).and_then(|kind| kind.paid))),
        "lookupOrganicSourceType" => |args, _| Ok(named(source(args).map(|kind| kind.organic))),
        "lookupPaidMediumType" => |args, _| Ok(named(medium(args).and_then(|kind| kind.paid))),
        "lookupOrganicMediumType" => |args, _| Ok(named(medium(args).map(|kind| kind.organic))),
    }
    lenient {
        "channelType" => channel_type,
        "isLikelyBot" => |args, _| Ok(Value::Bool(bot(args).is_some())),
        "getTrafficType" => |args, _| Ok(Value::text(bot(args).map_or(REGULAR, Bot::traffic_type))),
        "getTrafficCategory" => |args, _| Ok(Value::text(bot(args).map_or("regular", |bot| bot.category))),
        "getBotName" => |args, _| Ok(Value::text(bot(args).map_or("", |bot| bot.name))),
        "getBotType" => |args, _| Ok(Value::text(bot(args).map_or("", |bot| bot.category))),
        "getBotOperator" => |args, _| Ok(Value::text(bot(args).map_or("", |bot| bot.operator))),
    }
}

fn text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text).filter(|text| !text.is_empty()).map(AsRef::as_ref) } else { None }
}

fn named(name: Option<&str>) -> Value {
    name.map_or(Value::Null, Value::text)
}

fn bot(args: &[Value]) -> Option<Bot> {
    bots::find(text(&args[0]))
}

fn source(args: &[Value]) -> Option<channel::Kind> {
    channel::source_kind(&args[0].as_str().to_lowercase())
}

fn medium(args: &[Value]) -> Option<channel::Kind> {
    channel::medium_kind(&args[0].as_str().to_lowercase())
}

fn domain_type(domain: &str) -> Value {
    if domain == "$direct" {
        return Value::text("Direct");
    }
    named(channel::source_kind(&domain.to_lowercase()).and_then(|kind| kind.domain))
}

fn channel_type(args: &[Value], _: &Kind) -> Result<Value> {
    let [campaign, medium, source, referring_domain, gclid, fbclid, gad_source] = args else { return Ok(Value::Null) };
    Ok(Value::text(channel::channel_type(Entry {
        campaign: text(campaign),
        medium: text(medium),
        source: text(source),
        referring_domain: text(referring_domain),
        has_gclid: text(gclid).is_some(),
        has_fbclid: text(fbclid).is_some(),
        gad_source: text(gad_source),
    })))
}
