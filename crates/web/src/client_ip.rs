use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use http::{Extensions, HeaderMap};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

/// Whose `X-Forwarded-*` headers are believed. Request extension; without it, nobody's.
#[derive(Clone, Debug)]
pub enum Proxies {
    None,
    All,
    Networks(Arc<[Network]>),
}

/// Addresses with a common prefix: `10.0.0.0/8`, `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl FromStr for Network {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, bits) = text.trim().split_once('/').map_or((text.trim(), None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| anyhow::anyhow!("{text:?} is not an address or network such as 10.0.0.0/8"))?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(longest), str::parse)?;
        anyhow::ensure!(bits <= longest, "{text:?}: the prefix has at most {longest} bits");
        Ok(Network { address, bits })
    }
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        let shared = |difference: u128, width: u8| self.bits == 0 || difference >> (width - self.bits) == 0;
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => shared(u128::from(ours.to_bits() ^ theirs.to_bits()), 32),
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => shared(ours.to_bits() ^ theirs.to_bits(), 128),
            _ => false,
        }
    }
}

impl Proxies {
    fn trusts(&self, address: IpAddr) -> bool {
        match self {
            Proxies::None => false,
            Proxies::All => true,
            Proxies::Networks(networks) => networks.iter().any(|network| network.contains(address)),
        }
    }
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical())
}

/// True when the connection itself comes from a trusted proxy.
pub(crate) fn forwarded_by_proxy(extensions: &Extensions) -> bool {
    match (extensions.get::<Proxies>(), peer(extensions)) {
        (Some(Proxies::All), _) => true,
        (Some(proxies), Some(peer)) => proxies.trusts(peer),
        _ => false,
    }
}

/// The client's address: the connection's, or, behind trusted proxies, the last one in `X-Forwarded-For` that is no proxy of ours.
pub fn client_ip(extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    client_ip_behind(extensions.get::<Proxies>().unwrap_or(&Proxies::None), extensions, headers)
}

/// Like [`client_ip`] for endpoints that believe other proxies than the rest of the program.
pub fn client_ip_behind(proxies: &Proxies, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    let peer = peer(extensions);
    let is_believed = match proxies {
        Proxies::All => true,
        _ => peer.is_some_and(|peer| proxies.trusts(peer)),
    };
    if !is_believed {
        return peer;
    }
    let lists = headers.get_all("x-forwarded-for").iter().filter_map(|header| header.to_str().ok());
    let hops: Vec<IpAddr> = lists.flat_map(|list| list.split(',')).take(32).map_while(|hop| parse_hop(hop.trim())).collect();
    let client = match proxies {
        Proxies::All => hops.first().copied(),
        _ => hops.iter().rev().find(|hop| !proxies.trusts(**hop)).or(hops.first()).copied(),
    };
    client.or(peer)
}

/// An address, perhaps with a port.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address| address.to_canonical())
}

/// Extractor for [`client_ip`].
#[derive(Clone, Copy, Debug)]
pub struct ClientIp(pub Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for ClientIp {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(ClientIp(client_ip(&parts.extensions, &parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(proxies: Proxies, forwarded: &'static str) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(proxies);
        extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 9], 5000))));
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", http::HeaderValue::from_static(forwarded));
        client_ip(&extensions, &headers).unwrap().to_string()
    }

    #[test]
    fn a_forged_header_from_a_stranger_is_ignored() {
        assert_eq!(seen(Proxies::None, "1.2.3.4"), "10.0.0.9");
        let other: Network = "192.168.0.0/16".parse().unwrap();
        assert_eq!(seen(Proxies::Networks([other].into()), "1.2.3.4"), "10.0.0.9");
    }

    #[test]
    fn behind_known_proxies_the_last_stranger_is_the_client() {
        let ours: Network = "10.0.0.0/8".parse().unwrap();
        assert_eq!(seen(Proxies::Networks([ours].into()), "6.6.6.6, 1.2.3.4, 10.1.1.1"), "1.2.3.4");
        assert_eq!(seen(Proxies::All, "6.6.6.6, 1.2.3.4"), "6.6.6.6");
        assert_eq!(seen(Proxies::All, "[2001:db8::1]:443"), "2001:db8::1");
        assert_eq!(seen(Proxies::All, "garbage"), "10.0.0.9");
    }

    #[test]
    fn networks_hold_exactly_their_prefix() {
        let network: Network = "10.1.0.0/16".parse().unwrap();
        assert!(network.contains("10.1.255.1".parse().unwrap()));
        assert!(!network.contains("10.2.0.1".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("8.8.8.8".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }
}
