//! The other replicas of this server: an answer that one of them writes can be followed and stopped from any
//! other without asking the database.
//!
//! Before anything else both sides prove that they know `SEAL_KEY`: a name in DNS or an address may belong
//! to somebody else by now, and no user's token is sent to it. A request that has come from a replica is
//! answered by the one that it reached, never sent on to a third.

mod addresses;
mod challenges;
mod client;
mod proof;
mod routes;

pub use client::{Link, PeerError, Peers};
pub use proof::{PREFIX, Question};
pub use routes::{PeerGate, hello, require_peer};
