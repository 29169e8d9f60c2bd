//! What all routes share: authentication, extractors, responses, errors and middleware.

pub mod addresses;
pub mod allowed_hosts;
pub mod auth;
pub mod compression;
pub mod cors;
pub mod drain;
pub mod error;
pub mod event_stream;
pub mod extract;
pub mod health;
pub mod metrics_endpoint;
pub mod local_supabase_log;
pub mod middleware;
pub mod rate_limit;
pub mod response;
pub mod security_headers;
pub mod security_log;
pub mod single_flight;
pub mod static_file;
pub mod validate;
