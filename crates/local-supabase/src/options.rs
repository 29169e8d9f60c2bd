//! How a local Supabase behaves.

use super::migrations::Migration;
use clock::Clock;
use memory::Memory;

/// The settings of a local Supabase.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its URL as front ends see it, e.g. `http://127.0.0.1:54321`.
    pub public_url: String,
    /// Whether anonymous sign-ins are enabled.
    pub allow_anonymous_users: bool,
    /// The most bytes that a user's objects may take together.
    pub max_user_bytes: u64,
    /// Migrations of a front end, to be applied after the project's. `None` leaves tables that such have
    /// made alone and does not serve them.
    pub migrations: Option<Vec<Migration>>,
    /// Whether tables of `public` are open to `anon`, `authenticated` and `service_role` without a grant,
    /// but for row-level security, as `auto_expose_new_tables` of the Supabase CLI's `config.toml` has it.
    pub auto_expose_new_tables: bool,
    /// The largest object that Storage takes, whatever the bucket's own limit: 50 MiB on a new project.
    pub max_object_bytes: u64,
    /// The memory that hashing a password takes, in KiB: [`PASSWORD_KIB`](super::PASSWORD_KIB), but in tests.
    pub password_kib: u32,
    /// The time that expiry and rate limits go by.
    pub clock: Clock,
    /// The budget for request bodies and responses in memory.
    pub memory: Memory,
}
