//! Where the replicas are.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::config::PeerList;

/// How long the addresses of a name are good.
const RESOLVED_FOR: Duration = Duration::from_secs(3);
/// How long resolving a name may take.
const TIMEOUT: Duration = Duration::from_secs(1);
/// How many addresses of a name are asked.
const MAX_PEERS: usize = 64;

/// A replica, or whatever has its address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer {
    /// Where to connect to, as the beginning of URLs. It has an address in place of a name, so that several
    /// requests reach the same one; with a certificate the name is proof enough.
    pub(super) origin: String,
    /// What it was reached by.
    pub(super) reached: Reached,
}

/// What a replica was reached by, which it compares with what it knows itself: so nobody can pass a
/// challenge on to a replica and its answer back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reached {
    /// By its own address.
    Address(SocketAddr),
    /// By a name that may stand for a proxy in front of it: the `Host` of the requests.
    Name(String),
    /// By a name that its certificate has.
    Certificate(String),
}

/// Where the replicas are.
pub(super) struct Addresses {
    list: PeerList,
    /// Those that lead to this replica.
    own: Mutex<HashSet<Peer>>,
    resolved: tokio::sync::Mutex<Option<(Instant, Vec<Peer>)>>,
}

impl Addresses {
    pub(super) fn new(list: PeerList) -> Self {
        Self { list, own: Mutex::default(), resolved: tokio::sync::Mutex::default() }
    }

    /// All replicas but this one.
    pub(super) async fn others(&self) -> Vec<Peer> {
        let mut resolved = self.resolved.lock().await;
        let is_good = |(at, _): &&(Instant, Vec<Peer>)| at.elapsed() < RESOLVED_FOR;
        let mut peers = match resolved.as_ref().filter(is_good) {
            Some((_, peers)) => peers.clone(),
            None => {
                let peers = resolve(&self.list).await;
                *resolved = Some((Instant::now(), peers.clone()));
                peers
            }
        };
        drop(resolved);
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        peers.retain(|peer| !own.contains(peer));
        peers
    }

    /// This one has turned out to be this replica itself.
    pub(super) fn is_own(&self, peer: Peer) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.len() < MAX_PEERS {
            own.insert(peer);
        }
    }
}

async fn resolve(list: &PeerList) -> Vec<Peer> {
    match list {
        PeerList::Dns { name, port } => {
            let direct = |address: SocketAddr| Peer {
                origin: format!("http://{address}"),
                reached: Reached::Address(address),
            };
            let mut peers: Vec<_> = lookup(name, *port).await.into_iter().map(direct).collect();
            peers.truncate(MAX_PEERS);
            peers
        }
        PeerList::Urls(urls) => {
            let peers = join_all(urls.iter().map(|url| of_url(url))).await;
            peers.into_iter().flatten().collect()
        }
    }
}

async fn of_url(origin: &str) -> Option<Peer> {
    let url = reqwest::Url::parse(origin).ok()?;
    let (name, port) = (url.host_str()?, url.port_or_known_default()?);
    let authority = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
    if url.scheme() == "https" {
        let reached = Reached::Certificate(authority);
        return Some(Peer { origin: origin.to_owned(), reached });
    }
    if let Ok(address) = format!("{name}:{port}").parse() {
        return Some(Peer { origin: origin.to_owned(), reached: Reached::Address(address) });
    }
    let address = lookup(name, port).await.into_iter().next()?;
    Some(Peer { origin: format!("http://{address}"), reached: Reached::Name(authority) })
}

async fn lookup(name: &str, port: u16) -> Vec<SocketAddr> {
    let found = match timeout(TIMEOUT, lookup_host((name, port))).await {
        Ok(Ok(addresses)) => return addresses.collect(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    warn!("PEERS: {name} cannot be resolved: {found}");
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(peers: &[Peer]) -> Vec<Reached> {
        peers.iter().map(|peer| peer.reached.clone()).collect()
    }

    #[tokio::test]
    async fn each_url_is_reached_by_what_it_says() {
        let urls = ["https://a.example", "http://127.0.0.1:8000", "http://localhost:8000"];
        let urls = PeerList::Urls(urls.map(str::to_owned).to_vec());
        let peers = Addresses::new(urls).others().await;
        assert_eq!(
            reached(&peers),
            [
                Reached::Certificate("a.example".into()),
                Reached::Address(([127, 0, 0, 1], 8000).into()),
                Reached::Name("localhost:8000".into()),
            ]
        );
        assert_eq!(peers[0].origin, "https://a.example");
        assert!(!peers[2].origin.contains("localhost"), "{}", peers[2].origin);
    }

    #[tokio::test]
    async fn a_replica_leaves_itself_out() {
        let list = PeerList::Dns { name: "localhost".into(), port: 8000 };
        let addresses = Addresses::new(list);
        let peers = addresses.others().await;
        let Reached::Address(address) = peers[0].reached else { panic!("{peers:?}") };
        assert!(address.ip().is_loopback() && address.port() == 8000);
        addresses.is_own(peers[0].clone());
        assert!(!addresses.others().await.contains(&peers[0]));
    }
}
