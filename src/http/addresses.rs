//! The addresses between which a request came.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::Extensions;

/// Both ends. Requests carry them among their extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Who sent it; behind a proxy that is trusted, who sent it there.
    pub client: IpAddr,
    /// The address of this machine that it came to.
    pub server: IpAddr,
}

impl Addresses {
    /// Those of a request, or of this machine where it came over no connection.
    pub fn from_extensions(extensions: &Extensions) -> Self {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        extensions.get().copied().unwrap_or(Self { client: loopback, server: loopback })
    }
}

/// What counts as one address: of IPv6 the network that a household or a server gets.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    }
}
