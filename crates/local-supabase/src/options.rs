//! How a local Supabase behaves.

use clock::Clock;
use memory::Memory;

/// The settings of a local Supabase.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its URL as front ends see it, e.g. `http://127.0.0.1:54321`.
    pub public_url: String,
    /// Whether anonymous sign-ins are enabled.
    pub allow_anonymous_users: bool,
    /// The time that expiry and rate limits go by.
    pub clock: Clock,
    /// The budget for request bodies and responses in memory.
    pub memory: Memory,
}
