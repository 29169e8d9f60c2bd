//! HTTP client for Supabase and nothing else: PostgREST, Auth, Storage.
//!
//! It knows neither axum nor the tables' meaning. Rows come back as the bytes PostgREST sent.

mod answer;
mod array;
mod auth;
mod body;
mod caller;
mod client;
mod error;
mod page;
mod probe;
mod rest;
mod retry;
mod service;
mod storage;

pub use auth::AuthUser;
pub use body::MAX_ANSWER_BYTES;
pub use caller::{AccessToken, Caller};
pub use client::Supabase;
pub use error::{SupabaseError, SupabaseErrorKind};
pub use rest::{PageEnd, Query, Rest, Rows};
pub use storage::{Bucket, Download, IDLE, ListedObject};
