//! What tests are written with: an application, its users, and providers that do as they are told.

mod app;
mod form;
mod keys;
mod provider;
mod proxy;
mod reply;
mod sse;
mod supabase;
mod user;

pub use app::{CHECKPOINT_EVERY_MS, TestApp, app};
pub use form::{BOUNDARY, Form};
pub use keys::Key;
pub use provider::{Answer, FakeProvider, fixture, live};
pub use proxy::Proxy;
pub use reply::Reply;
pub use sse::{Frames, frames};
pub use supabase::FakeSupabase;
pub use user::User;
