//! Looks names up for the connections of tools, and checks what is found: a second look-up cannot differ.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{Scope, scope};
use super::error::{EgressError, Refused};
use super::refusals::Refusals;

/// How names are looked up.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The system's own.
pub fn system_lookup() -> Lookup {
    Arc::new(|name| {
        async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        }
        .boxed()
    })
}

/// Which addresses a connection may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Public ones.
    Public,
    /// Public and private ones: the host is listed.
    Listed,
    /// Private ones: the host is listed, and the connection is not encrypted.
    Private,
}

impl Reach {
    /// Whether an address of `host` is within reach.
    pub fn check(self, host: &str, address: IpAddr) -> Result<(), Refused> {
        match (scope(address), self) {
            (Scope::Forbidden, _) => Err(Refused::Forbidden(host.to_owned())),
            (Scope::Private, Self::Public) => Err(Refused::Private(host.to_owned())),
            (Scope::Public, Self::Private) => Err(Refused::Unencrypted(host.to_owned())),
            (Scope::Public | Scope::Private, _) => Ok(()),
        }
    }
}

/// The resolver of a client: it passes on only addresses within reach.
pub struct Resolver {
    /// How names are looked up.
    pub lookup: Lookup,
    /// Which addresses are passed on.
    pub reach: Reach,
    /// Counts the others.
    pub refusals: Arc<Refusals>,
}

impl Resolver {
    /// The addresses of a host that are within reach, of which there is at least one.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, EgressError> {
        let found = (self.lookup)(host.to_owned()).await.unwrap_or_default();
        let mut refused = None;
        let mut within_reach = Vec::new();
        for address in found {
            match self.reach.check(host, address) {
                Ok(()) => within_reach.push(address),
                Err(error) => {
                    self.refusals.add(host, Some(address));
                    refused = Some(error);
                }
            }
        }
        match refused {
            _ if !within_reach.is_empty() => Ok(within_reach),
            Some(refused) => Err(refused.into()),
            None => Err(EgressError::Unreachable(host.to_owned())),
        }
    }
}

/// A resolver as a client holds it.
pub struct Shared(pub Arc<Resolver>);

impl Resolve for Shared {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.0.clone();
        Box::pin(async move {
            let found = resolver.addresses(name.as_str()).await?;
            let found = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(found) as Addrs)
        })
    }
}
