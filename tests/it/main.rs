//! The integration tests: real HTTP against the real router over the local Supabase.

mod architecture;
mod auth;
mod chats;
mod config;
mod cors;
mod docs;
mod errors;
mod generate;
mod generations;
mod messages;
mod providers;
mod support;
