//! The client and server addresses of a request.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::http::Extensions;

/// The addresses of both ends, a request extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The client; behind a trusted proxy, the proxy's client.
    pub client: IpAddr,
    /// The local address that the request was sent to.
    pub server: IpAddr,
}

impl Addresses {
    /// The addresses of a request; loopback for a request that did not arrive over a connection.
    pub fn from_extensions(extensions: &Extensions) -> Self {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        extensions.get().copied().unwrap_or(Self { client: loopback, server: loopback })
    }
}

/// The connection of a request that may have come from another replica, a request extension.
#[derive(Clone)]
pub struct PeerConnection {
    /// This machine's end.
    pub local: SocketAddr,
    exempt: Arc<dyn Fn() + Send + Sync>,
}

impl PeerConnection {
    /// A connection that `exempt` takes out of the count of its address.
    pub fn new(local: SocketAddr, exempt: impl Fn() + Send + Sync + 'static) -> Self {
        Self { local, exempt: Arc::new(exempt) }
    }

    /// It is a replica's: it no longer counts for its address.
    pub fn exempt(&self) {
        (self.exempt)();
    }
}

/// What counts as one address: for IPv6 the /64 network, which one household or server has to itself.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    }
}
