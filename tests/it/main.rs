//! The integration tests: real HTTP against the real router over the local Supabase.

#![allow(clippy::unwrap_used, reason = "a panic is a failed test, with its line")]

mod agent;
mod architecture;
mod attachments;
mod auth;
mod chats;
mod config;
mod cors;
mod docs;
mod errors;
mod faults;
mod files;
mod flow;
mod generate;
mod generations;
mod messages;
mod models;
mod providers;
mod sandbox;
mod scripts;
mod support;
