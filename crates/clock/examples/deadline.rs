//! A deadline of an hour that passes at once, because the clock is one that we move.
#![allow(clippy::print_stdout)]

use std::time::Duration;

use clock::Clock;
use jiff::Timestamp;

fn has_expired(clock: &Clock, issued_at: Timestamp) -> bool {
    clock.now().duration_since(issued_at) >= jiff::SignedDuration::from_hours(1)
}

fn main() {
    let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
    let issued_at = clock.now();
    println!("at {}: expired is {}", clock.now(), has_expired(&clock, issued_at));
    clock.advance(Duration::from_secs(3600));
    println!("at {}: expired is {}", clock.now(), has_expired(&clock, issued_at));
}
