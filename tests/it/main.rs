//! The integration tests: real HTTP against the real router over the local Supabase.

mod architecture;
mod auth;
mod config;
mod cors;
mod docs;
mod errors;
mod support;
