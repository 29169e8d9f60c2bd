//! `TRUSTED_PROXIES`: finds the client address of a forwarded request.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

use super::env::Env;
use super::error::ConfigError;

const VARIABLE: &str = "TRUSTED_PROXIES";

/// The networks whose forwarding headers are trusted.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        env.list(VARIABLE, "").iter().map(|item| network(item)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether this address is a proxy's.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client of a request: its peer or, behind trusted proxies, the last address in
    /// `X-Forwarded-For` or `Forwarded` that is not a trusted proxy's.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        for forwarded in forwarded(headers).into_iter().rev() {
            if !self.contains(client) {
                break;
            }
            match forwarded {
                Some(address) => client = address.to_canonical(),
                None => break,
            }
        }
        client
    }
}

/// A network such as `10.0.0.0/8`, or a single address.
fn network(item: &str) -> Result<IpNet, ConfigError> {
    let parsed = item.parse().or_else(|_| item.parse::<IpAddr>().map(IpNet::from));
    parsed.map_err(|_| {
        let problem = format!("`{item}` is not a network such as 10.0.0.0/8 or an address");
        ConfigError::new(VARIABLE, problem)
    })
}

/// The forwarded addresses, the nearest one last; `None` for an invalid one.
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let name =
        if headers.contains_key("x-forwarded-for") { "x-forwarded-for" } else { "forwarded" };
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let items = values.flat_map(|value| value.split(','));
    match name {
        "forwarded" => items.map(|item| address(for_parameter(item)?)).collect(),
        _ => items.map(address).collect(),
    }
}

/// `for` of an element such as `for="[2001:db8::1]:4711";proto=https`.
fn for_parameter(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// An address with or without brackets and port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>();
    address.or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(headers: &[(&'static str, &'static str)]) -> String {
        let proxies = TrustedProxies(vec![network("10.0.0.0/8").unwrap()]);
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        proxies.client("10.0.0.1".parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_proxys() {
        for (name, value, expected) in [
            ("x-forwarded-for", "198.51.100.7", "198.51.100.7"),
            ("x-forwarded-for", "1.2.3.4, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
            ("x-forwarded-for", "198.51.100.7:4711", "198.51.100.7"),
            ("x-forwarded-for", "198.51.100.7, unknown", "10.0.0.1"),
            ("x-forwarded-for", "", "10.0.0.1"),
            ("forwarded", "for=198.51.100.7;proto=https", "198.51.100.7"),
            ("forwarded", "For=\"[2001:db8::1]:4711\", for=10.0.0.2", "2001:db8::1"),
            ("forwarded", "for=_hidden", "10.0.0.1"),
        ] {
            assert_eq!(client(&[(name, value)]), expected, "{name}: {value}");
        }
    }

    #[test]
    fn strangers_are_not_believed() {
        let headers = [("x-forwarded-for".parse().unwrap(), "1.2.3.4".parse().unwrap())];
        let client = TrustedProxies::default()
            .client("::ffff:198.51.100.7".parse().unwrap(), &headers.into_iter().collect());
        assert_eq!(client.to_string(), "198.51.100.7");
    }
}
