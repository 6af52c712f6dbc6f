//! Where a request came from, as far as proxies can be believed.

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap};
use std::net::{IpAddr, SocketAddr};
use web::Proxies;

/// Headers of proxies and delivery networks, most trusted to hold the client first.
const HEADERS: [&str; 7] =
    ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip", "fly-client-ip", "fastly-client-ip"];

/// The client's address as text; empty when unknown.
///
/// Events are sent from everywhere through whatever proxy stands in front, so by default every header is believed: a wrong address
/// harms nobody but the sender's own statistics. An operator who cares names the proxies.
pub fn client_address(proxies: &Proxies, extensions: &Extensions, headers: &HeaderMap) -> String {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
    let address = match proxies {
        Proxies::All => HEADERS.iter().find_map(|name| first_address(headers, name)).or(peer.map(|peer| peer.ip())),
        _ => {
            let mut known = Extensions::new();
            known.insert(proxies.clone());
            if let Some(peer) = peer {
                known.insert(ConnectInfo(peer));
            }
            web::client_ip(&known, headers)
        }
    };
    address.map(|address| address.to_canonical().to_string()).unwrap_or_default()
}

/// The leftmost address that can be read.
fn first_address(headers: &HeaderMap, name: &str) -> Option<IpAddr> {
    let value = headers.get(name)?.to_str().ok()?;
    let hops = value.split(',').take(8).map(str::trim);
    if name == "forwarded" {
        let pairs = hops.flat_map(|hop| hop.split(';')).filter_map(|pair| pair.trim().split_once('='));
        return pairs.filter(|(key, _)| key.eq_ignore_ascii_case("for")).find_map(|(_, value)| parse(value.trim_matches('"')));
    }
    hops.into_iter().find_map(parse)
}

fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn seen(proxies: Proxies, header: &'static str, value: &'static str) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 9], 5000))));
        let mut headers = HeaderMap::new();
        headers.insert(header, HeaderValue::from_static(value));
        client_address(&proxies, &extensions, &headers)
    }

    #[test]
    fn every_usual_header_is_read() {
        for (header, value, expected) in [
            ("x-forwarded-for", "5.6.7.8, 10.0.0.1", "5.6.7.8"),
            ("x-forwarded-for", "unknown, [2001:db8::1]:443", "2001:db8::1"),
            ("x-real-ip", "5.6.7.8", "5.6.7.8"),
            ("forwarded", "by=1.1.1.1;for=\"[2001:db8::2]:80\", for=9.9.9.9", "2001:db8::2"),
            ("cf-connecting-ip", "::ffff:5.6.7.8", "5.6.7.8"),
            ("x-forwarded-for", "garbage", "10.0.0.9"),
            ("x-other", "5.6.7.8", "10.0.0.9"),
        ] {
            assert_eq!(seen(Proxies::All, header, value), expected, "{header}: {value}");
        }
    }

    #[test]
    fn strangers_are_not_believed_once_proxies_are_named() {
        let elsewhere = Proxies::Networks(["192.168.0.0/16".parse().unwrap()].into());
        let here = Proxies::Networks(["10.0.0.0/8".parse().unwrap()].into());
        assert_eq!(seen(Proxies::None, "x-forwarded-for", "5.6.7.8"), "10.0.0.9");
        assert_eq!(seen(elsewhere, "x-forwarded-for", "5.6.7.8"), "10.0.0.9");
        assert_eq!(seen(here, "x-forwarded-for", "6.6.6.6, 5.6.7.8"), "5.6.7.8");
    }
}
