//! The API server behind an AI chat front end on Supabase.
//!
//! A request reads like a sentence: `main → config → router → http/auth →
//! api/<feature>/routes → api/<feature>/store → supabase | agent → providers | sandbox`. A module names only modules above it in this list; a
//! test holds it to that.

// Crates of their own, under the names by which the modules below know them.
pub use clock;
pub use local_supabase;
pub use memory;
pub use providers;
pub use sandbox;

pub mod json;
pub mod config;
pub mod observability;
pub mod supabase;
pub mod agent;
pub mod database;
pub mod http;
pub mod local;
pub mod api;
pub mod app;
pub mod openapi;
pub mod router;
pub mod server;
pub mod cli;
