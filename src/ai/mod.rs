//! Answers: `/api/ai`.

mod attachments;
mod demo;
mod follow;
mod ids;
pub mod model;
mod request;
pub mod routes;
mod services;
mod start;
mod stateless;
mod stop;
mod store;
mod stream;

pub use demo::Weather;
pub use services::Ai;
