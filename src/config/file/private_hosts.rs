//! `allow_hosts`: hosts that tools may reach although their address is private.

use std::collections::HashSet;

use reqwest::Url;

/// Hosts with a port each. A host without one is listed with the ports 80 and 443.
#[derive(Clone, Debug, Default)]
pub struct PrivateHosts(HashSet<(String, u16)>);

impl PrivateHosts {
    /// Reads the list. `Err` names the place.
    pub fn parse(list: &[String]) -> Result<Self, String> {
        let mut hosts = HashSet::new();
        for (index, item) in list.iter().enumerate() {
            let wrong = || {
                format!(
                    "allow_hosts[{index}]: `{item}` is not a host such as crm.example.com or localhost:3000"
                )
            };
            for scheme in ["http", "https"] {
                let url = Url::parse(&format!("{scheme}://{item}/")).map_err(|_| wrong())?;
                let is_bare = url.path() == "/"
                    && url.query().is_none()
                    && url.fragment().is_none()
                    && !item.contains(['/', '\\', '@', '*', ' ']);
                let (host, port) = host_and_port(&url).filter(|_| is_bare).ok_or_else(wrong)?;
                hosts.insert((host, port));
            }
        }
        Ok(Self(hosts))
    }

    /// Whether the host and port of this address are listed.
    pub fn contains(&self, url: &Url) -> bool {
        host_and_port(url).is_some_and(|place| self.0.contains(&place))
    }
}

/// The host without the dot of the root, and the port.
fn host_and_port(url: &Url) -> Option<(String, u16)> {
    let host = url.host_str()?.trim_end_matches('.');
    Some((host.to_owned(), url.port_or_known_default()?)).filter(|(host, _)| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_listed_with_its_port() {
        let list = ["CRM.example.com", "localhost:3000", "[::1]:80", "10.0.0.1"];
        let hosts = PrivateHosts::parse(&list.map(str::to_owned)).unwrap();
        for (url, is_listed) in [
            ("https://crm.example.com/a?b", true),
            ("http://crm.example.com", true),
            ("https://crm.example.com:8443", false),
            ("https://a.crm.example.com", false),
            ("http://localhost:3000", true),
            ("http://localhost.:3000", true),
            ("http://localhost", false),
            ("http://[::1]", true),
            ("https://[::1]", false),
            ("http://0xA.1", true),
        ] {
            assert_eq!(hosts.contains(&Url::parse(url).unwrap()), is_listed, "{url}");
        }
    }

    #[test]
    fn what_is_no_host_is_named() {
        for wrong in
            ["", "https://a.example", "a/b", "a b", "u@a", "*.example.com", "a:99999", "a?b"]
        {
            let problem = PrivateHosts::parse(&["a".into(), wrong.into()]).unwrap_err();
            assert!(problem.starts_with("allow_hosts[1]: `"), "{problem}");
        }
    }
}
