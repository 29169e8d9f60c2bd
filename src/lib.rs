//! The API server behind an AI chat front end on Supabase.
//!
//! The path of a request: `main → config → router → http/auth → api/<feature>/routes →
//! api/<feature>/store → supabase | agent → providers | sandbox`. A module uses only modules above it
//! in this list, which a test enforces.

// The crates of the workspace, re-exported for the modules below.
pub use clock;
pub use local_supabase;
pub use memory;
pub use providers;
pub use sandbox;

pub mod json;
pub mod compute;
pub mod config;
pub mod seal;
pub mod observability;
pub mod supabase;
pub mod agent;
pub mod database;
pub mod tool_sources;
pub mod http;
pub mod peers;
pub mod local;
pub mod api;
pub mod app;
pub mod openapi;
pub mod console;
pub mod router;
pub mod server;
pub mod cli;
