//! Which addresses are on the Internet, by IANA's registries of special-purpose addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

/// Where an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// On the Internet.
    Public,
    /// On this machine or in a private network: only for hosts that the operator lists.
    Private,
    /// Metadata services, link-local, multicast, reserved: never for tools.
    Forbidden,
}

/// Addresses of this machine and of private networks.
const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",     // private
    "100.64.0.0/10",  // shared by the customers of a provider (carrier-grade NAT)
    "127.0.0.0/8",    // loopback
    "172.16.0.0/12",  // private
    "192.168.0.0/16", // private
    "::1/128",        // loopback
    "fc00::/7",       // unique local
];

/// Addresses that no tool has business with. They are looked at first.
const FORBIDDEN: [&str; 18] = [
    "0.0.0.0/8",          // this network; 0.0.0.0 is this machine
    "100.100.100.200/32", // metadata of Alibaba Cloud
    "168.63.129.16/32",   // the platform of Azure
    "169.254.0.0/16",     // link-local, and the metadata of most clouds
    "192.0.0.0/24",       // protocol assignments, and metadata of Oracle Cloud
    "192.0.2.0/24",       // documentation
    "192.88.99.0/24",     // relays of 6to4
    "198.18.0.0/15",      // benchmarks
    "198.51.100.0/24",    // documentation
    "203.0.113.0/24",     // documentation
    "224.0.0.0/4",        // multicast
    "240.0.0.0/4",        // reserved, and broadcast
    "2001::/23",          // protocol assignments, among them Teredo
    "2001:db8::/32",      // documentation
    "2002::/16",          // 6to4: any IPv4 address
    "3fff::/20",          // documentation
    "fd00:ec2::254/128",  // metadata of AWS
    "fd20:ce::254/128",   // metadata of Google Cloud
];

/// All of IPv6 that has been given out to the Internet.
const PUBLIC_IPV6: [&str; 1] = ["2000::/3"];

/// Where this address is. One that stands for an IPv4 address is where that one is.
pub fn scope(address: IpAddr) -> Scope {
    static NETWORKS: LazyLock<[Vec<IpNet>; 3]> =
        LazyLock::new(|| [networks(&FORBIDDEN), networks(&PRIVATE), networks(&PUBLIC_IPV6)]);
    let address = embedded_ipv4(address).map_or(address, IpAddr::V4);
    let [forbidden, private, public_ipv6] = &*NETWORKS;
    let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
    match () {
        () if is_in(forbidden) => Scope::Forbidden,
        () if is_in(private) => Scope::Private,
        () if address.is_ipv4() || is_in(public_ipv6) => Scope::Public,
        () => Scope::Forbidden,
    }
}

/// The IPv4 address in `::ffff:a.b.c.d` and in `64:ff9b::a.b.c.d`, which NAT64 makes of the Internet's.
fn embedded_ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let [.., a, b, c, d] = address.octets();
    let is_nat64 =
        address.segments()[..6] == Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0).segments()[..6];
    address.to_ipv4_mapped().or(is_nat64.then(|| Ipv4Addr::new(a, b, c, d)))
}

fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_networks_of_the_tables_are_ones() {
        for table in [&FORBIDDEN[..], &PRIVATE, &PUBLIC_IPV6] {
            assert_eq!(networks(table).len(), table.len());
        }
    }

    #[test]
    fn an_address_is_where_it_leads() {
        let public = "1.1.1.1 100.63.255.255 100.128.0.1 172.32.0.1 192.0.1.1 2606:4700::1111 \
                      ::ffff:1.1.1.1 64:ff9b::1.1.1.1";
        let private = "10.1.2.3 100.64.0.1 127.0.0.1 127.255.0.1 172.16.0.1 172.31.255.255 192.168.0.1 ::1 \
                       fc00::1 fdab::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::10.0.0.1";
        let forbidden = "0.0.0.0 0.1.2.3 169.254.169.254 169.254.170.2 100.100.100.200 168.63.129.16 \
            192.0.0.192 192.0.2.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 \
            240.0.0.1 255.255.255.255 :: ::7f00:1 ::ffff:169.254.169.254 ::ffff:0.0.0.0 64:ff9b::169.254.169.254 \
            64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1::1 2002:a00:1::1 3fff::1 5f00::1 fd00:ec2::254 \
            fd20:ce::254 fe80::1 fec0::1 ff02::1";
        for (addresses, expected) in
            [(public, Scope::Public), (private, Scope::Private), (forbidden, Scope::Forbidden)]
        {
            for address in addresses.split_whitespace() {
                assert_eq!(scope(address.parse().unwrap()), expected, "{address}");
            }
        }
    }
}
