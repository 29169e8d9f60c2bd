//! The API server behind an AI chat front end on Supabase.

pub mod clock;
pub mod local_supabase;
pub mod providers;
