//! The API server behind an AI chat front end on Supabase.
//!
//! A request reads like a sentence: `main → config → router → auth → <feature>/routes →
//! <feature>/store → supabase | providers`. A module names only modules above it in this list; a
//! test holds it to that.

// Crates of their own, under the names by which the modules below know them.
pub use clock;
pub use providers;

pub mod single_flight;
pub mod json;
pub mod memory;
pub mod config;
pub mod metrics;
pub mod cors;
pub mod addresses;
pub mod hosts;
pub mod multipart;
pub mod telemetry;
pub mod supabase;
pub mod sandbox;
pub mod local_supabase;
pub mod agent;
pub mod error;
pub mod security_headers;
pub mod compress;
pub mod surround;
pub mod validate;
pub mod limits;
pub mod auth;
pub mod response;
pub mod extract;
pub mod files;
pub mod messages;
pub mod chats;
pub mod analytics;
pub mod scripts;
pub mod ai;
pub mod health;
pub mod monitoring;
pub mod app;
pub mod console;
pub mod openapi;
pub mod router;
pub mod drain;
pub mod connections;
pub mod serve;
pub mod shutdown;
pub mod check;
pub mod banner;
