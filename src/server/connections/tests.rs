use axum::http::Version;

use super::*;

fn connections(limit: usize, trusted: &str) -> Connections {
    let settings = [("TRUSTED_PROXIES".to_owned(), trusted.to_owned())].into();
    Connections::new(limit, &Config::from_variables(&settings).unwrap())
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn busy(slot: &Slot) {
    slot.activity.request_started(Version::HTTP_11);
}

async fn is_evicted(slot: &Slot) -> bool {
    let reason = slot.activity.close_reason();
    tokio::time::timeout(std::time::Duration::ZERO, reason).await
        == Ok(activity::CloseReason::Evicted)
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_takes_the_place_of_the_one_silent_for_longest() {
    let connections = connections(3, "");
    let loopback = address("127.0.0.1");
    let resting = connections.admit(loopback).unwrap();
    busy(&resting);
    resting.activity.response_finished();
    let silent = connections.admit(loopback).unwrap();
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    let young = connections.admit(loopback).unwrap();
    let _fourth = connections.admit(loopback).unwrap();
    assert!(is_evicted(&silent).await);
    assert!(!is_evicted(&young).await && !is_evicted(&resting).await);
}

#[tokio::test(start_paused = true)]
async fn connections_at_work_keep_their_places() {
    let connections = connections(2, "");
    let loopback = address("127.0.0.1");
    let slots: Vec<_> = (0..2).map(|_| connections.admit(loopback).unwrap()).collect();
    slots.iter().for_each(busy);
    assert_eq!(connections.admit(loopback).err(), Some(Refused::Full));
    drop(slots);
    assert!(connections.admit(loopback).is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_unread_goes_where_nothing_else_can() {
    let connections = connections(2, "");
    let loopback = address("127.0.0.1");
    let slots: Vec<_> = (0..2).map(|_| connections.admit(loopback).unwrap()).collect();
    slots.iter().for_each(busy);
    slots[1].activity.set_blocked(true);
    assert!(connections.admit(loopback).is_ok());
    assert!(is_evicted(&slots[1]).await);
}

#[tokio::test(start_paused = true)]
async fn an_address_has_half_of_the_places_and_a_trusted_proxy_all() {
    let connections = connections(4, "203.0.113.0/24");
    let admit = |text: &str| {
        let slot = connections.admit(address(text));
        slot.inspect(busy)
    };
    let _of_one: Vec<_> = (0..2).map(|_| admit("198.51.100.1").unwrap()).collect();
    assert_eq!(admit("::ffff:198.51.100.1").err(), Some(Refused::Address));
    let _of_proxy: Vec<_> = (0..2).map(|_| admit("203.0.113.9").unwrap()).collect();
    assert_eq!(admit("203.0.113.9").err(), Some(Refused::Full));
}

#[test]
fn the_addresses_of_one_ipv6_network_are_one() {
    assert_eq!(network(address("2001:db8:1:2::3")), network(address("2001:db8:1:2:ffff::")));
    assert_ne!(network(address("2001:db8:1:2::3")), network(address("2001:db8:1:3::3")));
}

#[test]
fn a_replicas_connections_do_not_count_for_its_address() {
    let connections = connections(4, "");
    let address = address("192.0.2.1");
    let first = [connections.admit(address).unwrap(), connections.admit(address).unwrap()];
    first.iter().for_each(busy);
    assert_eq!(connections.admit(address).err(), Some(Refused::Address));
    let exempt = first[0].exempt();
    exempt();
    exempt();
    let third = connections.admit(address).unwrap();
    busy(&third);
    assert_eq!(connections.admit(address).err(), Some(Refused::Address));
    drop(first);
    drop(third);
    assert!(connections.slots().by_address.is_empty());
}
