//! The client and server addresses of a request.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// What counts as one address: for IPv6 the /64 network, which one household or server has to itself.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    }
}
