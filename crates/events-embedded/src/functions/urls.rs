//! ClickHouse's URL functions: by splitting text, never failing, `''` for what is not there.

use super::eval::entries;
use super::value::{Kind, Value};
use datafusion::common::Result;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

entries! {
    strict {
        "domain" => |args, _| Ok(Value::text(domain(args[0].as_str()))),
        "domainWithoutWWW" => |args, _| Ok(Value::text(without_www(domain(args[0].as_str())))),
        "topLevelDomain" => |args, _| Ok(Value::text(domain(args[0].as_str()).rsplit_once('.').map_or("", |(_, last)| last))),
        "firstSignificantSubdomain" => |args, _| Ok(Value::text(significant(domain(args[0].as_str())).split('.').next().unwrap_or(""))),
        "cutToFirstSignificantSubdomain" => |args, _| Ok(Value::text(significant(domain(args[0].as_str())))),
        "path" => |args, _| Ok(Value::text(until(after_host(args[0].as_str()), &['?', '#']))),
        "pathFull" => |args, _| Ok(Value::text(after_host(args[0].as_str()))),
        "protocol" => |args, _| Ok(Value::text(scheme(args[0].as_str()))),
        "port" => port,
        "queryString" => |args, _| Ok(Value::text(query_string(args[0].as_str()))),
        "fragment" => |args, _| Ok(Value::text(args[0].as_str().split_once('#').map_or("", |(_, rest)| rest))),
        "queryStringAndFragment" => |args, _| Ok(Value::text(args[0].as_str().split_once('?').map_or("", |(_, rest)| rest))),
        "extractURLParameter" => |args, _| {
            let found = parameters(args[0].as_str()).find(|(name, _)| *name == args[1].as_str());
            Ok(Value::text(found.map_or("", |(_, value)| value)))
        },
        "extractURLParameters" => |args, _| Ok(Value::Array(query_string(args[0].as_str()).split('&').filter(|part| part.contains('=')).map(Value::text).collect())),
        "extractURLParameterNames" => |args, _| Ok(Value::Array(parameters(args[0].as_str()).map(|(name, _)| Value::text(name)).collect())),
        "cutQueryString" => |args, _| {
            let url = args[0].as_str();
            let fragment = url.find('#').map_or("", |at| &url[at..]);
            Ok(Value::text(format!("{}{fragment}", until(url, &['?', '#']))))
        },
        "cutFragment" => |args, _| Ok(Value::text(until(args[0].as_str(), &['#']))),
        "cutQueryStringAndFragment" => |args, _| Ok(Value::text(until(args[0].as_str(), &['?', '#']))),
        "cutURLParameter" => |args, _| Ok(Value::text(cut_parameter(args[0].as_str(), args[1].as_str()))),
        "cutWWW" => |args, _| Ok(Value::text(args[0].as_str().replacen("://www.", "://", 1))),
        "decodeURLComponent" => |args, _| Ok(Value::text(percent_decode_str(args[0].as_str()).decode_utf8_lossy().into_owned())),
        "encodeURLComponent" => |args, _| Ok(Value::text(utf8_percent_encode(args[0].as_str(), NON_ALPHANUMERIC).to_string())),
    }
}

fn until<'a>(text: &'a str, ends: &[char]) -> &'a str {
    text.split(ends).next().unwrap_or("")
}

fn scheme(url: &str) -> &str {
    match url.split_once("://") {
        Some((scheme, _)) if !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) => {
            scheme
        }
        _ => "",
    }
}

/// Host and everything behind it.
fn behind_scheme(url: &str) -> &str {
    match scheme(url) {
        "" => url.strip_prefix("//").unwrap_or(url),
        found => &url[found.len() + 3..],
    }
}

fn authority(url: &str) -> &str {
    let host = until(behind_scheme(url), &['/', '?', '#']);
    host.rsplit_once('@').map_or(host, |(_, host)| host)
}

fn domain(url: &str) -> &str {
    let host = authority(url);
    let host = if host.starts_with('[') { host.split_inclusive(']').next().unwrap_or(host) } else { until(host, &[':']) };
    // Without a scheme, a text is only taken for a host when it looks like one.
    if scheme(url).is_empty() && !host.contains('.') { "" } else { host }
}

fn without_www(domain: &str) -> &str {
    domain.strip_prefix("www.").unwrap_or(domain)
}

/// `a.b.example.co.uk` → `example.co.uk`
fn significant(domain: &str) -> &str {
    let dots: Vec<usize> = domain.rmatch_indices('.').map(|(at, _)| at).collect();
    let second_level = |at: usize| matches!(&domain[at + 1..dots[0]], "com" | "net" | "org" | "co" | "biz" | "gov" | "edu" | "ac");
    let keep = match dots.as_slice() {
        [_, second, ..] if second_level(*second) => 2,
        _ => 1,
    };
    dots.get(keep).map_or(domain, |at| &domain[at + 1..])
}

fn after_host(url: &str) -> &str {
    let rest = behind_scheme(url);
    if scheme(url).is_empty() && url.starts_with('/') {
        return url;
    }
    // Also behind a question mark, as ClickHouse looks for it.
    rest.find('/').map_or("", |at| &rest[at..])
}

fn port(args: &[Value], _: &Kind) -> Result<Value> {
    let default = args.get(1).map_or(0, Value::as_int);
    let port = authority(args[0].as_str()).rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    Ok(Value::Int(port.map_or(default, i64::from)))
}

fn query_string(url: &str) -> &str {
    until(url, &['#']).split_once('?').map_or("", |(_, query)| query)
}

fn parameters(url: &str) -> impl Iterator<Item = (&str, &str)> {
    query_string(url).split('&').filter_map(|part| part.split_once('='))
}

fn cut_parameter(url: &str, name: &str) -> String {
    let Some((before, rest)) = url.split_once('?') else { return url.to_owned() };
    let (query, fragment) = rest.find('#').map_or((rest, ""), |at| rest.split_at(at));
    let kept: Vec<&str> = query.split('&').filter(|part| part.split('=').next() != Some(name)).collect();
    format!("{before}?{}{fragment}", kept.join("&"))
}
