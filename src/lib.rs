//! The API server behind an AI chat front end on Supabase.

pub mod clock;
pub mod error;
pub mod extract;
pub mod limits;
pub mod telemetry;
pub mod config;
pub mod local_supabase;
pub mod providers;
pub mod supabase;
