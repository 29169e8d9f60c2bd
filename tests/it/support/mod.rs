//! What tests are written with: an application, its users, and providers that do as they are told.

mod app;
mod provider;
mod reply;
mod sse;
mod user;

pub use app::{TestApp, app};
pub use provider::{Answer, FakeProvider, fixture};
pub use reply::Reply;
pub use sse::{Frames, frames};
pub use user::User;
